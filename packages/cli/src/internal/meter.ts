import type * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as Pcm from "@effect-smallest/core/Pcm"
import type { SpeechEvent } from "@effect-smallest/core/SpeechEvent"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Stdio } from "../Stdio.js"
import * as StatusLine from "./statusLine.js"

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

/** @internal */
export const pace = ({ audio, elapsed }: Reading): string => {
  const factor = audio / Math.max(1, elapsed)
  return factor < 1
    ? `${factor.toFixed(1)} times as fast as real time`
    : `${factor < 10 ? factor.toFixed(1) : Math.round(factor)} times faster than real time`
}

const gaps = ({ underruns }: AudioPlayer.PlaybackReport): ReadonlyArray<string> =>
  underruns === 0 ? [] : [underruns === 1 ? "one gap where audio came late" : `${underruns} gaps where audio came late`]

/**
 * The message at the end.
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

const count = new Intl.NumberFormat("en")

/**
 * The message on the way: a bar if the length of the text is known.
 *
 * @internal
 */
export const progress = (reading: Reading, length: Option.Option<number>): string =>
  Option.isNone(reading.firstAudio)
    ? `Waiting for audio, ${Math.floor(reading.elapsed / 1000)} s`
    : [
      Option.match(length, {
        onNone: () => "",
        onSome: (length) => `${StatusLine.bar(reading.characters / Math.max(1, length))}, `
      }),
      `${count.format(reading.characters)} characters, `,
      `${(reading.audio / 1000).toFixed(1)} s of speech, ${pace(reading)}`
    ].join("")

/**
 * Shows progress on a terminal, from the first second on, until the scope closes.
 *
 * @internal
 */
export const show = (meter: Meter, length: Option.Option<number>): Effect.Effect<void, never, Stdio | Scope.Scope> =>
  StatusLine.show(Effect.map(meter.read, (reading) => progress(reading, length)))
