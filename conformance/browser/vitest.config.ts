import { defineProject, mergeConfig } from "vitest/config"
import browser from "../../vitest.browser.ts"

export default mergeConfig(
  browser,
  defineProject({
    test: { name: "conformance-browser", include: ["*.test.ts"], globalSetup: ["./globalSetup.ts"] }
  })
)
