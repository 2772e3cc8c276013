/**
 * Speech as bytes, and back: all events of a finished stream with their times, and all of their audio, for whoever keeps it.
 *
 * @since 0.2.0
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Pcm from "./Pcm.js"
import * as SpeechError from "./SpeechError.js"
import * as SpeechEvent from "./SpeechEvent.js"

const time = Schema.DurationFromMillis

/**
 * An event as JSON. Audio is named by its length in bytes; the bytes of all events stand one after the other beside it.
 *
 * @since 0.2.0
 * @category schemas
 */
export const WrittenEvent = Schema.Union(
  Schema.TaggedStruct("AudioChunk", {
    length: Schema.NonNegativeInt,
    sampleRate: Schema.Int.pipe(Schema.positive()),
    channels: Schema.Int.pipe(Schema.positive())
  }),
  Schema.TaggedStruct("SegmentStarted", {
    segment: Schema.NonNegativeInt,
    text: Schema.String,
    textOffset: Schema.NonNegativeInt,
    start: time,
    part: Schema.optional(Schema.NonNegativeInt),
    speaker: Schema.optional(Schema.String)
  }),
  Schema.TaggedStruct("WordTimestamp", { segment: Schema.NonNegativeInt, word: Schema.String, start: time, end: time }),
  Schema.TaggedStruct("PauseStarted", { start: time, duration: time, part: Schema.NonNegativeInt }),
  Schema.TaggedStruct("MarkReached", { name: Schema.String, at: time, part: Schema.NonNegativeInt }),
  Schema.TaggedStruct("SegmentFailed", {
    segment: Schema.NonNegativeInt,
    text: Schema.String,
    textOffset: Schema.NonNegativeInt,
    error: SpeechError.schema
  }),
  Schema.TaggedStruct("Completed", { duration: time, requestId: Schema.optional(Schema.String) })
)

/**
 * @since 0.2.0
 * @category models
 */
export type WrittenEvent = typeof WrittenEvent.Type

/**
 * Events without their audio, and the audio.
 *
 * @since 0.2.0
 * @category models
 */
export interface Recording {
  readonly events: ReadonlyArray<WrittenEvent>
  /** Samples of all events in their order, signed 16-bit little-endian. */
  readonly audio: Uint8Array
}

/**
 * Separates events from their audio.
 *
 * @since 0.2.0
 * @category constructors
 */
export const fromEvents = (events: Iterable<SpeechEvent.SpeechEvent>): Recording => {
  const audio: Array<Uint8Array> = []
  const written = Array.from(events, (event): WrittenEvent => {
    if (event._tag === "SegmentFailed") return { ...event, error: SpeechError.withoutCause(event.error) }
    if (event._tag !== "AudioChunk") return event
    const { bytes, format } = event.chunk
    audio.push(bytes)
    return { _tag: "AudioChunk", length: bytes.length, sampleRate: format.sampleRate, channels: format.channels }
  })
  return { events: written, audio: Pcm.concatBytes(audio) }
}

/**
 * Joins events with their audio. Gives a sentence about what is wrong if they do not fit.
 *
 * @since 0.2.0
 * @category combinators
 */
export const toEvents = (
  { audio, events }: Recording
): Either.Either<ReadonlyArray<SpeechEvent.SpeechEvent>, string> => {
  let at = 0
  const joined: Array<SpeechEvent.SpeechEvent> = []
  for (const event of events) {
    switch (event._tag) {
      case "AudioChunk": {
        const format = Pcm.format(event.sampleRate, event.channels)
        const bytes = audio.subarray(at, at + event.length)
        at += event.length
        if (bytes.length < event.length) return Either.left("its audio ends early")
        if (event.length % Pcm.frameSize(format) !== 0) return Either.left("a piece of its audio is not whole frames")
        joined.push(SpeechEvent.AudioChunk({ chunk: { format, bytes } }))
        break
      }
      case "SegmentStarted":
        joined.push(SpeechEvent.SegmentStarted(event))
        break
      case "WordTimestamp":
        joined.push(SpeechEvent.WordTimestamp(event))
        break
      case "PauseStarted":
        joined.push(SpeechEvent.PauseStarted(event))
        break
      case "MarkReached":
        joined.push(SpeechEvent.MarkReached(event))
        break
      case "SegmentFailed":
        joined.push(SpeechEvent.SegmentFailed(event))
        break
      case "Completed":
        joined.push(SpeechEvent.Completed(event))
    }
  }
  return at === audio.length ? Either.right(joined) : Either.left("it has more audio than its events speak of")
}

const Head = Schema.parseJson(Schema.Array(WrittenEvent))
const encodeHead = /*#__PURE__*/ Schema.encodeSync(Head)
const decodeHead = /*#__PURE__*/ Schema.decodeUnknownEither(Head)

/**
 * Writes events as bytes.
 *
 * @since 0.2.0
 * @category constructors
 */
export const encode = (events: Iterable<SpeechEvent.SpeechEvent>): Uint8Array => {
  const recording = fromEvents(events)
  const head = new TextEncoder().encode(encodeHead(recording.events))
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, head.length, true)
  return Pcm.concatBytes([length, head, recording.audio])
}

/**
 * Reads the bytes that {@link encode} wrote. Gives a sentence about what is wrong with other bytes.
 *
 * @example
 * ```ts
 * import { Pcm, SpeechEvent, SpeechRecording } from "@effect-smallest/core"
 * import { Either } from "effect"
 *
 * const chunk = Pcm.silence(Pcm.format(24000), "1 second")
 * const bytes = SpeechRecording.encode([SpeechEvent.AudioChunk({ chunk })])
 * Either.map(SpeechRecording.decode(bytes), (events) => events.length) // Right(1)
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const decode = (bytes: Uint8Array): Either.Either<ReadonlyArray<SpeechEvent.SpeechEvent>, string> => {
  if (bytes.length < 4) return Either.left("it is too short")
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  if (bytes.length < 4 + length) return Either.left("it ends early")
  return decodeHead(new TextDecoder().decode(bytes.subarray(4, 4 + length))).pipe(
    Either.mapLeft((error) => ParseResult.TreeFormatter.formatErrorSync(error)),
    // A copy, aligned for samples of 16 bits.
    Either.flatMap((events) => toEvents({ events, audio: bytes.slice(4 + length) }))
  )
}
