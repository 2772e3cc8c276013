/**
 * RIFF/WAVE files of 16-bit PCM.
 *
 * A header describes one whole file, so streams of speech carry raw PCM and get a single header when they are saved
 * or when a player starts: a header on each piece would click, and its sizes would be false.
 *
 * @see http://soundfile.sapp.org/doc/WaveFormat/
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

const wavError = (problem: WavReader.Problem): WavError => new WavError(problem)

/**
 * Reads a WAV file of 16-bit PCM. The audio shares the memory of `bytes`.
 *
 * Walks the chunks, so `LIST` and other metadata before or after the audio is skipped, odd chunks are padded as RIFF
 * says, and the sizes of streams mean "until the end": `0xffffffff`, `0x7fffffff`, SoX's `0x7ffff000` and, in a file
 * whose own size is open too, 0. Any other size that points beyond the file, as in a truncated or a hostile one, is a
 * `WavError`; nothing is allocated for it.
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
      Either.map(reader.end(), () => {
        const format = reader.format() ?? Pcm.format(0) // there is one if there is no problem
        return Audio.unsafeMake(format, audio.subarray(0, audio.length - audio.length % Pcm.frameSize(format)))
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
  readonly format: Pcm.PcmFormat
  /** How much audio the file says it holds, in bytes; `None` for the sizes of streams, which say "until the end". */
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

    // The next audio; `None` when there is none any more.
    const audio: Effect.Effect<Uint8Array, Option.Option<WavError | E>, R> = Effect.suspend(() =>
      reader.isOver()
        ? Pull.end
        : pull.pipe(
          Effect.catchAll((end) =>
            Effect.zipRight(
              Option.isNone(end)
                ? Effect.mapError(reader.end(), (problem) => Option.some(wavError(problem)))
                : Effect.void,
              Effect.fail(end)
            )
          ),
          Effect.flatMap((chunk) =>
            Effect.mapError(reader.push(Pcm.concatBytes(chunk)), (problem) => Option.some(wavError(problem)))
          )
        )
    )

    let first: Uint8Array = new Uint8Array(0)
    while (!reader.hasBegun()) {
      first = yield* Effect.mapError(
        audio,
        Option.getOrElse(() => wavError({ reason: "NotWav", description: "The file has no audio" }))
      )
    }
    const format = reader.format() ?? Pcm.format(0) // known before the audio begins
    const pcm = Stream.concat(Stream.succeed(first), Stream.repeatEffectOption(audio)).pipe(
      Stream.filter((bytes) => bytes.length > 0),
      Stream.mapError((own) => ({ own })),
      Pcm.fromBytes(format),
      // If the end is open, half a frame is only where the writer stopped; otherwise the reader has complained already.
      Stream.catchAll((error) => error instanceof Pcm.PcmError ? Stream.empty : Stream.fail(error.own))
    )
    return { format, dataLength: Option.fromNullable(reader.dataLength()), pcm }
  })

/**
 * The audio of a WAV file, from bytes that are cut anywhere: {@link decode} for files of any length. See {@link open} for
 * its format before its audio.
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
): Stream.Stream<Pcm.PcmChunk, WavError | E, R> => Stream.unwrapScoped(Effect.map(open(bytes), ({ pcm }) => pcm))
