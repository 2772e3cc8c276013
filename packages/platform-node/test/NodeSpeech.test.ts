import { AudioFile, SpeechSynthesizer, Wav } from "@effect-smallest/core"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { LightningV1SpeechSynthesizer, WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { assert, describe, it } from "@effect/vitest"
import {
  Config,
  ConfigProvider,
  Context,
  Duration,
  Effect,
  Either,
  Layer,
  Logger,
  LogLevel,
  Redacted,
  Schedule,
  type Scope
} from "effect"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createConnection, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { answerBytes, answerError, answerEvents, server, tone } from "./server.js"

const apiKey = Redacted.make("sk_of_the_tests")

const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "node-speech-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const withEnvironment = (variables: Record<string, string>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

describe("NodeSpeech", () => {
  it.scopedLive("layerWaves - speaks through the API of today into a file", () =>
    Effect.gen(function*() {
      const pcm = tone(0.5)
      const { requests, url } = yield* server(answerEvents(pcm))
      const name = join(yield* folder, "hello.wav")
      const report = yield* AudioFile.save(name, SpeechSynthesizer.stream({ text: "Hello." })).pipe(
        Effect.provide(NodeSpeech.layerWaves({ apiKey, baseUrl: url, voice: "sophie", speed: 1.25 }))
      )
      assert.strictEqual(Duration.toMillis(report.duration), 500)
      const audio = Either.getOrThrow(Wav.decode(readFileSync(name)))
      assert.deepStrictEqual(Buffer.from(audio.bytes), Buffer.from(pcm))
      assert.strictEqual(requests.length, 1)
      const [request] = requests
      assert.strictEqual(request?.url, "/waves/v1/tts/live")
      assert.strictEqual(request?.headers.authorization, "Bearer sk_of_the_tests")
      assert.strictEqual(request?.headers["traceparent"], undefined)
      assert.deepInclude(request?.body, { text: "Hello.", voice_id: "sophie", speed: 1.25, sample_rate: 24000 })
    }))

  it.scopedLive("layerWaves - the key is not among the options that the engine tells", () =>
    Effect.gen(function*() {
      const { defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
      assert.deepStrictEqual(defaults, { model: "lightning_v3.1_pro", voice: "meher", speed: 1, sampleRate: 24000 })
    }).pipe(Effect.provide(NodeSpeech.layerWaves({ apiKey, concurrency: 2, timeouts: {}, retry: { maxRetries: 1 } }))))

  it.scopedLive("layerWaves - retries single requests unless told not to", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* server((response, request, index) =>
        index % 2 === 0
          ? answerError(503, "busy")(response, request, index)
          : answerBytes(tone(0.1))(response, request, index)
      )
      const speak = SpeechSynthesizer.synthesize({ text: "Hello." })
      const audio = yield* speak.pipe(
        Effect.provide(NodeSpeech.layerWaves({ apiKey, baseUrl: url, retry: { baseDelay: "1 millis" } }))
      )
      assert.strictEqual(Duration.toMillis(audio.duration), 100)
      assert.strictEqual(requests.length, 2)
      const failed = yield* Effect.flip(speak).pipe(
        Effect.provide(NodeSpeech.layerWaves({ apiKey, baseUrl: url, retry: false }))
      )
      assert.strictEqual(failed._tag, "ServerFailure")
      assert.strictEqual(requests.length, 3)
    }))

  it.scopedLive("layerWaves - the client is there for what the port does not have, on the same permits", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* server(answerBytes(tone(0.1)))
      yield* Effect.gen(function*() {
        const client = yield* WavesClient.WavesClient
        yield* client.synthesize({ text: "Hello.", voice_id: "meher" })
        yield* SpeechSynthesizer.synthesize({ text: "Hello." })
      }).pipe(Effect.provide(NodeSpeech.layerWaves({ apiKey, baseUrl: url })))
      assert.deepStrictEqual(requests.map(({ url }) => url), ["/waves/v1/tts", "/waves/v1/tts"])
    }))

  it.scopedLive("layerWaves - connections end with the layer", () =>
    Effect.gen(function*() {
      const { connections, url } = yield* server(answerBytes(tone(0.1)))
      yield* Effect.gen(function*() {
        yield* SpeechSynthesizer.synthesize({ text: "Hello." })
        assert.strictEqual(yield* connections, 1)
      }).pipe(Effect.provide(NodeSpeech.layerWaves({ apiKey, baseUrl: url })))
      // The server learns of it a moment later.
      yield* connections.pipe(
        Effect.repeat({ until: (count) => count === 0, schedule: Schedule.spaced("5 millis") }),
        Effect.timeout("5 seconds")
      )
    }))

  it.scopedLive("layerWaves - a connection that is not accepted is a timeout of the phase connect", () =>
    Effect.gen(function*() {
      const url = yield* deafServer
      const speech = NodeSpeech.layerWaves({
        apiKey,
        baseUrl: url,
        retry: false,
        timeouts: { connect: "200 millis", firstAudio: "20 seconds" }
      })
      // Whole audio has no limit of its own on the connection: it is the one of the dispatcher.
      const [elapsed, error] = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: "Hello." })).pipe(
        Effect.timed,
        Effect.provide(speech)
      )
      assert.isTrue(error._tag === "SpeechTimeout" && error.phase === "connect", String(error))
      assert.strictEqual(error._tag === "SpeechTimeout" && Duration.toMillis(error.after), 200)
      // Undici would wait for 10 seconds by itself.
      assert.isBelow(Duration.toSeconds(elapsed), 5)
    }))

  it.scopedLive("layerWavesConfig - takes key and base URL from the environment, and options win", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* server(answerBytes(tone(0.1)))
      const environment = { SMALLEST_API_KEY: " sk_of_the_environment\n", SMALLEST_BASE_URL: url }
      const speak = SpeechSynthesizer.synthesize({ text: "Hello." })
      yield* speak.pipe(Effect.provide(NodeSpeech.layerWavesConfig()), withEnvironment(environment))
      yield* speak.pipe(
        Effect.provide(NodeSpeech.layerWavesConfig({ baseUrl: Config.succeed(url), voice: Config.succeed("sophie") })),
        withEnvironment({ ...environment, SMALLEST_BASE_URL: "http://127.0.0.1:1" })
      )
      assert.deepStrictEqual(requests.map(({ headers }) => headers.authorization), [
        "Bearer sk_of_the_environment",
        "Bearer sk_of_the_environment"
      ])
      assert.deepStrictEqual(requests.map(({ body }) => body["voice_id"]), ["meher", "sophie"])
    }))

  it.scopedLive("layerWavesConfig, layerLightningV1Config - without a key the error says what to do", () =>
    Effect.forEach(
      [NodeSpeech.layerWavesConfig(), NodeSpeech.layerLightningV1Config()],
      (speech) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(Layer.build(speech)).pipe(withEnvironment({ SMALLEST_API_KEY: "" }))
          assert.match(error.message, /SMALLEST_API_KEY/)
          assert.match(error.message, /set /)
        })
    ))

  it.scopedLive("layerLightningV1Config - speaks through the API of 2024", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* server(answerBytes(tone(0.2)))
      const audio = yield* SpeechSynthesizer.synthesize({ text: "Hello." }).pipe(
        Effect.provide(NodeSpeech.layerLightningV1Config({ voice: Config.succeed("jasmine") })),
        withEnvironment({ SMALLEST_API_KEY: "sk_of_the_tests", SMALLEST_BASE_URL: url })
      )
      assert.strictEqual(Duration.toMillis(audio.duration), 200)
      assert.strictEqual(requests[0]?.url, "/api/v1/lightning/get_speech")
      assert.strictEqual(requests[0]?.body["voice_id"], "jasmine")
    }))

  it.scopedLive("layer - gives HTTP and files to any engine, and asks for what else it needs", () =>
    Effect.gen(function*() {
      class Settings extends Context.Tag("Settings")<Settings, { readonly url: string }>() {}
      const { requests, url } = yield* server(answerEvents(tone(0.1)))
      const client = Layer.unwrapEffect(
        Effect.map(Settings, (settings) => WavesClient.layer({ apiKey, baseUrl: settings.url }))
      )
      // The types are half of this test: the layer still needs Settings, and nothing else.
      const speech: Layer.Layer<
        SpeechSynthesizer.SpeechSynthesizer | AudioFile.AudioFile | WavesClient.WavesClient,
        never,
        Settings
      > = NodeSpeech.layer(Layer.provideMerge(WavesSpeechSynthesizer.layer(), client))
      const directory = yield* folder
      yield* AudioFile.save(join(directory, "a.wav"), SpeechSynthesizer.stream({ text: "Hello." })).pipe(
        Effect.provide(speech),
        Effect.provideService(Settings, { url })
      )
      assert.deepStrictEqual(readdirSync(directory), ["a.wav"])
      assert.strictEqual(requests.length, 1)
    }))

  it.scopedLive("layer - two engines over one client", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* server((response, request, index) =>
        request.url.endsWith("/live")
          ? answerError(410, "gone")(response, request, index)
          : answerBytes(tone(0.1))(response, request, index)
      )
      const engines = SpeechSynthesizer.layerFallback([
        WavesSpeechSynthesizer.layer(),
        LightningV1SpeechSynthesizer.layer()
      ])
      const speech = NodeSpeech.layer(Layer.provide(engines, WavesClient.layer({ apiKey, baseUrl: url })))
      const name = join(yield* folder, "a.wav")
      yield* AudioFile.save(name, SpeechSynthesizer.stream({ text: "Hello." })).pipe(
        Effect.provide(speech),
        Logger.withMinimumLogLevel(LogLevel.None)
      )
      assert.strictEqual(requests.length, 2)
    }))
})

// Listens and never accepts: its thread sleeps, and its queue of one connection is full.
const deafServer: Effect.Effect<string, never, Scope.Scope> = Effect.gen(function*() {
  const code = `
    const { createServer } = require("node:net")
    const { parentPort } = require("node:worker_threads")
    const server = createServer()
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(code, { eval: true })),
    (worker) => Effect.promise(() => worker.terminate())
  )
  const port = yield* Effect.async<number>((resume) => {
    worker.once("message", (port: number) => resume(Effect.succeed(port)))
  })
  const fill: Effect.Effect<Socket, never, Scope.Scope> = Effect.acquireRelease(
    Effect.sync(() => createConnection({ port, host: "127.0.0.1" }).on("error", () => undefined)),
    (socket) => Effect.sync(() => socket.destroy())
  )
  // Linux queues one more than asked for; the ones after that wait like the one under test.
  const sockets = yield* Effect.replicateEffect(fill, 4)
  yield* Effect.promise(() =>
    Promise.any(sockets.map((socket) => new Promise((resolve) => socket.on("connect", resolve))))
  )
  return `http://127.0.0.1:${port}`
})
