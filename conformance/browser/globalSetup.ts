/** The servers that pages speak to. Runs in Node, beside the browser. */
import { WavesEmulator } from "@effect-smallest/emulator"
import { SpeechStream } from "@effect-smallest/stream"
import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { NodeHttpClient } from "@effect/platform-node"
import { Context, Effect, Layer, ManagedRuntime, Redacted } from "effect"
import type { TestProject } from "vitest/node"
import { WebSocketServer } from "ws"
import { layerServer, ProxyUrl } from "../src/Proxy.js"
import { key } from "./servers.js"

declare module "vitest" {
  interface ProvidedContext {
    /** The vendor's API, emulated. */
    readonly emulator: string
    /** An application's own server, which speaks through the emulator. */
    readonly proxy: string
    /** A WebSocket that says three things as soon as it is open, and leaves with code 4000. */
    readonly greeting: string
  }
}

const cloud = SpeechStream.layerSegmented({ retry: { maxRetries: 0 } }).pipe(
  Layer.provideMerge(WavesSpeechSynthesizer.layer()),
  Layer.provide(Layer.unwrapEffect(
    Effect.map(
      WavesEmulator.WavesEmulator,
      ({ url }) => WavesClient.layer({ apiKey: Redacted.make(key), baseUrl: url, concurrency: 4 })
    )
  )),
  Layer.provide(NodeHttpClient.layerUndici)
)

const greeting = Effect.acquireRelease(
  Effect.async<WebSocketServer>((resume) => {
    const server: WebSocketServer = new WebSocketServer(
      { port: 0, host: "127.0.0.1" },
      () => resume(Effect.succeed(server))
    )
    server.on("connection", (socket) => {
      for (const message of ["one", new Uint8Array([2]), "three"]) socket.send(message)
      socket.close(4000)
    })
  }),
  (server) => Effect.sync(() => server.close())
)

class Greeting extends Context.Tag("conformance/Greeting")<Greeting, WebSocketServer>() {}

export default async ({ provide }: TestProject) => {
  const servers = ManagedRuntime.make(
    layerServer({ cors: { allowedOrigins: ["*"] } }).pipe(
      Layer.provide(cloud),
      Layer.provideMerge(WavesEmulator.layer({ engine: "tone", apiKey: Redacted.make(key) })),
      Layer.merge(Layer.scoped(Greeting, greeting))
    )
  )
  const context = await servers.runPromise(Effect.context<ProxyUrl | WavesEmulator.WavesEmulator | Greeting>())
  provide("proxy", Context.get(context, ProxyUrl))
  provide("emulator", Context.get(context, WavesEmulator.WavesEmulator).url)
  const address = Context.get(context, Greeting).address()
  provide("greeting", `ws://127.0.0.1:${typeof address === "string" ? address : address?.port}`)
  return () => servers.dispose()
}
