/**
 * Growing text to speech over the vendor's WebSocket: the text goes out as it is written, the server decides the phrasing, audio and
 * the times of words come back.
 *
 * The call sites are those of `SpeechStream.layerSegmented`; swapping the two is one layer. This one sounds a little earlier and more
 * fluent, since the server sees the text grow; the other retries single segments and works with any engine.
 *
 * @since 0.1.0
 */
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import { WebSocketConnector } from "@effect-smallest/core/WebSocketConnector"
import * as SpeechStream from "@effect-smallest/stream/SpeechStream"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SocketPool from "./internal/socketPool.js"
import { speakLive } from "./internal/speakLive.js"
import * as WavesOptions from "./internal/wavesOptions.js"
import { WavesClient } from "./WavesClient.js"
import * as WavesSpeechOptions from "./WavesSpeechOptions.js"

/**
 * The voice's options are those of `WavesSpeechSynthesizer`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends WavesSpeechOptions.Options {
  /**
   * Who decides when there is enough text to speak.
   *
   * - `context`: the server, at the ends of sentences and after `maxBufferDelay`
   * - `flush`: the caller, by the end of the text or a `SpeechText.flush`, unless `maxBufferDelay` says otherwise
   *
   * @default "context"
   */
  readonly buffering?: "context" | "flush" | undefined
  /**
   * How long the server may keep text before it speaks what it has: up to 5 seconds for `context`, up to 1 second for `flush`, where 0
   * means for ever.
   * @default "3 seconds" for `context`, 0 for `flush`
   */
  readonly maxBufferDelay?: Duration.DurationInput | undefined
  /**
   * Quiet time after the last audio before the server says that all is spoken, and again before we believe it, up to 10 seconds. Too
   * short a time takes a pause of the server for its end.
   * @default "300 millis"
   */
  readonly completeBackoff?: Duration.DurationInput | undefined
  /**
   * Sockets at most, each for one utterance at a time. They open on demand.
   * @default 1
   */
  readonly poolSize?: number | undefined
  /**
   * Whether one socket is opened with the layer and kept, so that the first utterance need not wait for it.
   * @default false
   */
  readonly prewarm?: boolean | undefined
  /**
   * How long an unused socket stays open.
   * @default "2 minutes"
   */
  readonly idleTimeToLive?: Duration.DurationInput | undefined
  /**
   * How much audio may wait for a slow listener before no more text is sent.
   * @default "1 minute"
   */
  readonly bufferDuration?: Duration.DurationInput | undefined
  /**
   * How an utterance is tried again from its beginning, on a new socket, until its first audio has left.
   * @default { maxRetries: 3, baseDelay: "500 millis", maxDelay: "30 seconds" }
   */
  readonly retry?: SpeechError.Retry | undefined
}

const module = "WavesSpeechStream"

const upTo = (most: Duration.DurationInput): LayerOptions.Rule =>
  LayerOptions.rule(
    (value) => LayerOptions.isDuration(value) && Duration.lessThanOrEqualTo(value, most),
    `a duration of at most ${Duration.format(most)}`
  )

/**
 * What each option of the layer must be.
 *
 * @internal
 */
export const rules = ({ buffering = "context" }: Options): LayerOptions.Rules<Options> => ({
  ...WavesSpeechOptions.rules,
  buffering: LayerOptions.oneOf("context", "flush"),
  maxBufferDelay: upTo(buffering === "context" ? "5 seconds" : "1 second"),
  completeBackoff: upTo("10 seconds"),
  poolSize: LayerOptions.whole(1),
  prewarm: LayerOptions.flag,
  idleTimeToLive: LayerOptions.duration,
  bufferDuration: LayerOptions.duration,
  retry: LayerOptions.retry
})

/**
 * Makes the service. Options out of bounds, such as a `poolSize` of 0, are defects of the program: it dies with an error that names
 * them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<SpeechStream.Service, never, WavesClient | WebSocketConnector | Scope.Scope> =>
  Effect.gen(function*() {
    const client = yield* WavesClient
    const connector = yield* WebSocketConnector
    LayerOptions.make(`${module}.layer`, rules(options))(options)
    const { buffering = "context" } = options
    const limits = {
      maxBufferDelay: Duration.decode(options.maxBufferDelay ?? (buffering === "context" ? "3 seconds" : 0)),
      completeBackoff: Duration.decode(options.completeBackoff ?? "300 millis"),
      bufferDuration: Duration.decode(options.bufferDuration ?? "1 minute")
    }
    const sockets = yield* SocketPool.make({
      connect: client.connect(connector),
      size: options.poolSize ?? 1,
      prewarm: options.prewarm ?? false,
      timeToLive: Duration.decode(options.idleTimeToLive ?? "2 minutes")
    })
    const defaults = WavesOptions.defaults(options)
    const check = SpeechEngine.checkOptions(WavesOptions.capabilities(module), defaults, "events")
    const schedule = SpeechError.scheduleOf(options.retry)

    const resolve = (requested: SpeechOptions) =>
      Effect.tap(check(requested), (request) =>
        Effect.zipRight(
          WavesOptions.checkModel({ module, method: "events" }, request),
          WavesOptions.checkLanguage({ module, method: "events" }, request)
        ))

    const speak = <E, R>(text: SpeechStream.TextSource<E, R>, request: SpeechEngine.ResolvedOptions) => {
      const source = typeof text === "string" ? Stream.succeed(text) : text
      const { sampleRate, speed } = request
      const body = WavesOptions.toBody(request)
      const events = speakLive(source, { client, sockets, schedule, body, sampleRate, speed, buffering, ...limits })
      return request.removeExtraSilence === true ? SpeechEngine.shortenSilence(events) : events
    }

    return SpeechStream.make(
      (text, requested) => Stream.unwrap(Effect.map(resolve(requested), (request) => speak(text, request))),
      { engine: module, vendor: "smallest_ai", defaults }
    )
  })

/**
 * The vendor's live WebSocket behind the `SpeechStream` port, over a `WavesClient` whose permits it shares and a `WebSocketConnector` of
 * the runtime.
 *
 * @example
 * ```ts
 * import { WavesClient, WavesSpeechStream } from "@effect-smallest/waves"
 * import { Layer } from "effect"
 *
 * const Live = WavesSpeechStream.layer({ voice: "meher", prewarm: true }).pipe(
 *   Layer.provide(WavesClient.layerConfig())
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<SpeechStream.SpeechStream, never, WavesClient | WebSocketConnector> =>
  Layer.scoped(SpeechStream.SpeechStream, make(options))
