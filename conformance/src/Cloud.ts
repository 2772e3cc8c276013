/**
 * The cloud engines against the scripted server, over each HTTP client that users have.
 */
import { Audio, type SpeechError, type SpeechRequest, SpeechSynthesizer } from "@effect-smallest/core"
import { LightningV1SpeechSynthesizer, WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
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

/** One way to speak through the cloud: a route of the server, and how its answers look. */
export interface Route {
  readonly name: string
  /** The method of `WavesClient` that its errors name. */
  readonly method: string
  readonly path: string
  readonly voice: string
  readonly layer: (http: Layer.Layer<HttpClient.HttpClient>, options?: Options) => Layer.Layer<Cloud>
  readonly speak: (
    request: SpeechRequest.SpeechRequest
  ) => Effect.Effect<Audio.Audio, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer>
  /** A good answer with this PCM, in pieces of a length. */
  readonly answer: (pcm: Uint8Array, cutLength?: number) => VectorServer.Answer
}

const bytesOf = (text: string) => new TextEncoder().encode(text)

const collect = (request: SpeechRequest.SpeechRequest) =>
  Audio.fromStream(SpeechSynthesizer.stream(request)).pipe(
    Effect.catchTag("PcmError", Effect.die),
    Effect.flatMap(Effect.orDie)
  )

export const liveRoute: Route = {
  name: "stream",
  method: "stream",
  path: "/waves/v1/tts/live",
  voice: "meher",
  layer: (http, options) => layerWaves(http, options),
  speak: collect,
  answer: (pcm, cutLength = pcm.length + 1000) =>
    VectorServer.eventStream(
      VectorServer.cut(bytesOf([...VectorServer.audioEvents(pcm, 24000), VectorServer.endMark].join("")), cutLength)
    )
}

/** The routes whose answers are the audio itself. */
export const wholeRoutes: ReadonlyArray<Route> = [
  {
    name: "synthesize",
    method: "synthesize",
    path: "/waves/v1/tts",
    voice: "meher",
    layer: (http, options) => layerWaves(http, options),
    speak: SpeechSynthesizer.synthesize,
    answer: (pcm, cutLength = pcm.length + 1) => VectorServer.audio(VectorServer.cut(pcm, cutLength))
  },
  {
    name: "lightningV1",
    method: "lightningV1",
    path: "/api/v1/lightning/get_speech",
    voice: "emily",
    layer: (http, options) => layerLightningV1(http, options),
    speak: SpeechSynthesizer.synthesize,
    answer: (pcm, cutLength = pcm.length + 1) => VectorServer.audio(VectorServer.cut(pcm, cutLength))
  }
]

export const routes: ReadonlyArray<Route> = [liveRoute, ...wholeRoutes]

/** The error of an effect that must fail. If it succeeds, that is a defect, which says so without printing the audio. */
export const failureOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<E, never, R> =>
  Effect.matchEffect(effect, {
    onFailure: Effect.succeed,
    onSuccess: () => Effect.dieMessage("It succeeded, but it should have failed")
  })
