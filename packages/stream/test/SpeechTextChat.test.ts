import { SpeechText } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Stream } from "effect"

type Result = readonly [text: string, failure?: string]

/** The text that came, a bar for each flush, and the message of the failure after it. */
const result = <E extends { readonly message: string }>(
  text: Stream.Stream<SpeechText.Input, E>
): Effect.Effect<Result> =>
  Effect.suspend(() => {
    let written = ""
    return text.pipe(
      Stream.runForEach((input) =>
        Effect.sync(() => {
          written += SpeechText.isFlush(input) ? "|" : input
        })
      ),
      Effect.match({
        onSuccess: (): Result => [written],
        onFailure: (error): Result => [written, error.message.replace("the source of the text failed: ", "")]
      })
    )
  })

/** As the parts come over a network, which types know nothing of; every way to cut them into chunks must give the same. */
const each = (
  // oxlint-disable-next-line typescript/no-explicit-any -- servers are not bound by the types of clients
  adapter: (parts: Stream.Stream<any>) => Stream.Stream<SpeechText.Input, SpeechText.TextSourceFailure>,
  cases: ReadonlyArray<readonly [name: string, parts: ReadonlyArray<unknown>, expected: Result]>
) => {
  it.effect.each(cases)("%s", ([, parts, expected]) =>
    Effect.gen(function*() {
      // oxlint-disable-next-line typescript/no-explicit-any -- servers are not bound by the types of clients
      const stream = Stream.fromIterable(parts as ReadonlyArray<any>)
      assert.deepStrictEqual(yield* result(adapter(stream)), expected)
      assert.deepStrictEqual(yield* result(adapter(Stream.rechunk(stream, 1))), expected)
    }))
}

const content = (text: string, finish_reason?: string) => ({ choices: [{ delta: { content: text }, finish_reason }] })
const limit =
  "the answer was cut at the limit of its length; allow the model more tokens, or accept such answers with the option truncated: \"end\""
const filter = "the answer was cut by the content filter"

describe("SpeechText - fromOpenAi", () => {
  each(SpeechText.fromOpenAi, [
    [
      "an error beside empty content",
      [content("Half an "), {
        error: { message: "upstream broke", code: 502 },
        choices: [{ delta: { content: "" }, finish_reason: "error" }]
      }],
      ["Half an ", "upstream broke"]
    ],
    ["an error without choices", [content("Half an "), { error: { message: "overloaded" } }], [
      "Half an ",
      "overloaded"
    ]],
    ["an error that is a string", [content("Half an "), { error: "overloaded" }], ["Half an ", "overloaded"]],
    ["an error of Groq", [content("Half an "), { choices: [], x_groq: { error: "slow" } }], ["Half an ", "slow"]],
    ["an error of vLLM", [content("Half an "), { object: "error", message: "oom" }], ["Half an ", "oom"]],
    ["an error in a choice", [{ choices: [{ delta: {}, error: { message: "no" } }] }], ["", "no"]],
    ["an error after text in one piece", [{ ...content("Half"), error: { message: "no" } }], ["Half", "no"]],
    ["an error without words", [content("a"), { error: { code: 5 } }], ["a", `{"code":5}`]],
    ["no error", [{ ...content("a"), error: null }], ["a"]],
    [
      "a refusal",
      [{ choices: [{ delta: { refusal: "I can't help " } }] }, { choices: [{ delta: { refusal: "with that." } }] }],
      ["I can't help with that."]
    ],
    ["the content filter", [content("Part one", "content_filter")], ["Part one", filter]],
    ["the content filter of Gemini", [content("Part", "content_filter: PROHIBITED_CONTENT")], ["Part", filter]],
    ["the content filter of Zhipu", [content("Part", "sensitive")], ["Part", filter]],
    ["an error as reason", [content("Part", "error")], ["Part", `the answer ended with "error"`]],
    [
      "no resources",
      [content("Part", "insufficient_system_resource")],
      ["Part", `the answer ended with "insufficient_system_resource"`]
    ],
    ["good reasons", ["stop", "tool_calls", "function_call", "eos", "length"].map((reason) => content("a", reason)), [
      "aaaaa"
    ]],
    [
      "thoughts and figures",
      [
        { choices: [{ delta: { reasoning_content: "hm" } }] },
        { choices: [{ delta: { reasoning: "hm" } }] },
        content("Hi."),
        { usage: { total_tokens: 3 } }
      ],
      ["Hi."]
    ],
    [
      "content filter results first, as Azure sends them",
      [{ choices: [], prompt_filter_results: [] }, content("Hi.")],
      [
        "Hi."
      ]
    ],
    [
      "content in parts, as Mistral sends it",
      [{ choices: [{ delta: { content: [{ type: "thinking", thinking: [] }, { type: "text", text: "Hi." }] } }] }],
      ["Hi."]
    ],
    [
      "other choices, each in its own piece",
      [content("a"), { choices: [{ index: 1, delta: { content: "b" } }] }, {
        choices: [{ index: 0, delta: { content: "c" } }]
      }],
      ["ac"]
    ],
    ["an old call of a function", [content("a"), { choices: [{ delta: { function_call: { name: "f" } } }] }], ["a|"]],
    ["no pieces", [], [""]],
    ["pieces without text", [{ choices: [] }, { choices: [{ delta: {} }] }], [""]],
    ["nonsense among pieces", [null, 5, "x", content("a"), {}], ["a"]],
    [
      "events of the other interface",
      [{ type: "response.created" }, { type: "response.output_text.delta", delta: "Hi." }],
      [
        "",
        "SpeechText.fromOpenAi does not know any of the 2 parts that it got; use SpeechText.fromOpenAiResponses for them"
      ]
    ],
    [
      "strings",
      ["Hi."],
      [
        "",
        "SpeechText.fromOpenAi does not know any of the 1 parts that it got; the first one is Hi.. If they are text already, use no adapter"
      ]
    ]
  ])

  each(SpeechText.fromOpenAiWith({ truncated: "fail", refusal: "fail" }), [
    ["the limit of length fails if it should", [content("Part", "length")], ["Part", limit]],
    ["likewise with other words for it", [content("Part", "max_tokens")], ["Part", limit]],
    ["a refusal fails if it should", [{ choices: [{ delta: { refusal: "No." } }] }], ["", "the model refused: No."]]
  ])
})

describe("SpeechText - fromOpenAiResponses", () => {
  const delta = (text: string) => ({ type: "response.output_text.delta", delta: text })

  each(SpeechText.fromOpenAiResponses, [
    [
      "text, a refusal, a failure",
      [delta("Hi."), { type: "response.refusal.delta", delta: "No." }, {
        type: "response.failed",
        response: { error: { message: "broke" } }
      }],
      ["Hi.No.", "broke"]
    ],
    ["a failure without a reason", [delta("Hi."), { type: "response.failed" }], ["Hi.", "the response was failed"]],
    [
      "the limit of length",
      [delta("Hi."), {
        type: "response.incomplete",
        response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }
      }],
      ["Hi.", limit]
    ],
    [
      "the content filter",
      [delta("Hi."), { type: "response.incomplete", response: { incomplete_details: { reason: "content_filter" } } }],
      ["Hi.", filter]
    ],
    [
      "another reason",
      [{ type: "response.incomplete", response: { incomplete_details: { reason: "moon" } } }],
      ["", "the response is incomplete: moon"]
    ],
    ["an answer that is incomplete", [delta("Hi."), { type: "response.incomplete", response: {} }], ["Hi.", limit]],
    ["an error", [delta("Hi."), { type: "error", code: "x", message: "slow down" }], ["Hi.", "slow down"]],
    [
      "thoughts, calls and figures",
      [
        { type: "response.created", response: { status: "in_progress", error: null } },
        { type: "response.output_item.added", item: { type: "reasoning" } },
        { type: "response.reasoning_summary_text.delta", delta: "hm" },
        { type: "response.output_item.added", item: { type: "message" } },
        delta("Let me look."),
        { type: "response.output_item.added", item: { type: "web_search_call" } },
        { type: "response.function_call_arguments.delta", delta: "{}" },
        { type: "response.output_item.added", item: { type: "function_call" } },
        delta("Here."),
        { type: "response.output_text.done", text: "Here." },
        { type: "response.completed", response: { status: "completed", error: null } }
      ],
      ["Let me look.|Here."]
    ],
    ["chunks of the other interface", [content("Hi.")], [
      "",
      "SpeechText.fromOpenAiResponses does not know any of the 1 parts that it got; use SpeechText.fromOpenAi for them"
    ]]
  ])

  each(SpeechText.fromOpenAiResponsesWith({ truncated: "end", refusal: "fail" }), [
    [
      "the limit of length may be an end",
      [delta("Hi."), {
        type: "response.incomplete",
        response: { incomplete_details: { reason: "max_output_tokens" } }
      }],
      ["Hi."]
    ],
    ["a refusal fails if it should", [{ type: "response.refusal.delta", delta: "No." }], ["", "the model refused: No."]]
  ])
})

describe("SpeechText - fromAnthropic", () => {
  const delta = (text: string) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })
  const stop = (stop_reason: string | null) => ({ type: "message_delta", delta: { stop_reason } })

  each(SpeechText.fromAnthropic, [
    [
      "text, thoughts, tools",
      [
        { type: "message_start", message: {} },
        { type: "content_block_start", content_block: { type: "thinking", thinking: "" } },
        { type: "content_block_delta", delta: { type: "thinking_delta", thinking: "hm" } },
        { type: "content_block_delta", delta: { type: "signature_delta", signature: "x" } },
        { type: "content_block_start", content_block: { type: "text", text: "Let " } },
        { type: "ping" },
        delta("me look."),
        { type: "content_block_stop" },
        { type: "content_block_start", content_block: { type: "server_tool_use" } },
        { type: "content_block_delta", delta: { type: "input_json_delta", partial_json: "{}" } },
        { type: "content_block_start", content_block: { type: "tool_use" } },
        delta("Here."),
        stop("tool_use"),
        { type: "message_stop" }
      ],
      ["Let me look.|Here."]
    ],
    ["an error", [delta("Half"), { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }], [
      "Half",
      "Overloaded"
    ]],
    ["a refusal", [delta("Half"), stop("refusal")], ["Half", filter]],
    ["good reasons", ["end_turn", "stop_sequence", "pause_turn", "max_tokens", null].map(stop), [""]],
    ["chunks of another interface", [content("Hi.")], [
      "",
      "SpeechText.fromAnthropic does not know any of the 1 parts that it got; use SpeechText.fromOpenAi for them"
    ]]
  ])

  each(SpeechText.fromAnthropicWith({ truncated: "fail" }), [
    ["the limit of length fails if it should", [delta("Half"), stop("max_tokens")], ["Half", limit]],
    ["so does a full window", [delta("Half"), stop("model_context_window_exceeded")], ["Half", limit]]
  ])
})

describe("SpeechText - fromAi", () => {
  each(SpeechText.fromAi, [
    [
      "an error that is an object",
      [{ type: "text-delta", text: "Half" }, { type: "error", error: { message: "no" } }],
      [
        "Half",
        "no"
      ]
    ],
    ["an error of a page's stream", [{ type: "error", errorText: "no" }], ["", "no"]],
    ["an answer that was stopped", [{ type: "text-delta", text: "Half" }, { type: "abort" }], [
      "Half",
      "the answer was aborted"
    ]],
    ["the content filter of the AI SDK", [{ type: "text-delta", text: "Half" }, {
      type: "finish",
      finishReason: "content-filter"
    }], ["Half", filter]],
    ["the content filter of @effect/ai", [{ type: "finish", reason: "content-filter" }], ["", filter]],
    ["an error as reason", [{ type: "finish", finishReason: { unified: "error", raw: "x" } }], [
      "",
      `the answer ended with "error"`
    ]],
    ["the limit of length is an end", [{ type: "finish-step", finishReason: "length" }], [""]],
    ["text of an older AI SDK", [{ type: "text-delta", textDelta: "Hi." }], ["Hi."]],
    ["a delta without text", [{ type: "text-delta", value: "Hi." }], [
      "",
      `SpeechText.fromAi finds no text in a "text-delta": {"type":"text-delta","value":"Hi."}`
    ]],
    ["events of another interface", [{ type: "response.output_text.delta", delta: "Hi." }], [
      "",
      "SpeechText.fromAi does not know any of the 1 parts that it got; use SpeechText.fromOpenAiResponses for them"
    ]]
  ])

  each(SpeechText.fromAiWith({ truncated: "fail" }), [
    ["the limit of length fails if it should", [{ type: "finish", finishReason: "length" }], ["", limit]]
  ])
})

describe("SpeechText - fromAsyncIterable", () => {
  const tokens = async function*() {
    yield "Hello "
    yield "there."
  }
  const readable = (pieces: ReadonlyArray<string>) =>
    new ReadableStream<string>({
      start: (controller) => {
        for (const piece of pieces) controller.enqueue(piece)
        controller.close()
      }
    })
  const spent: Result = [
    "",
    "the async iterable has been read before and has nothing left; give fromAsyncIterable a function that creates a new one for each run"
  ]

  it.effect("a function - makes an iterable for each run", () =>
    Effect.gen(function*() {
      const text = SpeechText.fromAsyncIterable(tokens)
      assert.deepStrictEqual(yield* result(text), ["Hello there."])
      assert.deepStrictEqual(yield* result(text), ["Hello there."])
    }))

  it.effect("a function - may promise one, and may fail", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* result(SpeechText.fromAsyncIterable(() => Promise.resolve(tokens()))), [
        "Hello there."
      ])
      const broken = SpeechText.fromAsyncIterable(() => Promise.reject<AsyncIterable<string>>(new Error("401")))
      assert.deepStrictEqual(yield* result(broken), ["", "401"])
      const throwing = SpeechText.fromAsyncIterable((): AsyncIterable<string> => {
        throw new Error("no key")
      })
      assert.deepStrictEqual(yield* result(throwing), ["", "no key"])
    }))

  it.effect("a spent generator - fails", () =>
    Effect.gen(function*() {
      const text = SpeechText.fromAsyncIterable(tokens())
      assert.deepStrictEqual(yield* result(text), ["Hello there."])
      assert.deepStrictEqual(yield* result(text), spent)
    }))

  it.effect("a generator that another stream has begun - fails", () =>
    Effect.gen(function*() {
      const source = tokens()
      yield* result(Stream.take(SpeechText.fromAsyncIterable(source), 1))
      assert.deepStrictEqual(yield* result(SpeechText.fromAsyncIterable(source)), spent)
      assert.deepStrictEqual(yield* result(SpeechText.fromAsyncIterable(() => source)), spent)
    }))

  it.effect("a spent ReadableStream - fails", () =>
    Effect.gen(function*() {
      const text = SpeechText.fromAsyncIterable(readable(["Hello ", "there."]))
      assert.deepStrictEqual(yield* result(text), ["Hello there."])
      assert.deepStrictEqual(yield* result(text), spent)
    }))

  it.effect("a locked ReadableStream - fails", () =>
    Effect.gen(function*() {
      const stream = readable(["Hello"])
      stream.getReader()
      const [, failure] = yield* result(SpeechText.fromAsyncIterable(stream))
      assert.match(failure ?? "", /locked/)
    }))

  it.effect("the caller's error - is for spent sources too", () =>
    Effect.gen(function*() {
      const text = SpeechText.fromAsyncIterable(tokens(), () => "mine")
      yield* Stream.runDrain(text)
      assert.deepStrictEqual(yield* Effect.exit(Stream.runDrain(text)), Exit.fail("mine"))
    }))

  it.effect("an iterable that begins anew - may be read again, empty or not", () =>
    Effect.gen(function*() {
      for (const pieces of [["a", "b"], []]) {
        const text = SpeechText.fromAsyncIterable<string>({
          [Symbol.asyncIterator]: async function*() {
            yield* pieces
          }
        })
        assert.deepStrictEqual(yield* result(text), [pieces.join("")])
        assert.deepStrictEqual(yield* result(text), [pieces.join("")])
      }
    }))

  it.live("interruption - closes an iterable that is still to come", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      let give = (_: AsyncIterable<string>) => {}
      const source = async function*() {
        try {
          for (;;) yield "more "
        } finally {
          Deferred.unsafeDone(closed, Exit.void)
        }
      }
      const fiber = yield* Effect.fork(Stream.runDrain(SpeechText.fromAsyncIterable(() => {
        Deferred.unsafeDone(asked, Exit.void)
        return new Promise<AsyncIterable<string>>((resolve) => {
          give = resolve
        })
      })))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      give(source())
      yield* Deferred.await(closed)
    }))
})
