import { AudioStore, Pcm, SpeechError, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { SpeechStream } from "@effect-smallest/stream"
import { TestSpeechSynthesizer } from "@effect-smallest/testing"
import { SpeechSynthesizerSuite } from "@effect-smallest/testing/suites"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Fiber, Layer, Metric, Option, Ref, Stream, TestClock } from "effect"

const failure = new SpeechError.ServerFailure({ module: "Test", method: "events", description: "Down", status: 500 })

const cached = (options?: SpeechSynthesizer.CacheOptions, engine?: TestSpeechSynthesizer.Options) => {
  const double = TestSpeechSynthesizer.layer(engine)
  return Layer.merge(
    Layer.project(double, TestSpeechSynthesizer.TestSpeechSynthesizer, TestSpeechSynthesizer.TestSpeechSynthesizer, (
      a
    ) => a),
    SpeechSynthesizer.layerCached(double, options)
  ).pipe(Layer.provideMerge(AudioStore.layerMemory))
}

const asked = Effect.flatMap(TestSpeechSynthesizer.TestSpeechSynthesizer, ({ requests }) => requests)
const askedTexts = Effect.map(asked, (requests) => requests.map(({ request }) => request.text))
const entries = Effect.flatMap(AudioStore.AudioStore, ({ list }) => Effect.map(Stream.runCollect(list), Chunk.toArray))
/** Moves the clock until the fiber has ended. What waits for other threads takes real time. */
const settle = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Fiber.poll(fiber), (exit) =>
    Option.isSome(exit)
      ? Fiber.join(fiber)
      : TestClock.adjust("100 millis").pipe(
        Effect.zipRight(Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))),
        Effect.zipRight(Effect.suspend(() => settle(fiber)))
      ))
const eventsOf = (request: Parameters<typeof SpeechSynthesizer.events>[0]) =>
  Effect.map(Stream.runCollect(SpeechSynthesizer.events(request)), Chunk.toReadonlyArray)

SpeechSynthesizerSuite.suite(
  "SpeechSynthesizer.layerCached",
  TestSpeechSynthesizer.layer().pipe(
    SpeechSynthesizer.layerCached(),
    Layer.provide(AudioStore.layerMemory)
  ),
  { wordTimestamps: true }
)

describe("SpeechSynthesizer.layerCached", () => {
  it.effect("events - the second time they come from the cache, the same in every detail", () =>
    Effect.gen(function*() {
      const first = yield* eventsOf({ text: "Hello there." })
      const second = yield* eventsOf({ text: "Hello there." })
      assert.deepStrictEqual(second, first)
      assert.isTrue(second.some(SpeechEvent.$is("WordTimestamp")))
      assert.deepStrictEqual(yield* askedTexts, ["Hello there."])
    }).pipe(Effect.provide(cached())))

  it.effect("synthesize and bytes - are kept too, each in its own form", () =>
    Effect.gen(function*() {
      const audio = yield* SpeechSynthesizer.synthesize({ text: "Hi." })
      assert.deepStrictEqual(yield* SpeechSynthesizer.synthesize({ text: "Hi." }), audio)
      assert.strictEqual(TestSpeechSynthesizer.textOf(audio), "Hi.")
      const wav = yield* SpeechSynthesizer.bytes({ text: "Hi." })
      const ulaw = yield* SpeechSynthesizer.bytes({ text: "Hi.", outputFormat: "ulaw" })
      assert.deepStrictEqual(yield* SpeechSynthesizer.bytes({ text: "Hi." }), wav)
      assert.deepStrictEqual(yield* SpeechSynthesizer.bytes({ text: "Hi.", outputFormat: "ulaw" }), ulaw)
      assert.notStrictEqual(ulaw.length, wav.length)
      assert.strictEqual((yield* asked).length, 3)
    }).pipe(Effect.provide(cached())))

  it.effect("everything that changes the sound is part of the key, wherever it is said", () =>
    Effect.gen(function*() {
      const variants: ReadonlyArray<Parameters<typeof SpeechSynthesizer.events>[0]> = [
        { text: "Hi." },
        { text: "Hi. " },
        { text: "Hi.", voice: "kate" },
        { text: "Hi.", speed: 1.5 },
        { text: "Hi.", sampleRate: 8000 },
        { text: "Hi.", model: "another" },
        { text: "Hi.", language: "de" },
        { text: "Hi.", removeExtraSilence: true }
      ]
      for (const request of [...variants, ...variants]) yield* eventsOf(request)
      assert.strictEqual((yield* asked).length, variants.length)
      // The same by the scope.
      yield* SpeechSynthesizer.withOptions(eventsOf({ text: "Hi." }), { voice: "kate" })
      yield* eventsOf({ text: "Hi.", speed: 1 })
      assert.strictEqual((yield* asked).length, variants.length)
      yield* SpeechSynthesizer.withOptions(eventsOf({ text: "Hi." }), { voice: "anna" })
      assert.strictEqual((yield* asked).length, variants.length + 1)
    }).pipe(Effect.provide(cached())))

  it.effect("namespace - separates what the options cannot say", () =>
    Effect.gen(function*() {
      const store = yield* AudioStore.AudioStore
      const { control, synthesizer } = yield* TestSpeechSynthesizer.make()
      for (const namespace of ["a", "b", "a", "b"]) {
        yield* eventsOf({ text: "Hi." }).pipe(Effect.provide(
          Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, synthesizer).pipe(
            SpeechSynthesizer.layerCached({ namespace }),
            Layer.provide(Layer.succeed(AudioStore.AudioStore, store))
          )
        ))
      }
      assert.strictEqual((yield* control.requests).length, 2)
    }).pipe(Effect.provide(AudioStore.layerMemory)))

  it.effect("a stream that is left early is not kept", () =>
    Effect.gen(function*() {
      yield* Stream.runDrain(Stream.take(SpeechSynthesizer.stream({ text: "A longer text than that." }), 2))
      assert.deepStrictEqual(yield* entries, [])
      assert.strictEqual((yield* asked)[0]?.status, "interrupted")
      yield* eventsOf({ text: "A longer text than that." })
      assert.strictEqual((yield* entries).length, 1)
    }).pipe(Effect.provide(cached())))

  it.effect("a failure is not kept, neither before nor in the middle of the audio", () =>
    Effect.gen(function*() {
      for (const _ of [1, 2]) {
        assert.strictEqual((yield* Effect.flip(eventsOf({ text: "A longer text." })))._tag, "ServerFailure")
      }
      assert.deepStrictEqual(yield* entries, [])
      yield* eventsOf({ text: "A longer text." })
      yield* eventsOf({ text: "A longer text." })
      assert.strictEqual((yield* asked).length, 3)
    }).pipe(Effect.provide(cached({}, {
      respond: (_, index) =>
        index === 0 ? { error: failure } : index === 1 ? { error: failure, chunksBeforeError: 3 } : {}
    }))))

  it.effect("equal requests at once are one request, and each hears all of it", () =>
    Effect.gen(function*() {
      const results = yield* Effect.forEach(
        Array.from({ length: 5 }),
        () => eventsOf({ text: "At the same time." }),
        { concurrency: "unbounded" }
      ).pipe(Effect.fork)
      const [first, ...others] = yield* settle(results)
      for (const other of others) assert.deepStrictEqual(other, first)
      assert.strictEqual((yield* asked).length, 1)
    }).pipe(Effect.provide(cached({}, { firstAudioDelay: "1 second", chunkDelay: "10 millis" }))))

  it.effect("who joins late hears it from the beginning, also if the first listener leaves", () =>
    Effect.gen(function*() {
      const heard = yield* Deferred.make<void>()
      const first = yield* SpeechSynthesizer.stream({ text: "Some words to be heard." }).pipe(
        Stream.tap(() => Deferred.succeed(heard, undefined)),
        Stream.runDrain,
        Effect.fork
      )
      const control = yield* TestSpeechSynthesizer.TestSpeechSynthesizer
      yield* control.awaitRequest(0)
      yield* TestClock.adjust("2 seconds")
      yield* Deferred.await(heard)
      const joined = yield* Deferred.make<void>()
      const second = yield* SpeechSynthesizer.events({ text: "Some words to be heard." }).pipe(
        Stream.tap(() => Deferred.succeed(joined, undefined)),
        Stream.runCollect,
        Effect.fork
      )
      yield* Deferred.await(joined)
      yield* Fiber.interrupt(first)
      const audio = Chunk.fromIterable(yield* settle(second)).pipe(Chunk.filterMap(SpeechEvent.chunkOf))
      const bytes = Pcm.concatBytes(Chunk.map(audio, ({ bytes }) => bytes))
      assert.strictEqual(
        TestSpeechSynthesizer.textOf({ format: Pcm.format(24000), bytes }),
        "Some words to be heard."
      )
      assert.deepStrictEqual((yield* asked).map(({ status }) => status), ["completed"])
      assert.strictEqual((yield* entries).length, 1)
    }).pipe(Effect.provide(cached({}, { firstAudioDelay: "1 second", chunkDelay: "1 second" }))))

  it.effect("when all listeners have left, the request ends", () =>
    Effect.gen(function*() {
      const listeners = yield* Effect.fork(Effect.all(
        [eventsOf({ text: "Never heard." }), eventsOf({ text: "Never heard." })],
        { concurrency: "unbounded" }
      ))
      const control = yield* TestSpeechSynthesizer.TestSpeechSynthesizer
      yield* control.awaitRequest(0)
      yield* Fiber.interrupt(listeners)
      assert.deepStrictEqual((yield* asked).map(({ status }) => status), ["interrupted"])
    }).pipe(Effect.provide(cached({}, { firstAudioDelay: "1 hour" }))))

  it.effect("maxAge - older audio is made anew", () =>
    Effect.gen(function*() {
      yield* eventsOf({ text: "Hi." })
      yield* TestClock.adjust("59 minutes")
      yield* eventsOf({ text: "Hi." })
      assert.strictEqual((yield* asked).length, 1)
      yield* TestClock.adjust("2 minutes")
      yield* eventsOf({ text: "Hi." })
      yield* eventsOf({ text: "Hi." })
      assert.strictEqual((yield* asked).length, 2)
    }).pipe(Effect.provide(cached({ maxAge: "1 hour" }))))

  it.effect("maxSize - the oldest entries leave first", () =>
    Effect.gen(function*() {
      // A character is 2400 bytes of audio; with its events, an entry of ten is under 30 kB.
      for (const text of ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd"]) {
        yield* eventsOf({ text })
        yield* TestClock.adjust("1 second")
      }
      const sizes = (yield* entries).map(({ size }) => size)
      assert.isTrue(sizes.reduce((a, b) => a + b, 0) <= 80_000, String(sizes))
      assert.strictEqual(sizes.length, 3)
      yield* eventsOf({ text: "dddddddddd" })
      assert.strictEqual((yield* asked).length, 4)
      yield* eventsOf({ text: "aaaaaaaaaa" })
      assert.strictEqual((yield* asked).length, 5)
    }).pipe(Effect.provide(cached({ maxSize: 80_000 }))))

  it.effect("maxEntrySize - longer audio is spoken and not kept", () =>
    Effect.gen(function*() {
      const first = yield* eventsOf({ text: "A text that is too long." })
      const second = yield* eventsOf({ text: "A text that is too long." })
      assert.deepStrictEqual(second, first)
      assert.strictEqual((yield* asked).length, 2)
      assert.deepStrictEqual(yield* entries, [])
    }).pipe(Effect.provide(cached({ maxEntrySize: 10_000 }))))

  it.effect("a damaged entry is made anew", () =>
    Effect.gen(function*() {
      const store = yield* AudioStore.AudioStore
      const first = yield* eventsOf({ text: "Hi." })
      for (const damage of [0, 1, 9, 41, 45, 60, -1]) {
        const [{ key } = { key: "" }] = yield* entries
        const bytes = Option.getOrThrow(yield* store.get(key))
        yield* store.remove(key)
        if (damage === -1) {
          yield* store.put(key, bytes.slice(0, 20))
        } else {
          bytes[damage] = (bytes[damage] ?? 0) ^ 0x55
          yield* store.put(key, bytes)
        }
        // Bit 7 of the time it was stored is no damage that anybody hears.
        if (damage !== 1) assert.deepStrictEqual(yield* eventsOf({ text: "Hi." }), first)
        else yield* eventsOf({ text: "Hi." })
      }
      assert.isTrue((yield* asked).length >= 7)
    }).pipe(Effect.provide(cached())))

  it.effect("a store that fails costs a warning and not the speech", () =>
    Effect.gen(function*() {
      const broken = new AudioStore.AudioStoreError({ reason: "Unreadable", name: "x", description: "gone" })
      const fail = () => Effect.fail(broken)
      const { synthesizer } = yield* TestSpeechSynthesizer.make()
      const events = yield* eventsOf({ text: "Hi." }).pipe(Effect.provide(
        Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, synthesizer).pipe(
          SpeechSynthesizer.layerCached(),
          Layer.provide(Layer.succeed(
            AudioStore.AudioStore,
            AudioStore.make({ get: fail, put: fail, size: fail, remove: fail, list: Stream.fail(broken) })
          ))
        )
      ))
      assert.isTrue(events.some(SpeechEvent.$is("Completed")))
    }))

  it.effect("what the engine refuses is refused, with the engine's own error", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(eventsOf({ text: " " }))
      assert.strictEqual(error._tag, "InvalidSpeechRequest")
      assert.strictEqual(error.module, "TestSpeechSynthesizer")
      assert.deepStrictEqual(yield* entries, [])
    }).pipe(Effect.provide(cached())))

  it.effect("outside of layerFallback, what another engine says is not kept under the first one's name", () =>
    Effect.gen(function*() {
      const first = yield* TestSpeechSynthesizer.make({
        respond: (_, index) => index === 0 ? { error: failure } : {}
      })
      const second = yield* TestSpeechSynthesizer.make()
      const engine = (service: SpeechSynthesizer.Service) => Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, service)
      yield* Effect.gen(function*() {
        yield* eventsOf({ text: "Hi." })
        assert.deepStrictEqual(yield* entries, [])
        yield* eventsOf({ text: "Hi." })
        yield* eventsOf({ text: "Hi." })
      }).pipe(Effect.provide(
        SpeechSynthesizer.layerFallback([engine(first.synthesizer), engine(second.synthesizer)]).pipe(
          SpeechSynthesizer.layerCached(),
          Layer.provideMerge(AudioStore.layerMemory)
        )
      ))
      assert.strictEqual((yield* first.control.requests).length, 2)
      assert.strictEqual((yield* second.control.requests).length, 1)
    }))

  it.effect("composes with retry and segments: one changed sentence asks for that sentence only", () =>
    Effect.gen(function*() {
      const { control, synthesizer } = yield* TestSpeechSynthesizer.make({
        respond: (_, index) => index === 1 ? { error: failure } : {}
      })
      const speech = SpeechStream.layerSegmented({ fade: 0 }).pipe(
        Layer.provide(SpeechSynthesizer.layerCached(SpeechSynthesizer.layerRetry(
          Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, synthesizer)
        ))),
        Layer.provide(AudioStore.layerMemory)
      )
      yield* Effect.gen(function*() {
        const speak = (text: string) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(Stream.runDrain(SpeechStream.fromText(text)))
            yield* settle(fiber)
          })
        yield* speak("The first sentence of all. The second sentence of all. The third sentence of all.")
        const before = (yield* control.requests).length
        yield* speak("The first sentence of all. Another sentence in between. The third sentence of all.")
        const texts = (yield* control.requests).slice(before).map(({ request }) => request.text.trim())
        assert.deepStrictEqual(texts, ["Another sentence in between."])
      }).pipe(Effect.provide(speech))
    }))

  it.effect("options that are not plain data are not kept", () =>
    Effect.gen(function*() {
      const seen = yield* Ref.make(0)
      const { synthesizer } = yield* TestSpeechSynthesizer.make()
      const counting: SpeechSynthesizer.Service = {
        ...synthesizer,
        events: (request) =>
          Stream.zipRight(Stream.fromEffect(Ref.update(seen, (n) => n + 1)), synthesizer.events(request))
      }
      yield* Effect.gen(function*() {
        const provider: object = { test: new Map([["a", 1]]) }
        yield* eventsOf({ text: "Hi.", provider })
        assert.deepStrictEqual(yield* entries, [])
        assert.strictEqual(yield* Ref.get(seen), 1)
      }).pipe(Effect.provide(
        Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, counting).pipe(
          SpeechSynthesizer.layerCached(),
          Layer.provideMerge(AudioStore.layerMemory)
        )
      ))
    }))

  it.effect("counts hits, misses and shared requests", () =>
    Effect.gen(function*() {
      const { SpeechTelemetry } = yield* Effect.promise(() => import("@effect-smallest/core"))
      const value = (result: string) =>
        Effect.map(
          Metric.value(Metric.tagged(SpeechTelemetry.cacheRequests, "speech.cache.result", result)),
          ({ count }) => count
        )
      const counts = Effect.all([value("hit"), value("miss"), value("shared")])
      const before = yield* counts
      yield* Effect.all([eventsOf({ text: "x1" }), eventsOf({ text: "x1" })], { concurrency: 2 })
      yield* eventsOf({ text: "x1" })
      const after = yield* counts
      assert.deepStrictEqual(after.map((count, i) => count - (before[i] ?? 0)), [1, 1, 1])
    }).pipe(Effect.provide(cached())))

  it.effect("an option that does not exist is refused", () =>
    Effect.gen(function*() {
      // @ts-expect-error -- callers in JavaScript
      const exit = yield* Effect.exit(Effect.provide(SpeechSynthesizer.SpeechSynthesizer, cached({ maxSiez: 3 })))
      assert.strictEqual(exit._tag, "Failure")
    }))
})
