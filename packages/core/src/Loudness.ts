/**
 * Even loudness: audio is brought to a loudness that people hear as equal, measured in LUFS after ITU-R BS.1770-4 and EBU R128, without a
 * peak that would be cut off.
 *
 * {@link normalize} is for finished audio, {@link level} for audio that is still being made. `Pcm.loudness` measures.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Audio from "./Audio.js"
import { heldBack } from "./internal/heldBack.js"
import * as Levelling from "./internal/levelling.js"
import * as Loudness from "./internal/loudness.js"
import * as Pcm from "./Pcm.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The loudness to come to, in LUFS, from -70 to 0. Podcasts have -16, European television -23.
   * @default -16
   */
  readonly target?: number | undefined
  /**
   * The highest true peak, that of the wave between the samples, in dBTP, from -20 to 0. Where a peak would pass it, the audio around it is
   * lowered.
   * @default -1
   */
  readonly ceiling?: number | undefined
}

/**
 * How much to amplify audio, and where to stop.
 *
 * @since 0.1.0
 * @category models
 */
export interface Gain {
  /** In decibels. */
  readonly gain: number
  /** In dBTP. */
  readonly ceiling: number
}

type Self<E, R> = Stream.Stream<Pcm.PcmChunk, E, R>

interface Resolved {
  readonly target: number
  readonly ceiling: number
}

const invalid = (name: string, value: number, bounds: string) =>
  new Pcm.PcmError({ reason: "InvalidLoudness", description: `${name} must be ${bounds}, not ${value}` })

const resolve = ({ ceiling = -1, target = -16 }: Options): Effect.Effect<Resolved, Pcm.PcmError> =>
  !(target >= -70 && target <= 0)
    ? invalid("The target", target, "from -70 to 0 LUFS")
    : !(ceiling >= -20 && ceiling <= 0)
    ? invalid("The ceiling", ceiling, "from -20 to 0 dBTP")
    : Effect.succeed({ ceiling, target })

interface Stage {
  readonly push: (chunk: Pcm.PcmChunk) => ReadonlyArray<Pcm.PcmChunk>
  readonly end: () => ReadonlyArray<Pcm.PcmChunk>
}

// So many seconds of audio are worked on before other fibers, and the listener of an interruption, have their turn.
const unbroken = 2

// Passes audio of one format through a stage, which is made for that format.
const through = <E, R>(self: Self<E, R>, make: (format: Pcm.PcmFormat) => Stage): Self<E | Pcm.PcmError, R> =>
  Stream.suspend(() => {
    let current: { readonly format: Pcm.PcmFormat; readonly stage: Stage } | undefined
    let worked = 0
    const push = (chunk: Pcm.PcmChunk): Effect.Effect<ReadonlyArray<Pcm.PcmChunk>, Pcm.PcmError> => {
      current ??= { format: chunk.format, stage: make(chunk.format) }
      if (!Pcm.isSameFormat(current.format, chunk.format)) return Pcm.mixedFormats(current.format, chunk.format)
      const done = Effect.succeed(current.stage.push(chunk))
      worked += Pcm.frames(chunk)
      if (worked < unbroken * chunk.format.sampleRate) return done
      worked = 0
      return Effect.zipRight(Effect.sleep(0), done)
    }
    return self.pipe(
      Stream.flatMap(slices),
      Stream.mapEffect(push),
      Stream.mapConcat((chunks) => chunks),
      heldBack(() => current?.stage.end() ?? [])
    )
  })

// Half an hour in one chunk would be worked on without a break.
const slices = (chunk: Pcm.PcmChunk): Stream.Stream<Pcm.PcmChunk> => {
  const size = Pcm.byteLength(chunk.format, "1 second")
  return chunk.bytes.length <= size
    ? Stream.succeed(chunk)
    : Audio.toStream(Audio.unsafeMake(chunk.format, chunk.bytes))
}

interface Measured {
  readonly loudness: number
  /** The true peak, in dBTP. */
  readonly peak: number
}

// Measures audio as `amplify` would make it, and the peaks that it would have to lower.
const measure = <E, R>(
  self: Self<E, R>,
  { ceiling, gain }: Gain
): Effect.Effect<Measured, E | Pcm.PcmError, R> =>
  Effect.suspend(() => {
    let read = (): Measured => ({ loudness: -Infinity, peak: -Infinity })
    const stage = (format: Pcm.PcmFormat): Stage => {
      const factor = Levelling.decibels(gain)
      const limiter = Levelling.makeLimiter(format, ceiling)
      const meter = Loudness.make(format)
      const take = (samples: Int16Array) => {
        meter.push(samples)
        return []
      }
      read = () => ({ loudness: meter.integrated(), peak: 20 * Math.log10(limiter.peak()) })
      return {
        push: (chunk) => take(limiter.push(Pcm.samples(chunk), factor, factor)),
        end: () => take(limiter.end())
      }
    }
    return Effect.map(Stream.runDrain(through(self, stage)), () => read())
  })

// A lowered peak costs loudness: the gain is raised for it this often at most.
const corrections = 6

/**
 * Finds the gain with which audio has the target, ceiling included. The stream is run once, and again, up to six times, if peaks have to be lowered:
 * it must give the same audio each time. Silence has a gain of 0.
 *
 * Fails with `InvalidLoudness` if an option is out of bounds and with `MixedFormats` if the format changes.
 *
 * @see {@link amplify}
 * @since 0.1.0
 * @category combinators
 */
export const fit = <E, R>(self: Self<E, R>, options: Options = {}): Effect.Effect<Gain, E | Pcm.PcmError, R> =>
  Effect.gen(function*() {
    const { ceiling, target } = yield* resolve(options)
    // At full scale nothing is lowered that is not between samples.
    const before = yield* measure(self, { ceiling: 0, gain: 0 })
    if (!Number.isFinite(before.loudness)) return { ceiling, gain: 0 }
    let gain = target - before.loudness
    if (before.peak + gain <= ceiling) return { ceiling, gain }
    for (let i = 0; i < corrections; i++) {
      const { loudness } = yield* measure(self, { ceiling, gain })
      if (Math.abs(target - loudness) < 0.05) break
      gain += target - loudness
    }
    return { ceiling, gain }
  })

/**
 * Amplifies audio, or lowers it, by a gain that stays the same, and lowers what would pass the ceiling. Holds back a few milliseconds.
 * Fails with `MixedFormats` if the format changes.
 *
 * @since 0.1.0
 * @category combinators
 */
export const amplify: {
  (gain: Gain): <E, R>(self: Self<E, R>) => Self<E | Pcm.PcmError, R>
  <E, R>(self: Self<E, R>, gain: Gain): Self<E | Pcm.PcmError, R>
} = /*#__PURE__*/ dual(
  2,
  <E, R>(self: Self<E, R>, { ceiling, gain }: Gain): Self<E | Pcm.PcmError, R> =>
    through(self, (format) => {
      const factor = Levelling.decibels(gain)
      const limiter = Levelling.makeLimiter(format, ceiling)
      const chunks = (samples: Int16Array) => samples.length === 0 ? [] : [Pcm.fromSamples(format, samples)]
      return {
        push: (chunk) => chunks(limiter.push(Pcm.samples(chunk), factor, factor)),
        end: () => chunks(limiter.end())
      }
    })
)

/**
 * Brings finished audio to a loudness, in two passes: the first measures, the second amplifies by one gain for all. The result is as long as
 * the audio, and within a tenth of an LU of the target unless the ceiling forbids it. Silence stays as it is.
 *
 * Fails with `InvalidLoudness` if an option is out of bounds.
 *
 * @example
 * ```ts
 * import { Audio, AudioFile, Loudness, SpeechSynthesizer } from "@effect-smallest/core"
 * import { Effect } from "effect"
 *
 * const saved = SpeechSynthesizer.synthesize({ text: "Hello." }).pipe(
 *   Effect.flatMap(Loudness.normalize({ target: -16 })),
 *   Effect.flatMap((audio) => AudioFile.save("hello.wav", Audio.toStream(audio)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const normalize: {
  (options?: Options): (self: Audio.Audio) => Effect.Effect<Audio.Audio, Pcm.PcmError>
  (self: Audio.Audio, options?: Options): Effect.Effect<Audio.Audio, Pcm.PcmError>
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], "bytes"),
  (self: Audio.Audio, options?: Options): Effect.Effect<Audio.Audio, Pcm.PcmError> =>
    Effect.gen(function*() {
      const pcm = Audio.toStream(self)
      const gain = yield* fit(pcm, options)
      const chunks = yield* Stream.runCollect(amplify(pcm, gain))
      return { ...self, bytes: Pcm.concatBytes(Array.from(chunks, ({ bytes }) => bytes)) }
    })
)

/**
 * Brings audio to a loudness while it is being made: a slow gain follows what was measured so far, and what would pass the ceiling is lowered.
 *
 * Audio waits until 700 ms of it can be measured, two seconds at most, then flows with a few milliseconds held back. The gain rises by
 * 3 dB a second and falls by 12 dB a second at most, and never passes 30 dB. Time is kept: the result is as long as the audio.
 *
 * Fails with `InvalidLoudness` if an option is out of bounds and with `MixedFormats` if the format changes.
 *
 * @example
 * ```ts
 * import { AudioPlayer, Loudness } from "@effect-smallest/core"
 * import { SpeechStream } from "@effect-smallest/stream"
 *
 * const program = SpeechStream.fromText("How loud is this?").pipe(Loudness.level({ target: -18 }), AudioPlayer.play)
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const level: {
  (options?: Options): <E, R>(self: Self<E, R>) => Self<E | Pcm.PcmError, R>
  <E, R>(self: Self<E, R>, options?: Options): Self<E | Pcm.PcmError, R>
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(self: Self<E, R>, options: Options = {}): Self<E | Pcm.PcmError, R> =>
    Stream.unwrap(
      Effect.map(resolve(options), ({ ceiling, target }) =>
        through(self, (format) =>
          Levelling.make(format, {
            blocks: Loudness.makeBlocks(),
            ceiling,
            target: () => target
          })))
    )
)

/**
 * Brings several voices to the loudness of the first, one piece of speech after the other. Authors of engines use it; scripts do.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ensemble {
  /**
   * A stage for the next piece of a voice. Audio of the first voice passes unchanged; that of others is amplified, and waits as in
   * {@link level} if the voice is new.
   */
  readonly next: (voice: string, format: Pcm.PcmFormat) => {
    readonly push: (chunk: Pcm.PcmChunk) => ReadonlyArray<Pcm.PcmChunk>
    /** What is still held back. */
    readonly end: () => ReadonlyArray<Pcm.PcmChunk>
  }
}

/**
 * An ensemble that has not heard anybody yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeEnsemble = (): Ensemble => {
  const voices = new Map<string, Loudness.Blocks>()
  let reference: Loudness.Blocks | undefined
  return {
    next: (voice, format) => {
      const blocks = voices.get(voice) ?? Loudness.makeBlocks()
      voices.set(voice, blocks)
      reference ??= blocks
      const target = reference.integrated
      if (blocks !== reference) return Levelling.make(format, { blocks, ceiling: -1, target })
      const meter = Loudness.make(format, blocks)
      return {
        push: (chunk) => {
          meter.push(Pcm.samples(chunk))
          return [chunk]
        },
        end: () => {
          meter.end()
          return []
        }
      }
    }
  }
}
