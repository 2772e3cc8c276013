/**
 * Speech in a page, wired: each layer here is all that a program needs to speak, and to play and save what it spoke.
 *
 * There is no layer from a page to the vendor: the key would be in the page, for everybody to take. A page speaks through
 * its own server, or by the embedded voice.
 *
 * @since 0.1.0
 */
import type * as AudioFile from "@effect-smallest/core/AudioFile"
import type * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as ProxySpeechSynthesizer from "@effect-smallest/proxy/ProxySpeechSynthesizer"
import * as SpeechStream from "@effect-smallest/stream/SpeechStream"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as BrowserAudioFile from "./BrowserAudioFile.js"
import * as BrowserAudioOutput from "./BrowserAudioOutput.js"
import * as BrowserAudioPlayer from "./BrowserAudioPlayer.js"

/**
 * How growing text is spoken, and how its sound comes out of the page.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How `SpeechStream` cuts, prepares and joins segments. */
  readonly stream?: SpeechStream.SegmentedOptions | undefined
  /** The loudspeaker: buffers, and where its worklet comes from. */
  readonly player?: BrowserAudioPlayer.Options | undefined
  /** The audio context that all sound of the page shares. */
  readonly output?: BrowserAudioOutput.Options | undefined
}

// The layers below check what is inside.
const check = LayerOptions.make<Options>("BrowserSpeech.layer", {
  stream: LayerOptions.record,
  player: LayerOptions.record,
  output: LayerOptions.record
})

/**
 * What each layer provides: both ports of speech, files, and the loudspeaker.
 *
 * @since 0.1.0
 * @category models
 */
export type Provided =
  | SpeechSynthesizer.SpeechSynthesizer
  | SpeechStream.SpeechStream
  | AudioFile.AudioFile
  | AudioPlayer.AudioPlayer
  | BrowserAudioOutput.BrowserAudioOutput

/**
 * Gives any engine the page's `fetch`, and adds `SpeechStream` over it, `AudioFile`, `AudioPlayer` and `BrowserAudioOutput`.
 * Whatever else the engine's layer provides stays available.
 *
 * @example
 * ```ts
 * import { AudioPlayer, SpeechSynthesizer } from "@effect-smallest/core"
 * import { BrowserSpeech } from "@effect-smallest/platform-browser"
 * import { Effect, type Layer, ManagedRuntime } from "effect"
 *
 * // such as `LocalSpeechSynthesizer.layerBrowser({ wasm })` of @effect-smallest/local/browser
 * declare const engine: Layer.Layer<SpeechSynthesizer.SpeechSynthesizer>
 *
 * const runtime = ManagedRuntime.make(BrowserSpeech.layer(engine))
 *
 * document.querySelector("button")?.addEventListener("click", () => {
 *   runtime.runFork(AudioPlayer.play(SpeechSynthesizer.stream({ text: "Hello." })))
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R, A = never>(
  synthesizer: Layer.Layer<SpeechSynthesizer.SpeechSynthesizer | A, E, R>,
  options: Options = {}
): Layer.Layer<Provided | A, E, Exclude<R, HttpClient.HttpClient>> =>
  Layer.suspend(() => {
    const { output, player, stream } = check(options)
    return Layer.mergeAll(
      Layer.provideMerge(SpeechStream.layerSegmented(stream), synthesizer),
      BrowserAudioFile.layer,
      Layer.provideMerge(BrowserAudioPlayer.layer(player), BrowserAudioOutput.layer(output))
    )
  }).pipe(Layer.provide(FetchHttpClient.layer))

/**
 * Where the application's server is, and the defaults of a voice.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxyOptions extends ProxySpeechSynthesizer.Options, Options {
  /**
   * How single requests that fail before their first sample are tried again; `false` switches that off. Streams of growing text have
   * retries of their own, and the two never multiply. The server has retried what failed in the engine behind it; a page retries only
   * what broke on the way.
   * @default { maxRetries: 3, baseDelay: "500 millis", maxDelay: "30 seconds" }
   */
  readonly retry?: SpeechError.Retry | undefined
}

/**
 * Speech through the application's own server, which holds the key: `SpeechProxy` of `@effect-smallest/proxy` is its half.
 *
 * @example
 * ```ts
 * import { AudioPlayer, SpeechSynthesizer } from "@effect-smallest/core"
 * import { BrowserSpeech } from "@effect-smallest/platform-browser"
 * import { ManagedRuntime } from "effect"
 *
 * const runtime = ManagedRuntime.make(BrowserSpeech.layerProxy({ url: "/speech", voice: "sophie" }))
 *
 * document.querySelector("button")?.addEventListener("click", () => {
 *   runtime.runFork(AudioPlayer.play(SpeechSynthesizer.stream({ text: "Hello." })))
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProxy = (options: ProxyOptions): Layer.Layer<Provided> => {
  const { output, player, retry, stream, ...proxy } = options
  return layer(SpeechSynthesizer.layerRetry(ProxySpeechSynthesizer.layer(proxy), onTheWay(retry)), {
    output,
    player,
    stream: { ...stream, retry: onTheWay(stream?.retry) }
  })
}

const onTheWay = (retry: SpeechError.Retry | undefined): SpeechError.Retry =>
  retry === false
    ? false
    : Schedule.isSchedule(retry)
    ? Schedule.whileInput(retry, ProxySpeechSynthesizer.isProxyError)
    : { while: ProxySpeechSynthesizer.isProxyError, ...retry }
