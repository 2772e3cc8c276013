import { SpeechEvent } from "@effect-smallest/core"
import { BrowserWebSocketConnector } from "@effect-smallest/platform-browser"
import { SpeechStream } from "@effect-smallest/stream"
import { SpeechStreamSuite } from "@effect-smallest/testing/suites"
import { WavesClient, WavesSpeechStream } from "@effect-smallest/waves"
import { FetchHttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Layer, Redacted, Stream } from "effect"
import { inject } from "vitest"
import { key } from "./servers.js"

// The emulator stands for a relay of the application's own.
const relay = inject("emulator")

const live = (connector: BrowserWebSocketConnector.Options, token: string, baseUrl: string = relay) =>
  WavesSpeechStream.layer({
    poolSize: 8,
    idleTimeToLive: "1 millis",
    maxBufferDelay: "200 millis",
    completeBackoff: "60 millis"
  }).pipe(
    Layer.provide(WavesClient.layer({ apiKey: Redacted.make(token), baseUrl, concurrency: 8 })),
    Layer.provide(BrowserWebSocketConnector.layer(connector)),
    Layer.provide(FetchHttpClient.layer)
  )

SpeechStreamSuite.suite(
  "WavesSpeechStream over BrowserWebSocketConnector",
  live({ authentication: { query: "token" } }, key),
  { isSegmented: false, isDeterministic: false, wordTimestamps: true }
)

const connect = (
  options: BrowserWebSocketConnector.Options,
  url: string,
  timeout: Duration.DurationInput = "5 seconds"
) =>
  BrowserWebSocketConnector.make(options).connect({
    url,
    bearer: Redacted.make(key),
    headers: {},
    timeout: Duration.decode(timeout)
  })

const socketUrl = `${relay.replace("http", "ws")}/waves/v1/tts/live`

describe("BrowserWebSocketConnector", () => {
  it.scopedLive("url - is asked for each connection, and may carry a ticket", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const speech = live({
        url: (url) =>
          Effect.sync(() => {
            asked.push(url)
            return `${url}${url.includes("?") ? "&" : "?"}token=${key}`
          })
      }, "no key at all")
      const events = yield* Stream.runCollect(SpeechStream.events("Hello.")).pipe(Effect.provide(speech))
      assert.isTrue(Chunk.some(events, SpeechEvent.$is("Completed")))
      assert.isAbove(asked.length, 0)
      assert.isTrue(asked.every((url) => url.startsWith("ws://") && !url.includes("no%20key")))
    }))

  it.scopedLive("connect - a refusal is Unreachable, and tells no token", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(connect({ authentication: "none" }, socketUrl))
      assert.strictEqual(error.reason, "Unreachable")
      assert.notInclude(error.message, key)
      const invalid = yield* Effect.flip(
        connect({ authentication: { protocols: (token) => [`key ${token}`] } }, socketUrl)
      )
      assert.strictEqual(invalid.reason, "Unreachable")
      assert.notInclude(invalid.message, key)
    }))

  it.scopedLive("connect - an address that nobody answers in time is a Timeout", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(connect({ url: () => Effect.never }, socketUrl, "50 millis"))
      assert.strictEqual(error.reason, "Timeout")
      assert.include(error.message, "50ms")
    }))

  it.scopedLive("connect - what the server says before anybody listens is not lost, and neither is its end", () =>
    Effect.gen(function*() {
      const greeting = yield* connect({}, inject("greeting"))
      // Long after the server has said all and left.
      yield* Effect.sleep("200 millis")
      const heard: Array<string | Uint8Array> = []
      const end = yield* Effect.flip(greeting.socket.runRaw((message) => {
        heard.push(message)
      }))
      assert.deepStrictEqual(heard, ["one", new Uint8Array([2]), "three"])
      assert.isTrue(end._tag === "SocketError" && end.reason === "Close" && end.code === 4000, String(end))
    }))
})
