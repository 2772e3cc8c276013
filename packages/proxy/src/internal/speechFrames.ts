import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { ReplyEvent } from "../SpeechProxyProtocol.js"

/**
 * The wire: a preamble of four letters and a version, then frames of a kind (one byte), a length (four bytes, big-endian)
 * and a payload. Audio is raw bytes in the format of the last `Format`; everything else is JSON.
 */
const preamble = Uint8Array.of(0x45, 0x46, 0x53, 0x50, 1) // "EFSP", version 1

const headerLength = 5 // that of the preamble, too

const audioKind = 0x41 // "A"

const messageKind = 0x4a // "J"

// The longest text of a request, all of it escaped, fits in. So one hostile length costs a megabyte and no more.
const maxPayload = 1024 * 1024

const maxAudio = 64 * 1024

const Segment = {
  segment: Schema.NonNegativeInt,
  text: Schema.String,
  textOffset: Schema.NonNegativeInt
}

const Message = Schema.Union(
  Schema.TaggedStruct("Format", {
    sampleRate: Schema.Int.pipe(Schema.between(1000, 384_000)),
    channels: Schema.Int.pipe(Schema.between(1, 32))
  }),
  Schema.TaggedStruct("SegmentStarted", {
    ...Segment,
    start: Schema.DurationFromMillis,
    part: Schema.optional(Schema.NonNegativeInt),
    speaker: Schema.optional(Schema.String)
  }),
  Schema.TaggedStruct("PauseStarted", {
    start: Schema.DurationFromMillis,
    duration: Schema.DurationFromMillis,
    part: Schema.NonNegativeInt
  }),
  Schema.TaggedStruct("MarkReached", {
    name: Schema.String,
    at: Schema.DurationFromMillis,
    part: Schema.NonNegativeInt
  }),
  Schema.TaggedStruct("WordTimestamp", {
    segment: Schema.NonNegativeInt,
    word: Schema.String,
    start: Schema.DurationFromMillis,
    end: Schema.DurationFromMillis
  }),
  Schema.TaggedStruct("SegmentFailed", { ...Segment, error: SpeechError.schema }),
  Schema.TaggedStruct("Completed", {
    duration: Schema.DurationFromMillis,
    requestId: Schema.optional(Schema.String)
  }),
  Schema.TaggedStruct("TextDelta", { text: Schema.String }),
  Schema.TaggedStruct("Failure", { error: SpeechError.schema }),
  Schema.TaggedStruct("KeepAlive", {}),
  Schema.TaggedStruct("End", {})
)

type Message = typeof Message.Type

const Json = Schema.parseJson(Message)

const toJson = Schema.encodeSync(Json)

const fromJson = Schema.decodeUnknownEither(Json)

// ----------------------------------------------------------------------------------------------------------------
// encoding
// ----------------------------------------------------------------------------------------------------------------

const utf8 = new TextEncoder()

const frame = (kind: number, payload: Uint8Array): ReadonlyArray<Uint8Array> => {
  const header = new Uint8Array(headerLength)
  new DataView(header.buffer).setUint32(1, payload.length)
  header[0] = kind
  return [header, payload]
}

const message = (content: Message): ReadonlyArray<Uint8Array> => {
  // What failed inside the server is for its own logs.
  const payload = utf8.encode(
    toJson("error" in content ? { ...content, error: SpeechError.withoutCause(content.error) } : content)
  )
  if (payload.length <= maxPayload) return frame(messageKind, payload)
  return message({
    _tag: "Failure",
    error: new SpeechError.InvalidSpeechRequest({
      module: "SpeechProxyProtocol",
      method: "encode",
      parameter: "text",
      description: `A ${content._tag} of ${payload.length} bytes does not fit into a frame of ${maxPayload}`
    })
  })
}

/** @internal */
export const begin: Uint8Array = preamble

/** @internal */
export const keepAlive: Uint8Array = Pcm.concatBytes(message({ _tag: "KeepAlive" }))

/** @internal */
export const end: Uint8Array = Pcm.concatBytes(message({ _tag: "End" }))

/** @internal */
export const failure = (error: SpeechError.SpeechError): Uint8Array =>
  Pcm.concatBytes(message({ _tag: "Failure", error }))

/**
 * Turns events into frames, which belong between {@link begin} and {@link end} or {@link failure}.
 *
 * @internal
 */
export const makeEncoder = (): (events: Iterable<ReplyEvent>) => Uint8Array => {
  let format: Pcm.PcmFormat | undefined

  const audio = (chunk: Pcm.PcmChunk): ReadonlyArray<Uint8Array> => {
    const frames: Array<Uint8Array> = []
    if (format === undefined || !Pcm.isSameFormat(chunk.format, format)) {
      format = chunk.format
      frames.push(...message({ _tag: "Format", sampleRate: format.sampleRate, channels: format.channels }))
    }
    const step = maxAudio - maxAudio % Pcm.frameSize(format)
    for (let from = 0; from < chunk.bytes.length; from += step) {
      frames.push(...frame(audioKind, chunk.bytes.subarray(from, from + step)))
    }
    return frames
  }

  const text = (delta: string): ReadonlyArray<Uint8Array> =>
    Array.from(
      { length: Math.ceil(delta.length / maxAudio) },
      (_, i) => message({ _tag: "TextDelta", text: delta.slice(i * maxAudio, (i + 1) * maxAudio) })
    ).flat()

  const one = (event: ReplyEvent): ReadonlyArray<Uint8Array> => {
    switch (event._tag) {
      case "AudioChunk":
        return audio(event.chunk)
      case "TextDelta":
        return text(event.text)
      default:
        return message(event)
    }
  }

  return (events) => Pcm.concatBytes(Array.from(events, one).flat())
}

// ----------------------------------------------------------------------------------------------------------------
// decoding
// ----------------------------------------------------------------------------------------------------------------

/**
 * What one piece of the bytes held: events, and after them perhaps the end, good (`undefined` on the right) or bad.
 *
 * @internal
 */
export interface Parsed {
  readonly events: ReadonlyArray<ReplyEvent>
  readonly end: Either.Either<void, SpeechError.SpeechError> | undefined
}

const malformed = (description: string) =>
  Either.left(
    new SpeechError.MalformedResponse({ module: "SpeechProxyProtocol", method: "decode", description })
  )

/**
 * Parses frames, cut anywhere. A payload is copied only if a cut split it.
 *
 * @internal
 */
export const makeParser = (): (bytes: Uint8Array) => Parsed => {
  const text = new TextDecoder()
  const header = new Uint8Array(headerLength)
  let headerFilled = 0
  let payload: Uint8Array | undefined // of the frame that a cut split
  let payloadFilled = 0
  let hasBegun = false
  let format: Pcm.PcmFormat | undefined
  let events: Array<ReplyEvent> = []
  let end: Parsed["end"]

  const readMessage = (content: Message): Parsed["end"] => {
    switch (content._tag) {
      case "Format":
        format = Pcm.format(content.sampleRate, content.channels)
        return undefined
      case "KeepAlive":
        return undefined
      case "Failure":
        return Either.left(content.error)
      case "End":
        return Either.void
      case "TextDelta":
        events.push(content)
        return undefined
      default:
        events.push(fromMessage(content))
        return undefined
    }
  }

  const readPayload = (kind: number, bytes: Uint8Array): Parsed["end"] => {
    if (kind === messageKind) {
      const decoded = fromJson(text.decode(bytes))
      return Either.isRight(decoded)
        ? readMessage(decoded.right)
        : malformed(`A message cannot be read: ${text.decode(bytes.subarray(0, 200))}`)
    }
    if (format === undefined) return malformed("Audio came before its format")
    if (bytes.length % Pcm.frameSize(format) !== 0) return malformed("A piece of audio ends inside a sample")
    events.push(SpeechEvent.AudioChunk({ chunk: { format, bytes } }))
    return undefined
  }

  const readPreamble = (): Parsed["end"] => {
    hasBegun = true
    if (preamble.subarray(0, 4).some((byte, i) => byte !== header[i])) {
      return malformed("The answer does not begin like that of a speech proxy")
    }
    return header[4] === preamble[4]
      ? undefined
      : malformed(`The answer speaks version ${header[4]} of the protocol, this program version ${preamble[4]}`)
  }

  const fill = (target: Uint8Array, filled: number, bytes: Uint8Array, from: number): number => {
    const taken = Math.min(target.length - filled, bytes.length - from)
    target.set(bytes.subarray(from, from + taken), filled)
    return taken
  }

  return (bytes) => {
    events = []
    let at = 0
    while (end === undefined && at < bytes.length) {
      if (headerFilled < headerLength) {
        const taken = fill(header, headerFilled, bytes, at)
        headerFilled += taken
        at += taken
        if (headerFilled < headerLength) break
        if (!hasBegun) {
          end = readPreamble()
          headerFilled = 0
          continue
        }
      }
      const [kind = 0] = header
      const length = new DataView(header.buffer).getUint32(1)
      if (kind !== audioKind && kind !== messageKind) {
        end = malformed(`A frame has the unknown kind ${kind}`)
      } else if (length > maxPayload) {
        end = malformed(`A frame claims ${length} bytes`)
      } else if (payload === undefined && bytes.length - at >= length) {
        end = readPayload(kind, bytes.subarray(at, at + length))
        headerFilled = 0
        at += length
      } else {
        payload ??= new Uint8Array(length)
        const taken = fill(payload, payloadFilled, bytes, at)
        payloadFilled += taken
        at += taken
        if (payloadFilled < length) break
        end = readPayload(kind, payload)
        payload = undefined
        payloadFilled = 0
        headerFilled = 0
      }
    }
    return { events, end }
  }
}

const fromMessage = (
  content: Extract<Message, Exclude<SpeechEvent.SpeechEvent, SpeechEvent.AudioChunk>>
): SpeechEvent.SpeechEvent => {
  switch (content._tag) {
    case "SegmentStarted":
      return SpeechEvent.SegmentStarted(content)
    case "WordTimestamp":
      return SpeechEvent.WordTimestamp(content)
    case "PauseStarted":
      return SpeechEvent.PauseStarted(content)
    case "MarkReached":
      return SpeechEvent.MarkReached(content)
    case "SegmentFailed":
      return SpeechEvent.SegmentFailed(content)
    case "Completed":
      return SpeechEvent.Completed(content)
  }
}
