import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { join } from "node:path"
import { folder, main, run } from "./command.js"

const key = "sk_of_the_tests"

const emulator = WavesEmulator.layer({ apiKey: Redacted.make(key), engine: "tone" })

const statuses = (stdout: Buffer): Record<string, string> =>
  Object.fromEntries(
    JSON.parse(stdout.toString()).findings.map((found: Record<string, string>) => [found["name"], found["status"]])
  )

describe("doctor", () => {
  it.scopedLive("on a machine with nothing installed - says what works, what does not, and what to install", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const { code, stderr, stdout } = yield* run(["doctor", "--offline"], { cwd, env: { PATH: cwd } })
      assert.strictEqual(code, 0, stderr)
      const lines = stdout.toString().trimEnd().split("\n")
      assert.lengthOf(lines, 4)
      assert.match(lines[0] ?? "", /^ok {6}Command {9}effect-smallest \d.*, effect 3\..*, Node \d/)
      assert.match(lines[1] ?? "", /^ok {6}Embedded voice {2}speaks: 0\.\d+ s of speech at 24000 Hz in /)
      assert.match(lines[2] ?? "", /^note {4}Player .*install ffmpeg, mpv or alsa-utils\. .*--out hello\.wav\.$/)
      assert.match(lines[3] ?? "", /^note {4}API key .*not set: the embedded voice speaks/)
    }))

  it.scopedLive("with a key - tries the cloud, and never prints the key", () =>
    Effect.gen(function*() {
      const { url } = yield* WavesEmulator.WavesEmulator
      const doctor = (env: Record<string, string>) =>
        main(["doctor", "--json"], { env: { SMALLEST_BASE_URL: url, ...env } })

      const good = yield* doctor({ SMALLEST_API_KEY: key })
      assert.strictEqual(good.code, 0, good.stderr)
      assert.deepInclude(statuses(good.stdout), { "API key": "ok", "Server": "ok", "Cloud": "ok" })
      assert.isTrue(JSON.parse(good.stdout.toString()).ok)

      const wrong = yield* doctor({ SMALLEST_API_KEY: "sk_of_somebody_else" })
      assert.strictEqual(wrong.code, 1)
      assert.deepInclude(statuses(wrong.stdout), { "API key": "ok", "Server": "ok", "Cloud": "failed" })
      assert.match(wrong.stderr, /^effect-smallest: Cloud: see the findings\.\n$/)

      const garbled = yield* doctor({ SMALLEST_API_KEY: "sk_of_the\ntests" })
      assert.strictEqual(garbled.code, 1)
      assert.deepInclude(statuses(garbled.stdout), { "API key": "failed", "Server": "ok" })

      for (const { stderr, stdout } of [good, wrong, garbled]) {
        for (const secret of [key, "of_somebody_else", "of_the"]) assert.notInclude(stderr + stdout.toString(), secret)
      }
    }).pipe(Effect.provide(emulator)))

  it.scopedLive("with a server that is not there - fails and names it", () =>
    Effect.gen(function*() {
      const doctor = (url: string) => main(["doctor"], { env: { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url } })
      const nobody = yield* doctor("http://127.0.0.1:9")
      assert.strictEqual(nobody.code, 1)
      assert.match(nobody.stdout.toString(), /\nFAILED {2}Server {10}http:\/\/127\.0\.0\.1:9 .*does not answer\. Check/)
      const nonsense = yield* doctor("api.smallest.ai")
      assert.strictEqual(nonsense.code, 1)
      assert.match(
        nonsense.stdout.toString(),
        /\nFAILED {2}Server {10}SMALLEST_BASE_URL begins with http:\/\/ or https/
      )
      assert.notInclude(join(nobody.stdout.toString(), nonsense.stdout.toString()), key)
    }))

  it.scopedLive("behind a proxy - names it without its password", () =>
    Effect.gen(function*() {
      const env = { SMALLEST_BASE_URL: "http://192.0.2.1", http_proxy: "ann:secret@127.0.0.1:9" }
      const { code, stderr, stdout } = yield* run(["doctor"], { cwd: yield* folder, env })
      assert.strictEqual(code, 1)
      assert.match(
        stdout.toString(),
        /FAILED {2}Server {10}http:\/\/192\.0\.2\.1 .*does not answer through the proxy http:\/\/127\.0\.0\.1:9 \(http_proxy\)/
      )
      assert.notInclude(stdout.toString() + stderr, "secret")
    }))
})
