import * as Either from "effect/Either"
import * as G711 from "../G711.js"
import type * as Pcm from "../Pcm.js"
import type { Problem } from "./wavReader.js"

/**
 * How the samples of a file are written.
 *
 * @internal
 */
export interface Encoding {
  /** Such as `24-bit PCM`. */
  readonly name: string
  readonly format: Pcm.PcmFormat
  /** Bytes of a sample in the file. */
  readonly sampleSize: number
  /** Makes 16-bit samples of whole samples; absent if they are that already, with the low byte first. */
  readonly convert: ((bytes: Uint8Array) => Uint8Array) | undefined
}

const formatNames: Record<number, string> = {
  2: "Microsoft ADPCM",
  0x11: "IMA ADPCM",
  0x31: "GSM 6.10",
  0x50: "MPEG audio",
  0x55: "MP3",
  0xff: "AAC",
  0x161: "Windows Media Audio",
  0x1610: "AAC",
  0xf1ac: "FLAC"
}

// WAVE_FORMAT_EXTENSIBLE wraps the real format tag in a GUID, which ends like this for every format that has a tag.
const extensible = 0xfffe
const guidEnd = "800000aa00389b71"

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const bytesOf = (samples: Int16Array): Uint8Array =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)

const limit = (sample: number): number => sample > 32767 ? 32767 : sample < -32768 ? -32768 : sample

type Read = (view: DataView, at: number) => number

const reader = (sampleSize: number, read: Read) => (bytes: Uint8Array): Uint8Array => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const samples = new Int16Array(bytes.length / sampleSize)
  for (let index = 0; index < samples.length; index++) {
    samples[index] = limit(read(view, index * sampleSize))
  }
  return bytesOf(samples)
}

// Rounded to the nearest, halves up; floating point has full scale at 1, and what is not a number is silence.
const ofFloat = (value: number): number => Number.isNaN(value) ? 0 : Math.round(limit(value * 32768))

const integers = (sampleSize: number, littleEndian: boolean): Read | undefined => {
  switch (sampleSize) {
    case 1:
      return (view, at) => (view.getUint8(at) - 128) << 8
    case 2:
      return littleEndian ? undefined : (view, at) => view.getInt16(at, false)
    case 3:
      return littleEndian
        ? (view, at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at) + 128) >> 8
        : (view, at) => (view.getInt16(at, false) * 256 + view.getUint8(at + 2) + 128) >> 8
    default:
      return (view, at) => Math.floor((view.getInt32(at, littleEndian) + 32768) / 65536)
  }
}

const fail = (reason: Problem["reason"], description: string): Either.Either<never, Problem> =>
  Either.left({ reason, description })

const readTag = (bytes: Uint8Array, view: DataView, length: number, littleEndian: boolean) => {
  const outer = view.getUint16(0, littleEndian)
  if (outer !== extensible) return Either.right(outer)
  if (length < 40) return fail("Corrupt", "The extensible fmt chunk has no format in it")
  const tag = view.getUint32(24, littleEndian)
  const isTag = view.getUint16(28, littleEndian) === 0 && view.getUint16(30, littleEndian) === 0x10 &&
    hex(bytes.subarray(32, 40)) === guidEnd && tag <= 0xffff
  return isTag
    ? Either.right(tag)
    : fail("Unsupported", `The audio is encoded as ${hex(bytes.subarray(24, 40))}, which is not a format of WAV`)
}

/**
 * Reads a fmt chunk, of which `bytes` are the first 40.
 *
 * @internal
 */
export const read = (bytes: Uint8Array, length: number, littleEndian: boolean): Either.Either<Encoding, Problem> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (length < 16) return fail("Corrupt", `The fmt chunk has ${length} bytes where 16 are needed`)
  return Either.flatMap(readTag(bytes, view, length, littleEndian), (tag): Either.Either<Encoding, Problem> => {
    const channels = view.getUint16(2, littleEndian)
    const sampleRate = view.getUint32(4, littleEndian)
    const bits = view.getUint16(14, littleEndian)
    if (tag !== 1 && tag !== 3 && tag !== 6 && tag !== 7) {
      return fail("Unsupported", `The audio is ${formatNames[tag] ?? `encoded as format ${tag}`}`)
    }
    if (channels === 0 || sampleRate === 0) {
      return fail("Corrupt", `The fmt chunk says ${channels} channels at ${sampleRate} Hz`)
    }
    const format = { sampleRate, channels }
    if (tag === 6 || tag === 7) {
      if (bits !== 8) return fail("Unsupported", `The audio is ${tag === 6 ? "A-law" : "µ-law"} of ${bits} bits`)
      const decode = tag === 6 ? G711.decodeAlaw : G711.decodeUlaw
      return Either.right({
        name: tag === 6 ? "A-law" : "µ-law",
        format,
        sampleSize: 1,
        convert: (bytes) => bytesOf(decode(bytes))
      })
    }
    if (tag === 3) {
      if (bits !== 32 && bits !== 64) return fail("Unsupported", `The audio is floating point of ${bits} bits`)
      return Either.right({
        name: `${bits}-bit floating point`,
        format,
        sampleSize: bits / 8,
        convert: reader(
          bits / 8,
          bits === 32
            ? (view, at) => ofFloat(view.getFloat32(at, littleEndian))
            : (view, at) => ofFloat(view.getFloat64(at, littleEndian))
        )
      })
    }
    if (bits === 0 || bits > 32) return fail("Unsupported", `The audio has ${bits} bits per sample`)
    // Samples are at the high end of their bytes, of which there may be more than their bits need.
    const needed = Math.ceil(bits / 8)
    const container = view.getUint16(12, littleEndian) / channels
    const sampleSize = Number.isInteger(container) && container >= needed && container <= 4 ? container : needed
    const readSample = integers(sampleSize, littleEndian)
    return Either.right({
      name: `${bits}-bit PCM`,
      format,
      sampleSize,
      convert: readSample === undefined ? undefined : reader(sampleSize, readSample)
    })
  })
}
