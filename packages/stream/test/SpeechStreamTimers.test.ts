import { SpeechEvent } from "@effect-smallest/core"
import { type SpeechStream, SpeechText } from "@effect-smallest/stream"
import {
  chunksOf,
  type Heard,
  listen,
  make,
  segmentsOf,
  service,
  simulate,
  textOf,
  written
} from "@effect-smallest/test-support/scriptedEngine"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, FastCheck, Fiber, Mailbox, Stream, TestClock } from "effect"

const spokenAt = Effect.fnUntraced(function*(
  text: Stream.Stream<SpeechText.Input>,
  options: SpeechStream.SegmentedOptions = {}
) {
  const engine = make()
  const { events } = yield* service(engine, options)
  yield* simulate(Stream.runDrain(events(text)))
  return engine.requests.map(({ at, text }) => [at, text] as const)
})

describe("SpeechStream.layerSegmented, waiting for text", () => {
  it.effect("a sentence is spoken as soon as the next one begins", () =>
    Effect.gen(function*() {
      const text = written([0, "It is late."], [40, " "], [40, "W"], [40, "e go."])
      assert.deepStrictEqual(yield* spokenAt(text), [[80, "It is late. "], [120, "We go."]])
    }))

  it.effect("sentenceTimeout - what ends like a sentence is spoken after 300 ms without more", () =>
    Effect.gen(function*() {
      const text = written([100, "It is late."], [5000, " We go."])
      assert.deepStrictEqual(yield* spokenAt(text), [[400, "It is late."], [5100, " We go."]])
      assert.deepStrictEqual(yield* spokenAt(text, { sentenceTimeout: "2 seconds" }), [
        [2100, "It is late."],
        [5100, " We go."]
      ])
    }))

  it.effect("sentenceTimeout - counts from the last piece of text", () =>
    Effect.gen(function*() {
      const text = written([0, "It is late."], [250, "\n"], [250, "\n"], [5000, "We go."])
      assert.deepStrictEqual((yield* spokenAt(text))[0], [800, "It is late.\n\n"])
    }))

  it.effect("sentenceTimeout - does not speak what is no sentence: an abbreviation, a number, a comma", () =>
    Effect.gen(function*() {
      for (const start of ["I met Dr.", "It costs 3.", "Well,", "We saw"]) {
        const text = written([0, start], [4000, " nothing."])
        assert.deepStrictEqual(yield* spokenAt(text), [[4000, `${start} nothing.`]])
      }
    }))

  it.effect("queueTimeout - speaks the whole words there are after 5 s, and never half a word", () =>
    Effect.gen(function*() {
      const text = written([0, "We were just abo"], [9000, "ut to go"], [9000, "."])
      assert.deepStrictEqual(yield* spokenAt(text), [
        [5000, "We were just "],
        [14_000, "about to "],
        [18_000, "go."]
      ])
      assert.deepStrictEqual((yield* spokenAt(text, { queueTimeout: "1 second" }))[0], [1000, "We were just "])
    }))

  it.effect("queueTimeout - a single unfinished word waits as long as it takes", () =>
    Effect.gen(function*() {
      const text = written([0, "Unbe"], [60_000, "lievable"], [60_000, "!"])
      assert.deepStrictEqual(yield* spokenAt(text), [[120_000, "Unbelievable!"]])
    }))

  it.effect("queueTimeout - holds for sentences too where it is the shorter one", () =>
    Effect.gen(function*() {
      const options = { sentenceTimeout: Duration.infinity, queueTimeout: "1 second" } as const
      assert.deepStrictEqual((yield* spokenAt(written([0, "Late."], [9000, " Go."]), options))[0], [1000, "Late."])
    }))

  it.effect("infinite timeouts - speak only what is sure", () =>
    Effect.gen(function*() {
      const options = { sentenceTimeout: Duration.infinity, queueTimeout: Duration.infinity }
      const text = written([0, "It is late."], [3_600_000, " We go."])
      assert.deepStrictEqual((yield* spokenAt(text, options))[0], [3_600_000, "It is late. "])
    }))

  it.effect("SpeechText.flush - speaks at once what there is", () =>
    Effect.gen(function*() {
      const text = Stream.make<Array<SpeechText.Input>>("Let me look that up", SpeechText.flush).pipe(
        Stream.concat(written([8000, "I have found it."]))
      )
      assert.deepStrictEqual(yield* spokenAt(text), [[0, "Let me look that up"], [8000, "I have found it."]])
    }))

  it.effect("SpeechText.flush - without text before it does nothing", () =>
    Effect.gen(function*() {
      const text = Stream.make<Array<SpeechText.Input>>(SpeechText.flush, " ", SpeechText.flush, "Go.")
      assert.deepStrictEqual((yield* spokenAt(text)).map(([, text]) => text.trim()), ["Go."])
    }))

  it.effect("no timer runs while the listener has enough: a slow listener never tears a sentence", () =>
    Effect.gen(function*() {
      const engine = make()
      const { events } = yield* service(engine)
      const sentence = "Every sentence here is so long that it takes several pieces of text to write it down. "
      const pieces = Array.from({ length: 20 }, () => sentence).join("").match(/.{1,7}/gs) ?? []
      yield* simulate(
        Stream.runForEach(
          events(Stream.fromIterable(pieces).pipe(Stream.rechunk(1))),
          (event) => event._tag === "AudioChunk" ? Effect.sleep("3 seconds") : Effect.void
        )
      )
      assert.deepStrictEqual(new Set(engine.texts().map((text) => text.trim())), new Set([sentence.trim()]))
    }))

  it.effect("under TestClock - the first sentence sounds while the writer is silent", () =>
    Effect.gen(function*() {
      const engine = make()
      const { events } = yield* service(engine)
      const heard: Array<Heard> = []
      const text = yield* Mailbox.make<string>()
      const fiber = yield* Effect.fork(listen(events(Mailbox.toStream(text)), heard))
      yield* text.offer("Hello there.")
      yield* TestClock.adjust("299 millis")
      assert.deepStrictEqual(engine.texts(), [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(segmentsOf(heard).map(({ text }) => text), ["Hello there."])
      yield* text.offer(" And you")
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(segmentsOf(heard).map(({ text }) => text), ["Hello there.", " And "])
      yield* text.end
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(segmentsOf(heard).map(({ text }) => text), ["Hello there.", " And ", "you"])
    }))

  // Tokens and timers fall on the same millisecond again and again.
  it.effect(
    "whatever the pauses - nothing is lost, doubled or out of order, and no word is cut by a timer",
    () =>
      Effect.promise(() => {
        const word = FastCheck.constantFrom(
          "So",
          " we",
          " go",
          ".",
          " Dr",
          ". Who",
          " 3",
          ".5",
          "\n\n",
          " - ",
          "!",
          "…",
          " a",
          "b",
          "c "
        )
        const pause = FastCheck.constantFrom(0, 0, 1, 99, 100, 101, 200, 500)
        const input = FastCheck.oneof(
          { weight: 12, arbitrary: FastCheck.tuple(pause, word) },
          { weight: 1, arbitrary: FastCheck.constant([0, SpeechText.flush] as const) }
        )
        return FastCheck.assert(
          FastCheck.asyncProperty(
            FastCheck.array(input, { maxLength: 40 }),
            FastCheck.nat(2),
            FastCheck.constantFrom(0, 100, 1000),
            (inputs, prefetch, listening) =>
              Effect.runPromise(Effect.gen(function*() {
                const engine = make(() => ({ delay: 100 }))
                const { events } = yield* service(engine, { prefetch, sentenceTimeout: 100, queueTimeout: 200 })
                const text: Stream.Stream<SpeechText.Input> = Stream.fromIterable(inputs).pipe(
                  Stream.rechunk(1),
                  Stream.mapEffect(([pause, piece]) => Effect.as(Effect.sleep(pause), piece))
                )
                const whole = inputs.map(([, piece]) => SpeechText.isFlush(piece) ? "" : piece).join("")
                const flushes = new Set<number>()
                let offset = 0
                for (const [, piece] of inputs) {
                  if (SpeechText.isFlush(piece)) flushes.add(offset)
                  else offset += piece.length
                }
                const heard = yield* simulate(listen(
                  Stream.tap(
                    events(text),
                    (event) => event._tag === "AudioChunk" ? Effect.sleep(listening) : Effect.void
                  )
                ))
                assert.strictEqual(heard.at(-1)?.event._tag, "Completed")
                let end = 0
                for (const { text, textOffset } of segmentsOf(heard)) {
                  assert.strictEqual(whole.slice(textOffset, textOffset + text.length), text)
                  // What lies between segments has nothing to say.
                  assert.notMatch(whole.slice(end, textOffset), /[\p{L}\p{N}]/u)
                  const isTorn = /\p{L}$/u.test(whole.slice(0, textOffset)) && /^\p{L}/u.test(text)
                  assert.isFalse(
                    isTorn && !flushes.has(textOffset),
                    `torn at ${textOffset} of ${JSON.stringify(whole)}`
                  )
                  end = textOffset + text.length
                }
                assert.notMatch(whole.slice(end), /[\p{L}\p{N}]/u)
                assert.strictEqual(textOf(chunksOf(heard)), segmentsOf(heard).map(({ text }) => text).join(""))
                assert.isFalse(heard.some(({ event }) => SpeechEvent.$is("SegmentFailed")(event)))
              }))
          ),
          { numRuns: 150 }
        )
      }),
    60_000
  )
})
