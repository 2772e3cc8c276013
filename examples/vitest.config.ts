import { defineProject, mergeConfig } from "vitest/config"
import { findChromium } from "../scripts/chromium.ts"
import shared from "../vitest.shared.ts"

export default mergeConfig(
  shared,
  defineProject({ test: { name: "examples", provide: { chromium: findChromium() ?? null } } })
)
