/**
 * The API of 2024 and 2025: routes that name a model in their path.
 *
 * Under `/waves/v1` the large and v2 models have been gone since May 2026; the switch `legacy` decides about the rest.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Account from "./account.js"
import * as Catalogue from "./catalogue.js"
import * as Clones from "./clones.js"
import * as Dictionaries from "./dictionaries.js"
import * as Exchange from "./exchange.js"
import * as LiveMessage from "./liveMessage.js"
import * as LiveRoutes from "./liveRoutes.js"
import * as LiveSocket from "./liveSocket.js"
import * as Refusal from "./refusal.js"
import { CurrentSettings } from "./settings.js"
import type { Output, Utterance } from "./speech.js"
import { type SharedFields, sharedFields } from "./speechRequest.js"
import { SpeechAnswers, SpeechHandlers, wholeEncodingOf } from "./speechRoutes.js"
import * as V from "./validation.js"

/** @internal */
export const prefixes = ["/api/v1", "/waves/v1"] as const

/** @internal */
export type Prefix = (typeof prefixes)[number]

/**
 * Whether a route of an old model is served, by today's date or by the switch.
 *
 * @internal
 */
export const gate = (
  legacy: "serve" | 404 | 410,
  prefix: Prefix,
  model: string
): Effect.Effect<void, Refusal.Refusal> =>
  prefix === "/waves/v1" && (model === "lightning-large" || model === "lightning-v2")
    ? Refusal.gone
    : legacy === "serve"
    ? Effect.void
    : legacy === 404
    ? Refusal.notFound
    : Refusal.gone

/**
 * A refusal in the shape that the documentation of those years showed.
 *
 * @internal
 */
export const documented = (refusal: Refusal.Refusal): Refusal.Refusal => {
  const body: unknown = refusal.body
  const said: unknown = typeof body === "object" && body !== null && "error" in body ? body.error : undefined
  const named = refusal.status === 401
    ? "Unauthorized"
    : refusal.status < 500
    ? "InvalidRequest"
    : "InternalServerError"
  return refusal.status === 404 || refusal.status === 410 || refusal.status === 429
    ? refusal
    : new Refusal.Refusal({
      status: refusal.status,
      body: {
        error: named,
        message: refusal.status === 401
          ? "The API key is missing or not valid."
          // Issues are the only arrays that refusals hold.
          : Array.isArray(said)
          ? V.describe(said as ReadonlyArray<V.Issue>)
          : String(said)
      }
    })
}

const mp3Rates: ReadonlyArray<number> = [8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]

// The model of the body is that of the path; the type wants one of today's.
const anyModel: V.Check<Catalogue.Model> = () => Either.right("lightning_v3.1")

const legacyFields = (speed: { readonly min: number; readonly max: number }) => ({
  ...sharedFields,
  model: anyModel,
  sample_rate: V.withDefault(V.number({ min: 8000, max: 48_000, integer: true }), 24_000),
  speed: V.withDefault(V.number(speed), 1),
  transliterate: V.withDefault(V.boolean, false),
  remove_extra_silence: V.withDefault(V.boolean, false),
  consistency: V.nullish(V.number({ min: 0, max: 1 })),
  similarity: V.nullish(V.number({ min: 0, max: 1 })),
  enhancement: V.nullish(V.number({ min: 0, max: 2 }))
})

const eventOfLightning = (requestId: string) => (output: Output): string => {
  const event = (fields: Readonly<Record<string, unknown>>) => `data: ${JSON.stringify(fields)}\n\n`
  const chunk = (audio: string) => event({ request_id: requestId, status: "chunk", data: { audio } })
  switch (output._tag) {
    case "Audio":
      return chunk(Encoding.encodeBase64(output.bytes))
    case "BadBase64":
      return chunk("*not base64*")
    case "Malformed":
      return "data: {\"request_id\": \"\n\n"
    case "Failed":
      return event({ status: "error", message: output.message, errors: [output.message] })
    case "End":
      return event({ request_id: requestId, status: "complete", message: "All chunks sent", done: true })
    case "Cut":
    case "Word":
      return ""
  }
}

const eventOfLarge = (output: Output): string => {
  const event = (name: string, fields: Readonly<Record<string, unknown>>) =>
    `event: ${name}\ndata: ${JSON.stringify(fields)}\n\n`
  switch (output._tag) {
    case "Audio":
      return event("chunk", { audio: Encoding.encodeBase64(output.bytes) })
    case "BadBase64":
      return event("chunk", { audio: "*not base64*" })
    case "Malformed":
      return "event: chunk\ndata: {\"audio\": \"\n\n"
    case "Failed":
      return event("error", { status: "error", message: output.message, errors: [output.message] })
    case "End":
      return event("complete", { status: "complete", message: "All chunks sent", done: true })
    case "Cut":
    case "Word":
      return ""
  }
}

/** The speeds that our engines have. The old WebSocket allowed more. */
const clampSpeed = (speed: number): number => Math.min(2, Math.max(0.5, speed))

/** @internal */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { assumptions, legacy, voices } = yield* CurrentSettings
    const account = yield* Account.Account
    const answers = yield* SpeechAnswers
    const clones = yield* Clones.Clones
    const dictionaries = yield* Dictionaries.Dictionaries
    const today = yield* SpeechHandlers
    const liveDialect = yield* LiveRoutes.TodaysDialect
    const sockets = yield* LiveSocket.LiveSockets
    const { route } = yield* Exchange.Exchanges

    const invalid = (issues: ReadonlyArray<V.Issue>) => Refusal.invalid(assumptions.validationStatus, issues)

    const asDocumented = <A, R>(effect: Effect.Effect<A, Refusal.Refusal, R>) =>
      assumptions.legacyErrors === "documented" ? Effect.mapError(effect, documented) : effect

    const toUtterance = Effect.fnUntraced(function*(
      model: string,
      body: SharedFields & { readonly text: string; readonly voice_id: string; readonly remove_extra_silence?: boolean }
    ) {
      const voice = Catalogue.legacyVoices.get(body.voice_id) ?? (yield* clones.voice(body.voice_id, model)) ??
        (voices.has(body.voice_id) ? { id: body.voice_id, gender: "female" as const } : undefined)
      const languages = Catalogue.legacyModels[model] ?? []
      const issues = [
        ...(voice === undefined ? [V.custom(["voice_id"], "Invalid Voice ID")] : []),
        ...(body.language === undefined || body.language === "auto" || languages.includes(body.language) ? [] : [
          V.custom(
            ["language"],
            `Language '${body.language}' is not supported on the ${model} model. Supported languages: ${
              languages.join(", ")
            }`
          )
        ]),
        ...(body.output_format === "mp3" && !mp3Rates.includes(body.sample_rate)
          ? [V.custom(["sample_rate"], `MP3 has no ${body.sample_rate} Hz; it has ${mp3Rates.join(", ")}`)]
          : [])
      ]
      if (voice === undefined || issues.length > 0) return yield* invalid(issues)
      const utterance: Utterance = {
        text: body.text,
        voice,
        sampleRate: body.sample_rate,
        speed: clampSpeed(body.speed),
        removeExtraSilence: body.remove_extra_silence,
        pronunciations: yield* Effect.mapError(
          dictionaries.pronunciations(body.pronunciation_dicts),
          (id) => invalid([V.custom(["pronunciation_dicts"], `There is no pronunciation dictionary ${id}`)])
        )
      }
      return utterance
    })

    const shape = (longest: number) =>
      V.object({
        text: V.string({ min: assumptions.legacyBlankText === "refuse" ? 1 : 0, max: longest, trim: true }),
        voice_id: V.string({ min: 1 }),
        ...legacyFields({ min: 0.5, max: 2 })
      }, { refuseUnknown: assumptions.unknownKeys === "refuse" })

    const begin = Effect.fnUntraced(function*(
      exchange: Exchange.Exchange,
      prefix: Prefix,
      model: string,
      longest: number
    ) {
      yield* gate(legacy, prefix, model)
      return yield* asDocumented(Effect.gen(function*() {
        yield* account.authenticate(exchange)
        const body = shape(longest)(yield* exchange.readJson, [])
        if (Either.isLeft(body)) return yield* invalid(body.left)
        const utterance = yield* toUtterance(model, body.right)
        yield* account.permit
        return { utterance, encoding: wholeEncodingOf(body.right) }
      }))
    })

    const whole = (prefix: Prefix, model: string): Exchange.Handler =>
      Effect.fnUntraced(function*(exchange) {
        const { encoding, utterance } = yield* begin(exchange, prefix, model, assumptions.legacyTextMax)
        return yield* answers.whole(exchange, utterance, encoding, {})
      })

    const events = (prefix: Prefix, model: string): Exchange.Handler =>
      Effect.fnUntraced(function*(exchange) {
        const { utterance } = yield* begin(
          exchange,
          prefix,
          model,
          model === "lightning" ? 1000 : assumptions.legacyTextMax
        )
        const frame = model === "lightning" ? eventOfLightning(exchange.id) : eventOfLarge
        return answers.events(exchange, utterance, "pcm", { frame, headers: {} })
      })

    const dialect = (model: string): LiveSocket.Dialect => ({
      read: LiveMessage.reader(legacyFields({ min: 0.1, max: 5 }), assumptions),
      ready: (spoken) =>
        Effect.map(
          toUtterance(model, spoken),
          (utterance) => ({ utterance, encoding: "pcm" as const, wantsWords: false })
        ),
      envelope: (_, ids) => ({
        request_id: assumptions.legacyRequestId === "client"
          ? ids.external_request_id ?? ids.request_id
          : ids.request_id
      }),
      complete: { message: "All chunks sent", done: true },
      idleTimeout: 20,
      backoffAtEnd: Duration.zero
    })

    const live = (prefix: Prefix, model: string, dialect: LiveSocket.Dialect): Exchange.Handler => (exchange) =>
      Exchange.isUpgrade(exchange.headers)
        ? Effect.zipRight(gate(legacy, prefix, model), sockets.serve(exchange, dialect))
        : Refusal.notFound

    const gated = (prefix: Prefix, model: string, handler: Exchange.Handler): Exchange.Handler => (exchange) =>
      Effect.zipRight(gate(legacy, prefix, model), handler(exchange))

    const audio = { audio: true }
    for (const prefix of prefixes) {
      for (const model of Object.keys(Catalogue.legacyModels)) {
        yield* router.add("POST", `${prefix}/${model}/get_speech`, route(whole(prefix, model), audio))
        yield* router.add("POST", `${prefix}/${model}/get_speech_long_text`, route(whole(prefix, model), audio))
        yield* router.add("POST", `${prefix}/${model}/stream`, route(events(prefix, model), audio))
        yield* router.add(
          "GET",
          `${prefix}/${model}/get_speech/stream`,
          route(live(prefix, model, dialect(model)), audio)
        )
      }
      for (const model of ["lightning_v3.1", "lightning_v3.1_pro"] as const) {
        const { path } = Catalogue.poolOf(model)
        const at = `${prefix}/${path}` as const
        yield* router.add("POST", `${at}/get_speech`, route(gated(prefix, path, today.whole(model)), audio))
        yield* router.add("POST", `${at}/stream`, route(gated(prefix, path, today.events(model)), audio))
        yield* router.add("GET", `${at}/get_speech/stream`, route(live(prefix, path, liveDialect(model)), audio))
      }
    }
    yield* router.add("*", "/waves/v1/prof-voice-cloning/*", route(() => Refusal.gone))
  })
)
