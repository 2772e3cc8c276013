/**
 * The port of speech engines: finished text in, audio out.
 *
 * Applications ask for `SpeechSynthesizer`; which engine answers (a cloud, the embedded voice, a test double)
 * is one layer, chosen at the edge. For text that is still being written there is `SpeechStream`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type * as Audio from "./Audio.js"
import { AudioStore } from "./AudioStore.js"
import type { Capabilities, Defaults } from "./internal/capabilities.js"
import { withCache } from "./internal/synthesizerCache.js"
import { withFallback } from "./internal/synthesizerFallback.js"
import { withRetry } from "./internal/synthesizerRetry.js"
import type { Language } from "./Language.js"
import type { Model } from "./Model.js"
import type * as Pcm from "./Pcm.js"
import type * as SpeechError from "./SpeechError.js"
import type * as SpeechEvent from "./SpeechEvent.js"
import type { SpeechBytesRequest, SpeechRequest } from "./SpeechRequest.js"
import type { VoiceInfo } from "./Voice.js"

/**
 * @since 0.1.0
 * @category services
 */
export class SpeechSynthesizer extends Context.Tag("@effect-smallest/core/SpeechSynthesizer")<
  SpeechSynthesizer,
  Service
>() {}

/**
 * What every engine can do. All methods resolve options by the same precedence: request, scope, layer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** What the engine can do: its sample rates, its longest text, the options that it takes. */
  readonly capabilities: Capabilities
  /** What the engine uses if neither request nor scope says otherwise. */
  readonly defaults: Defaults
  /** Speaks a text and reports everything that happens, as it happens. */
  readonly events: (
    request: SpeechRequest
  ) => Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError>
  /** Speaks a text; audio leaves as soon as it exists. */
  readonly stream: (request: SpeechRequest) => Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError>
  /** Speaks a text into memory. */
  readonly synthesize: (request: SpeechRequest) => Effect.Effect<Audio.Audio, SpeechError.SpeechError>
  /** Speaks a text into the bytes of a file or a telephone line: WAV unless the request says otherwise. */
  readonly bytes: (request: SpeechBytesRequest) => Effect.Effect<Uint8Array, SpeechError.SpeechError>
  /** The voices that the engine knows of. */
  readonly voices: Effect.Effect<ReadonlyArray<VoiceInfo>, SpeechError.SpeechError>
  /** The models that the engine knows of. */
  readonly models: Effect.Effect<ReadonlyArray<Model>, SpeechError.SpeechError>
  /** The languages that the engine speaks. */
  readonly languages: Effect.Effect<ReadonlyArray<Language>, SpeechError.SpeechError>
}

// ----------------------------------------------------------------------------------------------------------------
// layers
// ----------------------------------------------------------------------------------------------------------------

/**
 * Retries single requests of an engine by `SpeechError.retrySchedule`, until their first sample has left and never after.
 * `SpeechStream.layerSegmented` has retries of its own; inside it this layer stands aside, so they never multiply.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { WavesSpeechSynthesizer } from "@effect-smallest/waves"
 *
 * const Speech = WavesSpeechSynthesizer.layer().pipe(
 *   SpeechSynthesizer.layerRetry({ maxRetries: 5 })
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRetry: {
  (retry?: SpeechError.Retry): <E, R>(
    layer: Layer.Layer<SpeechSynthesizer, E, R>
  ) => Layer.Layer<SpeechSynthesizer, E, R>
  <E, R>(
    layer: Layer.Layer<SpeechSynthesizer, E, R>,
    retry?: SpeechError.Retry
  ): Layer.Layer<SpeechSynthesizer, E, R>
} = /*#__PURE__*/ dual(
  (args) => Layer.isLayer(args[0]),
  <E, R>(layer: Layer.Layer<SpeechSynthesizer, E, R>, retry?: SpeechError.Retry) =>
    Layer.map(
      layer,
      (context) => Context.make(SpeechSynthesizer, withRetry(Context.get(context, SpeechSynthesizer), retry))
    )
)

/**
 * @since 0.2.0
 * @category models
 */
export interface CacheOptions {
  /**
   * What else changes the sound, such as the server that speaks or the day of a pronunciation dictionary. Entries of one namespace are not seen
   * in another.
   * @default ""
   */
  readonly namespace?: string | undefined
  /**
   * How long audio is used, from when it was made.
   * @default Duration.infinity
   */
  readonly maxAge?: Duration.DurationInput | undefined
  /**
   * How many bytes the store may hold. The oldest entries leave first, whoever has stored them: give the cache a store of its own.
   * @default Infinity
   */
  readonly maxSize?: number | undefined
  /**
   * How many bytes one text may take. Longer audio is spoken and not kept.
   * @default 64 MiB, 23 minutes at 24 kHz
   */
  readonly maxEntrySize?: number | undefined
}

/**
 * Keeps finished audio in an `AudioStore`, and asks the engine only for what is not there. The key is everything that changes the sound: the
 * engine's module, all options, the text as it is sent, {@link CacheOptions.namespace}.
 *
 * Streams are served as streams, with the events that the engine sent, and kept while they are heard, once they are complete: never a part
 * that was cut off, and no failure. Equal requests at once are one request; it ends when its last listener leaves. A store that fails costs a
 * warning and not the speech. Damaged entries are made anew.
 *
 * Put it outside of `layerRetry`. Inside `layerFallback`, each engine has its own; outside of it, only the first engine's audio is kept.
 * What the vendor's terms say about keeping audio is a matter between you and the vendor.
 *
 * @example
 * ```ts
 * import { AudioStore, SpeechSynthesizer } from "@effect-smallest/core"
 * import { WavesSpeechSynthesizer } from "@effect-smallest/waves"
 * import { Layer } from "effect"
 *
 * const Speech = WavesSpeechSynthesizer.layer().pipe(
 *   SpeechSynthesizer.layerRetry(),
 *   SpeechSynthesizer.layerCached({ maxAge: "30 days", maxSize: 1024 ** 3 }),
 *   Layer.provide(AudioStore.layerFileSystem("speech-cache"))
 * )
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layerCached: {
  (options?: CacheOptions): <E, R>(
    layer: Layer.Layer<SpeechSynthesizer, E, R>
  ) => Layer.Layer<SpeechSynthesizer, E, R | AudioStore>
  <E, R>(
    layer: Layer.Layer<SpeechSynthesizer, E, R>,
    options?: CacheOptions
  ): Layer.Layer<SpeechSynthesizer, E, R | AudioStore>
} = /*#__PURE__*/ dual(
  (args) => Layer.isLayer(args[0]),
  <E, R>(layer: Layer.Layer<SpeechSynthesizer, E, R>, options?: CacheOptions) =>
    Layer.effect(
      SpeechSynthesizer,
      Effect.zipWith(SpeechSynthesizer, AudioStore, (inner, store) => withCache(inner, store, options))
    ).pipe(Layer.provide(layer))
)

/**
 * Asks several engines in turn: if one fails before any sound, the next one speaks the request. Once audio has left, an
 * error is an error. All engines get the first one's sample rate. Voices are names of one engine: leave them to the
 * layers, or give a layer a mapping of voices. Options under `provider` reach only the engine that they name.
 *
 * Fails with the error of the last engine; the others are logged as warnings.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { WavesSpeechSynthesizer } from "@effect-smallest/waves"
 *
 * const Speech = SpeechSynthesizer.layerFallback([
 *   WavesSpeechSynthesizer.layer(),
 *   WavesSpeechSynthesizer.layer({ model: "lightning_v3.1", voice: "sophia" })
 * ])
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFallback = <
  const Layers extends readonly [
    Layer.Layer<SpeechSynthesizer, unknown, unknown>,
    ...ReadonlyArray<Layer.Layer<SpeechSynthesizer, unknown, unknown>>
  ]
>(
  layers: Layers
): Layer.Layer<SpeechSynthesizer, Layer.Layer.Error<Layers[number]>, Layer.Layer.Context<Layers[number]>> => {
  const [first, ...others] = layers
  // Each member of the tuple fails and needs no more than all of them together; the compiler forgets that it is a member.
  // @effect-diagnostics unsafeEffectTypeAssertion:off
  const service = (layer: Layer.Layer<SpeechSynthesizer, unknown, unknown>) =>
    Effect.map(
      Layer.build(
        layer as Layer.Layer<SpeechSynthesizer, Layer.Layer.Error<Layers[number]>, Layer.Layer.Context<Layers[number]>>
      ),
      Context.get(SpeechSynthesizer)
    )
  // @effect-diagnostics unsafeEffectTypeAssertion:error
  return Layer.scoped(
    SpeechSynthesizer,
    Effect.zipWith(service(first), Effect.forEach(others, service), (head, tail) => withFallback([head, ...tail]))
  )
}

// ----------------------------------------------------------------------------------------------------------------
// accessors
// ----------------------------------------------------------------------------------------------------------------

/**
 * Speaks a text and reports everything that happens: audio, words if the engine knows their times, and the end.
 *
 * @since 0.1.0
 * @category accessors
 */
export const events = (
  request: SpeechRequest
): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError, SpeechSynthesizer> =>
  Stream.unwrap(Effect.map(SpeechSynthesizer, (service) => service.events(request)))

/**
 * Speaks a text as a stream of PCM; audio leaves as soon as it exists.
 *
 * @example
 * ```ts
 * import { AudioFile, SpeechSynthesizer } from "@effect-smallest/core"
 *
 * const program = AudioFile.save("notice.wav", SpeechSynthesizer.stream({ text: "Your table is ready." }))
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const stream = (
  request: SpeechRequest
): Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError, SpeechSynthesizer> =>
  Stream.unwrap(Effect.map(SpeechSynthesizer, (service) => service.stream(request)))

/**
 * Speaks a text into memory.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { Duration, Effect } from "effect"
 *
 * const seconds = SpeechSynthesizer.synthesize({ text: "Hello.", speed: 1.2 }).pipe(
 *   Effect.map((audio) => Duration.toSeconds(audio.duration))
 * )
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const synthesize = (
  request: SpeechRequest
): Effect.Effect<Audio.Audio, SpeechError.SpeechError, SpeechSynthesizer> =>
  Effect.flatMap(SpeechSynthesizer, (service) => service.synthesize(request))

/**
 * Speaks a text into encoded bytes: a WAV file by default.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 *
 * const wav = SpeechSynthesizer.bytes({ text: "Hello." })
 * const telephone = SpeechSynthesizer.bytes({ text: "Hello.", sampleRate: 8000, outputFormat: "ulaw" })
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const bytes = (
  request: SpeechBytesRequest
): Effect.Effect<Uint8Array, SpeechError.SpeechError, SpeechSynthesizer> =>
  Effect.flatMap(SpeechSynthesizer, (service) => service.bytes(request))

/**
 * The voices that the engine knows of.
 *
 * @since 0.1.0
 * @category accessors
 */
export const voices: Effect.Effect<ReadonlyArray<VoiceInfo>, SpeechError.SpeechError, SpeechSynthesizer> = Effect
  .flatMap(SpeechSynthesizer, (service) => service.voices)

/**
 * The models that the engine knows of.
 *
 * @since 0.1.0
 * @category accessors
 */
export const models: Effect.Effect<ReadonlyArray<Model>, SpeechError.SpeechError, SpeechSynthesizer> =
  /*#__PURE__*/ Effect.flatMap(
    SpeechSynthesizer,
    (service) => service.models
  )

/**
 * The languages that the engine speaks.
 *
 * @since 0.1.0
 * @category accessors
 */
export const languages: Effect.Effect<ReadonlyArray<Language>, SpeechError.SpeechError, SpeechSynthesizer> = Effect
  .flatMap(SpeechSynthesizer, (service) => service.languages)

export {
  /**
   * Gives options to every request inside an effect or a stream that does not set them itself.
   *
   * @since 0.1.0
   * @category combinators
   */
  withOptions
} from "./SpeechRequest.js"
