import { SpeechText, TextSegmenter } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Exit, FastCheck, Fiber, Stream } from "effect"

const collect = <A, E>(stream: Stream.Stream<A, E>): Effect.Effect<Array<A>, E> =>
  Effect.map(Stream.runCollect(stream), Chunk.toArray)

/** The text of a stream, with a bar for each flush. */
const written = <E>(stream: Stream.Stream<SpeechText.Input, E>): Effect.Effect<string, E> =>
  Stream.runFold(stream, "", (text, input) => text + (SpeechText.isFlush(input) ? "|" : input))

const strip = (inputs: Iterable<SpeechText.Input>, options: SpeechText.StripMarkdownOptions = {}): string =>
  Effect.runSync(written(SpeechText.stripMarkdownWith(Stream.fromIterable(inputs).pipe(Stream.rechunk(1)), options)))

describe("SpeechText - flush", () => {
  it("isFlush - knows the mark and nothing else", () => {
    assert.isTrue(SpeechText.isFlush(SpeechText.flush))
    for (const value of ["", "flush", null, undefined, {}, { _tag: "Flush" }, 5]) {
      assert.isFalse(SpeechText.isFlush(value))
    }
  })
})

describe("SpeechText - fromAsyncIterable", () => {
  it.effect("pieces - come in order", () =>
    Effect.gen(function*() {
      const source = async function*() {
        yield "Hello "
        yield "there."
      }
      assert.deepStrictEqual(yield* collect(SpeechText.fromAsyncIterable(source())), ["Hello ", "there."])
    }))

  it.effect("a failure - is typed, and comes after the pieces before it", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const source = async function*() {
        yield "Hello"
        throw new Error("connection reset")
      }
      const error = yield* SpeechText.fromAsyncIterable(source()).pipe(
        Stream.runForEach((piece) => Effect.sync(() => seen.push(piece))),
        Effect.flip
      )
      assert.deepStrictEqual(seen, ["Hello"])
      assert.strictEqual(error._tag, "TextSourceFailure")
      assert.strictEqual(error.message, "the source of the text failed: connection reset")
    }))

  it.effect("a failure - becomes the caller's error", () =>
    Effect.gen(function*() {
      const source = async function*() {
        yield "Hello"
        throw new Error("connection reset")
      }
      const exit = yield* Effect.exit(
        collect(SpeechText.fromAsyncIterable(source(), (cause) => ["mine", String(cause)]))
      )
      assert.deepStrictEqual(exit, Exit.fail(["mine", "Error: connection reset"]))
    }))

  it.effect("an iterator that throws at once - fails the stream", () =>
    Effect.gen(function*() {
      const source: AsyncIterable<string> = {
        [Symbol.asyncIterator]: () => ({
          next: () => {
            throw new Error("no body")
          }
        })
      }
      const error = yield* Effect.flip(collect(SpeechText.fromAsyncIterable(source)))
      assert.strictEqual(error.message, "the source of the text failed: no body")
    }))

  it.effect("leaving early - tells the source to return", () =>
    Effect.gen(function*() {
      const returned = yield* Deferred.make<void>()
      const source = async function*() {
        try {
          for (;;) {
            yield "more "
          }
        } finally {
          Deferred.unsafeDone(returned, Exit.void)
        }
      }
      const pieces = yield* collect(SpeechText.fromAsyncIterable(source()).pipe(Stream.take(2)))
      assert.deepStrictEqual(pieces, ["more ", "more "])
      yield* Deferred.await(returned)
    }))

  it.effect("interruption - does not wait for a source that hangs", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      let returns = 0
      const source: AsyncIterable<string> = {
        [Symbol.asyncIterator]: () => ({
          next: () => {
            Deferred.unsafeDone(asked, Exit.void)
            return new Promise(() => {})
          },
          return: () => {
            returns++
            return new Promise(() => {})
          }
        })
      }
      const fiber = yield* Effect.fork(collect(SpeechText.fromAsyncIterable(source)))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      yield* Effect.yieldNow()
      assert.strictEqual(returns, 1)
    }))
})

describe("SpeechText - fromOpenAi", () => {
  const chunk = (
    content: string | null | undefined,
    tools?: ReadonlyArray<unknown> | null
  ): SpeechText.ChatCompletionChunk => ({
    choices: [{ delta: { content, tool_calls: tools } }]
  })

  it.effect("text - is taken out, and what has none is left out", () =>
    Effect.gen(function*() {
      const text = yield* written(SpeechText.fromOpenAi(Stream.make(
        chunk(undefined),
        chunk("Hel"),
        chunk(null),
        chunk(""),
        chunk("lo."),
        { choices: [{ delta: null }] },
        { choices: [{}] },
        { choices: [] }
      )))
      assert.strictEqual(text, "Hello.")
    }))

  it.effect("tool calls - are one flush, however many pieces they come in", () =>
    Effect.gen(function*() {
      const text = yield* written(SpeechText.fromOpenAi(Stream.make(
        chunk("Let me look."),
        chunk(null, [{ index: 0 }]),
        chunk(null, [{ index: 0 }]),
        chunk("Here.", []),
        chunk("Wait.", [{ index: 1 }]),
        chunk("Done.", null)
      )))
      assert.strictEqual(text, "Let me look.|Here.Wait.|Done.")
    }))

  it.effect("only the first choice - is read", () =>
    Effect.gen(function*() {
      const two: SpeechText.ChatCompletionChunk = {
        choices: [{ delta: { content: "a" } }, { delta: { content: "b" } }]
      }
      assert.strictEqual(yield* written(SpeechText.fromOpenAi(Stream.make(two))), "a")
    }))
})

describe("SpeechText - fromAi", () => {
  it.effect("text - is taken out, reasoning and figures are left out", () =>
    Effect.gen(function*() {
      const text = yield* written(SpeechText.fromAi(Stream.make(
        { type: "response-metadata", id: "1" },
        { type: "reasoning-delta", id: "r", delta: "They greet me." },
        { type: "text-start", id: "t" },
        { type: "text-delta", id: "t", delta: "Hel" },
        { type: "text-delta", id: "t", delta: "lo." },
        { type: "text-end", id: "t" },
        { type: "source", url: "https://example.org" },
        { type: "finish", reason: "stop" }
      )))
      assert.strictEqual(text, "Hello.")
    }))

  it.effect("tool calls - are one flush", () =>
    Effect.gen(function*() {
      const text = yield* written(SpeechText.fromAi(Stream.make(
        { type: "text-delta", delta: "Let me look." },
        { type: "tool-params-start", name: "search" },
        { type: "tool-params-delta", delta: "{}" },
        { type: "tool-call", name: "search" },
        { type: "tool-result", name: "search" },
        { type: "text-delta", delta: "Here." }
      )))
      assert.strictEqual(text, "Let me look.|Here.")
    }))

  it.effect("the AI SDK's parts - are read too", () =>
    Effect.gen(function*() {
      const text = yield* written(SpeechText.fromAi(Stream.make(
        { type: "text-delta", text: "Look." },
        { type: "tool-input-start", toolName: "search" },
        { type: "text-delta", text: "Here." }
      )))
      assert.strictEqual(text, "Look.|Here.")
    }))

  it.effect("an error part - fails the stream after the text before it", () =>
    Effect.gen(function*() {
      const seen: Array<SpeechText.Input> = []
      const error = yield* SpeechText.fromAi(Stream.make(
        { type: "text-delta", delta: "Half a" },
        { type: "error", error: new Error("overloaded") }
      )).pipe(Stream.runForEach((input) => Effect.sync(() => seen.push(input))), Effect.flip)
      assert.deepStrictEqual(seen, ["Half a"])
      assert.strictEqual(error.message, "the source of the text failed: overloaded")
    }))
})

const stripped: ReadonlyArray<readonly [name: string, markdown: string, spoken: string]> = [
  ["emphasis", "It is *very* late and _very_ dark.", "It is very late and very dark."],
  ["bold", "It is **very** late and __very__ dark.", "It is very late and very dark."],
  ["bold and emphasis", "***Now*** it is **very *very* late**.", "Now it is very very late."],
  ["emphasis that ends with bold", "**bold *both***, *both **bold***", "bold both, both bold"],
  ["emphasis in Chinese", "这是**重点**内容。", "这是重点内容。"],
  ["bold before letters", "**pre**fix", "prefix"],
  ["bold over a line break", "**two\nlines**", "two\nlines"],
  ["strike-through", "It is ~~late~~ early, ~5 minutes.", "It is late early, ~5 minutes."],
  ["heading", "# Rain\nIt rains.", "Rain\n\nIt rains."],
  ["heading with closing signs", "## Rain ##\n\nIt rains.", "Rain\n\n\nIt rains."],
  ["underlined heading", "Rain\n====\nIt rains.", "Rain\n\nIt rains."],
  ["heading with emphasis", "### The *rain*\n", "The rain\n\n"],
  ["link", "See [the map](https://example.org/a_(b) \"Map\").", "See the map."],
  ["link with emphasis", "See [**the** map](x).", "See the map."],
  ["reference", "See [the map][1].\n\n[1]: https://example.org\n", "See the map.\n\n"],
  ["image", "![A red house](house.png) stands.", "A red house stands."],
  ["image in a link", "[![A house](a.png)](b)", "A house"],
  ["address", "Go to <https://example.org> or <me@example.org>.", "Go to example.org or me@example.org."],
  ["code", "Call `open()` and ``a ` b``.", "Call open() and a ` b."],
  ["code keeps its signs", "Use `**kwargs` and `a_b_c`.", "Use **kwargs and a_b_c."],
  ["code within bold", "**use `*` here**", "use * here"],
  ["fenced code", "Do this:\n\n```js\nconst a = 1\n```\n\nDone.", "Do this:\n\n\nDone."],
  ["fenced code with tildes", "~~~\ncode\n~~~\nDone.", "Done."],
  ["a fence within a longer fence", "````\n```\na\n```\n````\nDone.", "Done."],
  ["fenced code without an end", "Do this:\n```\nconst a", "Do this:\n\n"],
  ["bullets", "You need:\n- rice\n* beans\n+ water", "You need:\n\nrice\n\nbeans\n\nwater"],
  ["nested bullets", "- rice\n  - brown\n    - long", "rice\n\nbrown\n\nlong"],
  ["numbered list", "1. Wash\n2. **Cook**", "1. Wash\n2. Cook"],
  ["tasks", "- [ ] wash\n- [x] cook", "wash\n\ncook"],
  ["quotation", "> It *rains*.\n> > Still.", "It rains.\nStill."],
  ["list in a quotation", "> - rice", "rice"],
  ["rule", "One.\n\n---\n\nTwo.\n\n* * *\n\nThree.", "One.\n\n\nTwo.\n\n\nThree."],
  ["table", "| Name | Age |\n|------|:---:|\n| *Ann* | 5 |\n\nEnd.", "Name, Age\n\nAnn, 5\n\n\nEnd."],
  ["HTML", "<p>It <b>rains</b>.<br>Still.</p>", "\nIt rains.\nStill.\n"],
  ["comment", "It <!-- a\nnote --> rains.", "It  rains."],
  ["footnote", "It rains.[^1]\n\n[^1]: Often.", "It rains.\n\nOften."],
  ["escapes", "\\*not\\* 5 \\# \\[a\\]", "*not* 5 # [a]"],
  ["entities", "A &amp; B &lt; C &unknown; D", "A & B < C &unknown; D"],
  ["hard line break", "One\\\ntwo", "One\ntwo"]
]

/** As people and models write it; blanks do not matter. */
const asWritten: ReadonlyArray<readonly [name: string, markdown: string, spoken: string]> = [
  [
    "a fence in a nested list",
    "1. A:\n   - On Linux:\n     ```sh\n     x\n     ```\n   - On Mac: no.\n2. Run it.\n",
    "1. A: On Linux: On Mac: no. 2. Run it."
  ],
  ["a fence in a quotation", "> ```\n> x\n> ```\n\nBye.\n", "Bye."],
  ["a fence that begins an item", "- ```\n  x\n  ```\n- Next.\n", "Next."],
  ["a quotation that ends with a fence open", "> ```\n> x\n\nBye.\n", "Bye."],
  ["an item that ends with a fence open", "- ```\n  x\n\nBye.\n", "Bye."],
  [
    "CRLF, an underlined heading, a rule",
    "Title\r\n=====\r\n\r\nSome **bold** text.\r\n\r\n---\r\n\r\nMore.\r\n",
    "Title Some bold text. More."
  ],
  ["CR alone", "# Title\rSome *text*.\r\r- a\r- b\r", "Title Some text. a b"],
  ["hard breaks with CRLF", "Line one  \r\nline two\\\r\nline three\r\n", "Line one line two line three"],
  [
    "emphasis that does not cross a blank line",
    "Use **kwargs here.\r\n\r\nIt is **bold**.\r\n",
    "Use **kwargs here. It is bold."
  ],
  ["closing signs of a heading with CRLF", "## B ##\r\nText\r\n", "B Text"],
  ["indented code", "Look:\n\n    ls -l\n\nDone.\n", "Look: Done."],
  ["a table without outer bars", "a | b\n--- | ---\n1 | 2\n", "a, b 1, 2"],
  ["a table in an item", "- See:\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n- Next", "See: a, b 1, 2 Next"],
  ["emphasis inside a word", "un*frigging*believable\n", "unfriggingbelievable"],
  ["a tag over several lines", "A <img\n  alt=\"x\"\n  src=\"y.svg\"\n/> B\n", "A B"],
  ["entities", "Use &#x27;quotes&#x27; at 5&deg; &copy; &euro;5 &times; 3\n", "Use 'quotes' at 5° © €5 × 3"],
  ["an alert", "> [!NOTE]\n> Take care.\n", "Note: Take care."],
  ["reasoning", "<think>\nThe user wants a joke.\n</think>\n\nWhy did it cross?\n", "Why did it cross?"],
  ["reasoning in one line", "<thought>Hm.</thought> Yes.", "Yes."],
  ["citation marks", "So it is【12†source】, they say [1]. Others too.[2, 3]", "So it is, they say. Others too."],
  ["a formula", "The area is $\\pi r^2$, and it costs $5 and $6.", "The area is formula, and it costs $5 and $6."],
  ["formulas in brackets", "So \\(x_1 = 2\\) and \\(y\\).", "So formula and formula."],
  ["a formula of its own", "So:\n\n$$\na = b\n- c\n$$\n\nDone.", "So: formula Done."],
  ["a formula in brackets of its own", "So:\n\\[\na = b\n\\]\nDone.", "So: formula Done."],
  ["names of emoji", "Done :tada:! At 10:30:15.", "Done ! At 10:30:15."],
  ["an address", "See https://www.example.org/a_b?c=d#e. Or www.example.org!", "See example.org. Or example.org!"],
  ["HTML", "<details>\n<summary>More</summary>\n\nIt *rains*.\n</details>\n", "More It rains."],
  ["scripts and styles", "<style>\np { color: red }\n</style>\n\nIt rains.", "It rains."],
  ["a definition before its use", "[a]: https://example.org \"A\"\n\nSee [a].", "See a."]
]

const untouched: ReadonlyArray<readonly [name: string, text: string]> = [
  ["plain text", "It rains. We stay in, as ever!\n\nThen we sleep.  \n"],
  ["snake case", "Set max_length and snake_case_name, _private too."],
  ["multiplication", "2*3*4 is 24, a * b is c, 2**3**4 is large, 5 * 3."],
  ["unmatched signs", "A *footnote, a **claim, a [bracket, a `tick and 5 < 6."],
  ["comparison", "x<y and y>z, 3 < 4 > 2, a <- b"],
  ["brackets", "He said [sic] that a[0] holds. [Alice]: hello there"],
  ["hashes", "#1 of the #charts, C# and F#."],
  ["signs at the start of a line", "-5 degrees\n+49 30\n*\n5) five\n3.14\n=)"],
  ["paths", "C:\\Users\\me and a\\b"],
  ["ampersands", "AT&T & co; Q&A"],
  ["indentation", "  two spaces\n    four"],
  ["numbers before blanks", "5.  \n55. 5. \n\n5.  \n"],
  ["a bar", "|x| is the absolute value"],
  ["an asterisk and a paragraph", "*one\n\ntwo*"],
  ["emoticons", "^_^ *_* ~_~ <3 :-)"]
]

describe("SpeechText - stripMarkdown", () => {
  for (const [name, markdown, spoken] of stripped) {
    it(`${name} - is spoken as words`, () => {
      assert.strictEqual(strip([markdown]), spoken)
      assert.strictEqual(strip(markdown), spoken, "character by character")
    })
  }

  for (const [name, markdown, spoken] of asWritten) {
    it(`${name} - is spoken as words`, () => {
      const plain = (text: string) => text.replace(/\s+/g, " ").trim()
      assert.strictEqual(plain(strip([markdown])), spoken)
      assert.strictEqual(strip(markdown), strip([markdown]), "character by character")
    })
  }

  it("options - say more or less of what is not words", () => {
    const cases: ReadonlyArray<readonly [options: SpeechText.StripMarkdownOptions, markdown: string, spoken: string]> =
      [
        [{ formulas: "speak" }, "Is $a^2$ it?", "Is $a^2$ it?"],
        [{ formulas: "omit" }, "Is $a^2$ it?", "Is  it?"],
        [{ reasoning: "speak" }, "<think>\nHm.\n\n</think>\n\nYes.", "\nHm.\n\n\nYes."],
        [{ citations: "speak" }, "Yes [1].", "Yes [1]."],
        [{ emojiNames: "speak" }, "Done :party_popper:", "Done party popper"],
        [{ alerts: "omit" }, "> [!TIP]\n> Eat.", "Eat."],
        [{ footnotes: "omit" }, "It rains.[^1]\n\n[^1]: Often.\n    And more.\n\nEnd.", "It rains.\n\n\nEnd."],
        [{ addresses: "full" }, "See https://a.org/b.", "See https://a.org/b."],
        [{ addresses: "link" }, "See https://a.org/b.", "See link."],
        [{ images: "omit" }, "A ![house](a.png) stands.", "A  stands."],
        [{ codeBlocks: "speak" }, "Do:\n\n    ls\n", "Do:\n\nls\n"]
      ]
    for (const [options, markdown, spoken] of cases) {
      const plain = (text: string) => text.replace(/\s+/g, " ").trim()
      assert.strictEqual(plain(strip([markdown], options)), plain(spoken), JSON.stringify(options))
      assert.strictEqual(strip(markdown, options), strip([markdown], options))
    }
  })

  it("takes time in proportion to the text, whatever stands in it", () => {
    const seconds = (unit: string, length: number) => {
      const start = process.cpuUsage()
      strip([unit.repeat(Math.ceil(length / unit.length))])
      return process.cpuUsage(start).user / 1e6
    }
    const units = [
      "*",
      "_",
      "`",
      "~",
      "&",
      "&amp;",
      "*a ",
      "`a ",
      "[a](",
      "<a ",
      "<!-- ",
      "a|b ",
      "> ",
      "- ",
      "1. ",
      "\\",
      "$a ",
      "![",
      "*a*b"
    ]
    for (const unit of [...units, "[[", "- a\n", "> a\n", "a\\\n", "|a|b|\n", "<div>\n", "==\n", "www.a "]) {
      seconds(unit, 2000)
      // Twice as much as in proportion, and a tenth of a second for what else the process does.
      assert.isBelow(seconds(unit, 80_000), 8 * seconds(unit, 20_000) + 0.1, unit)
    }
  })

  for (const [name, text] of untouched) {
    it(`${name} - is left alone`, () => {
      assert.strictEqual(strip([text]), text)
      assert.strictEqual(strip(text), text, "character by character")
    })
  }

  it("fenced code - is spoken when asked for", () => {
    assert.strictEqual(
      strip(["Do:\n```js\nconst a = \"*b*\"\n```\nDone."], { codeBlocks: "speak" }),
      "Do:\n\nconst a = \"*b*\"\n\nDone."
    )
  })

  it("options - come first or last", () => {
    const source: Stream.Stream<SpeechText.Input> = Stream.make("```\na\n```\n")
    assert.strictEqual(
      Effect.runSync(written(source.pipe(SpeechText.stripMarkdownWith({ codeBlocks: "speak" })))),
      "a\n\n"
    )
    assert.strictEqual(Effect.runSync(written(source.pipe(SpeechText.stripMarkdown))), "")
  })

  it("a flush - releases what is held, and stays where it was", () => {
    assert.strictEqual(strip(["It is **ve", SpeechText.flush, "ry** late"]), "It is **ve|ry** late")
    assert.strictEqual(strip(["One.", SpeechText.flush, SpeechText.flush, " Two."]), "One.|| Two.")
  })

  it.effect("a failing source - fails after what was held", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const exit = yield* Stream.make("It is **ve").pipe(
        Stream.concat(Stream.fail("offline")),
        SpeechText.stripMarkdown,
        Stream.runForEach((input) => Effect.sync(() => seen.push(SpeechText.isFlush(input) ? "|" : input))),
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("offline"))
      assert.strictEqual(seen.join(""), "It is **ve")
    }))

  it.effect("text without signs - is passed on at once, blanks with the next word", () =>
    Effect.gen(function*() {
      const pieces = yield* Stream.make("It ", "ra", "ins").pipe(Stream.rechunk(1), SpeechText.stripMarkdown, collect)
      assert.deepStrictEqual(pieces, ["It", " ra", "ins"])
    }))

  it("a sign that is never closed - is released after a bound", () => {
    for (const open of ["**", "[", "[a](", "`", "<a ", "~~", "![", "*", "| "]) {
      const source = Stream.concat(Stream.make(open + "a".repeat(2000)), Stream.make("b"))
      const released = Effect.runSync(written(source.pipe(SpeechText.stripMarkdown, Stream.take(1))))
      assert.isAtLeast(released.length, 2000 - 1324, open)
    }
  })

  const parts = [
    ...[
      "*",
      "**",
      "***",
      "_",
      "__",
      "~~",
      "`",
      "``",
      "```",
      "[",
      "](",
      ")",
      "]",
      "![",
      "<b>",
      "</b>",
      "<",
      ">",
      "<!--",
      "-->",
      "\\",
      "&amp;",
      "&"
    ],
    ...[
      "\n",
      "\n",
      "\n\n",
      " ",
      " ",
      "  ",
      "#",
      "## ",
      "- ",
      "1. ",
      "> ",
      "|",
      "| ",
      "---",
      "===",
      "~~~",
      "[x]",
      "[^1]",
      "[a]: http://b.c",
      "\""
    ],
    ...["word", "Two words", "a", "5", "你好", "👍🏽", "e\u0301", "\ud83d", "x".repeat(120)]
  ]
  const markdown = FastCheck.array(FastCheck.constantFrom(...parts), { maxLength: 60 }).map((parts) => parts.join(""))

  it.prop("the result - does not depend on how the text arrives", [
    markdown,
    FastCheck.array(FastCheck.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })
  ], ([text, lengths]) => {
    const pieces: Array<string> = []
    for (let at = 0, piece = 0; at < text.length; piece++) {
      const length = lengths[piece % lengths.length] ?? 1
      pieces.push(text.slice(at, at + length))
      at += length
    }
    assert.strictEqual(strip(pieces), strip([text]))
  }, { fastCheck: { numRuns: 500 } })

  it.prop("text without signs of Markdown - is unchanged", [
    FastCheck.array(
      FastCheck.constantFrom(
        "It rains",
        ". ",
        ", ",
        "\n",
        "\n\n",
        " ",
        "Is it? ",
        "5",
        "你好。",
        "(yes) ",
        "e-mail ",
        "don't "
      ),
      {
        maxLength: 40
      }
    )
  ], (parts) => {
    // Four blanks begin code.
    const text = parts.flat().join("").replace(/(^|\d[.)]) {4,}/gm, "$1   ")
    assert.strictEqual(strip([text]), text)
  }, { fastCheck: { numRuns: 300 } })

  it("a reply of a model - is cut into what a listener should hear", () => {
    const reply =
      "## Making rice\n\nYou need **three** things:\n\n- rice (`basmati`)\n- water\n- [salt](https://example.org)\n\n" +
      "1. Wash the *rice*.\n2. Boil it.\n\n```sh\ncook --rice\n```\n\nEnjoy!"
    const segments = Effect.runSync(
      Stream.fromIterable(reply).pipe(SpeechText.stripMarkdown, TextSegmenter.split(), Stream.runCollect)
    )
    assert.deepStrictEqual(Chunk.toArray(segments).map((segment) => segment.trim()), [
      "Making rice",
      "You need three things:",
      "rice (basmati)",
      "water",
      "salt",
      "1. Wash the rice.",
      "2. Boil it.",
      "Enjoy!"
    ])
  })
})
