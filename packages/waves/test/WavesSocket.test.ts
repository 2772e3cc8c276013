import { WebSocketConnector } from "@effect-smallest/core"
import { WavesClient, type WavesSocket } from "@effect-smallest/waves"
import { HttpClient, Socket } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Effect,
  Encoding,
  Exit,
  Fiber,
  HashMap,
  Layer,
  Logger,
  LogLevel,
  Option,
  Queue,
  Redacted,
  TestClock
} from "effect"

/** A socket whose server is this test. */
const make = Effect.gen(function*() {
  const heard: Array<string> = []
  const flow: Array<"pause" | "resume"> = []
  const said = yield* Queue.unbounded<string | Uint8Array | Socket.SocketError>()
  const connector = WebSocketConnector.WebSocketConnector.of({
    connect: () =>
      Effect.succeed({
        socket: Socket.Socket.of({
          [Socket.TypeId]: Socket.TypeId,
          run: () => Effect.die("not used"),
          runRaw: (handler) =>
            Effect.forever(Effect.flatMap(Queue.take(said), (said) =>
              typeof said === "string" || said instanceof Uint8Array
                ? Effect.sync(() => void handler(said))
                : Effect.fail(said))),
          writer: Effect.succeed((chunk) =>
            Effect.sync(() => void heard.push(String(chunk)))
          )
        }),
        flow: {
          pause: Effect.sync(() => void flow.push("pause")),
          resume: Effect.sync(() => void flow.push("resume"))
        }
      })
  })
  const socket = yield* Effect.flatMap(WavesClient.WavesClient, (client) => client.connect(connector)).pipe(
    Effect.provide(WavesClient.layer({ apiKey: Redacted.make("sk_secret"), baseUrl: "http://server" })),
    Effect.provide(Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Effect.die("HTTP is not used"))))
  )
  const say = (frame: unknown) =>
    Queue.offer(said, typeof frame === "string" || frame instanceof Uint8Array ? frame : JSON.stringify(frame))
  const close = (code: number, closeReason = "") =>
    Queue.offer(said, new Socket.SocketCloseError({ reason: "Close", code, closeReason }))
  const breaks = (cause: unknown) => Queue.offer(said, new Socket.SocketGenericError({ reason: "Read", cause }))
  return { socket, heard, flow, say, close, breaks }
})

const utterance = (requestId: string, bufferBytes = 1_000_000): WavesSocket.Utterance => ({
  requestId,
  voice: "meher",
  bufferBytes
})

const chunk = (requestId: string | undefined, external: string | undefined, bytes: ReadonlyArray<number>) => ({
  session_id: "ws_1",
  ...(requestId === undefined ? {} : { request_id: requestId }),
  ...(external === undefined ? {} : { external_request_id: external }),
  status: "chunk",
  data: { audio: Encoding.encodeBase64(Uint8Array.from(bytes)) }
})

type Take = Effect.Effect.Success<ReturnType<WavesSocket.WavesSocket["frames"]>>

const audioOf = (take: Take) =>
  Effect.map(take, (frame) => Option.isSome(frame) && frame.value._tag === "Audio" ? [...frame.value.bytes] : frame)

const settle = TestClock.adjust(0)

/** What can be taken now. */
const waiting = (take: Take) =>
  Effect.gen(function*() {
    const taken: Array<unknown> = []
    const fiber = yield* Effect.fork(Effect.forever(Effect.map(audioOf(take), (frame) => taken.push(frame))))
    yield* settle
    yield* Fiber.interrupt(fiber)
    return taken
  })

const errorOf = (take: Take) =>
  Effect.map(
    Effect.exit(take),
    (exit) => Exit.isFailure(exit) ? Option.getOrThrow(Cause.failureOption(exit.cause)) : assert.fail("It did not fail")
  )

describe("WavesSocket", () => {
  it.scoped("says ping when nothing else was said, well before the server's 60 seconds", () =>
    Effect.gen(function*() {
      const { heard, say, socket } = yield* make
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(heard, ["{\"type\":\"ping\"}"])
      yield* say({ type: "pong" })
      yield* TestClock.adjust("20 seconds")
      yield* socket.send({ text: "Hello", voice_id: "meher" })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(heard.slice(1), ["{\"text\":\"Hello\",\"voice_id\":\"meher\"}"])
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(heard.slice(2), ["{\"type\":\"ping\"}"])
      // For hours: never 60 seconds without a word.
      yield* TestClock.adjust("2 hours")
      assert.isAtLeast(heard.length, 2 * 60 * 60 / 50)
    }))

  it.scoped("a session that ended - says nothing more, and sending fails", () =>
    Effect.gen(function*() {
      const { close, heard, socket } = yield* make
      assert.isTrue(yield* socket.isOpen)
      yield* close(1000)
      yield* settle
      assert.isFalse(yield* socket.isOpen)
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(heard, [])
      assert.strictEqual((yield* Effect.flip(socket.send({ text: "x" })))._tag, "TransportFailure")
      const late = yield* socket.frames(utterance("late"))
      assert.isTrue(Option.isNone(yield* late))
    }))

  it.scoped("several utterances - hear their own frames, by our id or by the server's", () =>
    Effect.gen(function*() {
      const { say, socket } = yield* make
      const a = yield* socket.frames(utterance("a"))
      const b = yield* socket.frames(utterance("b"))
      yield* say(chunk("task_1", "a", [1]))
      yield* say(chunk("task_2", "b", [2]))
      yield* say(chunk("task_1", undefined, [3]))
      yield* say(chunk("task_2", undefined, [4]))
      yield* say(chunk("task_3", undefined, [5])) // nobody can tell whose
      yield* say(new TextEncoder().encode(JSON.stringify(chunk("task_1", "a", [6]))))
      assert.deepStrictEqual([yield* audioOf(a), yield* audioOf(a), yield* audioOf(a)], [[1], [3], [6]])
      assert.deepStrictEqual([yield* audioOf(b), yield* audioOf(b)], [[2], [4]])
      assert.deepStrictEqual(yield* waiting(a), [])
      assert.deepStrictEqual(yield* waiting(b), [])
    }))

  it.scoped("an utterance that left - its late frames and errors reach nobody", () =>
    Effect.gen(function*() {
      const { say, socket } = yield* make
      yield* Effect.scoped(Effect.gen(function*() {
        const gone = yield* socket.frames(utterance("gone"))
        yield* say(chunk("task_1", undefined, [1]))
        assert.deepStrictEqual(yield* audioOf(gone), [1])
      }))
      const here = yield* socket.frames(utterance("here"))
      yield* say(chunk("task_1", undefined, [2]))
      yield* say(chunk("task_9", "gone", [3]))
      yield* say({ request_id: "task_1", status: "error", message: "late" })
      yield* say(chunk("task_2", undefined, [4]))
      assert.deepStrictEqual(yield* waiting(here), [[4]])
    }))

  it.scoped("an error - goes to its utterance; one of nobody in particular to all", () =>
    Effect.gen(function*() {
      const { say, socket } = yield* make
      const a = yield* socket.frames(utterance("a"))
      const b = yield* socket.frames(utterance("b"))
      const c = yield* socket.frames({ ...utterance("c"), voice: "nobody" })
      yield* say({ request_id: "task_1", external_request_id: "a", status: "error", message: "synthesis failed" })
      assert.deepInclude(yield* errorOf(a), {
        _tag: "ServerFailure",
        module: "WavesSocket",
        method: "frames",
        requestId: "task_1"
      })
      assert.deepStrictEqual(yield* waiting(b), [])
      yield* say({ status: "error", message: "Invalid Voice ID" })
      assert.deepInclude(yield* errorOf(b), { _tag: "UnknownVoice", voice: "meher" })
      assert.deepInclude(yield* errorOf(c), { _tag: "UnknownVoice", voice: "nobody" })
      assert.isTrue(yield* socket.isOpen)
    }))

  for (const code of [1001, 1006, 1008, 1011, 1013, 4000]) {
    it.scoped(`close with ${code} - fails what is listened for, then and later`, () =>
      Effect.gen(function*() {
        const { close, socket } = yield* make
        const now = yield* socket.frames(utterance("now"))
        yield* close(code, "said sk_secret")
        const error = yield* errorOf(now)
        assert.strictEqual(error._tag, code === 1008 || code === 1013 ? "RateLimited" : "TransportFailure")
        assert.include(error.message, `code ${code} (said <redacted>)`)
        assert.strictEqual((yield* errorOf(yield* socket.frames(utterance("later"))))._tag, error._tag)
      }))
  }

  it.scoped("a socket that breaks - tells why", () =>
    Effect.gen(function*() {
      const { breaks, socket } = yield* make
      const take = yield* socket.frames(utterance("a"))
      yield* breaks(new Error("read ECONNRESET"))
      const error = yield* errorOf(take)
      assert.strictEqual(error._tag, "TransportFailure")
      assert.include(error.message, "read ECONNRESET")
    }))

  it.scoped("frames that came before the end - are taken before it", () =>
    Effect.gen(function*() {
      const { close, say, socket } = yield* make
      const take = yield* socket.frames(utterance("a"))
      yield* say(chunk("task_1", "a", [1]))
      yield* close(1006)
      yield* settle
      assert.deepStrictEqual(yield* audioOf(take), [1])
      assert.strictEqual((yield* errorOf(take))._tag, "TransportFailure")
    }))

  it.scoped("audio that nobody takes - stops the reading, and taking it starts it again", () =>
    Effect.gen(function*() {
      const { flow, say, socket } = yield* make
      const take = yield* socket.frames(utterance("a", 3))
      yield* say(chunk("task_1", "a", [1, 2]))
      yield* settle
      assert.deepStrictEqual(flow, [])
      yield* say(chunk("task_1", "a", [3, 4]))
      yield* say(chunk("task_1", "a", [5, 6]))
      yield* settle
      assert.deepStrictEqual(flow, ["pause"])
      yield* take
      assert.deepStrictEqual(flow, ["pause"])
      yield* take
      assert.deepStrictEqual(flow, ["pause", "resume"])
    }))

  it.scoped("an utterance that leaves with audio untaken - holds up nobody", () =>
    Effect.gen(function*() {
      const { flow, say, socket } = yield* make
      yield* Effect.scoped(Effect.zipRight(
        socket.frames(utterance("a", 1)),
        Effect.zipRight(say(chunk("task_1", "a", [1, 2])), settle)
      ))
      assert.deepStrictEqual(flow, ["pause", "resume"])
    }))

  it.scoped("a kind of message that is new - is skipped with a debug log; a pong without", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const logger = Logger.make(({ annotations, logLevel, message }) =>
        void logged.push(
          `${logLevel.label} ${String(message)}: ${String(Option.getOrNull(HashMap.get(annotations, "kind")))}`
        )
      )
      yield* Effect.gen(function*() {
        const { say, socket } = yield* make
        const take = yield* socket.frames(utterance("a"))
        yield* say({ type: "pong" })
        yield* say({ status: "weather", request_id: "task_1" })
        yield* say(chunk("task_1", "a", [1]))
        assert.deepStrictEqual(yield* audioOf(take), [1])
      }).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        Logger.withMinimumLogLevel(LogLevel.Debug)
      )
      assert.deepStrictEqual(logged, ["DEBUG A live message of an unknown kind was skipped: weather"])
    }))

  it.scoped("a session of many pieces - remembers the newest, and still tells them apart", () =>
    Effect.gen(function*() {
      const { say, socket } = yield* make
      const a = yield* socket.frames(utterance("a"))
      for (let i = 0; i < 1000; i++) yield* say(chunk(`task_${i}`, "a", [i % 256]))
      assert.strictEqual((yield* waiting(a)).length, 1000)
      yield* say(chunk("task_999", undefined, [7]))
      assert.deepStrictEqual(yield* audioOf(a), [7])
    }))
})
