import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Predicate from "effect/Predicate"
import type { LiveFrame } from "../WavesSocket.js"

/**
 * A message from the server, with the ids that say whose it is.
 *
 * @internal
 */
export interface Addressed {
  /** The server's id, new for each piece that it speaks. */
  readonly requestId: string | undefined
  /** Our id, if the server echoes it. */
  readonly externalRequestId: string | undefined
  readonly content:
    | LiveFrame
    | { readonly _tag: "Error"; readonly json: unknown }
    | { readonly _tag: "Malformed"; readonly description: string }
    | { readonly _tag: "Pong" }
    /** A kind of message that is newer than this client. */
    | { readonly _tag: "Unknown"; readonly kind: string }
}

const text = (u: unknown): string | undefined => typeof u === "string" && u !== "" ? u : undefined

const content = (json: Record<string | symbol, unknown>): Addressed["content"] => {
  const data = Predicate.isRecord(json["data"]) ? json["data"] : {}
  switch (json["status"]) {
    case "chunk": {
      if (typeof data["audio"] !== "string") return { _tag: "Malformed", description: "A chunk has no audio" }
      const decoded = Encoding.decodeBase64(data["audio"])
      return Either.isRight(decoded)
        ? { _tag: "Audio", requestId: text(json["request_id"]), bytes: decoded.right }
        : { _tag: "Malformed", description: "The audio of a chunk is not base64" }
    }
    case "word_timestamp": {
      const { end, start, word } = data
      return typeof word === "string" && typeof start === "number" && typeof end === "number"
        ? { _tag: "Word", requestId: text(json["request_id"]), word, start, end }
        : { _tag: "Malformed", description: "A word timestamp lacks its word or its times" }
    }
    case "complete":
      return { _tag: "Complete", requestId: text(json["request_id"]) }
    case "error":
      return { _tag: "Error", json }
    default:
      return json["type"] === "pong"
        ? { _tag: "Pong" }
        : { _tag: "Unknown", kind: String(json["status"] ?? json["type"]) }
  }
}

/** @internal */
export const read = (message: string): Addressed => {
  let json: unknown
  try {
    json = JSON.parse(message)
  } catch {
    json = undefined
  }
  return Predicate.isRecord(json)
    ? {
      requestId: text(json["request_id"]),
      externalRequestId: text(json["external_request_id"]),
      content: content(json)
    }
    : {
      requestId: undefined,
      externalRequestId: undefined,
      content: { _tag: "Malformed", description: `A message is not a JSON object: ${message}` }
    }
}
