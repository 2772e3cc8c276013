/**
 * Today's cloud API of Smallest AI behind the `SpeechSynthesizer` port.
 *
 * Streams come over `POST /waves/v1/tts/live` as they are made, whole audio over `POST /waves/v1/tts`. Word times are a
 * matter of the vendor's WebSocket, so this layer has none.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Audio from "./Audio.js"
import { proLanguages, proVoices, standardLanguages, standardVoices } from "./internal/catalogue.js"
import * as SpeechEvents from "./internal/speechEvents.js"
import * as Language from "./Language.js"
import type { Model } from "./Model.js"
import * as Pcm from "./Pcm.js"
import * as SpeechError from "./SpeechError.js"
import { mergeOptions, type SpeechOptions } from "./SpeechRequest.js"
import * as SpeechSynthesizer from "./SpeechSynthesizer.js"
import * as Voice from "./Voice.js"
import * as WavesClient from "./WavesClient.js"
import type * as WavesSchema from "./WavesSchema.js"

/**
 * What the layer uses where a request says nothing.
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

const models: ReadonlyArray<Model> = ["lightning_v3.1_pro", "lightning_v3.1"]

const languages: ReadonlyArray<Language.Language> = ["auto", ...proLanguages]

const voicesOf = (
  model: Model,
  voices: ReadonlyArray<{
    readonly id: string
    readonly gender: "female" | "male"
    readonly languages: ReadonlyArray<string>
    readonly accent?: string
  }>
): ReadonlyArray<Voice.VoiceInfo> =>
  voices.map((voice) => ({
    ...voice,
    id: Voice.make(voice.id),
    name: voice.id.charAt(0).toUpperCase() + voice.id.slice(1),
    models: [model]
  }))

const voices: ReadonlyArray<Voice.VoiceInfo> = [
  ...voicesOf("lightning_v3.1_pro", proVoices),
  ...voicesOf("lightning_v3.1", standardVoices)
]

const known: Record<string, ReadonlyArray<string>> = {
  "lightning_v3.1_pro": proLanguages,
  "lightning_v3.1": [...standardLanguages, "he"]
}

// The server refuses a language that a model does not speak; saying so here costs no request. Models that we do not know
// are left to the server.
const checkLanguage = (
  request: SpeechSynthesizer.ResolvedRequest
): Effect.Effect<void, SpeechError.InvalidSpeechRequest> => {
  const { language, model } = request
  const spoken = model === undefined ? undefined : known[model]
  return language === undefined || language === "auto" || spoken === undefined || spoken.includes(language)
    ? Effect.void
    : new SpeechError.InvalidSpeechRequest({
      module: "WavesSpeechSynthesizer",
      method: "events",
      parameter: "language",
      description: `The model ${model} does not speak ${Language.name(language)}; it speaks ${spoken.join(", ")}`
    })
}

const body = (
  request: SpeechSynthesizer.ResolvedRequest,
  outputFormat: "pcm" | "mp3"
): WavesSchema.SpeechBody => ({
  text: request.text,
  voice_id: request.voice ?? "meher",
  model: request.model,
  sample_rate: request.sampleRate,
  speed: request.speed,
  language: request.language,
  output_format: outputFormat,
  number_pronunciation_language: request.numberPronunciationLanguage,
  math_notation: request.mathNotation,
  pronunciation_dicts: request.pronunciationDictionaries,
  enhancement: request.enhancement,
  similarity: request.similarity,
  save_history: request.saveHistory
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<SpeechSynthesizer.Service, never, WavesClient.WavesClient> =>
  Effect.map(WavesClient.WavesClient, (client) => {
    const at = (method: string, requestId: string | undefined) => ({
      module: "WavesSpeechSynthesizer",
      method,
      requestId
    })
    return SpeechSynthesizer.make({
      module: "WavesSpeechSynthesizer",
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
      sampleRates,
      events: (request) =>
        Stream.unwrapScoped(Effect.gen(function*() {
          yield* checkLanguage(request)
          const { bytes, requestId } = yield* client.stream(body(request, "pcm"))
          const pcm = bytes.pipe(
            Pcm.fromBytes(Pcm.format(request.sampleRate)),
            Stream.catchTag(
              "PcmError",
              (error) => Stream.fail(SpeechEvents.fromPcmError(at("events", requestId))(error))
            )
          )
          return SpeechEvents.ofPcm({ text: request.text, pcm, requestId })
        })),
      synthesize: Effect.fnUntraced(function*(request) {
        yield* checkLanguage(request)
        const { bytes, requestId } = yield* client.synthesize(body(request, "pcm"))
        if (bytes.length % 2 !== 0) {
          return yield* new SpeechError.TruncatedAudio({
            ...at("synthesize", requestId),
            description: `The audio ended inside a sample: ${bytes.length} bytes`
          })
        }
        return Audio.unsafeMake(Pcm.format(request.sampleRate), bytes)
      }),
      mp3: Effect.fnUntraced(function*(request) {
        yield* checkLanguage(request)
        return (yield* client.synthesize(body(request, "mp3"))).bytes
      }),
      voices: Effect.succeed(voices),
      models: Effect.succeed(models),
      languages: Effect.succeed(languages)
    })
  })

/**
 * Today's API over a `WavesClient` that is there already; several layers over one client share its permits.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, never, WavesClient.WavesClient> =>
  Layer.effect(SpeechSynthesizer.SpeechSynthesizer, make(options))

/**
 * Today's API with a client of its own: the key from `SMALLEST_API_KEY`, the base URL from `SMALLEST_BASE_URL`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options?: Options
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.provide(layer(options), WavesClient.layerConfig())
