/**
 * RIFF/WAVE files: writes 16-bit PCM, and reads what the field writes.
 *
 * A header describes one whole file, so streams of speech carry raw PCM and get a single header when they are saved
 * or when a player starts: a header on each piece would click, and its sizes would be false.
 *
 * @see http://soundfile.sapp.org/doc/WaveFormat/
 * @see https://tech.ebu.ch/docs/tech/tech3306v1_0.pdf for RF64
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "./Audio.js"
import * as WavReader from "./internal/wavReader.js"
import * as Pcm from "./Pcm.js"
import * as Pull from "./Pull.js"

/**
 * Bytes that are not a WAV file which this module reads.
 *
 * - `NotWav`: no RIFF/WAVE signature, or no `fmt ` and `data` chunks
 * - `Unsupported`: an encoding that {@link decode} does not list
 * - `Corrupt`: sizes that contradict each other or the file
 *
 * @since 0.1.0
 * @category errors
 */
export class WavError extends Schema.TaggedError<WavError>("@effect-smallest/core/Wav/WavError")("WavError", {
  reason: Schema.Literal("NotWav", "Unsupported", "Corrupt"),
  description: Schema.String,
  /** What the bytes are instead of a WAV file, such as `an MP3 file`, `a web page` or `JSON`, if that can be recognized. */
  found: Schema.optional(Schema.String)
}) {
  override get message(): string {
    return this.reason === "Unsupported"
      ? `${this.description}. Convert the file to 16-bit PCM first.`
      : this.found === undefined
      ? `${this.description}. Check that the file is a complete WAV file.`
      : /^(?:text|JSON|XML|a web page)/.test(this.found)
      ? `${this.description}. It may be the answer of a server that failed: open it to read why.`
      : `${this.description}. Convert it to WAV first.`
  }
}

/**
 * The length of the header that {@link header} makes for audio up to {@link maxDataLength}, in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const headerLength = 44

/**
 * The length of the header that {@link header} makes for more audio than that, in bytes.
 *
 * @since 0.2.0
 * @category constants
 */
export const longHeaderLength = 80

/**
 * The most audio that a RIFF file can hold, in bytes: its sizes are unsigned 32-bit numbers. More makes an RF64 file.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxDataLength: number = 0xffffffff - headerLength

/**
 * The header of a file with `dataLength` bytes of audio: 44 bytes, or the 80 of an RF64 file for more than
 * {@link maxDataLength}. Without a length, for streams whose end is not known, both sizes are `0xffffffff`, which players take
 * as "until the end".
 *
 * @since 0.1.0
 * @category constructors
 */
export const header = (format: Pcm.PcmFormat, dataLength?: number): Uint8Array => {
  const isLong = dataLength !== undefined && dataLength > maxDataLength
  const bytes = new Uint8Array(isLong ? longHeaderLength : headerLength)
  const view = new DataView(bytes.buffer)
  const tag = (offset: number, name: string) => bytes.set(new TextEncoder().encode(name), offset)
  const size = Pcm.frameSize(format)
  const isOpen = isLong || dataLength === undefined
  tag(0, isLong ? "RF64" : "RIFF")
  view.setUint32(4, isOpen ? 0xffffffff : headerLength - 8 + dataLength, true)
  tag(8, "WAVE")
  if (isLong) {
    tag(12, "ds64")
    view.setUint32(16, 28, true)
    view.setBigUint64(20, BigInt(longHeaderLength - 8 + dataLength), true)
    view.setBigUint64(28, BigInt(dataLength), true)
    view.setBigUint64(36, BigInt(Math.floor(dataLength / size)), true)
  }
  const at = bytes.length - headerLength
  tag(at + 12, "fmt ")
  view.setUint32(at + 16, 16, true)
  view.setUint16(at + 20, 1, true)
  view.setUint16(at + 22, format.channels, true)
  view.setUint32(at + 24, format.sampleRate, true)
  view.setUint32(at + 28, format.sampleRate * size, true)
  view.setUint16(at + 32, size, true)
  view.setUint16(at + 34, 16, true)
  tag(at + 36, "data")
  view.setUint32(at + 40, isOpen ? 0xffffffff : dataLength, true)
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
 * A WAV file as a stream of bytes: the header first, then the audio as it comes. Give `dataLength` if it is known;
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
} = /*#__PURE__*/ dual(
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

const wavError = (problem: WavReader.Problem): WavError => new WavError(problem)

/**
 * Reads a WAV file as 16-bit PCM. The audio of a file that has just that shares the memory of `bytes`.
 *
 * | in the file | becomes |
 * | --- | --- |
 * | 16-bit PCM | the same |
 * | 8-bit PCM, which is unsigned | `(value - 128) * 256` |
 * | 24- and 32-bit PCM | the nearest of the 16-bit values, halves rounded up, limited to full scale |
 * | floating point of 32 and 64 bits | `value * 32768`, rounded and limited likewise; what is not a number is silence |
 * | µ-law and A-law | the values of ITU-T G.711 |
 *
 * The file may be RIFF, RIFX (big-endian), RF64 or BW64, its format plain or `WAVE_FORMAT_EXTENSIBLE`. Walks the chunks, so
 * `LIST` and other metadata before or after the audio is skipped, and odd chunks are padded as RIFF says. The sizes that streams
 * leave behind mean "until the end": those within 64 KiB of 2^31 and 2^32, and up to 8 in a file whose own size has no room for
 * audio. Any other size that points beyond the file, as in a truncated or a hostile one, is a `WavError`; nothing is allocated
 * for it. Bytes of a last frame that is not whole are left out.
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
  const reader = WavReader.make()
  return Either.mapLeft(
    Either.flatMap(reader.push(bytes), (audio) =>
      Either.map(reader.end(), (rest) => {
        const format = reader.encoding()?.format ?? Pcm.format(0) // there is one if there is no problem
        const all = rest.length === 0 ? audio : Pcm.concatBytes([audio, rest])
        return Audio.unsafeMake(format, all.subarray(0, all.length - all.length % Pcm.frameSize(format)))
      })),
    wavError
  )
}

/**
 * A WAV file whose audio is still to be read.
 *
 * @since 0.1.0
 * @category models
 */
export interface WavStream<out E = never, out R = never> {
  /** The format of `pcm`: always 16-bit PCM, of the rate and channels of the file. */
  readonly format: Pcm.PcmFormat
  /** How the file holds its samples, such as `16-bit PCM`, `32-bit floating point` or `µ-law`. */
  readonly encoding: string
  /** What is wrong with the header, though the audio can be read: a length that ends inside a frame. */
  readonly warning: Option.Option<string>
  /** How much audio the file says it holds, in bytes of `pcm`; `None` for the sizes of streams, which say "until the end". */
  readonly dataLength: Option.Option<number>
  /** The audio, once. Fails with a `WavError` if the file ends before the audio that it claims. */
  readonly pcm: Stream.Stream<Pcm.PcmChunk, WavError | E, R>
}

/**
 * Reads a WAV file up to its audio, from bytes that are cut anywhere. Memory is bounded, however long the file is and
 * whatever its sizes say; what follows the audio is not read. The rules are those of {@link decode}.
 *
 * @example
 * ```ts
 * import { Wav } from "@effect-smallest/core"
 * import { FileSystem } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const sampleRate = Effect.gen(function*() {
 *   const fs = yield* FileSystem.FileSystem
 *   const { format } = yield* Wav.open(fs.stream("hello.wav"))
 *   return format.sampleRate
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>
): Effect.Effect<WavStream<E, R>, WavError | E, Scope.Scope | R> =>
  Effect.gen(function*() {
    const reader = WavReader.make()
    const pull = yield* Pull.fromStream(bytes)

    const refuse = (problem: WavReader.Problem) => Option.some(wavError(problem))
    const last: Effect.Effect<Uint8Array, Option.Option<WavError>> = Effect.suspend(() => {
      const hadBegun = reader.hasBegun()
      return Effect.filterOrFail(
        Effect.mapError(reader.end(), refuse),
        (rest) => rest.length > 0 || !hadBegun,
        () => Option.none()
      )
    })
    // The next audio; `None` when there is none any more.
    const audio: Effect.Effect<Uint8Array, Option.Option<WavError | E>, R> = Effect.suspend(() =>
      reader.isOver()
        ? Pull.end
        : Effect.matchEffect(pull, {
          onFailure: (end): Effect.Effect<Uint8Array, Option.Option<WavError | E>> =>
            Option.isNone(end) ? last : Effect.fail(end),
          onSuccess: (chunk) => Effect.mapError(reader.push(Pcm.concatBytes(chunk)), refuse)
        })
    )

    let first: Uint8Array = new Uint8Array(0)
    while (!reader.hasBegun()) {
      first = yield* Effect.mapError(
        audio,
        Option.getOrElse(() => wavError({ reason: "NotWav", description: "The file has no audio" }))
      )
    }
    const { format, name } = reader.encoding() ?? { format: Pcm.format(0), name: "" } // known before the audio begins
    const pcm = Stream.concat(Stream.succeed(first), Stream.repeatEffectOption(audio)).pipe(
      Stream.filter((bytes) => bytes.length > 0),
      Stream.mapError((own) => ({ own })),
      Pcm.fromBytes(format),
      // If the end is open, half a frame is only where the writer stopped; otherwise the reader has complained already.
      Stream.catchAll((error) => error instanceof Pcm.PcmError ? Stream.empty : Stream.fail(error.own))
    )
    return {
      format,
      encoding: name,
      warning: Option.fromNullable(reader.warning()),
      dataLength: Option.fromNullable(reader.dataLength()),
      pcm
    }
  })

/**
 * The audio of a WAV file, from bytes that are cut anywhere: {@link decode} for files of any length. See {@link open} for
 * its format before its audio. Logs a warning if there is one.
 *
 * @example
 * ```ts
 * import { AudioPlayer, Wav } from "@effect-smallest/core"
 * import { FileSystem } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const played = Effect.flatMap(
 *   FileSystem.FileSystem,
 *   (fs) => AudioPlayer.play(Wav.decodeStream(fs.stream("audiobook.wav")))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const decodeStream = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Pcm.PcmChunk, WavError | E, R> =>
  Stream.unwrapScoped(
    open(bytes).pipe(
      Effect.tap(({ warning }) =>
        Option.match(warning, { onNone: () => Effect.void, onSome: (warning) => Effect.logWarning(warning) })
      ),
      Effect.map(({ pcm }) => pcm)
    )
  )
