import { Pcm, type SpeechError, type SpeechEvent, WebSocketConnector } from "@effect-smallest/core"
import { SpeechStream, SpeechText } from "@effect-smallest/stream"
import { WavesClient, type WavesSpeechStream } from "@effect-smallest/waves"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Data, Duration, Effect, Exit, Fiber, Option, Queue, Stream, TestClock } from "effect"
import * as LiveServer from "./liveServer.js"

const { frames } = LiveServer

class WriterError extends Data.TaggedError("WriterError")<{}> {}

/** Lets every fiber get on as far as it can without the clock. */
const settle = TestClock.adjust(0)

/** Lets the clock go on until something has come: a retry only begins to wait when its failure has got there. */
const later = <A>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.raceFirst(effect, Effect.forever(TestClock.adjust("100 millis")))

interface Speech {
  readonly server: LiveServer.LiveServer
  readonly service: SpeechStream.Service
  readonly client: WavesClient.Service
}

const withSpeech = <A, E>(
  use: (speech: Speech) => Effect.Effect<A, E>,
  options?: WavesSpeechStream.Options,
  client?: Partial<WavesClient.Options>
) =>
  Effect.flatMap(
    LiveServer.make,
    (server) =>
      Effect.flatMap(Effect.all([SpeechStream.SpeechStream, WavesClient.WavesClient]), ([service, client]) =>
        use({ server, service, client })).pipe(Effect.provide(LiveServer.layer(server, options, client)))
  )

type Events = ReadonlyArray<SpeechEvent.SpeechEvent>

interface Result<E> {
  readonly events: Events
  readonly exit: Exit.Exit<void, E>
}

const collect = <E>(stream: Stream.Stream<SpeechEvent.SpeechEvent, E>): Effect.Effect<Result<E>> =>
  Effect.suspend(() => {
    const events: Array<SpeechEvent.SpeechEvent> = []
    return Stream.runForEach(stream, (event) => Effect.sync(() => void events.push(event))).pipe(
      Effect.exit,
      Effect.map((exit) => ({ events, exit }))
    )
  })

const start = <E>(stream: Stream.Stream<SpeechEvent.SpeechEvent, E>) => Effect.fork(collect(stream))

const millisOf = (events: Events): number =>
  events.reduce((sum, event) => event._tag === "AudioChunk" ? sum + event.chunk.bytes.length / 48 : sum, 0)

const failureOf = (result: Result<SpeechError.SpeechError | WriterError>) =>
  Exit.isFailure(result.exit)
    ? Option.getOrThrow(Cause.failureOption(result.exit.cause))
    : assert.fail("The stream ended well")

const tokens = Stream.make("The answer", " is forty", " two.")

/** Takes messages until the order to speak all. */
const untilOrder = Effect.fnUntraced(function*(session: LiveServer.Session) {
  const messages = [yield* session.next]
  while (messages.at(-1)?.continue !== false) messages.push(yield* session.next)
  return messages
})

const idOf = (messages: ReadonlyArray<{ readonly request_id?: string | undefined }>): string =>
  messages[0]?.request_id ?? assert.fail("A message has no request id")

/** Answers one utterance with 3 s of audio and `complete`, and lets the quiet time pass. */
const answer = Effect.fnUntraced(function*(session: LiveServer.Session, millis = 3000) {
  const messages = yield* untilOrder(session)
  const { chunk, complete } = frames(idOf(messages))
  yield* session.say(chunk(millis))
  yield* session.say(complete)
  yield* settle
  yield* TestClock.adjust("300 millis")
  return messages
})

const modes = ["context", "flush"] as const

describe("WavesSpeechStream", () => {
  // ------------------------------------------------------------------------------------------------------------------
  // messages
  // ------------------------------------------------------------------------------------------------------------------

  it.effect("context - sends the pieces as they are, and the end of the context", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const fiber = yield* start(service.events(tokens, { speed: 1.5 }))
        const session = yield* server.session
        const messages = yield* answer(session)
        const id = idOf(messages)
        const common = {
          voice_id: "meher",
          model: "lightning_v3.1_pro",
          sample_rate: 24000,
          speed: 1.5,
          output_format: "pcm",
          request_id: id,
          word_timestamps: true,
          complete_backoff_ms: 300,
          context_id: `${id}.0`,
          max_buffer_delay_ms: 3000
        }
        assert.deepStrictEqual<unknown>(messages, [
          { ...common, text: "The answer", continue: true },
          { ...common, text: " is forty", continue: true },
          { ...common, text: " two.", continue: true },
          { ...common, text: "", continue: false }
        ])
        const { exit } = yield* Fiber.join(fiber)
        assert.deepStrictEqual(exit, Exit.void)
      })
    ))

  it.effect("flush - sends the pieces as they are, and a flush without text", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const fiber = yield* start(service.events(tokens))
        const session = yield* server.session
        const messages = yield* answer(session)
        assert.deepStrictEqual(
          messages.map(({ context_id, continue: more, flush, max_buffer_delay_ms, max_buffer_flush_ms, text }) => ({
            context_id,
            more,
            flush,
            max_buffer_delay_ms,
            max_buffer_flush_ms,
            text
          })),
          ["The answer", " is forty", " two.", ""].map((text) => ({
            context_id: undefined,
            more: text !== "",
            flush: text === "",
            max_buffer_delay_ms: undefined,
            max_buffer_flush_ms: 500,
            text
          }))
        )
        assert.isTrue(Exit.isSuccess((yield* Fiber.join(fiber)).exit))
      }), { buffering: "flush", maxBufferDelay: "500 millis" }))

  it.effect.each(modes)(
    "%s - blank pieces never go alone, and text without a word opens no socket",
    (buffering) =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const silent = yield* collect(service.events(Stream.make(" ", "\n", "...", SpeechText.flush, " ")))
          assert.deepStrictEqual(silent.exit, Exit.void)
          assert.deepStrictEqual(silent.events.map(({ _tag }) => _tag), ["Completed"])
          assert.strictEqual(server.opened(), 0)
          const fiber = yield* start(service.events(Stream.make(" ", "Hello", " ", "\n", "there", ".", " ")))
          const messages = yield* answer(yield* server.session)
          assert.strictEqual(messages.map(({ text }) => text).join("").trim(), "Hello \nthere.")
          assert.isTrue(messages.every(({ text }) => text?.trim() !== "" || text === ""))
          yield* Fiber.join(fiber)
        }), { buffering })
  )

  it.effect.each(modes)(
    "%s - a flush inside the text is an order to speak, and the next text a new context",
    (buffering) =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const queue = yield* Queue.unbounded<SpeechText.Input>()
          const fiber = yield* start(service.events(Stream.fromQueue(queue).pipe(Stream.takeUntil((t) => t === "."))))
          yield* queue.offerAll(["One moment", SpeechText.flush])
          const session = yield* server.session
          const first = yield* untilOrder(session)
          const { chunk, complete } = frames(idOf(first))
          yield* session.say(chunk(1000))
          yield* session.say(complete)
          yield* TestClock.adjust("1 minute") // the writer thinks
          assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
          yield* queue.offerAll(["here it is", "."])
          const second = yield* answer(session)
          assert.strictEqual(idOf(second), idOf(first))
          if (buffering === "context") {
            assert.deepStrictEqual(
              [first, second].map((part) => [...new Set(part.map(({ context_id }) => context_id))]),
              [[`${idOf(first)}.0`], [`${idOf(first)}.1`]]
            )
          }
          const { events, exit } = yield* Fiber.join(fiber)
          assert.deepStrictEqual(exit, Exit.void)
          assert.strictEqual(millisOf(events), 4000)
        }), { buffering })
  )

  it.effect.each(modes)(
    "%s - each piece goes at once",
    (buffering) =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const fiber = yield* start(service.events(Stream.concat(Stream.make("Let me see."), Stream.never)))
          const session = yield* server.session
          assert.include(yield* session.next, { text: "Let me see.", continue: true })
          yield* Fiber.interrupt(fiber)
        }), { buffering })
  )

  it.effect("context - an end without text is no order that the server has to answer", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const writer = yield* Queue.unbounded<string>()
        const fiber = yield* start(
          service.events(Stream.fromQueue(writer).pipe(Stream.takeUntil((text) => text === " ")))
        )
        yield* writer.offer("All in one piece.")
        const session = yield* server.session
        yield* settle
        const { chunk, complete } = frames(idOf([yield* session.next]))
        yield* session.say(chunk(2000))
        yield* session.say(complete)
        yield* TestClock.adjust("1 second")
        yield* writer.offer(" ")
        assert.include(yield* session.next, { text: "", continue: false })
        yield* TestClock.adjust("300 millis")
        const { events, exit } = yield* Fiber.join(fiber)
        assert.strictEqual(millisOf(events), 2000)
        assert.deepStrictEqual(exit, Exit.void)
      })
    ))

  it.effect("a long text - goes in messages that cut no character", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const text = "Ab 👍🏽 ".repeat(1000)
        const fiber = yield* start(service.events(text))
        const messages = yield* answer(yield* server.session, 1000)
        assert.strictEqual(messages.map(({ text }) => text).join("").trim(), text.trim())
        assert.isAbove(messages.length, 5)
        assert.isTrue(messages.every(({ text = "" }) => text.length <= 1100 && !/\p{Surrogate}/u.test(text)))
        yield* Fiber.interrupt(fiber)
      }), { bufferDuration: "10 minutes" }))

  // ------------------------------------------------------------------------------------------------------------------
  // the end
  // ------------------------------------------------------------------------------------------------------------------

  it.effect.each(modes)(
    "%s - ends once everything was sent, spoken and complete, and nothing followed",
    (buffering) =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const fiber = yield* start(service.events(tokens))
          const session = yield* server.session
          const { chunk, complete } = frames(idOf(yield* untilOrder(session)))
          const next = frames(idOf([{ request_id: chunk(1).external_request_id }]), "task_2")
          yield* session.say(complete) // of something before
          yield* session.say(chunk(1600))
          yield* session.say(complete) // between two pieces
          yield* TestClock.adjust("200 millis")
          yield* session.say(next.chunk(1600))
          yield* TestClock.adjust("5 seconds")
          yield* session.say(next.complete)
          yield* TestClock.adjust("299 millis")
          assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
          yield* TestClock.adjust("1 millis")
          const { events, exit } = yield* Fiber.join(fiber)
          assert.deepStrictEqual(exit, Exit.void)
          assert.strictEqual(millisOf(events), 3200)
          assert.deepStrictEqual(events.at(-1), { _tag: "Completed", duration: Duration.millis(3200) })
          assert.isFalse(yield* session.isClosed)
        }), { buffering })
  )

  it.effect("complete after hardly any audio - is believed later", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const fiber = yield* start(service.events("A first sentence of some length. And a second one, longer still."))
        const session = yield* server.session
        const { chunk, complete } = frames(idOf(yield* untilOrder(session)))
        yield* session.say(chunk(400))
        yield* session.say(complete)
        yield* TestClock.adjust("1499 millis")
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        yield* session.say(chunk(3000))
        yield* session.say(complete)
        yield* TestClock.adjust("300 millis")
        const { events, exit } = yield* Fiber.join(fiber)
        assert.deepStrictEqual(exit, Exit.void)
        assert.strictEqual(millisOf(events), 3400)
      })
    ))

  it.effect("complete without a word of the end - is believed later", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const fiber = yield* start(service.events("One two."))
        const session = yield* server.session
        const { chunk, complete, word } = frames(idOf(yield* untilOrder(session)))
        yield* session.say(chunk(3000))
        yield* session.say(word("One", 0, 0.3))
        yield* session.say(complete)
        yield* TestClock.adjust("1499 millis")
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        yield* session.say(word("two", 0.4, 0.7))
        yield* session.say(complete)
        yield* TestClock.adjust("300 millis")
        assert.deepStrictEqual((yield* Fiber.join(fiber)).exit, Exit.void)
      })
    ))

  it.effect("a server that closes after complete - ends well, and the next utterance opens a socket", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        for (const _ of [1, 2]) {
          const fiber = yield* start(service.events(tokens))
          const session = yield* server.session
          const { chunk, complete } = frames(idOf(yield* untilOrder(session)))
          yield* session.say(chunk(3000))
          yield* session.say(complete)
          yield* session.close(1000)
          const { events, exit } = yield* Fiber.join(fiber)
          assert.deepStrictEqual(exit, Exit.void)
          assert.strictEqual(millisOf(events), 3000)
        }
        assert.strictEqual(server.opened(), 2)
      })
    ))

  it.effect("a server that closes after complete while the writer thinks - goes on over a new socket", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const writer = yield* Queue.unbounded<SpeechText.Input>()
        const fiber = yield* start(service.events(Stream.fromQueue(writer).pipe(Stream.takeUntil((t) => t === "end."))))
        yield* writer.offerAll(["Let me look that up.", SpeechText.flush])
        const first = yield* server.session
        const piece = frames(idOf(yield* untilOrder(first)))
        yield* first.say(piece.chunk(1000))
        yield* first.say(piece.word("look", 0.2, 0.4))
        yield* first.say(piece.complete)
        yield* first.close(1000)
        yield* first.closed
        yield* writer.offerAll([" ", "This is the ", "end."])
        const second = yield* server.session
        const messages = yield* untilOrder(second)
        assert.strictEqual(messages.map(({ text }) => text).join(""), " This is the end.")
        const rest = frames(idOf(messages), "task_2")
        yield* second.say(rest.word("end.", 0.5, 0.75))
        yield* second.say(rest.chunk(1000))
        yield* second.say(rest.complete)
        yield* TestClock.adjust("2 seconds")
        const { events, exit } = yield* Fiber.join(fiber)
        assert.deepStrictEqual(exit, Exit.void)
        assert.strictEqual(millisOf(events), 2000)
        const words = events.flatMap((event) => event._tag === "WordTimestamp" ? [event] : [])
        assert.deepStrictEqual(
          words.map(({ end, start, word }) => [word, Duration.toMillis(start), Duration.toMillis(end)]),
          [["look", 200, 400], ["end.", 1500, 1750]]
        )
      })
    ))

  it.effect("a server that does not echo our ids - is understood, and late frames are not", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const first = yield* start(service.events(tokens))
        const session = yield* server.session
        yield* untilOrder(session)
        const piece = frames(undefined)
        yield* session.say(piece.chunk(3000))
        yield* session.say(piece.complete)
        yield* TestClock.adjust("300 millis")
        assert.strictEqual(millisOf((yield* Fiber.join(first)).events), 3000)
        const second = yield* start(service.events(tokens))
        yield* untilOrder(session)
        yield* session.say(piece.chunk(7000)) // late
        const other = frames(undefined, "task_2")
        yield* session.say(other.chunk(2000))
        yield* session.say(other.complete)
        yield* TestClock.adjust("300 millis")
        const { events, exit } = yield* Fiber.join(second)
        assert.deepStrictEqual(exit, Exit.void)
        assert.strictEqual(millisOf(events), 2000)
        assert.strictEqual(server.opened(), 1)
      })
    ))

  // ------------------------------------------------------------------------------------------------------------------
  // events
  // ------------------------------------------------------------------------------------------------------------------

  it.effect("words - are on one timeline across pieces, as they were written; empty and odd audio is taken as it comes", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const fiber = yield* start(service.events("I paid $100 on Dec 25th."))
        const session = yield* server.session
        const id = idOf(yield* untilOrder(session))
        const one = frames(id)
        const two = frames(id, "task_2")
        yield* session.say(one.rawChunk(""))
        yield* session.say(one.rawChunk("AQ=="))
        yield* session.say(one.rawChunk("AgMEBQ=="))
        yield* session.say(one.rawChunk("Bg=="))
        yield* session.say(one.word("$100", 0.00002, 0.00004))
        yield* session.say(one.complete)
        yield* session.say(two.word("25th.", 1, 1.5))
        yield* session.say(two.chunk(2000))
        yield* session.say({ type: "pong" })
        yield* session.say({ status: "a_new_kind" })
        yield* session.say(two.complete)
        yield* TestClock.adjust("300 millis")
        const { events, exit } = yield* Fiber.join(fiber)
        assert.deepStrictEqual(exit, Exit.void)
        assert.deepStrictEqual(events[0], {
          _tag: "SegmentStarted",
          segment: 0,
          text: "I paid $100 on Dec 25th.",
          textOffset: 0,
          start: Duration.zero
        })
        const pcm = Pcm.concatBytes(events.flatMap((event) => event._tag === "AudioChunk" ? [event.chunk.bytes] : []))
        assert.deepStrictEqual([...pcm.subarray(0, 6)], [1, 2, 3, 4, 5, 6])
        const last = events.findLast((event) => event._tag === "WordTimestamp")
        if (last === undefined) return assert.fail("No word came")
        assert.strictEqual(last.word, "25th.")
        assert.approximately(Duration.toMillis(last.start), 1000.125, 0.001)
      })
    ))

  // ------------------------------------------------------------------------------------------------------------------
  // failures
  // ------------------------------------------------------------------------------------------------------------------

  it.effect.each(modes)(
    "%s - a socket that fails before any audio - is opened again, and the text sent again",
    (buffering) =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const fiber = yield* start(service.events(tokens))
          const before = yield* server.session
          const sent = yield* untilOrder(before)
          yield* before.close(1011, "oops")
          yield* before.closed
          const after = yield* later(server.session)
          const again = yield* answer(after)
          assert.deepStrictEqual(again.map(({ text }) => text), sent.map(({ text }) => text))
          assert.notStrictEqual(idOf(again), idOf(sent))
          const { events, exit } = yield* Fiber.join(fiber)
          assert.deepStrictEqual(exit, Exit.void)
          assert.strictEqual(events[0]?._tag === "SegmentStarted" && events[0].text, "The answer is forty two.")
        }), { buffering })
  )

  it.effect.each([1000, 1001, 1006, 1011, 1008, 1013])(
    "close with %d before any audio - fails after the retries",
    (code) =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const fiber = yield* start(service.events(tokens))
          for (const _ of [1, 2]) {
            const session = yield* later(server.session)
            yield* untilOrder(session)
            yield* session.close(code, "a reason")
            yield* session.closed
          }
          const error = failureOf(yield* Fiber.join(fiber))
          assert.strictEqual(error._tag, code === 1008 || code === 1013 ? "RateLimited" : "TransportFailure")
          if (code !== 1000) assert.match(error.message, new RegExp(`${code} \\(a reason\\)`))
          assert.strictEqual(server.opened(), 2)
        }), { retry: { maxRetries: 1 } })
  )

  it.effect.each([1000, 1001, 1006, 1011])(
    "close with %d in the middle of the audio - is TruncatedAudio with its position",
    (code) =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const fiber = yield* start(service.events(tokens))
          const session = yield* server.session
          const { chunk, word } = frames(idOf(yield* untilOrder(session)))
          yield* session.say(chunk(500))
          yield* session.say(word("answer", 0.2, 0.5))
          yield* session.close(code)
          const result = yield* Fiber.join(fiber)
          const error = failureOf(result)
          assert.strictEqual(error._tag, "TruncatedAudio")
          assert.strictEqual(millisOf(result.events), 500)
          assert.deepInclude(error, { position: { segment: 0, textOffset: 10, samplesEmitted: 12000 } })
          assert.strictEqual(server.opened(), 1)
        })
      )
  )

  const inBand: ReadonlyArray<readonly [frame: LiveServer.Frame | string, tag: string]> = [
    [{ status: "error", message: "Invalid Voice ID" }, "UnknownVoice"],
    [{ status: "error", error: { message: "invalid voice", code: "invalid_voice" } }, "UnknownVoice"],
    [{ status: "error", message: "Rate limit exceeded. Please retry." }, "RateLimited"],
    [{ status: "error", message: "Concurrency limit reached" }, "RateLimited"],
    [{ status: "error", message: "unauthorized sk_secret_of_tests" }, "InvalidApiKey"],
    [{ status: "error", message: "Insufficient credits" }, "QuotaExhausted"],
    [{ status: "error", message: "gone", error_code: "MODEL_DEPRECATED" }, "ModelRetired"],
    [{ status: "error", message: "Language 'xx' is not supported on the model" }, "InvalidSpeechRequest"],
    [{ status: "error", message: "synthesis failed" }, "ServerFailure"],
    [{ status: "error" }, "ServerFailure"],
    ["{\"status\":\"chu", "MalformedResponse"],
    ["[]", "MalformedResponse"],
    [{ status: "chunk", data: { audio: "*not base64*" } }, "MalformedResponse"],
    [{ status: "chunk", data: {} }, "MalformedResponse"],
    [{ status: "word_timestamp", data: { word: "x" } }, "MalformedResponse"]
  ]

  for (const [frame, tag] of inBand) {
    it.effect(`${JSON.stringify(frame)} - fails as ${tag}`, () =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const fiber = yield* start(service.events(tokens, { voice: "sophie" }))
          const session = yield* server.session
          yield* untilOrder(session)
          yield* session.say(frame)
          const error = failureOf(yield* Fiber.join(fiber))
          assert.strictEqual(error._tag, tag)
          if (error._tag === "UnknownVoice") assert.strictEqual(error.voice, "sophie")
          assert.notInclude(JSON.stringify(error) + error.message + String(error), "sk_secret")
          yield* session.closed
        }), { retry: { maxRetries: 0 } }))
  }

  it.effect("an error frame after audio - keeps its kind, and tells where", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const fiber = yield* start(service.events(tokens))
        const session = yield* server.session
        const { chunk, error } = frames(idOf(yield* untilOrder(session)))
        yield* session.say(chunk(500))
        yield* session.say(error("synthesis failed"))
        const failure = failureOf(yield* Fiber.join(fiber))
        assert.strictEqual(failure._tag, "ServerFailure")
        assert.deepInclude(failure, {
          requestId: "task_1",
          position: { segment: 0, textOffset: 0, samplesEmitted: 12000 }
        })
      })
    ))

  it.effect("the server's idle close - is a failure of the connection", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const fiber = yield* start(service.events(tokens))
        const session = yield* server.session
        yield* untilOrder(session)
        yield* session.say({ status: "error", message: "Connection timed out after 60 seconds of inactivity" })
        yield* session.close(1000)
        assert.strictEqual(failureOf(yield* Fiber.join(fiber))._tag, "TransportFailure")
      }), { retry: { maxRetries: 0 } }))

  it.effect("complete without audio - is EmptyAudio", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const fiber = yield* start(service.events(tokens))
        const session = yield* server.session
        const { complete, rawChunk } = frames(idOf(yield* untilOrder(session)))
        yield* session.say(rawChunk(""))
        yield* session.say(complete)
        yield* TestClock.adjust("300 millis")
        assert.strictEqual(failureOf(yield* Fiber.join(fiber))._tag, "EmptyAudio")
      }), { retry: { maxRetries: 0 } }))

  it.effect("a server that stalls - fails by the time limits", () =>
    withSpeech(({ server, service }) =>
      Effect.gen(function*() {
        const silent = yield* start(service.events(tokens))
        yield* untilOrder(yield* server.session)
        yield* settle
        yield* TestClock.adjust("15 seconds")
        assert.deepInclude(failureOf(yield* Fiber.join(silent)), { _tag: "SpeechTimeout", phase: "firstAudio" })
        const stalled = yield* start(service.events(tokens))
        const session = yield* server.session
        yield* session.say(frames(idOf(yield* untilOrder(session))).chunk(500))
        yield* settle
        yield* TestClock.adjust("10300 millis")
        const error = failureOf(yield* Fiber.join(stalled))
        assert.deepInclude(error, { _tag: "SpeechTimeout", phase: "idle" })
        assert.deepInclude(error, { position: { segment: 0, textOffset: 0, samplesEmitted: 12000 } })
      }), { retry: { maxRetries: 0 } }))

  it.effect.each(["empty audio", "words", "complete", "complete and words in turn"] as const)(
    "a server that sends nothing but %s, for ever - fails by the time limits",
    (kind) =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const fiber = yield* start(service.events(tokens))
          const session = yield* server.session
          const { chunk, complete, rawChunk, word } = frames(idOf(yield* untilOrder(session)))
          yield* session.say(chunk(500))
          const chatter = {
            "empty audio": [rawChunk("")],
            "words": [word("again", 0, 1)],
            "complete": [complete],
            "complete and words in turn": [complete, word("again", 0, 1)]
          }[kind]
          yield* Effect.fork(
            Effect.forever(Effect.forEach(chatter, (frame) => Effect.delay(session.say(frame), "100 millis")))
          )
          yield* TestClock.adjust("1 minute")
          // It would wait for ever if anything but audio moved a limit.
          assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
        }), { retry: { maxRetries: 0 } })
  )

  it.effect.each(modes)(
    "%s - the writer's failure comes after the audio of what it wrote",
    (buffering) =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const fiber = yield* start(service.events(Stream.concat(tokens, Stream.fail(new WriterError()))))
          yield* answer(yield* server.session)
          const result = yield* Fiber.join(fiber)
          assert.strictEqual(failureOf(result)._tag, "WriterError")
          assert.strictEqual(millisOf(result.events), 3000)
          const nothing = yield* collect(service.events(Stream.fail(new WriterError())))
          assert.strictEqual(failureOf(nothing)._tag, "WriterError")
          assert.strictEqual(server.opened(), 1)
        }), { buffering })
  )

  const { WebSocketConnectError } = WebSocketConnector
  const refusals: ReadonlyArray<readonly [WebSocketConnector.WebSocketConnectError, string, string]> = [
    [
      new WebSocketConnectError({
        reason: "Refused",
        description: "refused",
        status: 401,
        body: "{\"error\":\"unauthorized: sk_secret_of_tests\"}"
      }),
      "InvalidApiKey",
      "unauthorized: <redacted>"
    ],
    [
      new WebSocketConnectError({
        reason: "Refused",
        description: "refused",
        status: 429,
        body: "{\"message\":\"Too many\"}",
        headers: { "retry-after": "7" }
      }),
      "RateLimited",
      "Too many"
    ],
    [
      new WebSocketConnectError({ reason: "Unreachable", description: "ECONNREFUSED" }),
      "TransportFailure",
      "ECONNREFUSED"
    ],
    [new WebSocketConnectError({ reason: "Timeout", description: "slow" }), "SpeechTimeout", "slow"]
  ]

  for (const [refusal, tag, said] of refusals) {
    it.effect(`an upgrade that is ${refusal.reason} - fails as ${tag}`, () =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          server.refuse(refusal)
          const error = failureOf(yield* collect(service.events(tokens)))
          assert.strictEqual(error._tag, tag)
          assert.include(error.message, said)
        }), { retry: { maxRetries: 0 } }))
  }

  // ------------------------------------------------------------------------------------------------------------------
  // barge-in and permits
  // ------------------------------------------------------------------------------------------------------------------

  it.effect("interruption - closes the socket and frees the permit; late frames reach nobody", () =>
    withSpeech(({ client, server, service }) =>
      Effect.gen(function*() {
        const fiber = yield* start(service.events(Stream.concat(tokens, Stream.never)))
        const session = yield* server.session
        yield* settle
        const { chunk, complete } = frames(idOf([yield* session.next]))
        yield* session.say(chunk(500))
        yield* settle
        yield* Fiber.interrupt(fiber)
        yield* session.closed
        yield* Effect.scoped(client.permit)
        yield* session.say(chunk(9000))
        yield* session.say(complete)
        const next = yield* start(service.events(tokens))
        yield* answer(yield* server.session)
        const { events } = yield* Fiber.join(next)
        assert.strictEqual(millisOf(events), 3000)
        assert.strictEqual(server.opened(), 2)
      })
    ))

  it.effect("interruption while a socket opens - is not held up, and the permit is free", () =>
    withSpeech(({ client, server, service }) =>
      Effect.gen(function*() {
        server.gate.unsafeClose()
        const fiber = yield* start(service.events(tokens))
        yield* settle
        yield* Fiber.interrupt(fiber)
        yield* Effect.scoped(client.permit)
        yield* server.gate.open
        yield* settle
        assert.strictEqual(server.opened(), 0)
      })
    ))

  it.effect("the permit - is one of the account, waited for, and free after the last audio though nobody listens", () =>
    withSpeech(({ client, server, service }) =>
      Effect.gen(function*() {
        const pull = yield* Effect.scoped(Effect.gen(function*() {
          yield* client.permit
          const fiber = yield* start(service.events(tokens))
          yield* settle
          assert.strictEqual(server.opened(), 0)
          return fiber
        }))
        const session = yield* server.session
        yield* answer(session)
        yield* Fiber.join(pull)
        yield* Effect.fork(Stream.runForEach(service.events(tokens), () => Effect.never)) // pauses after the first event
        yield* answer(session)
        yield* Effect.scoped(client.permit)
        assert.isFalse(yield* session.isClosed)
      })
    ))

  it.effect("a second utterance - waits for the socket of the pool", () =>
    withSpeech(
      ({ server, service }) =>
        Effect.gen(function*() {
          const first = yield* start(service.events(tokens))
          const session = yield* server.session
          const second = yield* start(service.events("Another."))
          const messages = yield* untilOrder(session)
          const { chunk, complete } = frames(idOf(messages))
          yield* session.say(chunk(3000))
          yield* session.say(complete)
          yield* settle
          assert.deepStrictEqual(yield* session.waiting, [])
          yield* TestClock.adjust("300 millis")
          yield* Fiber.join(first)
          assert.strictEqual((yield* answer(session)).map(({ text }) => text).join(""), "Another.")
          yield* Fiber.join(second)
          assert.strictEqual(server.opened(), 1)
        }),
      {},
      { concurrency: 5 }
    ))

  // ------------------------------------------------------------------------------------------------------------------
  // a slow listener
  // ------------------------------------------------------------------------------------------------------------------

  it.effect.each(modes)(
    "%s, a slow listener - holds up the text, and no clock runs against it",
    (buffering) =>
      withSpeech(({ server, service }) =>
        Effect.gen(function*() {
          const words = Array.from({ length: 200 }, (_, i) => `word${i} `)
          let written = 0
          const text = Stream.fromIterable(words).pipe(
            Stream.rechunk(1),
            Stream.tap(() => Effect.sync(() => void (written += 1)))
          )
          const gate = yield* Effect.makeLatch()
          const fiber = yield* start(Stream.tap(service.events(text), () => gate.await))
          const session = yield* server.session
          const { chunk, complete } = frames(idOf([yield* session.next]))
          yield* session.say(chunk(3000))
          yield* settle
          const sent = ["word0 ", ...(yield* session.waiting).map(({ text }) => text)]
          yield* TestClock.adjust("10 minutes")
          assert.deepStrictEqual(yield* session.waiting, [])
          assert.isBelow(sent.length, 20) // 2 s of very fast speech
          assert.isBelow(written, 40)
          yield* gate.open
          for (let i = 0; Option.isNone(yield* Fiber.poll(fiber)); i++) {
            const messages = yield* session.waiting
            sent.push(...messages.map(({ text }) => text))
            if (messages.length > 0 || i === 0) yield* session.say(chunk(3000))
            yield* session.say(complete)
            yield* TestClock.adjust("300 millis")
          }
          assert.strictEqual(sent.join("").trim(), words.join("").trim())
          assert.deepStrictEqual((yield* Fiber.join(fiber)).exit, Exit.void)
        }), { bufferDuration: "2 seconds", buffering })
  )

  // ------------------------------------------------------------------------------------------------------------------
  // sockets
  // ------------------------------------------------------------------------------------------------------------------

  const utterance = Effect.fnUntraced(function*({ server, service }: Speech, isNew: boolean) {
    const fiber = yield* start(service.events(tokens))
    const session = isNew ? yield* server.session : undefined
    return { fiber, session }
  })

  it.effect("sockets - are used again, close after their idle time, and a closed one is not used", () =>
    withSpeech((speech) =>
      Effect.gen(function*() {
        const { server } = speech
        const { fiber, session } = yield* utterance(speech, true)
        if (session === undefined) return assert.fail()
        yield* answer(session)
        yield* Fiber.join(fiber)
        yield* TestClock.adjust("59 seconds")
        const again = yield* utterance(speech, false)
        yield* answer(session)
        yield* Fiber.join(again.fiber)
        assert.strictEqual(server.opened(), 1)
        yield* TestClock.adjust("59 seconds")
        assert.isFalse(yield* session.isClosed)
        yield* TestClock.adjust("1 seconds")
        yield* session.closed
        const third = yield* utterance(speech, true)
        if (third.session === undefined) return assert.fail()
        yield* answer(third.session)
        yield* Fiber.join(third.fiber)
        yield* third.session.say({ status: "error", message: "Connection timed out after 60 seconds of inactivity" })
        yield* third.session.close(1000)
        yield* settle
        const fourth = yield* utterance(speech, true)
        if (fourth.session === undefined) return assert.fail()
        yield* answer(fourth.session)
        assert.isTrue(Exit.isSuccess((yield* Fiber.join(fourth.fiber)).exit))
        assert.strictEqual(server.opened(), 3)
      }), { idleTimeToLive: "1 minute", retry: { maxRetries: 0 } }))

  it.effect("prewarm - opens one socket with the layer and keeps it", () =>
    withSpeech((speech) =>
      Effect.gen(function*() {
        const session = yield* speech.server.session
        yield* TestClock.adjust("1 hour")
        assert.isFalse(yield* session.isClosed)
        const { fiber } = yield* utterance(speech, false)
        yield* answer(session)
        yield* Fiber.join(fiber)
        yield* TestClock.adjust("1 hour")
        assert.isFalse(yield* session.isClosed)
        assert.strictEqual(speech.server.opened(), 1)
      }), { prewarm: true, poolSize: 3 }))

  it.effect("prewarm that fails - leaves it to the first utterance", () =>
    Effect.gen(function*() {
      const server = yield* LiveServer.make
      server.refuse(new WebSocketConnectError({ reason: "Unreachable", description: "down" }))
      yield* Effect.gen(function*() {
        const service = yield* SpeechStream.SpeechStream
        yield* settle
        const fiber = yield* start(service.events(tokens))
        yield* answer(yield* server.session)
        assert.isTrue(Exit.isSuccess((yield* Fiber.join(fiber)).exit))
      }).pipe(Effect.provide(LiveServer.layer(server, { prewarm: true, retry: { maxRetries: 0 } })))
    }))

  it.live("200 utterances over 20 sockets - none is lost or mixed", () =>
    withSpeech(
      ({ server, service }) =>
        Effect.gen(function*() {
          // Each socket answers with as many samples as the text says.
          const serve = (session: LiveServer.Session) =>
            Effect.forever(Effect.flatMap(untilOrder(session), (messages) => {
              const millis = Number(messages.map(({ text }) => text).join("").match(/\d+/)?.[0])
              const { chunk, complete } = frames(idOf(messages), idOf(messages))
              return Effect.zipRight(session.say(chunk(millis)), session.say(complete))
            }))
          const servers = yield* Effect.fork(
            Effect.forever(Effect.flatMap(server.session, (session) => Effect.fork(serve(session))))
          )
          const fiber = yield* Effect.fork(Effect.forEach(
            Chunk.range(1001, 1200),
            (n) =>
              Effect.map(
                collect(service.events(Stream.make("Number", ` ${n}`, "."))),
                ({ events }) => [n, millisOf(events)]
              ),
            { concurrency: "unbounded" }
          ))
          for (const [n, millis] of yield* Fiber.join(fiber)) assert.strictEqual(n, millis)
          assert.strictEqual(server.opened(), 20)
          yield* Fiber.interrupt(servers)
        }),
      { poolSize: 20, completeBackoff: "30 millis" },
      { concurrency: 20 }
    ))

  // ------------------------------------------------------------------------------------------------------------------
  // options
  // ------------------------------------------------------------------------------------------------------------------

  it.effect("options out of bounds - are defects that name them, or typed errors of a call", () =>
    Effect.gen(function*() {
      const server = yield* LiveServer.make
      const cases: ReadonlyArray<readonly [WavesSpeechStream.Options, string]> = [
        [{ poolSize: 0 }, "poolSize"],
        [{ poolSize: 1.5 }, "poolSize"],
        [{ maxBufferDelay: "6 seconds" }, "maxBufferDelay"],
        [{ maxBufferDelay: "2 seconds", buffering: "flush" }, "maxBufferDelay"],
        [{ completeBackoff: "11 seconds" }, "completeBackoff"]
      ]
      for (const [options, name] of cases) {
        const exit = yield* Effect.exit(Effect.provide(Effect.void, LiveServer.layer(server, options)))
        assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).includes(name), name)
      }
      yield* withSpeech(({ service }) =>
        Effect.gen(function*() {
          const rate = failureOf(yield* collect(service.events("Hi.", { sampleRate: 22050 })))
          assert.deepInclude(rate, {
            _tag: "InvalidSpeechRequest",
            parameter: "sampleRate",
            module: "WavesSpeechStream"
          })
          const language = failureOf(yield* collect(service.events("Hi.", { language: "xx" })))
          assert.deepInclude(language, { _tag: "InvalidSpeechRequest", parameter: "language" })
        })
      )
    }))
})
