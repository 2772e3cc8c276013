/**
 * A conversation: each answer is spoken with regard to what was said before, by the voice and by the caller.
 *
 *     npx tsx examples/src/conversation.ts "I lost my card." "It is the blue one." --out conversation.wav
 *
 * The model behind it, Lightning v4, is a beta of the vendor's. Here the emulator plays its part, so that everything runs on this machine
 * without a key; `--cloud` takes the cloud and SMALLEST_API_KEY. Without `--out` the answers are played.
 */
import { AudioFile, AudioPlayer, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { WavesConversation } from "@effect-smallest/waves"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Layer, Redacted, Stream } from "effect"
import { parseArgs } from "node:util"

/** What a call needs of a telephone: the caller's voice, as it was recorded. Here the embedded voice calls. */
const record = (words: string) =>
  SpeechSynthesizer.synthesize({ text: words, voice: "slt", sampleRate: 16_000 }).pipe(
    Effect.provide(LocalSpeechSynthesizer.layerNode())
  )

/** Put your language model here: it gets the words of the caller and writes an answer, piece by piece. */
const write = (words: string): Stream.Stream<string> =>
  Stream.make("I see. ", `You said: ${words} `, "What else can I do for you?")

/** One exchange: the session hears the caller, then speaks the answer while it is written. */
export const exchange = (
  words: string
): Stream.Stream<SpeechEvent.SpeechEvent, unknown, WavesConversation.WavesConversation> =>
  Stream.unwrap(Effect.gen(function*() {
    const { heard, speak } = yield* WavesConversation.WavesConversation
    yield* heard(words, yield* record(words))
    return speak(write(words))
  }))

/** Reports what happens to the session: a lost one takes its memory along. */
export const report = Effect.flatMap(
  WavesConversation.WavesConversation,
  ({ sessions }) =>
    Stream.runForEach(sessions, (event) =>
      Console.log(
        event._tag === "Lost"
          ? `The session was lost, and its memory with it: ${event.error.message}`
          : `session: ${event._tag}`
      ))
)

/** A conversation with the emulator, for programs without a key. */
export const offline = (options?: WavesEmulator.EngineOptions) =>
  Layer.unwrapEffect(
    Effect.map(
      WavesEmulator.WavesEmulator,
      ({ url }) =>
        NodeSpeech.layerConversation({ apiKey: Redacted.make("sk_offline"), baseUrl: url, turns: "paragraph" })
    )
  ).pipe(Layer.provideMerge(WavesEmulator.layer(options)))

const conversation = (
  isCloud: boolean
): Layer.Layer<WavesConversation.WavesConversation | NodeSpeech.Provided, unknown> =>
  isCloud ? NodeSpeech.layerConversationConfig() : offline()

const main = Effect.gen(function*() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { cloud: { type: "boolean" }, out: { type: "string" } }
  })
  const words = positionals.length > 0 ? positionals : ["I lost my card.", "It is the blue one."]
  const speech = SpeechEvent.pcm(Stream.flatMap(Stream.fromIterable(words), exchange))
  yield* Effect.gen(function*() {
    yield* Effect.forkScoped(report)
    if (values.out === undefined) return yield* AudioPlayer.play(speech)
    const saved = yield* AudioFile.save(values.out, speech)
    yield* Console.log(`${saved.name}: ${Duration.format(saved.duration)} of speech`)
  }).pipe(
    Effect.scoped,
    Effect.provide(conversation(values.cloud === true))
  )
})

if (import.meta.filename === process.argv[1]) NodeRuntime.runMain(main)
