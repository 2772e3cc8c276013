import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Pull from "../Pull.js"
import type { SpeechEvent } from "../SpeechEvent.js"

/** @internal */
export const isAudible = (event: SpeechEvent): boolean => event._tag === "AudioChunk" && event.chunk.bytes.length > 0

/**
 * Runs a stream of events until its first audio, then gives all of it, from its first event on.
 *
 * Whatever fails before any sound fails the effect, and leaves nothing behind: so a retry of the effect never repeats a
 * sound. Whatever fails later fails the stream.
 *
 * @internal
 */
export const untilFirstAudio = <E, R>(
  events: Stream.Stream<SpeechEvent, E, R>
): Effect.Effect<Stream.Stream<SpeechEvent, E, R>, E, R | Scope.Scope> =>
  Effect.gen(function*() {
    const pull = yield* Pull.fromStream(events)
    let head = Chunk.empty<SpeechEvent>()
    while (true) {
      const next = yield* Effect.either(pull)
      if (next._tag === "Right") {
        head = Chunk.appendAll(head, next.right)
        if (Chunk.some(next.right, isAudible)) {
          return Stream.concat(Stream.fromChunk(head), Pull.toStream(pull))
        }
      } else if (Option.isSome(next.left)) {
        return yield* Effect.fail(next.left.value)
      } else {
        return Stream.fromChunk(head)
      }
    }
  }).pipe(inOwnScope)

// The scope of a failed attempt closes at once; that of a successful one lives as long as the surrounding scope.
const inOwnScope = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const outer = yield* Effect.scope
      const scope = yield* Scope.fork(outer, ExecutionStrategy.sequential)
      return yield* restore(Effect.provideService(effect, Scope.Scope, scope)).pipe(
        Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
      )
    })
  )
