import { defineWorkspace } from "vitest/config"
import { advice, findChromium } from "./scripts/chromium.ts"

const hasBrowser = findChromium() !== undefined
if (!hasBrowser) {
  if (process.env.CI === "true") throw new Error(`There is no browser for the browser tests. ${advice}`)
  console.warn(`The browser tests are skipped: there is no browser. ${advice}`)
}

export default defineWorkspace([
  "packages/!(platform-browser)/vitest.config.ts",
  "conformance/vitest.config.ts",
  "examples/vitest.config.ts",
  "scripts/vitest.config.ts",
  ...(hasBrowser ? ["packages/platform-browser/vitest.config.ts", "conformance/browser/vitest.config.ts"] : [])
])
