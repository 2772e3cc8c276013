import { Pcm, SpeechError, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { ProxySpeechSynthesizer, SpeechProxyProtocol } from "@effect-smallest/proxy"
import { type Answer, type Exchange, fakeHttp, json } from "@effect-smallest/test-support/fakeHttp"
import { HttpClient, HttpClientError, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Fiber, Layer, Redacted, Stream, TestClock } from "effect"

const url = "https://example.com/speech"

const at = { module: "WavesClient", method: "stream", description: "It broke" }

const sound = (sampleRate: number, seconds = 1) =>
  SpeechEvent.AudioChunk({ chunk: Pcm.silence(Pcm.format(sampleRate), Duration.seconds(seconds)) })

const completed = SpeechEvent.Completed({ duration: Duration.seconds(1) })

const speech = (
  events: Stream.Stream<SpeechProxyProtocol.ReplyEvent, SpeechError.SpeechError>
): Answer => ({
  headers: { "content-type": SpeechProxyProtocol.contentType },
  body: SpeechProxyProtocol.encode(events)
})

const answer = (...events: ReadonlyArray<SpeechProxyProtocol.ReplyEvent>) => () =>
  Effect.succeed(speech(Stream.fromIterable(events)))

const proxy = (
  handle: Parameters<typeof fakeHttp>[0],
  options: Partial<ProxySpeechSynthesizer.Options> = {}
) => {
  const { exchanges, layer } = fakeHttp(handle)
  return { exchanges, layer: Layer.provide(ProxySpeechSynthesizer.layer({ url, ...options }), layer) }
}

const failureOf = <A, R>(effect: Effect.Effect<A, SpeechError.SpeechError, R>) => Effect.flip(effect)

const speak = Effect.map(Stream.runCollect(SpeechSynthesizer.events({ text: "Hi." })), Chunk.toReadonlyArray)

describe("ProxySpeechSynthesizer", () => {
  it.effect("events - asks for the text and what was said, and for nothing that was not", () =>
    Effect.gen(function*() {
      const { exchanges, layer } = proxy(answer(sound(16000), completed), {
        voice: "meher",
        sampleRate: 16000,
        headers: Effect.succeed({ authorization: Redacted.make("Bearer token-1"), "x-app": "demo" })
      })
      const events = yield* Effect.provide(speak, layer)
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["AudioChunk", "Completed"])
      const [exchange] = exchanges
      assert.strictEqual(exchange?.request.method, "POST")
      assert.strictEqual(exchange?.request.url, url)
      assert.deepStrictEqual(exchange?.json, { text: "Hi.", voice: "meher", sampleRate: 16000, speed: 1 })
      assert.strictEqual(exchange?.request.headers["authorization"], "Bearer token-1")
      assert.strictEqual(exchange?.request.headers["x-app"], "demo")
    }))

  it.effect("headers - are asked for with each request; where they fail, so does it", () =>
    Effect.gen(function*() {
      let count = 0
      const { exchanges, layer } = proxy(answer(sound(24000), completed), {
        headers: Effect.suspend(() =>
          ++count < 3 ? Effect.succeed({ "x-count": `${count}` }) : new SpeechError.AccessDenied(at)
        )
      })
      const errors = yield* Effect.forEach([1, 2, 3], () => Effect.either(speak)).pipe(Effect.provide(layer))
      assert.deepStrictEqual(errors.map(({ _tag }) => _tag), ["Right", "Right", "Left"])
      assert.deepStrictEqual(exchanges.map(({ request }) => request.headers["x-count"]), ["1", "2"])
    }))

  it.effect("events - what the server failed with is what fails here", () =>
    Effect.gen(function*() {
      const error = new SpeechError.RateLimited({ ...at, retryAfter: Duration.seconds(3), requestId: "r1" })
      const { layer } = proxy(() => Effect.succeed(speech(Stream.fail(error))))
      const failed = yield* Effect.provide(failureOf(speak), layer)
      assert.instanceOf(failed, SpeechError.RateLimited)
      assert.strictEqual(failed.message, error.message)
      assert.isFalse(ProxySpeechSynthesizer.isProxyError(failed))
    }))

  const wrong: Record<string, readonly [Parameters<typeof fakeHttp>[0], SpeechError.SpeechError["_tag"]]> = {
    "no end of the speech": [answer(sound(24000)), "TruncatedAudio"],
    "no speech at all": [answer(SpeechProxyProtocol.TextDelta("Hi.")), "TruncatedAudio"],
    "another rate": [answer(sound(8000), completed), "MalformedResponse"],
    "speech without audio": [answer(completed), "EmptyAudio"],
    "a page": [() => Effect.succeed({ body: Stream.make(new TextEncoder().encode("<html>")) }), "MalformedResponse"],
    "a refusal of a gateway": [() => Effect.succeed(json(403, { message: "No" })), "AccessDenied"]
  }

  for (const [name, [handle, tag]] of Object.entries(wrong)) {
    it.effect(`events - ${name} is ${tag}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.provide(failureOf(speak), proxy(handle).layer)
        assert.strictEqual(error._tag, tag, error.message)
      }))
  }

  it.effect("events - the text of a reply is not speech", () =>
    Effect.gen(function*() {
      const { layer } = proxy(answer(SpeechProxyProtocol.TextDelta("Hi."), sound(24000), completed))
      const events = yield* Effect.provide(speak, layer)
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["AudioChunk", "Completed"])
    }))

  it.effect("timeouts - a server that does not answer, and one that falls silent", () =>
    Effect.gen(function*() {
      const never = yield* Effect.fork(Effect.provide(failureOf(speak), proxy(() => Effect.never).layer))
      yield* TestClock.adjust("10 seconds")
      const connect = yield* Fiber.join(never)
      assert.isTrue(connect._tag === "SpeechTimeout" && connect.phase === "connect")

      const keptAlive = proxy(() => Effect.succeed(speech(Stream.never)))
      const alive = yield* Effect.fork(Effect.provide(failureOf(speak), keptAlive.layer))
      yield* TestClock.adjust("10 minutes")
      assert.isNull(yield* Fiber.poll(alive).pipe(Effect.map((exit) => exit._tag === "None" ? null : exit)))
      yield* Fiber.interrupt(alive)
      assert.isFalse(keptAlive.exchanges[0]?.isOpen)

      const mute = proxy(() => Effect.succeed({ ...speech(Stream.empty), body: Stream.never }))
      const silent = yield* Effect.fork(Effect.provide(failureOf(speak), mute.layer))
      yield* TestClock.adjust("30 seconds")
      const idle = yield* Fiber.join(silent)
      assert.isTrue(idle._tag === "SpeechTimeout" && idle.phase === "idle")
      assert.isFalse(mute.exchanges[0]?.isOpen)
    }))

  it.effect("timeouts - a listener that pauses is not timed out", () =>
    Effect.gen(function*() {
      const { layer } = proxy(answer(sound(24000), sound(24000), completed))
      const fiber = yield* SpeechSynthesizer.stream({ text: "Hi." }).pipe(
        Stream.rechunk(1),
        Stream.mapEffect(() => Effect.sleep("2 minutes")),
        Stream.runDrain,
        Effect.provide(layer),
        Effect.fork
      )
      yield* TestClock.adjust("6 minutes")
      yield* Fiber.join(fiber)
    }))

  it.effect("a token in a header appears in no error", () =>
    Effect.gen(function*() {
      const token = "canary-token-1"
      const headers = Effect.succeed({ authorization: Redacted.make(`Bearer ${token}`) })
      const broken = (reason: "Transport" | "InvalidUrl" | "Encode") => ({ request }: Exchange) =>
        new HttpClientError.RequestError({ request, reason, cause: new TypeError(`"Bearer ${token}" is invalid`) })
      const handles: ReadonlyArray<Parameters<typeof fakeHttp>[0]> = [
        broken("Transport"),
        broken("InvalidUrl"),
        broken("Encode"),
        () => Effect.succeed(json(401, { message: `unknown token ${token}` })),
        () => Effect.succeed(json(500, `x ${token}`)),
        ({ request }) =>
          Effect.succeed({
            headers: { "content-type": SpeechProxyProtocol.contentType },
            body: Stream.fail(
              new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error(token) })
            )
          })
      ]
      for (const handle of handles) {
        const { exchanges, layer } = proxy(handle, { headers })
        for (const call of [Effect.asVoid(speak), Effect.asVoid(SpeechSynthesizer.voices)]) {
          const error = yield* Effect.provide(failureOf(call), layer)
          assert.isTrue(ProxySpeechSynthesizer.isProxyError(error))
          assert.include(exchanges[0]?.request.headers["authorization"], token)
          for (const told of [String(error), error.message, error.stack, JSON.stringify(error)]) {
            assert.notInclude(told, token)
          }
        }
      }
    }))

  it.effect("voices, models, languages - come from the server", () =>
    Effect.gen(function*() {
      const catalogue = {
        voices: [{ id: "meher", name: "Meher", languages: ["en"], models: ["m1"] }],
        models: ["m1"],
        languages: ["en", "hi"]
      }
      const { exchanges, layer } = proxy(() => Effect.succeed(json(200, catalogue)))
      const told = yield* Effect.all({
        voices: SpeechSynthesizer.voices,
        models: SpeechSynthesizer.models,
        languages: SpeechSynthesizer.languages
      }).pipe(Effect.provide(layer))
      assert.deepStrictEqual(JSON.parse(JSON.stringify(told)), catalogue)
      assert.isTrue(exchanges.every(({ request }) => request.method === "GET"))
    }))

  it.effect("voices - an answer that is no catalogue is MalformedResponse, a refusal is the server's", () =>
    Effect.gen(function*() {
      const odd = proxy(() => Effect.succeed(json(200, { voices: "many" })))
      assert.strictEqual(
        (yield* Effect.provide(failureOf(SpeechSynthesizer.voices), odd.layer))._tag,
        "MalformedResponse"
      )
      const denied = proxy(() =>
        Effect.succeed({ ...speech(Stream.fail(new SpeechError.AccessDenied(at))), status: 403 })
      )
      assert.strictEqual(
        (yield* Effect.provide(failureOf(SpeechSynthesizer.voices), denied.layer))._tag,
        "AccessDenied"
      )
    }))

  it.effect("layerRetry with isProxyError - tries again what broke on the way, and not what the engine failed with", () =>
    Effect.gen(function*() {
      const run = Effect.fnUntraced(function*(error: SpeechError.SpeechError) {
        const { exchanges, layer } = proxy((_, index) =>
          Effect.succeed(speech(index === 0 ? Stream.fail(error) : Stream.make(sound(24000), completed)))
        )
        const retried = SpeechSynthesizer.layerRetry(layer, { while: ProxySpeechSynthesizer.isProxyError })
        const fiber = yield* Effect.fork(Effect.either(Effect.provide(speak, retried)))
        yield* TestClock.adjust("1 minute")
        return [(yield* Fiber.join(fiber))._tag, exchanges.length] as const
      })
      assert.deepStrictEqual(yield* run(new SpeechError.ServerFailure(at)), ["Left", 1])
      assert.deepStrictEqual(yield* run(new SpeechError.RateLimited({ ...at, module: "SpeechProxy" })), ["Right", 2])
    }))

  it.effect("transformClient - changes the client", () =>
    Effect.gen(function*() {
      const { exchanges, layer } = proxy(answer(sound(24000), completed), {
        transformClient: HttpClient.mapRequest(HttpClientRequest.setUrlParam("a", "b"))
      })
      yield* Effect.provide(speak, layer)
      assert.deepStrictEqual(exchanges[0]?.request.urlParams, [["a", "b"]])
    }))
})
