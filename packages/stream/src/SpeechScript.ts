/**
 * Scripts: several voices in one stream of speech, with pauses and marks. A script is data; `SpeechStream.fromScript` speaks it.
 *
 * People write scripts as plain text ({@link fromPlain}) or as SSML (`Ssml.parse`).
 *
 * @since 0.1.0
 */
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as Duration from "effect/Duration"
import type * as Stream from "effect/Stream"
import * as internal from "./internal/plainScript.js"
import type * as SpeechText from "./SpeechText.js"

/**
 * A text and who speaks it. Its options go before those of the whole script.
 *
 * @since 0.1.0
 * @category models
 */
export interface Line extends SpeechOptions {
  /** A finished text. It is cut into segments on its own: sentences do not continue in the next part. */
  readonly text: string
  /**
   * The name of an engine of `SpeechEngines`. Voice, model and `provider` of the whole script are not passed to it, because they are
   * names of another engine.
   * @default the engine of the `SpeechStream`
   */
  readonly engine?: string | undefined
  /**
   * The name that captions and pages show.
   * @default the voice
   */
  readonly speaker?: string | undefined
}

/**
 * Silence.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pause {
  readonly _tag: "Pause"
  readonly duration: Duration.DurationInput
}

/**
 * A named place, which becomes a `MarkReached` event.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mark {
  readonly _tag: "Mark"
  readonly name: string
}

/**
 * A part of a script. A `SpeechText.flush` between parts is allowed and changes nothing: every line ends its text.
 *
 * @since 0.1.0
 * @category models
 */
export type Part = Line | Pause | Mark | SpeechText.Flush

/**
 * A script: its parts, as a list or while they are being written.
 *
 * @since 0.1.0
 * @category models
 */
export type Source<E = never, R = never> = ReadonlyArray<Part> | Stream.Stream<Part, E, R>

/**
 * Options of a whole script. Those of a line go before them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends SpeechOptions {
  /**
   * Whether other voices and engines are brought to the loudness of the first voice of the script, which stays as it is. Their audio is
   * amplified by a slow gain, with true peaks of -1 dBTP at most. `Loudness.level` and `Loudness.normalize` bring the whole to a loudness.
   * @default true
   */
  readonly evenLoudness?: boolean | undefined
}

/**
 * Silence of a length, up to an hour; a longer one fails the speech.
 *
 * @since 0.1.0
 * @category constructors
 */
export const pause = (duration: Duration.DurationInput): Pause => ({
  _tag: "Pause",
  duration: Duration.decode(duration)
})

/**
 * A named place.
 *
 * @since 0.1.0
 * @category constructors
 */
export const mark = (name: string): Mark => ({ _tag: "Mark", name })

/**
 * How a speaker of a plain script sounds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Role extends SpeechOptions {
  readonly engine?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PlainOptions {
  /**
   * Who speaks, by the names that the script uses. If it is given, only these names are speakers, and any other text in brackets or
   * before a colon is spoken.
   * @default any name; a name in brackets is a voice
   */
  readonly cast?: Readonly<Record<string, Role>> | undefined
}

/**
 * Reads a plain script. Whatever is not in this grammar is text:
 *
 * - `Narrator: It was late.` A name at the beginning of a line, one to three words that begin with capitals, before a colon and a
 *   space: the line is spoken by `cast.Narrator`. The next line that names nobody belongs to the same speaker.
 * - `[kate]`, `[kate, speed 1.2, language en, engine cloud]` The voice of what follows: one word, and any of these three options.
 * - `[pause 500ms]`, `(pause 1.5s)` A pause, in `ms`, `s` or `min`.
 * - `[mark intro]` A mark: one word.
 * - A backslash before `[`, `(`, `:` or `\` takes its meaning away.
 *
 * @example
 * ```ts
 * import { SpeechScript, SpeechStream } from "@effect-smallest/stream"
 *
 * const script = SpeechScript.fromPlain(
 *   `Narrator: It was late. (pause 1s)
 * Kate: Who is there?`,
 *   { cast: { Narrator: { voice: "sophia", speed: 0.9 }, Kate: { voice: "kate" } } }
 * )
 * const audio = SpeechStream.fromScript(script)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromPlain = (text: string, options: PlainOptions = {}): ReadonlyArray<Part> =>
  internal.parse(text, options.cast)
