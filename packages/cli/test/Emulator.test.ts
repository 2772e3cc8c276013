import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { spawnSync } from "node:child_process"
import * as Http from "node:http"
import { folder, run, start } from "./command.js"

const body = JSON.stringify({ text: "Hello there.", voice_id: "magnus", sample_rate: 24000, output_format: "wav" })

const post = (url: string, headers: Readonly<Record<string, string>> = { authorization: "Bearer sk_test" }) =>
  Effect.promise(() => fetch(url, { method: "POST", headers, body }))

/** Starts the command and waits for its line `Ready`; gives the base URL that the line tells. */
const emulator = (...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const running = yield* start(["emulator", "--port", "0", ...args], { cwd: yield* folder })
    const lines = yield* Effect.async<string>((resume) => {
      let text = ""
      running.child.stdout?.on("data", (data) => {
        text += data
        if (/^Ready: .*\n/m.test(text)) resume(Effect.succeed(text))
      })
    })
    return { ...running, lines, url: /SMALLEST_BASE_URL=(\S+)/.exec(lines)?.[1] ?? "" }
  })

const openWebSocket = (url: string) =>
  Effect.acquireRelease(
    Effect.async<Http.ClientRequest>((resume) => {
      const request = Http.request(`${url}/waves/v1/tts/live?token=sk_test`, {
        headers: {
          connection: "upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
        }
      })
      request.on("error", () => undefined)
      request.on("upgrade", (_, socket) => {
        socket.on("error", () => undefined)
        resume(Effect.succeed(request))
      })
      request.end()
    }),
    (request) => Effect.sync(() => request.destroy())
  )

describe("effect-smallest emulator", () => {
  it.scopedLive("its first lines - tell where it is and that it is ready", () =>
    Effect.gen(function*() {
      const { lines, url } = yield* emulator()
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
      for (const part of [`${url}/waves/v1`, `${url.replace("http", "ws")}/waves/v1/tts/live`, `${url}/api/v1`]) {
        assert.include(lines, part)
      }
      const response = yield* post(`${url}/waves/v1/tts`)
      const wav = Buffer.from(yield* Effect.promise(() => response.arrayBuffer()))
      assert.strictEqual(wav.toString("latin1", 0, 4), "RIFF")
    }), 60_000)

  it.scopedLive("its options - reach the server", () =>
    Effect.gen(function*() {
      const options = ["--engine", "tone", "--api-key", "sk_mine", "--legacy", "410", "--concurrency", "1"]
      const { url } = yield* emulator(...options, "--no-cors", "--no-query-auth", "--assume", "validationStatus=422")
      const mine = { authorization: "Bearer sk_mine" }
      const status = (path: string, headers?: Readonly<Record<string, string>>) =>
        Effect.map(post(`${url}${path}`, headers), (response) => response.status)
      assert.strictEqual(yield* status("/waves/v1/tts"), 401)
      assert.strictEqual(yield* status("/waves/v1/tts?token=sk_mine", {}), 401)
      const stalled = { ...mine, "x-emulator-fault": "{\"_tag\":\"Stall\",\"afterBytes\":2000}" }
      assert.strictEqual(yield* status("/waves/v1/tts/live", stalled), 200)
      assert.strictEqual(yield* status("/waves/v1/tts", mine), 429)
      assert.strictEqual(yield* status("/api/v1/lightning/get_speech", mine), 410)
      assert.strictEqual(yield* status("/waves/v1/pronunciation-dicts", mine), 422)
      const preflight = yield* Effect.promise(() => fetch(`${url}/waves/v1/tts`, { method: "OPTIONS" }))
      assert.strictEqual(preflight.status, 404)
    }), 60_000)

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it.scopedLive(`${signal} - ends it at once, whatever is open`, () =>
      Effect.gen(function*() {
        const { child, outcome, url } = yield* emulator("--engine", "tone")
        const stalled = {
          authorization: "Bearer sk_test",
          "x-emulator-fault": "{\"_tag\":\"Stall\",\"afterBytes\":2000}"
        }
        const response = yield* post(`${url}/waves/v1/tts/live`, stalled)
        assert.strictEqual(response.status, 200)
        yield* openWebSocket(url)
        child.kill(signal)
        const [duration, { code, stderr }] = yield* Effect.timed(outcome)
        assert.strictEqual(code, signal === "SIGINT" ? 130 : 143)
        assert.strictEqual(stderr, "")
        assert.isBelow(Duration.toMillis(duration), 10_000)
      }), 60_000)
  }

  it.scopedLive("a port that is taken - is told in one line", () =>
    Effect.gen(function*() {
      const { url } = yield* emulator("--engine", "tone")
      const port = new URL(url).port
      const { code, stderr } = yield* run(["emulator", "--port", port], { cwd: yield* folder })
      assert.strictEqual(code, 1)
      assert.strictEqual(
        stderr,
        `effect-smallest: Something else listens on 127.0.0.1:${port}; choose another with --port, or 0 for any that is free.\n`
      )
    }), 60_000)

  it.scopedLive("an address of another machine - is told in one line", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* run(["emulator", "--port", "0", "--host", "192.0.2.1"], { cwd: yield* folder })
      assert.strictEqual(code, 1)
      assert.strictEqual(
        stderr,
        "effect-smallest: 192.0.2.1 is not an address of this machine; omit --host, or give one that it has.\n"
      )
    }), 60_000)

  it.scopedLive("its line Ready - is text for a shell, whatever the key", () =>
    Effect.gen(function*() {
      const { lines } = yield* emulator("--engine", "tone", "--api-key", "sk_mine")
      const ready = /^Ready: (.*)$/m.exec(lines)?.[1] ?? ""
      const { status, stdout } = spawnSync("sh", ["-c", `${ready} env`])
      assert.strictEqual(status, 0)
      assert.include(stdout.toString(), "SMALLEST_API_KEY=the key of --api-key\n")
    }), 60_000)

  it.scopedLive("options that make no sense - are told in one line", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const cases: ReadonlyArray<readonly [args: ReadonlyArray<string>, line: RegExp]> = [
        [["--port", "70000"], /--port takes a port from 0/],
        [["--legacy", "405"], /--legacy takes serve, 404 or 410/],
        [["--concurrency", "0"], /--concurrency takes a whole number from 1/],
        [["--latency", "-1"], /--latency takes milliseconds from 0/],
        [["--assume", "blankText=loud"], /--assume blankText: must be refuse or silence/],
        [["--assume", "colour=red"], /--assume colour: is unexpected/]
      ]
      for (const [args, line] of cases) {
        const { code, stderr, stdout } = yield* run(["emulator", ...args], { cwd })
        assert.strictEqual(code, 2)
        assert.match(stderr, line)
        assert.strictEqual(stderr.trimEnd().split("\n").length, 1)
        assert.strictEqual(stdout.length, 0)
      }
    }), 60_000)
})
