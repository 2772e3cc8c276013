/**
 * `POST /waves/v1/lightning-v3.2/get_speech`: a model that is steered by an emotion, a pitch and an instruction. Only its
 * schema is published; who may use it is not.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Account from "./account.js"
import * as Catalogue from "./catalogue.js"
import * as Exchange from "./exchange.js"
import { invalid, json } from "./refusal.js"
import { CurrentSettings } from "./settings.js"
import { maxTextLength, sharedFields } from "./speechRequest.js"
import { idHeaders, SpeechAnswers, wholeEncodingOf } from "./speechRoutes.js"
import * as V from "./validation.js"

const path = "/waves/v1/lightning-v3.2"

const shape = (refuseUnknown: boolean) =>
  V.object({
    text: V.string({ min: 1, max: maxTextLength, trim: true }),
    voice_id: V.string({ min: 1 }),
    language: V.withDefault(V.oneOf(["en", "hi", "auto"]), "auto"),
    emotion: V.withDefault(V.oneOf(["neutral", "sad", "happy", "angry"]), "neutral"),
    pitch: V.withDefault(V.oneOf(["low", "mid", "high"]), "mid"),
    volume: V.withDefault(V.oneOf(["silent", "low", "normal", "high"]), "normal"),
    prosody: V.withDefault(V.oneOf(["normal", "monotone", "expressive"]), "normal"),
    accent: V.optional(V.string()),
    instruction: V.optional(V.string()),
    speed: sharedFields.speed,
    sample_rate: sharedFields.sample_rate,
    output_format: sharedFields.output_format,
    add_wav_header: sharedFields.add_wav_header,
    enhancement: V.nullish(V.number({ min: 0, max: 2 })),
    save_history: V.withDefault(V.boolean, true),
    session_id: sharedFields.session_id,
    request_id: sharedFields.request_id
  }, { refuseUnknown })

const voices = [...Catalogue.poolOf("lightning_v3.1_pro").voices.values()].filter(({ languages }) =>
  languages.includes("en") || languages.includes("hi")
)

const listed = voices.map(({ accent = "american", gender, id, languages }) => ({
  voice_id: id,
  name: id.charAt(0).toUpperCase() + id.slice(1),
  language: languages.map((code) => Catalogue.languageNames[code] ?? code),
  gender,
  accent,
  supported_emotions: ["neutral", "sad", "happy", "angry"]
}))

/** @internal */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { assumptions, voices: further } = yield* CurrentSettings
    const account = yield* Account.Account
    const answers = yield* SpeechAnswers
    const { route } = yield* Exchange.Exchanges
    const check = shape(assumptions.unknownKeys === "refuse")

    const speak: Exchange.Handler = Effect.fnUntraced(function*(exchange) {
      yield* account.authenticate(exchange)
      const body = check(yield* exchange.readJson, [])
      if (Either.isLeft(body)) return yield* invalid(assumptions.validationStatus, body.left)
      const { request_id, sample_rate: sampleRate, session_id, speed, text, voice_id } = body.right
      const voice = voices.find(({ id }) => id === voice_id) ??
        (further.has(voice_id) ? { id: voice_id, gender: "female" as const } : undefined)
      if (voice === undefined) {
        return yield* invalid(assumptions.validationStatus, [V.custom(["voice_id"], "Invalid Voice ID")])
      }
      yield* account.permit
      const headers = yield* idHeaders({ request_id, session_id })
      return yield* answers.whole(
        exchange,
        { text, voice, sampleRate, speed },
        wholeEncodingOf(body.right),
        headers
      )
    })

    yield* router.add("POST", `${path}/get_speech`, route(speak, { audio: true }))
    yield* router.add(
      "GET",
      `${path}/get_voices`,
      route((exchange) => Effect.as(account.authenticate(exchange), json({ voices: listed })))
    )
  })
)
