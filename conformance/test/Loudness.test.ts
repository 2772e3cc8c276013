import { Pcm } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck, Stream } from "effect"
import { spawnSync } from "node:child_process"

// Six seconds of noise and a tone that come and go, for the gates to matter.
const generate = ({ channels, sampleRate }: Pcm.PcmFormat, seed: number): Int16Array => {
  let state = seed * 7 + 1
  let noise = 0
  const random = () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 1073741824 - 1
  }
  const samples = new Int16Array(sampleRate * 6 * channels)
  for (let i = 0; i < samples.length / channels; i++) {
    const time = i / sampleRate
    const envelope = (Math.sin(2 * Math.PI * time * 0.7) > 0 ? 1 : 0.02) * (0.1 + seed / 30)
    noise = 0.7 * noise + 0.3 * random()
    const tone = Math.sin(2 * Math.PI * (120 + seed * 200) * time)
    samples.fill(Math.round(20000 * envelope * (0.5 * tone + 0.6 * noise)), i * channels, (i + 1) * channels)
  }
  return samples
}

const byFfmpeg = ({ channels, sampleRate }: Pcm.PcmFormat, { bytes }: Pcm.PcmChunk): number => {
  const input = ["-f", "s16le", "-ar", String(sampleRate), "-ac", String(channels), "-i", "-"]
  const { stderr } = spawnSync("ffmpeg", ["-hide_banner", ...input, "-af", "ebur128", "-f", "null", "-"], {
    input: bytes
  })
  return Number(Array.from(String(stderr).matchAll(/I:\s+(-?[\d.]+) LUFS/g)).at(-1)?.[1])
}

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0

describe("Pcm.loudness", () => {
  it.effect.skipIf(!hasFfmpeg)("agrees with ffmpeg's ebur128 within 0.1 LU at all rates", () =>
    Effect.gen(function*() {
      for (let seed = 0; seed < 12; seed++) {
        const format = Pcm.format([8000, 16000, 22050, 24000, 44100, 48000][seed % 6] ?? 0, 1 + seed % 2)
        const chunk = Pcm.fromSamples(format, generate(format, seed))
        // ffmpeg prints one decimal.
        assert.closeTo(yield* Pcm.loudness(Stream.make(chunk)), byFfmpeg(format, chunk), 0.1, Pcm.formatName(format))
      }
    }))

  it.effect("a full-scale sine of 997 Hz has -3.01 LUFS", () =>
    Effect.gen(function*() {
      const format = Pcm.format(48000)
      const sine = Int16Array.from({ length: 240_000 }, (_, i) =>
        Math.round(32767 * Math.sin(2 * Math.PI * 997 * i / 48000)))
      assert.closeTo(yield* Pcm.loudness(Stream.make(Pcm.fromSamples(format, sine))), -3.01, 0.02)
    }))

  it("does not depend on how the audio is cut", () => {
    const format = Pcm.format(8000, 2)
    const samples = generate(format, 3)
    const whole = Effect.runSync(Pcm.loudness(Stream.make(Pcm.fromSamples(format, samples))))
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.nat(samples.length / 2), { maxLength: 9 }), (cuts) => {
        const ends = [0, ...cuts.sort((a, b) => a - b), samples.length / 2]
        const chunks = ends.slice(1).map((end, i) =>
          Pcm.fromSamples(format, samples.subarray((ends[i] ?? 0) * 2, end * 2))
        )
        assert.strictEqual(Effect.runSync(Pcm.loudness(Stream.fromIterable(chunks))), whole)
      }),
      { numRuns: 20 }
    )
  })

  it.effect("silence and short audio have none; mixed formats fail", () =>
    Effect.gen(function*() {
      const format = Pcm.format(8000)
      assert.strictEqual(yield* Pcm.loudness(Stream.empty), -Infinity)
      assert.strictEqual(yield* Pcm.loudness(Stream.make(Pcm.silence(format, "3 seconds"))), -Infinity)
      const mixed = Stream.make(Pcm.silence(format, 100), Pcm.silence(Pcm.format(16000), 100))
      assert.strictEqual((yield* Effect.flip(Pcm.loudness(mixed))).reason, "MixedFormats")
    }))
})
