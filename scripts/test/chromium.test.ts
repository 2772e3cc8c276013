import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { findChromium } from "../chromium.js"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chromium-"))
  writeFileSync(join(folder, "google-chrome"), "")
  chmodSync(join(folder, "google-chrome"), 0o755)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe("findChromium", () => {
  it("finds what is on the PATH", () => {
    assert.strictEqual(findChromium({ PATH: `/nowhere:${folder}` }), join(folder, "google-chrome"))
  })

  it("CHROMIUM_PATH wins, and has to exist", () => {
    assert.strictEqual(findChromium({ CHROMIUM_PATH: process.execPath, PATH: folder }), process.execPath)
    assert.throws(() => findChromium({ CHROMIUM_PATH: join(folder, "chrome"), PATH: folder }), /CHROMIUM_PATH says/)
  })
})
