import { Pcm, type SpeechError, SpeechSynthesizer } from "@effect-smallest/core"
import { SpeechStream } from "@effect-smallest/stream"
import {
  make as makeScripted,
  sampleRate,
  samplesOf,
  simulate,
  textOf
} from "@effect-smallest/test-support/scriptedEngine"
import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import type { HttpClientRequest } from "@effect/platform"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Clock,
  Deferred,
  type Duration,
  Effect,
  Encoding,
  FastCheck,
  Fiber,
  Layer,
  Redacted,
  Schema,
  Stream
} from "effect"

// The vendor's server, as far as these tests need it: it answers 429 where it is told to, and breaks if an account runs
// more at once than it may.

interface Answer {
  readonly status?: number
  readonly retryAfter?: number
  /** Before the answer begins. */
  readonly delay?: Duration.DurationInput
  /** Between pieces of 100 ms. */
  readonly pace?: Duration.DurationInput
  /** Pieces of audio before the connection breaks. */
  readonly breaksAfter?: number
}

interface Call {
  readonly text: string
  readonly at: number
  endedAt: number | undefined
}

const Body = Schema.Struct({ text: Schema.String, sample_rate: Schema.Number })

const event = (data: unknown) => new TextEncoder().encode(`event: audio\ndata: ${JSON.stringify(data)}\n\n`)

const cloud = (limit: number, answer: (text: string, attempt: number) => Answer = () => ({})) => {
  const calls: Array<Call> = []
  let running = 0
  let most = 0

  const bodyOf = (request: HttpClientRequest.HttpClientRequest) =>
    request.body._tag === "Uint8Array"
      ? Schema.decodeUnknownSync(Schema.parseJson(Body))(new TextDecoder().decode(request.body.body))
      : assert.fail("The body is not JSON")

  const frames = (text: string, { breaksAfter = Infinity, pace = 0 }: Answer) => {
    const { bytes } = Pcm.fromSamples(Pcm.format(sampleRate), samplesOf(text))
    const size = sampleRate / 10 * 2
    return Stream.range(0, Math.min(Math.ceil(bytes.length / size), breaksAfter) - 1).pipe(
      Stream.rechunk(1),
      Stream.mapEffect((i) =>
        Effect.as(
          Effect.sleep(pace),
          event({ audio: Encoding.encodeBase64(bytes.subarray(i * size, (i + 1) * size)), status: "206", done: false })
        )
      ),
      Stream.concat(breaksAfter === Infinity ? Stream.make(event({ done: true, status: "200" })) : Stream.empty)
    )
  }

  const client = HttpClient.make((request) =>
    Effect.gen(function*() {
      const { text } = bodyOf(request)
      const told = answer(text, calls.filter((call) => call.text === text).length)
      const call: Call = { text, at: yield* Clock.currentTimeMillis, endedAt: undefined }
      calls.push(call)
      running += 1
      most = Math.max(most, running)
      const end = Effect.suspend(() => {
        if (call.endedAt !== undefined) return Effect.void
        running -= 1
        call.endedAt = 0
        return Effect.map(Clock.currentTimeMillis, (now) => {
          call.endedAt = now
        })
      })
      yield* Effect.onInterrupt(Effect.sleep(told.delay ?? 0), () => end)
      if (told.status !== undefined) {
        yield* end
        return HttpClientResponse.fromWeb(
          request,
          new Response(JSON.stringify({ error: "Too many requests" }), {
            status: told.status,
            headers: { "retry-after": String(told.retryAfter ?? 0) }
          })
        )
      }
      const head = HttpClientResponse.fromWeb(
        request,
        new Response(null, { status: 200, headers: { "content-type": "text/event-stream" } })
      )
      const body = Stream.ensuring(frames(text, told), end)
      // The head of a real response, with a body that runs on Effect's clock.
      return new Proxy(head, { get: (target, key) => key === "stream" ? body : Reflect.get(target, key) })
    })
  )

  const layer = (
    options: SpeechStream.SegmentedOptions = {},
    engine = WavesSpeechSynthesizer.layer({ sampleRate })
  ) =>
    SpeechStream.layerSegmented({ fade: 0, ...options }).pipe(
      Layer.provideMerge(engine),
      Layer.provideMerge(
        WavesClient.layer({ apiKey: Redacted.make("sk_test"), concurrency: limit })
      ),
      Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
    )

  return { calls, layer, texts: () => calls.map(({ text }) => text), running: () => running, most: () => most }
}

const sentences = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} says number ${i}. `)

const spoken = (text: string) => Effect.map(Stream.runCollect(SpeechStream.fromText(text)), textOf)

describe("SpeechStream.layerSegmented over WavesClient's permits", () => {
  it.effect("runs no more requests than the account may, however much is prefetched", () =>
    Effect.gen(function*() {
      for (const limit of [1, 2, 3]) {
        const server = cloud(limit, () => ({ delay: 200, pace: 10 }))
        const texts = ["Anna", "Ben", "Cleo"].map((name) => sentences(name, 5).join(""))
        const heard = yield* simulate(Effect.forEach(texts, spoken, { concurrency: "unbounded" })).pipe(
          Effect.provide(server.layer({ prefetch: 4 }))
        )
        assert.deepStrictEqual(heard, texts)
        assert.strictEqual(server.most(), limit)
        assert.strictEqual(server.running(), 0)
      }
    }))

  it.effect("the head gets 429 while the next is prefetched - the head comes first, nothing hangs", () =>
    Effect.gen(function*() {
      const text = sentences("Anna", 4).join("")
      for (const limit of [1, 2]) {
        const server = cloud(
          limit,
          (text, attempt) =>
            text.includes("number 1") && attempt < 2
              ? { status: 429, retryAfter: 3, delay: 50 }
              : { delay: 100, pace: 10 }
        )
        const heard = yield* simulate(spoken(text)).pipe(Effect.provide(server.layer({ prefetch: 3 })))
        assert.strictEqual(heard, text)
        assert.strictEqual(server.most(), limit)
      }
    }))

  it.effect("the head keeps its permit while it backs off", () =>
    Effect.gen(function*() {
      const server = cloud(1, (text, attempt) =>
        text.includes("number 0") && attempt === 0 ? { status: 429, retryAfter: 5 } : {})
      yield* simulate(spoken(sentences("Anna", 3).join(""))).pipe(Effect.provide(server.layer({ prefetch: 2 })))
      assert.deepStrictEqual(
        server.texts().map((text) =>
          text.at(-3)
        ),
        ["0", "0", "1", "2"]
      )
      assert.strictEqual(server.calls[1]?.at, 5000)
    }))

  it.effect("a prefetched segment that backs off lends its permit", () =>
    Effect.gen(function*() {
      // The listener is still busy with number 0 while number 1 fails.
      const server = cloud(1, (text, attempt) =>
        text.includes("number 1") && attempt === 0 ? { status: 429, retryAfter: 60 } : {})
      const anna = SpeechStream.fromText(sentences("Anna", 3).join("")).pipe(
        Stream.tap(() =>
          Effect.sleep("1 minute")
        ),
        Stream.runDrain
      )
      const ben = Effect.delay(Effect.zipRight(spoken("Ben is quick."), Clock.currentTimeMillis), "10 seconds")
      const [, at] = yield* simulate(Effect.all([anna, ben], { concurrency: 2 })).pipe(
        Effect.provide(server.layer({ prefetch: 1 }))
      )
      assert.isBelow(at, 11_000)
    }))

  it.effect("two streams, one paused for ever - the other one speaks", () =>
    Effect.gen(function*() {
      for (const prefetch of [0, 1, 4]) {
        const server = cloud(1, () => ({ delay: 100, pace: 5 }))
        const text = sentences("Ben", 6).join("")
        const heard = yield* simulate(Effect.gen(function*() {
          const started = yield* Deferred.make<void>()
          const paused = yield* SpeechStream.fromText(sentences("Anna", 6).join("")).pipe(
            Stream.tap(() => Effect.zipRight(Deferred.succeed(started, undefined), Effect.never)),
            Stream.runDrain,
            Effect.fork
          )
          yield* Deferred.await(started)
          const heard = yield* spoken(text)
          yield* Fiber.interrupt(paused)
          return heard
        })).pipe(Effect.provide(server.layer({ prefetch })))
        assert.strictEqual(heard, text)
        assert.strictEqual(server.running(), 0)
      }
    }))

  it.effect("permit 1 and prefetch 4 - all segments, in order, one at a time", () =>
    Effect.gen(function*() {
      const server = cloud(1, (_, attempt) => attempt === 0 ? { status: 429, retryAfter: 1 } : { delay: 200, pace: 30 })
      const text = sentences("Anna", 12).join("")
      const heard = yield* simulate(spoken(text)).pipe(Effect.provide(server.layer({ prefetch: 4 })))
      assert.strictEqual(heard, text)
      assert.strictEqual(server.most(), 1)
      assert.lengthOf(server.calls, 24)
    }))

  it.effect("a notification is not stuck behind a novel", () =>
    Effect.gen(function*() {
      const server = cloud(1, () => ({ delay: 200, pace: 30 }))
      const waited = yield* simulate(Effect.gen(function*() {
        const novel = yield* Effect.fork(spoken(sentences("The author", 500).join("")))
        yield* Effect.sleep("5 seconds")
        const before = yield* Clock.currentTimeMillis
        yield* spoken("You have mail.")
        const after = yield* Clock.currentTimeMillis
        yield* Fiber.interrupt(novel)
        return after - before
      })).pipe(Effect.provide(server.layer({ prefetch: 9 })))
      // At most the request that is running, then its own: about 300 ms each.
      assert.isAtMost(waited, 700)
    }))

  it.effect("a segment that another engine took over holds no permit, even while its listener pauses", () =>
    Effect.gen(function*() {
      const server = cloud(1, (text) => text.startsWith("Anna") ? { status: 429 } : {})
      const local = makeScripted()
      const both = SpeechSynthesizer.layerFallback([WavesSpeechSynthesizer.layer({ sampleRate }), local.layer])
      const heard = yield* simulate(Effect.gen(function*() {
        const paused = yield* Deferred.make<void>()
        yield* SpeechStream.fromText("Anna says so.").pipe(
          Stream.tap(() => Effect.zipRight(Deferred.succeed(paused, undefined), Effect.never)),
          Stream.runDrain,
          Effect.fork
        )
        yield* Deferred.await(paused)
        return yield* spoken("Ben says so.")
      })).pipe(Effect.scoped, Effect.provide(server.layer({}, both)))
      assert.strictEqual(heard, "Ben says so.")
      assert.deepStrictEqual(server.texts(), ["Anna says so.", "Ben says so."])
    }))

  it.effect("an answer that breaks off after some audio holds no permit, even while its listener pauses", () =>
    Effect.gen(function*() {
      for (const wrap of [false, true]) {
        const server = cloud(1, (text) => text.startsWith("Anna") ? { breaksAfter: 2, pace: 100 } : {})
        const waves = WavesSpeechSynthesizer.layer({ sampleRate })
        const heard = yield* simulate(Effect.gen(function*() {
          const paused = yield* Deferred.make<void>()
          const audio: Stream.Stream<
            Pcm.PcmChunk,
            SpeechError.SpeechError,
            SpeechSynthesizer.SpeechSynthesizer | SpeechStream.SpeechStream
          > = wrap
            ? SpeechSynthesizer.stream({ text: "Anna says so again and again." })
            : SpeechStream.fromText("Anna says so again and again.")
          yield* audio.pipe(
            Stream.tap(() => Effect.zipRight(Deferred.succeed(paused, undefined), Effect.never)),
            Stream.runDrain,
            Effect.fork
          )
          yield* Deferred.await(paused)
          return yield* spoken("Ben says so.")
        })).pipe(
          Effect.scoped,
          Effect.provide(server.layer({}, wrap ? SpeechSynthesizer.layerRetry(waves) : waves))
        )
        assert.strictEqual(heard, "Ben says so.")
      }
    }))

  it.effect("interruption while a permit is waited for, held or kept gives it back", () =>
    Effect.gen(function*() {
      const server = cloud(1, (text, attempt) =>
        text.startsWith("Anna") && attempt < 9 ? { status: 429, retryAfter: 1, delay: 40 } : { delay: 200, pace: 30 })
      const heard = yield* simulate(Effect.gen(function*() {
        for (const after of [0, 20, 40, 500, 1020, 1045]) {
          for (const text of [sentences("Anna", 3).join(""), sentences("Cleo", 3).join("")]) {
            const fibers = yield* Effect.forEach([1, 2, 3], () =>
              Effect.fork(spoken(text)))
            yield* Effect.sleep(after)
            yield* Fiber.interruptAll(fibers)
            assert.strictEqual(server.running(), 0)
          }
        }
        return yield* spoken("Ben says so.")
      })).pipe(Effect.provide(server.layer({ prefetch: 2 })))
      assert.strictEqual(heard, "Ben says so.")
    }))

  it.effect("the last retry gives the permit back, whether the failure is skipped or ends the stream", () =>
    Effect.gen(function*() {
      for (const onSegmentFailure of ["fail", "skip"] as const) {
        const server = cloud(1, (text) => text.startsWith("Anna") ? { status: 429 } : {})
        const heard = yield* simulate(Effect.zipRight(
          Effect.either(spoken("Anna fails. Anna again. Cleo.")),
          spoken("Ben says so.")
        )).pipe(Effect.provide(server.layer({ onSegmentFailure, prefetch: 1 })))
        assert.strictEqual(heard, "Ben says so.")
      }
    }))

  it.effect(
    "whatever fails, pauses or stops listening - every other text is spoken, and all permits come back",
    () =>
      Effect.promise(() => {
        const listener = FastCheck.record({
          segments: FastCheck.integer({ min: 1, max: 4 }),
          starts: FastCheck.nat(500),
          pause: FastCheck.constantFrom(0, 0, 40, 400),
          leavesAfter: FastCheck.option(FastCheck.nat(3000), { nil: undefined, freq: 2 })
        })
        const answers = FastCheck.array(
          FastCheck.record({
            failures: FastCheck.nat(2),
            status: FastCheck.constantFrom(429, 500),
            retryAfter: FastCheck.nat(2),
            delay: FastCheck.nat(300)
          }),
          { minLength: 4, maxLength: 4 }
        )
        return FastCheck.assert(
          FastCheck.asyncProperty(
            FastCheck.array(listener, { minLength: 1, maxLength: 4 }),
            answers,
            FastCheck.nat(4),
            FastCheck.integer({ min: 1, max: 3 }),
            (listeners, answers, prefetch, limit) =>
              Effect.runPromise(Effect.gen(function*() {
                const server = cloud(limit, (text, attempt) => {
                  const told = answers[Number(/\d+/.exec(text)?.[0] ?? 0) % answers.length]
                  if (told === undefined) return {}
                  const { delay, failures, retryAfter, status } = told
                  return attempt < failures ? { status, retryAfter, delay } : { delay, pace: 5 }
                })
                const listen = ({ leavesAfter, pause, segments, starts }: typeof listeners[number], i: number) => {
                  const text = sentences(`Voice ${"abcd"[i]}`, segments).join("")
                  const heard = SpeechStream.fromText(text).pipe(
                    Stream.tap(() => Effect.sleep(pause)),
                    Stream.runCollect,
                    Effect.delay(starts)
                  )
                  return leavesAfter === undefined
                    ? Effect.map(heard, (chunks) => assert.strictEqual(textOf(chunks), text))
                    : Effect.timeoutOption(heard, leavesAfter)
                }
                yield* simulate(Effect.gen(function*() {
                  yield* Effect.forEach(listeners, listen, { concurrency: "unbounded" })
                  assert.strictEqual(server.running(), 0)
                  const all = yield* Effect.forEach(Array.from({ length: limit }), () => spoken("Ben says so."), {
                    concurrency: "unbounded"
                  })
                  assert.deepStrictEqual(all, Array.from({ length: limit }, () => "Ben says so."))
                })).pipe(Effect.provide(server.layer({ prefetch })))
                assert.isAtMost(server.most(), limit)
              }))
          ),
          { numRuns: 60 }
        )
      }),
    60_000
  )
})
