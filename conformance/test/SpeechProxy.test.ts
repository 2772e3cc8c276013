import { Audio, SpeechError, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { ProxySpeechSynthesizer, SpeechProxy, SpeechProxyProtocol, SpeechReply } from "@effect-smallest/proxy"
import { SpeechStream } from "@effect-smallest/stream"
import { TestSpeechSynthesizer } from "@effect-smallest/testing"
import { SpeechStreamSuite, SpeechSynthesizerSuite } from "@effect-smallest/testing/suites"
import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { FetchHttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  Arbitrary,
  Chunk,
  Context,
  Deferred,
  Duration,
  Effect,
  Either,
  FastCheck,
  Fiber,
  Layer,
  LogLevel,
  Redacted,
  Schedule,
  Schema,
  Stream
} from "effect"
import * as Live from "../src/Live.js"
import { type Engine, layerClient, layerServer, ProxyUrl } from "../src/Proxy.js"
import * as RecordingTracer from "../src/RecordingTracer.js"

// ----------------------------------------------------------------------------------------------------------------
// the contracts of the ports, through the proxy
// ----------------------------------------------------------------------------------------------------------------

const retry = Schedule.intersect(Schedule.spaced("20 millis"), Schedule.recurs(3))

// Whoever listens owns the retries, which its suite counts.
const once = SpeechStream.layerSegmented({ retry: { maxRetries: 0 } })

const emulated = once.pipe(
  Layer.provideMerge(WavesSpeechSynthesizer.layer()),
  Layer.provide(Layer.unwrapEffect(
    Effect.map(
      WavesEmulator.WavesEmulator,
      ({ url }) => WavesClient.layer({ apiKey: Redacted.make("sk_test"), baseUrl: url, concurrency: 4 })
    )
  )),
  Layer.provide(NodeHttpClient.layerUndici),
  Layer.provide(WavesEmulator.layer({ engine: "tone" }))
)

SpeechSynthesizerSuite.suite(
  "ProxySpeechSynthesizer before the emulator",
  layerClient(NodeHttpClient.layerUndici).pipe(Layer.provide(layerServer()), Layer.provide(emulated)),
  { unknownVoice: "nobody", unsupportedOption: { provider: { waves: { enhancement: 1 } } } }
)

SpeechSynthesizerSuite.suite(
  "ProxySpeechSynthesizer before TestSpeechSynthesizer",
  layerClient(FetchHttpClient.layer).pipe(
    Layer.provide(layerServer()),
    Layer.provide(Layer.provideMerge(
      once,
      TestSpeechSynthesizer.layer({ honours: ["voice", "model"], voices: ["meher"] })
    ))
  ),
  {
    wordTimestamps: true,
    unknownVoice: "nobody",
    unsupportedOption: { provider: { waves: { similarity: 0.5 } }, model: "lightning" }
  }
)

const engine = TestSpeechSynthesizer.layer({ firstAudioDelay: "30 millis", chunkDelay: "2 millis" })

SpeechStreamSuite.suite(
  "SpeechStream.layerSegmented over ProxySpeechSynthesizer",
  SpeechStream.layerSegmented({ retry }).pipe(
    Layer.provide(layerClient(FetchHttpClient.layer)),
    Layer.provide(layerServer()),
    Layer.provide(Layer.provideMerge(once, engine)),
    Layer.merge(Layer.map(engine, Context.pick(TestSpeechSynthesizer.TestSpeechSynthesizer)))
  ),
  {
    wordTimestamps: true,
    interruptionLimit: "100 millis",
    probe: {
      requests: Effect.map(TestSpeechSynthesizer.requests, (requests) => requests.length),
      running: Effect.map(
        TestSpeechSynthesizer.requests,
        (requests) => requests.filter(({ status }) => status === "waiting" || status === "speaking").length
      ),
      failNext: (times) =>
        TestSpeechSynthesizer.enqueue(...Array.from({ length: times }, () => ({
          error: new SpeechError.RateLimited({ module: "Test", method: "events", description: "Too many requests" })
        })))
    }
  }
)

// ----------------------------------------------------------------------------------------------------------------
// errors, limits, departures
// ----------------------------------------------------------------------------------------------------------------

/** A `SpeechStream` that adds nothing to what its engine says. */
const bare = Layer.effect(
  SpeechStream.SpeechStream,
  Effect.map(
    SpeechSynthesizer.SpeechSynthesizer,
    ({ events }) =>
      SpeechStream.make((text, options) =>
        typeof text === "string" ? events({ text, ...options }) : Stream.dieMessage("not asked for")
      )
  )
)

/** Engine, server and client; the engine can be asked what it was asked. */
const proxied = (
  options: Partial<SpeechProxy.Options> = {},
  engine: TestSpeechSynthesizer.Options = {},
  client: Partial<ProxySpeechSynthesizer.Options> = {}
) => {
  const speech = TestSpeechSynthesizer.layer(engine)
  return layerClient(FetchHttpClient.layer, client).pipe(
    Layer.provideMerge(layerServer(options)),
    Layer.provide(Layer.provideMerge(bare, speech)),
    Layer.merge(Layer.map(speech, Context.pick(TestSpeechSynthesizer.TestSpeechSynthesizer)))
  )
}

const speak = Stream.runDrain(SpeechSynthesizer.events({ text: "Hello." }))

const errorOf = <A, R>(effect: Effect.Effect<A, SpeechError.SpeechError, R>) => Effect.flip(effect)

const ask = (url: string, init: RequestInit = {}) => Effect.promise((signal) => fetch(url, { signal, ...init }))

const post = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body)
})

const millis = FastCheck.nat({ max: 1_000_000 }).map(Duration.millis)

// What a server asks to wait, and a limit that was exceeded, are finite.
const anyError = FastCheck.tuple(Arbitrary.make(SpeechError.schema), millis).map(([error, time]) => {
  const { description, method, module, position, requestId } = error
  const fields = { description, method, module, position, requestId }
  switch (error._tag) {
    case "RateLimited":
      return new SpeechError.RateLimited({ ...fields, retryAfter: error.retryAfter && time })
    case "SpeechTimeout":
      return new SpeechError.SpeechTimeout({ ...fields, phase: error.phase, after: time })
    default:
      return error
  }
})

describe("SpeechProxy over a Node server", () => {
  it.scopedLive("every SpeechError reaches the page as it was, before the first sound and in the middle", () =>
    Effect.gen(function*() {
      const json = Schema.encodeSync(SpeechError.schema)
      const seen = new Set<string>()
      for (const error of FastCheck.sample(anyError, 120)) {
        seen.add(error._tag)
        yield* TestSpeechSynthesizer.enqueue({ error, chunksBeforeError: seen.size % 2 })
        const failed = yield* errorOf(speak)
        assert.strictEqual(failed.constructor, error.constructor)
        assert.strictEqual(failed.message, error.message)
        assert.strictEqual(failed.isRetryable, error.isRetryable)
        assert.deepStrictEqual(JSON.stringify(json(failed)), JSON.stringify(json(SpeechError.withoutCause(error))))
      }
      assert.isAbove(seen.size, 10)
    }).pipe(Effect.provide(proxied())))

  it.scopedLive("authorize - sees the token, decides who it is, and its refusal says what to do", () =>
    Effect.gen(function*() {
      const url = yield* ProxyUrl
      yield* speak
      yield* SpeechSynthesizer.voices
      for (const call of [Stream.runDrain(SpeechSynthesizer.events({ text: "Hi." })), SpeechSynthesizer.voices]) {
        const stranger = ProxySpeechSynthesizer.layer({ url }).pipe(Layer.provide(FetchHttpClient.layer))
        const error = yield* errorOf(Effect.provide(Effect.asVoid(call), stranger))
        assert.strictEqual(error._tag, "AccessDenied")
        assert.include(error.message, "Who are you?")
        assert.include(error.message, "Sign in")
        assert.isFalse(error.isRetryable)
      }
      assert.lengthOf(yield* TestSpeechSynthesizer.requests, 1)
      assert.strictEqual((yield* ask(url, post({ text: "Hi." }))).status, 403)
    }).pipe(Effect.provide(proxied(
      {
        authorize: ({ headers }) =>
          headers["authorization"] === "Bearer session-1"
            ? Effect.succeed("ada")
            : new SpeechProxy.Denied({ description: "Who are you?" })
      },
      {},
      { headers: Effect.succeed({ authorization: Redacted.make("Bearer session-1") }) }
    ))))

  it.scopedLive("limits.requests - more is RateLimited, which says when to ask again, for this client alone", () =>
    Effect.gen(function*() {
      const url = yield* ProxyUrl
      yield* speak
      yield* speak
      const error = yield* errorOf(speak)
      assert.isTrue(error._tag === "RateLimited")
      const wait = error._tag === "RateLimited" ? Duration.toSeconds(error.retryAfter ?? 0) : 0
      assert.isTrue(wait > 29 && wait <= 30, `${wait} seconds`)
      const response = yield* ask(url, post({ text: "Hi." }))
      assert.strictEqual(response.status, 429)
      assert.strictEqual(response.headers.get("retry-after"), "30")
      assert.strictEqual((yield* ask(url, post({ text: "Hi." }, { "x-user": "grace" }))).status, 200)
    }).pipe(Effect.provide(proxied({
      authorize: ({ headers }) => Effect.succeed(headers["x-user"] ?? "ada"),
      limits: { requests: { limit: 2, window: "1 minute" } }
    }))))

  for (
    const [when, engine] of [["in the middle", { chunkDelay: "20 millis" }], ["before the first sound", {
      firstAudioDelay: Duration.infinity
    }]] as const
  ) {
    it.scopedLive(`a page that goes away ${when} ends the engine's work within 100 ms`, () =>
      Effect.gen(function*() {
        const longText = "This goes on and on. ".repeat(100)
        const measured: Array<number> = []
        for (let i = 0; i < 3; i++) {
          const fiber = yield* Effect.fork(
            Stream.runDrain(SpeechSynthesizer.stream({ text: longText }))
          )
          yield* TestSpeechSynthesizer.TestSpeechSynthesizer.pipe(
            Effect.flatMap((test) =>
              test.awaitRequest(i, ({ samples }) => when === "before the first sound" || samples > 0)
            )
          )
          const [took] = yield* Fiber.interrupt(fiber).pipe(
            Effect.zipRight(
              Effect.flatMap(
                TestSpeechSynthesizer.TestSpeechSynthesizer,
                (test) => test.awaitRequest(i, ({ status }) => status === "interrupted")
              )
            ),
            Effect.timed
          )
          measured.push(Duration.toMillis(took))
        }
        assert.isBelow(Math.min(...measured), 100, `${measured.join(", ")} ms`)
      }).pipe(Effect.provide(proxied({}, engine))), { retry: 4 })
  }

  it.scopedLive("a page that does not read slows the engine, and its buffers stay small", () =>
    Effect.gen(function*() {
      const url = yield* ProxyUrl
      // 77 MB of audio; what sockets hold on both sides is some megabytes.
      yield* Effect.acquireRelease(
        ask(url, post({ text: "a".repeat(8000), speed: 0.5, sampleRate: 48000 })),
        (response) => Effect.promise(() => response.body?.cancel() ?? Promise.resolve())
      )
      yield* Effect.flatMap(
        TestSpeechSynthesizer.TestSpeechSynthesizer,
        (test) => test.awaitRequest(0, ({ samples }) => samples > 0)
      )
      const samples = Effect.map(TestSpeechSynthesizer.requests, ([request]) => request?.samples ?? 0)
      const settled = yield* Effect.iterate([-1, 0], {
        while: ([before, now]) => before !== now,
        body: ([, before = 0]) => Effect.map(Effect.delay(samples, "300 millis"), (now) => [before, now])
      })
      assert.isBelow((settled[1] ?? 0) * 2, 20_000_000)
    }).pipe(Effect.scoped, Effect.provide(proxied({}, { chunkDuration: "1 second" }))))

  it.scopedLive("layerRetry with isProxyError - waits as long as the server's limit asks", () =>
    Effect.gen(function*() {
      const url = yield* ProxyUrl
      const page = ProxySpeechSynthesizer.layer({ url }).pipe(
        Layer.provide(FetchHttpClient.layer),
        SpeechSynthesizer.layerRetry({ while: ProxySpeechSynthesizer.isProxyError, baseDelay: "1 millis" })
      )
      const [took] = yield* Effect.all([speak, speak]).pipe(Effect.provide(page), Effect.timed)
      assert.isAbove(Duration.toMillis(took), 190)
    }).pipe(Effect.provide(proxied({ limits: { requests: { limit: 1, window: "200 millis" } } }))))
})

describe("SpeechProxy before the vendor's API", () => {
  it.scopedLive("word times of a live engine reach the page", () =>
    Effect.gen(function*() {
      const events = Chunk.toReadonlyArray(
        yield* Stream.runCollect(SpeechSynthesizer.events({ text: "Hello there. How are you?" }))
      )
      const words = events.filter(SpeechEvent.$is("WordTimestamp")).map(({ word }) => word)
      assert.deepStrictEqual(words.join(" ").replace(/[^a-z ]/gi, ""), "Hello there How are you")
      assert.strictEqual(events.at(-1)?._tag, "Completed")
    }).pipe(
      Effect.provide(layerClient(FetchHttpClient.layer).pipe(Layer.provide(layerServer()), Layer.provide(Live.layer())))
    ))

  it.scopedLive("law 8: the key is in no answer, log or span, whether the vendor takes it or not", () =>
    Effect.gen(function*() {
      const canary = "sk_canary_7d41"
      const { layer, recorded } = RecordingTracer.make()
      const told: Array<string> = []
      for (const accepted of [canary, "sk_another"]) {
        const engine: Layer.Layer<Engine> = Live.layer({
          client: { apiKey: Redacted.make(canary) },
          emulator: { apiKey: Redacted.make(accepted) }
        })
        yield* Effect.gen(function*() {
          const url = yield* ProxyUrl
          for (const init of [post({ text: "Hello." }), post({ text: "" }), post({ text: "x", similarity: 1 }), {}]) {
            const response = yield* ask(url, init)
            told.push(JSON.stringify([...response.headers]), yield* Effect.promise(() => response.text()))
          }
          const result = yield* Effect.either(speak)
          told.push(RecordingTracer.everythingAbout(result))
          assert.strictEqual(Either.isRight(result), accepted === canary)
          if (Either.isLeft(result)) assert.strictEqual(result.left._tag, "InvalidApiKey")
        }).pipe(
          Effect.provide(
            layerClient(FetchHttpClient.layer).pipe(
              Layer.provideMerge(layerServer({}, LogLevel.All)),
              Layer.provide(engine),
              Layer.provide(layer)
            )
          ),
          Effect.provide(layer)
        )
      }
      assert.isAbove(recorded.spans.length, 0)
      assert.isAbove(recorded.logs.length, 0)
      for (const text of [...told, ...recorded.logs, RecordingTracer.saidBySpans(recorded)]) {
        assert.notInclude(text, canary)
        assert.notInclude(text, "sk_can")
      }
    }))
})

describe("a reply and its speech", () => {
  it.scopedLive("the text comes as it is written, the speech beside it, in one response", () =>
    Effect.gen(function*() {
      const mayEnd = yield* Deferred.make<void>()
      const tokens = Stream.make("Hello", " **there**. ").pipe(
        Stream.concat(Stream.fromEffect(Effect.as(Deferred.await(mayEnd), "Bye.")))
      )
      const { speech, text } = yield* SpeechProxyProtocol.split(SpeechReply.events(tokens))
      const seen = yield* Deferred.make<void>()
      const words = yield* Effect.fork(
        Stream.runCollect(
          Stream.tap(text, (piece) => piece.includes("there") ? Deferred.succeed(seen, undefined) : Effect.void)
        )
      )
      yield* Deferred.await(seen)
      yield* Deferred.succeed(mayEnd, undefined)
      const audio = yield* Effect.flatten(Audio.fromStream(SpeechEvent.pcm(speech)))
      assert.strictEqual(Chunk.join(yield* Fiber.join(words), ""), "Hello **there**. Bye.")
      assert.strictEqual(TestSpeechSynthesizer.textOf(audio), "Hello **there**. Bye.")
    }).pipe(Effect.provide(Layer.provide(SpeechStream.layerSegmented({ fade: 0 }), TestSpeechSynthesizer.layer()))))
})
