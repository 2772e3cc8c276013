import { SpeechError } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { SpeechStream } from "@effect-smallest/stream"
import { TestSpeechSynthesizer } from "@effect-smallest/testing"
import { SpeechStreamSuite } from "@effect-smallest/testing/suites"
import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { Effect, Layer, Redacted, Schedule } from "effect"
import { httpClients } from "../src/Cloud.js"

// The pauses between retries are tested elsewhere, on a test clock.
const retry = Schedule.intersect(Schedule.spaced("20 millis"), Schedule.recurs(3))

const isRunning = (request: TestSpeechSynthesizer.RecordedRequest) =>
  request.status === "waiting" || request.status === "speaking"

const testProbe: SpeechStreamSuite.Probe<TestSpeechSynthesizer.TestSpeechSynthesizer> = {
  requests: Effect.map(TestSpeechSynthesizer.requests, (requests) => requests.length),
  running: Effect.map(TestSpeechSynthesizer.requests, (requests) => requests.filter(isRunning).length),
  failNext: (times) =>
    TestSpeechSynthesizer.enqueue(...Array.from({ length: times }, () => ({
      error: new SpeechError.RateLimited({ module: "Test", method: "events", description: "Too many requests" })
    })))
}

for (const prefetch of [0, 1, 4]) {
  SpeechStreamSuite.suite(
    `SpeechStream.layerSegmented over TestSpeechSynthesizer, prefetch ${prefetch}`,
    SpeechStream.layerSegmented({ prefetch, retry }).pipe(
      Layer.provideMerge(TestSpeechSynthesizer.layer({ firstAudioDelay: "30 millis", chunkDelay: "2 millis" }))
    ),
    { wordTimestamps: true, probe: testProbe }
  )
}

SpeechStreamSuite.suite(
  "SpeechStream.layerSegmented over LocalSpeechSynthesizer",
  SpeechStream.layerSegmented().pipe(Layer.provide(LocalSpeechSynthesizer.layerNode())),
  { wordTimestamps: true }
)

const speechRoute = "/waves/v1/tts/live"

const emulatorRequests = Effect.map(
  Effect.flatMap(WavesEmulator.WavesEmulator, (emulator) => emulator.requests),
  (requests) => requests.filter((request) => request.path === speechRoute)
)

// The server's own view: a request that the client gave up counts as running until the server saw it.
const emulatorProbe: SpeechStreamSuite.Probe<WavesEmulator.WavesEmulator> = {
  requests: Effect.map(emulatorRequests, (requests) => requests.length),
  running: Effect.map(emulatorRequests, (requests) => requests.filter(({ outcome }) => outcome === "open").length),
  failNext: (times) =>
    Effect.flatMap(
      WavesEmulator.WavesEmulator,
      (emulator) => emulator.inject({ faults: [{ _tag: "Status", status: 500 }], path: speechRoute, times })
    )
}

for (const [name, http] of httpClients) {
  for (const concurrency of [1, 3]) {
    const client = Layer.unwrapEffect(
      Effect.map(
        WavesEmulator.WavesEmulator,
        ({ url }) => WavesClient.layer({ apiKey: Redacted.make("sk_test"), baseUrl: url, concurrency })
      )
    )
    SpeechStreamSuite.suite(
      `SpeechStream.layerSegmented over WavesSpeechSynthesizer, ${name}, ${concurrency} at once`,
      SpeechStream.layerSegmented({ retry, prefetch: concurrency }).pipe(
        Layer.provide(WavesSpeechSynthesizer.layer()),
        Layer.provide(client),
        Layer.provide(http),
        // The emulator refuses what the account may not.
        Layer.provideMerge(WavesEmulator.layer({ engine: "tone", concurrency }))
      ),
      { probe: emulatorProbe, interruptionLimit: "100 millis" }
    )
  }
}
