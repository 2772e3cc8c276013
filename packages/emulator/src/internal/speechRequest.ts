/**
 * The body of today's speech routes, checked as the vendor checks it.
 */
import type { Pronunciations } from "@effect-smallest/local/TextFrontEnd"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { CatalogueVoice, OutputFormat } from "./catalogue.js"
import * as Catalogue from "./catalogue.js"
import * as Clones from "./clones.js"
import * as Dictionaries from "./dictionaries.js"
import * as Refusal from "./refusal.js"
import { CurrentSettings } from "./settings.js"
import * as V from "./validation.js"

const id = V.optional(V.string({ max: 128, pattern: /^[a-zA-Z0-9_\-.]+$/ }))

/**
 * The fields that all of today's speech requests share, besides `text` and `voice_id`.
 *
 * @internal
 */
export const sharedFields = {
  model: V.withDefault(V.oneOf(Catalogue.models), "lightning_v3.1"),
  speed: V.withDefault(V.number({ min: 0.5, max: 2 }), 1),
  sample_rate: V.withDefault(V.oneOf<number>(Catalogue.sampleRates), 44100),
  language: V.optional(V.string()),
  number_pronunciation_language: V.optional(V.string()),
  math_notation: V.withDefault(V.boolean, false),
  output_format: V.withDefault(V.oneOf<OutputFormat>(Catalogue.outputFormats), "pcm"),
  add_wav_header: V.withDefault(V.boolean, false),
  pronunciation_dicts: V.withDefault(V.array(V.string({ pattern: /^[a-fA-F0-9]{24}$/ }), { max: 100 }), []),
  enhancement: V.nullish(V.oneOf<number>([0, 1, 2])),
  similarity: V.nullish(V.number({ min: 0, max: 1 })),
  save_history: V.withDefault(V.boolean, false),
  word_timestamps: V.withDefault(V.boolean, false),
  session_id: id,
  request_id: id
}

/** @internal */
export const maxTextLength = 8000

const shared = V.object(sharedFields)

/** @internal */
export type SharedFields = V.Checked<typeof shared>

/**
 * A request that the engine can be asked for.
 *
 * @internal
 */
export interface SpeechRequest extends SharedFields {
  readonly text: string
  readonly voice: CatalogueVoice
  readonly pronunciations: Pronunciations
  /** Whether the vendor would send word times if it were asked for them. */
  readonly isAligned: boolean
}

/** @internal */
export interface Service {
  /** Reads the body of an HTTP request. */
  readonly read: (body: unknown) => Effect.Effect<SpeechRequest, Refusal.Refusal>
  /** Checks what the shape of a request does not show: voice, language, entitlement, dictionaries. */
  readonly resolve: (
    body: SharedFields & { readonly text: string; readonly voice_id: string }
  ) => Effect.Effect<SpeechRequest, Refusal.Refusal>
}

/** @internal */
export class SpeechRequests extends Context.Tag("@effect-smallest/emulator/internal/SpeechRequests")<
  SpeechRequests,
  Service
>() {}

const make = Effect.gen(function*() {
  const { assumptions, models, voices } = yield* CurrentSettings
  const clones = yield* Clones.Clones
  const dictionaries = yield* Dictionaries.Dictionaries

  const shape = V.object({
    text: V.string({ min: assumptions.blankText === "refuse" ? 1 : 0, max: maxTextLength, trim: true }),
    voice_id: V.string({ min: 1 }),
    ...sharedFields
  }, { refuseUnknown: assumptions.unknownKeys === "refuse" })

  const invalid = (issues: ReadonlyArray<V.Issue>) => Refusal.invalid(assumptions.validationStatus, issues)

  const resolve: Service["resolve"] = Effect.fnUntraced(function*(body) {
    yield* Catalogue.checkRetired(assumptions, body.model)
    const pool = Catalogue.poolOf(body.model)
    const voice = pool.voices.get(body.voice_id) ?? (yield* clones.voice(body.voice_id, pool.path)) ??
      (voices.has(body.voice_id)
        ? { id: body.voice_id, gender: "female" as const, languages: [] }
        : undefined)
    const language = body.language ?? body.number_pronunciation_language ?? "auto"
    const accepted = ["auto", ...pool.languages, ...pool.unlisted]
    const named = body.language === undefined ? "number_pronunciation_language" : "language"
    const issues = [
      ...(voice === undefined ? [V.custom(["voice_id"], "Invalid Voice ID")] : []),
      ...(accepted.includes(language) ? [] : [
        V.custom(
          [named],
          `Language '${language}' is not supported on the ${body.model} model. Supported languages: ${
            pool.languages.join(", ")
          }`
        )
      ])
    ]
    if (voice === undefined || issues.length > 0) return yield* invalid(issues)
    if (!models.includes(body.model)) {
      return yield* new Refusal.Refusal({
        status: 403,
        body: {
          status: "error",
          error_code: "MODEL_NOT_ENTITLED",
          message: `Your plan does not include the model ${body.model}.`
        }
      })
    }
    const pronunciations = yield* Effect.mapError(
      dictionaries.pronunciations(body.pronunciation_dicts),
      () => new Refusal.Refusal({ status: assumptions.validationStatus, body: { error: "Invalid input data" } })
    )
    return {
      ...body,
      voice,
      pronunciations,
      isAligned: pool.aligned.has(voice.id) && ["auto", "en", "hi"].includes(language)
    }
  })

  return SpeechRequests.of({
    resolve,
    read: (body) => {
      const checked = shape(body, [])
      return Either.isLeft(checked) ? invalid(checked.left) : resolve(checked.right)
    }
  })
})

/** @internal */
export const layer: Layer.Layer<
  SpeechRequests,
  never,
  CurrentSettings | Clones.Clones | Dictionaries.Dictionaries
> = Layer.effect(SpeechRequests, make)
