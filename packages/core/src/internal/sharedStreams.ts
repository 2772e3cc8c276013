import type * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Pull from "../Pull.js"

interface Flight<A, E> {
  readonly scope: Scope.CloseableScope
  /** Where each listener is. */
  readonly listeners: Set<{ position: number }>
  readonly pieces: Array<Exit.Exit<Chunk.Chunk<A>, Option.Option<E>>>
  /** How many pieces have been dropped from the front. */
  dropped: number
  size: number
  pull: Pull.Pull<A, E> | undefined
  arriving: Deferred.Deferred<void> | undefined
}

/** @internal */
export interface SharedStreams<A, E> {
  /** Listens to the stream that has this key: the one that runs if there is one, with all that it has brought so far, or else this. */
  readonly share: (
    key: string,
    stream: Stream.Stream<A, E>,
    onJoin: Effect.Effect<void>
  ) => Stream.Stream<A, E>
  /** How many run. */
  readonly running: () => number
}

/**
 * Streams that are asked for several times at once and run once, at the pace of the fastest listener, until the last listener has left.
 * What has been brought is kept for listeners who join; a stream that grows beyond `limit` is joined no more, and keeps only what
 * its slowest listener has not heard.
 *
 * @internal
 */
export const make = <A, E>(sizeOf: (a: A) => number, limit: number): SharedStreams<A, E> => {
  const flights = new Map<string, Flight<A, E>>()

  const depart = (key: string, flight: Flight<A, E>) => {
    if (flights.get(key) === flight) flights.delete(key)
  }

  const trim = (flight: Flight<A, E>) => {
    const slowest = Math.min(...Array.from(flight.listeners, ({ position }) => position))
    if (slowest > flight.dropped && slowest !== Infinity) {
      flight.pieces.splice(0, slowest - flight.dropped)
      flight.dropped = slowest
    }
  }

  const bring = (key: string, flight: Flight<A, E>, stream: Stream.Stream<A, E>) =>
    Effect.suspend(() =>
      flight.pull !== undefined
        ? Effect.succeed(flight.pull)
        : Effect.tap(Scope.extend(Pull.fromStream(stream), flight.scope), (pull) => {
          flight.pull = pull
        })
    ).pipe(
      Effect.flatten,
      Effect.exit,
      Effect.map((piece) => {
        flight.pieces.push(piece)
        if (Exit.isSuccess(piece)) {
          for (const a of piece.value) flight.size += sizeOf(a)
        }
        if (Exit.isFailure(piece) || flight.size > limit) depart(key, flight)
        if (flight.size > limit) trim(flight)
        const arrived = flight.arriving
        flight.arriving = undefined
        if (arrived !== undefined) Deferred.unsafeDone(arrived, Effect.void)
      })
    )

  // A fiber of the flight's own: the listener who asks may leave while others wait for the same piece.
  const advance = (key: string, flight: Flight<A, E>, stream: Stream.Stream<A, E>) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        if (flight.arriving !== undefined) return restore(Deferred.await(flight.arriving))
        const arriving = Deferred.unsafeMake<void>(FiberId.none)
        flight.arriving = arriving
        return Effect.zipRight(
          Effect.forkIn(Effect.interruptible(bring(key, flight, stream)), flight.scope),
          restore(Deferred.await(arriving))
        )
      })
    )

  const share: SharedStreams<A, E>["share"] = (key, stream, onJoin) =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const listener = { position: 0 }
      const flight = yield* Effect.acquireRelease(
        Effect.flatMap(Scope.make(), (scope) =>
          Effect.suspend(() => {
            const running = flights.get(key)
            const joined: Flight<A, E> = running ??
              { scope, listeners: new Set(), pieces: [], dropped: 0, size: 0, pull: undefined, arriving: undefined }
            joined.listeners.add(listener)
            if (running === undefined) flights.set(key, joined)
            return Effect.as(running === undefined ? Effect.void : onJoin, joined)
          })),
        (flight) =>
          Effect.suspend(() => {
            flight.listeners.delete(listener)
            if (flight.listeners.size > 0) return Effect.void
            depart(key, flight)
            return Scope.close(flight.scope, Exit.void)
          })
      )
      const next: Pull.Pull<A, E> = Effect.suspend(() => {
        const piece = flight.pieces[listener.position - flight.dropped]
        if (piece === undefined) return Effect.zipRight(advance(key, flight, stream), next)
        listener.position += 1
        return piece
      })
      return Pull.toStream(next)
    }))

  return { share, running: () => flights.size }
}
