/**
 * A program that uses what every engine can do: each way to speak, with portable options. It names no engine.
 */
import { Audio, type SpeechEvent, SpeechSynthesizer, Wav } from "@effect-smallest/core"
import { Duration, Effect, Stream } from "effect"

const text = "Your table is ready."

export const portableProgram = Effect.gen(function*() {
  const whole = yield* SpeechSynthesizer.synthesize({ text, language: "en", speed: 1.25, sampleRate: 16000 })
  const streamed = yield* SpeechSynthesizer.stream({ text, language: "en" }).pipe(
    SpeechSynthesizer.withOptions({ speed: 1.25, sampleRate: 16000 }),
    Audio.fromStream,
    Effect.flatten
  )
  const events = yield* Stream.runFold(
    SpeechSynthesizer.events({ text, sampleRate: 8000 }),
    new Array<SpeechEvent.SpeechEvent["_tag"]>(),
    (tags, { _tag }) => tags.includes(_tag) ? tags : [...tags, _tag]
  )
  const file = yield* Effect.flatMap(SpeechSynthesizer.bytes({ text, sampleRate: 24000 }), Wav.decode)
  const telephone = yield* SpeechSynthesizer.bytes({ text, sampleRate: 8000, outputFormat: "ulaw" })
  const refused = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: " " }))
  return {
    rates: [whole, streamed, file].map(({ format }) => format.sampleRate),
    seconds: [whole, streamed, file].map(({ duration }) => Duration.toSeconds(duration)),
    events,
    telephoneSeconds: telephone.length / 8000,
    refused: refused._tag,
    voices: (yield* SpeechSynthesizer.voices).length,
    languages: yield* SpeechSynthesizer.languages
  }
})
