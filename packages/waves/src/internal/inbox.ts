import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * A bounded queue with one writer and one reader, whose reader may give up waiting without losing an item: one waits for a signal, and
 * takes the item in a step that nothing can interrupt.
 *
 * @internal
 */
export interface Inbox<A> {
  /** Waits for room. */
  readonly put: (item: A) => Effect.Effect<void>
  /** Waits for an item, without taking it. */
  readonly ready: Effect.Effect<void>
  /** Takes the next item, if there is one. */
  readonly unsafePoll: () => Option.Option<A>
}

/** @internal */
export const make = <A>(capacity: number): Effect.Effect<Inbox<A>> =>
  Effect.sync(() => {
    const items: Array<A> = []
    const filled = Effect.unsafeMakeLatch(false)
    const roomy = Effect.unsafeMakeLatch(true)
    return {
      put: (item) =>
        Effect.zipRight(
          roomy.await,
          Effect.sync(() => {
            items.push(item)
            filled.unsafeOpen()
            if (items.length >= capacity) roomy.unsafeClose()
          })
        ),
      ready: filled.await,
      unsafePoll: () => {
        const item = Option.fromNullable(items.shift())
        if (items.length === 0) filled.unsafeClose()
        roomy.unsafeOpen()
        return item
      }
    }
  })
