import { SpeechError, SpeechEvent } from "@effect-smallest/core"
import { SpeechProxy, SpeechProxyProtocol, SpeechReply } from "@effect-smallest/proxy"
import { SpeechStream, SpeechText } from "@effect-smallest/stream"
import * as Support from "@effect-smallest/test-support/scriptedEngine"
import { RateLimiter } from "@effect/experimental"
import { HttpServerRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Deferred, Duration, Effect, FastCheck, Fiber, Layer, Logger, Stream, TestClock } from "effect"
import * as MemoryStore from "../src/internal/memoryStore.js"

const url = "http://localhost/speech"

const everybody = () => Effect.succeed("somebody")

const layerOf = (engine: Support.Scripted) =>
  Layer.provideMerge(SpeechStream.layerSegmented({ fade: 0, retry: { maxRetries: 0 } }), engine.layer)

const ask = (
  body: unknown,
  init: { readonly headers?: Readonly<Record<string, string>>; readonly signal?: AbortSignal } = {}
) =>
  new Request(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...init.headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(init.signal === undefined ? {} : { signal: init.signal })
  })

/** An app with an engine of its own; it gives the response with its events. */
const serve = (
  options: Partial<SpeechProxy.Options> = {},
  engine: Support.Scripted = Support.make()
) => {
  const app = SpeechProxy.httpApp({ authorize: everybody, ...options })
  const call = (request: Request) =>
    app.pipe(
      Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request)),
      Effect.map((response) => ({
        response,
        headers: response.headers,
        events: response.body._tag === "Stream"
          ? SpeechProxyProtocol.decode(Stream.orDie(response.body.stream))
          : Stream.dieMessage("The response is not a stream")
      })),
      Effect.provide(layerOf(engine))
    )
  const speak = (request: Request) =>
    Effect.flatMap(
      call(request),
      ({ events, headers, response: { status } }) =>
        Effect.map(Effect.either(Stream.runCollect(events)), (result) => ({
          status,
          headers,
          error: result._tag === "Left" ? result.left : undefined,
          text: result._tag === "Left"
            ? ""
            : Support.textOf(
              Chunk.toArray(result.right).filter(SpeechEvent.$is("AudioChunk")).map(({ chunk }) => chunk)
            )
        }))
    )
  return { engine, call, speak }
}

const quietly = Effect.provide(Logger.remove(Logger.defaultLogger))

const parameterOf = (error: unknown) => error instanceof SpeechError.InvalidSpeechRequest ? error.parameter : undefined

describe("SpeechProxy.httpApp", () => {
  it.effect("speaks a text longer than one request of the engine may be", () =>
    Effect.gen(function*() {
      const { engine, speak } = serve()
      const text = "This is a sentence of a long text. ".repeat(270)
      const spoken = yield* speak(ask({ text }))
      assert.isAbove(text.length, 8000)
      assert.strictEqual(spoken.status, 200)
      assert.isUndefined(spoken.error)
      assert.strictEqual(spoken.text, text)
      assert.isAbove(engine.requests.length, 10)
    }))

  it.effect("allow - passes the options that it names, and no other", () =>
    Effect.gen(function*() {
      const { engine, speak } = serve({ allow: ["speed"] })
      yield* speak(ask({ text: "Hi.", speed: 1.5 }))
      assert.strictEqual(engine.requests[0]?.options.speed, 1.5)
      for (const name of ["voice", "sampleRate", "similarity", "removeExtraSilence", "module", "__proto__"]) {
        const refused = yield* speak(ask(`{"text": "Hi.", "${name}": 1}`))
        assert.strictEqual(refused.status, 400)
        assert.strictEqual(parameterOf(refused.error), name)
      }
      assert.lengthOf(engine.requests, 1)
    }))

  const invalid: ReadonlyArray<readonly [string, unknown, string]> = [
    ["a speed out of bounds", { text: "Hi.", speed: 9 }, "speed"],
    ["a voice that is no name", { text: "Hi.", voice: 7 }, "voice"],
    ["no text", { speed: 1 }, "text"],
    ["a blank text", { text: " \n" }, "text"],
    ["a text that is a number", { text: 7 }, "text"],
    ["a list", [1], "request"],
    ["null", null, "request"],
    ["no JSON", "{", "request"],
    ["nothing", "", "request"]
  ]

  for (const [name, body, parameter] of invalid) {
    it.effect(`${name} is InvalidSpeechRequest of \`${parameter}\``, () =>
      Effect.gen(function*() {
        const { engine, speak } = serve()
        const { error, status } = yield* speak(ask(body))
        assert.strictEqual(status, 400)
        assert.strictEqual(parameterOf(error), parameter)
        assert.lengthOf(engine.requests, 0)
      }))
  }

  it.effect("what a form of another site could send is refused", () =>
    Effect.gen(function*() {
      const { engine, speak } = serve()
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json"]) {
        const { error, status } = yield* speak(ask({ text: "Hi." }, { headers: { "content-type": type } }))
        assert.strictEqual(status, 415)
        assert.strictEqual(parameterOf(error), "request")
      }
      assert.lengthOf(engine.requests, 0)
    }))

  it.effect("maxTextLength - a longer text, and a body that could hold no allowed one, are refused", () =>
    Effect.gen(function*() {
      const { engine, speak } = serve({ maxTextLength: 100 })
      assert.strictEqual((yield* speak(ask({ text: "a".repeat(100) }))).status, 200)
      const longer = yield* speak(ask({ text: "a".repeat(101) }))
      assert.strictEqual(longer.status, 413)
      assert.strictEqual(parameterOf(longer.error), "text")
      let pulled = 0
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(1000).fill((pulled++, 0x20)))
      })
      const init = { method: "POST", headers: { "content-type": "application/json" }, body: endless, duplex: "half" }
      const large = yield* speak(new Request(url, init))
      assert.strictEqual(large.status, 413)
      assert.isBelow(pulled, 100)
      assert.lengthOf(engine.requests, 1)
    }))

  it.effect("a body that does not come is timed out", () =>
    Effect.gen(function*() {
      const { speak } = serve()
      const init = {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: new ReadableStream(),
        duplex: "half"
      }
      const fiber = yield* Effect.fork(speak(new Request(url, init)))
      yield* TestClock.adjust("30 seconds")
      const { error, status } = yield* Fiber.join(fiber)
      assert.strictEqual(status, 408)
      assert.isTrue(error !== undefined && SpeechError.isRetryable(error))
    }))

  it.effect("other methods are told what to do", () =>
    Effect.gen(function*() {
      for (const method of ["PUT", "DELETE", "HEAD", "OPTIONS"]) {
        const { headers, status } = yield* serve().speak(new Request(url, { method }))
        assert.strictEqual(status, 405)
        assert.strictEqual(headers["allow"], "GET, POST")
      }
    }))

  it.effect("authorize - comes before anything else, and its defects are told to the log alone", () =>
    Effect.gen(function*() {
      const logs: Array<string> = []
      const logger = Logger.make(({ cause }) => void logs.push(String(cause)))
      const { engine, speak } = serve({ authorize: () => Effect.dieMessage("secret of the database") })
      const { error, status } = yield* speak(ask("not even JSON")).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      assert.strictEqual(status, 500)
      assert.strictEqual(error?._tag, "ServerFailure")
      assert.notInclude(error?.message, "secret")
      assert.include(logs.join(), "secret of the database")
      assert.lengthOf(engine.requests, 0)
    }))

  it.effect("limits.characters - come back with time", () =>
    Effect.gen(function*() {
      const { speak } = serve({
        maxTextLength: 100,
        limits: { characters: { limit: 100, window: "10 seconds" } }
      })
      const text = "a".repeat(60)
      assert.strictEqual((yield* speak(ask({ text }))).status, 200)
      const { error, headers, status } = yield* speak(ask({ text }))
      assert.strictEqual(status, 429)
      assert.strictEqual(headers["retry-after"], "2")
      assert.isTrue(error?._tag === "RateLimited")
      if (error?._tag === "RateLimited") assert.strictEqual(Duration.toMillis(error.retryAfter ?? 0), 2000)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* speak(ask({ text }))).status, 200)
    }))

  it.effect("limits.concurrency - is for each client, and free again however a text ends", () =>
    Effect.gen(function*() {
      const { call, speak } = serve({
        authorize: ({ headers }) => Effect.succeed(headers["x-user"] ?? ""),
        limits: { concurrency: 1 }
      }, Support.make((text) => text === "Fail." ? { error: Support.broken } : { delay: "1 second" }))
      const by = (user: string, text = "Hi.") => ask({ text }, { headers: { "x-user": user } })
      const { events } = yield* call(by("ada"))
      const running = yield* Effect.fork(Stream.runDrain(events))
      yield* TestClock.adjust("10 millis")
      const refused = yield* speak(by("ada"))
      assert.strictEqual(refused.status, 429)
      assert.strictEqual(refused.headers["retry-after"], "1")
      assert.strictEqual(refused.error?._tag, "RateLimited")
      const other = yield* Effect.fork(speak(by("grace")))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(other)).text, "Hi.")
      yield* Fiber.join(running)
      assert.strictEqual((yield* speak(by("ada", "Fail."))).error?._tag, "ServerFailure")
      const left = yield* call(by("ada"))
      const leaving = yield* Effect.fork(Stream.runDrain(left.events))
      yield* TestClock.adjust("10 millis")
      yield* Fiber.interrupt(leaving)
      const last = yield* Effect.fork(speak(by("ada")))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(last)).text, "Hi.")
    }).pipe(quietly))

  it.effect("limits - what is refused for being too much at once costs no characters", () =>
    Effect.gen(function*() {
      const { call, speak } = serve({
        limits: { concurrency: 1, characters: { limit: 10, window: "1 minute" } },
        maxTextLength: 10
      }, Support.make(() => ({ delay: "1 second" })))
      const { events } = yield* call(ask({ text: "Hi." }))
      const running = yield* Effect.fork(Stream.runDrain(events))
      yield* TestClock.adjust("10 millis")
      for (let i = 0; i < 10; i++) assert.strictEqual((yield* speak(ask({ text: "Hello." }))).status, 429)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(running)
      const last = yield* Effect.fork(speak(ask({ text: "Hello." })))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(last)).text, "Hello.")
    }))

  it.effect("limits.concurrency - a response that nobody reads does not keep its place for ever", () =>
    Effect.gen(function*() {
      const { call } = serve({ limits: { concurrency: 1 } })
      yield* call(ask({ text: "Hi." }))
      assert.strictEqual((yield* call(ask({ text: "Hi." }))).response.status, 429)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* call(ask({ text: "Hi." }))).response.status, 200)
    }))

  it.effect("a body that is no UTF-8, a type that only looks like JSON, a name without end - are refused", () =>
    Effect.gen(function*() {
      const { engine, speak } = serve()
      const headers = { "content-type": "application/json" }
      const broken = new Request(url, { method: "POST", headers, body: new Uint8Array([0x22, 0xff, 0xfe, 0x22]) })
      assert.strictEqual((yield* speak(broken)).status, 400)
      const sequence = ask({ text: "Hi." }, { headers: { "content-type": "application/json-seq" } })
      assert.strictEqual((yield* speak(sequence)).status, 415)
      const { error, status } = yield* speak(ask({ text: "Hi.", voice: "v".repeat(60_000) }))
      assert.strictEqual(status, 400)
      assert.strictEqual(parameterOf(error), "voice")
      assert.isBelow(error?.message.length ?? Infinity, 500)
      assert.lengthOf(engine.requests, 0)
    }))

  it.effect("limiter - two processes with one store count together", () =>
    Effect.gen(function*() {
      const limiter = Layer.build(Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory))
      const shared = yield* Effect.map(limiter, (context) => Effect.provide(RateLimiter.RateLimiter, context))
      const limits = { requests: { limit: 2, window: "1 minute" } } as const
      const [first, second] = [serve({ limiter: shared, limits }), serve({ limiter: shared, limits })]
      const statuses = yield* Effect.forEach(
        [first, second, first, second],
        ({ speak }) => Effect.map(speak(ask({ text: "Hi." })), ({ status }) => status)
      )
      assert.deepStrictEqual(statuses, [200, 200, 429, 429])
    }).pipe(Effect.scoped))

  it.effect("limiter - where its store fails nobody speaks, and the page is told to come back", () =>
    Effect.gen(function*() {
      const failing = RateLimiter.make.pipe(
        Effect.provideService(RateLimiter.RateLimiterStore, {
          fixedWindow: () => Effect.die("not used"),
          tokenBucket: () => Effect.fail(new RateLimiter.RateLimitStoreError({ message: "secret address" }))
        })
      )
      const { engine, speak } = serve({ limiter: failing })
      const { error, status } = yield* speak(ask({ text: "Hi." }))
      assert.strictEqual(status, 503)
      assert.isTrue(error !== undefined && SpeechError.isRetryable(error))
      assert.notInclude(error?.message, "secret")
      assert.lengthOf(engine.requests, 0)
    }).pipe(quietly))

  it("options that make no sense are defects that name them", () => {
    const make = (options: Partial<SpeechProxy.Options>) => () =>
      SpeechProxy.httpApp({ authorize: everybody, ...options })
    assert.throws(make({ maxTextLength: 0 }), RangeError, "maxTextLength")
    assert.throws(make({ limits: { concurrency: 0 } }), RangeError, "limits.concurrency")
    assert.throws(make({ limits: { requests: { limit: 0, window: 1 } } }), RangeError, "limits.requests.limit")
    assert.throws(make({ limits: { characters: { limit: 9, window: 1 } } }), RangeError, "limits.characters.limit")
  })
})

describe("SpeechProxy.toWebHandler", () => {
  const promised = <A>(start: () => Promise<A>) => Effect.promise(start)

  const running = (engine: Support.Scripted, isSo: boolean) =>
    Effect.repeat(Effect.sleep("5 millis"), { until: () => engine.running() > 0 === isSo })

  const mount = (engine: Support.Scripted, options: Partial<SpeechProxy.Options> = {}) =>
    Effect.acquireRelease(
      Effect.sync(() => SpeechProxy.toWebHandler({ authorize: everybody, ...options }, layerOf(engine))),
      ({ dispose }) => promised(dispose)
    )

  it.scopedLive("answers a web request with a web response", () =>
    Effect.gen(function*() {
      const { handler } = yield* mount(Support.make())
      const response = yield* promised(() => handler(ask({ text: "Hi there." })))
      const audio = yield* SpeechProxyProtocol.fromResponse(response).pipe(
        Stream.filter(SpeechProxyProtocol.isSpeechEvent),
        SpeechEvent.pcm,
        Stream.runCollect
      )
      assert.strictEqual(Support.textOf(audio), "Hi there.")
      const list = yield* promised(() => handler(new Request(url)))
      assert.deepStrictEqual(yield* promised(() => list.json()), { voices: [], models: [], languages: [] })
    }))

  for (const way of ["the body is cancelled", "the request is aborted"]) {
    it.scopedLive(`when ${way}, the engine stops`, () =>
      Effect.gen(function*() {
        const engine = Support.make(() => ({ chunkDelay: "10 millis" }))
        const { handler } = yield* mount(engine)
        const controller = new AbortController()
        const text = "This goes on and on. ".repeat(50)
        const response = yield* promised(() => handler(ask({ text }, { signal: controller.signal })))
        const reader = response.body?.getReader()
        yield* promised(async () => reader?.read())
        yield* running(engine, true)
        if (way === "the body is cancelled") yield* promised(async () => reader?.cancel())
        else controller.abort()
        yield* running(engine, false)
        assert.include(engine.requests.map(({ status }) => status), "interrupted")
      }))
  }

  const origin = "https://app.example.com"

  const preflight = () =>
    new Request(url, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,authorization"
      }
    })

  it.scopedLive("cors - is off unless it is asked for", () =>
    Effect.gen(function*() {
      const { handler } = yield* mount(Support.make())
      const asked = yield* promised(() => handler(preflight()))
      assert.strictEqual(asked.status, 405)
      const response = yield* promised(() => handler(ask({ text: "Hi." }, { headers: { origin } })))
      yield* promised(() => response.text())
      for (const { headers } of [asked, response]) {
        assert.isNull(headers.get("access-control-allow-origin"))
      }
    }))

  it.scopedLive("cors - lets the origins in that it names, before they are authorized", () =>
    Effect.gen(function*() {
      const { handler } = yield* mount(Support.make(), {
        authorize: () => new SpeechProxy.Denied({ description: "No" }),
        cors: { allowedOrigins: [origin, "https://other.example.com"], credentials: true }
      })
      const asked = yield* promised(() => handler(preflight()))
      assert.strictEqual(asked.status, 204)
      assert.strictEqual(asked.headers.get("access-control-allow-origin"), origin)
      assert.strictEqual(asked.headers.get("access-control-allow-headers"), "content-type,authorization")
      assert.strictEqual(asked.headers.get("access-control-allow-methods"), "GET, POST")
      const response = yield* promised(() => handler(ask({ text: "Hi." }, { headers: { origin } })))
      yield* promised(() => response.text())
      assert.strictEqual(response.status, 403)
      assert.strictEqual(response.headers.get("access-control-allow-origin"), origin)
      assert.strictEqual(response.headers.get("access-control-allow-credentials"), "true")
      const stranger = yield* promised(() =>
        handler(ask({ text: "Hi." }, { headers: { origin: "https://evil.example" } }))
      )
      yield* promised(() => stranger.text())
      assert.isNull(stranger.headers.get("access-control-allow-origin"))
    }))
})

describe("SpeechReply.events", () => {
  const collect = (reply: Stream.Stream<SpeechProxyProtocol.ReplyEvent, unknown>) =>
    Effect.gen(function*() {
      const events: Array<SpeechProxyProtocol.ReplyEvent> = []
      const result = yield* Effect.either(
        Stream.runForEach(reply, (event) => Effect.sync(() => void events.push(event)))
      )
      return {
        error: result._tag === "Left" ? result.left : undefined,
        text: events.map((event) => event._tag === "TextDelta" ? event.text : "").join(""),
        spoken: Support.textOf(events.filter(SpeechEvent.$is("AudioChunk")).map(({ chunk }) => chunk)),
        tags: events.map(({ _tag }) => _tag)
      }
    })

  it.effect("shows the text as written, speaks what was made of it, and passes flushes", () =>
    Effect.gen(function*() {
      const text = Stream.make<Array<SpeechText.Input>>("Some **bold** ", "words", SpeechText.flush, " here.")
      const reply = SpeechReply.events(text, { prepare: SpeechText.stripMarkdown })
      const { spoken, tags, text: shown } = yield* collect(
        Stream.provideLayer(reply, Support.speech(Support.make(), { fade: 0 }))
      )
      assert.strictEqual(shown, "Some **bold** words here.")
      assert.strictEqual(spoken, "Some bold words here.")
      assert.strictEqual(tags.at(-1), "Completed")
    }))

  it.effect("options reach the engine", () =>
    Effect.gen(function*() {
      const engine = Support.make()
      yield* collect(Stream.provideLayer(SpeechReply.events(Stream.make("Hi."), { speed: 2 }), Support.speech(engine)))
      assert.strictEqual(engine.requests[0]?.options.speed, 2)
    }))

  it.effect("law 5: when the text fails, so does the reply, after the speech that was due", () =>
    Effect.gen(function*() {
      const text = Stream.concat(Stream.make("One sentence. ", "Another one. "), Stream.fail("the model broke"))
      const { error, spoken } = yield* collect(
        Stream.provideLayer(SpeechReply.events(text), Support.speech(Support.make(), { fade: 0 }))
      )
      assert.strictEqual(error, "the model broke")
      assert.include(spoken, "One sentence.")
    }))

  it.effect("when the engine fails, the writing of the text ends", () =>
    Effect.gen(function*() {
      const stopped = yield* Deferred.make<void>()
      const text = Stream.make("One sentence. ", "And").pipe(
        Stream.concat(Stream.never),
        Stream.ensuring(Deferred.succeed(stopped, undefined))
      )
      const engine = Support.make(() => ({ error: Support.forbidden }))
      const fiber = yield* Effect.fork(collect(Stream.provideLayer(SpeechReply.events(text), Support.speech(engine))))
      yield* TestClock.adjust("1 second")
      const { error } = yield* Fiber.join(fiber)
      assert.instanceOf(error, SpeechError.InvalidApiKey)
      assert.isTrue(yield* Deferred.isDone(stopped))
    }))
})

describe("the store of the limits", () => {
  const step = FastCheck.record({
    client: FastCheck.constantFrom("a", "b"),
    tokens: FastCheck.integer({ min: 1, max: 4 }),
    millis: FastCheck.nat({ max: 2000 }),
    overflow: FastCheck.boolean()
  })

  const steps = FastCheck.array(step, { maxLength: 20 })
  const limit = FastCheck.integer({ min: 1, max: 6 })
  const refillRate = Duration.millis(700)

  it.effect.prop(
    "a fixed window - is that of @effect/experimental",
    { steps, limit },
    ({ limit, steps }) =>
      Effect.gen(function*() {
        const mine = MemoryStore.make()
        const theirs = yield* Effect.provide(RateLimiter.RateLimiterStore, RateLimiter.layerStoreMemory)
        for (const { client: key, millis, overflow, tokens } of steps) {
          yield* TestClock.adjust(millis)
          const taken = { key, tokens, refillRate, limit: overflow ? undefined : limit }
          assert.deepStrictEqual(yield* mine.fixedWindow(taken), yield* theirs.fixedWindow(taken))
        }
      })
  )

  it.effect.prop(
    "a token bucket - gets a token back for each full interval since it was full",
    { steps, limit },
    ({ limit, steps }) =>
      Effect.gen(function*() {
        const store = MemoryStore.make()
        const buckets = new Map<string, { left: number; since: number }>()
        let now = 0
        for (const { client: key, millis, overflow: allowOverflow, tokens } of steps) {
          yield* TestClock.adjust(millis)
          now += millis
          let { left, since } = buckets.get(key) ?? { left: limit, since: now }
          for (; left < limit && since + 700 <= now; since += 700) left++
          if (left === limit) since = now
          const after = left - tokens
          buckets.set(key, { left: allowOverflow || after >= 0 ? after : left, since })
          assert.strictEqual(yield* store.tokenBucket({ key, tokens, limit, refillRate, allowOverflow }), after)
        }
      })
  )

  it.effect("forgets clients that have all their tokens back", () =>
    Effect.gen(function*() {
      const store = MemoryStore.make()
      const take = (key: string) =>
        store.tokenBucket({ key, tokens: 1, limit: 10, refillRate: Duration.millis(100), allowOverflow: false })
      for (let i = 0; i < 1000; i++) yield* take(`client ${i}`)
      assert.strictEqual(store.size(), 1000)
      yield* TestClock.adjust("1 minute")
      yield* take("another")
      assert.strictEqual(store.size(), 1)
    }))
})
