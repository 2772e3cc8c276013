import { Language, Model, SpeechRequest, Voice } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Chunk, Effect, Either, FastCheck, Schema, Stream } from "effect"

const decode = Schema.decodeUnknownEither(SpeechRequest.SpeechBytesRequest)
const accepts = (request: unknown) => Either.isRight(decode(request))

describe("SpeechRequest", () => {
  it.each<readonly [string, ReadonlyArray<unknown>, ReadonlyArray<unknown>]>([
    ["text", ["a", "नमस्ते", " ", "x".repeat(8000)], ["", 5, null]],
    ["speed", [0.5, 1, 2], [0.49, 2.01, NaN, Infinity, "1", null]],
    ["sampleRate", [8000, 24000, 44100, 48000], [7999, 48001, 16000.5, NaN, "24000"]],
    ["voice", ["meher", "voice_abc"], ["", 5]],
    ["model", ["lightning_v3.1_pro", "next"], [""]],
    ["language", ["en", "auto", "xx"], [""]],
    ["removeExtraSilence", [true, false], ["true", 1]],
    ["provider", [{}, { engine: { warmth: 1 } }], [null, "x", 5]],
    ["outputFormat", ["wav", "pcm", "ulaw", "alaw", "mp3"], ["ogg", "WAV", "mulaw"]]
  ])("%s - bounds", (field, good, bad) => {
    for (const value of good) {
      assert.isTrue(accepts({ text: "Hi.", [field]: value }), JSON.stringify(value)?.slice(0, 40))
    }
    for (const value of bad) {
      assert.isFalse(accepts({ text: "Hi.", [field]: value }), JSON.stringify(value)?.slice(0, 40))
    }
  })

  it("every option may be undefined", () => {
    const options = Object.fromEntries(Object.keys(SpeechRequest.SpeechOptions.fields).map((key) => [key, undefined]))
    assert.isTrue(accepts({ text: "Hi.", ...options }))
  })

  it.prop(
    "requests cross JSON unchanged",
    { request: Arbitrary.make(SpeechRequest.SpeechBytesRequest) },
    ({ request }) => {
      const json = JSON.parse(JSON.stringify(Schema.encodeSync(SpeechRequest.SpeechBytesRequest)(request)))
      assert.deepEqual(
        JSON.parse(JSON.stringify(Schema.decodeUnknownSync(SpeechRequest.SpeechBytesRequest)(json))),
        json
      )
    }
  )
})

describe("open names", () => {
  it("take any non-empty string, known or not", () => {
    for (const schema of [Voice.Voice, Model.Model, Language.Language] as ReadonlyArray<Schema.Schema<string>>) {
      assert.isTrue(Either.isRight(Schema.decodeUnknownEither(schema)("something-new")))
      assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(schema)("")))
    }
  })

  it("languages have names; an unknown code stands for itself", () => {
    assert.strictEqual(Language.name("hi"), "Hindi")
    assert.strictEqual(Language.name("xx"), "xx")
    assert.strictEqual(Language.name("toString"), "toString")
    assert.strictEqual(Language.name("constructor"), "constructor")
  })
})

const options: FastCheck.Arbitrary<SpeechRequest.SpeechOptions> = FastCheck.record(
  {
    speed: FastCheck.constantFrom(undefined, 0.5, 1, 2),
    sampleRate: FastCheck.constantFrom(undefined, 8000, 24000),
    removeExtraSilence: FastCheck.constantFrom(undefined, true, false)
  },
  { requiredKeys: [] }
)

/** What a reader of the precedence rule expects: the first that says something. */
const firstOf = (...layers: ReadonlyArray<SpeechRequest.SpeechOptions>) => ({
  speed: layers.find(({ speed }) => speed !== undefined)?.speed,
  sampleRate: layers.find(({ sampleRate }) => sampleRate !== undefined)?.sampleRate,
  removeExtraSilence: layers.find(({ removeExtraSilence }) => removeExtraSilence !== undefined)?.removeExtraSilence
})

const read = ({ removeExtraSilence, sampleRate, speed }: SpeechRequest.SpeechOptions) => ({
  speed,
  sampleRate,
  removeExtraSilence
})

describe("SpeechRequest.mergeOptions", () => {
  it.prop(
    "the second one wins where it says something; undefined never overrides",
    { base: options, over: options },
    ({ base, over }) => {
      assert.deepStrictEqual(read(SpeechRequest.mergeOptions(base, over)), firstOf(over, base))
    }
  )

  it("keeps the text of a request and changes neither argument", () => {
    const base = Object.freeze({ speed: 2 })
    const over = Object.freeze({ text: "Hi.", speed: undefined, sampleRate: 8000 })
    assert.deepStrictEqual(SpeechRequest.mergeOptions(base, over), { text: "Hi.", speed: 2, sampleRate: 8000 } as never)
  })
})

const current = Effect.map(SpeechRequest.CurrentSpeechOptions, read)
const currentStream = Stream.fromEffect(current)

describe("SpeechRequest.withOptions", () => {
  it.effect.prop(
    "inner scopes win over outer ones, for effects and streams, in both call forms",
    { inner: options, outer: options },
    ({ inner, outer }) =>
      Effect.gen(function*() {
        const expected = firstOf(inner, outer)
        assert.deepStrictEqual(
          yield* current.pipe(SpeechRequest.withOptions(inner), SpeechRequest.withOptions(outer)),
          expected
        )
        assert.deepStrictEqual(
          yield* SpeechRequest.withOptions(SpeechRequest.withOptions(current, inner), outer),
          expected
        )
        const streamed = currentStream.pipe(SpeechRequest.withOptions(inner), SpeechRequest.withOptions(outer))
        assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(streamed)), [expected])
        // An effect around a stream, and a stream that runs an effect.
        const around = Stream.runCollect(currentStream.pipe(SpeechRequest.withOptions(inner))).pipe(
          SpeechRequest.withOptions(outer)
        )
        assert.deepStrictEqual(Chunk.toReadonlyArray(yield* around), [expected])
        const within = SpeechRequest.withOptions(Stream.fromEffect(SpeechRequest.withOptions(current, inner)), outer)
        assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(within)), [expected])
      }),
    { fastCheck: { numRuns: 30 } }
  )

  it.effect("ends with its scope, and reaches fibers that are forked inside", () =>
    Effect.gen(function*() {
      const inside = yield* Effect.forEach([1, 2], () => current, { concurrency: 2 }).pipe(
        SpeechRequest.withOptions({ speed: 2 })
      )
      assert.deepStrictEqual(inside.map(({ speed }) => speed), [2, 2])
      assert.strictEqual((yield* current).speed, undefined)
    }))

  it.effect("does not change what comes after a stream", () =>
    Effect.gen(function*() {
      const both = Stream.concat(currentStream.pipe(SpeechRequest.withOptions({ speed: 2 })), currentStream)
      const speeds = Chunk.map(yield* Stream.runCollect(both), ({ speed }) => speed)
      assert.deepStrictEqual(Chunk.toReadonlyArray(speeds), [2, undefined])
    }))
})
