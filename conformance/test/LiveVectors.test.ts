/**
 * The vendor's transcripts from the client's side: a server of the `ws` package says what the vendor's says, and wants to hear
 * exactly what the transcript says that clients send.
 */
import { type SpeechError, WebSocketConnector } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { NodeWebSocketConnector } from "@effect-smallest/platform-node"
import { SpeechStream } from "@effect-smallest/stream"
import { WavesClient, type WavesSchema, type WavesSocket, WavesSpeechStream } from "@effect-smallest/waves"
import { FetchHttpClient, Socket } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Option, Queue, Redacted, type Scope, Stream } from "effect"
import { readFileSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { WebSocket, WebSocketServer } from "ws"

interface Frame {
  readonly send?: WavesSchema.LiveMessage
  readonly say?: Readonly<Record<string, unknown>>
  readonly close?: number
}

interface Vector {
  readonly id: string
  readonly frames: ReadonlyArray<Frame>
}

const vectors: ReadonlyArray<Vector> = JSON.parse(
  readFileSync(new URL("./fixtures/liveVectors.json", import.meta.url), "utf8")
)

interface Server {
  readonly url: string
  readonly heard: Queue.Queue<unknown>
  readonly socket: Effect.Effect<WebSocket>
}

const serve: Effect.Effect<Server, never, Scope.Scope> = Effect.gen(function*() {
  const heard = yield* Queue.unbounded<unknown>()
  const socket = yield* Deferred.make<WebSocket>()
  const server = yield* Effect.acquireRelease(
    Effect.async<WebSocketServer>((resume) => {
      const server: WebSocketServer = new WebSocketServer(
        { port: 0, host: "127.0.0.1" },
        () => resume(Effect.succeed(server))
      )
    }),
    (server) =>
      Effect.sync(() => {
        for (const client of server.clients) client.terminate()
        server.close()
      })
  )
  server.on("connection", (client) => {
    client.on("message", (data) => Queue.unsafeOffer(heard, JSON.parse(Buffer.isBuffer(data) ? data.toString() : "")))
    Deferred.unsafeDone(socket, Effect.succeed(client))
  })
  // A server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, heard, socket: Deferred.await(socket) }
})

const client = (baseUrl: string) =>
  Layer.provide(WavesClient.layer({ apiKey: Redacted.make("sk_test"), baseUrl }), FetchHttpClient.layer)

/** What a frame of a transcript is to the one who listens. */
const expected = (frame: Readonly<Record<string, unknown>>): unknown => {
  const requestId = frame["request_id"]
  const data = frame["data"] as { audio: string } & Record<string, unknown> | undefined
  switch (frame["status"]) {
    case "chunk":
      return { _tag: "Audio", requestId, bytes: new Uint8Array(Buffer.from(data?.audio ?? "", "base64")) }
    case "word_timestamp":
      return { _tag: "Word", requestId, word: data?.["word"], start: data?.["start"], end: data?.["end"] }
    case "complete":
      return { _tag: "Complete", requestId }
    default:
      return errors[String(frame["message"])] ?? assert.fail(JSON.stringify(frame))
  }
}

const errors: Readonly<Record<string, SpeechError.SpeechError["_tag"]>> = {
  "Invalid Voice ID": "UnknownVoice",
  "Connection timed out after 5 seconds of inactivity": "TransportFailure",
  "context_id cannot be combined with flush or max_buffer_flush_ms": "InvalidSpeechRequest",
  "voice_id: Required": "InvalidSpeechRequest"
}

const open = (baseUrl: string): Effect.Effect<WavesSocket.WavesSocket, SpeechError.SpeechError, Scope.Scope> =>
  Effect.all([WavesClient.WavesClient, WebSocketConnector.WebSocketConnector]).pipe(
    Effect.flatMap(([client, connector]) => client.connect(connector)),
    Effect.provide([client(baseUrl), NodeWebSocketConnector.layer])
  )

describe("WavesSocket", () => {
  for (const { frames, id } of vectors) {
    it.scopedLive(`${id} - is said and understood as the vendor's transcript has it`, () =>
      Effect.gen(function*() {
        const server = yield* serve
        const socket = yield* open(server.url)
        const next = yield* socket.frames({ requestId: "mine", voice: "nobody", bufferBytes: 1_000_000 })
        const peer = yield* server.socket
        for (const { close, say, send } of frames) {
          if (send !== undefined) {
            yield* socket.send(send)
            assert.deepStrictEqual(yield* Queue.take(server.heard), send)
          } else if (close !== undefined) {
            peer.close(close)
          } else if (say !== undefined) {
            peer.send(JSON.stringify(say))
            const wanted = expected(say)
            const got = yield* Effect.exit(next)
            const told = Exit.match(got, {
              onSuccess: Option.getOrUndefined,
              onFailure: (cause) => cause._tag === "Fail" ? cause.error._tag : cause
            })
            assert.deepStrictEqual<unknown>(told, wanted)
          }
        }
      }))
  }

  for (const echo of [true, false]) {
    it.scopedLive(`ws-token-stream, ${echo ? "with" : "without"} our id echoed - is a whole utterance of the port`, () =>
      Effect.gen(function*() {
        const server = yield* serve
        const speech = yield* Effect.fork(
          Stream.runCollect(SpeechStream.fromText(Stream.make("Hello ", " ", "world."))).pipe(
            Effect.provide(WavesSpeechStream.layer({ buffering: "flush", completeBackoff: "20 millis" })),
            Effect.provide([client(server.url), NodeWebSocketConnector.layer])
          )
        )
        const said: Array<Record<string, unknown>> = []
        // The server heard objects: the transcript's messages are.
        while (said.at(-1)?.["flush"] !== true) {
          said.push(yield* Queue.take(server.heard) as Effect.Effect<Record<string, unknown>>)
        }
        assert.deepStrictEqual(said.map(({ continue: more, flush, text }) => ({ text, more, flush })), [
          { text: "Hello ", more: true, flush: false },
          { text: " world.", more: true, flush: false },
          { text: "", more: false, flush: true }
        ])
        for (const message of said) {
          assert.deepInclude(message, { model: "lightning_v3.1_pro", voice_id: "meher", sample_rate: 24000, speed: 1 })
          assert.strictEqual(message["max_buffer_flush_ms"], 0)
        }
        const peer = yield* server.socket
        const ids = {
          session_id: "ws_550e8400",
          request_id: "task_1",
          ...(echo ? { external_request_id: said[0]?.["request_id"] } : {})
        }
        peer.send(JSON.stringify({ ...ids, status: "chunk", data: { audio: "AQI=" } }))
        peer.send(JSON.stringify({ ...ids, status: "complete" }))
        const chunks = yield* speech
        assert.deepStrictEqual([...chunks].flatMap(({ bytes }) => [...bytes]), [1, 2])
      }))
  }

  it.scopedLive("ws-query-auth - a connector may put a short-lived key into the query, as browsers have to", () =>
    Effect.gen(function*() {
      const emulator = yield* WavesEmulator.WavesEmulator
      const token = Effect.succeed("sk_short_lived")
      const browserLike = WebSocketConnector.WebSocketConnector.of({
        connect: ({ url }) =>
          Effect.flatMap(token, (token) =>
            Effect.map(
              Socket.fromWebSocket(
                // `ws` has the interface of the browser's WebSocket.
                Effect.acquireRelease(
                  Effect.sync(() => new WebSocket(`${url}?token=${token}`) as unknown as globalThis.WebSocket),
                  (socket) => Effect.sync(() => socket.close())
                ),
                { closeCodeIsError: () => true }
              ),
              (socket) => ({ socket })
            ))
      })
      const chunks = yield* Stream.runCollect(SpeechStream.fromText("Hi there.")).pipe(
        Effect.provide(WavesSpeechStream.layer({ completeBackoff: "20 millis" })),
        Effect.provide([client(emulator.url), Layer.succeed(WebSocketConnector.WebSocketConnector, browserLike)])
      )
      assert.isAbove(chunks.length, 0)
    }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone", apiKey: Redacted.make("sk_short_lived") }))))
})
