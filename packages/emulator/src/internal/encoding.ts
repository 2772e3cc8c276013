import * as Audio from "@effect-smallest/core/Audio"
import * as G711 from "@effect-smallest/core/G711"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Wav from "@effect-smallest/core/Wav"
import * as Effect from "effect/Effect"

/**
 * What streams are encoded into.
 *
 * @internal
 */
export type Encoding = "pcm" | "wav" | "ulaw" | "alaw"

/**
 * MP3 as the vendor sends it: mono, at a constant 128 kbit/s, or 64 where a sample rate of 8000 Hz allows no more.
 *
 * @internal
 */
export const encodeMp3 = (pcm: Pcm.PcmChunk): Effect.Effect<Uint8Array> =>
  Effect.promise(async () => {
    const { createMp3Encoder } = await import("wasm-media-encoders")
    const encoder = await createMp3Encoder()
    const { sampleRate } = pcm.format
    encoder.configure({ sampleRate, channels: 1, bitrate: sampleRate < 16_000 ? 64 : 128 })
    const samples = Float32Array.from(Pcm.samples(pcm), (sample) => sample / 32_768)
    // The encoder keeps and reuses the memory of what it returns.
    const frames = encoder.encode([samples]).slice()
    return Pcm.concatBytes([frames, encoder.finalize().slice()])
  })

/**
 * Encodes PCM. G.711 has no state, so pieces encode like the whole; a WAV header belongs to the whole only.
 *
 * @internal
 */
export const encode = (pcm: Pcm.PcmChunk, encoding: Encoding): Uint8Array => {
  switch (encoding) {
    case "pcm":
      return pcm.bytes
    case "wav":
      return Wav.encode(Audio.unsafeMake(pcm.format, pcm.bytes))
    case "ulaw":
      return G711.encodeUlaw(Pcm.samples(pcm))
    case "alaw":
      return G711.encodeAlaw(Pcm.samples(pcm))
  }
}

/**
 * The header of a WAV file whose length is not known yet.
 *
 * @internal
 */
export const openHeader = (format: Pcm.PcmFormat, sizes: "ones" | "zero"): Uint8Array => {
  const header = Wav.header(format)
  if (sizes === "zero") {
    header.fill(0, 4, 8)
    header.fill(0, 40, 44)
  }
  return header
}
