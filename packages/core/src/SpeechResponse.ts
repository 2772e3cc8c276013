/**
 * Speech as the answer of a server. What fails before the first sound is answered with the status of its error and JSON; what fails
 * later tears the connection, so that no listener takes a part for the whole.
 *
 * {@link toServerResponse} is for routes of `@effect/platform`, {@link toWebResponse} for everything that answers with the web's `Response`:
 * Hono, Next.js, Bun, Deno, edge workers, and Express through `Readable.fromWeb`.
 *
 * @since 0.2.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Pcm from "./Pcm.js"
import * as Pull from "./Pull.js"
import * as SpeechError from "./SpeechError.js"
import * as Wav from "./Wav.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * Headers beside those that every answer with speech has.
   * @default none
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * @since 0.2.0
 * @category models
 */
export interface WebOptions extends Options {
  /**
   * Ends the work when it aborts, as `request.signal` does when the client leaves. Without it a client that leaves before the first sound
   * is noticed only then.
   * @default never
   */
  readonly signal?: AbortSignal | undefined
}

// No cache may keep the speech of one client for another, hold it back, or recode it.
const privately = {
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff"
}

const logged = (message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.logError(message, cause).pipe(
    Effect.annotateLogs({ package: "@effect-smallest/core", module: "SpeechResponse" })
  )

const answer = (
  status: number,
  error: { readonly _tag: string; readonly message: string },
  headers: Readonly<Record<string, string>>
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.unsafeJson({ error }, { status, headers: { ...privately, ...headers } })

const retryAfterOf = (error: unknown): Readonly<Record<string, string>> =>
  error instanceof SpeechError.RateLimited && error.retryAfter !== undefined && Duration.isFinite(error.retryAfter)
    ? { "retry-after": String(Math.ceil(Duration.toSeconds(error.retryAfter))) }
    : {}

/**
 * The answer to a request that failed: the status of `SpeechError.httpStatus`, `Retry-After` where the error has one, and as JSON
 * `{ "error": { "_tag", "message", ... } }`, which `SpeechError.schema` decodes. The cause stays on the server.
 *
 * @example
 * ```ts
 * import { SpeechResponse, SpeechSynthesizer } from "@effect-smallest/core"
 * import { HttpServerResponse } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const voices = SpeechSynthesizer.voices.pipe(
 *   Effect.map((voices) => HttpServerResponse.unsafeJson(voices)),
 *   Effect.catchAll((error) => Effect.succeed(SpeechResponse.fromError(error)))
 * )
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const fromError = (error: SpeechError.SpeechError): HttpServerResponse.HttpServerResponse => {
  const { message } = error
  const encoded = Schema.encodeSync(SpeechError.schema)(SpeechError.withoutCause(error))
  return answer(SpeechError.httpStatus(error), { ...encoded, message }, retryAfterOf(error))
}

const failed = (cause: Cause.Cause<unknown>): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Either.match(Cause.failureOrCause(cause), {
    onLeft: (error) =>
      SpeechError.isSpeechError(error)
        ? Effect.as(logged("A text could not be spoken", cause), fromError(error))
        : Effect.as(
          logged("A text could not be read", cause),
          answer(500, { _tag: "ServerFailure", message: "The server failed; its log tells why." }, {})
        ),
    onRight: (defect) =>
      Cause.isInterruptedOnly(defect)
        ? Effect.failCause(defect)
        : Effect.as(
          logged("Speech ended with a defect", defect),
          answer(500, { _tag: "ServerFailure", message: "The server failed; its log tells why." }, {})
        )
  })

/**
 * The answer where a text has nothing to be spoken, such as `""`: there is no audio, so there is no format of a file without any.
 */
const nothing = answer(422, {
  _tag: "NothingToSpeak",
  message: "The text has nothing that can be spoken. Send one with words."
}, {})

// Node's server ends a body that failed as if it were whole, and the listener could not tell. A request of Node knows its socket.
const tear = Effect.flatMap(
  Effect.serviceOption(HttpServerRequest.HttpServerRequest),
  (request) =>
    Effect.sync(() => {
      const source: unknown = Option.map(request, ({ source }) => source).pipe(Option.getOrUndefined)
      if (!Predicate.hasProperty(source, "socket")) return
      const { socket } = source
      // What has been written leaves first.
      if (Predicate.hasProperty(socket, "destroySoon") && Predicate.isFunction(socket.destroySoon)) socket.destroySoon()
      else if (Predicate.hasProperty(socket, "destroy") && Predicate.isFunction(socket.destroy)) socket.destroy()
    })
)

const isAudible = ({ bytes }: Pcm.PcmChunk): boolean => bytes.length > 0

/** Runs the audio to its first sound; `None` if it ends without any. */
const untilFirstSound = <E, R>(pcm: Stream.Stream<Pcm.PcmChunk, E, R>) =>
  Effect.gen(function*() {
    const pull = yield* Pull.fromStream(pcm)
    while (true) {
      const next = yield* Effect.either(pull)
      if (Either.isRight(next)) {
        if (Chunk.some(next.right, isAudible)) {
          return Option.some(Stream.concat(Stream.fromChunk(next.right), Pull.toStream(pull)))
        }
      } else if (Option.isSome(next.left)) {
        return yield* Effect.fail(next.left.value)
      } else {
        return Option.none()
      }
    }
  })

/**
 * Speech as a WAV file, while it is made, for a route of `@effect/platform`.
 *
 * Answers when the first sound is there. A `SpeechError` before is answered by {@link fromError}, any other failure and a defect with status
 * 500 and no details, a text without anything to speak with 422; the log has them all. A failure after the first sound tears the
 * connection: on Node's server, and wherever the answer becomes a web `Response`. Everything ends with the request's scope, so also when
 * the client leaves.
 *
 * @example
 * ```ts
 * import { SpeechResponse, SpeechSynthesizer } from "@effect-smallest/core"
 * import { HttpRouter } from "@effect/platform"
 *
 * const router = HttpRouter.empty.pipe(
 *   HttpRouter.get("/welcome", SpeechResponse.toServerResponse(SpeechSynthesizer.stream({ text: "Welcome back." })))
 * )
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const toServerResponse: {
  (
    options?: Options
  ): <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse, never, R | Scope.Scope>
  <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>,
    options?: Options
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R | Scope.Scope>
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>,
    options: Options = {}
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R | Scope.Scope> =>
    Effect.gen(function*() {
      const context = yield* Effect.context<R | Scope.Scope>()
      const first = yield* untilFirstSound(pcm)
      if (Option.isNone(first)) return nothing
      const body = Wav.encodeStream(first.value).pipe(
        Stream.tapErrorCause((cause) =>
          Cause.isInterruptedOnly(cause)
            ? Effect.void
            : Effect.zipRight(logged("Speech broke after its first sound; the connection is torn", cause), tear)
        ),
        Stream.provideContext(context)
      )
      return HttpServerResponse.stream(body, {
        contentType: "audio/wav",
        headers: { ...privately, ...options.headers }
      })
    }).pipe(Effect.catchAllCause(failed))
)

const aborted = (signal: AbortSignal): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (signal.aborted) return resume(Effect.void)
    const listener = () => resume(Effect.void)
    signal.addEventListener("abort", listener, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", listener))
  })

/**
 * The same as the web's `Response`, for whatever answers with one. Its body is an error after a failure, so every server tears the connection,
 * and cancelling it ends the work. A client that leaves before the first sound is told by `signal`; the answer that nobody reads then
 * has status 499.
 *
 * Read the body or cancel it: the request behind it waits for that.
 *
 * @example
 * ```ts
 * import { SpeechResponse } from "@effect-smallest/core"
 * import { SpeechStream } from "@effect-smallest/stream"
 * import type { ManagedRuntime } from "effect"
 *
 * declare const runtime: ManagedRuntime.ManagedRuntime<SpeechStream.SpeechStream, never>
 *
 * // Bun, Deno, an edge worker, or GET of a route of Next.js
 * export const GET = (request: Request): Promise<Response> =>
 *   runtime.runPromise(
 *     SpeechStream.fromText("Hello.").pipe(SpeechResponse.toWebResponse({ signal: request.signal }))
 *   )
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const toWebResponse: {
  (
    options?: WebOptions
  ): <E, R>(pcm: Stream.Stream<Pcm.PcmChunk, E, R>) => Effect.Effect<globalThis.Response, never, R>
  <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>,
    options?: WebOptions
  ): Effect.Effect<globalThis.Response, never, R>
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>,
    options: WebOptions = {}
  ): Effect.Effect<globalThis.Response, never, R> =>
    Effect.flatMap(Effect.runtime<R>(), (runtime) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          const leaves = options.signal === undefined ? Effect.never : aborted(options.signal)
          const response = yield* toServerResponse(pcm, options).pipe(
            Scope.extend(scope),
            Effect.raceFirst(Effect.as(leaves, HttpServerResponse.empty({ status: 499 }))),
            restore,
            Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
          )
          const body = response.body
          if (body._tag !== "Stream") {
            yield* Scope.close(scope, Exit.void)
            return HttpServerResponse.toWeb(response)
          }
          const finished = body.stream.pipe(
            Stream.interruptWhen(leaves),
            Stream.ensuringWith((exit) => Scope.close(scope, exit))
          )
          return HttpServerResponse.toWeb(HttpServerResponse.setBody(response, { ...body, stream: finished }), {
            runtime: Runtime.provideService(runtime, Scope.Scope, scope)
          })
        })
      ))
)

/**
 * Adds `Retry-After` to the answer of whatever fails with `RateLimited`. For endpoints of `HttpApi`, whose errors have a status and no
 * headers.
 *
 * @example
 * ```ts
 * import { SpeechError, SpeechResponse, SpeechSynthesizer } from "@effect-smallest/core"
 * import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "@effect/platform"
 * import { Schema } from "effect"
 *
 * const Wav = HttpApiSchema.Uint8Array({ contentType: "audio/wav" })
 *
 * const Api = HttpApi.make("api").add(
 *   HttpApiGroup.make("speech").add(
 *     HttpApiEndpoint.get("say", "/say")
 *       .setUrlParams(Schema.Struct({ text: Schema.String }))
 *       .addSuccess(Wav)
 *       .addError(SpeechError.schema)
 *   )
 * )
 *
 * export const SpeechLive = HttpApiBuilder.group(Api, "speech", (handlers) =>
 *   handlers.handle("say", ({ urlParams: { text } }) =>
 *     SpeechResponse.withRetryAfter(SpeechSynthesizer.bytes({ text }))))
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const withRetryAfter = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.tapError(self, (error) => {
    const headers = retryAfterOf(error)
    return Object.keys(headers).length === 0
      ? Effect.void
      : HttpApp.appendPreResponseHandler((_, response) =>
        Effect.succeed(HttpServerResponse.setHeaders(response, headers))
      )
  })
