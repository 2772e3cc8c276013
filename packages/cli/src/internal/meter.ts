import type * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as Pcm from "@effect-smallest/core/Pcm"
import type { SpeechEvent } from "@effect-smallest/core/SpeechEvent"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Stdio } from "../Stdio.js"

/**
 * How far speech has come. Times are in milliseconds.
 *
 * @internal
 */
export interface Reading {
  readonly elapsed: number
  readonly firstAudio: Option.Option<number>
  /** How long the audio so far sounds. */
  readonly audio: number
  /** Of the text, up to the segment that is being spoken, in UTF-16 code units. */
  readonly characters: number
}

/** @internal */
export interface Meter {
  readonly read: Effect.Effect<Reading>
  /** Counts what passes through, from the moment the stream is run. */
  readonly count: <E, R>(events: Stream.Stream<SpeechEvent, E, R>) => Stream.Stream<SpeechEvent, E, R>
}

/** @internal */
export const make: Effect.Effect<Meter> = Effect.gen(function*() {
  const started = yield* Ref.make(yield* Clock.currentTimeMillis)
  const firstAudio = yield* Ref.make(Option.none<number>())
  const audio = yield* Ref.make(0)
  const characters = yield* Ref.make(0)

  const elapsed = Effect.zipWith(Clock.currentTimeMillis, Ref.get(started), (now, then) => now - then)

  const hear = (chunk: Pcm.PcmChunk) =>
    Effect.flatMap(elapsed, (elapsed) =>
      Effect.zipRight(
        Ref.update(firstAudio, Option.orElseSome(() => elapsed)),
        Ref.update(audio, (audio) => audio + Duration.toMillis(Pcm.duration(chunk)))
      ))

  const add = (event: SpeechEvent): Effect.Effect<void> => {
    switch (event._tag) {
      case "SegmentStarted":
        return Ref.set(characters, event.textOffset)
      case "AudioChunk":
        return hear(event.chunk)
      default:
        return Effect.void
    }
  }

  return {
    read: Effect.all({
      elapsed,
      firstAudio: Ref.get(firstAudio),
      audio: Ref.get(audio),
      characters: Ref.get(characters)
    }),
    count: (events) =>
      Stream.unwrap(Effect.map(
        Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.set(started, now)),
        () => Stream.tap(events, add)
      ))
  }
})

const seconds = (millis: number): string => `${(millis / 1000).toFixed(millis < 9995 ? 2 : 1)} s`

const pace = ({ audio, elapsed }: Reading): string => {
  const factor = audio / Math.max(1, elapsed)
  return factor < 1
    ? `${factor.toFixed(1)} times as fast as real time`
    : `${factor < 10 ? factor.toFixed(1) : Math.round(factor)} times faster than real time`
}

const gaps = ({ underruns }: AudioPlayer.PlaybackReport): ReadonlyArray<string> =>
  underruns === 0 ? [] : [underruns === 1 ? "one gap where audio came late" : `${underruns} gaps where audio came late`]

/**
 * What is told at the end.
 *
 * @internal
 */
export const summary = (
  reading: Reading,
  options: {
    readonly voice: string
    readonly place: string
    readonly playback: Option.Option<AudioPlayer.PlaybackReport>
  }
): string =>
  [
    `${options.place}: ${seconds(reading.audio)} of speech by ${options.voice}`,
    ...Option.match(reading.firstAudio, {
      onNone: () => [],
      onSome: (firstAudio) => [`first audio after ${seconds(firstAudio)}`]
    }),
    // Played speech takes its own time, whatever the engine could do.
    ...Option.match(options.playback, { onNone: () => [pace(reading)], onSome: gaps })
  ].join(", ")

const barWidth = 12

const bar = (share: number): string => {
  const done = Math.round(barWidth * share)
  return `[${"#".repeat(done)}${"-".repeat(barWidth - done)}] ${Math.floor(100 * share)} %, `
}

const count = new Intl.NumberFormat("en")

/**
 * What is told on the way: a bar where the length of the text is known.
 *
 * @internal
 */
export const progress = (reading: Reading, length: Option.Option<number>): string =>
  Option.isNone(reading.firstAudio)
    ? `Waiting for audio, ${Math.floor(reading.elapsed / 1000)} s`
    : [
      Option.match(length, { onNone: () => "", onSome: (length) => bar(reading.characters / Math.max(1, length)) }),
      `${count.format(reading.characters)} characters, `,
      `${(reading.audio / 1000).toFixed(1)} s of speech, ${pace(reading)}`
    ].join("")

const clearLine = "\r\u001b[2K"

// A line that is wider than the terminal is cut: wrapped, it could not be rewritten.
const oneLine = (text: string): string => `${clearLine}\u001b[?7l${text}\u001b[?7h`

/**
 * Shows progress on a terminal in one line that is rewritten, from the first second on, until the scope closes. Nothing
 * is shown where standard error is not a terminal.
 *
 * @internal
 */
export const show = (meter: Meter, length: Option.Option<number>): Effect.Effect<void, never, Stdio | Scope.Scope> =>
  Effect.flatMap(Stdio, ({ stderr }) => {
    if (!stderr.isTerminal) return Effect.void
    // A terminal that goes away takes the progress with it, and nothing else.
    const display = (text: string) => Effect.ignore(stderr.write(text))
    const update = Effect.flatMap(meter.read, (reading) => display(oneLine(progress(reading, length))))
    return update.pipe(
      Effect.repeat(Schedule.spaced("200 millis")),
      Effect.delay("1 second"),
      Effect.ensuring(display(clearLine)),
      Effect.forkScoped,
      Effect.asVoid
    )
  })
