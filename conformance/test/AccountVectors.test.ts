/** What the vendor's sources say of the account's API, over a real HTTP server: what we send, and what we make of answers. */
import { type SpeechError } from "@effect-smallest/core"
import { WavesPronunciationDictionaries, WavesVoiceClones, WavesVoices } from "@effect-smallest/waves"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Stream } from "effect"
import { failureOf, httpClients, layerClient } from "../src/Cloud.js"
import * as Vectors from "../src/Vectors.js"
import * as VectorServer from "../src/VectorServer.js"

type Account =
  | WavesVoices.WavesVoices
  | WavesVoiceClones.WavesVoiceClones
  | WavesPronunciationDictionaries.WavesPronunciationDictionaries

type Ask = Effect.Effect<unknown, SpeechError.SpeechError, Account>

interface Vector {
  readonly id: string
  readonly ask: Ask
  readonly request: {
    readonly method: string
    readonly path: string
    readonly json?: Readonly<Record<string, unknown>>
  }
  readonly respond: VectorServer.Answer
  readonly expect: unknown
}

const dictionaryId = "64f1234567890abcdef12345"

const items = [{ word: "mysql", pronunciation: "my-sequel" }]

const cloneVoice = "voice_dLP5T67Qw7"

const ok = (body: unknown) => VectorServer.json(200, body)

const wav = new Uint8Array(2000)
wav.set(new TextEncoder().encode("RIFF____WAVEfmt "))

const create = WavesVoiceClones.create({
  name: "my voice",
  recording: wav,
  description: "d",
  accent: "indian",
  tags: ["en", "tone-test"],
  language: "en"
})

const vectors: ReadonlyArray<Vector> = [
  {
    id: "voices-standard",
    ask: WavesVoices.ofModel("lightning_v3.1"),
    request: { method: "GET", path: "/waves/v1/lightning-v3.1/get_voices" },
    respond: ok({
      voices: [{
        voiceId: "magnus",
        displayName: "Magnus",
        tags: {
          language: ["english"],
          accent: "american",
          gender: "male",
          age: "young",
          emotions: [],
          usecases: ["conversational"]
        }
      }]
    }),
    expect: [{
      id: "magnus",
      name: "Magnus",
      gender: "male",
      accent: "american",
      languages: ["en"],
      models: ["lightning_v3.1"],
      age: "young",
      emotions: [],
      useCases: ["conversational"]
    }]
  },
  {
    id: "voices-catalog",
    ask: WavesVoices.catalogue,
    request: { method: "GET", path: "/waves/v1/voice/get-all-models" },
    respond: ok({
      voices: [{
        _id: "6a0b3c06e6e0b1a48dee8151",
        voiceId: "mishka",
        displayName: "Mishka",
        description: "...",
        audioPreview: "https://.../mishka.wav",
        tags: { age: "young", emotions: [], language: ["english", "hindi"] }
      }]
    }),
    expect: [{
      id: "mishka",
      name: "Mishka",
      languages: ["en", "hi"],
      models: [],
      age: "young",
      emotions: [],
      useCases: [],
      description: "...",
      previewUrl: "https://.../mishka.wav"
    }]
  },
  {
    id: "voices-legacy-all-models",
    ask: WavesVoices.catalogue,
    request: { method: "GET", path: "/waves/v1/voice/get-all-models" },
    respond: ok([{ modelName: "lightning", voiceIds: [{ voiceId: "emily" }] }]),
    expect: [{ id: "emily", name: "emily", languages: [], models: ["lightning"], emotions: [], useCases: [] }]
  },
  {
    id: "voices of the next model, in snake case",
    ask: WavesVoices.ofModel("lightning_v3.1_pro"),
    request: { method: "GET", path: "/waves/v1/lightning-v3.1-pro/get_voices" },
    respond: ok({
      voices: [{
        voice_id: "nyah",
        name: "Nyah",
        language: "english",
        gender: "Female",
        accent: "us",
        supported_emotions: ["happy"]
      }]
    }),
    expect: [{
      id: "nyah",
      name: "Nyah",
      gender: "female",
      accent: "us",
      languages: ["en"],
      models: ["lightning_v3.1_pro"],
      emotions: ["happy"],
      useCases: []
    }]
  },
  {
    id: "voices whose tags are missing, null or strange",
    ask: WavesVoices.ofModel("lightning_v3.1_pro"),
    request: { method: "GET", path: "/waves/v1/lightning-v3.1-pro/get_voices" },
    respond: ok({
      voices: [
        { voiceId: "a" },
        { voiceId: "b", displayName: null, tags: null },
        {
          voiceId: "c",
          tags: {
            language: ["oriya", "klingon"],
            accent: 7,
            gender: "robot",
            recommendedLanguages: ["x"],
            emotions: "calm"
          }
        }
      ]
    }),
    expect: [
      { id: "a", name: "a", languages: [], models: ["lightning_v3.1_pro"], emotions: [], useCases: [] },
      { id: "b", name: "b", languages: [], models: ["lightning_v3.1_pro"], emotions: [], useCases: [] },
      {
        id: "c",
        name: "c",
        languages: ["or", "klingon"],
        models: ["lightning_v3.1_pro"],
        emotions: ["calm"],
        useCases: []
      }
    ]
  },
  {
    id: "clone-create",
    ask: create,
    request: { method: "POST", path: "/waves/v1/voice-cloning" },
    respond: ok({
      message: "Voice clone created successfully",
      data: {
        voiceId: cloneVoice,
        displayName: "my voice",
        status: "completed",
        language: "en",
        model: { _id: "65f0", modelName: "lightning-v3.1-pro" },
        audioFileNames: ["ref.wav"],
        createdAt: "2026-08-10T09:30:00.000Z",
        organizationId: "69561896a37fd214b9a8d33c",
        samples: [{ text: "...", audioUrl: "https://..." }]
      }
    }),
    expect: {
      voice: cloneVoice,
      name: "my voice",
      status: "completed",
      tags: [],
      language: "en",
      models: ["lightning_v3.1_pro"],
      createdAt: DateTime.unsafeMake("2026-08-10T09:30:00.000Z"),
      samples: [{ text: "...", url: "https://..." }]
    }
  },
  {
    id: "clone-create with a model that is a text, and no more than must be",
    ask: create,
    request: { method: "POST", path: "/waves/v1/voice-cloning" },
    respond: ok({ data: { voiceId: cloneVoice, model: "lightning-v3.1-pro", createdAt: null, samples: null } }),
    expect: {
      voice: cloneVoice,
      name: cloneVoice,
      status: "unknown",
      tags: [],
      models: ["lightning_v3.1_pro"],
      samples: []
    }
  },
  {
    id: "clone-list",
    ask: WavesVoiceClones.list,
    request: { method: "GET", path: "/waves/v1/voice-cloning" },
    respond: ok({
      data: [{
        _id: "65f1",
        voiceId: cloneVoice,
        displayName: "my voice",
        description: "d",
        accent: "indian",
        tags: ["en", "tone-test"],
        language: "en",
        status: "completed",
        cloningType: "instant",
        modelIds: ["lightning-v3.1-pro"],
        createdAt: "2026-08-10T09:30:00.000Z"
      }]
    }),
    expect: [{
      voice: cloneVoice,
      id: "65f1",
      name: "my voice",
      status: "completed",
      description: "d",
      accent: "indian",
      tags: ["en", "tone-test"],
      language: "en",
      models: ["lightning_v3.1_pro"],
      kind: "instant",
      createdAt: DateTime.unsafeMake("2026-08-10T09:30:00.000Z"),
      samples: []
    }]
  },
  {
    id: "clone-get",
    ask: WavesVoiceClones.get("65f1"),
    request: { method: "GET", path: "/waves/v1/voice-cloning/65f1" },
    respond: ok({
      success: true,
      data: { _id: "65f1", voiceId: cloneVoice, displayName: "my voice", status: "completed" }
    }),
    expect: {
      voice: cloneVoice,
      id: "65f1",
      name: "my voice",
      status: "completed",
      tags: [],
      models: [],
      samples: []
    }
  },
  {
    id: "clone-delete with the token of a console",
    ask: WavesVoiceClones.delete(cloneVoice),
    request: { method: "POST", path: "/waves/v1/voice-cloning/delete", json: { voiceId: cloneVoice } },
    respond: ok({ success: true, voiceId: cloneVoice, organizationId: "69561896a37fd214b9a8d33c" }),
    expect: undefined
  },
  {
    id: "dict-create",
    ask: WavesPronunciationDictionaries.create(items),
    request: { method: "POST", path: "/waves/v1/pronunciation-dicts", json: { items } },
    respond: ok({ id: dictionaryId, items, createdAt: "2023-09-01T12:00:00.000Z" }),
    expect: { id: dictionaryId, items, createdAt: DateTime.unsafeMake("2023-09-01T12:00:00.000Z") }
  },
  {
    id: "dict-list",
    ask: WavesPronunciationDictionaries.list,
    request: { method: "GET", path: "/waves/v1/pronunciation-dicts" },
    respond: ok([{ id: dictionaryId, items, createdAt: "2023-09-01T12:00:00.000Z" }]),
    expect: [{ id: dictionaryId, items, createdAt: DateTime.unsafeMake("2023-09-01T12:00:00.000Z") }]
  },
  {
    id: "dict-update",
    ask: WavesPronunciationDictionaries.update(dictionaryId, items),
    request: { method: "PUT", path: "/waves/v1/pronunciation-dicts", json: { id: dictionaryId, items } },
    respond: ok({ id: dictionaryId, items }),
    expect: { id: dictionaryId, items }
  },
  {
    id: "dict-delete",
    ask: WavesPronunciationDictionaries.delete(dictionaryId),
    request: { method: "DELETE", path: "/waves/v1/pronunciation-dicts", json: { id: dictionaryId } },
    respond: ok({ id: dictionaryId, deleted: true }),
    expect: undefined
  }
]

const cloneError = (status: number, body: unknown, expect: object) => ({
  ask: create as Ask,
  respond: VectorServer.json(status, body),
  expect
})

const failures: Record<string, { readonly ask: Ask; readonly respond: VectorServer.Answer; readonly expect: object }> =
  {
    "clone-create-errors: no file": cloneError(400, { error: "No file provided" }, {
      _tag: "InvalidSpeechRequest",
      description: "No file provided"
    }),
    "clone-create-errors: quota": cloneError(400, { error: "clone limit exceeded, consider upgrading" }, {
      _tag: "NotEntitled",
      description: "clone limit exceeded, consider upgrading"
    }),
    "clone-create-errors: model lightning-v2": cloneError(
      400,
      { error: "Voice cloning for lightning-v2 is deprecated. Please use lightning-v3.1" },
      { _tag: "InvalidSpeechRequest" }
    ),
    "clone-create-errors: other model": cloneError(
      400,
      { error: "... Supported models: lightning-v3.1, lightning-v3.1-pro" },
      { _tag: "InvalidSpeechRequest" }
    ),
    "clone-create-errors: bad language": cloneError(400, { error: "Invalid language. Supported: ..." }, {
      _tag: "InvalidSpeechRequest"
    }),
    "clone-create-errors: worker timeout": cloneError(500, { error: "...", error_code: "voice_clone_timeout" }, {
      _tag: "ServerFailure",
      status: 500,
      description: "..."
    }),
    "clone-delete-api-key": {
      ask: WavesVoiceClones.delete(cloneVoice),
      respond: VectorServer.json(401, { error: "unauthorized" }),
      expect: { _tag: "NotEntitled", needs: "console" }
    },
    "clone-delete-legacy": {
      ask: WavesVoiceClones.delete(cloneVoice),
      respond: VectorServer.json(410, {
        status: "error",
        error_code: "MODEL_DEPRECATED",
        message: "This model is retired."
      }),
      expect: { _tag: "ModelRetired", description: "This model is retired." }
    },
    "a clone that is null": {
      ask: WavesVoiceClones.get("65f1"),
      respond: VectorServer.json(200, { success: false, data: null }),
      expect: { _tag: "InvalidSpeechRequest", parameter: "id" }
    },
    "dict-400": {
      ask: WavesPronunciationDictionaries.create(items),
      respond: VectorServer.json(400, {
        error: "Invalid request body",
        details: [{
          code: "invalid_type",
          expected: "string",
          received: "undefined",
          path: ["items", 0, "word"],
          message: "Required"
        }]
      }),
      expect: { _tag: "InvalidSpeechRequest", description: "Invalid request body: Required", parameter: "items" }
    },
    "a dictionary without a key": {
      ask: WavesPronunciationDictionaries.list,
      respond: VectorServer.json(401, { error: "Unauthorized" }),
      expect: { _tag: "InvalidApiKey", description: "Unauthorized", requestId: "request-0" }
    },
    "a dictionary and a server that fails": {
      ask: WavesPronunciationDictionaries.list,
      respond: VectorServer.json(500, { error: "Internal server error" }),
      expect: { _tag: "ServerFailure", description: "Internal server error", isRetryable: true }
    },
    "a page of a proxy": {
      ask: WavesVoices.catalogue,
      respond: { body: VectorServer.text("<!doctype html><html></html>") },
      expect: { _tag: "MalformedResponse" }
    },
    "an answer that breaks off": {
      ask: WavesVoices.catalogue,
      respond: {
        headers: { "content-type": Vectors.jsonType },
        body: Stream.concat(VectorServer.text("{\"voices\": ["), Stream.fail(VectorServer.destroy))
      },
      expect: { _tag: "TransportFailure", isRetryable: true }
    }
  }

for (const [name, http] of httpClients) {
  const Layers = Layer.mergeAll(WavesVoices.layer(), WavesVoiceClones.layer, WavesPronunciationDictionaries.layer).pipe(
    Layer.provideMerge(layerClient(http))
  )

  describe(`the account's vectors over ${name}`, () => {
    for (const { ask, expect, id, request, respond } of vectors) {
      it.scopedLive(id, () =>
        Effect.gen(function*() {
          const server = yield* VectorServer.VectorServer
          yield* server.enqueue(respond)
          assert.deepStrictEqual(yield* ask, expect)
          const [received, ...others] = yield* server.requests
          assert.deepStrictEqual(others, [])
          assert.deepInclude(received, {
            method: request.method,
            path: request.path,
            json: request.json ?? {}
          })
          assert.strictEqual(received?.headers["authorization"], `Bearer ${Vectors.apiKey}`)
          if (request.json !== undefined) assert.match(String(received?.headers["content-type"]), /^application\/json/)
        }).pipe(Effect.provide(Layers)))
    }

    for (const [id, { ask, expect, respond }] of Object.entries(failures)) {
      it.scopedLive(id, () =>
        Effect.gen(function*() {
          const server = yield* VectorServer.VectorServer
          yield* server.enqueue(respond)
          assert.deepInclude(yield* failureOf(ask), expect)
        }).pipe(Effect.provide(Layers)))
    }

    it.scopedLive("clone-create - sends the fields and the file of the vector", () =>
      Effect.gen(function*() {
        const server = yield* VectorServer.VectorServer
        yield* server.enqueue(ok({ data: { voiceId: cloneVoice } }))
        yield* create
        const [received] = yield* server.requests
        const type = String(received?.headers["content-type"])
        const form = yield* Effect.promise(() =>
          new Response(received?.body ?? "", { headers: { "content-type": type } }).formData()
        )
        const file = form.get("file")
        assert.deepStrictEqual(
          Object.fromEntries([...form].filter(([name]) => name !== "file")),
          {
            displayName: "my voice",
            description: "d",
            accent: "indian",
            tags: "en, tone-test",
            language: "en",
            model: "lightning-v3.1-pro"
          }
        )
        assert.isTrue(file instanceof File && file.type === "audio/wav" && file.name.endsWith(".wav"))
        assert.strictEqual(file instanceof File ? file.size : 0, 2000)
      }).pipe(Effect.provide(Layers)))
  })
}
