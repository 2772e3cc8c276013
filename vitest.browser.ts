/// <reference types="@vitest/browser/providers/playwright" />
import { type UserWorkspaceConfig } from "vitest/config"
import { findChromium, launchArguments } from "./scripts/chromium.ts"

const executablePath = findChromium()

/** Runs the tests of a project in an installed Chromium. */
export const inChromium: NonNullable<UserWorkspaceConfig["test"]> = {
  setupFiles: [new URL("./vitest.browser.setup.ts", import.meta.url).pathname],
  browser: {
    enabled: true,
    headless: true,
    provider: "playwright",
    screenshotFailures: false,
    instances: [{
      browser: "chromium",
      launch: { args: [...launchArguments], ...(executablePath === undefined ? {} : { executablePath }) }
    }]
  }
}
