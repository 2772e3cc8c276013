/**
 * A WebSocket client of the `ws` package, as LiveKit's, Pipecat's and everybody else's is: none of our own code between
 * the test and the emulator.
 */
import { Data, Deferred, Effect, Option, Queue, type Scope, TestClock } from "effect"
import { WebSocket } from "ws"

export type Frame = Readonly<Record<string, unknown>>

export class Refused extends Data.TaggedError("Refused")<{ readonly status: number; readonly body: string }> {}

export interface Client {
  readonly webSocket: WebSocket
  /** Sends a value as JSON, a string as it is. */
  readonly send: (message: unknown) => Effect.Effect<void>
  /** The next frame. */
  readonly next: Effect.Effect<Frame>
  /** The next frame, while the test's clock runs on. */
  readonly nextInTime: Effect.Effect<Frame>
  /** Frames until one has this status, with that one. */
  readonly until: (status: string) => Effect.Effect<ReadonlyArray<Frame>>
  /** Frames that have come and were not taken. */
  readonly waiting: Effect.Effect<ReadonlyArray<Frame>>
  readonly closed: Effect.Effect<{ readonly code: number; readonly reason: string }>
}

// Faults break frames; the test sees what came.
const parse = (text: string): Frame => {
  try {
    return JSON.parse(text)
  } catch {
    return { malformed: text }
  }
}

/** Lets the event loop turn, so that the network gets on. */
export const turn: Effect.Effect<void> = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 2)))

/**
 * Waits for an effect while the test's clock runs on: slowly enough for the network, which needs some turns of the event
 * loop for each message.
 */
export const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.raceFirst(effect, Effect.forever(Effect.zipRight(turn, TestClock.adjust("25 millis"))))

export const connect = (
  url: string,
  headers: Readonly<Record<string, string>> = { authorization: "Bearer sk_test" }
): Effect.Effect<Client, Refused, Scope.Scope> =>
  Effect.gen(function*() {
    const frames = yield* Queue.unbounded<Frame>()
    const closed = yield* Deferred.make<{ readonly code: number; readonly reason: string }>()
    const webSocket = yield* Effect.acquireRelease(
      Effect.async<WebSocket, Refused>((resume) => {
        const socket = new WebSocket(url, { headers })
        socket.on("message", (data, isBinary) => {
          const text = Buffer.isBuffer(data) ? data.toString() : ""
          Queue.unsafeOffer(frames, isBinary ? { binary: data } : parse(text))
        })
        socket.on("close", (code, reason) => {
          Deferred.unsafeDone(closed, Effect.succeed({ code, reason: reason.toString() }))
        })
        socket.on("unexpected-response", (_, response) => {
          let body = ""
          response.on("data", (part) => body += part)
          response.on("end", () => resume(new Refused({ status: response.statusCode ?? 0, body })))
        })
        socket.on("error", (error) => resume(new Refused({ status: 0, body: error.message })))
        socket.on("open", () => resume(Effect.succeed(socket)))
      }),
      (socket) => Effect.sync(() => socket.terminate())
    )
    const next = Queue.take(frames)
    const until = (status: string): Effect.Effect<ReadonlyArray<Frame>> =>
      Effect.flatMap(inTime(next), (frame) =>
        frame["status"] === status ? Effect.succeed([frame]) : Effect.map(until(status), (more) => [frame, ...more]))
    return {
      webSocket,
      send: (message) =>
        Effect.sync(() =>
          webSocket.send(typeof message === "string" ? message : JSON.stringify(message))
        ),
      next,
      nextInTime: inTime(next),
      until,
      waiting: Effect.map(Queue.takeAll(frames), (taken) => [...taken]),
      closed: Deferred.await(closed)
    }
  })

/** The PCM of the chunks among frames. */
export const audioOf = (frames: ReadonlyArray<Frame>): Uint8Array =>
  Buffer.concat(frames.flatMap((frame) => {
    const data = frame["data"]
    const audio = Option.fromNullable(data).pipe(
      Option.filter((data): data is { readonly audio: string } => typeof data === "object" && "audio" in data)
    )
    return Option.isSome(audio) ? [Buffer.from(audio.value.audio, "base64")] : []
  }))
