/**
 * A speech engine for tests: its audio is a function of the text, its failures and delays are scripted, and it remembers
 * what it was asked.
 *
 * Every character of a text sounds for 50 ms at speed 1. Its first sample is the character itself (its UTF-16 code
 * unit), the others are a tone whose pitch depends on it: so the audio is never silent, different texts have different
 * audio, and {@link textOf} reads back from any audio what has been spoken in which order.
 *
 * All delays are by Effect's `Clock`: under `TestClock` they take no time.
 *
 * @since 0.1.0
 */
import * as Audio from "@effect-smallest/core/Audio"
import type { Language } from "@effect-smallest/core/Language"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import type * as Model from "@effect-smallest/core/Model"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import { mergeOptions, type SpeechOptions, type SpeechRequest } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type * as Voice from "@effect-smallest/core/Voice"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

/**
 * Controls and inspects the engine; {@link layer} provides it beside `SpeechSynthesizer`.
 *
 * @since 0.1.0
 * @category services
 */
export class TestSpeechSynthesizer extends Context.Tag("@effect-smallest/testing/TestSpeechSynthesizer")<
  TestSpeechSynthesizer,
  Service
>() {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** All requests so far, in the order in which they began. */
  readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
  /** The same as it changes, beginning with the present state. */
  readonly changes: Stream.Stream<ReadonlyArray<RecordedRequest>>
  /** Waits until a request, counted from 0, is as `isReached` wants it; without `isReached`, until it has begun. */
  readonly awaitRequest: (
    index: number,
    isReached?: (request: RecordedRequest) => boolean
  ) => Effect.Effect<RecordedRequest>
  /** Answers the next requests with these replies, before the script and `respond` are asked. */
  readonly enqueue: (...replies: ReadonlyArray<Reply>) => Effect.Effect<void>
}

/**
 * How one request is answered. An empty reply speaks the text.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply {
  /** Fails the request with this error. */
  readonly error?: SpeechError.SpeechError | undefined
  /**
   * How many chunks of audio leave before `error`. If the text has fewer, the error comes after all of them.
   * @default 0
   */
  readonly chunksBeforeError?: number | undefined
  /**
   * The time before the first chunk of audio, or before an error without audio. `Duration.infinity` never answers.
   * @default that of the layer
   */
  readonly firstAudioDelay?: Duration.DurationInput | undefined
  /**
   * The time before every further chunk.
   * @default that of the layer
   */
  readonly chunkDelay?: Duration.DurationInput | undefined
}

/**
 * A request as the engine saw it. Times are milliseconds by `Clock`.
 *
 * - `waiting`: no audio has left yet
 * - `speaking`: some audio has left
 * - `completed`: everything has left, up to the last event
 * - `failed`: it ended with the reply's error, or died for lack of a reply
 * - `interrupted`: the listener has gone
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordedRequest {
  /** Place among all requests, from 0. */
  readonly index: number
  /** The request with the options of scope and layer filled in. */
  readonly request: SpeechEngine.ResolvedRequest
  readonly status: "waiting" | "speaking" | "completed" | "failed" | "interrupted"
  readonly startedAt: number
  readonly firstAudioAt: number | undefined
  readonly endedAt: number | undefined
  /** Samples of audio that have left. */
  readonly samples: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends SpeechOptions {
  /** @default "test" */
  readonly voice?: SpeechOptions["voice"]
  /** @default "test" */
  readonly model?: SpeechOptions["model"]
  /** @default 24000 */
  readonly sampleRate?: SpeechOptions["sampleRate"]
  /** @default 1 */
  readonly speed?: SpeechOptions["speed"]
  /**
   * Replies to the first requests, in their order. With a script and without `respond`, a request beyond the script is a
   * defect: no error handling of the tested program can take it for an answer.
   */
  readonly script?: ReadonlyArray<Reply> | undefined
  /**
   * Replies to the requests that the script does not answer, by their text, their options or their place among all
   * requests (from 0). A request that gets `undefined` is a defect.
   */
  readonly respond?: ((request: SpeechEngine.ResolvedRequest, index: number) => Reply | undefined) | undefined
  /**
   * The time before the first chunk of audio.
   * @default "0 millis"
   */
  readonly firstAudioDelay?: Duration.DurationInput | undefined
  /**
   * The time before every further chunk.
   * @default "0 millis"
   */
  readonly chunkDelay?: Duration.DurationInput | undefined
  /**
   * How much audio a chunk holds. The last one of a text may hold less.
   * @default "100 millis"
   */
  readonly chunkDuration?: Duration.DurationInput | undefined
  /**
   * Whether words come with their times.
   * @default true
   */
  readonly wordTimestamps?: boolean | undefined
  /**
   * The options beyond `language`, `speed` and `sampleRate` that the engine takes; others fail as invalid.
   * @default all
   */
  readonly honours?: SpeechEngine.Engine["honours"] | undefined
  /**
   * The options of one engine that the double takes.
   * @default "forwarded": all of them, to be looked at in the recorded requests
   */
  readonly takes?: NonNullable<SpeechEngine.Engine["provider"]> | "none" | undefined
  /**
   * The voices that exist; others fail with `UnknownVoice`.
   * @default every voice exists
   */
  readonly voices?: readonly [Voice.Voice, ...ReadonlyArray<Voice.Voice>] | undefined
  /** @default the layer's model */
  readonly models?: readonly [Model.Model, ...ReadonlyArray<Model.Model>] | undefined
  /** @default ["en"] */
  readonly languages?: readonly [Language, ...ReadonlyArray<Language>] | undefined
}

const module = "TestSpeechSynthesizer"

const check = LayerOptions.make<Options>("TestSpeechSynthesizer.layer", {
  ...LayerOptions.speech,
  script: LayerOptions.list,
  respond: LayerOptions.code,
  firstAudioDelay: LayerOptions.duration,
  chunkDelay: LayerOptions.duration,
  chunkDuration: LayerOptions.duration,
  wordTimestamps: LayerOptions.flag,
  honours: LayerOptions.list,
  takes: LayerOptions.rule(
    (value) => value === "none" || value === "forwarded" || Predicate.isRecord(value),
    "\"none\", \"forwarded\", or a name and a schema"
  ),
  voices: LayerOptions.list,
  models: LayerOptions.list,
  languages: LayerOptions.list
})

const testModel = "test"

const testVoice = "test"

const characterSeconds = 0.05

// ----------------------------------------------------------------------------------------------------------------
// audio
// ----------------------------------------------------------------------------------------------------------------

interface Spoken {
  readonly text: string
  readonly sampleRate?: number | undefined
  readonly speed?: number | undefined
}

const samplesPerCharacter = (sampleRate: number, speed: number): number =>
  Math.round(sampleRate * characterSeconds / speed)

const speak = (spoken: Spoken, from: number, to: number): Pcm.PcmChunk => {
  const { sampleRate = 24000, speed = 1, text } = spoken
  const unit = samplesPerCharacter(sampleRate, speed)
  const samples = new Int16Array(to - from)
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(Math.floor(i / unit))
    const hertz = 220 + 4 * (code % 256)
    samples[i - from] = i % unit === 0
      ? code
      : Math.round(8000 * Math.sin(2 * Math.PI * hertz * (i % unit) / sampleRate))
  }
  return Pcm.fromSamples(Pcm.format(sampleRate), samples)
}

/**
 * The audio that the engine creates from a text: what a test compares with.
 *
 * @example
 * ```ts
 * import { TestSpeechSynthesizer } from "@effect-smallest/testing"
 * import { Duration } from "effect"
 *
 * const audio = TestSpeechSynthesizer.audioOf({ text: "Hello.", sampleRate: 16000 })
 * Duration.toMillis(audio.duration) // 300: six characters
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const audioOf = (request: SpeechRequest): Audio.Audio => {
  const unit = samplesPerCharacter(request.sampleRate ?? 24000, request.speed ?? 1)
  const { bytes, format } = speak(request, 0, unit * request.text.length)
  return Audio.unsafeMake(format, bytes)
}

/**
 * The text that audio of the engine speaks. Several pieces of audio may have been joined; all must have been spoken at
 * one speed, and none may have been cut, resampled or mixed.
 *
 * @example
 * ```ts
 * import { Audio, SpeechSynthesizer } from "@effect-smallest/core"
 * import { TestSpeechSynthesizer } from "@effect-smallest/testing"
 * import { Effect, Option, Stream } from "effect"
 *
 * const spoken = Stream.make("One. ", "Two. ").pipe(
 *   Stream.flatMap((text) => SpeechSynthesizer.stream({ text })),
 *   Audio.fromStream,
 *   Effect.map(Option.map((audio) => TestSpeechSynthesizer.textOf(audio))) // Some("One. Two. ")
 * )
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const textOf = (audio: Pcm.PcmChunk, options?: { readonly speed?: number | undefined }): string => {
  const unit = samplesPerCharacter(audio.format.sampleRate, options?.speed ?? 1)
  return Array.from(Pcm.samples(audio).filter((_, i) => i % unit === 0), (code) => String.fromCharCode(code)).join("")
}

// ----------------------------------------------------------------------------------------------------------------
// engine
// ----------------------------------------------------------------------------------------------------------------

interface Word {
  readonly word: string
  readonly from: number
  readonly to: number
}

const wordsOf = (text: string, unit: number): ReadonlyArray<Word> =>
  Array.from(text.matchAll(/\S+/g), ({ 0: word, index }) => ({
    word,
    from: index * unit,
    to: (index + word.length) * unit
  }))

type Honoured = NonNullable<SpeechEngine.Engine["honours"]>[number]

const honourable: ReadonlyArray<Honoured> = ["voice", "model", "removeExtraSilence"]

const isEnded = (request: RecordedRequest): boolean => request.status !== "waiting" && request.status !== "speaking"

/**
 * Makes the engine's two services, for tests that need no layer.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Options = {}): Effect.fn.Return<{
  readonly control: Service
  readonly synthesizer: SpeechSynthesizer.Service
}> {
  const {
    chunkDelay = Duration.zero,
    chunkDuration = "100 millis",
    firstAudioDelay = Duration.zero,
    honours = honourable,
    takes = "forwarded",
    languages = ["en"],
    models = [options.model ?? testModel] as const,
    respond,
    script,
    voices,
    wordTimestamps = true,
    ...defaults
  } = check(options)
  const records = yield* SubscriptionRef.make<ReadonlyArray<RecordedRequest>>([])
  const queue = yield* Ref.make<ReadonlyArray<Reply>>([])
  const remaining = yield* Ref.make<ReadonlyArray<Reply>>(script ?? [])

  const takeFirst = (replies: Ref.Ref<ReadonlyArray<Reply>>) => Ref.modify(replies, ([first, ...rest]) => [first, rest])

  const replyTo = Effect.fnUntraced(function*(request: SpeechEngine.ResolvedRequest, index: number) {
    const reply = (yield* takeFirst(queue)) ?? (yield* takeFirst(remaining)) ?? respond?.(request, index)
    if (reply !== undefined) return reply
    return script === undefined && respond === undefined ? {} : yield* Effect.dieMessage(
      `${module}: no reply is scripted for request ${index}, ${JSON.stringify(request.text)}. ` +
        "Add one to `script`, answer it in `respond`, or remove both to let every text be spoken."
    )
  })

  const begin = (request: SpeechEngine.ResolvedRequest) =>
    Effect.flatMap(Clock.currentTimeMillis, (startedAt) =>
      SubscriptionRef.modify(records, (all) => {
        const record: RecordedRequest = {
          index: all.length,
          request,
          status: "waiting",
          startedAt,
          firstAudioAt: undefined,
          endedAt: undefined,
          samples: 0
        }
        return [record.index, [...all, record]]
      }))

  const update = (index: number, change: (record: RecordedRequest, now: number) => RecordedRequest) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) =>
        SubscriptionRef.update(records, (all) =>
          all.map((record) => record.index === index ? change(record, now) : record))
    )

  const end = (index: number, status: RecordedRequest["status"]) =>
    update(index, (record, endedAt) => isEnded(record) ? record : { ...record, status, endedAt })

  const spoken = (
    index: number,
    request: SpeechEngine.ResolvedRequest,
    reply: Reply
  ): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError> => {
    const format = Pcm.format(request.sampleRate)
    const unit = samplesPerCharacter(request.sampleRate, request.speed)
    const total = unit * request.text.length
    const step = Math.max(1, Pcm.byteLength(format, chunkDuration) / Pcm.frameSize(format))
    const chunks = Math.ceil(total / step)
    const words = wordTimestamps ? wordsOf(request.text, unit) : []
    const at = (sample: number) => Duration.seconds(sample / request.sampleRate)
    const wait = (i: number) => {
      const delay = i === 0 ? reply.firstAudioDelay ?? firstAudioDelay : reply.chunkDelay ?? chunkDelay
      return Duration.toMillis(delay) === 0 ? Effect.void : Effect.sleep(delay)
    }

    const piece = Effect.fnUntraced(function*(i: number) {
      yield* wait(i)
      const from = i * step
      const chunk = speak(request, from, Math.min(total, from + step))
      yield* update(index, (record, now) => ({
        ...record,
        status: "speaking",
        firstAudioAt: record.firstAudioAt ?? now,
        samples: record.samples + Pcm.frames(chunk)
      }))
      const begun = words.filter((word) => word.from >= from && word.from < from + step)
      return [
        ...begun.map((word) =>
          SpeechEvent.WordTimestamp({ segment: 0, word: word.word, start: at(word.from), end: at(word.to) })
        ),
        SpeechEvent.AudioChunk({ chunk })
      ]
    })

    const due = reply.error === undefined ? chunks : Math.min(chunks, Math.max(0, reply.chunksBeforeError ?? 0))
    const audio = Stream.range(0, due - 1).pipe(Stream.rechunk(1), Stream.mapEffect(piece), Stream.flattenIterables)
    const last: Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError> = reply.error === undefined
      ? Stream.fromEffect(Effect.as(end(index, "completed"), SpeechEvent.Completed({ duration: at(total) })))
      : Stream.fromEffect(Effect.zipRight(wait(due), Effect.zipRight(end(index, "failed"), Effect.fail(reply.error))))

    return Stream.make(
      SpeechEvent.SegmentStarted({ segment: 0, text: request.text, textOffset: 0, start: Duration.zero })
    ).pipe(Stream.concat(audio), Stream.concat(last))
  }

  const checkVoice = (request: SpeechEngine.ResolvedRequest) =>
    voices === undefined || request.voice === undefined || voices.includes(request.voice)
      ? Effect.void
      : new SpeechError.UnknownVoice({
        module,
        method: "events",
        voice: request.voice,
        available: voices,
        description: `There is no voice "${request.voice}"`
      })

  const synthesizer = SpeechEngine.make({
    module,
    defaults: {
      ...mergeOptions({
        voice: honours.includes("voice") ? voices?.[0] ?? testVoice : undefined,
        model: honours.includes("model") ? models[0] : undefined,
        speed: 1
      }, defaults),
      sampleRate: options.sampleRate ?? 24000
    },
    honours,
    provider: takes === "none" ? undefined : takes,
    maxTextLength: 8000,
    sampleRates: { minimum: 8000, maximum: 48000 },
    events: (request) =>
      Stream.unwrapScoped(Effect.gen(function*() {
        yield* checkVoice(request)
        const index = yield* begin(request)
        yield* Effect.addFinalizer(() => end(index, "interrupted"))
        const reply = yield* Effect.tapErrorCause(replyTo(request, index), () => end(index, "failed"))
        return spoken(index, request, reply)
      })),
    voices: Effect.succeed(
      (voices ?? [options.voice ?? testVoice]).map((id): Voice.VoiceInfo => ({ id, name: id, languages, models }))
    ),
    models: Effect.succeed(models),
    languages: Effect.succeed(languages)
  })

  const control = TestSpeechSynthesizer.of({
    requests: SubscriptionRef.get(records),
    changes: records.changes,
    awaitRequest: (index, isReached = () => true) =>
      records.changes.pipe(
        Stream.filterMap((all) => Option.filter(Option.fromNullable(all[index]), isReached)),
        Stream.runHead,
        Effect.flatten,
        // The changes of a SubscriptionRef never end, so there is always a head.
        Effect.orDie
      ),
    enqueue: (...replies) => Ref.update(queue, (queued) => [...queued, ...replies])
  })

  return { control, synthesizer }
})

// ----------------------------------------------------------------------------------------------------------------
// layers
// ----------------------------------------------------------------------------------------------------------------

/**
 * Provides `SpeechSynthesizer`, and `TestSpeechSynthesizer` to control it.
 *
 * @example
 * ```ts
 * import { SpeechError, SpeechSynthesizer } from "@effect-smallest/core"
 * import { TestSpeechSynthesizer } from "@effect-smallest/testing"
 * import { assert, it } from "@effect/vitest"
 * import { Effect } from "effect"
 *
 * const overloaded = new SpeechError.RateLimited({ module: "Test", method: "events", description: "Too many" })
 *
 * it.effect("greeting - is spoken again when the account is busy", () =>
 *   Effect.gen(function*() {
 *     yield* SpeechSynthesizer.synthesize({ text: "Welcome." }).pipe(Effect.retry({ times: 1 }))
 *     const requests = yield* TestSpeechSynthesizer.requests
 *     assert.deepStrictEqual(requests.map(({ status }) => status), ["failed", "completed"])
 *   }).pipe(Effect.provide(TestSpeechSynthesizer.layer({ script: [{ error: overloaded }, {}] }))))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer | TestSpeechSynthesizer> =>
  Layer.effectContext(
    Effect.map(make(options), ({ control, synthesizer }) =>
      Context.make(SpeechSynthesizer.SpeechSynthesizer, synthesizer).pipe(Context.add(TestSpeechSynthesizer, control)))
  )

// ----------------------------------------------------------------------------------------------------------------
// accessors
// ----------------------------------------------------------------------------------------------------------------

/**
 * All requests so far, in the order in which they began.
 *
 * @since 0.1.0
 * @category accessors
 */
export const requests: Effect.Effect<ReadonlyArray<RecordedRequest>, never, TestSpeechSynthesizer> = Effect.flatMap(
  TestSpeechSynthesizer,
  (service) => service.requests
)

/**
 * Waits until a request, counted from 0, has begun or is as `isReached` wants it.
 *
 * @since 0.1.0
 * @category accessors
 */
export const awaitRequest = (
  index: number,
  isReached?: (request: RecordedRequest) => boolean
): Effect.Effect<RecordedRequest, never, TestSpeechSynthesizer> =>
  Effect.flatMap(TestSpeechSynthesizer, (service) => service.awaitRequest(index, isReached))

/**
 * Answers the next requests with these replies, before the script and `respond` are asked.
 *
 * @since 0.1.0
 * @category accessors
 */
export const enqueue = (...replies: ReadonlyArray<Reply>): Effect.Effect<void, never, TestSpeechSynthesizer> =>
  Effect.flatMap(TestSpeechSynthesizer, (service) => service.enqueue(...replies))
