import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { cutToSize, release } from "../src/internal/sentences.js"

const limits = { min: 10, max: 60 }

describe("release", () => {
  const cases: ReadonlyArray<readonly [buffer: string, segments: ReadonlyArray<string>, rest: string]> = [
    ["The answer is forty two. ", ["The answer is forty two. "], ""],
    ["The answer is forty two. Any", ["The answer is forty two. "], "Any"],
    ["The answer is forty two.", [], "The answer is forty two."],
    ["Is it forty two?", ["Is it forty two?"], ""],
    ["It costs 3.14 dollars", [], "It costs 3.14 dollars"],
    ["It costs 1.000.000 dollars", [], "It costs 1.000.000 dollars"],
    ["Please ask Dr. Smith", [], "Please ask Dr. Smith"],
    ["See you at 5 p.m. in J. Street", [], "See you at 5 p.m. in J. Street"],
    ["Look at example.com for", [], "Look at example.com for"],
    ["He said \"no more.\" And", ["He said \"no more.\" "], "And"],
    ["Wait… what", [], "Wait… what"],
    ["Wait for it… what", ["Wait for it… "], "what"],
    ["यह एक वाक्य है। और", ["यह एक वाक्य है। "], "और"],
    ["Hi. ", [], "Hi. "],
    ["Hi. Hello. Good day. Then", ["Hi. Hello. Good day. "], "Then"]
  ]
  for (const [buffer, segments, rest] of cases) {
    it(`takes whole sentences from ${buffer}`, () =>
      assert.deepStrictEqual(release(buffer, limits), { segments, rest }))
  }

  it.prop("any buffer - loses nothing and keeps no more than the most", [
    FastCheck.array(
      FastCheck.constantFrom("word", " ", ". ", "! ", "3", ".", "👍", "\n", "Dr. ", "é", "a".repeat(70)),
      {
        maxLength: 60
      }
    )
  ], ([parts]) => {
    const buffer = parts.join("")
    const { rest, segments } = release(buffer, limits)
    assert.strictEqual(segments.join("") + rest, buffer)
    assert.isAtMost(rest.length, limits.max)
    for (const segment of segments) {
      assert.isAtMost(segment.length, limits.max)
      assert.isAbove(segment.length, 0)
      assert.notMatch(segment, /[\uD800-\uDBFF]$/)
    }
  })
})

describe("cutToSize", () => {
  it("text with blanks - is cut after one", () =>
    assert.deepStrictEqual(cutToSize("one two three", 9), { segments: ["one two "], rest: "three" }))

  it("text with sentences - is cut after one", () =>
    assert.deepStrictEqual(cutToSize("One two. Three four", 14), { segments: ["One two. "], rest: "Three four" }))
})
