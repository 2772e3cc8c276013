import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as WebSocketConnector from "@effect-smallest/core/WebSocketConnector"
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as WavesErrors from "./wavesErrors.js"

/**
 * One socket of Lightning v4: turns go out, audio comes back, and the server remembers both.
 *
 * @internal
 */
export interface ConversationSession {
  readonly id: string
  /** The rate of the audio, which is the server's choice. */
  readonly sampleRate: number
  /** Speaks one turn. A listener who leaves before its end interrupts the session. */
  readonly turn: (text: string) => Stream.Stream<Uint8Array, SpeechError.SpeechError>
  /** Sends what the caller said, with a WAV in base64. */
  readonly heard: (text: string, audio: string) => Effect.Effect<void, SpeechError.SpeechError>
  /** Says goodbye; the scope closes the socket. */
  readonly end: Effect.Effect<void>
  /** Waits until the session is no more, and says why. */
  readonly lost: Effect.Effect<SpeechError.SpeechError>
  readonly isOpen: Effect.Effect<boolean>
}

interface Turn {
  readonly id: string
  readonly mailbox: Mailbox.Mailbox<Uint8Array, SpeechError.SpeechError>
  /** Done once the turns before it have ended: from then on the server owes it audio. */
  readonly isNext: Deferred.Deferred<void>
  chunks: number
  waiting: number // bytes of audio that the listener has not taken
}

// How long LiveKit's client waits for the answer to an interruption before it gives the socket up.
const interruptLimit = Duration.millis(500)

const text = (u: unknown): string | undefined => typeof u === "string" && u !== "" ? u : undefined

const refusal = (call: WavesErrors.Call, error: unknown): SpeechError.SpeechError => {
  const given = Predicate.isRecord(error) ? error : {}
  const description = WavesErrors.clean(call)(text(given["message"]) ?? "The server refused the session")
  const fields = { module: call.module, method: call.method, description }
  switch (given["code"]) {
    case "model_access_denied":
      return new SpeechError.NotEntitled({
        ...fields,
        advice: "Lightning v4 is a beta that is opened for each account: ask the vendor to enable it for this one."
      })
    case "invalid_voice":
      return new SpeechError.UnknownVoice({ ...fields, voice: call.voice, available: [] })
    case "invalid_query":
      return new SpeechError.InvalidSpeechRequest({ ...fields, parameter: "request" })
    default:
      return WavesErrors.inBand(call, { message: description, error_code: given["code"] })
  }
}

/**
 * Waits for both `ready` events of an open socket.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly connection: WebSocketConnector.Connection
  readonly call: WavesErrors.Call
  readonly timeouts: {
    readonly connect: Duration.Duration
    readonly firstAudio: Duration.Duration
    readonly idle: Duration.Duration
  }
  /** How much audio may wait before the socket is not read any more, where the runtime can do so. */
  readonly bufferBytes: number
  /** What the server said about a recording that it did not accept. */
  readonly onRejected: (error: SpeechError.SpeechError) => Effect.Effect<void>
}): Effect.fn.Return<ConversationSession, SpeechError.SpeechError, Scope.Scope> {
  const { bufferBytes, call, connection: { flow, socket }, timeouts } = options
  const runSync = Runtime.runSync(yield* Effect.runtime())
  const admitted = yield* Deferred.make<string, SpeechError.SpeechError>()
  const ready = yield* Deferred.make<number, SpeechError.SpeechError>()
  const lost = yield* Deferred.make<SpeechError.SpeechError>()
  const write = yield* socket.writer
  const turns = new Map<string, Turn>()
  let started: string | undefined // the turn that audio belongs to: frames carry no id
  let isPaused = false
  let isOpen = true
  let count = 0
  let interruption: { readonly ids: ReadonlySet<string>; readonly answered: Deferred.Deferred<void> } | undefined

  const fail = (error: SpeechError.SpeechError) => {
    if (!isOpen) return
    isOpen = false
    Deferred.unsafeDone(lost, Effect.succeed(error))
    Deferred.unsafeDone(admitted, Effect.fail(error))
    Deferred.unsafeDone(ready, Effect.fail(error))
    for (const turn of turns.values()) turn.mailbox.unsafeDone(Exit.fail(error))
    turns.clear()
  }

  const setFlow = () => {
    const isFull = [...turns.values()].some(({ waiting }) => waiting > bufferBytes)
    if (flow === undefined || isFull === isPaused) return
    isPaused = isFull
    runSync(isFull ? flow.pause : flow.resume)
  }

  const lineUp = () => {
    const [first] = turns.values()
    if (first !== undefined) Deferred.unsafeDone(first.isNext, Effect.void)
  }

  const finish = (id: string | undefined, exit: (turn: Turn) => Exit.Exit<void, SpeechError.SpeechError>) => {
    if (id === undefined) return
    if (interruption?.ids.has(id) === true) Deferred.unsafeDone(interruption.answered, Effect.void)
    // A turn that was given up ends too; by its id it is known not to matter.
    const turn = turns.get(id)
    if (turn === undefined) return
    turns.delete(id)
    turn.mailbox.unsafeDone(exit(turn))
    setFlow()
    lineUp()
  }

  const counted = (chunks: unknown) => (turn: Turn): Exit.Exit<void, SpeechError.SpeechError> =>
    typeof chunks === "number" && chunks !== turn.chunks
      ? Exit.fail(
        new SpeechError.TruncatedAudio({
          module: call.module,
          method: call.method,
          description: `The server sent ${chunks} pieces of audio, of which ${turn.chunks} arrived`
        })
      )
      : Exit.void

  const receive = (message: string | Uint8Array): Effect.Effect<void> | void => {
    if (typeof message !== "string") {
      const turn = started === undefined ? undefined : turns.get(started)
      if (turn === undefined) return
      turn.chunks += 1
      turn.waiting += message.length
      turn.mailbox.unsafeOffer(message)
      return setFlow()
    }
    let json: unknown
    try {
      json = JSON.parse(message)
    } catch {
      json = undefined
    }
    if (!Predicate.isRecord(json)) {
      return fail(WavesErrors.malformed(call, `A message is not a JSON object: ${message}`))
    }
    const id = text(json["turn_id"])
    if (json["status"] === "error") return fail(refusal(call, json["error"]))
    switch (json["event"]) {
      case "ready": {
        const session = text(json["session_id"])
        const sampleRate = json["sample_rate"]
        if (session !== undefined) Deferred.unsafeDone(admitted, Effect.succeed(session))
        if (typeof sampleRate === "number") Deferred.unsafeDone(ready, Effect.succeed(sampleRate))
        return
      }
      case "turn_start":
        started = id
        return
      case "turn_end":
        return finish(id, counted(json["chunks"]))
      case "interrupted":
        return finish(id ?? started, () => Exit.fail(dropped))
      case "error": {
        const error = WavesErrors.inBand(call, json)
        if (json["code"] === "bad_user_audio") return options.onRejected(error)
        // Without an id it is about the turn that is being spoken.
        const [first] = turns.keys()
        return finish(id ?? first, () => Exit.fail(error))
      }
    }
  }

  const dropped = new SpeechError.TransportFailure({
    module: call.module,
    method: call.method,
    description: "The turn was dropped by an interruption"
  })

  yield* socket.runRaw(receive).pipe(
    Effect.catchAllCause((cause) => {
      const error = Option.getOrUndefined(Cause.failureOption(cause))
      return Effect.sync(() =>
        fail(
          error instanceof Socket.SocketCloseError
            ? new SpeechError.TransportFailure({
              module: call.module,
              method: call.method,
              description: WavesErrors.fromClose(call, error.code, error.closeReason ?? "").description
            })
            : WavesErrors.fromSocket(call, error)
        )
      )
    }),
    Effect.interruptible,
    Effect.forkScoped
  )

  const send = (message: object): Effect.Effect<void, SpeechError.SpeechError> =>
    Effect.suspend(() =>
      isOpen
        ? Effect.mapError(write(JSON.stringify(message)), (error) => WavesErrors.fromSocket(call, error))
        : Effect.flatMap(Deferred.await(lost), Effect.fail)
    )

  const timedOut = (phase: "connect" | "firstAudio" | "idle", description: string) =>
    new SpeechError.SpeechTimeout({
      module: call.module,
      method: call.method,
      phase,
      after: timeouts[phase],
      description
    })

  const inTime = <A>(deferred: Deferred.Deferred<A, SpeechError.SpeechError>, description: string) =>
    Effect.timeoutFail(Deferred.await(deferred), {
      duration: timeouts.connect,
      onTimeout: () => timedOut("connect", description)
    })

  const id = yield* inTime(admitted, "The server did not admit the session in time")
  const sampleRate = yield* inTime(ready, "The server attached no voice to the session in time")

  // Late audio of the old turns must not sound in the next one, and a server that does not answer is given up.
  const interrupt = Effect.gen(function*() {
    if (interruption !== undefined || !isOpen) return
    const answered = yield* Deferred.make<void>()
    interruption = { ids: new Set(turns.keys()), answered }
    const others = [...turns.values()]
    yield* Effect.ignore(send({ event: "interrupt" }))
    const answer = yield* Effect.raceFirst(Deferred.await(answered), Deferred.await(lost)).pipe(
      Effect.timeoutOption(interruptLimit),
      // Finalizers are uninterruptible, and so would be the wait that lost.
      Effect.interruptible
    )
    interruption = undefined
    if (Option.isNone(answer)) {
      return fail(
        new SpeechError.TransportFailure({
          module: call.module,
          method: call.method,
          description: "The server did not answer an interruption"
        })
      )
    }
    for (const { id } of others) finish(id, () => Exit.fail(dropped))
  }).pipe(Effect.uninterruptible)

  const begin = (text: string) =>
    Effect.gen(function*() {
      const turn: Turn = {
        id: `turn-${++count}`,
        mailbox: yield* Mailbox.make<Uint8Array, SpeechError.SpeechError>(),
        isNext: yield* Deferred.make<void>(),
        chunks: 0,
        waiting: 0
      }
      if (isOpen) turns.set(turn.id, turn)
      lineUp()
      yield* send({ event: "speak", turn_id: turn.id, text })
      return turn
    })

  const giveUp = (turn: Turn) => Effect.suspend(() => turns.has(turn.id) ? interrupt : Effect.void)

  const take = (turn: Turn): Effect.Effect<Uint8Array, Option.Option<SpeechError.SpeechError>> => {
    const phase = turn.chunks === 0 ? "firstAudio" : "idle"
    const late = Effect.suspend(() =>
      isPaused
        ? take(turn)
        : Effect.fail(Option.some(timedOut(
          phase,
          phase === "idle" ? "The server stopped sending audio" : "The server sent no audio in time"
        )))
    )
    return Effect.raceFirst(Deferred.await(turn.isNext), Deferred.await(lost)).pipe(
      Effect.zipRight(Effect.timeoutOption(Effect.either(turn.mailbox.take), timeouts[phase])),
      Effect.flatMap(Option.match({
        onNone: () => late,
        onSome: (taken) =>
          taken._tag === "Right"
            ? Effect.sync(() => {
              turn.waiting -= taken.right.length
              setFlow()
              return taken.right
            })
            : Effect.fail(taken.left._tag === "NoSuchElementException" ? Option.none() : Option.some(taken.left))
      }))
    )
  }

  return {
    id,
    sampleRate,
    turn: (text) =>
      Stream.unwrapScoped(Effect.map(
        Effect.acquireRelease(begin(text), giveUp),
        (turn) => Stream.repeatEffectOption(take(turn))
      )),
    heard: (text, audio) => send({ event: "user_audio", text, audio }),
    end: Effect.ignore(send({ event: "end" })),
    lost: Deferred.await(lost),
    isOpen: Effect.sync(() => isOpen)
  }
})
