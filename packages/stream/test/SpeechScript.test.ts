import { Pcm, SpeechEngines, SpeechEvent } from "@effect-smallest/core"
import { SpeechScript, SpeechStream, SpeechText } from "@effect-smallest/stream"
import {
  chunksOf,
  forbidden,
  leftovers,
  listen,
  make,
  segmentsOf,
  service,
  simulate,
  speech,
  textOf
} from "@effect-smallest/test-support/scriptedEngine"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Stream, TestClock } from "effect"

const { mark, pause } = SpeechScript

describe("SpeechStream.fromScript", () => {
  it.effect("a script is spoken part by part on one timeline, each with its own options", () =>
    Effect.gen(function*() {
      const engine = make()
      const { scriptEvents } = yield* service(engine)
      const heard = yield* simulate(listen(scriptEvents([
        mark("start"),
        { text: "One. Two.", voice: "kate" },
        pause("1 second"),
        SpeechText.flush,
        mark("middle"),
        { text: "Three.", voice: "hazel", speed: 1.2, speaker: "Hazel" },
        { text: " ... " },
        { text: "Four." }
      ], { voice: "base" })))
      assert.deepStrictEqual(
        engine.requests.map(({ options, text }) => [text, options.voice, options.speed]),
        [["One. ", "kate", 1], ["Two.", "kate", 1], ["Three.", "hazel", 1.2], ["Four.", "base", 1]]
      )
      assert.deepStrictEqual(
        segmentsOf(heard).map(({ part, segment, speaker, start, textOffset }) => [
          segment,
          part,
          speaker,
          textOffset,
          Duration.toMillis(start)
        ]),
        [[0, 1, "kate", 0, 0], [1, 1, "kate", 5, 50], [2, 5, "Hazel", 9, 1090], [3, 7, "base", 20, 1150]]
      )
      const events = heard.map(({ event }) => event)
      assert.deepStrictEqual(
        events.filter(SpeechEvent.$is("MarkReached")).map(({ at, name, part }) => [name, Duration.toMillis(at), part]),
        [["start", 0, 0], ["middle", 1090, 4]]
      )
      assert.deepStrictEqual(
        events.filter(SpeechEvent.$is("PauseStarted")).map(({ duration, part, start }) => [
          Duration.toMillis(start),
          Duration.toMillis(duration),
          part
        ]),
        [[90, 1000, 2]]
      )
      assert.deepStrictEqual(events.at(-1), SpeechEvent.Completed({ duration: Duration.millis(1200) }))
      const frames = chunksOf(heard).reduce((sum, chunk) => sum + Pcm.frames(chunk), 0)
      assert.strictEqual(frames, 8000 * 1.2)
    }))

  it.effect("the next voice is prepared while one sounds, across a pause", () =>
    Effect.gen(function*() {
      const engine = make(() => ({ delay: 200, chunkDelay: 100 }))
      const { scriptEvents } = yield* service(engine)
      yield* simulate(Effect.scoped(Effect.gen(function*() {
        const fiber = yield* Effect.fork(
          listen(Stream.take(
            scriptEvents([{ text: "One.", voice: "a" }, pause("5 seconds"), {
              text: "Two.",
              voice: "b"
            }]),
            1
          ))
        )
        yield* Fiber.join(fiber)
      })))
      assert.deepStrictEqual(engine.texts(), ["One.", "Two."])
      assert.strictEqual(engine.requests[1]?.at, 0)
    }))

  it.effect("a script that is being written is read no faster than it is heard, and its failure comes after its audio", () =>
    Effect.gen(function*() {
      let read = 0
      const endless = Stream.iterate(0, (i) => i + 1).pipe(
        Stream.map((i): SpeechScript.Part => ({ text: `This is number ${i}.` })),
        Stream.rechunk(1),
        Stream.tap(() =>
          Effect.sync(() => {
            read++
          })
        )
      )
      const engine = make()
      const { scriptEvents } = yield* service(engine)
      yield* simulate(
        Stream.runDrain(Stream.take(Stream.filter(scriptEvents(endless), SpeechEvent.$is("SegmentStarted")), 3))
      )
      assert.isAtMost(read, 8)
      let marks = 0
      const marksOnly = Stream.forever(Stream.sync((): SpeechScript.Part => {
        marks++
        return mark("m")
      }))
      yield* simulate(Stream.runDrain(Stream.take(scriptEvents(marksOnly), 2)))
      assert.isAtMost(marks, 200)

      const failing = Stream.concat(
        Stream.make<[SpeechScript.Part]>({ text: "Only this." }),
        Stream.fail("the writer is gone" as const)
      )
      const heard: Parameters<typeof listen>[1] = []
      const error = yield* simulate(Effect.flip(listen(scriptEvents(failing), heard)))
      assert.strictEqual(error, "the writer is gone")
      assert.strictEqual(textOf(chunksOf(heard)), "Only this.")
    }))

  it.effect("a failure says which part, in the text and in the script", () =>
    Effect.gen(function*() {
      const engine = make((text) => text.startsWith("Bad") ? { error: forbidden } : {})
      const { scriptEvents } = yield* service(engine)
      const error = yield* simulate(
        Effect.flip(listen(scriptEvents([{ text: "Good." }, pause("1 second"), { text: "Fine. Bad." }])))
      )
      assert.deepStrictEqual(error.position, { segment: 2, textOffset: 11, samplesEmitted: 8880, part: 2 })
      const tooLong = yield* Effect.flip(listen(scriptEvents([pause("2 hours")])))
      assert.include(tooLong.message, "Part 0")
      const forever = yield* Effect.flip(listen(scriptEvents([pause(Duration.infinity)])))
      assert.strictEqual(forever._tag, "InvalidSpeechRequest")
    }))

  it.effect("interruption reaches everything that has been prepared", () =>
    Effect.gen(function*() {
      const engine = make(() => ({ delay: "1 hour" }))
      const { scriptEvents } = yield* service(engine, { prefetch: 2 })
      const left = yield* leftovers(Effect.gen(function*() {
        const fiber = yield* Effect.fork(
          listen(scriptEvents([{ text: "One." }, mark("m"), { text: "Two." }, { text: "Three." }]))
        )
        yield* TestClock.adjust("1 second")
        assert.strictEqual(engine.running(), 3)
        yield* Fiber.interrupt(fiber)
      }))
      assert.strictEqual(left, 0)
      assert.strictEqual(engine.running(), 0)
    }))

  it.effect("a part names its engine, whose audio is brought to the stream's rate; other engines' names stay behind", () =>
    Effect.gen(function*() {
      const cloud = make()
      const announcer = make(() => ({ samples: new Int16Array(8000) }))
      const layer = Layer.merge(speech(cloud, { fade: 0 }), SpeechEngines.layer({ announcer: announcer.layer }))
      const script = [
        { text: "From the cloud.", voice: "kate" },
        { text: "From the box.", engine: "announcer", sampleRate: 16000 }
      ]
      const heard = yield* SpeechStream.scriptEvents(script, { voice: "base", sampleRate: 8000 }).pipe(
        listen,
        Effect.provide(layer),
        simulate
      )
      assert.deepStrictEqual(announcer.requests.map(({ options }) => [options.voice, options.sampleRate]), [[
        undefined,
        16000
      ]])
      assert.isTrue(chunksOf(heard).every(({ format }) => Pcm.isSameFormat(format, Pcm.format(8000))))
      const seconds = Duration.toSeconds(
        heard.map(({ event }) => event).filter(SpeechEvent.$is("Completed"))[0]?.duration ?? 0
      )
      assert.closeTo(seconds, 0.15 + 0.5, 0.001)
      const unknown = yield* SpeechStream.fromScript([{ text: "Hello.", engine: "toString" }]).pipe(
        Stream.runDrain,
        Effect.flip,
        Effect.provide(layer)
      )
      assert.include(unknown.message, "name one of announcer")
    }))

  it.effect("other voices come to the loudness of the first, which stays as it is; the option leaves all as they are", () =>
    Effect.gen(function*() {
      // A second and a half of a tone, between two rests.
      const tone = (level: number) =>
        Int16Array.from(
          { length: 16_000 },
          (_, i) => i < 2000 || i > 14_000 ? 0 : Math.round(level * 32767 * Math.sin(i / 3))
        )
      const levels: Record<string, number> = { "First.": 0.2, "Second.": 0.02, "Third.": 0.7 }
      const engine = make((text) => ({ samples: tone(levels[text] ?? 0) }))
      const { scriptEvents } = yield* service(engine)
      const script: ReadonlyArray<SpeechScript.Part> = [
        { text: "First.", voice: "a" },
        { text: "Second.", voice: "b" },
        pause("1 second"),
        { text: "First.", voice: "a" },
        { text: "Third.", voice: "c" },
        { text: "Second.", voice: "b" }
      ]
      const hear = (options?: SpeechScript.Options) =>
        Effect.gen(function*() {
          const heard = yield* simulate(listen(scriptEvents(script, options)))
          const all = Pcm.concatBytes(chunksOf(heard).map(({ bytes }) => bytes))
          assert.strictEqual(all.length, 2 * (5 * 16_000 + 8000))
          const begins = segmentsOf(heard).map(({ start }) => Duration.toMillis(start))
          assert.deepStrictEqual(begins, [0, 2000, 5000, 7000, 9000])
          return begins.map((begin) => all.slice(begin * 16, (begin + 2000) * 16))
        })
      const loudness = (bytes: Uint8Array) => Pcm.loudness(Stream.make({ format: Pcm.format(8000), bytes }))
      const even = yield* hear()
      assert.deepStrictEqual(even[0], new Uint8Array(tone(0.2).buffer))
      assert.deepStrictEqual(even[2], even[0])
      const reference = yield* loudness(even[0] ?? new Uint8Array(0))
      for (const bytes of even) assert.closeTo(yield* loudness(bytes), reference, 0.5)
      const plain = yield* hear({ evenLoudness: false })
      assert.deepStrictEqual(
        plain,
        [0.2, 0.02, 0.2, 0.7, 0.02].map((level) => new Uint8Array(tone(level).buffer))
      )
    }))

  it.effect("what is not a part of a script fails by its index, for scripts are data", () =>
    Effect.gen(function*() {
      const { scriptEvents } = yield* service(make())
      const read = (json: string): ReadonlyArray<SpeechScript.Part> => JSON.parse(json)
      const parts = [
        ...["null", "5", "\"x\"", "{}", "[]", "{\"text\":5}", "{\"text\":\"a\",\"speaker\":5}"],
        ...[
          "{\"_tag\":\"Foo\"}",
          "{\"_tag\":\"Mark\"}",
          "{\"_tag\":\"Pause\"}",
          "{\"_tag\":\"Pause\",\"duration\":\"soon\"}"
        ]
      ]
      for (const part of parts) {
        const error = yield* simulate(Effect.flip(listen(scriptEvents(read(`[{"text":"Hello."},${part}]`)))))
        assert.strictEqual(error._tag, "InvalidSpeechRequest", part)
        assert.include(error.message, "Part 1 of the script", part)
      }
      for (const script of ["null", "5", "\"x\"", "{}"]) {
        const error = yield* simulate(Effect.flip(listen(scriptEvents(read(script)))))
        assert.include(error.message, "Part 0 of the script", script)
      }
      const options: SpeechScript.Options = JSON.parse("{\"evenLoudness\":\"yes\"}")
      const error = yield* simulate(Effect.flip(listen(scriptEvents([{ text: "a" }], options))))
      assert.include(error.message, "evenLoudness")
      const paused = yield* simulate(
        listen(scriptEvents(read("[{\"text\":\"a\"},{\"_tag\":\"Pause\",\"duration\":\"1 second\"}]")))
      )
      assert.deepStrictEqual(paused.at(-1)?.event, SpeechEvent.Completed({ duration: Duration.millis(1010) }))
    }))

  it.effect("an option that no engine knows fails the part", () =>
    Effect.gen(function*() {
      const { scriptEvents } = yield* service(make())
      const part: SpeechScript.Line = { text: "Hello.", ...{ pitch: 3 } }
      const error = yield* simulate(Effect.flip(listen(scriptEvents([part]))))
      assert.strictEqual(error._tag, "InvalidSpeechRequest")
    }))

  it.effect("a stream that speaks texts as a whole speaks scripts, too", () =>
    Effect.gen(function*() {
      const engine = make()
      const whole = SpeechStream.make(
        (text, options) => engine.synthesizer.events({ ...options, text: typeof text === "string" ? text : "" }),
        { engine: "Whole", defaults: engine.synthesizer.defaults }
      )
      const heard = yield* simulate(listen(whole.scriptEvents([{ text: "One. Two." }, mark("m"), { text: "Three." }])))
      assert.deepStrictEqual(engine.texts(), ["One. Two.", "Three."])
      assert.strictEqual(textOf(chunksOf(heard)), "One. Two.Three.")
    }))
})

describe("SpeechScript.fromPlain", () => {
  const parse = SpeechScript.fromPlain

  it("names, voices, pauses and marks are read as documented", () => {
    assert.deepStrictEqual(parse("Narrator: It was late. (pause 1s)\nMary Ann: Who is\nthere?"), [
      { text: "It was late.", speaker: "Narrator" },
      pause("1 second"),
      { text: "Who is\nthere?", speaker: "Mary Ann" }
    ])
    assert.deepStrictEqual(parse("[kate] Hello. [pause 500ms] [hazel, speed 1.2] Hi! [mark end]"), [
      { text: "Hello.", voice: "kate", speaker: "kate" },
      pause("500 millis"),
      { text: "Hi!", voice: "hazel", speaker: "hazel", speed: 1.2 },
      mark("end")
    ])
    const cast = { Narrator: { voice: "sophia" }, kate: { engine: "cloud" } }
    assert.deepStrictEqual(parse("Narrator: One.\nNote: two [sic].\n[kate, language fr] Trois.", { cast }), [
      { text: "One.\nNote: two [sic].", speaker: "Narrator", voice: "sophia" },
      { text: "Trois.", speaker: "kate", engine: "cloud", language: "fr" }
    ])
  })

  it("a backslash escapes, and everything else is text", () => {
    const texts = (source: string) => parse(source).map((part) => "text" in part ? part.text : "?")
    for (
      const text of [
        "At 12:30, see https://example.org: it is [1] or [see below], (pause) [pause soon] (pause 3 h).",
        "Array[0][i, j] = {a: 1}; C:\\temp and \\n; f(x) [kate, pitch 3]",
        "lower: case. One Two Three Four: five. Note:here",
        "[ [[ x ]] ( ) [",
        "[__proto__] and [pause -1s]"
      ]
    ) assert.deepStrictEqual(texts(text), [text])
    assert.deepStrictEqual(texts("\\[kate] and \\(pause 1s) and \\\\"), ["[kate] and (pause 1s) and \\"])
    assert.deepStrictEqual(texts("Note\\: this"), ["Note: this"])
    assert.deepStrictEqual(parse("constructor: x\n[toString] y", { cast: {} }), [{
      text: "constructor: x\n[toString] y"
    }])
  })

  it("hostile text takes linear time", () => {
    for (const piece of ["[", "(pause ", "Aa ", "\\", "[kate", "A:\n"]) {
      const begun = performance.now()
      parse(piece.repeat(200_000 / piece.length))
      assert.isBelow(performance.now() - begun, 1000, piece)
    }
  })
})
