/**
 * The page in a real browser, from end to end: its server, the embedded voice in a worker, the proxy, the emulator behind
 * it, and what reaches the loudspeaker.
 */
import { Pcm, Wav } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { HttpServer } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Context, Duration, Effect, Exit, Layer, Logger, Redacted, Scope } from "effect"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Browser, chromium, type Page } from "playwright-core"
import { inject } from "vitest"
import * as PageFiles from "../../browser/server/Page.js"
import * as Server from "../../browser/server/Server.js"

declare module "vitest" {
  interface ProvidedContext {
    /** Where a browser is; null where there is none. */
    readonly chromium: string | null
  }
}

declare global {
  interface Window {
    /** How loud the loudspeaker is right now, from 0 to 1. */
    loudness: () => number
    loudest: number
    /** Every part of the text that was lit, in order. */
    lit: Array<string>
  }
}

const executablePath = inject("chromium")

const screenshots = join(import.meta.dirname, "../../../.cache/screenshots")

// A busy machine takes its time for everything.
const patience = 60_000

class Site
  extends Context.Tag("Site")<Site, { readonly browser: Browser; readonly folder: string; readonly url: string }>()
{}

const serve = (folder: string) =>
  Effect.map(Layer.build(Server.layer({ folder, port: 0 })), (context) => {
    const { address } = Context.get(context, HttpServer.HttpServer)
    return `http://localhost:${address._tag === "TcpAddress" ? address.port : 0}`
  })

const withoutKey = Layer.setConfigProvider(ConfigProvider.fromMap(new Map()))

const SiteLive = Layer.scoped(
  Site,
  Effect.gen(function*() {
    const [browser, folder] = yield* Effect.all([
      Effect.acquireRelease(
        Effect.promise(() =>
          chromium.launch({
            executablePath: executablePath ?? "",
            args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            timeout: patience
          })
        ),
        (browser) => Effect.promise(() => browser.close())
      ),
      PageFiles.bundle
    ], { concurrency: 2 })
    return { browser, folder, url: yield* Effect.provide(serve(folder), withoutKey) }
  })
).pipe(Layer.provide(NodeContext.layer))

// Listens where the page connects something to the loudspeaker, and watches what lights up. Runs before the page does.
const spy = () => {
  // oxlint-disable-next-line typescript/unbound-method -- it is bound where it is called
  const { connect } = AudioNode.prototype
  const analysers = new Map<BaseAudioContext, AnalyserNode>()
  window.loudest = 0
  window.lit = []
  window.loudness = () =>
    Math.max(
      0,
      ...[...analysers.values()].map((analyser) => {
        const samples = new Float32Array(analyser.fftSize)
        analyser.getFloatTimeDomainData(samples)
        return analyser.context.state === "running" ? Math.max(...samples.map(Math.abs)) : 0
      })
    )
  AudioNode.prototype.connect = function(this: AudioNode, ...args: Parameters<typeof connect>) {
    const [target] = args as ReadonlyArray<unknown>
    if (target instanceof AudioDestinationNode) {
      const analyser = new AnalyserNode(target.context, { fftSize: 2048 })
      analysers.set(target.context, analyser)
      Reflect.apply(connect, this, [analyser])
    }
    return Reflect.apply(connect, this, args)
  } as typeof connect
  setInterval(() => window.loudest = Math.max(window.loudest, window.loudness()), 20)
  addEventListener("DOMContentLoaded", () => {
    const mirror = document.querySelector("#mirror")
    if (mirror === null) return
    new MutationObserver(() => {
      const mark = mirror.querySelector("mark")?.textContent
      if (mark && mark !== window.lit.at(-1)) window.lit.push(mark)
    }).observe(mirror, { childList: true })
  })
}

const open = Effect.fnUntraced(function*(
  options: Parameters<Browser["newContext"]>[0] & { readonly url?: string | undefined } = {}
) {
  const site = yield* Site
  const context = yield* Effect.acquireRelease(
    Effect.promise(() => site.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })),
    (context) => Effect.promise(() => context.close())
  )
  context.setDefaultTimeout(patience)
  return yield* Effect.promise(async () => {
    await context.addInitScript(spy)
    const page = await context.newPage()
    await page.goto(options.url ?? site.url)
    return page
  })
})

/** Runs a visit of the page in a browser. */
const visit = (f: (page: Page) => Promise<void>, options?: Parameters<typeof open>[0]) =>
  Effect.scoped(Effect.flatMap(open(options), (page) => Effect.promise(() => f(page))))

const phase = (page: Page, ...phases: ReadonlyArray<string>) =>
  page.waitForFunction((phases) => phases.includes(document.body.dataset.phase ?? ""), phases)

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true })

const write = (page: Page, text: string) => page.getByRole("textbox", { name: "Text to speak" }).fill(text)

/** What is lit is in the text, in its order; a machine that is busy may skip some of it. */
const assertInOrder = (text: string, lit: ReadonlyArray<string>) => {
  assert.isAtLeast(lit.length, 2, `lit: ${lit.join(" ")}`)
  lit.reduce((from, part) => {
    const at = text.indexOf(part, from)
    assert.isAtLeast(at, 0, `"${part}" after offset ${from}; lit: ${lit.join(" ")}`)
    return at
  }, 0)
}

const assertSpeaks = async (page: Page, text: string) => {
  await write(page, text)
  await page.getByRole("slider", { name: "Speed" }).fill("1.6")
  await button(page, "Speak").click()
  await phase(page, "finished")
  assert.isAbove(await page.evaluate(() => window.loudest), 0.05)
  assertInOrder(text, await page.evaluate(() => window.lit))
}

const withoutBrowser = executablePath === null

layer(SiteLive, { excludeTestServices: true, timeout: "3 minutes" })("the page", (it) => {
  const test = withoutBrowser ? it.effect.skip : it.effect

  test("embedded voice - is heard to its end, and its words light up", () =>
    visit(async (page) => {
      await assertSpeaks(page, "Seven wonderful words are spoken right here.")
      assert.match(await page.getByRole("status").innerText(), /^Finished: \d seconds? of speech\.$/)
      assert.strictEqual(await page.getByRole("progressbar", { name: "Heard" }).getAttribute("value"), "1")
      assert.isTrue(await button(page, "Speak again").isEnabled())
      assert.isTrue(await page.getByRole("textbox").isEditable())
    }), patience)

  test("pause and stop - silence, at once and for good", () =>
    visit(async (page) => {
      await write(page, "This is a long story, and nobody knows how it will end. ".repeat(20))
      await page.keyboard.press("Control+Enter")
      await phase(page, "speaking")
      await page.waitForFunction(() => window.loudness() > 0.02)

      await button(page, "Pause").click()
      await phase(page, "paused")
      await page.waitForFunction(() => window.loudness() === 0)
      await button(page, "Resume").click()
      await page.waitForFunction(() => window.loudness() > 0.02)

      // Measured in the page: the way of a key through the test takes longer than the stop.
      const silentAfter = await page.evaluate(() =>
        new Promise<number>((resolve) => {
          const begin = performance.now()
          document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }))
          const watch = setInterval(() => {
            if (window.loudness() > 0) return
            clearInterval(watch)
            resolve(performance.now() - begin)
          }, 5)
        })
      )
      assert.isBelow(silentAfter, 1000)
      await phase(page, "idle")
      await page.evaluate(() => window.loudest = 0)
      await page.waitForTimeout(300)
      assert.strictEqual(await page.evaluate(() => window.loudest), 0)
      assert.isTrue(await button(page, "Stop").isDisabled())
    }), patience)

  test("download - a WAV of the whole speech, named by its first words", () =>
    Effect.scoped(Effect.gen(function*() {
      const page = yield* open()
      yield* Effect.promise(() => write(page, "Save me, please."))
      const [download] = yield* Effect.promise(() =>
        Promise.all([page.waitForEvent("download"), button(page, "Download WAV").click()])
      )
      assert.strictEqual(download.suggestedFilename(), "save-me-please.wav")
      const audio = yield* Wav.decode(readFileSync(yield* Effect.promise(() => download.path())))
      assert.strictEqual(audio.format.sampleRate, 24000)
      assert.isTrue(Duration.between(audio.duration, { minimum: "500 millis", maximum: "5 seconds" }))
      assert.isAbove(Math.max(...Pcm.samples(audio).map(Math.abs)), 0x1000)
      yield* Effect.promise(() =>
        page.getByText("Saved save-me-please.wav", { exact: false }).waitFor({ state: "attached" })
      )
    })), patience)

  test("the cloud - speaks through the proxy, with its own voices and word times", () =>
    visit(async (page) => {
      await page.getByRole("radio", { name: "The cloud" }).check()
      await page.getByText("an emulator on your machine").waitFor()
      await page.waitForFunction(() => document.querySelectorAll("#voice option").length > 20)
      await page.getByRole("combobox", { name: "Voice" }).selectOption("meher")
      await assertSpeaks(page, "Spoken far away, and heard nearby.")
    }), patience)

  test("errors - are sentences that say what to do", () =>
    visit(async (page) => {
      const alert = page.getByRole("alert")
      const shown = () => page.waitForFunction(() => document.querySelector("#notice")?.textContent !== "")
      await write(page, " ")
      await button(page, "Speak").click()
      assert.strictEqual(await alert.innerText(), "There is nothing to say yet. Write something first.")
      assert.strictEqual(await page.evaluate(() => document.activeElement?.id), "text")

      await write(page, "Привет.")
      await button(page, "Speak").click()
      await phase(page, "failed")
      assert.match(await alert.innerText(), /^This text cannot be spoken here: the embedded voice reads English only/)

      await page.getByRole("radio", { name: "The cloud" }).check()
      await page.waitForFunction(() => document.querySelectorAll("#voice option").length > 20)
      await page.context().setOffline(true)
      await button(page, "Try again").click()
      await shown()
      assert.strictEqual(
        await alert.innerText(),
        "The speech service cannot be reached. Check your connection and press Speak again."
      )
      await page.context().setOffline(false)
      await page.context().clearCookies()
      await button(page, "Try again").click()
      await page.getByText("Reload it to sign in again.").waitFor()
    }), patience)

  test(
    "looks - fits a desk and a phone, by day and by night, and moves for nobody who wants none",
    () =>
      Effect.forEach(
        [
          { name: "desktop", viewport: { width: 1280, height: 900 } },
          { name: "phone", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }
        ],
        ({ name, ...device }) =>
          visit(async (page) => {
            mkdirSync(screenshots, { recursive: true })
            await button(page, "Speak").click()
            await page.waitForFunction(() => document.querySelector("#mirror mark") !== null)
            for (const colorScheme of ["light", "dark"] as const) {
              await page.emulateMedia({ colorScheme })
              await page.screenshot({ path: join(screenshots, `${name}-${colorScheme}.png`), animations: "disabled" })
            }
            const [content, window] = await page.evaluate(() => [document.body.scrollWidth, innerWidth])
            assert.isAtMost(content ?? Infinity, window ?? 0)

            assert.isTrue(await page.locator(".ring").isVisible())
            await page.emulateMedia({ reducedMotion: "reduce" })
            assert.isFalse(await page.locator(".ring").isVisible())
            assert.strictEqual(await page.evaluate(() => document.getAnimations().length), 0)
          }, device),
        { concurrency: 2, discard: true }
      ),
    patience
  )

  test("a text that is too long - is cut, and the page says so", () =>
    visit(async (page) => {
      const paste = (length: number) =>
        page.getByRole("textbox").evaluate((box, text) => {
          const clipboardData = new DataTransfer()
          clipboardData.setData("text/plain", text)
          // What a script dispatches does not write; what comes from the keyboard does.
          if (box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))) {
            document.execCommand("insertText", false, text)
          }
        }, "a".repeat(length))
      await page.getByRole("textbox").selectText()
      await paste(4000)
      assert.strictEqual(await page.getByRole("alert").innerText(), "")
      await paste(6000)
      assert.strictEqual((await page.getByRole("textbox").inputValue()).length, 5000)
      assert.strictEqual(
        await page.getByRole("alert").innerText(),
        "Only the first 1,000 of the 6,000 characters fit in here. Speak the rest afterwards."
      )
    }), patience)

  test("server - ends at once, though somebody still listens", () =>
    Effect.gen(function*() {
      const { folder } = yield* Site
      const scope = yield* Scope.make()
      const url = yield* serve(folder).pipe(Effect.provide([NodeContext.layer, withoutKey]), Scope.extend(scope))
      const answer = yield* Effect.promise(async () => {
        const cookie = (await fetch(url)).headers.get("set-cookie")?.split(";")[0] ?? ""
        const response = await fetch(`${url}/speech`, {
          method: "POST",
          headers: { "content-type": "application/json", cookie },
          body: JSON.stringify({ text: "This goes on for a very long time. ".repeat(100) })
        })
        assert.strictEqual(response.status, 200)
        return response.body?.getReader()
      })
      yield* Effect.promise(async () => answer?.read())
      const [duration] = yield* Effect.timed(Scope.close(scope, Exit.void))
      assert.isBelow(Duration.toSeconds(duration), 5)
    }), patience)

  test("law 8 - a key is in no file, answer, storage or log of the page", () =>
    Effect.scoped(Effect.gen(function*() {
      const { folder } = yield* Site
      const key = "sk_canary_5d41402abc4b2a76b9719d911017c592"
      const logs: Array<string> = []
      const emulator = Context.get(
        yield* Layer.build(WavesEmulator.layer({ apiKey: Redacted.make(key), engine: "tone" })),
        WavesEmulator.WavesEmulator
      )
      const url = yield* serve(folder).pipe(
        Effect.provide(Layer.mergeAll(
          NodeContext.layer,
          Layer.setConfigProvider(
            ConfigProvider.fromMap(new Map([["SMALLEST_API_KEY", key], ["SMALLEST_BASE_URL", emulator.url]]))
          ),
          Logger.replace(Logger.defaultLogger, Logger.map(Logger.logfmtLogger, (line) => void logs.push(line)))
        ))
      )
      const page = yield* open({ url })
      const session = (yield* Effect.promise(() => page.context().cookies())).map(({ value }) => value)
      assert.lengthOf(session, 1)
      const origins = new Set<string>()
      const headers: Array<string> = []
      const bodies: Array<Promise<string>> = []
      page.on("console", (message) => void logs.push(message.text()))
      page.on("request", (request) => void origins.add(new URL(request.url()).origin))
      page.on("response", (response) => {
        headers.push(JSON.stringify(response.headers()))
        // What was cut off has no body.
        bodies.push(response.body().then((body) => body.toString("latin1"), () => ""))
      })
      const seen = yield* Effect.promise(async () => {
        await page.reload()
        await page.getByRole("radio", { name: "The cloud" }).check()
        await page.getByText("Spoken by Smallest AI").waitFor()
        await write(page, "Nobody hears the canary.")
        await button(page, "Speak").click()
        await phase(page, "finished")
        return page.evaluate(async () =>
          JSON.stringify([
            document.documentElement.outerHTML,
            document.cookie,
            Object.entries(localStorage),
            Object.entries(sessionStorage),
            await indexedDB.databases(),
            await caches.keys()
          ])
        )
      })
      assert.deepStrictEqual([...origins], [url])
      // The key was used, so it could have leaked.
      const requests = yield* emulator.requests
      assert.isAbove(requests.length, 0)
      const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((name) => /\.(html|js|css|svg|json)$/.test(name))
        .map((name) => readFileSync(join(folder, name), "utf8"))
      const texts = [...files, ...(yield* Effect.promise(() => Promise.all(bodies))), ...logs, seen]
      assert.isAbove(texts.length, 10)
      for (const text of texts) {
        for (const secret of [key, key.slice(0, 20), key.slice(-20), ...session]) assert.notInclude(text, secret)
      }
      assert.notInclude(headers.join("\n"), key.slice(0, 20))
    })), patience)
})
