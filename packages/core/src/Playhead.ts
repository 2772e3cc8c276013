/**
 * The clock of a loudspeaker: how much of the audio that was handed to it has been heard.
 *
 * For those who implement `AudioPlayer`. A playhead runs with the system's clock, never past the audio that it has, is
 * corrected by what the device itself reports, and makes its writer keep a small lead instead of running ahead.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ClockNanos from "./internal/clockNanos.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Playhead {
  /** How much has been heard. Never goes back. */
  readonly position: Effect.Effect<Duration.Duration>
  /** How often the audio ran out before its end, so that the listener heard a gap. */
  readonly underruns: Effect.Effect<number>
  /** Waits until the first sample sounds. */
  readonly started: Effect.Effect<void>
  /**
   * Counts a piece of audio as handed over, once no more than the lead is ahead of the listener with it. Until then it
   * waits.
   */
  readonly advance: (duration: Duration.Duration) => Effect.Effect<void>
  /** Says that sound begins now. Does nothing the second time. */
  readonly start: Effect.Effect<void>
  /** Says how much the device has played by its own count. The first report says that sound begins, too. */
  readonly report: (position: Duration.DurationInput) => Effect.Effect<void>
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** Waits until so much has been heard. */
  readonly reached: (position: Duration.DurationInput) => Effect.Effect<void>
  /** Waits until everything that was handed over has been heard. */
  readonly drained: Effect.Effect<void>
  /** Says that everything has been heard, for devices that know their own end. */
  readonly finish: Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How far ahead of the listener audio is handed over. */
  readonly lead: Duration.DurationInput
  /**
   * How long reports of the device are not believed after a pause or an underrun: some players' clocks run on meanwhile.
   * @default "150 millis"
   */
  readonly settleTime?: Duration.DurationInput | undefined
}

const now = /*#__PURE__*/ Effect.map(ClockNanos.nanos, (nanos) => Number(nanos) / 1e6)

/**
 * Makes a playhead that waits for its start.
 *
 * @example
 * ```ts
 * import { Playhead } from "@effect-smallest/core"
 * import { Duration, Effect } from "effect"
 *
 * const oneSecond = Effect.gen(function*() {
 *   const playhead = yield* Playhead.make({ lead: "200 millis" })
 *   yield* playhead.start
 *   yield* Effect.replicateEffect(playhead.advance(Duration.millis(100)), 10) // takes 0.8 s
 *   yield* playhead.drained // and 0.2 s more
 *   return yield* playhead.position
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Playhead> =>
  Effect.sync(() => {
    const lead = Duration.toMillis(options.lead)
    const settleTime = Duration.toMillis(options.settleTime ?? "150 millis")
    // Sound moves while this is open.
    const running = Effect.unsafeMakeLatch(false)
    const begun = Effect.unsafeMakeLatch(false)
    let isStarted = false
    let isPaused = false
    let handedOver = 0
    let underruns = 0
    let highest = 0
    let believeFrom = 0
    let lastReport = -1
    // At `at` on the clock, `position` has been heard.
    let anchor = { position: 0, at: 0 }

    const heardAt = (at: number): number =>
      Math.min(handedOver, anchor.position + (isStarted && !isPaused ? at - anchor.at : 0))

    const setAnchor = (position: number, at: number): void => {
      anchor = { position, at }
    }

    const begin = (at: number, position: number): void => {
      isStarted = true
      setAnchor(position, at)
      begun.unsafeOpen()
      if (!isPaused) running.unsafeOpen()
    }

    const at = <A>(f: (now: number) => A): Effect.Effect<A> => Effect.map(now, f)

    // Sleeps until the listener has moved on by so much; while nothing moves, until it does. Whole milliseconds, because
    // no clock wakes up more precisely, and the clock of tests has no time between them.
    const moved = (millis: number): Effect.Effect<void> =>
      isStarted && !isPaused ? Effect.sleep(Duration.millis(Math.max(1, Math.ceil(millis)))) : running.await

    const takes = (millis: number) => (now: number): number => {
      const heard = heardAt(now)
      const excess = handedOver + millis - Math.max(0, heard) - lead
      if (excess > 0 && handedOver > heard) return excess
      if (isStarted && !isPaused && handedOver > 0 && heard >= handedOver) {
        underruns++
        setAnchor(handedOver, now)
        believeFrom = now + settleTime
      }
      handedOver += millis
      return 0
    }

    const advance = (duration: Duration.Duration): Effect.Effect<void> => {
      const millis = Duration.toMillis(duration)
      const attempt: Effect.Effect<void> = Effect.flatMap(at(takes(millis)), (excess) =>
        excess === 0 ? Effect.void : Effect.zipRight(moved(excess), attempt))
      return attempt
    }

    const until = (position: () => number): Effect.Effect<void> =>
      Effect.flatMap(
        at((now) =>
          position() - heardAt(now)
        ),
        (left) => left <= 0 ? Effect.void : Effect.zipRight(moved(left), until(position))
      )

    return {
      position: at((now) => {
        highest = Math.max(highest, heardAt(now))
        return Duration.millis(highest)
      }),
      underruns: Effect.sync(() => underruns),
      started: begun.await,
      advance,
      reached: (position) => until(() => Duration.toMillis(position)),
      drained: until(() => handedOver),
      start: at((now) => {
        if (!isStarted) begin(now, 0)
      }),
      report: (position) =>
        at((now) => {
          const millis = Duration.toMillis(position)
          // A report that repeats the last one says nothing: the device has stopped to wait for audio.
          if (millis === lastReport) return
          lastReport = millis
          if (!isStarted) begin(now, millis)
          else if (!isPaused && now >= believeFrom) setAnchor(millis, now)
        }),
      pause: at((now) => {
        if (isPaused) return
        if (isStarted) setAnchor(heardAt(now), now)
        isPaused = true
        running.unsafeClose()
      }),
      resume: at((now) => {
        if (!isPaused) return
        isPaused = false
        believeFrom = now + settleTime
        if (isStarted) {
          setAnchor(anchor.position, now)
          running.unsafeOpen()
        }
      }),
      finish: at((now) => {
        setAnchor(handedOver, now)
      })
    }
  })
