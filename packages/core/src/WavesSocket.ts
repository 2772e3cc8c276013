/**
 * One session of the vendor's live WebSocket: typed messages out, typed frames in, each frame to the utterance that it belongs to.
 *
 * Most programs want `WavesSpeechStream`, the port over a pool of these.
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Incoming from "./internal/liveFrame.js"
import * as WavesErrors from "./internal/wavesErrors.js"
import * as SpeechError from "./SpeechError.js"
import type * as WavesSchema from "./WavesSchema.js"

/**
 * What the server says about an utterance. Times are seconds from the start of the audio of `requestId`, which is the server's id and
 * changes whenever it begins a new piece.
 *
 * @since 0.1.0
 * @category models
 */
export type LiveFrame =
  | { readonly _tag: "Audio"; readonly requestId: string | undefined; readonly bytes: Uint8Array }
  | {
    readonly _tag: "Word"
    readonly requestId: string | undefined
    readonly word: string
    readonly start: number
    readonly end: number
  }
  | { readonly _tag: "Complete"; readonly requestId: string | undefined }

/**
 * @since 0.1.0
 * @category models
 */
export interface WavesSocket {
  /** Sends a message; fails once the socket is closed. */
  readonly send: (message: WavesSchema.LiveMessage) => Effect.Effect<void, SpeechError.SpeechError>
  /**
   * The frames of the utterance that sends this `request_id`, until the scope closes. Frames of an utterance whose scope has closed go to
   * nobody. Fails with the server's error, or with `TransportFailure` when the socket closes, whatever the code.
   */
  readonly frames: (
    requestId: string
  ) => Effect.Effect<Mailbox.ReadonlyMailbox<LiveFrame, SpeechError.SpeechError>, never, Scope.Scope>
  /** Whether the session still stands. */
  readonly isOpen: Effect.Effect<boolean>
}

type Inbox = Mailbox.Mailbox<LiveFrame, SpeechError.SpeechError>

const closed = (call: WavesErrors.Call, code: number, reason: string | undefined): SpeechError.SpeechError => {
  const description = `The server closed the socket with code ${code}${reason ? ` (${reason})` : ""}`
  const fields = { module: call.module, method: call.method, description }
  // 1013 is "try again later" (RFC 6455 registry): the account has too many sockets.
  return code === 1013 ? new SpeechError.RateLimited(fields) : new SpeechError.TransportFailure(fields)
}

/**
 * A session over an open socket. Says `ping` whenever nothing else was said for `heartbeat`.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly socket: Socket.Socket
  readonly call: WavesErrors.Call
  readonly heartbeat: Duration.Duration
}): Effect.fn.Return<WavesSocket, never, Scope.Scope> {
  const { call, socket } = options
  const inboxes = new Map<string, Inbox>()
  const owners = new Map<string, string>() // server's request id -> ours
  let failure: SpeechError.SpeechError | undefined
  let hasSpoken = false // whether anything was sent since the last heartbeat

  const runtime = yield* Effect.runtime<never>()
  const debug = (message: string) => Runtime.runFork(runtime)(Effect.logDebug(message))

  // A server that does not echo our id speaks to the one who is listening, unless the piece belongs to somebody who left.
  const ownerOf = ({ externalRequestId, requestId }: Incoming.Addressed): string | undefined => {
    const known = externalRequestId ?? (requestId === undefined ? undefined : owners.get(requestId))
    const [only] = inboxes.size === 1 ? inboxes.keys() : []
    const owner = known ?? only
    if (requestId !== undefined && owner !== undefined) owners.set(requestId, owner)
    return owner
  }

  const failAll = (error: SpeechError.SpeechError) => {
    for (const inbox of inboxes.values()) inbox.unsafeDone(Exit.fail(error))
  }

  const receive = (message: string | Uint8Array) => {
    const addressed = typeof message === "string"
      ? Incoming.read(message)
      : Incoming.read(new TextDecoder().decode(message))
    const owner = ownerOf(addressed)
    const inbox = owner === undefined ? undefined : inboxes.get(owner)
    const { content } = addressed
    switch (content._tag) {
      case "Audio":
      case "Word":
      case "Complete":
        inbox?.unsafeOffer(content)
        return
      case "Error": {
        const error = WavesErrors.inBand(call, content.json, addressed.requestId)
        if (inbox === undefined) failAll(error)
        else inbox.unsafeDone(Exit.fail(error))
        return
      }
      case "Malformed": {
        const error = WavesErrors.malformed(call, content.description, addressed.requestId)
        if (inbox === undefined) failAll(error)
        else inbox.unsafeDone(Exit.fail(error))
        return
      }
      case "Other":
        if (content.status !== "pong") debug(`Skipped a live message of an unknown kind: ${content.status}`)
    }
  }

  const end = (error: SpeechError.SpeechError) =>
    Effect.sync(() => {
      failure = error
      failAll(error)
    })

  yield* socket.runRaw(receive).pipe(
    Effect.matchCauseEffect({
      onFailure: (cause) => {
        const error = Cause.failureOption(cause)
        return end(
          error._tag === "Some" && error.value.reason === "Close"
            ? closed(call, error.value.code, error.value.closeReason)
            : new SpeechError.TransportFailure({
              module: call.module,
              method: call.method,
              description: "The socket broke"
            })
        )
      },
      onSuccess: () => end(closed(call, 1000, undefined))
    }),
    Effect.interruptible,
    Effect.forkScoped
  )

  const write = yield* socket.writer
  const send = (message: object) =>
    Effect.suspend((): Effect.Effect<void, SpeechError.SpeechError> => {
      if (failure !== undefined) return Effect.fail(failure)
      hasSpoken = true
      return Effect.catchAll(write(JSON.stringify(message)), () =>
        new SpeechError.TransportFailure({
          module: call.module,
          method: call.method,
          description: "The socket broke while sending"
        }))
    })

  yield* Effect.suspend(() => {
    const isQuiet = !hasSpoken
    hasSpoken = false
    // A socket that is gone tells so elsewhere.
    return isQuiet && failure === undefined ? Effect.ignore(write(JSON.stringify({ type: "ping" }))) : Effect.void
  }).pipe(Effect.delay(options.heartbeat), Effect.forever, Effect.interruptible, Effect.forkScoped)

  return {
    send,
    frames: (requestId) =>
      Effect.acquireRelease(
        Effect.tap(Mailbox.make<LiveFrame, SpeechError.SpeechError>(), (inbox) =>
          Effect.sync(() => {
            inboxes.set(requestId, inbox)
            if (failure !== undefined) inbox.unsafeDone(Exit.fail(failure))
          })),
        () => Effect.sync(() => inboxes.delete(requestId))
      ),
    isOpen: Effect.sync(() => failure === undefined)
  }
})
