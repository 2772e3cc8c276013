/**
 * Streams pulled by hand, for the inner loops of engines: audio comes in many small pieces, and each would pass through every combinator of
 * a pipeline.
 *
 * A pull returns the next events, and ends with `None` or fails with `Some`. This module is the only one that knows how Effect 3 spells it, so
 * that Effect 4 will be a change here.
 *
 * Only authors of engines need this module.
 *
 * @since 0.1.0
 */
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * The next pieces of a stream. It fails with `None` at the end and with `Some` if the stream fails.
 *
 * @since 0.1.0
 * @category models
 */
export type Pull<A, E = never, R = never> = Effect.Effect<Chunk.Chunk<A>, Option.Option<E>, R>

/**
 * Opens a stream, for as long as the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromStream: <A, E, R>(
  self: Stream.Stream<A, E, R>
) => Effect.Effect<Pull<A, E, R>, never, R | Scope.Scope> = Stream.toPull

/**
 * The stream of everything that a pull returns, until its end.
 *
 * @example
 * ```ts
 * import { Pull } from "@effect-smallest/core"
 * import { Effect, Stream } from "effect"
 *
 * // Skips the first piece, whatever it is.
 * const rest = <A, E, R>(self: Stream.Stream<A, E, R>) =>
 *   Stream.unwrapScoped(Effect.gen(function*() {
 *     const pull = yield* Pull.fromStream(self)
 *     return Stream.drop(Pull.toStream(pull), 1)
 *   }))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const toStream: <A, E, R>(pull: Pull<A, E, R>) => Stream.Stream<A, E, R> = Stream.repeatEffectChunkOption

/**
 * The end of a stream.
 *
 * @since 0.1.0
 * @category constructors
 */
export const end: Effect.Effect<never, Option.Option<never>> = Effect.fail(Option.none())

/**
 * The failure of a stream.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fail = <E>(error: E): Effect.Effect<never, Option.Option<E>> => Effect.fail(Option.some(error))
