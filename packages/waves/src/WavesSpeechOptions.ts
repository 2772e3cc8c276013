/**
 * The options of the vendor's current speech models, which `WavesSpeechSynthesizer` and `WavesSpeechStream` share, and what the models
 * speak.
 *
 * @since 0.1.0
 */
import * as Language from "@effect-smallest/core/Language"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import {
  type lightningV1Voices,
  proLanguages,
  type proVoices,
  standardLanguages,
  type standardVoices
} from "./internal/catalogue.js"

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
 * What each option of a layer must be.
 *
 * @internal
 */
export const rules: LayerOptions.Rules<Options> = {
  ...Struct.omit(LayerOptions.speech, "provider"),
  pronunciationDictionaries: LayerOptions.byRequest,
  numberPronunciationLanguage: LayerOptions.byRequest,
  mathNotation: LayerOptions.byRequest,
  enhancement: LayerOptions.byRequest,
  similarity: LayerOptions.byRequest,
  saveHistory: LayerOptions.byRequest
}

/**
 * The sample rates that the API makes, in hertz.
 *
 * @since 0.1.0
 * @category constants
 */
export const sampleRates: ReadonlyArray<number> = [8000, 16000, 24000, 44100]

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
