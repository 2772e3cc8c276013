import { TextFrontEnd } from "@effect-smallest/local"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"

const read = (text: string, pronunciations: TextFrontEnd.Pronunciations = {}) =>
  Either.getOrThrowWith(TextFrontEnd.read(text, { pronunciations }), (error) => error)

const spoken = (text: string) => read(text).sentences.map((sentence) => sentence.text)

const words = (text: string) => read(text).sentences.flatMap((sentence) => sentence.words.map((word) => word.text))

const refusal = (text: string) => {
  const reading = TextFrontEnd.read(text)
  assert.isTrue(Either.isLeft(reading), `"${text}" was read`)
  return Either.getOrThrow(Either.flip(reading))
}

/** Prose, punctuation, controls, other scripts and lone surrogates, in any order. */
const anyText = FastCheck.oneof(
  FastCheck.string({ maxLength: 400 }),
  FastCheck.string({ unit: "binary", maxLength: 400 }),
  FastCheck.array(
    FastCheck.oneof(
      FastCheck.constantFrom(
        ...Array.from("abcXYZ019 .,;:!?-–—'’\"“()[]{}<>/\\@#$€%^&*_=+~`|\n\t\0éßπ½²…😀\u200d\u0301\ud800")
      ),
      FastCheck.constantFrom(
        " ",
        "the",
        "Dr.",
        "U.S.A.",
        "e.g.",
        "$5",
        "3.14",
        "10:30",
        "node.js",
        "https://a.b/c?d=e"
      ),
      FastCheck.constantFrom("<b>", "</b>", "<break time='1s'/>", "don’t", "well-known", "St. James", "\n\n", "...")
    ),
    { maxLength: 200 }
  ).map((parts) => parts.join(""))
)

describe("TextFrontEnd", () => {
  describe("characters", () => {
    it.each([
      ["curly apostrophes", "isn’t it ‘fine’", ["isn't it fine"]],
      ["curly quotation marks", "“Really” «now»", ["Really now"]],
      ["accents, composed and not", "café naïve cafe\u0301", ["cafe naive cafe"]],
      ["letters without a decomposition", "Straße Ærø Łódź", ["Strasse Aero Lodz"]],
      ["ligatures and full-width letters", "ﬁne ｆｕｌｌ", ["fine full"]],
      ["dashes between words", "yes — no – maybe - so", ["yes, no, maybe, so"]],
      ["dashes between numbers", "10–12", ["10-12"]],
      ["NUL and other controls", "a\0b\u0007c\u009fd", ["a b c d"]],
      ["joiners and soft hyphens", "zero\u200bwidth soft\u00adhyphen", ["zerowidth softhyphen"]],
      ["lone surrogates", "a\ud800b", ["ab"]],
      ["emoji", "fine 😀👨‍👩‍👧 now", ["fine now"]],
      ["fractions", "½ of 1½", ["1/2 of 1 1/2"]],
      ["powers", "5² m³", ["5 squared m cubed"]],
      ["Greek letters that stand alone", "α is not π", ["alpha is not pi"]],
      ["currencies", "£5.50, 5€, $1,234.56", ["5.50 pounds, 5 euros, $1,234.56"]],
      ["signs", "R&D, A+, 20°, 3 × 4, #3", ["R and D, A plus, 20 degrees, 3 times 4, number 3"]],
      ["signs between numbers", "-5, .5, 5%-10%, 1/2", ["minus 5, point 5, 5% to 10%, 1/2"]]
    ])("reads %s", (_, text, expected) => assert.deepStrictEqual(spoken(text), expected))

    it.each(["नमस्ते", "你好", "مرحبا", "Ελλάδα", "hello नमस्ते"])("refuses letters of other scripts: %s", (text) => {
      const error = refusal(text)
      assert.strictEqual(error.parameter, "text")
      assert.include(error.message, "English only")
    })

    it("refuses letters of other scripts - says where they stand", () => {
      assert.include(refusal("See https://example.com or 東京.").message, "\"東\" at offset 27")
    })

    it.each(["", "   ", "\n\t", "!!! ???", "😀🎉", "\0\0", "<br/>", "-----"])(
      "refuses what has no sound: %j",
      (text) => {
        assert.include(refusal(text).message, "nothing that can be spoken")
      }
    )
  })

  describe("markup", () => {
    it("disappears, and what stands between tags is read", () => {
      assert.deepStrictEqual(
        spoken(
          "<speak><prosody rate='slow'>Hello</prosody> <break time='1000ms'/> <b>there</b><!-- not this --></speak>"
        ),
        ["Hello there"]
      )
    })

    it("leaves comparisons alone", () => {
      assert.deepStrictEqual(spoken("if a < b and c > d"), ["if a less than b and c greater than d"])
    })

    it("never lets an angle bracket through", () => {
      assert.notMatch(spoken("<<b>i>x</ <p <q x='>' y>").join(), /[<>]/)
    })

    it("leaves out the signs of Markdown", () => {
      assert.deepStrictEqual(spoken("# Title\n=====\n* one **two** `three` _four_"), ["Title", "one two three four"])
    })
  })

  describe("runs", () => {
    it.each(["!", "?", ".", ",", "-", "—", "(", "\"", "'", "/", "=", "*", "#", "%", "@", "…"])(
      "of %s count once",
      (sign) => assert.isBelow(spoken(`yes${sign.repeat(2000)} no`).join(" ").length, 20)
    )

    it("of mixed punctuation count once", () => {
      assert.deepStrictEqual(spoken(`Really${"?!.,;:-".repeat(500)} Yes.`), ["Really?", "Yes."])
    })

    it("of one letter are shortened", () => {
      assert.deepStrictEqual(spoken("Nooooooooo, xxxxxxxx"), ["Nooo, xxx"])
      assert.isBelow(spoken("x".repeat(5000)).join(" ").length, 500)
    })
  })

  describe("sentences", () => {
    it.each([
      ["Hello there. How are you?", ["Hello there.", "How are you?"]],
      ["Dr. Smith met J. Doe at 5 p.m. on Monday.", ["Dr. Smith met J. Doe at 5 p.m. on Monday."]],
      ["He asked: “Why?” Nobody knew!", ["He asked:", "Why?", "Nobody knew!"]],
      ["e.g. this, i.e. that", ["e.g. this, i.e. that"]],
      ["No space.Next one", ["No space.", "Next one"]],
      ["A title\n\nA paragraph\nthat wraps", ["A title", "A paragraph that wraps"]],
      ["Wait... what", ["Wait. what"]]
    ])("%j", (text, expected) => assert.deepStrictEqual(spoken(text), expected))

    it("are cut at punctuation when they are too long", () => {
      const clause = "one and two and three and four and five and six and seven, "
      const sentences = spoken(clause.repeat(12))
      assert.isAbove(sentences.length, 2)
      for (const sentence of sentences) assert.match(sentence, /seven,$/)
    })
  })

  describe("addresses", () => {
    it.each([
      ["https://www.example.com/a-b", ["w w w dot example dot com slash a dash b"]],
      ["Mail joe.doe@example.com.", ["Mail joe dot doe at example dot com."]],
      ["(see http://a.io/x?y=1), then", ["see a dot io slash x question mark y equals 1, then"]],
      ["node.js", ["node dot js"]],
      ["http://a.io/constructor", ["a dot io slash constructor"]]
    ])("%s", (text, expected) => assert.deepStrictEqual(spoken(text), expected))
  })

  describe("words", () => {
    it("are spelled as in the text", () => {
      assert.deepStrictEqual(
        words("“It’s naïve,” said Dr. Müller: $1,234.56 for node.js & R&D… 5²!"),
        ["It’s", "naïve", "said", "Dr", "Müller", "$1,234.56", "for", "node.js", "&", "R&D", "5²"]
      )
    })

    it("stand where they say they stand", () =>
      FastCheck.assert(
        FastCheck.property(anyText, (text) => {
          const reading = TextFrontEnd.read(text)
          if (Either.isLeft(reading)) return
          let end = 0
          for (const word of reading.right.sentences.flatMap((sentence) => sentence.words)) {
            assert.strictEqual(text.slice(word.offset, word.offset + word.text.length), word.text)
            assert.isAtLeast(word.offset, end)
            end = word.offset + word.text.length
          }
        }),
        { numRuns: 500 }
      ))

    it("whatever the text, the engine gets short words in short sentences of harmless characters", () =>
      FastCheck.assert(
        FastCheck.property(anyText, (text) => {
          const reading = TextFrontEnd.read(text)
          if (Either.isLeft(reading)) return
          for (const sentence of reading.right.sentences) {
            assert.isAtMost(sentence.text.length, TextFrontEnd.maxSentenceLength)
            assert.match(sentence.text, /^[A-Za-z0-9 ,.;:!?'/%$-]+$/)
            assert.notMatch(sentence.text, /[^A-Za-z0-9 ]{3}/)
            for (const word of sentence.words) assert.match(word.spoken, /[A-Za-z0-9]/)
            for (const part of sentence.text.split(" ")) assert.isAtMost(part.length, TextFrontEnd.maxWordLength + 1)
          }
        }),
        { numRuns: 500 }
      ))

    it("take linear time", () => {
      const milliseconds = (text: string) => {
        // Of this process alone: other programs may slow the clock on the wall.
        const start = process.cpuUsage()
        TextFrontEnd.read(text)
        return process.cpuUsage(start).user / 1000
      }
      for (const unit of ["a", "a.", "<a b='", "a@", "word ", "“", "x-", "1,", "http://", "é"]) {
        milliseconds(unit.repeat(100))
        // Quadratic time would be seconds.
        assert.isBelow(milliseconds(unit.repeat(Math.floor(100_000 / unit.length))), 1500, unit)
      }
    })
  })

  describe("pronunciations", () => {
    it("replace words that match exactly", () => {
      const reading = read("SQLite, sqlite. SQLite’s NoSQLite", { SQLite: "sequel light" })
      assert.deepStrictEqual(reading.sentences.map(({ text }) => text), [
        "sequel light, sqlite.",
        "sequel light s NoSQLite"
      ])
      assert.strictEqual(reading.sentences[0]?.words[0]?.text, "SQLite")
    })

    it("of longer words come first", () => {
      const reading = read("New York", { New: "old", "New York": "the big apple" })
      assert.strictEqual(reading.sentences[0]?.text, "the big apple")
    })

    it("may be words with signs in them", () => {
      assert.deepStrictEqual(
        read("I use C++ daily", { "C++": "see plus plus" }).sentences[0]?.text,
        "I use see plus plus daily"
      )
    })

    it("of phonemes go through the lexicon", () => {
      const reading = read("Siobhan and SQLite", {
        Siobhan: { phonemes: "sh ax0 v ao1 n" },
        SQLite: { phonemes: "s iy1 k w ax0 l ay2 t" }
      })
      assert.strictEqual(reading.sentences[0]?.text, "lexba and lexbe")
      assert.strictEqual(reading.lexicon, "lexba : sh ax0 v ao1 n\nlexbe : s iy1 k w ax0 l ay1 t\n")
    })

    it.each([
      { hello: { phonemes: "g uh d" } },
      { hello: { phonemes: "" } },
      { hello: { phonemes: "xx1" } },
      { hello: "!!!" },
      { " ": "space" },
      { hello: "नमस्ते" },
      { hello: "x".repeat(100) }
    ])("that cannot be read are refused: %j", (pronunciations) => {
      const reading = TextFrontEnd.read("hello", { pronunciations })
      assert.isTrue(Either.isLeft(reading))
      if (Either.isLeft(reading)) assert.strictEqual(reading.left.parameter, "pronunciations")
    })
  })
})
