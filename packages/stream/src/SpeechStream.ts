/**
 * The port of growing text: text that is still being written in, audio out, in order, while it is being written.
 *
 * {@link layerSegmented} builds it on any `SpeechSynthesizer`: the text is cut into segments, and the next one is prepared
 * while the last one sounds.
 *
 * @since 0.1.0
 */
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import type * as Pcm from "@effect-smallest/core/Pcm"
import * as Pull from "@effect-smallest/core/Pull"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import { CurrentSpeechOptions, mergeOptions, type SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import { type Service as Synthesizer, SpeechSynthesizer } from "@effect-smallest/core/SpeechSynthesizer"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type * as Scripts from "./internal/speakScript.js"
import { speakSegments } from "./internal/speakSegments.js"
import { textSegments } from "./internal/textSegments.js"
import type * as SpeechScript from "./SpeechScript.js"
import type * as SpeechText from "./SpeechText.js"
import type * as TextSegmenter from "./TextSegmenter.js"

/**
 * @since 0.1.0
 * @category services
 */
export class SpeechStream extends Context.Tag("@effect-smallest/stream/SpeechStream")<SpeechStream, Service>() {}

/**
 * Text to speak: a finished string, or a stream of pieces as a language model writes them. Pieces are joined as they are.
 *
 * @since 0.1.0
 * @category models
 */
export type TextSource<E, R> = string | Stream.Stream<SpeechText.Input, E, R>

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Speaks a text as it grows and reports everything that happens, on one timeline. Fails with the text's own error after
   * the audio that was already due.
   */
  readonly events: <E = never, R = never>(
    text: TextSource<E, R>,
    options?: SpeechOptions
  ) => Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R>
  /** The audio of `events`. */
  readonly fromText: <E = never, R = never>(
    text: TextSource<E, R>,
    options?: SpeechOptions
  ) => Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError | E, R>
  /**
   * Speaks a script and reports everything that happens, on one timeline: its parts in order, the next ones prepared while one sounds.
   */
  readonly scriptEvents: <E = never, R = never>(
    script: SpeechScript.Source<E, R>,
    options?: SpeechScript.Options
  ) => Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R>
}

/**
 * What spans and metrics say about the engine.
 *
 * @since 0.1.0
 * @category models
 */
export interface Engine {
  readonly engine: string
  /** Who runs the model, for `gen_ai.provider.name`. */
  readonly vendor?: string | undefined
  readonly defaults: SpeechOptions
  /**
   * Speaks scripts.
   * @default each line is a text of its own, and the next one is prepared while one sounds
   */
  readonly script?:
    | (<E, R>(
      script: SpeechScript.Source<E, R>,
      options: SpeechScript.Options
    ) => Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R>)
    | undefined
}

/**
 * Creates the service from its `events`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  events: <E, R>(
    text: TextSource<E, R>,
    options: SpeechOptions
  ) => Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R>,
  { defaults, engine, script, vendor }: Engine = { engine: "SpeechStream", defaults: {} }
): Service => {
  const measured = <E, R>(
    spoken: (
      operation: SpeechEngine.Operation
    ) => Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R>,
    options: SpeechOptions
  ): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R> =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const operation = yield* SpeechEngine.operation("SpeechStream.events")
      const scoped = yield* CurrentSpeechOptions
      const given = (name: "model" | "voice" | "language") => options[name] ?? scoped[name] ?? defaults[name]
      operation.describe({
        engine,
        vendor,
        model: given("model"),
        voice: given("voice"),
        language: given("language"),
        sampleRate: options.sampleRate ?? scoped.sampleRate ?? defaults.sampleRate
      })
      const pull = yield* Pull.fromStream(spoken(operation))
      // Everything that an engine starts, it starts before its first events.
      const inside = Context.add(yield* Effect.context<R>(), Tracer.ParentSpan, operation.span)
      const rest = operation.measure(pull)
      let next: typeof rest = operation.measure(Effect.provide(pull, inside))
      return Pull.toStream(Effect.suspend(() => {
        const now = next
        next = rest
        return now
      }))
    }))
  const textEvents: Service["events"] = (text, options = {}) =>
    isText(text)
      ? measured((operation) => events(recordText(text, operation), options), options)
      : Stream.fail(
        new SpeechError.InvalidSpeechRequest({
          module: engine,
          method: "events",
          parameter: "text",
          description: "It must be a string or a Stream"
        })
      )
  const speak = script ??
    (<E, R>(script: SpeechScript.Source<E, R>, { evenLoudness, ...request }: SpeechScript.Options) =>
      Stream.unwrap(
        Effect.map(loadScripts, ({ speakLines }) => speakLines(script, { events, defaults, request, evenLoudness }))
      ))
  return SpeechStream.of({
    events: textEvents,
    fromText: (text, options) => SpeechEvent.pcm(textEvents(text, options)),
    scriptEvents: (script, options = {}) =>
      measured((operation) => speak(recordScript(script, operation), options), options)
  })
}

const recordScript = <E, R>(
  script: SpeechScript.Source<E, R>,
  operation: SpeechEngine.Operation
): Stream.Stream<SpeechScript.Part, E, R> =>
  Stream.mapChunks(
    // What is neither is a part that makes no sense, which the script's speaker reports.
    Predicate.hasProperty(script, Stream.StreamTypeId)
      ? script
      : Stream.rechunk(Stream.fromIterable([script].flat()), 1),
    (parts) => {
      for (const part of parts) {
        if (Predicate.hasProperty(part, "text") && Predicate.isString(part.text)) operation.wrote(part.text)
      }
      return parts
    }
  )

const recordText = <E, R>(text: TextSource<E, R>, operation: SpeechEngine.Operation): TextSource<E, R> => {
  if (typeof text === "string") {
    operation.wrote(text)
    return text
  }
  return Stream.mapChunks(text, (pieces) => {
    for (const piece of pieces) if (typeof piece === "string") operation.wrote(piece)
    return pieces
  })
}

/**
 * How {@link layerSegmented} cuts, prepares, retries and joins.
 *
 * @since 0.1.0
 * @category models
 */
export interface SegmentedOptions extends TextSegmenter.Options {
  /**
   * How many segments are prepared ahead of the one that sounds. More than the account's `concurrency` only makes
   * them wait for permits.
   * @default 1
   */
  readonly prefetch?: number | undefined
  /**
   * How long to wait for more text when what there is ends like a sentence, before it is spoken.
   * @default "300 millis"
   */
  readonly sentenceTimeout?: Duration.DurationInput | undefined
  /**
   * How long to wait for more text before whatever there is, up to its last whole word, is spoken.
   * @default "5 seconds"
   */
  readonly queueTimeout?: Duration.DurationInput | undefined
  /**
   * How a segment is tried again. Whatever it says, only errors with `isRetryable` are retried, only before the segment's first sample
   * has left, and never earlier than the server asks.
   * @default { maxRetries: 3, baseDelay: "500 millis", maxDelay: "30 seconds" }
   */
  readonly retry?: SpeechError.Retry | undefined
  /**
   * What to do when a segment could not be spoken in the end. `fail` ends the stream with the error, whose `position`
   * says where to resume; `skip` reports a `SegmentFailed` event and continues.
   * @default "fail"
   */
  readonly onSegmentFailure?: "fail" | "skip" | undefined
  /**
   * Silence between segments.
   * @default 0
   */
  readonly gap?: Duration.DurationInput | undefined
  /**
   * Length of the fade at both ends of each segment, so that seams do not click.
   * @default "2 millis"
   */
  readonly fade?: Duration.DurationInput | undefined
  /**
   * Whether pauses over 200 ms inside and around segments are shortened.
   * @default false
   */
  readonly trimSilence?: boolean | undefined
}

const cannotLoad = (method: string, what: string) => (error: unknown) =>
  new SpeechError.TransportFailure({
    module: "SpeechStream",
    method,
    description: `${what} could not be loaded: ${Predicate.isError(error) ? error.message : String(error)}`,
    cause: error
  })

// A page without scripts does not load this.
let loadedScripts: typeof Scripts | undefined

const loadScripts: Effect.Effect<typeof Scripts, SpeechError.TransportFailure> = /*#__PURE__*/ Effect.suspend(() =>
  loadedScripts !== undefined ? Effect.succeed(loadedScripts) : Effect.tryPromise({
    try: () => import("./internal/speakScript.js"),
    catch: cannotLoad("scriptEvents", "The speaker of scripts")
  }).pipe(Effect.tap((module) => {
    loadedScripts = module
  }))
)

// The punctuation of many languages would be a fifth of what a page loads: it comes with the first text.
let loaded: typeof TextSegmenter | undefined

const loadSegmenter: Effect.Effect<typeof TextSegmenter, SpeechError.TransportFailure> = /*#__PURE__*/ Effect.suspend(
  () =>
    loaded !== undefined ? Effect.succeed(loaded) : Effect.tryPromise({
      try: () => import("./TextSegmenter.js"),
      catch: cannotLoad("events", "The segmenter")
    }).pipe(Effect.tap((module) => {
      loaded = module
    }))
)

const isLocale = (value: unknown): boolean => {
  try {
    return Predicate.isString(value) && new Intl.Locale(value).language !== ""
  } catch {
    return false
  }
}

const checkLayer = LayerOptions.make<SegmentedOptions>("SpeechStream.layerSegmented", {
  maxLength: /*#__PURE__*/ LayerOptions.whole(2, Infinity),
  minLength: /*#__PURE__*/ LayerOptions.whole(0, Infinity),
  firstSegment: /*#__PURE__*/ LayerOptions.oneOf("sentence", "clause"),
  locale: /*#__PURE__*/ LayerOptions.rule(isLocale, "a BCP 47 language tag such as \"en\" or \"pt-BR\""),
  prefetch: /*#__PURE__*/ LayerOptions.whole(0, Infinity),
  sentenceTimeout: LayerOptions.duration,
  queueTimeout: LayerOptions.duration,
  retry: LayerOptions.retry,
  onSegmentFailure: /*#__PURE__*/ LayerOptions.oneOf("fail", "skip"),
  gap: LayerOptions.duration,
  fade: LayerOptions.duration,
  trimSilence: LayerOptions.flag
})

const makeSegmented = (options: SegmentedOptions, synthesizer: Synthesizer): Service => {
  const { maxLength = 250, minLength = 0, prefetch = 1 } = checkLayer(options)
  LayerOptions.make<{ readonly minLength: number }>("SpeechStream.layerSegmented", {
    minLength: LayerOptions.whole(0, maxLength)
  })({ minLength })
  let made: TextSegmenter.TextSegmenter | undefined
  const segmenter = Effect.map(loadSegmenter, ({ make }) => made ??= make(options))
  const reading = {
    sentenceTimeout: Duration.decode(options.sentenceTimeout ?? "300 millis"),
    queueTimeout: Duration.decode(options.queueTimeout ?? "5 seconds")
  }
  const speaking = {
    synthesizer,
    prefetch,
    schedule: SpeechError.scheduleOf(options.retry),
    onSegmentFailure: options.onSegmentFailure ?? "fail",
    gap: Duration.decode(options.gap ?? 0),
    fade: Duration.decode(options.fade ?? "2 millis"),
    trimSilence: options.trimSilence
  }
  // Segments check their requests; a text without segments has none, and skipped segments hide their errors.
  const checkEngine = SpeechEngine.checkOptions(
    {
      ...synthesizer.capabilities,
      sampleRates: { minimum: 8000, maximum: 48_000 },
      honours: ["voice", "model", "removeExtraSilence"]
    },
    synthesizer.defaults,
    "events"
  )
  const checkOptions = (options: SpeechOptions) =>
    Effect.mapError(
      checkEngine(options),
      SpeechError.withPosition({ segment: 0, textOffset: 0, samplesEmitted: 0 })
    )
  return make(
    (text, request) =>
      Stream.unwrap(
        Effect.zipWith(checkOptions(request), segmenter, (_, segmenter) =>
          speakSegments(textSegments(text, { ...reading, segmenter }), {
            ...speaking,
            request
          }))
      ),
    {
      engine: "layerSegmented",
      vendor: synthesizer.capabilities.vendor,
      defaults: synthesizer.defaults,
      script: (script, { evenLoudness, ...request }) =>
        Stream.unwrap(
          Effect.zipWith(
            Effect.zipRight(checkOptions(request), segmenter),
            loadScripts,
            (segmenter, { cutText, speakScript }) =>
              speakScript(script, cutText(segmenter), { ...speaking, request }, evenLoudness)
          )
        )
    }
  )
}

/**
 * Speaks growing text with whatever `SpeechSynthesizer` is there, segment by segment.
 *
 * - Audio leaves in the order of the text; the first audio of the first segment leaves as soon as it exists.
 * - At most `prefetch` segments are ahead of the listener, and the text is read no faster than that: a slow listener slows
 *   the writer.
 * - A segment is retried only before its first sample has left.
 * - Interrupting the audio also aborts the request in flight and stops reading the text.
 *
 * Invalid options, such as a negative `prefetch`, are defects of the program: the layer dies with an error that names
 * them.
 *
 * @example
 * ```ts
 * import { WavesSpeechSynthesizer } from "@effect-smallest/waves"
 * import { SpeechStream } from "@effect-smallest/stream"
 * import { Layer } from "effect"
 *
 * const Speech = SpeechStream.layerSegmented({ firstSegment: "clause" }).pipe(
 *   Layer.provideMerge(WavesSpeechSynthesizer.layer())
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSegmented = (options: SegmentedOptions = {}): Layer.Layer<SpeechStream, never, SpeechSynthesizer> =>
  Layer.effect(SpeechStream, Effect.map(SpeechSynthesizer, (synthesizer) => makeSegmented(options, synthesizer)))

/**
 * A text and the options of its speech in one object, as `SpeechSynthesizer` takes them.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamRequest<E = never, R = never> extends SpeechOptions {
  readonly text: TextSource<E, R>
}

const isText = (u: unknown): boolean => typeof u === "string" || Predicate.hasProperty(u, Stream.StreamTypeId)

const isScript = (u: unknown): boolean => Array.isArray(u) || Predicate.hasProperty(u, Stream.StreamTypeId)

const isRequest = <E, R>(first: TextSource<E, R> | StreamRequest<E, R>): first is StreamRequest<E, R> =>
  Predicate.hasProperty(first, "text") && !isText(first)

// What stands alone and is neither text nor options is a mistake, which the service reports.
const isTextFirst = (args: IArguments): boolean =>
  args.length > 1 || isText(args[0]) || args.length === 1 && args[0] !== undefined && !Predicate.isRecord(args[0])

const isFirst = (args: IArguments): boolean => isTextFirst(args) || Predicate.hasProperty(args[0], "text")

const split = <E, R>(
  first: TextSource<E, R> | StreamRequest<E, R>,
  options: SpeechOptions | undefined
): readonly [text: TextSource<E, R>, options: SpeechOptions | undefined] => {
  if (!isRequest(first)) return [first, options]
  const { text, ...rest } = first
  return [text, options === undefined ? rest : mergeOptions(rest, options)]
}

/**
 * Speaks a text as it grows and reports everything that happens: segments, audio, words if the engine knows their times, and the end.
 *
 * @since 0.1.0
 * @category accessors
 */
export const events: {
  <E = never, R = never>(
    request: StreamRequest<E, R>
  ): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R | SpeechStream>
  (options?: SpeechOptions): <E = never, R = never>(
    text: TextSource<E, R>
  ) => Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R | SpeechStream>
  <E = never, R = never>(
    text: TextSource<E, R>,
    options?: SpeechOptions
  ): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R | SpeechStream>
} = /*#__PURE__*/ dual(
  isFirst,
  <E, R>(first: TextSource<E, R> | StreamRequest<E, R>, options?: SpeechOptions) =>
    Stream.unwrap(Effect.map(SpeechStream, (service) => service.events(...split(first, options))))
)

/**
 * Speaks a text as it grows, as a stream of PCM. It is called like `SpeechSynthesizer.stream`; {@link fromText} is the same with the text
 * apart.
 *
 * @example
 * ```ts
 * import { AudioFile } from "@effect-smallest/core"
 * import { SpeechStream } from "@effect-smallest/stream"
 * import { Stream } from "effect"
 *
 * const tokens = Stream.make("Hello", " there. How ", "are you?")
 *
 * const program = SpeechStream.stream({ text: tokens, speed: 0.8 }).pipe(AudioFile.save("hello.wav"))
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const stream: {
  <E = never, R = never>(
    request: StreamRequest<E, R>
  ): Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError | E, R | SpeechStream>
  (options?: SpeechOptions): <E = never, R = never>(
    text: TextSource<E, R>
  ) => Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError | E, R | SpeechStream>
  <E = never, R = never>(
    text: TextSource<E, R>,
    options?: SpeechOptions
  ): Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError | E, R | SpeechStream>
} = /*#__PURE__*/ dual(
  isFirst,
  <E, R>(first: TextSource<E, R> | StreamRequest<E, R>, options?: SpeechOptions) =>
    Stream.unwrap(Effect.map(SpeechStream, (service) => service.fromText(...split(first, options))))
)

/**
 * Speaks a text as it grows, as a stream of PCM.
 *
 * @example
 * ```ts
 * import { AudioFile } from "@effect-smallest/core"
 * import { SpeechStream } from "@effect-smallest/stream"
 * import { Stream } from "effect"
 *
 * const tokens = Stream.make("Hello", " there. How ", "are you?")
 *
 * const program = SpeechStream.fromText(tokens).pipe(AudioFile.save("hello.wav"))
 * const slower = tokens.pipe(SpeechStream.fromText({ speed: 0.8 }), AudioFile.save("slow.wav"))
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const fromText: {
  (options?: SpeechOptions): <E = never, R = never>(
    text: TextSource<E, R>
  ) => Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError | E, R | SpeechStream>
  <E = never, R = never>(
    text: TextSource<E, R>,
    options?: SpeechOptions
  ): Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError | E, R | SpeechStream>
} = /*#__PURE__*/ dual(
  isTextFirst,
  <E, R>(text: TextSource<E, R>, options?: SpeechOptions) =>
    Stream.unwrap(Effect.map(SpeechStream, (service) => service.fromText(text, options)))
)

/**
 * Speaks a script and reports everything that happens: segments with their part and speaker, audio, words if the engine knows their
 * times, pauses, marks, and the end.
 *
 * @since 0.1.0
 * @category accessors
 */
export const scriptEvents: {
  (options?: SpeechScript.Options): <E = never, R = never>(
    script: SpeechScript.Source<E, R>
  ) => Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R | SpeechStream>
  <E = never, R = never>(
    script: SpeechScript.Source<E, R>,
    options?: SpeechScript.Options
  ): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R | SpeechStream>
} = /*#__PURE__*/ dual(
  (args) => isScript(args[0]),
  <E, R>(script: SpeechScript.Source<E, R>, options?: SpeechScript.Options) =>
    Stream.unwrap(Effect.map(SpeechStream, (service) => service.scriptEvents(script, options)))
)

/**
 * Speaks a script as a stream of PCM: parts in order, the next ones prepared while one sounds, all brought to one sample rate and to the
 * loudness of the first voice. Fails
 * as `fromText` does; the error's `position.part` is the index of the part.
 *
 * @example
 * ```ts
 * import { AudioFile } from "@effect-smallest/core"
 * import { SpeechScript, SpeechStream } from "@effect-smallest/stream"
 *
 * const program = SpeechStream.fromScript([
 *   { text: "Who is there?", voice: "kate" },
 *   SpeechScript.pause("500 millis"),
 *   { text: "Only me.", voice: "hazel", speed: 0.9 }
 * ]).pipe(AudioFile.save("dialogue.wav"))
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const fromScript: {
  (options?: SpeechScript.Options): <E = never, R = never>(
    script: SpeechScript.Source<E, R>
  ) => Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError | E, R | SpeechStream>
  <E = never, R = never>(
    script: SpeechScript.Source<E, R>,
    options?: SpeechScript.Options
  ): Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError | E, R | SpeechStream>
} = /*#__PURE__*/ dual(
  (args) => isScript(args[0]),
  <E, R>(script: SpeechScript.Source<E, R>, options?: SpeechScript.Options) =>
    SpeechEvent.pcm(scriptEvents(script, options))
)
