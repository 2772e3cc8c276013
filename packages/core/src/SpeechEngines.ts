/**
 * Several speech engines by name, for scripts whose parts name the engine that speaks them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Service, SpeechSynthesizer } from "./SpeechSynthesizer.js"

/**
 * The engines by name: none unless {@link layer} provides some.
 *
 * @since 0.1.0
 * @category services
 */
export class SpeechEngines extends Context.Reference<SpeechEngines>()("@effect-smallest/core/SpeechEngines", {
  defaultValue: (): Readonly<Record<string, Service>> => ({})
}) {}

/**
 * Builds every engine and gives it its name.
 *
 * @example
 * ```ts
 * import { SpeechEngines } from "@effect-smallest/core"
 * import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
 * import { WavesSpeechSynthesizer } from "@effect-smallest/waves"
 *
 * const Engines = SpeechEngines.layer({
 *   narrator: WavesSpeechSynthesizer.layer({ voice: "sophia" }),
 *   announcer: LocalSpeechSynthesizer.layerNode()
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E = never, R = never>(
  engines: Readonly<Record<string, Layer.Layer<SpeechSynthesizer, E, R>>>
): Layer.Layer<SpeechEngines, E, R> =>
  Layer.scoped(
    SpeechEngines,
    Effect.forEach(Object.entries(engines), ([name, engine]) =>
      Effect.map(Layer.build(engine), (context) =>
        [name, Context.get(context, SpeechSynthesizer)] as const), {
      concurrency: "unbounded"
    }).pipe(Effect.map((named): Readonly<Record<string, Service>> =>
      Object.fromEntries(named)
    ))
  )
