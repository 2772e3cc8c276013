/**
 * What a client says on the WebSocket, and what it means.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import type { Assumptions } from "../Assumptions.js"
import type { SharedFields } from "./speechRequest.js"
import { maxTextLength, sharedFields } from "./speechRequest.js"
import * as V from "./validation.js"

/** @internal */
export interface Spoken extends SharedFields {
  readonly text: string
  readonly voice_id: string
  /** Quiet time before `complete`, in milliseconds; 4000 if no message says. */
  readonly complete_backoff_ms: number | undefined
}

/**
 * - `Ping`: wants a pong
 * - `Nothing`: keeps the connection awake, no more
 * - `Text`: text of the socket's one buffer; `release` says that all of it is to be spoken now
 * - `Flush`: what is buffered is to be spoken now
 * - `Fragment`: text of a context; `final` ends the context
 * - `CloseContext`, `Cancel`: end a context, or drop what is buffered
 * - `Invalid`: what the client is answered
 *
 * @internal
 */
export type LiveMessage = Data.TaggedEnum<{
  Ping: {}
  Nothing: {}
  Text: {
    readonly spoken: Spoken
    readonly release: boolean
    readonly flush: boolean
    readonly flushAfter: number
  }
  Flush: {}
  Fragment: {
    readonly context: string
    readonly spoken: Spoken
    readonly final: boolean
    readonly delay: number
  }
  CloseContext: { readonly context: string }
  Cancel: { readonly context: string | undefined }
  Invalid: { readonly message: string }
}>

/** @internal */
export const LiveMessage = Data.taggedEnum<LiveMessage>()

const pings: ReadonlyArray<unknown> = ["ping", "keepalive", "keep_alive", "keep-alive"]

const liveFields = {
  text: V.nullish(V.string({ max: maxTextLength })),
  voice_id: V.optional(V.string({ min: 1 })),
  internal_voice_id: V.optional(V.string()),
  continue: V.optional(V.boolean),
  flush: V.optional(V.boolean),
  max_buffer_flush_ms: V.optional(V.number({ min: 0, max: 1000 })),
  complete_backoff_ms: V.optional(V.number({ min: 0, max: 10_000 })),
  context_id: V.optional(V.string({ min: 1, max: 128, pattern: /^[a-zA-Z0-9_\-.]+$/ })),
  max_buffer_delay_ms: V.withDefault(V.number({ min: 0, max: 5000 }), 3000),
  context_close: V.withDefault(V.boolean, false),
  cancel_request: V.withDefault(V.boolean, false)
}

const required = (name: string) =>
  LiveMessage.Invalid({ message: V.describe([{ code: "invalid_type", path: [name], message: "Required" }]) })

/** The fields of a generation's speech requests. */
type SpeechFields = { readonly [K in keyof SharedFields]: V.Check<SharedFields[K]> }

/**
 * A reader of messages that were JSON.
 *
 * @internal
 */
export const reader = (
  fields: SpeechFields,
  { bareFlush, unknownKeys }: Assumptions
): (value: unknown) => LiveMessage => {
  const shape = V.object({ ...fields, ...liveFields }, { refuseUnknown: unknownKeys === "refuse" })
  return (value) => toMessage(value, shape(value, []), bareFlush)
}

/**
 * The reader of today's messages.
 *
 * @internal
 */
export const readerOfToday = (assumptions: Assumptions): (value: unknown) => LiveMessage =>
  reader(sharedFields, assumptions)

const toMessage = (
  value: unknown,
  checked: Either.Either<SharedFields & V.Fields<typeof liveFields>, ReadonlyArray<V.Issue>>,
  bareFlush: Assumptions["bareFlush"]
): LiveMessage => {
  const given = typeof value === "object" && value !== null ? value : {}
  if ("type" in given && pings.includes(given.type)) return LiveMessage.Ping()
  if (Either.isLeft(checked)) return LiveMessage.Invalid({ message: V.describe(checked.left) })
  const { cancel_request, context_close, context_id, flush, max_buffer_flush_ms, text, voice_id, ...rest } =
    checked.right
  const more = rest.continue
  if (context_id !== undefined) {
    if (flush !== undefined || max_buffer_flush_ms !== undefined) {
      return LiveMessage.Invalid({ message: "context_id cannot be combined with flush or max_buffer_flush_ms" })
    }
    if (cancel_request) return LiveMessage.Cancel({ context: context_id })
    if (context_close) return LiveMessage.CloseContext({ context: context_id })
    return voice_id === undefined ? required("voice_id") : LiveMessage.Fragment({
      context: context_id,
      spoken: { ...rest, text: text ?? "", voice_id },
      final: more !== true,
      delay: rest.max_buffer_delay_ms
    })
  }
  if (cancel_request) return LiveMessage.Cancel({ context: undefined })
  if (context_close) return required("context_id")
  const isBareFlush = flush === true && voice_id === undefined && (text ?? "") === ""
  if (isBareFlush && bareFlush !== "refuse") return bareFlush === "flush" ? LiveMessage.Flush() : LiveMessage.Nothing()
  if (voice_id === undefined) return required("voice_id")
  if (!("text" in given)) return required("text")
  // Some clients send a blank every half minute to keep the connection, with no flag that would make it an end.
  if ((text ?? "").trim() === "" && more === undefined && flush !== true) return LiveMessage.Nothing()
  return LiveMessage.Text({
    spoken: { ...rest, text: text ?? "", voice_id },
    release: flush === true || more !== true,
    flush: flush === true,
    flushAfter: max_buffer_flush_ms ?? 0
  })
}
