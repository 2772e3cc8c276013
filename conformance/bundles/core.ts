/** A program that uses the ports of core with an engine of its own. `pnpm bundle` weighs it. */
import { Pcm, SpeechEngine, SpeechSynthesizer } from "@effect-smallest/core"
import { Effect, Layer, Stream } from "effect"

const Beeps = Layer.succeed(
  SpeechSynthesizer.SpeechSynthesizer,
  SpeechEngine.make({
    module: "Beeps",
    defaults: { sampleRate: 8000 },
    sampleRates: [8000],
    events: ({ sampleRate, text }) =>
      SpeechEngine.fromPcm({ text, pcm: Stream.succeed(Pcm.silence(Pcm.format(sampleRate), "1 second")) })
  })
)

void Effect.runPromise(SpeechSynthesizer.bytes({ text: "Hello." }).pipe(Effect.provide(Beeps)))
