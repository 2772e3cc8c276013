/**
 * The sound of a page: the one audio context that all its playbacks share, and where a page can look at it.
 *
 * Phones allow few contexts, and only a click or a key may start one. So a layer makes one, on first use, puts it to
 * sleep while nothing plays, and closes it at the end.
 *
 * @since 0.1.0
 */
import { PlaybackError } from "@effect-smallest/core/AudioPlayer"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { reason } from "./internal/reason.js"

/**
 * @since 0.1.0
 * @category services
 */
export class BrowserAudioOutput extends Context.Tag("@effect-smallest/platform-browser/BrowserAudioOutput")<
  BrowserAudioOutput,
  Service
>() {}

/**
 * What a page draws a waveform or a spectrum from.
 *
 * @since 0.1.0
 * @category models
 */
export interface WaveformOptions {
  /**
   * How many samples each array has: a power of 2 from 32 to 32768.
   * @default 2048
   */
  readonly size?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The context. It is made on first use, and may be asleep. */
  readonly context: Effect.Effect<AudioContext, PlaybackError>
  /** Everything that is played passes this node on its way to the loudspeaker; its gain is the volume. */
  readonly node: Effect.Effect<GainNode, PlaybackError>
  /**
   * Keeps the sound awake until the scope ends. Fails with `NotAllowed` if the browser wants a click or a key first.
   * Playbacks do it by themselves.
   */
  readonly awake: Effect.Effect<AudioContext, PlaybackError, Scope.Scope>
  /**
   * Asks the browser for permission to sound. Run it in the handler of the click that begins a conversation, so that
   * answers can be heard which come long after it.
   */
  readonly unlock: Effect.Effect<void, PlaybackError>
  /** A node that analyses all that is played, until the scope ends. */
  readonly analyser: (options?: AnalyserOptions) => Effect.Effect<AnalyserNode, PlaybackError, Scope.Scope>
  /** The samples that sound, from -1 to 1: a new array for each frame that the page draws. */
  readonly waveform: (options?: WaveformOptions) => Stream.Stream<Float32Array, PlaybackError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * A context of the page's own. It is used as it is, and neither put to sleep nor closed.
   * @default a context at the sample rate of the device
   */
  readonly context?: AudioContext | undefined
  /**
   * What the browser should weigh against a quick reaction: `playback` saves power and survives a busy machine, but a stop is
   * heard later.
   * @default "interactive"
   */
  readonly latencyHint?: AudioContextLatencyCategory | undefined
  /**
   * How long the context stays awake when nothing plays any more. While it is awake it costs power, and waking it takes
   * a moment.
   * @default "5 seconds"
   */
  readonly idleTimeToLive?: Duration.DurationInput | undefined
}

const check = LayerOptions.make<Options>("BrowserAudioOutput.layer", {
  context: LayerOptions.code,
  latencyHint: /*#__PURE__*/ LayerOptions.oneOf("balanced", "interactive", "playback"),
  idleTimeToLive: LayerOptions.duration
})

const failed = (description: string) => new PlaybackError({ reason: "PlayerFailed", player: "Web Audio", description })

const notAllowed = new PlaybackError({
  reason: "NotAllowed",
  player: "Web Audio",
  description: "The browser does not allow sound until the user has clicked, tapped or pressed a key in the page"
})

// If the user has not touched the page yet, the answer is quick: a browser that allows sound anyway starts it at once. If
// the user has, a busy machine gets its time.
const patience = /*#__PURE__*/ Effect.sync(() =>
  "userActivation" in navigator && !navigator.userActivation.hasBeenActive ? "500 millis" : "2 seconds"
)

const resume = (context: AudioContext): Effect.Effect<void, PlaybackError> =>
  Effect.suspend(() =>
    context.state === "running" ? Effect.void : Effect.flatMap(patience, (patience) =>
      Effect.tryPromise({
        try: () => context.resume(),
        catch: (error) =>
          error instanceof DOMException && error.name === "NotAllowedError"
            ? notAllowed
            : failed(`The sound could not be started: ${reason(error)}`)
      }).pipe(
        // A browser that refuses does not say so: it lets the page wait for a click.
        Effect.timeoutFail({ duration: patience, onTimeout: () => notAllowed })
      ))
  )

const open = (latencyHint: AudioContextLatencyCategory): Effect.Effect<AudioContext, PlaybackError> =>
  Effect.try({
    try: () => new AudioContext({ latencyHint }),
    catch: (error) =>
      typeof AudioContext === "undefined"
        ? new PlaybackError({ reason: "NoPlayer", description: "There is no Web Audio here" })
        : failed(`The sound device could not be opened: ${reason(error)}`)
  })

interface Opened {
  readonly context: AudioContext
  readonly node: GainNode
}

const nextFrame: Effect.Effect<void> = Effect.async((resume) => {
  const request = requestAnimationFrame(() => resume(Effect.void))
  return Effect.sync(() => cancelAnimationFrame(request))
})

/**
 * Makes the service.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = /*#__PURE__*/ Effect.fnUntraced(
  function*(options: Options = {}): Effect.fn.Return<Service, never, Scope.Scope> {
    const own = check(options).context

    const context: Effect.Effect<AudioContext, PlaybackError, Scope.Scope> = own !== undefined
      ? Effect.succeed(own)
      : Effect.acquireRelease(
        open(options.latencyHint ?? "interactive"),
        // Fails if it is closed already.
        (context) => Effect.ignore(Effect.tryPromise(() => context.close()))
      )

    const output = yield* RcRef.make({
      acquire: Effect.flatMap(context, (context) =>
        Effect.acquireRelease(
          Effect.sync((): Opened => {
            const node = context.createGain()
            node.connect(context.destination)
            return { context, node }
          }),
          ({ node }) => Effect.sync(() => node.disconnect())
        )),
      idleTimeToLive: Duration.infinity
    })

    const opened = Effect.scoped(RcRef.get(output))

    const running = yield* RcRef.make({
      acquire: Effect.flatMap(opened, ({ context }) =>
        Effect.acquireRelease(
          Effect.interruptible(resume(context)),
          // Fails if it is closed already.
          () => own === undefined ? Effect.ignore(Effect.tryPromise(() => context.suspend())) : Effect.void
        )),
      idleTimeToLive: options.idleTimeToLive ?? "5 seconds"
    })

    const analyser: Service["analyser"] = (options) =>
      Effect.flatMap(opened, ({ context, node }) =>
        Effect.acquireRelease(
          Effect.try({
            try: () => {
              const analyser = new AnalyserNode(context, options)
              node.connect(analyser)
              return analyser
            },
            catch: (error) => failed(`The browser has no such analyser: ${reason(error)}`)
          }),
          // Fails if the output is closed already.
          (analyser) => Effect.ignore(Effect.try(() => node.disconnect(analyser)))
        ))

    const awake: Service["awake"] = Effect.gen(function*() {
      yield* RcRef.get(running)
      const { context } = yield* opened
      // Again, because a phone call may have put it to sleep behind our back.
      yield* resume(context)
      return context
    })

    return BrowserAudioOutput.of({
      context: Effect.map(opened, ({ context }) => context),
      node: Effect.map(opened, ({ node }) => node),
      awake,
      unlock: Effect.asVoid(Effect.scoped(awake)),
      analyser,
      waveform: ({ size = 2048 } = {}) =>
        Stream.unwrapScoped(
          Effect.map(analyser({ fftSize: size }), (analyser) =>
            Stream.repeatEffect(Effect.map(nextFrame, () => {
              const samples = new Float32Array(size)
              analyser.getFloatTimeDomainData(samples)
              return samples
            })))
        )
    })
  }
)

/**
 * The sound of a page. Nothing is opened before it is first used.
 *
 * @example
 * ```ts
 * import { BrowserAudioOutput, BrowserAudioPlayer } from "@effect-smallest/platform-browser"
 * import { Layer } from "effect"
 *
 * const Player = BrowserAudioPlayer.layer().pipe(
 *   Layer.provideMerge(BrowserAudioOutput.layer({ latencyHint: "playback" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<BrowserAudioOutput> =>
  Layer.scoped(BrowserAudioOutput, make(options))

/**
 * Asks the browser for permission to sound. Run it in the handler of the click that begins a conversation, so that
 * answers can be heard which come long after it.
 *
 * @example
 * ```ts
 * import { BrowserAudioOutput } from "@effect-smallest/platform-browser"
 * import { ManagedRuntime } from "effect"
 *
 * const runtime = ManagedRuntime.make(BrowserAudioOutput.layer())
 *
 * document.querySelector("button")?.addEventListener("click", () => {
 *   runtime.runFork(BrowserAudioOutput.unlock)
 * })
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const unlock: Effect.Effect<void, PlaybackError, BrowserAudioOutput> = /*#__PURE__*/ Effect.flatMap(
  BrowserAudioOutput,
  (service) => service.unlock
)

/**
 * A node that analyses all that is played, until the scope ends.
 *
 * @since 0.1.0
 * @category accessors
 */
export const analyser = (
  options?: AnalyserOptions
): Effect.Effect<AnalyserNode, PlaybackError, BrowserAudioOutput | Scope.Scope> =>
  Effect.flatMap(BrowserAudioOutput, (service) => service.analyser(options))

/**
 * The samples that sound, from -1 to 1: a new array for each frame that the page draws.
 *
 * @example
 * ```ts
 * import { BrowserAudioOutput } from "@effect-smallest/platform-browser"
 * import { Effect, Stream } from "effect"
 *
 * const draw = (canvas: CanvasRenderingContext2D) =>
 *   BrowserAudioOutput.waveform({ size: 1024 }).pipe(
 *     Stream.runForEach((samples) =>
 *       Effect.sync(() => {
 *         const { height, width } = canvas.canvas
 *         canvas.clearRect(0, 0, width, height)
 *         canvas.beginPath()
 *         samples.forEach((sample, i) => canvas.lineTo(i / samples.length * width, (1 - sample) * height / 2))
 *         canvas.stroke()
 *       })
 *     )
 *   )
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const waveform = (options?: WaveformOptions): Stream.Stream<Float32Array, PlaybackError, BrowserAudioOutput> =>
  Stream.unwrap(Effect.map(BrowserAudioOutput, (service) => service.waveform(options)))
