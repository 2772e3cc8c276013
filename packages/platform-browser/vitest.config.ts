import { defineProject, mergeConfig } from "vitest/config"
import { inChromium } from "../../vitest.browser.ts"
import shared from "../../vitest.shared.ts"

export default mergeConfig(shared, defineProject({ test: { ...inChromium, name: "platform-browser" } }))
