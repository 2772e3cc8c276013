import * as Either from "effect/Either"
import * as Pcm from "../Pcm.js"
import type { WavError } from "../Wav.js"
import { enough, fileKind } from "./fileKind.js"
import * as Encoding from "./wavEncoding.js"

/**
 * What is wrong with a file.
 *
 * @internal
 */
export interface Problem {
  readonly reason: WavError["reason"]
  readonly description: string
  readonly found?: string | undefined
}

/**
 * Reads a file that is given to it piece by piece, and keeps none of it but its header.
 *
 * @internal
 */
export interface WavReader {
  /** Takes the next bytes, and gives the audio in them as 16-bit PCM, cut anywhere: a view if nothing is converted. */
  readonly push: (bytes: Uint8Array) => Either.Either<Uint8Array, Problem>
  /** There are no more bytes. Gives audio that was held back. */
  readonly end: () => Either.Either<Uint8Array, Problem>
  /** Known before the first audio is. */
  readonly encoding: () => Encoding.Encoding | undefined
  /** How much audio the file says it holds, in bytes of 16-bit PCM; absent if it leaves that open. */
  readonly dataLength: () => number | undefined
  /** What is wrong with the header, though the audio can be read. */
  readonly warning: () => string | undefined
  /** Whether the audio has begun, be it empty. */
  readonly hasBegun: () => boolean
  /** Whether all audio has been given: what follows is of no interest. */
  readonly isOver: () => boolean
}

const fail = (reason: Problem["reason"], description: string): Either.Either<never, Problem> =>
  Either.left({ reason, description })

const headerSize = 12
const chunkHeaderSize = 8
// As much of a fmt chunk as is read: an extensible one has 40 bytes.
const longestFormat = 40
// As much of a ds64 chunk as is read: the sizes of the file and of the audio.
const sizesLength = 16

// Writers that do not know the end yet take the largest size that they can think of, 2^31 or 2^32, and subtract what they please:
// one, their header, a page. Real files of just these sizes are rarer than such writers.
const tolerance = 0x10000
const isNear = (size: number, power: number): boolean => Math.abs(size - power) <= tolerance
const isPlaceholder = (size: number): boolean => isNear(size, 2 ** 31) || isNear(size, 2 ** 32)

const none = new Uint8Array(0)

/** @internal */
export const make = (): WavReader => {
  // The part of a header that is being collected, which pieces may cut anywhere.
  const collected = new Uint8Array(enough)
  const view = new DataView(collected.buffer)
  let wanted = headerSize
  let have = 0
  let state: "file" | "chunk" | "sizes" | "format" | "skip" | "peek" | "strange" | "data" | "over" = "file"
  let position = 0 // in the file, of what comes next
  let littleEndian = true
  let fileSize = 0 // what its header says
  let longDataLength: number | undefined // what the ds64 chunk says
  let length = 0 // of the current chunk, as it says
  let claimed = 0 // the length of the audio, as the file says
  let skipping = 0 // bytes of it to go by
  let padding = 0 // how many of them are only padding
  let remaining = 0 // bytes of audio to come
  let encoding: Encoding.Encoding | undefined
  let dataLength: number | undefined
  let warning: string | undefined
  let part: Uint8Array = none // of a sample that is converted

  const tag = (offset: number) => String.fromCharCode(...collected.subarray(offset, offset + 4))

  const collect = (next: "file" | "chunk" | "sizes" | "format" | "peek", bytes: number) => {
    state = next
    wanted = bytes
    have = 0
  }

  const skip = (bytes: number, pad: number) => {
    state = "skip"
    skipping = bytes + pad
    padding = pad
  }

  const frameSize = () => encoding === undefined ? 1 : encoding.sampleSize * encoding.format.channels

  const beginAudio = (bytes: number) => {
    remaining = bytes
    state = remaining === 0 ? "over" : "data"
  }

  const beginData = (): Either.Either<void, Problem> => {
    if (encoding === undefined) return fail("Corrupt", "The data chunk comes before the fmt chunk")
    const isLong = longDataLength !== undefined && length === 0xffffffff
    claimed = isLong && longDataLength !== undefined ? longDataLength : length
    // A size of the file that has no room for the audio, or is a placeholder itself, was never set.
    const isUnfinished = fileSize <= position - chunkHeaderSize || !Number.isSafeInteger(fileSize) ||
      (longDataLength === undefined && isPlaceholder(fileSize))
    // Of the size that the file leaves to its audio, whatever that is.
    const isRest = isPlaceholder(fileSize) && claimed === fileSize - (position - chunkHeaderSize)
    const isOpen = claimed <= chunkHeaderSize
      ? isUnfinished
      : isLong
      ? !Number.isSafeInteger(claimed)
      : isPlaceholder(claimed) || isRest
    if (isOpen) {
      beginAudio(Infinity)
      return Either.void
    }
    const excess = claimed % frameSize()
    if (excess > 0) {
      warning = `The data chunk of ${claimed} bytes ends inside a frame of ${frameSize()}: its last ${
        excess === 1 ? "byte is" : `${excess} bytes are`
      } left out`
    }
    dataLength = (claimed - excess) / encoding.sampleSize * 2
    if (claimed === 0) {
      // Nothing, or a size that was not set though that of the file was.
      collect("peek", chunkHeaderSize)
    } else {
      beginAudio(claimed - excess)
    }
    return Either.void
  }

  // What comes after a data chunk without a size: another chunk, which the file has room for, or audio.
  const isChunk = () => {
    const size = view.getUint32(4, littleEndian)
    return /^[\x20-\x7e]{4}$/.test(tag(0)) && position + size <= fileSize + chunkHeaderSize + 1
  }

  const beginChunk = (): Either.Either<void, Problem> => {
    length = view.getUint32(4, littleEndian)
    const take = (next: "sizes" | "format", most: number) => {
      collect(next, Math.min(length, most))
      return wanted === 0 ? endHeader() : Either.void
    }
    switch (tag(0)) {
      case "data":
        return beginData()
      case "ds64":
        return take("sizes", sizesLength)
      case "fmt ":
        return take("format", longestFormat)
      default:
        skip(length, length % 2)
        return Either.void
    }
  }

  const long = (offset: number) =>
    view.getUint32(offset + (littleEndian ? 4 : 0), littleEndian) * 2 ** 32 +
    view.getUint32(offset + (littleEndian ? 0 : 4), littleEndian)

  const strange = (): Either.Either<never, Problem> => {
    const found = fileKind(collected.subarray(0, have))
    return Either.left({
      reason: "NotWav",
      description: have === 0
        ? "The file is empty: it has no RIFF/WAVE header"
        : found === undefined
        ? "The bytes do not begin with a RIFF/WAVE header"
        : `It is ${found}, not a RIFF/WAVE file`,
      found
    })
  }

  // Something has been collected.
  const endHeader = (): Either.Either<void, Problem> => {
    switch (state) {
      case "file": {
        const form = tag(0)
        if (!["RIFF", "RIFX", "RF64", "BW64"].includes(form) || tag(8) !== "WAVE") {
          state = "strange"
          wanted = enough
          return Either.void
        }
        littleEndian = form !== "RIFX"
        fileSize = view.getUint32(4, littleEndian)
        collect("chunk", chunkHeaderSize)
        return Either.void
      }
      case "strange":
        return strange()
      case "chunk":
        return beginChunk()
      case "sizes":
        if (length >= sizesLength) {
          fileSize = long(0)
          longDataLength = long(8)
        }
        skip(length - wanted, length % 2)
        return Either.void
      case "peek":
        if (isChunk()) {
          beginAudio(0)
        } else {
          dataLength = undefined
          beginAudio(Infinity)
        }
        return Either.void
      default:
        return Either.map(Encoding.read(collected.slice(0, longestFormat), length, littleEndian), (read) => {
          encoding = read
          skip(length - wanted, length % 2)
        })
    }
  }

  const convert = (bytes: Uint8Array): Uint8Array => {
    if (encoding?.convert === undefined || bytes.length === 0) return bytes
    const all = part.length === 0 ? bytes : Pcm.concatBytes([part, bytes])
    const whole = all.length - all.length % encoding.sampleSize
    part = all.slice(whole)
    return encoding.convert(all.subarray(0, whole))
  }

  const audioOf = (bytes: Uint8Array): Uint8Array => {
    const audio = bytes.subarray(0, Math.min(remaining, bytes.length))
    remaining -= audio.length
    if (remaining === 0) state = "over"
    return convert(audio)
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
        return Either.right(audioOf(bytes.subarray(offset)))
      }
      if (state === "skip") {
        skipping -= take(skipping)
        if (skipping === 0) collect("chunk", chunkHeaderSize)
        continue
      }
      const piece = bytes.subarray(offset)
      const count = take(wanted - have)
      collected.set(piece.subarray(0, count), have)
      have += count
      if (have < wanted) break
      const isPeek = state === "peek"
      const ended = endHeader()
      if (Either.isLeft(ended)) return Either.left(ended.left)
      if (isPeek && remaining > 0) {
        return Either.right(
          audioOf(Pcm.concatBytes([collected.subarray(0, have), bytes.subarray(offset)]))
        )
      }
    }
    return Either.right(none)
  }

  const claims = (what: string, missing: number): Either.Either<never, Problem> =>
    fail("Corrupt", `${what} claims ${length} bytes but ${length - missing} are there`)

  const end = (): Either.Either<Uint8Array, Problem> => {
    switch (state) {
      case "over":
        return Either.right(none)
      case "peek": {
        // Too short for a chunk.
        beginAudio(have)
        return Either.right(audioOf(collected.slice(0, have)))
      }
      case "data":
        return remaining === Infinity
          ? Either.right(none)
          : fail(
            "Corrupt",
            `The data chunk claims ${claimed} bytes but ${claimed - claimed % frameSize() - remaining} are there`
          )
      case "file":
      case "strange":
        return strange()
      case "sizes":
      case "format":
        return claims("A chunk", length - have)
      case "skip":
        if (skipping > padding) return claims("A chunk", skipping - padding)
        break
      case "chunk":
        break
    }
    return fail("NotWav", encoding === undefined ? "The file has no fmt chunk" : "The file has no data chunk")
  }

  return {
    push,
    end,
    encoding: () => encoding,
    dataLength: () => dataLength,
    warning: () => warning,
    hasBegun: () => state === "data" || state === "over",
    isOver: () => state === "over"
  }
}
