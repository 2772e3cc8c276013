import { defineProject, mergeConfig } from "vitest/config"
import { inChromium, optimizeDeps } from "../../vitest.browser.ts"
import shared from "../../vitest.shared.ts"

export default mergeConfig(
  shared,
  defineProject({
    optimizeDeps,
    test: { ...inChromium, name: "conformance-browser", include: ["**/*.test.ts"], globalSetup: ["./globalSetup.ts"] }
  })
)
