/**
 * Speech through an application's own server, wired as a user wires it: engine, `SpeechProxy` on a real Node server, and
 * the page's client.
 */
import { type SpeechSynthesizer } from "@effect-smallest/core"
import { ProxySpeechSynthesizer, SpeechProxy } from "@effect-smallest/proxy"
import { type SpeechStream } from "@effect-smallest/stream"
import { type HttpClient, HttpServer } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Context, Effect, Layer, Logger, LogLevel } from "effect"
import { createServer } from "node:http"

export type Engine = SpeechStream.SpeechStream | SpeechSynthesizer.SpeechSynthesizer

/** Where the proxy listens. */
export class ProxyUrl extends Context.Tag("conformance/ProxyUrl")<ProxyUrl, string>() {}

const many = { limit: 1_000_000, window: "1 minute" } as const

const address = Effect.map(
  HttpServer.HttpServer,
  ({ address }) => address._tag === "TcpAddress" ? `http://127.0.0.1:${address.port}/` : address.path
)

/** A server that knows everybody and counts nothing, unless the options say otherwise. */
export const layerServer = (
  options: Partial<SpeechProxy.Options> = {},
  logLevel: LogLevel.LogLevel = LogLevel.None
): Layer.Layer<ProxyUrl, never, Engine> =>
  HttpServer.serve(SpeechProxy.httpApp({
    authorize: () => Effect.succeed("somebody"),
    limits: { requests: many, characters: many, concurrency: 1000 },
    ...options
  })).pipe(
    Layer.merge(Layer.effect(ProxyUrl, address)),
    Layer.provide(NodeHttpServer.layerServer(createServer, { port: 0, host: "127.0.0.1" })),
    Layer.provide(Logger.minimumLogLevel(logLevel)),
    Layer.orDie
  )

export const layerClient = (
  http: Layer.Layer<HttpClient.HttpClient>,
  options: Partial<ProxySpeechSynthesizer.Options> = {}
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, never, ProxyUrl> =>
  Layer.unwrapEffect(Effect.map(ProxyUrl, (url) => ProxySpeechSynthesizer.layer({ url, ...options }))).pipe(
    Layer.provide(http)
  )
