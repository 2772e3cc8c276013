import { Pcm, SpeechSynthesizer } from "@effect-smallest/core"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { integratedLoudness } from "./loudness.js"

const harvardSentences = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. " +
  "It's easy to tell the depth of a well. These days a chicken leg is a rare dish. Rice is often served in round bowls. " +
  "The juice of lemons makes fine punch. The box was thrown beside the parked truck. The hogs were fed chopped corn and " +
  "garbage. Four hours of steady work faced us. A large size in stockings is hard to sell. The boy was there when the sun " +
  "rose. A rod is used to catch pink salmon. The source of the huge river is the clear spring. Kick the ball straight and " +
  "follow through. Help the woman get back to her feet. A pot of tea helps to pass the evening. Smoky fires lack flame and " +
  "heat. The soft cushion broke the man's fall. The salt breeze came across from the sea. The girl at the booth sold fifty " +
  "bonds."

describe("loudness", () => {
  it("is measured right: a full-scale sine of 997 Hz has -3.01 LUFS", () => {
    const sine = Int16Array.from(
      { length: 480_000 },
      (_, i) => Math.round(32767 * Math.sin(2 * Math.PI * 997 * i / 48000))
    )
    assert.closeTo(integratedLoudness(sine), -3.01, 0.05)
  })

  it.effect.each(["rms", "slt", "awb", "kal16", "kal"] as const)(
    "of %s is -23 LUFS, and no sample is clipped",
    (voice) =>
      Effect.gen(function*() {
        const audio = yield* SpeechSynthesizer.synthesize({ text: harvardSentences, voice, sampleRate: 48000 })
        const samples = Pcm.samples(audio)
        assert.closeTo(integratedLoudness(samples), -23, 0.5)
        assert.isBelow(samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0), 0.9 * 32768)
      }).pipe(Effect.provide(LocalSpeechSynthesizer.layerNode()))
  )
})
