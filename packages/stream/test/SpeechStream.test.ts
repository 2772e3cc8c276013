import {
  Audio,
  Pcm,
  SpeechEngine,
  SpeechError,
  SpeechEvent,
  SpeechRequest,
  SpeechSynthesizer
} from "@effect-smallest/core"
import { SpeechStream } from "@effect-smallest/stream"
import {
  broken,
  busy,
  chunksOf,
  forbidden,
  type Heard,
  joined,
  leftovers,
  listen,
  make,
  samplesOf,
  segmentsOf,
  service,
  simulate,
  speech,
  textOf,
  written
} from "@effect-smallest/test-support/scriptedEngine"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Deferred,
  Duration,
  Effect,
  Exit,
  FastCheck,
  Fiber,
  Layer,
  Logger,
  Option,
  Ref,
  Schedule,
  Stream,
  TestClock,
  type Tracer
} from "effect"

const sentences = (count: number) => Array.from({ length: count }, (_, i) => `This is number ${i}. `)

const run = <E>(events: Stream.Stream<SpeechEvent.SpeechEvent, E>) => simulate(listen(events))

describe("SpeechStream.stream", () => {
  it.effect("takes a request as SpeechSynthesizer does, a text with options, or a text in a pipe", () =>
    Effect.gen(function*() {
      const engine = make()
      const text = "One. Two."
      const tokens = Stream.make("One", ". Two.")
      const ways = [
        SpeechStream.stream({ text, speed: 2 }),
        SpeechStream.stream({ text: tokens, speed: 2 }),
        SpeechStream.stream(text, { speed: 2 }),
        tokens.pipe(SpeechStream.stream({ speed: 2 })),
        SpeechStream.events({ text: tokens, speed: 2 }),
        SpeechStream.fromText(tokens, { speed: 2 })
      ]
      for (const way of ways) {
        yield* simulate(Stream.runDrain<unknown, unknown, SpeechStream.SpeechStream>(way)).pipe(
          Effect.provide(Layer.provide(SpeechStream.layerSegmented(), engine.layer))
        )
      }
      assert.deepStrictEqual(engine.requests.map(({ options, text }) => [text.trim(), options.speed]), [
        ...ways.flatMap(() => [["One.", 2], ["Two.", 2]])
      ])
    }))
})

describe("SpeechStream.layerSegmented", () => {
  describe("order", () => {
    it.effect("a finished text is spoken segment by segment, and nothing is lost", () =>
      Effect.gen(function*() {
        const engine = make()
        const { events, fromText } = yield* service(engine)
        const text = "One. Two? Three!"
        const heard = yield* run(events(text))
        assert.strictEqual(textOf(chunksOf(heard)), text)
        assert.deepStrictEqual(engine.texts(), ["One. ", "Two? ", "Three!"])
        assert.deepStrictEqual(
          segmentsOf(heard).map(({ segment, start, text, textOffset }) => [
            segment,
            text,
            textOffset,
            Duration.toMillis(start)
          ]),
          [[0, "One. ", 0, 0], [1, "Two? ", 5, 50], [2, "Three!", 10, 100]]
        )
        assert.deepStrictEqual(heard.at(-1)?.event, SpeechEvent.Completed({ duration: Duration.millis(160) }))
        assert.strictEqual(textOf(yield* Stream.runCollect(fromText(text))), text)
      }))

    it.effect("audio leaves in the order of the text, whatever the engine finishes first", () =>
      Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(
            FastCheck.array(
              FastCheck.record({ delay: FastCheck.nat(3000), chunkDelay: FastCheck.nat(50) }),
              { minLength: 1, maxLength: 8 }
            ),
            FastCheck.integer({ min: 0, max: 9 }),
            (delays, prefetch) =>
              Effect.runPromise(Effect.gen(function*() {
                const engine = make((text) => delays[Number(/\d+/.exec(text)?.[0])] ?? {})
                const text = sentences(delays.length).join("")
                const { events } = yield* service(engine, { prefetch })
                const heard = yield* run(events(text))
                assert.strictEqual(textOf(chunksOf(heard)), text)
                assert.deepStrictEqual(segmentsOf(heard).map(({ segment }) => segment), delays.map((_, i) => i))
              }))
          ),
          { numRuns: 60 }
        )
      ))
  })

  describe("prefetch", () => {
    it.effect("never more than prefetch + 1 segments are requested, and the next only when one is heard", () =>
      Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(FastCheck.integer({ min: 0, max: 5 }), (prefetch) =>
            Effect.runPromise(Effect.gen(function*() {
              const engine = make(() => ({ delay: "70 millis" }))
              const { events } = yield* service(engine, { prefetch })
              let ended = 0
              yield* simulate(Stream.runForEach(events(sentences(20).join("")), (event) =>
                Effect.gen(function*() {
                  if (event._tag === "SegmentStarted") {
                    ended = event.segment
                  }
                  assert.isAtMost(engine.requests.length, ended + prefetch + 1)
                  if (event._tag === "AudioChunk") {
                    yield* Effect.sleep(Pcm.duration(event.chunk))
                  }
                })))
              assert.strictEqual(engine.requests.length, 20)
            }))),
          { numRuns: 12 }
        )
      ))

    it.effect("the next segment is ready when the one before ends", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ delay: "100 millis" }))
        const { events } = yield* service(engine)
        const heard: Array<Heard> = []
        // 180 ms each, heard at the speed of sound.
        yield* simulate(
          Stream.tap(
            events(sentences(5).join("")),
            (event) => event._tag === "AudioChunk" ? Effect.sleep(Pcm.duration(event.chunk)) : Effect.void
          ).pipe((events) => listen(events, heard))
        )
        const starts = heard.filter(({ event }) => event._tag === "SegmentStarted").map(({ at }) => at)
        assert.deepStrictEqual(starts, [100, 280, 460, 640, 820])
      }))

    it.effect("a listener that stops listening stops the reading of the text", () =>
      Effect.gen(function*() {
        const engine = make()
        const { events } = yield* service(engine, { prefetch: 2 })
        let pulled = 0
        const tokens = Stream.repeatEffect(Effect.sync(() => `Sentence ${pulled++} is here. `)).pipe(Stream.rechunk(1))
        const paused = yield* Deferred.make<void>()
        const fiber = yield* events(tokens).pipe(
          Stream.filter(SpeechEvent.$is("AudioChunk")),
          Stream.runForEach(() => Effect.zipRight(Deferred.succeed(paused, undefined), Effect.never)),
          Effect.fork
        )
        yield* Deferred.await(paused)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(engine.requests.length, 3)
        // Three segments, the pieces that wait for the segmenter, and one in the reader's hand.
        assert.isAtMost(pulled, 3 + 1 + 16 + 1)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(engine.running(), 0)
      }))

    it.effect("an endless text in one piece is cut as it is spoken", () =>
      Effect.gen(function*() {
        const engine = make()
        const { fromText } = yield* service(engine)
        const text = "Again and again. ".repeat(100_000)
        const first = yield* Stream.runCollect(Stream.take(fromText(text), 5))
        assert.strictEqual(first.length, 5)
        assert.isAtMost(engine.requests.length, 7)
      }))
  })

  describe("first audio", () => {
    it.effect("leaves as soon as it exists, while the text is still being written", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ delay: "200 millis", chunkDelay: "30 millis" }))
        const { events } = yield* service(engine)
        const heard = yield* run(events(written([0, "First comes"], [100, " this. T"], [10_000, "hen that."])))
        const audio = heard.filter(({ event }) => event._tag === "AudioChunk").map(({ at }) => at)
        assert.deepStrictEqual(audio.slice(0, 2), [300, 330])
      }))

    it.effect("firstSegment: clause - speaks the first clause of a long sentence early", () =>
      Effect.gen(function*() {
        const engine = make()
        const { events } = yield* service(engine, { firstSegment: "clause" })
        const heard = yield* run(
          events(written([0, "Well, after all that was said, "], [900, "we leave, and we go"], [900, " home."]))
        )
        assert.isBelow(engine.texts()[0]?.length ?? 99, 40)
        assert.isAtMost(heard[0]?.at ?? Infinity, 900)
        assert.strictEqual(textOf(chunksOf(heard)), "Well, after all that was said, we leave, and we go home.")
      }))
  })

  describe("what is not spoken", () => {
    for (const [name, text] of [["no text", ""], ["blanks", " \n\n\t "], ["marks", "... *** --- ?!"]] as const) {
      it.effect(`${name} - no request, no audio, Completed`, () =>
        Effect.gen(function*() {
          const engine = make()
          const { events } = yield* service(engine)
          for (const source of [text, Stream.fromIterable(text), Stream.make("", text, "")]) {
            const heard = yield* run(events(source))
            assert.deepStrictEqual(heard.map(({ event }) => event), [
              SpeechEvent.Completed({ duration: Duration.zero })
            ])
          }
          assert.deepStrictEqual(engine.texts(), [])
        }))
    }

    it.effect("an empty stream of text - Completed at once", () =>
      Effect.gen(function*() {
        const engine = make()
        const { events } = yield* service(engine)
        const heard = yield* run(events(Stream.empty))
        assert.deepStrictEqual(heard, [{ at: 0, event: SpeechEvent.Completed({ duration: Duration.zero }) }])
      }))

    it.effect("blanks between sentences are never requests of their own, and offsets stay those of the text", () =>
      Effect.gen(function*() {
        const engine = make()
        const { events } = yield* service(engine)
        const text = "\n\n One.\n\n\n*** \n\nTwo.   \n"
        const heard = yield* run(events(Stream.fromIterable(text)))
        for (const { text: part, textOffset } of segmentsOf(heard)) {
          assert.strictEqual(text.slice(textOffset, textOffset + part.length), part)
          assert.match(part, /\w/)
        }
        assert.deepStrictEqual(engine.texts(), segmentsOf(heard).map(({ text }) => text))
      }))
  })

  describe("failure of the text", () => {
    class Broke {
      readonly _tag = "Broke"
    }

    it.effect("fails the audio with the same error, after everything that was written", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ delay: "100 millis", chunkDelay: "100 millis" }))
        const { events } = yield* service(engine)
        const heard: Array<Heard> = []
        const tokens = Stream.concat(Stream.make("One. ", "Two. ", "Thr"), Stream.fail(new Broke()))
        const exit = yield* Effect.exit(simulate(listen(events(tokens), heard)))
        assert.deepStrictEqual(exit, Exit.fail(new Broke()))
        assert.strictEqual(textOf(chunksOf(heard)), "One. Two. Thr")
        assert.isFalse(heard.some(({ event }) => event._tag === "Completed"))
        assert.strictEqual(engine.running(), 0)
      }))

    it.effect("before any text - fails without a request", () =>
      Effect.gen(function*() {
        const engine = make()
        const { fromText } = yield* service(engine)
        const exit = yield* Effect.exit(Stream.runDrain(fromText(Stream.fail(new Broke()))))
        assert.deepStrictEqual(exit, Exit.fail(new Broke()))
        assert.deepStrictEqual(engine.texts(), [])
      }))

    it.effect("a defect of the text is a defect of the audio", () =>
      Effect.gen(function*() {
        const { fromText } = yield* service(make())
        const exit = yield* Effect.exit(
          Stream.runDrain(fromText(Stream.concat(Stream.make("One. "), Stream.die("no"))))
        )
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      }))

    it.effect("an engine's error comes before the text's", () =>
      Effect.gen(function*() {
        const engine = make((text) => text.startsWith("Two") ? { error: forbidden } : {})
        const { fromText } = yield* service(engine)
        const tokens = Stream.concat(Stream.make("One. ", "Two. "), Stream.fail(new Broke()))
        const error = yield* Effect.flip(Stream.runDrain(fromText(tokens)))
        assert.strictEqual(error._tag, "InvalidApiKey")
      }))
  })

  describe("interruption", () => {
    const stages = {
      "while the text is silent": { at: 50, reply: {}, source: [[1000, "One."]] },
      "while the first segment waits for audio": {
        at: 50,
        reply: { delay: 1000 },
        source: [[0, "One. Two. Three. Four."]]
      },
      "while the first segment sounds": {
        at: 1050,
        reply: { delay: 1000, chunkDelay: 1000 },
        source: [[0, "A long one to be cut off in the middle. Two. Three."]]
      },
      "while a segment backs off": { at: 200, reply: { error: busy(Duration.seconds(9)) }, source: [[0, "One. Two."]] },
      "while the prefetched one waits": {
        at: 60,
        reply: { delay: 10, chunkDelay: 1000 },
        source: [[0, "A long one to be cut off in the middle. Two. Three."]]
      },
      "while a sentence waits for its timer": { at: 100, reply: {}, source: [[0, "One."], [9000, "Two."]] }
    } as const

    for (const [stage, { at, reply, source }] of Object.entries(stages)) {
      it.effect(`${stage} - leaves no request, no reader and no fiber`, () =>
        Effect.gen(function*() {
          const engine = make(() => reply)
          const { events } = yield* service(engine, { prefetch: 2 })
          const closed = yield* Ref.make(0)
          const text = Stream.concat(written(...source), Stream.never).pipe(
            Stream.ensuring(Ref.update(closed, (n) => n + 1))
          )
          let requested = 0
          const listening = Effect.gen(function*() {
            const fiber = yield* Effect.fork(Stream.runDrain(events(text)))
            yield* TestClock.adjust(at)
            requested = engine.requests.length
            yield* Fiber.interrupt(fiber)
          })
          assert.strictEqual(yield* leftovers(listening), 0)
          assert.strictEqual(engine.running(), 0)
          assert.strictEqual(yield* Ref.get(closed), 1)
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(engine.requests.length, requested)
        }))
    }

    it.effect("a listener that has enough ends everything too", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ delay: 10 }))
        const { fromText } = yield* service(engine, { prefetch: 3 })
        const closed = yield* Ref.make(false)
        const text = Stream.concat(Stream.make(sentences(9).join("")), Stream.never).pipe(
          Stream.ensuring(Ref.set(closed, true))
        )
        assert.strictEqual(yield* simulate(leftovers(Stream.runDrain(Stream.take(fromText(text), 3)))), 0)
        assert.strictEqual(engine.running(), 0)
        assert.isTrue(yield* Ref.get(closed))
      }))

    it.effect("barge-in by interruptWhen ends the audio at once", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ chunkDelay: 100 }))
        const { fromText } = yield* service(engine)
        const heard: Array<Pcm.PcmChunk> = []
        yield* simulate(
          fromText("A long sentence that nobody hears to its end, because somebody begins to speak.").pipe(
            Stream.interruptWhen(Effect.sleep(250)),
            Stream.runForEach((chunk) => Effect.sync(() => heard.push(chunk)))
          )
        )
        assert.lengthOf(heard, 3)
        assert.strictEqual(engine.running(), 0)
      }))
  })

  describe("retries", () => {
    it.effect("a segment that fails is tried again, 3 times by default, with growing pauses", () =>
      Effect.gen(function*() {
        const engine = make((_, attempt) => attempt < 3 ? { error: broken } : {})
        const { events } = yield* service(engine)
        const heard = yield* run(events("Hello."))
        assert.strictEqual(textOf(chunksOf(heard)), "Hello.")
        const [a = 0, b = 0, c = 0, d = 0] = engine.requests.map(({ at }) => at)
        for (const [pause, base] of [[b - a, 500], [c - b, 1000], [d - c, 2000]] as const) {
          assert.isAtLeast(pause, base * 0.8)
          assert.isAtMost(pause, base * 1.2)
        }
      }))

    it.effect("after the last retry the error comes with its position", () =>
      Effect.gen(function*() {
        const engine = make((text) => text.startsWith("Two") ? { error: broken } : {})
        const { fromText } = yield* service(engine, { retry: { maxRetries: 2 } })
        const error = yield* simulate(Effect.flip(Stream.runDrain(fromText("One. Two. Three."))))
        assert.strictEqual(engine.requests.filter(({ text }) => text === "Two. ").length, 3)
        assert.strictEqual(error._tag, "ServerFailure")
        assert.deepStrictEqual({ ...error.position }, { segment: 1, textOffset: 5, samplesEmitted: 5 * 80 })
      }))

    it.effect("maxRetries: 0 - one attempt", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ error: broken }))
        const { fromText } = yield* service(engine, { retry: { maxRetries: 0 } })
        yield* simulate(Effect.flip(Stream.runDrain(fromText("One."))))
        assert.lengthOf(engine.requests, 1)
      }))

    it.effect("what cannot help is not retried, whatever the schedule says", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ error: forbidden }))
        const { fromText } = yield* service(engine, { retry: Schedule.forever })
        const error = yield* simulate(Effect.flip(Stream.runDrain(fromText("One."))))
        assert.strictEqual(error._tag, "InvalidApiKey")
        assert.lengthOf(engine.requests, 1)
      }))

    it.effect("retryAfter is a floor, for the default and for a schedule of one's own", () =>
      Effect.gen(function*() {
        for (const retry of [undefined, Schedule.spaced("10 millis")]) {
          const engine = make((_, attempt) => attempt < 2 ? { error: busy(Duration.seconds(7)) } : {})
          const { fromText } = yield* service(engine, { retry })
          yield* simulate(Stream.runDrain(fromText("One.")))
          assert.deepStrictEqual(engine.requests.map(({ at }) => at), [0, 7000, 14_000])
        }
      }))

    it.effect("a schedule of one's own decides pauses and number", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ error: busy() }))
        const retry = Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(4))
        const { fromText } = yield* service(engine, { retry })
        yield* simulate(Effect.flip(Stream.runDrain(fromText("One."))))
        assert.deepStrictEqual(engine.requests.map(({ at }) => at), [0, 50, 100, 150, 200])
      }))

    it.effect("nothing is retried once a sample has left: the error ends the stream after that audio", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ error: broken, chunksBeforeError: 1 }))
        const { events } = yield* service(engine)
        const heard: Array<Heard> = []
        const text = "A sentence that breaks in the middle."
        const error = yield* Effect.flip(simulate(listen(events(text), heard)))
        assert.lengthOf(engine.requests, 1)
        assert.strictEqual(textOf(chunksOf(heard)), text.slice(0, 10))
        assert.deepStrictEqual(
          SpeechError.isSpeechError(error) ? { ...error.position } : undefined,
          { segment: 0, textOffset: 0, samplesEmitted: 800 }
        )
      }))

    it.effect("each segment has its own retries", () =>
      Effect.gen(function*() {
        const engine = make((_, attempt) => attempt < 3 ? { error: broken } : {})
        const { events } = yield* service(engine)
        const text = sentences(4).join("")
        const heard = yield* run(events(text))
        assert.strictEqual(textOf(chunksOf(heard)), text)
        assert.lengthOf(engine.requests, 16)
      }))

    it.effect("an engine that ends well without audio is an error that is retried", () =>
      Effect.gen(function*() {
        const engine = make((_, attempt) => attempt < 1 ? { samples: new Int16Array(0) } : {})
        const { fromText } = yield* service(engine)
        assert.strictEqual(textOf(yield* simulate(Stream.runCollect(fromText("One.")))), "One.")
        const mute = make(() => ({ samples: new Int16Array(0) }))
        const error = yield* simulate(
          Effect.flip(Stream.runDrain((yield* service(mute)).fromText("One.")))
        )
        assert.strictEqual(error._tag, "EmptyAudio")
        assert.lengthOf(mute.requests, 4)
      }))

    it.effect("SpeechSynthesizer.layerRetry stands aside: retries never multiply", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ error: broken }))
        const layer = SpeechStream.layerSegmented({ retry: { maxRetries: 2 } }).pipe(
          Layer.provide(SpeechSynthesizer.layerRetry(engine.layer, { maxRetries: 5 }))
        )
        yield* simulate(Effect.flip(Stream.runDrain(SpeechStream.fromText("One.")))).pipe(Effect.provide(layer))
        assert.lengthOf(engine.requests, 3)
      }))

    it.effect("SpeechSynthesizer.layerFallback - another engine speaks the segment, the text is read once", () =>
      Effect.gen(function*() {
        const cloud = make((text) => text.startsWith("Two") ? { error: busy() } : {})
        const local = make()
        const layer = SpeechStream.layerSegmented({ fade: 0 }).pipe(
          Layer.provide(SpeechSynthesizer.layerFallback([cloud.layer, local.layer]))
        )
        let runs = 0
        const text = Stream.suspend(() => {
          runs++
          return Stream.make("One. ", "Two. ", "Three.")
        })
        const heard = yield* simulate(listen(SpeechStream.events(text))).pipe(Effect.provide(layer))
        assert.strictEqual(textOf(chunksOf(heard)), "One. Two. Three.")
        assert.strictEqual(runs, 1)
        assert.deepStrictEqual(cloud.texts(), ["One. ", "Two. ", "Three."])
        assert.deepStrictEqual(local.texts(), ["Two. "])
      }))
  })

  describe("failure", () => {
    it.effect("a caller goes on with the rest of the text from the position", () =>
      Effect.gen(function*() {
        const engine = make((text, attempt) => text.startsWith("Three") && attempt < 4 ? { error: broken } : {})
        const { fromText } = yield* service(engine)
        const resumed = (text: string): Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError> =>
          fromText(text).pipe(
            Stream.catchAll((error) =>
              error.isRetryable && error.position !== undefined
                ? resumed(text.slice(error.position.textOffset))
                : Stream.fail(error)
            )
          )
        const text = "One. Two. Three. Four."
        assert.strictEqual(textOf(yield* simulate(Stream.runCollect(resumed(text)))), text)
        assert.strictEqual(engine.texts().filter((text) => text === "One. ").length, 1)
      }))

    it.effect("skip - tells it, logs it, and speaks the rest", () =>
      Effect.gen(function*() {
        const logs: Array<string> = []
        const engine = make((text) => text.startsWith("Two") ? { error: forbidden } : {})
        const { events } = yield* service(engine, { onSegmentFailure: "skip" })
        const heard = yield* simulate(listen(events("One. Two. Three."))).pipe(
          Effect.provide(Logger.replace(Logger.defaultLogger, Logger.make(({ logLevel }) => logs.push(logLevel.label))))
        )
        assert.strictEqual(textOf(chunksOf(heard)), "One. Three.")
        const failures = heard.map(({ event }) => event).filter(SpeechEvent.$is("SegmentFailed"))
        assert.deepStrictEqual(
          failures.map(({ error, segment, text, textOffset }) => [error._tag, segment, text, textOffset]),
          [["InvalidApiKey", 1, "Two. ", 5]]
        )
        assert.deepStrictEqual({ ...failures[0]?.error.position }, { segment: 1, textOffset: 5, samplesEmitted: 400 })
        assert.deepStrictEqual(heard.map(({ event }) => event._tag), [
          "SegmentStarted",
          "AudioChunk",
          "SegmentFailed",
          "SegmentStarted",
          "AudioChunk",
          "Completed"
        ])
        assert.deepStrictEqual(logs, ["WARN"])
      }))

    it.effect("skip - after some audio of the segment too, and the timeline stays true", () =>
      Effect.gen(function*() {
        const engine = make((text) => text.startsWith("A") ? { error: broken, chunksBeforeError: 2 } : { words: true })
        const { events } = yield* service(engine, { onSegmentFailure: "skip" })
        const heard = yield* run(events("A sentence that ends too early. Fine."))
        assert.deepStrictEqual(segmentsOf(heard).map(({ start }) => Duration.toMillis(start)), [0, 200])
        const words = heard.map(({ event }) => event).filter(SpeechEvent.$is("WordTimestamp"))
        assert.deepStrictEqual(words.map(({ start, word }) => [word, Duration.toMillis(start)]), [["Fine", 200]])
      }))

    it.effect("an engine that changes its format in mid-stream fails", () =>
      Effect.gen(function*() {
        const engine = make()
        const changing: SpeechSynthesizer.Service = {
          ...engine.synthesizer,
          events: (request) =>
            engine.synthesizer.events({ ...request, sampleRate: request.text.startsWith("Two") ? 16_000 : 8000 })
        }
        const layer = Layer.provide(
          SpeechStream.layerSegmented(),
          Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, changing)
        )
        const error = yield* Effect.flip(Stream.runDrain(SpeechStream.fromText("One. Two."))).pipe(
          Effect.provide(layer)
        )
        assert.strictEqual(error._tag, "EngineFailure")
        assert.match(error.message, /8000 to 16000 Hz/)
        assert.strictEqual(error.position?.segment, 1)
      }))
  })

  describe("timeline", () => {
    it.effect("words, segments and gaps of many segments lie on one line, and it is that of the samples", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ words: true }))
        const { events } = yield* service(engine, { gap: "250 millis", prefetch: 3 })
        const text = "One two. Three four five. Six."
        const heard = yield* run(events(text))
        let samples = 0
        const times: Array<readonly [string, number]> = []
        for (const { event } of heard) {
          if (event._tag === "AudioChunk") samples += Pcm.frames(event.chunk)
          if (event._tag === "WordTimestamp") times.push([event.word, Duration.toMillis(event.start)])
          if (event._tag === "SegmentStarted") {
            assert.strictEqual(Duration.toMillis(event.start), samples / 8)
          }
        }
        assert.deepStrictEqual(times, [
          ["One", 0],
          ["two", 40],
          ["Three", 90 + 250],
          ["four", 150 + 250],
          ["five", 200 + 250],
          ["Six", 260 + 500]
        ])
        assert.deepStrictEqual(heard.at(-1)?.event, SpeechEvent.Completed({ duration: Duration.millis(samples / 8) }))
        const words = heard.map(({ event }) => event).filter(SpeechEvent.$is("WordTimestamp"))
        assert.deepStrictEqual(words.map(({ segment }) => segment), [0, 0, 1, 1, 1, 2])
      }))

    it.effect("gap - silence of that length between segments and nowhere else", () =>
      Effect.gen(function*() {
        const { fromText } = yield* service(make(), { gap: "100 millis" })
        const audio = joined(yield* Stream.runCollect(fromText("One. Two.")))
        assert.deepStrictEqual(
          Array.from(audio),
          [...samplesOf("One. "), ...new Int16Array(800), ...samplesOf("Two.")]
        )
      }))

    it.effect("fade - seams have no step, the rest of the audio is untouched", () =>
      Effect.gen(function*() {
        const loud = new Int16Array(1600).fill(20_000)
        const text = "One. Two. Three."
        const hard = yield* service(make(() => ({ samples: loud })), { fade: 0 })
        const soft = yield* service(make(() => ({ samples: loud })), { fade: "5 millis" })
        const [clicks, fades] = yield* Effect.all(
          [hard, soft].map(({ fromText }) => Effect.map(Stream.runCollect(fromText(text)), (chunks) => joined(chunks)))
        )
        const steps = (samples: Int16Array | undefined) =>
          Math.max(...Array.from(samples ?? [], (sample, i) => Math.abs(sample - (samples?.[i - 1] ?? 0))))
        assert.strictEqual(clicks?.length, fades?.length)
        assert.strictEqual(steps(clicks), 20_000)
        assert.isAtMost(steps(fades), 20_000 / 40 + 1)
        const touched = Array.from(fades ?? []).filter((sample) => sample !== 20_000).length
        assert.isAtMost(touched, 3 * 2 * 40)
        assert.strictEqual(fades?.at(0), 0)
        assert.strictEqual(fades?.at(-1), 0)
      }))

    it.effect("fade - is 2 ms by default, and audio shorter than it survives", () =>
      Effect.gen(function*() {
        const { fromText } = yield* service(
          make((text) => ({ samples: new Int16Array(text.startsWith("A") ? 5 : 800).fill(1000) })),
          { fade: undefined }
        )
        const short = joined(yield* Stream.runCollect(fromText("A.")))
        assert.lengthOf(short, 5)
        const long = joined(yield* Stream.runCollect(fromText("Bb.")))
        assert.strictEqual(long.filter((sample) => sample !== 1000).length, 2 * 16)
      }))

    it.effect("trimSilence - shortens pauses, moves the words, and a request or a scope may say otherwise", () =>
      Effect.gen(function*() {
        const samples = Int16Array.from({ length: 16_000 }, (_, i) => i < 4000 || i >= 12_000 ? 9000 : 0)
        const engine = make(() => ({ samples }))
        const { fromText } = yield* service(engine, { trimSilence: true })
        const length = <E>(audio: Stream.Stream<Pcm.PcmChunk, E>) =>
          Effect.map(Stream.runCollect(audio), (chunks) => joined(chunks).length)
        assert.strictEqual(yield* length(fromText("One.")), 8000 + 1600)
        assert.strictEqual(yield* length(fromText("One.", { removeExtraSilence: false })), 16_000)
        assert.strictEqual(
          yield* length(SpeechRequest.withOptions(fromText("One."), { removeExtraSilence: false })),
          16_000
        )
        assert.strictEqual(yield* length(fromText("One.", { removeExtraSilence: undefined })), 8000 + 1600)
      }))
  })

  describe("options of speech", () => {
    it.effect("of the call and of the scope reach every segment; the call wins", () =>
      Effect.gen(function*() {
        const engine = make()
        yield* SpeechStream.fromText("One. Two. Three.", { speed: 1.5 }).pipe(
          SpeechRequest.withOptions({ speed: 0.5, language: "en" }),
          Stream.runDrain,
          Effect.provide(speech(engine))
        )
        assert.deepStrictEqual(engine.requests.map(({ options }) => [options.speed, options.language]), [
          [1.5, "en"],
          [1.5, "en"],
          [1.5, "en"]
        ])
      }))

    it.effect("one that the engine cannot honour fails, with the position", () =>
      Effect.gen(function*() {
        const { fromText } = yield* service(make())
        const error = yield* Effect.flip(
          Stream.runDrain(fromText("One.", { provider: { waves: { similarity: 0.5 } } }))
        )
        assert.propertyVal(error, "parameter", "provider.waves")
        assert.strictEqual(error.position?.textOffset, 0)
      }))
  })

  it.effect("spans - requests are inside the stream's span, that is inside the caller's", () =>
    Effect.gen(function*() {
      const names: Array<string> = []
      const nameOf = (span: Tracer.AnySpan): ReadonlyArray<string> =>
        span._tag === "Span"
          ? [span.name, ...Option.match(span.parent, { onNone: () => [], onSome: nameOf })]
          : []
      const engine = make()
      const { fromText } = yield* service({
        ...engine,
        layer: Layer.succeed(
          SpeechSynthesizer.SpeechSynthesizer,
          SpeechEngine.make({
            module: "Traced",
            defaults: { sampleRate: 8000 },
            honours: [],
            sampleRates: [8000],
            events: (request) =>
              Stream.unwrap(Effect.map(Effect.orDie(Effect.currentSpan), (span) => {
                names.push(nameOf(span).join(" < "))
                return engine.synthesizer.events(request)
              })),
            voices: Effect.succeed([]),
            models: Effect.succeed([]),
            languages: Effect.succeed([])
          })
        )
      })
      yield* Effect.withSpan(Stream.runDrain(fromText("One. Two.")), "application")
      const expected = "SpeechSynthesizer.events < SpeechStream.segment < SpeechStream.events < application"
      assert.deepStrictEqual(names, [expected, expected])
    }))

  describe("options of the layer", () => {
    for (const options of [{ maxLength: 1 }, { prefetch: -1 }, { prefetch: NaN }, { locale: "!" }]) {
      it.effect(`${JSON.stringify(options)} - the layer dies and names the option`, () =>
        Effect.gen(function*() {
          const exit = yield* Effect.exit(service(make(), options))
          assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
          assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", Object.keys(options)[0] ?? "")
        }))
    }

    it.effect("maxLength - no request is longer", () =>
      Effect.gen(function*() {
        const engine = make()
        const { fromText } = yield* service(engine, { maxLength: 40 })
        const text = "One sentence that goes on and on without a mark until the reader has no breath left at all."
        assert.strictEqual(textOf(yield* Stream.runCollect(fromText(text))), text)
        assert.isAbove(engine.requests.length, 2)
        for (const { text } of engine.requests) assert.isAtMost(text.length, 40)
      }))
  })

  describe("many streams at once", () => {
    it.effect("do not disturb each other", () =>
      Effect.gen(function*() {
        const engine = make(() => ({ delay: "30 millis", chunkDelay: "10 millis" }))
        const { fromText } = yield* service(engine)
        const texts = Array.from({ length: 20 }, (_, i) => `Stream ${i}. It says ${i}. And ends.`)
        const audio = yield* simulate(
          Effect.forEach(texts, (text) => Stream.runCollect(fromText(text)), { concurrency: "unbounded" })
        )
        assert.deepStrictEqual(audio.map(textOf), texts)
      }))

    it.effect("the same stream may be run again", () =>
      Effect.gen(function*() {
        const { fromText } = yield* service(make())
        const audio = fromText(Stream.make("One. ", "Two."))
        assert.strictEqual(textOf(yield* Stream.runCollect(audio)), "One. Two.")
        assert.strictEqual(textOf(yield* Stream.runCollect(audio)), "One. Two.")
      }))
  })

  it.effect("Audio.fromStream gathers it", () =>
    Effect.gen(function*() {
      const { fromText } = yield* service(make())
      const audio = yield* Audio.fromStream(fromText("One. Two."))
      assert.deepStrictEqual(Option.map(audio, ({ duration }) => Duration.toMillis(duration)), Option.some(90))
    }))
})
