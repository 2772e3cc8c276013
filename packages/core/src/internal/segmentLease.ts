import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

/**
 * @internal
 */
export interface SegmentLease {
  /** Identity of the stream that the segment belongs to. */
  readonly stream: object
  /** Place of the segment in its stream. */
  readonly index: number
  /**
   * Leaves a permit of a pool to the next attempt, with how to give it back. Gives it back at once if no listener waits for
   * this very segment, one is left already, or no attempt will follow.
   */
  readonly keep: (pool: object, giveBack: Effect.Effect<void>) => Effect.Effect<void>
  /** Whether an attempt before this one left a permit of a pool, which is then the caller's. */
  readonly take: (pool: object) => Effect.Effect<boolean>
}

/**
 * The lease of the running segment. A layer that finds one leaves retries to its owner: retries never multiply.
 *
 * @internal
 */
export class CurrentSegmentLease extends Context.Reference<CurrentSegmentLease>()(
  "@effect-smallest/core/SegmentLease/CurrentSegmentLease",
  { defaultValue: (): Option.Option<SegmentLease> => Option.none() }
) {}

/**
 * A lease that lasts for a scope: close it when no further attempt will be made. Then permits that failed attempts left
 * go back to their pools, and what fails later leaves none.
 *
 * @internal
 */
export const make = (options: {
  readonly stream: object
  readonly index: number
  /** Whether the listener waits for this very segment. */
  readonly isHead: Effect.Effect<boolean>
}): Effect.Effect<SegmentLease, never, Scope.Scope> =>
  Effect.gen(function*() {
    const kept = new Map<object, Effect.Effect<void>>()
    let isOver = false
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isOver = true
        return Effect.all(kept.values(), { discard: true })
      })
    )
    return {
      stream: options.stream,
      index: options.index,
      keep: (pool, giveBack) =>
        Effect.flatMap(options.isHead, (isHead) => {
          if (!isHead || isOver || kept.has(pool)) return giveBack
          kept.set(pool, giveBack)
          return Effect.void
        }),
      take: (pool) => Effect.sync(() => kept.delete(pool))
    }
  })
