/**
 * Today's cloud API of Smallest AI behind the `SpeechSynthesizer` port.
 *
 * Streams come over `POST /waves/v1/tts/live` as they are made, whole audio over `POST /waves/v1/tts`. Word times are a
 * matter of the vendor's WebSocket, so this layer has none.
 *
 * @since 0.1.0
 */
import * as Audio from "@effect-smallest/core/Audio"
import * as ForeignAudio from "@effect-smallest/core/ForeignAudio"
import type { Language } from "@effect-smallest/core/Language"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import type { Model } from "@effect-smallest/core/Model"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type * as Voice from "@effect-smallest/core/Voice"
import * as Wav from "@effect-smallest/core/Wav"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { proLanguages, proVoices, standardVoices } from "./internal/catalogue.js"
import { unwrapConfig } from "./internal/unwrapConfig.js"
import * as WavesOptions from "./internal/wavesOptions.js"
import * as WavesClient from "./WavesClient.js"
import * as WavesSpeechOptions from "./WavesSpeechOptions.js"

const models: ReadonlyArray<Model> = ["lightning_v3.1_pro", "lightning_v3.1"]

const languages: ReadonlyArray<Language> = ["auto", ...proLanguages]

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
    id: voice.id,
    name: voice.id.charAt(0).toUpperCase() + voice.id.slice(1),
    models: [model]
  }))

const voices: ReadonlyArray<Voice.VoiceInfo> = [
  ...voicesOf("lightning_v3.1_pro", proVoices),
  ...voicesOf("lightning_v3.1", standardVoices)
]

const module = "WavesSpeechSynthesizer"

/**
 * @since 0.1.0
 * @category models
 */
export type Options = WavesSpeechOptions.Options

const checkLayer = LayerOptions.make<Options>(`${module}.layer`, WavesSpeechOptions.rules)

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<SpeechSynthesizer.Service, never, WavesClient.WavesClient> =>
  Effect.map(WavesClient.WavesClient, (client) => {
    checkLayer(options)
    const at = (method: string, requestId: string | undefined) => ({ module, method, requestId })

    const body = Effect.fnUntraced(function*(method: string, request: SpeechEngine.ResolvedRequest) {
      yield* WavesOptions.checkModel({ module, method }, request)
      yield* WavesOptions.checkLanguage({ module, method }, request)
      return { ...WavesOptions.toBody(request), text: request.text }
    })

    return SpeechEngine.make({
      ...WavesOptions.capabilities(module),
      defaults: WavesOptions.defaults(options),
      events: (request) =>
        Stream.unwrapScoped(Effect.gen(function*() {
          const { bytes, requestId } = yield* client.stream(yield* body("events", request))
          const pcm = bytes.pipe(
            Pcm.fromBytes(Pcm.format(request.sampleRate)),
            Stream.catchTag(
              "PcmError",
              (error) => Stream.fail(SpeechEngine.fromPcmError(at("events", requestId))(error))
            )
          )
          return SpeechEngine.fromPcm({ text: request.text, pcm, requestId })
        })),
      synthesize: Effect.fnUntraced(function*(request) {
        const { bytes, requestId } = yield* client.synthesize(yield* body("synthesize", request))
        if (ForeignAudio.kindOf(bytes) === "a WAV file") {
          const audio = yield* Either.mapLeft(
            Wav.decode(bytes),
            ({ description }) => new SpeechError.MalformedResponse({ ...at("synthesize", requestId), description })
          )
          return audio.format.sampleRate === request.sampleRate && audio.format.channels === 1
            ? { ...audio, requestId }
            : yield* new SpeechError.MalformedResponse({
              ...at("synthesize", requestId),
              description: `The server sent ${Pcm.formatName(audio.format)} instead of ${request.sampleRate} Hz`
            })
        }
        if (bytes.length % 2 !== 0) {
          return yield* new SpeechError.TruncatedAudio({
            ...at("synthesize", requestId),
            description: `The audio ended inside a sample: ${bytes.length} bytes`
          })
        }
        return { ...Audio.unsafeMake(Pcm.format(request.sampleRate), bytes), requestId }
      }),
      mp3: Effect.fnUntraced(function*(request) {
        const encoded = { ...yield* body("bytes", request), output_format: "mp3" as const }
        return (yield* client.synthesize(encoded)).bytes
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
  options: Config.Config.Wrap<Options> = {}
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.provide(
    Layer.unwrapEffect(
      Effect.map(Effect.flatMap(unwrapConfig(options), LayerOptions.orConfigError(checkLayer)), layer)
    ),
    WavesClient.layerConfig()
  )
