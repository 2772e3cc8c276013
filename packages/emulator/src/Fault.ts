/**
 * Faults that the emulator commits on purpose, so that clients can be tested against a server which misbehaves.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const DurationInput = Schema.declare(
  // decodeUnknown accepts exactly what DurationInput describes.
  (input): input is Duration.DurationInput => Option.isSome(Duration.decodeUnknown(input)),
  { identifier: "DurationInput", description: "milliseconds, or a text such as \"2 seconds\"" }
)

const Natural = Schema.Int.pipe(Schema.nonNegative())

const Positive = Schema.Int.pipe(Schema.positive())

// What HTTP allows: Node would end the connection over anything else.
const HeaderName = Schema.String.pipe(Schema.pattern(/^[\w!#$%&'*+.^`|~-]+$/))

const HeaderValue = Schema.String.pipe(Schema.pattern(/^[\t\x20-\x7e\x80-\xff]*$/))

/** Where in the audio of a request something happens, in bytes of PCM. 0 is before the first audio. */
const afterBytes = Schema.optional(Natural)

/**
 * Waits before the headers of the answer, before the first audio, or before every frame (a piece of the body, an event,
 * a message).
 *
 * @since 0.1.0
 * @category schemas
 */
export const Delay = Schema.TaggedStruct("Delay", {
  before: Schema.Literal("headers", "audio", "frame"),
  duration: DurationInput
})

/**
 * Answers with a status instead of doing anything. On a WebSocket the upgrade is refused with it. A `body` that is not a
 * string is sent as JSON; without one the body is what the vendor sends with that status.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Status = Schema.TaggedStruct("Status", {
  status: Schema.Int.pipe(Schema.between(200, 599)),
  body: Schema.optional(Schema.Unknown),
  headers: Schema.optional(Schema.Record({ key: HeaderName, value: HeaderValue }))
})

/**
 * Resets the TCP connection: before the headers, or where `afterBytes` says.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Reset = Schema.TaggedStruct("Reset", { afterBytes })

/**
 * Sends nothing more, and keeps the connection open.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Stall = Schema.TaggedStruct("Stall", { afterBytes })

/**
 * Ends the body or closes the socket as if all were well, but without the protocol's end mark.
 *
 * @since 0.1.0
 * @category schemas
 */
export const EndEarly = Schema.TaggedStruct("EndEarly", { afterBytes })

/**
 * Puts a frame of broken JSON between the others. A whole answer becomes broken JSON.
 *
 * @since 0.1.0
 * @category schemas
 */
export const MalformedJson = Schema.TaggedStruct("MalformedJson", { afterBytes })

/**
 * Puts a frame with audio that is not base64 between the others. Binary answers have no base64; there it does nothing.
 *
 * @since 0.1.0
 * @category schemas
 */
export const BadBase64 = Schema.TaggedStruct("BadBase64", { afterBytes })

/**
 * Reports an error inside the answer, after its start, and ends it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const InBandError = Schema.TaggedStruct("InBandError", { afterBytes, message: Schema.String })

/**
 * Cuts the audio into pieces of `bytes`: with an odd number, in the middle of samples.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Split = Schema.TaggedStruct("Split", { bytes: Positive })

/**
 * Sends the audio `bytes` at a time, with a wait before each.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SlowDrip = Schema.TaggedStruct("SlowDrip", { bytes: Positive, every: DurationInput })

/**
 * Reports success without any audio.
 *
 * @since 0.1.0
 * @category schemas
 */
export const EmptyAudio = Schema.TaggedStruct("EmptyAudio", {})

/**
 * Sends another content type than the API's.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ContentType = Schema.TaggedStruct("ContentType", { contentType: HeaderValue })

/**
 * Closes the WebSocket with a code. On HTTP it ends the body.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Close = Schema.TaggedStruct("Close", {
  // The codes that a server may send: RFC 6455, section 7.4.
  code: Schema.Int.pipe(
    Schema.between(1000, 4999),
    Schema.filter((code) => code >= 3000 || (code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006), {
      message: () => "a close code that may be sent: 1000 to 1003, 1007 to 1014, or 3000 to 4999"
    })
  ),
  reason: Schema.optional(Schema.String.pipe(Schema.maxLength(40))),
  afterBytes
})

/**
 * @since 0.1.0
 * @category schemas
 */
export const Fault = Schema.Union(
  Delay,
  Status,
  Reset,
  Stall,
  EndEarly,
  MalformedJson,
  BadBase64,
  InBandError,
  Split,
  SlowDrip,
  EmptyAudio,
  ContentType,
  Close
)

/**
 * @since 0.1.0
 * @category models
 */
export type Fault = typeof Fault.Type

/**
 * Faults that wait for a request. Those which concern audio wait for a request that makes audio; the others take the
 * next request of any kind. On a WebSocket, faults of audio strike one synthesis, not the whole socket.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Injection = Schema.Struct({
  /** What goes wrong, all of it in the same request. */
  faults: Schema.NonEmptyArray(Fault),
  /** Only requests whose path begins with this. */
  path: Schema.optional(Schema.String),
  /**
   * How many requests are struck.
   * @default 1
   */
  times: Schema.optional(Positive)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Injection = typeof Injection.Type
