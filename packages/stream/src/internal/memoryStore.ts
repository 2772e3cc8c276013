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

  return {
    size: () => entries.size,
    fixedWindow: ({ key, limit, refillRate, tokens }) =>
      Effect.clockWith((clock) =>
        Effect.sync(() => {
          const now = clock.unsafeCurrentTimeMillis()
          const refillMillis = Duration.toMillis(refillRate)
          sweep(now)
          const entry = entries.get(key)
          const [taken, since] = entry === undefined || entry.expires <= now ? [0, now] : [entry.taken, entry.since]
          const after = taken + tokens
          if (limit !== undefined && after > limit) return [after, since + taken * refillMillis - now] as const
          store(key, after, since, refillMillis)
          return [after, since + after * refillMillis - now] as const
        })
      ),
    tokenBucket: ({ allowOverflow, key, limit, refillRate, tokens }) =>
      Effect.clockWith((clock) =>
        Effect.sync(() => {
          const now = clock.unsafeCurrentTimeMillis()
          const refillMillis = Duration.toMillis(refillRate)
          sweep(now)
          const entry = entries.get(key)
          const back = entry === undefined ? 0 : Math.floor((now - entry.since) / refillMillis)
          const taken = Math.max(0, (entry?.taken ?? 0) - back)
          const since = entry === undefined || taken === 0 ? now : entry.since + back * refillMillis
          const left = limit - taken - tokens
          if (allowOverflow || left >= 0) store(key, taken + tokens, since, refillMillis)
          return left
        })
      )
  }
}
