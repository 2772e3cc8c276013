/** The page with two voices in a real browser, which hears it to its end. */
import { HttpServer } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer } from "effect"
import { chromium } from "playwright-core"
import { inject } from "vitest"
import * as PageFiles from "../../browser/server/Page.js"
import * as Server from "../../browser/server/Server.js"

const executablePath = inject("chromium")

// A busy machine takes its time for everything.
const patience = 60_000

const open = Effect.gen(function*() {
  const folder = yield* PageFiles.bundle
  const { address } = Context.get(yield* Layer.build(Server.layer({ folder, port: 0 })), HttpServer.HttpServer)
  const browser = yield* Effect.acquireRelease(
    Effect.promise(() =>
      chromium.launch({
        executablePath: executablePath ?? "",
        args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        timeout: patience
      })
    ),
    (browser) => Effect.promise(() => browser.close())
  )
  const page = yield* Effect.promise(() => browser.newPage())
  page.setDefaultTimeout(patience)
  const port = address._tag === "TcpAddress" ? address.port : 0
  yield* Effect.promise(() => page.goto(`http://localhost:${port}/dialogue.html`))
  return page
}).pipe(
  Effect.provide(Layer.merge(NodeContext.layer, Layer.setConfigProvider(ConfigProvider.fromMap(new Map()))))
)

describe("the page with two voices", () => {
  it.scopedLive.skipIf(executablePath === null)(
    "lights each word in the colour of its speaker, and all in the end",
    () =>
      Effect.gen(function*() {
        const page = yield* open
        const seen = yield* Effect.promise(async () => {
          await page.click("#speak")
          await page.waitForSelector(".alice .said")
          const alone = await page.$$eval(".bob .said", (words) => words.length)
          await page.waitForFunction(() => document.getElementById("status")?.textContent !== "")
          const told = await page.textContent("#status")
          const dark = await page.$$eval(".line span:not(.speaker):not(.said)", (words) => words.length)
          const colours = await page.$$eval(
            ".said",
            (words) => Array.from(new Set(words.map((word) => getComputedStyle(word).color)))
          )
          return { alone, told, dark, colours: colours.length }
        })
        assert.deepStrictEqual(seen, { alone: 0, told: "That was all.", dark: 0, colours: 2 })
      }),
    2 * patience
  )
})
