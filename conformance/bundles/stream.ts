/** A program that speaks growing text with an engine of its own. `pnpm bundle` weighs it. */
import { Pcm, SpeechEngine, SpeechSynthesizer } from "@effect-smallest/core"
import { SpeechStream } from "@effect-smallest/stream"
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

const speech = SpeechStream.fromText(Stream.make("Hello", " there. How", " are you?"))

void Effect.runPromise(
  Stream.runDrain(speech).pipe(Effect.provide(Layer.provideMerge(SpeechStream.layerSegmented(), Beeps)))
)
