import * as Pcm from "@effect-smallest/core/Pcm"
import type { SpeechEvent } from "@effect-smallest/core/SpeechEvent"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Stdio } from "../Stdio.js"
import * as StatusLine from "./statusLine.js"

/**
 * What a person sees while audio is played: the time, how loud it is, and the words. It knows what is said and how loud from
 * what passes through on its way to the player, and shows of it what is being heard.
 *
 * @internal
 */
export interface PlaybackView {
  /** Takes words and segments from what passes through. */
  readonly read: <E, R>(events: Stream.Stream<SpeechEvent, E, R>) => Stream.Stream<SpeechEvent, E, R>
  /** Takes levels from what passes through. */
  readonly listen: <E, R>(pcm: Stream.Stream<Pcm.PcmChunk, E, R>) => Stream.Stream<Pcm.PcmChunk, E, R>
  /** Shows what is heard at a position, until the scope closes. */
  readonly show: (position: Effect.Effect<Duration.Duration>) => Effect.Effect<void, never, Stdio | Scope.Scope>
}

// Without a display, nothing is noted either.
const hidden: PlaybackView = { read: identity, listen: identity, show: () => Effect.void }

/** Something that begins at a time, in milliseconds. */
interface Timed<A> {
  readonly start: number
  readonly value: A
}

// What is over is forgotten, so that a day of speech takes no more memory than a minute.
const forget = <A>(entries: Array<Timed<A>>, position: number, keep: number): void => {
  const current = entries.findLastIndex(({ start }) => start <= position)
  if (current > keep) entries.splice(0, current - keep)
}

const levelWindow = 50

const meterWidth = 10

// The quietest that the meter shows, in dBFS.
const floor = -50

const share = (peak: number): number =>
  peak === 0 ? 0 : Math.max(0, Math.min(1, 1 - 20 * Math.log10(peak / 32768) / floor))

const green = "\u001b[32m"
const yellow = "\u001b[33m"
const red = "\u001b[31m"
const dim = "\u001b[2m"
const bold = "\u001b[1m"
const reset = "\u001b[0m"

const paint = (colour: string, text: string, isColourful: boolean): string =>
  isColourful && text !== "" ? `${colour}${text}${reset}` : text

const meter = (peak: number, isColourful: boolean): string => {
  const lit = Math.round(meterWidth * share(peak))
  const part = (from: number, to: number, colour: string) =>
    paint(colour, "#".repeat(Math.max(0, Math.min(lit, to) - from)), isColourful)
  return `${part(0, 7, green)}${part(7, 9, yellow)}${part(9, meterWidth, red)}${
    paint(dim, "-".repeat(meterWidth - lit), isColourful)
  }`
}

const clock = (millis: number): string => {
  const seconds = Math.floor(millis / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}

const graphemes = new Intl.Segmenter("en")

// As much of the end of a text as fits; a terminal cuts off the rest of a line, and the end is what is heard now.
const endOf = (text: string, width: number): string => {
  const all = Array.from(graphemes.segment(text), ({ segment }) => segment)
  return all.length <= width ? text : width < 2 ? "" : `…${all.slice(all.length - width + 1).join("")}`
}

const beginningOf = (text: string, width: number): string => {
  const all = Array.from(graphemes.segment(text), ({ segment }) => segment)
  return all.length <= width ? text : width < 2 ? "" : `${all.slice(0, width - 1).join("")}…`
}

/** The parts of a line. @internal */
export interface Moment {
  readonly position: number
  readonly duration: number | undefined
  /** The loudest sample, of 32768. */
  readonly peak: number
  /** The words up to the one that is heard; `undefined` if the engine does not report it. */
  readonly words: ReadonlyArray<string> | undefined
  /** The text that is heard. */
  readonly text: string | undefined
}

/**
 * The line, no wider than the terminal.
 *
 * @internal
 */
export const render = (
  { duration, peak, position, text, words }: Moment,
  { columns, isColourful }: { readonly columns: number; readonly isColourful: boolean }
): string => {
  const time = `${clock(position)}${duration === undefined ? "" : ` / ${clock(duration)}`}`
  if (columns <= time.length + meterWidth + 4) return time.slice(0, Math.max(0, columns - 1))
  const room = columns - time.length - meterWidth - 7
  const before = words?.slice(0, -1).join(" ") ?? ""
  const now = words?.at(-1) ?? ""
  const said = words === undefined || words.length === 0
    ? beginningOf((text ?? "").replace(/[\p{Cc}\s]+/gu, " ").trim(), room)
    : `${endOf(before === "" ? "" : `${before} `, room - now.length)}${
      paint(bold, beginningOf(now, room), isColourful)
    }`
  return `${time}  [${meter(peak, isColourful)}]${said === "" ? "" : `  ${said}`}`
}

const variable = (name: string) => Effect.orElseSucceed(Config.string(name), () => "")

/** @internal */
export const make = (
  options: { readonly duration: Option.Option<Duration.Duration> }
): Effect.Effect<PlaybackView, never, Stdio> =>
  Effect.gen(function*() {
    const { stderr } = yield* Stdio
    // A terminal that is dumb cannot rewrite a line.
    if (!stderr.isTerminal || (yield* variable("TERM")) === "dumb") return hidden
    const isColourful = (yield* variable("NO_COLOR")) === ""
    const levels: Array<Timed<number>> = []
    const words: Array<Timed<string>> = []
    const segments: Array<Timed<string>> = []
    let passed = 0 // of the audio, in milliseconds
    let windowStart = 0
    let peak = 0
    let hasWords = false

    const hear = (chunk: Pcm.PcmChunk) => {
      const step = Math.max(1, Math.round(chunk.format.sampleRate * levelWindow / 5000)) * chunk.format.channels
      const samples = Pcm.samples(chunk)
      for (let i = 0; i < samples.length; i += step) {
        const part = samples.subarray(i, i + step)
        for (const sample of part) peak = Math.max(peak, Math.abs(sample))
        passed += 1000 * part.length / chunk.format.channels / chunk.format.sampleRate
        if (passed - windowStart < levelWindow) continue
        levels.push({ start: windowStart, value: peak })
        windowStart = passed
        peak = 0
      }
    }

    const note = (event: SpeechEvent) => {
      if (event._tag === "SegmentStarted") {
        segments.push({ start: Duration.toMillis(event.start), value: event.text })
      }
      if (event._tag === "WordTimestamp") {
        hasWords = true
        words.push({ start: Duration.toMillis(event.start), value: event.word })
      }
    }

    const momentAt = (position: number): Moment => {
      forget(levels, position, 0)
      forget(words, position, 40)
      forget(segments, position, 0)
      const current = <A>(entries: ReadonlyArray<Timed<A>>) => entries.findLast(({ start }) => start <= position)?.value
      return {
        position,
        duration: Option.getOrUndefined(Option.map(options.duration, Duration.toMillis)),
        peak: current(levels) ?? 0,
        words: hasWords ? words.filter(({ start }) => start <= position).map(({ value }) => value) : undefined,
        text: current(segments)
      }
    }

    return {
      read: (events) => Stream.tap(events, (event) => Effect.sync(() => note(event))),
      listen: (pcm) => Stream.tap(pcm, (chunk) => Effect.sync(() => hear(chunk))),
      show: (position) =>
        StatusLine.show(
          Effect.zipWith(position, stderr.columns, (position, columns) =>
            passed === 0
              ? "Waiting for audio".slice(0, columns - 1)
              : render(momentAt(Duration.toMillis(position)), { columns, isColourful })),
          { after: Duration.zero, every: Duration.millis(100) }
        )
    }
  })
