import { Pcm, PcmStream } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Clock, Deferred, Duration, Effect, Exit, FastCheck, Fiber, Ref, Stream, TestClock } from "effect"

const rate = 8000

const mono = Pcm.format(rate)

const stereo = Pcm.format(rate, 2)

const chunkOf = (samples: ReadonlyArray<number>, format = mono) => Pcm.fromSamples(format, Int16Array.from(samples))

const constant = (frames: number, value: number, format = mono) =>
  Pcm.fromSamples(format, new Int16Array(frames * format.channels).fill(value))

/** Audio of frames that are their own numbers, cut at random. */
const cut = FastCheck.record({
  sizes: FastCheck.array(FastCheck.nat(700), { maxLength: 12 }),
  format: FastCheck.constantFrom(mono, stereo)
}).map(({ format, sizes }) => {
  let next = 0
  const chunks = sizes.map((frames) => {
    const samples = Array.from({ length: frames * format.channels }, (_, i) => next + Math.floor(i / format.channels))
    next += frames
    return chunkOf(samples, format)
  })
  return { format, chunks }
})

const samplesOf = (chunks: Iterable<Pcm.PcmChunk>): Array<number> =>
  Array.from(chunks, (chunk) => Array.from(Pcm.samples(chunk))).flat()

const run = <E>(stream: Stream.Stream<Pcm.PcmChunk, E>): ReadonlyArray<Pcm.PcmChunk> =>
  Chunk.toReadonlyArray(Effect.runSync(Effect.orDie(Stream.runCollect(stream))))

/** When each chunk left, and how many samples it has. */
const timed = <E>(stream: Stream.Stream<Pcm.PcmChunk, E>) =>
  Effect.gen(function*() {
    const left: Array<readonly [at: number, frames: number]> = []
    const fiber = yield* Effect.fork(Stream.runForEach(stream, (chunk) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        left.push([now, Pcm.frames(chunk)])
      })))
    return { left, fiber }
  })

class Broke {
  readonly _tag = "Broke"
}

const failing = (...chunks: ReadonlyArray<Pcm.PcmChunk>): Stream.Stream<Pcm.PcmChunk, Broke> =>
  Stream.concat(Stream.fromIterable(chunks), Stream.fail(new Broke()))

/** What leaves before a failure, and the failure. */
const beforeFailure = (stream: Stream.Stream<Pcm.PcmChunk, Broke>) => {
  const left: Array<Pcm.PcmChunk> = []
  const exit = Effect.runSyncExit(Stream.runForEach(stream, (chunk) => Effect.sync(() => left.push(chunk))))
  return { left, isBroken: Exit.isFailure(exit) }
}

describe("PcmStream", () => {
  describe("rechunk", () => {
    it("every chunk but the last has the length, the last is no longer, the audio is the same", () => {
      FastCheck.assert(FastCheck.property(cut, FastCheck.integer({ min: 1, max: 90 }), ({ chunks, format }, millis) => {
        const out = run(PcmStream.rechunk(Stream.fromIterable(chunks), Duration.millis(millis)))
        assert.deepStrictEqual(samplesOf(out), samplesOf(chunks))
        const size = Pcm.byteLength(format, Duration.millis(millis))
        for (const chunk of out.slice(0, -1)) assert.strictEqual(chunk.bytes.length, size)
        for (const chunk of out) assert.isTrue(chunk.bytes.length > 0 && chunk.bytes.length <= size)
        for (const chunk of out) assert.strictEqual(chunk.format, format)
      }))
    })

    it("a length shorter than a frame gives single frames", () => {
      const out = run(PcmStream.rechunk(Stream.make(chunkOf([1, 2, 3])), "1 nanos"))
      assert.deepStrictEqual(out.map(Pcm.frames), [1, 1, 1])
    })

    it("audio of another format starts a new chunk", () => {
      const out = run(PcmStream.rechunk(Stream.make(constant(100, 1), constant(250, 2, stereo)), "20 millis"))
      assert.deepStrictEqual(out.map((chunk) => [chunk.format.channels, Pcm.frames(chunk)]), [[1, 100], [2, 160], [
        2,
        90
      ]])
    })

    it("what is held leaves before a failure", () => {
      const { isBroken, left } = beforeFailure(PcmStream.rechunk(failing(constant(250, 1)), "20 millis"))
      assert.deepStrictEqual(left.map(Pcm.frames), [160, 90])
      assert.isTrue(isBroken)
    })

    it.effect("a full chunk leaves at once", () =>
      Effect.gen(function*() {
        const source = Stream.concat(Stream.make(constant(170, 1)), Stream.never)
        const { fiber, left } = yield* timed(PcmStream.rechunk(source, "20 millis"))
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(left, [[0, 160]])
        yield* Fiber.interrupt(fiber)
      }))
  })

  describe("pace", () => {
    const second = Stream.range(0, 9).pipe(Stream.map(() => constant(800, 1)), Stream.rechunk(1))

    it.effect("lets audio pass as fast as it sounds", () =>
      Effect.gen(function*() {
        const { left } = yield* timed(PcmStream.pace(second))
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(left.map(([at]) => at), [0, 100, 200, 300, 400, 500, 600, 700, 800, 900])
      }))

    it.effect("lead - but for a head start", () =>
      Effect.gen(function*() {
        const { left } = yield* timed(second.pipe(PcmStream.pace({ lead: "250 millis" })))
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(left.map(([at]) => at), [0, 0, 0, 50, 150, 250, 350, 450, 550, 650])
      }))

    it.effect("one chunk of many elements is paced as well", () =>
      Effect.gen(function*() {
        const { left } = yield* timed(PcmStream.pace(Stream.rechunk(second, 10)))
        yield* TestClock.adjust("250 millis")
        assert.deepStrictEqual(left.map(([at]) => at), [0, 100, 200])
      }))

    it.effect("after a late piece the rest does not hurry", () =>
      Effect.gen(function*() {
        const late = Stream.mapEffect(Stream.zipWithIndex(second), ([chunk, i]) =>
          Effect.as(Effect.sleep(i === 3 ? 1000 : 0), chunk))
        const { left } = yield* timed(PcmStream.pace(late))
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(
          left.map(([at]) =>
            at
          ).slice(0, 6),
          [0, 100, 200, 1200, 1300, 1400]
        )
      }))

    it.effect("a slow listener does not make the rest hurry either", () =>
      Effect.gen(function*() {
        const paced = PcmStream.pace(second).pipe(Stream.take(3), Stream.tap(() => Effect.sleep("300 millis")))
        const { left } = yield* timed(paced)
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(left.map(([at]) => at), [300, 600, 900])
      }))

    it.effect("no audio is changed", () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(Stream.runCollect(PcmStream.pace(Stream.make(chunkOf([1, 2]), chunkOf([3])))))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(samplesOf(yield* Fiber.join(fiber)), [1, 2, 3])
      }))
  })

  describe("prebuffer", () => {
    it.effect("holds audio back until there is enough, then lets it flow", () =>
      Effect.gen(function*() {
        const source = Stream.range(0, 5).pipe(
          Stream.rechunk(1),
          Stream.mapEffect(() => Effect.as(Effect.sleep("100 millis"), constant(800, 1)))
        )
        const { left } = yield* timed(PcmStream.prebuffer(source, "250 millis"))
        yield* TestClock.adjust("299 millis")
        assert.deepStrictEqual(left, [])
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(left.map(([at]) => at), [300, 300, 300, 400, 500, 600])
      }))

    it("a stream that is shorter leaves at its end, or before its failure", () => {
      assert.deepStrictEqual(run(PcmStream.prebuffer(Stream.make(constant(80, 1)), "1 second")).map(Pcm.frames), [80])
      const { isBroken, left } = beforeFailure(PcmStream.prebuffer(failing(constant(80, 1)), "1 second"))
      assert.deepStrictEqual(left.map(Pcm.frames), [80])
      assert.isTrue(isBroken)
    })

    it("no audio is changed", () => {
      FastCheck.assert(FastCheck.property(cut, FastCheck.nat(300), ({ chunks }, millis) => {
        const out = run(PcmStream.prebuffer(Stream.fromIterable(chunks), Duration.millis(millis)))
        assert.deepStrictEqual(samplesOf(out), samplesOf(chunks))
      }))
    })
  })

  describe("gap", () => {
    it("adds silence after audio, in its format", () => {
      for (const format of [mono, stereo]) {
        const out = run(PcmStream.gap(Stream.make(constant(10, 5, format)), "10 millis"))
        assert.deepStrictEqual(samplesOf(out), samplesOf([constant(10, 5, format), constant(80, 0, format)]))
        assert.strictEqual(out.at(-1)?.format, format)
      }
    })

    it("a stream without audio stays empty, no gap adds nothing", () => {
      assert.deepStrictEqual(run(PcmStream.gap(Stream.empty, "1 second")), [])
      assert.lengthOf(run(PcmStream.gap(Stream.make(constant(10, 5)), 0)), 1)
    })
  })

  describe("fade", () => {
    it("rises from and falls to silence, however the audio is cut, and changes nothing in between", () => {
      FastCheck.assert(FastCheck.property(
        FastCheck.array(FastCheck.nat(400), { maxLength: 8 }),
        FastCheck.nat(20),
        FastCheck.constantFrom(mono, stereo),
        (sizes, millis, format) => {
          const chunks = sizes.map((frames) => constant(frames, 10_000, format))
          const out = run(PcmStream.fade(Stream.fromIterable(chunks), Duration.millis(millis)))
          const whole = run(PcmStream.fade(
            Stream.make(constant(sizes.reduce((sum, size) => sum + size, 0), 10_000, format)),
            Duration.millis(millis)
          ))
          const samples = samplesOf(out)
          assert.deepStrictEqual(samples, samplesOf(whole))
          const length = millis * 8
          const frames = samples.length / format.channels
          assert.strictEqual(frames, sizes.reduce((sum, size) => sum + size, 0))
          if (millis === 0 || frames < 2 * length) return
          const channel = samples.filter((_, i) => i % format.channels === 0)
          assert.strictEqual(channel[0], 0)
          assert.strictEqual(channel.at(-1), 0)
          for (const [i, sample] of channel.entries()) {
            const expected = Math.min(1, i / length, (frames - 1 - i) / length) * 10_000
            assert.approximately(sample, expected, 1)
          }
        }
      ))
    })

    it("does not write into the audio of whoever made it", () => {
      const chunk = constant(800, 10_000)
      run(PcmStream.fade(Stream.make(chunk), "10 millis"))
      assert.isTrue(Pcm.samples(chunk).every((sample) => sample === 10_000))
    })

    it("falls before a failure too, so that it does not click", () => {
      const { isBroken, left } = beforeFailure(PcmStream.fade(failing(constant(800, 10_000)), "10 millis"))
      assert.strictEqual(samplesOf(left).length, 800)
      assert.strictEqual(samplesOf(left).at(-1), 0)
      assert.isTrue(isBroken)
    })

    it("audio of another format is not mixed up with what is held back", () => {
      const out = run(PcmStream.fade(Stream.make(constant(800, 10_000), constant(800, 9000, stereo)), "10 millis"))
      const frames = (channels: number) =>
        out.filter((chunk) => chunk.format.channels === channels).reduce((sum, chunk) => sum + Pcm.frames(chunk), 0)
      assert.deepStrictEqual([frames(1), frames(2)], [800, 800])
    })

    it.effect("holds back no more than the fade is long", () =>
      Effect.gen(function*() {
        const source = Stream.concat(Stream.make(constant(800, 1)), Stream.never)
        const { fiber, left } = yield* timed(PcmStream.fade(source, "10 millis"))
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(left, [[0, 720]])
        yield* Fiber.interrupt(fiber)
      }))
  })

  describe("meter", () => {
    it.effect("tells the levels of what passes, and where", () =>
      Effect.gen(function*() {
        const levels: Array<PcmStream.Level> = []
        const sine = Pcm.fromSamples(
          mono,
          Int16Array.from({ length: 8000 }, (_, i) => Math.round(16_384 * Math.sin(2 * Math.PI * 440 * i / rate)))
        )
        const out = yield* Stream.make(constant(800, -32_768), constant(800, 0), sine).pipe(
          PcmStream.meter((level) => Effect.sync(() => levels.push(level))),
          Stream.runCollect
        )
        assert.strictEqual(out.length, 3)
        assert.deepStrictEqual(levels.map(({ position }) => Duration.toMillis(position)), [0, 100, 200])
        assert.deepStrictEqual(levels.slice(0, 2).map(({ peak, rms }) => [peak, rms]), [[0, 0], [-Infinity, -Infinity]])
        assert.approximately(levels[2]?.peak ?? 0, -6.02, 0.01)
        assert.approximately(levels[2]?.rms ?? 0, -9.03, 0.01)
      }))

    it.effect("its effect may fail and may need services", () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(
          Stream.runDrain(PcmStream.meter(Stream.make(constant(1, 1)), () => Effect.fail(new Broke())))
        )
        assert.deepStrictEqual(exit, Exit.fail(new Broke()))
      }))

    it.effect("a chunk without a sample is silent", () =>
      Effect.gen(function*() {
        const peak = yield* Ref.make(0)
        yield* Stream.runDrain(PcmStream.meter(Stream.make(constant(0, 0)), (level) => Ref.set(peak, level.peak)))
        assert.strictEqual(yield* Ref.get(peak), -Infinity)
      }))
  })

  it.effect("all of them - end their source when the listener leaves", () =>
    Effect.gen(function*() {
      const combinators: Record<string, (self: Stream.Stream<Pcm.PcmChunk>) => Stream.Stream<Pcm.PcmChunk>> = {
        rechunk: PcmStream.rechunk("20 millis"),
        pace: PcmStream.pace(),
        prebuffer: PcmStream.prebuffer("20 millis"),
        gap: PcmStream.gap("20 millis"),
        fade: PcmStream.fade("20 millis"),
        meter: PcmStream.meter(() => Effect.void)
      }
      for (const [name, combinator] of Object.entries(combinators)) {
        const closed = yield* Deferred.make<void>()
        const source = Stream.repeatValue(constant(800, 1)).pipe(Stream.ensuring(Deferred.succeed(closed, undefined)))
        yield* Stream.runDrain(Stream.take(combinator(source), 1))
        assert.isTrue(yield* Deferred.isDone(closed), name)
      }
    }))

  it.effect("all of them - may be run again from the start", () =>
    Effect.gen(function*() {
      const source = Stream.make(constant(500, 7), constant(500, 7))
      for (
        const stream of [
          PcmStream.rechunk(source, "20 millis"),
          PcmStream.prebuffer(source, "10 millis"),
          PcmStream.gap(source, "10 millis"),
          PcmStream.fade(source, "10 millis")
        ]
      ) {
        assert.deepStrictEqual(samplesOf(run(stream)), samplesOf(run(stream)))
      }
      const levels: Array<number> = []
      const metered = PcmStream.meter(source, ({ position }) =>
        Effect.sync(() => levels.push(Duration.toMillis(position))))
      yield* Stream.runDrain(metered)
      yield* Stream.runDrain(metered)
      assert.deepStrictEqual(levels, [0, 62.5, 0, 62.5])
    }))
})
