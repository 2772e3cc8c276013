import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import type * as SpeechText from "@effect-smallest/stream/SpeechText"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as WavesClient from "../WavesClient.js"
import type * as WavesSchema from "../WavesSchema.js"
import * as Inbox from "./inbox.js"
import * as LiveProgress from "./liveProgress.js"
import * as LiveText from "./liveText.js"
import * as LiveVoice from "./liveVoice.js"
import type * as SocketPool from "./socketPool.js"

/** @internal */
export interface Options {
  readonly client: Pick<WavesClient.Service, "permit" | "timeouts">
  readonly sockets: SocketPool.SocketPool
  /** The options that every message repeats. */
  readonly body: Omit<WavesSchema.SpeechBody, "text">
  readonly sampleRate: number
  readonly speed: number
  readonly buffering: "context" | "flush"
  readonly maxBufferDelay: Duration.Duration
  readonly completeBackoff: Duration.Duration
  readonly bufferDuration: Duration.Duration
  readonly schedule: Schedule.Schedule<unknown, SpeechError.SpeechError>
}

// Pieces of text that may wait between the writer and the socket.
const readAhead = 16

// Audio that may wait at the socket: what is behind it waits for the listener.
const socketBuffer = Duration.seconds(1)

/**
 * Speaks one utterance over the sockets of a pool.
 *
 * @internal
 */
export const speakLive = <E, R>(
  source: Stream.Stream<SpeechText.Input, E, R>,
  options: Options
): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const inbox = yield* Inbox.make<LiveText.Arrival<E>>(readAhead)
    yield* source.pipe(
      Stream.mapConcat(LiveText.pieces),
      Stream.runForEach((input) => inbox.put({ _tag: "Text", input })),
      Effect.exit,
      Effect.flatMap((exit) => inbox.put({ _tag: "End", exit })),
      Effect.interruptible,
      Effect.forkScoped
    )
    const text = LiveText.make(inbox)
    const voice = yield* LiveVoice.make<SpeechError.SpeechError | E>(options)
    yield* utter(text, voice, options).pipe(
      Effect.flatMap(Exit.match({ onFailure: voice.failCause, onSuccess: () => voice.complete })),
      Effect.catchAllCause(voice.failCause),
      Effect.interruptible,
      Effect.forkScoped
    )
    return voice.events
  }))

type Voice<E> = LiveVoice.LiveVoice<SpeechError.SpeechError | E>

const utter = Effect.fnUntraced(function*<E>(
  text: LiveText.LiveText<E>,
  voice: Voice<E>,
  options: Options
): Effect.fn.Return<Exit.Exit<void, E>, SpeechError.SpeechError> {
  while (true) {
    const nothing = yield* text.begin
    if (Option.isSome(nothing)) return nothing.value
    const end = yield* session(text, voice, options).pipe(
      SpeechEngine.withSpan("WavesSpeechStream.utterance"),
      (once) => SpeechEngine.retry(once, options.schedule, { while: () => !voice.hasAudio() }),
      Effect.mapError((error) => SpeechError.withPosition(truncated(error, voice), voice.position()))
    )
    if (Option.isSome(end)) return end.value
  }
})

// A connection that fails in the middle of the audio took the rest of it along.
const truncated = (
  error: SpeechError.SpeechError,
  voice: Pick<Voice<unknown>, "hasAudio">
): SpeechError.SpeechError =>
  error._tag === "TransportFailure" && voice.hasAudio()
    ? new SpeechError.TruncatedAudio({ module, method, description: error.description })
    : error

const module = "WavesSpeechStream"
const method = "events"

// Speaks over one socket until all is spoken, and then returns how the text ended. Returns nothing if the server has closed the socket
// after speaking all it has been sent, as some do, and more text may come.
const session = Effect.fnUntraced(function*<E>(
  text: LiveText.LiveText<E>,
  voice: Voice<E>,
  options: Options
): Effect.fn.Return<Option.Option<Exit.Exit<void, E>>, SpeechError.SpeechError, Scope.Scope> {
  text.rewind()
  if (!voice.hasAudio()) voice.restart()
  yield* options.client.permit
  // Without `giveBack` the socket closes: what is left on it must not reach the next utterance, and the server learns that the listener has gone.
  const { giveBack, socket } = yield* options.sockets.take
  const id = `effect-smallest-${(yield* Random.nextIntBetween(0, 2 ** 48)).toString(36)}`
  const next = yield* socket.frames({
    requestId: id,
    voice: options.body.voice_id,
    model: options.body.model,
    bufferBytes: Pcm.byteLength(Pcm.format(options.sampleRate), socketBuffer)
  })
  const toMessage = messages(id, options)
  const limits = { ...options.client.timeouts, completeBackoff: options.completeBackoff }
  const progress = LiveProgress.make(limits, yield* Clock.currentTimeMillis)
  const changed = yield* Effect.makeLatch()
  let end = Option.none<Exit.Exit<void, E>>()

  const say = Effect.fnUntraced(function*(part: LiveText.Part) {
    // A socket that is gone reports why at the place that receives its frames.
    yield* Effect.catchAll(socket.send(toMessage(part)), () => Effect.never)
    voice.sent(part.text)
    progress.sent(part, yield* Clock.currentTimeMillis)
    changed.unsafeOpen()
  })

  const send = Effect.gen(function*() {
    while (true) {
      const part = yield* text.next
      if (part._tag === "End") {
        end = Option.some(part.exit)
        progress.sentAll()
        changed.unsafeOpen()
        return yield* Effect.never
      }
      if (voice.isAhead()) {
        // A server that waits for the order would wait for ever.
        if (options.buffering === "flush") yield* say({ _tag: "Speak", text: "" })
        yield* voice.until(() => !voice.isAhead())
      }
      yield* say(part)
      text.sent()
    }
  })

  const receive = Effect.gen(function*() {
    while (true) {
      const frame = yield* next
      if (Option.isNone(frame)) {
        return progress.isAnswered() ? end : yield* new SpeechError.TransportFailure({
          module,
          method,
          description: "The server closed the socket before everything was spoken"
        })
      }
      if (progress.heard(frame.value, yield* Clock.currentTimeMillis)) changed.unsafeOpen()
      voice.hear(frame.value)
      if (voice.hasAudio()) text.forget()
      if (voice.isBehind()) {
        progress.pause()
        yield* voice.until(() => !voice.isBehind())
        progress.resume(yield* Clock.currentTimeMillis)
        changed.unsafeOpen()
      }
    }
  })

  const watch = Effect.gen(function*() {
    while (true) {
      changed.unsafeClose()
      const state = { hasAudio: voice.hasAudio(), isShort: voice.isShort() }
      const verdict = progress.verdict(yield* Clock.currentTimeMillis, state)
      if (verdict._tag === "Failed") return yield* Effect.fail(verdict.error)
      if (verdict._tag === "Done") {
        giveBack()
        return end
      }
      if (verdict._tag === "Idle") voice.settle()
      yield* verdict._tag === "Idle" ? changed.await : Effect.timeoutOption(changed.await, verdict.millis)
    }
  })

  return yield* Effect.raceFirst(Effect.raceFirst(receive, watch), send)
}, Effect.scoped)

const messages = (id: string, options: Options): (part: LiveText.Part) => WavesSchema.LiveMessage => {
  const common = {
    ...options.body,
    request_id: id,
    word_timestamps: true,
    complete_backoff_ms: Duration.toMillis(options.completeBackoff)
  }
  const delay = Duration.toMillis(options.maxBufferDelay)
  let context = 0
  return ({ _tag, text }) => {
    const isLast = _tag === "Speak"
    return options.buffering === "flush"
      ? { ...common, text, max_buffer_flush_ms: delay, continue: !isLast, flush: isLast }
      : {
        ...common,
        text,
        context_id: `${id}.${isLast ? context++ : context}`,
        max_buffer_delay_ms: delay,
        continue: !isLast
      }
  }
}
