import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Refusal from "./refusal.js"

/**
 * A text that a client has in progress.
 *
 * @internal
 */
export interface Place {
  readonly leave: Effect.Effect<void>
  /** Keeps the place for as long as the stream. */
  readonly hold: <A, E, R>(stream: Stream.Stream<A, E, R>) => Stream.Stream<A, E, R>
}

// A response that nobody begins to read must not keep its place.
const placeTimeout = Duration.seconds(10)

/**
 * Limits the texts that each client has in progress, and forgets clients that have none.
 *
 * @internal
 */
export const make = (concurrency: number) => {
  const open = new Map<string, number>()
  return Effect.fnUntraced(function*(client: string): Effect.fn.Return<Place, Refusal.Refusal> {
    const count = open.get(client) ?? 0
    if (count >= concurrency) {
      return yield* Refusal.tooOften(
        Duration.seconds(1),
        `This client already has ${count} texts in progress, which is its limit`
      )
    }
    open.set(client, count + 1)
    let isHeld = true
    const release = Effect.sync(() => {
      if (!isHeld) return
      isHeld = false
      const count = open.get(client) ?? 0
      if (count > 1) open.set(client, count - 1)
      else open.delete(client)
    })
    const expiry = yield* Effect.forkDaemon(Effect.interruptible(Effect.delay(release, placeTimeout)))
    const leave = Effect.zipRight(Fiber.interrupt(expiry), release)
    return {
      leave,
      hold: (stream) =>
        Stream.unwrapScoped(Effect.as(Effect.acquireRelease(Fiber.interrupt(expiry), () => release), stream))
    }
  }, Effect.uninterruptible)
}
