import { SpeechText, TextSegmenter } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Either, Exit, FastCheck, Stream } from "effect"
import { languages } from "./fixtures/sentences.js"

const texts = (segments: Iterable<TextSegmenter.Segment>): Array<string> =>
  Array.from(segments, (segment) => segment.text)

/** Pushes the pieces one by one, then flushes. */
const segmentPieces = (pieces: Iterable<string>, options?: TextSegmenter.Options): Array<string> => {
  const segmenter = TextSegmenter.make(options)
  let state = segmenter.initial
  const out: Array<string> = []
  for (const piece of pieces) {
    const [next, segments] = segmenter.push(state, piece)
    state = next
    out.push(...texts(segments))
  }
  out.push(...texts(segmenter.flush(state)[1]))
  return out
}

const pushAll = (text: string, options?: TextSegmenter.Options) => {
  const segmenter = TextSegmenter.make(options)
  const [state, segments] = segmenter.push(segmenter.initial, text)
  return { segmenter, state, segments: texts(segments) }
}

describe("TextSegmenter - sentences", () => {
  for (const [name, { cases, locale }] of Object.entries(languages)) {
    describe(name, () => {
      for (const [rule, marked] of cases) {
        const text = marked.replaceAll("|", "")
        const expected = marked.split("|").filter((segment) => segment !== "")

        it(`${rule} - with the locale`, () => {
          assert.deepStrictEqual(TextSegmenter.segment(text, { locale }), expected)
        })

        it(`${rule} - without a locale`, () => {
          assert.deepStrictEqual(TextSegmenter.segment(text), expected)
        })
      }
    })
  }

  it("a region in the locale - changes nothing", () => {
    assert.deepStrictEqual(TextSegmenter.segment("Das ist der 2. Versuch.", { locale: "de-AT" }), [
      "Das ist der 2. Versuch."
    ])
  })

  it("a language without rules of its own - is segmented by its script", () => {
    assert.deepStrictEqual(TextSegmenter.segment("Mvua inanyesha. Tuko nyumbani.", { locale: "sw" }), [
      "Mvua inanyesha. ",
      "Tuko nyumbani."
    ])
  })

  it("the language of earlier sentences - holds for a sentence that does not tell", () => {
    const german = "Der Zug ist weg und wir warten auf den nächsten. "
    assert.deepStrictEqual(TextSegmenter.segment(`${german}Friedrich II. König.`), [german, "Friedrich II. König."])
    assert.deepStrictEqual(TextSegmenter.segment("Friedrich II. König."), ["Friedrich II. ", "König."])
  })
})

// Pieces of every kind of decision the segmenter makes, and of every kind of grapheme cluster.
const fragments = [
  ...". . . ! ? … ... 。 ！ ？ , ; : ، — - ( ) [ ] \" ' “ ” « » 「 」 《 》 * _".split(" "),
  ...[" ", " ", " ", "  ", "\n", "\n\n", "\r\n", "\r", "\t", "\u00a0", "\u3000", "\u2028"],
  ...["a", "B", "Dr", "Mr", "e.g", "U.S", "p.m", "No", "5", "12", "3.14", "word", "Word", "He", "I", "the", "iPhone"],
  ...[
    "é",
    "e\u0301",
    "\u0301",
    "\u200d",
    "👍",
    "👨‍👩‍👧‍👦",
    "👍🏽",
    "🇩🇪",
    "🇩",
    "❤️",
    "1️⃣",
    "\ud83d",
    "\ude00",
    "\u0600",
    "\u0e33"
  ],
  ...[
    "你好",
    "日本語",
    "の",
    "と",
    "한국어",
    "각",
    "हिन्दी",
    "।",
    "डॉ",
    "ไทยคำ",
    "١",
    "ا",
    "؟",
    "۔",
    "ያለው",
    "፡",
    "Ա",
    "։",
    "Ωμ",
    "г",
    "т"
  ],
  ...["http://a.b/c?d=e.", "a@b.c", "[1]", "²", "•", "1.", "2.", "2)", "a)", "b)", "ii.", "</em>", "x".repeat(30)]
]
const cases = Object.values(languages).flatMap(({ cases }) => cases.map(([, marked]) => marked.replaceAll("|", "")))

const text = FastCheck.oneof(
  { weight: 4, arbitrary: FastCheck.array(FastCheck.constantFrom(...fragments), { maxLength: 60 }) },
  { weight: 1, arbitrary: FastCheck.array(FastCheck.constantFrom(...cases), { maxLength: 4 }) },
  { weight: 1, arbitrary: FastCheck.array(FastCheck.string({ unit: "binary", maxLength: 20 }), { maxLength: 8 }) }
).map((parts) => parts.join(""))

const options: FastCheck.Arbitrary<TextSegmenter.Options> = FastCheck.record({
  maxLength: FastCheck.oneof(
    FastCheck.constant(250),
    FastCheck.constant(Infinity),
    FastCheck.integer({ min: 2, max: 80 })
  ),
  minLength: FastCheck.oneof(FastCheck.constant(0), FastCheck.integer({ min: 0, max: 40 })),
  firstSegment: FastCheck.constantFrom("clause" as const, "sentence" as const),
  locale: FastCheck.constantFrom(undefined, undefined, "en", "de", "ru", "ja", "hi", "ar")
}).map((options) => ({ ...options, minLength: Math.min(options.minLength, options.maxLength) }))

/** Cuts a text into pieces of the given lengths, over and over. */
const cut = (text: string, lengths: ReadonlyArray<number>): Array<string> => {
  const pieces: Array<string> = []
  let at = 0
  for (let piece = 0; at < text.length; piece++) {
    const length = lengths[piece % lengths.length] ?? 1
    pieces.push(text.slice(at, at + length))
    at += length
  }
  return pieces
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" })

describe("TextSegmenter - laws", () => {
  it.prop("segments - joined are the text, and know their place in it", [text, options], ([text, options]) => {
    const segments = TextSegmenter.segments(text, options)
    assert.strictEqual(texts(segments).join(""), text)
    segments.forEach((segment, index) => {
      assert.strictEqual(segment.index, index)
      assert.notStrictEqual(segment.text, "")
      assert.strictEqual(text.slice(segment.textOffset, segment.textOffset + segment.text.length), segment.text)
    })
  }, { fastCheck: { numRuns: 500 } })

  it.prop(
    "segments - do not depend on how the text arrives",
    [text, options, FastCheck.array(FastCheck.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 })],
    ([text, options, lengths]) => {
      const expected = TextSegmenter.segment(text, options)
      assert.deepStrictEqual(segmentPieces(cut(text, [1]), options), expected)
      assert.deepStrictEqual(segmentPieces(cut(text, lengths), options), expected)
    },
    { fastCheck: { numRuns: 500 } }
  )

  it.prop("segments - are never longer than maxLength", [text, options], ([text, options]) => {
    for (const segment of TextSegmenter.segment(text, options)) {
      assert.isAtMost(segment.length, options.maxLength ?? 250)
    }
  }, { fastCheck: { numRuns: 500 } })

  it.prop("segments - never start inside a grapheme cluster that fits", [text, options], ([text, options]) => {
    const inside = new Set<number>()
    for (const { index, segment } of graphemes.segment(text)) {
      for (let at = 1; at < segment.length && segment.length <= (options.maxLength ?? 250); at++) {
        inside.add(index + at)
      }
    }
    for (const { textOffset } of TextSegmenter.segments(text, options)) {
      assert.isFalse(inside.has(textOffset), `offset ${textOffset}`)
    }
  }, { fastCheck: { numRuns: 500 } })

  it.prop("segments - of at least minLength, but for the last one and where the cap allows no more", [
    FastCheck.array(FastCheck.constantFrom("Yes. ", "No. ", "It is late. ", "We should go home now. "), {
      maxLength: 30
    }),
    FastCheck.integer({ min: 0, max: 60 })
  ], ([sentences, minLength]) => {
    const segments = TextSegmenter.segment(sentences.join(""), { minLength })
    for (const segment of segments.slice(0, -1)) {
      assert.isAtLeast(segment.trim().length, minLength)
    }
  })

  it.prop("pending text - is bounded by maxLength and the reach of a decision", [text], ([text]) => {
    const segmenter = TextSegmenter.make({ maxLength: 40 })
    let state = segmenter.initial
    for (const piece of cut(text, [1])) {
      state = segmenter.push(state, piece)[0]
      assert.isAtMost(state.pending.length, 40 + 256)
    }
  }, { fastCheck: { numRuns: 300 } })

  it("a state - gives the same result twice", () => {
    const segmenter = TextSegmenter.make()
    const [state] = segmenter.push(segmenter.initial, "One sentence. An")
    assert.deepStrictEqual(segmenter.push(state, "other. T"), segmenter.push(state, "other. T"))
    assert.deepStrictEqual(texts(segmenter.push(state, "other. T")[1]), ["Another. "])
  })

  it("a cluster longer than maxLength - is cut between code points", () => {
    const cluster = `e${"\u0301".repeat(20)}`
    assert.deepStrictEqual(TextSegmenter.segment(cluster, { maxLength: 8 }).map((segment) => segment.length), [8, 8, 5])
    const family = "👨‍👩‍👧‍👦"
    for (const segment of TextSegmenter.segment(family, { maxLength: 4 })) {
      assert.notMatch(segment, /\p{Cs}/u)
    }
  })
})

describe("TextSegmenter - length", () => {
  it("a long sentence - is cut after a clause mark", () => {
    assert.deepStrictEqual(
      TextSegmenter.segment("The house stood on a hill, and below it the river ran past the old mill.", {
        maxLength: 40
      }),
      ["The house stood on a hill, ", "and below it the river ", "ran past the old mill."]
    )
  })

  it("a long clause - is cut between words", () => {
    for (const segment of TextSegmenter.segment("word ".repeat(100), { maxLength: 37 })) {
      assert.match(segment, /^(word )+$/)
    }
  })

  it("a long word - is cut between grapheme clusters", () => {
    const segments = TextSegmenter.segment("👍🏽".repeat(20), { maxLength: 18 })
    assert.deepStrictEqual(segments, ["👍🏽".repeat(4), "👍🏽".repeat(4), "👍🏽".repeat(4), "👍🏽".repeat(4), "👍🏽".repeat(4)])
  })

  it("Chinese without marks - is cut between words", () => {
    const segments = TextSegmenter.segment("我们明天去北京大学图书馆看书学习", { maxLength: 8, locale: "zh" })
    assert.deepStrictEqual(segments, ["我们明天去北京", "大学图书馆", "看书学习"])
  })

  it("a cut - never leaves a mark at the start of a segment", () => {
    const segments = TextSegmenter.segment("今天下雨我们在家看书，明天去北京。", { maxLength: 10, locale: "zh" })
    for (const segment of segments) {
      assert.notMatch(segment, /^[，。]/)
    }
  })

  it("a sentence that fills the cap - leaves its blank to the next one", () => {
    const sentence = `${"a".repeat(19)}.`
    assert.deepStrictEqual(TextSegmenter.segment(`${sentence} Next one.`, { maxLength: 20 }), [sentence, " Next one."])
  })

  it("a run of blanks longer than the cap - is kept", () => {
    const segments = TextSegmenter.segment(`One.${" ".repeat(100)}Two.`, { maxLength: 30 })
    assert.strictEqual(segments.join(""), `One.${" ".repeat(100)}Two.`)
    assert.deepStrictEqual(segments.filter(TextSegmenter.isSpeakable).map((segment) => segment.trim()), [
      "One.",
      "Two."
    ])
  })

  it("short sentences - are merged up to minLength", () => {
    assert.deepStrictEqual(TextSegmenter.segment("Yes. No. Maybe we should. Go.", { minLength: 12 }), [
      "Yes. No. Maybe we should. ",
      "Go."
    ])
  })

  it("merged sentences - are cut where a sentence ends if they pass the cap", () => {
    assert.deepStrictEqual(
      TextSegmenter.segment("Yes it is. And this one is long enough.", { minLength: 25, maxLength: 30 }),
      [
        "Yes it is. ",
        "And this one is long enough."
      ]
    )
  })
})

describe("TextSegmenter - the first segment", () => {
  it("clause - ends at the first clause mark with enough before it", () => {
    assert.deepStrictEqual(
      TextSegmenter.segment("Well, on the other hand, it might rain. Then, after all that, we stay.", {
        firstSegment: "clause"
      }),
      ["Well, on the other hand, ", "it might rain. ", "Then, after all that, we stay."]
    )
  })

  it("clause - waits for minLength", () => {
    assert.deepStrictEqual(
      TextSegmenter.segment("On the other hand, if it rains, we stay.", { firstSegment: "clause", minLength: 25 }),
      ["On the other hand, if it rains, ", "we stay."]
    )
  })

  it("clause - counts wide characters as two columns", () => {
    assert.deepStrictEqual(TextSegmenter.segment("当然可以，我来帮你。", { firstSegment: "clause" }), [
      "当然可以，",
      "我来帮你。"
    ])
  })

  it("clause - does not cut numbers", () => {
    assert.deepStrictEqual(
      TextSegmenter.segment("There are 1,000,000 of them: all good.", { firstSegment: "clause" }),
      [
        "There are 1,000,000 of them: ",
        "all good."
      ]
    )
  })

  it("sentence - is the default", () => {
    assert.deepStrictEqual(TextSegmenter.segment("On the other hand, it rains. We stay."), [
      "On the other hand, it rains. ",
      "We stay."
    ])
  })
})

describe("TextSegmenter - when it decides", () => {
  const first = (text: string): number => {
    const segmenter = TextSegmenter.make()
    let state = segmenter.initial
    for (let at = 0; at < text.length; at++) {
      const [next, segments] = segmenter.push(state, text.charAt(at))
      if (Chunk.isNonEmpty(segments)) {
        return at + 1
      }
      state = next
    }
    return Infinity
  }

  it("a plain sentence - with the first letter of the next", () => {
    assert.strictEqual(first("The rain has stopped. We"), "The rain has stopped. W".length)
  })

  it("a question - with the first letter of the next", () => {
    assert.strictEqual(first("Has it stopped? We"), "Has it stopped? W".length)
  })

  it("a Chinese sentence - with the next character", () => {
    assert.strictEqual(first("雨停了。我们走吧"), "雨停了。我".length)
  })

  it("a Hindi sentence - with the first letter of the next", () => {
    assert.strictEqual(first("बारिश रुक गई। हम चलें"), "बारिश रुक गई। ह".length)
  })

  it("an abbreviation - with the word after it", () => {
    assert.strictEqual(first("She lives in the U.S. We do"), "She lives in the U.S. We ".length)
  })

  it("a paragraph - with the first character of the next", () => {
    assert.strictEqual(first("Chapter One\n\nIt"), "Chapter One\n\nI".length)
  })

  it("a decimal - is never split, wherever it is cut", () => {
    assert.deepStrictEqual(segmentPieces(["It costs $3", ".", "5", "0", ". ", "Good", "."]), [
      "It costs $3.50. ",
      "Good."
    ])
  })
})

describe("TextSegmenter - pending text", () => {
  const endsSentence = (text: string): boolean => {
    const { segmenter, state } = pushAll(text)
    return segmenter.endsSentence(state)
  }

  it("endsSentence - after marks, with what closes them", () => {
    for (
      const text of [
        "It is late.",
        "Is it late? ",
        "Stop!",
        "\"It is late.\"",
        "(Late.) ",
        "今天下雨。",
        "बारिश है।",
        "Really…",
        "Πού πας;",
        "Great! 😀"
      ]
    ) {
      assert.isTrue(endsSentence(text), text)
    }
  })

  it("endsSentence - after a line break and after an emoji", () => {
    assert.isTrue(endsSentence("Chapter One\n"))
    assert.isTrue(endsSentence("See you 👋"))
  })

  it("endsSentence - not within a sentence", () => {
    for (
      const text of [
        "",
        "   ",
        "It is",
        "It is late,",
        "I saw Dr.",
        "Bring fruit, e.g.",
        "It costs $3.",
        "1.",
        "See No.",
        "by J.",
        "***"
      ]
    ) {
      assert.isFalse(endsSentence(text), text)
    }
  })

  it("endsSentence - after abbreviations and numbers that end sentences", () => {
    for (
      const text of [
        "Pens, paper, etc.",
        "She lives in the U.S.",
        "It was in 1999.",
        "Come at 5 p.m.",
        "It is no.",
        "You and I."
      ]
    ) {
      assert.isTrue(endsSentence(text), text)
    }
  })

  it("flush - takes everything, and the text goes on", () => {
    const { segmenter, state } = pushAll("Let me look that")
    const [flushed, segments] = segmenter.flush(state)
    assert.deepStrictEqual(texts(segments), ["Let me look that"])
    assert.strictEqual(flushed.pending, "")
    const [, more] = segmenter.push(flushed, " up. Here it is.")
    assert.deepStrictEqual(Chunk.toReadonlyArray(more), [{ index: 1, text: " up. ", textOffset: 16 }])
  })

  it("flush - of nothing gives nothing", () => {
    const segmenter = TextSegmenter.make()
    assert.isTrue(Chunk.isEmpty(segmenter.flush(segmenter.initial)[1]))
  })

  it("takeWords - leaves the word that may still grow", () => {
    const { segmenter, state } = pushAll("It is a long way to Tip")
    const [next, segments] = segmenter.takeWords(state)
    assert.deepStrictEqual(texts(segments), ["It is a long way to "])
    assert.strictEqual(next.pending, "Tip")
    const [done, more] = segmenter.push(next, "perary. It")
    assert.deepStrictEqual(Chunk.toReadonlyArray(more), [{ index: 1, text: "Tipperary. ", textOffset: 20 }])
    assert.strictEqual(done.pending, "It")
  })

  it("takeWords - takes nothing of a single word", () => {
    const { segmenter, state } = pushAll("Supercalifragi")
    const [next, segments] = segmenter.takeWords(state)
    assert.isTrue(Chunk.isEmpty(segments))
    assert.strictEqual(next.pending, "Supercalifragi")
  })

  it("takeWords - knows the words of scripts without spaces", () => {
    const { segmenter, state } = pushAll("我们明天去北京大学图书", { locale: "zh" })
    const [next, segments] = segmenter.takeWords(state)
    assert.strictEqual(texts(segments).join("") + next.pending, "我们明天去北京大学图书")
    assert.deepStrictEqual(texts(segments), ["我们明天去北京大学"])
  })

  it.prop("takeWords - loses nothing and cuts no word", [text, FastCheck.nat({ max: 100 })], ([text, at]) => {
    const { segmenter, segments, state } = pushAll(text.slice(0, at), { locale: "en" })
    const [next, words] = segmenter.takeWords(state)
    const [after, more] = segmenter.push(next, text.slice(at))
    const out = [...segments, ...texts(words), ...texts(more), ...texts(segmenter.flush(after)[1])]
    assert.strictEqual(out.join(""), text)
    if (Chunk.isNonEmpty(words) && next.pending !== "" && /^[ -~]*$/.test(state.pending)) {
      assert.match(texts(words).join(""), /\s$/)
    }
  }, { fastCheck: { numRuns: 300 } })
})

describe("TextSegmenter - isSpeakable", () => {
  it("blanks and punctuation - are silence", () => {
    for (const text of ["", "  \n", "***", "...", "—", "\"\"", "()"]) {
      assert.isFalse(TextSegmenter.isSpeakable(text), text)
    }
    for (const text of ["a", "5", "你", "$", "👍", "%"]) {
      assert.isTrue(TextSegmenter.isSpeakable(text), text)
    }
  })
})

describe("TextSegmenter - options", () => {
  const parameter = (options: TextSegmenter.Options): string | undefined => {
    const made = TextSegmenter.makeEither(options)
    return Either.isLeft(made) ? made.left.parameter : undefined
  }

  it("out of range - are named", () => {
    for (const maxLength of [1, 0, -5, 2.5, Number.NaN, -Infinity]) {
      assert.strictEqual(parameter({ maxLength }), "maxLength")
    }
    for (const minLength of [-1, 0.5, Number.NaN, 251]) {
      assert.strictEqual(parameter({ minLength }), "minLength")
    }
    assert.strictEqual(parameter({ locale: "not a locale" }), "locale")
    assert.strictEqual(parameter({ locale: "" }), "locale")
  })

  it("in range - are accepted", () => {
    assert.isUndefined(parameter({ maxLength: 2, minLength: 2, firstSegment: "clause", locale: "zh-Hant-TW" }))
    assert.isUndefined(parameter({ maxLength: Infinity, minLength: 1000 }))
  })

  it("make - throws the same error", () => {
    assert.throws(() => TextSegmenter.make({ maxLength: 1 }), /maxLength must be an integer of at least 2, got 1/)
  })
})

describe("TextSegmenter - streams", () => {
  it.effect("split - gives segments as the text arrives", () =>
    Effect.gen(function*() {
      const segments = yield* Stream.make("He", "llo the", "re. How", " are", " you?").pipe(
        TextSegmenter.split(),
        Stream.runCollect
      )
      assert.deepStrictEqual(Chunk.toArray(segments), ["Hello there. ", "How are you?"])
    }))

  it.effect("split - takes its options first or last", () =>
    Effect.gen(function*() {
      const source = Stream.make("On the other hand, it rains.")
      const last = yield* Stream.runCollect(TextSegmenter.split(source, { firstSegment: "clause" }))
      const piped = yield* Stream.runCollect(source.pipe(TextSegmenter.split({ firstSegment: "clause" })))
      assert.deepStrictEqual(Chunk.toArray(last), ["On the other hand, ", "it rains."])
      assert.deepStrictEqual(Chunk.toArray(piped), Chunk.toArray(last))
    }))

  it.effect("split - a flush makes a segment of what is pending", () =>
    Effect.gen(function*() {
      const segments = yield* Stream.make<Array<SpeechText.Input>>("Let me look", SpeechText.flush, "Found it. Good")
        .pipe(
          TextSegmenter.splitSegments(),
          Stream.runCollect
        )
      assert.deepStrictEqual(Chunk.toArray(segments), [
        { index: 0, text: "Let me look", textOffset: 0 },
        { index: 1, text: "Found it. ", textOffset: 11 },
        { index: 2, text: "Good", textOffset: 21 }
      ])
    }))

  it.effect("split - a failing source fails after the text that came before it", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const exit = yield* Stream.make("One. Two").pipe(
        Stream.concat(Stream.fail("offline")),
        TextSegmenter.split(),
        Stream.runForEach((segment) => Effect.sync(() => seen.push(segment))),
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("offline"))
      assert.deepStrictEqual(seen, ["One. ", "Two"])
    }))

  it.effect("split - each run starts anew", () =>
    Effect.gen(function*() {
      const stream = Stream.make("One. Two").pipe(TextSegmenter.splitSegments())
      const first = yield* Stream.runCollect(stream)
      const second = yield* Stream.runCollect(stream)
      assert.deepStrictEqual(Chunk.toArray(second), Chunk.toArray(first))
    }))
})
