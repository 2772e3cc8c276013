import { WebSocketConnector } from "@effect-smallest/core"
import { NodeWebSocketConnector } from "@effect-smallest/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Either, Exit, Fiber, Queue, Redacted } from "effect"
import { createServer, type IncomingMessage, type Server } from "node:http"
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"

const listen = (server: Server | TcpServer) =>
  Effect.async<string>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      // A server that listens on TCP has an address with a port.
      resume(Effect.succeed(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/live`))
    })
  })

/** A server that hands every socket over. */
const serve = (onSocket: (socket: WebSocket, request: IncomingMessage) => void) =>
  Effect.gen(function*() {
    const http = createServer()
    const sockets = new WebSocketServer({ server: http })
    sockets.on("connection", onSocket)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const socket of sockets.clients) socket.terminate()
        http.close()
      })
    )
    return yield* listen(http)
  })

const connect = (url: string, timeout: Duration.DurationInput = "5 seconds") =>
  Effect.flatMap(WebSocketConnector.WebSocketConnector, ({ connect }) =>
    connect({
      url,
      bearer: Redacted.make("sk_test"),
      headers: { "x-source": "tests" },
      timeout: Duration.decode(timeout)
    })).pipe(Effect.provide(NodeWebSocketConnector.layer))

describe("NodeWebSocketConnector", () => {
  it.scopedLive("sends the key and the headers, and text both ways", () =>
    Effect.gen(function*() {
      const headers = yield* Deferred.make<IncomingMessage["headers"]>()
      const url = yield* serve((socket, request) => {
        Deferred.unsafeDone(headers, Effect.succeed(request.headers))
        socket.on("message", (data) => socket.send(`echo ${Buffer.isBuffer(data) ? data.toString() : ""}`))
      })
      const { socket } = yield* connect(url)
      const received = yield* Queue.unbounded<string>()
      yield* Effect.fork(socket.runRaw((message) => void Queue.unsafeOffer(received, String(message))))
      const write = yield* socket.writer
      yield* write("hello")
      assert.strictEqual(yield* Queue.take(received), "echo hello")
      assert.deepInclude(yield* Deferred.await(headers), { authorization: "Bearer sk_test", "x-source": "tests" })
    }))

  it.scopedLive("a server that speaks and closes at once - loses neither its words nor its code", () =>
    Effect.gen(function*() {
      const url = yield* serve((socket) => {
        socket.send("too many sockets")
        socket.close(1013, "try again later")
      })
      const { socket } = yield* connect(url)
      yield* Effect.sleep("50 millis") // the server has long closed when somebody listens
      const received: Array<unknown> = []
      const error = yield* Effect.flip(socket.runRaw((message) => void received.push(message)))
      assert.deepStrictEqual(received, ["too many sockets"])
      assert.deepInclude(error, { reason: "Close", code: 1013, closeReason: "try again later" })
    }))

  for (const code of [1000, 1001, 1008, 1011]) {
    it.scopedLive(`close with ${code} - ends run with that code`, () =>
      Effect.gen(function*() {
        const url = yield* serve((socket) => socket.close(code))
        const { socket } = yield* connect(url)
        const error = yield* Effect.flip(socket.runRaw(() => {}))
        assert.deepInclude(error, { reason: "Close", code })
      }))
  }

  it.scopedLive("a connection that is cut - ends run with 1006", () =>
    Effect.gen(function*() {
      const url = yield* serve((socket) => socket.terminate())
      const { socket } = yield* connect(url)
      assert.deepInclude(yield* Effect.flip(socket.runRaw(() => {})), { reason: "Close", code: 1006 })
    }))

  it.scopedLive("20 refusals whose connections the server keeps open - leave no socket", () =>
    Effect.gen(function*() {
      const sockets = new Set<object>()
      const server = createTcpServer((socket) => {
        sockets.add(socket)
        socket.on("close", () => sockets.delete(socket))
        socket.on("error", () => {})
        // No length and no end: only the client can close.
        socket.on("data", () =>
          socket.write("HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\n\r\n{\"error\":\"no\"}"))
      })
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => server.close())
      )
      const url = yield* listen(server)
      const errors = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => Effect.flip(Effect.scoped(connect(url, "10 seconds"))),
        { concurrency: 20 }
      )
      for (const error of errors) {
        assert.deepInclude(error, { reason: "Refused", status: 401, body: "{\"error\":\"no\"}" })
      }
      yield* Effect.sleep("50 millis")
      assert.strictEqual(sockets.size, 0)
    }))

  it.scopedLive("a refusal - tells status, headers and body", () =>
    Effect.gen(function*() {
      const http = createServer()
      http.on("upgrade", (_, socket) => {
        const body = JSON.stringify({ error: "unauthorized" })
        socket.end(
          `HTTP/1.1 401 Unauthorized\r\nX-Request-Id: r1\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
        )
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => http.close()))
      const error = yield* Effect.flip(connect(yield* listen(http)))
      assert.deepInclude(error, { reason: "Refused", status: 401, body: "{\"error\":\"unauthorized\"}" })
      assert.strictEqual(error.headers?.["x-request-id"], "r1")
      assert.notInclude(String(error), "sk_test")
    }))

  it.scopedLive("nobody there - is Unreachable", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(connect("ws://127.0.0.1:1/live"))
      assert.strictEqual(error.reason, "Unreachable")
      assert.include(error.message, "ECONNREFUSED")
    }))

  it.scopedLive("a server that never answers - is a Timeout, or gone at once when nobody waits any more", () =>
    Effect.gen(function*() {
      const closed = yield* Queue.unbounded<void>()
      const opened = yield* Queue.unbounded<void>()
      const tcp = createTcpServer((socket) => {
        Queue.unsafeOffer(opened, undefined)
        socket.on("error", () => {})
        socket.resume().on("close", () => Queue.unsafeOffer(closed, undefined))
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => tcp.close()))
      const url = yield* listen(tcp)
      const late = yield* Effect.either(connect(url, "50 millis"))
      assert.isTrue(Either.isLeft(late) && late.left.reason === "Timeout")
      yield* Queue.take(closed)
      yield* Queue.take(opened)
      const waiting = yield* Effect.fork(Effect.scoped(connect(url)))
      yield* Queue.take(opened)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(waiting)))
      yield* Queue.take(closed)
    }))

  it.scopedLive("pause - lets the server wait, and resume goes on without a loss", () =>
    Effect.gen(function*() {
      const total = 400
      const frame = "x".repeat(64 * 1024)
      const held = yield* Deferred.make<WebSocket>()
      const url = yield* serve((socket) => {
        for (let i = 0; i < total; i++) socket.send(frame)
        Deferred.unsafeDone(held, Effect.succeed(socket))
      })
      const { flow, socket } = yield* connect(url)
      if (flow === undefined) return assert.fail("There is no flow control")
      let received = 0
      const all = yield* Deferred.make<void>()
      yield* Effect.fork(socket.runRaw(() => {
        received += 1
        if (received === 1) Effect.runSync(flow.pause)
        if (received === total) Deferred.unsafeDone(all, Effect.void)
      }))
      const server = yield* Deferred.await(held)
      yield* Effect.sleep("200 millis")
      const before = received
      assert.isBelow(before, total)
      assert.isAbove(server.bufferedAmount, 0) // what the network does not take waits at the server
      yield* Effect.sleep("100 millis")
      assert.strictEqual(received, before)
      yield* flow.resume
      yield* Deferred.await(all)
    }))

  it.scopedLive("the end of the scope - closes the connection at once", () =>
    Effect.gen(function*() {
      const closed = yield* Deferred.make<void>()
      const url = yield* serve((socket) => socket.on("close", () => Deferred.unsafeDone(closed, Effect.void)))
      yield* Effect.scoped(connect(url))
      yield* Effect.timeout(Deferred.await(closed), "1 second")
    }))
})
