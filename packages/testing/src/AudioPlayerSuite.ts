/**
 * The contract of the `AudioPlayer` port as a test suite: authors of players run it over their layer.
 *
 * It needs vitest and `@effect/vitest`, and runs in Node and in a browser.
 *
 * @since 0.1.0
 */
import * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as Pcm from "@effect-smallest/core/Pcm"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

/**
 * What a player is held to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Whether the player goes by Effect's clock, so that tests need not wait: `virtual`. Real players are `live`.
   * @default "live"
   */
  readonly clock?: "virtual" | "live" | undefined
  /**
   * The most audio that the player takes ahead of the listener.
   * @default "500 millis"
   */
  readonly lead?: Duration.DurationInput | undefined
  /**
   * How soon the player has to be silent after a stop or an interruption. The best of six tries counts.
   * @default "100 millis"
   */
  readonly stopLimit?: Duration.DurationInput | undefined
  /**
   * How long a player may take for what is not sound: to begin, and to end.
   * @default "3 seconds"
   */
  readonly overhead?: Duration.DurationInput | undefined
  /**
   * Whether the player knows its position from the device, or takes time for it: a player that takes all audio at once,
   * as drivers without a sound card do, ends early.
   * @default true
   */
  readonly isTimed?: boolean | undefined
  /** The samples that reached the loudspeaker in the last playback, if that can be known. Silence around is ignored. */
  readonly recording?: Effect.Effect<Pcm.PcmChunk> | undefined
  /**
   * Sample rates to try.
   * @default [8000, 16000, 44100, 48000]
   */
  readonly sampleRates?: ReadonlyArray<number> | undefined
  /** Skips all tests, for example if the player is not installed. */
  readonly skip?: boolean | undefined
}

const mono = Pcm.format(24000)

// A rising tone has no two places alike, and no sample of it is zero: loss, repetition and gaps are seen.
const tone = (duration: Duration.DurationInput, format: Pcm.PcmFormat = mono): Pcm.PcmChunk => {
  const frames = Pcm.byteLength(format, duration) / Pcm.frameSize(format)
  const samples = new Int16Array(frames * format.channels)
  for (let i = 0; i < samples.length; i++) {
    const seconds = Math.floor(i / format.channels) / format.sampleRate
    samples[i] = Math.round(3000 * Math.sin(2 * Math.PI * (200 * seconds + 150 * seconds * seconds))) | 1
  }
  return Pcm.fromSamples(format, samples)
}

const cut = (chunk: Pcm.PcmChunk, piece: Duration.DurationInput): Stream.Stream<Pcm.PcmChunk> => {
  const step = Pcm.byteLength(chunk.format, piece)
  return Stream.range(0, Math.ceil(chunk.bytes.length / step) - 1).pipe(
    Stream.rechunk(1),
    Stream.map((i) => ({ format: chunk.format, bytes: chunk.bytes.subarray(i * step, (i + 1) * step) }))
  )
}

const sounding = (chunk: Pcm.PcmChunk): Int16Array => Pcm.samples(chunk).filter((sample) => sample !== 0)

/**
 * Registers the contract as tests: time, position, pause, stop, interruption, failures, back-pressure, formats.
 *
 * @example
 * ```ts
 * import { TestAudioPlayer } from "@effect-smallest/testing"
 * import { AudioPlayerSuite } from "@effect-smallest/testing/suites"
 *
 * AudioPlayerSuite.suite("a player of mine", TestAudioPlayer.layer(), { clock: "virtual" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const suite = <A, E>(
  name: string,
  layer: Layer.Layer<AudioPlayer.AudioPlayer | A, E>,
  options: Options = {}
): void => {
  const isVirtual = options.clock === "virtual"
  const isTimed = options.isTimed ?? true
  const stopLimit = Duration.toMillis(options.stopLimit ?? "100 millis")
  const lead = Duration.toMillis(options.lead ?? "500 millis")
  const overhead = Duration.toMillis(options.overhead ?? "3 seconds")
  const sampleRates = options.sampleRates ?? [8000, 16000, 44100, 48000]
  // Position, pause and resume have to be right within this, in milliseconds.
  const precision = 100

  const test = <E2>(
    behaviour: string,
    body: () => Effect.Effect<void, E2, AudioPlayer.AudioPlayer | Scope.Scope>,
    isApplicable: boolean = true
  ) =>
    (isVirtual ? it.scoped : it.scopedLive).skipIf(options.skip === true || !isApplicable)(
      behaviour,
      () => Effect.provide(body(), layer),
      30_000
    )

  const elapse = (millis: number): Effect.Effect<void> =>
    isVirtual ? TestClock.adjust(Duration.millis(millis)) : Effect.sleep(Duration.millis(millis))

  // Lets time pass until a condition holds.
  const until = <E2, R>(holds: Effect.Effect<boolean, E2, R>): Effect.Effect<void, E2, R> =>
    Effect.flatMap(holds, (reached) => reached ? Effect.void : Effect.zipRight(elapse(10), until(holds)))

  // Lets time pass until an effect ends.
  const settled = <B, E2, R>(effect: Effect.Effect<B, E2, R>): Effect.Effect<B, E2, R> =>
    isVirtual
      ? Effect.flatMap(Effect.fork(effect), (fiber) =>
        Effect.zipRight(until(Effect.map(Fiber.poll(fiber), Option.isSome)), Fiber.join(fiber)))
      : effect

  const millis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)

  const position = (playback: AudioPlayer.Playback<unknown>) => Effect.map(playback.position, Duration.toMillis)

  const untilHeard = (playback: AudioPlayer.Playback<unknown>, atLeast: number) =>
    until(Effect.map(position(playback), (heard) => heard >= atLeast))

  const assertRecorded = (expected: Pcm.PcmChunk) =>
    options.recording === undefined ? Effect.void : Effect.map(options.recording, (recording) => {
      const actual = sounding(recording)
      const wanted = sounding(expected)
      assert.strictEqual(actual.length, wanted.length, "the number of samples that reached the loudspeaker")
      assert.strictEqual(actual.findIndex((sample, i) => sample !== wanted[i]), -1, "the first different sample")
    })

  const assertCompleted = (report: AudioPlayer.PlaybackReport, audio: Pcm.PcmChunk) => {
    assert.strictEqual(report.outcome, "completed")
    assert.closeTo(Duration.toMillis(report.heard), Duration.toMillis(Pcm.duration(audio)), 0.01, "heard")
    assert.isTrue(Option.isSome(report.firstAudio), "there was sound")
    assert.isAbove(report.player.length, 0, "the player has a name")
  }

  // Tries again: a machine that is busy with something else must not fail a player.
  const assertWithin = <E2, R>(limit: number, what: string, attempt: Effect.Effect<number, E2, R>) =>
    Effect.gen(function*() {
      let best = yield* attempt
      for (let tries = 1; tries < 6 && best > limit; tries++) best = Math.min(best, yield* attempt)
      assert.isAtMost(best, limit, `${what}, in milliseconds`)
    })

  const assertNoGap = (report: AudioPlayer.PlaybackReport) => {
    // A real machine that is busy may be late, and says so.
    if (isVirtual) assert.strictEqual(report.underruns, 0, "underruns")
  }

  describe(name, () => {
    // play

    test("play - lasts as long as the audio, and reports what has been heard", () =>
      Effect.gen(function*() {
        const audio = tone("1200 millis")
        const before = yield* millis
        const report = yield* settled(AudioPlayer.play(cut(audio, "100 millis")))
        const took = (yield* millis) - before
        assertCompleted(report, audio)
        assertNoGap(report)
        if (isTimed) assert.isAtLeast(took, 1190, "the time it took")
        assert.isAtMost(took, 1200 + overhead, "the time it took")
        yield* assertRecorded(audio)
      }))

    test("play - any cut of the audio sounds the same", () =>
      Effect.gen(function*() {
        const audio = tone("600 millis")
        const { bytes, format } = audio
        const pieces = [0, 2, 4, 4, 10, 3000, 3002, 20000].map((from, i, all) => ({
          format,
          bytes: bytes.subarray(from, all[i + 1] ?? bytes.length)
        }))
        assertCompleted(yield* settled(AudioPlayer.play(Stream.fromIterable(pieces))), audio)
        yield* assertRecorded(audio)
        assertCompleted(yield* settled(AudioPlayer.play(Stream.make(audio))), audio)
        yield* assertRecorded(audio)
      }))

    for (const format of [...sampleRates.map((rate) => Pcm.format(rate)), Pcm.format(24000, 2)]) {
      test(`play - ${format.sampleRate} Hz, ${format.channels === 1 ? "mono" : "stereo"}`, () =>
        Effect.gen(function*() {
          const audio = tone("300 millis", format)
          assertCompleted(yield* settled(AudioPlayer.play(cut(audio, "50 millis"))), audio)
          yield* assertRecorded(audio)
        }))
    }

    test("play - a stream without audio ends at once", () =>
      Effect.gen(function*() {
        const report = yield* settled(AudioPlayer.play(Stream.empty))
        assert.strictEqual(report.outcome, "completed")
        assert.isTrue(Duration.equals(report.heard, Duration.zero))
        assert.isTrue(Option.isNone(report.firstAudio))
      }))

    test("play - one after the other", () =>
      Effect.gen(function*() {
        for (const duration of ["300 millis", "200 millis"] as const) {
          assertCompleted(yield* settled(AudioPlayer.play(cut(tone(duration), "50 millis"))), tone(duration))
        }
      }))

    test("play - interruption ends the sound and the stream", () =>
      Effect.gen(function*() {
        const attempt = Effect.gen(function*() {
          const released = yield* Deferred.make<void>()
          const begun = yield* Deferred.make<void>()
          const fiber = yield* cut(tone("5 seconds"), "50 millis").pipe(
            Stream.tap(() => Deferred.succeed(begun, undefined)),
            Stream.ensuring(Deferred.succeed(released, undefined)),
            AudioPlayer.play,
            Effect.fork
          )
          yield* Deferred.await(begun)
          yield* elapse(400)
          const before = yield* millis
          yield* Fiber.interrupt(fiber)
          const took = (yield* millis) - before
          assert.isTrue(yield* Deferred.isDone(released), "the stream was released")
          return took
        })
        yield* assertWithin(stopLimit, "until the player let go", attempt)
      }))

    // position, pause, resume

    test("position - follows the sound", () =>
      Effect.gen(function*() {
        const attempt = Effect.gen(function*() {
          const playback = yield* AudioPlayer.start(cut(tone("3 seconds"), "100 millis"))
          yield* untilHeard(playback, 1)
          const from = { at: yield* millis, heard: yield* position(playback) }
          let worst = 0
          for (const wait of [200, 500, 300]) {
            yield* elapse(wait)
            const heard = yield* position(playback)
            worst = Math.max(worst, Math.abs(from.heard + (yield* millis) - from.at - heard))
          }
          yield* playback.stop
          return worst
        })
        yield* assertWithin(precision, "between the position and the sound", attempt)
      }))

    test("position - never goes back, and ends with the audio", () =>
      Effect.gen(function*() {
        const playback = yield* AudioPlayer.start(cut(tone("600 millis"), "100 millis"))
        const fiber = yield* Effect.fork(playback.await)
        let highest = 0
        yield* until(Effect.gen(function*() {
          const heard = yield* position(playback)
          assert.isAtLeast(heard, highest)
          highest = heard
          return Option.isSome(yield* Fiber.poll(fiber))
        }))
        assert.closeTo(yield* position(playback), 600, 0.01)
      }))

    test("pause - stops the sound, and resume continues without loss", () =>
      Effect.gen(function*() {
        const audio = tone("1500 millis")
        const attempt = Effect.gen(function*() {
          const playback = yield* AudioPlayer.start(cut(audio, "100 millis"))
          yield* untilHeard(playback, 500)
          const before = yield* position(playback)
          yield* playback.pause
          yield* elapse(100)
          const paused = yield* position(playback)
          yield* elapse(600)
          assert.closeTo(yield* position(playback), paused, 1, "the position does not move in a pause")
          const resumed = yield* millis
          yield* playback.resume
          yield* elapse(300)
          const elapsed = (yield* millis) - resumed
          const after = yield* position(playback)
          const report = yield* settled(playback.await)
          const took = (yield* millis) - resumed
          assertCompleted(report, audio)
          assertNoGap(report)
          if (isTimed) assert.isAtLeast(took, 1500 - paused - precision, "the rest was heard after the pause")
          yield* assertRecorded(audio)
          return Math.max(Math.abs(paused - before), Math.abs(paused + elapsed - after))
        })
        yield* assertWithin(precision, "between the position and the sound, around a pause", attempt)
      }))

    test("pause - before the first audio, nothing sounds until resume", () =>
      Effect.gen(function*() {
        const audio = tone("300 millis")
        const playback = yield* AudioPlayer.start(cut(audio, "100 millis"))
        yield* playback.pause
        yield* playback.pause
        yield* elapse(400)
        assert.isAtMost(yield* position(playback), precision)
        yield* playback.resume
        yield* playback.resume
        assertCompleted(yield* settled(playback.await), audio)
      }))

    test("pause - the stream waits with the listener", () =>
      Effect.gen(function*() {
        const taken = yield* Ref.make(0)
        const playback = yield* cut(tone("10 seconds"), "20 millis").pipe(
          Stream.tap(() => Ref.update(taken, (sum) => sum + 20)),
          AudioPlayer.start
        )
        yield* untilHeard(playback, 200)
        yield* playback.pause
        yield* elapse(600)
        assert.isAtMost(yield* Ref.get(taken), (yield* position(playback)) + lead + 100, "milliseconds taken")
        const { outcome } = yield* playback.stop
        assert.strictEqual(outcome, "stopped", "a paused player can be stopped")
      }))

    test("pause - after the end it does nothing", () =>
      Effect.gen(function*() {
        const playback = yield* AudioPlayer.start(Stream.make(tone("100 millis")))
        yield* settled(playback.await)
        yield* playback.pause
        yield* playback.resume
        assert.strictEqual((yield* playback.await).outcome, "completed")
      }))

    // stop

    test("stop - ends the sound, and reports what has been heard", () =>
      Effect.gen(function*() {
        const attempt = Effect.gen(function*() {
          const playback = yield* AudioPlayer.start(cut(tone("5 seconds"), "100 millis"))
          yield* untilHeard(playback, 300)
          const heard = yield* position(playback)
          const before = yield* millis
          const report = yield* playback.stop
          const took = (yield* millis) - before
          assert.strictEqual(report.outcome, "stopped")
          assert.isAtLeast(Duration.toMillis(report.heard), heard)
          assert.deepStrictEqual(yield* playback.await, report, "await returns the same")
          assert.deepStrictEqual(yield* playback.stop, report, "a second stop returns the same")
          yield* elapse(100)
          assert.strictEqual(yield* position(playback), Duration.toMillis(report.heard), "the position stays")
          return took
        })
        yield* assertWithin(stopLimit, "until the player let go", attempt)
      }))

    test("stop - before the first audio", () =>
      Effect.gen(function*() {
        const playback = yield* AudioPlayer.start(Stream.never)
        const report = yield* playback.stop
        assert.strictEqual(report.outcome, "stopped")
        assert.isTrue(Option.isNone(report.firstAudio))
      }))

    test("stop - after the end it changes nothing", () =>
      Effect.gen(function*() {
        const playback = yield* AudioPlayer.start(Stream.make(tone("100 millis")))
        const report = yield* settled(playback.await)
        assert.deepStrictEqual(yield* playback.stop, report)
        assert.deepStrictEqual(yield* playback.await, report)
      }))

    test("start - the end of the scope is a stop", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const playback = yield* Scope.extend(AudioPlayer.start(cut(tone("5 seconds"), "100 millis")), scope)
        yield* untilHeard(playback, 100)
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* playback.await).outcome, "stopped")
      }))

    test("start - works if interruption is off", () =>
      Effect.gen(function*() {
        const playback = yield* Effect.uninterruptible(AudioPlayer.start(cut(tone("5 seconds"), "100 millis")))
        yield* untilHeard(playback, 100)
        assert.strictEqual((yield* playback.stop).outcome, "stopped")
      }))

    // failures

    test("failure - of the stream comes after the audio that was due", () =>
      Effect.gen(function*() {
        const audio = tone("700 millis")
        const before = yield* millis
        const error = yield* settled(
          Effect.flip(AudioPlayer.play(Stream.concat(cut(audio, "100 millis"), Stream.fail("no more"))))
        )
        const took = (yield* millis) - before
        assert.strictEqual(error, "no more")
        if (isTimed) assert.isAtLeast(took, 690, "what had come was heard")
        yield* assertRecorded(audio)
      }))

    test("failure - of the stream before any audio", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* settled(Effect.flip(AudioPlayer.play(Stream.fail("no audio")))), "no audio")
      }))

    test("failure - a defect of the stream stays a defect", () =>
      Effect.gen(function*() {
        const exit = yield* settled(Effect.exit(AudioPlayer.play(Stream.die("a defect"))))
        assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
      }))

    test("failure - of another format within the stream is typed", () =>
      Effect.gen(function*() {
        const error = yield* settled(
          Effect.flip(AudioPlayer.play(Stream.make(tone("100 millis"), tone("100 millis", Pcm.format(16000)))))
        )
        assert.strictEqual(error._tag, "PlaybackError")
        assert.strictEqual(error.reason, "UnsupportedFormat")
        assert.match(error.message, /24000.*16000.*Pcm\.resample/s)
      }))

    // back-pressure

    test("back-pressure - the stream is taken as it is heard", () =>
      Effect.gen(function*() {
        const taken = yield* Ref.make(0)
        const playback = yield* cut(tone("20 seconds"), "20 millis").pipe(
          Stream.tap(() => Ref.update(taken, (sum) => sum + 20)),
          AudioPlayer.start
        )
        for (const heard of [1, 300, 700]) {
          yield* untilHeard(playback, heard)
          assert.isAtMost(yield* Ref.get(taken), (yield* position(playback)) + lead + 100, "milliseconds taken")
        }
        yield* playback.stop
      }))

    test("back-pressure - a source that is late makes a gap, and the gap is counted", () =>
      Effect.gen(function*() {
        const audio = tone("400 millis")
        const half = audio.bytes.length / 2
        const late = Stream.make(
          { format: mono, bytes: audio.bytes.subarray(0, half) },
          { format: mono, bytes: audio.bytes.subarray(half) }
        ).pipe(Stream.rechunk(1), Stream.mapEffect((chunk) => Effect.as(Effect.sleep("1 second"), chunk)))
        const report = yield* settled(AudioPlayer.play(late))
        assertCompleted(report, audio)
        if (isVirtual) assert.strictEqual(report.underruns, 1)
        else if (isTimed) assert.isAtLeast(report.underruns, 1)
        yield* assertRecorded(audio)
      }))

    // sink

    test("sink - plays, and reports what has been heard", () =>
      Effect.gen(function*() {
        const audio = tone("500 millis")
        assertCompleted(yield* settled(Stream.run(cut(audio, "100 millis"), AudioPlayer.sink)), audio)
        yield* assertRecorded(audio)
      }))

    test("sink - an error of the stream is the stream's", () =>
      Effect.gen(function*() {
        const failing = Stream.concat(cut(tone("100 millis"), "20 millis"), Stream.fail("no more"))
        assert.strictEqual(yield* settled(Effect.flip(Stream.run(failing, AudioPlayer.sink))), "no more")
      }))
  })
}
