/**
 * The port of speech engines: finished text in, audio out.
 *
 * Applications ask for `SpeechSynthesizer`; which engine answers (the vendor's cloud, the embedded voice, a test double)
 * is one layer, chosen at the edge. For text that is still being written there is `SpeechStream`.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "./Audio.js"
import * as G711 from "./G711.js"
import type { Language } from "./Language.js"
import type { Model } from "./Model.js"
import * as Pcm from "./Pcm.js"
import * as SegmentLease from "./SegmentLease.js"
import * as SpeechCapabilities from "./SpeechCapabilities.js"
import * as SpeechError from "./SpeechError.js"
import * as SpeechEvent from "./SpeechEvent.js"
import {
  CurrentSpeechOptions,
  type OutputFormat,
  SpeechBytesRequest,
  type SpeechOptions,
  SpeechRequest
} from "./SpeechRequest.js"
import * as SpeechSilence from "./SpeechSilence.js"
import * as SpeechTelemetry from "./SpeechTelemetry.js"
import type { VoiceInfo } from "./Voice.js"
import * as Wav from "./Wav.js"

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
  /** What the engine uses where neither request nor scope says otherwise. */
  readonly defaults: SpeechOptions
  /** Speaks a text and tells everything that happens, as it happens. */
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

/**
 * A request that {@link make} has checked, with the layer's and the scope's options filled in.
 *
 * @since 0.1.0
 * @category models
 */
export type ResolvedRequest = SpeechCapabilities.ResolvedRequest

/**
 * What an implementer writes; {@link make} derives the rest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Engine extends SpeechCapabilities.SpeechCapabilities {
  /**
   * Speaks a request that is known to be valid. Audio must have the request's sample rate, and `Completed` must be the
   * last event. If `honours` lacks `removeExtraSilence`, pauses are shortened afterwards, word times included.
   */
  readonly events: (
    request: ResolvedRequest
  ) => Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError>
  /** Speaks into memory, for engines that have a cheaper way than collecting `events`. */
  readonly synthesize?:
    | ((request: ResolvedRequest) => Effect.Effect<Audio.Audio, SpeechError.SpeechError>)
    | undefined
  /** Speaks into MP3, for engines that make it. */
  readonly mp3?:
    | ((request: ResolvedRequest) => Effect.Effect<Uint8Array, SpeechError.SpeechError>)
    | undefined
  readonly voices: Service["voices"]
  readonly models: Service["models"]
  readonly languages: Service["languages"]
}

interface Whole<A> {
  readonly made: A
  readonly audio: Option.Option<Audio.Audio>
}

/**
 * Makes a service of an engine: checks requests, resolves options, and derives `stream`, `synthesize` and `bytes` from
 * `events`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (engine: Engine): Service => {
  const invalid = (method: string, parameter: string, description: string) =>
    new SpeechError.InvalidSpeechRequest({ module: engine.module, method, parameter, description })

  const noAudio = (method: string) =>
    new SpeechError.EmptyAudio({ module: engine.module, method, description: "The engine made no audio" })

  const speak = (request: ResolvedRequest) =>
    request.removeExtraSilence === true && !engine.honours.includes("removeExtraSilence")
      ? SpeechSilence.shorten(engine.events(request))
      : engine.events(request)

  const collect = (method: string, request: ResolvedRequest) =>
    engine.synthesize !== undefined &&
      (request.removeExtraSilence !== true || engine.honours.includes("removeExtraSilence"))
      ? engine.synthesize(request)
      : Effect.flatMap(
        Audio.fromStream(SpeechEvent.pcm(speak(request))),
        (audio) =>
          Option.match(Option.filter(audio, ({ bytes }) => bytes.length > 0), {
            onNone: () => noAudio(method),
            onSome: Effect.succeed
          })
      )

  const resolve = <A extends SpeechRequest, I>(
    operation: SpeechTelemetry.Operation,
    method: string,
    schema: Schema.Schema<A, I>,
    request: A
  ) =>
    Effect.tap(
      SpeechCapabilities.resolveRequest(engine, method, schema, request),
      (resolved) => Effect.sync(() => operation.describe({ ...resolved, engine: engine.module }))
    )

  // Up to the first audio everything runs inside the span and nothing may end. Then the engine has what it needs, and audio
  // passes as it is: `Stream.withSpan` would cost every piece of it ten kilobytes of garbage.
  const events: Service["events"] = (request) =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const operation = yield* SpeechTelemetry.operation("SpeechSynthesizer.events")
      const inside = Effect.withParentSpan(operation.span)
      const resolved = yield* inside(operation.prepare(resolve(operation, "events", SpeechRequest, request)))
      const untold = yield* Stream.toPull(speak(resolved))
      const pull = operation.measure(untold)
      let hasAudio = false
      const first = inside(operation.measure(Effect.flatMap(untold, (events) => {
        hasAudio = Chunk.some(events, (event) => event._tag === "AudioChunk" && event.chunk.bytes.length > 0)
        return hasAudio || !Chunk.some(events, SpeechEvent.$is("Completed"))
          ? Effect.succeed(events)
          : Effect.fail(Option.some(noAudio("events")))
      })))
      return Stream.repeatEffectChunkOption(Effect.suspend(() => hasAudio ? pull : first))
    }))

  // Only a header of the request itself can contradict its format: the format of a request goes before the header of a
  // layer.
  const checkHeader = ({ addWavHeader, outputFormat }: SpeechBytesRequest) =>
    addWavHeader === undefined || outputFormat === undefined || addWavHeader === (outputFormat === "wav")
      ? Effect.void
      : invalid(
        "bytes",
        "addWavHeader",
        `\`addWavHeader: ${addWavHeader}\` does not go with outputFormat "${outputFormat}"`
      )

  const encode = Effect.fnUntraced(function*(request: ResolvedRequest & SpeechBytesRequest) {
    const format: OutputFormat = request.outputFormat ?? (request.addWavHeader === false ? "pcm" : "wav")
    if (format === "mp3") {
      return engine.mp3 === undefined
        ? yield* invalid("bytes", "outputFormat", "This engine does not make MP3; it makes wav, pcm, ulaw and alaw")
        : { made: yield* engine.mp3(request), audio: Option.none() }
    }
    const audio = yield* collect("bytes", request)
    switch (format) {
      case "wav":
        return { made: Wav.encode(audio), audio: Option.some(audio) }
      case "pcm":
        return { made: audio.bytes, audio: Option.some(audio) }
      case "ulaw":
      case "mulaw":
        return { made: G711.encodeUlaw(Pcm.samples(audio)), audio: Option.some(audio) }
      case "alaw":
        return { made: G711.encodeAlaw(Pcm.samples(audio)), audio: Option.some(audio) }
    }
  })

  /** An operation that gives everything at its end, and the audio in it where that is known. */
  const whole = <A extends SpeechRequest, I, B>(
    method: string,
    schema: Schema.Schema<A, I>,
    request: A,
    make: (request: A & ResolvedRequest) => Effect.Effect<Whole<B>, SpeechError.SpeechError>
  ): Effect.Effect<B, SpeechError.SpeechError> =>
    Effect.scoped(Effect.gen(function*() {
      const operation = yield* SpeechTelemetry.operation(`SpeechSynthesizer.${method}`)
      const { made } = yield* resolve(operation, method, schema, request).pipe(
        Effect.flatMap(make),
        (effect) =>
          operation.measureEffect(effect, ({ audio }) =>
            Option.match(audio, {
              onNone: () => 0,
              onSome: ({ duration }) => Duration.toSeconds(duration)
            })),
        Effect.withParentSpan(operation.span)
      )
      return made
    }))

  return SpeechSynthesizer.of({
    defaults: engine.defaults,
    events,
    stream: (request) => SpeechEvent.pcm(events(request)),
    synthesize: (request) =>
      whole(
        "synthesize",
        SpeechRequest,
        request,
        (resolved) =>
          Effect.map(collect("synthesize", resolved), (audio) => ({ made: audio, audio: Option.some(audio) }))
      ),
    bytes: (request) =>
      whole(
        "bytes",
        SpeechBytesRequest,
        request,
        (resolved) => Effect.zipRight(checkHeader(request), encode(resolved))
      ),
    voices: SpeechTelemetry.withSpan(engine.voices, "SpeechSynthesizer.voices"),
    models: SpeechTelemetry.withSpan(engine.models, "SpeechSynthesizer.models"),
    languages: SpeechTelemetry.withSpan(engine.languages, "SpeechSynthesizer.languages")
  })
}

// ----------------------------------------------------------------------------------------------------------------
// layers
// ----------------------------------------------------------------------------------------------------------------

const retried = (inner: Service, options: SpeechError.RetryOptions | undefined): Service => {
  const schedule = SpeechError.retrySchedule(options)

  const withRetries = <A>(
    once: Effect.Effect<A, SpeechError.SpeechError, Scope.Scope>
  ): Effect.Effect<A, SpeechError.SpeechError, Scope.Scope> =>
    Effect.flatMap(SegmentLease.CurrentSegmentLease, (outer) =>
      Option.isSome(outer)
        ? once
        : Effect.scopeWith((scope) =>
          Effect.scoped(Effect.flatMap(
            SegmentLease.make({ stream: {}, index: 0, isHead: Effect.succeed(true) }),
            (lease) =>
              // What succeeds lives on in the outer scope; the lease ends with the last attempt.
              SpeechTelemetry.retry(Scope.extend(once, scope), schedule).pipe(
                Effect.provideService(SegmentLease.CurrentSegmentLease, Option.some(lease))
              )
          ))
        ))

  const events: Service["events"] = (request) =>
    Stream.unwrapScoped(withRetries(SpeechEvent.untilFirstAudio(inner.events(request))))

  return SpeechSynthesizer.of({
    ...inner,
    events,
    stream: (request) => SpeechEvent.pcm(events(request)),
    synthesize: (request) => Effect.scoped(withRetries(inner.synthesize(request))),
    bytes: (request) => Effect.scoped(withRetries(inner.bytes(request)))
  })
}

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
  (options?: SpeechError.RetryOptions): <E, R>(
    layer: Layer.Layer<SpeechSynthesizer, E, R>
  ) => Layer.Layer<SpeechSynthesizer, E, R>
  <E, R>(
    layer: Layer.Layer<SpeechSynthesizer, E, R>,
    options?: SpeechError.RetryOptions
  ): Layer.Layer<SpeechSynthesizer, E, R>
} = dual(
  (args) => Layer.isLayer(args[0]),
  <E, R>(layer: Layer.Layer<SpeechSynthesizer, E, R>, options?: SpeechError.RetryOptions) =>
    Layer.map(
      layer,
      (context) => Context.make(SpeechSynthesizer, retried(Context.get(context, SpeechSynthesizer), options))
    )
)

const withFallback = (engines: readonly [Service, ...ReadonlyArray<Service>]): Service => {
  const [first, ...others] = engines

  // All engines speak at the first one's rate, so that a stream which changes engines between segments stays playable.
  const pinned = <A extends SpeechRequest>(request: A) =>
    Effect.map(CurrentSpeechOptions, (scoped) => ({
      ...request,
      sampleRate: request.sampleRate ?? scoped.sampleRate ?? first.defaults.sampleRate
    }))

  const inTurn = <A, E, R>(attempt: (engine: Service) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    others.reduce(
      (before, engine) =>
        Effect.catchAll(before, (error) =>
          Effect.zipRight(
            Effect.logWarning("A speech engine failed before any sound; the next one takes over").pipe(
              Effect.annotateLogs({
                package: "@effect-smallest/core",
                module: "SpeechSynthesizer",
                error: String(error)
              })
            ),
            attempt(engine)
          )),
      attempt(first)
    )

  const events: Service["events"] = (request) =>
    Stream.unwrapScoped(
      Effect.flatMap(pinned(request), (request) =>
        inTurn((engine) => SpeechEvent.untilFirstAudio(engine.events(request))))
    )

  return SpeechSynthesizer.of({
    defaults: first.defaults,
    events,
    stream: (request) => SpeechEvent.pcm(events(request)),
    synthesize: (request) =>
      Effect.flatMap(pinned(request), (request) => inTurn((engine) => engine.synthesize(request))),
    bytes: (request) => Effect.flatMap(pinned(request), (request) => inTurn((engine) => engine.bytes(request))),
    voices: first.voices,
    models: first.models,
    languages: first.languages
  })
}

/**
 * Asks several engines in turn: if one fails before any sound, the next one speaks the request. Once audio has left, an
 * error is an error. All engines get the first one's sample rate. Voices are names of one engine: leave them to the
 * layers, or give a layer a mapping of voices.
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
 * Speaks a text and tells everything that happens: audio, words where the engine knows their times, and the end.
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
export const models: Effect.Effect<ReadonlyArray<Model>, SpeechError.SpeechError, SpeechSynthesizer> = Effect.flatMap(
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
