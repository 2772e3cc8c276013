import { type SpeechSynthesizer } from "@effect-smallest/core"
import { LocalSpeechSynthesizer } from "@effect-smallest/local"
import { NodeFliteWorker } from "@effect-smallest/local/node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FastCheck, Layer } from "effect"
import { account, rootMeanSquare } from "./support.js"

// The voice that speaks ten times as fast has the same text analysis, where all the hazards are.
const Fast = Layer.provide(
  LocalSpeechSynthesizer.layer({ voice: "kal16", sampleRate: 16000, workers: 2 }),
  NodeFliteWorker.layer
)

/** Everything that the engine itself cannot bear, one by one. */
layer(Fast)("hazards", (it) => {
  describe("text without speech is an error, never silence", () => {
    it.effect.each([
      "",
      "   ",
      "\n\n\t",
      "🎉🎉",
      "नमस्ते दुनिया",
      "你好，世界",
      "مرحبا بالعالم",
      "...",
      "<break time='1s'/>",
      "\0"
    ])(
      "%j",
      (text) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(account({ text }))
          assert.strictEqual(error._tag, "InvalidSpeechRequest")
          if (error._tag === "InvalidSpeechRequest") assert.strictEqual(error.parameter, "text")
        })
    )
  })

  it.effect.each([0, -1, 0.001, 0.49, 2.01, 100, Number.NaN, Number.POSITIVE_INFINITY])(
    "speed %d is an error, not an endless loop",
    (speed) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(account({ text: "Hello.", speed }))
        assert.strictEqual(error._tag, "InvalidSpeechRequest")
      })
  )

  it.effect("markup does not hang and is not read", () =>
    Effect.gen(function*() {
      const plain = yield* account({ text: "Hello there." })
      const marked = yield* account({
        text: "<speak><prosody rate='slow'>Hello</prosody> <break time='1000ms'/>there.</speak>"
      })
      assert.deepStrictEqual(marked.samples, plain.samples)
    }))

  it.effect.each(["!", "?!", ".,;:", "\"'", "()", "-", "—", "…", "*", "#", "/", "%$#@", "'"])(
    "runs of %s neither trap nor last",
    (run) =>
      Effect.gen(function*() {
        const { seconds } = yield* account({ text: `Yes ${run.repeat(Math.floor(3000 / run.length))} no` })
        assert.isBelow(seconds, run === "%$#@" ? 3000 : 4)
      })
  )

  it.effect("one endless word of one letter is over soon", () =>
    Effect.gen(function*() {
      const { seconds } = yield* account({ text: "x".repeat(5000) })
      assert.isBelow(seconds, 200)
    }))

  it.effect("one word as long as a request may be is spoken piece by piece", () =>
    Effect.gen(function*() {
      const letters = Array.from({ length: 8000 }, (_, i) => String.fromCharCode(97 + (i * 7919 + i * i) % 26)).join("")
      const { events, words } = yield* account({ text: letters })
      assert.strictEqual(words.map(({ word }) => word).join(""), letters)
      assert.isAbove(events.length, 1000)
    }), 60_000)

  it.effect("thousands of initials do not overflow the stack", () =>
    Effect.gen(function*() {
      const { words } = yield* account({ text: "a.".repeat(3000) })
      assert.isAbove(words.length, 100)
    }))

  it.effect("NUL and other controls part words", () =>
    Effect.gen(function*() {
      const plain = yield* account({ text: "one two three" })
      const controls = yield* account({ text: "one\0two\u0007\u001b three" })
      assert.deepStrictEqual(controls.samples, plain.samples)
    }))

  it.effect.each(
    [
      ["It isn’t naïve", "It isn't naive"],
      ["“café”", "cafe"],
      ["yes — no", "yes, no"]
    ] as const
  )("%s sounds like %s", ([written, ascii]) =>
    Effect.gen(function*() {
      const [one, two] = yield* Effect.all([account({ text: written }), account({ text: ascii })])
      assert.deepStrictEqual(one.samples, two.samples)
    }))

  it.effect("the last words are not lost", () =>
    Effect.gen(function*() {
      // Without a line break at the end the engine drops what follows the last sentence.
      const short = yield* account({ text: "She asked:" })
      const long = yield* account({ text: "She asked: yes." })
      assert.isAbove(long.seconds, short.seconds + 0.5)
    }))

  it.effect.each(["-v --help", "%n%n%s", "/etc/passwd", "\ud800", "-f in.txt", "\\0"])(
    "%j is just text",
    (text) =>
      Effect.gen(function*() {
        const { samples } = yield* account({ text: `say ${text} now` })
        assert.isAbove(rootMeanSquare(samples), 0.02)
      })
  )

  it.effect("a voice's name is no option and no file", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        account({ text: "Hello.", voice: "http://example.com/voice.flitevox" })
      )
      assert.strictEqual(error._tag, "UnknownVoice")
    }))

  it.effect(
    "whatever the text: speech with a time for every word, or a typed error",
    () =>
      Effect.flatMap(
        Effect.context<SpeechSynthesizer.SpeechSynthesizer>(),
        (context) =>
          Effect.promise(() =>
            FastCheck.assert(
              FastCheck.asyncProperty(
                FastCheck.oneof(
                  FastCheck.string({ minLength: 1, maxLength: 200 }),
                  FastCheck.string({ unit: "binary", minLength: 1, maxLength: 60 }),
                  FastCheck.array(
                    FastCheck.constantFrom(
                      ..."a b I x 7 42 1999 1,000 $5 £3 50% 3/4 10:30 Dr. St. U.S.A. p.m. e.g. No. hello World don’t end. Next? "
                        .split(" "),
                      ...". , ; : ! ? - – — ' \" ( ) / & + @ # % < > … \n\n node.js a.b C++ -5 .5 A. B. Mr. 'tis".split(
                        " "
                      ),
                      " ",
                      " ",
                      " "
                    ),
                    { minLength: 1, maxLength: 60 }
                  ).map((parts) => parts.join(""))
                ),
                (text) =>
                  account({ text }).pipe(
                    Effect.tap(({ samples, seconds, words }) => {
                      assert.isAbove(rootMeanSquare(samples), 0.001)
                      assert.isAbove(words.length, 0)
                      assert.isBelow(seconds, 600)
                    }),
                    Effect.catchTag(
                      "InvalidSpeechRequest",
                      (error) => Effect.sync(() => assert.strictEqual(error.parameter, "text"))
                    ),
                    Effect.asVoid,
                    Effect.provide(context),
                    Effect.runPromise
                  )
              ),
              { numRuns: 60 }
            )
          )
      ),
    60_000
  )
})
