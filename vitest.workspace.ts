import { fileURLToPath } from "node:url"
import { defineProject, defineWorkspace } from "vitest/config"
import { advice, findChromium } from "./scripts/chromium.ts"
import { browser } from "./vitest.browser.ts"
import { conditions, timeouts } from "./vitest.shared.ts"

const chromium = findChromium()
if (chromium === undefined) {
  if (process.env.CI === "true") throw new Error(`There is no browser for the browser tests. ${advice}`)
  console.warn(`The browser tests are skipped: there is no browser. ${advice}`)
}

/** One project, so that no package waits for another: what listens in real time runs beside what computes. */
const node = defineProject({
  ...conditions,
  test: {
    name: "node",
    include: ["{packages/*,conformance,examples,scripts}/test/**/*.test.ts"],
    exclude: ["packages/platform-browser/**"],
    setupFiles: [fileURLToPath(new URL("vitest.node.setup.ts", import.meta.url))],
    provide: { chromium: chromium ?? null },
    ...timeouts
  }
})

export default defineWorkspace([
  node,
  ...(chromium === undefined ? [] : [
    browser({ folder: "packages/platform-browser", include: "test/**/*.test.ts" }),
    browser({ folder: "conformance/browser", include: "*.test.ts", globalSetup: ["./globalSetup.ts"] })
  ])
])
