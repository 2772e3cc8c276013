import * as Pcm from "@effect-smallest/core/Pcm"
import * as SegmentLease from "@effect-smallest/core/SegmentLease"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import type * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type EdgeFade, edgeFade } from "./edgeFade.js"
import type { SpokenSegment } from "./textSegments.js"

/** @internal */
export interface Options {
  readonly synthesizer: SpeechSynthesizer.Service
  readonly request: SpeechOptions
  readonly prefetch: number
  readonly schedule: Schedule.Schedule<unknown, SpeechError.SpeechError>
  readonly onSegmentFailure: "fail" | "skip"
  readonly gap: Duration.Duration
  readonly fade: Duration.Duration
}

type Events<E = SpeechError.SpeechError, R = never> = Stream.Stream<SpeechEvent.SpeechEvent, E, R>

// A segment whose request is running, or waits for a permit, ahead of the listener.
interface Underway {
  readonly segment: SpokenSegment
  readonly index: number
  readonly opened: Fiber.Fiber<Events, SpeechError.SpeechError>
  readonly close: Effect.Effect<void>
}

/**
 * Speaks segments in order, the next ones prepared while one sounds.
 *
 * @internal
 */
export const speakSegments = <E, R>(
  segments: Stream.Stream<SpokenSegment, E, R>,
  options: Options
): Events<SpeechError.SpeechError | E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const scope = yield* Effect.scope
    const slots = yield* Effect.makeSemaphore(options.prefetch + 1)
    const line = yield* Mailbox.make<Underway, E>()
    const stream = {}
    const timeline = makeTimeline(options)
    let head = 0

    const open = Effect.fnUntraced(function*(segment: SpokenSegment, index: number) {
      const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      const lease = yield* Scope.extend(
        SegmentLease.make({ stream, index, isHead: Effect.sync(() => head === index) }),
        own
      )
      const opened = yield* SpeechEvent.untilFirstAudio(
        options.synthesizer.events({ ...options.request, text: segment.text })
      ).pipe(
        Effect.retry(options.schedule),
        Effect.provideService(SegmentLease.CurrentSegmentLease, Option.some(lease)),
        Scope.extend(own),
        Effect.forkIn(own)
      )
      const close = Effect.zipRight(Scope.close(own, Exit.void), slots.release(1))
      yield* line.offer({ segment, index, opened, close })
    })

    // A slot comes before the text: what the listener has no room for is not even read.
    const produce = Effect.gen(function*() {
      const pull = yield* Stream.toPull(Stream.rechunk(segments, 1))
      let index = 0
      while (true) {
        yield* slots.take(1)
        for (const segment of yield* pull) yield* open(segment, index++)
      }
    }).pipe(
      Effect.scoped,
      Effect.catchAll(Option.match({ onNone: () => line.end, onSome: (error) => line.fail(error) })),
      Effect.catchAllCause((cause) => line.failCause(cause))
    )

    yield* Effect.forkScoped(Effect.interruptible(produce))

    const speak = ({ close, index, opened, segment }: Underway): Events =>
      Stream.unwrap(Effect.suspend(() => {
        head = index
        return Fiber.join(opened)
      })).pipe(
        timeline.place(segment, index),
        Stream.ensuring(close)
      )

    return Mailbox.toStream(line).pipe(
      Stream.flatMap(speak),
      Stream.concat(Stream.suspend(() => Stream.succeed(SpeechEvent.Completed({ duration: timeline.duration() }))))
    )
  }))

interface Timeline {
  readonly duration: () => Duration.Duration
  /** Moves the events of one segment to where they belong in the whole. */
  readonly place: (segment: SpokenSegment, index: number) => (events: Events) => Events
}

const makeTimeline = (options: Options): Timeline => {
  let format: Pcm.PcmFormat | undefined
  let frames = 0

  const duration = () =>
    format === undefined ? Duration.zero : Pcm.durationOf(format, frames * Pcm.frameSize(format))

  const emit = (chunk: Pcm.PcmChunk): SpeechEvent.SpeechEvent => {
    format = chunk.format
    frames += Pcm.frames(chunk)
    return SpeechEvent.AudioChunk({ chunk })
  }

  const otherFormat = (chunk: Pcm.PcmChunk) =>
    new SpeechError.EngineFailure({
      module: "SpeechStream",
      method: "events",
      description: `The engine changed from ${format?.sampleRate} to ${chunk.format.sampleRate} Hz in the middle of a stream`
    })

  const place: Timeline["place"] = ({ text, textOffset }, index) => (events) => {
    let start: Duration.Duration | undefined // when this segment's audio begins
    let fader: EdgeFade | undefined

    // The segment begins with its first event: only then is it known that it will be heard.
    const begin = (): ReadonlyArray<SpeechEvent.SpeechEvent> => {
      if (start !== undefined) return []
      const silence = frames > 0 && format !== undefined && Duration.greaterThan(options.gap, Duration.zero)
        ? [emit(Pcm.silence(format, options.gap))]
        : []
      start = duration()
      fader = Duration.greaterThan(options.fade, Duration.zero) ? edgeFade(options.fade) : undefined
      return [...silence, SpeechEvent.SegmentStarted({ segment: index, text, textOffset, start })]
    }

    const moved = (time: Duration.Duration) => Duration.sum(start ?? Duration.zero, time)

    const step = (
      event: SpeechEvent.SpeechEvent
    ): Effect.Effect<ReadonlyArray<SpeechEvent.SpeechEvent>, SpeechError.SpeechError> => {
      switch (event._tag) {
        case "AudioChunk": {
          if (format !== undefined && event.chunk.format !== format) return otherFormat(event.chunk)
          const begun = begin()
          return Effect.succeed([...begun, ...(fader?.push(event.chunk) ?? [event.chunk]).map(emit)])
        }
        case "WordTimestamp": {
          const begun = begin()
          const word = { ...event, segment: index, start: moved(event.start), end: moved(event.end) }
          return Effect.succeed([...begun, word])
        }
        case "SegmentStarted":
        case "SegmentFailed":
        case "Completed":
          return Effect.succeed([])
      }
    }

    const rest = Stream.suspend(() => Stream.fromIterable((fader?.end() ?? []).map(emit)))

    const failed = (error: SpeechError.SpeechError): Events => {
      const positioned = SpeechError.withPosition(error, { segment: index, textOffset, samplesEmitted: frames })
      return options.onSegmentFailure === "fail"
        ? Stream.fail(positioned)
        : Stream.succeed(SpeechEvent.SegmentFailed({ segment: index, text, textOffset, error: positioned }))
    }

    return events.pipe(
      Stream.mapEffect(step),
      Stream.mapConcat((placed) => placed),
      Stream.concat(rest),
      Stream.catchAll((error) => Stream.concat(rest, Stream.suspend(() => failed(error))))
    )
  }

  return { duration, place }
}
