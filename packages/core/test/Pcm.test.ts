import { Pcm } from "@effect-smallest/core"
import {
  assertSame,
  chunksOf,
  collectSamples,
  concatSamples,
  cutAt,
  cuts,
  sine
} from "@effect-smallest/test-support/pcm"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Either, Exit, FastCheck, Fiber, Stream } from "effect"

const mono = Pcm.format(24000)
const stereo = Pcm.format(24000, 2)

const collect = <E, R>(stream: Stream.Stream<Pcm.PcmChunk, E, R>) =>
  Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

describe("Pcm.isSameFormat", () => {
  it("compares rates and channels, also of a format that was written as a literal", () => {
    assert.isTrue(Pcm.isSameFormat({ sampleRate: 24000, channels: 1 }, mono))
    assert.isFalse(Pcm.isSameFormat(stereo, mono))
    assert.isFalse(Pcm.isSameFormat(Pcm.format(16000), mono))
  })
})

describe("Pcm.fromBytes", () => {
  const bytesAndCuts = {
    bytes: FastCheck.uint8Array({ maxLength: 400 }),
    cuts,
    channels: FastCheck.integer({ min: 1, max: 3 }),
    group: FastCheck.integer({ min: 1, max: 5 })
  }

  it.effect.prop(
    "any cutting of the bytes gives the same whole frames, and a partial frame at the end fails after them",
    bytesAndCuts,
    ({ bytes, channels, cuts, group }) =>
      Effect.gen(function*() {
        const format = Pcm.format(24000, channels)
        const received: Array<Pcm.PcmChunk> = []
        const result = yield* Stream.fromIterable(cutAt(bytes, cuts)).pipe(
          Stream.rechunk(group),
          Pcm.fromBytes(format),
          Stream.runForEach((chunk) => Effect.sync(() => void received.push(chunk))),
          Effect.either
        )
        const whole = bytes.length - bytes.length % (2 * channels)
        assertSame(Pcm.concatBytes([...received.map((chunk) => chunk.bytes), new Uint8Array(0)]), bytes.slice(0, whole))
        for (const chunk of received) {
          assert.strictEqual(chunk.format, format)
          assert.isAbove(chunk.bytes.length, 0)
          assert.strictEqual(chunk.bytes.length % (2 * channels), 0)
        }
        if (whole === bytes.length) {
          assert.isTrue(Either.isRight(result))
        } else {
          assert.strictEqual(Either.flip(result).pipe(Either.getOrThrow).reason, "PartialFrame")
        }
      })
  )

  it.effect("the error says how much of a frame was left", () =>
    Effect.gen(function*() {
      const error = yield* Stream.make(new Uint8Array(7)).pipe(Pcm.fromBytes(stereo), Stream.runDrain, Effect.flip)
      assert.strictEqual(error.message, "The audio ended inside a frame: 3 of 4 bytes")
    }))

  it.effect("a source that reuses its buffer does not change the bytes that were carried over", () =>
    Effect.gen(function*() {
      const shared = Buffer.alloc(3)
      const source = Stream.make([1, 2, 3], [4, 5, 6]).pipe(
        Stream.rechunk(1),
        Stream.map((bytes) => {
          shared.set(bytes)
          return shared
        })
      )
      const first = yield* source.pipe(
        Pcm.fromBytes(mono),
        Stream.map((chunk) => Array.from(chunk.bytes)),
        Stream.runCollect
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(first), [[1, 2], [3, 4, 5, 6]])
    }))

  it.effect("an upstream failure passes as it is, without a complaint about the frame that it cut", () =>
    Effect.gen(function*() {
      const result = yield* Stream.make(new Uint8Array(3)).pipe(
        Stream.concat(Stream.fail("broken")),
        Pcm.fromBytes(mono),
        Stream.runDrain,
        Effect.exit
      )
      assert.deepStrictEqual(result, Exit.fail("broken"))
    }))
})

describe("Pcm.samples", () => {
  it.prop(
    "reads the right samples at every alignment, of arrays and of pooled buffers",
    {
      values: FastCheck.array(FastCheck.integer({ min: -32768, max: 32767 }), { maxLength: 40 }),
      offset: FastCheck.nat(5)
    },
    ({ offset, values }) => {
      const expected = Int16Array.from(values)
      const bytes = new Uint8Array(expected.buffer)
      const array = new Uint8Array(offset + bytes.length + 3)
      array.set(bytes, offset)
      assert.deepStrictEqual(
        Pcm.samples({ format: mono, bytes: array.subarray(offset, offset + bytes.length) }),
        expected
      )
      // Small buffers are slices of one pool that other data lives in.
      const buffer = Buffer.from(array)
      const view = buffer.subarray(offset, offset + bytes.length)
      assert.deepStrictEqual(Pcm.samples({ format: mono, bytes: view }), expected)
    }
  )

  it("shares memory where alignment allows it", () => {
    const bytes = new Uint8Array(8)
    const samples = Pcm.samples({ format: mono, bytes: bytes.subarray(2, 6) })
    samples[0] = 0x0201
    assert.deepStrictEqual(Array.from(bytes), [0, 0, 1, 2, 0, 0, 0, 0])
  })

  it("fromSamples and samples are inverse for views inside larger arrays", () => {
    const all = Int16Array.from([1, 2, 3, 4, 5, 6])
    const chunk = Pcm.fromSamples(stereo, all.subarray(2, 6))
    assert.strictEqual(Pcm.frames(chunk), 2)
    assert.deepStrictEqual(Pcm.samples(chunk), Int16Array.from([3, 4, 5, 6]))
  })
})

describe("Pcm.unsafeMake", () => {
  it("refuses parts of frames", () => {
    assert.throws(() => Pcm.unsafeMake(mono, new Uint8Array(3)), RangeError)
    assert.throws(() => Pcm.unsafeMake(stereo, new Uint8Array(6)), RangeError)
    assert.throws(() => Pcm.fromSamples(stereo, new Int16Array(3)), RangeError)
    assert.strictEqual(Pcm.unsafeMake(stereo, new Uint8Array(8)).bytes.length, 8)
  })
})

describe("Pcm times", () => {
  it("byteLength rounds to whole frames", () => {
    assert.strictEqual(Pcm.byteLength(Pcm.format(44100), "1 millis"), 44 * 2) // 44.1 frames
    assert.strictEqual(Pcm.byteLength(Pcm.format(44100, 2), "15 millis"), 662 * 4) // 661.5 frames
    assert.strictEqual(Pcm.byteLength(Pcm.format(8000), "0 millis"), 0)
    assert.strictEqual(Pcm.byteLength(Pcm.format(8000), Duration.micros(62n)), 0) // 0.496 frames
    assert.strictEqual(Pcm.byteLength(Pcm.format(8000), Duration.micros(63n)), 2) // 0.504 frames
  })

  it.prop(
    "byteLength is the inverse of durationOf",
    {
      frames: FastCheck.nat(5_000_000),
      sampleRate: FastCheck.integer({ min: 8000, max: 48000 }),
      channels: FastCheck.integer({ min: 1, max: 2 })
    },
    ({ channels, frames, sampleRate }) => {
      const format = Pcm.format(sampleRate, channels)
      const length = frames * Pcm.frameSize(format)
      assert.strictEqual(Pcm.byteLength(format, Pcm.durationOf(format, length)), length)
    }
  )

  it("silence is zeros of the right length", () => {
    const chunk = Pcm.silence(stereo, "10 millis")
    assert.strictEqual(chunk.format, stereo)
    assert.deepStrictEqual(chunk.bytes, new Uint8Array(240 * 4))
    assert.strictEqual(Duration.toMillis(Pcm.duration(chunk)), 10)
  })
})

describe("Pcm.toBytes", () => {
  it.effect.prop(
    "fromBytes and toBytes give the bytes back",
    { bytes: FastCheck.uint8Array({ maxLength: 64 }), cuts },
    ({ bytes, cuts }) =>
      Effect.gen(function*() {
        const even = bytes.subarray(0, bytes.length - bytes.length % 2)
        const out = yield* Stream.fromIterable(cutAt(even, cuts)).pipe(
          Pcm.fromBytes(mono),
          Pcm.toBytes,
          Stream.runCollect
        )
        assertSame(Pcm.concatBytes([...out, new Uint8Array(0)]), even.slice())
      })
  )
})

// Least squares of a sine of known frequency: the rest is noise, the phase is delay.
const measure = (samples: Int16Array, sampleRate: number, frequency: number) => {
  const from = Math.floor(samples.length * 0.1)
  const to = Math.floor(samples.length * 0.9)
  const step = 2 * Math.PI * frequency / sampleRate
  let ss = 0
  let cc = 0
  let sc = 0
  let sx = 0
  let cx = 0
  for (let i = from; i < to; i++) {
    const s = Math.sin(step * i)
    const c = Math.cos(step * i)
    const x = samples[i] ?? 0
    ss += s * s
    cc += c * c
    sc += s * c
    sx += s * x
    cx += c * x
  }
  const determinant = ss * cc - sc * sc
  const a = (sx * cc - cx * sc) / determinant
  const b = (cx * ss - sx * sc) / determinant
  let noise = 0
  for (let i = from; i < to; i++) {
    noise += ((samples[i] ?? 0) - a * Math.sin(step * i) - b * Math.cos(step * i)) ** 2
  }
  const power = (a * a + b * b) / 2
  return {
    amplitude: Math.hypot(a, b),
    signalToNoise: 10 * Math.log10(power / (noise / (to - from))),
    delaySeconds: Math.atan2(-b, a) / (2 * Math.PI * frequency)
  }
}

describe("Pcm.resample", () => {
  const rates: ReadonlyArray<readonly [number, number]> = [
    [8000, 48000],
    [48000, 8000],
    [24000, 44100],
    [44100, 24000],
    [24000, 8000],
    [16000, 24000],
    [22050, 16000],
    [24000, 23999]
  ]

  it.effect.each(rates)(
    "%s to %s Hz - a sine stays that sine: level, noise, no delay, same duration",
    ([from, to]) =>
      Effect.gen(function*() {
        for (const frequency of [200, 1000, 3000]) {
          const input = sine({ sampleRate: from, frequency, seconds: 1.5 })
          const output = yield* chunksOf(Pcm.format(from), [input]).pipe(Pcm.resample(to), collectSamples)
          assert.strictEqual(output.length, Math.round(1.5 * to))
          const { amplitude, delaySeconds, signalToNoise } = measure(output, to, frequency)
          assert.isAbove(signalToNoise, 80, `${frequency} Hz`)
          assert.approximately(amplitude, 0.5 * 32767, 0.5 * 32767 * 0.005)
          assert.isBelow(Math.abs(delaySeconds) * Math.max(from, to), 0.05, "in samples")
        }
      })
  )

  it.effect("frequencies that the new rate cannot carry are removed, not folded back", () =>
    Effect.gen(function*() {
      const input = sine({ sampleRate: 48000, frequency: 7000, seconds: 1, level: 0.9 })
      const output = yield* chunksOf(Pcm.format(48000), [input]).pipe(Pcm.resample(8000), collectSamples)
      const inner = output.subarray(400, -400)
      const rms = Math.sqrt(inner.reduce((sum, sample) => sum + sample * sample, 0) / inner.length)
      assert.isBelow(20 * Math.log10((rms + 1e-9) / 32768), -80)
    }))

  it.effect.prop(
    "any cutting of the input gives the same output",
    {
      cuts: FastCheck.array(FastCheck.nat({ max: 6000 }), { maxLength: 10 }),
      rates: FastCheck.constantFrom(...rates),
      channels: FastCheck.integer({ min: 1, max: 2 }),
      together: FastCheck.integer({ min: 1, max: 4 })
    },
    ({ channels, cuts, rates: [from, to], together }) =>
      Effect.gen(function*() {
        const input = sine({ sampleRate: from, frequency: 440, seconds: 0.1, channels })
        const whole = yield* chunksOf(Pcm.format(from, channels), [input]).pipe(Pcm.resample(to), collectSamples)
        const parts = cutAt(input, cuts.map((cut) => cut % (input.length / channels) * channels))
        const cut = yield* chunksOf(Pcm.format(from, channels), parts, together).pipe(Pcm.resample(to), collectSamples)
        assertSame(cut, whole)
      }),
    { fastCheck: { numRuns: 40 } }
  )

  it.effect.prop(
    "keeps the duration to within one sample, however short",
    { frames: FastCheck.nat({ max: 3000 }), rates: FastCheck.constantFrom(...rates) },
    ({ frames, rates: [from, to] }) =>
      Effect.gen(function*() {
        const output = yield* chunksOf(Pcm.format(from), [new Int16Array(frames).fill(5000)]).pipe(
          Pcm.resample(to),
          collectSamples
        )
        assert.strictEqual(output.length, Math.round(frames * to / from))
      }),
    { fastCheck: { numRuns: 40 } }
  )

  it.effect("channels are converted one by one", () =>
    Effect.gen(function*() {
      const left = sine({ sampleRate: 24000, frequency: 500, seconds: 0.3 })
      const right = sine({ sampleRate: 24000, frequency: 900, seconds: 0.3 })
      const both = Int16Array.from({ length: left.length * 2 }, (_, i) => (i % 2 === 0 ? left : right)[i >> 1] ?? 0)
      const output = yield* chunksOf(stereo, [both]).pipe(Pcm.resample(16000), collectSamples)
      const alone = (samples: Int16Array) => chunksOf(mono, [samples]).pipe(Pcm.resample(16000), collectSamples)
      assertSame(output.filter((_, i) => i % 2 === 0), yield* alone(left))
      assertSame(output.filter((_, i) => i % 2 === 1), yield* alone(right))
    }))

  it.effect("the last samples come out: a step at the end is not lost", () =>
    Effect.gen(function*() {
      const input = new Int16Array(2400)
      input.fill(12000, 1200)
      const output = yield* chunksOf(mono, [input]).pipe(Pcm.resample(48000), collectSamples)
      assert.strictEqual(output.length, 4800)
      assert.approximately(output[4000] ?? 0, 12000, 50)
      assert.isAbove(output[4780] ?? 0, 10000)
    }))

  it.effect("a stream that has the wanted rate passes untouched, an empty one stays empty", () =>
    Effect.gen(function*() {
      const chunk = Pcm.fromSamples(mono, Int16Array.from([1, 2, 3]))
      const passed = yield* collect(Stream.make(chunk).pipe(Pcm.resample(24000)))
      assert.strictEqual(passed[0], chunk)
      assert.deepStrictEqual(yield* collect(Pcm.resample(Stream.empty, 8000)), [])
      assert.deepStrictEqual(yield* collect(chunksOf(mono, [new Int16Array(0)]).pipe(Pcm.resample(8000))), [])
    }))

  it.effect("many resamplers at once do not disturb each other", () =>
    Effect.gen(function*() {
      const input = sine({ sampleRate: 48000, frequency: 300, seconds: 0.05, channels: 2 })
      const converted = chunksOf(Pcm.format(48000, 2), cutAt(input, [1000, 3000])).pipe(
        Pcm.resample(44100),
        collectSamples
      )
      const alone = yield* converted
      const together = yield* Effect.all(Array.from({ length: 60 }, () => converted), { concurrency: "unbounded" })
      for (const output of together) assertSame(output, alone)
    }))

  it.effect("a rate that is not a rate is a typed error", () =>
    Effect.gen(function*() {
      for (const rate of [0, -8000, Number.NaN, 8000.5, 1e9]) {
        const to = yield* chunksOf(mono, [new Int16Array(100)]).pipe(Pcm.resample(rate), Stream.runDrain, Effect.flip)
        assert.strictEqual(to.reason, "InvalidSampleRate")
        assert.strictEqual(to.message, `Cannot resample at ${rate} Hz: give a whole number from 1000 to 384000`)
        const from = yield* chunksOf(Pcm.format(rate), [new Int16Array(100)]).pipe(
          Pcm.resample(8000),
          Stream.runDrain,
          Effect.flip
        )
        assert.strictEqual(from.reason, "InvalidSampleRate")
      }
    }))

  it.live.each([1, 600])(
    "a minute of audio, cut in %s, leaves the event loop free in between",
    (pieces) =>
      Effect.gen(function*() {
        const minute = cutAt(new Int16Array(24000 * 60), Array.from({ length: pieces - 1 }, (_, i) => (i + 1) * 2400))
        let turns = 0
        const ticking = yield* Effect.fork(
          Effect.forever(Effect.async<void>((resume) => {
            const handle = setImmediate(() => resume(Effect.sync(() => void turns++)))
            return Effect.sync(() => clearImmediate(handle))
          }))
        )
        yield* Stream.runDrain(chunksOf(mono, minute).pipe(Pcm.resample(48000)))
        yield* Fiber.interrupt(ticking)
        assert.isAtLeast(turns, 59)
      })
  )
})

// Stretches of sound and of silence, in samples; silence holds noise below the threshold.
const speech = FastCheck.array(
  FastCheck.record({
    isSound: FastCheck.boolean(),
    length: FastCheck.integer({ min: 1, max: 3000 }),
    seed: FastCheck.nat(100)
  }),
  { maxLength: 8 }
).map((stretches) =>
  concatSamples(
    stretches.map(({ isSound, length, seed }) =>
      Int16Array.from({ length }, (_, i) =>
        isSound
          ? Math.round(9000 * Math.sin((i + seed) * 0.1) + Math.sign(seed - 50.5) * 200)
          : (i * 7 + seed) % 160 - 80)
    )
  )
)

const rate = Pcm.format(8000)

const removed = (parts: ReadonlyArray<Int16Array>, options?: Pcm.SilenceOptions, format = rate) =>
  chunksOf(format, parts).pipe(Pcm.removeSilence(options), collectSamples)

const isLoud = (sample: number) => Math.abs(sample) > 10 ** (-50 / 20) * 32768

const longestSilence = (samples: Int16Array): number => {
  let longest = 0
  let current = 0
  for (const sample of samples) {
    current = isLoud(sample) ? 0 : current + 1
    longest = Math.max(longest, current)
  }
  return longest
}

describe("Pcm.removeSilence", () => {
  it.effect.prop(
    "any cutting of the input gives the same output",
    { samples: speech, cuts, together: FastCheck.integer({ min: 1, max: 4 }) },
    ({ cuts, samples, together }) =>
      Effect.gen(function*() {
        const cut = yield* chunksOf(rate, cutAt(samples, cuts), together).pipe(Pcm.removeSilence(), collectSamples)
        assertSame(cut, yield* removed([samples]))
      })
  )

  it.effect.prop(
    "sound is never cut, silence is never longer than `longest` and two windows",
    { samples: speech },
    ({ samples }) =>
      Effect.gen(function*() {
        const output = yield* removed([samples], { longest: "50 millis" })
        assertSame(output.filter(isLoud), samples.filter(isLoud))
        assert.isAtMost(longestSilence(output), (50 + 20) * 8)
      })
  )

  it.effect.prop(
    "audio without a silence over `longest` passes unchanged",
    { samples: speech },
    ({ samples }) =>
      Effect.gen(function*() {
        const longest = Duration.millis(longestSilence(samples) / 8)
        assertSame(yield* removed([samples], { longest }), samples)
      })
  )

  it.effect("keeps exactly `longest` of a silence on window borders: at the start, inside, at the end", () =>
    Effect.gen(function*() {
      const sound = sine({ sampleRate: 8000, frequency: 1000, seconds: 0.1 }).map((sample) => sample || 500)
      const silence = new Int16Array(8000)
      const output = yield* removed([silence, sound, silence, sound, silence])
      assertSame(
        output,
        concatSamples([silence.subarray(0, 1600), sound, silence.subarray(0, 1600), sound, silence.subarray(0, 1600)])
      )
    }))

  it.effect("`threshold` decides what is silent, `longest: 0` keeps no silent window", () =>
    Effect.gen(function*() {
      const hum = new Int16Array(8000).fill(300) // about -41 dB
      assert.strictEqual((yield* removed([hum])).length, 8000)
      assert.strictEqual((yield* removed([hum], { threshold: -40 })).length, 1600)
      assert.strictEqual((yield* removed([hum], { longest: 0, threshold: -40 })).length, 0)
    }))

  it.effect("keeps frames of several channels whole; sound on one channel is sound", () =>
    Effect.gen(function*() {
      const samples = new Int16Array(8000 * 2)
      for (let i = 0; i < 800; i++) samples[2 * i + 1] = 8000 // right channel only
      const output = yield* removed(cutAt(samples, [14, 3000, 7002]), undefined, Pcm.format(8000, 2))
      assert.deepStrictEqual(output, samples.subarray(0, (800 + 1600) * 2))
    }))

  it.effect("holds back no more than one window of 10 ms", () =>
    Effect.gen(function*() {
      const sound = new Int16Array(1000).fill(9000)
      let out = 0
      let held = 0
      yield* chunksOf(rate, cutAt(sound, Array.from({ length: 99 }, (_, i) => i * 10))).pipe(
        Stream.tap((chunk) => Effect.sync(() => void (held += Pcm.frames(chunk)))),
        Pcm.removeSilence(),
        Stream.runForEach((chunk) =>
          Effect.sync(() => {
            out += Pcm.frames(chunk)
            assert.isBelow(held - out, 80)
          })
        )
      )
      assert.strictEqual(out, 1000)
    }))

  it.effect("a stream may be run twice", () =>
    Effect.gen(function*() {
      const stream = chunksOf(rate, [new Int16Array(8000)]).pipe(Pcm.removeSilence())
      assert.strictEqual((yield* collectSamples(stream)).length, 1600)
      assert.strictEqual((yield* collectSamples(stream)).length, 1600)
    }))
})
