import { Audio, Pcm } from "@effect-smallest/core"
import { assertSame } from "@effect-smallest/test-support/pcm"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, FastCheck, Option, Stream } from "effect"

const mono = Pcm.format(24000)

describe("Audio", () => {
  it.effect("fromStream fails if the format changes, and takes a format that was written as a literal", () =>
    Effect.gen(function*() {
      const second = (format: Pcm.PcmFormat) => Pcm.unsafeMake(format, new Uint8Array(2 * format.sampleRate))
      const joined = (...formats: ReadonlyArray<Pcm.PcmFormat>) =>
        Audio.fromStream(Stream.fromIterable(formats.map(second)))
      const error = yield* Effect.flip(joined(mono, Pcm.format(8000)))
      assert.strictEqual(error.reason, "MixedFormats")
      assert.include(error.message, "from 24000 Hz to 8000 Hz")
      const audio = Option.getOrThrow(yield* joined(mono, { sampleRate: 24000, channels: 1 }))
      assert.strictEqual(Duration.toSeconds(audio.duration), 2)
    }))

  it.effect.prop(
    "fromStream is the inverse of toStream, in chunks of at most 100 ms that share its memory",
    {
      frames: FastCheck.integer({ min: 1, max: 10_000 }),
      sampleRate: FastCheck.constantFrom(1, 4, 7, 8000, 24000, 44100),
      channels: FastCheck.integer({ min: 1, max: 2 })
    },
    ({ channels, frames, sampleRate }) =>
      Effect.gen(function*() {
        // Few frames at tiny rates: one chunk each.
        const count = sampleRate < 100 ? frames % 50 + 1 : frames
        const format = Pcm.format(sampleRate, channels)
        const audio = Audio.unsafeMake(format, new Uint8Array(count * 2 * channels).fill(7))
        const chunks = yield* Stream.runCollect(Audio.toStream(audio))
        const isRight = (chunk: Pcm.PcmChunk) =>
          Pcm.frames(chunk) > 0 && Pcm.frames(chunk) <= Math.max(1, sampleRate / 10) &&
          chunk.bytes.buffer === audio.bytes.buffer
        assert.isTrue(Chunk.every(chunks, isRight))
        const back = Option.getOrThrow(yield* Audio.fromStream(Stream.fromChunk(chunks)))
        assert.deepStrictEqual(back.format, format)
        assertSame(back.bytes, audio.bytes)
        assert.deepStrictEqual(back.duration, audio.duration)
      })
  )

  it.effect("empty audio is an empty stream, and an empty stream is no audio", () =>
    Effect.gen(function*() {
      const chunks = yield* Stream.runCollect(Audio.toStream(Audio.unsafeMake(mono, new Uint8Array(0))))
      assert.strictEqual(Chunk.size(chunks), 0)
      assert.isTrue(Option.isNone(yield* Audio.fromStream(Stream.empty)))
    }))

  it("unsafeMake knows the duration and refuses parts of frames", () => {
    assert.strictEqual(Duration.toMillis(Audio.unsafeMake(mono, new Uint8Array(48_000)).duration), 1000)
    assert.throws(() => Audio.unsafeMake(mono, new Uint8Array(1)), RangeError)
  })
})
