/**
 * The engine of an application's own server behind the `SpeechSynthesizer` port, so that no key is ever in a page.
 *
 * `SpeechProxy` of `@effect-smallest/stream` is the server half. This one needs no more than an `HttpClient`, and works in
 * browsers and in Node.
 *
 * @since 0.1.0
 */
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import * as ProxyErrors from "./internal/proxyErrors.js"
import * as Response from "./internal/speechResponse.js"
import * as Protocol from "./SpeechProxyProtocol.js"

/**
 * How long each phase of a request may take. `Duration.infinity` switches a limit off. The limits of the engine itself are
 * those of the server's layer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Timeouts {
  /**
   * Until the server begins to answer.
   * @default "10 seconds"
   */
  readonly connect?: Duration.DurationInput | undefined
  /**
   * Without a sign of life from the server, which gives one every 10 seconds while its engine works. A listener that
   * pauses does not count.
   * @default "30 seconds"
   */
  readonly idle?: Duration.DurationInput | undefined
}

/**
 * Where the server half is, and the defaults of a voice. What is absent is up to the server's layer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends SpeechOptions {
  /** The route of the server half, such as `https://example.com/speech`; in a page also `/speech`. */
  readonly url: string | URL
  /**
   * What the server's `authorize` looks at, asked for each request anew: a session's token, for example. Cookies of the page's own
   * origin are sent by themselves.
   * @default none
   */
  readonly headers?:
    | Effect.Effect<Readonly<globalThis.Record<string, string | Redacted.Redacted>>, SpeechError.SpeechError>
    | undefined
  /**
   * The rate of the audio in hertz, if neither request nor scope says otherwise.
   * @default 24000
   */
  readonly sampleRate?: SpeechOptions["sampleRate"]
  readonly timeouts?: Timeouts | undefined
  /** Changes the HTTP client, for a header or a policy of one's own. */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

const module = "ProxySpeechSynthesizer"

const check = LayerOptions.make<Pick<Options, "url" | "timeouts">>(`${module}.layer`, {
  url: /*#__PURE__*/ LayerOptions.required(LayerOptions.url),
  timeouts: /*#__PURE__*/ LayerOptions.options<Timeouts>({
    connect: LayerOptions.duration,
    idle: LayerOptions.duration
  })
})

// Half of a header's value is often a word such as "Bearer", and a short value is not a secret.
const secretsOf = (headers: globalThis.Record<string, string>): ReadonlyArray<string> =>
  Object.values(headers).flatMap((value) => [value, ...value.split(/\s+/)]).filter((part) => part.length >= 8)

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<SpeechSynthesizer.Service, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (httpClient) => {
    const { headers = Effect.succeed({}), sampleRate = 24000, timeouts = {}, transformClient, url, ...defaults } =
      options
    check({ url, timeouts })
    const connect = Duration.decode(timeouts.connect ?? "10 seconds")
    const idle = Duration.decode(timeouts.idle ?? "30 seconds")
    const client = httpClient.pipe(
      transformClient ?? ((client) => client),
      // Its spans would hold the headers.
      HttpClient.withTracerDisabledWhen(() => true)
    )

    const send = Effect.fnUntraced(function*(method: string, request: HttpClientRequest.HttpClientRequest) {
      const plain = Record.map(yield* headers, (value) => Redacted.isRedacted(value) ? Redacted.value(value) : value)
      const at = { module, method, secrets: secretsOf(plain) }
      const response = yield* client.execute(HttpClientRequest.setHeaders(request, plain)).pipe(
        Effect.mapError((error) => ProxyErrors.fromHttpClient(at, error)),
        Effect.timeoutFail({
          duration: connect,
          onTimeout: () =>
            new SpeechError.SpeechTimeout({
              module,
              method,
              phase: "connect",
              after: connect,
              description: "The server did not answer in time"
            })
        })
      )
      return { at, response }
    })

    const events: SpeechEngine.Engine["events"] = (request) =>
      Stream.unwrap(Effect.gen(function*() {
        const { at, response } = yield* send(
          "events",
          HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(url), bodyOf(request)).pipe(
            HttpClientRequest.accept(Protocol.contentType)
          )
        )
        return whole(Response.events(at, response, idle), request.sampleRate)
      }))

    const catalogue = Effect.gen(function*() {
      const { at, response } = yield* send("catalogue", HttpClientRequest.get(url).pipe(HttpClientRequest.acceptJson))
      if (response.status !== 200 || Response.isSpeech(response)) {
        return yield* Effect.zipRight(Stream.runDrain(Response.events(at, response, idle)), incomplete("catalogue"))
      }
      const json = yield* Effect.mapError(response.json, (error) => ProxyErrors.fromHttpClient(at, error))
      return yield* Effect.mapError(
        Schema.decodeUnknown(Protocol.Catalogue)(json),
        () =>
          new SpeechError.MalformedResponse({
            module,
            method: "catalogue",
            description: "The server's list of voices could not be decoded"
          })
      )
    })

    return SpeechEngine.make({
      module,
      defaults: { ...defaults, sampleRate },
      provider: "forwarded", // the server refuses what it does not take
      maxTextLength: 8000,
      sampleRates: { minimum: 8000, maximum: 48000 },
      events,
      voices: Effect.map(catalogue, ({ voices }) => voices),
      models: Effect.map(catalogue, ({ models }) => models),
      languages: Effect.map(catalogue, ({ languages }) => languages)
    })
  })

const bodyOf: (request: SpeechEngine.ResolvedRequest) => Protocol.SpeechProxyRequest = Struct.pick(
  "text",
  "language",
  "speed",
  "sampleRate",
  "voice",
  "model",
  "provider"
)

const incomplete = (method: string) =>
  new SpeechError.TruncatedAudio({
    module,
    method,
    description: "The server's answer ended well, but the speech in it did not"
  })

/** Speech alone, in the rate that was asked for, up to its own end. */
const whole = (
  events: Stream.Stream<Protocol.ReplyEvent, SpeechError.SpeechError>,
  sampleRate: number
): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError> =>
  Stream.suspend(() => {
    let isComplete = false
    const check = (events: Chunk.Chunk<Protocol.ReplyEvent>) => {
      const speech = Chunk.filter(events, Protocol.isSpeechEvent)
      isComplete ||= Chunk.some(speech, (event) => event._tag === "Completed")
      return Option.match(
        Chunk.findFirst(
          speech,
          (event) => event._tag === "AudioChunk" && event.chunk.format.sampleRate !== sampleRate
        ),
        {
          onNone: () => Effect.succeed(speech),
          onSome: () =>
            new SpeechError.MalformedResponse({
              module,
              method: "events",
              description: `The server speaks at another rate than the ${sampleRate} Hz that it was asked for`
            })
        }
      )
    }
    return Stream.mapChunksEffect(events, check).pipe(
      Stream.concat(Stream.suspend(() => isComplete ? Stream.empty : Stream.fail(incomplete("events"))))
    )
  })

/**
 * Speech through the application's own server.
 *
 * @example
 * ```ts
 * import { ProxySpeechSynthesizer } from "@effect-smallest/proxy"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Effect, Layer, Redacted } from "effect"
 *
 * declare const sessionToken: Effect.Effect<string>
 *
 * const Speech = ProxySpeechSynthesizer.layer({
 *   url: "https://example.com/speech",
 *   headers: Effect.map(sessionToken, (token) => ({ authorization: Redacted.make(`Bearer ${token}`) }))
 * }).pipe(Layer.provide(FetchHttpClient.layer))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, never, HttpClient.HttpClient> =>
  Layer.effect(SpeechSynthesizer.SpeechSynthesizer, make(options))

const betweenModules: ReadonlyArray<string> = [module, "SpeechProxyProtocol", "SpeechProxy"]

/**
 * Whether an error arose between the page and its server, and not in the engine behind it, whose errors the server's layer
 * has tried to mend already. For retries that do not multiply:
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { ProxySpeechSynthesizer } from "@effect-smallest/proxy"
 *
 * const Speech = ProxySpeechSynthesizer.layer({ url: "/speech" }).pipe(
 *   SpeechSynthesizer.layerRetry({ while: ProxySpeechSynthesizer.isProxyError })
 * )
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const isProxyError = (error: SpeechError.SpeechError): boolean => betweenModules.includes(error.module)
