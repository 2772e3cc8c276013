import * as Language from "@effect-smallest/core/Language"
import type * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import { mergeOptions, type SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as Effect from "effect/Effect"
import * as Struct from "effect/Struct"
import type * as WavesSchema from "../WavesSchema.js"
import { languagesOf, type Options, sampleRates, WavesOptions } from "../WavesSpeechOptions.js"

/**
 * What the models can do, for the module that asks them.
 *
 * @internal
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
 * @internal
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
 * @internal
 */
export interface Defaults extends SpeechEngine.Defaults {
  readonly model: string
  readonly voice: string
}

/**
 * A model as paths and the account's API spell it: `lightning-v3.1-pro` for `lightning_v3.1_pro`.
 *
 * @internal
 */
export const pathOf = (model: string): string => model.replaceAll("_", "-")

/**
 * A model as speech spells it: `lightning_v3.1_pro` for `lightning-v3.1-pro`.
 *
 * @internal
 */
export const modelOfPath = (path: string): string => path.replaceAll("-", "_")

/**
 * Refuses the model that is spoken in conversations only: it has no route for single texts.
 *
 * @internal
 */
export const checkModel = (
  at: { readonly module: string; readonly method: string },
  { model }: SpeechOptions
): Effect.Effect<void, SpeechError.InvalidSpeechRequest> =>
  model === "lightning_v4"
    ? new SpeechError.InvalidSpeechRequest({
      ...at,
      parameter: "model",
      description: "lightning_v4 speaks in conversations only",
      advice: "Use WavesConversation.layer, in Node NodeSpeech.layerConversation."
    })
    : Effect.void

/**
 * Refuses a language that the model is known not to speak: the server would, and saying so here costs no request. Models
 * that are not known are left to the server.
 *
 * @internal
 */
export const checkLanguage = (
  at: { readonly module: string; readonly method: string },
  { language, model }: SpeechOptions
): Effect.Effect<void, SpeechError.InvalidSpeechRequest> => {
  const spoken = model === undefined ? undefined : languagesOf(model)
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
 * @internal
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
