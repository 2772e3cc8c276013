/** What a layer does not know, or cannot be built with, stops the program by name: whichever layer it is. */
import { Audio, SpeechError, SpeechSynthesizer } from "@effect-smallest/core"
import { ToneSpeechSynthesizer, WavesEmulator } from "@effect-smallest/emulator"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { NodeAudioPlayer, NodeHttp, NodeSpeech, NodeWebSocketConnector } from "@effect-smallest/platform-node"
import { ProxySpeechSynthesizer, SpeechProxy } from "@effect-smallest/proxy"
import { SpeechStream } from "@effect-smallest/stream"
import { TestAudioPlayer, TestSpeechSynthesizer } from "@effect-smallest/testing"
import {
  LightningV1SpeechSynthesizer,
  WavesClient,
  WavesConversation,
  WavesSpeechStream,
  WavesSpeechSynthesizer,
  WavesVoices
} from "@effect-smallest/waves"
import { FetchHttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Config, Duration, Effect, Exit, Layer, Option, Redacted, Stream } from "effect"
import * as MorseSpeechSynthesizer from "../src/MorseSpeechSynthesizer.js"

// oxlint-disable-next-line typescript/no-explicit-any -- callers in JavaScript send anything
type Anything = any

const apiKey = Redacted.make("sk_of_the_tests")

const client = WavesClient.layer({ apiKey }).pipe(Layer.provide(FetchHttpClient.layer))

const live = Layer.merge(client, NodeWebSocketConnector.layer)

type Build = (options: Anything) => Layer.Layer<never, unknown>

const proxy = (options: Anything) =>
  Layer.provide(ProxySpeechSynthesizer.layer({ url: "http://127.0.0.1:1", ...options }), FetchHttpClient.layer)

const layers: Record<string, Build> = {
  "SpeechStream.layerSegmented": (options) =>
    Layer.provide(SpeechStream.layerSegmented(options), TestSpeechSynthesizer.layer()),
  "WavesClient.layer": (options) => Layer.provide(WavesClient.layer({ apiKey, ...options }), FetchHttpClient.layer),
  "WavesSpeechSynthesizer.layer": (options) => Layer.provide(WavesSpeechSynthesizer.layer(options), client),
  "LightningV1SpeechSynthesizer.layer": (options) => Layer.provide(LightningV1SpeechSynthesizer.layer(options), client),
  "WavesSpeechStream.layer": (options) => Layer.provide(WavesSpeechStream.layer(options), live),
  "WavesConversation.layer": (options) => Layer.provide(WavesConversation.layer(options), live),
  "WavesVoices.layer": (options) => Layer.provide(WavesVoices.layer(options), client),
  "LocalSpeechSynthesizer.layer": (options) => LocalSpeechSynthesizer.layerNode(options),
  "SpeechProxy": (options) =>
    Layer.effectDiscard(
      Effect.sync(() => SpeechProxy.httpApp({ authorize: () => Effect.succeed("me"), ...options }))
    ),
  "NodeHttp.layer": NodeHttp.layer,
  "NodeAudioPlayer.layer": NodeAudioPlayer.layer,
  "NodeSpeech.layer": (options) => NodeSpeech.layer(TestSpeechSynthesizer.layer(), options),
  "NodeSpeech.layerWaves": (options) => NodeSpeech.layerWaves({ apiKey, ...options }),
  "NodeSpeech.layerLightningV1": (options) => NodeSpeech.layerLightningV1({ apiKey, ...options }),
  "TestSpeechSynthesizer.layer": TestSpeechSynthesizer.layer,
  "TestAudioPlayer.layer": TestAudioPlayer.layer,
  "ToneSpeechSynthesizer.layer": ToneSpeechSynthesizer.layer,
  "WavesEmulator.layer": (options) => WavesEmulator.layer({ engine: "tone", ...options }),
  "MorseSpeechSynthesizer.layer": MorseSpeechSynthesizer.layer
}

/** The defect with which a layer cannot be built. */
const defectOf = (layer: () => Layer.Layer<never, unknown>) =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(Effect.scoped(Layer.build(Layer.suspend(layer))))
    const defect = Exit.isFailure(exit) ? Cause.dieOption(exit.cause) : Option.none()
    return String(Option.getOrElse(defect, () => `no defect: ${String(exit)}`))
  })

describe("options of layers", () => {
  it.effect("ProxySpeechSynthesizer.layer - passes the rest on as options of speech, which each request checks", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: "Hi." }))
      assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter: "pace" })
    }).pipe(Effect.provide(proxy({ pace: 2 }))))

  it.effect("ProxySpeechSynthesizer.layer - refuses a time limit that is none", () =>
    Effect.gen(function*() {
      assert.match(yield* defectOf(() => proxy({ timeouts: { connect: "never" } })), /`timeouts.connect`/)
    }))

  for (const [name, layer] of Object.entries(layers)) {
    it.effect(`${name} - an option that is not one of is refused`, () =>
      Effect.gen(function*() {
        const defect = yield* defectOf(() => layer({ pace: 2 }))
        assert.include(defect, `${name}: \`pace\` is not one of `)
      }))
  }

  const numbers: ReadonlyArray<readonly [layer: string, options: object, problem: RegExp]> = [
    ["SpeechStream.layerSegmented", { prefetch: NaN }, /`prefetch`/],
    ["SpeechStream.layerSegmented", { prefetch: 1.5 }, /`prefetch`/],
    ["SpeechStream.layerSegmented", { maxLength: 1 }, /`maxLength`/],
    ["SpeechStream.layerSegmented", { onSegmentFailure: "skp" }, /must be "fail" or "skip", not "skp"/],
    ["SpeechStream.layerSegmented", { gap: -1 }, /`gap`/],
    ["SpeechStream.layerSegmented", { retry: { maxRetry: 0 } }, /`retry.maxRetry` is not one of/],
    ["SpeechStream.layerSegmented", { retry: null }, /`retry` must be false/],
    ["WavesClient.layer", { concurrency: NaN }, /`concurrency`/],
    ["WavesClient.layer", { concurrency: 0 }, /`concurrency`/],
    ["WavesClient.layer", { timeouts: { idle: -1 } }, /`timeouts.idle`/],
    ["WavesClient.layer", { timeouts: { idel: 1 } }, /`timeouts.idel` is not one of/],
    ["WavesClient.layer", { apiKey: "sk_plain" }, /`apiKey` must be a string in Redacted.make$/],
    ["WavesSpeechStream.layer", { poolSize: 0 }, /`poolSize`/],
    ["WavesSpeechStream.layer", { maxBufferDelay: "6 seconds" }, /at most 5s/],
    ["WavesSpeechStream.layer", { buffering: "flush", maxBufferDelay: "2 seconds" }, /at most 1s/],
    ["LocalSpeechSynthesizer.layer", { workers: 0 }, /`workers`/],
    ["SpeechProxy", { limits: { characters: { limit: NaN, window: 1 } } }, /`limits.characters.limit`/],
    ["SpeechProxy", { limits: { request: {} } }, /`limits.request` is not one of/],
    ["NodeAudioPlayer.layer", { player: { name: "ffplay", exe: "x" } }, /player/],
    ["NodeAudioPlayer.layer", { player: "vlc" }, /player/],
    ["NodeSpeech.layerWaves", { speechStream: "live" }, /`speechStream` is not one of .*stream/],
    ["NodeSpeech.layerWaves", { retry: true }, /`retry`/],
    ["NodeSpeech.layerWaves", { provider: { waves: { zz: 1 } } }, /`provider` is not one of/],
    ["NodeSpeech.layerLightningV1", { language: "en" }, /`language` is not one of/],
    ["WavesEmulator.layer", { port: 70_000 }, /`port`/],
    ["TestSpeechSynthesizer.layer", { chunkDelay: -5 }, /`chunkDelay`/]
  ]
  for (const [name, options, problem] of numbers) {
    it.effect(`${name} - ${JSON.stringify(options)} is refused`, () =>
      Effect.gen(function*() {
        assert.match(yield* defectOf(() => (layers[name] ?? assert.fail(name))(options)), problem)
      }))
  }

  it.effect("the mode of a stream - refuses options of the other mode", () =>
    Effect.gen(function*() {
      const build = (stream: Anything) => defectOf(() => NodeSpeech.layerWaves({ apiKey, stream }))
      assert.match(
        yield* build({ mode: "live", prefetch: 2 }),
        /WavesSpeechStream.layer: `prefetch` is not one of/
      )
      assert.match(yield* build({ poolSize: 2 }), /SpeechStream.layerSegmented: `poolSize` is not one of/)
      assert.match(yield* build({ mode: "lively" }), /`mode`/)
    }))
})

describe("options of layers from a configuration", () => {
  const failing = <A, E>(layer: Layer.Layer<A, E>) => Effect.map(Effect.flip(Effect.scoped(Layer.build(layer))), String)

  it.effect("layerWavesConfig - fails with a ConfigError that names the option", () =>
    Effect.gen(function*() {
      const config = (options: Anything) =>
        failing(NodeSpeech.layerWavesConfig({ apiKey: Config.succeed(apiKey), ...options }))
      assert.match(yield* config({ concurrency: Config.succeed(NaN) }), /`concurrency` must be a whole number/)
      assert.match(yield* config({ pace: Config.succeed(2) }), /`pace` is not one of/)
      assert.match(yield* config({ timeouts: { idle: Config.succeed("soon") } }), /`timeouts.idle`/)
      // What is not a Config stands for itself.
      assert.match(yield* config({ retry: { maxRetries: -1 } }), /`retry.maxRetries`/)
    }))

  it.effect("every option may be a Config, a value inside an object too", () =>
    Effect.gen(function*() {
      const { defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
      assert.deepInclude(defaults, { voice: "sophie", speed: 1.5 })
    }).pipe(Effect.provide(NodeSpeech.layerWavesConfig({
      apiKey: Config.succeed(apiKey),
      voice: Config.succeed("sophie"),
      speed: Config.succeed(1.5),
      concurrency: Config.succeed(3),
      timeouts: { idle: Config.succeed(Duration.seconds(3)) },
      retry: Config.map(Config.succeed(2), (maxRetries) => ({ maxRetries })),
      stream: { mode: Config.succeed("live" as const), poolSize: Config.succeed(2) }
    }))))
})

describe("options of requests", () => {
  it.effect("one that a layer has as its default - is checked with each request", () =>
    Effect.gen(function*() {
      for (const speed of [9, NaN, "1"]) {
        const error = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: "Hi." })).pipe(
          Effect.provide(TestSpeechSynthesizer.layer({ speed: speed as number }))
        )
        assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter: "speed" })
      }
      const similarity = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: "Hi." })).pipe(
        Effect.provide(Layer.provide(WavesSpeechSynthesizer.layer({ similarity: 2 }), client))
      )
      assert.deepInclude(similarity, { _tag: "InvalidSpeechRequest", parameter: "provider.waves.similarity" })
    }))

  const engine = SpeechStream.layerSegmented({ onSegmentFailure: "skip" }).pipe(
    Layer.provideMerge(TestSpeechSynthesizer.layer())
  )
  const refused = (stream: Stream.Stream<unknown, unknown, SpeechStream.SpeechStream>, parameter: string) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runDrain(stream))
      assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter })
    })
  const anything = <A>(value: Anything): A => value

  it.effect("an unknown one - fails, whether or not there is anything to speak, and is never skipped", () =>
    Effect.gen(function*() {
      for (const text of ["", "sos. abc.", Stream.empty]) {
        yield* refused(SpeechStream.stream(anything({ text, pace: 2 })), "pace")
        yield* refused(SpeechStream.fromText(anything<string>(text), anything({ pace: 2 })), "pace")
        yield* refused(SpeechStream.events(anything({ text, speed: 9 })), "speed")
      }
      yield* refused(SpeechStream.fromScript([], anything({ pace: 2 })), "pace")
    }).pipe(Effect.provide(engine)))

  it.effect("what is not a text - fails as `text`", () =>
    Effect.gen(function*() {
      for (const text of [undefined, null, 5, ["a"]]) {
        yield* refused(SpeechStream.stream(anything({ text })), "text")
        yield* refused(SpeechStream.fromText(anything<string>(text), {}), "text")
      }
      yield* refused(SpeechStream.stream(anything(null)), "text")
      yield* refused(anything(SpeechStream.fromText(anything(5))), "text")
    }).pipe(Effect.provide(engine)))

  it.effect("options beside a request - count as its own", () =>
    Effect.gen(function*() {
      const audio = yield* Audio.fromStream(SpeechStream.stream(anything({ text: "Hi." }), { sampleRate: 8000 }))
      assert.strictEqual(Option.getOrThrow(audio).format.sampleRate, 8000)
    }).pipe(Effect.provide(engine)))

  it.effect("withOptions - takes no text", () =>
    Effect.gen(function*() {
      const asked = SpeechSynthesizer.synthesize({ text: "Hi." }).pipe(
        SpeechSynthesizer.withOptions(anything({ text: "Ho." }))
      )
      assert.deepInclude(yield* Effect.flip(asked), { _tag: "InvalidSpeechRequest", parameter: "text" })
    }).pipe(Effect.provide(engine)))

  it.effect("options of an engine - reach it through fallbacks inside fallbacks", () =>
    Effect.gen(function*() {
      const gone = new SpeechError.ServerFailure({ module: "Dead", method: "events", description: "gone" })
      const dead = TestSpeechSynthesizer.layer({ takes: "none", respond: () => ({ error: gone }) })
      const speech = SpeechSynthesizer.layerFallback([
        dead,
        SpeechSynthesizer.layerFallback([dead, MorseSpeechSynthesizer.layer()])
      ])
      const ask = (options: object) =>
        Effect.provide(
          SpeechSynthesizer.synthesize({ text: "sos", sampleRate: 8000, voice: "sounder", ...options }),
          speech
        )
      const low = yield* ask({})
      const high = yield* ask({ provider: { morse: { frequency: 900 } } })
      assert.notDeepEqual(low.bytes, high.bytes)
      const error = yield* Effect.flip(ask({ provider: { waves: {} } }))
      assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter: "provider.waves" })
    }))
})
