/**
 * The vendor's speech API on localhost, speaking with an engine of this machine: for tests, and for work without a key
 * or a network.
 *
 * @since 0.1.0
 */
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import type { SpeechSynthesizer } from "@effect-smallest/core/SpeechSynthesizer"
import { LocalSpeechSynthesizer, NodeFliteWorker } from "@effect-smallest/local/node"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import type { ServeError } from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Http from "node:http"
import type * as Net from "node:net"
import { Assumptions } from "./Assumptions.js"
import type { Injection } from "./Fault.js"
import * as Account from "./internal/account.js"
import * as Catalogue from "./internal/catalogue.js"
import * as ChatRoutes from "./internal/chatRoutes.js"
import * as CloneRoutes from "./internal/cloneRoutes.js"
import * as Clones from "./internal/clones.js"
import * as ConversationRoutes from "./internal/conversationRoutes.js"
import * as Dictionaries from "./internal/dictionaries.js"
import * as DictionaryRoutes from "./internal/dictionaryRoutes.js"
import * as EmulatorRoutes from "./internal/emulatorRoutes.js"
import * as Exchange from "./internal/exchange.js"
import * as Faults from "./internal/faults.js"
import * as HealthRoutes from "./internal/healthRoutes.js"
import * as LegacyRoutes from "./internal/legacyRoutes.js"
import * as LiveRoutes from "./internal/liveRoutes.js"
import * as LiveSocket from "./internal/liveSocket.js"
import * as RequestLog from "./internal/requestLog.js"
import { CurrentSettings, type Settings } from "./internal/settings.js"
import * as Speech from "./internal/speech.js"
import * as SpeechRequests from "./internal/speechRequest.js"
import * as SpeechRoutes from "./internal/speechRoutes.js"
import * as StyledRoutes from "./internal/styledRoutes.js"
import * as VoicesRoutes from "./internal/voicesRoutes.js"
import type { RecordedRequest } from "./RecordedRequest.js"
import * as ToneSpeechSynthesizer from "./ToneSpeechSynthesizer.js"

/**
 * @since 0.1.0
 * @category services
 */
export class WavesEmulator extends Context.Tag("@effect-smallest/emulator/WavesEmulator")<WavesEmulator, Service>() {}

/**
 * A running emulator.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Where it listens, such as `http://127.0.0.1:41237`: the `baseUrl` of a client. */
  readonly url: string
  /** The same for WebSockets: `ws://127.0.0.1:41237`. */
  readonly webSocketUrl: string
  /** Lets faults strike the next requests that fit. */
  readonly inject: (injection: Injection) => Effect.Effect<void>
  /** The faults that still wait for a request. */
  readonly faults: Effect.Effect<ReadonlyArray<Injection>>
  readonly clearFaults: Effect.Effect<void>
  /** What clients have sent, oldest first: the newest 1000 requests. */
  readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
  readonly clearRequests: Effect.Effect<void>
  /** Waits until a request is as the predicate says, for example aborted; at once if one already is. */
  readonly awaitRequest: (predicate: (request: RecordedRequest) => boolean) => Effect.Effect<RecordedRequest>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** @default 0, a free port */
  readonly port?: number | undefined
  /**
   * The address to listen on. Anything but a loopback address lets other machines in.
   * @default "127.0.0.1"
   */
  readonly host?: string | undefined
  /** The only key that is accepted. Without it any key is, but one has to come. */
  readonly apiKey?: Redacted.Redacted | undefined
  /**
   * How many requests may run at once; more get a 429.
   * @default no limit
   */
  readonly concurrency?: number | undefined
  /**
   * How many WebSockets may be open at once; more get a 429.
   * @default no limit
   */
  readonly sockets?: number | undefined
  /**
   * The API of 2024 and 2025: served, or gone in one of the two ways in which it may be gone.
   * @default "serve"
   */
  readonly legacy?: "serve" | 404 | 410 | undefined
  /**
   * How long every synthesis waits before it begins.
   * @default 0
   */
  readonly latency?: Duration.DurationInput | undefined
  /**
   * Whether browsers may call from any origin.
   * @default true
   */
  readonly cors?: boolean | undefined
  /**
   * Whether a key may come as `?token=` or `?api_key=` too.
   * @default true
   */
  readonly queryAuth?: boolean | undefined
  /**
   * The largest JSON body or WebSocket message, in bytes; more gets a 413 or an error frame.
   * @default 100000
   */
  readonly bodyLimit?: number | undefined
  /**
   * The models that the account may use; others get a 403.
   * @default all
   */
  readonly models?: ReadonlyArray<string> | undefined
  /** Voice ids to accept besides the published ones. The vendor has some that it lists nowhere. */
  readonly voices?: ReadonlyArray<string> | undefined
  /** What to do if no public page says what the vendor does. */
  readonly assumptions?: typeof Assumptions.Encoded | undefined
}

/**
 * Options and the choice of an engine.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineOptions extends Options {
  /**
   * `local` is the embedded voice; `tone` plays a melody, at next to no cost: see `ToneSpeechSynthesizer`.
   * @default "local"
   */
  readonly engine?: "local" | "tone" | undefined
}

const check = LayerOptions.make<EngineOptions>("WavesEmulator.layer", {
  port: LayerOptions.whole(0, 65_535),
  host: LayerOptions.text,
  apiKey: LayerOptions.redacted,
  concurrency: LayerOptions.whole(0, Infinity),
  sockets: LayerOptions.whole(0, Infinity),
  legacy: LayerOptions.oneOf("serve", 404, 410),
  latency: LayerOptions.duration,
  cors: LayerOptions.flag,
  queryAuth: LayerOptions.flag,
  bodyLimit: LayerOptions.whole(1, Infinity),
  models: LayerOptions.list,
  voices: LayerOptions.list,
  assumptions: LayerOptions.record,
  engine: LayerOptions.oneOf("local", "tone")
})

const settings = (options: Options): Settings => ({
  apiKey: Option.fromNullable(options.apiKey),
  concurrency: options.concurrency ?? Infinity,
  sockets: options.sockets ?? Infinity,
  legacy: options.legacy ?? "serve",
  latency: Duration.decode(options.latency ?? 0),
  cors: options.cors ?? true,
  queryAuth: options.queryAuth ?? true,
  bodyLimit: options.bodyLimit ?? 100_000,
  models: options.models ?? [...Catalogue.models, Catalogue.conversational.model],
  voices: new Set(options.voices),
  assumptions: Schema.decodeSync(Assumptions)(options.assumptions ?? {})
})

const Cors = HttpLayerRouter.cors({
  allowedOrigins: ["*"],
  allowedHeaders: ["Authorization", "Content-Type", "Accept", "X-Source", "x-expire-content", Faults.header],
  exposedHeaders: [
    "X-Request-Id",
    "X-Session-Id",
    "X-External-Request-Id",
    "X-External-Session-Id",
    "X-Content-Expiry",
    "Retry-After"
  ]
})

// A server stops when its last connection ends, and clients keep theirs open. So they are ended first.
const connections = (server: Http.Server) =>
  Layer.scopedDiscard(Effect.acquireRelease(
    Effect.sync(() => {
      const open = new Set<Net.Socket>()
      server.on("connection", (socket) => {
        open.add(socket)
        socket.once("close", () => open.delete(socket))
        // A socket whose upgrade was refused has no other listener; an error there would end the process.
        socket.on("error", () => {})
      })
      return open
    }),
    (open) => Effect.sync(() => open.forEach((socket) => socket.destroy()))
  ))

const service = Effect.gen(function*() {
  const server = yield* HttpServer.HttpServer
  const faults = yield* Faults.Faults
  const log = yield* RequestLog.RequestLog
  const { address } = server
  const host = address._tag === "UnixAddress"
    ? "localhost"
    : `${address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname}:${address.port}`
  return WavesEmulator.of({
    url: `http://${host}`,
    webSocketUrl: `ws://${host}`,
    inject: faults.inject,
    faults: faults.all,
    clearFaults: faults.clear,
    requests: log.all,
    clearRequests: log.clear,
    awaitRequest: log.await
  })
})

/**
 * Runs the emulator with an engine of your choice. The engine must make 8000, 16000, 24000 and 44100 Hz.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWithEngine = (
  options: Options = {}
): Layer.Layer<WavesEmulator, ServeError | SpeechError.SpeechError, SpeechSynthesizer> =>
  Layer.unwrapEffect(Effect.sync(() => {
    const resolved = settings(check(options))
    const server = Http.createServer()
    const Routes = Layer.mergeAll(
      SpeechRoutes.layer,
      LiveRoutes.layer,
      ConversationRoutes.layer,
      StyledRoutes.layer,
      VoicesRoutes.layer,
      CloneRoutes.layer,
      DictionaryRoutes.layer,
      ChatRoutes.layer,
      LegacyRoutes.layer,
      EmulatorRoutes.layer,
      HealthRoutes.layer,
      resolved.cors ? Cors : Layer.empty
    )
    return Layer.mergeAll(
      HttpLayerRouter.serve(Routes, { disableLogger: true, disableListenLog: true }),
      Layer.effect(WavesEmulator, service)
    ).pipe(
      Layer.provide(Layer.mergeAll(SpeechRoutes.handlersLayer, LiveRoutes.dialectLayer, LiveSocket.layer)),
      Layer.provide(SpeechRoutes.answersLayer),
      Layer.provide(Layer.mergeAll(Exchange.layer, SpeechRequests.layer, Speech.layer)),
      Layer.provide(Layer.mergeAll(Account.layer, Clones.layer, Dictionaries.layer, Faults.layer, RequestLog.layer)),
      Layer.provide(Layer.succeed(CurrentSettings, resolved)),
      Layer.provide(connections(server)),
      Layer.provide(NodeHttpServer.layerServer(() => server, {
        port: options.port ?? 0,
        host: options.host ?? "127.0.0.1"
      }))
    )
  }))

const Local = Layer.provide(LocalSpeechSynthesizer.layer({ workers: 2 }), NodeFliteWorker.layer)

/**
 * Runs the emulator until the scope of the layer closes.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
 * import { WavesEmulator } from "@effect-smallest/emulator"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Effect, Layer, Redacted } from "effect"
 *
 * const Client = Layer.unwrapEffect(
 *   Effect.map(WavesEmulator.WavesEmulator, ({ url }) => WavesClient.layer({ apiKey: Redacted.make("sk_test"), baseUrl: url }))
 * )
 *
 * const program = SpeechSynthesizer.synthesize({ text: "Hello." }).pipe(
 *   Effect.provide(WavesSpeechSynthesizer.layer()),
 *   Effect.provide(Client),
 *   Effect.provide([WavesEmulator.layer({ engine: "tone" }), FetchHttpClient.layer])
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: EngineOptions = {}
): Layer.Layer<WavesEmulator, ServeError | SpeechError.SpeechError> =>
  Layer.provide(layerWithEngine(options), options.engine === "tone" ? ToneSpeechSynthesizer.layer() : Local)
