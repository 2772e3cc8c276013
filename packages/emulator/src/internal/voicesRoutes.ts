/**
 * Lists of voices, today's and those of 2024 and 2025, and a sample of each voice.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import * as Account from "./account.js"
import type { CatalogueVoice } from "./catalogue.js"
import * as Catalogue from "./catalogue.js"
import * as Clones from "./clones.js"
import * as Exchange from "./exchange.js"
import { gate, prefixes } from "./legacyRoutes.js"
import { json, notFound } from "./refusal.js"
import { CurrentSettings } from "./settings.js"
import { SpeechAnswers } from "./speechRoutes.js"

const displayName = (id: string): string => id.charAt(0).toUpperCase() + id.slice(1)

const languagesOf = (voice: CatalogueVoice): ReadonlyArray<string> =>
  voice.languages.map((code) => Catalogue.languageNames[code] ?? code)

const listed = (voice: CatalogueVoice) => ({
  voiceId: voice.id,
  displayName: displayName(voice.id),
  tags: {
    language: languagesOf(voice),
    ...(voice.accent === undefined ? {} : { accent: voice.accent }),
    gender: voice.gender,
    age: "young",
    emotions: [],
    usecases: ["conversational"]
  }
})

const objectId = (id: string): string =>
  [id, `${id}/`, `/${id}`].map((text) => (Hash.string(text) >>> 0).toString(16).padStart(8, "0")).join("")

/**
 * Where a voice can be heard, on the address that the client called.
 *
 * @internal
 */
export const sampleUrl = (exchange: Exchange.Exchange, voiceId: string): string =>
  `http://${exchange.headers["host"] ?? "localhost"}/__emulator/samples/${encodeURIComponent(voiceId)}.wav`

/** @internal */
export const sampleText = (name: string): string => `Hello, my name is ${name}.`

const unauthorized = () => ({ error: "unauthorized", message: "The API key is missing or not valid." })

/** @internal */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { assumptions, legacy } = yield* CurrentSettings
    const account = yield* Account.Account
    const answers = yield* SpeechAnswers
    const clones = yield* Clones.Clones
    const { route } = yield* Exchange.Exchanges

    for (const pool of Catalogue.pools) {
      const body = { voices: [...pool.voices.values()].map(listed) }
      yield* router.add(
        "GET",
        `/waves/v1/${pool.path}/get_voices`,
        route((exchange) =>
          account.authenticate(exchange, unauthorized).pipe(
            Effect.zipRight(Catalogue.checkRetired(assumptions, Catalogue.modelOf(pool))),
            Effect.as(json(body))
          )
        )
      )
    }

    const all = Catalogue.pools.flatMap((pool) => [...pool.voices.values()])
    const published = Catalogue.pools
      .filter((pool) => assumptions.lightningV31 === "serve" || Catalogue.modelOf(pool) !== "lightning_v3.1")
      .flatMap((pool) => [...pool.voices.values()])

    yield* router.add(
      "GET",
      "/waves/v1/voice/get-all-models",
      route((exchange) =>
        Effect.as(
          account.authenticate(exchange, unauthorized),
          json({
            voices: published.map((voice) => ({
              _id: objectId(voice.id),
              voiceId: voice.id,
              displayName: displayName(voice.id),
              description: `${displayName(voice.id)}, a ${voice.gender} voice of the emulator`,
              audioPreview: sampleUrl(exchange, voice.id),
              tags: { age: "young", emotions: [], language: languagesOf(voice) }
            }))
          })
        )
      )
    )

    yield* router.add(
      "GET",
      "/__emulator/samples/:file",
      route(
        Effect.fnUntraced(function*(exchange) {
          const id = decodeURIComponent(exchange.path.replace(/^.*\//, "")).replace(/\.wav$/, "")
          const clone = (yield* clones.all).find((clone) => clone.voiceId === id)
          const voice = all.find((voice) => voice.id === id) ?? Catalogue.legacyVoices.get(id) ??
            (clone === undefined ? undefined : yield* clones.voice(id, clone.model))
          if (voice === undefined) return yield* notFound
          const text = sampleText(clone?.displayName ?? displayName(id))
          return yield* answers.whole(exchange, { text, voice, sampleRate: 24_000, speed: 1 }, "wav", {})
        }),
        { record: false }
      )
    )

    const legacyVoices = [...Catalogue.legacyVoices.values()]
    for (const prefix of prefixes) {
      for (const model of Object.keys(Catalogue.legacyModels)) {
        const body = { voices: legacyVoices.map(listed) }
        yield* router.add(
          "GET",
          `${prefix}/${model}/get_voices`,
          route((exchange) =>
            gate(legacy, prefix, model).pipe(
              Effect.zipRight(account.authenticate(exchange, unauthorized)),
              Effect.as(json(body))
            )
          )
        )
      }
    }

    yield* router.add(
      "GET",
      "/api/v1/voice/get-all-models",
      route(() =>
        Effect.as(
          gate(legacy, "/api/v1", "lightning"),
          json(
            Object.keys(Catalogue.legacyModels).map((modelName) => ({
              modelName,
              voiceIds: legacyVoices.map(({ id }) => ({ voiceId: id }))
            }))
          )
        )
      )
    )
  })
)
