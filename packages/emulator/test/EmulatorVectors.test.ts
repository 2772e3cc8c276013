import { type Fault, WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"
import { readFileSync } from "node:fs"
import * as EmulatorSocket from "./emulatorSocket.js"

interface HttpRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly multipart?: Readonly<Record<string, string | { readonly filename: string; readonly content_type: string }>>
}

interface HttpVector {
  readonly id: string
  readonly options?: { readonly apiKey?: string; readonly concurrency?: number }
  readonly faults?: Fault.Injection["faults"]
  readonly before?: ReadonlyArray<string>
  readonly request: HttpRequest
  readonly expect: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly json?: unknown
    readonly contains?: { readonly voiceId: string }
    readonly audio?: { readonly container: "pcm" | "wav"; readonly sampleRate: number; readonly blockBytes?: number }
    readonly events?: { readonly kind: "today" | "lightning" | "large"; readonly blockBytes?: number }
    readonly bodyEnd?: string
  }
}

interface SocketVector {
  readonly id: string
  readonly socket: { readonly path: string; readonly headers: Readonly<Record<string, string>> }
  readonly frames: ReadonlyArray<{
    readonly send?: unknown
    readonly receive?: unknown
    readonly at?: number
    readonly closed?: unknown
    readonly close?: true
    readonly refused?: number
    readonly json?: unknown
  }>
}

const vectors: ReadonlyArray<HttpVector | SocketVector> = JSON.parse(
  readFileSync(new URL("./fixtures/emulatorVectors.json", import.meta.url), "utf8")
)

const httpVectors = vectors.filter((vector): vector is HttpVector => "request" in vector)

const socketVectors = vectors.filter((vector): vector is SocketVector => "socket" in vector)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Compares JSON. `<…>` stands for anything, `$each` for the items of a list, `$includes` for some of the fields. */
const differences = (actual: unknown, expected: unknown, path: string): ReadonlyArray<string> => {
  if (typeof expected === "string" && /^<.*>$/.test(expected)) {
    return actual === undefined ? [`${path} is missing`] : []
  }
  if (isRecord(expected) && "$each" in expected) {
    return Array.isArray(actual) && actual.length > 0
      ? actual.flatMap((item, i) => differences(item, expected["$each"], `${path}[${i}]`))
      : [`${path} is no list with items`]
  }
  if (isRecord(expected) && "$includes" in expected) {
    const fields = expected["$includes"]
    return isRecord(actual) && isRecord(fields)
      ? Object.entries(fields).flatMap(([name, value]) => differences(actual[name], value, `${path}.${name}`))
      : [`${path} is no object`]
  }
  if (Array.isArray(expected) || isRecord(expected)) {
    if (typeof actual !== "object" || actual === null) return [`${path} is ${JSON.stringify(actual)}`]
    const names = new Set([...Object.keys(expected), ...Object.keys(actual)])
    return [...names].flatMap((name) =>
      !(name in expected)
        ? [`${path}.${name} is not expected`]
        : differences(Reflect.get(actual, name), Reflect.get(expected, name), `${path}.${name}`)
    )
  }
  return actual === expected ? [] : [`${path} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`]
}

const assertMatches = (actual: unknown, expected: unknown) =>
  assert.deepStrictEqual(differences(actual, expected, "$"), [], JSON.stringify(actual))

const bodyOf = (request: HttpRequest): { readonly body?: BodyInit } => {
  if (request.multipart !== undefined) {
    const form = new FormData()
    for (const [name, value] of Object.entries(request.multipart)) {
      if (typeof value === "string") form.set(name, value)
      else form.set(name, new Blob([new Uint8Array(2000)], { type: value.content_type }), value.filename)
    }
    return { body: form }
  }
  return request.json === undefined ? {} : { body: JSON.stringify(request.json) }
}

const call = (url: string, request: HttpRequest) =>
  Effect.promise(() =>
    fetch(`${url}${request.path}`, { method: request.method, headers: request.headers, ...bodyOf(request) })
  )

const idsIn = (json: unknown): Readonly<Record<string, string>> => {
  const data = isRecord(json) && isRecord(json["data"]) ? json["data"] : json
  const model = isRecord(data) && isRecord(data["model"]) ? data["model"] : {}
  return { ...(isRecord(data) ? { id: String(data["id"]) } : {}), _id: String(model["_id"]) }
}

const withIds = (request: HttpRequest, ids: Readonly<Record<string, string>>): HttpRequest =>
  JSON.parse(JSON.stringify(request).replace(/\{(_?id)\}/g, (_, name: string) => ids[name] ?? ""))

/** The header of a WAV file of 16-bit mono PCM with that many bytes of audio. */
const wavHeader = (sampleRate: number, dataBytes: number): Buffer => {
  const header = Buffer.from("RIFF____WAVEfmt ________________________data____", "latin1").subarray(0, 44)
  header.writeUInt32LE(36 + dataBytes, 4)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(sampleRate, 24)
  header.writeUInt32LE(2 * sampleRate, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write("data", 36, "latin1")
  header.writeUInt32LE(dataBytes, 40)
  return header
}

const assertSounds = (pcm: Buffer) => {
  const samples = new Int16Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.length - pcm.length % 2))
  assert.isAbove(samples.reduce((loudest, sample) => Math.max(loudest, Math.abs(sample)), 0), 3000)
}

const assertAudio = (body: Buffer, expected: NonNullable<HttpVector["expect"]["audio"]>) => {
  const pcm = expected.container === "wav" ? body.subarray(44) : body
  if (expected.container === "wav") {
    assert.strictEqual(body.subarray(0, 44).toString("hex"), wavHeader(expected.sampleRate, pcm.length).toString("hex"))
  } else {
    assert.notStrictEqual(body.toString("latin1", 0, 4), "RIFF")
  }
  if (expected.blockBytes !== undefined) assert.strictEqual(pcm.length % expected.blockBytes, 0)
  assertSounds(pcm)
}

const assertTodaysEvents = (text: string, blockBytes: number) => {
  const events = text.split("\n\n")
  assert.strictEqual(events.pop(), "")
  assert.strictEqual(events.pop(), "data: {\"status\": \"200\", \"done\": true}")
  const pieces = events.map((event) => {
    const match = /^event: audio\ndata: \{"audio": "([A-Za-z0-9+/=]*)", "done": false, "status": "206"\}$/.exec(event)
    assert.isNotNull(match, event)
    return Buffer.from(match?.[1] ?? "", "base64")
  })
  const pcm = Buffer.concat(pieces)
  assert.strictEqual(pcm.length % blockBytes, 0)
  assertSounds(pcm)
  // 320 ms at a time in pieces of 1024 bytes, and a shorter one, if need be an empty one, after them.
  const doubles = Array.from(
    { length: Math.ceil(pcm.length / (2 * blockBytes)) },
    (_, i) => Math.min(2 * blockBytes, pcm.length - i * 2 * blockBytes)
  )
  assert.deepStrictEqual(
    pieces.map((piece) => piece.length),
    doubles.flatMap((bytes) => [...Array.from({ length: Math.floor(bytes / 1024) }, () => 1024), bytes % 1024])
  )
}

const assertEvents = (text: string, expected: NonNullable<HttpVector["expect"]["events"]>) => {
  if (expected.kind === "today") return assertTodaysEvents(text, expected.blockBytes ?? 1)
  const events = text.trimEnd().split("\n\n")
  const last = events.pop() ?? ""
  const json = (event: string) => JSON.parse(event.replace(/^(event: \w+\n)?data: /, ""))
  if (expected.kind === "lightning") {
    events.map(json).forEach((event) =>
      assertMatches(event, { request_id: "<id>", status: "chunk", data: { audio: "<base64>" } })
    )
    assertMatches(json(last), { request_id: "<id>", status: "complete", message: "All chunks sent", done: true })
    assertSounds(Buffer.concat(events.map((event) => Buffer.from(json(event).data.audio, "base64"))))
  } else {
    events.forEach((event) => assert.match(event, /^event: chunk\ndata: \{"audio":"[A-Za-z0-9+/=]*"\}$/))
    assertSounds(Buffer.concat(events.map((event) => Buffer.from(json(event).audio, "base64"))))
  }
}

const layer = ({ apiKey, ...options }: NonNullable<HttpVector["options"]> = {}) =>
  WavesEmulator.layer({ engine: "tone", ...options, apiKey: apiKey === undefined ? undefined : Redacted.make(apiKey) })

describe("the vendor's vectors, over HTTP", () => {
  for (const vector of httpVectors) {
    it.scopedLive(vector.id, () =>
      Effect.gen(function*() {
        const { inject, url } = yield* WavesEmulator.WavesEmulator
        let ids: Readonly<Record<string, string>> = {}
        for (const id of vector.before ?? []) {
          const earlier = httpVectors.find((vector) => vector.id === id)
          if (earlier === undefined) return assert.fail(`There is no vector ${id}`)
          const response = yield* call(url, earlier.request)
          ids = idsIn(yield* Effect.promise(() => response.json()))
        }
        if (vector.faults !== undefined) yield* inject({ faults: vector.faults })
        const response = yield* call(url, withIds(vector.request, ids))
        const body = Buffer.from(yield* Effect.promise(() => response.arrayBuffer()))
        const { expect } = vector
        assert.strictEqual(response.status, expect.status, body.toString("utf8", 0, 500))
        for (const [name, value] of Object.entries(expect.headers)) {
          assertMatches(response.headers.get(name) ?? undefined, value)
        }
        assert.match(
          response.headers.get("x-request-id") ?? "",
          /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
        )
        if (expect.json !== undefined) assertMatches(JSON.parse(body.toString()), expect.json)
        if (expect.contains !== undefined) {
          const { voices } = JSON.parse(body.toString())
          const { voiceId } = expect.contains
          assertMatches(
            voices.find((voice: { readonly voiceId: string }) => voice.voiceId === voiceId),
            expect.contains
          )
        }
        if (expect.audio !== undefined) assertAudio(body, expect.audio)
        if (expect.events !== undefined) assertEvents(body.toString(), expect.events)
        if (expect.bodyEnd !== undefined) {
          assert.isTrue(body.toString().endsWith(expect.bodyEnd), body.toString().slice(-200))
        }
      }).pipe(Effect.provide(layer(vector.options))))
  }
})

const isFiller = (frame: EmulatorSocket.Frame): boolean =>
  frame["status"] === "chunk" || frame["status"] === "word_timestamp"

describe("the vendor's vectors, over a WebSocket", () => {
  for (const vector of socketVectors) {
    it.scoped(vector.id, () =>
      Effect.gen(function*() {
        const { webSocketUrl } = yield* WavesEmulator.WavesEmulator
        const connecting = EmulatorSocket.connect(`${webSocketUrl}${vector.socket.path}`, vector.socket.headers)
        const [first] = vector.frames
        if (first?.refused !== undefined) {
          const refused = yield* Effect.flip(connecting)
          assert.strictEqual(refused.status, first.refused)
          assertMatches(JSON.parse(refused.body), first.json)
          return
        }
        const client = yield* connecting
        let now = 0
        for (const frame of vector.frames) {
          if (frame.send !== undefined) yield* client.send(frame.send)
          if (frame.close) client.webSocket.close()
          if (frame.closed !== undefined) yield* client.closed
          if (frame.receive !== undefined) {
            if (frame.at !== undefined) {
              yield* EmulatorSocket.turn.pipe(Effect.repeatN(20))
              assert.deepStrictEqual(yield* client.waiting, [])
              yield* TestClock.adjust(frame.at - now)
              now = frame.at
            }
            const next = frame.at === undefined ? client.nextInTime : client.next
            let received = yield* next
            while (isFiller(received) && differences(received, frame.receive, "$").length > 0) received = yield* next
            assertMatches(received, frame.receive)
          }
        }
      }).pipe(Effect.provide(layer())))
  }
})
