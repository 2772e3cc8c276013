import { SpeechError } from "@effect-smallest/core"
import { type Answer, type Exchange, fakeHttp, json } from "@effect-smallest/test-support/fakeHttp"
import { WavesClient, WavesVoices } from "@effect-smallest/waves"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Redacted, TestClock } from "effect"

const setUp = (
  handle: (exchange: Exchange, index: number) => Effect.Effect<Answer>,
  options?: WavesVoices.Options
) => {
  const { exchanges, layer } = fakeHttp(handle)
  const Voices = WavesVoices.layer(options).pipe(
    Layer.provide(WavesClient.layer({ apiKey: Redacted.make("sk_test"), baseUrl: "https://speech.example" })),
    Layer.provide(layer)
  )
  return { exchanges, Voices }
}

const answer = (...ids: ReadonlyArray<string>) => json(200, { voices: ids.map((voiceId) => ({ voiceId })) })

const idsOf = Effect.map((voices: ReadonlyArray<WavesVoices.WavesVoice>) => voices.map(({ id }) => id))

const pro = WavesVoices.ofModel("lightning_v3.1_pro")

describe("WavesVoices", () => {
  it.effect("lists are kept for an hour, for each model", () => {
    const { exchanges, Voices } = setUp((_, i) => Effect.succeed(answer(`voice${i}`)))
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* idsOf(pro), ["voice0"])
      assert.deepStrictEqual(yield* idsOf(WavesVoices.ofModel("lightning_v3.1")), ["voice1"])
      yield* TestClock.adjust("59 minutes")
      assert.deepStrictEqual(yield* idsOf(pro), ["voice0"])
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* idsOf(pro), ["voice2"])
      yield* WavesVoices.refresh
      assert.deepStrictEqual(yield* idsOf(pro), ["voice3"])
      assert.deepStrictEqual(exchanges.map(({ request }) => request.url), [
        "https://speech.example/waves/v1/lightning-v3.1-pro/get_voices",
        "https://speech.example/waves/v1/lightning-v3.1/get_voices",
        "https://speech.example/waves/v1/lightning-v3.1-pro/get_voices",
        "https://speech.example/waves/v1/lightning-v3.1-pro/get_voices"
      ])
    }).pipe(Effect.provide(Voices))
  })

  it.effect("timeToLive - is an option", () => {
    const { exchanges, Voices } = setUp(() => Effect.succeed(answer("a")), { timeToLive: "1 second" })
    return Effect.gen(function*() {
      yield* pro
      yield* TestClock.adjust("2 seconds")
      yield* pro
      assert.strictEqual(exchanges.length, 2)
    }).pipe(Effect.provide(Voices))
  })

  it.effect("failures - are not kept", () => {
    const { Voices } = setUp((_, i) => Effect.succeed(i === 0 ? json(503, { error: "busy" }) : answer("a")))
    return Effect.gen(function*() {
      const error = yield* Effect.flip(pro)
      assert.deepInclude(error, { _tag: "ServerFailure", module: "WavesVoices", method: "ofModel", status: 503 })
      assert.deepStrictEqual(yield* idsOf(pro), ["a"])
    }).pipe(Effect.provide(Voices))
  })

  it.effect("many who ask at once - share one request", () => {
    const gate = Effect.runSync(Deferred.make<void>())
    const { exchanges, Voices } = setUp(() => Effect.as(Deferred.await(gate), answer("a")))
    return Effect.gen(function*() {
      const all = yield* Effect.fork(Effect.all(Array.from({ length: 5 }, () => idsOf(pro)), { concurrency: 5 }))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(all), Array.from({ length: 5 }, () => ["a"]))
      assert.strictEqual(exchanges.length, 1)
    }).pipe(Effect.provide(Voices))
  })

  it.effect("whoever asked first is interrupted - the others get their answer", () => {
    const arrived = Effect.runSync(Deferred.make<void>())
    const { exchanges, Voices } = setUp((_, i) =>
      i === 0 ? Effect.zipRight(Deferred.succeed(arrived, undefined), Effect.never) : Effect.succeed(answer("a"))
    )
    return Effect.gen(function*() {
      const first = yield* Effect.fork(pro)
      yield* Deferred.await(arrived)
      const others = yield* Effect.fork(Effect.all([idsOf(pro), idsOf(pro)], { concurrency: 2 }))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* Fiber.join(others), [["a"], ["a"]])
      assert.strictEqual(exchanges.length, 2)
      assert.isFalse(exchanges[0]?.isOpen)
    }).pipe(Effect.provide(Voices))
  })

  it.effect("list - joins the models with the catalogue, and a retired model has no voices", () => {
    const { Voices } = setUp(({ request: { url } }) =>
      Effect.succeed(
        url.includes("v3.1-pro")
          ? json(200, { voices: [{ voiceId: "maya", displayName: "Maya", tags: { language: ["Hindi"] } }] })
          : url.includes("v3.1/")
          ? json(410, { error_code: "MODEL_DEPRECATED", message: "This model is retired." })
          : url.includes("v4/")
          ? answer("brannock")
          : json(200, {
            voices: [
              { voiceId: "maya", description: "calm", audioPreview: "https://x/maya.wav" },
              { voiceId: "new", displayName: "New" }
            ]
          })
      )
    )
    return Effect.gen(function*() {
      const common = { emotions: [], useCases: [] }
      assert.deepStrictEqual(yield* WavesVoices.list(), [
        {
          ...common,
          id: "maya",
          name: "Maya",
          languages: ["hi"],
          models: ["lightning_v3.1_pro"],
          description: "calm",
          previewUrl: "https://x/maya.wav"
        },
        { ...common, id: "brannock", name: "brannock", languages: [], models: ["lightning_v4"] },
        { ...common, id: "new", name: "New", languages: [], models: [] }
      ])
      assert.deepStrictEqual(yield* idsOf(WavesVoices.list({ language: "hi" })), ["maya"])
      assert.deepInclude(yield* Effect.flip(WavesVoices.ofModel("lightning_v3.1")), {
        _tag: "ModelRetired",
        model: "lightning_v3.1"
      })
    }).pipe(Effect.provide(Voices))
  })

  it.effect.each([400, 403, 404, 410])("a model refused with %d - is left out and named, unless all are", (status) => {
    const issue = [{ code: "invalid_enum_value", path: ["model"], message: "Invalid enum value." }]
    const refusal = json(status, { error: status === 400 ? issue : "refused" })
    const isAll = { now: false }
    const { Voices } = setUp(({ request: { url } }) =>
      Effect.succeed(isAll.now || url.includes("v3.1/") ? refusal : answer("maya"))
    )
    return Effect.gen(function*() {
      const { unavailable, voices } = yield* WavesVoices.listing()
      assert.deepStrictEqual(voices.map(({ id, models }) => [id, ...models]), [
        ["maya", "lightning_v3.1_pro"],
        ["maya", "lightning_v4"]
      ])
      assert.deepStrictEqual(unavailable.map(({ model }) => model), ["lightning_v3.1"])
      assert.match(unavailable[0]?.error.message ?? "", /Use lightning_v3\.1_pro/)
      assert.deepStrictEqual(yield* idsOf(WavesVoices.list()), ["maya", "maya"])
      isAll.now = true
      yield* WavesVoices.refresh
      assert.isTrue(SpeechError.isSpeechError(yield* Effect.flip(WavesVoices.list())))
    }).pipe(Effect.provide(Voices))
  })

  it.effect.each([401, 429, 503])("a list that fails with %d - fails the whole", (status) => {
    const { Voices } = setUp(({ request: { url } }) =>
      Effect.succeed(url.includes("v3.1/") ? json(status, { error: "no" }) : answer("maya"))
    )
    return Effect.map(Effect.exit(WavesVoices.list()), (exit) => assert.isTrue(Exit.isFailure(exit))).pipe(
      Effect.provide(Voices)
    )
  })

  it.effect("an answer that is late - is a timeout of the phase answer", () => {
    const { exchanges, Voices } = setUp(() => Effect.never)
    return Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.flip(WavesVoices.catalogue))
      yield* TestClock.adjust("30 seconds")
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error, { _tag: "SpeechTimeout", phase: "answer", method: "catalogue" })
      assert.isTrue(SpeechError.isRetryable(error))
      assert.isFalse(exchanges[0]?.isOpen)
    }).pipe(Effect.provide(Voices))
  })

  it.effect.each<readonly [string, unknown]>([
    ["no list", { voices: "none" }],
    ["voices without ids", { voices: [{ displayName: "Maya" }] }],
    ["null", null]
  ])("%s - is a MalformedResponse", ([, body]) => {
    const { Voices } = setUp(() => Effect.succeed(json(200, body)))
    return Effect.map(Effect.flip(pro), ({ _tag }) => assert.strictEqual(_tag, "MalformedResponse")).pipe(
      Effect.provide(Voices)
    )
  })
})
