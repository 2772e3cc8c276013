/**
 * `WavesSpeechStream` over the emulator, wired as a user wires it, with the emulator beside it.
 */
import { WavesEmulator } from "@effect-smallest/emulator"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { type WavesClient, type WavesSpeechStream } from "@effect-smallest/waves"
import { Effect, Layer, Redacted } from "effect"

export const key = "sk_live_secret"

export interface Options {
  readonly live?: WavesSpeechStream.Options
  readonly client?: Partial<WavesClient.Options>
  readonly emulator?: Omit<WavesEmulator.EngineOptions, "engine">
}

export const layer = ({ client, emulator, live }: Options = {}): Layer.Layer<
  NodeSpeech.Provided | WavesEmulator.WavesEmulator
> =>
  Layer.unwrapEffect(
    Effect.map(WavesEmulator.WavesEmulator, ({ url }) =>
      NodeSpeech.layerWaves({ apiKey: Redacted.make(key), baseUrl: url, stream: { mode: "live", ...live }, ...client }))
  ).pipe(
    Layer.provideMerge(WavesEmulator.layer({ engine: "tone", ...emulator })),
    Layer.orDie
  )
