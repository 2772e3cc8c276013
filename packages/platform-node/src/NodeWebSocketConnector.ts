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
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { HttpsProxyAgent } from "https-proxy-agent"
import type { ClientRequest, IncomingMessage } from "node:http"
import { WebSocket } from "ws"
import * as EnvironmentProxy from "./internal/environmentProxy.js"
import type * as NodeHttp from "./NodeHttp.js"

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

/**
 * Which proxy WebSockets go through.
 *
 * @since 0.2.0
 * @category models
 */
export type Options = Pick<NodeHttp.Options, "proxy">

const agentFor = (url: string, { proxy = "environment" }: Options) =>
  proxy === "none"
    ? undefined
    : Option.getOrUndefined(Option.map(EnvironmentProxy.find(url), (found) => new HttpsProxyAgent(found.url)))

const open = (
  options: WebSocketConnector.ConnectOptions,
  own: Options
): Effect.Effect<WebSocket, WebSocketConnector.WebSocketConnectError> =>
  Effect.async((resume) => {
    const socket = new WebSocket(options.url, {
      agent: agentFor(options.url, own),
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
      (error) =>
        fail(
          new WebSocketConnectError({
            reason: "Unreachable",
            description: error.message,
            code: Predicate.hasProperty(error, "code") && Predicate.isString(error.code) ? error.code : undefined
          })
        )
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

const connect = (own: Options): WebSocketConnector.Service["connect"] => (options) =>
  Effect.acquireRelease(
    open(options, own).pipe(
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
 * Opens WebSockets with `ws`, through the proxy of the environment (see `NodeHttp`) unless the options say otherwise.
 *
 * @example
 * ```ts
 * import { NodeWebSocketConnector } from "@effect-smallest/platform-node"
 *
 * const Direct = NodeWebSocketConnector.layerWith({ proxy: "none" })
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layerWith = (options: Options): Layer.Layer<WebSocketConnector.WebSocketConnector> =>
  Layer.succeed(
    WebSocketConnector.WebSocketConnector,
    WebSocketConnector.WebSocketConnector.of({ connect: connect(options) })
  )

/**
 * Opens WebSockets with `ws`, through the proxy of the environment.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<WebSocketConnector.WebSocketConnector> = layerWith({})
