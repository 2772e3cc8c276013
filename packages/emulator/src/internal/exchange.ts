/**
 * One request from its first byte to its last: recorded, struck by the faults that wait for it, answered by a handler,
 * and refused in the vendor's way.
 */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Fault } from "../Fault.js"
import * as FaultInput from "./faultInput.js"
import * as Faults from "./faults.js"
import { uuid } from "./ids.js"
import * as Refusal from "./refusal.js"
import * as RequestLog from "./requestLog.js"
import { CurrentSettings } from "./settings.js"
import { custom } from "./validation.js"

/** @internal */
export interface Exchange {
  /** The `x-request-id` of the answer. */
  readonly id: string
  readonly request: HttpServerRequest.HttpServerRequest
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly entry: RequestLog.Entry
  /** The faults that strike this request's audio. */
  readonly faults: ReadonlyArray<Fault>
  /** The body as JSON. */
  readonly readJson: Effect.Effect<unknown, Refusal.Refusal>
  /** Resets the connection. */
  readonly reset: Effect.Effect<void>
}

/** @internal */
export type Handler = (
  exchange: Exchange
) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal.Refusal, Scope.Scope>

/** @internal */
export interface Service {
  /**
   * Turns a handler into a route. `audio` says that the answer holds audio, so that faults of audio may strike it;
   * without `record` the request stays out of the log.
   */
  readonly route: (
    handler: Handler,
    options?: { readonly audio?: boolean; readonly record?: boolean }
  ) => Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    never,
    HttpServerRequest.HttpServerRequest | Scope.Scope
  >
}

/** @internal */
export class Exchanges extends Context.Tag("@effect-smallest/emulator/internal/Exchanges")<Exchanges, Service>() {}

/** @internal */
export const isUpgrade = (headers: Exchange["headers"]): boolean => headers["upgrade"]?.toLowerCase() === "websocket"

const plain = (headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)]])
  )

// What the client still sends after the limit is read and forgotten: a client that is not listened to sees a broken
// connection instead of the answer.
const readText = (
  request: HttpServerRequest.HttpServerRequest,
  limit: number
): Effect.Effect<string, Refusal.Refusal> => {
  const decoder = new TextDecoder()
  return Stream.runFold(request.stream, { text: "", bytes: 0 }, (read, chunk) => {
    const bytes = read.bytes + chunk.length
    return { bytes, text: bytes > limit ? "" : read.text + decoder.decode(chunk, { stream: true }) }
  }).pipe(
    Effect.mapError(() => new Refusal.Refusal({ status: 400, body: { error: "The body could not be read" } })),
    Effect.flatMap(({ bytes, text }) =>
      bytes > limit ? Refusal.tooLarge(limit) : Effect.succeed(text + decoder.decode())
    )
  )
}

// The content type belongs to the body, which sets the header again whenever a response is changed.
const withContentType = (
  response: HttpServerResponse.HttpServerResponse,
  contentType: string
): HttpServerResponse.HttpServerResponse => {
  const { body } = response
  return body._tag === "Uint8Array"
    ? HttpServerResponse.setBody(response, HttpBody.uint8Array(body.body, contentType))
    : body._tag === "Stream"
    ? HttpServerResponse.setBody(response, HttpBody.stream(body.stream, contentType, body.contentLength))
    : response
}

const make = Effect.gen(function*() {
  const settings = yield* CurrentSettings
  const log = yield* RequestLog.RequestLog
  const faults = yield* Faults.Faults
  const runSync = Runtime.runSync(yield* Effect.runtime())

  const refuse = ({ body, headers = {}, status }: Refusal.Refusal): HttpServerResponse.HttpServerResponse =>
    Refusal.json(settings.assumptions.errorBodies[String(status)] ?? body, { status, headers })

  const parseJson = (text: string): Effect.Effect<unknown, Refusal.Refusal> =>
    Effect.try({
      try: (): unknown => JSON.parse(text),
      catch: () => Refusal.invalid(settings.assumptions.validationStatus, [custom([], "The body is not valid JSON")])
    })

  const takeFaults = Effect.fnUntraced(function*(
    exchange: Pick<Exchange, "headers" | "path">,
    isAudio: boolean
  ) {
    const header = exchange.headers[Faults.header]
    const sent = header === undefined ?
      [] :
      yield* Either.mapLeft(
        FaultInput.readHeader(header),
        (error) => new Refusal.Refusal({ status: 400, body: { error: `${Faults.header}: ${error}` } })
      )
    const waiting = yield* faults.take(exchange.path, "request")
    const audio = isAudio && !isUpgrade(exchange.headers) ? yield* faults.take(exchange.path, "audio") : []
    return [...sent, ...waiting, ...audio]
  })

  /** What faults do before a request is looked at. An answer ends it. */
  const strike = Effect.fnUntraced(function*(exchange: Exchange) {
    for (const fault of exchange.faults) {
      if (fault._tag === "Delay" && fault.before === "headers") yield* Effect.sleep(fault.duration)
      if (fault._tag === "Stall" && fault.afterBytes === undefined) return yield* Effect.never
      if (fault._tag === "Reset" && fault.afterBytes === undefined) {
        return yield* Effect.zipRight(exchange.reset, Effect.never)
      }
      if (fault._tag === "Status") {
        const usual = Refusal.ofStatus(fault.status)
        const body = fault.body ?? settings.assumptions.errorBodies[String(fault.status)] ?? usual.body
        const headers = { ...usual.headers, ...fault.headers }
        return Option.some(
          typeof body === "string"
            ? HttpServerResponse.text(body, { status: fault.status, headers })
            : Refusal.json(body, { status: fault.status, headers })
        )
      }
    }
    return Option.none()
  })

  const begin = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest, record: boolean) {
    const id = yield* uuid
    const url = Option.getOrElse(HttpServerRequest.toURL(request), () => new URL("http://localhost/"))
    const headers = plain(request.headers)
    const upgrade = isUpgrade(headers)
    const source = NodeHttpServerRequest.toIncomingMessage(request)
    const entry = yield* (record ? log : unrecorded).open({
      id,
      transport: upgrade ? "websocket" : "http",
      method: request.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers
    })
    if (!upgrade) {
      const response = NodeHttpServerRequest.toServerResponse(request)
      response.once("close", () =>
        runSync(Effect.zipRight(
          response.headersSent ? entry.update({ status: response.statusCode }) : Effect.void,
          entry.end(response.writableFinished ? "completed" : "aborted")
        )))
    }
    return {
      id,
      request,
      path: url.pathname,
      query: url.searchParams,
      headers,
      entry,
      faults: [],
      readJson: readText(request, settings.bodyLimit).pipe(
        Effect.tap((text) => entry.body(text)),
        Effect.flatMap(parseJson)
      ),
      // What was written before leaves first: Node gathers the writes of a moment.
      reset: Effect.async<void>((resume) => {
        source.socket.write(new Uint8Array(0), () => {
          source.socket.resetAndDestroy()
          resume(Effect.void)
        })
      })
    } satisfies Exchange
  })

  const route: Service["route"] = (handler, options = {}) =>
    Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      const opened = yield* begin(request, options.record !== false)
      const taken = yield* Effect.either(
        options.record === false ? Effect.succeed([]) : takeFaults(opened, options.audio === true)
      )
      const exchange: Exchange = { ...opened, faults: Either.getOrElse(taken, () => []) }
      yield* exchange.entry.fault(exchange.faults.map((fault) => fault._tag))
      const struck = yield* strike(exchange)
      const response = Either.isLeft(taken)
        ? refuse(taken.left)
        : Option.isSome(struck)
        ? struck.value
        : yield* handler(exchange).pipe(
          Effect.catchTag("Refusal", (refusal) => Effect.succeed(refuse(refusal))),
          Effect.catchAllCause((cause) =>
            Cause.isInterruptedOnly(cause)
              ? Effect.failCause(cause)
              : Effect.as(Effect.logError("A route of the emulator died", cause), refuse(Refusal.serverFault))
          )
        )
      if (isUpgrade(exchange.headers) && response.status !== 101) {
        yield* Effect.zipRight(exchange.entry.update({ status: response.status }), exchange.entry.end("completed"))
      }
      const wrong = exchange.faults.find((fault) => fault._tag === "ContentType")
      return HttpServerResponse.setHeader(
        wrong === undefined ? response : withContentType(response, wrong.contentType),
        "x-request-id",
        exchange.id
      )
    })

  return Exchanges.of({ route })
})

const ignored: RequestLog.Entry = {
  update: () => Effect.void,
  body: () => Effect.void,
  message: () => Effect.void,
  audio: () => Effect.void,
  fault: () => Effect.void,
  end: () => Effect.void
}

const unrecorded = { open: () => Effect.succeed(ignored) }

/** @internal */
export const layer: Layer.Layer<Exchanges, never, CurrentSettings | RequestLog.RequestLog | Faults.Faults> = Layer
  .effect(Exchanges, make)
