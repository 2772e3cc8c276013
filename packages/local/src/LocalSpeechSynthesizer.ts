/**
 * The embedded voice behind the `SpeechSynthesizer` port: CMU Flite, compiled to WebAssembly, in a worker. It needs no
 * key and no network, speaks English only, and sounds like the year 2000: clear, and far from human.
 *
 * This layer asks for a `FliteWorker`. `@effect-smallest/local/node` and `@effect-smallest/local/browser` export this
 * module with a layer that brings the right one.
 *
 * @since 0.1.0
 */
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Pool from "effect/Pool"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as FliteWorker from "./FliteWorker.js"
import type { Speak, Uttered } from "./internal/fliteProtocol.js"
import { type FliteVoice, voices } from "./internal/voices.js"
import * as TextFrontEnd from "./TextFrontEnd.js"

declare module "@effect-smallest/core/Voice" {
  interface KnownVoices extends Record<FliteVoice["id"], true> {}
}

declare module "@effect-smallest/core/Model" {
  interface KnownModels extends Record<"flite", true> {}
}

/**
 * The id of an embedded voice.
 *
 * - `rms`: male, American; the most intelligible
 * - `slt`: female, American
 * - `awb`: male, Scottish
 * - `kal16`: male, American; ten times as fast as the others, and it sounds like it
 * - `kal`: the same at telephone quality
 *
 * @since 0.1.0
 * @category models
 */
export type LocalVoice = FliteVoice["id"]

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * A voice of the engine or of `voices`.
   * @default "rms"
   */
  readonly voice?: SpeechOptions["voice"]
  /**
   * 0.5 to 2.
   * @default 1
   */
  readonly speed?: SpeechOptions["speed"]
  /**
   * 8000 to 48000. The engine makes 16000 (`kal`: 8000); other rates are converted.
   * @default 24000
   */
  readonly sampleRate?: SpeechOptions["sampleRate"]
  /**
   * Names of voices that other engines have, and which embedded voice speaks for them: `{ meher: "slt" }`. Any other name
   * fails with `UnknownVoice`.
   */
  readonly voices?: Readonly<Record<string, LocalVoice>> | undefined
  /** Pronunciations for every request; see {@link withPronunciations} for those of some. */
  readonly pronunciations?: TextFrontEnd.Pronunciations | undefined
  /**
   * How many texts are spoken at the same time, each in a worker of its own with up to 40 MB of memory. Further ones wait
   * and take turns. More workers than processor cores gain nothing.
   * @default 1
   */
  readonly workers?: number | undefined
}

const checkLayer = LayerOptions.make<Options>("LocalSpeechSynthesizer.layer", {
  voice: LayerOptions.speech.voice,
  speed: LayerOptions.speech.speed,
  sampleRate: LayerOptions.speech.sampleRate,
  voices: LayerOptions.record,
  pronunciations: LayerOptions.record,
  workers: /*#__PURE__*/ LayerOptions.whole(1)
})

/**
 * Pronunciations for everything that runs inside a scope; set them with {@link withPronunciations}.
 *
 * @since 0.1.0
 * @category services
 */
export class CurrentPronunciations extends Context.Reference<CurrentPronunciations>()(
  "@effect-smallest/local/LocalSpeechSynthesizer/CurrentPronunciations",
  { defaultValue: (): TextFrontEnd.Pronunciations => ({}) }
) {}

const over = (pronunciations: TextFrontEnd.Pronunciations) =>
  Effect.map(CurrentPronunciations, (outer) => ({ ...outer, ...pronunciations }))

/**
 * Gives pronunciations to every request of the embedded voice inside an effect or a stream, over those of the layer and of scopes around
 * it.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { LocalSpeechSynthesizer } from "@effect-smallest/local"
 *
 * const speech = SpeechSynthesizer.stream({ text: "SQLite, said Siobhan." }).pipe(
 *   LocalSpeechSynthesizer.withPronunciations({
 *     SQLite: "sequel light",
 *     Siobhan: { phonemes: "sh ax0 v ao1 n" }
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withPronunciations: {
  (
    pronunciations: TextFrontEnd.Pronunciations
  ): <Self extends Effect.Effect<unknown, unknown, unknown> | Stream.Stream<unknown, unknown, unknown>>(
    self: Self
  ) => Self
  <A, E, R>(self: Effect.Effect<A, E, R>, pronunciations: TextFrontEnd.Pronunciations): Effect.Effect<A, E, R>
  <A, E, R>(self: Stream.Stream<A, E, R>, pronunciations: TextFrontEnd.Pronunciations): Stream.Stream<A, E, R>
} = /*#__PURE__*/ dual(
  2,
  <A, E, R>(
    self: Effect.Effect<A, E, R> | Stream.Stream<A, E, R>,
    pronunciations: TextFrontEnd.Pronunciations
  ): Effect.Effect<A, E, R> | Stream.Stream<A, E, R> =>
    Effect.isEffect(self)
      ? Effect.provideServiceEffect(self, CurrentPronunciations, over(pronunciations))
      : Stream.provideServiceEffect(self, CurrentPronunciations, over(pronunciations))
)

const at = { module: "LocalSpeechSynthesizer", method: "events" }

const idleTimeToLive = Duration.minutes(1)

/** Characters of one request to a worker: half a minute of speech, so that no other request waits longer than half a second. */
const batchLength = 400

/** Pieces that go through the resampler and to the listener: long enough to be cheap, short enough not to be felt. */
const chunkDuration = Duration.millis(250)

const findVoice = (
  name: string | undefined,
  aliases: Readonly<Record<string, LocalVoice>>
): Effect.Effect<FliteVoice, SpeechError.UnknownVoice> => {
  const id = name === undefined ? voices[0].id : Object.hasOwn(aliases, name) ? aliases[name] : name
  const found = voices.find((voice) => voice.id === id)
  return found !== undefined ? Effect.succeed(found) : new SpeechError.UnknownVoice({
    ...at,
    voice: name ?? "",
    available: [...voices.map((voice) => voice.id), ...Object.keys(aliases)],
    description: `The embedded engine has no voice "${name}"`
  })
}

const check = (
  request: SpeechEngine.ResolvedRequest
): Effect.Effect<void, SpeechError.InvalidSpeechRequest> => {
  const invalid = (parameter: string, description: string) =>
    new SpeechError.InvalidSpeechRequest({ ...at, parameter, description })
  return request.language !== undefined && !/^(?:auto|en(?:[-_].*)?)$/i.test(request.language)
    ? invalid("language", `The embedded voice reads English only, not "${request.language}"`)
    : request.model !== undefined && request.model !== "flite"
    ? invalid("model", `The embedded engine has one model, "flite", and not "${request.model}"`)
    : Effect.void
}

/** The first sentence alone, so that it is heard soon; then as many as fit together, because each request has its cost. */
const toBatches = (
  sentences: ReadonlyArray<TextFrontEnd.Sentence>
): Chunk.Chunk<ReadonlyArray<TextFrontEnd.Sentence>> => {
  const batches: Array<Array<TextFrontEnd.Sentence>> = []
  let length = Number.POSITIVE_INFINITY
  sentences.forEach((sentence, i) => {
    const last = batches.at(-1)
    if (last === undefined || i === 1 || length + sentence.text.length > batchLength) {
      batches.push([sentence])
      length = 0
    } else {
      last.push(sentence)
    }
    length += sentence.text.length
  })
  return Chunk.unsafeFromArray(batches)
}

const slices = (chunk: Pcm.PcmChunk): Chunk.Chunk<Pcm.PcmChunk> => {
  const step = Pcm.byteLength(chunk.format, chunkDuration)
  return Chunk.makeBy(
    Math.ceil(chunk.bytes.length / step),
    (i) => Pcm.unsafeMake(chunk.format, chunk.bytes.subarray(i * step, (i + 1) * step))
  )
}

interface Workers {
  readonly pool: Pool.Pool<FliteWorker.Worker, SpeechError.EngineFailure>
  /**
   * Held by the request that waits next for a worker. Without it, a long text that gives its worker back between two batches would
   * take it again before those who wait have woken up.
   */
  readonly queue: Effect.Semaphore
}

/** Runs one request on one worker to its end. A worker that was interrupted, crashed or failed is not used again. */
const converse = (
  workers: Workers,
  request: Speak,
  onUttered: (uttered: Uttered) => Effect.Effect<unknown>
): Effect.Effect<void, SpeechError.EngineFailure> => {
  const failure = (description: string) => new SpeechError.EngineFailure({ ...at, description })

  const listen = (worker: FliteWorker.Worker): Effect.Effect<void, SpeechError.EngineFailure> =>
    worker.replies.take.pipe(
      Effect.catchTag("NoSuchElementException", () => failure("The worker went away")),
      Effect.flatMap((reply) => {
        switch (reply._tag) {
          case "Uttered":
            return Effect.zipRight(onUttered(reply), listen(worker))
          case "Finished":
            return Effect.void
          case "Failed":
            return failure(`The engine could not speak: ${reply.description}`)
        }
      })
    )

  return Effect.scoped(
    Effect.flatMap(
      workers.queue.withPermits(1)(Pool.get(workers.pool)),
      (worker) =>
        Effect.zipRight(worker.send(request), listen(worker)).pipe(
          Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Pool.invalidate(workers.pool, worker))
        )
    )
  ).pipe(
    SpeechEngine.withSpan("FliteWorker.speak", {
      attributes: { "speech.voice": request.voice, "speech.sentences": request.utterances.length }
    })
  )
}

/**
 * Creates the service over workers, which start when they are needed and stay for a minute after.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  options: Options = {}
): Effect.fn.Return<SpeechSynthesizer.Service, never, FliteWorker.FliteWorker | Scope.Scope> {
  const flite = yield* FliteWorker.FliteWorker
  const pool = yield* Pool.makeWithTTL({
    acquire: flite.spawn,
    min: 0,
    max: checkLayer(options).workers ?? 1,
    timeToLive: idleTimeToLive
  })
  const workers: Workers = { pool, queue: yield* Effect.makeSemaphore(1) }

  // A worker is held only while it speaks: what it said waits in the mailbox, so a slow listener does not hold up others.
  const utter = (request: Speak): Stream.Stream<Uttered, SpeechError.SpeechError> =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const spoken = yield* Mailbox.make<Uttered, SpeechError.SpeechError>()
      yield* converse(workers, request, (uttered) => spoken.offer(uttered)).pipe(
        Mailbox.into(spoken),
        Effect.forkScoped
      )
      return Mailbox.toStream(spoken)
    }))

  const events = (request: SpeechEngine.ResolvedRequest) =>
    Stream.unwrap(Effect.gen(function*() {
      yield* check(request)
      const voice = yield* findVoice(request.voice, options.voices ?? {})
      const pronunciations = { ...options.pronunciations, ...(yield* CurrentPronunciations) }
      const { lexicon, sentences } = yield* TextFrontEnd.read(request.text, { pronunciations })
      // Before a worker is asked for: this may take long if the engine is downloaded, and a pool cannot be interrupted.
      yield* flite.load

      const format = Pcm.format(request.sampleRate)
      const words: Array<SpeechEvent.SpeechEvent & { readonly _tag: "WordTimestamp" }> = []
      let spokenSeconds = 0
      let emittedBytes = 0

      const receive = ({ samples, sampleRate, words: times }: Uttered, sentence: number): Pcm.PcmChunk => {
        const time = (i: number) => Duration.millis(Math.round(1000 * (spokenSeconds + (times[i] ?? 0))))
        sentences[sentence]?.words.forEach(({ text }, i) => {
          words.push(SpeechEvent.WordTimestamp({ segment: 0, word: text, start: time(2 * i), end: time(2 * i + 1) }))
        })
        spokenSeconds += samples.length / sampleRate
        return Pcm.fromSamples(Pcm.format(sampleRate), samples)
      }

      // Words leave right before the audio they sound in, so that they are never late.
      const emit = (chunk: Pcm.PcmChunk): Chunk.Chunk<SpeechEvent.SpeechEvent> => {
        emittedBytes += chunk.bytes.length
        const end = Pcm.durationOf(format, emittedBytes)
        const later = words.findIndex((word) => Duration.greaterThanOrEqualTo(word.start, end))
        const due: Array<SpeechEvent.SpeechEvent> = words.splice(0, later === -1 ? words.length : later)
        return Chunk.append(Chunk.unsafeFromArray(due), SpeechEvent.AudioChunk({ chunk }))
      }

      const audio = Stream.fromChunk(toBatches(sentences)).pipe(
        Stream.flatMap((batch) =>
          utter({
            _tag: "Speak",
            voice: voice.id,
            stretch: 1 / request.speed,
            gain: voice.gain,
            lexicon,
            utterances: batch.map(({ text, words }) => ({ text, words: words.map(({ spoken }) => spoken) }))
          })
        ),
        // The next batch is spoken while this one is converted.
        Stream.bufferChunks({ capacity: 1 }),
        Stream.zipWithIndex,
        Stream.mapConcatChunk(([uttered, i]) => slices(receive(uttered, i))),
        Pcm.resample(request.sampleRate),
        Stream.catchTag("PcmError", ({ description }) =>
          Stream.fail(new SpeechError.EngineFailure({ ...at, description }))),
        Stream.mapConcatChunk(emit)
      )

      return Stream.make(
        SpeechEvent.SegmentStarted({ segment: 0, text: request.text, textOffset: 0, start: Duration.zero })
      ).pipe(
        Stream.concat(audio),
        Stream.concat(Stream.suspend(() =>
          Stream.make(...words, SpeechEvent.Completed({ duration: Pcm.durationOf(format, emittedBytes) }))
        ))
      )
    }))

  return SpeechEngine.make({
    module: at.module,
    defaults: {
      model: "flite",
      voice: options.voice ?? voices[0].id,
      speed: options.speed ?? 1,
      sampleRate: options.sampleRate ?? 24000
    },
    maxTextLength: 8000,
    sampleRates: { minimum: 8000, maximum: 48000 },
    events,
    voices: Effect.succeed(voices.map(({ gain: _, ...info }) => info)),
    models: Effect.succeed(["flite"]),
    languages: Effect.succeed(["en"])
  })
})

/**
 * The embedded voice over workers of any runtime.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, never, FliteWorker.FliteWorker> =>
  Layer.scoped(SpeechSynthesizer.SpeechSynthesizer, make(options))
