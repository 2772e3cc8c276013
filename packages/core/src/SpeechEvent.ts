/**
 * What happens while a text is spoken, on one timeline that starts with the first sample.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as internal from "./internal/firstAudio.js"
import type { PcmChunk } from "./Pcm.js"
import * as SpeechError from "./SpeechError.js"

/**
 * - `SegmentStarted`: the audio that follows speaks this piece of the text
 * - `AudioChunk`: audio, to be played right after the audio before it
 * - `WordTimestamp`: when a word sounds, from engines that know
 * - `PauseStarted`: silence that a script asks for; its audio follows
 * - `MarkReached`: a named place of a script
 * - `SegmentFailed`: a piece of the text was skipped because of an error (only if the caller chose to skip)
 * - `Completed`: everything has been spoken; always the last event of a stream that ends well
 *
 * @since 0.1.0
 * @category models
 */
export type SpeechEvent = Data.TaggedEnum<{
  SegmentStarted: {
    /** Index of the segment, from 0. A finished text is one segment. */
    readonly segment: number
    /** The text of the segment, as the caller wrote it. */
    readonly text: string
    /** Where that text begins in the whole, in UTF-16 code units. */
    readonly textOffset: number
    /** When its audio begins. */
    readonly start: Duration.Duration
    /** Index of the part of the script that it belongs to, from 0. Only in scripts. */
    readonly part?: number | undefined
    /** Who speaks it, by the script: a name, or else a voice. Only in scripts. */
    readonly speaker?: string | undefined
  }
  AudioChunk: { readonly chunk: PcmChunk }
  WordTimestamp: {
    readonly segment: number
    /** The word as the caller wrote it. */
    readonly word: string
    readonly start: Duration.Duration
    readonly end: Duration.Duration
  }
  PauseStarted: {
    readonly start: Duration.Duration
    readonly duration: Duration.Duration
    /** Index of the part of the script, from 0. */
    readonly part: number
  }
  MarkReached: {
    readonly name: string
    /** The place in the audio. */
    readonly at: Duration.Duration
    /** Index of the part of the script, from 0. */
    readonly part: number
  }
  SegmentFailed: {
    readonly segment: number
    readonly text: string
    readonly textOffset: number
    readonly error: SpeechError.SpeechError
  }
  Completed: {
    /** How long all of the audio sounds. */
    readonly duration: Duration.Duration
    /** The server's id of the request, if there is one. */
    readonly requestId?: string | undefined
  }
}>

/**
 * @since 0.1.0
 * @category models
 */
export type SegmentStarted = Data.TaggedEnum.Value<SpeechEvent, "SegmentStarted">

/**
 * @since 0.1.0
 * @category models
 */
export type AudioChunk = Data.TaggedEnum.Value<SpeechEvent, "AudioChunk">

/**
 * @since 0.1.0
 * @category models
 */
export type WordTimestamp = Data.TaggedEnum.Value<SpeechEvent, "WordTimestamp">

/**
 * @since 0.1.0
 * @category models
 */
export type PauseStarted = Data.TaggedEnum.Value<SpeechEvent, "PauseStarted">

/**
 * @since 0.1.0
 * @category models
 */
export type MarkReached = Data.TaggedEnum.Value<SpeechEvent, "MarkReached">

/**
 * @since 0.1.0
 * @category models
 */
export type SegmentFailed = Data.TaggedEnum.Value<SpeechEvent, "SegmentFailed">

/**
 * @since 0.1.0
 * @category models
 */
export type Completed = Data.TaggedEnum.Value<SpeechEvent, "Completed">

/**
 * Constructors, guards and a matcher of events.
 *
 * @example
 * ```ts
 * import { SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
 * import { Console, Effect, Stream } from "effect"
 *
 * const words = SpeechSynthesizer.events({ text: "Hello there." }).pipe(
 *   Stream.filter(SpeechEvent.$is("WordTimestamp")),
 *   Stream.runForEach(({ word }) => Console.log(word)),
 *   Effect.asVoid
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const {
  $is,
  $match,
  AudioChunk,
  Completed,
  MarkReached,
  PauseStarted,
  SegmentFailed,
  SegmentStarted,
  WordTimestamp
} = Data.taggedEnum<SpeechEvent>()

/**
 * Whether an event holds audio that can be heard: the question behind "first audio", "empty audio" and "may this still be retried".
 *
 * @since 0.1.0
 * @category guards
 */
export const isAudible: (event: SpeechEvent) => boolean = internal.isAudible

/**
 * The audio of an event, if it holds some.
 *
 * @since 0.1.0
 * @category accessors
 */
export const chunkOf = (event: SpeechEvent): Option.Option<PcmChunk> =>
  event._tag === "AudioChunk" ? Option.some(event.chunk) : Option.none()

/**
 * The audio of a stream of events.
 *
 * @since 0.1.0
 * @category combinators
 */
export const pcm = <E, R>(events: Stream.Stream<SpeechEvent, E, R>): Stream.Stream<PcmChunk, E, R> =>
  Stream.filterMap(events, chunkOf)

/**
 * Runs a stream of events until its first audio, then gives all of it, from its first event on.
 *
 * Whatever fails before any sound fails the effect and leaves nothing behind, so a retry of the effect never repeats a
 * sound. Whatever fails later fails the stream.
 *
 * @example
 * ```ts
 * import { SpeechError, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
 * import { Effect, Stream } from "effect"
 *
 * const patient = Stream.unwrapScoped(
 *   SpeechEvent.untilFirstAudio(SpeechSynthesizer.events({ text: "Hello." })).pipe(
 *     Effect.retry(SpeechError.retrySchedule({ maxRetries: 10 }))
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const untilFirstAudio: <E, R>(
  events: Stream.Stream<SpeechEvent, E, R>
) => Effect.Effect<Stream.Stream<SpeechEvent, E, R>, E, R | Scope.Scope> = internal.untilFirstAudio

// ----------------------------------------------------------------------------------------------------------------
// schemas
// ----------------------------------------------------------------------------------------------------------------

const schemaOf = <I>(bytes: Schema.Schema<Uint8Array, I>) => {
  const time = Schema.DurationFromMillis
  const count = Schema.NonNegativeInt
  const positive = Schema.Int.pipe(Schema.positive())
  const chunk = Schema.Struct({
    format: Schema.Struct({ sampleRate: positive, channels: positive }),
    bytes
  }).pipe(
    Schema.filter(({ bytes, format }) =>
      bytes.length % (2 * format.channels) === 0 || `audio of whole frames, each of ${2 * format.channels} bytes`
    )
  )
  return Schema.Union(
    Schema.TaggedStruct("SegmentStarted", {
      segment: count,
      text: Schema.String,
      textOffset: count,
      start: time,
      part: Schema.optional(count),
      speaker: Schema.optional(Schema.String)
    }),
    Schema.TaggedStruct("AudioChunk", { chunk }),
    Schema.TaggedStruct("WordTimestamp", { segment: count, word: Schema.String, start: time, end: time }),
    Schema.TaggedStruct("PauseStarted", { start: time, duration: time, part: count }),
    Schema.TaggedStruct("MarkReached", { name: Schema.String, at: time, part: count }),
    Schema.TaggedStruct("SegmentFailed", {
      segment: count,
      text: Schema.String,
      textOffset: count,
      error: SpeechError.schema
    }),
    Schema.TaggedStruct("Completed", { duration: time, requestId: Schema.optional(Schema.String) })
  )
}

/**
 * Events as a schema, for RPC and queues: audio stays bytes, times are milliseconds, errors are those of `SpeechError.schema`. For
 * transports that carry bytes, such as MessagePack and messages between workers; JSON needs {@link schemaJson}.
 *
 * @example
 * ```ts
 * import { SpeechEvent } from "@effect-smallest/core"
 * import { Duration, Schema } from "effect"
 *
 * const message = Schema.encodeSync(SpeechEvent.schema)(SpeechEvent.Completed({ duration: Duration.seconds(2) }))
 * Schema.decodeSync(SpeechEvent.schema)(message)._tag // "Completed"
 * ```
 *
 * @since 0.2.0
 * @category schemas
 */
export const schema = /*#__PURE__*/ schemaOf(Schema.Uint8ArrayFromSelf)

/**
 * The same for JSON: audio is base64.
 *
 * @since 0.2.0
 * @category schemas
 */
export const schemaJson = /*#__PURE__*/ schemaOf(Schema.Uint8ArrayFromBase64)
