/**
 * `POST /waves/v1/chat/completions`, so that an example from question to speech runs without a network. No language model
 * runs here: the answer is always the same, and says so.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Account from "./account.js"
import * as Exchange from "./exchange.js"
import { hex } from "./ids.js"
import { json, Refusal } from "./refusal.js"
import * as V from "./validation.js"

const part = V.object({ type: V.string(), text: V.optional(V.string()) })

// A message is a text or, as newer clients send it, a list of parts.
const content: V.Check<string> = (value, path) =>
  Array.isArray(value)
    ? Either.map(V.array(part)(value, path), (parts) => parts.map(({ text }) => text ?? "").join(""))
    : value === null || value === undefined
    ? Either.right("")
    : V.string()(value, path)

const shape = V.object({
  model: V.oneOf(["electron"]),
  messages: V.array(V.object({ role: V.oneOf(["system", "developer", "user", "assistant", "tool"]), content }), {
    min: 1,
    max: 200
  }),
  tools: V.nullish(V.array(V.anything, { max: 64 })),
  stop: V.nullish((value: unknown, path) =>
    typeof value === "string" ? Either.right([value]) : V.array(V.string(), { max: 4 })(value, path)
  ),
  temperature: V.nullish(V.number({ min: 0, max: 2 })),
  top_p: V.nullish(V.number({ min: 0, max: 1 })),
  max_tokens: V.nullish(V.number({ min: 1, integer: true })),
  n: V.nullish(V.number({ min: 1, max: 1, integer: true })),
  response_format: V.nullish(V.object({ type: V.oneOf(["text", "json_object"]) })),
  stream: V.nullish(V.boolean),
  stream_options: V.nullish(V.object({ include_usage: V.nullish(V.boolean) }))
})

type Body = V.Checked<typeof shape>

const limit = 32_768

/** The usual rule of thumb. */
const tokensIn = (text: string): number => Math.ceil(text.length / 4)

const answerTo = (body: Body): string => {
  const question = body.messages.findLast(({ role }) => role === "user")?.content.trim() ?? ""
  const quoted = question.length > 200 ? `${question.slice(0, 200)}…` : question
  const text = [
    "This is the emulator of the Smallest AI speech API, and no language model runs here.",
    ...(quoted === "" ? [] : [`You said: ${/[.!?…]$/.test(quoted) ? quoted : `${quoted}.`}`]),
    "My answer is always the same, so that you can try how speech sounds while text is still coming.",
    "Set another base URL and a real key, and a model will answer instead."
  ].join(" ")
  return body.response_format?.type === "json_object" ? JSON.stringify({ answer: text }) : text
}

/** Pieces as a model would send them: words with the blanks before them. */
const toTokens = (text: string): ReadonlyArray<string> => text.match(/\s*\S+/g) ?? []

const shorten = (body: Body, text: string) => {
  const stops = (body.stop ?? []).map((stop) => text.indexOf(stop)).filter((index) => index >= 0)
  const stopped = text.slice(0, Math.min(text.length, ...stops))
  const tokens = toTokens(stopped)
  const most = body.max_tokens ?? Infinity
  return { tokens: tokens.slice(0, most), finishReason: tokens.length > most ? "length" : "stop" }
}

/** @internal */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const account = yield* Account.Account
    const { route } = yield* Exchange.Exchanges
    const encoder = new TextEncoder()

    const refuse = (exchange: Exchange.Exchange, status: number, type: string, message: string, details?: unknown) =>
      new Refusal({
        status,
        body: { error: { message, type, ...(details ? { details } : {}), request_id: exchange.id } }
      })

    const complete: Exchange.Handler = Effect.fnUntraced(function*(exchange) {
      yield* Effect.mapError(account.authenticate(exchange), ({ status }) =>
        refuse(exchange, status, "authentication_error", "The API key is missing or not valid."))
      const given = yield* exchange.readJson
      if (typeof given === "object" && given !== null && "prompt_logprobs" in given && given.prompt_logprobs !== null) {
        return yield* refuse(exchange, 400, "invalid_request_error", "prompt_logprobs is not supported")
      }
      const checked = shape(given, [])
      if (Either.isLeft(checked)) {
        const several = checked.left.some(({ code, path }) =>
          code === "too_big" && path[0] === "n"
        )
        const message = several ? "n > 1 is not supported" : V.describe(checked.left)
        return yield* refuse(exchange, 400, "invalid_request_error", message, checked.left)
      }
      const body = checked.right
      const promptTokens = tokensIn(body.messages.map(({ content }) => content).join(" "))
      if (promptTokens > limit) {
        return yield* refuse(exchange, 400, "invalid_request_error", `The messages are longer than ${limit} tokens`)
      }
      yield* Effect.mapError(account.permit, ({ status }) =>
        refuse(exchange, status, "rate_limit_error", "Rate limit exceeded. Please retry after a short backoff."))
      const { finishReason, tokens } = shorten(body, answerTo(body))
      const id = `chatcmpl-${yield* hex(24)}`
      const created = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const usage = {
        prompt_tokens: promptTokens,
        completion_tokens: tokens.length,
        total_tokens: promptTokens + tokens.length
      }
      if (body.stream !== true) {
        const message = { role: "assistant", content: tokens.join("") }
        const choices = [{ index: 0, message, finish_reason: finishReason }]
        return json({ id, object: "chat.completion", created, model: body.model, choices, usage })
      }
      const chunk = (fields: Readonly<Record<string, unknown>>) =>
        `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created, model: body.model, ...fields })}\n\n`
      const choice = (delta: unknown, finish_reason: string | null) =>
        chunk({ choices: [{ index: 0, delta, finish_reason }] })
      const frames = Stream.make(choice({ role: "assistant", content: "" }, null)).pipe(
        Stream.concat(Stream.map(Stream.fromIterable(tokens), (content) =>
          choice({ content }, null))),
        // As fast as a quick model writes.
        Stream.schedule(Schedule.spaced("20 millis")),
        Stream.concat(Stream.make(choice({}, finishReason))),
        Stream.concat(
          body.stream_options?.include_usage === true ? Stream.make(chunk({ choices: [], usage })) : Stream.empty
        ),
        Stream.concat(Stream.make("data: [DONE]\n\n"))
      )
      return HttpServerResponse.stream(
        Stream.map(frames, (frame) =>
          encoder.encode(frame)),
        {
          contentType: "text/event-stream",
          headers: { "cache-control": "no-cache" }
        }
      )
    })

    yield* router.add("POST", "/waves/v1/chat/completions", route(complete))
  })
)
