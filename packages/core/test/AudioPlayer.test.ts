import { AudioPlayer, Pcm, Playhead } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Option, Ref, Schema, Sink, Stream, TestClock } from "effect"

const format = Pcm.format(8000)

const seconds = (count: number) =>
  Stream.range(1, count).pipe(Stream.rechunk(1), Stream.map(() => Pcm.silence(format, "1 second")))

/** A device by the clock of the test that tells what happens to it. */
const testDevice = (options: {
  readonly broken?: Effect.Effect<never, AudioPlayer.PlaybackError>
  readonly open?: Effect.Effect<void, AudioPlayer.PlaybackError>
} = {}) =>
  Effect.map(Ref.make<ReadonlyArray<string>>([]), (log) => {
    const note = (event: string) => Ref.update(log, (events) => [...events, event])
    const device: AudioPlayer.Device = {
      name: "device",
      open: (format) =>
        Effect.gen(function*() {
          yield* Effect.acquireRelease(note(`open ${format.sampleRate}`), () => note("close"))
          yield* options.open ?? Effect.void
          const playhead = yield* Playhead.make({ lead: "100 millis" })
          const longest = yield* Ref.make(0)
          yield* playhead.start
          return {
            write: (chunk) =>
              Effect.zipRight(
                Ref.update(longest, (length) => Math.max(length, Duration.toMillis(Pcm.duration(chunk)))),
                playhead.advance(Pcm.duration(chunk))
              ),
            drain: Effect.zipRight(
              Effect.flatMap(Ref.get(longest), (length) => note(`drain, longest write ${length} ms`)),
              playhead.drained
            ),
            pause: Effect.zipRight(playhead.pause, note("pause")),
            resume: Effect.zipRight(playhead.resume, note("resume")),
            position: playhead.position,
            underruns: playhead.underruns,
            started: playhead.started,
            broken: options.broken ?? Effect.never
          }
        })
    }
    const acquire = Effect.acquireRelease(Effect.as(note("acquire"), device), () => note("release"))
    return { player: AudioPlayer.make(acquire), log: Ref.get(log) }
  })

const gone = new AudioPlayer.PlaybackError({
  reason: "PlayerFailed",
  player: "device",
  description: "The device is gone"
})

describe("AudioPlayer", () => {
  it.effect("make - acquires the device, opens it when the format is known, and lets go of both", () =>
    Effect.gen(function*() {
      const { log, player } = yield* testDevice()
      const first = yield* Deferred.make<Pcm.PcmChunk>()
      const fiber = yield* Effect.fork(player.play(Stream.fromEffect(Deferred.await(first))))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* log, ["acquire"])
      yield* Deferred.succeed(first, Pcm.silence(format, "1 second"))
      yield* TestClock.adjust("2 seconds")
      const { firstAudio, heard, ...report } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(report, { outcome: "completed", player: "device", underruns: 0 })
      assert.strictEqual(Duration.toMillis(heard), 1000)
      assert.deepStrictEqual(Option.map(firstAudio, Duration.toMillis), Option.some(1000))
      assert.deepStrictEqual(yield* log, ["acquire", "open 8000", "drain, longest write 40 ms", "close", "release"])
    }))

  it.effect("make - an error of the stream comes after the audio that was due", () =>
    Effect.gen(function*() {
      const { player } = yield* testDevice()
      const fiber = yield* Effect.fork(Effect.flip(player.play(Stream.concat(seconds(2), Stream.fail("broken")))))
      yield* TestClock.adjust("1990 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("10 millis")
      assert.strictEqual(yield* Fiber.join(fiber), "broken")
    }))

  it.effect("make - a device that breaks ends the stream and the playback", () =>
    Effect.gen(function*() {
      const { log, player } = yield* testDevice({ broken: Effect.delay(gone, "500 millis") })
      const isReleased = yield* Deferred.make<void>()
      const stream = Stream.ensuring(seconds(10), Deferred.succeed(isReleased, undefined))
      const playback = yield* player.start(stream)
      yield* TestClock.adjust("500 millis")
      assert.strictEqual((yield* Effect.flip(playback.await)).message, gone.message)
      assert.isTrue(yield* Deferred.isDone(isReleased))
      assert.include(yield* log, "release")
      const report = yield* playback.stop
      assert.strictEqual(report.outcome, "failed")
      assert.strictEqual(Duration.toMillis(report.heard), 500)
    }).pipe(Effect.scoped))

  it.effect("make - plays where a jittered delay has left a fraction of a nanosecond on a TestClock", () =>
    Effect.gen(function*() {
      const { player } = yield* testDevice()
      yield* TestClock.adjust(Duration.millis(500 + 1 / 3))
      const fiber = yield* Effect.fork(player.play(seconds(1)))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).outcome, "completed")
    }))

  it.effect("make - a device that does not open fails the playback", () =>
    Effect.gen(function*() {
      const { log, player } = yield* testDevice({ open: gone })
      const error = yield* Effect.flip(player.play(seconds(1)))
      assert.strictEqual(error.message, gone.message)
      assert.deepStrictEqual(yield* log, ["acquire", "open 8000", "close", "release"])
    }))

  it.effect("make - a device that cannot be acquired fails the start, and the stream is not run", () =>
    Effect.gen(function*() {
      const player = AudioPlayer.make(gone)
      const stream = Stream.die("the stream was run")
      assert.strictEqual(yield* Effect.flip(Effect.scoped(player.start(stream))), gone)
      assert.strictEqual(yield* Effect.flip(Stream.run(seconds(1), player.sink)), gone)
    }))

  it.effect("make - a stop does not wait for a source that is slow to let go", () =>
    Effect.gen(function*() {
      const { log, player } = yield* testDevice()
      const stream = Stream.ensuring(seconds(10), Effect.sleep("5 seconds"))
      const playback = yield* player.start(stream)
      yield* TestClock.adjust("1 second")
      const fiber = yield* Effect.fork(playback.stop)
      yield* TestClock.adjust("1 millis")
      assert.include(yield* log, "release", "the device is silent")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)), "the source is still letting go")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).outcome, "stopped")
    }).pipe(Effect.scoped))

  it.effect("make - pause and resume reach the device once each", () =>
    Effect.gen(function*() {
      const { log, player } = yield* testDevice()
      const playback = yield* player.start(seconds(2))
      yield* TestClock.adjust("500 millis")
      yield* Effect.all([playback.pause, playback.pause], { concurrency: 2 })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(Duration.toMillis(yield* playback.position), 500)
      yield* Effect.all([playback.resume, playback.resume], { concurrency: 2 })
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual((yield* playback.await).underruns, 0)
      assert.deepStrictEqual((yield* log).filter((event) => /pause|resume/.test(event)), ["pause", "resume"])
    }).pipe(Effect.scoped))

  it.effect("make - a pause before the audio waits for a resume", () =>
    Effect.gen(function*() {
      const { log, player } = yield* testDevice()
      const playback = yield* player.start(seconds(1))
      yield* playback.pause
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* log, ["acquire"])
      yield* playback.resume
      yield* TestClock.adjust("1 second")
      const report = yield* playback.await
      assert.strictEqual(report.outcome, "completed")
      assert.deepStrictEqual(Option.map(report.firstAudio, Duration.toMillis), Option.some(1000))
    }).pipe(Effect.scoped))

  it.effect("sink - composes with others, and a broken device fails it", () =>
    Effect.gen(function*() {
      const { player } = yield* testDevice()
      const fiber = yield* Effect.fork(
        Stream.run(seconds(3), Sink.zip(player.sink, Sink.count, { concurrent: true }))
      )
      yield* TestClock.adjust("3 seconds")
      const [report, count] = yield* Fiber.join(fiber)
      assert.strictEqual(Duration.toMillis(report.heard), 3000)
      assert.strictEqual(count, 3)

      const broken = yield* testDevice({ broken: Effect.delay(gone, "500 millis") })
      const failing = yield* Effect.fork(Effect.flip(Stream.run(seconds(10), broken.player.sink)))
      yield* TestClock.adjust("500 millis")
      assert.strictEqual((yield* Fiber.join(failing)).message, gone.message)
    }))

  it.effect("sink - interruption lets go of the device", () =>
    Effect.gen(function*() {
      const { log, player } = yield* testDevice()
      const fiber = yield* Effect.fork(Stream.run(seconds(10), player.sink))
      yield* TestClock.adjust("1 second")
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
      assert.include(yield* log, "release")
    }))

  it.effect("layerNoop - takes audio as fast as it comes", () =>
    Effect.gen(function*() {
      const report = yield* AudioPlayer.play(seconds(60))
      assert.strictEqual(report.outcome, "completed")
      assert.strictEqual(Duration.toSeconds(report.heard), 60)
      assert.strictEqual(yield* Effect.flip(AudioPlayer.play(Stream.fail("an error"))), "an error")
      const sunk = yield* Stream.run(seconds(2), AudioPlayer.sink)
      assert.strictEqual(Duration.toSeconds(sunk.heard), 2)
    }).pipe(Effect.provide(AudioPlayer.layerNoop)))

  it("PlaybackError - says what to do, and crosses processes", () => {
    const messages = Object.fromEntries(
      (["NoPlayer", "PlayerFailed", "UnsupportedFormat", "NotAllowed"] as const).map((reason) => {
        const error = new AudioPlayer.PlaybackError({ reason, description: "It is silent" })
        const json = JSON.stringify(Schema.encodeSync(AudioPlayer.PlaybackError)(error))
        const back = Schema.decodeUnknownSync(AudioPlayer.PlaybackError)(JSON.parse(json))
        assert.strictEqual(back.message, error.message)
        return [reason, error.message]
      })
    )
    assert.deepStrictEqual(messages, {
      NoPlayer: "It is silent. In Node, install ffmpeg, mpv or alsa-utils; anywhere, save the audio to a file instead.",
      PlayerFailed: "It is silent. Check that the machine has a working sound device, or choose another player.",
      UnsupportedFormat: "It is silent. Change the audio with Pcm.resample, or choose another player.",
      NotAllowed: "It is silent. Start playback from a click or key handler."
    })
  })
})
