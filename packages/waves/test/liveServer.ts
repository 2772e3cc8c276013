import { WebSocketConnector } from "@effect-smallest/core"
import { WavesClient, WavesSchema, WavesSpeechStream } from "@effect-smallest/waves"
import { HttpClient, Socket } from "@effect/platform"
import { Deferred, Effect, Encoding, Layer, Queue, Redacted, Schema } from "effect"

export type Frame = Readonly<Record<string, unknown>>

/** The server's end of one socket. */
export interface Session {
  /** The next message of the client, which must be one of the protocol. Pings are answered and not told. */
  readonly next: Effect.Effect<WavesSchema.LiveMessage>
  /** Messages that came and were not taken. */
  readonly waiting: Effect.Effect<ReadonlyArray<WavesSchema.LiveMessage>>
  readonly say: (frame: Frame | string) => Effect.Effect<void>
  readonly close: (code: number, reason?: string) => Effect.Effect<void>
  /** Succeeds once the client has closed the socket. */
  readonly closed: Effect.Effect<void>
  readonly isClosed: Effect.Effect<boolean>
}

export interface LiveServer {
  /** The next socket that a client opens. */
  readonly session: Effect.Effect<Session>
  /** How many sockets were opened. */
  readonly opened: () => number
  /** Lets the next sockets fail to open. */
  readonly refuse: (...errors: ReadonlyArray<WebSocketConnector.WebSocketConnectError>) => void
  /** Holds back the opening of sockets. */
  readonly gate: Effect.Latch
  readonly connector: WebSocketConnector.Service
}

type Said = { readonly frame: string } | { readonly code: number; readonly reason: string }

const decode = Schema.decodeUnknownSync(Schema.parseJson(WavesSchema.LiveMessage), { onExcessProperty: "error" })

export const make = Effect.gen(function*() {
  const sessions = yield* Queue.unbounded<Session>()
  const gate = yield* Effect.makeLatch(true)
  const refusals: Array<WebSocketConnector.WebSocketConnectError> = []
  let opened = 0

  const open = Effect.gen(function*() {
    const received = yield* Queue.unbounded<WavesSchema.LiveMessage>()
    const said = yield* Queue.unbounded<Said>()
    const closed = yield* Deferred.make<void>()
    const write = (chunk: unknown) =>
      Effect.sync(() => {
        const text = String(chunk)
        if (text === "{\"type\":\"ping\"}") Queue.unsafeOffer(said, { frame: "{\"type\":\"pong\"}" })
        else Queue.unsafeOffer(received, decode(text))
      })
    const listen = (handler: (message: string) => unknown): Effect.Effect<never, Socket.SocketError> =>
      Effect.forever(Effect.flatMap(Queue.take(said), (said) =>
        "frame" in said
          ? Effect.sync(() => void handler(said.frame))
          : Effect.fail(new Socket.SocketCloseError({ reason: "Close", code: said.code, closeReason: said.reason }))))
    const session: Session = {
      next: Queue.take(received),
      waiting: Effect.map(Queue.takeAll(received), (all) => [...all]),
      say: (frame) => Queue.offer(said, { frame: typeof frame === "string" ? frame : JSON.stringify(frame) }),
      close: (code, reason = "") => Queue.offer(said, { code, reason }),
      closed: Deferred.await(closed),
      isClosed: Deferred.isDone(closed)
    }
    yield* Effect.addFinalizer(() => Deferred.succeed(closed, undefined))
    opened += 1
    yield* Queue.offer(sessions, session)
    const socket = Socket.Socket.of({
      [Socket.TypeId]: Socket.TypeId,
      run: () => Effect.die("not used"),
      runRaw: listen,
      writer: Effect.succeed(write)
    })
    return { socket }
  })

  const server: LiveServer = {
    session: Queue.take(sessions),
    opened: () => opened,
    refuse: (...errors) => void refusals.push(...errors),
    gate,
    connector: WebSocketConnector.WebSocketConnector.of({
      connect: () =>
        Effect.zipRight(
          gate.await,
          Effect.suspend(() => {
            const refusal = refusals.shift()
            return refusal === undefined ? open : Effect.fail(refusal)
          })
        )
    })
  }
  return server
})

const noHttp = Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Effect.die("HTTP is not used")))

/** `WavesSpeechStream` against a server, and the client whose permits it shares. */
export const layer = (
  server: LiveServer,
  options: WavesSpeechStream.Options = {},
  client: Partial<WavesClient.Options> = {}
) =>
  WavesSpeechStream.layer(options).pipe(
    Layer.provide(Layer.succeed(WebSocketConnector.WebSocketConnector, server.connector)),
    Layer.provideMerge(WavesClient.layer({ apiKey: Redacted.make("sk_secret_of_tests"), ...client })),
    Layer.provide(noHttp)
  )

/** Base64 of so many milliseconds of a rising ramp at 24 kHz. */
export const audio = (millis: number): string => {
  const samples = Int16Array.from({ length: millis * 24 }, (_, i) => i % 1000)
  return Encoding.encodeBase64(new Uint8Array(samples.buffer))
}

/** Frames of a piece as the server words them; `id` is the client's. */
export const frames = (id: string | undefined, requestId = "task_1") => {
  const envelope = {
    session_id: "ws_1",
    request_id: requestId,
    ...(id === undefined ? {} : { external_request_id: id })
  }
  return {
    chunk: (millis: number) => ({ ...envelope, status: "chunk", data: { audio: audio(millis) } }),
    rawChunk: (audio: string) => ({ ...envelope, status: "chunk", data: { audio } }),
    word: (word: string, start: number, end: number) => ({
      ...envelope,
      status: "word_timestamp",
      data: { word, start, end }
    }),
    complete: { ...envelope, status: "complete" },
    error: (message: string, more: Frame = {}) => ({ ...envelope, status: "error", message, ...more })
  }
}
