/**
 * The port that opens WebSockets, because every runtime authenticates an upgrade in its own way: Node sends headers, browsers
 * cannot.
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/**
 * @since 0.1.0
 * @category services
 */
export class WebSocketConnector extends Context.Tag("@effect-smallest/core/WebSocketConnector")<
  WebSocketConnector,
  Service
>() {}

/**
 * A WebSocket that did not open.
 *
 * - `Refused`: the server answered with an HTTP status instead of an upgrade
 * - `Unreachable`: no connection
 * - `Timeout`: not open within the limit
 *
 * @since 0.1.0
 * @category errors
 */
export class WebSocketConnectError
  extends Schema.TaggedError<WebSocketConnectError>("@effect-smallest/core/WebSocketConnector/WebSocketConnectError")(
    "WebSocketConnectError",
    {
      reason: Schema.Literal("Refused", "Unreachable", "Timeout"),
      description: Schema.String,
      /** The code of what kept the connection from being made, such as `ECONNREFUSED`, if the runtime reports it. */
      code: Schema.optional(Schema.String),
      /** The HTTP status of a refusal, if the runtime reports it; browsers do not. */
      status: Schema.optional(Schema.Int),
      /** The body of a refusal. */
      body: Schema.optional(Schema.String),
      /** The headers of a refusal, with lower-case names. */
      headers: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String }))
    }
  )
{
  override get message(): string {
    return this.description
  }
}

/**
 * What to open.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectOptions {
  /** `ws:` or `wss:`, without any secret in it. */
  readonly url: string
  /** The key, for a header if the runtime can send one; a browser's connector decides by itself how to authenticate. */
  readonly bearer: Redacted.Redacted
  /** Further headers, for runtimes that send them. */
  readonly headers: Readonly<Record<string, string>>
  /** How long opening may take. */
  readonly timeout: Duration.Duration
}

/**
 * An open WebSocket.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  /**
   * Nothing that the server says is lost before `run` listens. Every close code, 1000 included, ends `run` with a `SocketError`,
   * because only the protocol knows which end is a good one.
   */
  readonly socket: Socket.Socket
  /** Stops reading from the network, so that the server has to wait, and resumes; absent in browsers, which cannot. */
  readonly flow?: { readonly pause: Effect.Effect<void>; readonly resume: Effect.Effect<void> } | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Opens a WebSocket, which closes with the scope. It is open when the effect succeeds. */
  readonly connect: (
    options: ConnectOptions
  ) => Effect.Effect<Connection, WebSocketConnectError, Scope.Scope>
}
