import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import type * as WavesClient from "@effect-smallest/core/WavesClient"
import type * as WavesSchema from "@effect-smallest/core/WavesSchema"
import type * as WavesSocket from "@effect-smallest/core/WavesSocket"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Pool from "effect/Pool"
import * as Random from "effect/Random"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as SpeechText from "../SpeechText.js"
import * as Inbox from "./inbox.js"
import * as LiveText from "./liveText.js"

/** @internal */
export interface Options {
  readonly client: WavesClient.Service
  readonly sockets: Pool.Pool<WavesSocket.WavesSocket, SpeechError.SpeechError>
  /** The options that every message repeats. */
  readonly body: WavesSchema.LiveMessage
  readonly sampleRate: number
  readonly buffering: "context" | "flush"
  readonly maxBufferDelay: Duration.Duration
  readonly completeBackoff: Duration.Duration
  readonly bufferDuration: Duration.Duration
  readonly schedule: Schedule.Schedule<unknown, SpeechError.SpeechError>
}

// Pieces of text that may wait between the writer and the socket.
const readAhead = 16

// After the server's `complete`, the time in which further audio would show that it was said too early.
const quiet = Duration.millis(100)

const module = "WavesSpeechStream"

/**
 * Speaks one utterance over a socket of the pool.
 *
 * @internal
 */
export const speakLive = <E, R>(
  text: Stream.Stream<SpeechText.Input, E, R>,
  options: Options
): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const inbox = yield* Inbox.make<LiveText.Arrival<E>>(readAhead)
    yield* text.pipe(
      Stream.runForEach((input) => inbox.put({ _tag: "Text", input })),
      Effect.exit,
      Effect.flatMap((exit) => inbox.put({ _tag: "End", exit })),
      Effect.interruptible,
      Effect.forkScoped
    )
    const voice = makeVoice<E>(options)
    const parts = LiveText.make(inbox, { holdsLast: options.buffering === "context" })
    yield* utter(parts, voice, options).pipe(
      Effect.matchCauseEffect({
        onFailure: (cause) => voice.out.failCause(cause),
        onSuccess: (end) => Exit.isSuccess(end) ? voice.complete : voice.out.failCause(end.cause)
      }),
      Effect.interruptible,
      Effect.forkScoped
    )
    return voice.events
  }))

interface Voice<E> {
  readonly out: Mailbox.Mailbox<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E>
  readonly events: Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E>
  readonly complete: Effect.Effect<void>
  /** Waits while too much audio is unheard. */
  readonly room: Effect.Effect<void>
  readonly hasAudio: () => boolean
  /** Before anything was heard: the text is sent again. */
  readonly restart: () => void
  /** Text that was sent and may be heard from now on. */
  readonly said: (text: string) => void
  readonly hear: (frame: WavesSocket.LiveFrame) => void
  readonly position: () => SpeechError.Position
}

// Turns frames into events on one timeline, and knows how far the listener is behind.
const makeVoice = <E>(options: Options): Voice<E> => {
  const format = Pcm.format(options.sampleRate)
  const limit = Pcm.byteLength(format, options.bufferDuration)
  const out = Effect.runSync(Mailbox.make<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E>())
  const room = Effect.unsafeMakeLatch(true)
  const starts = new Map<string | undefined, number>() // where the audio of each piece begins, in bytes
  let carry = new Uint8Array(0)
  let received = 0
  let heard = 0
  let text = "" // sent, and not yet known to be heard
  let textOffset = 0
  let hasWords = false

  const timeOf = (bytes: number) => Pcm.durationOf(format, bytes)

  const startOf = (requestId: string | undefined): number => {
    const known = starts.get(requestId)
    if (known !== undefined) return known
    for (const old of starts.keys()) if (starts.size > 8) starts.delete(old)
    starts.set(requestId, received)
    return received
  }

  const begin = () => {
    if (received > 0) return
    out.unsafeOffer(SpeechEvent.SegmentStarted({ segment: 0, text, textOffset: 0, start: Duration.zero }))
  }

  const onAudio = (frame: WavesSocket.LiveFrame & { readonly _tag: "Audio" }) => {
    const bytes = carry.length === 0 ? frame.bytes : Pcm.concatBytes([carry, frame.bytes])
    const whole = bytes.length - bytes.length % Pcm.frameSize(format)
    carry = bytes.slice(whole)
    if (whole === 0) return
    begin()
    startOf(frame.requestId)
    received += whole
    if (received - heard > limit) room.unsafeClose()
    out.unsafeOffer(SpeechEvent.AudioChunk({ chunk: { format, bytes: bytes.subarray(0, whole) } }))
  }

  const onWord = (frame: WavesSocket.LiveFrame & { readonly _tag: "Word" }) => {
    const start = Duration.toSeconds(timeOf(startOf(frame.requestId)))
    begin()
    out.unsafeOffer(SpeechEvent.WordTimestamp({
      segment: 0,
      word: frame.word,
      start: Duration.seconds(start + frame.start),
      end: Duration.seconds(start + frame.end)
    }))
    hasWords = true
    const at = text.indexOf(frame.word)
    if (at === -1) return
    textOffset += at + frame.word.length
    text = text.slice(at + frame.word.length)
  }

  return {
    out,
    events: Stream.tap(Mailbox.toStream(out), (event) =>
      Effect.sync(() => {
        if (event._tag !== "AudioChunk") return
        heard += event.chunk.bytes.length
        if (received - heard <= limit) room.unsafeOpen()
      })),
    complete: Effect.suspend(() =>
      Effect.zipRight(out.offer(SpeechEvent.Completed({ duration: timeOf(received) })), out.end)
    ),
    room: room.await,
    hasAudio: () => received > 0,
    restart: () => {
      text = ""
    },
    said: (more) => {
      // Without word times nothing tells what was heard, and the text would only grow.
      if (received < limit || hasWords) text += more
    },
    hear: (frame) => {
      if (frame._tag === "Audio") onAudio(frame)
      else if (frame._tag === "Word") onWord(frame)
    },
    position: () => ({ segment: 0, textOffset, samplesEmitted: received / Pcm.frameSize(format) })
  }
}

// What was asked of the server, and what it has answered since; times in milliseconds.
interface Progress<E> {
  /** How the text ended, once all of it was sent. */
  end: Exit.Exit<void, E> | undefined
  /** When the server was last told to speak all it has. */
  spokenAt: number | undefined
  /** Whether audio came since then. */
  hasAudio: boolean
  lastFrameAt: number
  /** When the server said that all is spoken, if it sent nothing since. */
  completeAt: number | undefined
}

const utter = <E>(
  text: LiveText.LiveText<E>,
  voice: Voice<E>,
  options: Options
): Effect.Effect<Exit.Exit<void, E>, SpeechError.SpeechError> =>
  Effect.zipRight(
    text.begin,
    attempt(text, voice, options).pipe(
      Effect.retry({ schedule: options.schedule, while: () => !voice.hasAudio() }),
      Effect.mapError((error) => {
        const known = error._tag === "TransportFailure" && voice.hasAudio()
          ? new SpeechError.TruncatedAudio({ module, method: "events", description: error.description })
          : error
        return SpeechError.withPosition(known, voice.position())
      })
    )
  )

const attempt = Effect.fnUntraced(function*<E>(
  text: LiveText.LiveText<E>,
  voice: Voice<E>,
  options: Options
) {
  if (text.log.length === 0) {
    const first = yield* text.next
    if (first._tag === "End") return first.exit // nothing to say, nothing to wait for
  }
  voice.restart()
  yield* options.client.permit
  const socket = yield* Pool.get(options.sockets)
  let isClean = false
  // What is left on a socket must not reach the next utterance; closing it is also how the server learns that nobody listens.
  yield* Effect.addFinalizer(() => isClean ? Effect.void : Pool.invalidate(options.sockets, socket))
  const id = `effect-smallest-${(yield* Random.nextIntBetween(0, 2 ** 48)).toString(36)}`
  const frames = yield* socket.frames(id)
  const changed = yield* Effect.makeLatch()
  const progress: Progress<E> = {
    end: undefined,
    spokenAt: undefined,
    hasAudio: false,
    lastFrameAt: yield* Clock.currentTimeMillis,
    completeAt: undefined
  }
  const toMessage = messages(id, options)

  const send = Effect.fnUntraced(function*(part: LiveText.Part) {
    yield* voice.room
    yield* socket.send(toMessage(part))
    voice.said(part.text)
    if (part._tag === "Say") return
    progress.spokenAt = yield* Clock.currentTimeMillis
    progress.hasAudio = false
    progress.completeAt = undefined
    changed.unsafeOpen()
  })

  const sendAll = Effect.gen(function*() {
    for (const part of [...text.log]) yield* send(part)
    let next = yield* text.next
    while (next._tag !== "End") {
      yield* send(next)
      next = yield* text.next
    }
    progress.end = next.exit
    changed.unsafeOpen()
    return yield* Effect.never
  })

  // The frames of a socket never end well by themselves.
  const frame = Effect.catchTag(frames.take, "NoSuchElementException", () => Effect.never)

  const receiveAll = Effect.forever(Effect.flatMap(frame, (frame) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      progress.lastFrameAt = now
      progress.completeAt = frame._tag === "Complete" && progress.hasAudio ? now : undefined
      if (frame._tag === "Audio") progress.hasAudio = true
      voice.hear(frame)
      if (voice.hasAudio()) text.dropLog()
      changed.unsafeOpen()
    })))

  // The server marks no end: it is when everything was sent and spoken, `complete` came after that, and then nothing more.
  const untilDone = Effect.gen(function*() {
    const { firstAudio, idle } = options.client.timeouts
    while (true) {
      changed.unsafeClose()
      const now = yield* Clock.currentTimeMillis
      const isAnswered = progress.end !== undefined && progress.completeAt !== undefined
      if (isAnswered && now >= (progress.completeAt ?? 0) + Duration.toMillis(quiet)) {
        if (Option.contains(frames.unsafeSize(), 0)) return progress.end ?? Exit.void
      }
      const limit = progress.hasAudio ? Duration.sum(idle, options.completeBackoff) : firstAudio
      const since = progress.hasAudio ? progress.lastFrameAt : progress.spokenAt
      if (!isAnswered && since !== undefined && progress.spokenAt !== undefined && now >= since + Duration.toMillis(limit)) {
        return yield* new SpeechError.SpeechTimeout({
          module,
          method: "events",
          phase: progress.hasAudio ? "idle" : "firstAudio",
          after: limit,
          description: progress.hasAudio ? "The server stopped sending audio" : "The server sent no audio in time"
        })
      }
      const wake = isAnswered
        ? (progress.completeAt ?? 0) + Duration.toMillis(quiet)
        : progress.spokenAt === undefined || since === undefined
        ? Number.POSITIVE_INFINITY
        : since + Duration.toMillis(limit)
      yield* wake === Number.POSITIVE_INFINITY
        ? changed.await
        : Effect.timeoutOption(changed.await, Duration.millis(Math.max(1, wake - now)))
    }
  })

  const exit = yield* Effect.raceAll([untilDone, sendAll, receiveAll]).pipe(
    // Some servers close the socket once they have said `complete`.
    Effect.catchTag("TransportFailure", (error) =>
      progress.end !== undefined && progress.completeAt !== undefined ? Effect.succeed(progress.end) : Effect.fail(error))
  )
  isClean = yield* socket.isOpen
  return exit
}, Effect.scoped)

const messages = (id: string, options: Options): (part: LiveText.Part) => WavesSchema.LiveMessage => {
  let context = 0
  const common = {
    ...options.body,
    request_id: id,
    word_timestamps: true,
    complete_backoff_ms: Duration.toMillis(options.completeBackoff)
  }
  const delay = Duration.toMillis(options.maxBufferDelay)
  return (part) => {
    const isLast = part._tag === "Speak"
    return options.buffering === "flush"
      ? { ...common, text: part.text, max_buffer_flush_ms: delay, continue: !isLast, flush: isLast }
      : {
        ...common,
        text: part.text,
        context_id: `${id}.${isLast ? context++ : context}`,
        max_buffer_delay_ms: delay,
        continue: !isLast
      }
  }
}
