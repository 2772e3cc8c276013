/**
 * Captions from the events of speech: cues in order, and the common file formats.
 *
 * If the engine reports the times of words, cues follow them. If it does not, a cue is a piece of a segment, and its
 * time is its share of the segment's audio: right at the seams, a guess in between.
 *
 * @see https://www.w3.org/TR/webvtt1/
 * @since 0.1.0
 */
import * as Pcm from "@effect-smallest/core/Pcm"
import type * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { heldBack } from "./internal/heldBack.js"

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
  /** Who speaks, in a script. */
  readonly speaker?: string | undefined
  /** The words of `text`, in order. */
  readonly words?: ReadonlyArray<Word> | undefined
}

/**
 * A word of a cue, with the marks beside it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Word {
  readonly text: string
  readonly start: Duration.Duration
  readonly end: Duration.Duration
  /** Where it begins in the whole text, in UTF-16 code units. */
  readonly textOffset: number
  /** Whether its times are its share of the segment's audio by length, because the engine does not report the times of words. */
  readonly isEstimated: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Columns in a line; a character of Chinese, Japanese or Korean takes two.
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

const squeeze = (text: string): string => text.replace(/\s+/g, " ").trim()

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

// Characters that are two columns wide; lines may break between them without a space.
const wide = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303F\uFF01-\uFF60]/u

const wideAnywhere =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

const isClosing = (text: string): boolean => /^[\p{Pe}\p{Pf}\p{Po}ー々]/u.test(text)

const isOpening = (text: string): boolean => /^[\p{Ps}\p{Pi}]/u.test(text)

const width = (grapheme: string): number => wide.test(grapheme) ? 2 : 1

const mayBreak = (before: string, after: string): boolean =>
  before === " " || after === " " ||
  ((wide.test(before) || wide.test(after)) && !isClosing(after) && !isOpening(before))

// Lines of at most `columns`, broken if the script allows it, else between graphemes.
const wrap = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line: Array<string> = []
  let used = 0
  let breakAt = 0 // the last place in `line` where it may break

  const finish = (count: number) => {
    lines.push(line.slice(0, count).join("").trim())
    line = line.slice(line[count] === " " ? count + 1 : count)
    used = line.reduce((sum, grapheme) => sum + width(grapheme), 0)
    breakAt = 0
  }

  for (const { segment } of graphemes.segment(squeeze(text))) {
    const last = line.at(-1)
    if (last !== undefined && mayBreak(last, segment)) breakAt = line.length
    if (line.length > 0 && segment !== " " && used + width(segment) > columns) {
      finish(breakAt === 0 ? line.length : breakAt)
    }
    if (line.length === 0 && segment === " ") continue
    line.push(segment)
    used += width(segment)
  }
  if (line.length > 0) finish(line.length)
  return lines
}

const columnsOf = (text: string): number =>
  Array.from(graphemes.segment(text), ({ segment }) => width(segment)).reduce((sum, columns) => sum + columns, 0)

// Lines for as few cues as `columns` allow. A last cue of a word or two would only flash up: then all are about even.
const wrapEvenly = (text: string, columns: number, lineCount: number): ReadonlyArray<string> => {
  const lines = wrap(text, columns)
  const cues = Math.ceil(lines.length / lineCount)
  const last = lines.slice((cues - 1) * lineCount).reduce((sum, line) => sum + columnsOf(line), 0)
  if (cues < 2 || last >= columns / 2) return lines
  const most = cues * lineCount
  for (let narrower = Math.max(1, Math.floor(columnsOf(text) / most)); narrower < columns; narrower++) {
    const even = wrap(text, narrower)
    if (even.length <= most) return even
  }
  return lines
}

// Words of most scripts are whole words only if no letter stands beside them.
const joining =
  /(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}])[\p{L}\p{N}]/u

const isWhole = (text: string, at: number, length: number): boolean =>
  !(joining.test(text.charAt(at)) && joining.test(text.charAt(at - 1))) &&
  !(joining.test(text.charAt(at + length - 1)) && joining.test(text.charAt(at + length)))

const findWord = (text: string, word: string, from: number): number => {
  const first = text.indexOf(word, from)
  let at = first
  while (at !== -1 && !isWhole(text, at, word.length)) at = text.indexOf(word, at + 1)
  return at === -1 ? first : at
}

// Where the marks that follow a word end.
const afterMarks = (text: string, from: number): number => {
  const marks = /[^\p{L}\p{N}\s]*/uy
  marks.lastIndex = from
  return from + (marks.exec(text)?.[0].length ?? 0)
}

// A word whose time the engine reports, by its place in the segment's text.
interface Located {
  readonly from: number
  readonly to: number
  readonly start: Duration.Duration
  readonly end: Duration.Duration
}

const wordSegments = new Intl.Segmenter(undefined, { granularity: "word" })

// Words are what blanks separate. Scripts without blanks are cut as their dictionaries say, and marks stay with the word before them.
const wordsOf = (text: string): ReadonlyArray<string> =>
  text.split(/\s+/).filter((word) => word !== "").flatMap((word) => {
    if (!wideAnywhere.test(word)) return [word]
    const words: Array<string> = []
    for (const { isWordLike, segment } of wordSegments.segment(word)) {
      const last = words.pop()
      if (last === undefined) words.push(segment)
      else if (isWordLike === true && /[\p{L}\p{N}]/u.test(last)) words.push(last, segment)
      else words.push(last + segment)
    }
    return words
  })

interface Spoken {
  readonly textOffset: number
  readonly speaker: string | undefined
  readonly located: Array<Located>
  /** Where the characters are that are not blank: lines are wrapped at blanks, and lose no other character. */
  readonly visible: ReadonlyArray<number>
  /** How many of those are in cues. */
  cued: number
  readonly index: number
  readonly text: string
  readonly start: Duration.Duration
  hasWords: boolean
  /** Up to where the text is in cues. */
  shown: number
  /** Where the next word is looked for. */
  cursor: number
}

// The part of a segment's text from `shown` to its `cursor`, which grows word by word.
interface Growing {
  readonly start: Duration.Duration
  end: Duration.Duration
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
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(events: Stream.Stream<SpeechEvent.SpeechEvent, E, R>, options: Options = {}): Stream.Stream<Cue, E, R> =>
    Stream.suspend(() => {
      const columns = Math.max(1, options.maxLineLength ?? 42)
      const lineCount = Math.max(1, options.maxLines ?? 2)
      const maxDuration = Duration.decode(options.maxDuration ?? "7 seconds")
      let heard = Duration.zero
      let segment: Spoken | undefined
      let growing: Growing | undefined

      // The words of a cue: their reported times, or else shares of the cue's time.
      const timed = (segment: Spoken, cue: Omit<Cue, "words">): ReadonlyArray<Word> => {
        const texts = wordsOf(cue.text)
        const total = texts.reduce((sum, word) => sum + word.length, 0)
        const begin = Duration.toMillis(cue.start)
        const length = Duration.toMillis(cue.end) - begin
        const at = (shown: number) => Duration.millis(begin + length * shown / total)
        let shown = 0
        let earliest = cue.start
        return texts.map((text) => {
          const from = segment.visible[segment.cued] ?? 0
          const last = segment.visible[segment.cued + text.length - 1] ?? from
          const found = segment.located.filter((word) => word.from <= last && word.to > from)
          const start = Duration.max(earliest, found[0]?.start ?? at(shown))
          segment.cued += text.length
          shown += text.length
          const end = Duration.max(start, Duration.min(found.at(-1)?.end ?? at(shown), cue.end))
          earliest = end
          return { text, start, end, textOffset: segment.textOffset + from, isEstimated: found.length === 0 }
        })
      }

      // A text over a time, as one cue if it fits and as shares by length if it does not.
      const shares = (text: string, start: Duration.Duration, end: Duration.Duration): ReadonlyArray<Cue> => {
        const lines = wrapEvenly(text, columns, lineCount)
        const total = lines.reduce((sum, line) => sum + line.length, 0)
        const length = Duration.toMillis(end) - Duration.toMillis(start)
        const at = (shown: number) =>
          shown === total ? end : Duration.sum(start, Duration.millis(length * shown / total))
        const out: Array<Cue> = []
        let shown = 0
        for (let i = 0; i < lines.length; i += lineCount) {
          const piece = lines.slice(i, i + lineCount)
          const from = shown
          shown += piece.reduce((sum, line) => sum + line.length, 0)
          const text = piece.join("\n")
          const cue = { start: at(from), end: at(shown), text }
          out.push({
            ...cue,
            ...(segment?.speaker === undefined ? {} : { speaker: segment.speaker }),
            words: segment === undefined ? [] : timed(segment, cue)
          })
        }
        return out
      }

      const finishWords = (to: number): ReadonlyArray<Cue> => {
        if (segment === undefined || growing === undefined) return []
        const { end, start } = growing
        const text = segment.text.slice(segment.shown, to)
        segment.shown = to
        growing = undefined
        return shares(text, start, end)
      }

      const finishSegment = (end: Duration.Duration, isComplete: boolean): ReadonlyArray<Cue> => {
        if (segment === undefined) return []
        const { cursor, hasWords, start, text } = segment
        const done = hasWords ? finishWords(isComplete ? text.length : cursor) : shares(text, start, end)
        segment = undefined
        return done
      }

      const addWord = (event: SpeechEvent.SpeechEvent & { readonly _tag: "WordTimestamp" }): ReadonlyArray<Cue> => {
        if (segment === undefined) return []
        segment.hasWords = true
        const at = findWord(segment.text, event.word, segment.cursor)
        const before = segment.cursor
        if (at !== -1) {
          segment.located.push({ from: at, to: at + event.word.length, start: event.start, end: event.end })
        }
        const cursor = at === -1 ? before : afterMarks(segment.text, at + event.word.length)
        const isTooLong = growing !== undefined && (
          wrap(segment.text.slice(segment.shown, cursor), columns).length > lineCount ||
          Duration.greaterThan(Duration.subtract(event.end, growing.start), maxDuration)
        )
        // The marks that open what follows, such as a quote, belong to it.
        const opened =
          /[\p{Ps}\p{Pi}"'\u00BF\u00A1]*$/u.exec(segment.text.slice(before, Math.max(at, before)))?.index ?? 0
        const done = isTooLong ? finishWords(at === -1 ? before : before + opened) : []
        growing = { start: growing?.start ?? event.start, end: event.end }
        segment.cursor = cursor
        return done
      }

      const step = (event: SpeechEvent.SpeechEvent): ReadonlyArray<Cue> => {
        switch (event._tag) {
          case "SegmentStarted": {
            const done = finishSegment(event.start, true)
            segment = {
              index: event.segment,
              text: event.text,
              start: event.start,
              textOffset: event.textOffset,
              speaker: event.speaker,
              located: [],
              visible: Array.from(event.text.matchAll(/\S/g), ({ index }) => index),
              cued: 0,
              hasWords: false,
              shown: 0,
              cursor: 0
            }
            return done
          }
          case "AudioChunk":
            heard = Duration.sum(heard, Pcm.duration(event.chunk))
            return []
          case "WordTimestamp":
            return addWord(event)
          case "PauseStarted":
            return finishSegment(event.start, true)
          case "MarkReached":
            return []
          case "SegmentFailed":
            return event.segment === segment?.index ? finishSegment(heard, false) : []
          case "Completed":
            return finishSegment(event.duration, true)
        }
      }

      return events.pipe(
        Stream.mapConcatChunk((event) => Chunk.fromIterable(step(event))),
        heldBack(() => finishSegment(heard, false))
      )
    })
)

const clock = (time: Duration.Duration, separator: string): string => {
  const millis = Math.round(Duration.toMillis(time))
  const digits = (value: number, width: number) => String(Math.floor(value)).padStart(width, "0")
  const seconds = `${digits(millis / 3_600_000, 2)}:${digits(millis / 60_000 % 60, 2)}:${digits(millis / 1000 % 60, 2)}`
  return `${seconds}${separator}${digits(millis % 1000, 3)}`
}

// A cue of a file lasts for a millisecond at least, and begins when the one before it has ended: others are not valid.
const visible = <E, R>(self: Stream.Stream<Cue, E, R>): Stream.Stream<Cue, E, R> =>
  Stream.mapAccum(self, 0, (earliest, cue) => {
    const start = Math.max(earliest, Math.round(Duration.toMillis(cue.start)))
    const end = Math.max(start + 1, Math.round(Duration.toMillis(cue.end)))
    return [end, { ...cue, start: Duration.millis(start), end: Duration.millis(end) }]
  })

/**
 * A SubRip (`.srt`) file, cue by cue. In a script, a cue begins with the name of its speaker.
 *
 * @since 0.1.0
 * @category combinators
 */
export const srt = <E, R>(self: Stream.Stream<Cue, E, R>): Stream.Stream<string, E, R> =>
  Stream.map(
    Stream.zipWithIndex(visible(self)),
    ([{ end, speaker, start, text }, index]) =>
      `${index + 1}\n${clock(start, ",")} --> ${clock(end, ",")}\n${named(speaker)}${text}\n\n`
  )

const named = (speaker: string | undefined): string => speaker === undefined ? "" : `${squeeze(speaker)}: `

// The three characters that WebVTT's cue text reserves.
const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" }

const escape = (text: string): string => text.replace(/[&<>]/g, (character) => escapes[character] ?? character)

// Each word in a span, with its time before it if that is later than all times before and inside the cue: others are not valid.
const spans = ({ end, start, text, words = [] }: Cue): string => {
  let latest = clock(start, ".")
  const last = clock(end, ".")
  let at = 0
  const marked = words.map((word) => {
    const found = text.indexOf(word.text, at)
    const blanks = text.slice(at, found)
    at = found + word.text.length
    const time = clock(word.start, ".")
    const isLater = time > latest && time < last
    if (isLater) latest = time
    return `${blanks}${isLater ? `<${time}>` : ""}<c>${escape(word.text)}</c>`
  })
  return marked.join("") + escape(text.slice(at))
}

const vtt = (cueText: (cue: Cue) => string) => <E, R>(self: Stream.Stream<Cue, E, R>): Stream.Stream<string, E, R> =>
  Stream.concat(
    Stream.make("WEBVTT\n\n"),
    Stream.map(visible(self), (cue) => {
      const voice = cue.speaker === undefined ? "" : `<v ${escape(squeeze(cue.speaker))}>`
      return `${clock(cue.start, ".")} --> ${clock(cue.end, ".")}\n${voice}${cueText(cue)}\n\n`
    })
  )

/**
 * A WebVTT (`.vtt`) file, cue by cue. In a script, a cue names its speaker in a voice tag.
 *
 * @since 0.1.0
 * @category combinators
 */
export const webVtt: <E, R>(self: Stream.Stream<Cue, E, R>) => Stream.Stream<string, E, R> = vtt(({ text }) =>
  escape(text)
)

/**
 * A WebVTT (`.vtt`) file in which each word is a span with a time of its own, so that a page's style for `::cue(:past)` follows the
 * speech.
 *
 * @example
 * ```ts
 * import { Captions, SpeechStream } from "@effect-smallest/stream"
 *
 * const karaoke = SpeechStream.events("Hello there.").pipe(Captions.cues(), Captions.webVttWords)
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const webVttWords: <E, R>(self: Stream.Stream<Cue, E, R>) => Stream.Stream<string, E, R> = vtt(spans)

const seconds = (time: Duration.Duration): number => Math.round(Duration.toMillis(time)) / 1000

/**
 * Words as JSON, in one object: `{"words":[{"text":"Hello","start":0,"end":0.4,"textOffset":0}]}`. Times are in seconds; `textOffset` counts
 * UTF-16 code units of the whole text. A word whose times are not the engine's has `"estimated":true`; in a script, words have a `speaker`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const json = <E, R>(self: Stream.Stream<Cue, E, R>): Stream.Stream<string, E, R> =>
  Stream.mapConcat(
    self,
    ({ speaker, words = [] }) =>
      words.map(({ end, isEstimated, start, text, textOffset }) =>
        JSON.stringify({
          text,
          start: seconds(start),
          end: seconds(end),
          textOffset,
          ...(isEstimated ? { estimated: true } : {}),
          ...(speaker === undefined ? {} : { speaker })
        })
      )
  ).pipe(
    Stream.zipWithIndex,
    Stream.map(([word, index]) => index === 0 ? word : `,\n${word}`),
    (words) => Stream.concat(Stream.make("{\"words\":[\n"), Stream.concat(words, Stream.make("\n]}\n")))
  )

/**
 * An LRC (`.lrc`) file, line by line, as players of music show lyrics. In a script, a line begins with the name of its speaker.
 *
 * @since 0.1.0
 * @category combinators
 */
export const lrc = <E, R>(self: Stream.Stream<Cue, E, R>): Stream.Stream<string, E, R> =>
  Stream.map(self, ({ speaker, start, text }) => {
    const hundredths = Math.round(Duration.toMillis(start) / 10)
    const digits = (value: number) => String(Math.floor(value)).padStart(2, "0")
    const time = `${digits(hundredths / 6000)}:${digits(hundredths / 100 % 60)}.${digits(hundredths % 100)}`
    return `[${time}]${named(speaker)}${squeeze(text)}\n`
  })
