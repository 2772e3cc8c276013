import { Pcm, SpeechError, SpeechEvent, SpeechResponse } from "@effect-smallest/core"
import {
  HttpApi,
  HttpApiBuilder,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApp,
  HttpServer,
  HttpServerResponse
} from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Schema, Stream } from "effect"

const at = { module: "WavesClient", method: "stream", description: "It broke" }
const format = Pcm.format(8000)
const piece = { format, bytes: Uint8Array.of(1, 2, 3, 4) }
const refused = new SpeechError.InvalidApiKey({ ...at, cause: new Error("secret") })

const body = (response: Response) => Effect.promise(() => response.json())

describe("SpeechResponse", () => {
  it.effect("toWebResponse - answers with a WAV file", () =>
    Effect.gen(function*() {
      const response = yield* SpeechResponse.toWebResponse(Stream.make(piece, piece), { headers: { "x-a": "b" } })
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers.get("content-type"), "audio/wav")
      assert.strictEqual(response.headers.get("x-a"), "b")
      const bytes = new Uint8Array(yield* Effect.promise(() => response.arrayBuffer()))
      assert.deepStrictEqual(bytes.subarray(44), Pcm.concatBytes([piece.bytes, piece.bytes]))
    }))

  it.effect("toWebResponse - a failure before the first sound has its status, as JSON without its cause", () =>
    Effect.gen(function*() {
      const silent = { format, bytes: new Uint8Array(0) }
      const response = yield* SpeechResponse.toWebResponse(Stream.concat(Stream.make(silent), Stream.fail(refused)))
      assert.strictEqual(response.status, 502)
      const { error } = yield* body(response)
      assert.strictEqual(error.message, refused.message)
      assert.notInclude(JSON.stringify(error), "secret")
      assert.strictEqual(Schema.decodeUnknownSync(SpeechError.schema)(error)._tag, "InvalidApiKey")
    }))

  it.effect("toWebResponse - says when to try again", () =>
    Effect.gen(function*() {
      const limited = new SpeechError.RateLimited({ ...at, retryAfter: Duration.millis(1500) })
      const response = yield* SpeechResponse.toWebResponse(Stream.fail(limited))
      assert.deepStrictEqual([response.status, response.headers.get("retry-after")], [429, "2"])
    }))

  it.effect("toWebResponse - other failures and defects keep their details", () =>
    Effect.gen(function*() {
      for (const stream of [Stream.fail("password"), Stream.die("password")]) {
        const response = yield* SpeechResponse.toWebResponse(stream)
        assert.strictEqual(response.status, 500)
        assert.notInclude(JSON.stringify(yield* body(response)), "password")
      }
    }))

  it.effect("toWebResponse - nothing to speak is an answer of its own", () =>
    Effect.gen(function*() {
      const response = yield* SpeechResponse.toWebResponse(Stream.empty)
      assert.strictEqual(response.status, 422)
      assert.strictEqual((yield* body(response)).error._tag, "NothingToSpeak")
    }))

  it.effect("toWebResponse - a failure after the first sound is one of the body, and the scope ends", () =>
    Effect.gen(function*() {
      const ended = yield* Deferred.make<void>()
      const pcm = Stream.concat(Stream.make(piece), Stream.fail(refused)).pipe(
        Stream.ensuring(Deferred.succeed(ended, undefined))
      )
      const response = yield* SpeechResponse.toWebResponse(pcm)
      assert.strictEqual(response.status, 200)
      const error = yield* Effect.flip(Effect.tryPromise(() => response.arrayBuffer()))
      assert.isDefined(error)
      yield* Deferred.await(ended)
    }))

  it.effect("toWebResponse - cancelling the body ends the work", () =>
    Effect.gen(function*() {
      const ended = yield* Deferred.make<void>()
      const pcm = Stream.concat(Stream.make(piece), Stream.never).pipe(
        Stream.ensuring(Deferred.succeed(ended, undefined))
      )
      const response = yield* SpeechResponse.toWebResponse(pcm)
      const reader = response.body?.getReader()
      yield* Effect.promise(async () => reader?.read())
      yield* Effect.promise(async () => reader?.cancel())
      yield* Deferred.await(ended)
    }))

  it.effect("toWebResponse - a client that leaves before the first sound ends the work", () =>
    Effect.gen(function*() {
      const ended = yield* Deferred.make<void>()
      const began = yield* Deferred.make<void>()
      const controller = new AbortController()
      const pcm = Stream.concat(Stream.execute(Deferred.succeed(began, undefined)), Stream.never).pipe(
        Stream.ensuring(Deferred.succeed(ended, undefined))
      )
      const fiber = yield* Effect.fork(SpeechResponse.toWebResponse(pcm, { signal: controller.signal }))
      yield* Deferred.await(began)
      controller.abort()
      assert.strictEqual((yield* Fiber.join(fiber)).status, 499)
      yield* Deferred.await(ended)
    }))

  it.effect("toWebResponse - a client that leaves later ends the work, too", () =>
    Effect.gen(function*() {
      const ended = yield* Deferred.make<void>()
      const controller = new AbortController()
      const pcm = Stream.concat(Stream.make(piece), Stream.never).pipe(
        Stream.ensuring(Deferred.succeed(ended, undefined))
      )
      const response = yield* SpeechResponse.toWebResponse(pcm, { signal: controller.signal })
      const read = yield* Effect.fork(Effect.exit(Effect.tryPromise(() => response.arrayBuffer())))
      controller.abort()
      yield* Deferred.await(ended)
      yield* Fiber.join(read)
    }))

  it.scoped("withRetryAfter, SpeechError.schema - endpoints of HttpApi answer with the status of the error", () =>
    Effect.gen(function*() {
      let error: SpeechError.SpeechError = refused
      const api = HttpApi.make("api").add(
        HttpApiGroup.make("speech").add(
          HttpApiEndpoint.get("say", "/say").addSuccess(Schema.String).addError(SpeechError.schema)
        )
      )
      const group = HttpApiBuilder.group(
        api,
        "speech",
        (handlers) =>
          handlers.handle("say", () => SpeechResponse.withRetryAfter(Effect.suspend(() => Effect.fail(error))))
      )
      const { dispose, handler } = HttpApiBuilder.toWebHandler(
        Layer.mergeAll(Layer.provide(HttpApiBuilder.api(api), group), HttpServer.layerContext)
      )
      yield* Effect.addFinalizer(() => Effect.promise(dispose))
      const errors = [
        refused,
        new SpeechError.UnknownVoice({ ...at, voice: "nobody", available: [] }),
        new SpeechError.SpeechTimeout({ ...at, phase: "idle", after: Duration.seconds(1) }),
        new SpeechError.RateLimited({ ...at, retryAfter: Duration.seconds(3) })
      ]
      for (error of errors) {
        const response = yield* Effect.promise(() => handler(new Request("http://localhost/say")))
        assert.strictEqual(response.status, SpeechError.httpStatus(error))
        assert.strictEqual((yield* body(response))._tag, error._tag)
        assert.strictEqual(response.headers.get("retry-after"), error._tag === "RateLimited" ? "3" : null)
      }
    }))

  it.effect("toServerResponse - the scope of the request holds the work", () =>
    Effect.gen(function*() {
      const ended = yield* Deferred.make<void>()
      const pcm = Stream.concat(Stream.make(piece), Stream.never).pipe(
        Stream.ensuring(Deferred.succeed(ended, undefined))
      )
      const response = yield* Effect.scoped(SpeechResponse.toServerResponse(pcm))
      assert.strictEqual(response.status, 200)
      yield* Deferred.await(ended)
    }))

  it.effect("toServerResponse - through toWebHandler a broken body is an error", () =>
    Effect.gen(function*() {
      const handler = HttpApp.toWebHandler(
        SpeechResponse.toServerResponse(Stream.concat(Stream.make(piece), Stream.fail(refused)))
      )
      const response = yield* Effect.promise(() => handler(new Request("http://localhost/")))
      assert.strictEqual(response.status, 200)
      yield* Effect.flip(Effect.tryPromise(() => response.arrayBuffer()))
    }))

  it("fromError - every error has a status", () => {
    assert.isTrue(HttpServerResponse.isServerResponse(SpeechResponse.fromError(refused)))
    assert.strictEqual(SpeechResponse.fromError(new SpeechError.EngineFailure(at)).status, 500)
  })
})

describe("SpeechEvent.schema", () => {
  const start = Duration.millis(62.5)
  const events = [
    SpeechEvent.SegmentStarted({ segment: 0, text: "Hello.", textOffset: 0, start, part: 1, speaker: "Ada" }),
    SpeechEvent.AudioChunk({ chunk: piece }),
    SpeechEvent.WordTimestamp({ segment: 0, word: "Hello.", start, end: start }),
    SpeechEvent.PauseStarted({ start, duration: start, part: 0 }),
    SpeechEvent.MarkReached({ name: "here", at: start, part: 0 }),
    SpeechEvent.SegmentFailed({ segment: 1, text: "x", textOffset: 6, error: new SpeechError.TruncatedAudio(at) }),
    SpeechEvent.Completed({ duration: start, requestId: "r1" })
  ]

  it("carries every event, and audio as the same bytes", () => {
    for (const event of events) {
      const encoded = Schema.encodeSync(SpeechEvent.schema)(event)
      if (encoded._tag === "AudioChunk") assert.strictEqual(encoded.chunk.bytes, piece.bytes)
      assert.deepEqual(Schema.decodeSync(SpeechEvent.schema)(structuredClone(encoded)), event)
    }
  })

  it("schemaJson - survives JSON", () => {
    for (const event of events) {
      const json: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(SpeechEvent.schemaJson)(event)))
      assert.deepEqual(Schema.decodeUnknownSync(SpeechEvent.schemaJson)(json), event)
    }
  })

  it("refuses half a frame", () => {
    const half = { _tag: "AudioChunk", chunk: { format, bytes: Uint8Array.of(1) } }
    assert.throws(() => Schema.decodeUnknownSync(SpeechEvent.schema)(half), /whole frames/)
  })
})
