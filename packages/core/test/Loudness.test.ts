import { Audio, Loudness, Pcm } from "@effect-smallest/core"
import { assertSame, chunksOf, collectSamples, cutAt } from "@effect-smallest/test-support/pcm"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, FastCheck, Stream } from "effect"
import { spawnSync } from "node:child_process"

const mono = Pcm.format(24000)

// Something like speech: syllables of harmonics and noise with rests, of a crest that speech has.
const voice = (
  format: Pcm.PcmFormat,
  options: { readonly level: number; readonly seconds: number; readonly seed?: number }
) => {
  const { channels, sampleRate } = format
  let state = (options.seed ?? 1) * 7919
  const random = () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 1073741824 - 1
  }
  const samples = new Int16Array(Math.round(sampleRate * options.seconds) * channels)
  for (let frame = 0; frame < samples.length / channels; frame++) {
    const time = frame / sampleRate
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 3.7 * time)) *
      (Math.sin(2 * Math.PI * 0.4 * time) > -0.6 ? 1 : 0)
    let wave = 0.2 * random()
    for (let harmonic = 1; harmonic <= 12; harmonic++) {
      wave += Math.cos(2 * Math.PI * 130 * harmonic * time + harmonic * harmonic) / Math.sqrt(harmonic)
    }
    const value = Math.round(32767 * options.level * syllable * wave / 5)
    samples.fill(Math.max(-32768, Math.min(32767, value)), frame * channels, (frame + 1) * channels)
  }
  return Pcm.fromSamples(format, samples)
}

const audioOf = ({ bytes, format }: Pcm.PcmChunk) => Audio.unsafeMake(format, bytes)

const piecesOf = (chunk: Pcm.PcmChunk) => Audio.toStream(audioOf(chunk))

const loudnessOf = (chunk: Pcm.PcmChunk) => Pcm.loudness(Stream.make(chunk))

const highest = (chunk: Pcm.PcmChunk) =>
  Pcm.samples(chunk).reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0)

const collect = <E, R>(stream: Stream.Stream<Pcm.PcmChunk, E, R>, format: Pcm.PcmFormat) =>
  Effect.map(collectSamples(stream), (samples) => Pcm.fromSamples(format, samples))

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0

const byFfmpeg = ({ bytes, format: { channels, sampleRate } }: Pcm.PcmChunk) => {
  const input = ["-f", "s16le", "-ar", String(sampleRate), "-ac", String(channels), "-i", "-"]
  const { stderr } = spawnSync("ffmpeg", ["-hide_banner", ...input, "-af", "ebur128=peak=true", "-f", "null", "-"], {
    input: bytes
  })
  const last = (pattern: RegExp) => Number(Array.from(String(stderr).matchAll(pattern)).at(-1)?.[1])
  return { loudness: last(/I:\s+(-?[\d.]+) LUFS/g), truePeak: last(/Peak:\s+(-?[\d.]+) dBFS/g) }
}

describe("Loudness.normalize", () => {
  it.effect.skipIf(!hasFfmpeg)(
    "ffmpeg measures the target and no true peak over the ceiling, whatever came in",
    () =>
      Effect.gen(function*() {
        for (
          const [rate, channels, level, target] of [
            [8000, 1, 0.05, -16],
            [16000, 1, 1, -16],
            [24000, 1, 0.9, -16],
            [24000, 2, 0.01, -16],
            [44100, 1, 0.5, -23],
            [48000, 2, 1, -18]
          ] as const
        ) {
          const before = voice(Pcm.format(rate, channels), { level, seconds: 5 })
          const after = yield* Loudness.normalize(audioOf(before), { target })
          const name = `${rate} Hz, ${channels} channels, ${level}`
          assert.strictEqual(after.bytes.length, before.bytes.length, name)
          const { loudness, truePeak } = byFfmpeg(after)
          assert.closeTo(loudness, target, 0.2, name)
          assert.isAtMost(truePeak, -1, name)
        }
      })
  )

  it.effect("one gain for all: nothing but the level changes, and the shape stays sample by sample", () =>
    Effect.gen(function*() {
      const before = voice(mono, { level: 0.1, seconds: 3 })
      const after = yield* Loudness.normalize(audioOf(before), { target: -20 })
      const factor = 10 ** ((-20 - (yield* loudnessOf(before))) / 20)
      const expected = Pcm.samples(before)
      const furthest = Pcm.samples(after).reduce(
        (all, sample, i) => Math.max(all, Math.abs(sample - (expected[i] ?? 0) * factor)),
        0
      )
      assert.isAtMost(furthest, 0.51)
      assert.closeTo(yield* loudnessOf(after), -20, 0.05)
      assert.deepStrictEqual(after.duration, Duration.seconds(3))
    }))

  it.effect("a target that only peaks over the ceiling would reach is kept as close as the ceiling lets it", () =>
    Effect.gen(function*() {
      const before = voice(mono, { level: 0.2, seconds: 4 })
      const after = yield* Loudness.normalize(audioOf(before), { target: -3, ceiling: -6 })
      assert.isAtMost(highest(after), 32768 * 10 ** (-6 / 20))
      assert.isAbove(yield* loudnessOf(after), yield* loudnessOf(before))
    }))

  it.effect("silence and audio too short to measure stay as they are", () =>
    Effect.gen(function*() {
      const silence = Audio.unsafeMake(mono, new Uint8Array(48_000))
      assert.deepStrictEqual(yield* Loudness.normalize(silence), silence)
      const click = audioOf(voice(mono, { level: 0.3, seconds: 0.2 }))
      assert.deepStrictEqual(yield* Loudness.normalize(click), click)
      const empty = Audio.unsafeMake(mono, new Uint8Array(0))
      assert.deepStrictEqual(yield* Loudness.normalize(empty), empty)
    }))

  it.effect("options out of bounds fail by name", () =>
    Effect.gen(function*() {
      const audio = audioOf(voice(mono, { level: 0.3, seconds: 1 }))
      for (const target of [1, -71, NaN, Infinity]) {
        const error = yield* Effect.flip(Loudness.normalize(audio, { target }))
        assert.strictEqual(error.reason, "InvalidLoudness")
        assert.include(error.description, "target")
        yield* Effect.flip(Stream.runDrain(Loudness.level(piecesOf(audio), { target })))
      }
      assert.include((yield* Effect.flip(Loudness.normalize(audio, { ceiling: 0.1 }))).description, "ceiling")
    }))
})

describe("Loudness.level", () => {
  it.effect("a stream comes to the target, from below and from above, in its own time", () =>
    Effect.gen(function*() {
      for (const [level, target] of [[0.06, -16], [0.8, -24], [0.9, -16]] as const) {
        const before = voice(mono, { level, seconds: 6 })
        const after = yield* collect(Loudness.level(piecesOf(before), { target }), mono)
        assert.strictEqual(after.bytes.length, before.bytes.length)
        assert.closeTo(yield* loudnessOf(after), target, 1, `${level} to ${target}`)
        if (hasFfmpeg) assert.isAtMost(byFfmpeg(after).truePeak, -1)
      }
    }))

  it.effect("audio that becomes louder is followed slowly, and never passes the ceiling on the way", () =>
    Effect.gen(function*() {
      const chunks = [voice(mono, { level: 0.05, seconds: 4 }), voice(mono, { level: 1, seconds: 4 })]
      const after = yield* collect(Loudness.level(Stream.fromIterable(chunks), { target: -16, ceiling: -1 }), mono)
      assert.isAtMost(highest(after), 32768 * 10 ** (-1 / 20))
      if (hasFfmpeg) assert.isAtMost(byFfmpeg(after).truePeak, -1)
      const second = (at: number) =>
        loudnessOf({ format: mono, bytes: after.bytes.subarray(at * 48_000, (at + 2) * 48_000) })
      assert.closeTo(yield* second(2), -16, 1)
      assert.closeTo(yield* second(6), -16, 3)
    }))

  it.effect("noise before speech is not blown up to the level of speech", () =>
    Effect.gen(function*() {
      let state = 1
      const hiss = Int16Array.from({ length: 48_000 }, () => {
        state = (state * 1103515245 + 12345) % 2147483648
        return Math.round((state / 1073741824 - 1) * 30)
      })
      const noise = Pcm.fromSamples(mono, hiss)
      const after = yield* collect(
        Loudness.level(Stream.make(noise, voice(mono, { level: 0.3, seconds: 4 }))),
        mono
      )
      assert.isBelow(yield* loudnessOf({ format: mono, bytes: after.bytes.subarray(0, 96_000) }), -30)
      assert.closeTo(yield* loudnessOf({ format: mono, bytes: after.bytes.subarray(4 * 48_000) }), -16, 2)
    }))

  it.effect("the result does not depend on how the audio is cut", () =>
    Effect.gen(function*() {
      const format = Pcm.format(8000, 2)
      const before = voice(format, { level: 0.2, seconds: 1.5 })
      const whole = yield* collectSamples(Loudness.level(Stream.make(before)))
      yield* Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(FastCheck.array(FastCheck.nat(11_999), { maxLength: 9 }), async (frames) => {
            const pieces = cutAt(Pcm.samples(before), frames.map((frame) => frame * 2))
            const samples = await Effect.runPromise(collectSamples(Loudness.level(chunksOf(format, pieces))))
            assertSame(samples, whole)
          }),
          { numRuns: 10 }
        )
      )
    }))

  it.effect("what was heard before a failure leaves before it, and formats do not mix", () =>
    Effect.gen(function*() {
      const before = voice(mono, { level: 0.2, seconds: 0.3 })
      let length = 0
      const error = yield* Stream.concat(Stream.make(before), Stream.fail("gone" as const)).pipe(
        Loudness.level(),
        Stream.runForEach((chunk) => Effect.sync(() => length += chunk.bytes.length)),
        Effect.flip
      )
      assert.strictEqual(error, "gone")
      assert.strictEqual(length, before.bytes.length)
      const mixed = Stream.make(before, Pcm.silence(Pcm.format(16000), 100))
      const failure = yield* Effect.flip(Stream.runDrain(Loudness.level(mixed)))
      assert.strictEqual(failure.reason, "MixedFormats")
      assert.deepStrictEqual(yield* collectSamples(Loudness.level(Stream.empty)), new Int16Array(0))
    }))
})

describe("Loudness.makeEnsemble", () => {
  it.effect("the first voice passes unchanged, and others come to its loudness", () =>
    Effect.gen(function*() {
      const ensemble = Loudness.makeEnsemble()
      const say = (name: string, chunk: Pcm.PcmChunk) => {
        const { end, push } = ensemble.next(name, mono)
        return Pcm.fromSamples(
          mono,
          Pcm.samples({ format: mono, bytes: Pcm.concatBytes([...push(chunk), ...end()].map(({ bytes }) => bytes)) })
        )
      }
      const first = voice(mono, { level: 0.3, seconds: 2 })
      assert.deepStrictEqual(say("kate", first), first)
      const expected = yield* loudnessOf(first)
      const quiet = voice(mono, { level: 0.05, seconds: 2, seed: 2 })
      assert.closeTo(yield* loudnessOf(say("hazel", quiet)), expected, 1)
      const loud = voice(mono, { level: 0.9, seconds: 2, seed: 3 })
      assert.closeTo(yield* loudnessOf(say("sophia", loud)), expected, 1)
      // Known voices do not wait: a word too short to be measured has their gain.
      const word = voice(mono, { level: 0.05, seconds: 0.2, seed: 2 })
      assert.closeTo(highest(say("hazel", word)) / highest(word), 6, 2)
      assert.closeTo(highest(say("new", word)) / highest(word), 6, 2)
    }))
})
