import { G711, Wav } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Either, Exit, Fiber, Layer, Redacted, Scope } from "effect"
import * as EmulatorHttp from "./emulatorHttp.js"
import * as EmulatorSocket from "./emulatorSocket.js"

const { request, speak, start } = EmulatorHttp

const tone = (options: WavesEmulator.Options = {}) => WavesEmulator.layer({ engine: "tone", ...options })

const legacyBody = {
  text: "hello, world!",
  sample_rate: 24000,
  voice_id: "emily",
  add_wav_header: true,
  speed: 1,
  model: "lightning",
  transliterate: false,
  remove_extra_silence: true
}

const lightning = (fields: Readonly<Record<string, unknown>> = {}, prefix = "/api/v1") =>
  request(`${prefix}/lightning/get_speech`, { body: { ...legacyBody, ...fields } })

describe("WavesEmulator", () => {
  describe("audio", () => {
    it.scopedLive("the same request - sounds the same to the byte", () =>
      Effect.gen(function*() {
        const [one, two] = yield* Effect.all([speak(), speak()])
        assert.isAbove(one.bytes.length, 0)
        assert.isTrue(one.bytes.equals(two.bytes))
        const other = yield* speak({ voice_id: "lauren" })
        assert.isFalse(one.bytes.equals(other.bytes))
      }).pipe(Effect.provide(tone())))

    it.scopedLive("the embedded voice - makes every rate in whole blocks", () =>
      Effect.gen(function*() {
        for (const [sample_rate, block] of [[8000, 2560], [16000, 5120], [24000, 7680], [44100, 14112]]) {
          const { bytes } = yield* speak({ sample_rate })
          assert.isAbove(bytes.length, 0)
          assert.strictEqual(bytes.length % (block ?? 0), 0, `${sample_rate} Hz`)
        }
      }).pipe(Effect.provide(WavesEmulator.layer())))

    it.scopedLive("ulaw and alaw - decode to the PCM they stand for", () =>
      Effect.gen(function*() {
        const pcm = yield* speak({ sample_rate: 8000 })
        const samples = new Int16Array(
          pcm.bytes.buffer.slice(pcm.bytes.byteOffset, pcm.bytes.byteOffset + pcm.bytes.length)
        )
        const decoders = { ulaw: G711.decodeUlaw, alaw: G711.decodeAlaw }
        for (const [output_format, decode] of Object.entries(decoders)) {
          const { bytes } = yield* speak({ sample_rate: 8000, output_format })
          assert.strictEqual(bytes.length, samples.length)
          const decoded = decode(bytes)
          // G.711 keeps 13 or 14 of 16 bits of loud samples: a thirtieth of the level at most.
          assert.isTrue(
            samples.every((sample, i) => Math.abs(sample - (decoded[i] ?? 0)) <= 16 + Math.abs(sample) / 30)
          )
        }
      }).pipe(Effect.provide(tone())))

    it.scopedLive("add_wav_header - puts a header before PCM", () =>
      Effect.gen(function*() {
        const pcm = yield* speak()
        const wav = yield* speak({ add_wav_header: true })
        const audio = Either.getOrThrow(Wav.decode(wav.bytes))
        assert.strictEqual(audio.format.sampleRate, 24000)
        assert.isTrue(Buffer.from(audio.bytes).equals(pcm.bytes))
      }).pipe(Effect.provide(tone())))

    it.scopedLive("speed - shortens the audio, which then ends between blocks", () =>
      Effect.gen(function*() {
        const normal = yield* speak()
        const fast = yield* speak({ speed: 1.5 })
        assert.approximately(normal.bytes.length / fast.bytes.length, 1.5, 0.2)
        assert.notStrictEqual(fast.bytes.length % 7680, 0)
        assert.strictEqual(fast.bytes.length % 2, 0)
      }).pipe(Effect.provide(tone())))

    it.scopedLive("mp3 - is 128 kbit/s, mono, at every sample rate", () =>
      Effect.gen(function*() {
        // MPEG-1, -2 and -2.5, layer III, without a checksum
        const versions = { 44100: 0xfb, 24000: 0xf3, 16000: 0xf3, 8000: 0xe3 }
        for (const [rate, version] of Object.entries(versions)) {
          const body = { text: "Hello there.", voice_id: "magnus", sample_rate: Number(rate) }
          const { bytes, status } = yield* request("/waves/v1/tts", { body: { ...body, output_format: "mp3" } })
          const pcm = yield* request("/waves/v1/tts", { body })
          assert.strictEqual(status, 200)
          assert.deepStrictEqual([...bytes.subarray(0, 2)], [0xff, version])
          assert.strictEqual((bytes[3] ?? 0) >> 6, 3, "mono")
          const seconds = pcm.bytes.length / 2 / Number(rate)
          assert.approximately(bytes.length * 8 / (rate === "8000" ? 64_000 : 128_000), seconds, 0.3)
        }
      }).pipe(Effect.provide(tone())))

    it.scopedLive("lightning-v3.2 - takes emotions, and lists its voices", () =>
      Effect.gen(function*() {
        const body = { text: "Hello there.", voice_id: "meher", emotion: "happy", sample_rate: 24000 }
        const { bytes, status } = yield* request("/waves/v1/lightning-v3.2/get_speech", { body })
        assert.strictEqual(status, 200)
        assert.isAbove(bytes.length, 7680)
        const bad = yield* request("/waves/v1/lightning-v3.2/get_speech", { body: { ...body, emotion: "bored" } })
        assert.strictEqual(bad.status, 400)
        assert.deepStrictEqual(JSON.parse(bad.text).error[0].path, ["emotion"])
        const { text } = yield* request("/waves/v1/lightning-v3.2/get_voices", { method: "GET" })
        assert.include(JSON.parse(text).voices[0].supported_emotions, "angry")
      }).pipe(Effect.provide(tone())))

    it.scopedLive("lightningV31 - answers for the retired model in each way, on every route", () =>
      Effect.gen(function*() {
        for (const status of [400, 403, 404, 410] as const) {
          yield* Effect.gen(function*() {
            const body = { text: "Hi.", voice_id: "magnus", model: "lightning_v3.1" }
            for (const path of ["/waves/v1/tts", "/waves/v1/tts/live"]) {
              assert.strictEqual((yield* request(path, { body })).status, status)
            }
            const voices = yield* request("/waves/v1/lightning-v3.1/get_voices", { method: "GET" })
            assert.strictEqual(voices.status, status)
            assert.strictEqual(
              (yield* request("/waves/v1/lightning-v3.1-pro/get_voices", { method: "GET" })).status,
              200
            )
          }).pipe(Effect.provide(tone({ assumptions: { lightningV31: status } })))
        }
      }))

    it.scopedLive("text that the embedded voice cannot read - becomes a melody", () =>
      Effect.gen(function*() {
        const { bytes, status } = yield* speak({
          text: "नमस्ते दुनिया",
          voice_id: "meher",
          model: "lightning_v3.1_pro",
          language: "hi"
        })
        assert.strictEqual(status, 200)
        assert.isAbove(bytes.length, 0)
      }).pipe(Effect.provide(WavesEmulator.layer())))

    it.scopedLive("math_notation - is spoken as words", () =>
      Effect.gen(function*() {
        const written = yield* speak({ text: "2 plus 3 equals 5" })
        const plain = yield* speak({ text: "2 + 3 = 5" })
        const spelled = yield* speak({ text: "2 + 3 = 5", math_notation: true })
        assert.isTrue(spelled.bytes.equals(written.bytes))
        assert.isFalse(plain.bytes.equals(written.bytes))
      }).pipe(Effect.provide(tone())))
  })

  describe("identity and headers", () => {
    it.scopedLive("ids - are new for each request, and the client's come back", () =>
      Effect.gen(function*() {
        const one = yield* speak({ request_id: "mine-1", session_id: "s.1" })
        const two = yield* speak()
        assert.strictEqual(one.headers.get("x-external-request-id"), "mine-1")
        assert.strictEqual(one.headers.get("x-external-session-id"), "s.1")
        assert.strictEqual(two.headers.get("x-external-request-id"), "")
        for (const name of ["x-request-id", "x-session-id"]) {
          assert.match(one.headers.get(name) ?? "", /^[0-9a-f-]{36}$/)
          assert.notStrictEqual(one.headers.get(name), two.headers.get(name))
        }
        const refused = yield* speak({ request_id: "not allowed!" })
        assert.strictEqual(refused.status, 400)
        assert.match(refused.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/)
      }).pipe(Effect.provide(tone())))

    it.scopedLive("x-expire-content - is answered when it was asked", () =>
      Effect.gen(function*() {
        const asked = yield* speak({}, { headers: { "x-expire-content": "true" } })
        const silent = yield* speak()
        assert.strictEqual(asked.headers.get("x-content-expiry"), "not-entitled")
        assert.isNull(silent.headers.get("x-content-expiry"))
      }).pipe(Effect.provide(tone())))

    it.scopedLive("whole audio - says its length and that it is audio/wav, whatever it is", () =>
      Effect.gen(function*() {
        const { bytes, headers } = yield* speak({ output_format: "ulaw" })
        assert.strictEqual(headers.get("content-length"), String(bytes.length))
        assert.strictEqual(headers.get("content-type"), "audio/wav")
      }).pipe(Effect.provide(tone())))
  })

  describe("options", () => {
    it.scopedLive("apiKey - is the only one that passes, also in the query", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* speak({}, { key: "sk_right" })).status, 200)
        assert.strictEqual((yield* speak({}, { key: "sk_wrong" })).status, 401)
        const body = { text: "Hi.", voice_id: "magnus" }
        for (const name of ["token", "api_key"]) {
          assert.strictEqual((yield* request(`/waves/v1/tts?${name}=sk_right`, { body, key: "" })).status, 200)
          assert.strictEqual((yield* request(`/waves/v1/tts?${name}=sk_wrong`, { body, key: "" })).status, 401)
        }
      }).pipe(Effect.provide(tone({ apiKey: Redacted.make("sk_right") }))))

    it.scopedLive("queryAuth: false - takes a key from the header only", () =>
      Effect.gen(function*() {
        const body = { text: "Hi.", voice_id: "magnus" }
        assert.strictEqual((yield* request("/waves/v1/tts?token=sk", { body, key: "" })).status, 401)
        assert.strictEqual((yield* request("/waves/v1/tts", { body })).status, 200)
      }).pipe(Effect.provide(tone({ queryAuth: false }))))

    it.scopedLive("concurrency - refuses what is over it, and is free again when a client leaves", () =>
      Effect.gen(function*() {
        const { awaitRequest, inject } = yield* WavesEmulator.WavesEmulator
        yield* inject({ faults: [{ _tag: "Stall", afterBytes: 1000 }], times: 2 })
        const body = { text: "Hello.", voice_id: "magnus" }
        const held = yield* start("/waves/v1/tts/live", { body })
        yield* start("/waves/v1/tts/live", { body })
        const refused = yield* speak()
        assert.strictEqual(refused.status, 429)
        assert.strictEqual(refused.headers.get("retry-after"), "1")
        yield* Effect.promise(async () => held.body?.cancel())
        const aborted = yield* awaitRequest(({ outcome }) => outcome === "aborted")
        assert.isAtLeast(aborted.endedAt ?? 0, aborted.startedAt)
        assert.strictEqual((yield* speak()).status, 200)
      }).pipe(Effect.provide(tone({ concurrency: 2 }))))

    it.scopedLive("models - refuses the others with a 403", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* speak()).status, 200)
        const { status, text } = yield* speak({ voice_id: "meher", model: "lightning_v3.1_pro" })
        assert.strictEqual(status, 403)
        assert.deepStrictEqual(JSON.parse(text), {
          status: "error",
          error_code: "MODEL_NOT_ENTITLED",
          message: "Your plan does not include the model lightning_v3.1_pro."
        })
      }).pipe(Effect.provide(tone({ models: ["lightning_v3.1"] }))))

    it.scopedLive("voices - adds to those that are accepted", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* speak({ voice_id: "brannock" })).status, 200)
        assert.strictEqual((yield* speak({ voice_id: "nobody" })).status, 400)
      }).pipe(Effect.provide(tone({ voices: ["brannock"] }))))

    it.scopedLive("bodyLimit - answers 413, with and without a Content-Length", () =>
      Effect.gen(function*() {
        const { url } = yield* WavesEmulator.WavesEmulator
        const body = JSON.stringify({ text: "a".repeat(3000), voice_id: "magnus" })
        assert.strictEqual((yield* request("/waves/v1/tts", { body })).status, 413)
        const chunked = yield* Effect.promise(() =>
          fetch(`${url}/waves/v1/tts`, {
            method: "POST",
            headers: { authorization: "Bearer sk_test" },
            body: new Blob([body]).stream(),
            // @ts-expect-error undici asks for it, and the type of the browser does not have it
            duplex: "half"
          })
        )
        assert.strictEqual(chunked.status, 413)
      }).pipe(Effect.provide(tone({ bodyLimit: 2000 }))))

    it.scopedLive("cors - lets pages of any origin call and read the ids", () =>
      Effect.gen(function*() {
        const headers = { origin: "https://example.com", "access-control-request-method": "POST" }
        const preflight = yield* request("/waves/v1/tts", { method: "OPTIONS", headers, key: "" })
        assert.strictEqual(preflight.status, 204)
        assert.match(
          preflight.headers.get("access-control-allow-headers") ?? "",
          /Authorization.*Content-Type.*X-Source/
        )
        const { headers: answer } = yield* speak({}, { headers })
        assert.strictEqual(answer.get("access-control-allow-origin"), "*")
        assert.match(answer.get("access-control-expose-headers") ?? "", /X-Request-Id/)
      }).pipe(Effect.provide(tone())))

    it.scopedLive("cors: false - keeps them out", () =>
      Effect.gen(function*() {
        const headers = { origin: "https://example.com", "access-control-request-method": "POST" }
        assert.strictEqual((yield* request("/waves/v1/tts", { method: "OPTIONS", headers, key: "" })).status, 404)
        assert.isNull((yield* speak({}, { headers })).headers.get("access-control-allow-origin"))
      }).pipe(Effect.provide(tone({ cors: false }))))

    it.scoped("latency - makes every synthesis wait", () =>
      Effect.gen(function*() {
        const answer = yield* Effect.fork(speak())
        const { awaitRequest } = yield* WavesEmulator.WavesEmulator
        yield* awaitRequest(({ body }) => body !== undefined)
        yield* EmulatorSocket.turn.pipe(Effect.repeatN(10))
        assert.isTrue((yield* Fiber.poll(answer))._tag === "None")
        assert.strictEqual((yield* EmulatorSocket.inTime(Fiber.join(answer))).status, 200)
      }).pipe(Effect.provide(tone({ latency: "2 seconds" }))))
  })

  describe("the API of 2024 and 2025", () => {
    it.scopedLive("add_wav_header - decides between WAV and PCM", () =>
      Effect.gen(function*() {
        const wav = yield* lightning()
        const pcm = yield* lightning({ add_wav_header: false })
        assert.strictEqual(wav.text.slice(0, 4), "RIFF")
        assert.isTrue(wav.bytes.subarray(44).equals(pcm.bytes))
        assert.strictEqual(pcm.headers.get("content-type"), "audio/wav")
      }).pipe(Effect.provide(tone())))

    it.scopedLive("any rate from 8000 to 48000 - is made", () =>
      Effect.gen(function*() {
        for (const sample_rate of [8000, 22050, 48000]) {
          const audio = Either.getOrThrow(Wav.decode((yield* lightning({ sample_rate })).bytes))
          assert.strictEqual(audio.format.sampleRate, sample_rate)
        }
        assert.strictEqual((yield* lightning({ sample_rate: 7999 })).status, 400)
      }).pipe(Effect.provide(tone())))

    it.scopedLive("blank text, which the first Python client sends - is no audio", () =>
      Effect.gen(function*() {
        const wav = yield* lightning({ text: "" })
        assert.strictEqual(wav.status, 200)
        assert.strictEqual(wav.bytes.length, 44)
        const pcm = yield* lightning({ text: "", add_wav_header: false })
        assert.strictEqual(pcm.status, 200)
        assert.strictEqual(pcm.bytes.length, 0)
      }).pipe(Effect.provide(tone())))

    it.scopedLive("remove_extra_silence - shortens pauses", () =>
      Effect.gen(function*() {
        const text = "one. two. three. four."
        const full = yield* lightning({ text, remove_extra_silence: false })
        const short = yield* lightning({ text, remove_extra_silence: true })
        assert.isBelow(short.bytes.length, full.bytes.length)
      }).pipe(Effect.provide(tone())))

    for (const legacy of [404, 410] as const) {
      it.scopedLive(`legacy: ${legacy} - is gone, while today's API is there`, () =>
        Effect.gen(function*() {
          for (
            const path of [
              "/api/v1/lightning/get_speech",
              "/waves/v1/lightning/get_speech",
              "/waves/v1/lightning-v3.1/get_speech"
            ]
          ) {
            assert.strictEqual((yield* request(path, { body: legacyBody })).status, legacy, path)
          }
          assert.strictEqual((yield* request("/api/v1/voice/get-all-models")).status, legacy)
          assert.strictEqual((yield* speak()).status, 200)
        }).pipe(Effect.provide(tone({ legacy }))))
    }

    it.scopedLive("routes with today's models in the path - take today's bodies", () =>
      Effect.gen(function*() {
        const direct = yield* speak()
        const named = yield* request("/waves/v1/lightning-v3.1/get_speech", {
          body: { text: "Hello there.", voice_id: "magnus", sample_rate: 24000 }
        })
        assert.isTrue(named.bytes.equals(direct.bytes))
        const pro = yield* request("/waves/v1/lightning-v3.1-pro/get_speech", {
          body: { text: "Hi.", voice_id: "magnus" }
        })
        assert.strictEqual(pro.status, 400)
      }).pipe(Effect.provide(tone())))

    it.scopedLive("clones of 2025 - are made, spoken with, listed and deleted", () =>
      Effect.gen(function*() {
        const form = new FormData()
        form.set("displayName", "Old")
        form.set("file", new Blob([new Uint8Array(100)], { type: "audio/wav" }), "old.wav")
        const made = JSON.parse(
          (yield* request("/api/v1/lightning-large/add_voice", { method: "POST", body: form })).text
        )
        const { voiceId } = made.data
        const speech = { text: "Hi.", voice_id: voiceId }
        assert.strictEqual((yield* request("/api/v1/lightning-large/get_speech", { body: speech })).status, 200)
        const list = JSON.parse((yield* request("/api/v1/lightning-large/get_cloned_voices")).text)
        assert.strictEqual(list.voices[0].voiceId, voiceId)
        const gone = yield* request("/api/v1/lightning-large", { method: "DELETE", body: { voiceId } })
        assert.deepStrictEqual(JSON.parse(gone.text), { success: true, voiceId })
        assert.strictEqual((yield* request("/api/v1/lightning-large/get_speech", { body: speech })).status, 400)
      }).pipe(Effect.provide(tone())))
  })

  describe("the account's things", () => {
    it.scopedLive("a clone - speaks with its own model and no other", () =>
      Effect.gen(function*() {
        const form = new FormData()
        form.set("displayName", "Mine")
        form.set("model", "lightning-v3.1-pro")
        form.set("file", new Blob([new Uint8Array(100)], { type: "audio/wav" }), "mine.wav")
        const { data } = JSON.parse((yield* request("/waves/v1/voice-cloning/", { method: "POST", body: form })).text)
        const voice = { voice_id: data.voiceId }
        assert.strictEqual((yield* speak({ ...voice, model: "lightning_v3.1_pro" })).status, 200)
        assert.strictEqual((yield* speak({ ...voice, model: "lightning_v3.1" })).status, 400)
        const sample = yield* Effect.promise(() =>
          fetch(data.samples[0].audioUrl).then((response) => response.arrayBuffer())
        )
        assert.isTrue(Either.isRight(Wav.decode(new Uint8Array(sample))))
      }).pipe(Effect.provide(tone())))

    it.scopedLive("a clone's recording - is at most 5 MB", () =>
      Effect.gen(function*() {
        const form = new FormData()
        form.set("displayName", "Big")
        form.set("file", new Blob([new Uint8Array(6_000_000)], { type: "audio/wav" }), "big.wav")
        const { status, text } = yield* request("/waves/v1/voice-cloning", { method: "POST", body: form })
        assert.strictEqual(status, 400)
        assert.deepStrictEqual(JSON.parse(text), { error: "The file is larger than 5 MB" })
      }).pipe(Effect.provide(tone())))

    it.scopedLive("deleting a clone - takes the console's token", () =>
      Effect.gen(function*() {
        const form = new FormData()
        form.set("displayName", "Mine")
        form.set("file", new Blob([new Uint8Array(100)], { type: "audio/wav" }), "mine.wav")
        const { data } = JSON.parse((yield* request("/waves/v1/voice-cloning", { method: "POST", body: form })).text)
        const call = { body: { voiceId: data.voiceId } }
        assert.strictEqual((yield* request("/waves/v1/voice-cloning/delete", call)).status, 401)
        const deleted = yield* request("/waves/v1/voice-cloning/delete", {
          ...call,
          key: "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"
        })
        assert.strictEqual(JSON.parse(deleted.text).success, true)
        assert.deepStrictEqual(JSON.parse((yield* request("/waves/v1/voice-cloning")).text), { data: [] })
      }).pipe(Effect.provide(tone())))

    it.scopedLive("a pronunciation dictionary - changes how its words sound, as they are written", () =>
      Effect.gen(function*() {
        const created = yield* request("/waves/v1/pronunciation-dicts", {
          body: { items: [{ word: "SQL", pronunciation: "sequel" }] }
        })
        const { id } = JSON.parse(created.text)
        const plain = yield* speak({ text: "SQL" })
        const pronounced = yield* speak({ text: "SQL", pronunciation_dicts: [id] })
        const sequel = yield* speak({ text: "sequel" })
        assert.isTrue(pronounced.bytes.equals(sequel.bytes))
        assert.isFalse(plain.bytes.equals(sequel.bytes))
        assert.isTrue(
          (yield* speak({ text: "sql", pronunciation_dicts: [id] })).bytes.equals((yield* speak({ text: "sql" })).bytes)
        )
        const items = [{ word: "SQL", pronunciation: "squeal" }]
        const changed = yield* request("/waves/v1/pronunciation-dicts", { method: "PUT", body: { id, items } })
        assert.deepStrictEqual(JSON.parse(changed.text), { id, items })
        assert.isFalse((yield* speak({ text: "SQL", pronunciation_dicts: [id] })).bytes.equals(sequel.bytes))
        yield* request("/waves/v1/pronunciation-dicts", { method: "DELETE", body: { id } })
        assert.strictEqual((yield* speak({ text: "SQL", pronunciation_dicts: [id] })).status, 400)
      }).pipe(Effect.provide(tone())))

    it.scopedLive("the embedded voice - reads a dictionary too", () =>
      Effect.gen(function*() {
        const created = yield* request("/waves/v1/pronunciation-dicts", {
          body: { items: [{ word: "SQL", pronunciation: "sequel" }] }
        })
        const { id } = JSON.parse(created.text)
        const plain = yield* speak({ text: "SQL works." })
        const pronounced = yield* speak({ text: "SQL works.", pronunciation_dicts: [id] })
        assert.isFalse(plain.bytes.equals(pronounced.bytes))
      }).pipe(Effect.provide(WavesEmulator.layer())))

    it.scopedLive("chat - streams the answer that it also gives at once", () =>
      Effect.gen(function*() {
        const body = { model: "electron", messages: [{ role: "user", content: "Who are you?" }] }
        const whole = JSON.parse((yield* request("/waves/v1/chat/completions", { body })).text)
        const { headers, text } = yield* request("/waves/v1/chat/completions", {
          body: { ...body, stream: true, stream_options: { include_usage: true } }
        })
        assert.strictEqual(headers.get("content-type"), "text/event-stream")
        const events = text.trimEnd().split("\n\n").map((event) => event.replace(/^data: /, ""))
        assert.strictEqual(events.pop(), "[DONE]")
        const chunks = events.map((event) => JSON.parse(event))
        const said = chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")
        assert.strictEqual(said, whole.choices[0].message.content)
        assert.include(said, "Who are you?")
        assert.strictEqual(chunks.at(-2).choices[0].finish_reason, "stop")
        assert.deepStrictEqual(chunks.at(-1).usage, whole.usage)
      }).pipe(Effect.provide(tone())))

    it.scopedLive("chat - refuses in OpenAI's shape", () =>
      Effect.gen(function*() {
        const messages = [{ role: "user", content: "Hi." }]
        for (
          const body of [
            { model: "electron", messages, n: 2 },
            { model: "electron", messages: [] },
            { model: "electron", messages, temperature: 3 },
            { model: "electron", messages, prompt_logprobs: 1 },
            { model: "gpt", messages }
          ]
        ) {
          const { headers, status, text } = yield* request("/waves/v1/chat/completions", { body })
          const { error } = JSON.parse(text)
          assert.strictEqual(status, 400)
          assert.strictEqual(error.type, "invalid_request_error")
          assert.strictEqual(error.request_id, headers.get("x-request-id"))
          assert.isAbove(error.message.length, 5)
        }
      }).pipe(Effect.provide(tone())))
  })

  describe("the log of requests", () => {
    it.scopedLive("requests - are told with body and outcome, and without keys", () =>
      Effect.gen(function*() {
        yield* speak({ text: "Recorded." }, { key: "sk_secret" })
        yield* request("/waves/v1/tts?token=sk_secret", { body: { text: "In the query." } })
        const { requests } = yield* WavesEmulator.WavesEmulator
        const [first, second] = yield* requests
        assert.strictEqual(first?.method, "POST")
        assert.strictEqual(first?.path, "/waves/v1/tts")
        assert.strictEqual(first?.status, 200)
        assert.strictEqual(first?.outcome, "completed")
        assert.isAbove(first?.audioBytes ?? 0, 0)
        assert.deepInclude(first?.body, { text: "Recorded." })
        assert.strictEqual(second?.query["token"], "<redacted>")
        const overHttp = yield* request("/__emulator/requests", { key: "" })
        assert.notInclude(overHttp.text, "sk_secret")
        assert.strictEqual(JSON.parse(overHttp.text).length, 2)
        yield* request("/__emulator/requests", { method: "DELETE", key: "" })
        assert.deepStrictEqual(yield* requests, [])
      }).pipe(Effect.provide(tone())))
  })

  describe("assumptions", () => {
    it.scopedLive("blankText: silence", () =>
      Effect.gen(function*() {
        const { bytes, status } = yield* speak({ text: " \n " })
        assert.strictEqual(status, 200)
        assert.strictEqual(bytes.length, 0)
      }).pipe(Effect.provide(tone({ assumptions: { blankText: "silence" } }))))

    it.scopedLive("blankText: refuse, the default", () =>
      Effect.map(speak({ text: " \n " }), ({ status, text }) => {
        assert.strictEqual(status, 400)
        assert.strictEqual(JSON.parse(text).error[0].code, "too_small")
      }).pipe(Effect.provide(tone())))

    it.scopedLive("legacyBlankText: refuse, legacyErrors: today, legacyTextMax", () =>
      Effect.gen(function*() {
        const blank = yield* lightning({ text: "" })
        assert.strictEqual(blank.status, 400)
        assert.strictEqual(JSON.parse(blank.text).error[0].code, "too_small")
        assert.strictEqual((yield* lightning({ text: "abcdef" })).status, 400)
        assert.strictEqual((yield* lightning({ text: "abcde" })).status, 200)
      }).pipe(
        Effect.provide(tone({ assumptions: { legacyBlankText: "refuse", legacyErrors: "today", legacyTextMax: 5 } }))
      ))

    it.scopedLive("unknownKeys: refuse, validationStatus: 422", () =>
      Effect.gen(function*() {
        const { status, text } = yield* speak({ colour: "red" })
        assert.strictEqual(status, 422)
        assert.deepStrictEqual(JSON.parse(text).error, [
          { code: "unrecognized_keys", keys: ["colour"], path: [], message: "Unrecognized key(s) in object: 'colour'" }
        ])
      }).pipe(Effect.provide(tone({ assumptions: { unknownKeys: "refuse", validationStatus: 422 } }))))

    it.scopedLive("unknownKeys: ignore, the default", () =>
      Effect.map(speak({ colour: "red" }), ({ status }) => assert.strictEqual(status, 200)).pipe(
        Effect.provide(tone())
      ))

    it.scopedLive("errorBodies, bodyTransfer, contentExpiry, unknownDictionary", () =>
      Effect.gen(function*() {
        const { text } = yield* request("/nowhere")
        assert.deepStrictEqual(JSON.parse(text), { message: "no such route" })
        const { bytes, headers } = yield* speak({}, { headers: { "x-expire-content": "true" } })
        assert.isNull(headers.get("content-length"))
        assert.isAbove(bytes.length, 0)
        assert.strictEqual(headers.get("x-content-expiry"), "applied")
        const id = "64f1234567890abcdef12345"
        const deleted = yield* request("/waves/v1/pronunciation-dicts", { method: "DELETE", body: { id } })
        assert.strictEqual(deleted.status, 200)
      }).pipe(Effect.provide(tone({
        assumptions: {
          errorBodies: { "404": { message: "no such route" } },
          bodyTransfer: "chunked",
          contentExpiry: "applied",
          unknownDictionary: 200
        }
      }))))

    it.scopedLive("unknownDictionary: 404, the default", () =>
      Effect.gen(function*() {
        const id = "64f1234567890abcdef12345"
        const deleted = yield* request("/waves/v1/pronunciation-dicts", { method: "DELETE", body: { id } })
        assert.strictEqual(deleted.status, 404)
      }).pipe(Effect.provide(tone())))

    const audioOf = (text: string) =>
      Buffer.concat([...text.matchAll(/"audio": "([^"]*)"/g)].map(([, audio]) => Buffer.from(audio ?? "", "base64")))

    it.scopedLive("streamedFormat: pcm, the default, whatever was asked for", () =>
      Effect.gen(function*() {
        const whole = yield* speak()
        const body = { text: "Hello there.", voice_id: "magnus", sample_rate: 24000, output_format: "ulaw" }
        assert.isTrue(audioOf((yield* request("/waves/v1/tts/live", { body })).text).equals(whole.bytes))
      }).pipe(Effect.provide(tone())))

    for (const streamedWavSizes of ["ones", "zero"] as const) {
      it.scopedLive(`streamedFormat: requested, streamedWavSizes: ${streamedWavSizes}`, () =>
        Effect.gen(function*() {
          const body = { text: "Hello there.", voice_id: "magnus", sample_rate: 24000 }
          const stream = (output_format: string) =>
            Effect.map(request("/waves/v1/tts/live", { body: { ...body, output_format } }), ({ text }) => audioOf(text))
          const wav = yield* stream("wav")
          assert.strictEqual(wav.toString("latin1", 0, 4), "RIFF")
          assert.strictEqual(wav.readUInt32LE(40), streamedWavSizes === "ones" ? 0xffffffff : 0)
          assert.isTrue(wav.subarray(44).equals((yield* speak()).bytes))
          assert.isTrue((yield* stream("alaw")).equals((yield* speak({ output_format: "alaw" })).bytes))
        }).pipe(Effect.provide(tone({ assumptions: { streamedFormat: "requested", streamedWavSizes } }))))
    }
  })

  it.live("a scope that closes - ends live connections and is done at once", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(tone(), scope)
      const live = Effect.provide(
        Effect.gen(function*() {
          const { inject, webSocketUrl } = yield* WavesEmulator.WavesEmulator
          yield* inject({ faults: [{ _tag: "Stall", afterBytes: 100 }] })
          const response = yield* start("/waves/v1/tts/live", { body: { text: "Hello.", voice_id: "magnus" } })
          const idle = yield* start("/waves/v1/health")
          yield* EmulatorHttp.finish(idle)
          const client = yield* EmulatorSocket.connect(`${webSocketUrl}/waves/v1/tts/live`)
          return { client, response }
        }),
        context
      )
      yield* Effect.scoped(Effect.gen(function*() {
        const { client, response } = yield* live
        const body = yield* Effect.fork(Effect.exit(EmulatorHttp.finish(response)))
        const [duration] = yield* Effect.timed(Scope.close(scope, Exit.void))
        yield* client.closed
        assert.isTrue(Exit.isFailure(yield* Fiber.join(body)))
        assert.isBelow(Duration.toMillis(duration), 5000)
      }))
    }))
})
