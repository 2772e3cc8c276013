/**
 * The server half of speech in pages: a route of the application's own server that speaks for those whom it knows, so that
 * no key is ever in a page.
 *
 * The page's half is `ProxySpeechSynthesizer`. `POST` speaks a text with `SpeechStream.events`
 * (so the page learns when words sound, if the engine knows), `GET` lists voices, models and languages.
 *
 * @since 0.1.0
 */
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import { SpeechSynthesizer } from "@effect-smallest/core/SpeechSynthesizer"
import { SpeechStream } from "@effect-smallest/stream/SpeechStream"
import * as RateLimiter from "@effect/experimental/RateLimiter"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as ClientConcurrency from "./internal/clientConcurrency.js"
import * as MemoryStore from "./internal/memoryStore.js"
import * as ProxyRequest from "./internal/proxyRequest.js"
import * as Refusal from "./internal/refusal.js"
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
export class Denied extends Schema.TaggedError<Denied>("@effect-smallest/proxy/SpeechProxy/Denied")("Denied", {
  /** Why, in one sentence for the reader of the page. */
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
   * Returns who a request is from, or fails because the client may not speak. Look at a session, a cookie or a token that your server gave out: the
   * origin of a request proves nothing, since only browsers send it truthfully.
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
   * How long the response may be silent before a keep-alive is sent.
   * @default "10 seconds"
   */
  readonly keepAlive?: Duration.DurationInput | undefined
}

// ----------------------------------------------------------------------------------------------------------------
// the app
// ----------------------------------------------------------------------------------------------------------------

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

const quota = /*#__PURE__*/ LayerOptions.options<Quota>({
  limit: /*#__PURE__*/ LayerOptions.required(/*#__PURE__*/ LayerOptions.moreThan(0)),
  window: /*#__PURE__*/ LayerOptions.required(LayerOptions.duration)
})

const check = LayerOptions.make<Options<unknown>>("SpeechProxy", {
  authorize: /*#__PURE__*/ LayerOptions.required(LayerOptions.code),
  allow: LayerOptions.list,
  maxTextLength: /*#__PURE__*/ LayerOptions.moreThan(0),
  limits: /*#__PURE__*/ LayerOptions.options<Limits>({
    requests: quota,
    characters: quota,
    concurrency: /*#__PURE__*/ LayerOptions.moreThan(0)
  }),
  limiter: LayerOptions.code,
  cors: /*#__PURE__*/ LayerOptions.options<Cors>({
    allowedOrigins: /*#__PURE__*/ LayerOptions.required(LayerOptions.list),
    credentials: LayerOptions.flag
  }),
  keepAlive: LayerOptions.duration
})

/**
 * The app: mount it at any path of an `HttpRouter`, serve it alone, or give it to another framework with
 * {@link toWebHandler}.
 *
 * Invalid options, such as a limit of 0, are defects of the program: it throws an `InvalidLayerOption` that names them.
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
  check(options)
  const maxTextLength = options.maxTextLength ?? 10_000
  const requests = limits.requests ?? { limit: 120, window: "1 minute" }
  const characters = limits.characters ?? { limit: Math.max(20_000, maxTextLength), window: "1 minute" }
  if (characters.limit < maxTextLength) {
    throw new LayerOptions.InvalidLayerOption({
      layer: "SpeechProxy",
      option: "limits.characters.limit",
      description:
        `\`limits.characters.limit\` must be maxTextLength (${maxTextLength}) or more, not ${characters.limit}`
    })
  }
  const concurrency = ClientConcurrency.make(limits.concurrency ?? 4)
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
            ? Refusal.tooOften(error.retryAfter)
            : Effect.zipRight(
              Refusal.logged("The store of the rate limiter failed", Cause.fail(error)),
              Refusal.refuse(503, Refusal.unavailable)
            )
        )
      )

  const speak = Effect.fnUntraced(function*(client: ClientId, request: HttpServerRequest.HttpServerRequest) {
    const { text, ...speech } = yield* ProxyRequest.readRequest(request, { allow, maxTextLength })
    const place = yield* concurrency(client)
    // A refused request costs no characters.
    yield* Effect.onError(consume("characters", client, characters, text.length), () => place.leave)
    const { events } = yield* SpeechStream
    const spoken = Stream.tapError(events(text, speech), (error) =>
      Effect.logWarning("Speech for a page failed").pipe(
        Effect.annotateLogs({
          package: "@effect-smallest/proxy",
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
      Effect.catchAll((error) => Refusal.refuse(502, error))
    )
    return yield* Effect.orDie(HttpServerResponse.schemaJson(Protocol.Catalogue)(all))
  })

  const answer = Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (request.method !== "POST" && request.method !== "GET") {
      const description = "Use POST for speech and GET for the list of voices"
      return yield* Refusal.refuse(405, new SpeechError.ServerFailure({ ...Refusal.at, status: 405, description }), {
        allow: "GET, POST"
      })
    }
    const client = yield* Effect.catchTag(options.authorize(request), "Denied", Refusal.denied)
    yield* consume("requests", client, requests, 1)
    return yield* request.method === "POST" ? speak(client, request) : catalogue
  }).pipe(
    Effect.catchAllDefect((defect) =>
      Effect.zipRight(
        Refusal.logged("A request for speech died", Cause.die(defect)),
        Refusal.refuse(500, Refusal.unavailable)
      )
    ),
    Effect.catchAll(Refusal.toResponse),
    // Servers run apps uninterruptibly; a client that leaves must not be waited for.
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
 * import { ProxySpeechSynthesizer, SpeechProxy } from "@effect-smallest/proxy"
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
