import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { parsePhonemes, parseTimedPhonemes, wordTimes } from "../src/internal/wordAlignment.mjs"

const phonemes = "pau hh ax l ow w er d k ae t s iy".split(" ")

const timed = (line: string) => parseTimedPhonemes(line)

describe("wordAlignment", () => {
  it("parseTimedPhonemes - gives starts and ends without the pauses", () => {
    assert.deepStrictEqual(timed("pau:0.119 hh:0.212 ax:0.261 pau:1.159 "), [
      { name: "hh", start: 0.119, end: 0.212 },
      { name: "ax", start: 0.212, end: 0.261 }
    ])
  })

  it("wordTimes - cuts an utterance into its words", () => {
    const spoken = timed("pau:0.1 hh:0.2 ax:0.3 l:0.4 ow:0.5 w:0.6 er:0.7 l:0.8 d:0.9 pau:1")
    const times = wordTimes(spoken, [["hh", "ax", "l", "ow"], ["w", "er", "l", "d"]])
    assert.deepStrictEqual(Array.from(times), [0.1, 0.5, 0.5, 0.9])
  })

  it("wordTimes - a word that sounds otherwise in its sentence keeps its place", () => {
    // "Dr." alone is "drive", before a name "doctor".
    const spoken = timed("pau:0.1 d:0.2 aa:0.3 k:0.4 t:0.5 er:0.6 s:0.7 m:0.8 ih:0.9 th:1 pau:1.1")
    const times = wordTimes(spoken, [["d", "r", "ay", "v"], ["s", "m", "ih", "th"]])
    assert.deepStrictEqual(Array.from(times), [0.1, 0.6, 0.6, 1])
  })

  it("wordTimes - words without phonemes share the time between their neighbours", () => {
    const spoken = timed("pau:0.1 hh:0.2 ax:0.3 pau:0.5 d:0.6 pau:0.7")
    assert.deepStrictEqual(
      Array.from(wordTimes(spoken, [["hh", "ax"], [], [], ["d"]]), (time) => Math.round(time * 100)),
      [
        10,
        30,
        30,
        40,
        40,
        50,
        50,
        60
      ]
    )
    assert.deepStrictEqual(Array.from(wordTimes([], [[], []])), [0, 0, 0, 0])
  })

  it("wordTimes - never go back and never leave the utterance", () =>
    FastCheck.assert(FastCheck.property(
      FastCheck.array(FastCheck.constantFrom(...phonemes), { maxLength: 60 }),
      FastCheck.array(FastCheck.array(FastCheck.constantFrom(...phonemes), { maxLength: 6 }), { maxLength: 12 }),
      (line, words) => {
        const spoken = timed(line.map((name, i) => `${name}:${(i + 1) / 10}`).join(" "))
        const times = wordTimes(spoken, words.map((word) => parsePhonemes(word.join(" "))))
        assert.strictEqual(times.length, 2 * words.length)
        let last = 0
        for (const time of times) {
          assert.isAtLeast(time, last)
          last = time
        }
        assert.isAtMost(last, line.length / 10)
      }
    )))
})
