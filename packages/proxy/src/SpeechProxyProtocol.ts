/**
 * Speech between an application's own server and its pages, as one HTTP response: audio as raw bytes, word times, and the
 * same `SpeechError`s on both sides. The text of a reply can travel beside its speech.
 *
 * `SpeechProxy` of `@effect-smallest/stream` is the server half, `ProxySpeechSynthesizer` the client half. A route of one's
 * own answers with {@link toResponse}, and its page reads with {@link fromResponse}.
 *
 * @since 0.1.0
 */
import * as ByteBuffer from "@effect-smallest/core/ByteBuffer"
import { Language } from "@effect-smallest/core/Language"
import { Model } from "@effect-smallest/core/Model"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Pull from "@effect-smallest/core/Pull"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import { Voice } from "@effect-smallest/core/Voice"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Frames from "./internal/speechFrames.js"
import * as Response from "./internal/speechResponse.js"

/**
 * The media type of the response.
 *
 * @since 0.1.0
 * @category constants
 */
export const contentType: string = Response.contentType

/**
 * A piece of a reply's text, as it was written: what a page shows, beside the speech that it plays.
 *
 * @since 0.1.0
 * @category models
 */
export interface TextDelta {
  readonly _tag: "TextDelta"
  readonly text: string
}

/**
 * What a response carries.
 *
 * @since 0.1.0
 * @category models
 */
export type ReplyEvent = SpeechEvent.SpeechEvent | TextDelta

/**
 * A piece of a reply's text.
 *
 * @since 0.1.0
 * @category constructors
 */
export const TextDelta = (text: string): TextDelta => ({ _tag: "TextDelta", text })

/**
 * What a page asks the server half to speak: a text of any length that the server allows, and options.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SpeechProxyRequest = Schema.Struct({ text: Schema.String, ...SpeechOptions.fields })

/**
 * @since 0.1.0
 * @category models
 */
export type SpeechProxyRequest = typeof SpeechProxyRequest.Type

/**
 * What the server half reports about the engine behind it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Catalogue = Schema.Struct({
  voices: Schema.Array(Schema.Struct({
    id: Voice,
    name: Schema.String,
    gender: Schema.optional(Schema.Literal("female", "male")),
    accent: Schema.optional(Schema.String),
    languages: Schema.Array(Schema.String),
    models: Schema.Array(Schema.String)
  })),
  models: Schema.Array(Model),
  languages: Schema.Array(Language)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Catalogue = typeof Catalogue.Type

// ----------------------------------------------------------------------------------------------------------------
// encoding
// ----------------------------------------------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface EncodeOptions {
  /**
   * How long the response may be silent before a keep-alive is sent. Proxies on the way cut connections that are
   * silent for a minute.
   * @default "10 seconds"
   */
  readonly keepAlive?: Duration.DurationInput | undefined
  /**
   * Interrupts the events when it completes, for servers that report a page's departure in their own way.
   * @default never
   */
  readonly interruptWhen?: Effect.Effect<void> | undefined
}

// A second and a third of audio at 24 kHz.
const bufferCapacity = 64 * 1024

const unexpected = new SpeechError.ServerFailure({
  module: "SpeechProxyProtocol",
  method: "encode",
  description: "Something unexpected happened on the server; see its log"
})

const lastFrame = (cause: Cause.Cause<SpeechError.SpeechError>): Effect.Effect<Uint8Array> =>
  Either.match(Cause.failureOrCause(cause), {
    onLeft: (error) => Effect.succeed(Frames.failure(error)),
    onRight: (defect) =>
      Effect.as(
        Effect.logError("Speech for a page ended with a defect", defect).pipe(
          Effect.annotateLogs({ package: "@effect-smallest/proxy", module: "SpeechProxyProtocol" })
        ),
        Frames.failure(unexpected)
      )
  })

/**
 * The bytes of a response. They never fail: a failure of the events reaches the page as its last frame.
 *
 * The events are read about a second ahead of the connection and no further, so a page that stops reading slows the engine.
 *
 * @since 0.1.0
 * @category combinators
 */
export const encode: {
  (
    options?: EncodeOptions
  ): <R>(events: Stream.Stream<ReplyEvent, SpeechError.SpeechError, R>) => Stream.Stream<Uint8Array, never, R>
  <R>(
    events: Stream.Stream<ReplyEvent, SpeechError.SpeechError, R>,
    options?: EncodeOptions
  ): Stream.Stream<Uint8Array, never, R>
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <R>(
    events: Stream.Stream<ReplyEvent, SpeechError.SpeechError, R>,
    options: EncodeOptions = {}
  ): Stream.Stream<Uint8Array, never, R> =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const keepAlive = Duration.decode(options.keepAlive ?? "10 seconds")
      const framesOf = Frames.makeEncoder()
      const buffer = yield* ByteBuffer.make<never>(bufferCapacity)
      let isSilent = false

      const send = (bytes: Uint8Array): Effect.Effect<void> => {
        isSilent = false
        return bytes.length === 0 ? Effect.void : buffer.offer(bytes)
      }

      // At once, so that the page knows that it has been heard.
      yield* send(Frames.begin)
      yield* Stream.runForEachChunk(events, (events) => Effect.suspend(() => send(framesOf(events)))).pipe(
        Effect.matchCauseEffect({
          onFailure: (cause) => Effect.flatMap(lastFrame(cause), send),
          onSuccess: () => send(Frames.end)
        }),
        Effect.raceFirst(options.interruptWhen ?? Effect.never),
        Effect.zipRight(buffer.end),
        Effect.forkScoped,
        Effect.interruptible
      )
      yield* Effect.sleep(keepAlive).pipe(
        Effect.zipRight(Effect.suspend(() => {
          const frame = isSilent ? Frames.keepAlive : new Uint8Array(0)
          return Effect.zipRight(send(frame), Effect.sync(() => isSilent = true))
        })),
        Effect.forever,
        Effect.forkScoped,
        Effect.interruptible
      )
      return buffer.stream
    }))
)

// No cache may keep the speech of one client for another, hold it back, or recode it.
const responseHeaders = {
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff"
}

/**
 * The response of a route: events as they happen, with status 200, since the outcome is not known when it begins. Nothing
 * runs before the server sends the body; when the page goes away, the events are interrupted.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { SpeechProxyProtocol } from "@effect-smallest/proxy"
 * import { HttpRouter } from "@effect/platform"
 *
 * const router = HttpRouter.empty.pipe(
 *   HttpRouter.get("/welcome", SpeechProxyProtocol.toResponse(SpeechSynthesizer.events({ text: "Welcome back." })))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const toResponse: {
  (
    options?: EncodeOptions
  ): <R>(
    events: Stream.Stream<ReplyEvent, SpeechError.SpeechError, R>
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse, never, R>
  <R>(
    events: Stream.Stream<ReplyEvent, SpeechError.SpeechError, R>,
    options?: EncodeOptions
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R>
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <R>(
    events: Stream.Stream<ReplyEvent, SpeechError.SpeechError, R>,
    options?: EncodeOptions
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R> =>
    Effect.map(
      Effect.context<R>(),
      (context) =>
        HttpServerResponse.stream(Stream.provideContext(encode(events, options), context), {
          contentType,
          headers: responseHeaders
        })
    )
)

// ----------------------------------------------------------------------------------------------------------------
// decoding
// ----------------------------------------------------------------------------------------------------------------

/**
 * The events of a response's bytes, cut anywhere. Fails with the server's own `SpeechError`; with `TruncatedAudio` when the
 * bytes end before the protocol's end; with `MalformedResponse` when they are something else.
 *
 * @since 0.1.0
 * @category combinators
 */
export const decode: <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>
) => Stream.Stream<ReplyEvent, SpeechError.SpeechError | E, R> = Response.decode

/**
 * The events of a response: of `HttpClient`, or of plain `fetch`. A foreign response, such as a gateway's error
 * page, fails with the `SpeechError` that its status stands for.
 *
 * @example
 * ```ts
 * import { AudioPlayer, SpeechEvent } from "@effect-smallest/core"
 * import { SpeechProxyProtocol } from "@effect-smallest/proxy"
 * import { Effect, Stream } from "effect"
 *
 * const welcome = Effect.promise((signal) => fetch("/welcome", { signal })).pipe(
 *   Effect.map(SpeechProxyProtocol.fromResponse),
 *   Stream.unwrap,
 *   Stream.filter(SpeechProxyProtocol.isSpeechEvent),
 *   SpeechEvent.pcm,
 *   AudioPlayer.play
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromResponse = (
  response: HttpClientResponse.HttpClientResponse | globalThis.Response
): Stream.Stream<ReplyEvent, SpeechError.SpeechError> =>
  Response.events(
    { module: "SpeechProxyProtocol", method: "fromResponse", secrets: [] },
    HttpClientResponse.TypeId in response
      ? response
      : HttpClientResponse.fromWeb(HttpClientRequest.get(response.url), response)
  )

/**
 * Whether an event is about speech, and not a piece of the reply's text.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSpeechEvent = (event: ReplyEvent): event is SpeechEvent.SpeechEvent => event._tag !== "TextDelta"

/**
 * The two sides of a reply.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply<E> {
  /** The text, as fast as it arrives. */
  readonly text: Stream.Stream<string, E>
  /** Its speech, as fast as it is listened to. */
  readonly speech: Stream.Stream<SpeechEvent.SpeechEvent, E>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SplitOptions {
  /**
   * How much speech may wait for its listener before the text has to wait, too. A minute at 24 kHz is 2.9 MB.
   * @default "5 minutes"
   */
  readonly bufferDuration?: Duration.DurationInput | undefined
}

/**
 * Parts a reply into what a page shows and what it plays, so that the text does not wait for the loudspeaker. Both sides fail
 * with the reply's error. Listen to both: speech without a listener fills its buffer (mute with `Stream.runDrain`).
 *
 * @example
 * ```ts
 * import { AudioPlayer, SpeechEvent } from "@effect-smallest/core"
 * import { SpeechProxyProtocol } from "@effect-smallest/proxy"
 * import { Effect, Stream } from "effect"
 *
 * declare const show: (text: string) => Effect.Effect<void>
 *
 * const readAloud = (response: Response) =>
 *   Effect.gen(function*() {
 *     const { speech, text } = yield* SpeechProxyProtocol.split(SpeechProxyProtocol.fromResponse(response))
 *     yield* Effect.all([
 *       Stream.runForEach(text, show),
 *       AudioPlayer.play(SpeechEvent.pcm(speech))
 *     ], { concurrency: "unbounded" })
 *   }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const split: {
  (
    options?: SplitOptions
  ): <E, R>(reply: Stream.Stream<ReplyEvent, E, R>) => Effect.Effect<Reply<E>, never, R | Scope.Scope>
  <E, R>(
    reply: Stream.Stream<ReplyEvent, E, R>,
    options?: SplitOptions
  ): Effect.Effect<Reply<E>, never, R | Scope.Scope>
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(
    reply: Stream.Stream<ReplyEvent, E, R>,
    options: SplitOptions = {}
  ): Effect.Effect<Reply<E>, never, R | Scope.Scope> =>
    Effect.gen(function*() {
      const capacity = Duration.toSeconds(options.bufferDuration ?? "5 minutes")
      const text = yield* Mailbox.make<string, E>()
      const speech = yield* Mailbox.make<SpeechEvent.SpeechEvent, E>()
      const roomy = Effect.unsafeMakeLatch(true)
      let waiting = 0 // seconds

      const sort = (events: Iterable<ReplyEvent>) =>
        Effect.suspend(() => {
          for (const event of events) {
            if (!isSpeechEvent(event)) text.unsafeOffer(event.text)
            else {
              waiting += secondsOf(event)
              speech.unsafeOffer(event)
            }
          }
          if (waiting < capacity) return Effect.void
          roomy.unsafeClose()
          return roomy.await
        })

      yield* Stream.runForEachChunk(reply, sort).pipe(
        Effect.exit,
        Effect.flatMap((exit) => Effect.zipRight(text.done(exit), speech.done(exit))),
        Effect.forkScoped,
        Effect.interruptible
      )

      const heard = Effect.flatMap(Effect.mapError(speech.takeN(1), Option.some), ([events]) => {
        for (const event of events) waiting -= secondsOf(event)
        if (waiting < capacity) roomy.unsafeOpen()
        return events.length === 0 ? Pull.end : Effect.succeed(events)
      })

      return {
        text: Mailbox.toStream(text),
        speech: Pull.toStream(heard)
      }
    })
)

const secondsOf = (event: SpeechEvent.SpeechEvent): number =>
  event._tag === "AudioChunk" ? Duration.toSeconds(Pcm.duration(event.chunk)) : 0
