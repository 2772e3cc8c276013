/**
 * WebSockets in Node, which can send the key as a header of the upgrade.
 *
 * @since 0.1.0
 */
import * as WebSocketConnector from "@effect-smallest/core/WebSocketConnector"
import * as Socket from "@effect/platform/Socket"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { ClientRequest, IncomingMessage } from "node:http"
import { WebSocket } from "ws"

const { WebSocketConnectError } = WebSocketConnector

// A refusal is a small JSON body; what is longer than this says no more.
const maxBodyLength = 64 * 1024

// What arrives later says no more than the status.
const bodyTimeoutMillis = 2000

const refused = (
  request: ClientRequest,
  response: IncomingMessage,
  done: (error: WebSocketConnector.WebSocketConnectError) => void
): void => {
  let body = ""
  const headers = Object.fromEntries(
    Object.entries(response.headers).map((
      [name, value]
    ) => [name, Array.isArray(value) ? value.join(", ") : value ?? ""])
  )
  response.setEncoding("utf8")
  response.on("data", (text: string) => {
    body += text.slice(0, maxBodyLength - body.length)
    if (body.length >= maxBodyLength) finish()
  })
  const status = response.statusCode ?? 0
  const finish = () => {
    // A server may keep the connection of a refusal open for ever.
    request.destroy()
    done(
      new WebSocketConnectError({
        reason: "Refused",
        description: `The server refused the WebSocket with status ${status}`,
        status,
        body,
        headers
      })
    )
  }
  response.once("end", finish)
  response.once("error", finish)
  response.setTimeout(bodyTimeoutMillis, finish)
}

const open = (
  options: WebSocketConnector.ConnectOptions
): Effect.Effect<WebSocket, WebSocketConnector.WebSocketConnectError> =>
  Effect.async((resume) => {
    const socket = new WebSocket(options.url, {
      headers: { ...options.headers, authorization: `Bearer ${Redacted.value(options.bearer)}` }
    })
    const fail = (error: WebSocketConnector.WebSocketConnectError) => resume(Effect.fail(error))
    socket.once("open", () => {
      // Until there is a listener: a server may close at once, and its code must not get lost.
      socket.pause()
      resume(Effect.succeed(socket))
    })
    socket.once("unexpected-response", (request, response) => refused(request, response, fail))
    // Stays for the life of the socket: an `error` event without a listener would end the process.
    socket.on(
      "error",
      (error) => fail(new WebSocketConnectError({ reason: "Unreachable", description: error.message }))
    )
    return Effect.sync(() => socket.terminate())
  })

const toConnection = (webSocket: WebSocket): Effect.Effect<WebSocketConnector.Connection> => {
  const pause = Effect.sync(() => webSocket.pause())
  const resume = Effect.sync(() => webSocket.resume())
  return Effect.map(
    Socket.fromWebSocket(
      // `ws` has the interface of the browser's WebSocket in all that `Socket` uses.
      Effect.succeed(webSocket as unknown as globalThis.WebSocket),
      { closeCodeIsError: () => true }
    ),
    (socket) => ({
      socket: Socket.Socket.of({
        ...socket,
        runRaw: (handler, options) =>
          socket.runRaw(handler, { onOpen: Effect.zipRight(resume, options?.onOpen ?? Effect.void) }),
        run: (handler, options) =>
          socket.run(handler, { onOpen: Effect.zipRight(resume, options?.onOpen ?? Effect.void) })
      }),
      flow: { pause, resume }
    })
  )
}

const connect: WebSocketConnector.Service["connect"] = (options) =>
  Effect.acquireRelease(
    open(options).pipe(
      Effect.timeoutFail({
        duration: options.timeout,
        onTimeout: () =>
          new WebSocketConnectError({
            reason: "Timeout",
            description: `The WebSocket did not open within ${Duration.format(options.timeout)}`
          })
      }),
      Effect.interruptible
    ),
    // The closing side needs nothing more: waiting for the other side's answer would hold up an interruption.
    (socket) => Effect.sync(() => socket.terminate())
  ).pipe(Effect.flatMap(toConnection))

/**
 * Opens WebSockets with `ws`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<WebSocketConnector.WebSocketConnector> = Layer.succeed(
  WebSocketConnector.WebSocketConnector,
  WebSocketConnector.WebSocketConnector.of({ connect })
)
