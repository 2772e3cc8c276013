import * as Either from "effect/Either"
import * as Pcm from "../Pcm.js"
import type { WavError } from "../Wav.js"

/**
 * What is wrong with a file.
 *
 * @internal
 */
export interface Problem {
  readonly reason: WavError["reason"]
  readonly description: string
}

/**
 * Reads a file that is given to it piece by piece, and keeps none of it but its header.
 *
 * @internal
 */
export interface WavReader {
  /** Takes the next bytes, and gives those of them that are audio: a view, cut anywhere. */
  readonly push: (bytes: Uint8Array) => Either.Either<Uint8Array, Problem>
  /** There are no more bytes. */
  readonly end: () => Either.Either<void, Problem>
  /** Known before the first audio is. */
  readonly format: () => Pcm.PcmFormat | undefined
  /** How much audio the file says it holds, in bytes; absent if it leaves that open. */
  readonly dataLength: () => number | undefined
  /** Whether the audio has begun, be it empty. */
  readonly hasBegun: () => boolean
  /** Whether all audio has been given: what follows is of no interest. */
  readonly isOver: () => boolean
}

const formatTags: Record<number, string> = { 3: "floating point", 6: "A-law", 7: "µ-law", 0x55: "MP3" }

// WAVE_FORMAT_EXTENSIBLE wraps the real format tag in the first two bytes of a GUID.
const extensible = 0xfffe

// As much of a fmt chunk as is read: an extensible one has 40 bytes.
const longestFormat = 40

const fail = (reason: Problem["reason"], description: string): Either.Either<never, Problem> =>
  Either.left({ reason, description })

const readFormat = (view: DataView, length: number): Either.Either<Pcm.PcmFormat, Problem> => {
  if (length < 16) return fail("Corrupt", `The fmt chunk has ${length} bytes where 16 are needed`)
  const outer = view.getUint16(0, true)
  if (outer === extensible && length < 26) return fail("Corrupt", "The extensible fmt chunk has no format in it")
  const tag = outer === extensible ? view.getUint16(24, true) : outer
  if (tag !== 1) return fail("Unsupported", `The audio is ${formatTags[tag] ?? `encoded as format ${tag}`}`)
  const bits = view.getUint16(14, true)
  if (bits !== 16) return fail("Unsupported", `The audio has ${bits} bits per sample`)
  const channels = view.getUint16(2, true)
  const sampleRate = view.getUint32(4, true)
  if (channels === 0 || sampleRate === 0) {
    return fail("Corrupt", `The fmt chunk says ${channels} channels at ${sampleRate} Hz`)
  }
  return Either.right(Pcm.format(sampleRate, channels))
}

// What writers put where they do not know the end yet: ffmpeg and this library, Windows, SoX.
const streamingSizes = [0xffffffff, 0x7fffffff, 0x7ffff000]

const headerSize = 12
const chunkHeaderSize = 8

const none = new Uint8Array(0)

/** @internal */
export const make = (): WavReader => {
  // The part of a header that is being collected, which pieces may cut anywhere.
  const collected = new Uint8Array(longestFormat)
  const view = new DataView(collected.buffer)
  let wanted = headerSize
  let have = 0
  let state: "file" | "chunk" | "format" | "skip" | "data" | "over" = "file"
  let position = 0 // in the file, of what comes next
  let fileSize = 0 // what its header says
  let length = 0 // of the current chunk, as it says
  let skipping = 0 // bytes of it to go by
  let padding = 0 // how many of them are only padding
  let remaining = 0 // bytes of audio to come
  let format: Pcm.PcmFormat | undefined
  let dataLength: number | undefined

  const tag = (offset: number) => String.fromCharCode(...collected.subarray(offset, offset + 4))

  const collect = (next: "file" | "chunk" | "format", bytes: number) => {
    state = next
    wanted = bytes
    have = 0
  }

  const skip = (bytes: number, pad: number) => {
    state = "skip"
    skipping = bytes + pad
    padding = pad
  }

  const beginData = (): Either.Either<void, Problem> => {
    if (format === undefined) return fail("Corrupt", "The data chunk comes before the fmt chunk")
    // A size of 0 is open if the size of the file has no room for anything else, or is none; a finished file may
    // really hold no audio.
    const isUnfinished = fileSize === 0 || fileSize === position - chunkHeaderSize ||
      streamingSizes.some((size) => fileSize >= size && fileSize <= size + position)
    const isOpen = length === 0 ? isUnfinished : streamingSizes.includes(length)
    if (!isOpen && length % Pcm.frameSize(format) !== 0) {
      return fail("Corrupt", `The data chunk of ${length} bytes ends inside a frame of ${Pcm.frameSize(format)}`)
    }
    dataLength = isOpen ? undefined : length
    remaining = isOpen ? Infinity : length
    state = remaining === 0 ? "over" : "data"
    return Either.void
  }

  const beginChunk = (): Either.Either<void, Problem> => {
    length = view.getUint32(4, true)
    switch (tag(0)) {
      case "data":
        return beginData()
      case "fmt ":
        collect("format", Math.min(length, longestFormat))
        return wanted === 0 ? endHeader() : Either.void
      default:
        skip(length, length % 2)
        return Either.void
    }
  }

  // Something has been collected.
  const endHeader = (): Either.Either<void, Problem> => {
    switch (state) {
      case "file":
        if (tag(0) !== "RIFF" || tag(8) !== "WAVE") {
          return fail("NotWav", "The bytes do not begin with a RIFF/WAVE header")
        }
        fileSize = view.getUint32(4, true)
        collect("chunk", chunkHeaderSize)
        return Either.void
      case "chunk":
        return beginChunk()
      default:
        return Either.map(readFormat(view, length), (read) => {
          format = read
          skip(length - wanted, length % 2)
        })
    }
  }

  const push = (bytes: Uint8Array): Either.Either<Uint8Array, Problem> => {
    let offset = 0
    const take = (most: number) => {
      const count = Math.min(most, bytes.length - offset)
      offset += count
      position += count
      return count
    }
    // What takes no bytes is done before more are waited for.
    while (state !== "over" && (offset < bytes.length || (state === "skip" && skipping === 0))) {
      if (state === "data") {
        const audio = bytes.subarray(offset)
        const count = take(remaining)
        remaining -= count
        if (remaining === 0) state = "over"
        return Either.right(audio.subarray(0, count))
      }
      if (state === "skip") {
        skipping -= take(skipping)
        if (skipping === 0) collect("chunk", chunkHeaderSize)
        continue
      }
      const part = bytes.subarray(offset)
      const count = take(wanted - have)
      collected.set(part.subarray(0, count), have)
      have += count
      if (have < wanted) break
      const ended = endHeader()
      if (Either.isLeft(ended)) return Either.left(ended.left)
    }
    return Either.right(none)
  }

  const claims = (what: string, missing: number): Either.Either<never, Problem> =>
    fail("Corrupt", `${what} claims ${length} bytes but ${length - missing} are there`)

  const end = (): Either.Either<void, Problem> => {
    switch (state) {
      case "over":
        return Either.void
      case "data":
        return remaining === Infinity ? Either.void : claims("The data chunk", remaining)
      case "file":
        return fail("NotWav", "The bytes do not begin with a RIFF/WAVE header")
      case "format":
        return claims("A chunk", length - have)
      case "skip":
        if (skipping > padding) return claims("A chunk", skipping - padding)
        break
      case "chunk":
        break
    }
    return fail("NotWav", format === undefined ? "The file has no fmt chunk" : "The file has no data chunk")
  }

  return {
    push,
    end,
    format: () => format,
    dataLength: () => dataLength,
    hasBegun: () => state === "data" || state === "over",
    isOver: () => state === "over"
  }
}
