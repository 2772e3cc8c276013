import { Pcm, SpeechEngine, SpeechError, SpeechSynthesizer } from "@effect-smallest/core"
import {
  type Answer,
  audioEvent,
  doneEvent,
  emptyEvent,
  eventStream,
  type Exchange,
  fakeHttp,
  json,
  keepAlive,
  timed
} from "@effect-smallest/test-support/fakeHttp"
import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { Headers, HttpClientError } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Chunk,
  ConfigProvider,
  Deferred,
  Duration,
  Effect,
  Either,
  Encoding,
  Exit,
  Fiber,
  Layer,
  Option,
  Redacted,
  Ref,
  Stream,
  TestClock
} from "effect"

const body = { text: "Hi.", voice_id: "meher", model: "lightning_v3.1_pro", sample_rate: 8000 }

type Handler = (exchange: Exchange, index: number) => Effect.Effect<Answer, HttpClientError.HttpClientError>

const setUp = (handle: Handler, options: Partial<WavesClient.Options> = {}) => {
  const { exchanges, layer } = fakeHttp(handle)
  return Effect.map(
    WavesClient.make({ apiKey: Redacted.make("sk_test"), ...options }).pipe(Effect.provide(layer)),
    (client) => ({ client, exchanges })
  )
}

const answer = (stream: Answer["body"]): Handler => () => Effect.succeed(eventStream(stream))

/** Listens to the end: how many bytes came, when in milliseconds, and how it ended. */
const listen = (client: WavesClient.Service, request: typeof body = body) =>
  Effect.gen(function*() {
    let bytes = 0
    const times: Array<number> = []
    const result = yield* Stream.unwrapScoped(Effect.map(client.stream(request), (audio) => audio.bytes)).pipe(
      Stream.runForEach((piece) =>
        Effect.map(TestClock.currentTimeMillis, (now) => {
          bytes += piece.length
          times.push(now)
        })
      ),
      Effect.exit
    )
    const error = Exit.isFailure(result) ? Option.getOrUndefined(Cause.failureOption(result.cause)) : undefined
    return { bytes, times, result, error, end: yield* TestClock.currentTimeMillis }
  })

/** Runs an effect while an hour passes. */
const inAnHour = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("1 hour")
    assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)), "it hangs")
    return yield* Fiber.join(fiber)
  })

const settle = Effect.repeatN(Effect.yieldNow(), 100)

const timeoutOf = (error: SpeechError.SpeechError | undefined) =>
  error?._tag === "SpeechTimeout" ? [error.phase, Duration.toMillis(error.after)] : error?._tag

const refusals = [
  [200, "MalformedResponse"],
  [401, "InvalidApiKey"],
  [402, "QuotaExhausted"],
  [500, "ServerFailure"]
] as const

describe("WavesClient.stream", () => {
  it.effect("sends what it was given, with the key as a bearer token and no trace ids", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp(answer(timed([0, audioEvent(4)], [0, doneEvent])), {
        baseUrl: "https://speech.example/"
      })
      const { bytes, result } = yield* listen(client).pipe(Effect.withSpan("caller"))
      assert.isTrue(Exit.isSuccess(result))
      assert.strictEqual(bytes, 4)
      const [exchange] = exchanges
      assert.strictEqual(exchange?.request.method, "POST")
      assert.strictEqual(exchange?.request.url, "https://speech.example/waves/v1/tts/live")
      assert.deepStrictEqual(exchange?.json, body)
      const { authorization, ...headers } = exchange?.request.headers ?? Headers.empty
      assert.strictEqual(authorization, "Bearer sk_test")
      assert.deepInclude(headers, { accept: "text/event-stream", "x-source": "effect-smallest" })
      assert.deepStrictEqual(Object.keys(headers).filter((name) => /trace|b3/.test(name)), [])
    }))

  it.effect("connect - a server that does not answer", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp(() => Effect.never)
      const { end, error } = yield* inAnHour(listen(client))
      assert.deepStrictEqual(timeoutOf(error), ["connect", 10_000])
      assert.strictEqual(end, 10_000)
      assert.isFalse(exchanges[0]?.isOpen)
    }))

  it.effect("a refusal whose text never ends, or breaks - is the refusal that its status says, soon", () =>
    Effect.gen(function*() {
      for (const text of [Stream.never, Stream.concat(Stream.make(new TextEncoder().encode("{\"err")), Stream.never)]) {
        for (const [status, tag] of refusals) {
          const { client, exchanges } = yield* setUp(() => Effect.succeed({ ...json(status, {}), body: text }))
          const start = yield* TestClock.currentTimeMillis
          const { end, error } = yield* inAnHour(listen(client))
          assert.strictEqual(error?._tag, tag)
          assert.strictEqual((end ?? Infinity) - start, 2000)
          assert.isFalse(exchanges[0]?.isOpen)
        }
      }
    }))

  it.effect("a refusal whose text is endless - is read to 64 kB and dropped", () =>
    Effect.gen(function*() {
      let sent = 0
      const endless = Stream.repeatEffect(Effect.sync(() => {
        sent += 10_000
        return new Uint8Array(10_000).fill(0x78)
      }))
      const { client, exchanges } = yield* setUp(() => Effect.succeed({ ...json(401, {}), body: endless }))
      const { error } = yield* inAnHour(listen(client))
      assert.strictEqual(error?._tag, "InvalidApiKey")
      assert.isAtMost(sent, 200_000)
      assert.isAtMost(error?.message.length ?? Infinity, 500)
      assert.isFalse(exchanges[0]?.isOpen)
    }))

  it.effect("an endless answer - is dropped when it is more than the text can be", () =>
    Effect.gen(function*() {
      let sent = 0
      const endless = (bytes: () => Uint8Array) =>
        Stream.repeatEffect(Effect.sync(() => {
          sent += 1
          return bytes()
        }))
      const streamed = yield* setUp(() => Effect.succeed(eventStream(endless(() => audioEvent(100_000)))))
      const heard = yield* inAnHour(listen(streamed.client))
      assert.strictEqual(heard.error?._tag, "MalformedResponse")
      assert.isFalse(streamed.exchanges[0]?.isOpen)
      assert.isBelow(sent, 300)
    }))

  it.effect("a wait that is absurdly long - is not waited for, and leaves the permit to others", () =>
    Effect.gen(function*() {
      const { client } = yield* setUp((exchange, index) =>
        index === 0
          ? Effect.succeed({ ...json(429, {}), headers: { "retry-after": "99999999" } })
          : answer(timed([10, audioEvent(4)], [10, doneEvent]))(exchange, index)
      )
      const error = yield* Effect.flip(
        Effect.retry(Effect.scoped(client.stream(body)), SpeechError.retrySchedule({ maxRetries: 5 }))
      )
      assert.strictEqual(error._tag, "RateLimited")
      assert.strictEqual((yield* inAnHour(listen(client))).error, undefined)
    }))

  it.effect("firstAudio - counts from the sending; keep-alives and empty pieces do not", () =>
    Effect.gen(function*() {
      const chatter = Stream.forever(timed([1000, keepAlive], [1000, emptyEvent]))
      const { client, exchanges } = yield* setUp(() => Effect.delay(Effect.succeed(eventStream(chatter)), "4 seconds"))
      const { bytes, end, error } = yield* inAnHour(listen(client))
      assert.deepStrictEqual(timeoutOf(error), ["firstAudio", 15_000])
      assert.strictEqual(end, 15_000)
      assert.strictEqual(bytes, 0)
      assert.isFalse(exchanges[0]?.isOpen)
    }))

  it.effect("idle - after the last audio, which is heard; keep-alives and empty pieces do not count", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp(answer(Stream.concat(
        timed([1000, audioEvent(4)], [1000, audioEvent(4)]),
        Stream.forever(timed([1000, keepAlive], [1000, emptyEvent]))
      )))
      const { bytes, end, error, times } = yield* inAnHour(listen(client))
      assert.deepStrictEqual(timeoutOf(error), ["idle", 10_000])
      assert.deepStrictEqual(times, [1000, 2000])
      assert.strictEqual(bytes, 8)
      assert.strictEqual(end, 12_000)
      assert.isFalse(exchanges[0]?.isOpen)
    }))

  it.effect("audio that comes slowly, but comes, is no timeout", () =>
    Effect.gen(function*() {
      const { client } = yield* setUp(answer(timed(
        [14_900, audioEvent(4)],
        ...Array.from({ length: 20 }, () => [9900, audioEvent(4)] as const),
        [9900, doneEvent]
      )))
      const { bytes, result } = yield* inAnHour(listen(client))
      assert.isTrue(Exit.isSuccess(result))
      assert.strictEqual(bytes, 84)
    }))

  it.effect("limits are options, and infinity is none", () =>
    Effect.gen(function*() {
      const slow = timed([60_000, audioEvent(4)], [600_000, audioEvent(4)], [600_000, doneEvent])
      const handle: Handler = () => Effect.delay(Effect.succeed(eventStream(slow)), "1 minute")
      const infinite = yield* setUp(handle, {
        timeouts: { connect: Duration.infinity, firstAudio: Duration.infinity, idle: Duration.infinity }
      })
      assert.strictEqual((yield* inAnHour(listen(infinite.client))).bytes, 8)
      const strict = yield* setUp(answer(slow), { timeouts: { firstAudio: "2 minutes", idle: "5 seconds" } })
      assert.deepStrictEqual(timeoutOf((yield* inAnHour(listen(strict.client))).error), ["idle", 5000])
      const quick = yield* setUp(handle, { timeouts: { connect: "1 second" } })
      assert.deepStrictEqual(timeoutOf((yield* inAnHour(listen(quick.client))).error), ["connect", 1000])
    }))

  it.effect("the end mark ends it; a connection that lingers is closed", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp(
        answer(Stream.concat(timed([0, audioEvent(4)], [0, doneEvent]), Stream.never))
      )
      const { end, result } = yield* inAnHour(listen(client))
      assert.isTrue(Exit.isSuccess(result))
      assert.isAtMost(end, 20)
      assert.isFalse(exchanges[0]?.isOpen)
    }))

  it.effect.each<readonly [string, Answer["body"], string, number]>([
    ["no end mark", timed([0, audioEvent(4)]), "TruncatedAudio", 4],
    ["nothing at all", Stream.empty, "TruncatedAudio", 0],
    ["a cut inside an event", timed([0, audioEvent(4)], [0, audioEvent(900).subarray(0, 700)]), "TruncatedAudio", 4],
    ["an end without audio", timed([0, emptyEvent], [0, doneEvent]), "EmptyAudio", 0],
    [
      "an error in the stream",
      timed([0, audioEvent(4)], [
        0,
        new TextEncoder().encode(`data: {"status":"error","message":"synthesis failed"}\n\n`)
      ]),
      "ServerFailure",
      4
    ],
    ["a web page", timed([0, new TextEncoder().encode("<html></html>\n")]), "MalformedResponse", 0],
    ["nonsense", timed([0, audioEvent(4)], [0, new TextEncoder().encode("data: nonsense\n\n")]), "MalformedResponse", 4]
  ])("%s is a failure, after the audio before it", ([, stream, tag, heard]) =>
    Effect.gen(function*() {
      const { client } = yield* setUp(() => Effect.succeed(eventStream(stream, { "x-request-id": "r1" })))
      const { bytes, error } = yield* inAnHour(listen(client))
      assert.strictEqual(error?._tag, tag)
      assert.strictEqual(error?.requestId, "r1")
      assert.strictEqual(error?.module, "WavesClient")
      assert.strictEqual(error?.method, "stream")
      assert.strictEqual(bytes, heard)
    }))

  it.effect("JSON under status 200 is no audio", () =>
    Effect.gen(function*() {
      const { client } = yield* setUp(() => Effect.succeed(json(200, { message: "please log in" })))
      const { error } = yield* inAnHour(listen(client))
      assert.strictEqual(error?._tag, "MalformedResponse")
      assert.match(error?.message ?? "", /JSON instead of audio: please log in/)
    }))

  it.effect("a break in the middle cuts the audio; a defect is not swallowed", () =>
    Effect.gen(function*() {
      const broken = yield* setUp((exchange) =>
        Effect.succeed(eventStream(Stream.concat(
          timed([0, audioEvent(4)]),
          Stream.fail(
            new HttpClientError.RequestError({
              request: exchange.request,
              reason: "Transport",
              cause: new Error("reset")
            })
          )
        )))
      )
      assert.strictEqual((yield* inAnHour(listen(broken.client))).error?._tag, "TransportFailure")
      const dying = yield* setUp(answer(Stream.concat(timed([0, audioEvent(4)]), Stream.die("boom"))))
      const { bytes, result } = yield* inAnHour(listen(dying.client))
      assert.isTrue(Exit.isFailure(result) && Cause.isDie(result.cause))
      assert.strictEqual(bytes, 4)
    }))

  it.effect.each(["while it connects", "while it reads", "while it waits for a permit"])(
    "interruption %s closes the connection and frees the permit",
    (when) =>
      Effect.gen(function*() {
        const { client, exchanges } = yield* setUp((_, index) =>
          index === 0 && when !== "while it reads"
            ? Effect.never
            : Effect.succeed(eventStream(
              index === 0
                ? Stream.concat(timed([0, audioEvent(4)]), Stream.never)
                : timed([0, audioEvent(4)], [0, doneEvent])
            ))
        )
        const first = yield* Effect.fork(listen(client))
        yield* settle
        if (when === "while it waits for a permit") {
          const waiting = yield* Effect.fork(listen(client))
          yield* settle
          yield* Fiber.interrupt(waiting)
          assert.strictEqual(exchanges.length, 1)
        }
        yield* Fiber.interrupt(first)
        assert.isFalse(exchanges[0]?.isOpen)
        assert.strictEqual((yield* inAnHour(listen(client))).bytes, 4)
      })
  )
})

describe("WavesClient permits", () => {
  const spoken = timed([1000, audioEvent(1600)], [1000, audioEvent(1600)], [1000, doneEvent])

  it.effect("by default one request at a time; `concurrency` allows more", () =>
    Effect.gen(function*() {
      const run = (concurrency: number | undefined) =>
        Effect.gen(function*() {
          let running = 0
          let most = 0
          const counted = spoken.pipe(
            Stream.onStart(Effect.sync(() => void (most = Math.max(most, ++running)))),
            Stream.ensuring(Effect.sync(() => void running--))
          )
          const { client } = yield* setUp(answer(counted), { concurrency })
          const results = yield* inAnHour(
            Effect.all(Array.from({ length: 6 }, () => listen(client)), { concurrency: "unbounded" })
          )
          assert.deepStrictEqual(results.map(({ bytes }) => bytes), Array(6).fill(3200))
          return most
        })
      assert.strictEqual(yield* run(undefined), 1)
      assert.strictEqual(yield* run(3), 3)
    }))

  it.effect("waiting for one has a limit of its own, and the other clocks start after it", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp((_, index) =>
        index === 0
          ? Effect.succeed(eventStream(Stream.concat(
            timed(...Array.from({ length: 12 }, () => [9000, audioEvent(4)] as const)),
            timed([2000, doneEvent])
          )))
          : Effect.delay(Effect.succeed(eventStream(timed([4000, audioEvent(4)], [0, doneEvent]))), "9 seconds")
      )
      const first = yield* Effect.fork(listen(client)) // speaks for 110 seconds
      yield* settle
      const patient = yield* Effect.fork(listen(client)) // waits 110 seconds, then 9 for an answer, then 4 for audio
      yield* settle
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Fiber.join(first)).bytes, 48)
      const { bytes, end } = yield* Fiber.join(patient)
      assert.strictEqual(bytes, 4)
      assert.strictEqual(end, 123_000)
      assert.strictEqual(exchanges.length, 2)
    }))

  it.effect("permit - a timeout says so, and takes nothing", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp(
        answer(Stream.concat(timed([0, audioEvent(4)]), Stream.forever(timed([5000, audioEvent(4)])))),
        { timeouts: { permit: "30 seconds" } }
      )
      const first = yield* Effect.fork(listen(client))
      yield* settle
      const second = yield* Effect.fork(listen(client))
      yield* TestClock.adjust("5 minutes")
      const { end, error } = yield* Fiber.join(second)
      assert.deepStrictEqual(timeoutOf(error), ["permit", 30_000])
      assert.strictEqual(end, 30_000)
      assert.strictEqual(exchanges.length, 1)
      yield* Fiber.interrupt(first)
      const third = yield* Effect.fork(listen(client))
      yield* settle
      assert.strictEqual(exchanges.length, 2)
      yield* Fiber.interrupt(third)
    }))

  it.effect("is free once the answer is read, however long the listener pauses", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp(answer(spoken))
      const go = yield* Deferred.make<void>()
      const heard = yield* Ref.make(0)
      const paused = yield* Effect.fork(
        Stream.unwrapScoped(Effect.map(client.stream(body), (audio) => audio.bytes)).pipe(
          Stream.runForEach((bytes) => Effect.zipRight(Ref.update(heard, (n) => n + bytes.length), Deferred.await(go)))
        )
      )
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Ref.get(heard), 1600)
      assert.isFalse(exchanges[0]?.isOpen)
      assert.strictEqual((yield* inAnHour(listen(client))).bytes, 3200)
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(paused)
      assert.strictEqual(yield* Ref.get(heard), 3200)
    }))

  it.effect("a listener that pauses beyond the buffer slows the server down, without a timeout", () =>
    Effect.gen(function*() {
      const pulled = yield* Ref.make(0)
      // A minute of audio in pieces of a second, as fast as it is read; 3 seconds are read ahead.
      const long = Stream.concat(
        Stream.repeatEffect(Effect.as(Ref.update(pulled, (n) => n + 1), audioEvent(16_000))).pipe(
          Stream.take(60),
          Stream.rechunk(1)
        ),
        Stream.make(doneEvent)
      )
      const { client } = yield* setUp(answer(long), { bufferDuration: "3 seconds" })
      const steps = yield* Deferred.make<void>()
      const heard = yield* Ref.make(0)
      const paused = yield* Effect.fork(
        Stream.unwrapScoped(
          Effect.map(client.stream({ ...body, text: "A long one. ".repeat(10) }), (audio) => audio.bytes)
        ).pipe(
          Stream.runForEach((bytes) =>
            Effect.zipRight(Ref.update(heard, (n) => n + bytes.length), Deferred.await(steps))
          )
        )
      )
      yield* TestClock.adjust("1 hour")
      assert.isTrue(Option.isNone(yield* Fiber.poll(paused)))
      assert.isAtMost(yield* Ref.get(pulled), 6)
      yield* Deferred.succeed(steps, undefined)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(paused)
      assert.strictEqual(yield* Ref.get(heard), 60 * 16_000)
    }))

  it.effect("after such a pause the idle limit counts anew", () =>
    Effect.gen(function*() {
      const { client } = yield* setUp(
        answer(
          Stream.concat(timed([0, audioEvent(16_000)], [0, audioEvent(16_000)], [0, audioEvent(16_000)]), Stream.never)
        ),
        {
          bufferDuration: "1 second"
        }
      )
      const go = yield* Deferred.make<void>()
      const listening = yield* Effect.fork(
        Stream.unwrapScoped(Effect.map(client.stream(body), (audio) => audio.bytes)).pipe(
          Stream.tap(() => Deferred.await(go)),
          Stream.runDrain,
          Effect.either
        )
      )
      yield* TestClock.adjust("25 minutes")
      yield* TestClock.adjust("3 seconds")
      yield* Deferred.succeed(go, undefined)
      yield* settle
      yield* TestClock.adjust("9999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(listening)))
      yield* TestClock.adjust("1 millis")
      const result = yield* Fiber.join(listening)
      assert.deepStrictEqual(timeoutOf(Either.isLeft(result) ? result.left : undefined), ["idle", 10_000])
    }))

  it.effect("two streams, one of them paused for ever: the other one goes on", () =>
    Effect.gen(function*() {
      const { client } = yield* setUp(answer(spoken))
      const paused = yield* Effect.fork(
        Stream.unwrapScoped(Effect.map(client.stream(body), (audio) => audio.bytes)).pipe(
          Stream.runForEach(() => Effect.never)
        )
      )
      const results = yield* inAnHour(Effect.forEach([1, 2, 3], () => listen(client)))
      assert.deepStrictEqual(results.map(({ bytes }) => bytes), [3200, 3200, 3200])
      yield* Fiber.interrupt(paused)
    }))

  it.effect("a listener that pauses before a failure after sound holds none either", () =>
    Effect.gen(function*() {
      const { client } = yield* setUp((_, index) =>
        Effect.succeed(eventStream(index === 0 ? timed([0, audioEvent(1600)], [0, audioEvent(1600)]) : spoken))
      )
      const speech = yield* WavesSpeechSynthesizer.make({ sampleRate: 8000 }).pipe(
        Effect.provideService(WavesClient.WavesClient, client)
      )
      const retrying = yield* Effect.provide(
        SpeechSynthesizer.SpeechSynthesizer,
        SpeechSynthesizer.layerRetry(Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, speech))
      )
      const paused = yield* Effect.fork(Stream.runForEach(retrying.stream({ text: "Hi." }), () => Effect.never))
      yield* settle
      assert.strictEqual((yield* inAnHour(listen(client))).bytes, 3200)
      yield* Fiber.interrupt(paused)
    }))

  /** The texts of the requests, in the order in which they reached the server. */
  const order = (exchanges: ReadonlyArray<Exchange>) => exchanges.map(({ json }) => json["text"])

  const limited = json(429, { error: "Rate limit exceeded." }, { "retry-after": "5" })

  it.effect("is kept through the wait before a retry: nobody slips in", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp((_, index) =>
        Effect.succeed(index === 0 ? limited : eventStream(spoken))
      )
      const speech = yield* WavesSpeechSynthesizer.make({ sampleRate: 8000 }).pipe(
        Effect.provideService(WavesClient.WavesClient, client)
      )
      const retrying = yield* Effect.provide(
        SpeechSynthesizer.SpeechSynthesizer,
        SpeechSynthesizer.layerRetry(Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, speech))
      )
      const first = yield* Effect.fork(Stream.runCollect(retrying.stream({ text: "first" })))
      yield* settle
      const second = yield* Effect.fork(listen(client, { ...body, text: "second" }))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(Chunk.reduce(yield* Fiber.join(first), 0, (n, chunk) => n + Pcm.frames(chunk)), 1600)
      assert.strictEqual((yield* Fiber.join(second)).bytes, 3200)
      assert.deepStrictEqual(order(exchanges), ["first", "first", "second"])
    }))

  it.effect.each([1, 2])(
    "the head gets a 429 while the next is prefetched: nothing hangs with %s permits",
    (concurrency) =>
      Effect.gen(function*() {
        const attempts = new Map<unknown, number>()
        const { client, exchanges } = yield* setUp(
          ({ json }) =>
            Effect.sync(() => {
              const attempt = attempts.get(json["text"]) ?? 0
              attempts.set(json["text"], attempt + 1)
              return json["text"] === "0" && attempt < 2 ? limited : eventStream(spoken)
            }),
          { concurrency }
        )
        const stream = {}
        let head = 0
        const segment = (index: number) =>
          Effect.scoped(Effect.flatMap(
            SpeechEngine.makeLease({ stream, index, isHead: Effect.sync(() => index === head) }),
            (lease) =>
              Effect.flatMap(
                Effect.scoped(
                  Effect.flatMap(
                    client.stream({ ...body, text: String(index) }),
                    ({ bytes }) => Stream.runCollect(bytes)
                  )
                ).pipe(
                  Effect.retry(SpeechError.retrySchedule()),
                  Effect.provideService(SpeechEngine.CurrentSegmentLease, Option.some(lease))
                ),
                () => Effect.sync(() => void head++)
              )
          ))
        yield* inAnHour(Effect.forEach([0, 1, 2], segment, { concurrency: 2 }))
        assert.strictEqual(exchanges.length, 5)
        if (concurrency === 1) assert.deepStrictEqual(order(exchanges), ["0", "0", "0", "1", "2"])
      })
  )

  it.effect.each<readonly [string, Answer]>([
    ["429", limited],
    ["500", json(500, { error: "x" })],
    ["401", json(401, { error: "x" })],
    ["an end without audio", eventStream(timed([0, doneEvent]))],
    ["no end mark", eventStream(timed([0, audioEvent(4)]))],
    ["an answer that never comes", eventStream(Stream.never)]
  ])("comes back after %s", ([, response]) =>
    Effect.gen(function*() {
      const { client } = yield* setUp((_, index) => Effect.succeed(index === 0 ? response : eventStream(spoken)))
      assert.isDefined((yield* inAnHour(listen(client))).error)
      assert.strictEqual((yield* inAnHour(listen(client))).bytes, 3200)
    }))
})

describe("WavesClient.synthesize", () => {
  const wav = new Uint8Array(3200).fill(1)
  const whole = (stream: Answer["body"]): Handler => () =>
    Effect.succeed({ headers: { "content-type": "audio/wav" }, body: stream })

  const run = (effect: Effect.Effect<WavesClient.WavesAudio, SpeechError.SpeechError>) =>
    inAnHour(Effect.gen(function*() {
      const result = yield* Effect.either(effect)
      return {
        bytes: Either.isRight(result) ? result.right.bytes.length : undefined,
        error: Either.isLeft(result) ? result.left : undefined,
        end: yield* TestClock.currentTimeMillis
      }
    }))

  it.effect("gives the bytes of the answer, whatever its content type says", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp(whole(timed([0, wav.subarray(0, 7)], [0, wav.subarray(7)])))
      assert.strictEqual((yield* run(client.synthesize(body))).bytes, 3200)
      assert.strictEqual(exchanges[0]?.request.url, "https://api.smallest.ai/waves/v1/tts")
    }))

  it.effect("firstAudio - the longer the text and the slower the voice, the longer the limit", () =>
    Effect.gen(function*() {
      for (
        const [length, speed, limit] of [[15, 1, 16_000], [1500, 1, 115_000], [1500, 2, 65_000], [
          1500,
          0.5,
          215_000
        ]] as const
      ) {
        const { client } = yield* setUp(() => Effect.never)
        const { error } = yield* run(client.synthesize({ ...body, text: "x".repeat(length), speed }))
        assert.deepStrictEqual(timeoutOf(error), ["firstAudio", limit])
      }
    }))

  it.effect("an answer that takes longer than `connect` is no timeout: it begins when all audio is made", () =>
    Effect.gen(function*() {
      const { client } = yield* setUp((exchange, index) =>
        Effect.delay(whole(Stream.make(wav))(exchange, index), "14 seconds")
      )
      assert.strictEqual((yield* run(client.synthesize(body))).bytes, 3200)
    }))

  it.effect("idle - a body that stops", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp(whole(Stream.concat(timed([0, wav]), Stream.never)))
      const { end, error } = yield* run(client.synthesize(body))
      assert.deepStrictEqual(timeoutOf(error), ["idle", 10_000])
      assert.strictEqual(end, 10_000)
      assert.isFalse(exchanges[0]?.isOpen)
    }))

  it.effect("a refusal or a JSON answer whose text never ends - is what its status says", () =>
    Effect.gen(function*() {
      for (const [status, tag] of refusals) {
        const { client, exchanges } = yield* setUp(() => Effect.succeed({ ...json(status, {}), body: Stream.never }))
        assert.strictEqual((yield* run(client.synthesize(body))).error?._tag, tag)
        assert.isFalse(exchanges[0]?.isOpen)
      }
    }))

  it.effect("an endless answer - is dropped when it is more than the text can be", () =>
    Effect.gen(function*() {
      let sent = 0
      const endless = Stream.repeatEffect(Effect.sync(() => {
        sent += 1
        return new Uint8Array(100_000).fill(7)
      }))
      const collected = yield* setUp(whole(endless))
      assert.strictEqual((yield* run(collected.client.synthesize(body))).error?._tag, "MalformedResponse")
      assert.isFalse(collected.exchanges[0]?.isOpen)
      assert.isBelow(sent, 300)
    }))

  it.effect.each<readonly [string, string]>([
    ["a web page", "\ufeff<!doctype html><title>502 Bad Gateway</title>"],
    ["XML or HTML", "<?xml version=\"1.0\"?><Error>Denied</Error>"],
    ["text", "upstream connect error or disconnect"],
    ["text", "data: {\"audio\":\"AAAA\",\"done\":false}\n\n"],
    ["an MP3 file", `ID3\u0003${"\0".repeat(60)}`],
    ["an Ogg file", `OggS${"\0".repeat(60)}`]
  ])("%s is not audio, whatever type it has", ([kind, text]) =>
    Effect.gen(function*() {
      const bytes = new TextEncoder().encode(text)
      const { client } = yield* setUp(whole(Stream.make(bytes)))
      const error = (yield* run(client.synthesize(body))).error
      assert.strictEqual(error?._tag, "MalformedResponse")
      assert.include(error?.message, kind)
      const event = `data: ${JSON.stringify({ audio: Encoding.encodeBase64(bytes), done: false })}\n\n`
      const streamed = yield* setUp(() => Effect.succeed(eventStream(Stream.make(new TextEncoder().encode(event)))))
      const heard = yield* inAnHour(listen(streamed.client))
      assert.strictEqual(heard.error?._tag, "MalformedResponse")
      assert.strictEqual(heard.bytes, 0)
    }))

  it.effect("no bytes are no audio, JSON is no audio", () =>
    Effect.gen(function*() {
      const empty = yield* setUp(whole(Stream.empty))
      assert.strictEqual((yield* run(empty.client.synthesize(body))).error?._tag, "EmptyAudio")
      const wrong = yield* setUp(() => Effect.succeed(json(200, { error: "nope" })))
      assert.strictEqual((yield* run(wrong.client.synthesize(body))).error?._tag, "MalformedResponse")
    }))

  it.effect("shares its permits with streams", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp((exchange, index) =>
        exchange.request.url.endsWith("live")
          ? Effect.succeed(eventStream(timed([5000, audioEvent(4)], [5000, doneEvent])))
          : whole(Stream.make(wav))(exchange, index)
      )
      const stream = yield* Effect.fork(listen(client))
      yield* settle
      const { end } = yield* run(client.synthesize(body))
      assert.strictEqual(end, 10_000)
      assert.strictEqual((yield* Fiber.join(stream)).bytes, 4)
      assert.strictEqual(exchanges.length, 2)
    }))

  it.effect("lightningV1 goes to the host of its time, its model into the path", () =>
    Effect.gen(function*() {
      const { client, exchanges } = yield* setUp(whole(Stream.make(wav)))
      yield* client.lightningV1({
        text: "Hi.",
        sample_rate: 24000,
        voice_id: "emily",
        add_wav_header: true,
        speed: 1,
        model: "lightning/../x",
        transliterate: false,
        remove_extra_silence: true
      })
      assert.strictEqual(
        exchanges[0]?.request.url,
        "https://waves-api.smallest.ai/api/v1/lightning%2F..%2Fx/get_speech"
      )
    }))
})

describe("WavesClient.layerConfig", () => {
  const { exchanges, layer: http } = fakeHttp(answer(timed([0, audioEvent(4)], [0, doneEvent])))
  const build = (variables: Record<string, string>) =>
    WavesClient.WavesClient.pipe(
      Effect.provide(WavesClient.layerConfig().pipe(Layer.provide(http))),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
    )

  it.effect("a missing or empty key says what to do", () =>
    Effect.gen(function*() {
      for (const variables of [{}, { SMALLEST_API_KEY: "" }, { SMALLEST_API_KEY: "  " }]) {
        const error = yield* Effect.flip(build(variables))
        const message = Cause.pretty(Cause.fail(error))
        assert.match(message, /SMALLEST_API_KEY/)
        assert.match(message, /embedded voice/)
      }
    }))

  it.effect("the key is trimmed, the base URL is the environment's", () =>
    Effect.gen(function*() {
      const client = yield* build({ SMALLEST_API_KEY: " sk_padded\n", SMALLEST_BASE_URL: "http://localhost:9/" })
      yield* listen(client)
      const request = exchanges.at(-1)?.request
      assert.strictEqual(request?.headers["authorization"], "Bearer sk_padded")
      assert.strictEqual(request?.url, "http://localhost:9/waves/v1/tts/live")
    }))

  it.effect("a base URL may have the path of the API at its end, and one in front of it", () =>
    Effect.gen(function*() {
      const key = { SMALLEST_API_KEY: "sk_test" }
      for (
        const [baseUrl, host] of [
          ["http://localhost:9/waves/v1", "http://localhost:9"],
          ["http://localhost:9/waves/v1/tts/live/", "http://localhost:9"],
          ["https://proxy.example/speech/", "https://proxy.example/speech"]
        ]
      ) {
        yield* listen(yield* build({ ...key, SMALLEST_BASE_URL: baseUrl ?? "" }))
        assert.strictEqual(exchanges.at(-1)?.request.url, `${host}/waves/v1/tts/live`)
      }
    }))

  it.effect("a base URL or a key that cannot be is named, without the key", () =>
    Effect.gen(function*() {
      const message = (variables: Record<string, string>) =>
        Effect.map(Effect.flip(build(variables)), (error) => Cause.pretty(Cause.fail(error)))
      for (const baseUrl of ["localhost:9", "ftp://localhost", "api.smallest.ai", "http://x/?a=b", "nonsense"]) {
        assert.match(
          yield* message({ SMALLEST_API_KEY: "sk_test", SMALLEST_BASE_URL: baseUrl }),
          /SMALLEST_BASE_URL begins with http:\/\/ or https:\/\//
        )
      }
      for (const key of ["sk_se\ncret", "sk_se cret", "sk_secret…"]) {
        const said = yield* message({ SMALLEST_API_KEY: key })
        assert.match(said, /SMALLEST_API_KEY has a space, a line break/)
        assert.notInclude(said, "cret")
      }
    }))
})

describe("WavesSpeechSynthesizer", () => {
  const http = fakeHttp(answer(timed([0, audioEvent(3)], [0, audioEvent(5)], [0, doneEvent])))
  const speech = Effect.provide(
    SpeechSynthesizer.SpeechSynthesizer,
    WavesSpeechSynthesizer.layer().pipe(
      Layer.provide(WavesClient.layer({ apiKey: Redacted.make("sk_test") })),
      Layer.provide(http.layer)
    )
  )
  const count = () => http.exchanges.length

  it.effect("samples that the server cuts come out whole", () =>
    Effect.gen(function*() {
      const chunks = yield* inAnHour(Stream.runCollect((yield* speech).stream({ text: "Hi." })))
      assert.deepStrictEqual(Chunk.toReadonlyArray(Chunk.map(chunks, Pcm.frames)).reduce((a, b) => a + b), 4)
    }))

  it.effect("a language that a model does not speak costs no request; unknown models are left to the server", () =>
    Effect.gen(function*() {
      const service = yield* speech
      const before = count()
      for (const language of ["ja", "el"] as const) {
        const request = { text: "Hi.", model: "lightning_v3.1", language } as const
        const error = yield* Effect.flip(Stream.runDrain(service.stream(request)))
        assert.strictEqual(error._tag === "InvalidSpeechRequest" && error.parameter, "language")
      }
      assert.strictEqual(count(), before)
      for (const model of ["constructor", "lightning_v9"]) {
        yield* inAnHour(Stream.runDrain(service.stream({ text: "Hi.", model: model, language: "ja" })))
      }
      assert.strictEqual(count(), before + 2)
      assert.strictEqual(http.exchanges.at(-1)?.json["model"], "lightning_v9")
    }))
})
