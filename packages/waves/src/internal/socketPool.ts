import type * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { WavesSocket } from "../WavesSocket.js"

/**
 * Sockets that open on demand and serve one utterance at a time. Effect's own `Pool` would hand out sockets that the server has closed
 * since, and cannot be interrupted while one opens.
 *
 * @internal
 */
export interface SocketPool {
  /** An open socket for as long as the scope, which closes it unless it was given back. */
  readonly take: Effect.Effect<Lease, SpeechError.SpeechError, Scope.Scope>
}

/** @internal */
export interface Lease {
  readonly socket: WavesSocket
  /** Says that nothing more will come over the socket: when the scope closes, it stays open for others. */
  readonly giveBack: () => void
}

/** @internal */
export interface Options {
  readonly connect: Effect.Effect<WavesSocket, SpeechError.SpeechError, Scope.Scope>
  readonly size: number
  /** Whether one socket is opened at once, and one stays open for ever. */
  readonly prewarm: boolean
  readonly timeToLive: Duration.Duration
}

interface Held {
  readonly socket: WavesSocket
  readonly close: Effect.Effect<void>
  isGivenBack: boolean
  expiry: Fiber.Fiber<void> | undefined
}

/** @internal */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<SocketPool, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const places = yield* Effect.makeSemaphore(options.size)
  const idle: Array<Held> = []

  const open = Effect.gen(function*() {
    const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
    const socket = yield* Effect.interruptible(Scope.extend(options.connect, own)).pipe(
      Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
    )
    const held: Held = { socket, close: Scope.close(own, Exit.void), isGivenBack: false, expiry: undefined }
    return held
  })

  // The one that was used last has the longest to live.
  const reuse = Effect.gen(function*() {
    while (true) {
      const held = idle.pop()
      if (held === undefined) return undefined
      if (held.expiry !== undefined) yield* Fiber.interrupt(held.expiry)
      if (yield* held.socket.isOpen) return held
      yield* held.close
    }
  })

  const acquire = Effect.gen(function*() {
    const held = (yield* reuse) ?? (yield* open)
    held.isGivenBack = false
    return held
  })

  const expire = (held: Held) =>
    Effect.suspend(() => {
      const isKept = options.prewarm && idle.length === 1
      const at = idle.indexOf(held)
      if (isKept || at === -1) return Effect.void
      idle.splice(at, 1)
      return held.close
    })

  const release = Effect.fnUntraced(function*(held: Held) {
    if (!held.isGivenBack || !(yield* held.socket.isOpen)) return yield* held.close
    idle.push(held)
    held.expiry = yield* expire(held).pipe(
      Effect.uninterruptible,
      Effect.delay(options.timeToLive),
      Effect.interruptible,
      Effect.forkIn(scope)
    )
  })

  const take = Effect.gen(function*() {
    yield* Effect.acquireRelease(Effect.interruptible(places.take(1)), () => places.release(1))
    const held = yield* Effect.acquireRelease(acquire, release)
    return {
      socket: held.socket,
      giveBack: () => {
        held.isGivenBack = true
      }
    }
  })

  if (options.prewarm) {
    yield* Effect.map(take, ({ giveBack }) => giveBack()).pipe(
      Effect.scoped,
      // The first utterance opens one then, and reports what is wrong.
      Effect.catchAll((error) =>
        Effect.logDebug("No socket could be opened ahead").pipe(
          Effect.annotateLogs({
            package: "@effect-smallest/waves",
            module: "WavesSpeechStream",
            error: String(error)
          })
        )
      ),
      Effect.interruptible,
      Effect.forkScoped
    )
  }

  return { take }
})
