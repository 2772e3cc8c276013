import * as Cause from "effect/Cause"
import type * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import { globalValue } from "effect/GlobalValue"
import * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import * as Pcm from "../Pcm.js"
import type * as SpeechEvent from "../SpeechEvent.js"
import * as SpeechTelemetry from "../SpeechTelemetry.js"
import * as BoundedNames from "./boundedNames.js"
import * as ClockNanos from "./clockNanos.js"

/**
 * What an operation is asked to do.
 *
 * @internal
 */
export interface Request {
  /** The module that speaks, such as `WavesSpeechSynthesizer`. */
  readonly engine: string
  /** Who runs the model, for `gen_ai.provider.name`. */
  readonly vendor?: string | undefined
  readonly model?: string | undefined
  readonly voice?: string | undefined
  readonly language?: string | undefined
  readonly sampleRate?: number | undefined
  /** The text, if it is finished. Growing text is reported through {@link Operation.wrote}. */
  readonly text?: string | undefined
}

/**
 * The span of one operation and what it adds to the metrics when its scope closes.
 *
 * @internal
 */
export interface Operation {
  readonly span: Tracer.Span
  /** Records in the span and the metrics what is requested. */
  readonly describe: (request: Request) => void
  /** Takes note of growing text; its first word starts the clock. */
  readonly wrote: (text: string) => void
  /** Takes note of the events that a pull brings, and of its failure. Pulls must not run concurrently. */
  readonly measure: <E, R>(
    pull: Effect.Effect<Chunk.Chunk<SpeechEvent.SpeechEvent>, Option.Option<E>, R>
  ) => Effect.Effect<Chunk.Chunk<SpeechEvent.SpeechEvent>, Option.Option<E>, R>
  /** Takes note of the failure of an effect that prepares the operation. */
  readonly prepare: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Takes note of the failure of an effect that is the whole operation, and of the seconds of audio in what it gives. */
  readonly measureEffect: <A, E, R>(effect: Effect.Effect<A, E, R>, seconds: (a: A) => number) => Effect.Effect<A, E, R>
}

/** The value of `error.type`: the `_tag` of what failed, which says enough to group by and holds no words of anybody. */
const errorType = (error: unknown): string =>
  Predicate.hasProperty(error, "_tag") && Predicate.isString(error._tag)
    ? error._tag
    : Predicate.isError(error)
    ? error.name
    : "_OTHER"

const causeType = (cause: Cause.Cause<unknown>): string => errorType(Cause.squash(cause))

/**
 * Adds the `error.type` of a failure to a span. Interruption is not a failure.
 *
 * @internal
 */
export const noteFailure = (span: Tracer.Span, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.sync(() => {
    if (!Cause.isInterruptedOnly(cause)) span.attribute("error.type", causeType(cause))
  })

const boundedModel = globalValue("@effect-smallest/core/SpeechTelemetry/boundedModel", () => BoundedNames.make(64))

/**
 * The label of a model. If callers may name any model, they must not fill the memory of the metrics' backend: after 64
 * of them it is `_OTHER`.
 *
 * @internal
 */
export const modelLabel = (model: string): MetricLabel.MetricLabel =>
  MetricLabel.make("gen_ai.request.model", boundedModel(model))

const nanosPerSecond = 1e9

const recordedLimit = 8000

/**
 * Begins an operation. Its span ends and its metrics are updated when the
 * scope closes; a listener who stops is not a failure, and neither is a problem that the listener has with the audio.
 *
 * @internal
 */
export const operation = (name: string): Effect.Effect<Operation, never, Scope.Scope> =>
  Effect.gen(function*() {
    // The exit of the surrounding scope says how the listener ended, and not how the operation did.
    const own = yield* Scope.make()
    const span = yield* Scope.extend(Effect.makeSpanScoped(name, { captureStackTrace: false }), own)
    const clock = yield* Effect.clock
    const now = () => Number(clock.unsafeCurrentTimeNanos()) / nanosPerSecond
    const isStream = name.endsWith(".events")
    const labels: Array<MetricLabel.MetricLabel> = [MetricLabel.make("speech.operation", name)]
    const opened = now()
    let begun: number | undefined = opened
    let asked = 0
    let isGrowing = false
    let isComplete = false
    let written = 0
    let sounded = 0 // seconds
    let waited = 0
    let firstAudio: number | undefined
    let failure: Option.Option<Cause.Cause<unknown>> = Option.none()
    let recorded = (yield* SpeechTelemetry.RecordText) ? "" : undefined

    const record = (text: string) => {
      written += text.length
      if (recorded !== undefined && recorded.length < recordedLimit) {
        recorded += text.slice(0, recordedLimit - recorded.length)
      }
    }

    const count = (seconds: number) => {
      if (seconds <= 0) return
      sounded += seconds
      firstAudio ??= begun === undefined ? undefined : now() - begun
    }

    const fail = (cause: Cause.Cause<unknown>) => {
      if (!Cause.isInterruptedOnly(cause)) failure = Option.some(cause)
    }

    // One effect for each piece of audio, made once: audio comes in many of them.
    const timed = <A, E, R>(
      effect: Effect.Effect<A, E, R>,
      onSuccess: (a: A) => void,
      onFailure: (cause: Cause.Cause<E>) => void
    ): Effect.Effect<A, E, R> => {
      const noted = Effect.matchCauseEffect(effect, {
        onSuccess: (a) => {
          waited += now() - asked
          onSuccess(a)
          return Effect.succeed(a)
        },
        onFailure: (cause) => {
          onFailure(cause)
          return Effect.failCause(cause)
        }
      })
      return Effect.suspend(() => {
        asked = now()
        return noted
      })
    }

    const hear = (event: SpeechEvent.SpeechEvent) => {
      if (event._tag === "AudioChunk") count(Duration.toSeconds(Pcm.duration(event.chunk)))
      if (event._tag !== "Completed") return
      isComplete = true
      if (event.requestId !== undefined) span.attribute("gen_ai.response.id", event.requestId)
    }

    const update = <Type, Out>(metric: Metric.Metric<Type, number, Out>, value: number) =>
      Metric.update(Metric.taggedWithLabels(metric, labels), value)

    const settle = Effect.gen(function*() {
      if (recorded !== undefined) span.attribute("speech.text", recorded)
      span.attribute("speech.characters", written)
      span.attribute("speech.audio.duration", sounded)
      span.attribute("speech.outcome", Option.isSome(failure) ? "failed" : isComplete ? "completed" : "stopped")
      const duration = Metric.tagged(SpeechTelemetry.operationDuration, "gen_ai.operation.name", "text_to_speech")
      yield* update(
        Option.match(failure, {
          onNone: () => duration,
          onSome: (cause) => Metric.tagged(duration, "error.type", causeType(cause))
        }),
        now() - opened
      )
      if (written > 0) yield* update(SpeechTelemetry.characters, written)
      if (sounded > 0) yield* update(SpeechTelemetry.audioDuration, sounded)
      if (firstAudio !== undefined) {
        span.attribute("speech.time_to_first_audio", firstAudio)
        if (isStream) span.attribute("gen_ai.response.time_to_first_chunk", firstAudio)
        yield* update(SpeechTelemetry.timeToFirstAudio, firstAudio)
      }
      if (Option.isSome(failure)) {
        const type = causeType(failure.value)
        span.attribute("error.type", type)
        yield* update(Metric.tagged(SpeechTelemetry.failures, "error.type", type), 1)
      } else if (sounded > 0 && !isGrowing) {
        yield* update(SpeechTelemetry.realTimeFactor, waited / sounded)
      }
      yield* Scope.close(own, Option.match(failure, { onNone: () => Exit.void, onSome: Exit.failCause }))
    })

    yield* Effect.addFinalizer(() => settle)

    return {
      span,
      describe: ({ engine, language, model, sampleRate, text, vendor, voice }) => {
        span.attribute("gen_ai.operation.name", "text_to_speech")
        span.attribute("gen_ai.output.type", "speech")
        span.attribute("gen_ai.request.stream", isStream)
        if (vendor !== undefined) span.attribute("gen_ai.provider.name", vendor)
        span.attribute("speech.engine", engine)
        labels.push(MetricLabel.make("speech.engine", engine))
        if (model !== undefined) {
          span.attribute("gen_ai.request.model", model)
          labels.push(modelLabel(model))
        }
        if (voice !== undefined) span.attribute("speech.voice", voice)
        if (language !== undefined) span.attribute("speech.language", language)
        if (sampleRate !== undefined) span.attribute("speech.sample_rate", sampleRate)
        if (text === undefined) {
          isGrowing = true
          begun = undefined
        } else {
          record(text)
        }
      },
      wrote: (text) => {
        record(text)
        if (text.trim() !== "") begun ??= now()
      },
      measure: (pull) =>
        timed(
          pull,
          (events) => {
            for (const event of events) hear(event)
          },
          (cause) => Option.map(Cause.flipCauseOption(cause), fail)
        ),
      prepare: (effect) => timed(effect, () => {}, fail),
      measureEffect: (effect, seconds) =>
        timed(
          effect,
          (a) => {
            isComplete = true
            count(seconds(a))
          },
          fail
        )
    }
  })

/**
 * A span around an effect, which records the `error.type` of its failure.
 *
 * @internal
 */
export const withSpan: {
  (
    name: string,
    options?: Tracer.SpanOptions
  ): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>>
  <A, E, R>(
    self: Effect.Effect<A, E, R>,
    name: string,
    options?: Tracer.SpanOptions
  ): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>>
} = /*#__PURE__*/ dual(
  (args) => Effect.isEffect(args[0]),
  <A, E, R>(self: Effect.Effect<A, E, R>, name: string, options?: Tracer.SpanOptions) =>
    Effect.useSpan(name, { captureStackTrace: false, ...options }, (span) =>
      self.pipe(
        Effect.tapErrorCause((cause) => noteFailure(span, cause)),
        Effect.withParentSpan(span)
      ))
)

/**
 * Tries again by a schedule, and reports every new attempt: as an event `speech.retry` of the current span, in the metrics, and in
 * the log at debug level.
 *
 * @internal
 */
export const retry = <A, E, R, Out>(
  self: Effect.Effect<A, E, R>,
  schedule: Schedule.Schedule<Out, E>,
  options: { readonly while?: ((error: E) => boolean) | undefined } = {}
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let failed: Option.Option<E> = Option.none()
    let attempts = 0

    const note = Effect.fnUntraced(function*(error: E) {
      const type = errorType(error)
      const span = yield* Effect.option(Effect.currentSpan)
      if (Option.isSome(span)) {
        span.value.event("speech.retry", yield* ClockNanos.nanos, { "error.type": type, attempt: attempts })
      }
      yield* Metric.update(Metric.tagged(SpeechTelemetry.retries, "error.type", type), 1)
      yield* Effect.logDebug("Speech failed before any sound and is asked for again").pipe(
        Effect.annotateLogs({
          package: "@effect-smallest/core",
          module: "SpeechTelemetry",
          attempt: attempts,
          error: String(error)
        })
      )
    })

    const attempt = Effect.suspend(() => {
      attempts++
      return Effect.zipRight(Option.match(failed, { onNone: () => Effect.void, onSome: note }), self)
    }).pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          failed = Option.some(error)
        })
      )
    )
    return Effect.retry(attempt, { schedule, while: options.while ?? (() => true) })
  })
