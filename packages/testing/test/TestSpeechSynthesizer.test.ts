import { Audio, Pcm, SpeechError, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { TestSpeechSynthesizer } from "@effect-smallest/testing"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Duration, Effect, Exit, FastCheck, Fiber, Option, Stream, TestClock } from "effect"

const failure = new SpeechError.ServerFailure({ module: "Test", method: "events", description: "Down", status: 503 })

const provide = (options?: TestSpeechSynthesizer.Options) => Effect.provide(TestSpeechSynthesizer.layer(options))

const visible = FastCheck.string({ minLength: 1, maxLength: 20 }).filter((text) => text.trim() !== "")
const rates = FastCheck.constantFrom(8000, 16000, 22050, 24000, 44100, 48000)
const speeds = FastCheck.double({ min: 0.5, max: 2, noNaN: true })

describe("TestSpeechSynthesizer", () => {
  it.effect.prop(
    "audio - is audioOf the text, and textOf reads the text back",
    [visible, rates, speeds],
    ([text, sampleRate, speed]) =>
      Effect.gen(function*() {
        const audio = yield* SpeechSynthesizer.synthesize({ text, sampleRate, speed })
        assert.deepStrictEqual(audio, TestSpeechSynthesizer.audioOf({ text, sampleRate, speed }))
        assert.strictEqual(TestSpeechSynthesizer.textOf(audio, { speed }), text)
        assert.closeTo(Duration.toSeconds(audio.duration), text.length * 0.05 / speed, text.length / sampleRate)
      }).pipe(provide())
  )

  it.effect.prop("audio - is never silent for 50 ms", [visible], ([text]) =>
    Effect.gen(function*() {
      const samples = Pcm.samples(yield* SpeechSynthesizer.synthesize({ text, sampleRate: 8000 }))
      for (let start = 0; start < samples.length; start += 400) {
        assert.isTrue(samples.subarray(start, start + 400).some((sample) => Math.abs(sample) > 4000))
      }
    }).pipe(provide()))

  it.effect("textOf - tells the order of joined audio, however long", () =>
    Effect.gen(function*() {
      const texts = Array.from({ length: 300 }, (_, i) => `Sentence number ${i}. `)
      const audio = yield* Stream.fromIterable(texts).pipe(
        Stream.flatMap((text) => SpeechSynthesizer.stream({ text, sampleRate: 8000 })),
        Audio.fromStream,
        Effect.flatten
      )
      assert.strictEqual(TestSpeechSynthesizer.textOf(audio), texts.join(""))
    }).pipe(provide()))

  it.effect("words - have the times of their characters", () =>
    Effect.gen(function*() {
      const words = yield* SpeechSynthesizer.events({ text: "Hi, you two." }).pipe(
        Stream.filter(SpeechEvent.$is("WordTimestamp")),
        Stream.map(({ end, start, word }) => [word, Duration.toMillis(start), Duration.toMillis(end)]),
        Stream.runCollect
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(words), [["Hi,", 0, 150], ["you", 200, 350], ["two.", 400, 600]])
    }).pipe(provide()))

  it.effect("chunks - hold chunkDuration of audio", () =>
    Effect.gen(function*() {
      const chunks = yield* Stream.runCollect(SpeechSynthesizer.stream({ text: "Hello" }))
      assert.deepStrictEqual(Array.from(chunks, (chunk) => Duration.toMillis(Pcm.duration(chunk))), [80, 80, 80, 10])
    }).pipe(provide({ chunkDuration: "80 millis" })))

  it.effect("delays - are those of the layer, by Clock", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(SpeechSynthesizer.synthesize({ text: "Hello" }))
      const begun = yield* TestSpeechSynthesizer.awaitRequest(0)
      assert.strictEqual(begun.status, "waiting")
      yield* TestClock.adjust("2999 millis")
      assert.strictEqual((yield* TestSpeechSynthesizer.requests)[0]?.status, "waiting")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* TestSpeechSynthesizer.requests)[0]?.samples, 2400)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      const [request] = yield* TestSpeechSynthesizer.requests
      assert.strictEqual(request?.status, "completed")
      assert.deepStrictEqual([request?.startedAt, request?.firstAudioAt, request?.endedAt], [0, 3000, 5000])
      assert.strictEqual(request?.samples, 6000)
    }).pipe(provide({ firstAudioDelay: "3 seconds", chunkDelay: "1 seconds" })))

  it.effect("delays - are those of the reply before those of the layer", () =>
    Effect.gen(function*() {
      yield* SpeechSynthesizer.synthesize({ text: "Hello" })
      assert.strictEqual((yield* TestSpeechSynthesizer.requests)[0]?.endedAt, 0)
    }).pipe(provide({
      firstAudioDelay: "3 seconds",
      chunkDelay: "1 seconds",
      script: [{ firstAudioDelay: 0, chunkDelay: 0 }]
    })))

  it.effect("script - replies in order, with errors before and in the middle of the audio", () =>
    Effect.gen(function*() {
      const speak = Stream.runCollect(Stream.either(SpeechSynthesizer.stream({ text: "Hello" })))
      const [first, second, third] = yield* Effect.all([speak, speak, speak])
      assert.deepStrictEqual(Array.from(first, (piece) => piece._tag), ["Left"])
      assert.deepStrictEqual(Array.from(second, (piece) => piece._tag), ["Right", "Right", "Left"])
      assert.deepStrictEqual(Array.from(third, (piece) => piece._tag), ["Right", "Right", "Right"])
      for (const piece of [...first, ...second]) {
        if (piece._tag === "Left") assert.strictEqual(piece.left.message, failure.message)
      }
      const requests = yield* TestSpeechSynthesizer.requests
      assert.deepStrictEqual(
        requests.map(({ firstAudioAt, samples, status }) => ({ firstAudioAt, samples, status })),
        [
          { firstAudioAt: undefined, samples: 0, status: "failed" },
          { firstAudioAt: 0, samples: 4800, status: "failed" },
          { firstAudioAt: 0, samples: 6000, status: "completed" }
        ]
      )
    }).pipe(provide({ script: [{ error: failure }, { error: failure, chunksBeforeError: 2 }, {}] })))

  it.effect("script - an error due after more chunks than there are comes after all of them", () =>
    Effect.gen(function*() {
      const pieces = yield* Stream.runCollect(Stream.either(SpeechSynthesizer.events({ text: "Hi" })))
      const [last] = Array.from(pieces).reverse()
      assert.strictEqual(last?._tag === "Left" ? last.left.message : undefined, failure.message)
      assert.lengthOf(Array.from(pieces), 4)
    }).pipe(provide({ script: [{ error: failure, chunksBeforeError: 99 }] })))

  it.effect("script - a request beyond it is a defect that error handling does not catch", () =>
    Effect.gen(function*() {
      const exit = yield* SpeechSynthesizer.synthesize({ text: "Unasked" }).pipe(
        Effect.catchAll(() => Effect.succeed("caught")),
        Effect.exit
      )
      assert.isTrue(Exit.isFailure(exit))
      if (Exit.isFailure(exit)) {
        assert.isTrue(Option.isNone(Cause.failureOption(exit.cause)))
        assert.include(Cause.pretty(exit.cause), "no reply is scripted for request 0, \"Unasked\"")
      }
      assert.strictEqual((yield* TestSpeechSynthesizer.requests)[0]?.status, "failed")
    }).pipe(provide({ script: [] })))

  it.effect("respond - replies by text and by place, after the script", () =>
    Effect.gen(function*() {
      const results = yield* Effect.forEach(
        ["one", "two", "three", "four"],
        (text) => Effect.either(SpeechSynthesizer.synthesize({ text }))
      )
      assert.deepStrictEqual(results.map(({ _tag }) => _tag), ["Left", "Right", "Left", "Left"])
      const exit = yield* Effect.exit(SpeechSynthesizer.synthesize({ text: "five" }))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    }).pipe(provide({
      script: [{ error: failure }],
      respond: ({ text }, index) =>
        text === "five" ? undefined : text === "three" || index === 3 ? { error: failure } : {}
    })))

  it.effect("enqueue - goes before everything, even without a script", () =>
    Effect.gen(function*() {
      yield* TestSpeechSynthesizer.enqueue({ error: failure }, {})
      const results = yield* Effect.forEach(
        ["one", "two", "three"],
        (text) => Effect.either(SpeechSynthesizer.synthesize({ text }))
      )
      assert.deepStrictEqual(results.map(({ _tag }) => _tag), ["Left", "Right", "Right"])
    }).pipe(provide()))

  it.effect("requests - carry the options of request, scope and layer", () =>
    Effect.gen(function*() {
      yield* SpeechSynthesizer.synthesize({ text: "Hi", voice: "meher" }).pipe(
        SpeechSynthesizer.withOptions({ speed: 2, language: "en" })
      )
      const [recorded] = yield* TestSpeechSynthesizer.requests
      assert.deepInclude(recorded?.request, {
        text: "Hi",
        voice: "meher",
        speed: 2,
        language: "en",
        sampleRate: 16000,
        model: "lightning_v3.1"
      })
    }).pipe(provide({ sampleRate: 16000, model: "lightning_v3.1" })))

  it.effect("requests - tell an interruption and when it came", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(SpeechSynthesizer.synthesize({ text: "Hello" }))
      yield* TestSpeechSynthesizer.awaitRequest(0)
      yield* TestClock.adjust("1 seconds")
      yield* TestSpeechSynthesizer.awaitRequest(0, ({ status }) => status === "speaking")
      yield* Fiber.interrupt(fiber)
      const [request] = yield* TestSpeechSynthesizer.requests
      assert.strictEqual(request?.status, "interrupted")
      assert.strictEqual(request?.endedAt, 1000)
    }).pipe(provide({ firstAudioDelay: "1 seconds", chunkDelay: Duration.infinity })))

  it.effect("requests - a listener who leaves early counts as interruption", () =>
    Effect.gen(function*() {
      yield* Stream.runDrain(Stream.take(SpeechSynthesizer.stream({ text: "Hello" }), 1))
      const [request] = yield* TestSpeechSynthesizer.requests
      assert.strictEqual(request?.status, "interrupted")
      assert.strictEqual(request?.samples, 2400)
    }).pipe(provide()))

  it.effect("stream - makes no audio before the listener wants it", () =>
    Effect.gen(function*() {
      yield* SpeechSynthesizer.stream({ text: "A text of some length" }).pipe(
        Stream.runForEach(() => Effect.never),
        Effect.fork
      )
      yield* TestSpeechSynthesizer.awaitRequest(0, ({ status }) => status === "speaking")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* TestSpeechSynthesizer.requests)[0]?.samples, 2400)
    }).pipe(provide()))

  it.effect("options - voices and honours narrow what it takes", () =>
    Effect.gen(function*() {
      const unknown = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: "Hi", voice: "nobody" }))
      assert.strictEqual(unknown._tag, "UnknownVoice")
      const invalid = yield* Effect.flip(SpeechSynthesizer.synthesize({ text: "Hi", model: "test" }))
      assert.propertyVal(invalid, "parameter", "model")
      assert.deepStrictEqual((yield* SpeechSynthesizer.voices).map(({ id }) => id), ["meher", "sophia"])
      yield* SpeechSynthesizer.synthesize({ text: "Hi", voice: "sophia" })
    }).pipe(provide({ voices: ["meher", "sophia"], honours: ["voice"] })))
})
