import { AudioPlayer, Pcm } from "@effect-smallest/core"
import { TestAudioPlayer } from "@effect-smallest/testing"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Option, Stream, TestClock } from "effect"

const format = Pcm.format(8000)

const ramp = Int16Array.from({ length: 16000 }, (_, i) => i + 1)

const twoSeconds = Stream.fromIterable([ramp.slice(0, 3000), ramp.slice(3000)]).pipe(
  Stream.map((samples) => Pcm.fromSamples(format, samples))
)

const broken = new AudioPlayer.PlaybackError({
  reason: "PlayerFailed",
  player: "test",
  description: "The headset was unplugged"
})

describe("TestAudioPlayer", () => {
  it.effect("recordings - hold what was heard, sample by sample, and what lies ahead", () =>
    Effect.gen(function*() {
      const playback = yield* AudioPlayer.start(twoSeconds)
      yield* TestClock.adjust("500 millis")
      const playing = yield* TestAudioPlayer.awaitRecording(0)
      assert.strictEqual(playing.status, "playing")
      assert.deepStrictEqual(Pcm.samples(playing.heard), ramp.slice(0, 4000))
      assert.closeTo(Duration.toMillis(playing.taken.duration), 700, 40)
      yield* playback.pause
      yield* TestClock.adjust("1 hour")
      const paused = yield* TestAudioPlayer.awaitRecording(0)
      assert.strictEqual(paused.status, "paused")
      assert.strictEqual(Duration.toMillis(paused.heard.duration), 500)
      yield* playback.resume
      yield* TestClock.adjust("1500 millis")
      yield* playback.await
      const ended = yield* TestAudioPlayer.awaitRecording(0)
      assert.strictEqual(ended.status, "ended")
      assert.deepStrictEqual(Pcm.samples(ended.heard), ramp)
    }).pipe(Effect.scoped, Effect.provide(TestAudioPlayer.layer())))

  it.effect("recordings - one for each playback that had audio", () =>
    Effect.gen(function*() {
      const listener = yield* Effect.fork(
        Effect.forEach([twoSeconds, Stream.empty, Stream.take(twoSeconds, 1)], AudioPlayer.play)
      )
      const first = yield* TestAudioPlayer.awaitRecording(0)
      assert.strictEqual(first.index, 0)
      const second = yield* Effect.fork(TestAudioPlayer.awaitRecording(1))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isNone(yield* Fiber.poll(second)))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(listener)
      assert.strictEqual((yield* Fiber.join(second)).index, 1)
      const recordings = yield* TestAudioPlayer.recordings
      assert.deepStrictEqual(recordings.map(({ heard }) => Duration.toMillis(heard.duration)), [2000, 375])
    }).pipe(Effect.provide(TestAudioPlayer.layer())))

  it.effect("bufferDuration - is what is taken ahead", () =>
    Effect.gen(function*() {
      yield* AudioPlayer.start(twoSeconds)
      yield* TestClock.adjust("100 millis")
      const { taken } = yield* TestAudioPlayer.awaitRecording(0)
      assert.closeTo(Duration.toMillis(taken.duration), 1100, 40)
    }).pipe(Effect.scoped, Effect.provide(TestAudioPlayer.layer({ bufferDuration: "1 second" }))))

  it.effect("startDelay - passes before the first sound", () =>
    Effect.gen(function*() {
      const listener = yield* Effect.fork(AudioPlayer.play(twoSeconds))
      yield* TestClock.adjust("100 millis")
      const { heard } = yield* TestAudioPlayer.awaitRecording(0)
      assert.strictEqual(Duration.toMillis(heard.duration), 0)
      yield* TestClock.adjust("2050 millis")
      const { firstAudio } = yield* Fiber.join(listener)
      assert.deepStrictEqual(Option.map(firstAudio, Duration.toMillis), Option.some(150))
    }).pipe(Effect.provide(TestAudioPlayer.layer({ startDelay: "150 millis" }))))

  it.effect("failures - break a playback in its middle, and leave the others alone", () =>
    Effect.gen(function*() {
      const listener = yield* Effect.fork(Effect.all([
        AudioPlayer.play(twoSeconds),
        Effect.flip(AudioPlayer.play(twoSeconds)),
        AudioPlayer.play(twoSeconds)
      ]))
      yield* TestClock.adjust("10 seconds")
      const [, error] = yield* Fiber.join(listener)
      assert.strictEqual(error.message, broken.message)
      const recordings = yield* TestAudioPlayer.recordings
      assert.deepStrictEqual(recordings.map(({ heard }) => Duration.toMillis(heard.duration)), [2000, 750, 2000])
    }).pipe(
      Effect.provide(TestAudioPlayer.layer({ failures: [{ index: 1, after: "750 millis", error: broken }] }))
    ))

  it.effect("failures - wait for a paused listener", () =>
    Effect.gen(function*() {
      const playback = yield* AudioPlayer.start(twoSeconds)
      yield* TestClock.adjust("500 millis")
      yield* playback.pause
      yield* TestClock.adjust("1 hour")
      yield* playback.resume
      yield* TestClock.adjust("250 millis")
      assert.strictEqual((yield* Effect.flip(playback.await)).message, broken.message)
    }).pipe(
      Effect.scoped,
      Effect.provide(TestAudioPlayer.layer({ failures: [{ index: 0, after: "750 millis", error: broken }] }))
    ))

  it.effect("unavailable - fails every start", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(AudioPlayer.play(Stream.die("the stream was run")))
      assert.strictEqual(error.message, broken.message)
      assert.deepStrictEqual(yield* TestAudioPlayer.recordings, [])
    }).pipe(Effect.provide(TestAudioPlayer.layer({ unavailable: broken }))))

  it.effect("sampleRates - others are refused", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(AudioPlayer.play(twoSeconds))
      assert.strictEqual(error.reason, "UnsupportedFormat")
      assert.include(error.message, "The player takes 24000, 48000 Hz, and the audio has 8000 Hz.")
    }).pipe(Effect.provide(TestAudioPlayer.layer({ sampleRates: [24000, 48000] }))))
})
