import { SpeechStream } from "@effect-smallest/stream"
import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { NodeHttpClient } from "@effect/platform-node"
import { Layer, ManagedRuntime, Redacted, Stream } from "effect"
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

export const ours = (name: string, options?: SpeechStream.SegmentedOptions): Contender => {
  // One layer for all texts, as in an application: connections stay open.
  const runtimes = new Map<string, ManagedRuntime.ManagedRuntime<SpeechStream.SpeechStream, never>>()
  const runtimeOf = (conditions: Conditions) => {
    const key = JSON.stringify(conditions)
    const runtime = runtimes.get(key) ?? ManagedRuntime.make(layer(conditions, options))
    runtimes.set(key, runtime)
    return runtime
  }
  return {
    name,
    endsWithListener: true,
    async *speak(tokens, conditions) {
      const audio = SpeechStream.fromText(Stream.fromAsyncIterable(tokens, (cause) => cause))
      for await (const chunk of Stream.toAsyncIterableRuntime(audio, await runtimeOf(conditions).runtime())) {
        yield chunk.bytes
      }
    }
  }
}
