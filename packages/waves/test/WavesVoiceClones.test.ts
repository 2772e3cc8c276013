import { type Answer, fakeHttp, json } from "@effect-smallest/test-support/fakeHttp"
import { WavesClient, WavesVoiceClones } from "@effect-smallest/waves"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted, TestClock } from "effect"

const setUp = (answer: Effect.Effect<Answer>) => {
  const { exchanges, layer } = fakeHttp(() => answer)
  const Account = WavesVoiceClones.layer.pipe(
    Layer.provide(WavesClient.layer({ apiKey: Redacted.make("sk_test") })),
    Layer.provide(layer)
  )
  return { exchanges, Account }
}

const bytes = (text: string, length = 100): Uint8Array => {
  const file = new Uint8Array(length)
  file.set(Buffer.from(text, "latin1"))
  return file
}

const created = Effect.succeed(json(200, { data: { voiceId: "voice_1" } }))

describe("WavesVoiceClones.create", () => {
  const wav = bytes("RIFF____WAVEfmt ")

  it.effect.each<readonly [string, Partial<WavesVoiceClones.CreateOptions>, parameter: string, said: RegExp]>([
    ["no name", { name: " " }, "name", /no name/],
    ["a name that is too long", { name: "x".repeat(501) }, "name", /501 characters/],
    ["no recording", { recording: new Uint8Array(0) }, "recording", /empty/],
    ["a recording that is too large", { recording: bytes("RIFF____WAVE", 5_000_001) }, "recording", /5 MB/],
    ["a text", { recording: bytes("Hello, this is a text.") }, "recording", /WAV nor MP3, WebM or MP4: convert/],
    ["Ogg", { recording: bytes("OggS") }, "recording", /convert/],
    ["another RIFF", { recording: bytes("RIFF____AVI ") }, "recording", /convert/],
    ["a tag with a comma", { tags: ["calm", "a,b"] }, "tags", /"a,b" has a comma/],
    ["a language that the model does not speak", { model: "lightning_v3.1", language: "ja" }, "language", /Japanese/]
  ])("%s - is refused before anything is sent", ([, options, parameter, said]) => {
    const { Account, exchanges } = setUp(created)
    return Effect.gen(function*() {
      const error = yield* Effect.flip(WavesVoiceClones.create({ name: "Me", recording: wav, ...options }))
      assert.deepInclude(error, {
        _tag: "InvalidSpeechRequest",
        module: "WavesVoiceClones",
        method: "create",
        parameter
      })
      assert.match(error.description, said)
      assert.strictEqual(exchanges.length, 0)
    }).pipe(Effect.provide(Account))
  })

  it.effect.each<readonly [string, string, mediaType: string, extension: string]>([
    ["WAV", "RIFF____WAVE", "audio/wav", "wav"],
    ["MP3 with tags", "ID3\x04", "audio/mpeg", "mp3"],
    ["MP3", "\xff\xfb\x90", "audio/mpeg", "mp3"],
    ["MP3 of a low rate", "\xff\xf3\xc4", "audio/mpeg", "mp3"],
    ["WebM", "\x1a\x45\xdf\xa3", "audio/webm", "webm"],
    ["MP4", "\0\0\0\x20ftypM4A ", "audio/mp4", "mp4"]
  ])("%s - is known by its first bytes", ([, head, mediaType, extension]) => {
    const { Account, exchanges } = setUp(created)
    return Effect.gen(function*() {
      yield* WavesVoiceClones.create({ name: "Me", recording: bytes(head, 5_000_000) })
      const body = exchanges[0]?.request.body
      assert.strictEqual(body?._tag, "Uint8Array")
      const sent = body?._tag === "Uint8Array" ? Buffer.from(body.body).toString("latin1", 0, 2000) : ""
      assert.include(sent, `filename="recording.${extension}"\r\nContent-Type: ${mediaType}\r\n`)
      assert.match(body?.contentType ?? "", /^multipart\/form-data; boundary=/)
    }).pipe(Effect.provide(Account))
  })

  it.effect("an upload - may take four times the limit", () => {
    const arrived = Effect.runSync(Deferred.make<void>())
    const { Account } = setUp(Effect.zipRight(Deferred.succeed(arrived, undefined), Effect.never))
    return Effect.gen(function*() {
      const upload = yield* Effect.fork(Effect.flip(WavesVoiceClones.create({ name: "Me", recording: wav })))
      yield* Deferred.await(arrived)
      yield* TestClock.adjust("119 seconds")
      assert.isNull(upload.unsafePoll())
      yield* TestClock.adjust("5 minutes")
      assert.deepInclude(yield* Fiber.join(upload), { _tag: "SpeechTimeout", phase: "answer" })
    }).pipe(Effect.provide(Account))
  })
})
