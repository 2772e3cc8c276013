/**
 * Raw audio: signed 16-bit little-endian PCM in whole frames, with its format on every chunk.
 *
 * Bytes come in through {@link fromBytes} and leave through {@link toBytes}; in between no chunk ever holds a part of a
 * sample, whatever the network did to the bytes.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Loudness from "./internal/loudness.js"
import * as Resampler from "./internal/resampler.js"
import * as Silence from "./internal/silence.js"

/**
 * The shape of PCM audio. Samples are always signed 16-bit little-endian; those of one frame are interleaved.
 *
 * @since 0.1.0
 * @category models
 */
export interface PcmFormat {
  /** Frames per second, in hertz. */
  readonly sampleRate: number
  /** Samples per frame: 1 for mono, which is all that speech engines make. */
  readonly channels: number
}

/**
 * A piece of audio: whole frames and their format.
 *
 * @since 0.1.0
 * @category models
 */
export interface PcmChunk {
  /** Compare formats with {@link isSameFormat}: anybody can write one as a literal. */
  readonly format: PcmFormat
  /** Signed 16-bit little-endian samples; the length is a multiple of the frame size. */
  readonly bytes: Uint8Array
}

/**
 * Bytes or a conversion that cannot become PCM.
 *
 * - `PartialFrame`: a stream of bytes ended inside a frame
 * - `InvalidSampleRate`: a rate that {@link resample} does not convert from or to
 * - `MixedFormats`: audio of different rates or channels, where one format is needed
 * - `InvalidLoudness`: a loudness or ceiling that `Loudness` does not bring audio to
 *
 * @since 0.1.0
 * @category errors
 */
export class PcmError extends Schema.TaggedError<PcmError>("@effect-smallest/core/Pcm/PcmError")("PcmError", {
  reason: Schema.Literal("PartialFrame", "InvalidSampleRate", "MixedFormats", "InvalidLoudness"),
  description: Schema.String
}) {
  override get message(): string {
    return this.description
  }
}

/**
 * The format of a sample rate, in hertz, and a number of channels.
 *
 * @since 0.1.0
 * @category constructors
 */
export const format = (sampleRate: number, channels: number = 1): PcmFormat => ({ sampleRate, channels })

/**
 * Whether two formats have the same rate and channels.
 *
 * @example
 * ```ts
 * import { Pcm } from "@effect-smallest/core"
 *
 * Pcm.isSameFormat(Pcm.format(24000), { sampleRate: 24000, channels: 1 }) // true
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const isSameFormat = (self: PcmFormat, that: PcmFormat): boolean =>
  self === that || (self.sampleRate === that.sampleRate && self.channels === that.channels)

/**
 * A format in words, such as `24000 Hz` or `48000 Hz with 2 channels`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const formatName = ({ channels, sampleRate }: PcmFormat): string =>
  channels === 1 ? `${sampleRate} Hz` : `${sampleRate} Hz with ${channels} channels`

/**
 * The error of audio that changed its format where one is needed.
 *
 * @since 0.1.0
 * @category errors
 */
export const mixedFormats = (from: PcmFormat, to: PcmFormat): PcmError =>
  new PcmError({
    reason: "MixedFormats",
    description: `The audio changed from ${formatName(from)} to ${
      formatName(to)
    }: bring it to one rate with Pcm.resample`
  })

/**
 * Bytes per frame.
 *
 * @since 0.1.0
 * @category accessors
 */
export const frameSize = (format: PcmFormat): number => 2 * format.channels

/**
 * A chunk of bytes that are whole frames already. Throws a `RangeError` when they are not: bytes from elsewhere belong
 * into {@link fromBytes}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsafeMake = (format: PcmFormat, bytes: Uint8Array): PcmChunk => {
  if (bytes.length % frameSize(format) !== 0) {
    throw new RangeError(`${bytes.length} bytes are not whole frames of ${frameSize(format)} bytes`)
  }
  return { format, bytes }
}

// Int16Array is little-endian on every platform that runs Node or a current browser.
const bytesOf = (samples: Int16Array): Uint8Array =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)

/**
 * A chunk of samples, interleaved if there are several channels. The samples are not copied.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSamples = (format: PcmFormat, samples: Int16Array): PcmChunk => unsafeMake(format, bytesOf(samples))

/**
 * The samples of a chunk: a view of its bytes if their alignment allows one, a copy otherwise.
 *
 * @since 0.1.0
 * @category accessors
 */
export const samples = (chunk: PcmChunk): Int16Array =>
  chunk.bytes.byteOffset % 2 === 0
    ? new Int16Array(chunk.bytes.buffer, chunk.bytes.byteOffset, chunk.bytes.length / 2)
    : new Int16Array(new Uint8Array(chunk.bytes).buffer) // not slice(): on a Node Buffer it copies nothing

/**
 * The number of frames in a chunk.
 *
 * @since 0.1.0
 * @category accessors
 */
export const frames = (chunk: PcmChunk): number => chunk.bytes.length / frameSize(chunk.format)

/**
 * How long a number of bytes sounds.
 *
 * @since 0.1.0
 * @category accessors
 */
export const durationOf = (format: PcmFormat, byteLength: number): Duration.Duration =>
  Duration.seconds(byteLength / frameSize(format) / format.sampleRate)

/**
 * How long a chunk sounds.
 *
 * @example
 * ```ts
 * import { Pcm } from "@effect-smallest/core"
 * import { Duration } from "effect"
 *
 * const chunk = Pcm.silence(Pcm.format(24000), "1.5 seconds")
 * Duration.toMillis(Pcm.duration(chunk)) // 1500
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const duration = (chunk: PcmChunk): Duration.Duration => durationOf(chunk.format, chunk.bytes.length)

/**
 * The number of bytes of audio that sound for a time, rounded to whole frames.
 *
 * @since 0.1.0
 * @category accessors
 */
export const byteLength = (format: PcmFormat, duration: Duration.DurationInput): number =>
  Math.round(Duration.toSeconds(duration) * format.sampleRate) * frameSize(format)

/**
 * Silence of a length.
 *
 * @since 0.1.0
 * @category constructors
 */
export const silence = (format: PcmFormat, duration: Duration.DurationInput): PcmChunk => ({
  format,
  bytes: new Uint8Array(byteLength(format, duration))
})

/**
 * Joins arrays of bytes. A single one is given back as it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const concatBytes = (parts: Iterable<Uint8Array>): Uint8Array => {
  const all = Array.from(parts)
  const [only] = all
  if (all.length === 1 && only !== undefined) return only
  const joined = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of all) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** @internal */
export const partialFrame = (format: PcmFormat, left: number): PcmError =>
  new PcmError({
    reason: "PartialFrame",
    description: `The audio ended inside a frame: ${left} of ${frameSize(format)} bytes`
  })

/**
 * Turns bytes, cut anywhere, into chunks of whole frames: the one door into PCM. Bytes of a frame that a cut split are
 * carried over to the next chunk. Fails with `PcmError` when the bytes end inside a frame.
 *
 * @example
 * ```ts
 * import { Pcm } from "@effect-smallest/core"
 * import { Stream } from "effect"
 *
 * const pcm = Stream.make(new Uint8Array([1]), new Uint8Array([2, 3, 4])).pipe(
 *   Pcm.fromBytes(Pcm.format(16000)) // one chunk of two samples
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromBytes: {
  (format: PcmFormat): <E, R>(self: Stream.Stream<Uint8Array, E, R>) => Stream.Stream<PcmChunk, E | PcmError, R>
  <E, R>(self: Stream.Stream<Uint8Array, E, R>, format: PcmFormat): Stream.Stream<PcmChunk, E | PcmError, R>
} = /*#__PURE__*/ dual(
  2,
  <E, R>(self: Stream.Stream<Uint8Array, E, R>, format: PcmFormat): Stream.Stream<PcmChunk, E | PcmError, R> =>
    Stream.suspend(() => {
      const size = frameSize(format)
      let carry: Uint8Array = new Uint8Array(0)
      return self.pipe(
        Stream.mapChunks((arrived) => {
          const bytes = concatBytes(carry.length === 0 ? arrived : [carry, ...arrived])
          const whole = bytes.length - bytes.length % size
          carry = new Uint8Array(bytes.subarray(whole))
          return whole === 0 ? Chunk.empty<PcmChunk>() : Chunk.of({ format, bytes: bytes.subarray(0, whole) })
        }),
        Stream.concat(
          Stream.suspend(() => carry.length === 0 ? Stream.empty : Stream.fail(partialFrame(format, carry.length)))
        )
      )
    })
)

/**
 * The bytes of a stream of audio: the one way out of PCM. Send them to a socket, a file or an HTTP response.
 *
 * @since 0.1.0
 * @category combinators
 */
export const toBytes = <E, R>(self: Stream.Stream<PcmChunk, E, R>): Stream.Stream<Uint8Array, E, R> =>
  Stream.map(self, (chunk) => chunk.bytes)

const isBytes = (chunk: Uint8Array): boolean => chunk.length > 0

// Half a second of audio is converted in 2 to 4 ms; longer chunks are cut so that timers and sockets get their turn.
const slices = (chunk: PcmChunk): Chunk.Chunk<Int16Array> => {
  const all = samples(chunk)
  const step = Math.ceil(chunk.format.sampleRate / 2) * chunk.format.channels
  return Chunk.makeBy(Math.max(1, Math.ceil(all.length / step)), (i) => all.subarray(i * step, (i + 1) * step))
}

// Filters grow with the ratio of the rates; within these bounds they stay under five megabytes.
const isResamplable = (sampleRate: number): boolean =>
  Number.isInteger(sampleRate) && sampleRate >= 1000 && sampleRate <= 384_000

const checkRate = (sampleRate: number): Effect.Effect<void, PcmError> =>
  isResamplable(sampleRate) ? Effect.void : new PcmError({
    reason: "InvalidSampleRate",
    description: `Cannot resample at ${sampleRate} Hz: give a whole number from 1000 to 384000`
  })

/**
 * Changes the sample rate of a stream, with a windowed sinc: flat to 0.88 of the lower Nyquist frequency, with over 80 dB
 * between signal and noise. Time is kept: the result has the
 * same duration to within one sample, and nothing is delayed. Chunks that have the wanted rate already pass through.
 * All chunks of a stream must have one format, of 1000 to 384000 Hz.
 *
 * @since 0.1.0
 * @category combinators
 */
export const resample: {
  (sampleRate: number): <E, R>(self: Stream.Stream<PcmChunk, E, R>) => Stream.Stream<PcmChunk, E | PcmError, R>
  <E, R>(self: Stream.Stream<PcmChunk, E, R>, sampleRate: number): Stream.Stream<PcmChunk, E | PcmError, R>
} = /*#__PURE__*/ dual(
  2,
  <E, R>(self: Stream.Stream<PcmChunk, E, R>, sampleRate: number): Stream.Stream<PcmChunk, E | PcmError, R> =>
    Stream.unwrap(Effect.gen(function*() {
      yield* checkRate(sampleRate)
      let current: { readonly resampler: Resampler.Resampler; readonly to: PcmFormat } | undefined
      let unbroken = 0

      const start = (from: PcmFormat) =>
        Effect.map(checkRate(from.sampleRate), () => {
          const resampler = Resampler.make({ channels: from.channels, from: from.sampleRate, to: sampleRate })
          return current = { resampler, to: format(sampleRate, from.channels) }
        })

      const breathe = (from: PcmFormat, sampleCount: number): Effect.Effect<void> => {
        unbroken += sampleCount
        if (unbroken < from.sampleRate / 2 * from.channels) return Effect.void
        unbroken = 0
        return Effect.sleep(Duration.zero)
      }

      const convert = (chunk: PcmChunk): Stream.Stream<PcmChunk, PcmError> =>
        chunk.format.sampleRate === sampleRate
          ? Stream.succeed(chunk)
          // Suspended: flatMap makes the streams of all chunks that arrive together before it runs the first.
          : Stream.fromEffect(
            Effect.suspend(() => current === undefined ? start(chunk.format) : Effect.succeed(current))
          ).pipe(
            Stream.flatMap(({ resampler, to }) =>
              Stream.mapEffect(
                Stream.rechunk(Stream.fromChunk(slices(chunk)), 1),
                (slice) => Effect.as(breathe(chunk.format, slice.length), fromSamples(to, resampler.push(slice)))
              )
            )
          )

      return self.pipe(
        Stream.flatMap(convert),
        Stream.concat(
          Stream.suspend(() =>
            current === undefined ? Stream.empty : Stream.succeed(fromSamples(current.to, current.resampler.end()))
          )
        ),
        Stream.filter((chunk) => isBytes(chunk.bytes))
      )
    }))
)

/**
 * What counts as silence for {@link removeSilence}.
 *
 * @since 0.1.0
 * @category models
 */
export interface SilenceOptions {
  /**
   * Level below which audio is silent, in decibels relative to full scale.
   * @default -50
   */
  readonly threshold?: number | undefined
  /**
   * How much of a silence stays.
   * @default "200 millis"
   */
  readonly longest?: Duration.DurationInput | undefined
}

/**
 * Shortens every silence that is longer than `longest`, at the ends as well as inside, while the audio passes through.
 * It looks at windows of 10 ms and holds back no more than one. All chunks of a stream must have one format.
 *
 * @example
 * ```ts
 * import { Pcm, SpeechSynthesizer } from "@effect-smallest/core"
 *
 * const brisk = SpeechSynthesizer.stream({ text: "One. Two. Three." }).pipe(
 *   Pcm.removeSilence({ longest: "80 millis" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const removeSilence: {
  (options?: SilenceOptions): <E, R>(self: Stream.Stream<PcmChunk, E, R>) => Stream.Stream<PcmChunk, E, R>
  <E, R>(self: Stream.Stream<PcmChunk, E, R>, options?: SilenceOptions): Stream.Stream<PcmChunk, E, R>
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(self: Stream.Stream<PcmChunk, E, R>, options?: SilenceOptions): Stream.Stream<PcmChunk, E, R> =>
    Stream.suspend(() => {
      let current: { readonly format: PcmFormat; readonly remover: Silence.SilenceRemover } | undefined
      const chunks = (format: PcmFormat, parts: ReadonlyArray<Int16Array>): Chunk.Chunk<PcmChunk> =>
        parts.length === 0
          ? Chunk.empty()
          : Chunk.of({ format, bytes: concatBytes(parts.map(bytesOf)) })
      return self.pipe(
        Stream.mapConcatChunk((chunk) => {
          current ??= { format: chunk.format, remover: Silence.make(chunk.format, options) }
          return chunks(chunk.format, current.remover.push(samples(chunk)))
        }),
        Stream.concat(Stream.suspend(() =>
          current === undefined
            ? Stream.empty
            : Stream.fromChunk(chunks(current.format, current.remover.end()))
        ))
      )
    })
)

/**
 * Measures loudness while audio passes by.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoudnessMeter {
  /** Takes the next chunk, which must have the meter's format. */
  readonly push: (chunk: PcmChunk) => void
  /** The loudness of everything so far, in LUFS; `-Infinity` if nothing was louder than -70 LUFS for 400 ms. */
  readonly integrated: () => number
}

/**
 * Creates a meter of integrated loudness after ITU-R BS.1770-4 and EBU R128. All channels weigh the same, so it is for mono and stereo.
 *
 * @see https://www.itu.int/rec/R-REC-BS.1770
 * @since 0.1.0
 * @category constructors
 */
export const loudnessMeter = (format: PcmFormat): LoudnessMeter => {
  const { integrated, push } = Loudness.make(format)
  return { integrated, push: (chunk) => push(samples(chunk)) }
}

/**
 * The integrated loudness of audio, in LUFS, after ITU-R BS.1770-4 and EBU R128: how loud it seems to people, pauses not counted.
 * `-Infinity` if nothing in it is louder than -70 LUFS for 400 ms. Fails with `MixedFormats` if the format changes.
 *
 * @example
 * ```ts
 * import { Pcm, SpeechSynthesizer } from "@effect-smallest/core"
 *
 * const loudness = Pcm.loudness(SpeechSynthesizer.stream({ text: "How loud is this?" }))
 * ```
 *
 * @see {@link loudnessMeter}
 * @since 0.1.0
 * @category combinators
 */
export const loudness = <E, R>(self: Stream.Stream<PcmChunk, E, R>): Effect.Effect<number, E | PcmError, R> =>
  Effect.suspend(() => {
    let current: { readonly format: PcmFormat; readonly meter: LoudnessMeter } | undefined
    return Stream.runForEach(self, (chunk): Effect.Effect<void, PcmError> => {
      current ??= { format: chunk.format, meter: loudnessMeter(chunk.format) }
      if (!isSameFormat(current.format, chunk.format)) return mixedFormats(current.format, chunk.format)
      current.meter.push(chunk)
      return Effect.void
    }).pipe(Effect.map(() => current?.meter.integrated() ?? -Infinity))
  })
