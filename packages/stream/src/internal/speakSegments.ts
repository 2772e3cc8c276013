import * as Pcm from "@effect-smallest/core/Pcm"
import * as SegmentLease from "@effect-smallest/core/SegmentLease"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import type * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as Chunk from "effect/Chunk"
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
import type { Segment } from "../TextSegmenter.js"
import { type EdgeFade, edgeFade } from "./edgeFade.js"
import { heldBack } from "./heldBack.js"

/** @internal */
export interface Options {
  readonly synthesizer: SpeechSynthesizer.Service
  readonly request: Effect.Effect<SpeechOptions>
  readonly prefetch: number
  readonly schedule: Schedule.Schedule<unknown, SpeechError.SpeechError>
  readonly onSegmentFailure: "fail" | "skip"
  readonly gap: Duration.Duration
  readonly fade: Duration.Duration
}

type Events<E = SpeechError.SpeechError, R = never> = Stream.Stream<SpeechEvent.SpeechEvent, E, R>

// A segment whose request is running, or waits for a permit, ahead of the listener.
interface Underway {
  readonly segment: Segment
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
  segments: Stream.Stream<Segment, E, R>,
  options: Options
): Events<SpeechError.SpeechError | E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const scope = yield* Effect.scope
    const span = yield* Effect.makeSpanScoped("SpeechStream.events", { captureStackTrace: false })
    const request = yield* options.request
    const slots = yield* Effect.makeSemaphore(options.prefetch + 1)
    const line = yield* Mailbox.make<Underway, E>()
    const stream = {}
    const timeline = makeTimeline(options)
    let head = 0

    // The lease ends with the last attempt; what succeeded lives on in the segment's own scope.
    const attempts = (segment: Segment, index: number, own: Scope.Scope) =>
      SegmentLease.make({ stream, index, isHead: Effect.sync(() => head === index) }).pipe(
        Effect.flatMap((lease) =>
          SpeechEvent.untilFirstAudio(options.synthesizer.events({ ...request, text: segment.text })).pipe(
            Scope.extend(own),
            Effect.retry(options.schedule),
            Effect.provideService(SegmentLease.CurrentSegmentLease, Option.some(lease))
          )
        ),
        Effect.scoped,
        Effect.withParentSpan(span)
      )

    const open = Effect.fnUntraced(function*(segment: Segment, index: number) {
      const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      const opened = yield* Effect.forkIn(attempts(segment, index, own), own)
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
  readonly place: (segment: Segment, index: number) => (events: Events) => Events
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

  const place: Timeline["place"] = ({ text, textOffset }, index) => (events) => {
    let start: Duration.Duration | undefined // when this segment's audio begins
    let fader: EdgeFade | undefined

    // The segment begins with its first word or audio: only then is it known that it will be heard.
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

    const step = (event: SpeechEvent.SpeechEvent): Chunk.Chunk<SpeechEvent.SpeechEvent> => {
      switch (event._tag) {
        case "AudioChunk": {
          const begun = begin()
          return Chunk.unsafeFromArray([...begun, ...(fader?.push(event.chunk) ?? [event.chunk]).map(emit)])
        }
        case "WordTimestamp": {
          const begun = begin()
          const word = { ...event, segment: index, start: moved(event.start), end: moved(event.end) }
          return Chunk.unsafeFromArray([...begun, word])
        }
        case "SegmentStarted":
        case "SegmentFailed":
        case "Completed":
          return Chunk.empty()
      }
    }

    const isOther = (event: SpeechEvent.SpeechEvent): event is SpeechEvent.AudioChunk =>
      event._tag === "AudioChunk" && format !== undefined && event.chunk.format !== format

    // Audio comes in many small pieces: they cost by the network's chunk, not by the piece.
    const steps = (events: Chunk.Chunk<SpeechEvent.SpeechEvent>) =>
      Option.match(Chunk.findFirst(events, isOther), {
        onNone: () => Effect.succeed(Chunk.flatMap(events, step)),
        onSome: ({ chunk }) => otherFormat(chunk)
      })

    const failed = (error: SpeechError.SpeechError): Events => {
      const positioned = SpeechError.withPosition(error, { segment: index, textOffset, samplesEmitted: frames })
      return options.onSegmentFailure === "fail"
        ? Stream.fail(positioned)
        : Stream.fromEffect(Effect.as(
          logSkip(positioned),
          SpeechEvent.SegmentFailed({ segment: index, text, textOffset, error: positioned })
        ))
    }

    return events.pipe(
      Stream.mapChunksEffect(steps),
      heldBack(() => (fader?.end() ?? []).map(emit)),
      Stream.catchAll(failed)
    )
  }

  return { duration, place }
}

// Who listens to the audio alone sees no SegmentFailed.
const logSkip = (error: SpeechError.SpeechError): Effect.Effect<void> =>
  Effect.logWarning("A segment was skipped because it could not be spoken").pipe(
    Effect.annotateLogs({ package: "@effect-smallest/stream", module: "SpeechStream", error: String(error) })
  )
