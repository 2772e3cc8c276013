import { type SpeechRequest, SpeechSynthesizer } from "@effect-smallest/core"
import { LightningV1SpeechSynthesizer, WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Stream } from "effect"
import { httpClients, layerLightningV1, layerWaves, routes } from "../src/Cloud.js"
import * as Vectors from "../src/Vectors.js"
import * as VectorServer from "../src/VectorServer.js"

const wavesDefaults = {
  text: "Hello, World!",
  voice_id: "meher",
  model: "lightning_v3.1_pro",
  sample_rate: 24000,
  speed: 1,
  output_format: "pcm"
}

const dictionary = "0123456789abcdef01234567"

/** What a portable or vendor option becomes on the wire. */
const wavesOptions: ReadonlyArray<readonly [SpeechRequest.SpeechOptions, Record<string, unknown>]> = [
  [{ language: "hi" }, { language: "hi" }],
  [{ language: "auto" }, { language: "auto" }],
  [{ speed: 1.5 }, { speed: 1.5 }],
  [{ sampleRate: 8000 }, { sample_rate: 8000 }],
  [{ sampleRate: 44100 }, { sample_rate: 44100 }],
  [{ voice: "rhea" }, { voice_id: "rhea" }],
  [{ model: "lightning_v3.1", voice: "magnus" }, { model: "lightning_v3.1", voice_id: "magnus" }],
  [{ model: "lightning_v3.1_pro_07_26" }, { model: "lightning_v3.1_pro_07_26" }],
  [{ provider: { waves: { pronunciationDictionaries: [dictionary] } } }, { pronunciation_dicts: [dictionary] }],
  [{ provider: { waves: { numberPronunciationLanguage: "hi" } } }, { number_pronunciation_language: "hi" }],
  [{ provider: { waves: { mathNotation: true } } }, { math_notation: true }],
  [{ provider: { waves: { enhancement: 2 } } }, { enhancement: 2 }],
  [{ provider: { waves: { similarity: 0.25 } } }, { similarity: 0.25 }],
  [{ provider: { waves: { saveHistory: true } } }, { save_history: true }],
  // These are done on this side.
  [{ removeExtraSilence: true }, {}],
  [{ removeExtraSilence: false }, {}]
]

/** Options of a request as those of a layer, which is one engine's and so has no levels. */
const asLayer = ({ provider, ...options }: SpeechRequest.SpeechOptions) =>
  Object.assign({}, options, provider?.waves, provider?.lightningV1)

const lightningV1Options: ReadonlyArray<readonly [SpeechRequest.SpeechOptions, Record<string, unknown>]> = [
  [{ speed: 0.5 }, { speed: 0.5 }],
  [{ sampleRate: 22050 }, { sample_rate: 22050 }],
  [{ sampleRate: 48000 }, { sample_rate: 48000 }],
  [{ voice: "raj" }, { voice_id: "raj" }],
  [{ provider: { lightningV1: { transliterate: true } } }, { transliterate: true }],
  [{ removeExtraSilence: false }, { remove_extra_silence: false }],
  [{ provider: { lightningV1: { addWavHeader: false } } }, { add_wav_header: false }],
  // The model speaks both languages, and its API has no field for them.
  [{ language: "hi" }, {}],
  [{ language: "en" }, {}]
]

const lastRequest = Effect.flatMap(
  VectorServer.VectorServer,
  (server) => Effect.flatMap(server.requests, (all) => Effect.fromNullable(all.at(-1)))
)

for (const [name, http] of httpClients) {
  describe(`requests over ${name}`, () => {
    it.live("Waves - the defaults are those that are documented", () =>
      Effect.gen(function*() {
        const text = "Hello, World!"
        yield* SpeechSynthesizer.synthesize({ text })
        const whole = yield* lastRequest
        assert.strictEqual(`${whole.method} ${whole.path}`, "POST /waves/v1/tts")
        assert.deepStrictEqual(whole.json, wavesDefaults)
        yield* Stream.runDrain(SpeechSynthesizer.stream({ text }))
        const live = yield* lastRequest
        assert.strictEqual(`${live.method} ${live.path}`, "POST /waves/v1/tts/live")
        assert.deepStrictEqual(live.json, wavesDefaults)
        for (const request of [whole, live]) {
          assert.strictEqual(request.headers["authorization"], "Bearer sk_test")
          assert.strictEqual(request.headers["content-type"], "application/json")
        }
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("Waves - every option reaches the wire, of the request as of the layer, on both routes", () =>
      Effect.forEach(wavesOptions, ([options, fields]) =>
        Effect.gen(function*() {
          const expected = { ...wavesDefaults, ...fields }
          const what = JSON.stringify(options)
          for (
            const [request, layer] of [
              [{ text: "Hello, World!", ...options }, {}],
              [{ text: "Hello, World!" }, options]
            ] as const
          ) {
            yield* Effect.gen(function*() {
              yield* SpeechSynthesizer.synthesize(request)
              assert.deepStrictEqual((yield* lastRequest).json, expected, `synthesize ${what}`)
              yield* Stream.runDrain(SpeechSynthesizer.stream(request))
              assert.deepStrictEqual((yield* lastRequest).json, expected, `stream ${what}`)
            }).pipe(Effect.provide(layerWaves(http, {}, asLayer(layer))))
          }
        })))

    it.live("Waves - bytes ask for PCM, and for MP3 where it is wanted", () =>
      Effect.gen(function*() {
        for (const outputFormat of ["wav", "pcm", "ulaw", "alaw"] as const) {
          yield* SpeechSynthesizer.bytes({ text: "Hello, World!", outputFormat })
          assert.deepStrictEqual((yield* lastRequest).json, wavesDefaults)
        }
        const mp3 = yield* SpeechSynthesizer.bytes({ text: "Hello, World!", outputFormat: "mp3" })
        assert.deepStrictEqual((yield* lastRequest).json, { ...wavesDefaults, output_format: "mp3" })
        assert.deepStrictEqual([...mp3.subarray(0, 4)], [0xff, 0xf3, 0xc4, 0xc4])
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("LightningV1 - sends exactly what the Python client sends, except that text stays as it is written", () =>
      Effect.gen(function*() {
        yield* SpeechSynthesizer.synthesize({ text: "Hello, World!" })
        const { json, method, path } = yield* lastRequest
        assert.strictEqual(`${method} ${path}`, "POST /api/v1/lightning/get_speech")
        assert.deepStrictEqual(json, Vectors.lightningV1Defaults)
      }).pipe(Effect.provide(layerLightningV1(http))))

    it.live("LightningV1 - every option reaches the wire, of the request as of the layer", () =>
      Effect.forEach(lightningV1Options, ([options, fields]) =>
        Effect.gen(function*() {
          const expected = { ...Vectors.lightningV1Defaults, ...fields }
          yield* Effect.gen(function*() {
            yield* SpeechSynthesizer.synthesize({ text: "Hello, World!", ...options })
            assert.deepStrictEqual((yield* lastRequest).json, expected, JSON.stringify(options))
          }).pipe(Effect.provide(layerLightningV1(http)))
          const { language, ...layer } = options
          if (language === undefined) {
            yield* Effect.gen(function*() {
              yield* Stream.runDrain(SpeechSynthesizer.stream({ text: "Hello, World!" }))
              assert.deepStrictEqual((yield* lastRequest).json, expected, JSON.stringify(options))
            }).pipe(Effect.provide(layerLightningV1(http, {}, asLayer(layer))))
          }
        })))

    it.live("LightningV1 - audio is the same with and without a WAV header on the wire", () =>
      Effect.gen(function*() {
        const withHeader = yield* SpeechSynthesizer.synthesize({
          text: "Hello.",
          provider: { lightningV1: { addWavHeader: true } }
        })
        const without = yield* SpeechSynthesizer.synthesize({
          text: "Hello.",
          provider: { lightningV1: { addWavHeader: false } }
        })
        assert.deepStrictEqual({ ...withHeader, requestId: undefined }, { ...without, requestId: undefined })
      }).pipe(Effect.provide(layerLightningV1(http))))

    it.live("the id of a request - is part of finished audio, so that support can find it", () =>
      Effect.gen(function*() {
        const whole = yield* SpeechSynthesizer.synthesize({ text: "Hello." })
        const shortened = yield* SpeechSynthesizer.synthesize({ text: "Hello.", removeExtraSilence: true })
        for (const { requestId } of [whole, shortened]) assert.match(requestId ?? "", /\w/)
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("text - goes out as it was written, in any script", () =>
      Effect.forEach(
        ["नमस्ते, आप कैसे हैं?", "naïve — “quoted” ½ №", "Emoji 👩‍👩‍👧 and\r\n\ttabs", "  blanks around  ", "a".repeat(8000)],
        (text) =>
          Effect.forEach([layerWaves(http), layerLightningV1(http)], (layer) =>
            Effect.gen(function*() {
              yield* SpeechSynthesizer.synthesize({ text })
              assert.strictEqual((yield* lastRequest).json["text"], text)
            }).pipe(Effect.provide(layer)))
      ))

    it.live("a voice of the other pool - is UnknownVoice by the server's answer", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: "Hello.", voice: "magnus" }))
        assert.strictEqual(error._tag, "UnknownVoice")
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("what can be refused here - costs no request", () =>
      Effect.gen(function*() {
        for (
          const options of [
            { language: "zh", model: "lightning_v3.1" },
            { sampleRate: 48000 },
            { speed: 3 },
            { transliterate: true },
            { pronunciationDictionaries: ["no id"] }
          ] as const
        ) {
          const error = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: "Hello.", ...options }))
          assert.strictEqual(error._tag, "InvalidSpeechRequest", JSON.stringify(options))
        }
        const server = yield* VectorServer.VectorServer
        assert.lengthOf(yield* server.requests, 0)
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("layerConfig - reads the key and the base URL, with or without a slash at its end", () =>
      Effect.gen(function*() {
        const server = yield* VectorServer.VectorServer
        for (const baseUrl of [server.url, `${server.url}/`]) {
          const config = Layer.setConfigProvider(
            ConfigProvider.fromMap(new Map([["SMALLEST_API_KEY", " sk_test\n"], ["SMALLEST_BASE_URL", baseUrl]]))
          )
          for (const layer of [WavesSpeechSynthesizer.layerConfig(), LightningV1SpeechSynthesizer.layerConfig()]) {
            yield* SpeechSynthesizer.synthesize({ text: "Hello." }).pipe(
              Effect.provide(Layer.provide(layer, [http, config]))
            )
          }
        }
        assert.lengthOf(yield* server.requests, 4)
      }).pipe(Effect.provide(VectorServer.layer)))

    it.live("transformClient - changes what is sent, on every route", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          yield* route.speak({ text: "Hello." })
          assert.strictEqual((yield* lastRequest).headers["x-team"], "announcements")
        }).pipe(
          Effect.provide(route.layer(http, {
            transformClient: HttpClient.mapRequest(HttpClientRequest.setHeader("x-team", "announcements"))
          }))
        )))

    it.live("one client - shares its permits between the engines over it", () =>
      Effect.gen(function*() {
        const server = yield* VectorServer.VectorServer
        yield* server.answerWith((request) => ({ before: Effect.sleep("30 millis"), ...VectorServer.speech(request) }))
        const client = yield* WavesClient.WavesClient
        const engines = yield* Effect.all([WavesSpeechSynthesizer.make(), LightningV1SpeechSynthesizer.make()]).pipe(
          Effect.provideService(WavesClient.WavesClient, client)
        )
        yield* Effect.forEach([...engines, ...engines], (engine) => engine.synthesize({ text: "Hello." }), {
          concurrency: "unbounded"
        })
        assert.strictEqual(yield* server.mostAtOnce, 1)
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("voices - are sent as they are, clones too", () =>
      Effect.gen(function*() {
        const server = yield* VectorServer.VectorServer
        yield* server.always(VectorServer.audio(Stream.make(new Uint8Array(480))))
        yield* SpeechSynthesizer.synthesize({ text: "Hello.", voice: "voice_K3f9aB" })
        assert.strictEqual((yield* lastRequest).json["voice_id"], "voice_K3f9aB")
      }).pipe(Effect.provide(layerWaves(http))))
  })
}
