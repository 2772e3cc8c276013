/**
 * The worker's entry in Node.
 */
import { parentPort } from "node:worker_threads"
import { serve } from "./flite.mjs"

// parentPort is null only outside of a worker.
if (parentPort !== null) serve(/** @type {import("./fliteProtocol.js").WorkerPort} */ (/** @type {unknown} */ (parentPort)))
