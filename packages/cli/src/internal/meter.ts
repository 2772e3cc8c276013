import type * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as Pcm from "@effect-smallest/core/Pcm"
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
}

/** @internal */
export interface Meter {
  readonly read: Effect.Effect<Reading>
  /** Counts what passes through, from the moment the stream is run. */
  readonly count: <E, R>(pcm: Stream.Stream<Pcm.PcmChunk, E, R>) => Stream.Stream<Pcm.PcmChunk, E, R>
}

/** @internal */
export const make: Effect.Effect<Meter> = Effect.gen(function*() {
  const started = yield* Ref.make(yield* Clock.currentTimeMillis)
  const firstAudio = yield* Ref.make(Option.none<number>())
  const audio = yield* Ref.make(0)

  const elapsed = Effect.zipWith(Clock.currentTimeMillis, Ref.get(started), (now, then) => now - then)

  const add = (chunk: Pcm.PcmChunk) =>
    Effect.flatMap(elapsed, (elapsed) =>
      Effect.zipRight(
        Ref.update(firstAudio, Option.orElseSome(() => elapsed)),
        Ref.update(audio, (audio) => audio + Duration.toMillis(Pcm.duration(chunk)))
      ))

  return {
    read: Effect.all({ elapsed, firstAudio: Ref.get(firstAudio), audio: Ref.get(audio) }),
    count: (pcm) =>
      Stream.unwrap(Effect.map(
        Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.set(started, now)),
        () => Stream.tap(pcm, add)
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

/**
 * What is told on the way.
 *
 * @internal
 */
export const progress = (reading: Reading): string =>
  Option.isNone(reading.firstAudio)
    ? `Waiting for audio, ${Math.floor(reading.elapsed / 1000)} s`
    : `${(reading.audio / 1000).toFixed(1)} s of speech, ${pace(reading)}`

const clearLine = "\r\u001b[2K"

/**
 * Shows progress on a terminal in one line that is rewritten, from the first second on, until the scope closes. Nothing
 * is shown where standard error is not a terminal.
 *
 * @internal
 */
export const show = (meter: Meter): Effect.Effect<void, never, Stdio | Scope.Scope> =>
  Effect.flatMap(Stdio, ({ stderr }) => {
    if (!stderr.isTerminal) return Effect.void
    // A terminal that goes away takes the progress with it, and nothing else.
    const display = (text: string) => Effect.ignore(stderr.write(text))
    const update = Effect.flatMap(meter.read, (reading) => display(`${clearLine}${progress(reading)}`))
    return update.pipe(
      Effect.repeat(Schedule.spaced("200 millis")),
      Effect.delay("1 second"),
      Effect.ensuring(display(clearLine)),
      Effect.forkScoped,
      Effect.asVoid
    )
  })
