/**
 * What arrives under the name of raw audio and is something else: a page, a JSON error, an MP3 file. Raw PCM has no header, so anything would
 * play, as noise.
 *
 * Only authors of engines need this module.
 *
 * @since 0.1.0
 */
import { enough, fileKind } from "./internal/fileKind.js"

const bitrates = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320], // MPEG 1, layer III
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160] // MPEG 2 and 2.5, layer III
] as const

const sampleRates = [44_100, 48_000, 32_000] as const

/** The bytes of an MPEG layer III frame, by its header (ISO/IEC 11172-3, 2.4.1.3). */
const frameLength = (bytes: Uint8Array, offset: number): number | undefined => {
  const [first = 0, second = 0, third = 0] = bytes.subarray(offset, offset + 3)
  if (first !== 0xff || (second & 0xe6) !== 0xe2) return undefined
  const version = (second >> 3) & 3 // 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5
  const bitrate = bitrates[version === 3 ? 0 : 1][third >> 4] ?? 0
  const sampleRate = sampleRates[(third >> 2) & 3]
  if (version === 1 || bitrate === 0 || sampleRate === undefined) return undefined
  const divided = sampleRate / (version === 3 ? 1 : version === 2 ? 2 : 4)
  return Math.floor(((version === 3 ? 144_000 : 72_000) * bitrate) / divided) + ((third >> 1) & 1)
}

// Two bytes of a frame are samples as often as not; a second frame where the first one ends is no accident.
const isMpeg = (bytes: Uint8Array): boolean => {
  const length = frameLength(bytes, 0)
  return length !== undefined && frameLength(bytes, length) !== undefined
}

const isGzip = ([first, second, third, fourth = 0xff]: Uint8Array): boolean =>
  first === 0x1f && second === 0x8b && third === 8 && (fourth & 0xe0) === 0

const isRiff = (bytes: Uint8Array): boolean =>
  /^(RIFF|RIFX|RF64|BW64)....WAVE/s.test(String.fromCharCode(...bytes.subarray(0, 12)))

// Sixteen samples in a row that are all letters are not a voice.
const shortestText = 16

/**
 * What bytes are that should be raw PCM, such as "an MP3 file", "JSON" or "a web page"; `undefined` if they may well be samples. Give it
 * the beginning, 4 kB at best: one MPEG frame alone proves nothing.
 *
 * @example
 * ```ts
 * import { ForeignAudio } from "@effect-smallest/core"
 *
 * ForeignAudio.kindOf(new TextEncoder().encode("<!doctype html><title>502 Bad Gateway</title>")) // "a web page"
 * ForeignAudio.kindOf(new Uint8Array(4800)) // undefined
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const kindOf = (bytes: Uint8Array): string | undefined => {
  if (isRiff(bytes)) return "a WAV file"
  if (isGzip(bytes)) return "compressed with gzip"
  if (isMpeg(bytes)) return "an MP3 file"
  const kind = fileKind(bytes.subarray(0, enough))
  switch (kind) {
    // Marks of two bytes, which samples have too.
    case "text in UTF-16":
    case "a file compressed with gzip":
    case "an AAC file":
      return undefined
    case "an MP3 file":
      return bytes[0] === 0x49 && (bytes[3] ?? 0xff) <= 4 ? kind : undefined // an ID3 tag of a version that exists
    case "text":
    case "JSON":
    case "XML or HTML":
    case "a web page":
      return bytes.length >= shortestText ? kind : undefined
    default:
      return kind
  }
}
