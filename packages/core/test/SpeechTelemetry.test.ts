import { Pcm, SpeechEngine, SpeechTelemetry } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Data, Duration, Effect, Fiber, Metric, Schedule, Stream, TestClock, type Tracer } from "effect"

class Refused extends Data.TaggedError("Refused")<{}> {}

/** What a jittered delay leaves on a `TestClock`: no whole number of nanoseconds. */
const fraction = Duration.millis(500 + 1 / 3)

describe("SpeechTelemetry", () => {
  it.effect("retry - tells each new attempt as an event of the span and in the metrics", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust(fraction)
      const counter = Metric.tagged(SpeechTelemetry.retries, "error.type", "Refused")
      const before = (yield* Metric.value(counter)).count
      let attempts = 0
      const twice = Effect.suspend(() => ++attempts < 3 ? Effect.fail(new Refused()) : Effect.orDie(Effect.currentSpan))
      const span = yield* SpeechEngine.retry(twice, Schedule.recurs(3)).pipe(SpeechEngine.withSpan("test"))
      const events = "events" in span ? span.events : undefined
      assert.deepStrictEqual(
        Array.isArray(events) ? events.map(([name, , attributes]) => [name, attributes]) : events,
        [
          ["speech.retry", { "error.type": "Refused", attempt: 2 }],
          ["speech.retry", { "error.type": "Refused", attempt: 3 }]
        ]
      )
      assert.strictEqual((yield* Metric.value(counter)).count - before, 2)
    }))

  it.effect("an operation - follows the GenAI conventions as far as they go", () =>
    Effect.gen(function*() {
      const duration = SpeechTelemetry.operationDuration.pipe(
        Metric.tagged("gen_ai.operation.name", "text_to_speech"),
        Metric.tagged("speech.operation", "SpeechSynthesizer.events"),
        Metric.tagged("speech.engine", "GenAiEngine")
      )
      const spans: Array<Tracer.AnySpan> = []
      const { stream } = SpeechEngine.make({
        module: "GenAiEngine",
        vendor: "a_vendor",
        defaults: { sampleRate: 8000 },
        sampleRates: [8000],
        events: ({ text }) =>
          Stream.unwrap(Effect.map(Effect.orDie(Effect.currentSpan), (span) => {
            spans.push(span)
            return SpeechEngine.fromPcm({
              text,
              pcm: Stream.fromEffect(
                Effect.delay(Effect.succeed(Pcm.silence(Pcm.format(8000), "1 second")), "2 seconds")
              )
            })
          }))
      })
      const fiber = yield* Effect.fork(Stream.runDrain(stream({ text: "Hello." })))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      const [span] = spans
      const attributes = span?._tag === "Span" ? span.attributes : new Map<string, unknown>()
      assert.strictEqual(attributes.get("gen_ai.provider.name"), "a_vendor")
      assert.strictEqual(attributes.get("gen_ai.request.stream"), true)
      assert.strictEqual(attributes.get("gen_ai.response.time_to_first_chunk"), 2)
      const { count, max } = yield* Metric.value(duration)
      assert.deepStrictEqual([count, max], [1, 2])
    }))

  it.effect("withSpan - tells the type of a failure, and nothing of an interruption", () =>
    Effect.gen(function*() {
      const spans: Array<Tracer.AnySpan> = []
      const note = Effect.map(Effect.orDie(Effect.currentSpan), (span) => void spans.push(span))
      yield* Effect.exit(Effect.zipRight(note, Effect.fail(new Refused())).pipe(SpeechEngine.withSpan("failed")))
      const fiber = yield* Effect.fork(Effect.zipRight(note, Effect.never).pipe(SpeechEngine.withSpan("left")))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(
        spans.map((span) => span._tag === "Span" ? [span.name, span.attributes.get("error.type")] : []),
        [["failed", "Refused"], ["left", undefined]]
      )
    }))
})
