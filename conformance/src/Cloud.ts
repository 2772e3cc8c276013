/**
 * The cloud engines against the scripted server, over each HTTP client that users have.
 */
import {
  LightningV1SpeechSynthesizer,
  type SpeechSynthesizer,
  WavesClient,
  WavesSpeechSynthesizer
} from "@effect-smallest/core"
import { FetchHttpClient, type HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { Effect, Layer, Redacted } from "effect"
import * as Vectors from "./Vectors.js"
import * as VectorServer from "./VectorServer.js"

export const httpClients: ReadonlyArray<readonly [name: string, layer: Layer.Layer<HttpClient.HttpClient>]> = [
  ["undici", NodeHttpClient.layerUndici],
  ["fetch", FetchHttpClient.layer]
]

export type Options = Partial<WavesClient.Options>

/** `WavesClient` of a server of its own, which it provides too. */
export const layerClient = (
  http: Layer.Layer<HttpClient.HttpClient>,
  options?: Options
): Layer.Layer<WavesClient.WavesClient | VectorServer.VectorServer> =>
  Layer.unwrapEffect(
    Effect.map(VectorServer.VectorServer, ({ url }) =>
      WavesClient.layer({ apiKey: Redacted.make(Vectors.apiKey), baseUrl: url, ...options }))
  ).pipe(
    Layer.provide(http),
    Layer.provideMerge(VectorServer.layer)
  )

export type Cloud = SpeechSynthesizer.SpeechSynthesizer | WavesClient.WavesClient | VectorServer.VectorServer

export const layerWaves = (
  http: Layer.Layer<HttpClient.HttpClient>,
  options?: Options,
  synthesizer?: WavesSpeechSynthesizer.Options
): Layer.Layer<Cloud> => Layer.provideMerge(WavesSpeechSynthesizer.layer(synthesizer), layerClient(http, options))

export const layerLightningV1 = (
  http: Layer.Layer<HttpClient.HttpClient>,
  options?: Options,
  synthesizer?: LightningV1SpeechSynthesizer.Options
): Layer.Layer<Cloud> => Layer.provideMerge(LightningV1SpeechSynthesizer.layer(synthesizer), layerClient(http, options))
