import { Wav } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Either, Option, Predicate } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { folder, main, run } from "./command.js"

const emulator = WavesEmulator.layer({ engine: "tone" })

describe("speak --live", () => {
  it.scopedLive("speaks a pipe over the WebSocket", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* WavesEmulator.WavesEmulator
      const cwd = yield* folder
      const args = [
        "speak",
        "--engine",
        "waves",
        "--live",
        "--file",
        "-",
        "--out",
        join(cwd, "a.wav"),
        "--speed",
        "1.5"
      ]
      const env = { SMALLEST_API_KEY: "sk_test", SMALLEST_BASE_URL: url }
      const { code, stderr } = yield* run(args, { cwd, env, input: "Hello from a pipe." })
      assert.strictEqual(code, 0, stderr)
      const audio = Either.getOrThrow(Wav.decode(readFileSync(join(cwd, "a.wav"))))
      assert.isAbove(Duration.toSeconds(audio.duration), 0.5)
      const [request, ...others] = yield* requests
      assert.deepStrictEqual(others, [])
      if (request === undefined) return assert.fail("Nothing was asked")
      assert.strictEqual(request.transport, "websocket")
      const messages = request.messages.map(({ message }) => message)
      const field = (name: string) =>
        messages.map((message) => Predicate.hasProperty(message, name) ? message[name] : "")
      assert.strictEqual(field("text").join(""), "Hello from a pipe.")
      assert.deepStrictEqual([...new Set(field("speed"))], [1.5])
    }).pipe(Effect.provide(emulator)))

  it.scopedLive("with an engine that has no WebSocket - is a wrong use, told in one sentence", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* main(["speak", "Hello.", "--engine", "local", "--live", "--out", "a.wav"])
      assert.strictEqual(code, 2)
      assert.match(stderr, /^effect-smallest: --live speaks .*--engine waves\.\n$/)
    }))

  it.scopedLive("with a wrong key - fails with one sentence, in which there is no key", () =>
    Effect.gen(function*() {
      const { inject, url } = yield* WavesEmulator.WavesEmulator
      yield* inject({ faults: [{ _tag: "Status", status: 401 }] })
      const env = { SMALLEST_API_KEY: "sk_wrong", SMALLEST_BASE_URL: url }
      const cwd = yield* folder
      const args = ["speak", "Hello.", "--engine", "waves", "--live", "--out", join(cwd, "a.wav")]
      const { code, stderr } = yield* main(args, { env })
      assert.strictEqual(code, 1)
      assert.match(stderr, /SMALLEST_API_KEY/)
      assert.notInclude(stderr, "sk_wrong")
      assert.isTrue(Option.isNone(Option.liftThrowable(readFileSync)(join(cwd, "a.wav"))))
    }).pipe(Effect.provide(emulator)))
})
