import { TextSegmenter } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"
import { Chunk } from "effect"
import { spokenText } from "../src/internal/speakable.js"

const cut = (text: string): Array<string> => TextSegmenter.segment(text).map((segment) => segment.trim())

describe("TextSegmenter - lines", () => {
  const wide =
    "It was the best of times, it was the worst\nof times, it was the age of wisdom, it was the age\nof foolishness."
  const narrow = "It was the best of\ntimes, it was the\nworst of times, it\nwas the age of wis-\ndom."
  const cases: ReadonlyArray<readonly [name: string, text: string, expected: ReadonlyArray<string>]> = [
    ["wrapped, the first line short", `${wide}\n\nA new paragraph.\n`, [wide, "A new paragraph."]],
    ["a narrow column with a hyphen", `${narrow}\n\nNext.\n`, [narrow, "Next."]],
    [
      "a name at the beginning of a line",
      "Yesterday we walked along\nthe river and then to the\nTower of London, where it\nrained.\n",
      ["Yesterday we walked along\nthe river and then to the\nTower of London, where it\nrained."]
    ],
    [
      "verse",
      "Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand or eye,\n",
      ["Tyger Tyger, burning bright,\nIn the forests of the night;", "What immortal hand or eye,"]
    ],
    ["a list of words", "milk\neggs\nbread\n", ["milk", "eggs", "bread"]],
    ["a list below its title", "Shopping list for today\nmilk\neggs\n", ["Shopping list for today", "milk", "eggs"]],
    ["a heading", "The Long Road\nIt rained all day.\n", ["The Long Road", "It rained all day."]]
  ]
  it.each(
    cases.flatMap(([name, text, expected]) =>
      [["LF", "\n"], ["CRLF", "\r\n"], ["CR", "\r"]].map(([ending, written = ""]) =>
        [
          `${name}, ${ending}`,
          text.replaceAll("\n", written),
          expected.map((part) => part.replaceAll("\n", written))
        ] as const
      )
    )
  )("%s", (_, text, expected) => {
    assert.deepStrictEqual(cut(text), expected)
  })
})

describe("TextSegmenter - length", () => {
  const words = (count: number) =>
    "Some people walk along every long road without any " +
    "pause between one word and next ".repeat(20).slice(0, count)
  it.each([251, 258, 300, 400, 499])(
    "a sentence of %i characters without a clause mark - has two pieces of about even length",
    (length) => {
      const text = words(600).slice(0, length - 1).replace(/ $/, "x") + "."
      const pieces = TextSegmenter.segment(text, { maxLength: 250 })
      assert.strictEqual(pieces.join(""), text)
      assert.lengthOf(pieces, 2)
      assert.isAtMost(Math.abs((pieces[0]?.length ?? 0) - (pieces[1]?.length ?? 0)), 16)
    }
  )

  it("a clause mark near the middle - is the better place", () => {
    const text = `${words(80)}and then on, ${words(100)}to the very end of it.`
    const [first = ""] = TextSegmenter.segment(text, { maxLength: 250 })
    assert.match(first, /on, $/)
  })

  it("the same for every way of cutting the text into tokens", () => {
    const text = `${words(300)}. Next one here.`
    const whole = TextSegmenter.segment(text, { maxLength: 120 })
    const segmenter = TextSegmenter.make({ maxLength: 120 })
    for (const size of [1, 7, 50]) {
      let state = segmenter.initial
      const pieces: Array<string> = []
      for (let at = 0; at < text.length; at += size) {
        const [next, segments] = segmenter.push(state, text.slice(at, at + size))
        state = next
        pieces.push(...Chunk.map(segments, ({ text }) => text))
      }
      pieces.push(...Chunk.map(segmenter.flush(state)[1], ({ text }) => text))
      assert.deepStrictEqual(pieces, whole)
    }
  })
})

describe("SpeechStream - words divided at the end of a line", () => {
  it.each([
    ["the age of wis-\ndom.", "the age of wisdom."],
    ["the age of wis-\r\n  dom.", "the age of wisdom."],
    ["the age of wis\u00ad\rdom.", "the age of wisdom."],
    ["a mother-in-\nlaw", "a mother-in-\nlaw"],
    ["in 1914-\n1918 and A-\nB", "in 1914-\n1918 and A-\nB"],
    ["a pause -\nand on", "a pause -\nand on"],
    ["two\nlines", "two\nlines"]
  ])("%j", (text, expected) => {
    assert.strictEqual(spokenText(text), expected)
  })
})
