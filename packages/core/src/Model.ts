/**
 * Names of speech models: open strings. Editors complete the names that an installed engine has registered.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The models that an editor completes. An engine's package adds its own, as with `Voice.KnownVoices`.
 *
 * @since 0.1.0
 * @category models
 */
export interface KnownModels {}

/**
 * The id of a model: any string, such as a preview that is newer than this package, with the known ones completed.
 *
 * @since 0.1.0
 * @category models
 */
// oxlint-disable-next-line typescript/no-redundant-type-constituents -- empty here, and filled by the packages of engines
export type Model = keyof KnownModels | (string & {})

/**
 * Accepts any non-empty string.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Model: Schema.Schema<Model, string> = Schema.NonEmptyString
