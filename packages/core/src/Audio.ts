/**
 * Finished audio: all of it in memory, with its format and duration.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Pcm from "./Pcm.js"

/**
 * Audio that is complete.
 *
 * @since 0.1.0
 * @category models
 */
export interface Audio {
  readonly format: Pcm.PcmFormat
  /** Signed 16-bit little-endian samples in whole frames. */
  readonly bytes: Uint8Array
  /** How long it sounds. */
  readonly duration: Duration.Duration
  /** The server's id of the request that made it, if there is one: quote it to the vendor's support. */
  readonly requestId?: string | undefined
}

/**
 * Audio of bytes that are whole frames. Throws a `RangeError` when they are not.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsafeMake = (format: Pcm.PcmFormat, bytes: Uint8Array): Audio => ({
  ...Pcm.unsafeMake(format, bytes),
  duration: Pcm.durationOf(format, bytes.length)
})

/**
 * Joins chunks of one format. Fails with `MixedFormats` if they are of several: `Pcm.resample` brings them to one. Fails with `PartialFrame`
 * if what they hold together is not whole frames.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromChunks = (chunks: Chunk.NonEmptyChunk<Pcm.PcmChunk>): Either.Either<Audio, Pcm.PcmError> => {
  const { format } = Chunk.headNonEmpty(chunks)
  const other = Chunk.findFirst(chunks, (chunk) => !Pcm.isSameFormat(chunk.format, format))
  if (Option.isSome(other)) return Either.left(Pcm.mixedFormats(format, other.value.format))
  const bytes = Pcm.concatBytes(Chunk.map(chunks, (chunk) => chunk.bytes))
  const left = bytes.length % Pcm.frameSize(format)
  return left === 0 ? Either.right(unsafeMake(format, bytes)) : Either.left(Pcm.partialFrame(format, left))
}

/**
 * Collects a stream of one format. A stream without any audio gives `None`, because it has no format. Fails with `MixedFormats` if the format
 * changes: `Pcm.resample` brings a stream to one rate.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromStream = <E, R>(
  stream: Stream.Stream<Pcm.PcmChunk, E, R>
): Effect.Effect<Option.Option<Audio>, E | Pcm.PcmError, R> =>
  Effect.flatMap(
    Stream.runCollect(stream),
    (chunks) => Chunk.isNonEmpty(chunks) ? Effect.map(fromChunks(chunks), Option.some) : Effect.succeedNone
  )

/**
 * The audio as a stream of chunks of 100 ms, which share the memory of the whole.
 *
 * @example
 * ```ts
 * import { Audio, AudioFile, SpeechSynthesizer } from "@effect-smallest/core"
 * import { Effect } from "effect"
 *
 * const saved = SpeechSynthesizer.synthesize({ text: "Hello." }).pipe(
 *   Effect.flatMap((audio) => AudioFile.save("hello.wav", Audio.toStream(audio)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const toStream = (audio: Audio): Stream.Stream<Pcm.PcmChunk> => {
  const step = Math.max(Pcm.frameSize(audio.format), Pcm.byteLength(audio.format, "100 millis"))
  return Stream.range(0, Math.ceil(audio.bytes.length / step) - 1).pipe(
    Stream.map((i) => ({ format: audio.format, bytes: audio.bytes.subarray(i * step, (i + 1) * step) }))
  )
}
