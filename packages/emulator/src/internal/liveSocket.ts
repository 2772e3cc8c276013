/**
 * One WebSocket: what is buffered, what is being spoken, and when `complete` is due.
 */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberHandle from "effect/FiberHandle"
import * as FiberMap from "effect/FiberMap"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Fault } from "../Fault.js"
import * as Account from "./account.js"
import type { Encoding as AudioEncoding } from "./encoding.js"
import type { Exchange } from "./exchange.js"
import * as Faults from "./faults.js"
import { hex } from "./ids.js"
import { LiveMessage, type Spoken } from "./liveMessage.js"
import * as Refusal from "./refusal.js"
import * as Sentences from "./sentences.js"
import { CurrentSettings } from "./settings.js"
import * as Speech from "./speech.js"
import { encodeAudio } from "./speechRoutes.js"
import type { Issue } from "./validation.js"
import { describe } from "./validation.js"

const Output = Speech.Output

/**
 * A message that the engine can be asked for.
 *
 * @internal
 */
export interface Ready {
  readonly utterance: Speech.Utterance
  readonly encoding: AudioEncoding
  readonly wantsWords: boolean
}

/** Whom a frame belongs to, as the client reads it. */
interface Ids {
  readonly request_id: string
  readonly external_session_id?: string
  readonly external_request_id?: string
}

/**
 * A generation of the protocol: how its messages are read, and how its frames look.
 *
 * @internal
 */
export interface Dialect {
  readonly read: (json: unknown) => LiveMessage
  readonly ready: (spoken: Spoken) => Effect.Effect<Ready, Refusal.Refusal>
  /** The fields before `status` in every frame that belongs to a request. */
  readonly envelope: (sessionId: string, ids: Ids) => Readonly<Record<string, unknown>>
  readonly complete: Readonly<Record<string, unknown>>
  /** Seconds of silence of the client after which the socket is closed. */
  readonly idleTimeout: number
  /** Quiet time before `complete` after text that ends a turn; undefined leaves it to the message. */
  readonly backoffAtEnd?: Duration.Duration | undefined
}

/** @internal */
export interface Service {
  /** Takes over a request for a WebSocket, until the socket closes. */
  readonly serve: (
    exchange: Exchange,
    dialect: Dialect
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal.Refusal, Scope.Scope>
}

/** @internal */
export class LiveSockets
  extends Context.Tag("@effect-smallest/emulator/internal/LiveSockets")<LiveSockets, Service>()
{}

/** Text to speak, with everything that its frames need. */
interface Job {
  readonly ready: Ready
  readonly ids: Ids
  readonly backoff: Duration.Duration
  /** Whether it gets a `complete` of its own; others share one with what follows. */
  readonly ownComplete: boolean
  /** Whether a context holds its place in the account already. */
  readonly hasPermit: boolean
  /** Ends when its context is torn down. */
  readonly isGone?: Effect.Effect<void> | undefined
}

type Work = { readonly _tag: "Speak"; readonly job: Job } | {
  readonly _tag: "Close"
  readonly scope: Scope.CloseableScope
}

/** A wait is over: text of a context, or of the socket's own buffer, is to be spoken as it is. */
class Due extends Data.TaggedClass("Due")<{ readonly context: string | undefined }> {}

interface Buffer {
  readonly text: string
  readonly spoken: Spoken
  readonly ready: Ready
}

interface OpenContext {
  buffer: Buffer
  readonly scope: Scope.CloseableScope
  /** Done when the client tears the context down. */
  readonly gone: Deferred.Deferred<void>
}

/** What the server's own WebSocket has beyond the browser's. */
interface ServerWebSocket {
  readonly send: (text: string, onFlushed: (error?: Error) => void) => void
  readonly pause: () => void
  readonly resume: () => void
  readonly addEventListener: (type: "close", listener: (event: { readonly code: number }) => void) => void
}

/** Messages that wait before the client is no longer read. */
const inboxSize = 32

/** Texts that wait before the client is no longer read. */
const mostWork = 64

const mostContexts = 256

/** Jobs at the same time, if their frames may mix. */
const mostAtOnce = 16

const messageOf = (refusal: Refusal.Refusal): { readonly message: string; readonly error_code?: string } => {
  const body: unknown = refusal.body
  const field = (name: string): unknown =>
    typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined
  const error = field("error")
  const code = field("error_code")
  // Issues are the only arrays that refusals hold.
  const message = Array.isArray(error) ? describe(error as ReadonlyArray<Issue>) : field("message") ?? error
  return { message: String(message), ...(typeof code === "string" ? { error_code: code } : {}) }
}

const backoffOf = (spoken: Spoken): Duration.Duration => Duration.millis(spoken.complete_backoff_ms ?? 4000)

/** Text is spoken as its own message says; but ids and the quiet time may come with the message that ends it. */
const withNewer = (spoken: Spoken, newer: Spoken): Spoken => ({
  ...spoken,
  session_id: newer.session_id ?? spoken.session_id,
  request_id: newer.request_id ?? spoken.request_id,
  complete_backoff_ms: newer.complete_backoff_ms ?? spoken.complete_backoff_ms
})

const token = "[\\w!#$%&'*+.^`|~-]+"

const protocols = new RegExp(`^${token}(?:\\s*,\\s*${token})*$`)

// What RFC 6455 asks of a handshake. The server below would answer a bad one, but never report that it did.
/** @internal */
export const isHandshake = ({ headers }: Exchange): boolean => {
  const named = headers["sec-websocket-protocol"]
  const names = named?.split(",").map((name) => name.trim()) ?? []
  return /^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "") &&
    (headers["sec-websocket-version"] === "13" || headers["sec-websocket-version"] === "8") &&
    (named === undefined || (protocols.test(named) && new Set(names).size === names.length))
}

/** @internal */
export const badHandshake = new Refusal.Refusal({ status: 400, body: { error: "This is not a WebSocket upgrade" } })

const idleSeconds = (exchange: Exchange, usual: number): Effect.Effect<number, Refusal.Refusal> => {
  const given = exchange.query.get("timeout")
  return given === null
    ? Effect.succeed(usual)
    : /^[1-9]\d{0,5}$/.test(given)
    ? Effect.succeed(Number(given))
    : new Refusal.Refusal({ status: 400, body: { error: "timeout must be a positive number of whole seconds" } })
}

const make = Effect.gen(function*() {
  const { assumptions, bodyLimit, latency } = yield* CurrentSettings
  const account = yield* Account.Account
  const faults = yield* Faults.Faults
  const speech = yield* Speech.Speech

  const session = Effect.fnUntraced(function*(
    exchange: Exchange,
    dialect: Dialect,
    socket: Socket.Socket,
    idle: number
  ) {
    const scope = yield* Effect.scope
    const sessionId = `ws_${yield* hex(8)}`
    const inbox = yield* Queue.unbounded<string | Uint8Array | Due>()
    const work = yield* Queue.bounded<Work>(mostWork)
    const write = yield* socket.writer
    let webSocket: ServerWebSocket | undefined
    let closeCode: number | undefined
    let running = 0
    const contexts = new Map<string, OpenContext>()
    let ownFaults: ReadonlyArray<Fault> = exchange.faults.filter(Faults.concernsAudio)

    // ------------------------------------------------------------------------------------------------------------
    // frames
    // ------------------------------------------------------------------------------------------------------------

    // Waits until the frame has left for the network, so that a client which does not read holds up its own speech and
    // fills no memory. Frames for a socket that is gone are lost with it.
    const send = (frame: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        const current = webSocket
        return current === undefined
          ? Effect.ignore(write(frame))
          : Effect.async<void>((resume) => current.send(frame, () => resume(Effect.void)))
      })

    const sendJson = (frame: Readonly<Record<string, unknown>>) => send(JSON.stringify(frame))

    const sendFor = (ids: Ids, frame: Readonly<Record<string, unknown>>) =>
      sendJson({ ...dialect.envelope(sessionId, ids), ...frame })

    // A socket that is gone needs no closing.
    const close = (code: number, reason: string) => Effect.ignore(write(new Socket.CloseEvent(code, reason)))

    const idsOf = (spoken: Spoken): Effect.Effect<Ids> =>
      Effect.map(hex(12), (id) => ({
        request_id: `task_${id}`,
        ...(spoken.session_id === undefined ? {} : { external_session_id: spoken.session_id }),
        ...(spoken.request_id === undefined ? {} : { external_request_id: spoken.request_id })
      }))

    const refuse = (ids: Ids) => (refusal: Refusal.Refusal) =>
      sendFor(ids, { status: "error", ...messageOf(refusal) }).pipe(
        Effect.zipRight(
          refusal.status === 429 && assumptions.overLimitCloseCode > 0
            ? close(assumptions.overLimitCloseCode, "Rate limit exceeded")
            : Effect.void
        )
      )

    // ------------------------------------------------------------------------------------------------------------
    // complete
    // ------------------------------------------------------------------------------------------------------------

    const quiet = yield* FiberHandle.make()
    let due: Job | undefined

    const announce = Effect.suspend(() => {
      const job = due
      due = undefined
      return job === undefined ? Effect.void : sendFor(job.ids, { status: "complete", ...dialect.complete })
    })

    const announceAtRest = Effect.zipRight(
      announce,
      Effect.suspend(() =>
        assumptions.afterComplete === "close" && running === 0 && buffer === undefined && contexts.size === 0
          ? close(1000, "")
          : Effect.void
      )
    )

    const soundStarts = Effect.suspend(() =>
      Effect.zipRight(
        FiberHandle.clear(quiet),
        due?.ownComplete === true ? announce : Effect.sync(() => due = undefined)
      )
    )

    const soundEnds = (job: Job) =>
      Effect.suspend(() => {
        due = job
        return running > 1 ? Effect.void : FiberHandle.run(quiet, Effect.delay(announceAtRest, job.backoff))
      })

    // ------------------------------------------------------------------------------------------------------------
    // speech
    // ------------------------------------------------------------------------------------------------------------

    const chunk = (ids: Ids, audio: string) => sendFor(ids, { status: "chunk", data: { audio } })

    const emit = (job: Job) => (output: Speech.Output) => {
      switch (output._tag) {
        case "Audio":
          return Effect.zipRight(
            chunk(job.ids, Encoding.encodeBase64(output.bytes)),
            exchange.entry.audio(output.bytes.length)
          )
        case "Word": {
          const { end, id, start, word } = output
          return sendFor(job.ids, { status: "word_timestamp", data: { id, word, start, end } })
        }
        case "BadBase64":
          return chunk(job.ids, "*not base64*")
        case "Malformed":
          return send(`{"session_id":"${sessionId}","request_id":"${job.ids.request_id}","status":"chu`)
        case "Failed":
          return sendFor(job.ids, { status: "error", message: output.message })
        case "End":
          return soundEnds(job)
        case "Cut":
          return Effect.void
      }
    }

    const speak = Effect.fnUntraced(function*(job: Job) {
      if (!job.hasPermit) yield* account.permit
      yield* Effect.sleep(latency)
      const struckBy = [...ownFaults, ...(yield* faults.take(exchange.path, "audio"))]
      ownFaults = []
      yield* exchange.entry.fault(struckBy.map((fault) => fault._tag))
      const { encoding, utterance, wantsWords } = job.ready
      let isSilent = true
      yield* speech.speak(utterance).pipe(
        Stream.filter((output) => output._tag !== "Word" || wantsWords),
        encodeAudio(utterance.sampleRate, encoding, assumptions.streamedWavSizes),
        Stream.concat(Stream.make(Output.End())),
        Faults.strike(struckBy, { reset: exchange.reset, close }),
        Stream.catchAll((error) =>
          Stream.fromEffect(Effect.as(
            Effect.logError("The emulator's engine failed", error),
            Output.Failed({ message: error.message })
          ))
        ),
        Stream.tap(() => {
          if (!isSilent) return Effect.void
          isSilent = false
          return soundStarts
        }),
        Stream.runForEach(emit(job))
      )
    }, Effect.scoped)

    const perform = (task: Work) =>
      task._tag === "Close" ? Scope.close(task.scope, Exit.void) : Effect.acquireUseRelease(
        Effect.sync(() => running++),
        () =>
          speak(task.job).pipe(
            task.job.isGone === undefined ? identity : Effect.raceFirst(task.job.isGone),
            Effect.catchAll(refuse(task.job.ids)),
            Effect.catchAllDefect((defect) =>
              Effect.zipRight(
                Effect.logError("A synthesis of the emulator died", defect),
                refuse(task.job.ids)(Refusal.serverFault)
              )
            )
          ),
        () => Effect.sync(() => running--)
      )

    const worker = Stream.fromQueue(work).pipe(
      Stream.rechunk(1),
      Stream.mapEffect(perform, {
        concurrency: assumptions.socketRequests === "interleave" ? mostAtOnce : 1,
        unordered: true
      }),
      Stream.runDrain
    )

    const say = Effect.fnUntraced(function*(
      buffer: Buffer,
      text: string,
      options: Pick<Job, "backoff" | "isGone" | "ownComplete">
    ) {
      if (text.trim() === "") return
      const { ready, spoken } = buffer
      const ids = yield* idsOf(spoken)
      yield* Queue.offer(work, {
        _tag: "Speak",
        job: {
          ...options,
          ids,
          ready: { ...ready, utterance: { ...ready.utterance, text } },
          hasPermit: options.ownComplete
        }
      })
    })

    // ------------------------------------------------------------------------------------------------------------
    // the buffer of the socket
    // ------------------------------------------------------------------------------------------------------------

    const flushTimer = yield* FiberHandle.make()
    let buffer: Buffer | undefined

    const release = (isEnd: boolean, isFlush: boolean) =>
      Effect.suspend(() => {
        const held = buffer
        buffer = undefined
        if (held === undefined) return Effect.void
        const backoff = isEnd && dialect.backoffAtEnd !== undefined
          ? dialect.backoffAtEnd
          : isFlush && assumptions.completeAfterFlush === "immediate"
          ? Duration.zero
          : backoffOf(held.spoken)
        return say(held, held.text, { ownComplete: false, backoff })
      })

    const onText = Effect.fnUntraced(function*(message: Extract<LiveMessage, { readonly _tag: "Text" }>) {
      const { flush, flushAfter, release: isEnd, spoken } = message
      if (spoken.text === "" && buffer !== undefined) {
        buffer = { ...buffer, spoken: withNewer(buffer.spoken, spoken) }
      } else {
        if (spoken.text.trim() === "" && buffer === undefined) return
        const ready = yield* dialect.ready(spoken)
        const isFirst = buffer === undefined
        buffer = { text: (buffer?.text ?? "") + spoken.text, spoken, ready }
        if (isFirst && flushAfter > 0 && !isEnd) {
          yield* FiberHandle.run(flushTimer, Effect.delay(inbox.offer(new Due({ context: undefined })), flushAfter))
        }
      }
      if (isEnd) {
        yield* FiberHandle.clear(flushTimer)
        yield* release(true, flush)
      } else {
        const held = buffer
        const { rest, segments } = Sentences.cutToSize(held.text, assumptions.segmentMaxLength)
        buffer = { ...held, text: rest }
        const backoff = backoffOf(held.spoken)
        yield* Effect.forEach(segments, (text) => say(held, text, { ownComplete: false, backoff }), { discard: true })
      }
    })

    // ------------------------------------------------------------------------------------------------------------
    // contexts
    // ------------------------------------------------------------------------------------------------------------

    const delays = yield* FiberMap.make<string>()

    const sayOfContext = ({ buffer, gone }: OpenContext, text: string) =>
      say(buffer, text, { ownComplete: true, backoff: backoffOf(buffer.spoken), isGone: Deferred.await(gone) })

    const releaseContext = (name: string) =>
      Effect.suspend(() => {
        const context = contexts.get(name)
        if (context === undefined) return Effect.void
        const { buffer } = context
        context.buffer = { ...buffer, text: "" }
        return sayOfContext(context, buffer.text)
      })

    const endContext = (name: string) =>
      Effect.suspend(() => {
        const context = contexts.get(name)
        if (context === undefined) return Effect.void
        return FiberMap.remove(delays, name).pipe(
          Effect.zipRight(releaseContext(name)),
          Effect.zipRight(Effect.sync(() => contexts.delete(name))),
          Effect.zipRight(Queue.offer(work, { _tag: "Close", scope: context.scope }))
        )
      })

    const closeContext = (name: string) =>
      Effect.suspend(() => {
        const context = contexts.get(name)
        if (context === undefined || assumptions.contextClose === "flush") return endContext(name)
        context.buffer = { ...context.buffer, text: "" }
        return Effect.zipRight(Deferred.succeed(context.gone, undefined), endContext(name))
      })

    const openContext = Effect.fnUntraced(function*(name: string, buffer: Buffer) {
      if (contexts.size >= mostContexts) {
        return yield* new Refusal.Refusal({
          status: 400,
          body: { error: `More than ${mostContexts} contexts are open` }
        })
      }
      const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      yield* Scope.extend(account.permit, own)
      const context: OpenContext = { buffer, scope: own, gone: yield* Deferred.make<void>() }
      contexts.set(name, context)
      return context
    })

    const onFragment = Effect.fnUntraced(function*(message: Extract<LiveMessage, { readonly _tag: "Fragment" }>) {
      const { context: name, delay, final, spoken } = message
      const open = contexts.get(name)
      if (spoken.text === "" && open !== undefined) {
        open.buffer = { ...open.buffer, spoken: withNewer(open.buffer.spoken, spoken) }
      } else if (spoken.text !== "") {
        const ready = yield* dialect.ready(spoken)
        const context = open ?? (yield* openContext(name, { text: "", spoken, ready }))
        const wasEmpty = context.buffer.text === ""
        const { rest, segments } = Sentences.release(context.buffer.text + spoken.text, {
          min: assumptions.segmentMinLength,
          max: assumptions.segmentMaxLength
        })
        context.buffer = { text: rest, spoken, ready }
        // The wait counts from the first fragment of what is buffered.
        if (rest === "") {
          yield* FiberMap.remove(delays, name)
        } else if (wasEmpty || segments.length > 0) {
          yield* FiberMap.run(delays, name, Effect.delay(inbox.offer(new Due({ context: name })), delay))
        }
        yield* Effect.forEach(segments, (text) => sayOfContext(context, text), { discard: true })
      }
      if (final) yield* endContext(name)
    })

    const cancel = (name: string | undefined) =>
      Effect.suspend(() => {
        if (name === undefined) {
          buffer = undefined
          return FiberHandle.clear(flushTimer)
        }
        const context = contexts.get(name)
        if (context !== undefined) context.buffer = { ...context.buffer, text: "" }
        return FiberMap.remove(delays, name)
      })

    // ------------------------------------------------------------------------------------------------------------
    // messages
    // ------------------------------------------------------------------------------------------------------------

    const parse = (data: string | Uint8Array): Effect.Effect<LiveMessage> =>
      Effect.suspend(() => {
        const invalid = (message: string) => Effect.succeed(LiveMessage.Invalid({ message }))
        if (typeof data !== "string") return invalid("Messages are JSON in text frames; this one is binary")
        if (data.length > bodyLimit) return invalid(`The message is longer than ${bodyLimit} characters`)
        return Effect.zipRight(
          exchange.entry.message(data),
          Effect.match(Effect.try((): unknown => JSON.parse(data)), {
            onFailure: () => LiveMessage.Invalid({ message: "The message is not valid JSON" }),
            onSuccess: dialect.read
          })
        )
      })

    const orRefuse = <E extends Refusal.Refusal>(spoken: Spoken, effect: Effect.Effect<void, E>) =>
      Effect.catchAll(effect, (refusal) => Effect.flatMap(idsOf(spoken), (ids) => refuse(ids)(refusal)))

    const handle = (message: LiveMessage): Effect.Effect<unknown> => {
      switch (message._tag) {
        case "Ping":
          return sendJson({ type: "pong" })
        case "Nothing":
          return Effect.void
        case "Text":
          return orRefuse(message.spoken, onText(message))
        case "Fragment":
          return orRefuse(message.spoken, onFragment(message))
        case "CloseContext":
          return closeContext(message.context)
        case "Flush":
          return Effect.zipRight(FiberHandle.clear(flushTimer), release(true, true))
        case "Cancel":
          return cancel(message.context)
        case "Invalid":
          return sendJson({ status: "error", message: message.message })
      }
    }

    const resumeReading = Effect.flatMap(Queue.size(inbox), (size) =>
      Effect.sync(() => {
        if (size < inboxSize / 2) webSocket?.resume()
      }))

    const onArrival = (arrived: string | Uint8Array | Due) =>
      arrived instanceof Due
        ? arrived.context === undefined ? release(false, false) : releaseContext(arrived.context)
        : Effect.zipRight(Effect.flatMap(parse(arrived), handle), resumeReading)

    const listen = Effect.forever(Effect.flatMap(Queue.take(inbox), onArrival))

    let deadline = (yield* Clock.currentTimeMillis) + idle * 1000

    // Apart from `listen`, which waits for clients that do not read.
    const untilIdle = Effect.gen(function*() {
      let left = idle * 1000
      while (left > 0) {
        yield* Effect.sleep(left)
        left = deadline - (yield* Clock.currentTimeMillis)
      }
      const message = `Connection timed out after ${idle} seconds of inactivity`
      // Nothing waits for this frame either, and a socket that is gone needs none.
      yield* Effect.ignore(write(JSON.stringify({ status: "error", message })))
      yield* close(assumptions.idleCloseCode, "Idle")
    })

    const receive = Effect.fnUntraced(function*(data: string | Uint8Array) {
      if (webSocket === undefined) {
        // On Node this is the WebSocket of `ws`, which has more than the browser's type says.
        const current = Option.getOrThrow(yield* Effect.serviceOption(Socket.WebSocket)) as unknown as ServerWebSocket
        current.addEventListener("close", ({ code }) => {
          closeCode = code
        })
        webSocket = current
      }
      deadline = (yield* Clock.currentTimeMillis) + idle * 1000
      yield* Queue.offer(inbox, data)
      if ((yield* Queue.size(inbox)) >= inboxSize) webSocket.pause()
    })

    yield* exchange.entry.update({ status: 101 })
    yield* Effect.forkScoped(worker)
    // Runs before the worker is stopped, and so knows whether it was speaking.
    yield* Effect.addFinalizer((exit) => {
      const wasCut = closeCode === 1006 || running > 0 || Exit.isInterrupted(exit)
      return exchange.entry.end(wasCut ? "aborted" : "completed", closeCode)
    })
    const source = NodeHttpServerRequest.toIncomingMessage(exchange.request).socket
    // A client that has left already would never be upgraded, and the wait for it cannot be interrupted.
    const run = Effect.suspend(() =>
      source.readable && source.writable ? Effect.exit(socket.runRaw(receive)) : Effect.void
    )
    yield* Effect.raceFirst(run, Effect.raceFirst(listen, untilIdle))
  }, Effect.scoped)

  const serve: Service["serve"] = Effect.fnUntraced(function*(exchange, dialect) {
    yield* account.authenticate(exchange, () => ({ error: "unauthorized" }))
    if (!isHandshake(exchange)) return yield* badHandshake
    const idle = yield* idleSeconds(exchange, dialect.idleTimeout)
    yield* account.socket
    const socket = yield* Effect.mapError(exchange.request.upgrade, () => badHandshake)
    yield* session(exchange, dialect, socket, idle)
    return HttpServerResponse.empty({ status: 101 })
  })

  return LiveSockets.of({ serve })
})

/** @internal */
export const layer: Layer.Layer<
  LiveSockets,
  never,
  Account.Account | CurrentSettings | Faults.Faults | Speech.Speech
> = Layer.effect(LiveSockets, make)
