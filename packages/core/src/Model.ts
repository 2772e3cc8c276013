/**
 * Names of speech models: open strings with suggestions.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as OpenString from "./internal/openString.js"

/**
 * The models that an editor suggests. `lightning` belongs to the API of 2024 and lives only in
 * `LightningV1SpeechSynthesizer`; `flite` is the embedded engine.
 *
 * @since 0.1.0
 * @category models
 */
export type KnownModel =
  | "lightning_v3.1_pro"
  | "lightning_v3.1"
  | "lightning_v3.1_pro_07_26"
  | "lightning_v3.1_pro_10_26"
  | "lightning"
  | "flite"

/**
 * The id of a model. Known ids can be written as they are; any other goes through {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export type Model = OpenString.OpenString<KnownModel, "@effect-smallest/core/Model">

/**
 * Accepts any non-empty string.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Model: Schema.Schema<Model, string> = OpenString.schema()

/**
 * Takes any id for a model, such as a preview that is newer than this package.
 *
 * @example
 * ```ts
 * import { Model } from "@effect-smallest/core"
 *
 * const preview: Model.Model = Model.make("lightning_v5_preview")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (id: string): Model => OpenString.unsafeMake(id)
