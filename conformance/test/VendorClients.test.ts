/** Clients of npm that speak the vendor's API, as they are, against the emulator: the vendor's own for Node, and Speech SDK. */
import { ForeignAudio, Wav } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { generateSpeech } from "@speech-sdk/core"
import { createSmallestAI } from "@speech-sdk/core/providers"
import { Effect, Either } from "effect"
import { Configuration, WavesClient } from "smallestai"

const Emulator = WavesEmulator.layer({ engine: "tone" })

const withUrl = <A>(use: (url: string) => Promise<A>) =>
  Effect.flatMap(WavesEmulator.WavesEmulator, ({ url }) => Effect.promise(() => use(url)))

const sent = Effect.flatMap(WavesEmulator.WavesEmulator, ({ requests }) => requests)

describe("smallestai, the vendor's client for Node", () => {
  const client = (url: string) => new WavesClient(new Configuration({ accessToken: "sk_test", basePath: url }))

  it.scopedLive("synthesize - both of its models", () =>
    Effect.gen(function*() {
      const lightning = yield* withUrl((url) =>
        client(url).synthesize("lightning", {
          text: "Hello there.",
          voice_id: "emily",
          sample_rate: 24_000,
          add_wav_header: false
        })
      )
      const large = yield* withUrl((url) =>
        client(url).synthesize("lightning-large", {
          text: "Hello there.",
          voice_id: "lakshya",
          sample_rate: 24_000,
          add_wav_header: false
        })
      )
      for (const { data } of [lightning, large]) assert.isAbove(data.byteLength, 24_000)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("a text of 700 characters - in parts at once, all of them accepted", () =>
    Effect.gen(function*() {
      const text = "This is a sentence of some length, which is repeated. ".repeat(13).trim()
      yield* withUrl((url) =>
        client(url).synthesize("lightning", { text, voice_id: "emily", sample_rate: 8000, add_wav_header: false })
      )
      const requests = yield* sent
      assert.isAbove(requests.length, 2)
      assert.isTrue(requests.every(({ status }) => status === 200))
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("voices, and a clone that is made and listed", () =>
    Effect.gen(function*() {
      const voices = yield* withUrl((url) => client(url).getWavesVoices("lightning"))
      assert.include(JSON.stringify(voices.data), "emily")
      const recording = yield* withUrl((url) =>
        fetch(`${url}/waves/v1/tts`, {
          method: "POST",
          headers: { authorization: "Bearer sk_test", "content-type": "application/json" },
          body: JSON.stringify({
            text: "This is me.",
            voice_id: "meher",
            model: "lightning_v3.1_pro",
            output_format: "wav"
          })
        }).then((response) => response.arrayBuffer())
      )
      const file = new File([recording], "me.wav", { type: "audio/wav" })
      const made = yield* withUrl((url) => client(url).addVoiceToModel("Me", file))
      assert.isBelow(made.status, 300)
      const clones = yield* withUrl((url) => client(url).getClonedVoices())
      assert.include(JSON.stringify(clones.data), "Me")
    }).pipe(Effect.provide(Emulator)))
})

describe("@speech-sdk/core, with its provider for the vendor", () => {
  const speak = (url: string, format: "wav" | "mp3" | "pcm") =>
    generateSpeech({
      model: createSmallestAI({ apiKey: "sk_test", baseURL: `${url}/waves/v1` })("lightning_v3.1_pro"),
      text: "Hello there.",
      voice: "meher",
      providerOptions: { output_format: format, sample_rate: 24_000 }
    })

  it.scopedLive.each(["wav", "pcm", "mp3"] as const)("%s - is what it asked for", (format) =>
    Effect.gen(function*() {
      const { audio } = yield* withUrl((url) => speak(url, format))
      const bytes = audio.uint8Array
      assert.isAbove(bytes.length, 3000)
      if (format === "wav") assert.strictEqual(Either.getOrThrow(Wav.decode(bytes)).format.sampleRate, 24_000)
      if (format === "mp3") assert.strictEqual(ForeignAudio.kindOf(bytes), "an MP3 file")
      if (format === "pcm") assert.strictEqual(ForeignAudio.kindOf(bytes), undefined)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("a wrong voice - fails with the server's words", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flatMap(WavesEmulator.WavesEmulator, ({ url }) =>
        Effect.flip(Effect.tryPromise(() =>
          generateSpeech({
            model: createSmallestAI({ apiKey: "sk_test", baseURL: `${url}/waves/v1` })("lightning_v3.1_pro"),
            text: "Hello there.",
            voice: "nobody"
          })
        )))
      assert.match(String(error.error), /API error 400.*voice/)
    }).pipe(Effect.provide(Emulator)))
})
