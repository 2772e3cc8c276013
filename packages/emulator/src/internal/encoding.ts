import * as Audio from "@effect-smallest/core/Audio"
import * as G711 from "@effect-smallest/core/G711"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Wav from "@effect-smallest/core/Wav"

/**
 * What the emulator makes; MP3 it does not.
 *
 * @internal
 */
export type Encoding = "pcm" | "wav" | "ulaw" | "alaw"

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
