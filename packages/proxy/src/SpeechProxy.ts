/**
 * The server half of speech in pages: a route of the application's own server that speaks for those whom it knows, so that
 * no key is ever in a page.
 *
 * The page's half is `ProxySpeechSynthesizer` of `@effect-smallest/core`. `POST` speaks a text with `SpeechStream.events`
 * (so an engine that knows when words sound tells the page), `GET` lists voices, models and languages.
 *
 * @since 0.1.0
 */
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import { SpeechSynthesizer } from "@effect-smallest/core/SpeechSynthesizer"
import { SpeechStream } from "@effect-smallest/stream/SpeechStream"
import * as SpeechText from "@effect-smallest/stream/SpeechText"
import * as RateLimiter from "@effect/experimental/RateLimiter"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import type * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as MemoryStore from "./internal/memoryStore.js"
import * as Protocol from "./SpeechProxyProtocol.js"

/**
 * Who a request is from: the id of a user, a session, an address. Limits are counted by it.
 *
 * @since 0.1.0
 * @category models
 */
export type ClientId = string

/**
 * The client may not speak. The page gets it as `AccessDenied`, with this description.
 *
 * @since 0.1.0
 * @category errors
 */
export class Denied extends Schema.TaggedError<Denied>("@effect-smallest/stream/SpeechProxy/Denied")("Denied", {
  /** Why, in one sentence for whoever reads the page. */
  description: Schema.String
}) {
  override get message(): string {
    return this.description
  }
}

/**
 * So much in a time. What was not used comes back evenly.
 *
 * @since 0.1.0
 * @category models
 */
export interface Quota {
  readonly limit: number
  readonly window: Duration.DurationInput
}

/**
 * What one client may ask for. More fails with `RateLimited`, which says when to ask again.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /**
   * Requests of any kind.
   * @default { limit: 120, window: "1 minute" }
   */
  readonly requests?: Quota | undefined
  /**
   * Characters of text, in UTF-16 code units. At least `maxTextLength`, or the longest text could never be spoken.
   * @default { limit: 20000, window: "1 minute" }
   */
  readonly characters?: Quota | undefined
  /**
   * Texts that are spoken at once, counted in this process.
   * @default 4
   */
  readonly concurrency?: number | undefined
}

/**
 * An option that a page may be allowed to set.
 *
 * @since 0.1.0
 * @category models
 */
export type AllowedOption = keyof SpeechOptions

/**
 * Pages of other origins that may call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cors {
  /** Such as `https://app.example.com`, or `*` for every page of the world. */
  readonly allowedOrigins: readonly [string, ...ReadonlyArray<string>]
  /**
   * Whether their cookies count.
   * @default false
   */
  readonly credentials?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> {
  /**
   * Tells who a request is from, or that it may not speak. Look at a session, a cookie or a token that your server gave out: the
   * origin of a request proves nothing, since only browsers tell it truly.
   */
  readonly authorize: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<ClientId, Denied, R>
  /**
   * The options that a page may set; a request with any other fails with `InvalidSpeechRequest`.
   * @default ["language", "speed", "sampleRate", "voice"]
   */
  readonly allow?: ReadonlyArray<AllowedOption> | undefined
  /**
   * The longest text of one request, in UTF-16 code units.
   * @default 10000
   */
  readonly maxTextLength?: number | undefined
  readonly limits?: Limits | undefined
  /**
   * What counts requests and characters. Several processes count together with `RateLimiter.RateLimiter`, provided by a
   * layer over a store that they share.
   * @default the memory of this process
   */
  readonly limiter?: Effect.Effect<RateLimiter.RateLimiter, never, R> | undefined
  /**
   * @default no other origin may call
   */
  readonly cors?: Cors | undefined
  /**
   * After how long a silence a page is told that the server still lives.
   * @default "10 seconds"
   */
  readonly keepAlive?: Duration.DurationInput | undefined
}

// ----------------------------------------------------------------------------------------------------------------
// refusals
// ----------------------------------------------------------------------------------------------------------------

interface Refusal {
  readonly status: number
  readonly error: SpeechError.SpeechError
  readonly headers?: Readonly<Record<string, string>> | undefined
}

const at = { module: "SpeechProxy", method: "speak" }

const refuse = (
  status: number,
  error: SpeechError.SpeechError,
  headers?: Refusal["headers"]
): Effect.Effect<never, Refusal> => Effect.fail({ status, error, headers })

const invalid = (parameter: string, description: string, status = 400) =>
  refuse(status, new SpeechError.InvalidSpeechRequest({ ...at, parameter, description }))

const denied = ({ description }: Denied) => refuse(403, new SpeechError.AccessDenied({ ...at, description }))

const tooOften = (
  retryAfter: Duration.Duration,
  description = "This client has asked for too much speech"
) =>
  refuse(
    429,
    new SpeechError.RateLimited({ ...at, description, retryAfter }),
    { "retry-after": String(Math.ceil(Duration.toSeconds(retryAfter))) }
  )

const logged = (message: string, cause: Cause.Cause<unknown>) =>
  Effect.logError(message, cause).pipe(
    Effect.annotateLogs({ package: "@effect-smallest/stream", module: "SpeechProxy" })
  )

const unavailable = new SpeechError.ServerFailure({
  ...at,
  status: 503,
  description: "The server cannot speak for anybody now; its log tells why"
})

const toRefusal = ({ error, headers = {}, status }: Refusal): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(
    Protocol.toResponse(Stream.fail(error)),
    (response) => HttpServerResponse.setHeaders(HttpServerResponse.setStatus(response, status), headers)
  )

// ----------------------------------------------------------------------------------------------------------------
// requests
// ----------------------------------------------------------------------------------------------------------------

const bodyTimeout = Duration.seconds(30)

// Who lets go of a body that is still coming cuts the connection, and the refusal would never arrive.
const refusalTime = Duration.seconds(2)

/** The body as text; one that is too large is not read to its end. */
const readBody = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest, maxLength: number) {
  const tooLarge = invalid("text", `A request may have ${maxLength} bytes`, 413)
  if (Number(request.headers["content-length"] ?? 0) > maxLength) return yield* tooLarge
  const body = yield* Deferred.make<Uint8Array, Refusal>()
  const pieces: Array<Uint8Array> = []
  let length = 0
  const reader = yield* request.stream.pipe(
    Stream.runForEach((piece) => {
      length += piece.length
      pieces.push(piece)
      return length > maxLength ? Effect.zipRight(Effect.intoDeferred(tooLarge, body), Effect.never) : Effect.void
    }),
    Effect.matchCauseEffect({
      onFailure: () => Effect.intoDeferred(invalid("text", "The request could not be read"), body),
      onSuccess: () => Deferred.succeed(body, Pcm.concatBytes(pieces))
    }),
    Effect.interruptible,
    Effect.forkDaemon
  )
  const bytes = yield* Deferred.await(body).pipe(
    Effect.timeoutFail({
      duration: bodyTimeout,
      onTimeout: (): Refusal => ({
        status: 408,
        error: new SpeechError.ServerFailure({ ...at, status: 408, description: "The request did not come in time" })
      })
    }),
    Effect.onInterrupt(() => Fiber.interrupt(reader)),
    Effect.tapError(() => Effect.forkDaemon(Effect.interruptible(Effect.delay(Fiber.interrupt(reader), refusalTime)))),
    Effect.mapError((refusal): Refusal => ({ ...refusal, headers: { ...refusal.headers, connection: "close" } }))
  )
  return yield* Effect.catchAll(decodeUtf8(bytes), () => invalid("request", "The request is not UTF-8"))
})

const decodeUtf8 = (bytes: Uint8Array) => Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes))

const parseJson = Schema.decodeUnknown(Schema.parseJson())

// Names of voices and the like. What is longer would come back in the engine's error.
const maxOptionLength = 200

const decodeRequest = Schema.decodeUnknown(Protocol.SpeechProxyRequest)

const readRequest = Effect.fnUntraced(function*(
  request: HttpServerRequest.HttpServerRequest,
  { allow, maxTextLength }: { readonly allow: ReadonlyArray<string>; readonly maxTextLength: number }
) {
  // A form of another site cannot send this type without asking first.
  if (!/^application\/json\s*(;|$)/i.test(request.headers["content-type"] ?? "")) {
    return yield* invalid("request", "A request must be application/json", 415)
  }
  // Every character may be escaped.
  const body = yield* readBody(request, maxTextLength * 6 + 16_384)
  const json = yield* Effect.catchAll(parseJson(body), () => invalid("request", "The request is not JSON"))
  if (!Predicate.isRecord(json)) return yield* invalid("request", "The request is not a JSON object")
  const { text } = json
  for (const name of Object.keys(json)) {
    if (name !== "text" && !allow.includes(name)) {
      return yield* invalid(name.slice(0, 100), "This server does not let pages set this option")
    }
    const option = json[name]
    if (name !== "text" && typeof option === "string" && option.length > maxOptionLength) {
      return yield* invalid(name, `It may have ${maxOptionLength} characters`)
    }
  }
  if (typeof text !== "string" || text.trim() === "") return yield* invalid("text", "There is no text to speak")
  if (text.length > maxTextLength) {
    return yield* invalid(
      "text",
      `The text has ${text.length} characters, more than the ${maxTextLength} of one request`,
      413
    )
  }
  return yield* Effect.catchAll(decodeRequest(json), (error) => {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
    return invalid(String(issue?.path[0] ?? "request"), (issue?.message ?? "The request is not valid").slice(0, 500))
  })
})

// ----------------------------------------------------------------------------------------------------------------
// the app
// ----------------------------------------------------------------------------------------------------------------

interface Place {
  readonly leave: Effect.Effect<void>
  /** Keeps the place for as long as the stream. */
  readonly hold: <A, E, R>(stream: Stream.Stream<A, E, R>) => Stream.Stream<A, E, R>
}

// A response that nobody begins to read must not keep its place.
const placeTimeout = Duration.seconds(10)

/** Counts what each client has open, and forgets who has nothing. */
const makeTurnstile = (concurrency: number) => {
  const open = new Map<ClientId, number>()
  return Effect.fnUntraced(function*(client: ClientId): Effect.fn.Return<Place, Refusal> {
    const count = open.get(client) ?? 0
    if (count >= concurrency) {
      return yield* tooOften(
        Duration.seconds(1),
        `This client has ${count} texts spoken already, as many as it may at once`
      )
    }
    open.set(client, count + 1)
    let isHeld = true
    const release = Effect.sync(() => {
      if (!isHeld) return
      isHeld = false
      const count = open.get(client) ?? 0
      if (count > 1) open.set(client, count - 1)
      else open.delete(client)
    })
    const expiry = yield* Effect.forkDaemon(Effect.interruptible(Effect.delay(release, placeTimeout)))
    const leave = Effect.zipRight(Fiber.interrupt(expiry), release)
    return {
      leave,
      hold: (stream) =>
        Stream.unwrapScoped(Effect.as(Effect.acquireRelease(Fiber.interrupt(expiry), () => release), stream))
    }
  }, Effect.uninterruptible)
}

// Not every framework cancels the body of a response when the page goes away; all of them abort the request.
const aborted = ({ source }: HttpServerRequest.HttpServerRequest): Effect.Effect<void> =>
  source instanceof globalThis.Request
    ? Effect.async((resume) => {
      const { signal } = source
      const gone = () => resume(Effect.void)
      if (signal.aborted) return gone()
      signal.addEventListener("abort", gone)
      return Effect.sync(() => signal.removeEventListener("abort", gone))
    })
    : Effect.never

const positive = (name: string, value: number): number => {
  if (value > 0) return value
  throw new RangeError(`${name} must be more than 0, got ${value}`)
}

/**
 * The app: mount it at any path of an `HttpRouter`, serve it alone, or give it to another framework with
 * {@link toWebHandler}.
 *
 * Options that make no sense, such as a limit of 0, are defects of the program: it throws a `RangeError` that names them.
 *
 * @example
 * ```ts
 * import { SpeechProxy } from "@effect-smallest/proxy"
 * import { HttpRouter } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * declare const sessions: ReadonlyMap<string, string>
 *
 * const router = HttpRouter.empty.pipe(
 *   HttpRouter.mountApp(
 *     "/speech",
 *     SpeechProxy.httpApp({
 *       authorize: ({ cookies }) => {
 *         const user = sessions.get(cookies["session"] ?? "")
 *         return user === undefined
 *           ? new SpeechProxy.Denied({ description: "Your session has ended" })
 *           : Effect.succeed(user)
 *       }
 *     })
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const httpApp = <R = never>(
  options: Options<R>
): HttpApp.Default<never, R | SpeechStream | SpeechSynthesizer> => {
  const { allow = ["language", "speed", "sampleRate", "voice"], limits = {} } = options
  const maxTextLength = positive("maxTextLength", options.maxTextLength ?? 10_000)
  const requests = limits.requests ?? { limit: 120, window: "1 minute" }
  const characters = limits.characters ?? { limit: Math.max(20_000, maxTextLength), window: "1 minute" }
  positive("limits.requests.limit", requests.limit)
  if (characters.limit < maxTextLength) {
    throw new RangeError(`limits.characters.limit must be maxTextLength (${maxTextLength}) or more`)
  }
  const turnstile = makeTurnstile(positive("limits.concurrency", limits.concurrency ?? 4))
  const limiter = options.limiter ??
    Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, MemoryStore.make())

  const consume = (kind: string, client: ClientId, quota: Quota, tokens: number) =>
    Effect.flatMap(limiter, (limiter) =>
      limiter.consume({
        algorithm: "token-bucket",
        onExceeded: "fail",
        key: `speech-proxy:${kind}:${client}`,
        limit: quota.limit,
        window: quota.window,
        tokens
      })).pipe(
        Effect.catchAll((error) =>
          error.reason === "Exceeded"
            ? tooOften(error.retryAfter)
            : Effect.zipRight(
              logged("The store of the rate limiter failed", Cause.fail(error)),
              refuse(503, unavailable)
            )
        )
      )

  const speak = Effect.fnUntraced(function*(client: ClientId, request: HttpServerRequest.HttpServerRequest) {
    const { text, ...speech } = yield* readRequest(request, { allow, maxTextLength })
    const place = yield* turnstile(client)
    // Nobody pays for what is refused.
    yield* Effect.onError(consume("characters", client, characters, text.length), () => place.leave)
    const { events } = yield* SpeechStream
    const spoken = Stream.tapError(events(text, speech), (error) =>
      Effect.logWarning("Speech for a page failed").pipe(
        Effect.annotateLogs({
          package: "@effect-smallest/stream",
          module: "SpeechProxy",
          error: String(error)
        })
      ))
    return yield* Protocol.toResponse(place.hold(spoken), {
      keepAlive: options.keepAlive,
      interruptWhen: aborted(request)
    })
  })

  const catalogue = Effect.gen(function*() {
    const { languages, models, voices } = yield* SpeechSynthesizer
    const all = yield* Effect.all({ languages, models, voices }).pipe(
      Effect.catchAll((error) => refuse(502, error))
    )
    return yield* Effect.orDie(HttpServerResponse.schemaJson(Protocol.Catalogue)(all))
  })

  const answer = Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (request.method !== "POST" && request.method !== "GET") {
      const description = "Speech is asked for with POST, the list of voices with GET"
      return yield* refuse(405, new SpeechError.ServerFailure({ ...at, status: 405, description }), {
        allow: "GET, POST"
      })
    }
    const client = yield* Effect.catchTag(options.authorize(request), "Denied", denied)
    yield* consume("requests", client, requests, 1)
    return yield* request.method === "POST" ? speak(client, request) : catalogue
  }).pipe(
    Effect.catchAllDefect((defect) =>
      Effect.zipRight(logged("A request for speech died", Cause.die(defect)), refuse(500, unavailable))
    ),
    Effect.catchAll(toRefusal),
    // Servers run apps uninterruptibly; whoever leaves must not be waited for.
    Effect.interruptible
  )

  return options.cors === undefined ? answer : HttpMiddleware.cors({
    allowedOrigins: options.cors.allowedOrigins,
    allowedMethods: ["GET", "POST"],
    exposedHeaders: ["retry-after"],
    credentials: options.cors.credentials ?? false,
    maxAge: 600
  })(answer)
}

/**
 * The app for every framework that speaks the web's own `Request` and `Response`: Hono, Next.js, Bun, Deno, edge workers.
 * `layer` is built with the first request; `dispose` releases it.
 *
 * @example
 * ```ts
 * import { ProxySpeechSynthesizer } from "@effect-smallest/proxy"
 * import { SpeechProxy } from "@effect-smallest/proxy"
 * import { SpeechStream } from "@effect-smallest/stream"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 *
 * // A server of one's own before another one; any engine will do.
 * const Speech = SpeechStream.layerSegmented().pipe(
 *   Layer.provideMerge(ProxySpeechSynthesizer.layer({ url: "https://internal.example.com/speech" })),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 *
 * export const { handler: POST } = SpeechProxy.toWebHandler(
 *   { authorize: () => Effect.succeed("everybody") },
 *   Speech
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const toWebHandler = <E, R = never>(
  options: Options<R>,
  layer: Layer.Layer<SpeechStream | SpeechSynthesizer | R, E>
): {
  readonly handler: (request: Request) => Promise<Response>
  readonly dispose: () => Promise<void>
} => HttpApp.toWebHandlerLayer(httpApp(options), layer)

// ----------------------------------------------------------------------------------------------------------------
// replies
// ----------------------------------------------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface ReplyOptions extends SpeechOptions {
  /**
   * What is made of the text before it is spoken, such as `SpeechText.stripMarkdown`. The page gets the text as it was written.
   * @default nothing
   */
  readonly prepare?:
    | (<E>(text: Stream.Stream<SpeechText.Input, E>) => Stream.Stream<SpeechText.Input, E>)
    | undefined
}

// Far more than a model writes in one reply: the text may run ahead of its speech.
const textAhead = 16_384

/**
 * A text as it is written, beside its speech: what a chat page shows and plays. The text does not wait for the speech, up to
 * 16,384 pieces. Fails with the text's own error after the audio that was already due.
 *
 * @example
 * ```ts
 * import { SpeechProxyProtocol } from "@effect-smallest/proxy"
 * import { SpeechProxy } from "@effect-smallest/proxy"
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Stream } from "effect"
 *
 * const tokens = Stream.make("Hello", " **there**. How ", "are you?")
 *
 * const route = SpeechProxyProtocol.toResponse(
 *   SpeechProxy.reply(tokens, { prepare: SpeechText.stripMarkdown })
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const reply: {
  (
    options?: ReplyOptions
  ): <E, R>(
    text: Stream.Stream<SpeechText.Input, E, R>
  ) => Stream.Stream<Protocol.ReplyEvent, SpeechError.SpeechError | E, R | SpeechStream>
  <E, R>(
    text: Stream.Stream<SpeechText.Input, E, R>,
    options?: ReplyOptions
  ): Stream.Stream<Protocol.ReplyEvent, SpeechError.SpeechError | E, R | SpeechStream>
} = dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(
    text: Stream.Stream<SpeechText.Input, E, R>,
    { prepare, ...speech }: ReplyOptions = {}
  ): Stream.Stream<Protocol.ReplyEvent, SpeechError.SpeechError | E, R | SpeechStream> =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const { events } = yield* SpeechStream
      const ahead = yield* Mailbox.make<SpeechText.Input, E>(textAhead)
      const unspoken = Mailbox.toStream(ahead)

      const written = text.pipe(
        Stream.mapChunksEffect((pieces) =>
          Effect.as(
            ahead.offerAll(pieces),
            Chunk.filterMap(pieces, (piece) =>
              SpeechText.isFlush(piece) ? Option.none() : Option.some(Protocol.TextDelta(piece)))
          )
        ),
        Stream.concat(Stream.execute(ahead.end)),
        // The speech fails with it, once what it can say is said.
        Stream.catchAllCause((cause) => Stream.execute(ahead.failCause(cause)))
      )
      return Stream.merge(written, events(prepare === undefined ? unspoken : prepare(unspoken), speech))
    }))
)
