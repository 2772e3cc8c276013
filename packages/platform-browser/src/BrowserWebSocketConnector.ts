/**
 * WebSockets of a page, which can send no headers: a token goes into the URL or into a subprotocol, and only one that
 * your own server gave out for this page. A vendor's key in a page is everybody's.
 *
 * @since 0.1.0
 */
import * as WebSocketConnector from "@effect-smallest/core/WebSocketConnector"
import * as Socket from "@effect/platform/Socket"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

const { WebSocketConnectError } = WebSocketConnector

/**
 * Where the client's token goes.
 *
 * - `none`: nowhere; the cookies of the page's own origin are sent by themselves
 * - `query`: into a parameter of the URL, which servers and proxies like to log: give out tokens that live for seconds
 * - `protocols`: into a subprotocol, which must consist of letters, digits and `!#$%&'*+-.^_|~`
 *
 * @since 0.1.0
 * @category models
 */
export type Authentication =
  | "none"
  | { readonly query: string }
  | { readonly protocols: (token: string) => ReadonlyArray<string> }

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The address to connect to, asked for each connection anew, such as one with a ticket that your server has signed.
   * @default the address that the client asks for
   */
  readonly url?:
    | ((asked: string) => Effect.Effect<string, WebSocketConnector.WebSocketConnectError>)
    | undefined
  /**
   * Where the client's token goes.
   * @default "none"
   */
  readonly authentication?: Authentication | undefined
}

const unreachable = (description: string) => new WebSocketConnectError({ reason: "Unreachable", description })

interface Target {
  readonly url: string
  readonly protocols: ReadonlyArray<string>
}

const target = (
  url: string,
  token: Redacted.Redacted,
  authentication: Authentication
): Effect.Effect<Target, WebSocketConnector.WebSocketConnectError> => {
  if (authentication === "none") return Effect.succeed({ url, protocols: [] })
  if ("protocols" in authentication) {
    return Effect.succeed({ url, protocols: authentication.protocols(Redacted.value(token)) })
  }
  return Effect.try({
    try: () => {
      const withToken = new URL(url)
      withToken.searchParams.set(authentication.query, Redacted.value(token))
      return { url: withToken.href, protocols: [] }
    },
    catch: () => unreachable("The address of the WebSocket is not a URL")
  })
}

const open = (
  url: string,
  protocols: ReadonlyArray<string>
): Effect.Effect<WebSocket, WebSocketConnector.WebSocketConnectError> =>
  Effect.try({
    try: () => {
      const webSocket = new WebSocket(url, [...protocols])
      // Blobs are read one by one, and their contents can overtake each other.
      webSocket.binaryType = "arraybuffer"
      return webSocket
    },
    // What the browser says would repeat the URL or the protocol, and so the token.
    catch: () => unreachable("The browser refuses the address or the subprotocol of the WebSocket")
  }).pipe(Effect.flatMap((webSocket) =>
    Effect.async<WebSocket, WebSocketConnector.WebSocketConnectError>((resume) => {
      const onClose = () => resume(unreachable("The WebSocket did not open; the browser's console knows why"))
      webSocket.addEventListener("open", () => {
        webSocket.removeEventListener("close", onClose)
        resume(Effect.succeed(webSocket))
      }, { once: true })
      webSocket.addEventListener("close", onClose)
      return Effect.sync(() => webSocket.close())
    })
  ))

// A WebSocket loses what has no listener, and a `Socket` listens only while it runs: until then events wait.
const waiting = (webSocket: WebSocket) => {
  const listeners = new EventTarget()
  let early: Array<Event> | undefined = []
  const pass = (event: Event) => {
    if (early === undefined) listeners.dispatchEvent(event)
    else early.push(event)
  }
  webSocket.addEventListener(
    "message",
    ({ data }: MessageEvent<string | ArrayBuffer>) =>
      pass(new MessageEvent("message", { data: typeof data === "string" ? data : new Uint8Array(data) }))
  )
  webSocket.addEventListener("close", ({ code, reason }) => pass(new CloseEvent("close", { code, reason })))
  webSocket.addEventListener("error", () => pass(new Event("error")))
  return {
    flow: Effect.sync(() => {
      const events = early ?? []
      early = undefined
      for (const event of events) listeners.dispatchEvent(event)
    }),
    facade: {
      // One that has closed already reports so by its event, once it flows.
      readyState: WebSocket.OPEN,
      addEventListener: listeners.addEventListener.bind(listeners),
      removeEventListener: listeners.removeEventListener.bind(listeners),
      send: webSocket.send.bind(webSocket),
      close: webSocket.close.bind(webSocket)
    }
  }
}

const toConnection = (webSocket: WebSocket): Effect.Effect<WebSocketConnector.Connection> => {
  const { facade, flow } = waiting(webSocket)
  return Effect.map(
    Socket.fromWebSocket(
      // All of a WebSocket that `Socket` uses.
      Effect.succeed(facade as unknown as WebSocket),
      { closeCodeIsError: () => true }
    ),
    (socket) => ({
      socket: Socket.Socket.of({
        ...socket,
        runRaw: (handler, options) =>
          socket.runRaw(handler, { onOpen: Effect.zipRight(flow, options?.onOpen ?? Effect.void) }),
        run: (handler, options) =>
          socket.run(handler, { onOpen: Effect.zipRight(flow, options?.onOpen ?? Effect.void) })
      })
    })
  )
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  { authentication = "none", url: urlFor = Effect.succeed }: Options = {}
): WebSocketConnector.Service =>
  WebSocketConnector.WebSocketConnector.of({
    connect: ({ bearer, timeout, url: asked }) =>
      Effect.acquireRelease(
        Effect.flatMap(
          urlFor(asked),
          (url) => Effect.flatMap(target(url, bearer, authentication), ({ protocols, url }) => open(url, protocols))
        ).pipe(
          Effect.timeoutFail({
            duration: timeout,
            onTimeout: () =>
              new WebSocketConnectError({
                reason: "Timeout",
                description: `The WebSocket did not open within ${Duration.format(timeout)}`
              })
          }),
          Effect.interruptible
        ),
        (webSocket) => Effect.sync(() => webSocket.close())
      ).pipe(Effect.flatMap(toConnection))
  })

/**
 * Opens the browser's WebSockets, to a server of your own that speaks the vendor's protocol.
 *
 * @example
 * ```ts
 * import { WavesClient } from "@effect-smallest/waves"
 * import { BrowserWebSocketConnector } from "@effect-smallest/platform-browser"
 * import { WavesSpeechStream } from "@effect-smallest/waves"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer, Redacted } from "effect"
 *
 * declare const ticket: string // of the page's own server, which relays to the vendor
 *
 * const Live = WavesSpeechStream.layer().pipe(
 *   Layer.provide(WavesClient.layer({ apiKey: Redacted.make(ticket), baseUrl: "https://relay.example.com" })),
 *   Layer.provide(BrowserWebSocketConnector.layer({ authentication: { query: "ticket" } })),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<WebSocketConnector.WebSocketConnector> =>
  Layer.succeed(WebSocketConnector.WebSocketConnector, make(options))
