/** The engine of docs/new-engine.md, which knows an option that core has never heard of, against the contract of the port. */
import { Audio, AudioFile, Pcm, SpeechSynthesizer } from "@effect-smallest/core"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { SpeechStream } from "@effect-smallest/stream"
import { SpeechSynthesizerSuite } from "@effect-smallest/testing/suites"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { readFileSync } from "node:fs"
import * as MorseSpeechSynthesizer from "../src/MorseSpeechSynthesizer.js"

SpeechSynthesizerSuite.suite("the engine of docs/new-engine.md", MorseSpeechSynthesizer.layer(), {
  unknownVoice: "nobody",
  unsupportedOption: { provider: { waves: { enhancement: 1 } } }
})

const text = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8")

/** How often the audio rises through zero: once for each period of its tone. */
const crossings = (audio: Audio.Audio): number => {
  const samples = Pcm.samples(audio)
  return samples.reduce((sum, sample, i) => sum + (sample > 0 && (samples[i - 1] ?? 0) <= 0 ? 1 : 0), 0)
}

describe("docs/new-engine.md", () => {
  it("shows the engine that is tested, in under 100 lines", () => {
    const engine = text("../src/MorseSpeechSynthesizer.ts")
    assert.include(text("../../docs/new-engine.md"), "```ts\n" + engine + "```")
    assert.isBelow(engine.split("\n").length, 100)
  })

  it.effect("an option of its own - takes effect from layer, scope and request, and is checked", () =>
    Effect.gen(function*() {
      const tone = (frequency: number) => ({ provider: { morse: { frequency } } })
      const low = yield* SpeechSynthesizer.synthesize({ text: "Hello" })
      const high = yield* SpeechSynthesizer.synthesize({ text: "Hello", ...tone(1200) })
      const scoped = yield* SpeechSynthesizer.synthesize({ text: "Hello" }).pipe(
        SpeechSynthesizer.withOptions(tone(900))
      )
      assert.approximately(crossings(high) / crossings(low), 4, 0.2)
      assert.approximately(crossings(scoped) / crossings(low), 3, 0.2)
      const error = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: "Hello", ...tone(5) }))
      assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter: "provider.morse.frequency" })
    }).pipe(Effect.provide(MorseSpeechSynthesizer.layer({ frequency: 300 }))))

  it.scopedLive("works with everything that is built on the port", () =>
    Effect.gen(function*() {
      const words = Stream.make("Over ", "and out. ", "Good night.")
      const audio = Option.getOrThrow(yield* Audio.fromStream(SpeechStream.fromText(words)))
      assert.isAbove(audio.bytes.length, 0)
      assert.isFunction((yield* AudioFile.AudioFile).save)
    }).pipe(Effect.provide(NodeSpeech.layer(Layer.fresh(MorseSpeechSynthesizer.layer())))))
})
