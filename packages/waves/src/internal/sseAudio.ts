import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/**
 * What one piece of an event stream held: audio, and after it perhaps the end, good or bad.
 *
 * @internal
 */
export interface Parsed {
  readonly audio: ReadonlyArray<Uint8Array>
  /** Whether the protocol's end mark, `done: true`, was among it. */
  readonly isDone: boolean
  readonly failure: Failure | undefined
}

/** @internal */
export type Failure =
  | { readonly _tag: "Malformed"; readonly description: string }
  | { readonly _tag: "InBand"; readonly json: unknown }

/** @internal */
export interface Parser {
  readonly push: (bytes: Uint8Array) => Parsed
  /** Reads an event that the stream's end left without its blank line. One that was cut in the middle holds nothing. */
  readonly end: () => Parsed
}

const malformed = (description: string): Failure => ({ _tag: "Malformed", description })

// A full piece of audio makes an event of 1,400 characters; a server that sends a thousand times that is not the speech API.
const maxEventLength = 1_500_000

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
  let dataLength = 0
  let audio: Array<Uint8Array> = []
  let seen: "nothing" | "text" | "events" = "nothing"
  let isDone = false
  let failure: Failure | undefined

  const read = (json: unknown): Failure | undefined => {
    if (!Predicate.isRecord(json)) return malformed("An event is not a JSON object")
    const { audio: encoded, done, error, status } = json
    if (status === "error" || (Predicate.isNotNullable(error) && encoded === undefined)) return { _tag: "InBand", json }
    if (Predicate.isNotNullable(encoded) && encoded !== "") {
      const decoded = Predicate.isString(encoded) ? Either.getRight(Encoding.decodeBase64(encoded)) : Option.none()
      if (Option.isNone(decoded)) return malformed("The audio of an event is not base64")
      if (decoded.value.length > 0) audio.push(decoded.value)
    }
    isDone = done === true
    return undefined
  }

  const dispatch = (): Failure | undefined => {
    if (data.length === 0) return undefined
    const text = data.join("\n")
    data = []
    dataLength = 0
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      return malformed(`An event is not JSON: ${text}`)
    }
    return read(json)
  }

  // Only `data` carries anything: the vendor names events but gives them neither ids nor retry times.
  const line = (text: string): Failure | undefined => {
    if (text === "") return dispatch()
    if (text.startsWith("data:")) {
      data.push(text.startsWith("data: ") ? text.slice(6) : text.slice(5))
      dataLength += text.length
    }
    if (seen !== "events") seen = /^(data|event|id|retry)?:/.test(text) ? "events" : "text"
    return undefined
  }

  const taken = (): Parsed => {
    const parsed = { audio, isDone, failure }
    audio = []
    return parsed
  }

  return {
    push: (bytes) => {
      const text = rest + decoder.decode(bytes, { stream: true })
      let start = 0
      let newline = text.indexOf("\n", rest.length)
      while (newline !== -1 && !isDone && failure === undefined) {
        const end = text[newline - 1] === "\r" ? newline - 1 : newline
        failure = line(text.slice(start, end))
        start = newline + 1
        newline = text.indexOf("\n", start)
      }
      rest = text.slice(start)
      if (rest.length + dataLength > maxEventLength) failure ??= malformed("The answer is not an event stream")
      return taken()
    },
    end: () => {
      const last = line(rest + decoder.decode()) ?? dispatch()
      if (last?._tag === "InBand") failure ??= last
      if (seen === "text") failure ??= malformed("The answer is not an event stream")
      rest = ""
      return taken()
    }
  }
}
