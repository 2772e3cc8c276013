import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"

/**
 * A queue between one producer and one listener that is bounded in bytes: `offer` waits while it is full.
 *
 * @internal
 */
export interface ByteBuffer<E> {
  readonly offer: (bytes: Uint8Array) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
  readonly failCause: (cause: Cause.Cause<E>) => Effect.Effect<void>
  /** Everything offered, then the end or the failure. */
  readonly stream: Stream.Stream<Uint8Array, E>
}

/** @internal */
export const make = Effect.fnUntraced(function*<E>(capacity: number): Effect.fn.Return<ByteBuffer<E>> {
  const mailbox = yield* Mailbox.make<Uint8Array, E>()
  const space = yield* Effect.makeSemaphore(capacity)
  const weight = (bytes: Uint8Array) => Math.min(bytes.length, capacity)
  return {
    offer: (bytes) => Effect.zipRight(space.take(weight(bytes)), mailbox.offer(bytes)),
    end: Effect.asVoid(mailbox.end),
    failCause: (cause) => Effect.asVoid(mailbox.failCause(cause)),
    stream: Stream.tap(Mailbox.toStream(mailbox), (bytes) => space.release(weight(bytes)))
  }
})
