/**
 * The API generation of the vendor's first Python client (November 2024) behind the `SpeechSynthesizer` port: exactly its
 * eight parameters and their defaults.
 *
 * Where that generation is gone, the server answers 404 or 410 and this layer fails with `ModelRetired`. New programs
 * want `WavesSpeechSynthesizer`.
 *
 * @since 0.1.0
 */
import * as Audio from "@effect-smallest/core/Audio"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import { mergeOptions, type SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type { VoiceInfo } from "@effect-smallest/core/Voice"
import * as Wav from "@effect-smallest/core/Wav"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { lightningV1Voices } from "./internal/catalogue.js"
import * as WavesClient from "./WavesClient.js"

/**
 * The parameters of the Python client; its `api_key` belongs to the `WavesClient`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** @default "lightning" */
  readonly model?: SpeechOptions["model"]
  /**
   * 8000 to 48000.
   * @default 24000
   */
  readonly sampleRate?: SpeechOptions["sampleRate"]
  /** @default "emily" */
  readonly voice?: SpeechOptions["voice"]
  /** @default 1 */
  readonly speed?: SpeechOptions["speed"]
  /** @default true */
  readonly addWavHeader?: SpeechOptions["addWavHeader"]
  /** @default false */
  readonly transliterate?: SpeechOptions["transliterate"]
  /** @default true */
  readonly removeExtraSilence?: SpeechOptions["removeExtraSilence"]
}

const module = "LightningV1SpeechSynthesizer"

const defaults: SpeechOptions = {
  model: "lightning",
  voice: "emily",
  speed: 1,
  addWavHeader: true,
  transliterate: false,
  removeExtraSilence: true
}

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
  request: SpeechSynthesizer.ResolvedRequest
): Effect.Effect<void, SpeechError.SpeechError> => {
  const voice = request.voice ?? "emily"
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

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<SpeechSynthesizer.Service, never, WavesClient.WavesClient> =>
  Effect.map(WavesClient.WavesClient, (client) => {
    const request = Effect.fnUntraced(function*(request: SpeechSynthesizer.ResolvedRequest) {
      yield* check(request)
      const model = request.model ?? "lightning"
      const { bytes, requestId } = yield* client.lightningV1({
        text: request.text,
        sample_rate: request.sampleRate,
        voice_id: request.voice ?? "emily",
        add_wav_header: request.addWavHeader ?? true,
        speed: request.speed,
        model,
        transliterate: request.transliterate ?? false,
        remove_extra_silence: request.removeExtraSilence ?? true
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

    return SpeechSynthesizer.make({
      module,
      defaults: { ...mergeOptions(defaults, options), sampleRate: options.sampleRate ?? 24000 },
      honours: ["voice", "model", "transliterate", "removeExtraSilence"],
      sampleRates: { minimum: 8000, maximum: 48000 },
      events: (resolved) =>
        Stream.unwrap(
          Effect.map(request(resolved), ({ audio, requestId }) =>
            SpeechEngine.fromPcm({ text: resolved.text, pcm: Audio.toStream(audio), requestId }))
        ),
      synthesize: (resolved) => Effect.map(request(resolved), ({ audio }) => audio),
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
  options?: Options
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.provide(layer(options), WavesClient.layerConfig())
