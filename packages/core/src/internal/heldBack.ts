import type { LazyArg } from "effect/Function"
import * as Stream from "effect/Stream"

/**
 * Adds what a stage still holds back when its input ends, well or not: what was made before a failure leaves before it.
 *
 * @internal
 */
export const heldBack =
  <B>(rest: LazyArg<Iterable<B>>) => <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A | B, E, R> => {
    const last = Stream.suspend(() => Stream.fromIterable(rest()))
    return self.pipe(
      Stream.concat(last),
      Stream.catchAllCause((cause) => Stream.concat(last, Stream.failCause(cause)))
    )
  }
