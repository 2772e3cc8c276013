/** The servers that pages speak to. Runs in Node, beside the browser. */
import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { SpeechStream } from "@effect-smallest/stream"
import { NodeHttpClient } from "@effect/platform-node"
import { Context, Effect, Layer, ManagedRuntime, Redacted } from "effect"
import type { TestProject } from "vitest/node"
import { layerServer, ProxyUrl } from "../src/Proxy.js"
import { key } from "./servers.js"

declare module "vitest" {
  interface ProvidedContext {
    /** The vendor's API, emulated. */
    readonly emulator: string
    /** An application's own server, which speaks through the emulator. */
    readonly proxy: string
  }
}

const cloud = SpeechStream.layerSegmented({ maxRetries: 0 }).pipe(
  Layer.provideMerge(WavesSpeechSynthesizer.layer()),
  Layer.provide(Layer.unwrapEffect(
    Effect.map(
      WavesEmulator.WavesEmulator,
      ({ url }) => WavesClient.layer({ apiKey: Redacted.make(key), baseUrl: url, concurrency: 4 })
    )
  )),
  Layer.provide(NodeHttpClient.layerUndici)
)

export default async ({ provide }: TestProject) => {
  const servers = ManagedRuntime.make(
    layerServer({ cors: { allowedOrigins: ["*"] } }).pipe(
      Layer.provide(cloud),
      Layer.provideMerge(WavesEmulator.layer({ engine: "tone", apiKey: Redacted.make(key) }))
    )
  )
  const context = await servers.runPromise(Effect.context<ProxyUrl | WavesEmulator.WavesEmulator>())
  provide("proxy", Context.get(context, ProxyUrl))
  provide("emulator", Context.get(context, WavesEmulator.WavesEmulator).url)
  return () => servers.dispose()
}
