import { Audio, type Pcm, SpeechError, SpeechSynthesizer } from "@effect-smallest/core"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { SpeechStream } from "@effect-smallest/stream"
import { TestSpeechSynthesizer } from "@effect-smallest/testing"
import { WavesSpeechSynthesizer } from "@effect-smallest/waves"
import type { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Layer, Redacted, Ref, Schedule, Stream } from "effect"
import { performance } from "node:perf_hooks"
import {
  failureOf,
  httpClients,
  layerClient,
  layerLightningV1,
  layerWaves,
  liveRoute,
  type Route,
  routes
} from "../src/Cloud.js"
import { portableProgram } from "../src/portableProgram.js"
import * as RecordingTracer from "../src/RecordingTracer.js"
import * as VectorServer from "../src/VectorServer.js"

const pcm = VectorServer.speechOf({ text: "Hello.", sampleRate: 24000 })

// Limits of real time: a machine that is busy with something else fails some attempts, slow code fails all of them.
const realTime = { retry: 4 }

const enqueue = (...answers: ReadonlyArray<VectorServer.Answer>) =>
  Effect.flatMap(VectorServer.VectorServer, (server) => server.enqueue(...answers))

const requests = Effect.flatMap(VectorServer.VectorServer, (server) => server.requests)

const awaitRequest = (index: number, isReached?: (request: VectorServer.ReceivedRequest) => boolean) =>
  Effect.flatMap(VectorServer.VectorServer, (server) => server.awaitRequest(index, isReached))

const retrying = (http: Layer.Layer<HttpClient.HttpClient>, options?: SpeechError.RetryOptions) =>
  WavesSpeechSynthesizer.layer().pipe(
    SpeechSynthesizer.layerRetry({ baseDelay: "10 millis", ...options }),
    Layer.provideMerge(layerClient(http))
  )

/** Headers and half of the audio, then nothing more. */
const halfOf = (route: Route): VectorServer.Answer => ({
  ...route.answer(pcm),
  body: Stream.concat(
    route === liveRoute
      ? VectorServer.text(VectorServer.audioEvent(pcm.subarray(0, 4800)))
      : Stream.make(pcm.subarray(0, 4800)),
    Stream.never
  )
})

describe("law 2: audio leaves in text order whatever finishes first", () => {
  const texts = ["This is the first sentence. ", "This one is the second. ", "And here the third one ends it."]
  const expected = texts.join("")

  /** Answers the last text first, on whichever route; gives the order in which texts were answered. */
  const answerInReverse = Effect.gen(function*() {
    const server = yield* VectorServer.VectorServer
    const answered = yield* Ref.make<ReadonlyArray<number>>([])
    yield* server.answerWith((request) => {
      const text = String(request.json["text"]).trim()
      const place = texts.findIndex((other) => other.trim() === text)
      const pcm = TestSpeechSynthesizer.audioOf({ text: texts[place] ?? "" }).bytes
      const answer = request.path === liveRoute.path ? liveRoute.answer(pcm) : VectorServer.audio(Stream.make(pcm))
      return {
        ...answer,
        before: Ref.get(answered).pipe(
          Effect.delay("5 millis"),
          Effect.repeat({ until: (all) => all.length === texts.length - 1 - place }),
          Effect.zipRight(Ref.update(answered, (all) => [...all, place]))
        )
      }
    })
    return answered
  })

  const assertOrder = <E, R>(pcm: Stream.Stream<Pcm.PcmChunk, E, R>) =>
    Effect.gen(function*() {
      const answered = yield* answerInReverse
      const audio = yield* Effect.flatten(Audio.fromStream(pcm))
      assert.deepStrictEqual(yield* Ref.get(answered), [2, 1, 0])
      assert.strictEqual(TestSpeechSynthesizer.textOf(audio), expected)
    })

  for (const [name, http] of httpClients) {
    it.live(`whole texts that are answered in the reverse order, over ${name}`, () =>
      assertOrder(
        Stream.fromIterable(texts).pipe(
          Stream.mapEffect((text) => SpeechSynthesizer.synthesize({ text }), { concurrency: 3 }),
          Stream.flatMap(Audio.toStream)
        )
      ).pipe(Effect.provide(layerWaves(http, { concurrency: 3 }))))

    it.live(`segments of a growing text that are answered in the reverse order, over ${name}`, () =>
      assertOrder(SpeechStream.fromText(Stream.fromIterable(texts))).pipe(
        Effect.provide(SpeechStream.layerSegmented({ prefetch: 2, trimSilence: false, gap: 0, fade: 0 })),
        Effect.provide(layerWaves(http, { concurrency: 3 }))
      ))
  }
})

describe("law 3: no retry after the first sample has left; before it, by Schedule", () => {
  for (const [name, http] of httpClients) {
    it.live(
      `a 429 is retried, and Retry-After is a floor, over ${name}`,
      () =>
        Effect.forEach(routes.slice(0, 2), (route) =>
          Effect.gen(function*() {
            const busy = VectorServer.json(429, { error: "Slow down" }, { "retry-after-ms": "400" })
            yield* enqueue(busy, VectorServer.json(503, { error: "Down" }), route.answer(pcm))
            const audio = yield* route.speak({ text: "Hello." })
            assert.isTrue(Buffer.from(pcm).equals(audio.bytes))
            const [first, second, third, ...more] = yield* requests
            assert.lengthOf(more, 0)
            assert.isAtLeast((second?.arrivedAt ?? 0) - (first?.answeredAt ?? 0), 395)
            assert.isBelow((third?.arrivedAt ?? 0) - (second?.answeredAt ?? 0), 395)
          }).pipe(Effect.provide(retrying(http)))),
      realTime
    )

    it.live(`Retry-After in seconds is kept over real time, over ${name}`, () =>
      Effect.gen(function*() {
        yield* enqueue(VectorServer.json(429, { error: "Slow down" }, { "retry-after": "1" }))
        yield* SpeechSynthesizer.synthesize({ text: "Hello." })
        const [first, second] = yield* requests
        assert.isAtLeast((second?.arrivedAt ?? 0) - (first?.answeredAt ?? 0), 990)
      }).pipe(Effect.provide(retrying(http))))

    it.live(`what isRetryable denies is sent once, over ${name}`, () =>
      Effect.forEach([400, 401, 402, 403, 410], (status) =>
        Effect.gen(function*() {
          yield* enqueue(VectorServer.json(status, { error: "No" }))
          const error = yield* failureOf(SpeechSynthesizer.synthesize({ text: "Hello." }))
          assert.isFalse(error.isRetryable)
          assert.lengthOf(yield* requests, 1)
        }).pipe(Effect.provide(retrying(http)))))

    it.live(`attempts end with maxRetries, over ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* VectorServer.VectorServer
        yield* server.always(VectorServer.json(503, { error: "Down" }))
        const error = yield* failureOf(Stream.runDrain(SpeechSynthesizer.stream({ text: "Hello." })))
        assert.strictEqual(error._tag, "ServerFailure")
        assert.lengthOf(yield* requests, 3)
      }).pipe(Effect.provide(retrying(http, { maxRetries: 2 }))))

    it.live(`a stream that fails after audio is not sent again and repeats nothing, over ${name}`, () =>
      Effect.gen(function*() {
        yield* enqueue(VectorServer.eventStream(
          Stream.concat(VectorServer.text(VectorServer.audioEvent(pcm)), Stream.fail(VectorServer.destroy))
        ))
        const heard = yield* Ref.make(0)
        const error = yield* SpeechSynthesizer.stream({ text: "Hello." }).pipe(
          Stream.runForEach((chunk) => Ref.update(heard, (bytes) => bytes + chunk.bytes.length)),
          failureOf
        )
        assert.strictEqual(error._tag, "TruncatedAudio")
        assert.isTrue(error.isRetryable)
        assert.strictEqual(yield* Ref.get(heard), pcm.length)
        assert.lengthOf(yield* requests, 1)
      }).pipe(Effect.provide(retrying(http))))

    it.live(`a stream that breaks before any audio is sent again, over ${name}`, () =>
      Effect.gen(function*() {
        yield* enqueue(
          VectorServer.eventStream(Stream.concat(VectorServer.text(": hello\n\n"), Stream.fail(VectorServer.destroy))),
          VectorServer.eventStream(VectorServer.text(VectorServer.endMark))
        )
        const audio = yield* Effect.flatten(Audio.fromStream(SpeechSynthesizer.stream({ text: "Hello." })))
        assert.isTrue(Buffer.from(pcm).equals(audio.bytes))
        assert.lengthOf(yield* requests, 3)
      }).pipe(Effect.provide(retrying(http))))
  }
})

describe("law 6: interruption reaches the server within 100 ms, and returns the permit", () => {
  for (const [name, http] of httpClients) {
    for (const route of routes) {
      for (
        const [when, answer] of [
          ["before the answer", { before: Effect.never, body: Stream.empty }],
          ["in the middle of the audio", halfOf(route)]
        ] as const
      ) {
        it.live(`${route.name}, ${when}, over ${name}`, () =>
          Effect.gen(function*() {
            yield* enqueue(answer)
            const fiber = yield* Effect.fork(route.speak({ text: "Hello." }))
            yield* awaitRequest(0)
            yield* Effect.sleep("50 millis")
            const start = performance.now()
            yield* Fiber.interrupt(fiber)
            const interrupted = performance.now() - start
            const { abortedAt } = yield* awaitRequest(0, ({ abortedAt }) => abortedAt !== undefined).pipe(
              Effect.timeout("2 seconds")
            )
            assert.isBelow((abortedAt ?? 0) - start, 100, "milliseconds until the server knew")
            assert.isBelow(interrupted, 100, "milliseconds until the caller was free")
            const audio = yield* route.speak({ text: "Hello." })
            assert.isAbove(audio.bytes.length, 0)
          }).pipe(Effect.provide(route.layer(http, { timeouts: { permit: 200 } }))), realTime)
      }

      it.live(`${route.name}, while it waits for a permit, over ${name}`, () =>
        Effect.gen(function*() {
          yield* enqueue(halfOf(route))
          const holder = yield* Effect.fork(route.speak({ text: "First." }))
          yield* awaitRequest(0)
          const waiter = yield* Effect.fork(route.speak({ text: "Second." }))
          yield* Effect.sleep("20 millis")
          const [interrupted] = yield* Effect.timed(Fiber.interrupt(waiter))
          assert.isBelow(Duration.toMillis(interrupted), 100)
          yield* Fiber.interrupt(holder)
          yield* route.speak({ text: "Third." })
          assert.deepStrictEqual((yield* requests).map(({ json }) => json["text"]), ["First.", "Third."])
        }).pipe(Effect.provide(route.layer(http, { timeouts: { permit: 200 } }))), realTime)
    }

    it.live(`a listener that takes only the first chunk, over ${name}`, () =>
      Effect.gen(function*() {
        yield* enqueue(halfOf(liveRoute))
        yield* Stream.runDrain(Stream.take(SpeechSynthesizer.stream({ text: "Hello." }), 1))
        const start = performance.now()
        const { abortedAt } = yield* awaitRequest(0, ({ abortedAt }) => abortedAt !== undefined).pipe(
          Effect.timeout("2 seconds")
        )
        assert.isBelow((abortedAt ?? 0) - start, 100)
        yield* SpeechSynthesizer.synthesize({ text: "Hello." })
      }).pipe(Effect.provide(layerWaves(http, { timeouts: { permit: 200 } }))), realTime)

    it.live(`a wait between retries ends at once, over ${name}`, () =>
      Effect.gen(function*() {
        yield* enqueue(VectorServer.json(429, { error: "Slow down" }, { "retry-after": "20" }))
        const fiber = yield* Effect.fork(SpeechSynthesizer.synthesize({ text: "Hello." }))
        yield* awaitRequest(0, ({ answeredAt }) => answeredAt !== undefined)
        yield* Effect.sleep("50 millis")
        const [interrupted] = yield* Effect.timed(Fiber.interrupt(fiber))
        assert.isBelow(Duration.toMillis(interrupted), 100)
        const [next] = yield* Effect.timed(SpeechSynthesizer.synthesize({ text: "Next." }))
        assert.isBelow(Duration.toMillis(next), 2000, "the permit is free again")
      }).pipe(Effect.provide(retrying(http))), realTime)
  }
})

describe("law 7: memory is bounded by options, and nothing deadlocks", () => {
  for (const [name, http] of httpClients) {
    it.live(`a listener that pauses slows the server down, over ${name}`, () =>
      Effect.gen(function*() {
        const second = VectorServer.audioEvents(new Uint8Array(48000).fill(1), 24000).join("")
        const sent = yield* Ref.make(0)
        const isResumed = yield* Deferred.make<void>()
        const seconds = 600
        yield* enqueue(VectorServer.eventStream(
          Stream.range(1, seconds).pipe(
            Stream.rechunk(1),
            Stream.flatMap(() => VectorServer.text(second)),
            Stream.tap((bytes) => Ref.update(sent, (all) => all + bytes.length)),
            Stream.concat(VectorServer.text(VectorServer.endMark))
          )
        ))
        const heard = yield* Ref.make(0)
        const fiber = yield* SpeechSynthesizer.stream({ text: "A long one. ".repeat(100) }).pipe(
          Stream.runForEach((chunk) =>
            Effect.zipRight(Ref.update(heard, (bytes) => bytes + chunk.bytes.length), Deferred.await(isResumed))
          ),
          Effect.fork
        )
        const settled = yield* Ref.get(sent).pipe(
          Effect.delay("250 millis"),
          Effect.flatMap((before) => Effect.map(Effect.delay(Ref.get(sent), "250 millis"), (after) => [before, after])),
          Effect.repeat({
            until: ([before = 0, after]) => before > 0 && before === after,
            schedule: Schedule.recurs(20)
          }),
          Effect.flatMap(() => Ref.get(sent))
        )
        // What is under way is in the buffers of two sockets; ten minutes would be 38 MB.
        assert.isBelow(settled, 16_000_000)
        assert.isBelow(yield* Ref.get(heard), 2_000_000)
        yield* Deferred.succeed(isResumed, undefined)
        yield* Fiber.join(fiber)
        assert.strictEqual(yield* Ref.get(heard), seconds * 48000)
      }).pipe(Effect.provide(layerWaves(http, { bufferDuration: "1 second", timeouts: { idle: "1 minute" } }))), 60_000)

    it.live(`a listener that pauses does not hold the permit, over ${name}`, () =>
      Effect.gen(function*() {
        const isPaused = yield* Deferred.make<void>()
        const paused = yield* SpeechSynthesizer.stream({ text: "This is the one that pauses." }).pipe(
          Stream.runForEach(() => Effect.zipRight(Deferred.succeed(isPaused, undefined), Effect.never)),
          Effect.fork
        )
        yield* Deferred.await(isPaused)
        yield* Effect.forEach(["One.", "Two.", "Three."], (text) =>
          Effect.all([
            SpeechSynthesizer.synthesize({ text }),
            Stream.runDrain(SpeechSynthesizer.stream({ text }))
          ], { concurrency: 2 }))
        assert.lengthOf(yield* requests, 7)
        yield* Fiber.interrupt(paused)
      }).pipe(Effect.provide(layerWaves(http, { timeouts: { permit: "5 seconds" } }))))

    it.live(`a paused listener does not run into the idle timeout, over ${name}`, () =>
      Effect.gen(function*() {
        const text = "A text that is long enough to be more than the buffer holds."
        const audio = yield* SpeechSynthesizer.stream({ text }).pipe(
          Stream.zipWithIndex,
          Stream.tap(([, i]) => i === 0 ? Effect.sleep("1 seconds") : Effect.void),
          Stream.map(([chunk]) => chunk),
          Audio.fromStream,
          Effect.flatten
        )
        assert.isTrue(Buffer.from(VectorServer.speechOf({ text, sampleRate: 24000 })).equals(audio.bytes))
      }).pipe(Effect.provide(layerWaves(http, { bufferDuration: "100 millis", timeouts: { idle: "300 millis" } }))))

    it.live(`requests over ${name} never exceed concurrency`, () =>
      Effect.forEach([1, 3], (concurrency) =>
        Effect.gen(function*() {
          const server = yield* VectorServer.VectorServer
          yield* server.answerWith((request) => ({
            before: Effect.sleep("30 millis"),
            ...VectorServer.speech(request)
          }))
          yield* Effect.forEach(
            Array.from({ length: 8 }, (_, i) => `Request number ${i}.`),
            (text, i) =>
              i % 2 === 0
                ? Effect.asVoid(SpeechSynthesizer.synthesize({ text }))
                : Stream.runDrain(SpeechSynthesizer.stream({ text })),
            { concurrency: "unbounded" }
          )
          assert.lengthOf(yield* server.requests, 8)
          assert.strictEqual(yield* server.mostAtOnce, concurrency)
        }).pipe(Effect.provide(layerWaves(http, { concurrency })))))

    it.live(`requests that fail, retry and are interrupted give every permit back, over ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* VectorServer.VectorServer
        const answers: ReadonlyArray<VectorServer.Answer> = [
          VectorServer.json(429, { error: "Slow down" }, { "retry-after-ms": "30" }),
          VectorServer.json(500, { error: "Down" }),
          { before: Effect.fail(VectorServer.destroy), body: Stream.empty },
          VectorServer.eventStream(Stream.empty),
          VectorServer.json(200, {})
        ]
        const speak = (i: number) =>
          Stream.runDrain(SpeechSynthesizer.stream({ text: `Request ${i}.` })).pipe(
            i % 3 === 0 ? Effect.timeoutOption("20 millis") : Effect.asVoid,
            Effect.exit
          )
        yield* server.answerWith(({ index }) =>
          index % 2 === 0 ? answers[index / 2 % answers.length] ?? liveRoute.answer(pcm) : liveRoute.answer(pcm)
        )
        yield* Effect.forEach(Array.from({ length: 30 }, (_, i) => i), speak, { concurrency: 6 })
        yield* server.answerWith(() => liveRoute.answer(pcm))
        yield* Effect.forEach([1, 2, 3, 4], () => Stream.runDrain(SpeechSynthesizer.stream({ text: "Last." })), {
          concurrency: 4
        }).pipe(Effect.timeout("5 seconds"))
        assert.isAtMost(yield* server.mostAtOnce, 2)
      }).pipe(Effect.provide(
        WavesSpeechSynthesizer.layer().pipe(
          SpeechSynthesizer.layerRetry({ baseDelay: "5 millis", maxRetries: 2 }),
          Layer.provideMerge(layerClient(http, { concurrency: 2 }))
        )
      )))
  }
})

describe("law 8: the API key appears in no error, log, span, URL or report", () => {
  const key = "sk_live_4711_do_not_tell"
  const echoes: ReadonlyArray<readonly [name: string, answer: VectorServer.Answer]> = [
    ["401", VectorServer.json(401, { error: `The key ${key} is unknown` })],
    ["400 with an issue", VectorServer.json(400, { error: [{ path: [key], message: `Bearer ${key}` }] })],
    ["500 as text with ids", { status: 500, headers: { "x-request-id": `for-${key}` }, body: VectorServer.text(key) }],
    ["429", VectorServer.json(429, { message: key, request_id: key })],
    ["JSON at 200", VectorServer.json(200, { error: { message: key } })],
    ["an error inside the stream", VectorServer.eventStream(VectorServer.text(`data: {"error":"${key}"}\n\n`))],
    ["an event that is no JSON", VectorServer.eventStream(VectorServer.text(`data: Bearer ${key}\n\n`))],
    ["an event that is no object", VectorServer.eventStream(VectorServer.text(`data: "${key}"\n\n`))],
    ["a connection that breaks", { before: Effect.fail(VectorServer.destroy), body: Stream.empty }],
    ["no answer", { before: Effect.never, body: Stream.empty }],
    ["speech", liveRoute.answer(pcm)]
  ]

  for (const [name, http] of httpClients) {
    for (const [what, answer] of echoes) {
      it.live(`${what}, over ${name}`, () =>
        Effect.gen(function*() {
          const { layer, recorded } = RecordingTracer.make()
          const { exits, services, urls } = yield* Effect.gen(function*() {
            const server = yield* VectorServer.VectorServer
            yield* server.always(answer)
            const exits: ReadonlyArray<Exit.Exit<unknown, SpeechError.SpeechError>> = yield* Effect.all([
              Effect.exit(Stream.runDrain(SpeechSynthesizer.stream({ text: "Hello." }))),
              Effect.exit(SpeechSynthesizer.synthesize({ text: "Hello." })),
              Effect.exit(SpeechSynthesizer.bytes({ text: "Hello." }))
            ])
            yield* Effect.forEach(exits, (exit) =>
              Exit.isFailure(exit) ? Effect.logError("Failed", exit.cause) : Effect.void)
            const services = [yield* SpeechSynthesizer.SpeechSynthesizer, yield* Effect.context<never>()]
            const received = yield* server.requests
            assert.isTrue(received.every(({ headers }) =>
              headers["authorization"] === `Bearer ${key}`
            ))
            return { exits, services, urls: received.map(({ path }) => path) }
          }).pipe(
            Effect.provide(
              layerWaves(http, { apiKey: Redacted.make(key), timeouts: { connect: 150, firstAudio: 150 } })
            ),
            Effect.provide(layer)
          )
          const causes = exits.flatMap((exit) => Exit.isFailure(exit) ? [exit.cause] : [])
          if (what !== "speech") assert.isAbove(causes.length, 0)
          const told = {
            errors: causes.map((cause) =>
              `${Cause.pretty(cause, { renderErrorCause: true })}\n${RecordingTracer.everythingAbout(cause)}`
            )
              .join("\n"),
            messages: causes.flatMap((cause) => [...Cause.failures(cause)]).map((error) =>
              `${error.message}\n${error.stack}\n${RecordingTracer.everythingAbout(error)}`
            ).join("\n"),
            logs: recorded.logs.join("\n"),
            spans: RecordingTracer.saidBySpans(recorded),
            urls: urls.join("\n"),
            services: RecordingTracer.everythingAbout(services.slice(0, 1))
          }
          assert.include(told.spans, "SpeechSynthesizer.synthesize")
          assert.include(told.spans, "WavesClient.synthesize")
          for (const [where, text] of Object.entries(told)) {
            assert.isFalse(
              text.includes(key),
              `the key is in ${where}: ${text.slice(text.indexOf(key) - 200).slice(0, 400)}`
            )
          }
        }))
    }

    it.live(`no tracing header goes to the vendor, and the source is named, over ${name}`, () =>
      Effect.gen(function*() {
        yield* Effect.forEach(routes, (route) =>
          Effect.gen(function*() {
            yield* Effect.withSpan(route.speak({ text: "Hello." }), "a span of the application")
            const [request] = yield* requests
            assert.strictEqual(request?.headers["x-source"], "effect-smallest")
            for (const header of ["b3", "traceparent", "tracestate", "x-b3-traceid"]) {
              assert.notProperty(request?.headers, header)
            }
          }).pipe(Effect.provide(route.layer(http)), Effect.provide(RecordingTracer.make().layer)))
      }))
  }
})

describe("law 9: a layer swap needs no edit at call sites that use portable options", () => {
  const layers: ReadonlyArray<readonly [name: string, layer: Layer.Layer<SpeechSynthesizer.SpeechSynthesizer>]> = [
    ["TestSpeechSynthesizer", TestSpeechSynthesizer.layer()],
    ["LocalSpeechSynthesizer", LocalSpeechSynthesizer.layerNode()],
    ...httpClients.flatMap(([name, http]) =>
      [
        [`WavesSpeechSynthesizer over ${name}`, layerWaves(http)],
        [`LightningV1SpeechSynthesizer over ${name}`, layerLightningV1(http)]
      ] as const
    ),
    [
      "a fallback from one that is down",
      SpeechSynthesizer.layerFallback([
        TestSpeechSynthesizer.layer({
          respond: () => ({
            error: new SpeechError.ServerFailure({ module: "Test", method: "events", description: "Down", status: 503 })
          })
        }),
        TestSpeechSynthesizer.layer()
      ])
    ]
  ]
  for (const [name, layer] of layers) {
    it.live(name, () =>
      Effect.gen(function*() {
        const { events, languages, rates, refused, seconds, telephoneSeconds, voices } = yield* portableProgram
        assert.deepStrictEqual(rates, [16000, 16000, 24000])
        const [whole = 0, streamed = 0, file = 0] = seconds
        assert.closeTo(streamed, whole, whole * 0.05)
        assert.closeTo(whole * 1.25, file, file * 0.3)
        assert.closeTo(telephoneSeconds, file, file * 0.05)
        assert.isAbove(file, 0.5)
        assert.strictEqual(events[0], "SegmentStarted")
        assert.strictEqual(events[events.length - 1], "Completed")
        assert.include(events, "AudioChunk")
        assert.strictEqual(refused, "InvalidSpeechRequest")
        assert.isAbove(voices, 0)
        assert.include<string>(languages, "en")
      }).pipe(Effect.provide(layer)))
  }
})

describe("connections", () => {
  for (const [name, http] of httpClients) {
    it.live(`sequential requests reuse their connections, over ${name}`, () =>
      Effect.gen(function*() {
        yield* Effect.forEach(Array.from({ length: 10 }), (_, i) =>
          Effect.zipRight(
            Stream.runDrain(SpeechSynthesizer.stream({ text: `Stream ${i}.` })),
            SpeechSynthesizer.synthesize({ text: `Whole ${i}.` })
          ))
        const received = yield* requests
        const connections = new Set(received.map(({ connection }) => connection)).size
        assert.lengthOf(received, 20)
        // A stream is over with its end mark, which may be a moment before its connection is free: then there is a second.
        assert.isAtMost(connections, 2)
      }).pipe(Effect.provide(layerWaves(http))))
  }
})
