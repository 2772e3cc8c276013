import { SpeechError } from "@effect-smallest/core"
import { anyError } from "@effect-smallest/test-support/anyError"
import { assert, describe, it } from "@effect/vitest"
import {
  Arbitrary,
  Clock,
  Duration,
  Effect,
  Exit,
  FastCheck,
  Fiber,
  Option,
  Random,
  Ref,
  Schema,
  TestClock
} from "effect"

const at = { module: "WavesClient", method: "stream", description: "It broke" }

/** One of each, in the order of the union. */
const examples: ReadonlyArray<SpeechError.SpeechError> = [
  new SpeechError.InvalidSpeechRequest({ ...at, parameter: "speed" }),
  new SpeechError.InvalidApiKey(at),
  new SpeechError.AccessDenied(at),
  new SpeechError.NotEntitled(at),
  new SpeechError.QuotaExhausted(at),
  new SpeechError.UnknownVoice({ ...at, voice: "nobody", available: [] }),
  new SpeechError.ModelRetired({ ...at, model: "lightning" }),
  new SpeechError.RateLimited(at),
  new SpeechError.ServerFailure({ ...at, status: 503 }),
  new SpeechError.TransportFailure(at),
  new SpeechError.SpeechTimeout({ ...at, phase: "idle", after: Duration.seconds(10) }),
  new SpeechError.TruncatedAudio(at),
  new SpeechError.MalformedResponse(at),
  new SpeechError.EmptyAudio(at),
  new SpeechError.EngineFailure(at)
]

const toJson = (error: SpeechError.SpeechError): Record<string, unknown> =>
  JSON.parse(JSON.stringify(Schema.encodeSync(SpeechError.schema)(error)))

describe("SpeechError.schema", () => {
  it("has every class of the union", () => {
    assert.strictEqual(SpeechError.schema.members.length, examples.length)
    assert.deepStrictEqual(examples.map((error) => error._tag), SpeechError.schema.members.map((member) => member._tag))
  })

  it.prop(
    "an error crosses JSON and comes out as the same class with the same fields",
    { error: anyError },
    ({ error }) => {
      const json = toJson(error)
      const back = Schema.decodeUnknownSync(SpeechError.schema)(json)
      assert.strictEqual(back.constructor, error.constructor)
      assert.deepStrictEqual(toJson(back), json)
      assert.strictEqual(back.message, error.message)
      assert.strictEqual(back.isRetryable, error.isRetryable)
      assert.isTrue(SpeechError.isSpeechError(back))
      assert.instanceOf(back, Error)
    }
  )

  it("refuses what is not one of them", () => {
    const decode = Schema.decodeUnknownEither(SpeechError.schema)
    assert.strictEqual(decode({ _tag: "Nonsense", ...at })._tag, "Left")
    assert.strictEqual(decode({ _tag: "SpeechTimeout", ...at, phase: "never", after: 1 })._tag, "Left")
    assert.strictEqual(decode({ _tag: "EmptyAudio" })._tag, "Left")
  })
})

describe("SpeechError guards", () => {
  it("isSpeechError tells them from everything else", () => {
    for (const error of examples) assert.isTrue(SpeechError.isSpeechError(error))
    for (const other of [undefined, null, "text", {}, new Error("x"), { _tag: "EmptyAudio" }]) {
      assert.isFalse(SpeechError.isSpeechError(other))
    }
  })

  it("isRetryable is true exactly where the same request may succeed later", () => {
    assert.deepStrictEqual(examples.filter(SpeechError.isRetryable).map((error) => error._tag), [
      "RateLimited",
      "ServerFailure",
      "TransportFailure",
      "SpeechTimeout",
      "TruncatedAudio",
      "MalformedResponse",
      "EmptyAudio",
      "EngineFailure"
    ])
    const isStatusRetryable = (status?: number) => new SpeechError.ServerFailure({ ...at, status }).isRetryable
    assert.deepStrictEqual([undefined, 500, 502, 503, 599, 408, 409].map(isStatusRetryable), Array(7).fill(true))
    assert.deepStrictEqual([204, 301, 400, 404, 405, 418].map(isStatusRetryable), Array(6).fill(false))
  })

  it("the type id and the getters do not leak into JSON", () => {
    const json = JSON.stringify(new SpeechError.EmptyAudio(at))
    assert.notInclude(json, SpeechError.TypeId)
    assert.notInclude(json, "isRetryable")
  })
})

describe("SpeechError messages", () => {
  it.each<readonly [SpeechError.SpeechError, string]>([
    [
      new SpeechError.InvalidSpeechRequest({ ...at, description: "Bad speed", parameter: "speed" }),
      "Bad speed. Correct `speed` and try again."
    ],
    [
      new SpeechError.InvalidApiKey({ ...at, requestId: "r1" }),
      "It broke. Give the layer a valid API key (request r1)."
    ],
    [new SpeechError.NotEntitled(at), "It broke. Choose a model or feature of your plan, or upgrade it."],
    [new SpeechError.QuotaExhausted(at), "It broke. Add credits to the account."],
    [
      new SpeechError.UnknownVoice({ ...at, voice: "x", available: ["rms", "slt"] }),
      "It broke. Name one of these: rms, slt."
    ],
    [
      new SpeechError.UnknownVoice({ ...at, voice: "x", available: [] }),
      "It broke. List the voices with `SpeechSynthesizer.voices` and name one of them."
    ],
    [
      new SpeechError.RateLimited({ ...at, retryAfter: Duration.seconds(3) }),
      "It broke. Wait 3s and try again; `concurrency` must not exceed what the account allows."
    ],
    [
      new SpeechError.RateLimited(at),
      "It broke. Wait a moment and try again; `concurrency` must not exceed what the account allows."
    ],
    [
      new SpeechError.ServerFailure({ ...at, status: 404 }),
      "It broke. The server refused the request (status 404); check the request and the base URL."
    ],
    [new SpeechError.ServerFailure(at), "It broke. The server failed; try again shortly."],
    [
      new SpeechError.SpeechTimeout({
        ...at,
        phase: "firstAudio",
        after: Duration.seconds(1),
        description: "Too slow!"
      }),
      "Too slow! Try again, or raise `timeouts.firstAudio`."
    ]
  ])("%# says what to do", (error, message) => {
    assert.strictEqual(error.message, message)
  })

  it("each of them says what to do, in sentences", () => {
    for (const error of examples) assert.match(error.message, /^It broke\. [A-Z].+\.$/, error._tag)
  })
})

describe("SpeechError.withPosition", () => {
  it.prop(
    "adds the position and changes nothing else, in both call forms",
    { error: anyError, position: Arbitrary.make(SpeechError.Position) },
    ({ error, position }) => {
      const placed = SpeechError.withPosition(error, position)
      assert.strictEqual(placed.constructor, error.constructor)
      assert.deepStrictEqual(placed.position, position)
      assert.deepStrictEqual(toJson(placed), { ...toJson(error), position: JSON.parse(JSON.stringify(position)) })
      assert.deepStrictEqual(toJson(SpeechError.withPosition(position)(error)), toJson(placed))
    }
  )

  it("keeps the stack and the cause", () => {
    const cause = new Error("connect ECONNREFUSED")
    const error = new SpeechError.TransportFailure({ ...at, description: "No server", cause })
    const placed = SpeechError.withPosition(error, { segment: 1, textOffset: 2, samplesEmitted: 3 })
    assert.strictEqual(placed.stack, error.stack)
    assert.strictEqual(placed.cause, cause)
    assert.instanceOf(placed, SpeechError.TransportFailure)
  })

  it("an engine's own advice takes the place of the usual one", () => {
    const error = new SpeechError.InvalidApiKey({ ...at, description: "Unknown key", advice: "Set MY_KEY" })
    assert.strictEqual(error.message, "Unknown key. Set MY_KEY.")
  })
})

/** Fails with each error in turn, the last one for ever, and tells when each attempt began, in milliseconds. */
const attempts = (errors: ReadonlyArray<SpeechError.SpeechError>, options?: SpeechError.RetryOptions) =>
  Effect.gen(function*() {
    const times = yield* Ref.make<ReadonlyArray<number>>([])
    const attempt = Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const index = (yield* Ref.getAndUpdate(times, (times) => [...times, now])).length
      return yield* Effect.fail(errors[Math.min(index, errors.length - 1)] ?? new SpeechError.EmptyAudio(at))
    })
    const fiber = yield* Effect.fork(Effect.retry(attempt, SpeechError.retrySchedule(options)))
    yield* TestClock.adjust("1 day")
    const exit = yield* Fiber.await(fiber)
    return { exit, times: yield* Ref.get(times) }
  })

const delays = (times: ReadonlyArray<number>): ReadonlyArray<number> =>
  times.slice(1).map((time, i) => time - (times[i] ?? 0))

// The jitter of a random 0.5 is none.
const withoutJitter = Effect.withRandomFixed([0.5])

describe("SpeechError.retrySchedule", () => {
  it.effect("by default three retries after 0.5, 1 and 2 seconds, then the last error", () =>
    Effect.gen(function*() {
      const last = new SpeechError.EmptyAudio(at)
      const { exit, times } = yield* attempts([
        new SpeechError.TransportFailure(at),
        new SpeechError.ServerFailure(at),
        new SpeechError.TruncatedAudio(at),
        last
      ]).pipe(withoutJitter)
      assert.deepStrictEqual(delays(times), [500, 1000, 2000])
      assert.deepStrictEqual(exit, Exit.fail(last))
    }))

  it.effect("doubles up to `maxDelay`, `maxRetries` times", () =>
    Effect.gen(function*() {
      const { times } = yield* attempts([new SpeechError.EmptyAudio(at)], {
        maxRetries: 6,
        baseDelay: "100 millis",
        maxDelay: "1 second"
      }).pipe(withoutJitter)
      assert.deepStrictEqual(delays(times), [100, 200, 400, 800, 1000, 1000])
    }))

  it.effect.prop(
    "jitter stays within 20 %, and `maxDelay` is never exceeded",
    { seed: FastCheck.integer() },
    ({ seed }) =>
      Effect.gen(function*() {
        const { times } = yield* attempts([new SpeechError.EmptyAudio(at)], { maxRetries: 8 }).pipe(
          Effect.withRandom(Random.make(seed))
        )
        delays(times).forEach((delay, i) => {
          const plain = 500 * 2 ** i
          assert.isAtLeast(delay, Math.min(plain * 0.8, 30_000) - 0.001)
          assert.isAtMost(delay, Math.min(plain * 1.2, 30_000) + 0.001)
        })
        assert.strictEqual(times.length, 9)
      }),
    { fastCheck: { numRuns: 30 } }
  )

  it.effect("jitter is real: two seeds wait differently", () =>
    Effect.gen(function*() {
      const withSeed = (seed: number) =>
        Effect.map(
          attempts([new SpeechError.EmptyAudio(at)]).pipe(Effect.withRandom(Random.make(seed))),
          ({ times }) => delays(times)
        )
      assert.notDeepEqual(yield* withSeed(1), yield* withSeed(2))
    }))

  it.effect("retryAfter is a floor, beyond `maxDelay` too, and no more than a floor", () =>
    Effect.gen(function*() {
      const limited = (retryAfter: Duration.DurationInput) =>
        new SpeechError.RateLimited({ ...at, retryAfter: Duration.decode(retryAfter) })
      const { times } = yield* attempts([limited("7 seconds"), limited("10 millis"), limited("1 minute")]).pipe(
        withoutJitter
      )
      assert.deepStrictEqual(delays(times), [7000, 1000, 60_000])
    }))

  it.effect("what cannot succeed is not retried, not even after something that could", () =>
    Effect.gen(function*() {
      for (const error of examples.filter((error) => !error.isRetryable)) {
        const { exit, times } = yield* attempts([error])
        assert.strictEqual(times.length, 1)
        assert.deepStrictEqual(exit, Exit.fail(error))
      }
      const { times } = yield* attempts([new SpeechError.EmptyAudio(at), new SpeechError.InvalidApiKey(at)])
      assert.strictEqual(times.length, 2)
    }))

  it.effect("no retries when there should be none; success ends at once", () =>
    Effect.gen(function*() {
      const { times } = yield* attempts([new SpeechError.EmptyAudio(at)], { maxRetries: 0 })
      assert.strictEqual(times.length, 1)
      const one = yield* Effect.retry(Effect.succeed(1), SpeechError.retrySchedule())
      assert.strictEqual(one, 1)
    }))

  it.effect("its output is the error that is retried, so that a program can tell", () =>
    Effect.gen(function*() {
      const told = yield* Ref.make<ReadonlyArray<string>>([])
      const error = new SpeechError.EmptyAudio(at)
      const fiber = yield* Effect.fork(
        Effect.fail(error).pipe(
          Effect.retryOrElse(
            SpeechError.retrySchedule({ maxRetries: 2 }),
            (last, output) =>
              Ref.update(told, (all) => [...all, last._tag, Option.getOrThrow(Option.fromNullable(output))._tag])
          )
        )
      )
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* Ref.get(told), ["EmptyAudio", "EmptyAudio"])
    }))
})
