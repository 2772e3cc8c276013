import { Pcm, SpeechError, SpeechEvent } from "@effect-smallest/core"
import { Captions } from "@effect-smallest/stream"
import { listen, make, service, simulate } from "@effect-smallest/test-support/scriptedEngine"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, FastCheck, Stream } from "effect"

const millis = Duration.millis

const started = (segment: number, text: string, start: number, textOffset = 0) =>
  SpeechEvent.SegmentStarted({ segment, text, textOffset, start: millis(start) })

const audio = (length: number) => SpeechEvent.AudioChunk({ chunk: Pcm.silence(Pcm.format(8000), millis(length)) })

const word = (segment: number, word: string, start: number, end: number) =>
  SpeechEvent.WordTimestamp({ segment, word, start: millis(start), end: millis(end) })

const completed = (duration: number) => SpeechEvent.Completed({ duration: millis(duration) })

const run = <A>(stream: Stream.Stream<A>): ReadonlyArray<A> =>
  Chunk.toReadonlyArray(Effect.runSync(Stream.runCollect(stream)))

const cuesOf = (events: ReadonlyArray<SpeechEvent.SpeechEvent>, options?: Captions.Options) =>
  run(Captions.cues(Stream.fromIterable(events), options)).map(({ end, start, text }) => [
    Math.round(Duration.toMillis(start)),
    Math.round(Duration.toMillis(end)),
    text
  ])

const file = (
  events: ReadonlyArray<SpeechEvent.SpeechEvent>,
  format: (cues: Stream.Stream<Captions.Cue>) => Stream.Stream<string>,
  options?: Captions.Options
) => run(format(Captions.cues(Stream.fromIterable(events), options))).join("")

const spaces = (text: string) => text.replace(/\s+/g, " ").trim()

describe("Captions", () => {
  describe("cues from segments", () => {
    it("a short segment is one cue, from its first sample to the next segment's", () => {
      assert.deepStrictEqual(
        cuesOf([
          started(0, "Hello there. ", 0),
          audio(900),
          started(1, "How are you?", 900, 13),
          audio(1100),
          completed(2000)
        ]),
        [[0, 900, "Hello there."], [900, 2000, "How are you?"]]
      )
    })

    it("a cue leaves as soon as its end is known", () => {
      const left: Array<string> = []
      const events = [started(0, "One.", 0), audio(500), started(1, "Two.", 500), audio(500), completed(1000)]
      Effect.runSync(
        Stream.fromIterable(events).pipe(
          Stream.rechunk(1),
          Stream.tap((event) => Effect.sync(() => left.push(event._tag))),
          Captions.cues(),
          Stream.runForEach((cue) => Effect.sync(() => left.push(cue.text)))
        )
      )
      assert.deepStrictEqual(left, [
        "SegmentStarted",
        "AudioChunk",
        "SegmentStarted",
        "One.",
        "AudioChunk",
        "Completed",
        "Two."
      ])
    })

    it("no cue is left with a short word alone if all can be about even", () => {
      const text = "This sentence is so long that nobody could read it in two lines of a television, and then end."
      const cues = cuesOf([started(0, text, 1000), audio(8000), completed(9000)]).map(([, , text]) => text)
      assert.lengthOf(cues, 2)
      assert.strictEqual(cues.join(" ").replaceAll("\n", " "), text)
      for (const cue of cues) assert.isAbove(String(cue).length, 35)
    })

    it("a long segment is several cues of two lines, which share its time by their length", () => {
      const text = "This sentence is so long that nobody could read it in two lines of a television, " +
        "and that is why it is shown piece by piece."
      const cues = cuesOf([started(0, text, 1000), audio(8000), completed(9000)])
      assert.deepStrictEqual(cues.map(([, , text]) => text), [
        "This sentence is so long that nobody could\nread it in two lines of a television, and",
        "that is why it is shown piece by piece."
      ])
      assert.strictEqual(cues[0]?.[0], 1000)
      assert.strictEqual(cues[0]?.[1], cues[1]?.[0])
      assert.strictEqual(cues[1]?.[1], 9000)
      assert.approximately(Number(cues[0]?.[1]), 1000 + 8000 * 83 / 122, 10)
    })

    it("line breaks and blanks of the text are single blanks", () => {
      assert.deepStrictEqual(
        cuesOf([started(0, "\n\n A  title\n\twith\u00a0blanks \n", 0), audio(100), completed(100)]),
        [[0, 100, "A title with blanks"]]
      )
    })

    it("maxLineLength and maxLines - are kept", () => {
      FastCheck.assert(FastCheck.property(
        FastCheck.lorem({ mode: "sentences", maxCount: 4 }),
        FastCheck.integer({ min: 8, max: 60 }),
        FastCheck.integer({ min: 1, max: 3 }),
        (text, maxLineLength, maxLines) => {
          const cues = cuesOf([started(0, text, 0), audio(5000), completed(5000)], { maxLineLength, maxLines })
          let before = 0
          for (const [start, end, cue] of cues) {
            const lines = String(cue).split("\n")
            assert.isAtMost(lines.length, maxLines)
            for (const line of lines) {
              assert.isTrue(line.length <= maxLineLength || !line.includes(" "))
              assert.strictEqual(line, line.trim())
            }
            assert.strictEqual(start, before)
            before = Number(end)
          }
          assert.strictEqual(before, 5000)
          const words = cues.map(([, , cue]) => cue).join(" ").split(/\s+/)
          assert.strictEqual(words.join(""), text.replace(/\s+/g, ""))
        }
      ))
    })

    it("nothing spoken is no cue", () => {
      assert.deepStrictEqual(cuesOf([completed(0)]), [])
      assert.deepStrictEqual(cuesOf([]), [])
    })

    it("a skipped segment has no cue, and does not end the one before it early", () => {
      const error = new SpeechError.EmptyAudio({ module: "Test", method: "events", description: "None" })
      assert.deepStrictEqual(
        cuesOf([
          started(0, "One.", 0),
          audio(500),
          SpeechEvent.SegmentFailed({ segment: 1, text: "Two.", textOffset: 4, error }),
          started(2, "Three.", 700),
          audio(300),
          completed(1000)
        ]),
        [[0, 700, "One."], [700, 1000, "Three."]]
      )
    })

    it("a segment that broke off ends where its audio does", () => {
      const error = new SpeechError.EmptyAudio({ module: "Test", method: "events", description: "None" })
      assert.deepStrictEqual(
        cuesOf([
          started(0, "One two three.", 0),
          word(0, "One", 0, 200),
          audio(300),
          SpeechEvent.SegmentFailed({ segment: 0, text: "One two three.", textOffset: 0, error }),
          started(1, "Four.", 500),
          audio(500),
          completed(1000)
        ]),
        [[0, 200, "One"], [500, 1000, "Four."]]
      )
    })

    it("what was heard has its cue when the speech fails", () => {
      const cues: Array<Captions.Cue> = []
      const exit = Effect.runSyncExit(
        Stream.make(started(0, "One.", 0), audio(400)).pipe(
          Stream.concat(Stream.fail("broken")),
          Captions.cues(),
          Stream.runForEach((cue) => Effect.sync(() => cues.push(cue)))
        )
      )
      assert.strictEqual(exit._tag, "Failure")
      assert.deepStrictEqual(cues.map(({ end, start, text }) => ({ start, end, text })), [
        { start: Duration.zero, end: millis(400), text: "One." }
      ])
    })
  })

  describe("cues from words", () => {
    it("follow the words, with the marks of the text", () => {
      const text = "“Well,” she said: (yes!) it's 3.5 km — no more."
      const words = ["Well", "she", "said", "yes", "it's", "3.5", "km", "no", "more"]
      assert.deepStrictEqual(
        cuesOf([
          started(0, text, 0),
          ...words.map((w, i) => word(0, w, i * 300, i * 300 + 250)),
          audio(2700),
          completed(2700)
        ], { maxLineLength: 17, maxLines: 1 }),
        [
          [0, 850, "“Well,” she said:"],
          [900, 1750, "(yes!) it's 3.5"],
          [1800, 2650, "km — no more."]
        ]
      )
    })

    it("never cross segments", () => {
      assert.deepStrictEqual(
        cuesOf([
          started(0, "One two. ", 0),
          word(0, "One", 0, 200),
          word(0, "two", 200, 450),
          audio(500),
          started(1, "Three.", 500, 9),
          word(1, "Three", 520, 900),
          audio(500),
          completed(1000)
        ]),
        [[0, 450, "One two."], [520, 900, "Three."]]
      )
    })

    it("maxDuration - a cue is no longer", () => {
      const text = "one two three four five six"
      const words = text.split(" ").map((w, i) => word(0, w, i * 1000, i * 1000 + 900))
      assert.deepStrictEqual(
        cuesOf([started(0, text, 0), ...words, completed(6000)], { maxDuration: "2 seconds" }),
        [[0, 1900, "one two"], [2000, 3900, "three four"], [4000, 5900, "five six"]]
      )
    })

    it("a word that is not in the text as it is told moves the time, the text stays as written", () => {
      assert.deepStrictEqual(
        cuesOf([
          started(0, "It costs $5 today.", 0),
          word(0, "It", 0, 100),
          word(0, "costs", 100, 300),
          word(0, "five dollars", 300, 900),
          word(0, "today", 900, 1200),
          completed(1300)
        ]),
        [[0, 1200, "It costs $5 today."]]
      )
    })

    it("a short word is not found inside a longer one", () => {
      assert.deepStrictEqual(
        cuesOf([
          started(0, "Cats at a mat", 0),
          word(0, "at", 500, 600),
          word(0, "a", 600, 700),
          word(0, "mat", 700, 900),
          completed(1000)
        ], { maxLineLength: 7, maxLines: 1 }),
        [[500, 600, "Cats at"], [600, 900, "a mat"]]
      )
    })

    it("Chinese and Japanese words are joined as they are written", () => {
      assert.deepStrictEqual(
        cuesOf([
          started(0, "你好，世界。你好！", 0),
          word(0, "你好", 0, 300),
          word(0, "世界", 300, 700),
          word(0, "你好", 700, 1000),
          completed(1000)
        ]),
        [[0, 1000, "你好，世界。你好！"]]
      )
    })

    it("whatever the words - the cues are the whole text, in order, within the time", () => {
      FastCheck.assert(FastCheck.property(
        FastCheck.array(
          FastCheck.constantFrom("so", "a", "It's", "“Yes,”", "(no)", "café", "3.5", "你好，", "—", "नमस्ते।", "end."),
          {
            minLength: 1,
            maxLength: 30
          }
        ),
        FastCheck.array(FastCheck.boolean(), { minLength: 30, maxLength: 30 }),
        FastCheck.integer({ min: 5, max: 42 }),
        (parts, isTold, maxLineLength) => {
          const text = parts.join(" ")
          const words = parts.flatMap((part, i) => {
            const bare = /[\p{L}\p{N}](?:.*[\p{L}\p{N}\p{M}])?/u.exec(part)?.[0]
            return bare === undefined || isTold[i] !== true ? [] : [word(0, bare, i * 100, i * 100 + 80)]
          })
          const cues = cuesOf([started(0, text, 0), ...words, audio(3000), completed(3000)], { maxLineLength })
          assert.strictEqual(spaces(cues.map(([, , cue]) => cue).join(" ")).replace(/ /g, ""), text.replace(/ /g, ""))
          let before = 0
          for (const [start, end] of cues) {
            assert.isAtLeast(Number(start), before)
            assert.isAtLeast(Number(end), Number(start))
            before = Number(end)
          }
        }
      ))
    })
  })

  describe("wrapping", () => {
    it("Chinese breaks anywhere but before closing marks, and counts two columns a character", () => {
      assert.deepStrictEqual(
        cuesOf([started(0, "今天天气很好，我们去公园。", 0), completed(100)], { maxLineLength: 12, maxLines: 3 }),
        [[0, 100, "今天天气很\n好，我们去公\n园。"]]
      )
    })

    it("never inside a grapheme, even where a word is longer than the line", () => {
      const family = "👨‍👩‍👧‍👦"
      assert.deepStrictEqual(
        cuesOf([started(0, family.repeat(5), 0), completed(100)], { maxLineLength: 2, maxLines: 9 }),
        [[0, 100, [family.repeat(2), family.repeat(2), family].join("\n")]]
      )
      const accents = "e\u0301".repeat(7)
      assert.deepStrictEqual(
        cuesOf([started(0, accents, 0), completed(100)], { maxLineLength: 3, maxLines: 9 }),
        [[0, 100, ["e\u0301".repeat(3), "e\u0301".repeat(3), "e\u0301"].join("\n")]]
      )
    })
  })

  describe("files", () => {
    const events = [
      started(0, "Tom & Jerry say 1 < 2 --> true. ", 0),
      audio(1500),
      started(1, "Far later.", 3_661_001),
      completed(3_662_345.6)
    ]

    it("srt - numbers, commas, blank lines", () => {
      assert.strictEqual(
        file(events, Captions.srt),
        "1\n00:00:00,000 --> 01:01:01,001\nTom & Jerry say 1 < 2 --> true.\n\n" +
          "2\n01:01:01,001 --> 01:01:02,346\nFar later.\n\n"
      )
    })

    it("webVtt - header, points, escapes", () => {
      assert.strictEqual(
        file(events, Captions.webVtt),
        "WEBVTT\n\n00:00:00.000 --> 01:01:01.001\nTom &amp; Jerry say 1 &lt; 2 --&gt; true.\n\n" +
          "01:01:01.001 --> 01:01:02.346\nFar later.\n\n"
      )
    })

    it("two lines of a cue are two lines of the file", () => {
      assert.strictEqual(
        file([started(0, "one two three", 0), completed(1000)], Captions.srt, { maxLineLength: 8 }),
        "1\n00:00:00,000 --> 00:00:01,000\none two\nthree\n\n"
      )
    })

    describe("with words and speakers", () => {
      const spoken: ReadonlyArray<SpeechEvent.SpeechEvent> = [
        SpeechEvent.SegmentStarted({
          segment: 0,
          text: "Hello <you>, there.\n",
          textOffset: 10,
          start: millis(0),
          part: 1,
          speaker: "Kate\nB"
        }),
        word(0, "Hello", 100, 400),
        word(0, "you", 500, 900),
        word(0, "there", 1200, 1800),
        audio(2000),
        SpeechEvent.PauseStarted({ start: millis(2000), duration: millis(1000), part: 2 }),
        audio(1000),
        SpeechEvent.MarkReached({ name: "m", at: millis(3000), part: 3 }),
        started(1, "你好。Good", 3000, 40),
        audio(1400),
        completed(4400)
      ]

      it("webVttWords - a span with its time for each word, and a voice tag", () => {
        assert.strictEqual(
          file(spoken, Captions.webVttWords),
          "WEBVTT\n\n00:00:00.100 --> 00:00:01.800\n" +
            "<v Kate B><c>Hello</c> <00:00:00.500><c>&lt;you&gt;,</c> <00:00:01.200><c>there.</c>\n\n" +
            "00:00:03.000 --> 00:00:04.400\n<c>你好。</c><00:00:03.600><c>Good</c>\n\n"
        )
      })

      it("srt and lrc - speakers by name", () => {
        assert.strictEqual(
          file(spoken, Captions.srt),
          "1\n00:00:00,100 --> 00:00:01,800\nKate B: Hello <you>, there.\n\n" +
            "2\n00:00:03,000 --> 00:00:04,400\n你好。Good\n\n"
        )
        assert.strictEqual(
          file(spoken, Captions.lrc),
          "[00:00.10]Kate B: Hello <you>, there.\n[00:03.00]你好。Good\n"
        )
        assert.strictEqual(
          file([started(0, "Late.", 6_003_456), completed(6_004_000)], Captions.lrc),
          "[100:03.46]Late.\n"
        )
      })

      it("json - words in seconds with their offsets; estimates are marked", () => {
        assert.deepStrictEqual(JSON.parse(file(spoken, Captions.json)), {
          words: [
            { text: "Hello", start: 0.1, end: 0.4, textOffset: 10, speaker: "Kate\nB" },
            { text: "<you>,", start: 0.5, end: 0.9, textOffset: 16, speaker: "Kate\nB" },
            { text: "there.", start: 1.2, end: 1.8, textOffset: 23, speaker: "Kate\nB" },
            { text: "你好。", start: 3, end: 3.6, textOffset: 40, estimated: true },
            { text: "Good", start: 3.6, end: 4.4, textOffset: 43, estimated: true }
          ]
        })
        assert.deepStrictEqual(JSON.parse(file([completed(0)], Captions.json)), { words: [] })
      })

      it("times of words grow within their cue, whatever the text and the times", () => {
        FastCheck.assert(FastCheck.property(
          FastCheck.array(FastCheck.tuple(FastCheck.string({ minLength: 1, maxLength: 9 }), FastCheck.nat(500)), {
            maxLength: 20
          }),
          (pieces) => {
            const text = pieces.map(([text]) => text).join(" ")
            const events = [
              started(0, text, 0),
              ...pieces.map(([text, at], i) => word(0, text, i * 500 + at, i * 500 + at + 300)),
              completed(20_000)
            ]
            for (const cue of run(Captions.cues(Stream.fromIterable(events)))) {
              let latest = cue.start
              for (const { end, start, text: spoken, textOffset } of cue.words ?? []) {
                assert.isTrue(Duration.lessThanOrEqualTo(latest, start) && Duration.lessThanOrEqualTo(start, end))
                assert.isTrue(Duration.lessThanOrEqualTo(end, cue.end))
                assert.isTrue(text.startsWith(spoken, textOffset))
                latest = end
              }
              const times = run(Captions.webVttWords(Stream.succeed(cue))).join("").match(/<\d\d:[\d:.]+>/g) ?? []
              assert.deepStrictEqual(times, Array.from(new Set(times)).sort())
            }
          }
        ))
      })
    })

    it("over a hundred hours", () => {
      assert.include(file([started(0, "Late.", 360_000_000), completed(360_000_001)], Captions.webVtt), "100:00:00.000")
    })

    it("without cues - an empty SRT, a WebVTT with its header", () => {
      assert.strictEqual(file([completed(0)], Captions.srt), "")
      assert.strictEqual(file([completed(0)], Captions.webVtt), "WEBVTT\n\n")
    })

    it("the header leaves before the first cue", () => {
      assert.deepStrictEqual(
        run(Stream.take(Captions.webVtt(Stream.die("nobody asked for a cue")), 1)),
        ["WEBVTT\n\n"]
      )
    })
  })

  it.effect("of SpeechStream.layerSegmented - all text, on the times of its audio", () =>
    Effect.gen(function*() {
      const text = "The first sentence. The second one is longer, and it has a comma. 三。"
      for (const words of [false, true]) {
        const { events } = yield* service(make(() => ({ words })), { gap: "100 millis" })
        const cues = yield* simulate(Stream.runCollect(Captions.cues(events(text))))
        assert.strictEqual(spaces(Array.from(cues, (cue) => cue.text).join(" ")), text)
        const heard = yield* simulate(listen(events(text)))
        const end = heard.at(-1)?.event
        assert.isAtMost(
          Math.max(...Array.from(cues, (cue) => Duration.toMillis(cue.end))),
          end?._tag === "Completed" ? Duration.toMillis(end.duration) : 0
        )
      }
    }))
})
