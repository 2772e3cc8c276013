/**
 * The options of the vendor's current speech models: what they are by default, which the models honour, and how they are
 * spelled on the wire. `WavesSpeechSynthesizer` and `WavesSpeechStream` share them.
 *
 * @since 0.1.0
 */
import * as Language from "@effect-smallest/core/Language"
import type { ResolvedOptions, SpeechCapabilities } from "@effect-smallest/core/SpeechCapabilities"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import { mergeOptions, type SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as Effect from "effect/Effect"
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
      | (typeof lightningV1Voices)[number],
      true
    >
  {}
}

declare module "@effect-smallest/core/Model" {
  interface KnownModels extends
    Record<
      "lightning_v3.1_pro" | "lightning_v3.1" | "lightning_v3.1_pro_07_26" | "lightning_v3.1_pro_10_26" | "lightning",
      true
    >
  {}
}

/**
 * What a layer uses where a request says nothing.
 *
 * `language` is left to the model unless it is set. `removeExtraSilence` is done here, after the server; the server's API
 * has no `transliterate` any more, so that option fails.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends SpeechOptions {
  /** @default "lightning_v3.1_pro" */
  readonly model?: SpeechOptions["model"]
  /** @default "meher" */
  readonly voice?: SpeechOptions["voice"]
  /**
   * 8000, 16000, 24000 or 44100.
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
 * What the models do with options, for the module that asks them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const capabilities = (module: string, options: Options): SpeechCapabilities => ({
  module,
  defaults: {
    ...mergeOptions({ model: "lightning_v3.1_pro", voice: "meher", speed: 1 }, options),
    sampleRate: options.sampleRate ?? 24000
  },
  honours: [
    "voice",
    "model",
    "pronunciationDictionaries",
    "numberPronunciationLanguage",
    "mathNotation",
    "enhancement",
    "similarity",
    "saveHistory"
  ],
  sampleRates
})

const known = new Map<string, ReadonlyArray<string>>([
  ["lightning_v3.1_pro", proLanguages],
  ["lightning_v3.1", [...standardLanguages, "he"]]
])

/**
 * The languages that a model speaks, where it is a known one.
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
export const toBody = (options: ResolvedOptions): Omit<WavesSchema.SpeechBody, "text"> => ({
  voice_id: options.voice ?? "meher",
  model: options.model,
  sample_rate: options.sampleRate,
  speed: options.speed,
  language: options.language,
  output_format: "pcm",
  number_pronunciation_language: options.numberPronunciationLanguage,
  math_notation: options.mathNotation,
  pronunciation_dicts: options.pronunciationDictionaries,
  enhancement: options.enhancement,
  similarity: options.similarity,
  save_history: options.saveHistory
})
