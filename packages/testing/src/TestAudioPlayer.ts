/**
 * A loudspeaker for tests: it takes the time that real ones take, by the clock of the test, and remembers every sample.
 *
 * @since 0.1.0
 */
import * as Audio from "@effect-smallest/core/Audio"
import * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Playhead from "@effect-smallest/core/Playhead"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

/**
 * The control of the loudspeaker.
 *
 * @since 0.1.0
 * @category services
 */
export class TestAudioPlayer extends Context.Tag("@effect-smallest/testing/TestAudioPlayer")<
  TestAudioPlayer,
  Service
>() {}

/**
 * One playback, as the listener knows it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Recording {
  /** The place among all playbacks that had audio, from 0. */
  readonly index: number
  /** What has been heard so far. */
  readonly heard: Audio.Audio
  /** What was taken from the stream: `heard`, and what lies ready to be heard. */
  readonly taken: Audio.Audio
  readonly status: "playing" | "paused" | "ended"
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** All playbacks that had audio, in the order of their first sample. */
  readonly recordings: Effect.Effect<ReadonlyArray<Recording>>
  /** Waits until a playback, counted from 0, has begun. */
  readonly awaitRecording: (index: number) => Effect.Effect<Recording>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How much audio is taken ahead of the listener.
   * @default "200 millis"
   */
  readonly bufferDuration?: Duration.DurationInput | undefined
  /**
   * The time from the first audio to its sound.
   * @default "0 millis"
   */
  readonly startDelay?: Duration.DurationInput | undefined
  /** Fails every start with this error, as if no player were installed. */
  readonly unavailable?: AudioPlayer.PlaybackError | undefined
  /** The sample rates that are accepted; others are refused as `UnsupportedFormat`. All by default. */
  readonly sampleRates?: ReadonlyArray<number> | undefined
  /** Breaks playbacks, by their index: after so much has been heard, with this error. */
  readonly failures?:
    | ReadonlyArray<{
      readonly index: number
      readonly after: Duration.DurationInput
      readonly error: AudioPlayer.PlaybackError
    }>
    | undefined
}

const check = LayerOptions.make<Options>("TestAudioPlayer.layer", {
  bufferDuration: LayerOptions.duration,
  startDelay: LayerOptions.duration,
  unavailable: LayerOptions.code,
  sampleRates: LayerOptions.list,
  failures: LayerOptions.list
})

interface Entry {
  readonly format: Pcm.PcmFormat
  readonly parts: Array<Uint8Array>
  readonly playhead: Playhead.Playhead
  status: Recording["status"]
}

const recordingOf = (entry: Entry, index: number): Effect.Effect<Recording> =>
  Effect.map(entry.playhead.position, (position) => {
    const taken = join(entry.parts)
    const heard = taken.subarray(0, Math.min(taken.length, Pcm.byteLength(entry.format, position)))
    return {
      index,
      heard: Audio.unsafeMake(entry.format, heard),
      taken: Audio.unsafeMake(entry.format, taken),
      status: entry.status
    }
  })

const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}

/**
 * Makes the player and its control, for tests that need no layer.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Options = {}): Effect.fn.Return<{
  readonly control: Service
  readonly player: AudioPlayer.Service
}> {
  const { bufferDuration = "200 millis", failures = [], sampleRates, startDelay = Duration.zero, unavailable } = check(
    options
  )
  const entries = yield* SubscriptionRef.make<ReadonlyArray<Entry>>([])

  const open = Effect.fnUntraced(function*(format: Pcm.PcmFormat) {
    if (sampleRates !== undefined && !sampleRates.includes(format.sampleRate)) {
      return yield* new AudioPlayer.PlaybackError({
        reason: "UnsupportedFormat",
        player: "test",
        description: `The player takes ${sampleRates.join(", ")} Hz, and the audio has ${format.sampleRate} Hz`
      })
    }
    const playhead = yield* Playhead.make({ lead: bufferDuration })
    const scope = yield* Effect.scope
    const entry: Entry = { format, parts: [], playhead, status: "playing" }
    const index = yield* SubscriptionRef.modify(entries, (all) => [all.length, [...all, entry]])
    const failure = failures.find((failure) => failure.index === index)
    const become = (status: Recording["status"]) =>
      Effect.sync(() => {
        entry.status = status
      })
    const begin = Duration.toMillis(startDelay) === 0
      ? playhead.start
      : Effect.forkIn(Effect.delay(playhead.start, startDelay), scope)
    yield* Effect.addFinalizer(() => Effect.zipRight(playhead.pause, become("ended")))

    const output: AudioPlayer.Output = {
      write: (chunk) =>
        Effect.zipRight(
          playhead.advance(Pcm.duration(chunk)),
          Effect.suspend(() => entry.parts.push(chunk.bytes) === 1 ? begin : Effect.void)
        ),
      drain: playhead.drained,
      pause: Effect.zipRight(playhead.pause, become("paused")),
      resume: Effect.zipRight(playhead.resume, become("playing")),
      position: playhead.position,
      underruns: playhead.underruns,
      started: playhead.started,
      broken: failure === undefined
        ? Effect.never
        : Effect.zipRight(playhead.reached(failure.after), Effect.fail(failure.error))
    }
    return output
  })

  const control = TestAudioPlayer.of({
    recordings: Effect.flatMap(SubscriptionRef.get(entries), Effect.forEach(recordingOf)),
    awaitRecording: (index) =>
      entries.changes.pipe(
        Stream.filterMap((all) => Option.fromNullable(all[index])),
        Stream.runHead,
        Effect.flatten,
        // The changes of a SubscriptionRef never end, so there is always a head.
        Effect.orDie,
        Effect.flatMap((entry) => recordingOf(entry, index))
      )
  })

  return {
    control,
    player: AudioPlayer.make(unavailable === undefined ? Effect.succeed({ name: "test", open }) : unavailable)
  }
})

/**
 * Provides `AudioPlayer`, and `TestAudioPlayer` to see what has been heard.
 *
 * @example
 * ```ts
 * import { AudioPlayer, Pcm } from "@effect-smallest/core"
 * import { TestAudioPlayer } from "@effect-smallest/testing"
 * import { assert, it } from "@effect/vitest"
 * import { Duration, Effect, Fiber, Stream, TestClock } from "effect"
 *
 * it.effect("story - can be interrupted", () =>
 *   Effect.gen(function*() {
 *     const story = Stream.make(Pcm.silence(Pcm.format(24000), "10 seconds"))
 *     const listener = yield* Effect.fork(AudioPlayer.play(story))
 *     yield* TestClock.adjust("3 seconds")
 *     yield* Fiber.interrupt(listener)
 *     const [recording] = yield* TestAudioPlayer.recordings
 *     assert.deepStrictEqual(recording?.heard.duration, Duration.seconds(3))
 *   }).pipe(Effect.provide(TestAudioPlayer.layer())))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<AudioPlayer.AudioPlayer | TestAudioPlayer> =>
  Layer.effectContext(
    Effect.map(make(options), ({ control, player }) =>
      Context.make(AudioPlayer.AudioPlayer, player).pipe(Context.add(TestAudioPlayer, control)))
  )

/**
 * All playbacks that had audio, in the order of their first sample.
 *
 * @since 0.1.0
 * @category accessors
 */
export const recordings: Effect.Effect<ReadonlyArray<Recording>, never, TestAudioPlayer> = Effect.flatMap(
  TestAudioPlayer,
  (service) => service.recordings
)

/**
 * Waits until a playback, counted from 0, has begun.
 *
 * @since 0.1.0
 * @category accessors
 */
export const awaitRecording = (index: number): Effect.Effect<Recording, never, TestAudioPlayer> =>
  Effect.flatMap(TestAudioPlayer, (service) => service.awaitRecording(index))
