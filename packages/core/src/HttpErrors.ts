/**
 * What an HTTP server says when it does not answer with audio, in a form from which an engine creates its `SpeechError`.
 *
 * Only authors of engines need this module.
 *
 * @since 0.1.0
 */
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"

/**
 * An error body, whatever shape it came in.
 *
 * @since 0.1.0
 * @category models
 */
export interface ErrorBody {
  readonly message: string | undefined
  readonly code: string | undefined
  readonly path: ReadonlyArray<string> | undefined
  readonly requestId: string | undefined
}

const string = (u: unknown): string | undefined => typeof u === "string" && u !== "" ? u : undefined

const get = (u: unknown, key: string): unknown => Predicate.hasProperty(u, key) ? u[key] : undefined

const firstIssue = (json: unknown): unknown => {
  const list = [get(json, "error"), get(json, "errors")].find(Array.isArray)
  return list?.[0]
}

/** What makes text from outside fit for a message: {@link ForeignText.cleaner} builds one. */
type Clean = (text: string) => string

const nonEmpty = (text: string): string | undefined => text === "" ? undefined : text

/**
 * Reads an error body in any of the shapes that speech servers send: `{error}`, `{message}`, `{error, message}`, `{error: [issue]}`,
 * `{error, details: [issue]}`, `{errors: [text]}`, `{error: {message}}`, `{status, error_code, message}`, or plain text. Every text in it goes
 * through `clean`, after it has been decoded.
 *
 * @since 0.1.0
 * @category constructors
 */
export const readErrorBody = (json: unknown, clean: Clean): ErrorBody => {
  const text = (u: unknown) => typeof u === "string" ? nonEmpty(clean(u)) : undefined
  const error = get(json, "error")
  const issue = firstIssue(json)
  const details = get(json, "details")
  const detail: unknown = Array.isArray(details) ? details[0] : undefined
  const path = get(issue ?? detail, "path")
  const main = text(get(json, "message")) ?? text(get(error, "message")) ?? text(get(issue, "message")) ??
    text(issue) ?? text(error) ?? text(json)
  const more = text(get(detail, "message"))
  return {
    message: main === undefined || more === undefined ? main ?? more : clean(`${main}: ${more}`),
    code: text(get(json, "error_code")) ?? text(get(error, "code")) ?? text(get(error, "type")) ??
      text(get(issue, "code")),
    path: Array.isArray(path) ? path.slice(0, 8).map((part) => clean(String(part))) : undefined,
    requestId: text(get(json, "request_id")) ?? text(get(error, "request_id"))
  }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Reads an error body that is JSON, a web page or plain text.
 *
 * @since 0.1.0
 * @category constructors
 */
export const readErrorText = (text: string, clean: Clean): ErrorBody => {
  const json = parseJson(text)
  if (Predicate.isRecord(json)) return readErrorBody(json, clean)
  // The markup of a proxy's error page is of no help.
  return readErrorBody(/^[\s\ufeff]*</.test(text) ? "A web page came instead of the speech API's answer" : text, clean)
}

/**
 * The beginning of a body, as text. It never fails and soon ends, whatever the server does: the status of a response says more than a body
 * that stalls, breaks or does not end. What is left of the response is dropped with its connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const readBody = (
  response: HttpClientResponse.HttpClientResponse,
  { maxBytes = 64 * 1024, timeout = "2 seconds" }: {
    /** @default 65536 */
    readonly maxBytes?: number
    /** @default "2 seconds" */
    readonly timeout?: Duration.DurationInput
  } = {}
): Effect.Effect<string> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let length = 0
    return response.stream.pipe(
      Stream.runForEachWhile((bytes) =>
        Effect.sync(() => {
          text += decoder.decode(bytes.subarray(0, maxBytes - length), { stream: true })
          length += bytes.length
          return length < maxBytes
        })
      ),
      Effect.timeoutOption(timeout),
      Effect.ignore, // what has arrived is enough
      Effect.map(() => text + decoder.decode())
    )
  })

// Both spellings are plain decimal numbers; twelve digits of seconds are more than a lifetime already.
const finite = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,12}(\.\d*)?$/.test(text.trim()) ? Number(text) : undefined

/**
 * How long a server asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3).
 *
 * @since 0.1.0
 * @category constructors
 */
export const readRetryAfter = (
  headers: Readonly<Record<string, string | undefined>>,
  now: number
): Duration.Duration | undefined => {
  const millis = finite(headers["retry-after-ms"])
  if (millis !== undefined) return Duration.millis(millis)
  const value = headers["retry-after"]?.trim() ?? ""
  const seconds = finite(value)
  if (seconds !== undefined) return Duration.seconds(seconds)
  // HTTP dates begin with the name of the day; Date.parse accepts much that is not a date.
  const date = /^[a-z]/i.test(value) ? Date.parse(value) : NaN
  return Number.isNaN(date) ? undefined : Duration.millis(Math.max(0, date - now))
}

/**
 * The message and code of the innermost cause of a failure to send a request: it says what happened ("connect ECONNREFUSED"), while
 * the outer ones only say that a request failed.
 *
 * @since 0.1.0
 * @category accessors
 */
export const innermost = (
  error: unknown
): { readonly message: string | undefined; readonly code: string | undefined } => {
  let current = error
  for (let depth = 0; depth < 10; depth++) {
    const errors = get(current, "errors")
    const inner = Array.isArray(errors) ? errors[0] : get(current, "cause")
    if (inner === undefined || inner === null) break
    current = inner
  }
  const code = string(get(current, "code"))
  return { message: string(get(current, "message")) ?? string(current) ?? code, code }
}

/**
 * A copy of a failure that is safe to keep as the `cause` of a `SpeechError`: name, message, code and stack of it and of what caused it, each
 * through `scrub`. What else hangs on a failure, such as the request with its headers, stays behind.
 *
 * @since 0.1.0
 * @category error handling
 */
export const scrubbedCause = (error: unknown, scrub: (text: string) => string, depth = 5): Error | undefined => {
  if (error === undefined || error === null || depth === 0) return undefined
  const errors = get(error, "errors")
  const cause = scrubbedCause(Array.isArray(errors) ? errors[0] : get(error, "cause"), scrub, depth - 1)
  const message = string(get(error, "message")) ?? string(error) ?? string(get(error, "_tag")) ?? "Unknown failure"
  const copy = new Error(scrub(message), cause === undefined ? {} : { cause })
  copy.name = scrub(string(get(error, "name")) ?? "Error")
  const stack = string(get(error, "stack"))
  if (stack !== undefined) copy.stack = scrub(stack)
  const code = string(get(error, "code"))
  return code === undefined ? copy : Object.assign(copy, { code: scrub(code) })
}
