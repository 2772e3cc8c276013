import type * as RateLimiter from "@effect/experimental/RateLimiter"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

interface Entry {
  /** Tokens taken at `since` that are not given back yet. */
  taken: number
  since: number
  /** When all of them are given back, and the entry says nothing any more. */
  expires: number
}

/** @internal */
export interface MemoryStore extends Context.Tag.Service<RateLimiter.RateLimiterStore> {
  /** How many clients it remembers. */
  readonly size: () => number
}

/**
 * A store in the memory of this process, which forgets clients that have all their tokens back: clients come and go for
 * ever, and that of `@effect/experimental` keeps them all.
 *
 * @internal
 */
export const make = (): MemoryStore => {
  const entries = new Map<string, Entry>()
  let sweptAt = 0

  const sweep = (now: number) => {
    if (now - sweptAt < 60_000) return
    sweptAt = now
    for (const [key, entry] of entries) if (entry.expires <= now) entries.delete(key)
  }

  const store = (key: string, taken: number, since: number, refillMillis: number) =>
    entries.set(key, { taken, since, expires: since + taken * refillMillis })

  const visit = <A>(
    { key, refillRate }: { readonly key: string; readonly refillRate: Duration.Duration },
    visited: (entry: Entry | undefined, now: number, refillMillis: number) => A
  ): Effect.Effect<A> =>
    Effect.clockWith((clock) =>
      Effect.sync(() => {
        const now = clock.unsafeCurrentTimeMillis()
        sweep(now)
        return visited(entries.get(key), now, Duration.toMillis(refillRate))
      })
    )

  return {
    size: () => entries.size,
    fixedWindow: (options) =>
      visit(options, (entry, now, refillMillis) => {
        const [taken, since] = entry === undefined || entry.expires <= now ? [0, now] : [entry.taken, entry.since]
        const after = taken + options.tokens
        if (options.limit !== undefined && after > options.limit) {
          return [after, since + taken * refillMillis - now] as const
        }
        store(options.key, after, since, refillMillis)
        return [after, since + after * refillMillis - now] as const
      }),
    tokenBucket: (options) =>
      visit(options, (entry, now, refillMillis) => {
        const back = entry === undefined ? 0 : Math.floor((now - entry.since) / refillMillis)
        const taken = Math.max(0, (entry?.taken ?? 0) - back)
        const since = entry === undefined || taken === 0 ? now : entry.since + back * refillMillis
        const left = options.limit - taken - options.tokens
        if (options.allowOverflow || left >= 0) store(options.key, taken + options.tokens, since, refillMillis)
        return left
      })
  }
}
