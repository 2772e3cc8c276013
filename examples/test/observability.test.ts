import { SpeechSynthesizer, SpeechTelemetry } from "@effect-smallest/core"
import { SpeechStream } from "@effect-smallest/stream"
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { assert, describe, it } from "@effect/vitest"
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader
} from "@opentelemetry/sdk-metrics"
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Effect, Stream } from "effect"
import { inspect } from "node:util"
import { application, Speech } from "../src/observability.js"

/** Runs a program with real exporters, and gives what they exported. */
const exported = <A, E>(
  program: Effect.Effect<A, E, Effect.Effect.Context<typeof application> | SpeechSynthesizer.SpeechSynthesizer>
) =>
  Effect.gen(function*() {
    const spanExporter = new InMemorySpanExporter()
    const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const metricReader = new PeriodicExportingMetricReader({
      exporter: metricExporter,
      exportIntervalMillis: 3_600_000
    })
    const spans: Array<ReadableSpan> = []
    yield* program.pipe(
      Effect.provide(Speech),
      Effect.exit,
      Effect.zipLeft(Effect.promise(async () => {
        spans.push(...spanExporter.getFinishedSpans())
        await metricReader.forceFlush()
      })),
      Effect.provide(NodeSdk.layer(() => ({
        resource: { serviceName: "test" },
        spanProcessor: new SimpleSpanProcessor(spanExporter),
        metricReader
      })))
    )
    const metrics = metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics).flatMap(({ metrics }) =>
      metrics
    )
    const named = (name: string) => spans.filter((span) => span.name === name)
    const parentOf = (span: ReadableSpan) =>
      spans.find((other) => other.spanContext().spanId === span.parentSpanContext?.spanId)
    return { metrics, named, parentOf, spans }
  })

const pathOf = (parentOf: (span: ReadableSpan) => ReadableSpan | undefined, span: ReadableSpan): string => {
  const parent = parentOf(span)
  return parent === undefined ? span.name : `${pathOf(parentOf, parent)} > ${span.name}`
}

describe("docs/observability.md", () => {
  it.live("a growing text - its spans hang together and say what was spoken", () =>
    Effect.gen(function*() {
      const { named, parentOf, spans } = yield* exported(application)
      const requests = named("WavesClient.stream")
      assert.deepStrictEqual(requests.map((span) => pathOf(parentOf, span)), [
        "application > AudioPlayer.play > SpeechStream.events > SpeechStream.segment > SpeechSynthesizer.events > WavesClient.stream",
        "application > AudioPlayer.play > SpeechStream.events > SpeechStream.segment > SpeechSynthesizer.events > WavesClient.stream"
      ])
      for (const span of requests) {
        assert.strictEqual(span.attributes["http.response.status_code"], 200)
        assert.match(String(span.attributes["gen_ai.response.id"]), /\S/)
      }
      const [whole] = named("SpeechStream.events")
      assert.strictEqual(whole?.attributes["speech.engine"], "layerSegmented")
      assert.strictEqual(whole?.attributes["gen_ai.request.model"], "lightning_v3.1_pro")
      assert.strictEqual(whole?.attributes["speech.voice"], "meher")
      assert.strictEqual(whole?.attributes["speech.outcome"], "completed")
      assert.strictEqual(whole?.attributes["speech.characters"], "Speech is a stream. So are its spans.".length)
      assert.isAbove(Number(whole?.attributes["speech.audio.duration"]), 1)
      assert.isAbove(Number(whole?.attributes["speech.time_to_first_audio"]), 0)
      const [playback] = named("AudioPlayer.play")
      assert.strictEqual(playback?.attributes["audio.player"], "none")
      assert.closeTo(
        Number(playback?.attributes["audio.duration"]),
        Number(whole?.attributes["speech.audio.duration"]),
        0.001
      )
      // Neither the text nor the key, whatever is looked at.
      const everything = inspect(spans, { depth: 8, maxArrayLength: null, maxStringLength: null, showHidden: true })
      assert.notInclude(everything, "its spans")
      assert.notInclude(everything, "sk_test")
    }))

  it.live("metrics - are exported with their units and labels", () =>
    Effect.gen(function*() {
      const { metrics } = yield* exported(application)
      const units = Object.fromEntries(metrics.map(({ descriptor }) => [descriptor.name, descriptor.unit]))
      assert.include(units, {
        "speech.time_to_first_audio": "s",
        "speech.real_time_factor": "1",
        "speech.segment.latency": "s",
        "speech.characters": "1",
        "speech.audio.duration": "s",
        "speech.permits.in_use": "1",
        "audio.player.underruns": "1"
      })
      const labels = metrics
        .filter(({ descriptor }) => descriptor.name === "speech.time_to_first_audio")
        .filter(({ dataPointType }) => dataPointType === DataPointType.HISTOGRAM)
        .flatMap(({ dataPoints }) => dataPoints.map(({ attributes }) => attributes["speech.operation"]))
      assert.includeMembers(labels, ["SpeechStream.events", "SpeechSynthesizer.events"])
      const permits = metrics.find(({ descriptor }) => descriptor.name === "speech.permits.in_use")
      assert.deepStrictEqual(permits?.dataPoints.map(({ value }) => value), [0])
    }))

  it.live("a failure - is an error of the span, told by its type", () =>
    Effect.gen(function*() {
      const { metrics, named } = yield* exported(
        SpeechSynthesizer.synthesize({ text: "Hello.", voice: "nobody" })
      )
      const [span] = named("SpeechSynthesizer.synthesize")
      assert.strictEqual(span?.attributes["error.type"], "UnknownVoice")
      assert.strictEqual(span?.attributes["speech.outcome"], "failed")
      assert.strictEqual(span?.status.code, 2)
      const failures = metrics.find(({ descriptor }) => descriptor.name === "speech.failures")
      assert.includeMembers(failures?.dataPoints.map(({ attributes }) => attributes["error.type"]) ?? [], [
        "UnknownVoice"
      ])
    }))

  it.live("a listener who leaves - is no failure", () =>
    Effect.gen(function*() {
      const { named } = yield* exported(
        SpeechStream.fromText("A first sentence. And another.").pipe(Stream.take(1), Stream.runDrain)
      )
      const [span] = named("SpeechStream.events")
      assert.isUndefined(span?.attributes["error.type"])
      assert.strictEqual(span?.attributes["speech.outcome"], "stopped")
      assert.notStrictEqual(span?.status.code, 2)
    }))

  it.live("RecordText - lets spans hold the text", () =>
    Effect.gen(function*() {
      const { named } = yield* exported(Effect.provideService(application, SpeechTelemetry.RecordText, true))
      assert.deepStrictEqual(
        // The emulator has an engine of its own.
        named("SpeechSynthesizer.events")
          .filter(({ attributes }) => attributes["speech.engine"] === "WavesSpeechSynthesizer")
          .map(({ attributes }) => attributes["speech.text"]),
        ["Speech is a stream. ", "So are its spans."]
      )
      assert.strictEqual(
        named("SpeechStream.events")[0]?.attributes["speech.text"],
        "Speech is a stream. So are its spans."
      )
    }))
})
