/**
 * What operators see of speech: metrics, and whether spans may hold the text.
 *
 * Every public operation has a span, and every engine feeds these metrics, whichever layer is in place. They reach a backend
 * through `@effect/opentelemetry`; a program without it pays next to nothing. An operation on growing text contains operations on
 * its segments, so sum over one `speech.operation` and not over all. Names, units and attributes are listed in
 * `docs/observability.md`. Keys are in none of them; texts are only where {@link RecordText} says so.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import * as Pcm from "./Pcm.js"
import type * as SpeechEvent from "./SpeechEvent.js"

/**
 * Whether spans hold the text that is spoken, as the attribute `speech.text`. It is what a user wrote, or what a model wrote to
 * a user: ask them first.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer, SpeechTelemetry } from "@effect-smallest/core"
 * import { Effect } from "effect"
 *
 * const program = SpeechSynthesizer.synthesize({ text: "Recorded for the quality of the service." }).pipe(
 *   Effect.provideService(SpeechTelemetry.RecordText, true)
 * )
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class RecordText extends Context.Reference<RecordText>()("@effect-smallest/core/SpeechTelemetry/RecordText", {
  defaultValue: () => false
}) {}

const latencies = MetricBoundaries.fromIterable([0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 30])

/**
 * `speech.time_to_first_audio`, in seconds: from asking for finished text to its first sample, and for growing text from its
 * first word to the first sample. Tagged with `speech.operation`, `speech.engine` and `speech.model`.
 *
 * @since 0.1.0
 * @category constants
 */
export const timeToFirstAudio: Metric.Metric.Histogram<number> = Metric.tagged(
  Metric.histogram("speech.time_to_first_audio", latencies, "Time until the first sample"),
  "unit",
  "s"
)

/**
 * `speech.real_time_factor`: how long the audio of finished text was waited for, over how long it sounds. Below 1 an engine keeps
 * up with its listener. Tagged like {@link timeToFirstAudio}.
 *
 * @since 0.1.0
 * @category constants
 */
export const realTimeFactor: Metric.Metric.Histogram<number> = Metric.histogram(
  "speech.real_time_factor",
  MetricBoundaries.fromIterable([0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 5]),
  "Time waited for audio over its duration"
)

/**
 * `speech.segment.latency`, in seconds: from knowing a segment of growing text to having its first sample, with all its retries
 * and its wait for a permit.
 *
 * @since 0.1.0
 * @category constants
 */
export const segmentLatency: Metric.Metric.Histogram<number> = Metric.tagged(
  Metric.histogram("speech.segment.latency", latencies, "Time from a segment's text to its first sample"),
  "unit",
  "s"
)

/**
 * `speech.characters`: how much text was sent to engines, in UTF-16 code units. Tagged like {@link timeToFirstAudio}.
 *
 * @since 0.1.0
 * @category constants
 */
export const characters: Metric.Metric.Counter<number> = Metric.counter("speech.characters", {
  description: "Characters of text spoken",
  incremental: true
})

/**
 * `speech.audio.duration`, in seconds: how much audio engines made. Tagged like {@link timeToFirstAudio}.
 *
 * @since 0.1.0
 * @category constants
 */
export const audioDuration: Metric.Metric.Counter<number> = Metric.tagged(
  Metric.counter("speech.audio.duration", { description: "Audio made", incremental: true }),
  "unit",
  "s"
)

/**
 * `speech.failures`: operations that failed, tagged like {@link timeToFirstAudio} and with `error.type`, the error's `_tag`. One that
 * is tried again fails each time.
 *
 * @since 0.1.0
 * @category constants
 */
export const failures: Metric.Metric.Counter<number> = Metric.counter("speech.failures", {
  description: "Operations that failed",
  incremental: true
})

/**
 * `speech.retries`: attempts after a failure, tagged with its `error.type`.
 *
 * @since 0.1.0
 * @category constants
 */
export const retries: Metric.Metric.Counter<number> = Metric.counter("speech.retries", {
  description: "Attempts after a failure",
  incremental: true
})

/**
 * `speech.permits.in_use`: requests that run now against the limits of all accounts in this process.
 *
 * @since 0.1.0
 * @category constants
 */
export const permitsInUse: Metric.Metric.Gauge<number> = Metric.gauge("speech.permits.in_use", {
  description: "Permits of the accounts that are held"
})

/**
 * `audio.player.underruns`: how often a player ran dry in mid-stream, tagged with `audio.player`.
 *
 * @since 0.1.0
 * @category constants
 */
export const underruns: Metric.Metric.Counter<number> = Metric.counter("audio.player.underruns", {
  description: "Gaps in what was heard",
  incremental: true
})

// ----------------------------------------------------------------------------------------------------------------
// operations
// ----------------------------------------------------------------------------------------------------------------

/**
 * What an operation is asked to do.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  readonly engine: string
  readonly model?: string | undefined
  readonly voice?: string | undefined
  readonly language?: string | undefined
  /** The text, where it is finished. Of growing text, {@link Operation.wrote} tells. */
  readonly text?: string | undefined
}

/**
 * The span of one operation and what it adds to the metrics when its scope closes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Operation {
  readonly span: Tracer.Span
  /** Tells the span and the metrics what is asked for. */
  readonly describe: (request: Request) => void
  /** Takes note of growing text; its first word starts the clock. */
  readonly wrote: (text: string) => void
  /** Takes note of the audio that a pull brings, and of its failure. */
  readonly measure: <E, R>(
    pull: Effect.Effect<Chunk.Chunk<SpeechEvent.SpeechEvent>, Option.Option<E>, R>
  ) => Effect.Effect<Chunk.Chunk<SpeechEvent.SpeechEvent>, Option.Option<E>, R>
  /** Takes note of an effect's failure, and of the seconds of audio in what it gives. */
  readonly measureEffect: <A, E, R>(effect: Effect.Effect<A, E, R>, seconds: (a: A) => number) => Effect.Effect<A, E, R>
}

const errorType = (error: unknown): string =>
  Predicate.hasProperty(error, "_tag") && Predicate.isString(error._tag) ? error._tag : "Unknown"

const nanosPerSecond = 1e9

/**
 * Begins an operation, for those who implement engines and streams of speech. Its span ends and its metrics are told when the
 * scope closes; interruption is not a failure.
 *
 * @since 0.1.0
 * @category constructors
 */
export const operation = (name: string): Effect.Effect<Operation, never, Scope.Scope> =>
  Effect.gen(function*() {
    const span = yield* Effect.makeSpanScoped(name, { captureStackTrace: false })
    const clock = yield* Effect.clock
    const now = () => Number(clock.unsafeCurrentTimeNanos()) / nanosPerSecond
    const labels: Array<MetricLabel.MetricLabel> = [MetricLabel.make("speech.operation", name)]
    let begun: number | undefined = now()
    let isGrowing = false
    let written = 0
    let sounded = 0 // seconds
    let waited = 0
    let firstAudio: number | undefined
    let failure: Option.Option<unknown> = Option.none()
    const recorded: Array<string> | undefined = (yield* RecordText) ? [] : undefined

    const count = (seconds: number) => {
      if (seconds <= 0) return
      sounded += seconds
      firstAudio ??= begun === undefined ? undefined : now() - begun
    }

    const timed = <A, E, R>(effect: Effect.Effect<A, E, R>, tally: (a: A) => void): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        const start = now()
        return Effect.map(effect, (a) => {
          waited += now() - start
          tally(a)
          return a
        })
      })

    const note = (cause: Cause.Cause<unknown>) =>
      Effect.sync(() => {
        if (Cause.isInterruptedOnly(cause)) return
        const error = Cause.squash(cause)
        if (!Option.isOption(error)) failure = Option.some(error)
        else if (Option.isSome(error)) failure = error
      })

    const tell = <Type, Out>(metric: Metric.Metric<Type, number, Out>, value: number) =>
      Metric.update(Metric.taggedWithLabels(metric, labels), value)

    const settle = Effect.gen(function*() {
      if (recorded !== undefined) span.attribute("speech.text", recorded.join(""))
      span.attribute("speech.characters", written)
      span.attribute("speech.audio.duration", sounded)
      if (written > 0) yield* tell(characters, written)
      if (sounded > 0) yield* tell(audioDuration, sounded)
      if (firstAudio !== undefined) {
        span.attribute("speech.time_to_first_audio", firstAudio)
        yield* tell(timeToFirstAudio, firstAudio)
      }
      if (Option.isSome(failure)) {
        const type = errorType(failure.value)
        span.attribute("error.type", type)
        yield* tell(Metric.tagged(failures, "error.type", type), 1)
      } else if (sounded > 0 && !isGrowing) {
        yield* tell(realTimeFactor, waited / sounded)
      }
    })

    yield* Effect.addFinalizer(() => settle)

    return {
      span,
      describe: ({ engine, language, model, text, voice }) => {
        span.attribute("speech.engine", engine)
        labels.push(MetricLabel.make("speech.engine", engine))
        if (model !== undefined) {
          span.attribute("speech.model", model)
          labels.push(MetricLabel.make("speech.model", model))
        }
        if (voice !== undefined) span.attribute("speech.voice", voice)
        if (language !== undefined) span.attribute("speech.language", language)
        if (text === undefined) {
          isGrowing = true
          begun = undefined
        } else {
          written = text.length
          recorded?.push(text)
        }
      },
      wrote: (text) => {
        written += text.length
        recorded?.push(text)
        if (text.trim() !== "") begun ??= now()
      },
      measure: (pull) =>
        Effect.tapErrorCause(
          timed(pull, (events) => {
            for (const event of events) {
              if (event._tag === "AudioChunk") count(Duration.toSeconds(Pcm.duration(event.chunk)))
            }
          }),
          note
        ),
      measureEffect: (effect, seconds) => Effect.tapErrorCause(timed(effect, (a) => count(seconds(a))), note)
    }
  })

/**
 * Tries again by a schedule, and counts and logs every new attempt.
 *
 * @since 0.1.0
 * @category combinators
 */
export const retry = <A, E, R, Out>(
  self: Effect.Effect<A, E, R>,
  schedule: Schedule.Schedule<Out, E>,
  options: { readonly while?: ((error: E) => boolean) | undefined } = {}
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let failed: Option.Option<E> = Option.none()
    const told = Effect.suspend(() =>
      Option.match(failed, {
        onNone: () => Effect.void,
        onSome: (error) =>
          Effect.zipRight(
            Metric.update(Metric.tagged(retries, "error.type", errorType(error)), 1),
            Effect.logDebug("Speech failed before any sound and is asked for again").pipe(
              Effect.annotateLogs({ package: "@effect-smallest/core", module: "SpeechTelemetry", error: String(error) })
            )
          )
      })
    )
    const attempt = Effect.tapError(Effect.zipRight(told, self), (error) =>
      Effect.sync(() => {
        failed = Option.some(error)
      }))
    return Effect.retry(attempt, { schedule, while: options.while ?? (() => true) })
  })
