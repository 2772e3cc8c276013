import { CliError } from "@effect-smallest/cli"
import { AudioPlayer, SpeechError } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { join } from "node:path"
import { folder, main } from "./command.js"
import { server } from "./server.js"

const at = { module: "WavesClient", method: "stream" }

describe("errors", () => {
  it.each<readonly [CliError.CliError, string]>([
    [
      new SpeechError.InvalidApiKey({ ...at, description: "unauthorized" }),
      "Unauthorized. Set SMALLEST_API_KEY to a valid key (they start with sk_), or add --engine local."
    ],
    [
      new SpeechError.UnknownVoice({ ...at, description: "Invalid Voice ID", voice: "nobody", available: [] }),
      "Invalid Voice ID: \"nobody\". Choose another --voice; effect-smallest voices lists them."
    ],
    [
      new SpeechError.ModelRetired({ ...at, description: "This model is retired.", model: "lightning" }),
      "This model is retired. Omit --model, or choose one that effect-smallest models lists, with --engine waves."
    ],
    [
      new SpeechError.InvalidSpeechRequest({
        ...at,
        description: "`sampleRate` must be a whole number from 8000 to 48000",
        parameter: "sampleRate"
      }),
      "--sample-rate must be a whole number from 8000 to 48000."
    ],
    [
      new SpeechError.InvalidSpeechRequest({ ...at, description: "No", parameter: "toString" }),
      "No."
    ],
    [
      new SpeechError.RateLimited({
        ...at,
        description: "slow down",
        retryAfter: Duration.seconds(3),
        requestId: "r1"
      }),
      "Slow down. Wait 3s and try again; the account allows only so many requests at once. (Request r1.)"
    ],
    [
      new SpeechError.EmptyAudio({
        ...at,
        description: "steer\u001b[2J the\nterminal",
        position: { segment: 3, textOffset: 42, samplesEmitted: 7 }
      }),
      "Steer [2J the terminal. Check that the text has words in the chosen language. " +
      "This is about the part of the text that begins after 42 characters."
    ],
    [
      new AudioPlayer.PlaybackError({
        reason: "NoPlayer",
        description: "The audio player mpv is not there",
        player: "mpv"
      }),
      "The audio player mpv is not there. Install mpv, or omit --player."
    ],
    [
      new CliError.CommandFailure({ description: "a.wav cannot be read" }),
      "a.wav cannot be read."
    ]
  ])("%s", (error, line) => {
    assert.strictEqual(CliError.toLine(error), line)
  })

  it.scopedLive("of the library - never name what only programmers know", () =>
    Effect.gen(function*() {
      const out = ["--out", join(yield* folder, "a.wav")]
      const { inject, url } = yield* WavesEmulator.WavesEmulator
      const env = { SMALLEST_API_KEY: "sk_test", SMALLEST_BASE_URL: url }
      const speak = (...args: ReadonlyArray<string>) =>
        Effect.map(main(["speak", "Hello.", ...out, ...args], { env }), ({ code, stderr }) => {
          assert.strictEqual(code, 1, stderr)
          assert.match(stderr, /^effect-smallest: [A-Z][^\n]*[.)]\n$/)
          assert.notMatch(stderr, /`|SpeechSynthesizer|timeouts|baseUrl|position|ModelRetired|RateLimited/)
          return stderr
        })
      for (const status of [400, 401, 402, 403, 404, 410, 413, 422, 302]) {
        yield* inject({ faults: [{ _tag: "Status", status }] })
        // The id of a request may hold the digits of a status.
        const said = (yield* speak()).replace(/ \(Request [^)]*\)/, "")
        assert.isAtMost(said.split(`${status}`).length, 2, said)
      }
      assert.match(yield* speak("--voice", "nobody"), /"nobody".*--voice/)
      assert.match(yield* speak("--model", "nothing"), /--model/)
      assert.match(yield* speak("--language", "xx"), /--language/)
    }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone" }))))

  it.scopedLive("of a base URL or a key that cannot be - say which", () =>
    Effect.gen(function*() {
      const out = ["--out", join(yield* folder, "a.wav")]
      const { url } = yield* server((response) => response.end())
      const failure = (env: Record<string, string>) =>
        Effect.map(main(["speak", "Hello.", ...out], { env: { SMALLEST_API_KEY: "sk_test", ...env } }), ({ stderr }) =>
          stderr)
      assert.match(yield* failure({ SMALLEST_BASE_URL: "ftp://x" }), /SMALLEST_BASE_URL begins with http:\/\/ or https/)
      assert.match(yield* failure({ SMALLEST_BASE_URL: "api.smallest.ai" }), /SMALLEST_BASE_URL begins with http/)
      const garbled = yield* failure({ SMALLEST_API_KEY: "sk_se\ncret" })
      assert.match(garbled, /SMALLEST_API_KEY has a space, a line break .*copy the key again/)
      assert.notInclude(garbled, "cret")
      const tls = yield* main(["speak", "Hello.", "--engine", "waves", ...out], {
        env: { SMALLEST_API_KEY: "sk_test", SMALLEST_BASE_URL: url.replace("http:", "https:") }
      })
      assert.match(tls.stderr, /does not speak TLS there; .*http:\/\//)
      assert.notMatch(tls.stderr, /SSL routines/)
    }), 30_000)

  it.scopedLive("SMALLEST_BASE_URL - may end with the path of the API", () =>
    Effect.gen(function*() {
      const { url } = yield* WavesEmulator.WavesEmulator
      const out = ["--out", join(yield* folder, "a.wav")]
      for (const path of ["/", "/waves/v1", "/waves/v1/"]) {
        const env = { SMALLEST_API_KEY: "sk_test", SMALLEST_BASE_URL: `${url}${path}` }
        const { code, stderr } = yield* main(["speak", "Hello.", ...out], { env })
        assert.strictEqual(code, 0, stderr)
      }
    }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone" }))))
})
