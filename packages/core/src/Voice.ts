/**
 * Names of voices: open strings, because vendors add some every month and customers clone their own. Editors complete the
 * names that an installed engine has registered.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The voices that an editor completes. An engine's package adds its own:
 *
 * ```ts
 * declare module "@effect-smallest/core/Voice" {
 *   interface KnownVoices {
 *     readonly "voice-of-my-engine": true
 *   }
 * }
 * export {}
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface KnownVoices {}

/**
 * The id of a voice: any string, with the known ones completed.
 *
 * @example
 * ```ts
 * import type { Voice } from "@effect-smallest/core"
 *
 * const published: Voice.Voice = "meher"
 * const clone: Voice.Voice = "voice_K3f9aB"
 * ```
 *
 * @since 0.1.0
 * @category models
 */
// oxlint-disable-next-line typescript/no-redundant-type-constituents -- empty here, and filled by the packages of engines
export type Voice = keyof KnownVoices | (string & {})

/**
 * Accepts any non-empty string.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Voice: Schema.Schema<Voice, string> = Schema.NonEmptyString

/**
 * What an engine reports about one of its voices. What it does not know is absent.
 *
 * @since 0.1.0
 * @category models
 */
export interface VoiceInfo {
  readonly id: Voice
  /** The name to show to people. */
  readonly name: string
  readonly gender?: "female" | "male" | undefined
  readonly accent?: string | undefined
  /** Codes of the languages that the voice was made for, such as `en`. */
  readonly languages: ReadonlyArray<string>
  /** Models that have this voice. */
  readonly models: ReadonlyArray<string>
}
