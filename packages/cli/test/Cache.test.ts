import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { folder, main } from "./command.js"

const spoken = Effect.flatMap(
  WavesEmulator.WavesEmulator,
  ({ requests }) => Effect.map(requests, (all) => all.filter(({ path }) => path.includes("tts")).length)
)

const environment = Effect.map(WavesEmulator.WavesEmulator, ({ url }) => ({
  SMALLEST_API_KEY: "sk_canary_of_the_cache",
  SMALLEST_BASE_URL: url
}))

const everything = (directory: string): string =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n")

describe("--cache", () => {
  it.scopedLive("speak - the second time, the cloud is not asked and the file is the same; no key is kept", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const env = yield* environment
      const speak = (out: string) =>
        main(["speak", "One sentence. Another sentence.", "--out", join(cwd, out), "--cache", join(cwd, "kept")], {
          env
        })
      assert.strictEqual((yield* speak("a.wav")).code, 0)
      const asked = yield* spoken
      assert.isAbove(asked, 0)
      assert.strictEqual((yield* speak("b.wav")).code, 0)
      assert.strictEqual(yield* spoken, asked)
      assert.isTrue(readFileSync(join(cwd, "a.wav")).equals(readFileSync(join(cwd, "b.wav"))))
      assert.notInclude(everything(join(cwd, "kept")), "canary")
    }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone" }))))

  it.scopedLive("batch - rows of another folder come from the cache", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const env = yield* environment
      writeFileSync(join(cwd, "rows.csv"), "id,text\na,Hello.\nb,Hello.\nc,Good bye.\n")
      const batch = (out: string) =>
        main(["batch", join(cwd, "rows.csv"), "--out", join(cwd, out), "--cache", join(cwd, "kept")], { env })
      assert.strictEqual((yield* batch("one")).code, 0)
      assert.strictEqual(yield* spoken, 2)
      assert.strictEqual((yield* batch("two")).code, 0)
      assert.strictEqual(yield* spoken, 2)
      assert.isTrue(existsSync(join(cwd, "two", "c.wav")))
    }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone" }))))

  it.scopedLive("a folder that cannot be is one line, and so are combinations that make no sense", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      writeFileSync(join(cwd, "file"), "")
      const speak = (...args: ReadonlyArray<string>) =>
        main(["speak", "Hi.", "--engine", "local", "--out", join(cwd, "a.wav"), ...args], {})
      const inFile = yield* speak("--cache", join(cwd, "file/below"))
      assert.strictEqual(inFile.code, 1)
      assert.include(inFile.stderr, "cannot be used")
      assert.include((yield* speak("--cache", " ")).stderr, "--cache takes the name of a folder")
      const env = { SMALLEST_API_KEY: "sk_x" }
      const live = yield* main(
        ["speak", "Hi.", "--engine", "waves", "--live", "--cache", join(cwd, "kept"), "--out", join(cwd, "a.wav")],
        { env }
      )
      assert.strictEqual(live.code, 2)
      assert.include(live.stderr, "omit one")
    }))
})
