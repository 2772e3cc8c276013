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
export interface Options {
  readonly synthesizer: SpeechSynthesizer.Service
  readonly request: SpeechOptions
  readonly prefetch: number
  readonly schedule: Schedule.Schedule<unknown, SpeechError.SpeechError>
  readonly onSegmentFailure: "fail" | "skip"
  readonly gap: Duration.Duration
  readonly fade: Duration.Duration
  readonly trimSilence: boolean | undefined
}

type Events<E, R> = Stream.Stream<SpeechEvent.SpeechEvent, E, R>

type EventPull<E> = Pull.Pull<SpeechEvent.SpeechEvent, E>

// A segment whose request is running, or waits for a permit, ahead of the listener.
interface Underway {
  readonly segment: Segment
  readonly index: number
  readonly opened: Fiber.Fiber<EventPull<SpeechError.SpeechError>, SpeechError.SpeechError>
  readonly fail: (cause: Cause.Cause<SpeechError.SpeechError>) => Effect.Effect<void>
  readonly close: Effect.Effect<void>
}

type InLine<E> = { readonly _tag: "Underway"; readonly underway: Underway } | {
  readonly _tag: "End"
  readonly cause: Cause.Cause<Option.Option<E>>
}

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
): Events<SpeechError.SpeechError | E, Exclude<R, Scope.Scope>> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const scope = yield* Effect.scope
    const scoped = yield* CurrentSpeechOptions
    // The synthesizer merges request, scope and layer; this is one more layer between the last two.
    const request = {
      ...options.request,
      removeExtraSilence: options.request.removeExtraSilence ?? scoped.removeExtraSilence ?? options.trimSilence
    }
    const slots = yield* Effect.makeSemaphore(options.prefetch + 1)
    const line = yield* Inbox.make<InLine<E>>(Infinity)
    const nextSegment = yield* text
    const stream = {}
    const timeline = makeTimeline(options)
    let head = 0

    const model = request.model ?? scoped.model ?? options.synthesizer.defaults.model
    const latency = model === undefined
      ? SpeechTelemetry.segmentLatency
      : Metric.taggedWithLabels(SpeechTelemetry.segmentLatency, [SpeechEngine.modelLabel(model)])
    const isTextRecorded = yield* SpeechTelemetry.RecordText

    // The lease ends with the last attempt; what succeeded lives on in the segment's own scope.
    const attempts = (segment: Segment, index: number, own: Scope.Scope) =>
      SpeechEngine.makeLease({ stream, index, isHead: Effect.sync(() => head === index) }).pipe(
        Effect.flatMap((lease) =>
          SpeechEngine.retry(
            Scope.extend(
              SpeechEvent.untilFirstAudio(options.synthesizer.events({ ...request, text: spokenText(segment.text) })),
              own
            ),
            options.schedule
          ).pipe(
            Effect.provideService(SpeechEngine.CurrentSegmentLease, Option.some(lease))
          )
        ),
        Effect.scoped
      )

    const prepare = Effect.fnUntraced(function*(segment: Segment, index: number, own: Scope.Scope, span: Tracer.Span) {
      const begun = yield* Clock.currentTimeMillis
      const events = yield* Effect.withParentSpan(attempts(segment, index, own), span)
      const seconds = ((yield* Clock.currentTimeMillis) - begun) / 1000
      span.attribute("speech.segment.latency", seconds)
      yield* Metric.update(latency, seconds)
      return yield* Scope.extend(Pull.fromStream(events), own)
    })

    const makeSpan = ({ text, textOffset }: Segment, index: number) =>
      Effect.makeSpanScoped("SpeechStream.segment", {
        captureStackTrace: false,
        attributes: {
          "speech.segment": index,
          "speech.segment.text_offset": textOffset,
          "speech.characters": text.length,
          ...(isTextRecorded ? { "speech.text": text } : {})
        }
      })

    const open = Effect.fnUntraced(function*(segment: Segment, index: number) {
      const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      // Ends before the segment's own scope if it has failed, and with it otherwise.
      const traced = yield* Scope.fork(own, ExecutionStrategy.sequential)
      const span = yield* Scope.extend(makeSpan(segment, index), traced)
      const fail = (cause: Cause.Cause<SpeechError.SpeechError>) =>
        Effect.zipRight(SpeechEngine.noteFailure(span, cause), Scope.close(traced, Exit.failCause(cause)))
      const opened = yield* Effect.forkIn(Effect.tapErrorCause(prepare(segment, index, own, span), fail), own)
      const close = Effect.zipRight(Scope.close(own, Exit.void), slots.release(1))
      yield* line.put({ _tag: "Underway", underway: { segment, index, opened, fail, close } })
    })

    // A slot comes before the text: what the listener has no room for is not even read.
    yield* Effect.gen(function*() {
      let index = 0
      while (true) {
        yield* slots.take(1)
        yield* open(yield* nextSegment, index++)
      }
    }).pipe(
      Effect.catchAllCause((cause) => line.put({ _tag: "End", cause })),
      Effect.interruptible,
      Effect.forkScoped
    )

    let heard: EventPull<SpeechError.SpeechError> | undefined

    const hear = (
      { close, fail: noteFailure, index, opened, segment }: Underway
    ): EventPull<SpeechError.SpeechError> => {
      const placement = timeline.place(segment, index)

      const finish = (last: Chunk.Chunk<SpeechEvent.SpeechEvent>) => {
        heard = undefined
        return Effect.as(close, last)
      }

      const fail = (error: SpeechError.SpeechError) => {
        const last = placement.end()
        const positioned = timeline.locate(error, segment, index)
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

    const next: EventPull<SpeechError.SpeechError | E> = Effect.suspend(() =>
      heard ?? Option.match(line.unsafePoll(), {
        onNone: () => Effect.zipRight(line.ready, next),
        onSome: (item) => item._tag === "Underway" ? heard = hear(item.underway) : Effect.failCause(item.cause)
      })
    )

    return Pull.toStream(next).pipe(
      Stream.concat(Stream.sync(() => SpeechEvent.Completed({ duration: timeline.duration() })))
    )
  }))

interface Timeline {
  readonly duration: () => Duration.Duration
  /** The error with its place in the whole. */
  readonly locate: (error: SpeechError.SpeechError, segment: Segment, index: number) => SpeechError.SpeechError
  /** Moves the events of one segment to where they belong in the whole. */
  readonly place: (segment: Segment, index: number) => Placement
}

interface Placement {
  readonly push: (
    events: Chunk.Chunk<SpeechEvent.SpeechEvent>
  ) => Effect.Effect<Chunk.Chunk<SpeechEvent.SpeechEvent>, SpeechError.SpeechError>
  /** What is still held back. */
  readonly end: () => Chunk.Chunk<SpeechEvent.SpeechEvent>
}

const makeTimeline = (options: Options): Timeline => {
  let format: Pcm.PcmFormat | undefined
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

  const place: Timeline["place"] = ({ text, textOffset }, index) => {
    let start: Duration.Duration | undefined // when this segment's audio begins
    let fader: EdgeFade.EdgeFade | undefined

    // The segment begins with its first word or audio: only then is it known that it will be heard.
    const begin = (): ReadonlyArray<SpeechEvent.SpeechEvent> => {
      if (start !== undefined) return []
      const silence = frames > 0 && format !== undefined && Duration.greaterThan(options.gap, Duration.zero)
        ? [emit(Pcm.silence(format, options.gap))]
        : []
      start = duration()
      fader = Duration.greaterThan(options.fade, Duration.zero) ? EdgeFade.make(options.fade) : undefined
      return [...silence, SpeechEvent.SegmentStarted({ segment: index, text, textOffset, start })]
    }

    const moved = (time: Duration.Duration) => Duration.sum(start ?? Duration.zero, time)

    const step = (event: SpeechEvent.SpeechEvent): ReadonlyArray<SpeechEvent.SpeechEvent> => {
      switch (event._tag) {
        case "AudioChunk": {
          const begun = begin()
          return [...begun, ...(fader?.push(event.chunk) ?? [event.chunk]).map(emit)]
        }
        case "WordTimestamp": {
          const begun = begin()
          return [...begun, { ...event, segment: index, start: moved(event.start), end: moved(event.end) }]
        }
        case "SegmentStarted":
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
      end: () => Chunk.unsafeFromArray((fader?.end() ?? []).map(emit))
    }
  }

  return {
    duration,
    locate: (error, { textOffset }, index) =>
      SpeechError.withPosition(error, { segment: index, textOffset, samplesEmitted: frames }),
    place
  }
}

// Who listens to the audio alone sees no SegmentFailed.
const logSkip = (error: SpeechError.SpeechError): Effect.Effect<void> =>
  Effect.logWarning("A segment was skipped because it could not be spoken").pipe(
    Effect.annotateLogs({ package: "@effect-smallest/stream", module: "SpeechStream", error: String(error) })
  )
