/**
 * The options of the vendor's current speech models: what they are by default, which the models honour, and how they are
 * spelled on the wire. `WavesSpeechSynthesizer` and `WavesSpeechStream` share them.
 *
 * @since 0.1.0
 */
import * as Language from "@effect-smallest/core/Language"
import type * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import { mergeOptions, type SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import {
  type lightningV1Voices,
  proLanguages,
  type proVoices,
  standardLanguages,
  type standardVoices
} from "./internal/catalogue.js"
import type * as WavesSchema from "./WavesSchema.js"

declare module "@effect-smallest/core/Voice" {
  interface KnownVoices extends
    Record<
      | (typeof proVoices)[number]["id"]
      | (typeof standardVoices)[number]["id"]
      | (typeof lightningV1Voices)[number]
      | "brannock"
      | "rhodes",
      true
    >
  {}
}

declare module "@effect-smallest/core/Model" {
  interface KnownModels extends
    Record<
      | "lightning_v3.1_pro"
      | "lightning_v3.1"
      | "lightning_v3.1_pro_07_26"
      | "lightning_v3.1_pro_10_26"
      | "lightning_v4"
      | "lightning",
      true
    >
  {}
}

/**
 * What only today's API knows: `provider: { waves: { ... } }` in a request.
 *
 * @since 0.1.0
 * @category schemas
 */
export const WavesOptions = Schema.Struct({
  /** Ids of pronunciation dictionaries of the account: 24 hexadecimal digits each. */
  pronunciationDictionaries: Schema.optional(
    Schema.Array(Schema.String.pipe(Schema.pattern(/^[a-fA-F0-9]{24}$/, {
      message: () => "must be ids of 24 hexadecimal digits"
    })))
  ),
  /** Language in which numbers are read, if it differs from the text's. */
  numberPronunciationLanguage: Schema.optional(Language.Language),
  /** Whether an operator between digits is read as a word: `2 + 2` as "two plus two". */
  mathNotation: Schema.optional(Schema.Boolean),
  /** Strength of the vendor's audio enhancement: 0, 1 or 2. */
  enhancement: Schema.optional(Schema.Literal(0, 1, 2)),
  /** How closely a cloned voice follows its sample: 0 to 1. */
  similarity: Schema.optional(Schema.Number.pipe(Schema.between(0, 1))),
  /** Whether the vendor keeps text and audio in the account's history. */
  saveHistory: Schema.optional(Schema.Boolean)
})

/**
 * @since 0.1.0
 * @category models
 */
export interface WavesOptions extends Schema.Schema.Type<typeof WavesOptions> {}

declare module "@effect-smallest/core/SpeechRequest" {
  interface ProviderOptions {
    /** Options of today's API of Smallest AI. */
    readonly waves?: WavesOptions | undefined
  }
}

/**
 * What a layer uses if a request says nothing.
 *
 * `language` is left to the model unless it is set. `removeExtraSilence` is done here, after the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<SpeechOptions, "provider">, WavesOptions {
  /** @default "lightning_v3.1_pro" */
  readonly model?: SpeechOptions["model"]
  /** @default "meher" */
  readonly voice?: SpeechOptions["voice"]
  /**
   * 8000, 16000, 24000 or 44100 Hz.
   * @default 24000
   */
  readonly sampleRate?: SpeechOptions["sampleRate"]
  /** @default 1 */
  readonly speed?: SpeechOptions["speed"]
}

/**
 * The sample rates that the API makes, in hertz.
 *
 * @since 0.1.0
 * @category constants
 */
export const sampleRates: ReadonlyArray<number> = [8000, 16000, 24000, 44100]

/**
 * What the models can do, for the module that asks them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const capabilities = (module: string): SpeechEngine.Capabilities => ({
  module,
  vendor: "smallest_ai",
  sampleRates,
  maxTextLength: 8000, // the limit of the vendor's API
  provider: { name: "waves", schema: WavesOptions }
})

/**
 * The options of a layer with the defaults of the API.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defaults = (options: Options): Defaults => {
  const { language, model, removeExtraSilence, sampleRate, speed, voice } = options
  const waves = Struct.pick(options, ...Struct.keys(WavesOptions.fields))
  return {
    ...mergeOptions({}, { language, removeExtraSilence, provider: isEmpty(waves) ? undefined : { waves } }),
    model: model ?? "lightning_v3.1_pro",
    voice: voice ?? "meher",
    speed: speed ?? 1,
    sampleRate: sampleRate ?? 24000
  }
}

const isEmpty = (options: WavesOptions): boolean => Object.values(options).every((value) => value === undefined)

/**
 * @since 0.1.0
 * @category models
 */
export interface Defaults extends SpeechEngine.Defaults {
  readonly model: string
  readonly voice: string
}

const known = new Map<string, ReadonlyArray<string>>([
  ["lightning_v3.1_pro", proLanguages],
  ["lightning_v3.1", [...standardLanguages, "he"]],
  ["lightning_v4", ["en"]]
])

/**
 * The languages that a model speaks, if it is a known one.
 *
 * @since 0.1.0
 * @category accessors
 */
export const languagesOf = (model: string): ReadonlyArray<string> | undefined => known.get(model)

/**
 * A model as paths and the account's API spell it: `lightning-v3.1-pro` for `lightning_v3.1_pro`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const pathOf = (model: string): string => model.replaceAll("_", "-")

/**
 * A model as speech spells it: `lightning_v3.1_pro` for `lightning-v3.1-pro`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const modelOfPath = (path: string): string => path.replaceAll("-", "_")

/**
 * Refuses a language that the model is known not to speak: the server would, and saying so here costs no request. Models
 * that are not known are left to the server.
 *
 * @since 0.1.0
 * @category combinators
 */
export const checkLanguage = (
  at: { readonly module: string; readonly method: string },
  { language, model }: SpeechOptions
): Effect.Effect<void, SpeechError.InvalidSpeechRequest> => {
  const spoken = model === undefined ? undefined : known.get(model)
  return language === undefined || language === "auto" || spoken === undefined || spoken.includes(language)
    ? Effect.void
    : new SpeechError.InvalidSpeechRequest({
      ...at,
      parameter: "language",
      description: `The model ${model} does not speak ${Language.name(language)}; it speaks ${spoken.join(", ")}`
    })
}

/**
 * The options in the vendor's spelling.
 *
 * @since 0.1.0
 * @category combinators
 */
export const toBody = (
  { language, model, provider, sampleRate, speed, voice = "" }: SpeechEngine.ResolvedOptions
): Omit<WavesSchema.SpeechBody, "text"> => ({
  voice_id: voice,
  model,
  sample_rate: sampleRate,
  speed,
  language,
  output_format: "pcm",
  number_pronunciation_language: provider?.waves?.numberPronunciationLanguage,
  math_notation: provider?.waves?.mathNotation,
  pronunciation_dicts: provider?.waves?.pronunciationDictionaries,
  enhancement: provider?.waves?.enhancement,
  similarity: provider?.waves?.similarity,
  save_history: provider?.waves?.saveHistory
})
