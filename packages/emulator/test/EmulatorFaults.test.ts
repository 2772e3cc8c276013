import { type Fault, WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber } from "effect"
import * as EmulatorHttp from "./emulatorHttp.js"
import * as EmulatorSocket from "./emulatorSocket.js"

const Emulator = WavesEmulator.layer({ engine: "tone" })

const body = { text: "Hello there.", voice_id: "magnus", sample_rate: 24000 }

const inject = (...faults: Fault.Injection["faults"]) =>
  Effect.flatMap(WavesEmulator.WavesEmulator, (emulator) => emulator.inject({ faults }))

const whole = EmulatorHttp.request("/waves/v1/tts", { body })

const events = EmulatorHttp.request("/waves/v1/tts/live", { body })

const connect = Effect.flatMap(
  WavesEmulator.WavesEmulator,
  ({ webSocketUrl }) => EmulatorSocket.connect(`${webSocketUrl}/waves/v1/tts/live`)
)

const speakLive = Effect.tap(connect, (client) => client.send({ ...body, complete_backoff_ms: 0 }))

const audioOf = (text: string) =>
  [...text.matchAll(/"audio": "([^"]*)"/g)].map(([, audio]) => Buffer.from(audio ?? "", "base64"))

const done = "data: {\"status\": \"200\", \"done\": true}\n\n"

/** Frames until the socket closes or says `complete`. */
const framesOf = (client: EmulatorSocket.Client): Effect.Effect<ReadonlyArray<EmulatorSocket.Frame>> =>
  Effect.raceFirst(client.next, Effect.as(client.closed, { closed: true })).pipe(
    Effect.flatMap((frame) =>
      "closed" in frame
        ? client.waiting
        : frame["status"] === "complete" || frame["status"] === "error"
        ? Effect.succeed([frame])
        : Effect.map(framesOf(client), (more) => [frame, ...more])
    )
  )

/** What is read of a body before it breaks, and whether it breaks. */
const readPart = (response: Response) =>
  Effect.promise(async () => {
    const reader = response.body?.getReader()
    let bytes = 0
    try {
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
        bytes += part.value.length
      }
      return { bytes, isBroken: false }
    } catch {
      return { bytes, isBroken: true }
    }
  })

describe("faults", () => {
  it.scopedLive("Delay before headers - holds the headers back", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "Delay", before: "headers", duration: "150 millis" })
      const [slow] = yield* Effect.timed(EmulatorHttp.start("/waves/v1/voice/get-all-models"))
      assert.isAtLeast(Duration.toMillis(slow), 140)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Delay before audio - lets the headers go first", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "Delay", before: "audio", duration: 150 })
      const response = yield* EmulatorHttp.start("/waves/v1/tts/live", { body })
      const [audio, answer] = yield* Effect.timed(EmulatorHttp.finish(response))
      assert.isAtLeast(Duration.toMillis(audio), 120)
      assert.isTrue(answer.text.endsWith(done))
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Delay before every frame - slows the whole answer down", () =>
    Effect.gen(function*() {
      const normal = yield* whole
      yield* inject({ _tag: "Delay", before: "frame", duration: 20 })
      const [duration, delayed] = yield* Effect.timed(whole)
      assert.isTrue(delayed.bytes.equals(normal.bytes))
      assert.isAtLeast(Duration.toMillis(duration), 20 * (normal.bytes.length / 7680) - 5)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Status - answers with it, its body and headers, as often as told", () =>
    Effect.gen(function*() {
      const { faults, inject } = yield* WavesEmulator.WavesEmulator
      yield* inject({
        faults: [{ _tag: "Status", status: 503, body: { error: "down" }, headers: { "retry-after": "7" } }],
        times: 2
      })
      for (const remaining of [1, 0]) {
        const refused = yield* whole
        assert.strictEqual(refused.status, 503)
        assert.deepStrictEqual(JSON.parse(refused.text), { error: "down" })
        assert.strictEqual(refused.headers.get("retry-after"), "7")
        assert.strictEqual((yield* faults).length, remaining)
      }
      assert.strictEqual((yield* whole).status, 200)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Status with text - is no JSON, as proxies answer", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "Status", status: 502, body: "<h1>Bad gateway</h1>" })
      const { text } = yield* whole
      assert.strictEqual(text, "<h1>Bad gateway</h1>")
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Status on a WebSocket - refuses the upgrade", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "Status", status: 503 })
      assert.strictEqual((yield* Effect.flip(connect)).status, 503)
      yield* connect
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Reset before headers - breaks the connection", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "Reset" })
      assert.match(String((yield* Effect.flip(whole)).cause), /fetch failed/)
      yield* inject({ _tag: "Reset" })
      assert.strictEqual((yield* Effect.flip(connect)).status, 0)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Reset in the audio - breaks the body there", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "Reset", afterBytes: 10_000 })
      const response = yield* EmulatorHttp.start("/waves/v1/tts", { body })
      assert.strictEqual(response.status, 200)
      const { bytes, isBroken } = yield* readPart(response)
      assert.isTrue(isBroken)
      assert.isAtMost(bytes, 10_000)
      yield* inject({ _tag: "Reset", afterBytes: 10_000 })
      const client = yield* speakLive
      assert.strictEqual((yield* client.closed).code, 1006)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Stall - sends that many bytes and then nothing, on an open connection", () =>
    Effect.gen(function*() {
      const { awaitRequest } = yield* WavesEmulator.WavesEmulator
      for (const path of ["/waves/v1/tts", "/waves/v1/tts/live"]) {
        yield* inject({ _tag: "Stall", afterBytes: 8001 })
        const response = yield* EmulatorHttp.start(path, { body })
        const stalled = yield* awaitRequest((request) => request.path === path && request.audioBytes === 8001)
        assert.strictEqual(stalled.outcome, "open")
        assert.deepStrictEqual(stalled.faults, ["Stall"])
        yield* Effect.promise(async () => response.body?.cancel())
        yield* awaitRequest((request) => request.id === stalled.id && request.outcome === "aborted")
      }
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Stall before headers - answers nothing at all", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "Stall" })
      const answer = yield* Effect.fork(whole)
      const { awaitRequest } = yield* WavesEmulator.WavesEmulator
      yield* awaitRequest(({ faults }) => faults.includes("Stall"))
      assert.strictEqual((yield* Fiber.poll(answer))._tag, "None")
      yield* Fiber.interrupt(answer)
      yield* awaitRequest(({ outcome }) => outcome === "aborted")
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("EndEarly - ends as if all were well", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "EndEarly", afterBytes: 8000 })
      assert.strictEqual((yield* whole).bytes.length, 8000)
      yield* inject({ _tag: "EndEarly", afterBytes: 8000 })
      const sse = yield* events
      assert.strictEqual(Buffer.concat(audioOf(sse.text)).length, 8000)
      assert.notInclude(sse.text, "\"done\": true")
      yield* inject({ _tag: "EndEarly", afterBytes: 8000 })
      const client = yield* speakLive
      assert.strictEqual((yield* client.closed).code, 1000)
      const frames = yield* client.waiting
      assert.strictEqual(EmulatorSocket.audioOf(frames).length, 8000)
      assert.isFalse(frames.some((frame) => frame["status"] === "complete"))
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("MalformedJson - breaks one frame among good ones", () =>
    Effect.gen(function*() {
      const good = yield* whole
      yield* inject({ _tag: "MalformedJson", afterBytes: 8000 })
      const sse = yield* events
      const broken = sse.text.split("\n\n").flatMap((event) => {
        const data = event.replace(/^(event: audio\n)?data: /, "")
        try {
          return data === "" || JSON.parse(data) ? [] : []
        } catch {
          return [data]
        }
      })
      assert.strictEqual(broken.length, 1)
      assert.isTrue(sse.text.endsWith(done))
      yield* inject({ _tag: "MalformedJson", afterBytes: 8000 })
      const frames = yield* Effect.flatMap(speakLive, framesOf)
      assert.strictEqual(frames.filter((frame) => "malformed" in frame).length, 1)
      assert.isTrue(Buffer.from(EmulatorSocket.audioOf(frames)).equals(good.bytes))
      yield* inject({ _tag: "MalformedJson" })
      assert.isTrue((yield* whole).text.startsWith("{\"error\": "))
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("BadBase64 - puts a frame between that cannot be decoded", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "BadBase64", afterBytes: 8000 })
      assert.include((yield* events).text, "\"audio\": \"*not base64*\"")
      yield* inject({ _tag: "BadBase64" })
      const frames = yield* Effect.flatMap(speakLive, framesOf)
      assert.include(JSON.stringify(frames[0]), "*not base64*")
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("InBandError - tells the error in the answer and ends it", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "InBandError", afterBytes: 8000, message: "out of breath" })
      const sse = yield* events
      assert.strictEqual(Buffer.concat(audioOf(sse.text)).length, 8000)
      assert.isTrue(sse.text.endsWith("data: {\"status\":\"error\",\"message\":\"out of breath\"}\n\n"))
      yield* inject({ _tag: "InBandError", message: "out of breath" })
      const [frame] = yield* Effect.flatMap(speakLive, framesOf)
      assert.strictEqual(frame?.["status"], "error")
      assert.strictEqual(frame?.["message"], "out of breath")
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Split - cuts through the samples, and nothing is lost", () =>
    Effect.gen(function*() {
      const good = yield* whole
      yield* inject({ _tag: "Split", bytes: 1023 })
      const pieces = audioOf((yield* events).text)
      assert.isTrue(pieces.slice(0, -1).every((piece) => piece.length === 1023))
      assert.isTrue(Buffer.concat(pieces).equals(good.bytes))
      yield* inject({ _tag: "Split", bytes: 9999 })
      const frames = yield* Effect.flatMap(speakLive, framesOf)
      assert.strictEqual(EmulatorSocket.audioOf(frames.slice(0, 1)).length, 9999)
      assert.isTrue(Buffer.from(EmulatorSocket.audioOf(frames)).equals(good.bytes))
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("SlowDrip - sends a little at a time", () =>
    Effect.gen(function*() {
      const good = yield* whole
      yield* inject({ _tag: "SlowDrip", bytes: 4000, every: "10 millis" })
      const [duration, answer] = yield* Effect.timed(whole)
      assert.isTrue(answer.bytes.equals(good.bytes))
      assert.isAtLeast(Duration.toMillis(duration), 10 * Math.floor(good.bytes.length / 4000) - 5)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("EmptyAudio - reports success without a sound", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "EmptyAudio" })
      const answer = yield* whole
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.bytes.length, 0)
      yield* inject({ _tag: "EmptyAudio" })
      assert.strictEqual((yield* events).text, done)
      yield* inject({ _tag: "EmptyAudio" })
      const frames = yield* Effect.flatMap(speakLive, framesOf)
      assert.deepStrictEqual(frames.map((frame) => frame["status"]), ["complete"])
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("ContentType - says something else than it is", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "ContentType", contentType: "text/html" })
      const answer = yield* whole
      assert.strictEqual(answer.headers.get("content-type"), "text/html")
      assert.isAbove(answer.bytes.length, 0)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("Close - closes the socket with a code in the middle", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "Close", code: 1011, reason: "worker died", afterBytes: 8000 })
      const client = yield* speakLive
      assert.deepStrictEqual(yield* client.closed, { code: 1011, reason: "worker died" })
      assert.strictEqual(EmulatorSocket.audioOf(yield* client.waiting).length, 8000)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("several faults - strike the same request", () =>
    Effect.gen(function*() {
      yield* inject({ _tag: "Split", bytes: 333 }, { _tag: "EndEarly", afterBytes: 1000 })
      const pieces = audioOf((yield* events).text)
      assert.deepStrictEqual(pieces.map((piece) => piece.length), [333, 333, 333, 1])
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("the header - strikes its own request only", () =>
    Effect.gen(function*() {
      const headers = { "x-emulator-fault": JSON.stringify({ _tag: "Status", status: 418, body: "teapot" }) }
      assert.strictEqual((yield* EmulatorHttp.speak({}, { headers })).status, 418)
      const several = {
        "x-emulator-fault": JSON.stringify([{ _tag: "EmptyAudio" }, { _tag: "ContentType", contentType: "a/b" }])
      }
      const answer = yield* EmulatorHttp.speak({}, { headers: several })
      assert.strictEqual(answer.bytes.length, 0)
      assert.strictEqual(answer.headers.get("content-type"), "a/b")
      const wrong = yield* EmulatorHttp.speak({}, { headers: { "x-emulator-fault": "{\"_tag\":\"Nonsense\"}" } })
      assert.strictEqual(wrong.status, 400)
      assert.include(wrong.text, "x-emulator-fault")
      assert.strictEqual((yield* EmulatorHttp.speak()).status, 200)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("a path - keeps a fault for its requests, and faults of audio wait for audio", () =>
    Effect.gen(function*() {
      const emulator = yield* WavesEmulator.WavesEmulator
      yield* emulator.inject({ faults: [{ _tag: "EmptyAudio" }], path: "/waves/v1/tts/live" })
      yield* emulator.inject({ faults: [{ _tag: "Status", status: 500 }], path: "/waves/v1/health" })
      assert.isAbove((yield* whole).bytes.length, 0)
      assert.strictEqual((yield* EmulatorHttp.request("/waves/v1/lightning-v3.1/get_voices")).status, 200)
      assert.strictEqual((yield* EmulatorHttp.request("/waves/v1/health")).status, 500)
      assert.strictEqual((yield* events).text, done)
      yield* inject({ _tag: "EmptyAudio" })
      yield* emulator.clearFaults
      assert.isAbove((yield* whole).bytes.length, 0)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("over HTTP - are set, listed and cleared", () =>
    Effect.gen(function*() {
      const call = (method: string, body?: unknown) =>
        EmulatorHttp.request("/__emulator/faults", { method, body, key: "" })
      const injection = { faults: [{ _tag: "Delay", before: "headers", duration: "2 seconds" }], times: 3 }
      assert.deepStrictEqual(JSON.parse((yield* call("POST", injection)).text), [injection])
      assert.deepStrictEqual(JSON.parse((yield* call("GET")).text), [injection])
      assert.deepStrictEqual(JSON.parse((yield* call("DELETE")).text), [])
      assert.strictEqual((yield* call("POST", [{ faults: [{ _tag: "Reset", afterBytes: -1 }] }])).status, 400)
      assert.strictEqual((yield* call("POST", { faults: [{ _tag: "Close", code: 1006 }] })).status, 400)
      assert.strictEqual((yield* call("POST", { faults: [], path: 1 })).status, 400)
      const header = { _tag: "Status", status: 500, headers: { "no name": "x" } }
      assert.strictEqual((yield* call("POST", { faults: [header] })).status, 400)
      assert.strictEqual((yield* call("POST", { faults: [{ _tag: "ContentType", contentType: "a\nb" }] })).status, 400)
      assert.deepStrictEqual(JSON.parse((yield* call("GET")).text), [])
      yield* call("POST", { faults: [{ _tag: "Status", status: 500 }] })
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(whole)))
      assert.strictEqual((yield* whole).status, 200)
    }).pipe(Effect.provide(Emulator)))

  it.effect.each<readonly [body: unknown, error: RegExp]>([
    [
      { faults: [{ _tag: "Stats", status: 500 }] },
      /^faults\.0: there is no fault with the _tag "Stats"; there are Delay, .*Close$/
    ],
    [{ faults: [{ status: 500 }] }, /^faults\.0: there is no fault with the _tag undefined/],
    [
      { faults: [{ _tag: "Delay", before: "lunch", duration: 1 }] },
      /^faults\.0\.before: Expected "headers", actual "lunch"$/
    ],
    [{ faults: [{ _tag: "Status", status: 429, times: 2 }] }, /^faults\.0\.times: is unexpected/],
    [{ faults: [{ _tag: "Status", status: "429" }] }, /^faults\.0\.status: Expected number, actual "429"$/],
    [{ faults: [] }, /^faults: has no fault in it$/],
    [{ fault: { _tag: "Reset" } }, /^fault: is unexpected/],
    [{ faults: [{ _tag: "Reset" }], times: 0 }, /^times: Expected a positive number/],
    [[{ faults: [{ _tag: "Reset" }] }, { faults: { _tag: "Reset" } }], /^1\.faults: must be a list of faults/],
    [[{ faults: ["Reset"] }], /^0\.faults\.0: a fault is an object such as/],
    ["x".repeat(10_000), /^Expected/]
  ])("over HTTP - what is wrong is one sentence: %j", ([body, error]) =>
    Effect.gen(function*() {
      const answer = yield* EmulatorHttp.request("/__emulator/faults", { body: JSON.stringify(body), key: "" })
      assert.strictEqual(answer.status, 400)
      assert.match(JSON.parse(answer.text).error, error)
      assert.isBelow(answer.text.length, 500)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("over HTTP - the bare path tells what there is", () =>
    Effect.gen(function*() {
      const { status, text } = yield* EmulatorHttp.request("/__emulator", { key: "" })
      assert.strictEqual(status, 200)
      const contents = JSON.parse(text)
      assert.include(Object.keys(contents.routes), "POST /__emulator/faults")
      const set = yield* EmulatorHttp.request("/__emulator/faults", { body: contents.example, key: "" })
      assert.strictEqual(set.status, 200)
    }).pipe(Effect.provide(Emulator)))
})
