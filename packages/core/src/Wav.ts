/**
 * RIFF/WAVE files of 16-bit PCM.
 *
 * A header describes one whole file, so streams of speech carry raw PCM and get a single header where they are saved
 * or where a player starts: a header on each piece would click, and its sizes would be false.
 *
 * @see http://soundfile.sapp.org/doc/WaveFormat/
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Audio from "./Audio.js"
import * as Pcm from "./Pcm.js"

/**
 * Bytes that are not a WAV file which this module reads.
 *
 * - `NotWav`: no RIFF/WAVE signature, or no `fmt ` and `data` chunks
 * - `Unsupported`: an encoding other than 16-bit PCM
 * - `Corrupt`: sizes that contradict each other or the file
 *
 * @since 0.1.0
 * @category errors
 */
export class WavError extends Schema.TaggedError<WavError>("@effect-smallest/core/Wav/WavError")("WavError", {
  reason: Schema.Literal("NotWav", "Unsupported", "Corrupt"),
  description: Schema.String
}) {
  override get message(): string {
    return this.reason === "Unsupported"
      ? `${this.description}. Convert the file to 16-bit PCM first.`
      : `${this.description}. Check that the file is a complete WAV file.`
  }
}

/**
 * The length of the header that {@link header} makes, in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const headerLength = 44

/**
 * The most audio that a WAV file can hold: its sizes are unsigned 32-bit numbers.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxDataLength: number = 0xffffffff - headerLength

/**
 * The 44-byte header of a file with `dataLength` bytes of audio. Without a length, for streams whose end is not known,
 * both sizes are `0xffffffff`, which players take as "until the end".
 *
 * @since 0.1.0
 * @category constructors
 */
export const header = (format: Pcm.PcmFormat, dataLength?: number): Uint8Array => {
  const bytes = new Uint8Array(headerLength)
  const view = new DataView(bytes.buffer)
  const tag = (offset: number, name: string) => bytes.set(new TextEncoder().encode(name), offset)
  const size = Pcm.frameSize(format)
  tag(0, "RIFF")
  view.setUint32(4, dataLength === undefined ? 0xffffffff : headerLength - 8 + dataLength, true)
  tag(8, "WAVE")
  tag(12, "fmt ")
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, format.channels, true)
  view.setUint32(24, format.sampleRate, true)
  view.setUint32(28, format.sampleRate * size, true)
  view.setUint16(32, size, true)
  view.setUint16(34, 16, true)
  tag(36, "data")
  view.setUint32(40, dataLength ?? 0xffffffff, true)
  return bytes
}

/**
 * A whole WAV file.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer, Wav } from "@effect-smallest/core"
 * import { Effect } from "effect"
 *
 * const file = Effect.map(SpeechSynthesizer.synthesize({ text: "Hello." }), Wav.encode)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const encode = (audio: Audio.Audio): Uint8Array =>
  Pcm.concatBytes([header(audio.format, audio.bytes.length), audio.bytes])

/**
 * A WAV file as a stream of bytes: the header first, then the audio as it comes. Give `dataLength` where it is known;
 * without it the header carries streaming sizes. A stream without audio stays empty.
 *
 * @since 0.1.0
 * @category combinators
 */
export const encodeStream: {
  (options?: { readonly dataLength?: number | undefined }): <E, R>(
    self: Stream.Stream<Pcm.PcmChunk, E, R>
  ) => Stream.Stream<Uint8Array, E, R>
  <E, R>(
    self: Stream.Stream<Pcm.PcmChunk, E, R>,
    options?: { readonly dataLength?: number | undefined }
  ): Stream.Stream<Uint8Array, E, R>
} = dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(
    self: Stream.Stream<Pcm.PcmChunk, E, R>,
    options?: { readonly dataLength?: number | undefined }
  ): Stream.Stream<Uint8Array, E, R> =>
    self.pipe(
      Stream.mapAccum(true, (first: boolean, chunk: Pcm.PcmChunk) => [
        false,
        first ? Chunk.make(header(chunk.format, options?.dataLength), chunk.bytes) : Chunk.of(chunk.bytes)
      ]),
      Stream.flattenChunks
    )
)

const fail = (reason: WavError["reason"], description: string): Either.Either<never, WavError> =>
  Either.left(new WavError({ reason, description }))

const formatTags: Record<number, string> = { 3: "floating point", 6: "A-law", 7: "µ-law", 0x55: "MP3" }

// WAVE_FORMAT_EXTENSIBLE wraps the real format tag in the first two bytes of a GUID.
const extensible = 0xfffe

const readFormat = (view: DataView, offset: number, length: number): Either.Either<Pcm.PcmFormat, WavError> => {
  if (length < 16) return fail("Corrupt", `The fmt chunk has ${length} bytes where 16 are needed`)
  const outer = view.getUint16(offset, true)
  if (outer === extensible && length < 26) return fail("Corrupt", "The extensible fmt chunk has no format in it")
  const tag = outer === extensible ? view.getUint16(offset + 24, true) : outer
  if (tag !== 1) return fail("Unsupported", `The audio is ${formatTags[tag] ?? `encoded as format ${tag}`}`)
  const bits = view.getUint16(offset + 14, true)
  if (bits !== 16) return fail("Unsupported", `The audio has ${bits} bits per sample`)
  const channels = view.getUint16(offset + 2, true)
  const sampleRate = view.getUint32(offset + 4, true)
  if (channels === 0 || sampleRate === 0) {
    return fail("Corrupt", `The fmt chunk says ${channels} channels at ${sampleRate} Hz`)
  }
  return Either.right(Pcm.format(sampleRate, channels))
}

/**
 * Reads a WAV file of 16-bit PCM. The audio shares the memory of `bytes`.
 *
 * Walks the chunks, so `LIST` and other metadata before or after the audio is skipped, odd chunks are padded as RIFF
 * says, and the streaming sizes `0xffffffff`, `0x7fffffff` and, in a file whose own size is open too, 0 mean "until the
 * end of the file". A size that points beyond the file, as in a truncated or a hostile one, is a `WavError`; nothing is
 * allocated for it.
 *
 * @example
 * ```ts
 * import { Wav } from "@effect-smallest/core"
 * import { Either } from "effect"
 *
 * Either.isLeft(Wav.decode(new Uint8Array(10))) // true
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const decode = (bytes: Uint8Array): Either.Either<Audio.Audio, WavError> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tagAt = (offset: number) => String.fromCharCode(...bytes.subarray(offset, offset + 4))
  if (bytes.length < 12 || tagAt(0) !== "RIFF" || tagAt(8) !== "WAVE") {
    return fail("NotWav", "The bytes do not begin with a RIFF/WAVE header")
  }
  // A size of 0 is open where the whole file has no true size either; a finished file may really hold no audio.
  const isFinished = view.getUint32(4, true) === bytes.length - 8
  let format: Pcm.PcmFormat | undefined
  let offset = 12
  while (offset + 8 <= bytes.length) {
    const tag = tagAt(offset)
    const length = view.getUint32(offset + 4, true)
    const start = offset + 8
    const available = bytes.length - start
    if (tag === "data") {
      if (format === undefined) return fail("Corrupt", "The data chunk comes before the fmt chunk")
      const open = length === 0xffffffff || length === 0x7fffffff || (length === 0 && !isFinished)
      if (!open && length > available) {
        return fail("Corrupt", `The data chunk claims ${length} bytes but ${available} are there`)
      }
      const size = open ? available - available % Pcm.frameSize(format) : length
      if (size % Pcm.frameSize(format) !== 0) {
        return fail("Corrupt", `The data chunk of ${size} bytes ends inside a frame of ${Pcm.frameSize(format)}`)
      }
      return Either.right(Audio.unsafeMake(format, bytes.subarray(start, start + size)))
    }
    if (length > available) return fail("Corrupt", `A chunk claims ${length} bytes but ${available} are there`)
    if (tag === "fmt ") {
      const read = readFormat(view, start, length)
      if (Either.isLeft(read)) return Either.left(read.left)
      format = read.right
    }
    offset = start + length + length % 2
  }
  return fail("NotWav", format === undefined ? "The file has no fmt chunk" : "The file has no data chunk")
}
