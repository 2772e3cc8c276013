import { SpeechEvent, SpeechRequest, SpeechSynthesizer } from "@effect-smallest/core"
import { SpeechStream } from "@effect-smallest/stream"
import {
  broken,
  busy,
  chunksOf,
  forbidden,
  listen,
  make,
  service,
  simulate,
  speech,
  textOf,
  written
} from "@effect-smallest/test-support/scriptedEngine"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Layer, Logger, Stream, TestClock } from "effect"

// One test for each defect of the Python client's TextToAudioStream that its users met.
describe("What TextToAudioStream got wrong", () => {
  it.effect("it changed the options of the caller's client for good - here a stream leaves the engine as it was", () =>
    Effect.gen(function*() {
      const engine = make()
      const before = { ...engine.synthesizer.defaults }
      yield* SpeechStream.fromText("One.", { speed: 1.5 }).pipe(Stream.runDrain, Effect.provide(speech(engine)))
      assert.deepStrictEqual(engine.synthesizer.defaults, before)
      const wav = yield* engine.synthesizer.bytes({ text: "One." })
      assert.strictEqual(new TextDecoder().decode(wav.subarray(0, 4)), "RIFF")
      assert.strictEqual(engine.requests[1]?.options.speed, 1)
    }))

  it.effect("it read the text on another event loop - here in the fiber's own context, with its services", () =>
    Effect.gen(function*() {
      const engine = make()
      const text = Stream.fromEffect(SpeechRequest.CurrentSpeechOptions).pipe(
        Stream.map(({ speed }) => `The speed is ${speed}.`)
      )
      yield* SpeechStream.fromText(text).pipe(
        SpeechRequest.withOptions({ speed: 1.25 }),
        Stream.runDrain,
        Effect.provide(speech(engine))
      )
      assert.deepStrictEqual(engine.texts(), ["The speed is 1.25."])
    }))

  it.effect("its queue of text was unbounded - here a slow listener slows the writer", () =>
    Effect.gen(function*() {
      const { fromText } = yield* service(make())
      let written = 0
      const text = Stream.repeatEffect(Effect.sync(() => `Sentence ${written++}. `)).pipe(Stream.rechunk(1))
      yield* simulate(
        Stream.runForEach(fromText(text), () => Effect.sleep("1 second")).pipe(Effect.timeoutOption("30 seconds"))
      )
      assert.isAtMost(written, 31 + 2 + 16 + 1)
    }))

  it.effect("a newline inside the buffer blocked it until the end of the text", () =>
    Effect.gen(function*() {
      const engine = make()
      const { events } = yield* service(engine)
      const text = Stream.concat(Stream.make("A title\n", "First.", " Second.", " Third."), Stream.never)
      const fiber = yield* Effect.fork(Stream.runDrain(events(text)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(engine.texts().join(""), "A title\nFirst. Second. Third.")
      assert.isAtLeast(engine.texts().length, 3)
    }))

  it.effect("a blank after the mark, or another sentence after it, kept a sentence from being spoken", () =>
    Effect.gen(function*() {
      const engine = make()
      const { events } = yield* service(engine)
      const fiber = yield* Effect.fork(
        Stream.runDrain(events(Stream.concat(Stream.make("Hello there. ", "World of"), Stream.never)))
      )
      yield* TestClock.adjust("1 millis")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(engine.texts(), ["Hello there. "])
    }))

  for (
    const cut of ["a well-|known man.", "Note:| it rains.", "It was 3.|5 metres.", "Ask Dr.| Smith.", "No; |not yet."]
  ) {
    it.effect(`it cut wherever a token ended in a mark - not here: ${cut}`, () =>
      Effect.gen(function*() {
        const engine = make()
        const { fromText } = yield* service(engine)
        yield* simulate(Stream.runDrain(fromText(Stream.fromIterable(cut.split("|")))))
        assert.deepStrictEqual(engine.texts(), [cut.replace("|", "")])
      }))
  }

  it.effect("it never cut at a danda or an ideographic full stop", () =>
    Effect.gen(function*() {
      const engine = make()
      const { fromText } = yield* service(engine)
      yield* simulate(Stream.runDrain(fromText("यह पहला है। यह दूसरा है।")))
      yield* simulate(Stream.runDrain(fromText("你好。再见。")))
      assert.deepStrictEqual(engine.texts(), ["यह पहला है। ", "यह दूसरा है।", "你好。", "再见。"])
    }))

  it.effect("it had no limit of length, so the server refused long text", () =>
    Effect.gen(function*() {
      const engine = make()
      const { fromText } = yield* service(engine)
      yield* simulate(Stream.runDrain(fromText("and so on, ".repeat(500))))
      for (const text of engine.texts()) assert.isAtMost(text.length, 250)
      assert.strictEqual(engine.texts().join(""), "and so on, ".repeat(500))
    }))

  it.effect("it blocked its event loop while it waited - here other fibers run", () =>
    Effect.gen(function*() {
      const { fromText } = yield* service(make(() => ({ delay: "3 seconds" })))
      let ticks = 0
      const ticking = Effect.fork(
        Effect.forever(Effect.zipRight(Effect.sleep("100 millis"), Effect.sync(() => ticks++)))
      )
      yield* simulate(Effect.zipRight(ticking, Stream.runDrain(fromText(written([4000, "Hello."])))))
      assert.isAtLeast(ticks, 68)
    }))

  it.effect("it spoke one segment after the other - here the next is prepared while one sounds", () =>
    Effect.gen(function*() {
      const engine = make(() => ({ delay: "200 millis" }))
      const { events } = yield* service(engine)
      const heard = yield* simulate(listen(
        events("One is long enough to be heard. Two is long enough too.").pipe(
          Stream.tap((event) => event._tag === "AudioChunk" ? Effect.sleep("100 millis") : Effect.void)
        )
      ))
      assert.deepStrictEqual(engine.requests.map(({ at }) => at), [0, 0])
      assert.isNotEmpty(heard)
    }))

  it.effect("it noticed the end of the text up to 5 s late, an empty text took 5 s", () =>
    Effect.gen(function*() {
      const { fromText } = yield* service(make())
      const ended = (text: Stream.Stream<string>) =>
        simulate(Effect.zipRight(Stream.runDrain(fromText(text)), Clock.currentTimeMillis))
      assert.strictEqual(yield* ended(Stream.empty), 0)
      assert.strictEqual(yield* ended(Stream.make("")), 0)
      assert.strictEqual(yield* ended(written([0, "One."], [2000, ""])), 2000)
    }))

  it.effect("it retried at once and whatever the status, 401 included", () =>
    Effect.gen(function*() {
      const unknown = make(() => ({ error: forbidden }))
      yield* simulate(Effect.flip(Stream.runDrain((yield* service(unknown)).fromText("One."))))
      assert.lengthOf(unknown.requests, 1)
      const full = make((_, attempt) => attempt === 0 ? { error: busy(Duration.seconds(4)) } : {})
      yield* simulate(Stream.runDrain((yield* service(full)).fromText("One.")))
      assert.deepStrictEqual(full.requests.map(({ at }) => at), [0, 4000])
    }))

  it.effect("it dropped a sentence that failed, and the stream went on as if nothing had happened", () =>
    Effect.gen(function*() {
      const engine = make((text) => text.startsWith("Two") ? { error: broken } : {})
      const { fromText } = yield* service(engine)
      const error = yield* simulate(Effect.flip(Stream.runDrain(fromText("One. Two. Three."))))
      assert.deepStrictEqual([error._tag, error.position?.segment], ["ServerFailure", 1])
      // Who wants to go on says so, and is told.
      const logs: Array<unknown> = []
      const { events } = yield* service(engine, { onSegmentFailure: "skip" })
      const heard = yield* simulate(listen(events("One. Two. Three."))).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => logs.push(message))))
      )
      assert.strictEqual(textOf(chunksOf(heard)), "One. Three.")
      assert.lengthOf(heard.filter(({ event }) => SpeechEvent.$is("SegmentFailed")(event)), 1)
      assert.lengthOf(logs, 1)
    }))

  it.effect("it did not retry network errors", () =>
    Effect.gen(function*() {
      const engine = make((_, attempt) => attempt < 2 ? { error: broken } : {})
      const { fromText } = yield* service(engine)
      assert.strictEqual(textOf(yield* simulate(Stream.runCollect(fromText("One.")))), "One.")
    }))

  it.effect("an answer without audio was nothing at all", () =>
    Effect.gen(function*() {
      const { fromText } = yield* service(make(() => ({ samples: new Int16Array(0) })), { retry: { maxRetries: 0 } })
      const error = yield* simulate(Effect.flip(Stream.runDrain(fromText("One."))))
      assert.strictEqual(error._tag, "EmptyAudio")
    }))

  it.effect("when the text failed it waited for ever", () =>
    Effect.gen(function*() {
      const { fromText } = yield* service(make())
      const text = Stream.concat(Stream.make("One."), Stream.fail("the model is gone"))
      assert.deepStrictEqual(
        yield* simulate(Effect.exit(Stream.runDrain(fromText(text)))),
        Exit.fail("the model is gone")
      )
    }))

  it.effect("an instance served one text: the second was silent, the third spoke the second's words", () =>
    Effect.gen(function*() {
      const { fromText } = yield* service(make())
      for (const text of ["One. More.", "Two. More.", "Three. More."]) {
        assert.strictEqual(textOf(yield* simulate(Stream.runCollect(fromText(Stream.make(text))))), text)
      }
    }))

  it.effect("a lone newline was sent as a request", () =>
    Effect.gen(function*() {
      const engine = make()
      const { fromText } = yield* service(engine)
      yield* simulate(Stream.runDrain(fromText(Stream.make("\n", "One.", "\n", "\n\n", " ", "Two.", "\n"))))
      for (const text of engine.texts()) assert.notStrictEqual(text.trim(), "")
      assert.lengthOf(engine.requests, 2)
    }))

  it.effect("who stopped listening left a thread that read the text to its end", () =>
    Effect.gen(function*() {
      let written = 0
      let isClosed = false
      const { fromText } = yield* service(make())
      const text = Stream.repeatEffect(Effect.sync(() => `Sentence ${written++}. `)).pipe(
        Stream.rechunk(1),
        Stream.ensuring(Effect.sync(() => {
          isClosed = true
        }))
      )
      yield* Stream.runDrain(Stream.take(fromText(text), 1))
      const read = written
      assert.isTrue(isClosed)
      yield* Effect.yieldNow()
      assert.strictEqual(written, read)
    }))

  it.effect("its text was folded to lower-case ASCII: Hindi became nothing, names lost their capitals", () =>
    Effect.gen(function*() {
      const engine = make()
      const { fromText } = yield* service(engine)
      const text = "नमस्ते दुनिया। Zoë naïvely asked for a café. 今日は。"
      yield* simulate(Stream.runDrain(fromText(text)))
      assert.strictEqual(engine.texts().join(""), text)
    }))

  it.effect("its errors were printed - here they are values of the stream, and the layer is chosen elsewhere", () =>
    Effect.gen(function*() {
      const caught = yield* SpeechStream.fromText("One.").pipe(
        Stream.catchTag("InvalidApiKey", () => Stream.empty),
        Stream.runCount,
        Effect.provide(SpeechStream.layerSegmented()),
        Effect.provide(
          Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, make(() => ({ error: forbidden })).synthesizer)
        )
      )
      assert.strictEqual(caught, 0)
    }))
})
