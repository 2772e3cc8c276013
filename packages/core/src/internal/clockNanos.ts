import * as Effect from "effect/Effect"

/**
 * The time of the `Clock` in nanoseconds. Its own effect dies under a `TestClock` that a jittered delay has set to a fraction of a
 * nanosecond.
 *
 * @internal
 */
export const nanos: Effect.Effect<bigint> = Effect.clockWith((clock) =>
  Effect.sync(() => clock.unsafeCurrentTimeNanos())
)
