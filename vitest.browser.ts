/// <reference types="@vitest/browser/providers/playwright" />
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { defineProject, mergeConfig } from "vitest/config"
import type { BrowserCommand } from "vitest/node"
import { findChromium, launchArguments } from "./scripts/chromium.ts"
import { conditions, timeouts } from "./vitest.shared.ts"

const executablePath = findChromium()

let download: Promise<{ readonly name: string; readonly content: string }> | undefined

/** Waits for the next download of the page from now on. */
const expectDownload: BrowserCommand<[]> = ({ page }) => {
  download = page.waitForEvent("download").then(async (download) => ({
    name: download.suggestedFilename(),
    content: (await readFile(await download.path())).toString("base64")
  }))
}

/** The download that was waited for, in base64. */
const awaitDownload: BrowserCommand<[]> = () => download

/** Runs a module of the project in a page that nobody has touched, and gives the first thing that it logs. */
const inUntouchedPage: BrowserCommand<[module: string]> = async ({ context, page }, module) => {
  // In a context of its own, for activation reaches all frames of a page.
  const fresh = await context.browser()?.newPage()
  if (fresh === undefined) throw new Error("There is no browser")
  try {
    const url = new URL("/untouched.html", page.url()).href
    const body = `<script type="module" src="${module}"></script>`
    await fresh.route(url, (route) => route.fulfill({ contentType: "text/html", body }))
    const logged = fresh.waitForEvent("console", { predicate: (message) => message.type() === "log" })
    await fresh.goto(url)
    return (await logged).text()
  } finally {
    await fresh.close()
  }
}

/** Most of the time is spent on listening, which keeps no core busy. Browsers heed it in a project, which its type denies. */
const parallel = { test: { maxWorkers: 4, minWorkers: 1 } }

/** Runs tests in an installed Chromium. The folder is a package's, or within one. */
export const browser = (
  { folder, globalSetup = [], include }: {
    readonly folder: string
    readonly include: string
    readonly globalSetup?: Array<string>
  }
) =>
  mergeConfig(
    parallel,
    defineProject({
      ...conditions,
      root: fileURLToPath(new URL(folder, import.meta.url)),
      // Bundled for the browser at once: a module that is met later would reload the page in the middle of a test.
      optimizeDeps: {
        include: [
          ...["effect", "effect/*", "@effect/platform", "@effect/platform/*", "@effect/vitest"],
          "@effect-smallest/stream > @effect/experimental/RateLimiter"
        ]
      },
      test: {
        name: folder,
        include: [include],
        globalSetup,
        setupFiles: [fileURLToPath(new URL("vitest.browser.setup.ts", import.meta.url))],
        ...timeouts,
        browser: {
          enabled: true,
          headless: true,
          provider: "playwright",
          screenshotFailures: false,
          commands: { expectDownload, awaitDownload, inUntouchedPage },
          instances: [{
            browser: "chromium",
            launch: { args: [...launchArguments], ...(executablePath === undefined ? {} : { executablePath }) }
          }]
        }
      }
    })
  )
