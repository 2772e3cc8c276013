/**
 * The worker's entry in a browser.
 */
import { serve } from "./flite.mjs"

// In a worker `self` is the port; the DOM library's types only know it as a window.
serve(/** @type {import("./fliteProtocol.js").WorkerPort} */ (/** @type {unknown} */ (self)))
