import * as EdgeFade from "@effect-smallest/core/EdgeFade"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Pull from "@effect-smallest/core/Pull"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import { CurrentSpeechOptions, type SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import type * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as SpeechTelemetry from "@effect-smallest/core/SpeechTelemetry"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { Segment } from "../TextSegmenter.js"
import * as Inbox from "./inbox.js"
import { spokenText } from "./speakable.js"
import type { NextSegment } from "./textSegments.js"

/** @internal */
export interface Speaker {
  readonly defaults: SpeechOptions
  readonly events: SpeechSynthesizer.Service["events"]
}

/** @internal */
export interface Utterance {
  readonly _tag: "Utterance"
  readonly segment: Pick<Segment, "text" | "textOffset">
  readonly part?: number | undefined
  readonly speaker?: string | undefined
  /**
   * What its audio passes through when it is its turn.
   * @default a fade
   */
  readonly stage?: ((format: Pcm.PcmFormat) => EdgeFade.EdgeFade | undefined) | undefined
  readonly request: SpeechOptions
  readonly synthesizer: Speaker
}

interface Pause {
  readonly _tag: "Pause"
  readonly duration: Duration.Duration
  readonly part: number
}

interface Mark {
  readonly _tag: "Mark"
  readonly name: string
  readonly part: number
}

/** @internal */
export type Item = Utterance | Pause | Mark

/** @internal */
export interface Options {
  readonly synthesizer: Speaker
  readonly request: SpeechOptions
  readonly prefetch: number
  readonly schedule: Schedule.Schedule<unknown, SpeechError.SpeechError>
  readonly onSegmentFailure: "fail" | "skip"
  readonly gap: Duration.Duration
  readonly fade: Duration.Duration
  readonly trimSilence: boolean | undefined
  /**
   * The rate of all audio.
   * @default the rate of the first
   */
  readonly sampleRate?: number | undefined
}

type Events<E, R> = Stream.Stream<SpeechEvent.SpeechEvent, E, R>

type EventPull<E> = Pull.Pull<SpeechEvent.SpeechEvent, E>

// A segment whose request is running, or waits for a permit, ahead of the listener.
interface Underway {
  readonly utterance: Utterance
  readonly index: number
  readonly opened: Fiber.Fiber<EventPull<SpeechError.SpeechError>, SpeechError.SpeechError>
  readonly fail: (cause: Cause.Cause<SpeechError.SpeechError>) => Effect.Effect<void>
  readonly close: Effect.Effect<void>
}

type InLine<E> = { readonly _tag: "Underway"; readonly underway: Underway } | Pause | Mark | {
  readonly _tag: "End"
  readonly cause: Cause.Cause<Option.Option<E>>
}

// Pauses and marks that may wait beside the segments.
const maxRests = 64

/**
 * Speaks segments in order, the next ones prepared while one sounds.
 *
 * Everything here is pulled by hand: audio comes in many small pieces, and each would pass through every combinator.
 *
 * @internal
 */
export const speakSegments = <E, R>(
  text: Effect.Effect<NextSegment<E>, never, R | Scope.Scope>,
  options: Options
): Events<SpeechError.SpeechError | E, Exclude<R, Scope.Scope>> => {
  const { request, synthesizer } = options
  const utterance = (segment: Segment): Item => ({ _tag: "Utterance", segment, request, synthesizer })
  return speakItems(Effect.map(text, (next) => Effect.map(next, utterance)), options)
}

/**
 * Speaks the items of a script in order, as {@link speakSegments} does segments.
 *
 * @internal
 */
export const speakItems = <E, R, R2>(
  items: Effect.Effect<Effect.Effect<Item, Option.Option<E>, R2>, never, R | Scope.Scope>,
  options: Options
): Events<SpeechError.SpeechError | E, Exclude<R | R2, Scope.Scope>> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const scope = yield* Effect.scope
    const scoped = yield* CurrentSpeechOptions
    // The synthesizer merges request, scope and layer; this is one more layer between the last two.
    const requestOf = ({ request }: Utterance): SpeechOptions => ({
      ...request,
      removeExtraSilence: request.removeExtraSilence ?? scoped.removeExtraSilence ?? options.trimSilence
    })
    const slots = yield* Effect.makeSemaphore(options.prefetch + 1)
    const line = yield* Inbox.make<InLine<E>>(Infinity)
    const rests = yield* Effect.makeSemaphore(maxRests)
    const nextItem = yield* items
    const stream = {}
    const timeline = makeTimeline(options)
    let head = 0

    const latencyOf = ({ request, synthesizer }: Utterance) => {
      const model = request.model ?? scoped.model ?? synthesizer.defaults.model
      return model === undefined
        ? SpeechTelemetry.segmentLatency
        : Metric.taggedWithLabels(SpeechTelemetry.segmentLatency, [SpeechEngine.modelLabel(model)])
    }
    const isTextRecorded = yield* SpeechTelemetry.RecordText

    // The lease ends with the last attempt; what succeeded lives on in the segment's own scope.
    const attempts = (utterance: Utterance, index: number, own: Scope.Scope) =>
      SpeechEngine.makeLease({ stream, index, isHead: Effect.sync(() => head === index) }).pipe(
        Effect.flatMap((lease) =>
          SpeechEngine.retry(
            Scope.extend(
              SpeechEvent.untilFirstAudio(
                utterance.synthesizer.events({ ...requestOf(utterance), text: spokenText(utterance.segment.text) })
              ),
              own
            ),
            options.schedule
          ).pipe(
            Effect.provideService(SpeechEngine.CurrentSegmentLease, Option.some(lease))
          )
        ),
        Effect.scoped
      )

    const prepare = Effect.fnUntraced(function*(
      utterance: Utterance,
      index: number,
      own: Scope.Scope,
      span: Tracer.Span
    ) {
      const begun = yield* Clock.currentTimeMillis
      const events = yield* Effect.withParentSpan(attempts(utterance, index, own), span)
      const seconds = ((yield* Clock.currentTimeMillis) - begun) / 1000
      span.attribute("speech.segment.latency", seconds)
      yield* Metric.update(latencyOf(utterance), seconds)
      return yield* Scope.extend(Pull.fromStream(events), own)
    })

    const makeSpan = ({ segment: { text, textOffset } }: Utterance, index: number) =>
      Effect.makeSpanScoped("SpeechStream.segment", {
        captureStackTrace: false,
        attributes: {
          "speech.segment": index,
          "speech.segment.text_offset": textOffset,
          "speech.characters": text.length,
          ...(isTextRecorded ? { "speech.text": text } : {})
        }
      })

    const open = Effect.fnUntraced(function*(utterance: Utterance, index: number) {
      const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      // Ends before the segment's own scope if it has failed, and with it otherwise.
      const traced = yield* Scope.fork(own, ExecutionStrategy.sequential)
      const span = yield* Scope.extend(makeSpan(utterance, index), traced)
      const fail = (cause: Cause.Cause<SpeechError.SpeechError>) =>
        Effect.zipRight(SpeechEngine.noteFailure(span, cause), Scope.close(traced, Exit.failCause(cause)))
      const opened = yield* Effect.forkIn(Effect.tapErrorCause(prepare(utterance, index, own, span), fail), own)
      const close = Effect.zipRight(Scope.close(own, Exit.void), slots.release(1))
      yield* line.put({ _tag: "Underway", underway: { utterance, index, opened, fail, close } })
    })

    // A slot comes before the text: what the listener has no room for is not even read.
    yield* Effect.gen(function*() {
      let index = 0
      while (true) {
        yield* slots.take(1)
        let item = yield* nextItem
        // A rest takes no slot of a segment: what comes after it is prepared meanwhile.
        while (item._tag !== "Utterance") {
          yield* rests.take(1)
          yield* line.put(item)
          item = yield* nextItem
        }
        yield* open(item, index++)
      }
    }).pipe(
      Effect.catchAllCause((cause) => line.put({ _tag: "End", cause })),
      Effect.interruptible,
      Effect.forkScoped
    )

    let heard: EventPull<SpeechError.SpeechError> | undefined

    const hear = (
      { close, fail: noteFailure, index, opened, utterance }: Underway
    ): EventPull<SpeechError.SpeechError> => {
      const { segment } = utterance
      const placement = timeline.place(utterance, index)

      const finish = (last: Chunk.Chunk<SpeechEvent.SpeechEvent>) => {
        heard = undefined
        return Effect.as(close, last)
      }

      const fail = (error: SpeechError.SpeechError) => {
        const last = placement.end()
        const positioned = timeline.locate(error, utterance, index)
        const noted = noteFailure(Cause.fail(error))
        if (options.onSegmentFailure === "skip") {
          const skipped = SpeechEvent.SegmentFailed({
            segment: index,
            text: segment.text,
            textOffset: segment.textOffset,
            error: positioned
          })
          return Effect.zipRight(noted, Effect.zipRight(logSkip(positioned), finish(Chunk.append(last, skipped))))
        }
        heard = Effect.fail(Option.some(positioned))
        return Effect.as(noted, last)
      }

      const placed = (pull: EventPull<SpeechError.SpeechError>): EventPull<SpeechError.SpeechError> =>
        pull.pipe(
          Effect.flatMap((events) => Effect.mapError(placement.push(events), Option.some)),
          Effect.catchAll(Option.match({ onNone: () => finish(placement.end()), onSome: fail }))
        )

      head = index
      return Effect.matchEffect(Effect.flatten(Fiber.await(opened)), {
        onFailure: fail,
        onSuccess: (pull) => heard = placed(pull)
      })
    }

    const rest = (item: Pause | Mark): EventPull<SpeechError.SpeechError> => {
      const events = timeline.rest(item)
      const more: EventPull<SpeechError.SpeechError> = Effect.sync(() => {
        const { done, value } = events.next()
        if (done !== true) return Effect.succeed(value)
        heard = undefined
        return Effect.as(rests.release(1), Chunk.empty<SpeechEvent.SpeechEvent>())
      }).pipe(Effect.flatten)
      return more
    }

    const next: EventPull<SpeechError.SpeechError | E> = Effect.suspend(() =>
      heard ?? Option.match(line.unsafePoll(), {
        onNone: () => Effect.zipRight(line.ready, next),
        onSome: (item) =>
          item._tag === "Underway"
            ? heard = hear(item.underway)
            : item._tag === "End"
            ? Effect.failCause(item.cause)
            : heard = rest(item)
      })
    )

    return Pull.toStream(next).pipe(
      Stream.concat(Stream.sync(() => SpeechEvent.Completed({ duration: timeline.duration() })))
    )
  }))

interface Timeline {
  readonly duration: () => Duration.Duration
  /** The error with its place in the whole. */
  readonly locate: (error: SpeechError.SpeechError, utterance: Utterance, index: number) => SpeechError.SpeechError
  /** Moves the events of one segment to where they belong in the whole. */
  readonly place: (utterance: Utterance, index: number) => Placement
  /** The events of a pause, at most a second of it at a time, or of a mark. */
  readonly rest: (item: Pause | Mark) => Iterator<Chunk.Chunk<SpeechEvent.SpeechEvent>>
}

interface Placement {
  readonly push: (
    events: Chunk.Chunk<SpeechEvent.SpeechEvent>
  ) => Effect.Effect<Chunk.Chunk<SpeechEvent.SpeechEvent>, SpeechError.SpeechError>
  /** What is still held back. */
  readonly end: () => Chunk.Chunk<SpeechEvent.SpeechEvent>
}

/** @internal */
export const fade = (duration: Duration.Duration): EdgeFade.EdgeFade | undefined =>
  Duration.greaterThan(duration, Duration.zero) ? EdgeFade.make(duration) : undefined

const makeTimeline = (options: Options): Timeline => {
  let format = options.sampleRate === undefined ? undefined : Pcm.format(options.sampleRate)
  let frames = 0

  const duration = () => format === undefined ? Duration.zero : Pcm.durationOf(format, frames * Pcm.frameSize(format))

  const emit = (chunk: Pcm.PcmChunk): SpeechEvent.SpeechEvent => {
    format = chunk.format
    frames += Pcm.frames(chunk)
    return SpeechEvent.AudioChunk({ chunk })
  }

  const otherFormat = (chunk: Pcm.PcmChunk) =>
    new SpeechError.EngineFailure({
      module: "SpeechStream",
      method: "events",
      description: `The engine changed from ${format?.sampleRate} to ${chunk.format.sampleRate} Hz in mid-stream`
    })

  const place: Timeline["place"] = (
    { part, segment: { text, textOffset }, speaker, stage = () => fade(options.fade) },
    index
  ) => {
    let start: Duration.Duration | undefined // when this segment's audio begins
    let stages: EdgeFade.EdgeFade | undefined

    // The segment begins with its first word or audio: only then is it known that it will be heard.
    const begin = (): ReadonlyArray<SpeechEvent.SpeechEvent> => {
      if (start !== undefined) return []
      const silence = frames > 0 && format !== undefined && Duration.greaterThan(options.gap, Duration.zero)
        ? [emit(Pcm.silence(format, options.gap))]
        : []
      start = duration()
      const place = part === undefined ? {} : { part, speaker }
      return [...silence, SpeechEvent.SegmentStarted({ segment: index, text, textOffset, start, ...place })]
    }

    const moved = (time: Duration.Duration) => Duration.sum(start ?? Duration.zero, time)

    const step = (event: SpeechEvent.SpeechEvent): ReadonlyArray<SpeechEvent.SpeechEvent> => {
      switch (event._tag) {
        case "AudioChunk": {
          const begun = begin()
          stages ??= stage(event.chunk.format)
          return [...begun, ...(stages?.push(event.chunk) ?? [event.chunk]).map(emit)]
        }
        case "WordTimestamp": {
          const begun = begin()
          return [...begun, { ...event, segment: index, start: moved(event.start), end: moved(event.end) }]
        }
        case "SegmentStarted":
        case "PauseStarted":
        case "MarkReached":
        case "SegmentFailed":
        case "Completed":
          return []
      }
    }

    const isOther = (event: SpeechEvent.SpeechEvent): event is SpeechEvent.AudioChunk =>
      event._tag === "AudioChunk" && format !== undefined && !Pcm.isSameFormat(event.chunk.format, format)

    return {
      push: (events) =>
        Option.match(Chunk.findFirst(events, isOther), {
          onNone: () => Effect.succeed(Chunk.unsafeFromArray(Array.from(events).flatMap(step))),
          onSome: ({ chunk }) => otherFormat(chunk)
        }),
      end: () => Chunk.unsafeFromArray((stages?.end() ?? []).map(emit))
    }
  }

  const rest = function*(item: Pause | Mark): Generator<Chunk.Chunk<SpeechEvent.SpeechEvent>> {
    const { part } = item
    if (item._tag === "Mark") return yield Chunk.of(SpeechEvent.MarkReached({ name: item.name, at: duration(), part }))
    yield Chunk.of(SpeechEvent.PauseStarted({ start: duration(), duration: item.duration, part }))
    if (format === undefined) return
    const size = Pcm.frameSize(format)
    let left = Pcm.byteLength(format, item.duration)
    while (left > 0) {
      const bytes = new Uint8Array(Math.min(left, format.sampleRate * size))
      left -= bytes.length
      yield Chunk.of(emit({ format, bytes }))
    }
  }

  return {
    duration,
    locate: (error, { part, segment: { textOffset } }, index) =>
      SpeechError.withPosition(error, {
        segment: index,
        textOffset,
        samplesEmitted: frames,
        ...(part === undefined ? {} : { part })
      }),
    place,
    rest
  }
}

// Who listens to the audio alone sees no SegmentFailed.
const logSkip = (error: SpeechError.SpeechError): Effect.Effect<void> =>
  Effect.logWarning("A segment was skipped because it could not be spoken").pipe(
    Effect.annotateLogs({ package: "@effect-smallest/stream", module: "SpeechStream", error: String(error) })
  )
