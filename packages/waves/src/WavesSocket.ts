/**
 * One session of the vendor's live WebSocket: typed messages out, typed frames in, each frame to the utterance that it belongs to.
 *
 * Most programs want `WavesSpeechStream`, the port over a pool of these.
 *
 * @since 0.1.0
 */
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as WebSocketConnector from "@effect-smallest/core/WebSocketConnector"
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as LiveFrames from "./internal/liveFrame.js"
import * as WavesErrors from "./internal/wavesErrors.js"
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
 * Whose frames to listen for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Utterance {
  /** The `request_id` of its messages. */
  readonly requestId: string
  /** For the errors that name them. */
  readonly voice: string
  readonly model?: string | undefined
  /**
   * How many bytes of audio may wait to be taken. Beyond that the socket is not read any more, if the runtime can do so (browsers
   * cannot): to be bounded there too, send no more text than you would keep the audio of.
   */
  readonly bufferBytes: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WavesSocket {
  /** Sends a message; fails once the socket is closed. */
  readonly send: (message: WavesSchema.LiveMessage) => Effect.Effect<void, SpeechError.SpeechError>
  /**
   * Listens for the frames of an utterance until the scope closes; what comes for it later is dropped. The inner effect waits for the
   * next frame and gives none once the server has closed the socket in good order (code 1000, or no code). It fails with the server's
   * error, and with `TransportFailure` or `RateLimited` when the socket closes in any other way.
   */
  readonly frames: (
    utterance: Utterance
  ) => Effect.Effect<Effect.Effect<Option.Option<LiveFrame>, SpeechError.SpeechError>, never, Scope.Scope>
  /** Whether the session still stands. */
  readonly isOpen: Effect.Effect<boolean>
}

interface Listener {
  readonly call: WavesErrors.Call
  readonly utterance: Utterance
  readonly mailbox: Mailbox.Mailbox<LiveFrame, SpeechError.SpeechError>
  waiting: number // bytes of audio that have not been taken
}

// How the session ended, in the words of each listener.
type End = (call: WavesErrors.Call) => Exit.Exit<void, SpeechError.SpeechError>

const isGoodOrder = (code: number): boolean => code === 1000 || code === 1005

const endOf = (cause: Cause.Cause<unknown>): End => {
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  if (error instanceof Socket.SocketCloseError) {
    const { closeReason = "", code } = error
    return isGoodOrder(code) ? () => Exit.void : (call) => Exit.fail(WavesErrors.fromClose(call, code, closeReason))
  }
  return (call) => Exit.fail(WavesErrors.fromSocket(call, error))
}

// Pieces of the server whose owners are remembered, so that their late frames are not taken for another's.
const ownersLimit = 256

/**
 * A session over an open socket. Says `ping` whenever nothing else was said for `heartbeat`.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly connection: WebSocketConnector.Connection
  readonly call: WavesErrors.Call
  readonly heartbeat: Duration.Duration
}): Effect.fn.Return<WavesSocket, never, Scope.Scope> {
  const { flow, socket } = options.connection
  const runtime = yield* Effect.runtime()
  const runSync = Runtime.runSync(runtime)
  const listeners = new Map<string, Listener>()
  const owners = new Map<string, string>() // the server's request id -> ours
  let end: End | undefined
  let hasSpoken = false // since the last heartbeat
  let isPaused = false

  // A server that does not echo our id speaks to the one who is listening, unless the piece belongs to a listener who left.
  const ownerOf = ({ externalRequestId, requestId }: LiveFrames.Addressed): Listener | undefined => {
    const known = externalRequestId ?? (requestId === undefined ? undefined : owners.get(requestId))
    const [only] = listeners.size === 1 ? listeners.keys() : []
    const owner = known ?? only
    if (owner === undefined) return undefined
    if (requestId !== undefined && !owners.has(requestId)) {
      owners.set(requestId, owner)
      const [oldest] = owners.keys()
      if (owners.size > ownersLimit && oldest !== undefined) owners.delete(oldest)
    }
    return listeners.get(owner)
  }

  const setFlow = () => {
    const isFull = [...listeners.values()].some(({ utterance, waiting }) => waiting > utterance.bufferBytes)
    if (flow === undefined || isFull === isPaused) return
    isPaused = isFull
    runSync(isFull ? flow.pause : flow.resume)
  }

  const deliver = (frame: LiveFrame, listener: Listener) => {
    listener.mailbox.unsafeOffer(frame)
    if (frame._tag !== "Audio") return
    listener.waiting += frame.bytes.length
    setFlow()
  }

  const receive = (message: string | Uint8Array) => {
    const addressed = LiveFrames.read(typeof message === "string" ? message : new TextDecoder().decode(message))
    const owner = ownerOf(addressed)
    const { content, requestId } = addressed
    // An error that names no listener concerns all of them.
    const fail = (error: (call: WavesErrors.Call) => SpeechError.SpeechError) => {
      const isAddressed = addressed.externalRequestId !== undefined || requestId !== undefined
      for (const listener of owner !== undefined ? [owner] : isAddressed ? [] : listeners.values()) {
        listener.mailbox.unsafeDone(Exit.fail(error(listener.call)))
      }
    }
    switch (content._tag) {
      case "Audio":
      case "Word":
      case "Complete":
        if (owner !== undefined) deliver(content, owner)
        return
      case "Error":
        return fail((call) => WavesErrors.inBand(call, content.json, requestId))
      case "Malformed":
        return fail((call) => WavesErrors.malformed(call, content.description, requestId))
      case "Pong":
        return
      case "Unknown":
        runSync(
          Effect.logDebug("A live message of an unknown kind was skipped").pipe(
            Effect.annotateLogs({
              package: "@effect-smallest/waves",
              module: "WavesSocket",
              kind: WavesErrors.clean(options.call)(content.kind)
            })
          )
        )
    }
  }

  yield* socket.runRaw(receive).pipe(
    Effect.catchAllCause((cause) =>
      Effect.sync(() => {
        end = endOf(cause)
        for (const { call, mailbox } of listeners.values()) mailbox.unsafeDone(end(call))
      })
    ),
    Effect.interruptible,
    Effect.forkScoped
  )

  const write = yield* socket.writer
  const send = (message: object) =>
    Effect.suspend((): Effect.Effect<void, SpeechError.SpeechError> => {
      if (end !== undefined) {
        return Effect.zipRight(end(options.call), Effect.fail(WavesErrors.fromClose(options.call, 1000, "")))
      }
      hasSpoken = true
      return Effect.mapError(write(JSON.stringify(message)), (error) => WavesErrors.fromSocket(options.call, error))
    })

  const beat = Effect.suspend(() => {
    const isQuiet = !hasSpoken
    hasSpoken = false
    // A socket that is gone reports so at the place that takes its frames.
    return isQuiet && end === undefined ? Effect.ignore(write(JSON.stringify({ type: "ping" }))) : Effect.void
  })
  yield* Effect.delay(beat, options.heartbeat).pipe(Effect.forever, Effect.interruptible, Effect.forkScoped)

  const listen = Effect.fnUntraced(function*(utterance: Utterance) {
    const mailbox = yield* Mailbox.make<LiveFrame, SpeechError.SpeechError>()
    const call = { ...options.call, voice: utterance.voice, model: utterance.model ?? "" }
    const listener: Listener = { call, utterance, mailbox, waiting: 0 }
    listeners.set(utterance.requestId, listener)
    if (end !== undefined) mailbox.unsafeDone(end(call))
    return listener
  })

  const leave = ({ utterance }: Listener) =>
    Effect.sync(() => {
      listeners.delete(utterance.requestId)
      setFlow()
    })

  const take = (listener: Listener) =>
    listener.mailbox.take.pipe(
      Effect.tap((frame) => {
        if (frame._tag !== "Audio") return
        listener.waiting -= frame.bytes.length
        setFlow()
      }),
      Effect.asSome,
      Effect.catchTag("NoSuchElementException", () => Effect.succeedNone)
    )

  return {
    send,
    frames: (utterance) => Effect.map(Effect.acquireRelease(listen(utterance), leave), take),
    isOpen: Effect.sync(() => end === undefined)
  }
})
