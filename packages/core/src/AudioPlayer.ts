/**
 * The port of loudspeakers: audio is heard while it is still being made.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as ClockNanos from "./internal/clockNanos.js"
import * as Operation from "./internal/operation.js"
import * as Pcm from "./Pcm.js"
import * as SpeechTelemetry from "./SpeechTelemetry.js"

/**
 * @since 0.1.0
 * @category services
 */
export class AudioPlayer extends Context.Tag("@effect-smallest/core/AudioPlayer")<AudioPlayer, Service>() {}

/**
 * Audio that could not be heard.
 *
 * - `NoPlayer`: there is no program or device that plays
 * - `PlayerFailed`: the player could not start, or died before the end
 * - `UnsupportedFormat`: the player refuses the format, or the format changed within the stream
 * - `NotAllowed`: a browser that refuses sound before the user touched the page
 *
 * @since 0.1.0
 * @category errors
 */
export class PlaybackError extends Schema.TaggedError<PlaybackError>("@effect-smallest/core/AudioPlayer/PlaybackError")(
  "PlaybackError",
  {
    reason: Schema.Literal("NoPlayer", "PlayerFailed", "UnsupportedFormat", "NotAllowed"),
    /** The player that failed, such as `ffplay`; absent if there is none. */
    player: Schema.optional(Schema.String),
    /** What happened, in one sentence without its full stop. */
    description: Schema.String,
    /** The last that a player program printed, as it printed it. */
    output: Schema.optional(Schema.String)
  }
) {
  override get message(): string {
    return `${this.description}. ${advice[this.reason]}`
  }
}

const advice: Record<PlaybackError["reason"], string> = {
  NoPlayer: "In Node, install ffmpeg, mpv or alsa-utils; anywhere, save the audio to a file instead.",
  PlayerFailed: "Check that the machine has a working sound device, or choose another player.",
  UnsupportedFormat: "Change the audio with Pcm.resample, or choose another player.",
  NotAllowed: "Start playback from a click or key handler."
}

/**
 * What the listener got.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlaybackReport {
  /**
   * - `completed`: everything has been heard
   * - `stopped`: `stop`, or the end of the scope, cut it short
   * - `failed`: the player or the stream failed
   */
  readonly outcome: "completed" | "stopped" | "failed"
  /** The player that played, such as `ffplay`. */
  readonly player: string
  /** How much audio has been heard. */
  readonly heard: Duration.Duration
  /** The time from the start to the first sound; `None` if there was no sound. */
  readonly firstAudio: Option.Option<Duration.Duration>
  /** How often the audio came too late, so that the listener heard a gap. */
  readonly underruns: number
}

/**
 * Audio that is being heard. It ends with its scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface Playback<out E = never> {
  /** How much has been heard so far. */
  readonly position: Effect.Effect<Duration.Duration>
  /** Silences the player and keeps its place. The source of the audio soon has to wait. */
  readonly pause: Effect.Effect<void>
  /** Resumes after {@link Playback.pause}. */
  readonly resume: Effect.Effect<void>
  /** Ends the sound at once, interrupts the stream, and returns what has been heard. Afterwards it returns the same again. */
  readonly stop: Effect.Effect<PlaybackReport>
  /**
   * Waits for the end: until the last sample has been heard, or `stop` was called. If the stream fails, what had come before
   * is heard, and then this fails with the stream's error.
   */
  readonly await: Effect.Effect<PlaybackReport, PlaybackError | E>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Begins to play a stream and gives the handle of the playback. The sound ends with the scope. Fails at once if there
   * is no player; what goes wrong later fails {@link Playback.await}.
   */
  readonly start: <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>
  ) => Effect.Effect<Playback<E>, PlaybackError, Scope.Scope | R>
  /** Plays a stream to its end. Interruption silences the player at once. */
  readonly play: <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>
  ) => Effect.Effect<PlaybackReport, PlaybackError | E, R>
  /**
   * Plays as a sink, to be composed with others. Unlike `play`, it cannot distinguish a stream's error from an interruption:
   * both silence the player at once.
   */
  readonly sink: Sink.Sink<PlaybackReport, Pcm.PcmChunk, never, PlaybackError>
}

// ----------------------------------------------------------------------------------------------------------------
// for implementers
// ----------------------------------------------------------------------------------------------------------------

/**
 * A player that is there, before it knows what it will play.
 *
 * @since 0.1.0
 * @category models
 */
export interface Device {
  /** Its name, for reports. */
  readonly name: string
  /** Opens the way to the loudspeaker for audio of one format. The end of the scope must silence it within 100 ms. */
  readonly open: (format: Pcm.PcmFormat) => Effect.Effect<Output, PlaybackError, Scope.Scope>
}

/**
 * The way to the loudspeaker. Nothing is called concurrently, but for `position`, `underruns`, and `pause` and `resume`
 * during a `write`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Output {
  /** Takes up to 40 ms of audio, and waits while enough is ahead of the listener already. */
  readonly write: (chunk: Pcm.PcmChunk) => Effect.Effect<void, PlaybackError>
  /** Waits until all audio has been heard; there will be no more. */
  readonly drain: Effect.Effect<void, PlaybackError>
  /** Silences within 100 ms, without losing audio. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** How much has been heard, right within 100 ms. */
  readonly position: Effect.Effect<Duration.Duration>
  readonly underruns: Effect.Effect<number>
  /** Waits until the first sample sounds. */
  readonly started: Effect.Effect<void>
  /** Waits for the device to break, for as long as it does not. */
  readonly broken: Effect.Effect<never, PlaybackError>
}

// Pause, stop and back-pressure work on pieces of audio: long ones would make them slow.
const longestWrite = Duration.millis(40)

const cut = (chunk: Pcm.PcmChunk): ReadonlyArray<Pcm.PcmChunk> => {
  const step = Math.max(Pcm.frameSize(chunk.format), Pcm.byteLength(chunk.format, longestWrite))
  return Array.from({ length: Math.ceil(chunk.bytes.length / step) }, (_, i) => ({
    format: chunk.format,
    bytes: chunk.bytes.subarray(i * step, (i + 1) * step)
  }))
}

/**
 * Creates the service from a device: feeds it, keeps failures of the stream and of the player apart, and derives `play` and
 * `sink`. The device is acquired at the start of every playback, before the stream is run; its output is opened when
 * the first audio sets the format.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (device: Effect.Effect<Device, PlaybackError, Scope.Scope>): Service => {
  const start = <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>
  ): Effect.Effect<Playback<E>, PlaybackError, Scope.Scope | R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const begun = yield* ClockNanos.nanos
        const scope = yield* Scope.make()
        const span = yield* Scope.extend(
          Effect.makeSpanScoped("AudioPlayer.play", { captureStackTrace: false }),
          scope
        )
        const { name, open } = yield* restore(device).pipe(
          Scope.extend(scope),
          Effect.tapErrorCause((cause) => Operation.noteFailure(span, cause)),
          Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
        )
        span.attribute("audio.player", name)

        const result = yield* Deferred.make<PlaybackReport, PlaybackError | E>()
        const broken = yield* Deferred.make<never, PlaybackError>()
        const final = yield* Ref.make(Option.none<PlaybackReport>())
        const output = yield* Ref.make(Option.none<Output>())
        const firstAudio = yield* Ref.make(Option.none<Duration.Duration>())
        const handedOver = yield* Ref.make(Duration.zero)
        const upstreamFailure = yield* Ref.make(Option.none<Cause.Cause<E>>())
        const isPaused = yield* Ref.make(false)
        const flowing = yield* Effect.makeLatch(true)
        const control = yield* Effect.makeSemaphore(1)

        const ofOutput = <A>(f: (output: Output) => Effect.Effect<A>, otherwise: A): Effect.Effect<A> =>
          Effect.flatMap(Ref.get(output), Option.match({ onNone: () => Effect.succeed(otherwise), onSome: f }))

        const position = ofOutput((output) => output.position, Duration.zero)

        const report = Effect.fnUntraced(function*(outcome: PlaybackReport["outcome"]) {
          const made: PlaybackReport = {
            outcome,
            player: name,
            heard: outcome === "completed" ? yield* Ref.get(handedOver) : yield* position,
            firstAudio: yield* Ref.get(firstAudio),
            underruns: yield* ofOutput((output) => output.underruns, 0)
          }
          // The first report stands: a stop after the end changes nothing.
          const standing = yield* Ref.getAndUpdate(final, Option.orElseSome(() => made))
          if (Option.isSome(standing)) return standing.value
          span.attribute("audio.duration", Duration.toSeconds(made.heard))
          span.attribute("audio.player.outcome", made.outcome)
          span.attribute("audio.player.underruns", made.underruns)
          if (Option.isSome(made.firstAudio)) {
            span.attribute("audio.player.time_to_first_audio", Duration.toSeconds(made.firstAudio.value))
          }
          yield* Metric.update(Metric.tagged(SpeechTelemetry.underruns, "audio.player", name), made.underruns)
          return made
        })

        const watch = (output: Output) =>
          Effect.all([
            Effect.intoDeferred(output.broken, broken),
            output.started.pipe(
              Effect.zipRight(ClockNanos.nanos),
              Effect.flatMap((now) => Ref.set(firstAudio, Option.some(Duration.nanos(now - begun))))
            )
          ], { concurrency: 2, discard: true })

        const openOutput = (format: Pcm.PcmFormat) =>
          control.withPermits(1)(Effect.gen(function*() {
            const opened = yield* Scope.extend(open(format), scope)
            if (yield* Ref.get(isPaused)) yield* opened.pause
            yield* Ref.set(output, Option.some(opened))
            yield* Effect.forkIn(watch(opened), scope)
            return opened
          }))

        let format: Pcm.PcmFormat | undefined
        const outputFor = Effect.fnUntraced(function*(chunk: Pcm.PcmChunk) {
          format ??= chunk.format
          if (!Pcm.isSameFormat(chunk.format, format)) {
            return yield* new PlaybackError({
              reason: "UnsupportedFormat",
              player: name,
              description: `The audio changed from ${Pcm.formatName(format)} to ${Pcm.formatName(chunk.format)}`
            })
          }
          return yield* Effect.flatMap(
            Ref.get(output),
            Option.match({ onSome: Effect.succeed, onNone: () => openOutput(chunk.format) })
          )
        })

        const hand = Effect.fnUntraced(function*(chunk: Pcm.PcmChunk) {
          for (const piece of cut(chunk)) {
            yield* flowing.await
            const output = yield* outputFor(piece)
            yield* output.write(piece)
            yield* Ref.update(handedOver, Duration.sum(Pcm.duration(piece)))
          }
        })

        // What had come before an error of the stream is still due to the listener.
        const feed = pcm.pipe(
          Stream.catchAllCause((cause) => Stream.execute(Ref.set(upstreamFailure, Option.some(cause)))),
          Stream.runForEach(hand),
          Effect.zipRight(Effect.flatMap(
            Ref.get(output),
            Option.match({ onNone: () => Effect.void, onSome: (output) => output.drain })
          )),
          Effect.raceFirst(Deferred.await(broken)),
          Effect.zipRight(Effect.flatMap(
            Ref.get(upstreamFailure),
            Option.match({ onNone: () => Effect.void, onSome: Effect.failCause })
          ))
        )

        const settle = (exit: Exit.Exit<void, PlaybackError | E>) =>
          Effect.gen(function*() {
            const made = yield* report(Exit.isSuccess(exit) ? "completed" : "failed")
            yield* Scope.close(scope, exit)
            yield* Deferred.done(result, made.outcome === "stopped" ? Exit.succeed(made) : Exit.as(exit, made))
          })

        const feeder = yield* Effect.interruptible(feed).pipe(
          Effect.tapErrorCause((cause) => Operation.noteFailure(span, cause)),
          Effect.withParentSpan(span),
          Effect.exit,
          Effect.flatMap(settle),
          Effect.catchAllCause((cause) => Deferred.failCause(result, cause)),
          Effect.forkDaemon
        )

        const stop = Effect.uninterruptible(Effect.gen(function*() {
          const made = yield* report("stopped")
          // Silence must not wait for a source that is slow to let go.
          yield* Effect.zip(Scope.close(scope, Exit.void), Fiber.interrupt(feeder), { concurrent: true })
          yield* Deferred.succeed(result, made)
          return made
        }))
        yield* Effect.addFinalizer(() => stop)

        const setPaused = (paused: boolean) =>
          control.withPermits(1)(Effect.gen(function*() {
            if ((yield* Ref.getAndSet(isPaused, paused)) === paused) return
            if (Option.isSome(yield* Ref.get(final))) return
            yield* paused ? flowing.close : flowing.open
            yield* ofOutput((output) => paused ? output.pause : output.resume, undefined)
          }))

        const playback: Playback<E> = {
          position: Effect.flatMap(
            Ref.get(final),
            Option.match({ onNone: () => position, onSome: ({ heard }) => Effect.succeed(heard) })
          ),
          pause: setPaused(true),
          resume: setPaused(false),
          stop,
          await: Deferred.await(result)
        }
        return playback
      })
    )

  const play: Service["play"] = (pcm) => Effect.scoped(Effect.flatMap(start(pcm), (playback) => playback.await))

  const sink: Service["sink"] = Sink.unwrapScoped(Effect.gen(function*() {
    const mailbox = yield* Mailbox.make<Pcm.PcmChunk>({ capacity: 1 })
    const playback = yield* start(Mailbox.toStream(mailbox))
    return Sink.forEach((chunk: Pcm.PcmChunk) => Effect.raceFirst(mailbox.offer(chunk), playback.await)).pipe(
      Sink.mapEffect(() => Effect.zipRight(mailbox.end, playback.await))
    )
  }))

  return AudioPlayer.of({ start, play, sink })
}

// ----------------------------------------------------------------------------------------------------------------
// layers
// ----------------------------------------------------------------------------------------------------------------

/**
 * A player without a loudspeaker, for servers and tests that do not care: takes audio as fast as it comes and counts it
 * as heard.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNoop: Layer.Layer<AudioPlayer> = /*#__PURE__*/ Layer.sync(AudioPlayer, () =>
  make(Effect.succeed({
    name: "none",
    open: () =>
      Effect.map(Ref.make(Duration.zero), (heard) => ({
        write: (chunk) => Ref.update(heard, Duration.sum(Pcm.duration(chunk))),
        drain: Effect.void,
        pause: Effect.void,
        resume: Effect.void,
        position: Ref.get(heard),
        underruns: Effect.succeed(0),
        started: Effect.void,
        broken: Effect.never
      }))
  })))

// ----------------------------------------------------------------------------------------------------------------
// accessors
// ----------------------------------------------------------------------------------------------------------------

/**
 * Begins to play a stream and gives the handle of the playback. The sound ends with the scope.
 *
 * @example
 * ```ts
 * import { AudioPlayer, SpeechSynthesizer } from "@effect-smallest/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const playback = yield* AudioPlayer.start(SpeechSynthesizer.stream({ text: "Let me tell you a long story." }))
 *   yield* Effect.sleep("1 second")
 *   yield* playback.pause
 *   yield* Effect.sleep("1 second")
 *   yield* playback.resume
 *   return yield* playback.await
 * }))
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const start = <E, R>(
  pcm: Stream.Stream<Pcm.PcmChunk, E, R>
): Effect.Effect<Playback<E>, PlaybackError, AudioPlayer | Scope.Scope | R> =>
  Effect.flatMap(AudioPlayer, (service) => service.start(pcm))

/**
 * Plays a stream to its end: until the last sample has been heard. Interruption silences the player at once.
 *
 * @example
 * ```ts
 * import { AudioPlayer, SpeechSynthesizer } from "@effect-smallest/core"
 *
 * const program = SpeechSynthesizer.stream({ text: "Hello." }).pipe(AudioPlayer.play)
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const play = <E, R>(
  pcm: Stream.Stream<Pcm.PcmChunk, E, R>
): Effect.Effect<PlaybackReport, PlaybackError | E, AudioPlayer | R> =>
  Effect.flatMap(AudioPlayer, (service) => service.play(pcm))

/**
 * A sink that plays.
 *
 * @example
 * ```ts
 * import { AudioFile, AudioPlayer, SpeechSynthesizer } from "@effect-smallest/core"
 * import { Sink, Stream } from "effect"
 *
 * // heard and saved at once
 * const program = SpeechSynthesizer.stream({ text: "Hello." }).pipe(
 *   Stream.run(Sink.zip(AudioPlayer.sink, AudioFile.sink("hello.wav"), { concurrent: true }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const sink: Sink.Sink<PlaybackReport, Pcm.PcmChunk, never, PlaybackError, AudioPlayer> = Sink.unwrap(
  Effect.map(AudioPlayer, (service) => service.sink)
)
