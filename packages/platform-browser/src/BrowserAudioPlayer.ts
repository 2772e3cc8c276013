/**
 * The loudspeaker of a page: Web Audio, fed on the audio thread.
 *
 * Samples wait in a ring on the audio thread and sound by the clock of the device, so a page that is busy with something
 * else is not heard. That thread reports how far it is: position, back-pressure and the end follow what has been heard, also in
 * a tab in the background, where timers sleep.
 *
 * @since 0.1.0
 */
import * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { BrowserAudioOutput } from "./BrowserAudioOutput.js"
import * as Worklet from "./internal/playback.js"
import type { FromPlayback, ToPlayback } from "./internal/playbackProtocol.js"

const { PlaybackError } = AudioPlayer

const check = LayerOptions.make<Options>("BrowserAudioPlayer.layer", {
  bufferDuration: LayerOptions.duration,
  prebuffer: LayerOptions.duration,
  fadeDuration: LayerOptions.duration,
  workletUrl: LayerOptions.url
})

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How much audio is ahead of the listener at most, at least 100 ms: more survives longer stalls of the page. It costs
   * nothing at a stop or a pause.
   * @default "1 second"
   */
  readonly bufferDuration?: Duration.DurationInput | undefined
  /**
   * How much audio has to be there before the sound begins, and after a gap before it resumes: more stumbles less if
   * the network does. It is never waited for longer than it lasts.
   * @default "100 millis"
   */
  readonly prebuffer?: Duration.DurationInput | undefined
  /**
   * How long the sound takes to go at a pause or a stop and to come back, because a sudden end is heard as a click.
   * @default "5 millis"
   */
  readonly fadeDuration?: Duration.DurationInput | undefined
  /**
   * Where the page's own server has the text of {@link worklet}, for pages whose Content-Security-Policy does not allow
   * `script-src blob:`.
   * @default a Blob URL
   */
  readonly workletUrl?: string | URL | undefined
}

/**
 * The script of the audio thread, for servers of pages that may not load it from a Blob URL.
 *
 * @example
 * ```ts
 * import { BrowserAudioPlayer } from "@effect-smallest/platform-browser"
 * import { writeFile } from "node:fs/promises"
 *
 * // in the page's build
 * await writeFile("public/playback-worklet.js", BrowserAudioPlayer.worklet)
 * // in the page
 * const Player = BrowserAudioPlayer.layer({ workletUrl: "/playback-worklet.js" })
 * ```
 *
 * @since 0.1.0
 * @category constants
 */
export const worklet: string = Worklet.source

const name = "Web Audio"

// How long a finaliser waits for the last milliseconds of a sound to fade.
const fadeLimit = Duration.millis(50)

const nothingYet: FromPlayback = { position: 0, time: 0, isMoving: false, isOver: false, underruns: 0 }

const open = /*#__PURE__*/ Effect.fnUntraced(function*(
  node: AudioWorkletNode,
  context: AudioContext,
  format: Pcm.PcmFormat,
  lead: number
): Effect.fn.Return<AudioPlayer.Output, never, Scope.Scope> {
  const broken = yield* Deferred.make<never, AudioPlayer.PlaybackError>()
  // Opens for a moment with each report.
  const reported = Effect.unsafeMakeLatch(false)
  const started = Effect.unsafeMakeLatch(false)
  let last = nothingYet
  let handedOver = 0
  let highest = 0

  const fail = (description: string) =>
    Deferred.unsafeDone(broken, new PlaybackError({ reason: "PlayerFailed", player: name, description }))
  const onStateChange = () => {
    if (context.state === "closed") fail("The page closed the audio context")
  }
  node.onprocessorerror = () => fail("The audio thread failed")
  context.addEventListener("statechange", onStateChange)
  node.port.onmessage = (event: MessageEvent<FromPlayback>) => {
    last = event.data
    if (last.position > 0) started.unsafeOpen()
    reported.unsafeOpen()
    reported.unsafeClose()
  }

  const send = (message: ToPlayback) => Effect.sync(() => node.port.postMessage(message))

  const untilReported = (holds: () => boolean): Effect.Effect<void> =>
    Effect.suspend(() => holds() ? Effect.void : Effect.zipRight(reported.await, untilReported(holds)))

  // What the browser gave to the device is heard later: by little, or by a fifth of a second on a wireless headset.
  const latency = () => {
    const latency = context.outputLatency ?? context.baseLatency
    return Number.isFinite(latency) ? latency : 0
  }

  const heard = (): number => {
    const since = (context.currentTime - last.time) * format.sampleRate
    const behind = latency() * format.sampleRate
    const position = last.isMoving ? last.position + since - behind : last.position - Math.max(0, behind - since)
    highest = Math.max(highest, Math.min(handedOver, position))
    return highest
  }

  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      context.removeEventListener("statechange", onStateChange)
      if (context.state === "running" && !last.isOver) {
        yield* send("stop")
        yield* Effect.timeoutOption(Effect.interruptible(untilReported(() => last.isOver)), fadeLimit)
      }
      node.disconnect()
      node.port.onmessage = null
      node.port.close()
    })
  )

  return {
    write: (chunk) =>
      Effect.suspend(() => {
        const frames = Pcm.frames(chunk)
        const fits = () => handedOver <= last.position || handedOver + frames - last.position <= lead
        return Effect.map(untilReported(fits), () => {
          handedOver += frames
          // A copy, because it moves to the audio thread, and the chunk's memory may be others' too.
          const samples = new Int16Array(Pcm.samples(chunk))
          node.port.postMessage(samples, [samples.buffer])
        })
      }),
    drain: Effect.all([
      send("end"),
      untilReported(() => last.isOver),
      Effect.suspend(() => Effect.sleep(Duration.seconds(latency())))
    ], { discard: true }),
    pause: send("pause"),
    resume: send("resume"),
    position: Effect.sync(() => Duration.seconds(heard() / format.sampleRate)),
    underruns: Effect.sync(() => last.underruns),
    started: started.await,
    broken: Deferred.await(broken)
  }
})

/**
 * Creates the player of the page's sound. Most programs want {@link layer}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<AudioPlayer.Service, never, BrowserAudioOutput> =>
  Effect.map(BrowserAudioOutput, (output) => {
    check(options)
    const lead = Duration.max(options.bufferDuration ?? "1 second", "100 millis")
    const prebuffer = Duration.min(options.prebuffer ?? "100 millis", lead)
    const fade = Duration.toSeconds(options.fadeDuration ?? "5 millis")

    return AudioPlayer.make(Effect.gen(function*() {
      // First of all, because it has to happen in the handler of the click.
      const context = yield* output.awake
      const destination = yield* output.node
      yield* Worklet.load(context, options.workletUrl)

      const framesOf = (format: Pcm.PcmFormat, duration: Duration.Duration) =>
        Math.ceil(Duration.toSeconds(duration) * format.sampleRate)

      const device: AudioPlayer.Device = {
        name,
        open: (format) =>
          Effect.gen(function*() {
            const capacity = framesOf(format, lead)
            const node = yield* Worklet.node(context, {
              sampleRate: format.sampleRate,
              channels: format.channels,
              capacity,
              prebuffer: framesOf(format, prebuffer),
              fade
            })
            const opened = yield* open(node, context, format, capacity)
            node.connect(destination)
            return opened
          })
      }
      return device
    }))
  })

/**
 * Plays through Web Audio. All playbacks share the context of `BrowserAudioOutput`.
 *
 * A browser that wants a click first fails the start with `NotAllowed`, before the stream is run: start playbacks in a
 * handler, or run `BrowserAudioOutput.unlock` in one before.
 *
 * @example
 * ```ts
 * import { AudioPlayer, SpeechSynthesizer } from "@effect-smallest/core"
 * import { BrowserAudioOutput, BrowserAudioPlayer } from "@effect-smallest/platform-browser"
 * import { Effect, Layer } from "effect"
 *
 * const Player = Layer.provide(BrowserAudioPlayer.layer({ prebuffer: "300 millis" }), BrowserAudioOutput.layer())
 *
 * const program = SpeechSynthesizer.stream({ text: "Hello." }).pipe(
 *   AudioPlayer.play,
 *   Effect.provide(Player)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<AudioPlayer.AudioPlayer, never, BrowserAudioOutput> =>
  Layer.effect(AudioPlayer.AudioPlayer, make(options))
