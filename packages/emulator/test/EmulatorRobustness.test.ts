import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck, TestClock } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import * as EmulatorHttp from "./emulatorHttp.js"
import * as EmulatorSocket from "./emulatorSocket.js"

const Emulator = WavesEmulator.layer({ engine: "tone" })

const longText = "All work and no play makes a dull day. ".repeat(200)

/** Waits until a number of bytes has not grown for a while, and gives it. */
const settled = Effect.gen(function*() {
  const { requests } = yield* WavesEmulator.WavesEmulator
  const sent = Effect.map(requests, (all) => all.at(-1)?.audioBytes ?? 0)
  let before = -1
  let now = yield* sent
  let unchanged = 0
  while (unchanged < 50) {
    yield* EmulatorSocket.turn
    before = now
    now = yield* sent
    unchanged = now > 0 && now === before ? unchanged + 1 : 0
  }
  return now
})

const body = (text: string, fields: object = {}) =>
  JSON.stringify({ text, voice_id: "magnus", sample_rate: 44100, ...fields })

describe("the emulator under stress", () => {
  it.scopedLive("a client that never reads events - does not fill the server", () =>
    Effect.gen(function*() {
      const { url } = yield* WavesEmulator.WavesEmulator
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const request = body(longText)
          const socket = Net.connect(Number(new URL(url).port), "127.0.0.1")
          socket.on("error", () => {})
          socket.pause()
          socket.write(
            `POST /waves/v1/tts/live HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk\r\ncontent-length: ${request.length}\r\n\r\n${request}`
          )
          return socket
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
      const sent = yield* settled
      // What the kernel's buffers take is some megabytes; all of it would be over 30.
      assert.isBelow(sent, 12_000_000)
    }).pipe(Effect.provide(Emulator)), 60_000)

  it.scopedLive("a client that never reads its socket - does not fill the server", () =>
    Effect.gen(function*() {
      const { webSocketUrl } = yield* WavesEmulator.WavesEmulator
      const client = yield* EmulatorSocket.connect(`${webSocketUrl}/waves/v1/tts/live`)
      client.webSocket.pause()
      yield* client.send(body(longText))
      // Hundreds of further messages must wait outside, too.
      for (let i = 0; i < 500; i++) yield* client.send(body(longText.slice(0, 7000)))
      const sent = yield* settled
      assert.isBelow(sent, 12_000_000)
      const [record] = yield* (yield* WavesEmulator.WavesEmulator).requests
      assert.isAtMost(record?.messages.length ?? 0, 50)
    }).pipe(Effect.provide(Emulator)), 60_000)

  it.scoped("a client that stopped reading - is timed out like any other", () =>
    Effect.gen(function*() {
      const { awaitRequest, webSocketUrl } = yield* WavesEmulator.WavesEmulator
      const client = yield* EmulatorSocket.connect(`${webSocketUrl}/waves/v1/tts/live`)
      client.webSocket.pause()
      for (let i = 0; i < 300; i++) yield* client.send(body(longText.slice(0, 7000)))
      yield* settled
      yield* TestClock.adjust("61 seconds")
      assert.strictEqual((yield* awaitRequest(({ outcome }) => outcome !== "open")).outcome, "aborted")
    }).pipe(Effect.provide(Emulator)), 60_000)

  it.scopedLive("100 requests at the same time - are all answered, and alike", () =>
    Effect.gen(function*() {
      const answers = yield* Effect.all(Array.from({ length: 100 }, () => EmulatorHttp.speak()), { concurrency: 100 })
      const [first] = answers
      assert.isAbove(first?.bytes.length ?? 0, 0)
      for (const { bytes, status } of answers) {
        assert.strictEqual(status, 200)
        assert.isTrue(bytes.equals(first?.bytes ?? Buffer.alloc(0)))
      }
    }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone", concurrency: 100 }))), 60_000)

  it.scopedLive("100 requests at the same time - are all spoken by the embedded voice", () =>
    Effect.gen(function*() {
      const texts = Array.from({ length: 100 }, (_, i) => `${i}.`)
      const answers = yield* Effect.forEach(texts, (text) => EmulatorHttp.speak({ text }), { concurrency: 100 })
      for (const { bytes, status } of answers) {
        assert.strictEqual(status, 200)
        assert.isAbove(bytes.length, 7680)
      }
    }).pipe(Effect.provide(WavesEmulator.layer())), 120_000)

  const json = FastCheck.jsonValue({ maxDepth: 2 })

  const fieldNames = [
    "text",
    "voice_id",
    "model",
    "sample_rate",
    "speed",
    "language",
    "output_format",
    "pronunciation_dicts",
    "request_id",
    "items",
    "continue",
    "flush",
    "context_id",
    "context_close",
    "cancel_request",
    "max_buffer_flush_ms",
    "type"
  ] as const

  const fields = FastCheck.record({
    text: FastCheck.oneof(FastCheck.string({ maxLength: 20 }), json),
    voice_id: FastCheck.oneof(FastCheck.constantFrom("magnus", "meher", "emily", ""), json),
    model: FastCheck.oneof(FastCheck.constantFrom("lightning_v3.1", "lightning_v3.1_pro", "lightning"), json),
    sample_rate: FastCheck.oneof(FastCheck.constantFrom(8000, 16000, 24000), json),
    speed: FastCheck.oneof(FastCheck.double(), json),
    language: FastCheck.oneof(FastCheck.constantFrom("en", "auto"), json),
    output_format: FastCheck.oneof(FastCheck.constantFrom("pcm", "wav", "ulaw", "alaw", "mp3"), json),
    pronunciation_dicts: json,
    request_id: json,
    items: json,
    continue: FastCheck.oneof(FastCheck.boolean(), json),
    flush: FastCheck.oneof(FastCheck.boolean(), json),
    context_id: FastCheck.oneof(FastCheck.constantFrom("a", "b", "__proto__"), json),
    context_close: FastCheck.boolean(),
    cancel_request: FastCheck.boolean(),
    max_buffer_flush_ms: json,
    complete_backoff_ms: FastCheck.constantFrom(0, 1),
    type: json
  }, { requiredKeys: [] })

  const base = {
    text: "Hi.",
    voice_id: "magnus",
    sample_rate: 8000,
    items: [{ word: "a", pronunciation: "b" }],
    complete_backoff_ms: 0
  }

  /** Good messages with a few fields that are not. */
  const mutated = FastCheck.tuple(fields, FastCheck.array(FastCheck.constantFrom(...fieldNames), { maxLength: 3 })).map(
    ([values, names]) => JSON.stringify({ ...base, ...Object.fromEntries(names.map((name) => [name, values[name]])) })
  )

  const fuzzed = FastCheck.oneof(
    { weight: 8, arbitrary: mutated },
    { weight: 2, arbitrary: fields.map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: json.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: FastCheck.string({ unit: "binary", maxLength: 50 }) },
    // A body that was cut on its way.
    { weight: 1, arbitrary: mutated.map((text) => text.slice(0, -3)) }
  )

  const paths = [
    "/waves/v1/tts",
    "/waves/v1/tts/live",
    "/api/v1/lightning/get_speech",
    "/api/v1/lightning/stream",
    "/waves/v1/pronunciation-dicts",
    "/waves/v1/voice-cloning",
    "/waves/v1/voice-cloning/delete",
    "/__emulator/requests/x"
  ]

  it.scopedLive("5,000 fuzzed bodies - are answered, each with a status that fits", () =>
    Effect.gen(function*() {
      const { url } = yield* WavesEmulator.WavesEmulator
      const agent = yield* Effect.acquireRelease(
        Effect.sync(() => new Http.Agent({ keepAlive: true, maxSockets: 10 })),
        (agent) => Effect.sync(() => agent.destroy())
      )
      const post = (body: string, path: string) =>
        Effect.async<number, Error>((resume) => {
          const headers = { authorization: "Bearer sk", "content-type": "application/json" }
          const request = Http.request(`${url}${path}`, { agent, method: "POST", headers }, (response) => {
            response.resume()
            response.on("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
          })
          request.on("error", (error) => resume(Effect.fail(error)))
          request.end(body)
        })
      const bodies = FastCheck.sample(fuzzed, { numRuns: 5000, seed: 1 })
      const statuses = yield* Effect.forEach(bodies, (body, i) => post(body, paths[i % paths.length] ?? "/"), {
        concurrency: 10
      })
      assert.deepStrictEqual(new Set(statuses), new Set([200, 400, 401, 404]))
    }).pipe(Effect.provide(Emulator)), 120_000)

  it.scopedLive("5,000 fuzzed frames - leave the server standing and the socket open", () =>
    Effect.gen(function*() {
      const { webSocketUrl } = yield* WavesEmulator.WavesEmulator
      const frames = FastCheck.sample(fuzzed, { numRuns: 5000, seed: 2 })
      for (let i = 0; i < 5; i++) {
        const client = yield* EmulatorSocket.connect(`${webSocketUrl}/waves/v1/tts/live`)
        for (const frame of frames.slice(i * 1000, (i + 1) * 1000)) yield* client.send(frame)
        yield* client.send({ type: "ping" })
        let frame = yield* client.next
        while (frame["type"] !== "pong") {
          assert.notProperty(frame, "malformed")
          frame = yield* client.next
        }
      }
    }).pipe(Effect.provide(Emulator)), 120_000)

  it.scopedLive("bytes that are no protocol - end their own connection only", () =>
    Effect.gen(function*() {
      const { url, webSocketUrl } = yield* WavesEmulator.WavesEmulator
      const port = Number(new URL(url).port)
      const noise = (before: string, seed: number) =>
        Effect.async<void>((resume) => {
          const socket = Net.connect(port, "127.0.0.1", () => {
            socket.write(before)
            socket.write(
              Buffer.from(
                FastCheck.sample(FastCheck.uint8Array({ minLength: 40, maxLength: 400 }), { numRuns: 1, seed })[0] ?? []
              )
            )
            socket.end()
          })
          socket.on("error", () => {})
          socket.resume()
          socket.on("close", () => resume(Effect.void))
        })
      const upgrade =
        "GET /waves/v1/tts/live?token=sk HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
      const broken =
        "GET /waves/v1/tts/live?token=sk HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
      const refused = "GET /waves/v1/tts/live HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
      for (let i = 0; i < 25; i++) {
        for (const before of ["", "POST /waves/v1/tts HTTP/1.1\r\n", upgrade, broken, refused]) yield* noise(before, i)
      }
      yield* EmulatorSocket.connect(`${webSocketUrl}/waves/v1/tts/live`)
      assert.strictEqual((yield* EmulatorHttp.speak()).status, 200)
    }).pipe(Effect.provide(Emulator)), 60_000)
})
