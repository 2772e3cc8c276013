import { AudioFile, AudioPlayer, SpeechError } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Duration, FastCheck } from "effect"
import * as Sentences from "../../browser/src/Sentences.js"

const at = { module: "Test", method: "test" }

describe("Sentences", () => {
  it("describe - every error is told in sentences for people, and without our names", () => {
    const failure = FastCheck.oneof(
      Arbitrary.make(SpeechError.schema),
      Arbitrary.make(AudioPlayer.PlaybackError),
      Arbitrary.make(AudioFile.AudioFileError)
    )
    FastCheck.assert(FastCheck.property(failure, (error) => {
      const sentence = Sentences.describe(error)
      assert.match(sentence, /^[A-Z“][\s\S]*\.$/)
      if (error._tag !== "InvalidSpeechRequest" && error._tag !== "UnknownVoice") {
        assert.notInclude(sentence, error._tag)
        assert.notMatch(sentence, /[`_{}]|SMALLEST_API_KEY/)
      }
    }))
  })

  it("describe - says how long to wait", () => {
    const limited = (retryAfter?: Duration.Duration) =>
      Sentences.describe(new SpeechError.RateLimited({ ...at, description: "Too many", retryAfter }))
    assert.include(limited(Duration.millis(4200)), "Wait 5 seconds")
    assert.include(limited(Duration.millis(200)), "Wait a second")
    assert.include(limited(), "Wait a moment")
  })

  it("describe - what is wrong with a text, without its offset", () => {
    assert.strictEqual(
      Sentences.describe(
        new SpeechError.InvalidSpeechRequest({
          ...at,
          parameter: "text",
          description: "The voice cannot read \"ж\" at offset 7 of `text`; choose another"
        })
      ),
      "This text cannot be spoken here: the voice cannot read \"ж\"; choose another."
    )
  })
})
