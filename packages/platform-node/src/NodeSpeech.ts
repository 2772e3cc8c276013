/**
 * Speech in Node, wired: each layer here is all that a program needs to speak, and to play and save what it spoke.
 *
 * @since 0.1.0
 */
import * as AudioFile from "@effect-smallest/core/AudioFile"
import type * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import type { Retry } from "@effect-smallest/core/SpeechError"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as SpeechStream from "@effect-smallest/stream/SpeechStream"
import * as LightningV1SpeechSynthesizer from "@effect-smallest/waves/LightningV1SpeechSynthesizer"
import * as WavesClient from "@effect-smallest/waves/WavesClient"
import * as WavesConversation from "@effect-smallest/waves/WavesConversation"
import * as WavesPronunciationDictionaries from "@effect-smallest/waves/WavesPronunciationDictionaries"
import * as WavesSpeechOptions from "@effect-smallest/waves/WavesSpeechOptions"
import * as WavesSpeechStream from "@effect-smallest/waves/WavesSpeechStream"
import * as WavesSpeechSynthesizer from "@effect-smallest/waves/WavesSpeechSynthesizer"
import * as WavesVoiceClones from "@effect-smallest/waves/WavesVoiceClones"
import * as WavesVoices from "@effect-smallest/waves/WavesVoices"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Struct from "effect/Struct"
import * as NodeAudioPlayer from "./NodeAudioPlayer.js"
import * as NodeHttp from "./NodeHttp.js"
import * as NodeWebSocketConnector from "./NodeWebSocketConnector.js"

/**
 * How a layer of this module reaches the network.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectionOptions extends NodeHttp.Options {}

/**
 * Which proxy the layers of the cloud use.
 *
 * @since 0.2.0
 * @category models
 */
export type ProxyOptions = Pick<NodeHttp.Options, "proxy">

// HTTP and files for whatever asks for them, and the ports of files and loudspeakers.
const wire = <A, E, R>(
  speech: Layer.Layer<A, E, R>,
  options?: ConnectionOptions
): Layer.Layer<
  A | AudioFile.AudioFile | AudioPlayer.AudioPlayer,
  E,
  Exclude<R, HttpClient.HttpClient | FileSystem.FileSystem | Path.Path>
> =>
  Layer.mergeAll(speech, AudioFile.layerFileSystem, NodeAudioPlayer.layer()).pipe(
    Layer.provide(Layer.mergeAll(NodeHttp.layer(options), NodeFileSystem.layer, NodePath.layer))
  )

/**
 * How growing text is spoken.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamOptions {
  /** How `SpeechStream` cuts, prepares and joins segments. */
  readonly stream?: SpeechStream.SegmentedOptions | undefined
}

/**
 * Gives any engine what it may need in Node, HTTP and files, and adds `SpeechStream` over it, `AudioFile`, and
 * `AudioPlayer` with the first player program that is installed (`NodeAudioPlayer.layer` chooses another). Whatever else
 * the engine's layer provides stays available.
 *
 * @example
 * ```ts
 * import { AudioFile, SpeechSynthesizer } from "@effect-smallest/core"
 * import { WavesSpeechSynthesizer } from "@effect-smallest/waves"
 * import { NodeSpeech } from "@effect-smallest/platform-node"
 * import { Config, Effect } from "effect"
 *
 * const Speech = NodeSpeech.layer(WavesSpeechSynthesizer.layerConfig({ voice: Config.string("SPEECH_VOICE") }))
 *
 * const program = AudioFile.save("hello.wav", SpeechSynthesizer.stream({ text: "Hello." })).pipe(
 *   Effect.provide(Speech)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R, A = never>(
  synthesizer: Layer.Layer<SpeechSynthesizer.SpeechSynthesizer | A, E, R>,
  options: ConnectionOptions & StreamOptions = {}
): Layer.Layer<
  | SpeechSynthesizer.SpeechSynthesizer
  | SpeechStream.SpeechStream
  | AudioFile.AudioFile
  | AudioPlayer.AudioPlayer
  | A,
  E,
  Exclude<R, HttpClient.HttpClient | FileSystem.FileSystem | Path.Path>
> =>
  Layer.suspend(() =>
    wire(Layer.provideMerge(SpeechStream.layerSegmented(checkStream(options).stream), synthesizer), options)
  )

/**
 * What the layers of the cloud provide: the ports, and the client for what is beyond them.
 *
 * @since 0.1.0
 * @category models
 */
export type Provided =
  | SpeechSynthesizer.SpeechSynthesizer
  | SpeechStream.SpeechStream
  | WavesClient.WavesClient
  | AudioFile.AudioFile
  | AudioPlayer.AudioPlayer

/**
 * What belongs to the account of today's cloud besides speech.
 *
 * @since 0.1.0
 * @category models
 */
export type ProvidedAccount =
  | WavesVoices.WavesVoices
  | WavesVoiceClones.WavesVoiceClones
  | WavesPronunciationDictionaries.WavesPronunciationDictionaries

/**
 * Whether and how single requests are retried.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestRetryOptions {
  /**
   * How single requests that fail before their first sample are tried again; `false` switches that off. Streams of growing text have
   * retries of their own, and the two never multiply.
   * @default { maxRetries: 3, baseDelay: "500 millis", maxDelay: "30 seconds" }
   */
  readonly retry?: Retry | undefined
}

/**
 * The cloud of today, with the defaults of a voice: `lightning_v3.1_pro`, `meher`, 24000 Hz.
 *
 * @since 0.1.0
 * @category models
 */
export interface WavesOptions
  extends WavesClient.Options, WavesSpeechSynthesizer.Options, RequestRetryOptions, ProxyOptions
{
  /**
   * How growing text is spoken: `segmented` sends each sentence as a request of its own, `live` sends the text as it is written over a
   * WebSocket and brings the times of words back. Each mode has its own options.
   * @default { mode: "segmented" }
   */
  readonly stream?: SegmentedStream | LiveStream | undefined
}

/**
 * Growing text, sentence by sentence.
 *
 * @since 0.1.0
 * @category models
 */
export interface SegmentedStream extends SpeechStream.SegmentedOptions {
  readonly mode?: "segmented" | undefined
}

/**
 * Growing text over the vendor's WebSocket. The voice is that of the layer.
 *
 * @since 0.1.0
 * @category models
 */
export interface LiveStream extends
  Omit<WavesSpeechStream.Options, keyof WavesSpeechSynthesizer.Options>,
  // `Config.Wrap` would take the options of the other mode for ones of this.
  Partial<Record<Exclude<keyof SegmentedStream, keyof WavesSpeechStream.Options | "mode">, undefined>>
{
  readonly mode: "live"
}

/**
 * The API of 2024, with the defaults of its Python client: `lightning`, `emily`, 24000 Hz.
 *
 * @since 0.1.0
 * @category models
 */
export interface LightningV1Options
  extends WavesClient.Options, LightningV1SpeechSynthesizer.Options, RequestRetryOptions, ProxyOptions, StreamOptions
{}

// The engine's options become what it returns as its `defaults`: the key must not be among them.
const split = <A extends WavesClient.Options & RequestRetryOptions & ProxyOptions & { readonly stream?: unknown }>(
  options: A
) => {
  const {
    apiKey,
    baseUrl,
    bufferDuration,
    concurrency,
    proxy,
    retry,
    stream: _,
    timeouts,
    transformClient,
    ...speech
  } = options
  return {
    client: { apiKey, baseUrl, bufferDuration, concurrency, timeouts, transformClient },
    connection: { connectTimeout: timeouts?.connect, proxy },
    retry,
    speech
  }
}

// What the layers below check in their turn.
const later = LayerOptions.record

const modes: ReadonlyArray<unknown> = [undefined, "segmented", "live"]

const checkWaves = LayerOptions.make<WavesOptions>("NodeSpeech.layerWaves", {
  ...WavesClient.rules,
  ...WavesSpeechOptions.rules,
  proxy: NodeHttp.rules.proxy,
  retry: LayerOptions.retry,
  stream: LayerOptions.rule(
    (value) => Predicate.isRecord(value) && modes.includes(value["mode"]),
    "an object whose `mode` is \"segmented\" or \"live\""
  )
})

const checkLightningV1 = LayerOptions.make<LightningV1Options>("NodeSpeech.layerLightningV1", {
  ...WavesClient.rules,
  ...LightningV1SpeechSynthesizer.rules,
  proxy: NodeHttp.rules.proxy,
  retry: LayerOptions.retry,
  stream: later
})

const checkStream = LayerOptions.make<StreamOptions & ConnectionOptions>("NodeSpeech.layer", {
  ...NodeHttp.rules,
  stream: later
})

const layerCloud = <A = never>(
  speech: Layer.Layer<
    SpeechSynthesizer.SpeechSynthesizer | SpeechStream.SpeechStream | A,
    never,
    WavesClient.WavesClient
  >,
  client: WavesClient.Options,
  connection: ConnectionOptions
): Layer.Layer<Provided | A> => wire(Layer.provideMerge(speech, WavesClient.layer(client)), connection)

const withRetry = <R>(
  synthesizer: Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, never, R>,
  retry: Retry | undefined
) => retry === false ? synthesizer : SpeechSynthesizer.layerRetry(synthesizer, retry)

const layerAccount = Layer.mergeAll(WavesVoices.layer(), WavesVoiceClones.layer, WavesPronunciationDictionaries.layer)

/**
 * Speech through today's cloud API, and the account's voices, clones and pronunciation dictionaries.
 *
 * @example
 * ```ts
 * import { NodeSpeech } from "@effect-smallest/platform-node"
 * import { Redacted } from "effect"
 *
 * const Speech = NodeSpeech.layerWaves({
 *   apiKey: Redacted.make("sk_..."),
 *   voice: "sophie",
 *   concurrency: 5,
 *   timeouts: { firstAudio: "5 seconds" }
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWaves = (options: WavesOptions): Layer.Layer<Provided | ProvidedAccount> =>
  Layer.suspend(() => wavesLayer(checkWaves(options)))

const wavesLayer = (options: WavesOptions): Layer.Layer<Provided | ProvidedAccount> => {
  const { stream = {} } = options
  const { client, connection, retry, speech } = split(options)
  const synthesizer = withRetry(WavesSpeechSynthesizer.layer(speech), retry)
  const speechLayer = stream.mode === "live"
    ? Layer.merge(
      synthesizer,
      Layer.provide(
        WavesSpeechStream.layer({ ...speech, ...Struct.omit(stream, "mode") }),
        NodeWebSocketConnector.layerWith(connection)
      )
    )
    : Layer.provideMerge(SpeechStream.layerSegmented(Struct.omit(stream, "mode")), synthesizer)
  return layerCloud(Layer.merge(speechLayer, layerAccount), client, connection)
}

/**
 * Speech through the API of 2024, if it still answers.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerLightningV1 = (options: LightningV1Options): Layer.Layer<Provided> =>
  Layer.suspend(() => lightningV1Layer(checkLightningV1(options)))

const lightningV1Layer = (options: LightningV1Options): Layer.Layer<Provided> => {
  const { client, connection, retry, speech } = split(options)
  return layerCloud(
    Layer.provideMerge(
      SpeechStream.layerSegmented(options.stream),
      withRetry(LightningV1SpeechSynthesizer.layer(speech), retry)
    ),
    client,
    connection
  )
}

/**
 * A conversation with Lightning v4: the cloud's client, and what one listener hears.
 *
 * @since 0.2.0
 * @category models
 */
export interface ConversationOptions extends WavesClient.Options, WavesConversation.Options, ProxyOptions {}

const checkConversation = LayerOptions.make<ConversationOptions>("NodeSpeech.layerConversation", {
  ...WavesClient.rules,
  ...WavesConversation.rules,
  proxy: NodeHttp.rules.proxy
})

/**
 * One conversation with Lightning v4 over a WebSocket, and both speech ports over the same session. Build it once for each listener.
 *
 * @example
 * ```ts
 * import { AudioPlayer, SpeechEvent } from "@effect-smallest/core"
 * import { NodeSpeech } from "@effect-smallest/platform-node"
 * import { WavesConversation } from "@effect-smallest/waves"
 * import { Effect, Redacted } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const { speak } = yield* WavesConversation.WavesConversation
 *   yield* AudioPlayer.play(SpeechEvent.pcm(speak("Good morning. How can I help?")))
 * }).pipe(Effect.provide(NodeSpeech.layerConversation({ apiKey: Redacted.make("sk_..."), voice: "rhodes" })))
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layerConversation = (
  options: ConversationOptions
): Layer.Layer<Provided | WavesConversation.WavesConversation> =>
  Layer.suspend(() => {
    const { retry, ...others } = checkConversation(options)
    const { client, connection, speech } = split(others)
    return layerCloud(
      Layer.provide(WavesConversation.layer({ ...speech, retry }), NodeWebSocketConnector.layerWith(connection)),
      client,
      connection
    )
  })

/**
 * A conversation as {@link layerConversation} has it, with every option from a `Config`. The key is `SMALLEST_API_KEY` and the base URL
 * `SMALLEST_BASE_URL`, unless the options say otherwise.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerConversationConfig = (
  config: Config.Config.Wrap<Partial<ConversationOptions>> = {}
): Layer.Layer<Provided | WavesConversation.WavesConversation, ConfigError.ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(
      WavesClient.fromEnvironment(config, checkConversation),
      layerConversation
    )
  )

/**
 * Today's cloud API, as {@link layerWaves} has it, with every option from a `Config`. The key is `SMALLEST_API_KEY` and the base URL
 * `SMALLEST_BASE_URL`, unless the options say otherwise. Without a key the layer fails with a `ConfigError` that says what to do; it never
 * falls back to another engine.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { NodeSpeech } from "@effect-smallest/platform-node"
 * import { Config, Effect } from "effect"
 *
 * const wav = SpeechSynthesizer.bytes({ text: "Hello." }).pipe(
 *   Effect.provide(NodeSpeech.layerWavesConfig({ voice: Config.withDefault(Config.string("SPEECH_VOICE"), "sophie") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWavesConfig = (
  config: Config.Config.Wrap<Partial<WavesOptions>> = {}
): Layer.Layer<Provided | ProvidedAccount, ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(WavesClient.fromEnvironment(config, checkWaves), layerWaves))

/**
 * Speech through the API of 2024, with every option from a `Config`. The key is `SMALLEST_API_KEY` and the base URL `SMALLEST_BASE_URL`,
 * unless the options say otherwise. Without a key the layer fails with a `ConfigError` that says what to do.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerLightningV1Config = (
  config: Config.Config.Wrap<Partial<LightningV1Options>> = {}
): Layer.Layer<Provided, ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(WavesClient.fromEnvironment(config, checkLightningV1), layerLightningV1))
