import { SpeechSynthesizer } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { SpeechSynthesizerSuite } from "@effect-smallest/testing/suites"
import { LightningV1SpeechSynthesizer, WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { FetchHttpClient, type HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { httpClients } from "../src/Cloud.js"

const statusOf = (path: string, body: unknown) =>
  Effect.flatMap(WavesEmulator.WavesEmulator, ({ url }) =>
    Effect.promise(() =>
      fetch(`${url}${path}`, {
        method: "POST",
        headers: { authorization: "Bearer sk_test", "content-type": "application/json" },
        body: JSON.stringify(body)
      }).then(async (response) => {
        await response.arrayBuffer()
        return response.status
      })
    ))

const client = (http: Layer.Layer<HttpClient.HttpClient>, options: WavesEmulator.EngineOptions = { engine: "tone" }) =>
  Layer.unwrapEffect(
    Effect.map(
      WavesEmulator.WavesEmulator,
      ({ url }) => WavesClient.layer({ apiKey: Redacted.make("sk_test"), baseUrl: url, concurrency: 4 })
    )
  ).pipe(
    Layer.provide(http),
    Layer.provideMerge(WavesEmulator.layer(options))
  )

for (const [name, http] of httpClients) {
  SpeechSynthesizerSuite.suite(
    `WavesSpeechSynthesizer over ${name} and the emulator`,
    Layer.provide(WavesSpeechSynthesizer.layer(), client(http)),
    { mp3: true, unknownVoice: "nobody", unsupportedOption: { provider: { lightningV1: { transliterate: true } } } }
  )

  SpeechSynthesizerSuite.suite(
    `LightningV1SpeechSynthesizer over ${name} and the emulator`,
    Layer.provide(LightningV1SpeechSynthesizer.layer(), client(http)),
    { unknownVoice: "nobody", unsupportedOption: { provider: { waves: { similarity: 0.5, mathNotation: true } } } }
  )
}

const Waves = Layer.provideMerge(WavesSpeechSynthesizer.layer(), client(FetchHttpClient.layer))

const LightningV1 = Layer.provideMerge(LightningV1SpeechSynthesizer.layer(), client(FetchHttpClient.layer))

describe("the emulator and the cloud engines", () => {
  it.scopedLive("speech through the cloud engine - is that of the embedded voice", () =>
    Effect.gen(function*() {
      const text = "Over the wire and back."
      const cloud = yield* SpeechSynthesizer.synthesize({ text, voice: "magnus", model: "lightning_v3.1" })
      const male = yield* Effect.forEach(["rms", "awb"] as const, (voice) =>
        SpeechSynthesizer.synthesize({ text, voice }).pipe(Effect.provide(LocalSpeechSynthesizer.layerNode())))
      // The last block is filled up with silence.
      assert.isTrue(male.some(({ bytes }) =>
        Buffer.from(cloud.bytes.subarray(0, bytes.length)).equals(Buffer.from(bytes))
      ))
    }).pipe(Effect.provide(Layer.provideMerge(WavesSpeechSynthesizer.layer(), client(FetchHttpClient.layer, {})))))

  it.scopedLive("every voice that the cloud engine lists - is accepted with its model", () =>
    Effect.gen(function*() {
      const voices = yield* SpeechSynthesizer.voices
      assert.isAbove(voices.length, 200)
      const statuses = yield* Effect.forEach(
        voices,
        ({ id, models }) =>
          Effect.map(
            statusOf("/waves/v1/tts", { text: "a", voice_id: id, model: models[0] }),
            (status) => [id, status]
          ),
        { concurrency: 8 }
      )
      assert.deepStrictEqual(statuses.filter(([, status]) => status !== 200), [])
    }).pipe(Effect.provide(Waves)), 60_000)

  it.scopedLive("every voice of 2024 that the engine lists - is accepted", () =>
    Effect.gen(function*() {
      const voices = yield* SpeechSynthesizer.voices
      assert.strictEqual(voices.length, 24)
      const statuses = yield* Effect.forEach(voices, ({ id }) =>
        Effect.map(
          statusOf("/api/v1/lightning/get_speech", { text: "a", voice_id: id }),
          (status) => [id, status]
        ))
      assert.deepStrictEqual(statuses.filter(([, status]) => status !== 200), [])
    }).pipe(Effect.provide(LightningV1)), 60_000)

  for (const legacy of [404, 410] as const) {
    it.scopedLive(`the API of 2024 gone with ${legacy} - is ModelRetired`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: "Hello." }))
        assert.strictEqual(error._tag, "ModelRetired")
      }).pipe(
        Effect.provide(Layer.provide(
          LightningV1SpeechSynthesizer.layer(),
          client(FetchHttpClient.layer, { engine: "tone", legacy })
        ))
      ))
  }
})
