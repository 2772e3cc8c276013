/**
 * The API generation of the vendor's first Python client (November 2024) behind the `SpeechSynthesizer` port: exactly its
 * eight parameters and their defaults.
 *
 * If that generation is gone, the server answers 404 or 410 and this layer fails with `ModelRetired`. New programs
 * want `WavesSpeechSynthesizer`.
 *
 * @since 0.1.0
 */
import * as Audio from "@effect-smallest/core/Audio"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type { ProviderOptions, SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type { VoiceInfo } from "@effect-smallest/core/Voice"
import * as Wav from "@effect-smallest/core/Wav"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import { lightningV1Voices } from "./internal/catalogue.js"
import { unwrapConfig } from "./internal/unwrapConfig.js"
import * as WavesClient from "./WavesClient.js"

/**
 * What only this generation knows: `provider: { lightningV1: { ... } }` in a request.
 *
 * @since 0.1.0
 * @category schemas
 */
export const LightningV1Options = Schema.Struct({
  /** Whether the server puts a WAV header before the audio, and so whether `bytes` does if the request names no `outputFormat`. */
  addWavHeader: Schema.optional(Schema.Boolean),
  /** Whether Latin-script text of another language is written in that language's own script before it is spoken. */
  transliterate: Schema.optional(Schema.Boolean)
})

/**
 * @since 0.1.0
 * @category models
 */
export interface LightningV1Options extends Schema.Schema.Type<typeof LightningV1Options> {}

declare module "@effect-smallest/core/SpeechRequest" {
  interface ProviderOptions {
    /** Options of Smallest AI's API of 2024. */
    readonly lightningV1?: LightningV1Options | undefined
  }
}

/**
 * The parameters of the Python client; its `api_key` belongs to the `WavesClient`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends LightningV1Options {
  /** @default "lightning" */
  readonly model?: SpeechOptions["model"]
  /**
   * 8000 to 48000 Hz.
   * @default 24000
   */
  readonly sampleRate?: SpeechOptions["sampleRate"]
  /** @default "emily" */
  readonly voice?: SpeechOptions["voice"]
  /** @default 1 */
  readonly speed?: SpeechOptions["speed"]
  /** @default true */
  readonly addWavHeader?: boolean | undefined
  /** @default false */
  readonly transliterate?: boolean | undefined
  /** @default true */
  readonly removeExtraSilence?: SpeechOptions["removeExtraSilence"]
}

const module = "LightningV1SpeechSynthesizer"

/**
 * What each option of the layer must be.
 *
 * @internal
 */
export const rules: LayerOptions.Rules<Options> = {
  ...Struct.omit(LayerOptions.speech, "provider", "language"),
  addWavHeader: LayerOptions.byRequest,
  transliterate: LayerOptions.byRequest
}

const checkLayer = LayerOptions.make<Options>(`${module}.layer`, rules)

const voices: ReadonlyArray<VoiceInfo> = lightningV1Voices.map((id) => ({
  id,
  name: id.charAt(0).toUpperCase() + id.slice(1),
  languages: ["en", "hi"],
  models: ["lightning"]
}))

const retired = (model: string) => (error: SpeechError.SpeechError): SpeechError.SpeechError =>
  error._tag === "ModelRetired" || (error._tag === "ServerFailure" && error.status === 404)
    ? new SpeechError.ModelRetired({
      module,
      method: error.method,
      model,
      requestId: error.requestId,
      description: "This API generation is retired"
    })
    : error

const check = (
  request: SpeechEngine.ResolvedRequest
): Effect.Effect<void, SpeechError.SpeechError> => {
  const { voice = "" } = request
  if (request.language !== undefined && request.language !== "en" && request.language !== "hi") {
    return new SpeechError.InvalidSpeechRequest({
      module,
      method: "synthesize",
      parameter: "language",
      description: `The model lightning speaks en and hi, not ${request.language}`
    })
  }
  return voices.some(({ id }) => id === voice) ? Effect.void : new SpeechError.UnknownVoice({
    module,
    method: "synthesize",
    voice,
    available: lightningV1Voices,
    description: `The model lightning has no voice "${voice}"`
  })
}

// The flag says what the server should send; the bytes say what it sent.
const isWav = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x52 && bytes[1] === 0x49 && bytes[2] === 0x46 && bytes[3] === 0x46

const hasHeader = (provider: ProviderOptions | undefined): boolean => provider?.lightningV1?.addWavHeader !== false

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<SpeechSynthesizer.Service, never, WavesClient.WavesClient> =>
  Effect.map(WavesClient.WavesClient, (client) => {
    checkLayer(options)
    const {
      addWavHeader = true,
      model = "lightning",
      removeExtraSilence = true,
      sampleRate = 24000,
      speed = 1,
      transliterate = false,
      voice = "emily"
    } = options
    const defaults = {
      model,
      voice,
      speed,
      sampleRate,
      removeExtraSilence,
      provider: { lightningV1: { addWavHeader, transliterate } }
    }

    const request = Effect.fnUntraced(function*(request: SpeechEngine.ResolvedRequest) {
      yield* check(request)
      const { model = defaults.model, provider, voice = defaults.voice } = request
      const { bytes, requestId } = yield* client.lightningV1({
        text: request.text,
        sample_rate: request.sampleRate,
        voice_id: voice,
        add_wav_header: hasHeader(provider),
        speed: request.speed,
        model,
        transliterate: provider?.lightningV1?.transliterate === true,
        remove_extra_silence: request.removeExtraSilence === true
      }).pipe(Effect.mapError(retired(model)))
      const at = { module, method: "synthesize", requestId }
      if (!isWav(bytes)) {
        return bytes.length % 2 === 0
          ? { audio: Audio.unsafeMake(Pcm.format(request.sampleRate), bytes), requestId }
          : yield* new SpeechError.TruncatedAudio({
            ...at,
            description: `The audio ended inside a sample: ${bytes.length} bytes`
          })
      }
      const audio = yield* Either.mapLeft(Wav.decode(bytes), (error) =>
        error.reason === "Corrupt"
          ? new SpeechError.TruncatedAudio({ ...at, description: error.description })
          : new SpeechError.MalformedResponse({ ...at, description: error.description }))
      if (audio.bytes.length === 0) {
        return yield* new SpeechError.EmptyAudio({ ...at, description: "The server sent a WAV file without audio" })
      }
      return { audio, requestId }
    })

    return SpeechEngine.make({
      module,
      defaults,
      honours: ["voice", "model", "removeExtraSilence"],
      maxTextLength: 8000,
      provider: { name: "lightningV1", schema: LightningV1Options },
      outputFormat: ({ provider }) => hasHeader(provider) ? "wav" : "pcm",
      sampleRates: { minimum: 8000, maximum: 48000 },
      events: (resolved) =>
        Stream.unwrap(
          Effect.map(request(resolved), ({ audio, requestId }) =>
            SpeechEngine.fromPcm({ text: resolved.text, pcm: Audio.toStream(audio), requestId }))
        ),
      synthesize: (resolved) => Effect.map(request(resolved), ({ audio, requestId }) => ({ ...audio, requestId })),
      voices: Effect.succeed(voices),
      models: Effect.succeed(["lightning"]),
      languages: Effect.succeed(["en", "hi"])
    })
  })

/**
 * The API of 2024 over a `WavesClient` that is there already.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, never, WavesClient.WavesClient> =>
  Layer.effect(SpeechSynthesizer.SpeechSynthesizer, make(options))

/**
 * The API of 2024 with a client of its own: the key from `SMALLEST_API_KEY`, the base URL from `SMALLEST_BASE_URL`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options> = {}
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.provide(
    Layer.unwrapEffect(
      Effect.map(Effect.flatMap(unwrapConfig(options), LayerOptions.orConfigError(checkLayer)), layer)
    ),
    WavesClient.layerConfig()
  )
