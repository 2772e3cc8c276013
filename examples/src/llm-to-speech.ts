/**
 * A language model speaks while it writes. The Python client's example, "Explain text to speech like I am five in 5 sentences", with
 * Groq as the model:
 *
 *     GROQ_API_KEY=... SMALLEST_API_KEY=... npx tsx examples/src/llm-to-speech.ts
 *
 * Without keys everything runs on this machine: the emulator writes the text, and speaks it with the embedded voice.
 */
import { AudioFile } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { SpeechStream, SpeechText } from "@effect-smallest/stream"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Duration, Effect, Option, Redacted, Stream } from "effect"
import { Groq } from "groq-sdk"

const prompt = "Explain text to speech like I am five in 5 sentences."

/** Where the text comes from: Groq with a key, and otherwise a server that speaks its protocol on this machine. */
interface Writer {
  readonly client: Groq
  readonly model: string
}

const generateText = ({ client, model }: Writer) =>
  Effect.tryPromise((signal) =>
    client.chat.completions.create({ model, messages: [{ role: "user", content: prompt }], stream: true }, { signal })
  ).pipe(
    Effect.map((chunks) => SpeechText.fromAsyncIterable(chunks)),
    Stream.unwrap,
    SpeechText.fromOpenAi
  )

const speak = (writer: Writer) =>
  Effect.gen(function*() {
    const text = generateText(writer).pipe(
      Stream.tap((input) => SpeechText.isFlush(input) ? Effect.void : Effect.sync(() => process.stdout.write(input)))
    )
    const report = yield* AudioFile.save("llm_to_speech.wav", SpeechStream.fromText(text))
    yield* Console.log(`\n${report.name}: ${Duration.format(report.duration)} of speech`)
  })

const withKeys = (groqKey: Redacted.Redacted) =>
  speak({ client: new Groq({ apiKey: Redacted.value(groqKey) }), model: "llama-3.1-8b-instant" }).pipe(
    Effect.provide(NodeSpeech.layerWavesConfig())
  )

const offline = Effect.gen(function*() {
  const { url } = yield* WavesEmulator.WavesEmulator
  // Groq's client appends /openai/v1/chat/completions; the emulator answers under /waves/v1.
  const client = new Groq({
    apiKey: "sk_test",
    baseURL: url,
    fetch: (input, init) => fetch(typeof input === "string" ? input.replace("/openai/v1/", "/waves/v1/") : input, init)
  })
  yield* speak({ client, model: "electron" }).pipe(
    Effect.provide(NodeSpeech.layerWaves({ apiKey: Redacted.make("sk_test"), baseUrl: url }))
  )
}).pipe(Effect.provide(WavesEmulator.layer()))

const program = Effect.gen(function*() {
  const groqKey = yield* Config.option(Config.redacted("GROQ_API_KEY"))
  yield* Option.isSome(groqKey) ? withKeys(groqKey.value) : offline
})

NodeRuntime.runMain(Effect.scoped(program))
