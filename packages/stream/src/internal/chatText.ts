import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import type { AnswerOptions, OpenAiOptions } from "../SpeechText.js"

/** A pause in the answer: the model calls a tool. @internal */
export const pause: unique symbol = Symbol.for("~@effect-smallest/stream/chatText/pause")

/** Why an answer is not whole. @internal */
export interface Problem {
  readonly message: string
  readonly cause: unknown
}

/**
 * What one part of a streamed answer holds, in its order; `undefined` if the part is of a kind that the reader does not know.
 *
 * @internal
 */
export type Reading = ReadonlyArray<string | typeof pause | Problem> | undefined

/** Reads the parts of one kind of stream. @internal */
export interface Reader {
  /** The name of its adapter. */
  readonly name: string
  readonly read: (part: unknown) => Reading
}

/** What a value that came over a network says, whatever it is. */
const describe = (cause: unknown): string => {
  if (typeof cause === "string" && cause !== "") {
    return cause
  }
  for (const name of ["message", "errorText", "error", "detail"]) {
    const value = read(cause, name)
    if (value !== undefined && value !== null && value !== "") {
      return describe(value)
    }
  }
  return cause === undefined || cause === null || cause === ""
    ? "it gave no reason"
    : Inspectable.toStringUnknown(cause, 0)
}

const problem = (description: string, cause: unknown): Problem => ({
  message: `the source of the text failed: ${description}`,
  cause
})

/** @internal */
export const sourceFailure = (cause: unknown): Problem => problem(describe(cause), cause)

/** A property of a value that may be anything. */
const read = (value: unknown, name: string): unknown =>
  Predicate.isObject(value) && Predicate.hasProperty(value, name) ? value[name] : undefined

const readString = (value: unknown, name: string): string => {
  const found = read(value, name)
  return typeof found === "string" ? found : ""
}

const isPresent = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== "" && value !== false &&
  !(Array.isArray(value) && value.length === 0)

const shapes: ReadonlyArray<readonly [name: string, recognizes: (part: unknown) => boolean]> = [
  ["fromOpenAi", (part) => Array.isArray(read(part, "choices"))],
  ["fromOpenAiResponses", (part) => readString(part, "type").startsWith("response.")],
  ["fromAnthropic", (part) => /^(?:message_(?:start|delta|stop)|content_block_)/.test(readString(part, "type"))],
  ["fromAi", (part) => aiTypes.has(readString(part, "type"))]
]

/** None of `count` parts was known, and `first` was the first of them. @internal */
export const notUnderstood = (adapter: string, count: number, first: unknown): Problem => {
  const other = shapes.find(([name, recognizes]) => name !== adapter && recognizes(first))?.[0]
  const shown = Inspectable.toStringUnknown(first, 0).slice(0, 200)
  return problem(
    `SpeechText.${adapter} does not know any of the ${count} parts that it got; ` +
      (other === undefined
        ? `the first one is ${shown}. If they are text already, use no adapter`
        : `use SpeechText.${other} for them`),
    first
  )
}

// =====================================================================================================================
// how an answer ended
// =====================================================================================================================

const cutByFilter = (cause: unknown): Problem => problem("the answer was cut by the content filter", cause)

const cutByLength = (cause: unknown): Problem =>
  problem(
    "the answer was cut at the limit of its length; allow the model more tokens, or accept such answers with the option truncated: \"end\"",
    cause
  )

// The words of OpenAI, and of servers with its interface: Azure, Gemini, Groq, Mistral, DeepSeek, Zhipu, vLLM.
const filtered = /^(?:content[-_ ]?filter|sensitive|safety|recitation|blocklist|prohibited|refusal|guardrail)/i
const limited = /^(?:length|max[-_ ]?(?:output[-_ ]?)?tokens|model_length|model_context_window_exceeded)$/i
const failed = /^(?:error|network_error|insufficient_system_resource|abort|aborted|cancel|cancelled|failed)$/i

const readEnd = (
  reason: string,
  cause: unknown,
  truncated: "end" | "fail"
): ReadonlyArray<Problem> => {
  if (filtered.test(reason)) {
    return [cutByFilter(cause)]
  }
  if (limited.test(reason)) {
    return truncated === "fail" ? [cutByLength(cause)] : []
  }
  return failed.test(reason)
    ? [sourceFailure(isPresent(read(cause, "error")) ? cause : `the answer ended with "${reason}"`)]
    : []
}

const readRefusal = (text: string, options: OpenAiOptions): ReadonlyArray<string | typeof pause | Problem> =>
  text === "" ? [] : [options.refusal === "fail" ? problem(`the model refused: ${text}`, text) : text]

// =====================================================================================================================
// chat completions
// =====================================================================================================================

/** The text of a delta: a string, or with some servers a list of parts of which some are thoughts. */
const contentOf = (content: unknown): string =>
  Array.isArray(content)
    ? content.map((part) =>
      typeof part === "string" ? part : readString(part, "type") === "text" ? readString(part, "text") : ""
    ).join("")
    : typeof content === "string"
    ? content
    : ""

/** @internal */
export const openAi = (options: OpenAiOptions): Reader => ({
  name: "fromOpenAi",
  read: (chunk) => {
    const choices = read(chunk, "choices")
    const choice = Array.isArray(choices)
      ? choices.find((choice) => (read(choice, "index") ?? 0) === 0)
      : undefined
    const delta = read(choice, "delta")
    const content = contentOf(read(delta, "content"))
    const out: Array<string | typeof pause | Problem> = content === "" ? [] : [content]
    out.push(...readRefusal(readString(delta, "refusal"), options))
    if (isPresent(read(delta, "tool_calls")) || isPresent(read(delta, "function_call"))) {
      out.push(pause)
    }
    const error = [chunk, read(chunk, "x_groq"), choice].map((value) => read(value, "error")).find(isPresent)
    if (error !== undefined) {
      out.push(sourceFailure(error))
    } else if (readString(chunk, "object") === "error" || readString(chunk, "type") === "error") {
      out.push(sourceFailure(chunk))
    } else {
      out.push(...readEnd(readString(choice, "finish_reason"), chunk, options.truncated ?? "end"))
    }
    return out.length === 0 && !Array.isArray(choices) ? undefined : out
  }
})

// =====================================================================================================================
// OpenAI's responses
// =====================================================================================================================

/** @internal */
export const openAiResponses = (options: OpenAiOptions): Reader => {
  const truncated = options.truncated ?? "fail"
  const ofResponse = (response: unknown, type: string): ReadonlyArray<Problem> => {
    const status = readString(response, "status") || type.slice("response.".length)
    const error = read(response, "error")
    if (isPresent(error) || status === "failed" || status === "cancelled") {
      return [sourceFailure(isPresent(error) ? error : `the response was ${status}`)]
    }
    if (status !== "incomplete") {
      return []
    }
    const reason = readString(read(response, "incomplete_details"), "reason")
    if (filtered.test(reason)) {
      return [cutByFilter(response)]
    }
    if (limited.test(reason) || reason === "") {
      return truncated === "fail" ? [cutByLength(response)] : []
    }
    return [sourceFailure(`the response is incomplete: ${reason}`)]
  }
  return {
    name: "fromOpenAiResponses",
    read: (event) => {
      const type = readString(event, "type")
      switch (type) {
        case "response.output_text.delta": {
          const text = readString(event, "delta")
          return text === "" ? [] : [text]
        }
        case "response.refusal.delta":
          return readRefusal(readString(event, "delta"), options)
        case "response.output_item.added": {
          const item = readString(read(event, "item"), "type")
          return item.endsWith("_call") || item.endsWith("_approval_request") ? [pause] : []
        }
        case "response.completed":
        case "response.failed":
        case "response.incomplete":
        case "response.cancelled":
          return ofResponse(read(event, "response"), type)
        case "error":
        case "response.error":
          return [sourceFailure(event)]
        default:
          return isPresent(read(event, "error")) && type === ""
            ? [sourceFailure(read(event, "error"))]
            : type.startsWith("response.")
            ? []
            : undefined
      }
    }
  }
}

// =====================================================================================================================
// Anthropic's messages
// =====================================================================================================================

const anthropicSilent = new Set(["message_start", "content_block_stop", "message_stop"])

/** @internal */
export const anthropic = (options: AnswerOptions): Reader => ({
  name: "fromAnthropic",
  read: (event) => {
    const type = readString(event, "type")
    switch (type) {
      case "content_block_start": {
        const block = read(event, "content_block")
        const kind = readString(block, "type")
        const text = kind === "text" ? readString(block, "text") : ""
        return kind.endsWith("tool_use") ? [pause] : text === "" ? [] : [text]
      }
      case "content_block_delta": {
        const delta = read(event, "delta")
        const text = readString(delta, "type") === "text_delta" ? readString(delta, "text") : ""
        return text === "" ? [] : [text]
      }
      case "message_delta":
        return readEnd(readString(read(event, "delta"), "stop_reason"), event, options.truncated ?? "end")
      case "error":
        return [sourceFailure(event)]
      default:
        return anthropicSilent.has(type)
          ? []
          : type === "" && isPresent(read(event, "error"))
          ? [sourceFailure(event)]
          : undefined
    }
  }
})

// =====================================================================================================================
// parts of @effect/ai and the AI SDK
// =====================================================================================================================

const aiTypes = new Set([
  "abort",
  "error",
  "file",
  "finish",
  "finish-step",
  "message-metadata",
  "raw",
  "reasoning",
  "reasoning-delta",
  "reasoning-end",
  "reasoning-file",
  "reasoning-start",
  "response-metadata",
  "source",
  "source-document",
  "source-url",
  "start",
  "start-step",
  "step-finish",
  "step-start",
  "stream-start",
  "text-delta",
  "text-end",
  "text-start",
  "tool-approval-request",
  "tool-approval-response",
  "tool-call",
  "tool-error",
  "tool-input-available",
  "tool-input-delta",
  "tool-input-end",
  "tool-input-error",
  "tool-input-start",
  "tool-output-available",
  "tool-output-denied",
  "tool-output-error",
  "tool-params-delta",
  "tool-params-end",
  "tool-params-start",
  "tool-result"
])

const aiToolStarts = new Set(["tool-params-start", "tool-input-start", "tool-input-available", "tool-call"])

const strangeDelta = (part: unknown): Problem =>
  problem(
    `SpeechText.fromAi finds no text in a "text-delta": ${Inspectable.toStringUnknown(part, 0).slice(0, 200)}`,
    part
  )

/** @internal */
export const ai = (options: AnswerOptions): Reader => ({
  name: "fromAi",
  read: (part) => {
    const type = readString(part, "type")
    switch (type) {
      case "text-delta": {
        const text = [read(part, "delta"), read(part, "text"), read(part, "textDelta")].find(Predicate.isString)
        return text === undefined ? [strangeDelta(part)] : text === "" ? [] : [text]
      }
      case "error": {
        const error = read(part, "error") ?? read(part, "errorText")
        return [sourceFailure(isPresent(error) ? error : part)]
      }
      case "abort":
        return [
          sourceFailure(
            `the answer was aborted${isPresent(read(part, "reason")) ? `: ${describe(read(part, "reason"))}` : ""}`
          )
        ]
      case "finish":
      case "finish-step":
      case "step-finish": {
        const reason = read(part, "finishReason") ?? read(part, "reason")
        // A specification of providers has `{ unified, raw }` there.
        const unified = Predicate.isString(reason) ? reason : readString(reason, "unified")
        return readEnd(unified, part, options.truncated ?? "end")
      }
      default:
        return aiToolStarts.has(type) ? [pause] : aiTypes.has(type) || type.startsWith("data-") ? [] : undefined
    }
  }
})
