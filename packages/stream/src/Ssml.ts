/**
 * Scripts from SSML 1.1 (Speech Synthesis Markup Language).
 *
 * @see https://www.w3.org/TR/speech-synthesis11/
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as internal from "./internal/ssml.js"
import type * as SpeechScript from "./SpeechScript.js"

/**
 * SSML that cannot be honoured, with its place.
 *
 * - `Malformed`: it is not well-formed XML
 * - `Unsupported`: an element, attribute or value that no engine here honours; `unsupported: "ignore"` passes over it
 * - `Forbidden`: a declaration of entities, or elements inside each other more than 100 deep
 *
 * @since 0.1.0
 * @category errors
 */
export class SsmlError extends Schema.TaggedError<SsmlError>("@effect-smallest/stream/Ssml/SsmlError")("SsmlError", {
  reason: Schema.Literal("Malformed", "Unsupported", "Forbidden"),
  /** From 1. */
  line: Schema.Int,
  /** In UTF-16 code units, from 1. */
  column: Schema.Int,
  description: Schema.String
}) {
  override get message(): string {
    return `Line ${this.line}, column ${this.column}: ${this.description}`
  }
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * What to do about markup that cannot be honoured. `ignore` passes over it and speaks the text inside; the text of `metadata`, `meta`,
   * `lexicon` and `desc`, which is not meant to be spoken, is dropped.
   * @default "fail"
   */
  readonly unsupported?: "fail" | "ignore" | undefined
}

/**
 * Reads SSML. Markup is never spoken: it takes effect, or fails.
 *
 * | element                             | effect                                                                            |
 * | ----------------------------------- | --------------------------------------------------------------------------------- |
 * | `speak`, `p`, `s` with `xml:lang`   | paragraphs and sentences are lines of their own                                   |
 * | `break time`, `break strength`      | a pause; x-weak 100 ms, weak 250 ms, medium (the default) 500 ms, strong 750 ms, x-strong 1 s |
 * | `voice name`                        | the voice; of a list of names, the first                                          |
 * | `prosody rate`                      | `slow`, `120%`, `+20%` or a factor; rates inside each other are multiplied        |
 * | `sub alias`                         | speaks the alias                                                                  |
 * | `lang xml:lang`                     | the language, without its region                                                  |
 * | `mark name`                         | a mark                                                                            |
 * | `say-as interpret-as`               | `characters`, `spell-out`, `digits` and `telephone` are spoken one by one; `cardinal`, `number` as they are |
 *
 * @example
 * ```ts
 * import { SpeechStream, Ssml } from "@effect-smallest/stream"
 * import { Effect, Stream } from "effect"
 *
 * const audio = Ssml.parse(`<speak>Hello. <break time="1s"/> <voice name="kate">Hi!</voice></speak>`).pipe(
 *   Effect.map((script) => SpeechStream.fromScript(script)),
 *   Stream.unwrap
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (
  ssml: string,
  options: Options = {}
): Either.Either<ReadonlyArray<SpeechScript.Part>, SsmlError> =>
  internal.parse(ssml, options.unsupported ?? "fail", (fields) => new SsmlError(fields))
