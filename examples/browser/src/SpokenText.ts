/**
 * Which part of a text sounds when: what lights up on the page.
 *
 * Pure: events of speech in, marks out. Where an engine tells the times of words, words are marked, otherwise whole
 * segments, which are sentences as a rule.
 */
import type { SpeechEvent } from "@effect-smallest/core"
import { Duration, Option } from "effect"

/** A part of the text, from `from` up to `to` in UTF-16 code units, and when it sounds, in milliseconds. */
export interface Mark {
  readonly _tag: "Word" | "Segment"
  readonly from: number
  readonly to: number
  readonly start: number
  /** Unknown for segments: they sound until the next one. */
  readonly end: number | undefined
}

const isLetter = (character: string): boolean => /[\p{L}\p{N}]/u.test(character)

// "art" is not in "party", but "don't" is in "(don't)".
const isWhole = (text: string, from: number, to: number): boolean =>
  !(isLetter(text.charAt(from)) && isLetter(text.charAt(from - 1))) &&
  !(isLetter(text.charAt(to - 1)) && isLetter(text.charAt(to)))

const find = (text: string, word: string, cursor: number): number => {
  let at = text.indexOf(word, cursor)
  const first = at
  while (at !== -1 && !isWhole(text, at, at + word.length)) at = text.indexOf(word, at + 1)
  return at === -1 ? first : at
}

/** Where the next word is looked for. */
export interface Place {
  readonly cursor: number
  readonly limit: number
}

export const start = (text: string): Place => ({ cursor: 0, limit: text.length })

/** The mark of an event, and where to look on. A word that is not written in its segment as it was told has no mark. */
export const mark = (
  text: string,
  place: Place,
  event: SpeechEvent.SpeechEvent
): readonly [Place, Option.Option<Mark>] => {
  switch (event._tag) {
    case "SegmentStarted": {
      const from = event.textOffset + event.text.length - event.text.trimStart().length
      const to = event.textOffset + event.text.trimEnd().length
      const start = Duration.toMillis(event.start)
      return [
        { cursor: Math.max(place.cursor, from), limit: to },
        to > from ? Option.some({ _tag: "Segment", from, to, start, end: undefined }) : Option.none()
      ]
    }
    case "WordTimestamp": {
      const word = event.word.trim()
      const from = word === "" ? -1 : find(text, word, place.cursor)
      const to = from + word.length
      return from === -1 || to > place.limit ? [place, Option.none()] : [
        { ...place, cursor: to },
        Option.some({
          _tag: "Word",
          from,
          to,
          start: Duration.toMillis(event.start),
          end: Duration.toMillis(event.end)
        })
      ]
    }
    default:
      return [place, Option.none()]
  }
}

/** A word stays lit through the short pauses of speech. */
const hold = 250

/**
 * What sounds at a position: the word, where words have times, or the segment. `None` before the first sound and, for
 * words, in a pause. The marks are those of one text, in order of their starts.
 */
export const at = (marks: ReadonlyArray<Mark>, position: number): Option.Option<Mark> => {
  // Words come with the audio that they sound in: before it, nobody knows whether there will be any.
  if (position <= 0) return Option.none()
  // The last mark that has begun.
  let low = 0
  let high = marks.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((marks[middle]?.start ?? Infinity) <= position) low = middle + 1
    else high = middle
  }
  const mark = marks[low - 1]
  if (mark === undefined) return Option.none()
  if (mark._tag === "Word") return position < (mark.end ?? mark.start) + hold ? Option.some(mark) : Option.none()
  // A segment whose words have times is left to its words.
  const next = marks[low]
  return next !== undefined && next._tag === "Word" && next.from < mark.to ? Option.none() : Option.some(mark)
}

/** How far into the text the listener is: up to where everything has begun to sound. */
export const reached = (marks: ReadonlyArray<Mark>, position: number): number =>
  marks.reduce(
    (furthest, mark) =>
      mark.start > position ? furthest : Math.max(furthest, mark._tag === "Word" ? mark.to : mark.from),
    0
  )
