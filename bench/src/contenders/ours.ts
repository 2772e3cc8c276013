import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/core"
import { SpeechStream } from "@effect-smallest/stream"
import { NodeHttpClient } from "@effect/platform-node"
import { Layer, Redacted, Stream } from "effect"
import { sampleRate } from "../speechRate.js"
import type { Conditions, Contender } from "./Contender.js"

export const layer = (
  { permits, url }: Conditions,
  options: SpeechStream.SegmentedOptions = {}
): Layer.Layer<SpeechStream.SpeechStream> =>
  SpeechStream.layerSegmented({ prefetch: Math.min(permits, 8), ...options }).pipe(
    Layer.provide(WavesSpeechSynthesizer.layer({ sampleRate })),
    Layer.provide(WavesClient.layer({ apiKey: Redacted.make("sk_bench"), baseUrl: url, concurrency: permits })),
    Layer.provide(NodeHttpClient.layerUndici)
  )

export const ours = (name: string, options?: SpeechStream.SegmentedOptions): Contender => ({
  name,
  speak: (tokens, conditions) =>
    SpeechStream.fromText(Stream.fromAsyncIterable(tokens, (cause) => cause)).pipe(
      Stream.map((chunk) => chunk.bytes),
      Stream.provideLayer(layer(conditions, options)),
      Stream.toAsyncIterable
    )
})
