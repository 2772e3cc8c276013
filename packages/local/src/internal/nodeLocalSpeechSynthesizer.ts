import type { SpeechSynthesizer } from "@effect-smallest/core/SpeechSynthesizer"
import * as Layer from "effect/Layer"
import { layer, type Options } from "../LocalSpeechSynthesizer.js"
import * as NodeFliteWorker from "./nodeFliteWorker.js"

export * from "../LocalSpeechSynthesizer.js"

/**
 * The embedded voice in Node.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
 * import { Effect } from "effect"
 *
 * const wav = SpeechSynthesizer.bytes({ text: "Hello." }).pipe(
 *   Effect.provide(LocalSpeechSynthesizer.layerNode({ voice: "slt" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNode = (options?: Options): Layer.Layer<SpeechSynthesizer> =>
  Layer.provide(layer(options), NodeFliteWorker.layer)
