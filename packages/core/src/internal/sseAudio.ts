import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Predicate from "effect/Predicate"

/**
 * What one piece of an event stream held.
 *
 * @internal
 */
export interface Parsed {
  readonly audio: ReadonlyArray<Uint8Array>
  /** Whether the protocol's end mark, `done: true`, was among it. */
  readonly isDone: boolean
}

/** @internal */
export type Failure =
  | { readonly _tag: "Malformed"; readonly description: string }
  | { readonly _tag: "InBand"; readonly json: unknown }

/** @internal */
export interface Parser {
  readonly push: (bytes: Uint8Array) => Either.Either<Parsed, Failure>
  /** Reads an event that the stream's end left without its blank line. */
  readonly end: () => Either.Either<Parsed, Failure>
}

const malformed = (description: string): Either.Either<never, Failure> =>
  Either.left({ _tag: "Malformed", description })

// A full piece of audio makes a line of 1,400 characters; whoever sends a thousand times that is not the speech API.
const maxLineLength = 1_500_000

/**
 * Parses the vendor's server-sent events: all events of a network chunk at once, since a channel per event would cost
 * more than everything else together.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 * @internal
 */
export const make = (): Parser => {
  const decoder = new TextDecoder()
  let rest = ""
  let data: Array<string> = []
  let audio: Array<Uint8Array> = []
  let isDone = false

  const dispatch = (): Failure | undefined => {
    if (data.length === 0) return undefined
    const text = data.join("\n")
    data = []
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      return { _tag: "Malformed", description: `An event is not JSON: ${text.slice(0, 80)}` }
    }
    if (!Predicate.isRecord(json)) return { _tag: "Malformed", description: `An event is not an object: ${text.slice(0, 80)}` }
    if (json["status"] === "error" || ("error" in json && !("audio" in json))) return { _tag: "InBand", json }
    if (typeof json["audio"] === "string" && json["audio"] !== "") {
      const decoded = Encoding.decodeBase64(json["audio"])
      if (Either.isLeft(decoded)) return { _tag: "Malformed", description: "The audio of an event is not base64" }
      audio.push(decoded.right)
    }
    if (json["done"] === true) isDone = true
    return undefined
  }

  // Only `data` carries anything: the vendor names events but gives them neither ids nor retry times.
  const line = (text: string): Failure | undefined => {
    if (text === "") return dispatch()
    if (text.startsWith("data:")) data.push(text.startsWith("data: ") ? text.slice(6) : text.slice(5))
    return undefined
  }

  const taken = (): Either.Either<Parsed, Failure> => {
    const parsed = { audio, isDone }
    audio = []
    return Either.right(parsed)
  }

  return {
    push: (bytes) => {
      const text = rest + decoder.decode(bytes, { stream: true })
      let start = 0
      while (!isDone) {
        const newline = text.indexOf("\n", start)
        if (newline === -1) break
        const end = text[newline - 1] === "\r" && newline > start ? newline - 1 : newline
        const failure = line(text.slice(start, end))
        if (failure !== undefined) return Either.left(failure)
        start = newline + 1
      }
      rest = text.slice(start)
      return rest.length > maxLineLength ? malformed("The answer is not an event stream") : taken()
    },
    end: () => {
      const failure = line(rest + decoder.decode()) ?? dispatch()
      rest = ""
      return failure === undefined ? taken() : Either.left(failure)
    }
  }
}
