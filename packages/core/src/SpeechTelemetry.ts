/**
 * What operators see of speech: metrics, and whether spans may hold the text.
 *
 * Every public operation has a span, and every engine feeds these metrics, whichever layer is in place. They reach a backend
 * through `@effect/opentelemetry`; a program without it pays next to nothing. An operation on growing text contains operations on
 * its segments, so sum over one `speech.operation` and not over all. Names, units and attributes are listed in
 * `docs/observability.md`. Keys are in none of them; texts are recorded only if {@link RecordText} says so.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

/**
 * Whether spans hold the text that is spoken, up to 8000 characters of it, as the attribute `speech.text`. It is what a user
 * wrote, or what a model wrote to a user: ask them first.
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
 * first word to the first sample. Tagged with `speech.operation`, `speech.engine` and `gen_ai.request.model`.
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
 * `gen_ai.client.operation.duration`, in seconds: how long an operation took, listeners' pauses included. The name and the boundaries are
 * those of OpenTelemetry's GenAI conventions, which are in development and have no speech operation: `text_to_speech` is a proposal.
 * Tagged like {@link timeToFirstAudio}, with `gen_ai.operation.name`, and with `error.type` if it failed.
 *
 * @since 0.2.0
 * @category constants
 */
export const operationDuration: Metric.Metric.Histogram<number> = Metric.tagged(
  Metric.histogram(
    "gen_ai.client.operation.duration",
    MetricBoundaries.fromIterable([
      0.01,
      0.02,
      0.04,
      0.08,
      0.16,
      0.32,
      0.64,
      1.28,
      2.56,
      5.12,
      10.24,
      20.48,
      40.96,
      81.92
    ]),
    "Duration of an operation"
  ),
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
 * and its wait for a permit. Tagged with `gen_ai.request.model`.
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
 * `speech.characters`: how much text has been sent to engines, in UTF-16 code units. Tagged like {@link timeToFirstAudio}.
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

/**
 * How a cache answered.
 *
 * - `hit`: the audio was there
 * - `miss`: the engine was asked
 * - `shared`: the engine was being asked the same, and both heard it
 *
 * @since 0.2.0
 * @category models
 */
export type CacheResult = "hit" | "miss" | "shared"

/**
 * `speech.cache.requests`: requests to `SpeechSynthesizer.layerCached`, tagged with `speech.cache.result`, a {@link CacheResult}.
 *
 * @since 0.2.0
 * @category constants
 */
export const cacheRequests: Metric.Metric.Counter<number> = Metric.counter("speech.cache.requests", {
  description: "Requests to a cache of speech",
  incremental: true
})
