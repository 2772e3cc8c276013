/**
 * Lightning v4: one session for a whole conversation. The server speaks each turn with regard to what was said before, by itself and, if
 * {@link Service.heard} reports it, by the caller.
 *
 * The model is a beta that the vendor opens for each account. It speaks English, has no word times, and no HTTP route. Its protocol is
 * known from the clients of LiveKit and Pipecat; the vendor has not documented it.
 *
 * @since 0.2.0
 */
import type * as Audio from "@effect-smallest/core/Audio"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import { mergeOptions, type SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type * as Voice from "@effect-smallest/core/Voice"
import * as Wav from "@effect-smallest/core/Wav"
import { WebSocketConnector } from "@effect-smallest/core/WebSocketConnector"
import * as SpeechStream from "@effect-smallest/stream/SpeechStream"
import * as SpeechText from "@effect-smallest/stream/SpeechText"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import type * as ConversationSession from "./internal/conversationSession.js"
import { WavesClient } from "./WavesClient.js"

/**
 * @since 0.2.0
 * @category services
 */
export class WavesConversation extends Context.Tag("@effect-smallest/waves/WavesConversation")<
  WavesConversation,
  Service
>() {}

/**
 * What only Lightning v4 knows: `provider: { wavesConversation: { ... } }` in a request.
 *
 * @since 0.2.0
 * @category schemas
 */
export const ConversationOptions = Schema.Struct({
  /**
   * Whether the vendor looks for harmful content: `reject` does not speak such a turn, `flag` speaks it and records that. It is off
   * unless it is given.
   */
  contentFilter: Schema.optional(Schema.Literal("reject", "flag"))
})

/**
 * @since 0.2.0
 * @category models
 */
export interface ConversationOptions extends Schema.Schema.Type<typeof ConversationOptions> {}

declare module "@effect-smallest/core/SpeechRequest" {
  interface ProviderOptions {
    /** Options of Lightning v4. */
    readonly wavesConversation?: ConversationOptions | undefined
  }
}

/**
 * What happens to sessions.
 *
 * - `Started`: a session is open. It knows nothing of the sessions before it.
 * - `Lost`: the connection broke, the server ended it, or an interruption was not answered. Its memory of the conversation is gone with it.
 * - `Replaced`: an utterance asked for another voice, speed, rate or language, which is another session. The memory is gone too.
 * - `RecordingRejected`: the server did not accept what {@link Service.heard} sent; the session continues.
 *
 * @since 0.2.0
 * @category models
 */
export type SessionEvent = Data.TaggedEnum<{
  Started: { readonly sessionId: string; readonly sampleRate: number }
  Lost: { readonly sessionId: string; readonly error: SpeechError.SpeechError }
  Replaced: { readonly sessionId: string }
  RecordingRejected: { readonly error: SpeechError.SpeechError }
}>

/**
 * Constructors, guards and a matcher of session events.
 *
 * @since 0.2.0
 * @category constructors
 */
export const SessionEvent: Data.TaggedEnum.Constructor<SessionEvent> = Data.taggedEnum<SessionEvent>()

/**
 * One conversation with one listener.
 *
 * @since 0.2.0
 * @category models
 */
export interface Service {
  /**
   * Speaks a text as the next turns of the conversation, cut as `turns` says. Utterances wait for each other. A listener who stops
   * interrupts the server, and the next utterance begins only after the server has confirmed it. `interrupt` ends the stream without
   * `Completed`.
   */
  readonly speak: <E = never, R = never>(
    text: SpeechStream.TextSource<E, R>,
    options?: SpeechOptions
  ) => Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R>
  /** Stops what is being spoken and what waits behind it, and waits until the session can speak again. It keeps its memory. */
  readonly interrupt: Effect.Effect<void>
  /**
   * Reports what the caller said: the words and a mono recording. The server ignores words without a recording, so an empty one fails
   * with `InvalidSpeechRequest`.
   */
  readonly heard: (text: string, recording: Audio.Audio) => Effect.Effect<void, SpeechError.SpeechError>
  /** What happens to sessions from now on, the last 16 events included. */
  readonly sessions: Stream.Stream<SessionEvent>
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Options extends Omit<SpeechOptions, "provider" | "model">, ConversationOptions {
  /** @default "brannock" */
  readonly voice?: SpeechOptions["voice"]
  /**
   * 8000, 16000, 24000, 44100 or 48000 Hz.
   * @default 24000
   */
  readonly sampleRate?: SpeechOptions["sampleRate"]
  /**
   * `en` or `auto`.
   * @default "en"
   */
  readonly language?: SpeechOptions["language"]
  /** @default 1 */
  readonly speed?: SpeechOptions["speed"]
  /**
   * What a turn is. With a sentence each, the first sound comes earlier; with a paragraph each, the intonation is better.
   * @default "sentence"
   */
  readonly turns?: "sentence" | "paragraph" | undefined
  /**
   * How a turn is tried again, in a new session if the old one is lost, until its first audio has left.
   * @default { maxRetries: 3, baseDelay: "500 millis", maxDelay: "30 seconds" }
   */
  readonly retry?: SpeechError.Retry | undefined
}

const module = "WavesConversation"
const method = "events"

/**
 * What each option of the layer must be.
 *
 * @internal
 */
export const rules: LayerOptions.Rules<Options> = {
  ...Struct.omit(LayerOptions.speech, "provider", "model"),
  contentFilter: LayerOptions.byRequest,
  turns: /*#__PURE__*/ LayerOptions.oneOf("sentence", "paragraph"),
  retry: LayerOptions.retry
}

const checkLayer = LayerOptions.make<Options>(`${module}.layer`, rules)

/**
 * The voices that are known to speak Lightning v4. `WavesVoices.ofModel("lightning_v4")` asks the server for those that it has.
 *
 * @since 0.2.0
 * @category constants
 */
export const voices: ReadonlyArray<Voice.VoiceInfo> = ["brannock", "rhodes"].map((id) => ({
  id,
  name: id.charAt(0).toUpperCase() + id.slice(1),
  gender: "male",
  languages: ["en"],
  models: ["lightning_v4"]
}))

/**
 * The sample rates of Lightning v4, in hertz.
 *
 * @since 0.2.0
 * @category constants
 */
export const sampleRates: ReadonlyArray<number> = [8000, 16_000, 24_000, 44_100, 48_000]

const languages = ["en", "auto"]

// The longest text is not known; a paragraph as long as the other models take is.
const longestParagraph = 2000

// A blank line ends a paragraph, wherever the pieces of the text are cut.
const flushParagraphs = <E, R>(text: SpeechStream.TextSource<E, R>): Stream.Stream<SpeechText.Input, E, R> =>
  Stream.suspend(() => {
    let isLineEnd = false
    return Stream.mapConcat(typeof text === "string" ? Stream.succeed(text) : text, (input) => {
      if (SpeechText.isFlush(input)) return [input]
      const inputs: Array<SpeechText.Input> = []
      for (const part of input.split(/(?<=\n)/)) {
        inputs.push(part)
        if (isLineEnd && /^[^\S\n]*\n$/.test(part)) inputs.push(SpeechText.flush)
        isLineEnd = part.endsWith("\n") || (isLineEnd && part.trim() === "")
      }
      return inputs
    })
  })

const segmentation = (options: Options): SpeechStream.SegmentedOptions =>
  options.turns === "paragraph"
    ? {
      maxLength: longestParagraph,
      minLength: longestParagraph,
      sentenceTimeout: "5 seconds",
      retry: options.retry
    }
    : { retry: options.retry }

/**
 * Opens no session before the first utterance.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<
  {
    readonly conversation: Service
    readonly stream: SpeechStream.Service
    readonly synthesizer: SpeechSynthesizer.Service
  },
  never,
  WavesClient | WebSocketConnector | Scope.Scope
> =>
  Effect.gen(function*() {
    const client = yield* WavesClient
    const connector = yield* WebSocketConnector
    const scope = yield* Effect.scope
    checkLayer(options)
    const { contentFilter, language, removeExtraSilence, sampleRate, speed, voice } = options
    const events = yield* PubSub.sliding<SessionEvent>({ capacity: 64, replay: 16 })
    const opening = yield* Effect.makeSemaphore(1)
    const speaking = yield* Effect.makeSemaphore(1)
    const halts = new Set<Deferred.Deferred<void>>()

    const defaults = {
      ...mergeOptions({}, {
        removeExtraSilence,
        provider: contentFilter === undefined ? undefined : { wavesConversation: { contentFilter } }
      }),
      model: "lightning_v4",
      voice: voice ?? "brannock",
      language: language ?? "en",
      speed: speed ?? 1,
      sampleRate: sampleRate ?? 24_000
    }

    interface Held {
      readonly key: string
      readonly session: ConversationSession.ConversationSession
      readonly scope: Scope.CloseableScope
    }
    let held: Held | undefined

    const queryOf = (request: SpeechEngine.ResolvedOptions): Readonly<Record<string, string>> => ({
      voice_id: request.voice ?? defaults.voice,
      language: request.language ?? defaults.language,
      sample_rate: String(request.sampleRate),
      output_format: "pcm",
      speed: String(request.speed),
      ...(request.provider?.wavesConversation?.contentFilter === undefined ? {} : {
        content_filter: "true",
        content_filter_action: request.provider.wavesConversation.contentFilter
      })
    })

    const open = Effect.fnUntraced(function*(key: string, query: Readonly<Record<string, string>>) {
      const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      const session = yield* Effect.interruptible(Scope.extend(
        client.converse(connector, {
          query,
          onRejected: (error) => Effect.asVoid(events.publish(SessionEvent.RecordingRejected({ error })))
        }),
        own
      )).pipe(Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))))
      held = { key, session, scope: own }
      yield* events.publish(SessionEvent.Started({ sessionId: session.id, sampleRate: session.sampleRate }))
      yield* session.lost.pipe(
        Effect.flatMap((error) => events.publish(SessionEvent.Lost({ sessionId: session.id, error }))),
        Effect.zipRight(Effect.sync(() => {
          if (held?.session === session) held = undefined
        })),
        Effect.zipRight(Scope.close(own, Exit.void)),
        Effect.interruptible,
        Effect.forkIn(scope)
      )
      return session
    }, Effect.uninterruptible)

    const sessionFor = (request: SpeechEngine.ResolvedOptions) =>
      opening.withPermits(1)(Effect.gen(function*() {
        const query = queryOf(request)
        const key = JSON.stringify(query)
        if (held !== undefined && held.key === key && (yield* held.session.isOpen)) return held.session
        if (held !== undefined && (yield* held.session.isOpen)) {
          const old = held
          held = undefined
          yield* events.publish(SessionEvent.Replaced({ sessionId: old.session.id }))
          yield* Effect.zipRight(old.session.end, Scope.close(old.scope, Exit.void))
        }
        return yield* open(key, query)
      }))

    const check = (request: SpeechEngine.ResolvedOptions) =>
      request.model !== undefined && request.model !== defaults.model
        ? new SpeechError.InvalidSpeechRequest({
          module,
          method,
          parameter: "model",
          description: `A conversation is spoken by lightning_v4, not by ${request.model}`
        })
        : request.language === undefined || languages.includes(request.language)
        ? Effect.void
        : new SpeechError.InvalidSpeechRequest({
          module,
          method,
          parameter: "language",
          description: `Lightning v4 speaks English: the language must be en or auto, not ${request.language}`
        })

    const turn = (
      request: SpeechEngine.ResolvedRequest
    ): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError> =>
      Stream.unwrap(Effect.gen(function*() {
        yield* check(request)
        const session = yield* sessionFor(request)
        let hasAudio = false
        const pcm = session.turn(request.text).pipe(
          Stream.mapError((error) =>
            error._tag === "TransportFailure" && hasAudio
              ? new SpeechError.TruncatedAudio({
                module,
                method,
                description:
                  `${error.description}; the session is lost, and with it what it remembered of the conversation`
              })
              : error
          ),
          Stream.tap(({ length }) =>
            Effect.sync(() => {
              hasAudio ||= length > 0
            })
          ),
          Pcm.fromBytes(Pcm.format(session.sampleRate)),
          Pcm.resample(request.sampleRate),
          Stream.catchTag("PcmError", (error) => Stream.fail(SpeechEngine.fromPcmError({ module, method })(error)))
        )
        return SpeechEngine.fromPcm({ text: request.text, pcm, requestId: session.id })
      }))

    const synthesizer = SpeechEngine.make({
      module,
      vendor: "smallest_ai",
      sampleRates,
      maxTextLength: 8000,
      provider: { name: "wavesConversation", schema: ConversationOptions },
      defaults,
      events: turn,
      voices: Effect.succeed(voices),
      models: Effect.succeed(["lightning_v4"]),
      languages: Effect.succeed(["en"])
    })

    const segmented = Context.get(
      yield* Layer.build(
        Layer.provide(
          SpeechStream.layerSegmented(segmentation(options)),
          Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, synthesizer)
        )
      ),
      SpeechStream.SpeechStream
    )

    // A turn that is given up interrupts the session, and with it the turns behind it: so utterances do not overlap.
    const alone = <A, E, R>(stream: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
      Stream.unwrapScoped(Effect.gen(function*() {
        const halt = yield* Effect.acquireRelease(
          Effect.tap(Deferred.make<void>(), (halt) => Effect.sync(() => halts.add(halt))),
          (halt) => Effect.sync(() => halts.delete(halt))
        )
        const isOurs = yield* Effect.raceFirst(
          Effect.as(
            Effect.acquireRelease(Effect.interruptible(speaking.take(1)), () => speaking.release(1)),
            true
          ),
          Effect.as(Deferred.await(halt), false)
        )
        return isOurs ? Stream.interruptWhenDeferred(stream, halt) : Stream.empty
      }))

    const events_: SpeechStream.Service["events"] = (text, requested) =>
      alone(segmented.events(options.turns === "paragraph" ? flushParagraphs(text) : text, requested))

    const heard: Service["heard"] = Effect.fnUntraced(function*(text, recording) {
      const at = { module, method: "heard" }
      if (recording.bytes.length === 0) {
        return yield* new SpeechError.InvalidSpeechRequest({
          ...at,
          parameter: "recording",
          description: "The recording is empty: the server ignores words of the caller without audio"
        })
      }
      if (recording.format.channels !== 1) {
        return yield* new SpeechError.InvalidSpeechRequest({
          ...at,
          parameter: "recording",
          description: `The recording must be mono; it has ${recording.format.channels} channels`
        })
      }
      const session = held?.session ?? (yield* sessionFor({ ...defaults }))
      yield* session.heard(text, Encoding.encodeBase64(Wav.encode(recording)))
    })

    return {
      synthesizer,
      stream: SpeechStream.SpeechStream.of({
        events: events_,
        scriptEvents: (script, requested) => alone(segmented.scriptEvents(script, requested)),
        fromText: (text, requested) =>
          alone(segmented.fromText(
            options.turns === "paragraph" ? flushParagraphs(text) : text,
            requested
          ))
      }),
      conversation: WavesConversation.of({
        speak: events_,
        interrupt: Effect.suspend(() => {
          for (const halt of halts) Deferred.unsafeDone(halt, Effect.void)
          return speaking.withPermits(1)(Effect.void)
        }),
        heard,
        sessions: Stream.fromPubSub(events)
      })
    }
  })

/**
 * One conversation, and the `SpeechStream` port over the same session, so that call sites need not change. Build the layer once for each
 * listener: two listeners of one layer would share a memory.
 *
 * @example
 * ```ts
 * import { AudioPlayer, SpeechEvent } from "@effect-smallest/core"
 * import { WavesClient, WavesConversation } from "@effect-smallest/waves"
 * import { Effect, Layer } from "effect"
 *
 * const Conversation = WavesConversation.layer({ voice: "rhodes", turns: "paragraph" }).pipe(
 *   Layer.provide(WavesClient.layerConfig())
 * )
 *
 * const answer = (text: string) =>
 *   Effect.gen(function*() {
 *     const conversation = yield* WavesConversation.WavesConversation
 *     yield* AudioPlayer.play(SpeechEvent.pcm(conversation.speak(text)))
 *   })
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<
  WavesConversation | SpeechStream.SpeechStream | SpeechSynthesizer.SpeechSynthesizer,
  never,
  WavesClient | WebSocketConnector
> =>
  Layer.scopedContext(
    Effect.map(make(options), ({ conversation, stream, synthesizer }) =>
      Context.make(WavesConversation, conversation).pipe(
        Context.add(SpeechStream.SpeechStream, stream),
        Context.add(SpeechSynthesizer.SpeechSynthesizer, synthesizer)
      ))
  )
