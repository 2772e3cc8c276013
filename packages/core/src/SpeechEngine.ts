/**
 * Everything that the author of an engine needs, in one place: what an engine can do, {@link make}, which turns an engine into the
 * `SpeechSynthesizer` port, {@link fromPcm} for engines that know only audio, and the parts of operations and retries that an engine with
 * an account shares with the rest. `docs/new-engine.md` builds one.
 *
 * Applications never need this module.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import * as Audio from "./Audio.js"
import * as G711 from "./G711.js"
import * as capabilities_ from "./internal/capabilities.js"
import * as operation_ from "./internal/operation.js"
import * as lease from "./internal/segmentLease.js"
import * as silence from "./internal/shortenSilence.js"
import * as Pcm from "./Pcm.js"
import * as Pull from "./Pull.js"
import * as SpeechError from "./SpeechError.js"
import * as SpeechEvent from "./SpeechEvent.js"
import type { OutputFormat, SpeechBytesRequest, SpeechOptions } from "./SpeechRequest.js"
import type { Service } from "./SpeechSynthesizer.js"
import * as Wav from "./Wav.js"

/**
 * What an engine can do. {@link make} refuses a request that asks for anything else, so an engine never sees one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Capabilities extends capabilities_.Capabilities {}

/**
 * What a layer uses if neither request nor scope says otherwise.
 *
 * @since 0.1.0
 * @category models
 */
export interface Defaults extends capabilities_.Defaults {}

/**
 * Options that have been checked, with the scope's and the layer's filled in.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResolvedOptions extends capabilities_.ResolvedOptions {}

/**
 * A request that has been checked, with the scope's and the layer's options filled in.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResolvedRequest extends capabilities_.ResolvedRequest {}

/**
 * What an author writes; {@link make} derives the rest of the port.
 *
 * @since 0.1.0
 * @category models
 */
export interface Engine extends Capabilities {
  /** The layer's options. */
  readonly defaults: Defaults
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
  /**
   * The format of `bytes` if the request names none.
   * @default "wav"
   */
  readonly outputFormat?: ((request: ResolvedRequest) => OutputFormat) | undefined
  /** @default no voices */
  readonly voices?: Service["voices"] | undefined
  /** @default no models */
  readonly models?: Service["models"] | undefined
  /** @default no languages */
  readonly languages?: Service["languages"] | undefined
}

/**
 * Turns an engine into the port: checks requests, resolves options, and derives `stream`, `synthesize` and `bytes` from `events`.
 *
 * @example
 * ```ts
 * import { Pcm, SpeechEngine, SpeechSynthesizer } from "@effect-smallest/core"
 * import { Layer, Stream } from "effect"
 *
 * // One click for every character.
 * const engine = SpeechEngine.make({
 *   module: "Clicker",
 *   defaults: { sampleRate: 8000 },
 *   sampleRates: [8000],
 *   honours: [],
 *   events: ({ sampleRate, text }) => {
 *     const click = Pcm.fromSamples(Pcm.format(sampleRate), Int16Array.of(20000, 0, 0, 0))
 *     return SpeechEngine.fromPcm({ text, pcm: Stream.take(Stream.repeatValue(click), text.length) })
 *   }
 * })
 *
 * export const layer = Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, engine)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (engine: Engine): Service => {
  const { defaults, honours, maxTextLength, module, provider, sampleRates, vendor } = engine
  const capabilities: Capabilities = { module, sampleRates, maxTextLength, honours, provider, vendor }

  const noAudio = (method: string) =>
    new SpeechError.EmptyAudio({ module, method, description: "The engine made no audio" })

  const shortensSilence = (request: ResolvedRequest): boolean =>
    request.removeExtraSilence === true && honours?.includes("removeExtraSilence") !== true

  const speak = (request: ResolvedRequest) =>
    shortensSilence(request) ? shortenSilence(engine.events(request)) : engine.events(request)

  const collect = (method: string, request: ResolvedRequest): Effect.Effect<Audio.Audio, SpeechError.SpeechError> =>
    engine.synthesize !== undefined && !shortensSilence(request)
      ? engine.synthesize(request)
      : Effect.flatMap(
        Stream.runCollect(speak(request)),
        (events) => {
          const chunks = Chunk.filter(events, SpeechEvent.isAudible).pipe(Chunk.filterMap(SpeechEvent.chunkOf))
          const requestId = Option.getOrUndefined(Chunk.findLast(events, SpeechEvent.$is("Completed")))?.requestId
          return Chunk.isNonEmpty(chunks)
            ? Effect.mapBoth(Audio.fromChunks(chunks), {
              onFailure: fromPcmError({ module, method, requestId }),
              onSuccess: (audio) => requestId === undefined ? audio : { ...audio, requestId }
            })
            : noAudio(method)
        }
      )

  const check = {
    events: capabilities_.checkRequest(capabilities, defaults, "events"),
    synthesize: capabilities_.checkRequest(capabilities, defaults, "synthesize"),
    bytes: capabilities_.checkBytesRequest(capabilities, defaults, "bytes")
  }

  const described = <A extends ResolvedRequest>(
    operation: Operation,
    resolved: Effect.Effect<A, SpeechError.InvalidSpeechRequest>
  ) =>
    Effect.tap(resolved, (request) => {
      operation.describe({ ...request, engine: module, vendor })
      return Effect.void
    })

  // Up to the first audio everything runs inside the span and nothing may end. Then the engine has what it needs, and audio
  // passes as it is: `Stream.withSpan` would cost every piece of it ten kilobytes of garbage.
  const events: Service["events"] = (request) =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const running = yield* operation("SpeechSynthesizer.events")
      const inside = Effect.withParentSpan(running.span)
      const resolved = yield* inside(running.prepare(described(running, check.events(request))))
      const pull = yield* Pull.fromStream(speak(resolved))
      const measured = running.measure(pull)
      let hasAudio = false
      const first = inside(running.measure(Effect.flatMap(pull, (events) => {
        hasAudio = Chunk.some(events, SpeechEvent.isAudible)
        return hasAudio || !Chunk.some(events, SpeechEvent.$is("Completed"))
          ? Effect.succeed(events)
          : Effect.fail(Option.some(noAudio("events")))
      })))
      return Pull.toStream(Effect.suspend(() => hasAudio ? measured : first))
    }))

  const encode = (request: ResolvedRequest & SpeechBytesRequest): Effect.Effect<Encoded, SpeechError.SpeechError> => {
    const format = request.outputFormat ?? engine.outputFormat?.(request) ?? "wav"
    if (format === "mp3") {
      return engine.mp3 === undefined
        ? new SpeechError.InvalidSpeechRequest({
          module,
          method: "bytes",
          parameter: "outputFormat",
          description: "This engine does not make MP3; it makes wav, pcm, ulaw and alaw"
        })
        : Effect.map(engine.mp3(request), (bytes) => ({ bytes, seconds: 0 }))
    }
    return Effect.map(collect("bytes", request), (audio) => ({
      bytes: encoders[format](audio),
      seconds: Duration.toSeconds(audio.duration)
    }))
  }

  /** An operation that returns everything at its end. */
  const whole = <A extends ResolvedRequest, B>(
    method: string,
    resolved: Effect.Effect<A, SpeechError.InvalidSpeechRequest>,
    speak: (request: A) => Effect.Effect<B, SpeechError.SpeechError>,
    seconds: (result: B) => number
  ): Effect.Effect<B, SpeechError.SpeechError> =>
    Effect.scoped(Effect.flatMap(operation(`SpeechSynthesizer.${method}`), (running) =>
      Effect.withParentSpan(
        running.measureEffect(Effect.flatMap(described(running, resolved), speak), seconds),
        running.span
      )))

  return {
    capabilities,
    defaults,
    events,
    stream: (request) => SpeechEvent.pcm(events(request)),
    synthesize: (request) =>
      whole(
        "synthesize",
        check.synthesize(request),
        (resolved) => collect("synthesize", resolved),
        ({ duration }) => Duration.toSeconds(duration)
      ),
    bytes: (request) =>
      Effect.map(whole("bytes", check.bytes(request), encode, ({ seconds }) => seconds), ({ bytes }) => bytes),
    voices: withSpan(engine.voices ?? none, "SpeechSynthesizer.voices"),
    models: withSpan(engine.models ?? none, "SpeechSynthesizer.models"),
    languages: withSpan(engine.languages ?? none, "SpeechSynthesizer.languages")
  }
}

const none = /*#__PURE__*/ Effect.succeed([])

interface Encoded {
  readonly bytes: Uint8Array
  /** How long it sounds; 0 if that is not known. */
  readonly seconds: number
}

const encoders: Record<Exclude<OutputFormat, "mp3">, (audio: Audio.Audio) => Uint8Array> = {
  wav: Wav.encode,
  pcm: ({ bytes }) => bytes,
  ulaw: (audio) => G711.encodeUlaw(Pcm.samples(audio)),
  alaw: (audio) => G711.encodeAlaw(Pcm.samples(audio))
}

/**
 * Builds the check of options that come without a finished text, for engines of growing text: in bounds, known, and such that the engine
 * can honour each. What is not given comes from the scope, then from `defaults`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const checkOptions: (
  capabilities: Capabilities,
  defaults: Defaults,
  method: string
) => (options: SpeechOptions) => Effect.Effect<ResolvedOptions, SpeechError.InvalidSpeechRequest> =
  capabilities_.checkOptions

/**
 * The events of one finished text whose engine knows nothing but audio.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromPcm = (options: {
  readonly text: string
  readonly pcm: Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError>
  readonly requestId?: string | undefined
}): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError> =>
  Stream.suspend(() => {
    let length = 0
    let format: Pcm.PcmFormat | undefined
    const completed = Effect.sync(() =>
      SpeechEvent.Completed({
        duration: format === undefined ? Duration.zero : Pcm.durationOf(format, length),
        requestId: options.requestId
      })
    )
    return Stream.make(
      SpeechEvent.SegmentStarted({ segment: 0, text: options.text, textOffset: 0, start: Duration.zero })
    ).pipe(
      Stream.concat(Stream.map(options.pcm, (chunk) => {
        format = chunk.format
        length += chunk.bytes.length
        return SpeechEvent.AudioChunk({ chunk })
      })),
      Stream.concat(Stream.fromEffect(completed))
    )
  })

/**
 * Turns a problem with PCM inside an engine into its `SpeechError`.
 *
 * @since 0.1.0
 * @category error handling
 */
export const fromPcmError =
  (at: { readonly module: string; readonly method: string; readonly requestId?: string | undefined }) =>
  (error: Pcm.PcmError): SpeechError.SpeechError =>
    error.reason === "PartialFrame"
      ? new SpeechError.TruncatedAudio({ ...at, description: error.description })
      : new SpeechError.EngineFailure({ ...at, description: error.description })

/**
 * Shortens pauses over 200 ms as `Pcm.removeSilence` does; whatever has a time moves with its audio.
 *
 * @since 0.1.0
 * @category combinators
 */
export const shortenSilence: <E, R>(
  events: Stream.Stream<SpeechEvent.SpeechEvent, E, R>
) => Stream.Stream<SpeechEvent.SpeechEvent, E, R> = silence.shortenSilence

// ----------------------------------------------------------------------------------------------------------------
// operations
// ----------------------------------------------------------------------------------------------------------------

/**
 * The span of one operation, and what it adds to the metrics when its scope closes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Operation extends operation_.Operation {}

/**
 * Begins an operation. Its span ends and its metrics are updated when the scope closes. A listener who stops is not a failure, and neither
 * is a problem that the listener has with the audio.
 *
 * @since 0.1.0
 * @category constructors
 */
export const operation: (name: string) => Effect.Effect<Operation, never, Scope.Scope> = operation_.operation

/**
 * A span around an effect, which records the `error.type` of its failure.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withSpan: typeof operation_.withSpan = operation_.withSpan

/**
 * Adds the `error.type` of a failure to a span. Interruption is not a failure.
 *
 * @since 0.1.0
 * @category error handling
 */
export const noteFailure: (span: Tracer.Span, cause: Cause.Cause<unknown>) => Effect.Effect<void> =
  operation_.noteFailure

/**
 * The label of a model in metrics. If callers may name any model, they must not fill the memory of the backend: after 64 names the label is
 * `_OTHER`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const modelLabel: (model: string) => MetricLabel.MetricLabel = operation_.modelLabel

/**
 * Retries by a schedule, with a span event and a metric for each retry.
 *
 * @since 0.1.0
 * @category combinators
 */
export const retry: typeof operation_.retry = operation_.retry

// ----------------------------------------------------------------------------------------------------------------
// leases
// ----------------------------------------------------------------------------------------------------------------

/**
 * The claim of one segment on an account's permits, through all attempts at it. Permits go round-robin between streams and in text order
 * within one, and the segment that the listener waits for keeps its permit while it backs off.
 *
 * @since 0.1.0
 * @category models
 */
export interface SegmentLease extends lease.SegmentLease {}

/**
 * The lease of the running segment. A layer that finds one leaves retries to its owner: retries never multiply.
 *
 * @since 0.1.0
 * @category services
 */
export const CurrentSegmentLease: typeof lease.CurrentSegmentLease = lease.CurrentSegmentLease

/**
 * A lease that lasts for a scope: close the scope when no further attempt will be made. Then permits that failed attempts left go back to
 * their pools.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeLease: typeof lease.make = lease.make
