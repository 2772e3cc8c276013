import { WavesEmulator } from "@effect-smallest/emulator"
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer } from "effect"

// The emulator with an engine that costs next to nothing, in a process of its own.
const latency = Number(process.argv[2])

const Listening = Layer.effectDiscard(
  Effect.map(WavesEmulator.WavesEmulator, ({ url }) => process.send?.({ url }))
)

NodeRuntime.runMain(Layer.launch(Layer.provide(Listening, WavesEmulator.layer({ engine: "tone", latency }))))
