import { type Assumptions, WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import * as EmulatorHttp from "./emulatorHttp.js"
import * as EmulatorSocket from "./emulatorSocket.js"

const tone = (options: WavesEmulator.Options = {}) => WavesEmulator.layer({ engine: "tone", ...options })

const assuming = (assumptions: typeof Assumptions.Assumptions.Encoded) => tone({ assumptions })

const connect = (path = "/waves/v1/tts/live") =>
  Effect.flatMap(WavesEmulator.WavesEmulator, ({ webSocketUrl }) => EmulatorSocket.connect(`${webSocketUrl}${path}`))

const slow = { voice_id: "magnus", model: "lightning_v3.1", sample_rate: 24000, language: "en" }

/** With a `complete` that does not take its usual four seconds. */
const voice = { ...slow, complete_backoff_ms: 100 }

const settle = EmulatorSocket.turn.pipe(Effect.repeatN(20))

const count = (frames: ReadonlyArray<EmulatorSocket.Frame>, status: string) =>
  frames.filter((frame) => frame["status"] === status).length

const requestIds = (frames: ReadonlyArray<EmulatorSocket.Frame>) => new Set(frames.map((frame) => frame["request_id"]))

describe("the emulator's WebSocket", () => {
  describe("one-shot", () => {
    it.scoped("a message - sounds as over HTTP, in chunks of 160 ms", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, text: "Hello there." })
        const frames = yield* client.until("complete")
        const chunks = frames.slice(0, -1)
        const whole = yield* EmulatorHttp.speak()
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(chunks)).equals(whole.bytes))
        for (const chunk of chunks) assert.strictEqual(EmulatorSocket.audioOf([chunk]).length, 7680)
      }).pipe(Effect.provide(tone())))

    it.scoped("output_format - changes nothing: the socket's audio is PCM", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, text: "Hello there.", output_format: "ulaw" })
        const frames = yield* client.until("complete")
        const whole = yield* EmulatorHttp.speak()
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(frames)).equals(whole.bytes))
      }).pipe(Effect.provide(tone())))

    it.scoped("ids - are the socket's, the request's, and the client's own", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, text: "Hi.", request_id: "r1", session_id: "s1", complete_backoff_ms: 0 })
        const first = yield* client.until("complete")
        yield* client.send({ ...voice, text: "Hi." })
        const second = yield* client.until("complete")
        for (const frame of first) {
          assert.strictEqual(frame["external_request_id"], "r1")
          assert.strictEqual(frame["external_session_id"], "s1")
        }
        for (const frame of second) assert.notProperty(frame, "external_request_id")
        assert.strictEqual(requestIds(first).size, 1)
        assert.strictEqual(requestIds([...first, ...second]).size, 2)
        assert.strictEqual(new Set([...first, ...second].map((frame) => frame["session_id"])).size, 1)
      }).pipe(Effect.provide(tone())))

    it.scoped("complete - comes when it was quiet for its time, not earlier", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...slow, text: "Hi." })
        yield* client.next
        yield* settle
        yield* client.waiting
        yield* TestClock.adjust("3999 millis")
        yield* settle
        assert.deepStrictEqual(yield* client.waiting, [])
        yield* TestClock.adjust("1 millis")
        assert.strictEqual((yield* client.next)["status"], "complete")
      }).pipe(Effect.provide(tone())))

    it.scoped("requests close together - share one complete, the last one's", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...slow, text: "One." })
        yield* client.send({ ...slow, text: "Two." })
        const frames = yield* client.until("complete")
        assert.strictEqual(requestIds(frames).size, 2)
        assert.strictEqual(frames.at(-1)?.["request_id"], frames.at(-2)?.["request_id"])
        yield* TestClock.adjust("20 seconds")
        yield* settle
        assert.deepStrictEqual(yield* client.waiting, [])
      }).pipe(Effect.provide(tone())))

    it.scoped("several requests - are spoken one after the other", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...slow, text: "The first of three." })
        yield* client.send({ ...slow, text: "The second." })
        yield* client.send({ ...slow, text: "The third." })
        const ids = (yield* client.until("complete")).map((frame) => frame["request_id"])
        const runs = ids.filter((id, i) => id !== ids[i - 1])
        assert.strictEqual(runs.length, 3)
      }).pipe(Effect.provide(tone())))

    it.scoped("socketRequests: interleave - mixes them", () =>
      Effect.gen(function*() {
        const { inject } = yield* WavesEmulator.WavesEmulator
        yield* inject({ faults: [{ _tag: "Delay", before: "frame", duration: 200 }], times: 2 })
        const client = yield* connect()
        yield* client.send({ ...slow, text: "One of two that sound together." })
        yield* client.send({ ...slow, text: "Two of two that sound together." })
        const ids = (yield* client.until("complete")).map((frame) => frame["request_id"])
        const runs = ids.filter((id, i) => id !== ids[i - 1])
        assert.isAbove(runs.length, 4)
        assert.strictEqual(new Set(ids).size, 2)
      }).pipe(Effect.provide(assuming({ socketRequests: "interleave" }))))
  })

  describe("buffering", () => {
    it.scoped("text with continue - waits for the flush, and is spoken as one", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        for (const text of ["Hello ", "there", "."]) {
          yield* client.send({ ...voice, text, continue: true, flush: false })
        }
        yield* settle
        yield* TestClock.adjust("5 seconds")
        yield* settle
        assert.deepStrictEqual(yield* client.waiting, [])
        yield* client.send({ ...voice, text: "", continue: false, flush: true })
        const frames = yield* client.until("complete")
        const whole = yield* EmulatorHttp.speak()
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(frames)).equals(whole.bytes))
        assert.strictEqual(requestIds(frames).size, 1)
      }).pipe(Effect.provide(tone())))

    it.scoped("a flush of nothing - brings no frame", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, text: "", continue: false, flush: true })
        yield* client.send({ type: "ping" })
        assert.deepStrictEqual(yield* client.next, { type: "pong" })
        yield* TestClock.adjust("20 seconds")
        yield* settle
        assert.deepStrictEqual(yield* client.waiting, [])
      }).pipe(Effect.provide(tone())))

    it.scoped("more text than is kept - leaves at a blank", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, text: "word ".repeat(80), continue: true })
        const first = yield* client.until("complete")
        assert.isAbove(count(first, "chunk"), 0)
        yield* client.send({ ...voice, text: "", continue: false, flush: true })
        const rest = yield* client.until("complete")
        const whole = yield* EmulatorHttp.speak({ text: "word ".repeat(80) })
        const parts = EmulatorSocket.audioOf(first).length + EmulatorSocket.audioOf(rest).length
        assert.approximately(parts, whole.bytes.length, 3 * 7680)
      }).pipe(Effect.provide(tone())))

    it.scoped("cancel_request - drops what was buffered", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, text: "Never spoken. ", continue: true, max_buffer_flush_ms: 500 })
        yield* client.send({ cancel_request: true })
        yield* client.send({ ...voice, text: "Hello there.", flush: true })
        const frames = yield* client.until("complete")
        const whole = yield* EmulatorHttp.speak()
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(frames)).equals(whole.bytes))
      }).pipe(Effect.provide(tone())))

    it.scoped("completeAfterFlush: immediate - does not wait", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...slow, text: "Hi.", flush: true })
        let frame = yield* client.next
        while (frame["status"] === "chunk") {
          // The clock stands still but for this.
          yield* TestClock.adjust(0)
          frame = yield* Effect.raceFirst(
            client.next,
            Effect.forever(Effect.zipRight(EmulatorSocket.turn, TestClock.adjust(0)))
          )
        }
        assert.strictEqual(frame["status"], "complete")
      }).pipe(Effect.provide(assuming({ completeAfterFlush: "immediate" }))))
  })

  describe("bare flush", () => {
    const buffered = Effect.gen(function*() {
      const client = yield* connect()
      yield* client.send({ ...voice, text: "Hello there.", continue: true })
      yield* client.send({ flush: true })
      return client
    })

    it.scoped("flush - speaks what is buffered", () =>
      Effect.gen(function*() {
        const frames = yield* (yield* buffered).until("complete")
        const whole = yield* EmulatorHttp.speak()
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(frames)).equals(whole.bytes))
      }).pipe(Effect.provide(tone())))

    it.scoped("ignore - does nothing", () =>
      Effect.gen(function*() {
        const client = yield* buffered
        yield* client.send({ type: "ping" })
        assert.deepStrictEqual(yield* client.next, { type: "pong" })
      }).pipe(Effect.provide(assuming({ bareFlush: "ignore" }))))

    it.scoped("refuse - is an error", () =>
      Effect.gen(function*() {
        assert.deepInclude(yield* (yield* buffered).next, { status: "error", message: "voice_id: Required" })
      }).pipe(Effect.provide(assuming({ bareFlush: "refuse" }))))
  })

  it.scoped("afterComplete=close - the socket closes after the last complete", () =>
    Effect.gen(function*() {
      const client = yield* connect()
      yield* client.send({ ...voice, text: "Hello there." })
      yield* client.until("complete")
      assert.strictEqual((yield* client.closed).code, 1000)
    }).pipe(Effect.provide(assuming({ afterComplete: "close" }))))

  it.scoped("legacyRequestId=client - the sockets of 2025 echo the client's request_id", () =>
    Effect.gen(function*() {
      const client = yield* connect("/api/v1/lightning-v2/get_speech/stream")
      yield* client.send({ voice_id: "emily", text: "Hello there.", request_id: "mine", sample_rate: 24000 })
      for (const frame of yield* client.until("complete")) assert.strictEqual(frame["request_id"], "mine")
    }).pipe(Effect.provide(assuming({ legacyRequestId: "client" }))))

  describe("contexts", () => {
    it.scoped("fragments - are joined as they are and leave at the end of a sentence", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        const fragment = (text: string, more = true) => client.send({ ...voice, context_id: "t", text, continue: more })
        for (const text of ["The ans", "wer is 3", ".14 and ", "not four. ", "Or is"]) yield* fragment(text)
        const first = yield* client.until("complete")
        const spoken = yield* EmulatorHttp.speak({ text: "The answer is 3.14 and not four." })
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(first)).equals(spoken.bytes))
        yield* fragment(" it?", false)
        const second = yield* client.until("complete")
        const rest = yield* EmulatorHttp.speak({ text: "Or is it?" })
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(second)).equals(rest.bytes))
        assert.strictEqual(requestIds([...first, ...second]).size, 2)
        for (const frame of [...first, ...second]) assert.notProperty(frame, "context_id")
      }).pipe(Effect.provide(assuming({ segmentMinLength: 20 }))))

    it.scoped("three sentences of 25, 25 and 23 characters - are released once, as in the vendor's example", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        const fragments = ["This is the first of it. ", "Here comes the second it.", " And this is the third."]
        assert.deepStrictEqual(fragments.map(({ length }) => length), [25, 25, 23])
        for (const [i, text] of fragments.entries()) {
          yield* client.send({ ...voice, context_id: "t", text, continue: i < 2 })
        }
        const frames = yield* client.until("complete")
        const whole = yield* EmulatorHttp.speak({ text: fragments.join("") })
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(frames)).equals(whole.bytes))
      }).pipe(Effect.provide(tone())))

    it.scoped.each(["a b", "é", "a/b", "a".repeat(129)])(
      "context_id %s - is refused",
      (context_id) =>
        Effect.gen(function*() {
          const client = yield* connect()
          yield* client.send({ ...voice, context_id, text: "Hello.", continue: false })
          assert.strictEqual((yield* client.next)["status"], "error")
          yield* client.send({ ...voice, context_id: "a-B_1.x", text: "Hello.", continue: false })
          assert.strictEqual((yield* client.next)["status"], "chunk")
        }).pipe(Effect.provide(tone()))
    )

    it.scoped("context_close - tears down at once", () =>
      Effect.gen(function*() {
        const { inject } = yield* WavesEmulator.WavesEmulator
        yield* inject({ faults: [{ _tag: "SlowDrip", bytes: 7680, every: "50 millis" }] })
        const client = yield* connect()
        yield* client.send({ ...voice, context_id: "a", text: "Spoken for some time, and more.", continue: false })
        yield* client.nextInTime
        yield* client.send({ ...voice, context_id: "b", text: "Left over", continue: true })
        yield* client.send({ context_id: "b", context_close: true })
        yield* client.send({ ...voice, context_id: "c", text: "Next.", continue: false })
        yield* client.until("complete")
        const next = yield* client.until("complete")
        const spoken = yield* EmulatorHttp.speak({ text: "Next." })
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(next)).equals(spoken.bytes))
      }).pipe(Effect.provide(tone())))

    it.scoped("each segment - has a complete of its own, however close they are", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, context_id: "t", text: "This is the first sentence of two. ", continue: true })
        yield* client.send({ ...voice, context_id: "t", text: "And this here is the second one.", continue: false })
        const first = yield* client.until("complete")
        const second = yield* client.until("complete")
        assert.strictEqual(requestIds(first).size, 1)
        assert.strictEqual(requestIds(second).size, 1)
        assert.isAbove(count(second, "chunk"), 0)
      }).pipe(Effect.provide(assuming({ segmentMinLength: 20 }))))

    it.scoped("max_buffer_delay_ms - counts from the first fragment and is not restarted", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        const fragment = (text: string) =>
          client.send({ ...voice, context_id: "t", text, continue: true, max_buffer_delay_ms: 1000 })
        yield* fragment("Hello ")
        yield* settle
        yield* TestClock.adjust("900 millis")
        yield* fragment("there")
        yield* settle
        assert.deepStrictEqual(yield* client.waiting, [])
        yield* TestClock.adjust("100 millis")
        const frames = yield* client.until("complete")
        const spoken = yield* EmulatorHttp.speak({ text: "Hello there" })
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(frames)).equals(spoken.bytes))
      }).pipe(Effect.provide(tone())))

    it.scoped("contextClose=flush - context_close speaks what is left, and brings no frame where nothing is", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, context_id: "a", text: "Left over", continue: true })
        yield* client.send({ context_id: "a", context_close: true })
        assert.isAbove(count(yield* client.until("complete"), "chunk"), 0)
        yield* client.send({ context_id: "b", context_close: true })
        yield* client.send({ context_id: "c", voice_id: "magnus", continue: false })
        yield* client.send({ type: "ping" })
        assert.deepStrictEqual(yield* client.next, { type: "pong" })
      }).pipe(Effect.provide(assuming({ contextClose: "flush" }))))

    it.scoped("two contexts - keep their texts apart", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, context_id: "a", text: "Hello ", continue: true })
        yield* client.send({ ...voice, context_id: "b", text: "Good ", continue: true })
        yield* client.send({ ...voice, context_id: "a", text: "there.", continue: false })
        const a = yield* client.until("complete")
        yield* client.send({ ...voice, context_id: "b", text: "night.", continue: false })
        const b = yield* client.until("complete")
        const spokenA = yield* EmulatorHttp.speak({ text: "Hello there." })
        const spokenB = yield* EmulatorHttp.speak({ text: "Good night." })
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(a)).equals(spokenA.bytes))
        assert.isTrue(Buffer.from(EmulatorSocket.audioOf(b)).equals(spokenB.bytes))
      }).pipe(Effect.provide(tone())))

    it.scoped("segmentMinLength and segmentMaxLength - move the limits", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, context_id: "t", text: "Hi. ", continue: true })
        assert.isAbove(count(yield* client.until("complete"), "chunk"), 0)
        yield* client.send({ ...voice, context_id: "t", text: "twelve chars and more", continue: false })
        const ids = requestIds([...(yield* client.until("complete")), ...(yield* client.until("complete"))])
        assert.strictEqual(ids.size, 2)
      }).pipe(Effect.provide(assuming({ segmentMinLength: 2, segmentMaxLength: 12 }))))

    it.scoped("a context - holds one place in the account", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, context_id: "a", text: "Hello ", continue: true })
        yield* client.send({ ...voice, context_id: "b", text: "Hello ", continue: true })
        const refused = yield* client.next
        assert.strictEqual(refused["status"], "error")
        assert.strictEqual(refused["message"], "Rate limit exceeded. Please retry after a short backoff.")
        yield* client.send({ ...voice, context_id: "a", text: "there.", continue: false })
        yield* client.until("complete")
        yield* client.send({ ...voice, context_id: "b", text: "Again.", continue: false })
        assert.isAbove(count(yield* client.until("complete"), "chunk"), 0)
      }).pipe(Effect.provide(tone({ concurrency: 1 }))))
  })

  describe("word times", () => {
    it.scoped("words - are those of the text, in order, each with the audio it sounds in", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        const text = "I bought 3 cats for $100 on Dec 25th"
        yield* client.send({
          voice_id: "meher",
          model: "lightning_v3.1_pro",
          sample_rate: 24000,
          text,
          word_timestamps: true
        })
        const frames = yield* client.until("complete")
        const words: Array<{ id: number; word: string; start: number; end: number }> = []
        let seconds = 0
        for (const frame of frames) {
          if (frame["status"] === "chunk") seconds += EmulatorSocket.audioOf([frame]).length / 48_000
          if (frame["status"] !== "word_timestamp") continue
          const word = JSON.parse(JSON.stringify(frame["data"]))
          assert.isBelow(word.start, seconds)
          assert.isAtLeast(word.start, seconds - 0.161)
          words.push(word)
        }
        assert.deepStrictEqual(words.map(({ word }) => word), text.split(" "))
        assert.deepStrictEqual(words.map(({ id }) => id), words.map((_, i) => i))
        words.forEach((word, i) => {
          assert.isBelow(word.start, word.end)
          assert.isAtLeast(word.start, words[i - 1]?.end ?? 0)
        })
      }).pipe(Effect.provide(tone())))

    it.scopedLive("the embedded voice - tells its own times", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        const text = "Seven small cats sleep."
        yield* client.send({
          voice_id: "liam",
          model: "lightning_v3.1",
          sample_rate: 24000,
          text,
          word_timestamps: true,
          complete_backoff_ms: 0
        })
        const words: Array<string> = []
        let frame = yield* client.next
        while (frame["status"] !== "complete") {
          if (frame["status"] === "word_timestamp") words.push(JSON.parse(JSON.stringify(frame["data"])).word)
          frame = yield* client.next
        }
        assert.deepStrictEqual(words, ["Seven", "small", "cats", "sleep."])
      }).pipe(Effect.provide(WavesEmulator.layer())))

    it.scoped("a voice without times, or nobody asking - brings none, and no error", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, text: "Hello there.", word_timestamps: true })
        const unaligned = yield* client.until("complete")
        yield* client.send({ ...voice, voice_id: "liam", text: "Hello there." })
        const unasked = yield* client.until("complete")
        for (const frames of [unaligned, unasked]) {
          assert.strictEqual(count(frames, "word_timestamp"), 0)
          assert.strictEqual(count(frames, "error"), 0)
        }
      }).pipe(Effect.provide(tone())))
  })

  describe("the connection", () => {
    it.scoped("silence of the client - ends it, and any message starts the time again", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ type: "ping" })
        yield* client.next
        yield* TestClock.adjust("59 seconds")
        yield* client.send({ type: "keep_alive" })
        yield* client.next
        yield* TestClock.adjust("59 seconds")
        yield* settle
        assert.deepStrictEqual(yield* client.waiting, [])
        yield* TestClock.adjust("1 seconds")
        assert.deepStrictEqual(yield* client.next, {
          status: "error",
          message: "Connection timed out after 60 seconds of inactivity"
        })
        assert.strictEqual((yield* client.closed).code, 1000)
      }).pipe(Effect.provide(tone())))

    it.scoped("idleTimeout and idleCloseCode - are assumed as told", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ type: "ping" })
        yield* client.next
        yield* TestClock.adjust("7 seconds")
        assert.strictEqual((yield* client.next)["message"], "Connection timed out after 7 seconds of inactivity")
        assert.strictEqual((yield* client.closed).code, 4001)
      }).pipe(Effect.provide(assuming({ idleTimeout: 7, idleCloseCode: 4001 }))))

    it.scoped("a timeout that is no number of seconds - is refused before the upgrade", () =>
      Effect.gen(function*() {
        for (const timeout of ["0", "-1", "1.5", "soon"]) {
          const refused = yield* Effect.flip(connect(`/waves/v1/tts/live?timeout=${timeout}`))
          assert.strictEqual(refused.status, 400)
        }
      }).pipe(Effect.provide(tone())))

    it.scoped("a socket over the limit - is refused before the upgrade", () =>
      Effect.gen(function*() {
        const first = yield* connect()
        assert.strictEqual((yield* Effect.flip(connect())).status, 429)
        first.webSocket.close()
        yield* first.closed
        const { awaitRequest } = yield* WavesEmulator.WavesEmulator
        yield* awaitRequest(({ outcome, status }) => status === 101 && outcome === "completed")
        yield* Effect.retry(connect(), { times: 100 })
      }).pipe(Effect.provide(tone({ sockets: 1 }))))

    it.scoped("overLimitCloseCode - closes a socket that goes over the concurrency", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        yield* client.send({ ...voice, text: "Hi." })
        assert.strictEqual((yield* client.nextInTime)["status"], "error")
        assert.strictEqual((yield* client.closed).code, 1013)
      }).pipe(Effect.provide(tone({ concurrency: 0, assumptions: { overLimitCloseCode: 1013 } }))))

    it.scoped("errors - leave it open", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        const mistakes: ReadonlyArray<unknown> = [
          "{",
          "[]",
          "null",
          "7",
          { text: "x" },
          { ...voice, text: 7 },
          { ...voice, text: "x", speed: 9 },
          { ...voice, text: "x", language: "xx" },
          { ...voice, text: "x", pronunciation_dicts: ["64f1234567890abcdef12345"] },
          { ...voice, text: "x".repeat(8001) },
          { ...voice, text: "x", max_buffer_flush_ms: 1001 },
          { ...voice, text: "x", context_id: "" },
          { ...voice, text: "x", context_id: "t", max_buffer_flush_ms: 0 },
          { context_close: true }
        ]
        for (const mistake of mistakes) {
          yield* client.send(mistake)
          const frame = yield* client.nextInTime
          assert.strictEqual(frame["status"], "error", JSON.stringify(mistake).slice(0, 100))
          assert.isAbove(String(frame["message"]).length, 5)
        }
        client.webSocket.send(new Uint8Array([1, 2, 3]))
        assert.strictEqual((yield* client.nextInTime)["status"], "error")
        yield* client.send({ ...voice, text: "Hi." })
        assert.isAbove(count(yield* client.until("complete"), "chunk"), 0)
      }).pipe(Effect.provide(tone())))

    it.scoped("what clients said and how they left - is in the log", () =>
      Effect.gen(function*() {
        const client = yield* connect("/waves/v1/tts/live?token=sk_secret")
        yield* client.send({ ...voice, text: "Recorded." })
        yield* client.until("complete")
        client.webSocket.close(4005)
        const { awaitRequest } = yield* WavesEmulator.WavesEmulator
        const record = yield* awaitRequest(({ outcome }) => outcome !== "open")
        assert.strictEqual(record.transport, "websocket")
        assert.strictEqual(record.status, 101)
        assert.strictEqual(record.closeCode, 4005)
        assert.strictEqual(record.outcome, "completed")
        assert.isAbove(record.audioBytes, 0)
        assert.deepInclude(record.messages[0]?.message, { text: "Recorded." })
        assert.notInclude(JSON.stringify(record), "sk_secret")
        const vanishing = yield* connect()
        yield* vanishing.send({ type: "ping" })
        yield* vanishing.next
        vanishing.webSocket.terminate()
        yield* awaitRequest(({ outcome }) => outcome === "aborted")
      }).pipe(Effect.provide(tone())))
  })

  describe("as known clients use it", () => {
    it.scoped("LiveKit - keeps one socket for many turns of tokens, each ended by a flush", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        const options = {
          model: "lightning_v3.1_pro",
          voice_id: "meher",
          sample_rate: 24000,
          speed: 1,
          language: "en",
          max_buffer_flush_ms: 0
        }
        for (const turn of [["Hello ", "world."], ["How ", "are ", "you?"], ["Bye."]]) {
          for (const text of turn) yield* client.send({ ...options, text, continue: true, flush: false })
          yield* client.send({ ...options, text: "", continue: false, flush: true })
          const frames = yield* client.until("complete")
          assert.isAbove(count(frames, "chunk"), 0)
          assert.strictEqual(requestIds(frames).size, 1)
        }
      }).pipe(Effect.provide(tone())))

    it.scoped("Pipecat - sends sentences of a turn close together, and a blank to stay connected", () =>
      Effect.gen(function*() {
        const client = yield* connect()
        const options = {
          voice_id: "meher",
          model: "lightning_v3.1_pro",
          language: "en",
          sample_rate: 24000,
          output_format: "pcm"
        }
        yield* client.send({ text: " ", voice_id: "meher", model: "lightning_v3.1_pro", language: "en" })
        yield* client.send({ ...options, text: "First sentence." })
        yield* client.send({ ...options, text: "Second sentence." })
        const frames = yield* client.until("complete")
        assert.strictEqual(count(frames, "error"), 0)
        assert.strictEqual(requestIds(frames).size, 2)
        yield* client.send({ text: " ", voice_id: "meher", model: "lightning_v3.1_pro", language: "en" })
        yield* client.send({ type: "ping" })
        assert.deepStrictEqual(yield* client.nextInTime, { type: "pong" })
      }).pipe(Effect.provide(tone())))

    it.scoped("the Python client of 2025 - streams to the old route and ends on its complete", () =>
      Effect.gen(function*() {
        const client = yield* connect("/api/v1/lightning-v2/get_speech/stream?timeout=20")
        const options = {
          voice_id: "malcom",
          language: "en",
          sample_rate: 24000,
          speed: 1,
          consistency: 0.5,
          enhancement: 1,
          similarity: 0
        }
        yield* client.send({ ...options, text: "Hello ", max_buffer_flush_ms: 0, continue: true, flush: false })
        yield* client.send({ ...options, text: "", max_buffer_flush_ms: 0, continue: false, flush: true })
        const frames = yield* client.until("complete")
        assert.isAbove(count(frames, "chunk"), 0)
        assert.deepInclude(frames.at(-1), { status: "complete", message: "All chunks sent", done: true })
        assert.notProperty(frames[0], "session_id")
      }).pipe(Effect.provide(tone())))
  })
})
