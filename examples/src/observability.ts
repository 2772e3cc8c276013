/** What operators see of speech, printed as it is exported: spans and metrics of a growing text, offline. */
import { AudioPlayer } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { SpeechStream } from "@effect-smallest/stream"
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { NodeRuntime } from "@effect/platform-node"
import { ConsoleMetricExporter, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics"
import { ConsoleSpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Effect, Layer, Redacted, Stream } from "effect"
import { fileURLToPath } from "node:url"

/** An application: a model's reply is spoken while it is written. */
export const application = SpeechStream.fromText(Stream.make("Speech is a ", "stream. So are ", "its spans.")).pipe(
  AudioPlayer.play,
  Effect.withSpan("application")
)

/** The cloud's client, speaking to the emulator, so that this needs no key. */
export const Speech = Layer.unwrapEffect(
  Effect.map(
    WavesEmulator.WavesEmulator,
    ({ url }) => NodeSpeech.layerWaves({ apiKey: Redacted.make("sk_test"), baseUrl: url })
  )
).pipe(
  // A server has no loudspeaker.
  Layer.merge(AudioPlayer.layerNoop),
  Layer.provide(WavesEmulator.layer({ engine: "tone" }))
)

/** In production, exporters of OTLP take the place of these two. */
const Telemetry = NodeSdk.layer(() => ({
  resource: { serviceName: "speaker" },
  spanProcessor: new SimpleSpanProcessor(new ConsoleSpanExporter()),
  metricReader: new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter() })
}))

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  NodeRuntime.runMain(Effect.provide(application, Layer.provideMerge(Speech, Telemetry)))
}
