/** The account's voices, clones and dictionaries through each HTTP client, against the emulator. */
import { Audio, Pcm, type SpeechError, type SpeechRequest, SpeechSynthesizer, Wav } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { SpeechStream } from "@effect-smallest/stream"
import {
  WavesClient,
  WavesPronunciationDictionaries,
  WavesSpeechSynthesizer,
  WavesVoiceClones,
  WavesVoices
} from "@effect-smallest/waves"
import type { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Fiber, Layer, Redacted } from "effect"
import { failureOf, httpClients } from "../src/Cloud.js"

const emulated = <A>(layerOf: (url: string) => Layer.Layer<A>) =>
  Layer.unwrapEffect(Effect.map(WavesEmulator.WavesEmulator, ({ url }) => layerOf(url))).pipe(
    Layer.provideMerge(WavesEmulator.layer({ engine: "tone" }))
  )

const account = (http: Layer.Layer<HttpClient.HttpClient>, apiKey = "sk_account") =>
  Layer.mergeAll(
    WavesVoices.layer(),
    WavesVoiceClones.layer,
    WavesPronunciationDictionaries.layer,
    WavesSpeechSynthesizer.layer()
  ).pipe(
    Layer.provideMerge(
      emulated((url) => Layer.provide(WavesClient.layer({ apiKey: Redacted.make(apiKey), baseUrl: url }), http))
    )
  )

const paths = Effect.flatMap(
  WavesEmulator.WavesEmulator,
  ({ requests }) => Effect.map(requests, (requests) => requests.map(({ method, path }) => `${method} ${path}`))
)

const recordingOf = (bytes: number) => Wav.encode(Audio.unsafeMake(Pcm.format(16000), new Uint8Array(bytes).fill(1)))

const recording = recordingOf(160_000)

for (const [name, http] of httpClients) {
  describe(`the account over ${name} and the emulator`, () => {
    it.scopedLive("voices - those of each model, with what the catalogue adds, asked for once", () =>
      Effect.gen(function*() {
        const voices = yield* WavesVoices.list()
        assert.isAbove(voices.length, 200)
        const meher = voices.find(({ id }) => id === "meher")
        assert.deepInclude(meher, {
          name: "Meher",
          gender: "female",
          languages: ["en", "hi"],
          models: ["lightning_v3.1_pro"],
          age: "young",
          useCases: ["conversational"]
        })
        assert.match(meher?.previewUrl ?? "", /^http:.*meher\.wav$/)
        const hindi = yield* WavesVoices.list({ language: "Hindi", gender: "male", model: "lightning_v3.1" })
        assert.isAbove(hindi.length, 3)
        for (const voice of hindi) {
          assert.include(voice.languages, "hi")
          assert.deepInclude(voice, { gender: "male", models: ["lightning_v3.1"] })
        }
        assert.deepStrictEqual(
          new Set((yield* WavesVoices.list({ accent: "BRITISH" })).map(({ accent }) => accent?.toLowerCase())),
          new Set(["british"])
        )
        yield* WavesVoices.ofModel("lightning_v3.1")
        yield* WavesVoices.catalogue
        assert.sameMembers([...(yield* paths)], [
          "GET /waves/v1/lightning-v3.1-pro/get_voices",
          "GET /waves/v1/lightning-v3.1/get_voices",
          "GET /waves/v1/lightning-v4/get_voices",
          "GET /waves/v1/voice/get-all-models"
        ])
        yield* WavesVoices.refresh
        yield* WavesVoices.catalogue
        assert.strictEqual((yield* paths).length, 5)
      }).pipe(Effect.provide(account(http))))

    it.scopedLive("clones - are made of a recording, listed, found by either id, and speak", () =>
      Effect.gen(function*() {
        const made = yield* WavesVoiceClones.create({
          name: "  Me  ",
          recording,
          description: "My own voice",
          accent: "Scottish",
          tags: ["calm", "warm"],
          language: "en"
        })
        assert.match(made.voice, /^voice_/)
        assert.deepInclude(made, { name: "Me", status: "completed", language: "en", models: ["lightning_v3.1_pro"] })
        assert.strictEqual(made.samples.length, 1)
        assert.isTrue(made.createdAt !== undefined && DateTime.isDateTime(made.createdAt))
        const [listed] = yield* WavesVoiceClones.list
        assert.deepInclude(listed, {
          voice: made.voice,
          description: "My own voice",
          accent: "Scottish",
          tags: ["calm", "warm"],
          models: ["lightning_v3.1_pro"],
          kind: "instant"
        })
        assert.deepStrictEqual(yield* WavesVoiceClones.get(made.voice), listed)
        assert.deepStrictEqual(yield* WavesVoiceClones.get(listed?.id ?? ""), listed)
        const { bytes } = yield* SpeechSynthesizer.synthesize({ text: "Is it me?", voice: made.voice })
        assert.isAbove(bytes.length, 1000)
      }).pipe(Effect.provide(account(http))))

    it.scopedLive("clones - with another model, and without what is optional", () =>
      Effect.gen(function*() {
        const { models, voice } = yield* WavesVoiceClones.create({ name: "Me", recording, model: "lightning_v3.1" })
        assert.deepStrictEqual(models, ["lightning_v3.1"])
        const error = yield* failureOf(SpeechSynthesizer.synthesize({ text: "Hi.", voice }))
        assert.strictEqual(error._tag, "UnknownVoice")
      }).pipe(Effect.provide(account(http))))

    it.scopedLive("clones - that do not exist are told, and an API key may not delete", () =>
      Effect.gen(function*() {
        for (const id of ["voice_nobody", "65f1c0ffee"]) {
          assert.deepInclude(yield* failureOf(WavesVoiceClones.get(id)), {
            _tag: "InvalidSpeechRequest",
            parameter: "id",
            description: `The account has no voice clone ${id}`
          })
        }
        const { voice } = yield* WavesVoiceClones.create({ name: "Me", recording })
        const refused = yield* failureOf(WavesVoiceClones.delete(voice))
        assert.strictEqual(refused._tag, "NotEntitled")
        assert.match(refused.message, /API keys delete voice clones.*console/)
        assert.strictEqual((yield* WavesVoiceClones.list).length, 1)
      }).pipe(Effect.provide(account(http))))

    it.scopedLive("clones - the token of a console deletes", () =>
      Effect.gen(function*() {
        const { voice } = yield* WavesVoiceClones.create({ name: "Me", recording })
        yield* WavesVoiceClones.delete(voice)
        assert.deepStrictEqual(yield* WavesVoiceClones.list, [])
        assert.strictEqual((yield* failureOf(WavesVoiceClones.delete(voice)))._tag, "InvalidSpeechRequest")
      }).pipe(Effect.provide(account(http, "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"))))

    it.scopedLive("dictionaries - are made, listed, changed and deleted", () =>
      Effect.gen(function*() {
        const items = [{ word: "SQL", pronunciation: "sequel" }]
        const made = yield* WavesPronunciationDictionaries.create(items)
        assert.match(made.id, /^[0-9a-f]{24}$/)
        assert.deepStrictEqual(made.items, items)
        assert.deepStrictEqual(yield* WavesPronunciationDictionaries.list, [made])
        const others = [{ word: "naïve", pronunciation: "nigh eve" }, { word: "नमस्ते", pronunciation: "namaste" }]
        assert.deepStrictEqual(yield* WavesPronunciationDictionaries.update(made.id, others), {
          id: made.id,
          items: others
        })
        assert.deepStrictEqual((yield* WavesPronunciationDictionaries.get(made.id.toUpperCase())).items, others)
        yield* WavesPronunciationDictionaries.delete(made.id)
        assert.deepStrictEqual(yield* WavesPronunciationDictionaries.list, [])
        for (
          const gone of [
            WavesPronunciationDictionaries.get(made.id),
            WavesPronunciationDictionaries.update(made.id, items),
            WavesPronunciationDictionaries.delete(made.id)
          ]
        ) {
          assert.deepInclude(yield* failureOf(gone), {
            _tag: "InvalidSpeechRequest",
            description: `The account has no dictionary ${made.id}`
          })
        }
      }).pipe(Effect.provide(account(http))))

    it.scopedLive("an upload that is interrupted - reaches the server as aborted", () =>
      Effect.gen(function*() {
        const { awaitRequest, inject } = yield* WavesEmulator.WavesEmulator
        yield* inject({ faults: [{ _tag: "Stall" }] })
        const upload = yield* Effect.fork(WavesVoiceClones.create({ name: "Me", recording: recordingOf(2000) }))
        yield* awaitRequest(({ path }) => path === "/waves/v1/voice-cloning")
        yield* Fiber.interrupt(upload)
        yield* awaitRequest(({ outcome }) => outcome === "aborted")
      }).pipe(Effect.provide(account(http))))
  })
}

const nodeSpeech = (options: Partial<NodeSpeech.WavesOptions>) =>
  emulated((url) => NodeSpeech.layerWaves({ apiKey: Redacted.make("sk_account"), baseUrl: url, ...options }))

const text = "I speak SQL."

type Speak = (
  options: SpeechRequest.SpeechOptions
) => Effect.Effect<
  Audio.Audio,
  SpeechError.SpeechError,
  SpeechSynthesizer.SpeechSynthesizer | SpeechStream.SpeechStream
>

const dictionaries = (id: string): SpeechRequest.SpeechOptions => ({
  provider: { waves: { pronunciationDictionaries: [id] } }
})

const whole = (options: Parameters<Speak>[0]) => SpeechSynthesizer.synthesize({ text, ...options })

const growing: Speak = (options) =>
  Effect.flatMap(Audio.fromStream(SpeechStream.fromText(text, options)), (audio) => Effect.orDie(audio)).pipe(
    Effect.catchTag("PcmError", Effect.die)
  )

const ways: ReadonlyArray<readonly [name: string, options: Partial<NodeSpeech.WavesOptions>, speak: Speak]> = [
  ["whole audio", {}, whole],
  ["growing text", {}, growing],
  ["growing text over the WebSocket", { stream: { mode: "live" } }, growing]
]

describe("a pronunciation dictionary", () => {
  for (const [name, options, speak] of ways) {
    it.scopedLive(`${name} - says what the dictionary says`, () =>
      Effect.gen(function*() {
        const { id } = yield* WavesPronunciationDictionaries.create([
          { word: "SQL", pronunciation: "structured query language" }
        ])
        const plain = yield* speak({})
        const said = yield* speak(dictionaries(id))
        // The engine of the test plays a note for each letter.
        assert.isAbove(said.bytes.length, plain.bytes.length * 1.5)
        const scoped = yield* SpeechSynthesizer.withOptions(speak({}), dictionaries(id))
        assert.strictEqual(scoped.bytes.length, said.bytes.length)
        const unknown = yield* failureOf(speak(dictionaries("0123456789abcdef01234567")))
        assert.strictEqual(unknown._tag, "InvalidSpeechRequest")
      }).pipe(Effect.provide(nodeSpeech(options))))
  }

  it.scopedLive("the embedded voice - has none, and says so", () =>
    Effect.gen(function*() {
      const error = yield* failureOf(whole(dictionaries("0123456789abcdef01234567")))
      assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter: "provider.waves" })
    }).pipe(Effect.provide(LocalSpeechSynthesizer.layerNode())))
})

describe("NodeSpeech.layerWaves", () => {
  it.scopedLive("has the account's services beside speech", () =>
    Effect.gen(function*() {
      assert.isAbove((yield* WavesVoices.ofModel("lightning_v3.1_pro")).length, 100)
      assert.deepStrictEqual(yield* WavesVoiceClones.list, [])
      assert.strictEqual((yield* failureOf(WavesVoiceClones.get("voice_x")))._tag, "InvalidSpeechRequest")
      assert.deepStrictEqual(yield* WavesPronunciationDictionaries.list, [])
    }).pipe(Effect.provide(nodeSpeech({}))))
})
