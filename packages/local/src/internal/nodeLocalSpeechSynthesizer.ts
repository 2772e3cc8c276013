import type { SpeechSynthesizer } from "@effect-smallest/core/SpeechSynthesizer"
import * as Layer from "effect/Layer"
import { layer } from "../LocalSpeechSynthesizer.js"
import * as NodeFliteWorker from "./nodeFliteWorker.js"

export * from "../LocalSpeechSynthesizer.js"

/**
 * The embedded voice in Node, with its defaults. For options: `layer(options)` over `NodeFliteWorker.layer`.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { LocalSpeechSynthesizer, NodeFliteWorker } from "@effect-smallest/local/node"
 * import { Effect, Layer } from "effect"
 *
 * const wav = SpeechSynthesizer.bytes({ text: "Hello." }).pipe(Effect.provide(LocalSpeechSynthesizer.layerNode))
 *
 * const Female = LocalSpeechSynthesizer.layer({ voice: "slt" }).pipe(Layer.provide(NodeFliteWorker.layer))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNode: Layer.Layer<SpeechSynthesizer> = Layer.provide(layer(), NodeFliteWorker.layer)
