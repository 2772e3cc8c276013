import { Pcm, SpeechError, SpeechEvent } from "@effect-smallest/core"
import { SpeechProxyProtocol } from "@effect-smallest/proxy"
import { anyError } from "@effect-smallest/test-support/anyError"
import { cutAt } from "@effect-smallest/test-support/pcm"
import { HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Chunk,
  Deferred,
  Duration,
  Effect,
  Equal,
  Exit,
  FastCheck,
  Fiber,
  Logger,
  Option,
  Schema,
  Stream,
  TestClock
} from "effect"

type ReplyEvent = SpeechProxyProtocol.ReplyEvent

// ----------------------------------------------------------------------------------------------------------------
// what can be told
// ----------------------------------------------------------------------------------------------------------------

const frames = FastCheck.nat({ max: 3_000_000 }).map((frames) => Duration.seconds(frames / 24000))

const text = FastCheck.oneof(FastCheck.string(), FastCheck.string({ unit: "grapheme" }), FastCheck.constant("\ud83d"))

const nat = FastCheck.nat({ max: 100_000 })

const anyAudio = FastCheck.record({
  sampleRate: FastCheck.constantFrom(8000, 24000, 44100),
  channels: FastCheck.constantFrom(1, 2),
  samples: FastCheck.uint8Array({ minLength: 1, maxLength: 200 })
}).map(({ channels, sampleRate, samples }) =>
  SpeechEvent.AudioChunk({
    chunk: Pcm.unsafeMake(
      Pcm.format(sampleRate, channels),
      Pcm.concatBytes(Array.from({ length: 2 * channels }, () => samples))
    )
  })
)

const anyEvent: FastCheck.Arbitrary<ReplyEvent> = FastCheck.oneof(
  { arbitrary: anyAudio, weight: 3 },
  FastCheck.record({ segment: nat, text, textOffset: nat, start: frames }).map(SpeechEvent.SegmentStarted),
  FastCheck.record({ segment: nat, text, textOffset: nat, start: frames, part: nat, speaker: text }).map(
    SpeechEvent.SegmentStarted
  ),
  FastCheck.record({ start: frames, duration: frames, part: nat }).map(SpeechEvent.PauseStarted),
  FastCheck.record({ name: text, at: frames, part: nat }).map(SpeechEvent.MarkReached),
  FastCheck.record({ segment: nat, word: text, start: frames, end: frames }).map(SpeechEvent.WordTimestamp),
  FastCheck.record({ segment: nat, text, textOffset: nat, error: anyError }).map(SpeechEvent.SegmentFailed),
  FastCheck.record({ duration: frames, requestId: FastCheck.option(text, { nil: undefined }) }).map(
    SpeechEvent.Completed
  ),
  FastCheck.string({ minLength: 1 }).map(SpeechProxyProtocol.TextDelta)
)

const anyEvents = FastCheck.array(anyEvent, { maxLength: 12 })

// ----------------------------------------------------------------------------------------------------------------
// there and back
// ----------------------------------------------------------------------------------------------------------------

const bytesOf = (events: Stream.Stream<ReplyEvent, SpeechError.SpeechError>) =>
  Effect.map(Stream.runCollect(SpeechProxyProtocol.encode(events)), Pcm.concatBytes)

/** What was heard, also of a stream that failed. */
const heard = <E>(stream: Stream.Stream<ReplyEvent, E>) =>
  Effect.gen(function*() {
    const events: Array<ReplyEvent> = []
    const result = yield* Effect.either(
      Stream.runForEach(stream, (event) => Effect.sync(() => void events.push(event)))
    )
    return { events, error: result._tag === "Left" ? result.left : undefined }
  })

const decodePieces = (pieces: ReadonlyArray<Uint8Array>, together = 1) =>
  heard(SpeechProxyProtocol.decode(Stream.rechunk(Stream.fromIterable(pieces), together)))

/** As plain data, where what is absent and what is `undefined` are the same; errors by their class and fields. */
const plain = (event: ReplyEvent): unknown => {
  const fields = Object.entries(fieldsIn(event)).map(([name, field]: [string, unknown]) => [
    name,
    Duration.isDuration(field) ? Duration.toMillis(field) : field
  ])
  return JSON.parse(JSON.stringify(Object.fromEntries(fields)))
}

const fieldsIn = (event: ReplyEvent) => {
  switch (event._tag) {
    case "AudioChunk":
      return { format: event.chunk.format, bytes: Buffer.from(event.chunk.bytes).toString("hex") }
    case "SegmentFailed":
      return { ...event, error: plainError(event.error) }
    default:
      return event
  }
}

const plainError = (error: SpeechError.SpeechError): unknown =>
  JSON.parse(JSON.stringify({
    name: error.constructor.name,
    message: error.message,
    ...Schema.encodeSync(SpeechError.schema)(SpeechError.withoutCause(error))
  }))

const assertEvents = (actual: ReadonlyArray<ReplyEvent>, expected: ReadonlyArray<ReplyEvent>) =>
  assert.deepStrictEqual(actual.map(plain), expected.map(plain))

const hello: ReadonlyArray<ReplyEvent> = [
  SpeechProxyProtocol.TextDelta("Hello."),
  SpeechEvent.SegmentStarted({ segment: 0, text: "Hello.", textOffset: 0, start: Duration.zero }),
  SpeechEvent.AudioChunk({ chunk: Pcm.fromSamples(Pcm.format(24000), Int16Array.of(1, -2, 3)) }),
  SpeechEvent.WordTimestamp({ segment: 0, word: "Hello", start: Duration.zero, end: Duration.millis(400) }),
  SpeechEvent.Completed({ duration: Duration.millis(500), requestId: "r1" })
]

const preambleLength = 5

describe("SpeechProxyProtocol", () => {
  it.effect.prop(
    "decode - gives what was encoded, however the bytes are cut and arrive",
    { events: anyEvents, cuts: FastCheck.array(FastCheck.nat({ max: 5000 }), { maxLength: 30 }), together: nat },
    ({ cuts, events, together }) =>
      Effect.gen(function*() {
        const bytes = yield* bytesOf(Stream.fromIterable(events))
        const { error, events: back } = yield* decodePieces(cutAt(bytes, cuts), 1 + together % 4)
        assert.isUndefined(error)
        assertEvents(back, events)
      })
  )

  it.effect("encode - leaves the cause of an error on the server", () =>
    Effect.gen(function*() {
      const error = new SpeechError.TransportFailure({
        module: "WavesClient",
        method: "stream",
        description: "No server",
        cause: new Error("connect ECONNREFUSED 10.0.0.7:8443")
      })
      const bytes = yield* bytesOf(Stream.fail(error))
      assert.notInclude(new TextDecoder().decode(bytes), "10.0.0.7")
      const { error: back } = yield* decodePieces([bytes])
      assert.instanceOf(back, SpeechError.TransportFailure)
      assert.isUndefined(back?.cause)
    }))

  it.effect("decode - gives the same when every byte comes alone, also what is not audio as equal values", () =>
    Effect.gen(function*() {
      const bytes = yield* bytesOf(Stream.fromIterable(hello))
      const { error, events } = yield* decodePieces(Array.from(bytes, (byte) => Uint8Array.of(byte)))
      assert.isUndefined(error)
      assertEvents(events, hello)
      assert.isTrue(Equal.equals(events[1], hello[1]))
      const [audio] = events.filter(SpeechEvent.$is("AudioChunk"))
      assert.deepStrictEqual(audio?.chunk.format, Pcm.format(24000))
    }))

  it.effect.prop(
    "decode - fails with the very error that the events failed with, after them",
    { events: anyEvents, error: anyError, cuts: FastCheck.array(FastCheck.nat({ max: 5000 }), { maxLength: 10 }) },
    ({ cuts, error, events }) =>
      Effect.gen(function*() {
        const bytes = yield* bytesOf(Stream.concat(Stream.fromIterable(events), Stream.fail(error)))
        const back = yield* decodePieces(cutAt(bytes, cuts))
        assertEvents(back.events, events)
        assert.isDefined(back.error)
        if (back.error !== undefined) assert.deepStrictEqual(plainError(back.error), plainError(error))
      })
  )

  it.effect("decode - bytes that end anywhere before the end are TruncatedAudio, after the events that were whole", () =>
    Effect.gen(function*() {
      const bytes = yield* bytesOf(Stream.fromIterable(hello))
      for (let length = 0; length < bytes.length; length++) {
        const { error, events } = yield* decodePieces([bytes.subarray(0, length)])
        assert.strictEqual(error?._tag, "TruncatedAudio", `${length} bytes`)
        assertEvents(events, hello.slice(0, events.length))
      }
    }))

  it.effect.prop(
    "decode - arbitrary bytes give a typed error, not a defect",
    { bytes: FastCheck.uint8Array({ maxLength: 300 }), begins: FastCheck.boolean() },
    ({ begins, bytes }) =>
      Effect.gen(function*() {
        const preamble = (yield* bytesOf(Stream.empty)).subarray(0, preambleLength)
        const { error } = yield* decodePieces(begins ? [preamble, bytes] : [bytes])
        assert.include(["MalformedResponse", "TruncatedAudio"], error?._tag)
      })
  )

  const begun = (...rest: ReadonlyArray<number>) =>
    Effect.map(bytesOf(Stream.empty), (bytes) => [bytes.subarray(0, preambleLength), Uint8Array.from(rest)])

  const json = (content: unknown) => {
    const payload = new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content))
    return [0x4a, 0, 0, payload.length >> 8, payload.length & 255, ...payload]
  }

  const format = json({ _tag: "Format", sampleRate: 24000, channels: 1 })

  const hostile: Record<string, ReadonlyArray<number>> = {
    "a length of four gigabytes": [0x41, 255, 255, 255, 255],
    "a length of a megabyte and one": [0x4a, 0, 16, 0, 1],
    "a kind that does not exist": [0x42, 0, 0, 0, 0, 1],
    "audio without a format": [0x41, 0, 0, 0, 2, 1, 2],
    "half a sample": [...format, 0x41, 0, 0, 0, 3, 1, 2, 3],
    "a rate of zero": json({ _tag: "Format", sampleRate: 0, channels: 1 }),
    "a message that is not JSON": json("nonsense"),
    "a message that is not known": json({ _tag: "Nonsense" }),
    "an error that is not known": json({ _tag: "Failure", error: { _tag: "Nonsense" } }),
    "a time that is none": json({ _tag: "Completed", duration: -1 })
  }

  for (const [name, bytes] of Object.entries(hostile)) {
    it.effect(`decode - ${name} is MalformedResponse`, () =>
      Effect.gen(function*() {
        const { error, events } = yield* decodePieces(yield* begun(...bytes))
        assert.strictEqual(error?._tag, "MalformedResponse")
        assert.lengthOf(events, 0)
      }))
  }

  it.effect("decode - a page and another version are MalformedResponse, and say what they are", () =>
    Effect.gen(function*() {
      const page = yield* decodePieces([new TextEncoder().encode("<!doctype html><p>Hello")])
      assert.strictEqual(page.error?._tag, "MalformedResponse")
      const later = yield* bytesOf(Stream.empty)
      later[4] = 2
      const version = yield* decodePieces([later])
      assert.strictEqual(version.error?._tag, "MalformedResponse")
      assert.include(version.error?.message, "version 2")
    }))

  it.effect("decode - fails with the bytes' own error, and reads no further than the end", () =>
    Effect.gen(function*() {
      const bytes = yield* bytesOf(Stream.fromIterable(hello))
      const broken = Stream.concat(Stream.make(bytes.subarray(0, -1)), Stream.fail("broken" as const))
      assert.strictEqual((yield* heard(SpeechProxyProtocol.decode(broken))).error, "broken")
      const after = Stream.concat(Stream.make(bytes), Stream.fail("broken" as const))
      assert.isUndefined((yield* heard(SpeechProxyProtocol.decode(after))).error)
    }))

  it.effect("decode - does not wait for a connection that stays open after the end", () =>
    Effect.gen(function*() {
      const bytes = yield* bytesOf(Stream.fromIterable(hello))
      const fiber = yield* Effect.fork(
        heard(SpeechProxyProtocol.decode(Stream.concat(Stream.make(bytes), Stream.never)))
      )
      yield* TestClock.adjust("20 millis")
      assertEvents((yield* Fiber.join(fiber)).events, hello)
    }))

  it.effect("decode - a long audio of one chunk comes in frames, and costs time in proportion", () =>
    Effect.gen(function*() {
      const samples = Int16Array.from({ length: 3_000_000 }, (_, i) => i)
      const bytes = yield* bytesOf(
        Stream.make(SpeechEvent.AudioChunk({ chunk: Pcm.fromSamples(Pcm.format(24000), samples) }))
      )
      // Pieces of 7 bytes: with a buffer that is joined anew for each of them this would take minutes.
      const pieces = cutAt(bytes, Array.from({ length: bytes.length / 7 }, (_, i) => i * 7))
      const { error, events } = yield* decodePieces(pieces, 1000)
      assert.isUndefined(error)
      const audio = Pcm.concatBytes(events.filter(SpeechEvent.$is("AudioChunk")).map(({ chunk }) => chunk.bytes))
      assert.isTrue(Buffer.from(samples.buffer).equals(audio))
    }))

  it.effect("encode - a text that is longer than a frame comes in several, and joined it is the same", () =>
    Effect.gen(function*() {
      const long = "\u0000🎈".repeat(400_000)
      const bytes = yield* bytesOf(Stream.make(SpeechProxyProtocol.TextDelta(long)))
      const { error, events } = yield* decodePieces([bytes])
      assert.isUndefined(error)
      assert.isTrue(events.map((event) => event._tag === "TextDelta" ? event.text : "").join("") === long)
    }))

  it.effect("encode - a segment that fits into no frame is a typed error of the page", () =>
    Effect.gen(function*() {
      const event = SpeechEvent.SegmentStarted({
        segment: 0,
        text: "a".repeat(2_000_000),
        textOffset: 0,
        start: Duration.zero
      })
      const { error } = yield* decodePieces([yield* bytesOf(Stream.make(event))])
      assert.strictEqual(error?._tag, "InvalidSpeechRequest")
    }))

  it.effect("encode - a defect is logged here and tells the page nothing but that it was one", () =>
    Effect.gen(function*() {
      const logs: Array<string> = []
      const logger = Logger.make(({ cause, message }) => void logs.push(String(message), String(cause)))
      const bytes = yield* bytesOf(Stream.die(new Error("secret"))).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      const { error } = yield* decodePieces([bytes])
      assert.strictEqual(error?._tag, "ServerFailure")
      assert.notInclude(new TextDecoder().decode(bytes), "secret")
      assert.include(logs.join(), "secret")
    }))

  it.scoped("encode - tells that it lives where nothing happens, and nothing where something does", () =>
    Effect.gen(function*() {
      const slow = Stream.concat(
        Stream.fromEffect(Effect.delay(Effect.succeed(SpeechProxyProtocol.TextDelta("late")), "35 seconds")),
        Stream.never
      )
      const pull = yield* Stream.toPull(SpeechProxyProtocol.encode(slow, { keepAlive: "10 seconds" }))
      const length = Effect.map(pull, (bytes) => Pcm.concatBytes(bytes).length)
      assert.strictEqual(yield* length, preambleLength)
      const lengths: Array<number> = []
      yield* Effect.fork(Effect.forever(Effect.tap(length, (length) => lengths.push(length))))
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(lengths, 0, "the beginning itself was a sign of life")
      yield* TestClock.adjust("20 seconds")
      assert.lengthOf(lengths, 2, "after 20 and 30 seconds")
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(lengths, 3, "the text after 35 seconds, and nothing at 40")
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(lengths, 4, "after 50 seconds")
    }))

  it.effect("encode - interruptWhen ends it without its end, so that nobody takes it for the whole", () =>
    Effect.gen(function*() {
      const [gone, stopped] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const events = Stream.concat(Stream.fromIterable(hello), Stream.never).pipe(
        Stream.ensuring(Deferred.succeed(stopped, undefined))
      )
      const bytes = SpeechProxyProtocol.encode(events, { interruptWhen: Deferred.await(gone) })
      const fiber = yield* Effect.fork(heard(SpeechProxyProtocol.decode(bytes)))
      yield* Effect.repeatN(Effect.yieldNow(), 50)
      yield* Deferred.succeed(gone, undefined)
      assert.strictEqual((yield* Fiber.join(fiber)).error?._tag, "TruncatedAudio")
      assert.isTrue(yield* Deferred.isDone(stopped))
    }))

  it.scoped("encode - reads little ahead of a page that does not read, and stops when it leaves", () =>
    Effect.gen(function*() {
      const stopped = yield* Deferred.make<void>()
      let made = 0
      const chunk = Pcm.silence(Pcm.format(24000), "100 millis")
      const endless = Stream.repeatEffect(Effect.sync(() => {
        made++
        return SpeechEvent.AudioChunk({ chunk })
      })).pipe(Stream.ensuring(Deferred.succeed(stopped, undefined)))
      const fiber = yield* Effect.scoped(
        Effect.flatMap(
          Stream.toPull(SpeechProxyProtocol.encode(endless)),
          (pull) => Effect.zipRight(pull, Effect.never)
        )
      ).pipe(Effect.fork)
      yield* Effect.repeatN(Effect.yieldNow(), 200)
      assert.isAtMost(made, 20)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(yield* Deferred.isDone(stopped))
    }))
})

// ----------------------------------------------------------------------------------------------------------------
// responses
// ----------------------------------------------------------------------------------------------------------------

describe("SpeechProxyProtocol responses", () => {
  it.effect("toResponse, fromResponse - a web response carries everything", () =>
    Effect.gen(function*() {
      const response = HttpServerResponse.toWeb(yield* SpeechProxyProtocol.toResponse(Stream.fromIterable(hello)))
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers.get("content-type"), SpeechProxyProtocol.contentType)
      assert.strictEqual(response.headers.get("cache-control"), "no-store, no-transform")
      const { error, events } = yield* heard(SpeechProxyProtocol.fromResponse(response))
      assert.isUndefined(error)
      assertEvents(events, hello)
    }))

  const foreign: ReadonlyArray<readonly [Response, SpeechError.SpeechError["_tag"], string]> = [
    [new Response("<html>Sign in</html>", { status: 401 }), "AccessDenied", "Sign in"],
    [Response.json({ error: "Only for members" }, { status: 403 }), "AccessDenied", "Only for members"],
    [new Response(null, { status: 404 }), "ServerFailure", "404"],
    [new Response("too large", { status: 413 }), "InvalidSpeechRequest", "text"],
    [new Response("slow down", { status: 429, headers: { "retry-after": "7" } }), "RateLimited", "Wait 7s"],
    [new Response("Bad gateway", { status: 502 }), "ServerFailure", "502"],
    [new Response("<!doctype html>", { status: 200 }), "MalformedResponse", "web page"],
    [new Response(null, { status: 204 }), "MalformedResponse", "empty"]
  ]

  for (const [response, tag, words] of foreign) {
    it.effect(`fromResponse - status ${response.status} of somebody else is ${tag}`, () =>
      Effect.gen(function*() {
        const { error, events } = yield* heard(SpeechProxyProtocol.fromResponse(response))
        assert.lengthOf(events, 0)
        assert.strictEqual(error?._tag, tag)
        assert.include(error?.message, words)
      }))
  }

  it.effect("fromResponse - a body that breaks is TruncatedAudio", () =>
    Effect.gen(function*() {
      const bytes = yield* bytesOf(Stream.fromIterable(hello))
      let isFirst = true
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (isFirst) controller.enqueue(bytes.subarray(0, -1))
          else controller.error(new Error("reset"))
          isFirst = false
        }
      })
      const response = new Response(body, { headers: { "content-type": SpeechProxyProtocol.contentType } })
      const { error, events } = yield* heard(SpeechProxyProtocol.fromResponse(response))
      assertEvents(events, hello)
      assert.strictEqual(error?._tag, "TruncatedAudio")
      assert.include(error?.message, "reset")
    }))
})

describe("SpeechProxyProtocol.split", () => {
  const audio = SpeechEvent.AudioChunk({ chunk: Pcm.silence(Pcm.format(8000), "1 second") })

  it.scoped("the text does not wait for speech that nobody has heard yet", () =>
    Effect.gen(function*() {
      const reply = Stream.make(SpeechProxyProtocol.TextDelta("a"), audio, audio, SpeechProxyProtocol.TextDelta("b"))
      const { speech, text } = yield* SpeechProxyProtocol.split(Stream.rechunk(reply, 1))
      assert.deepStrictEqual(Chunk.toArray(yield* Stream.runCollect(text)), ["a", "b"])
      assert.deepStrictEqual(Chunk.toArray(yield* Stream.runCollect(speech)), [audio, audio])
    }))

  it.scoped("holds no more speech than it may, and goes on when some was heard", () =>
    Effect.gen(function*() {
      let read = 0
      const reply = Stream.range(1, 100).pipe(
        Stream.rechunk(1),
        Stream.map(() => (read++, audio))
      )
      const { speech } = yield* SpeechProxyProtocol.split(reply, { bufferDuration: "5 seconds" })
      yield* Effect.repeatN(Effect.yieldNow(), 100)
      assert.isAtMost(read, 6)
      assert.strictEqual(yield* Stream.runCount(speech), 100)
    }))

  it.scoped("both sides fail with the reply's error, after what came before it", () =>
    Effect.gen(function*() {
      const reply = Stream.concat(
        Stream.make(SpeechProxyProtocol.TextDelta("a"), audio),
        Stream.fail("broken" as const)
      )
      const { speech, text } = yield* SpeechProxyProtocol.split(reply)
      const sides: ReadonlyArray<Stream.Stream<unknown, "broken">> = [text, speech]
      for (const side of sides) {
        let count = 0
        const exit = yield* Effect.exit(Stream.runForEach(side, () => Effect.sync(() => void count++)))
        assert.deepStrictEqual(exit, Exit.fail("broken" as const))
        assert.strictEqual(count, 1)
      }
    }))

  it.effect("lets go of the reply with its scope", () =>
    Effect.gen(function*() {
      const stopped = yield* Deferred.make<void>()
      const reply = Stream.ensuring(Stream.never, Deferred.succeed(stopped, undefined))
      yield* Effect.scoped(Effect.zipRight(SpeechProxyProtocol.split(reply), Effect.repeatN(Effect.yieldNow(), 10)))
      assert.isTrue(Option.isSome(yield* Deferred.poll(stopped)))
    }))
})
