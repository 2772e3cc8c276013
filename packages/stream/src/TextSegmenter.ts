/**
 * Cuts growing text into pieces that can be spoken one by one: sentences, as a listener would hear them.
 *
 * The segments of a text obey laws, whatever the text:
 *
 * - joined together they are the text: nothing is added, dropped or rewritten;
 * - they do not depend on how the text arrives: in one piece, token by token, or one code unit at a time;
 * - none is longer than `maxLength` UTF-16 code units;
 * - none starts inside a grapheme cluster: no accent, flag or joined emoji is torn. The one exception is a cluster
 *   that is itself longer than `maxLength`, which is cut between code points, because an engine would refuse it
 *   otherwise;
 * - time is linear in the length of the text, memory is bounded by `maxLength`.
 *
 * **What a segment contains.** Blanks and line breaks after a sentence belong to that sentence, as far as they fit
 * under `maxLength`; what does not fit leads the next segment, as do blanks at the very start. A piece without a
 * letter or a digit (`"***"`, `"👍"`) is never a segment of its own while text follows: it leads the next one. Only
 * the last segment of a text, and pieces of a run longer than `maxLength`, may have nothing to say; {@link
 * isSpeakable} decides.
 *
 * **Where it cuts.** After the marks that end sentences in the scripts of the world, with the quotes, brackets,
 * footnote numbers and emoji that belong to them; at blank lines, and at line breaks that are not the wrapping of
 * prose; before list items. It does not cut after abbreviations, initials, ordinals, numbers, or inside addresses and
 * versions. A mark is decided as soon as the next word reveals enough, usually with its first letter.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import * as Languages from "./internal/segmenter/languages.js"
import { check, type CheckedOptions, type InvalidSegmenterOption } from "./internal/segmenter/options.js"
import type { Rules } from "./internal/segmenter/reading.js"
import * as internal from "./internal/segmenter/segmenter.js"
import * as Speakable from "./internal/speakable.js"
import * as SpeechText from "./SpeechText.js"

/**
 * The type id of `TextSegmenter`.
 *
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: TypeId = "~@effect-smallest/stream/TextSegmenter"

/**
 * The type of the type id of `TextSegmenter`.
 *
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = "~@effect-smallest/stream/TextSegmenter"

// =====================================================================================================================
// models
// =====================================================================================================================

/**
 * A piece of text to speak at once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Segment {
  /** Position in the sequence of segments, from 0. */
  readonly index: number
  /** The text, with the blanks that belong to it. */
  readonly text: string
  /** Where `text` starts in the whole text, in UTF-16 code units. */
  readonly textOffset: number
}

/**
 * What a segmenter remembers between two pushes. A value: pushing to the same state twice gives the same result
 * twice.
 *
 * @since 0.1.0
 * @category models
 */
export interface State {
  /**
   * Text that is not in any segment yet. Text pushed after it may still be unread while a very long segment is
   * pending.
   */
  readonly pending: string
  /** Where `pending` starts in the whole text, in UTF-16 code units. */
  readonly textOffset: number
  /** The index that the next segment will have. */
  readonly index: number
  /** @internal */
  readonly memory: internal.Memory
}

/**
 * Options of a segmenter.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The most UTF-16 code units in a segment, blanks included. A longer sentence is cut after a clause mark, else
   * between words, else between grapheme clusters. An integer of at least 2, or `Infinity`.
   *
   * @default 250
   */
  readonly maxLength?: number | undefined
  /**
   * Sentences shorter than this, in UTF-16 code units without the blanks around them, are merged with what follows,
   * as long as both fit under `maxLength`. At most `maxLength`.
   *
   * @default 0
   */
  readonly minLength?: number | undefined
  /**
   * Whether the first segment may end after a clause, so that sound starts earlier: at a comma, semicolon, colon or
   * dash with at least ten columns of text before it (and at least `minLength`).
   *
   * @default "sentence"
   */
  readonly firstSegment?: "clause" | "sentence" | undefined
  /**
   * The language of the text as a BCP 47 tag, `"de"` or `"pt-BR"`. Without it the rules follow the script, and in
   * Latin script the frequent words of the text; English if these say nothing.
   */
  readonly locale?: string | undefined
}

/**
 * A segmenter: a state machine without effects.
 *
 * @since 0.1.0
 * @category models
 */
export interface TextSegmenter {
  readonly [TypeId]: TypeId
  /** The state before any text. */
  readonly initial: State
  /** Adds text; gives the segments that are now complete. */
  readonly push: (state: State, text: string) => readonly [State, Chunk.Chunk<Segment>]
  /** Takes the pending text as it is, as if the text ended here. Text may be pushed afterwards. */
  readonly flush: (state: State) => readonly [State, Chunk.Chunk<Segment>]
  /**
   * Takes the pending text up to its last whole word; a word that may still grow stays pending. In scripts without
   * spaces the words are those of `Intl.Segmenter`.
   */
  readonly takeWords: (state: State) => readonly [State, Chunk.Chunk<Segment>]
  /**
   * Whether the pending text reads as a whole sentence if nothing follows: it ends in a mark that is not part of an
   * abbreviation, an initial or a number, or in a line break.
   */
  readonly endsSentence: (state: State) => boolean
}

// =====================================================================================================================
// errors
// =====================================================================================================================

export { InvalidSegmenterOption } from "./internal/segmenter/options.js"

// =====================================================================================================================
// constructors
// =====================================================================================================================

const rules = ({ firstClause, locale, maxLength, minLength }: CheckedOptions): Rules => ({
  maxLength,
  minLength,
  firstClause,
  locale: locale?.baseName ?? "en",
  language: locale === undefined ? undefined : Languages.language(locale.language),
  subtag: locale?.language,
  ordinary: new Map()
})

/**
 * Makes a segmenter, or says which option is wrong. For options that come from outside the program; {@link make} is
 * for those written in it.
 *
 * @example
 * ```ts
 * import { TextSegmenter } from "@effect-smallest/stream"
 * import { Either } from "effect"
 *
 * const segmenter = TextSegmenter.makeEither({ maxLength: 140, locale: "de" })
 * console.log(Either.isRight(segmenter)) // true
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeEither = (options: Options = {}): Either.Either<TextSegmenter, InvalidSegmenterOption> =>
  Either.map(check(options), (checked): TextSegmenter => {
    const reading = rules(checked)
    return {
      [TypeId]: TypeId,
      initial: { pending: "", textOffset: 0, index: 0, memory: internal.initialMemory },
      push: (state, text) => chunked(internal.push(reading, state, text)),
      flush: (state) => chunked(internal.flush(reading, state)),
      takeWords: (state) => chunked(internal.takeWords(reading, state)),
      endsSentence: (state) => internal.endsSentence(reading, state)
    }
  })

const chunked = (
  [state, segments]: readonly [State, ReadonlyArray<Segment>]
): readonly [State, Chunk.Chunk<Segment>] => [state, Chunk.unsafeFromArray(segments)]

/**
 * Makes a segmenter. Throws {@link InvalidSegmenterOption} for an option out of range: such a program is wrong, see
 * {@link makeEither}.
 *
 * @example
 * ```ts
 * import { TextSegmenter } from "@effect-smallest/stream"
 *
 * const segmenter = TextSegmenter.make({ locale: "en" })
 * const [state, segments] = segmenter.push(segmenter.initial, "Dr. Smith is in. He c")
 * console.log([...segments].map((segment) => segment.text)) // ["Dr. Smith is in. "]
 * console.log(state.pending) // "He c"
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: Options): TextSegmenter => Either.getOrThrowWith(makeEither(options), (error) => error)

// =====================================================================================================================
// guards
// =====================================================================================================================

/**
 * Whether a text holds anything to pronounce: a letter, a digit or a sign with a name, such as `%` or an emoji.
 * Blanks and punctuation alone are silence, and some engines refuse them.
 *
 * @example
 * ```ts
 * import { TextSegmenter } from "@effect-smallest/stream"
 *
 * console.log(TextSegmenter.isSpeakable("Go!")) // true
 * console.log(TextSegmenter.isSpeakable(" *** \n")) // false
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const isSpeakable: (text: string) => boolean = Speakable.isSpeakable

// =====================================================================================================================
// combinators
// =====================================================================================================================

/**
 * Cuts a finished text into segments.
 *
 * @example
 * ```ts
 * import { TextSegmenter } from "@effect-smallest/stream"
 *
 * console.log(TextSegmenter.segment("It costs $3.50. Mr. Fox paid."))
 * // ["It costs $3.50. ", "Mr. Fox paid."]
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const segment: {
  (options?: Options): (text: string) => Array<string>
  (text: string, options?: Options): Array<string>
} = /*#__PURE__*/ dual(
  (args) => typeof args[0] === "string",
  (text: string, options?: Options): Array<string> => segments(text, options).map((segment) => segment.text)
)

/**
 * Cuts a finished text into segments, with their positions.
 *
 * @example
 * ```ts
 * import { TextSegmenter } from "@effect-smallest/stream"
 *
 * console.log(TextSegmenter.segments("你好。再见。").map((segment) => segment.textOffset)) // [0, 3]
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const segments: {
  (options?: Options): (text: string) => Array<Segment>
  (text: string, options?: Options): Array<Segment>
} = /*#__PURE__*/ dual(
  (args) => typeof args[0] === "string",
  (text: string, options?: Options): Array<Segment> => {
    const { flush, initial, push } = make(options)
    const [state, complete] = push(initial, text)
    const [, rest] = flush(state)
    return Chunk.toArray(Chunk.appendAll(complete, rest))
  }
)

/**
 * Cuts a stream of text into segments as it arrives. At {@link SpeechText.flush} what is pending is a segment at
 * once. No timer is involved: text that waits for its next word waits as long as the source does.
 *
 * @example
 * ```ts
 * import { TextSegmenter } from "@effect-smallest/stream"
 * import { Effect, Stream } from "effect"
 *
 * const program = Stream.make("He", "llo", " the", "re.", " How", " are you?").pipe(
 *   TextSegmenter.split({ maxLength: 140 }),
 *   Stream.runForEach((segment) => Effect.log(segment))
 * )
 * Effect.runFork(program) // "Hello there. ", "How are you?"
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const split: {
  (options?: Options): <E, R>(self: Stream.Stream<SpeechText.Input, E, R>) => Stream.Stream<string, E, R>
  <E, R>(self: Stream.Stream<SpeechText.Input, E, R>, options?: Options): Stream.Stream<string, E, R>
} = /*#__PURE__*/ dual(
  (args) => Stream.StreamTypeId in Object(args[0]),
  <E, R>(self: Stream.Stream<SpeechText.Input, E, R>, options?: Options): Stream.Stream<string, E, R> =>
    Stream.map(splitSegments(self, options), (segment) => segment.text)
)

/**
 * Cuts a stream of text into segments as it arrives, with their positions. As {@link split} otherwise.
 *
 * @example
 * ```ts
 * import { TextSegmenter } from "@effect-smallest/stream"
 * import { Effect, Stream } from "effect"
 *
 * const offsets = Stream.make("One. T", "wo.").pipe(
 *   TextSegmenter.splitSegments(),
 *   Stream.map((segment) => segment.textOffset),
 *   Stream.runCollect
 * )
 * Effect.runPromise(offsets) // 0, 5
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const splitSegments: {
  (options?: Options): <E, R>(self: Stream.Stream<SpeechText.Input, E, R>) => Stream.Stream<Segment, E, R>
  <E, R>(self: Stream.Stream<SpeechText.Input, E, R>, options?: Options): Stream.Stream<Segment, E, R>
} = /*#__PURE__*/ dual(
  (args) => Stream.StreamTypeId in Object(args[0]),
  <E, R>(self: Stream.Stream<SpeechText.Input, E, R>, options?: Options): Stream.Stream<Segment, E, R> => {
    const segmenter = make(options)
    type Segments = Channel.Channel<Chunk.Chunk<Segment>, Chunk.Chunk<SpeechText.Input>, E, E, unknown>
    const loop = (state: State): Segments =>
      Channel.readWithCause({
        onInput: (input: Chunk.Chunk<SpeechText.Input>) => {
          let next = state
          const out: Array<Segment> = []
          for (const item of input) {
            const [after, found] = SpeechText.isFlush(item) ? segmenter.flush(next) : segmenter.push(next, item)
            next = after
            for (const segment of found) {
              out.push(segment)
            }
          }
          return out.length === 0 ? loop(next) : Channel.zipRight(Channel.write(Chunk.unsafeFromArray(out)), loop(next))
        },
        onFailure: (cause: Cause.Cause<E>) => Channel.zipRight(write(state), Channel.failCause(cause)),
        onDone: () => write(state)
      })
    // What was already said of a text that failed is still text: it leaves before the failure does.
    const write = (state: State): Segments => {
      const [, rest] = segmenter.flush(state)
      return Chunk.isEmpty(rest) ? Channel.void : Channel.write(rest)
    }
    return Stream.pipeThroughChannel(self, loop(segmenter.initial))
  }
)
