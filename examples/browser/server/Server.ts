/**
 * The server of the page: its files, and speech at `/speech` for those whom it gave a session.
 */
import type { SpeechSynthesizer } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { SpeechProxy } from "@effect-smallest/proxy"
import { type SpeechStream } from "@effect-smallest/stream"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Config, Context, Effect, Layer, Redacted, Schema } from "effect"
import * as Crypto from "node:crypto"
import * as Http from "node:http"
import * as About from "../src/About.js"
import * as Page from "./Page.js"

/** Which cloud speaks behind the proxy. */
class Cloud extends Context.Tag("Cloud")<Cloud, About.About["cloud"]>() {}

type Provided = Cloud | SpeechSynthesizer.SpeechSynthesizer | SpeechStream.SpeechStream

/** The emulator of the cloud, with a client that knows where it is. Both are on this machine. */
const Emulated = Layer.unwrapEffect(
  Effect.map(WavesEmulator.WavesEmulator, ({ url }) =>
    NodeSpeech.layerWaves({
      apiKey: Redacted.make("sk_emulated"),
      baseUrl: url,
      stream: { mode: "live", poolSize: 2, prewarm: true },
      concurrency: 4
    }))
).pipe(
  Layer.merge(Layer.succeed(Cloud, "emulator")),
  Layer.provideMerge(WavesEmulator.layer())
)

const Real = Layer.merge(
  NodeSpeech.layerWavesConfig({ stream: Config.succeed({ mode: "live" as const, prewarm: true }) }),
  Layer.succeed(Cloud, "smallest")
)

const hasKey = Effect.isSuccess(Config.nonEmptyString("SMALLEST_API_KEY"))

/** The real cloud where there is a key, the emulator elsewhere. Live, because that tells the times of words. */
const Speech: Layer.Layer<Provided, Layer.Layer.Error<typeof Emulated> | Layer.Layer.Error<typeof Real>> = Layer
  .unwrapEffect(Effect.map(hasKey, (hasKey): typeof Speech => hasKey ? Real : Emulated))

/** Names of this machine. A page elsewhere that pretends to be this one has another. */
const isHere = (host: string | undefined): boolean => /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host ?? "")

const makeRouter = Effect.fnUntraced(function*(folder: string) {
  const cloud = yield* Cloud
  const serveFile = yield* Page.files(folder)
  // One person on one machine: one session, which scripts of the page cannot read.
  const session = yield* Effect.sync(() => Crypto.randomUUID())
  const withSession = HttpServerResponse.unsafeSetCookie("session", session, {
    httpOnly: true,
    sameSite: "strict",
    path: "/"
  })
  const about = yield* Schema.encode(About.About)(new About.About({ cloud }))

  const speech = SpeechProxy.httpApp({
    allow: ["speed", "sampleRate", "voice", "model"],
    authorize: ({ cookies }) =>
      cookies["session"] === session
        ? Effect.succeed("the visitor")
        : new SpeechProxy.Denied({ description: "Your session has ended" })
  })

  return HttpRouter.empty.pipe(
    HttpRouter.mountApp("/speech", speech),
    HttpRouter.get(About.path, HttpServerResponse.json(about)),
    HttpRouter.get("/", Effect.map(serveFile("/"), withSession)),
    HttpRouter.get("*", Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ url }) => serveFile(url))),
    HttpRouter.use((app) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
        isHere(headers["host"])
          ? app
          : Effect.succeed(HttpServerResponse.text("This server is for its own machine.", { status: 421 })))
    )
  )
})

export interface Options {
  /** 0 is any that is free. */
  readonly port: number
  /** Where the page was built. */
  readonly folder: string
}

/** Serves the page on this machine, until the scope of the layer closes. */
export const layer = ({ folder, port }: Options) =>
  Layer.suspend(() => {
    const server = Http.createServer()
    // A server stops when its last answer ends, and speech may be long. So answers are cut off first.
    const cutOff = Layer.scopedDiscard(Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections())))
    const served = Layer.unwrapEffect(Effect.map(makeRouter(folder), (router) => HttpServer.serve(router)))
    return Layer.provideMerge(cutOff, served).pipe(
      Layer.provide(Speech),
      Layer.provideMerge(NodeHttpServer.layer(() => server, { port, host: "127.0.0.1" }))
    )
  })
