/**
 * The worker's entry in a browser.
 *
 * @import { WorkerPort } from "./fliteProtocol.js"
 */
import { serve } from "./flite.mjs"

// In a worker `self` is the port; the DOM library's types know it as a window only.
const port = /** @type {WorkerPort} */ (/** @type {unknown} */ (self))

serve(port, async (url) => {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`the server answered with status ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
})
