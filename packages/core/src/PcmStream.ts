/**
 * Combinators for streams of audio: pieces of equal length, real time, a start with a lead, seams, levels.
 *
 * To stop a voice when its listener begins to speak, there is `Stream.interruptWhen`: interruption reaches the server.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as EdgeFade from "./EdgeFade.js"
import { heldBack } from "./internal/heldBack.js"
import * as Pcm from "./Pcm.js"

type Self<E, R> = Stream.Stream<Pcm.PcmChunk, E, R>

/**
 * Cuts audio into chunks of one length; the last one may be shorter. Use it if a device or a protocol wants frames of a
 * fixed size, such as 20 ms on a telephone line.
 *
 * @example
 * ```ts
 * import { PcmStream, SpeechSynthesizer } from "@effect-smallest/core"
 *
 * const frames = SpeechSynthesizer.stream({ text: "Hello.", sampleRate: 8000 }).pipe(
 *   PcmStream.rechunk("20 millis") // 320 bytes each
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const rechunk: {
  (duration: Duration.DurationInput): <E, R>(self: Self<E, R>) => Self<E, R>
  <E, R>(self: Self<E, R>, duration: Duration.DurationInput): Self<E, R>
} = /*#__PURE__*/ dual(
  2,
  <E, R>(self: Self<E, R>, duration: Duration.DurationInput): Self<E, R> =>
    Stream.suspend(() => {
      let format: Pcm.PcmFormat | undefined
      let parts: Array<Uint8Array> = []
      let held = 0
      const step = (chunk: Pcm.PcmChunk): Chunk.Chunk<Pcm.PcmChunk> => {
        const size = Math.max(Pcm.frameSize(chunk.format), Pcm.byteLength(chunk.format, duration))
        const out: Array<Pcm.PcmChunk> = []
        // Audio of another format does not join what is held of the last one.
        if (format !== undefined && !Pcm.isSameFormat(format, chunk.format)) out.push(...rest())
        format = chunk.format
        let bytes = chunk.bytes
        while (held + bytes.length >= size) {
          parts.push(bytes.subarray(0, size - held))
          bytes = bytes.subarray(size - held)
          out.push({ format, bytes: Pcm.concatBytes(parts) })
          parts = []
          held = 0
        }
        if (bytes.length > 0) {
          parts.push(bytes)
          held += bytes.length
        }
        return Chunk.unsafeFromArray(out)
      }
      const rest = (): Array<Pcm.PcmChunk> => {
        const out = format === undefined || held === 0 ? [] : [{ format, bytes: Pcm.concatBytes(parts) }]
        parts = []
        held = 0
        return out
      }
      return self.pipe(Stream.mapConcatChunk(step), heldBack(rest))
    })
)

/**
 * Lets audio pass no faster than it sounds, but for a head start of `lead`. The clock starts with the first chunk, and
 * a late producer does not make the rest hurry. A chunk leaves whole when its first sample is due: put {@link rechunk}
 * before it for finer steps.
 *
 * @since 0.1.0
 * @category combinators
 */
export const pace: {
  (options?: { readonly lead?: Duration.DurationInput | undefined }): <E, R>(self: Self<E, R>) => Self<E, R>
  <E, R>(self: Self<E, R>, options?: { readonly lead?: Duration.DurationInput | undefined }): Self<E, R>
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(self: Self<E, R>, options?: { readonly lead?: Duration.DurationInput | undefined }): Self<E, R> =>
    Stream.suspend(() => {
      const lead = Duration.toMillis(options?.lead ?? 0)
      let due = Number.NEGATIVE_INFINITY
      return Stream.mapEffect(self, (chunk) =>
        Effect.gen(function*() {
          const now = yield* Clock.currentTimeMillis
          if (due < now) due = now
          if (due - now > lead) yield* Effect.sleep(Duration.millis(due - now - lead))
          due += Duration.toMillis(Pcm.duration(chunk))
          return chunk
        }))
    })
)

/**
 * Holds audio back until there is enough of it, or the stream ends, and then lets it flow. A player that starts with a lead
 * does not stutter when the next piece is late.
 *
 * @since 0.1.0
 * @category combinators
 */
export const prebuffer: {
  (duration: Duration.DurationInput): <E, R>(self: Self<E, R>) => Self<E, R>
  <E, R>(self: Self<E, R>, duration: Duration.DurationInput): Self<E, R>
} = /*#__PURE__*/ dual(
  2,
  <E, R>(self: Self<E, R>, duration: Duration.DurationInput): Self<E, R> =>
    Stream.suspend(() => {
      const enough = Duration.toMillis(duration)
      let held: Array<Pcm.PcmChunk> | undefined = []
      let length = 0
      const release = (): Chunk.Chunk<Pcm.PcmChunk> => {
        const all = Chunk.unsafeFromArray(held ?? [])
        held = undefined
        return all
      }
      return self.pipe(
        Stream.mapConcatChunk((chunk) => {
          if (held === undefined) return Chunk.of(chunk)
          held.push(chunk)
          length += Duration.toMillis(Pcm.duration(chunk))
          return length >= enough ? release() : Chunk.empty()
        }),
        heldBack(release)
      )
    })
)

/**
 * Adds silence after audio, in its format. A stream without audio stays empty.
 *
 * @since 0.1.0
 * @category combinators
 */
export const gap: {
  (duration: Duration.DurationInput): <E, R>(self: Self<E, R>) => Self<E, R>
  <E, R>(self: Self<E, R>, duration: Duration.DurationInput): Self<E, R>
} = /*#__PURE__*/ dual(
  2,
  <E, R>(self: Self<E, R>, duration: Duration.DurationInput): Self<E, R> =>
    Stream.suspend(() => {
      let format: Pcm.PcmFormat | undefined
      const silence = () => {
        const chunk = format === undefined ? undefined : Pcm.silence(format, duration)
        return chunk === undefined || chunk.bytes.length === 0 ? Stream.empty : Stream.succeed(chunk)
      }
      return self.pipe(
        Stream.map((chunk) => {
          format = chunk.format
          return chunk
        }),
        Stream.concat(Stream.suspend(silence))
      )
    })
)

/**
 * Raises audio from silence at its start and lowers it to silence at its end, so that neither clicks. Holds back as much
 * audio as the fade is long.
 *
 * @since 0.1.0
 * @category combinators
 */
export const fade: {
  (duration: Duration.DurationInput): <E, R>(self: Self<E, R>) => Self<E, R>
  <E, R>(self: Self<E, R>, duration: Duration.DurationInput): Self<E, R>
} = /*#__PURE__*/ dual(
  2,
  <E, R>(self: Self<E, R>, duration: Duration.DurationInput): Self<E, R> =>
    Stream.suspend(() => {
      const fader = EdgeFade.make(duration)
      return self.pipe(Stream.mapConcat(fader.push), heldBack(fader.end))
    })
)

/**
 * How loud a piece of audio is, in decibels relative to full scale: 0 is the loudest, silence is `-Infinity`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Level {
  /** Where the piece begins. */
  readonly position: Duration.Duration
  /** The highest sample. */
  readonly peak: number
  /** The root of the mean square. */
  readonly rms: number
}

const decibels = (amplitude: number): number => 20 * Math.log10(amplitude / 32768)

const measure = (chunk: Pcm.PcmChunk, position: Duration.Duration): Level => {
  const samples = Pcm.samples(chunk)
  let peak = 0
  let squares = 0
  for (const sample of samples) {
    const magnitude = sample < 0 ? -sample : sample
    if (magnitude > peak) peak = magnitude
    squares += sample * sample
  }
  return { position, peak: decibels(peak), rms: decibels(Math.sqrt(squares / Math.max(1, samples.length))) }
}

/**
 * Reports the level of each chunk while it passes. Put {@link rechunk} before it for readings at even times.
 *
 * @example
 * ```ts
 * import { PcmStream, SpeechSynthesizer } from "@effect-smallest/core"
 * import { Console } from "effect"
 *
 * const metered = SpeechSynthesizer.stream({ text: "Hello." }).pipe(
 *   PcmStream.rechunk("50 millis"),
 *   PcmStream.meter((level) => Console.log(level.rms.toFixed(1)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const meter: {
  <X, E2, R2>(
    f: (level: Level) => Effect.Effect<X, E2, R2>
  ): <E, R>(self: Self<E, R>) => Self<E | E2, R | R2>
  <E, R, X, E2, R2>(self: Self<E, R>, f: (level: Level) => Effect.Effect<X, E2, R2>): Self<E | E2, R | R2>
} = /*#__PURE__*/ dual(
  2,
  <E, R, X, E2, R2>(self: Self<E, R>, f: (level: Level) => Effect.Effect<X, E2, R2>): Self<E | E2, R | R2> =>
    Stream.suspend(() => {
      let position = Duration.zero
      return Stream.tap(self, (chunk) => {
        const level = measure(chunk, position)
        position = Duration.sum(position, Pcm.duration(chunk))
        return f(level)
      })
    })
)
