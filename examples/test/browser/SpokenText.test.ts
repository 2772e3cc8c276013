import { Pcm, SpeechEvent } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Array, Duration, FastCheck, Option } from "effect"
import * as SpokenText from "../../browser/src/SpokenText.js"

const word = (word: string, start: number, end = start + 100) =>
  SpeechEvent.WordTimestamp({ segment: 0, word, start: Duration.millis(start), end: Duration.millis(end) })

const segment = (text: string, textOffset: number, start: number) =>
  SpeechEvent.SegmentStarted({ segment: 0, text, textOffset, start: Duration.millis(start) })

const marksOf = (text: string, events: ReadonlyArray<SpeechEvent.SpeechEvent>) =>
  Array.getSomes(
    Array.mapAccum(events, SpokenText.start(text), (place, event) => SpokenText.mark(text, place, event))[1]
  )

const parts = (text: string, marks: ReadonlyArray<SpokenText.Mark>) => marks.map(({ from, to }) => text.slice(from, to))

describe("SpokenText", () => {
  it("mark - finds each word after the one before", () => {
    const text = "The party, the art of the part."
    const marks = marksOf(text, ["The", "party", "the", "art", "of", "the", "part"].map((w, i) => word(w, i * 100)))
    assert.deepStrictEqual(parts(text, marks), ["The", "party", "the", "art", "of", "the", "part"])
    assert.deepStrictEqual(marks.map(({ from }) => from), [0, 4, 11, 15, 19, 22, 26])
  })

  it("mark - takes no part of a word for the word", () => {
    const text = "Partying at a party."
    assert.deepStrictEqual(marksOf(text, [word("Party", 0), word("party", 100)]).map(({ from }) => from), [0, 14])
    assert.deepStrictEqual(marksOf("don't", [word("don't", 0)]).map(({ to }) => to), [5])
  })

  it("mark - leaves out a word that is not written as it was told, and goes on", () => {
    const text = "It is 7 degrees."
    assert.deepStrictEqual(
      parts(text, marksOf(text, [word("It", 0), word("seven", 100), word("degrees", 200), word(" ", 300)])),
      ["It", "degrees"]
    )
  })

  it("mark - looks for a word in its segment only", () => {
    const text = "One here. Two there."
    const marks = marksOf(text, [
      segment("One here. ", 0, 0),
      word("there", 0),
      word("here", 100),
      segment("Two there.", 10, 200)
    ])
    assert.deepStrictEqual(parts(text, marks), ["One here.", "here", "Two there."])
  })

  it("mark - audio and the end mark nothing", () => {
    const chunk = Pcm.silence(Pcm.format(24000), "1 second")
    assert.deepStrictEqual(
      marksOf("Hello.", [SpeechEvent.AudioChunk({ chunk }), SpeechEvent.Completed({ duration: Duration.zero })]),
      []
    )
  })

  it("mark - words of any text come back in their places", () => {
    const words = FastCheck.array(FastCheck.stringMatching(/^[a-cA-C']{1,4}$/), { minLength: 1, maxLength: 30 })
    const separator = FastCheck.constantFrom(" ", ", ", "\n\n", ". ")
    FastCheck.assert(FastCheck.property(words, separator, (words, separator) => {
      const text = words.join(separator)
      const marks = marksOf(text, [segment(text, 0, 0), ...words.map((w, i) => word(w, i * 100))])
      assert.deepStrictEqual(parts(text, marks.slice(1)), words)
      assert.deepStrictEqual(
        marks.slice(1).map(({ from }) => from),
        words.map((_, i) => words.slice(0, i).reduce((sum, w) => sum + w.length + separator.length, 0))
      )
    }))
  })

  it("at - the word that sounds, through short pauses and not through long ones", () => {
    const text = "Wait for it"
    const marks = marksOf(text, [
      segment(text, 0, 0),
      word("Wait", 100, 200),
      word("for", 300, 400),
      word("it", 2000, 2100)
    ])
    const lit = (position: number) =>
      Option.match(SpokenText.at(marks, position), { onNone: () => "", onSome: ({ from, to }) => text.slice(from, to) })
    assert.deepStrictEqual([0, 50, 100, 250, 300, 600, 1000, 2000, 9000].map(lit), [
      "",
      "",
      "Wait",
      "Wait",
      "for",
      "for",
      "",
      "it",
      ""
    ])
  })

  it("at - whole segments where words have no times", () => {
    const text = "One. Two."
    const marks = marksOf(text, [segment("One. ", 0, 0), segment("Two.", 5, 1000)])
    assert.deepStrictEqual(SpokenText.at(marks, 0), Option.none())
    assert.deepStrictEqual(SpokenText.at(marks, 999), Option.fromNullable(marks[0]))
    assert.deepStrictEqual(SpokenText.at(marks, 1000), Option.fromNullable(marks[1]))
  })

  it("reached - grows with the position, and ends with the last word", () => {
    const text = "One two three"
    const marks = marksOf(text, [segment(text, 0, 0), word("One", 0), word("two", 100), word("three", 200)])
    assert.deepStrictEqual([-1, 0, 150, 200].map((position) => SpokenText.reached(marks, position)), [0, 3, 7, 13])
  })
})
