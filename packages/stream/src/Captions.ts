/**
 * Captions from the events of speech: cues in order, and the two common file formats.
 *
 * Where the engine tells the times of words, cues follow them. Where it does not, a cue is a piece of a segment, and its
 * time is its share of the segment's audio: right at the seams, a guess in between.
 *
 * @see https://www.w3.org/TR/webvtt1/
 * @since 0.1.0
 */
import type * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"

/**
 * A line or two of text, and when they are to be seen.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cue {
  readonly start: Duration.Duration
  readonly end: Duration.Duration
  /** One or more lines, separated by `\n`. */
  readonly text: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Characters in a line.
   * @default 42, as subtitlers for television do
   */
  readonly maxLineLength?: number | undefined
  /**
   * Lines in a cue.
   * @default 2
   */
  readonly maxLines?: number | undefined
  /**
   * The longest time of a cue with word times.
   * @default "7 seconds"
   */
  readonly maxDuration?: Duration.DurationInput | undefined
}

interface Segment {
  readonly text: string
  readonly start: Duration.Duration
  /** Where the next word is looked for. */
  cursor: number
  hasWords: boolean
}

// A cue that grows word by word: where it stands in the segment's text, or its words where they are not found there.
interface Growing {
  text: string
  readonly start: Duration.Duration
  end: Duration.Duration
}

const squeeze = (text: string): string => text.replace(/\s+/g, " ").trim()

// Lines of at most `length` characters, broken at spaces where there are any.
const wrap = (text: string, length: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let rest = squeeze(text)
  while (rest.length > length) {
    const space = rest.lastIndexOf(" ", length)
    const at = space > 0 ? space : length
    lines.push(rest.slice(0, at).trim())
    rest = rest.slice(at).trim()
  }
  return rest === "" ? lines : [...lines, rest]
}

/**
 * Turns events into cues, each as soon as its end is known.
 *
 * @example
 * ```ts
 * import { Captions, SpeechStream } from "@effect-smallest/stream"
 * import { Console, Stream } from "effect"
 *
 * const captions = SpeechStream.events("Hello there. How are you?").pipe(
 *   Captions.cues(),
 *   Captions.webVtt,
 *   Stream.runForEach((text) => Console.log(text))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const cues: {
  (options?: Options): <E, R>(events: Stream.Stream<SpeechEvent.SpeechEvent, E, R>) => Stream.Stream<Cue, E, R>
  <E, R>(events: Stream.Stream<SpeechEvent.SpeechEvent, E, R>, options?: Options): Stream.Stream<Cue, E, R>
} = dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(events: Stream.Stream<SpeechEvent.SpeechEvent, E, R>, options: Options = {}): Stream.Stream<Cue, E, R> =>
    Stream.suspend(() => {
      const lineLength = Math.max(1, options.maxLineLength ?? 42)
      const lineCount = Math.max(1, options.maxLines ?? 2)
      const maxDuration = Duration.decode(options.maxDuration ?? "7 seconds")
      let segment: Segment | undefined
      let growing: Growing | undefined

      const finishWords = (): ReadonlyArray<Cue> => {
        if (growing === undefined) return []
        const { end, start, text } = growing
        growing = undefined
        return [{ start, end, text: wrap(text, lineLength).join("\n") }]
      }

      const finishSegment = (end: Duration.Duration): ReadonlyArray<Cue> => {
        if (segment === undefined) return []
        const { hasWords, start, text } = segment
        segment = undefined
        return hasWords ? finishWords() : shares(text, start, end)
      }

      // Pieces of a segment without word times share its audio by their length.
      const shares = (text: string, start: Duration.Duration, end: Duration.Duration): ReadonlyArray<Cue> => {
        const lines = wrap(text, lineLength)
        const total = lines.reduce((sum, line) => sum + line.length, 0)
        const length = Duration.toMillis(end) - Duration.toMillis(start)
        const out: Array<Cue> = []
        let shown = 0
        for (let i = 0; i < lines.length; i += lineCount) {
          const piece = lines.slice(i, i + lineCount)
          const from = shown
          shown += piece.reduce((sum, line) => sum + line.length, 0)
          out.push({
            start: Duration.sum(start, Duration.millis(length * from / total)),
            end: Duration.sum(start, Duration.millis(length * shown / total)),
            text: piece.join("\n")
          })
        }
        return out
      }

      // The word with the marks that follow it in the segment: engines tell words without them.
      const written = (word: string): string => {
        if (segment === undefined) return word
        const at = segment.text.indexOf(word, segment.cursor)
        if (at === -1) return word
        const after = /^[^\p{L}\p{N}\s]*/u.exec(segment.text.slice(at + word.length))?.[0] ?? ""
        const before = /[^\p{L}\p{N}\s]*$/u.exec(segment.text.slice(segment.cursor, at))?.[0] ?? ""
        segment.cursor = at + word.length + after.length
        return before + word + after
      }

      const addWord = (event: SpeechEvent.SpeechEvent & { readonly _tag: "WordTimestamp" }): ReadonlyArray<Cue> => {
        if (segment !== undefined) segment.hasWords = true
        const word = written(event.word)
        const joined = growing === undefined ? word : `${growing.text} ${word}`
        const fits = growing !== undefined && wrap(joined, lineLength).length <= lineCount &&
          Duration.lessThanOrEqualTo(Duration.subtract(event.end, growing.start), maxDuration)
        if (growing !== undefined && fits) {
          growing.text = joined
          growing.end = event.end
          return []
        }
        const done = finishWords()
        growing = { text: word, start: event.start, end: event.end }
        return done
      }

      const step = (event: SpeechEvent.SpeechEvent): ReadonlyArray<Cue> => {
        switch (event._tag) {
          case "SegmentStarted": {
            const done = finishSegment(event.start)
            segment = { text: event.text, start: event.start, cursor: 0, hasWords: false }
            return done
          }
          case "WordTimestamp":
            return addWord(event)
          case "Completed":
            return segment === undefined ? finishWords() : finishSegment(event.duration)
          case "AudioChunk":
          case "SegmentFailed":
            return []
        }
      }

      return Stream.mapConcatChunk(events, (event) => Chunk.unsafeFromArray([...step(event)]))
    })
)

const clock = (time: Duration.Duration, separator: string): string => {
  const millis = Math.round(Duration.toMillis(time))
  const digits = (value: number, width: number) => String(Math.floor(value)).padStart(width, "0")
  const seconds = `${digits(millis / 3_600_000, 2)}:${digits(millis / 60_000 % 60, 2)}:${digits(millis / 1000 % 60, 2)}`
  return `${seconds}${separator}${digits(millis % 1000, 3)}`
}

/**
 * A SubRip (`.srt`) file, cue by cue.
 *
 * @since 0.1.0
 * @category combinators
 */
export const srt = <E, R>(self: Stream.Stream<Cue, E, R>): Stream.Stream<string, E, R> =>
  Stream.map(
    Stream.zipWithIndex(self),
    ([cue, index]) => `${index + 1}\n${clock(cue.start, ",")} --> ${clock(cue.end, ",")}\n${cue.text}\n\n`
  )

// The three characters that WebVTT's cue text reserves.
const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" }

const escape = (text: string): string => text.replace(/[&<>]/g, (character) => escapes[character] ?? character)

/**
 * A WebVTT (`.vtt`) file, cue by cue.
 *
 * @since 0.1.0
 * @category combinators
 */
export const webVtt = <E, R>(self: Stream.Stream<Cue, E, R>): Stream.Stream<string, E, R> =>
  Stream.concat(
    Stream.make("WEBVTT\n\n"),
    Stream.map(self, (cue) => `${clock(cue.start, ".")} --> ${clock(cue.end, ".")}\n${escape(cue.text)}\n\n`)
  )
