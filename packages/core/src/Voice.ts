/**
 * Names of voices: open, because vendors add some every month and customers clone their own, but with suggestions.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import type { lightningV1Voices, proVoices, standardVoices } from "./internal/catalogue.js"
import * as OpenString from "./internal/openString.js"

/**
 * The voices that an editor suggests: the vendor's published ones, today's and 2024's, and the embedded ones.
 *
 * @since 0.1.0
 * @category models
 */
export type KnownVoice =
  | (typeof proVoices)[number]["id"]
  | (typeof standardVoices)[number]["id"]
  | (typeof lightningV1Voices)[number]
  | "rms"
  | "slt"
  | "awb"
  | "kal16"
  | "kal"

/**
 * The id of a voice. Known ids can be written as they are; any other goes through {@link make}.
 *
 * @example
 * ```ts
 * import { Voice } from "@effect-smallest/core"
 *
 * const known: Voice.Voice = "meher"
 * const clone: Voice.Voice = Voice.make("voice_K3f9aB")
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type Voice = OpenString.OpenString<KnownVoice, "@effect-smallest/core/Voice">

/**
 * Accepts any non-empty string.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Voice: Schema.Schema<Voice, string> = OpenString.schema()

/**
 * Takes any id for a voice, such as that of a clone.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (id: string): Voice => OpenString.unsafeMake(id)

/**
 * What an engine tells about one of its voices. Whatever it does not know is absent.
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
