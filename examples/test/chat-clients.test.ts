/**
 * The clients that people hold, as npm has them, against a server that answers what the test says.
 */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import Anthropic from "@anthropic-ai/sdk"
import { SpeechText } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"
import { streamText } from "ai"
import { Deferred, Effect, Exit, Stream } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import OpenAI from "openai"

interface Answer {
  readonly events: ReadonlyArray<readonly [event: string | undefined, data: unknown]>
  /** Whether the answer stops there and the connection stays open. */
  readonly hangs?: boolean
}

/** Answers every request with the same events, and knows when a client leaves. */
const serve = Effect.fnUntraced(function*({ events, hangs = false }: Answer) {
  const left = yield* Deferred.make<void>()
  const server = yield* Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((request, response) => {
        request.resume()
        response.on("close", () => Deferred.unsafeDone(left, Exit.void))
        response.writeHead(200, { "content-type": "text/event-stream" })
        for (const [event, data] of events) {
          response.write(
            `${event === undefined ? "" : `event: ${event}\n`}data: ${
              typeof data === "string" ? data : JSON.stringify(data)
            }\n\n`
          )
        }
        if (!hangs) response.end()
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.async<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, left: Deferred.await(left) }
})

const result = <E extends { readonly message: string }>(text: Stream.Stream<SpeechText.Input, E>) =>
  Effect.suspend(() => {
    let written = ""
    return text.pipe(
      Stream.runForEach((input) =>
        Effect.sync(() => {
          written += SpeechText.isFlush(input) ? "|" : input
        })
      ),
      Effect.match({
        onSuccess: () => [written],
        onFailure: (error) => [written, error.message.replace("the source of the text failed: ", "")]
      })
    )
  })

const clients = (url: string) => {
  const openAi = new OpenAI({ apiKey: "k", baseURL: url, maxRetries: 0 })
  const anthropic = new Anthropic({ apiKey: "k", baseURL: url, maxRetries: 0 })
  const model = createOpenAICompatible({ name: "local", apiKey: "k", baseURL: url })("any")
  return {
    chat: SpeechText.fromAsyncIterable(() =>
      openAi.chat.completions.create({ model: "any", messages: [], stream: true })
    ).pipe(SpeechText.fromOpenAi),
    responses: SpeechText.fromAsyncIterable(() => openAi.responses.create({ model: "any", input: "Hi", stream: true }))
      .pipe(SpeechText.fromOpenAiResponses),
    messages: SpeechText.fromAsyncIterable(() =>
      anthropic.messages.create({ model: "any", max_tokens: 9, messages: [], stream: true })
    ).pipe(SpeechText.fromAnthropic),
    aiSdk: SpeechText.fromAsyncIterable(() =>
      streamText({ model, prompt: "Hi", maxRetries: 0, onError: () => {} }).fullStream
    ).pipe(SpeechText.fromAi)
  }
}

const chunk = (delta: unknown, finish_reason: string | null = null) =>
  [undefined, {
    id: "1",
    object: "chat.completion.chunk",
    created: 1,
    model: "any",
    choices: [{ index: 0, delta, finish_reason }]
  }] as const
const typed = (event: { readonly type: string } & Record<string, unknown>) => [event.type, event] as const
const done = [undefined, "[DONE]"] as const
const filtered = "the answer was cut by the content filter"

const cases: ReadonlyArray<
  readonly [name: string, client: keyof ReturnType<typeof clients>, Answer["events"], ReadonlyArray<string>]
> = [
  [
    "openai, chat - a whole answer",
    "chat",
    [
      chunk({ role: "assistant", content: "" }),
      chunk({ content: "Let me look." }),
      chunk({ tool_calls: [{ index: 0, id: "1", type: "function", function: { name: "f", arguments: "" } }] }),
      chunk({ content: "Here." }),
      chunk({}, "stop"),
      [undefined, { id: "1", choices: [], usage: { total_tokens: 3 } }],
      done
    ],
    ["Let me look.|Here."]
  ],
  [
    "openai, chat - an error in the stream",
    "chat",
    [chunk({ content: "Half an " }), [undefined, { error: { message: "upstream broke", code: 502 } }], done],
    ["Half an ", "upstream broke"]
  ],
  ["openai, chat - the content filter", "chat", [chunk({ content: "Half" }, "content_filter"), done], [
    "Half",
    filtered
  ]],
  [
    "openai, responses - a failure",
    "responses",
    [
      typed({ type: "response.created", response: { status: "in_progress", error: null } }),
      typed({ type: "response.output_text.delta", delta: "Hi." }),
      typed({ type: "response.refusal.delta", delta: "No." }),
      typed({ type: "response.failed", response: { status: "failed", error: { message: "broke" } } })
    ],
    ["Hi.No.", "broke"]
  ],
  [
    "openai, responses - a whole answer",
    "responses",
    [
      typed({ type: "response.output_item.added", item: { type: "function_call" } }),
      typed({ type: "response.output_text.delta", delta: "Hi." }),
      typed({ type: "response.completed", response: { status: "completed", error: null } })
    ],
    ["Hi."]
  ],
  [
    "anthropic - a whole answer",
    "messages",
    [
      typed({ type: "message_start", message: { usage: {} } }),
      typed({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
      typed({ type: "ping" }),
      typed({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hi." } }),
      typed({ type: "content_block_stop", index: 0 }),
      typed({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: {} }),
      typed({ type: "message_stop" })
    ],
    ["Hi."]
  ],
  [
    "anthropic - a refusal",
    "messages",
    [
      typed({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Half" } }),
      typed({ type: "message_delta", delta: { stop_reason: "refusal" }, usage: {} })
    ],
    ["Half", filtered]
  ],
  ["ai - a whole answer", "aiSdk", [chunk({ content: "Hi." }), chunk({}, "stop"), done], ["Hi."]],
  ["ai - the content filter", "aiSdk", [chunk({ content: "Half" }), chunk({}, "content_filter"), done], [
    "Half",
    filtered
  ]]
]

describe("SpeechText - clients of language models", () => {
  it.scopedLive.each(cases)("%s", ([, client, events, expected]) =>
    Effect.gen(function*() {
      const { url } = yield* serve({ events })
      assert.deepStrictEqual(yield* result(clients(url)[client]), expected)
    }))

  it.scopedLive.each<readonly [name: string, "messages" | "aiSdk", Answer["events"], RegExp]>([
    [
      "anthropic - an error in the stream",
      "messages",
      [
        typed({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Half" } }),
        typed({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } })
      ],
      /Overloaded/
    ],
    [
      "ai - an error in the stream",
      "aiSdk",
      [chunk({ content: "Half" }), [undefined, { error: { message: "upstream broke" } }], done],
      /upstream broke/
    ]
  ])("%s", ([, client, events, failure]) =>
    Effect.gen(function*() {
      const { url } = yield* serve({ events })
      const [text, message] = yield* result(clients(url)[client])
      assert.strictEqual(text, "Half")
      assert.match(message ?? "", failure)
    }))

  it.scopedLive.each<readonly [name: string, keyof ReturnType<typeof clients>, Answer["events"]]>([
    ["openai, chat", "chat", [chunk({ content: "Hi." })]],
    ["openai, responses", "responses", [typed({ type: "response.output_text.delta", delta: "Hi." })]],
    ["anthropic", "messages", [
      typed({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hi." } })
    ]]
  ])("%s - who stops listening closes the connection", ([, client, events]) =>
    Effect.gen(function*() {
      const { left, url } = yield* serve({ events, hangs: true })
      assert.deepStrictEqual(yield* result(Stream.take(clients(url)[client], 1)), ["Hi."])
      yield* left
    }))
})
