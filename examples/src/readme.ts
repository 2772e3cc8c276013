import { AudioFile, SpeechSynthesizer } from "@effect-smallest/core"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { Console, Duration, Effect } from "effect"

const program = Effect.gen(function*() {
  const speech = SpeechSynthesizer.stream({ text: "Speech is just another stream." })
  const { duration, name } = yield* AudioFile.save("speech.wav", speech)
  yield* Console.log(`${name}: ${Duration.format(duration)}`)
}).pipe(
  Effect.catchTag("RateLimited", (error) => Console.error(error.message))
)

// The embedded voice, offline. For the cloud: `const Speech = NodeSpeech.layerWavesConfig()`, and nothing else changes.
const Speech = NodeSpeech.layer(LocalSpeechSynthesizer.layerNode())

await Effect.runPromise(Effect.provide(program, Speech))
