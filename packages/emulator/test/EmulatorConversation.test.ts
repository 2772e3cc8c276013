import { type Assumptions, WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as EmulatorSocket from "./emulatorSocket.js"

const tone = (options: WavesEmulator.Options = {}) => WavesEmulator.layer({ engine: "tone", ...options })

const assuming = (assumptions: typeof Assumptions.Assumptions.Encoded) => tone({ assumptions })

const connect = (query = "voice_id=brannock&sample_rate=24000") =>
  Effect.flatMap(
    WavesEmulator.WavesEmulator,
    ({ webSocketUrl }) => EmulatorSocket.connect(`${webSocketUrl}/waves/v1/lightning-v4/live?${query}`)
  )

const ready = Effect.fnUntraced(function*(query?: string) {
  const client = yield* connect(query)
  assert.strictEqual((yield* client.next)["event"], "ready")
  const second = yield* client.next
  assert.strictEqual(second["event"], "ready")
  return { ...client, sampleRate: second["sample_rate"] }
})

const untilEvent = (
  client: EmulatorSocket.Client,
  ...events: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<EmulatorSocket.Frame>> =>
  Effect.flatMap(client.nextInTime, (frame) =>
    events.includes(String(frame["event"]))
      ? Effect.succeed([frame])
      : Effect.map(untilEvent(client, ...events), (more) => [frame, ...more]))

const audioOf = (frames: ReadonlyArray<EmulatorSocket.Frame>) =>
  frames.flatMap(({ binary }) => Buffer.isBuffer(binary) ? [binary] : [])

const speak = (turn_id: string, text: string) => ({ event: "speak", turn_id, text })

describe("Lightning v4 of the emulator", () => {
  it.scoped("turns - are spoken in order in binary frames, and counted", () =>
    Effect.gen(function*() {
      const client = yield* ready()
      assert.strictEqual(client.sampleRate, 24_000)
      yield* client.send(speak("a", "Hello there."))
      yield* client.send(speak("b", "And again."))
      for (const turn_id of ["a", "b"]) {
        const frames = yield* untilEvent(client, "turn_end")
        const audio = audioOf(frames)
        assert.deepStrictEqual(frames[0], { event: "turn_start", turn_id })
        assert.deepStrictEqual(frames.at(-1), { event: "turn_end", turn_id, chunks: audio.length })
        assert.isAbove(audio.length, 1)
        for (const { length } of audio) assert.strictEqual(length, 7680)
      }
      yield* client.send({ event: "end" })
      assert.strictEqual((yield* client.closed).code, 1000)
    }).pipe(Effect.provide(tone())))

  it.scoped("48000 Hz - is the default, and sounds as long as other rates", () =>
    Effect.gen(function*() {
      const bytes = (client: EmulatorSocket.Client) =>
        Effect.map(
          Effect.zipRight(client.send(speak("a", "Hello.")), untilEvent(client, "turn_end")),
          (frames) => Buffer.concat(audioOf(frames)).length
        )
      const usual = yield* ready("voice_id=rhodes")
      assert.strictEqual(usual.sampleRate, 48_000)
      assert.closeTo(yield* bytes(usual), 2 * (yield* bytes(yield* ready())), 8)
    }).pipe(Effect.provide(tone())))

  it.scoped("interrupt - ends the turn with its chunks, drops those behind it, and the session goes on", () =>
    Effect.gen(function*() {
      const { inject } = yield* WavesEmulator.WavesEmulator
      yield* inject({ faults: [{ _tag: "SlowDrip", bytes: 7680, every: "50 millis" }] })
      const client = yield* ready()
      yield* client.send(speak("a", "This takes some time."))
      yield* client.send(speak("b", "Never."))
      yield* client.nextInTime
      yield* client.send({ event: "interrupt" })
      const frames = yield* untilEvent(client, "interrupted")
      assert.deepStrictEqual(frames.at(-1), { event: "interrupted", turn_id: "a", chunks: audioOf(frames).length })
      yield* client.send(speak("c", "Hello."))
      assert.deepStrictEqual(yield* client.nextInTime, { event: "turn_start", turn_id: "c" })
      yield* untilEvent(client, "turn_end")
    }).pipe(Effect.provide(tone())))

  it.scoped.each<readonly [query: string, code: string, closeCode: number]>([
    ["voice_id=nobody", "invalid_voice", 1008],
    ["sample_rate=22050", "invalid_query", 1008],
    ["speed=3", "invalid_query", 1008],
    ["language=hi", "invalid_query", 1008],
    ["output_format=mp3", "invalid_query", 1008],
    ["content_filter=maybe", "invalid_query", 1008]
  ])("%s - is refused with %s", ([query, code, closeCode]) =>
    Effect.gen(function*() {
      const client = yield* connect(query)
      const frame = yield* client.next
      assert.strictEqual(frame["status"], "error")
      assert.deepInclude(frame["error"], { code })
      assert.strictEqual((yield* client.closed).code, closeCode)
    }).pipe(Effect.provide(tone())))

  it.scoped("an account without the beta - is refused with model_access_denied", () =>
    Effect.gen(function*() {
      const client = yield* connect()
      assert.deepInclude((yield* client.next)["error"], { code: "model_access_denied" })
      assert.strictEqual((yield* client.closed).code, 1000)
    }).pipe(
      Effect.provide(tone({ models: ["lightning_v3.1_pro"], assumptions: { v4RefusalCloseCode: 1000 } }))
    ))

  it.scoped("bad messages - get an error each, and the session stays", () =>
    Effect.gen(function*() {
      const client = yield* ready()
      const cases: ReadonlyArray<readonly [unknown, string]> = [
        ["no json", "bad_frame"],
        [{ event: "dance" }, "bad_frame"],
        [{ event: "speak", text: "No id." }, "bad_frame"],
        [speak("a", "  "), "bad_frame"],
        [{ event: "user_audio", text: "Hi", audio: "AAAA" }, "bad_user_audio"],
        [{ event: "user_audio" }, "bad_user_audio"]
      ]
      for (const [message, code] of cases) {
        yield* client.send(message)
        assert.deepInclude(yield* client.nextInTime, { event: "error", code })
      }
      yield* client.send({ event: "user_audio", text: "Without audio it is thrown away." })
      yield* client.send({ event: "interrupt" })
      yield* client.send(speak("a", "Hello."))
      assert.deepStrictEqual(yield* client.nextInTime, { event: "turn_start", turn_id: "a" })
    }).pipe(Effect.provide(tone())))

  it.scoped("the content filter - rejects or flags", () =>
    Effect.gen(function*() {
      const query = "sample_rate=8000&content_filter=true"
      const rejecting = yield* ready(query)
      yield* rejecting.send(speak("a", "A Secret."))
      assert.deepStrictEqual((yield* untilEvent(rejecting, "turn_end")).at(-1), {
        event: "turn_end",
        turn_id: "a",
        chunks: 0
      })
      const flagging = yield* ready(`${query}&content_filter_action=flag`)
      yield* flagging.send(speak("a", "A Secret."))
      assert.isAbove(audioOf(yield* untilEvent(flagging, "turn_end")).length, 0)
    }).pipe(Effect.provide(assuming({ v4FilteredWord: "secret" }))))

  it.scoped("faults - strike before, in and at the end of a turn", () =>
    Effect.gen(function*() {
      const { inject } = yield* WavesEmulator.WavesEmulator
      const path = "/waves/v1/lightning-v4/live"
      const turn = Effect.fnUntraced(function*() {
        const client = yield* ready()
        yield* client.send(speak("a", "Hello there."))
        return client
      })
      yield* inject({ path, faults: [{ _tag: "Close", code: 1011, afterBytes: 7680 }] })
      assert.strictEqual((yield* (yield* turn()).closed).code, 1011)
      yield* inject({ path, faults: [{ _tag: "Reset", afterBytes: 0 }] })
      assert.strictEqual((yield* (yield* turn()).closed).code, 1006)
      yield* inject({ path, faults: [{ _tag: "InBandError", message: "broke" }] })
      assert.deepInclude((yield* untilEvent(yield* turn(), "error")).at(-1), { turn_id: "a", message: "broke" })
      yield* inject({ path, faults: [{ _tag: "Status", status: 503 }] })
      assert.strictEqual((yield* Effect.flip(connect())).status, 503)
    }).pipe(Effect.provide(tone())))

  it.scoped("a session - counts as a socket, or as a request", () =>
    Effect.gen(function*() {
      const refused = Effect.map(Effect.flip(connect()), ({ status }) => assert.strictEqual(status, 429))
      yield* Effect.zipRight(ready(), refused).pipe(Effect.provide(tone({ sockets: 1 })))
      yield* Effect.zipRight(ready(), refused).pipe(
        Effect.provide(tone({ concurrency: 1, assumptions: { v4Session: "request" } }))
      )
    }))
})
