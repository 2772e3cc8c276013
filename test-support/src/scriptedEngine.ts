import { Pcm, SpeechEngine, SpeechError, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { SpeechStream } from "@effect-smallest/stream"
import { Clock, Duration, Effect, Fiber, Layer, Stream, Supervisor } from "effect"

// --------------------------------------------------------------------------------------------------------------------
// a scripted engine
// --------------------------------------------------------------------------------------------------------------------

export interface Reply {
  /** Before the first audio, or before the error. */
  readonly delay?: Duration.DurationInput
  /** Before every further 100 ms of audio. */
  readonly chunkDelay?: Duration.DurationInput
  readonly error?: SpeechError.SpeechError
  /** Pieces of audio that leave before the error. */
  readonly chunksBeforeError?: number
  readonly words?: boolean
  /** Samples in place of those of the text. */
  readonly samples?: Int16Array
}

export interface Request {
  readonly text: string
  readonly options: SpeechEngine.ResolvedRequest
  readonly at: number
  /** Which attempt at this text it is, from 0. */
  readonly attempt: number
  status: "running" | "completed" | "failed" | "interrupted"
}

export const sampleRate = 8000

/** Every UTF-16 code unit sounds for 10 ms, and all its samples are its number. */
const unit = sampleRate / 100

export const samplesOf = (text: string): Int16Array =>
  Int16Array.from({ length: text.length * unit }, (_, i) => text.charCodeAt(Math.floor(i / unit)))

/** Reads audio of the engine back; only without fades. */
export const textOf = (chunks: Iterable<Pcm.PcmChunk>): string =>
  Array.from(joined(chunks).filter((_, i) => i % unit === 0), (code) => String.fromCharCode(code)).join("")

export const joined = (chunks: Iterable<Pcm.PcmChunk>): Int16Array => {
  const bytes = Pcm.concatBytes(Array.from(chunks, (chunk) => chunk.bytes))
  return Pcm.samples({ format: Pcm.format(sampleRate), bytes })
}

export const make = (reply: (text: string, attempt: number, index: number) => Reply = () => ({})) => {
  const requests: Array<Request> = []
  const attempts = new Map<string, number>()

  const events = (options: SpeechEngine.ResolvedRequest) =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const { text } = options
      const attempt = attempts.get(text) ?? 0
      attempts.set(text, attempt + 1)
      const request: Request = {
        text,
        options,
        attempt,
        at: yield* Clock.currentTimeMillis,
        status: "running"
      }
      requests.push(request)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (request.status === "running") request.status = "interrupted"
        })
      )
      const { chunkDelay = 0, chunksBeforeError = 0, delay = 0, error, samples = samplesOf(text), words = false } =
        reply(
          text,
          attempt,
          requests.length - 1
        )
      const format = Pcm.format(options.sampleRate)
      const step = sampleRate / 10
      const all = Math.ceil(samples.length / step)
      const wait = (duration: Duration.DurationInput) =>
        Duration.toMillis(duration) === 0 ? Effect.void : Effect.sleep(duration)
      const audio = Stream.range(0, (error === undefined ? all : Math.min(all, chunksBeforeError)) - 1).pipe(
        Stream.rechunk(1),
        Stream.mapEffect((i) =>
          Effect.as(
            wait(i === 0 ? delay : chunkDelay),
            SpeechEvent.AudioChunk({ chunk: Pcm.fromSamples(format, samples.slice(i * step, (i + 1) * step)) })
          )
        )
      )
      const told = words
        ? Array.from(text.matchAll(/[\p{L}\p{N}]+/gu), ({ 0: word, index }) =>
          SpeechEvent.WordTimestamp({
            segment: 0,
            word,
            start: Duration.millis(index * 10),
            end: Duration.millis((index + word.length) * 10)
          }))
        : []
      const end = error === undefined
        ? Stream.sync(() => {
          request.status = "completed"
          return SpeechEvent.Completed({ duration: Duration.seconds(samples.length / sampleRate) })
        })
        : Stream.fromEffect(Effect.zipRight(
          wait(chunksBeforeError === 0 ? delay : chunkDelay),
          Effect.suspend(() => {
            request.status = "failed"
            return Effect.fail(error)
          })
        ))
      return Stream.make(SpeechEvent.SegmentStarted({ segment: 0, text, textOffset: 0, start: Duration.zero })).pipe(
        Stream.concat(Stream.fromIterable(told)),
        Stream.concat(audio),
        Stream.concat(end)
      )
    }))

  const synthesizer = SpeechEngine.make({
    module: "Scripted",
    defaults: { sampleRate },
    honours: ["voice"],
    sampleRates: { minimum: sampleRate, maximum: 48000 },
    events,
    voices: Effect.succeed([]),
    models: Effect.succeed([]),
    languages: Effect.succeed([])
  })

  return {
    requests,
    synthesizer,
    layer: Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, synthesizer),
    texts: () => requests.map(({ text }) => text),
    running: () => requests.filter(({ status }) => status === "running").length
  }
}

export type Scripted = ReturnType<typeof make>

export const speech = (engine: Scripted, options: SpeechStream.SegmentedOptions = {}) =>
  Layer.provide(SpeechStream.layerSegmented(options), engine.layer)

/** The service itself, with fades off so that audio reads back as text. */
export const service = (
  engine: Scripted,
  options: SpeechStream.SegmentedOptions = {}
): Effect.Effect<SpeechStream.Service> =>
  Effect.provide(SpeechStream.SpeechStream, speech(engine, { fade: 0, ...options }))

// --------------------------------------------------------------------------------------------------------------------
// errors
// --------------------------------------------------------------------------------------------------------------------

const at = { module: "Scripted", method: "events" }

export const busy = (retryAfter?: Duration.Duration) =>
  new SpeechError.RateLimited({ ...at, description: "Too many requests", retryAfter })

export const broken = new SpeechError.ServerFailure({ ...at, description: "It broke", status: 500 })

export const forbidden = new SpeechError.InvalidApiKey({ ...at, description: "Unknown key" })

// --------------------------------------------------------------------------------------------------------------------
// listening
// --------------------------------------------------------------------------------------------------------------------

export interface Heard {
  readonly at: number
  readonly event: SpeechEvent.SpeechEvent
}

/** Collects events with the time at which they left, into an array that can be looked at while it grows. */
export const listen = <E, R>(
  events: Stream.Stream<SpeechEvent.SpeechEvent, E, R>,
  into: Array<Heard> = []
): Effect.Effect<Array<Heard>, E, R> =>
  Effect.as(
    Stream.runForEach(events, (event) =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        into.push({ at, event })
      })),
    into
  )

export const chunksOf = (heard: ReadonlyArray<Heard>): Array<Pcm.PcmChunk> =>
  heard.map(({ event }) => event).filter(SpeechEvent.$is("AudioChunk")).map(({ chunk }) => chunk)

export const segmentsOf = (heard: ReadonlyArray<Heard>) =>
  heard.map(({ event }) => event).filter(SpeechEvent.$is("SegmentStarted"))

/** Pieces of text, each after a pause. */
export const written = (
  ...pieces: ReadonlyArray<readonly [pause: Duration.DurationInput, piece: string]>
): Stream.Stream<string> =>
  Stream.fromIterable(pieces).pipe(
    Stream.rechunk(1),
    Stream.mapEffect(([pause, piece]) => Effect.as(Effect.sleep(pause), piece))
  )

// --------------------------------------------------------------------------------------------------------------------
// a clock for simulations
// --------------------------------------------------------------------------------------------------------------------

/**
 * Runs an effect on a clock of its own that jumps to the next timer whenever all fibers wait. Much faster than a
 * `TestClock` that is adjusted step by step; time is exact.
 */
export const simulate = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let now = 0
    let isDone = false
    const timers: Array<{ readonly at: number; readonly wake: () => void }> = []
    const idle = Effect.async<void>((resume) => {
      setImmediate(() => setImmediate(() => resume(Effect.void)))
    })
    const clock: Clock.Clock = {
      ...Clock.make(),
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: () => now,
      unsafeCurrentTimeNanos: () => BigInt(Math.round(now * 1e6)),
      currentTimeMillis: Effect.sync(() => now),
      currentTimeNanos: Effect.sync(() => BigInt(Math.round(now * 1e6))),
      sleep: (duration) =>
        Effect.async<void>((resume) => {
          const timer = { at: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
          const later = timers.findIndex((other) => other.at > timer.at)
          timers.splice(later === -1 ? timers.length : later, 0, timer)
          return Effect.sync(() => {
            const i = timers.indexOf(timer)
            if (i !== -1) timers.splice(i, 1)
          })
        })
    }
    const drive = Effect.gen(function*() {
      while (!isDone) {
        yield* idle
        const next = timers.shift()
        if (next === undefined) continue
        if (next.at === Infinity) return yield* Effect.dieMessage("Everything waits for ever")
        now = Math.max(now, next.at)
        next.wake()
        // Timers of the same moment go off together: races are races.
        while (timers[0] !== undefined && timers[0].at <= now) timers.shift()?.wake()
      }
      return undefined
    })
    return Effect.flatMap(Effect.fork(drive), (driver) =>
      effect.pipe(
        Effect.withClock(clock),
        Effect.ensuring(Effect.suspend(() => {
          isDone = true
          return Fiber.interrupt(driver)
        }))
      ))
  })

/** Runs an effect and gives the number of fibers that it left behind. */
export const leftovers = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.gen(function*() {
    const supervisor = yield* Supervisor.track
    yield* Effect.supervised(effect, supervisor)
    return (yield* supervisor.value).length
  })
