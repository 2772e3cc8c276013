/**
 * The vendor's speech API over HTTP, thin and complete: requests in the vendor's spelling, bytes and typed errors out.
 *
 * Most programs want `WavesSpeechSynthesizer`, the port over this client. All adapters of one client share its account:
 * one pool of concurrency permits, whatever the transport.
 *
 * @since 0.1.0
 */
import * as ByteBuffer from "@effect-smallest/core/ByteBuffer"
import * as HttpErrors from "@effect-smallest/core/HttpErrors"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as WebSocketConnector from "@effect-smallest/core/WebSocketConnector"
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as AudioAnswer from "./internal/audioAnswer.js"
import * as ConversationSession from "./internal/conversationSession.js"
import * as PermitPool from "./internal/permitPool.js"
import { unwrapConfig } from "./internal/unwrapConfig.js"
import * as WavesConfig from "./internal/wavesConfig.js"
import * as WavesErrors from "./internal/wavesErrors.js"
import * as WavesRequest from "./internal/wavesRequest.js"
import type * as WavesSchema from "./WavesSchema.js"
import * as WavesSocket from "./WavesSocket.js"

/**
 * @since 0.1.0
 * @category services
 */
export class WavesClient extends Context.Tag("@effect-smallest/waves/WavesClient")<WavesClient, Service>() {}

/**
 * Audio as the server sent it, in the encoding that the request asked for.
 *
 * @since 0.1.0
 * @category models
 */
export interface WavesAudio {
  readonly bytes: Uint8Array
  /** The server's id of the request, if it gave one. */
  readonly requestId: string | undefined
}

/**
 * Audio that is on its way.
 *
 * @since 0.1.0
 * @category models
 */
export interface WavesAudioStream {
  /** Bytes of PCM, cut anywhere. Never empty; ends only after the server's end mark. */
  readonly bytes: Stream.Stream<Uint8Array, SpeechError.SpeechError>
  readonly requestId: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** `POST /waves/v1/tts`: the whole audio in one answer, in any encoding. */
  readonly synthesize: (body: WavesSchema.SpeechBody) => Effect.Effect<WavesAudio, SpeechError.SpeechError>
  /**
   * `POST /waves/v1/tts/live`: PCM as server-sent events, as it is made. The answer is read ahead of the listener up to
   * `bufferDuration`, and its permit is free once it is read, however slowly it is heard.
   */
  readonly stream: (
    body: WavesSchema.SpeechBody
  ) => Effect.Effect<WavesAudioStream, SpeechError.SpeechError, Scope.Scope>
  /** `POST /api/v1/{model}/get_speech`: the API of 2024, WAV or PCM as `add_wav_header` says. */
  readonly lightningV1: (body: WavesSchema.LightningV1Body) => Effect.Effect<WavesAudio, SpeechError.SpeechError>
  /** `WSS /waves/v1/tts/live`: opens a session, which closes with the scope. Utterances on it need a `permit` each. */
  readonly connect: (
    connector: WebSocketConnector.Service
  ) => Effect.Effect<WavesSocket.WavesSocket, SpeechError.SpeechError, Scope.Scope>
  /**
   * `WSS /waves/v1/lightning-v4/live`: opens a session of a conversation, which closes with the scope. `WavesConversation` holds one.
   */
  readonly converse: (
    connector: WebSocketConnector.Service,
    options: {
      readonly query: Readonly<Record<string, string>>
      readonly onRejected: (error: SpeechError.SpeechError) => Effect.Effect<void>
    }
  ) => Effect.Effect<ConversationSession.ConversationSession, SpeechError.SpeechError, Scope.Scope>
  /** Waits for a permit of the account and holds it until the scope closes. The requests above do so by themselves. */
  readonly permit: Effect.Effect<void, SpeechError.SpeechError, Scope.Scope>
  /** A request of the account's API that is not speech: it takes no permit, and its answer is JSON. */
  readonly request: <A, I>(request: Request<A, I>) => Effect.Effect<A, SpeechError.SpeechError>
  /** The time limits in force. */
  readonly timeouts: ResolvedTimeouts
}

/**
 * What {@link Service.request} sends.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request<A, I> {
  /** The module that asks and its method, for errors and spans. */
  readonly module: string
  readonly method: string
  readonly verb: "GET" | "POST" | "PUT" | "DELETE"
  /** Where below `baseUrl`, such as `/waves/v1/pronunciation-dicts`. */
  readonly path: string
  readonly body?: HttpBody.HttpBody | undefined
  /** Whether the body takes long to travel and to be worked on: then the answer may take four times `timeouts.answer`. */
  readonly isUpload?: boolean | undefined
  /** What the answer holds; anything else is a `MalformedResponse`. */
  readonly schema: Schema.Schema<A, I>
  /** The model that it is about, for `ModelRetired`. */
  readonly model?: string | undefined
  /** What status 404 means, if it is an id that the server does not know: an `InvalidSpeechRequest`. */
  readonly unknown?: { readonly parameter: string; readonly description: string } | undefined
}

/**
 * Time limits with the defaults filled in.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResolvedTimeouts {
  readonly permit: Duration.Duration
  readonly connect: Duration.Duration
  readonly firstAudio: Duration.Duration
  readonly idle: Duration.Duration
  readonly answer: Duration.Duration
}

/**
 * How long each phase of a request may take. `Duration.infinity` switches a limit off.
 *
 * @since 0.1.0
 * @category models
 */
export interface Timeouts {
  /**
   * Waiting for a permit of the account.
   * @default "2 minutes"
   */
  readonly permit?: Duration.DurationInput | undefined
  /**
   * Until the server begins to answer, counted once the permit is held. Answers that are sent whole begin when all audio
   * is made; for them `firstAudio` counts instead.
   * @default "10 seconds"
   */
  readonly connect?: Duration.DurationInput | undefined
  /**
   * From sending the request to the first sample. For audio that is sent whole, the time in which a person would read
   * the text aloud (15 characters a second) is added.
   * @default "15 seconds"
   */
  readonly firstAudio?: Duration.DurationInput | undefined
  /**
   * Between two pieces of audio. Keep-alives and empty pieces do not count, nor does a listener that pauses.
   * @default "10 seconds"
   */
  readonly idle?: Duration.DurationInput | undefined
  /**
   * Total time for a response that is not speech, such as a list of voices. An upload may take four times as long.
   * @default "30 seconds"
   */
  readonly answer?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The account's key; they start with `sk_`. It is sent to `baseUrl` and nowhere else. */
  readonly apiKey: Redacted.Redacted
  /**
   * Where the API lives: a region, a company's own installation, an emulator. The paths of the API follow it; one that
   * ends with `/waves/v1` already is taken without.
   * @default "https://api.smallest.ai", and "https://waves-api.smallest.ai" for `lightningV1`
   */
  readonly baseUrl?: string | undefined
  /**
   * How many requests the account may run at once.
   * @default 1, the limit that the vendor documents
   */
  readonly concurrency?: number | undefined
  readonly timeouts?: Timeouts | undefined
  /**
   * How much audio is read ahead of a slow listener.
   * @default "1 minute", more than a segment of 250 characters ever takes
   */
  readonly bufferDuration?: Duration.DurationInput | undefined
  /** Changes the HTTP client, for a proxy, a header, or a policy of one's own. */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

/**
 * What each option must be.
 *
 * @internal
 */
export const rules: LayerOptions.Rules<Options> = {
  apiKey: /*#__PURE__*/ LayerOptions.required(LayerOptions.redacted),
  baseUrl: LayerOptions.text,
  concurrency: /*#__PURE__*/ LayerOptions.whole(1, Infinity),
  timeouts: /*#__PURE__*/ LayerOptions.options<Timeouts>({
    permit: LayerOptions.duration,
    connect: LayerOptions.duration,
    firstAudio: LayerOptions.duration,
    idle: LayerOptions.duration,
    answer: LayerOptions.duration
  }),
  bufferDuration: LayerOptions.duration,
  transformClient: LayerOptions.code
}

const check = LayerOptions.make<Options>("WavesClient.layer", rules)

const resolveTimeouts = (timeouts: Timeouts = {}): ResolvedTimeouts => ({
  permit: Duration.decode(timeouts.permit ?? "2 minutes"),
  connect: Duration.decode(timeouts.connect ?? "10 seconds"),
  firstAudio: Duration.decode(timeouts.firstAudio ?? "15 seconds"),
  idle: Duration.decode(timeouts.idle ?? "10 seconds"),
  answer: Duration.decode(timeouts.answer ?? "30 seconds")
})

const charactersPerSecond = 15

// Names the client that is calling, as the vendor asks integrations to do.
const source = "effect-smallest"

// The server closes a socket after 60 seconds without a message.
const heartbeat = Duration.seconds(25)

const isJson = (response: HttpClientResponse.HttpClientResponse): boolean =>
  (response.headers["content-type"] ?? "").includes("json")

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (httpClient) => {
    check(options)
    // Keys come from files and pipes, with the line's end.
    const apiKey = Redacted.make(Redacted.value(options.apiKey).trim())
    const timeouts = resolveTimeouts(options.timeouts)
    const bufferDuration = Duration.decode(options.bufferDuration ?? "1 minute")
    const permits = PermitPool.make(options.concurrency ?? 1)
    const baseUrl = WavesConfig.toBaseUrl(options.baseUrl ?? "https://api.smallest.ai")
    const lightningV1Url = WavesConfig.toBaseUrl(options.baseUrl ?? "https://waves-api.smallest.ai")
    const client = httpClient.pipe(
      options.transformClient ?? ((client) => client),
      // Its spans would end with errors that hold the request and so the key, and its trace ids do not concern the
      // vendor. `send` has a span of its own.
      HttpClient.withTracerDisabledWhen(() => true)
    )

    const call = (method: string, body: { readonly voice_id: string; readonly model?: string | undefined }) => ({
      module: "WavesClient",
      method,
      model: body.model ?? "",
      voice: body.voice_id,
      apiKey: apiKey
    })

    const timedOut = (
      call: WavesErrors.Call,
      phase: SpeechError.SpeechTimeout["phase"],
      after: Duration.Duration,
      description: string
    ) =>
    () => new SpeechError.SpeechTimeout({ module: call.module, method: call.method, phase, after, description })

    const acquirePermit = (call: WavesErrors.Call) =>
      Effect.timeoutFail(permits.acquire, {
        duration: timeouts.permit,
        onTimeout: timedOut(call, "permit", timeouts.permit, "No permit of the account became free in time")
      }).pipe(SpeechEngine.withSpan("WavesClient.permit"))

    const send = (call: WavesErrors.Call, url: string, accept: string, body: unknown) =>
      HttpClientRequest.post(url).pipe(
        HttpClientRequest.bearerToken(apiKey),
        HttpClientRequest.setHeaders({ accept, "x-source": source }),
        HttpClientRequest.bodyUnsafeJson(body),
        client.execute,
        Effect.mapError((error) => WavesErrors.fromHttpClient(call, error, { connectTimeout: timeouts.connect })),
        Effect.tap((response) => WavesRequest.annotate(call, response)),
        Effect.flatMap((response) => {
          if (response.status !== 200) return Effect.flatMap(WavesErrors.fromResponse(call, response), Effect.fail)
          return isJson(response) ? notAudio(call, response) : Effect.succeed(response)
        }),
        SpeechEngine.withSpan(`WavesClient.${call.method}`, WavesRequest.spanOptions(call, "POST", url))
      )

    const notAudio = (call: WavesErrors.Call, response: HttpClientResponse.HttpClientResponse) =>
      Effect.flatMap(
        HttpErrors.readBody(response),
        (text) => {
          const said = HttpErrors.readErrorText(text, WavesErrors.clean(call)).message ?? "nothing"
          return WavesErrors.malformed(
            call,
            `The server answered with JSON instead of audio: ${said}`,
            WavesErrors.requestIdOf(call, response)
          )
        }
      )

    const whole = (
      call: WavesErrors.Call,
      url: string,
      body: {
        readonly text: string
        readonly speed?: number | undefined
        readonly sample_rate?: number | undefined
        readonly output_format?: string | undefined
      }
    ) =>
      Effect.scoped(Effect.gen(function*() {
        const permit = yield* acquirePermit(call)
        const limit = Duration.sum(
          timeouts.firstAudio,
          Duration.seconds(body.text.length / charactersPerSecond / (body.speed ?? 1))
        )
        return yield* Effect.gen(function*() {
          const response = yield* Effect.timeoutFail(send(call, url, "audio/wav", body), {
            duration: limit,
            onTimeout: timedOut(call, "firstAudio", limit, "The server sent no audio in time")
          })
          const requestId = WavesErrors.requestIdOf(call, response)
          const limitBytes = AudioAnswer.maxAudioBytes(body)
          let length = 0
          const chunks = yield* response.stream.pipe(
            Stream.mapError((error) =>
              WavesErrors.fromHttpClient(call, error, { connectTimeout: timeouts.connect, requestId })
            ),
            Stream.timeoutFail(
              timedOut(call, "idle", timeouts.idle, "The server stopped sending audio"),
              timeouts.idle
            ),
            Stream.mapChunksEffect((pieces) => {
              for (const piece of pieces) length += piece.length
              return length > limitBytes ? Effect.fail(AudioAnswer.tooMuch(call, requestId)) : Effect.succeed(pieces)
            }),
            Stream.runCollect
          )
          const bytes = Pcm.concatBytes(chunks)
          if (bytes.length === 0) {
            return yield* new SpeechError.EmptyAudio({
              module: call.module,
              method: call.method,
              description: "The server answered with success but no audio",
              requestId
            })
          }
          const compression = WavesErrors.compressionOf(response.headers, bytes)
          if (compression !== undefined) {
            return yield* Effect.fail(
              WavesErrors.malformed(
                call,
                `The answer is compressed with ${compression}, which was not asked for and is not decoded by this HTTP client`,
                requestId
              )
            )
          }
          const foreign = AudioAnswer.foreignKind(body, bytes)
          if (foreign !== undefined) {
            return yield* Effect.fail(
              WavesErrors.malformed(call, `The server answered with ${foreign} instead of audio`, requestId)
            )
          }
          return { bytes, requestId }
        }).pipe(Effect.tapError((error) => AudioAnswer.leave(permit, error)))
      }))

    const stream = (body: WavesSchema.SpeechBody) =>
      Effect.gen(function*() {
        const about = call("stream", body)
        const permit = yield* acquirePermit(about)
        const started = yield* Clock.currentTimeMillis
        const response = yield* send(about, `${baseUrl}/waves/v1/tts/live`, "text/event-stream", body).pipe(
          Effect.timeoutFail({
            duration: timeouts.connect,
            onTimeout: timedOut(about, "connect", timeouts.connect, "The server did not answer in time")
          }),
          Effect.tapError((error) => AudioAnswer.leave(permit, error))
        )
        const requestId = WavesErrors.requestIdOf(about, response)
        const format = Pcm.format(body.sample_rate ?? 44100)
        const buffer = yield* ByteBuffer.make<SpeechError.SpeechError>(
          Math.max(Pcm.frameSize(format), Pcm.byteLength(format, bufferDuration))
        )
        yield* AudioAnswer.readAhead({
          call: about,
          response,
          requestId,
          buffer,
          timeouts,
          started,
          permit,
          limitBytes: AudioAnswer.maxAudioBytes(body)
        }).pipe(
          Effect.catchAllCause(buffer.failCause),
          Effect.forkScoped,
          Effect.interruptible
        )
        return { bytes: buffer.stream, requestId }
      })

    const openSocket = (connector: WebSocketConnector.Service, about: WavesErrors.Call, path: string) => {
      const url = `${baseUrl.replace(/^http/, "ws")}${path}`
      return connector.connect({
        url,
        bearer: apiKey,
        headers: { "x-source": source },
        timeout: timeouts.connect
      }).pipe(
        Effect.catchAll((error) =>
          Effect.flatMap(WavesErrors.fromConnect(about, error, timeouts.connect), Effect.fail)
        ),
        SpeechEngine.withSpan(`WavesClient.${about.method}`, WavesRequest.spanOptions(about, "GET", url))
      )
    }

    const converse: Service["converse"] = Effect.fnUntraced(function*(connector, { onRejected, query }) {
      const about = call("converse", { voice_id: query["voice_id"] ?? "", model: "lightning_v4" })
      const connection = yield* openSocket(
        connector,
        about,
        `/waves/v1/lightning-v4/live?${new URLSearchParams(query)}`
      )
      return yield* ConversationSession.make({
        connection,
        call: { ...about, module: "WavesConversation", method: "events" },
        timeouts,
        bufferBytes: Pcm.byteLength(Pcm.format(Number(query["sample_rate"])), bufferDuration),
        onRejected
      })
    })

    const connect = Effect.fnUntraced(function*(connector: WebSocketConnector.Service) {
      const about = call("connect", { voice_id: "" })
      const connection = yield* openSocket(connector, about, "/waves/v1/tts/live")
      return yield* WavesSocket.make({
        connection,
        call: { ...about, module: "WavesSocket", method: "frames" },
        heartbeat
      })
    })

    return WavesClient.of({
      timeouts,
      request: WavesRequest.make({
        apiKey,
        baseUrl,
        client,
        headers: { "x-source": source },
        connectTimeout: timeouts.connect,
        answerTimeout: timeouts.answer
      }),
      connect,
      converse,
      permit: Effect.asVoid(acquirePermit(call("permit", { voice_id: "" }))),
      synthesize: (body) => whole(call("synthesize", body), `${baseUrl}/waves/v1/tts`, body),
      stream,
      lightningV1: (body) =>
        whole(
          call("lightningV1", body),
          `${lightningV1Url}/api/v1/${encodeURIComponent(body.model)}/get_speech`,
          body
        )
    })
  })

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<WavesClient, never, HttpClient.HttpClient> =>
  Layer.effect(WavesClient, make(options))

/**
 * The key from `SMALLEST_API_KEY`; a missing, empty or garbled one fails with a `ConfigError` that says what to do.
 *
 * @since 0.1.0
 * @category constructors
 */
export const apiKeyConfig: Config.Config<Redacted.Redacted> = WavesConfig.apiKey

/**
 * The base URL from `SMALLEST_BASE_URL`, if it is set; one that is not the URL of a server fails with a `ConfigError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const baseUrlConfig: Config.Config<string | undefined> = WavesConfig.baseUrl

/**
 * Options whose key is `SMALLEST_API_KEY` and whose base URL is `SMALLEST_BASE_URL`, unless `config` says otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromEnvironment = <A extends Partial<Options>>(
  config: Config.Config.Wrap<A>,
  check?: LayerOptions.Check<A & Options>
): Effect.Effect<A & Options, ConfigError.ConfigError> => {
  const options = Effect.gen(function*() {
    const given: A = yield* unwrapConfig(config)
    return {
      ...given,
      apiKey: given.apiKey ?? (yield* apiKeyConfig),
      baseUrl: given.baseUrl ?? (yield* baseUrlConfig)
    }
  })
  return check === undefined ? options : Effect.flatMap(options, LayerOptions.orConfigError(check))
}

/**
 * The client with its key from `SMALLEST_API_KEY` and its base URL from `SMALLEST_BASE_URL`; `config` overrides either
 * and sets the rest.
 *
 * @example
 * ```ts
 * import { WavesClient } from "@effect-smallest/waves"
 * import { Config } from "effect"
 *
 * const FromEnvironment = WavesClient.layerConfig({ concurrency: Config.integer("SMALLEST_CONCURRENCY") })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config.Wrap<Partial<Options>> = {}
): Layer.Layer<WavesClient, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.effect(WavesClient, Effect.flatMap(fromEnvironment(config, check), make))
