import { Pcm, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { LocalSpeechSynthesizer } from "@effect-smallest/local"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Stream } from "effect"
import { ToneSpeechSynthesizer } from "../src/index.js"

const collect = (request: Parameters<typeof SpeechSynthesizer.events>[0]) =>
  Effect.map(Stream.runCollect(SpeechSynthesizer.events(request)), (events) => Chunk.toReadonlyArray(events))

const wordsOf = (events: ReadonlyArray<SpeechEvent.SpeechEvent>) => events.filter(SpeechEvent.$is("WordTimestamp"))

const samplesOf = (events: ReadonlyArray<SpeechEvent.SpeechEvent>) =>
  events.filter(SpeechEvent.$is("AudioChunk")).flatMap(({ chunk }) => Array.from(Pcm.samples(chunk)))

/** How often the wave crosses zero upwards, per second. */
const pitchOf = (samples: ReadonlyArray<number>, rate: number) =>
  samples.filter((sample, i) => sample >= 0 && (samples[i - 1] ?? 0) < 0).length / (samples.length / rate)

describe("ToneSpeechSynthesizer", () => {
  it.effect("words - have their times, and sound at them", () =>
    Effect.gen(function*() {
      const events = yield* collect({ text: "Don't stop, 3 times!", sampleRate: 16000 })
      const words = wordsOf(events)
      const samples = samplesOf(events)
      assert.deepStrictEqual(words.map(({ word }) => word), ["Don't", "stop", "3", "times"])
      let end = 0
      for (const word of words) {
        const [from, to] = [word.start, word.end].map((time) => Math.round(Duration.toSeconds(time) * 16000))
        assert.isAtLeast(from ?? 0, end)
        const loudest = (part: ReadonlyArray<number>) =>
          part.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
        assert.isAbove(loudest(samples.slice(from, to)), 5000)
        // Between words it is silent, but for the rounding of times to milliseconds.
        assert.isBelow(loudest(samples.slice(end + 16, Math.max(end + 16, (from ?? 0) - 16))), 100)
        end = to ?? 0
      }
      const [completed] = events.slice(-1)
      assert.strictEqual(completed?._tag, "Completed")
    }).pipe(Effect.provide(ToneSpeechSynthesizer.layer())))

  it.effect("speed - divides the time", () =>
    Effect.gen(function*() {
      const text = "Twice as fast."
      const normal = yield* SpeechSynthesizer.synthesize({ text })
      const fast = yield* SpeechSynthesizer.synthesize({ text, speed: 2 })
      assert.approximately(Duration.toMillis(normal.duration) / Duration.toMillis(fast.duration), 2, 0.01)
    }).pipe(Effect.provide(ToneSpeechSynthesizer.layer())))

  it.effect("voices - differ in pitch", () =>
    Effect.gen(function*() {
      const low = samplesOf(yield* collect({ text: "aaaaaa", voice: "tone-low", sampleRate: 16000 }))
      const top = samplesOf(yield* collect({ text: "aaaaaa", voice: "tone-top", sampleRate: 16000 }))
      assert.isAbove(pitchOf(top, 16000), 1.8 * pitchOf(low, 16000))
    }).pipe(Effect.provide(ToneSpeechSynthesizer.layer())))

  it.effect("any script, and text without a word - is played", () =>
    Effect.gen(function*() {
      for (const text of ["नमस्ते दुनिया", "你好世界", "...", "👍"]) {
        const audio = yield* SpeechSynthesizer.synthesize({ text })
        assert.isAbove(audio.bytes.length, 0, text)
      }
    }).pipe(Effect.provide(ToneSpeechSynthesizer.layer())))

  it.effect("a text without blanks - comes in pieces", () =>
    Effect.gen(function*() {
      const events = yield* collect({ text: "a".repeat(2000), sampleRate: 8000 })
      const chunks = events.filter(SpeechEvent.$is("AudioChunk"))
      assert.isAbove(chunks.length, 20)
      assert.strictEqual(wordsOf(events).length, 1)
    }).pipe(Effect.provide(ToneSpeechSynthesizer.layer())))

  it.effect("pronunciations - change the melody and keep the word", () =>
    Effect.gen(function*() {
      const plain = yield* collect({ text: "SQL" })
      const respelled = yield* collect({ text: "sequel" })
      const pronounced = yield* collect({ text: "SQL" }).pipe(
        LocalSpeechSynthesizer.withPronunciations({ SQL: "sequel" })
      )
      assert.deepStrictEqual(samplesOf(pronounced), samplesOf(respelled))
      assert.notDeepEqual(samplesOf(pronounced), samplesOf(plain))
      assert.deepStrictEqual(wordsOf(pronounced).map(({ word }) => word), ["SQL"])
    }).pipe(Effect.provide(ToneSpeechSynthesizer.layer())))
})
