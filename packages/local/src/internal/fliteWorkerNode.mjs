/**
 * The worker's entry in Node.
 *
 * @import { WorkerPort } from "./fliteProtocol.js"
 */
import { readFile } from "node:fs/promises"
import { parentPort } from "node:worker_threads"
import { serve } from "./flite.mjs"

// parentPort is null only outside of a worker; its type knows neither what is sent nor `onmessage`.
const port = /** @type {WorkerPort} */ (/** @type {unknown} */ (parentPort))

serve(port, (url) => readFile(new URL(url)))
