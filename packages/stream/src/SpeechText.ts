/**
 * Text on its way to speech: what callers put into a text stream, and adapters for the sources that they have.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as chat from "./internal/chatText.js"
import * as markdown from "./internal/stripMarkdown.js"

/**
 * The type id of {@link Flush}.
 *
 * @since 0.1.0
 * @category type ids
 */
export const FlushTypeId: FlushTypeId = "~@effect-smallest/stream/SpeechText/Flush"

/**
 * The type of the type id of {@link Flush}.
 *
 * @since 0.1.0
 * @category type ids
 */
export type FlushTypeId = "~@effect-smallest/stream/SpeechText/Flush"

/**
 * A mark in a text stream: speak what has come so far now. See {@link flush}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Flush {
  readonly [FlushTypeId]: FlushTypeId
}

/**
 * The elements of a text stream for speech: pieces of text, cut anywhere, and flush marks.
 *
 * @since 0.1.0
 * @category models
 */
export type Input = string | Flush

/**
 * Asks for everything before it to be spoken now, without waiting for the end of the sentence: the writer is busy
 * with something else, for example with a tool call.
 *
 * @since 0.1.0
 * @category constants
 */
export const flush: Flush = Object.freeze({ [FlushTypeId]: FlushTypeId })

/**
 * Whether a value is a {@link Flush}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isFlush = (value: unknown): value is Flush =>
  typeof value === "object" && value !== null && FlushTypeId in value

// =====================================================================================================================
// errors
// =====================================================================================================================

/**
 * The source of the text failed: what came before it is all there is.
 *
 * @since 0.1.0
 * @category errors
 */
export class TextSourceFailure extends Data.TaggedError("TextSourceFailure")<{
  readonly message: string
  /** What the source failed with. */
  readonly cause: unknown
}> {}

const sourceFailure = (cause: unknown): TextSourceFailure => new TextSourceFailure(chat.sourceFailure(cause))

// =====================================================================================================================
// constructors
// =====================================================================================================================

/**
 * What {@link fromAsyncIterable} reads: an iterable, which many sources allow only once, or a function that creates one for
 * each run.
 *
 * @since 0.2.0
 * @category models
 */
export type AsyncIterableSource<A> = AsyncIterable<A> | (() => AsyncIterable<A> | PromiseLike<AsyncIterable<A>>)

/** What has been read of an iterable, by all streams over it. */
interface Reads {
  readonly iterators: WeakSet<AsyncIterator<unknown>>
  gave: boolean
}

const readsOf = new WeakMap<AsyncIterable<unknown>, Reads>()

const spent = (): Error =>
  new Error(
    "the async iterable has been read before and has nothing left; give fromAsyncIterable a function that creates a new one for each run"
  )

/** A generator that never started would return without closing what it holds, so it is started first. */
const abandon = async <A>(iterable: PromiseLike<AsyncIterable<A>>): Promise<void> => {
  const iterator = (await iterable)[Symbol.asyncIterator]()
  const first = iterator.next()
  await iterator.return?.()
  await first
}

/** Asks a source to stop. It is not waited for, and its failure to stop is of no interest to who left. */
const dismiss = (stop: () => Promise<unknown>): Effect.Effect<void> =>
  Effect.asVoid(Effect.forkDaemon(Effect.ignore(Effect.tryPromise(stop))))

/** Why a source broke, before the caller's `onError` has seen it. */
interface Broken {
  readonly cause: unknown
}

// An iterable may be a function as well.
const isIterable = <A>(source: AsyncIterableSource<A>): source is AsyncIterable<A> =>
  Predicate.hasProperty(source, Symbol.asyncIterator)

const iterableOf = <A>(source: AsyncIterableSource<A>): Effect.Effect<AsyncIterable<A>, Broken> =>
  isIterable(source)
    ? Effect.succeed(source)
    : Effect.flatMap(
      Effect.try({ try: () => source(), catch: (cause): Broken => ({ cause }) }),
      (made) =>
        Predicate.isPromiseLike(made)
          ? Effect.tryPromise({ try: () => made, catch: (cause): Broken => ({ cause }) }).pipe(
            Effect.onInterrupt(() => dismiss(() => abandon(made)))
          )
          : Effect.succeed(made)
    )

/** Reads an iterable, and fails instead of ending at once if that is because it has been read before. */
const readIterable = <A>(iterable: AsyncIterable<A>): Stream.Stream<A, Broken> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const iterator = yield* Effect.acquireRelease(
      Effect.try({ try: () => iterable[Symbol.asyncIterator](), catch: (cause): Broken => ({ cause }) }),
      (iterator) => iterator.return === undefined ? Effect.void : dismiss(async () => iterator.return?.())
    )
    const reads = readsOf.get(iterable) ?? { iterators: new WeakSet(), gave: false }
    readsOf.set(iterable, reads)
    if (reads.iterators.has(iterator)) {
      return yield* Effect.fail({ cause: spent() })
    }
    reads.iterators.add(iterator)
    const gaveBefore = reads.gave
    let empty = true
    return Stream.repeatEffectOption(Effect.flatMap(
      Effect.tryPromise({ try: async () => iterator.next(), catch: (cause) => Option.some({ cause }) }),
      (result): Effect.Effect<A, Option.Option<Broken>> => {
        if (result.done !== true) {
          empty = false
          reads.gave = true
          return Effect.succeed(result.value)
        }
        return Effect.fail(gaveBefore && empty ? Option.some({ cause: spent() }) : Option.none())
      }
    ))
  }))

/**
 * Reads text, or the parts of an answer, from an `AsyncIterable`, as the clients of language models give it. When the
 * stream is interrupted the iterable is asked to return, and not waited for: a generator that hangs in its own `await` must
 * not keep a listener from stopping.
 *
 * Give a function that creates the iterable, or promises one, to run the stream more than once: most iterables can be read
 * only once. A second run of one that is spent fails, since it would be silence otherwise.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Stream } from "effect"
 *
 * const tokens = async function*() {
 *   yield "Hello "
 *   yield "there."
 * }
 *
 * const once: Stream.Stream<string, SpeechText.TextSourceFailure> = SpeechText.fromAsyncIterable(tokens())
 * const always: Stream.Stream<string, SpeechText.TextSourceFailure> = SpeechText.fromAsyncIterable(tokens)
 * const mapped: Stream.Stream<string, "offline"> = SpeechText.fromAsyncIterable(tokens(), () => "offline" as const)
 * console.log(once, always, mapped)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromAsyncIterable: {
  <A>(source: AsyncIterableSource<A>): Stream.Stream<A, TextSourceFailure>
  <A, E>(source: AsyncIterableSource<A>, onError: (cause: unknown) => E): Stream.Stream<A, E>
} = <A, E>(
  source: AsyncIterableSource<A>,
  onError?: (cause: unknown) => E
): Stream.Stream<A, E | TextSourceFailure> =>
  Stream.unwrap(Effect.map(iterableOf(source), readIterable)).pipe(
    Stream.mapError(({ cause }): E | TextSourceFailure => (onError ?? sourceFailure)(cause))
  )

// =====================================================================================================================
// answers of language models
// =====================================================================================================================

/**
 * What becomes of an answer that is not whole.
 *
 * @since 0.2.0
 * @category models
 */
export interface AnswerOptions {
  /**
   * What becomes of an answer that was cut because the model had no tokens left: `end` takes what there is for the whole
   * answer, `fail` fails after it. An answer that a content filter cut always fails.
   *
   * @default "end"; "fail" for the Responses API, which reports such an answer as incomplete
   */
  readonly truncated?: "end" | "fail" | undefined
}

/**
 * Options of {@link fromOpenAiWith} and {@link fromOpenAiResponsesWith}.
 *
 * @since 0.2.0
 * @category models
 */
export interface OpenAiOptions extends AnswerOptions {
  /**
   * What becomes of a refusal, which the model writes beside its answer: `speak` speaks it, `fail` fails with it.
   *
   * @default "speak"
   */
  readonly refusal?: "speak" | "fail" | undefined
}

/**
 * Reads each part of an answer. Consecutive flushes become one, since tool calls arrive in many pieces. A stream whose
 * parts were all strange fails at its end: it would sound like an empty answer.
 */
const readAnswer = <A, E, R>(
  self: Stream.Stream<A, E, R>,
  reader: chat.Reader
): Stream.Stream<Input, E | TextSourceFailure, R> => {
  type Loop = Channel.Channel<Chunk.Chunk<Input>, Chunk.Chunk<A>, E | TextSourceFailure, E, unknown>
  const write = (out: Array<Input>): Loop => out.length === 0 ? Channel.void : Channel.write(Chunk.unsafeFromArray(out))
  const loop = (count: number, first: A | undefined, understood: boolean, flushed: boolean): Loop =>
    Channel.readWithCause({
      onInput: (parts: Chunk.Chunk<A>) => {
        const out: Array<Input> = []
        let knows = understood
        let isFlushed = flushed
        for (const part of parts) {
          const reading = reader.read(part)
          knows ||= reading !== undefined
          for (const item of reading ?? []) {
            if (typeof item === "object") {
              return Channel.zipRight(write(out), Channel.fail(new TextSourceFailure(item)))
            }
            const isPause = item === chat.pause
            if (!isPause) {
              out.push(item)
            } else if (!isFlushed) {
              out.push(flush)
            }
            isFlushed = isPause
          }
        }
        const next = loop(
          count + parts.length,
          count === 0 ? Option.getOrUndefined(Chunk.head(parts)) : first,
          knows,
          isFlushed
        )
        return out.length === 0 ? next : Channel.zipRight(write(out), next)
      },
      onFailure: (cause: Cause.Cause<E>) => Channel.failCause(cause),
      onDone: () =>
        count > 0 && !understood
          ? Channel.fail(new TextSourceFailure(chat.notUnderstood(reader.name, count, first)))
          : Channel.void
    })
  return Stream.pipeThroughChannel(self, loop(0, undefined, false, true))
}

/**
 * A piece of a streamed chat completion as OpenAI, Groq and servers like theirs send it. Described by its shape: no
 * client is needed.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChatCompletionChunk {
  /** Absent or empty in pieces that carry only an error or figures. */
  readonly choices?:
    | ReadonlyArray<{
      readonly index?: number | undefined
      readonly delta?:
        | {
          /** A list of parts with some servers, thoughts among them. */
          readonly content?: string | ReadonlyArray<unknown> | null | undefined
          readonly refusal?: string | null | undefined
          readonly tool_calls?: ReadonlyArray<unknown> | null | undefined
        }
        | null
        | undefined
      readonly finish_reason?: string | null | undefined
    }>
    | null
    | undefined
  /** What broke behind the server, after it had begun to answer. */
  readonly error?: unknown
}

/**
 * Takes the text out of streamed chat completions. A {@link flush} follows when the model starts to call tools. A refusal is
 * spoken. Thoughts (`reasoning_content`, `reasoning`), figures and all choices but the first are left out.
 *
 * Fails where the answer did, after the text before it: an `error` in a piece, and a `finish_reason` that says `error`,
 * `content_filter` or the like of other servers. See {@link fromOpenAiWith} for answers that were cut at the limit of their
 * length. A stream that had pieces and none of this shape fails at its end.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Stream } from "effect"
 *
 * // openai.chat.completions.create({ ..., stream: true })
 * declare const complete: () => Promise<AsyncIterable<SpeechText.ChatCompletionChunk>>
 *
 * const text: Stream.Stream<SpeechText.Input, SpeechText.TextSourceFailure> = SpeechText.fromAsyncIterable(complete).pipe(
 *   SpeechText.fromOpenAi
 * )
 * console.log(text)
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const fromOpenAi = <E, R>(
  self: Stream.Stream<ChatCompletionChunk, E, R>
): Stream.Stream<Input, E | TextSourceFailure, R> => fromOpenAiWith(self, {})

/**
 * Takes the text out of streamed chat completions, as {@link fromOpenAi} does, with a choice of what fails.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Effect, Stream } from "effect"
 *
 * const chunks = Stream.make({ choices: [{ delta: { content: "First, " }, finish_reason: "length" }] })
 *
 * // "First, ", then TextSourceFailure
 * Effect.runPromise(Stream.runCollect(SpeechText.fromOpenAiWith(chunks, { truncated: "fail", refusal: "fail" })))
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const fromOpenAiWith: {
  (
    options: OpenAiOptions
  ): <E, R>(self: Stream.Stream<ChatCompletionChunk, E, R>) => Stream.Stream<Input, E | TextSourceFailure, R>
  <E, R>(
    self: Stream.Stream<ChatCompletionChunk, E, R>,
    options: OpenAiOptions
  ): Stream.Stream<Input, E | TextSourceFailure, R>
} = /* #__PURE__ */ dual(
  2,
  <E, R>(self: Stream.Stream<ChatCompletionChunk, E, R>, options: OpenAiOptions) =>
    readAnswer(self, chat.openAi(options))
)

/**
 * An event of a streamed answer of OpenAI's Responses API. Described by its shape: no client is needed.
 *
 * @since 0.2.0
 * @category models
 */
export interface ResponseEvent {
  readonly type: string
  /** The text of `response.output_text.delta` and `response.refusal.delta`. */
  readonly delta?: unknown
  /** What a `response.output_item.added` adds: a message, a thought or a call. */
  readonly item?: unknown
  /** The state of the answer, in events about all of it. */
  readonly response?: unknown
  /** The reason of an `error`. */
  readonly message?: unknown
}

/**
 * Takes the text out of the events of OpenAI's Responses API. A {@link flush} follows when the model starts to call a tool,
 * its own or the server's. A refusal is spoken; thoughts are left out.
 *
 * Fails where the answer did, after the text before it: `error`, `response.failed` and `response.incomplete`. A stream that
 * had events and none of this API fails at its end.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Stream } from "effect"
 *
 * // openai.responses.create({ ..., stream: true })
 * declare const respond: () => Promise<AsyncIterable<SpeechText.ResponseEvent>>
 *
 * const text: Stream.Stream<SpeechText.Input, SpeechText.TextSourceFailure> = SpeechText.fromAsyncIterable(respond).pipe(
 *   SpeechText.fromOpenAiResponses
 * )
 * console.log(text)
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const fromOpenAiResponses = <E, R>(
  self: Stream.Stream<ResponseEvent, E, R>
): Stream.Stream<Input, E | TextSourceFailure, R> => fromOpenAiResponsesWith(self, {})

/**
 * Takes the text out of the events of OpenAI's Responses API, as {@link fromOpenAiResponses} does, with a choice of what fails.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Effect, Stream } from "effect"
 *
 * const events = Stream.make(
 *   { type: "response.output_text.delta", delta: "First, " },
 *   { type: "response.incomplete", response: { incomplete_details: { reason: "max_output_tokens" } } }
 * )
 *
 * Effect.runPromise(Stream.runCollect(SpeechText.fromOpenAiResponsesWith(events, { truncated: "end" }))) // "First, "
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const fromOpenAiResponsesWith: {
  (
    options: OpenAiOptions
  ): <E, R>(self: Stream.Stream<ResponseEvent, E, R>) => Stream.Stream<Input, E | TextSourceFailure, R>
  <E, R>(
    self: Stream.Stream<ResponseEvent, E, R>,
    options: OpenAiOptions
  ): Stream.Stream<Input, E | TextSourceFailure, R>
} = /* #__PURE__ */ dual(
  2,
  <E, R>(self: Stream.Stream<ResponseEvent, E, R>, options: OpenAiOptions) =>
    readAnswer(self, chat.openAiResponses(options))
)

/**
 * An event of a streamed answer of Anthropic's Messages API. Described by its shape: no client is needed.
 *
 * @since 0.2.0
 * @category models
 */
export interface MessageEvent {
  readonly type: string
  /** What a `content_block_start` starts: text, a thought or the use of a tool. */
  readonly content_block?: unknown
  /** What a `content_block_delta` adds to its block, or a `message_delta` to the message. */
  readonly delta?: unknown
  /** The reason of an `error`. */
  readonly error?: unknown
}

/**
 * Takes the text out of the events of Anthropic's Messages API. A {@link flush} follows when the model starts to use a tool,
 * its own or the server's; thoughts are left out.
 *
 * Fails where the answer did, after the text before it: `error`, and the stop reason `refusal`, with which a filter stops an
 * answer. See {@link fromAnthropicWith} for answers that were cut at the limit of their length. A stream that had events and
 * none of this API fails at its end.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Stream } from "effect"
 *
 * // anthropic.messages.create({ ..., stream: true })
 * declare const create: () => Promise<AsyncIterable<SpeechText.MessageEvent>>
 *
 * const text: Stream.Stream<SpeechText.Input, SpeechText.TextSourceFailure> = SpeechText.fromAsyncIterable(create).pipe(
 *   SpeechText.fromAnthropic
 * )
 * console.log(text)
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const fromAnthropic = <E, R>(
  self: Stream.Stream<MessageEvent, E, R>
): Stream.Stream<Input, E | TextSourceFailure, R> => fromAnthropicWith(self, {})

/**
 * Takes the text out of the events of Anthropic's Messages API, as {@link fromAnthropic} does, with a choice of what fails.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Effect, Stream } from "effect"
 *
 * const events = Stream.make(
 *   { type: "content_block_delta", delta: { type: "text_delta", text: "First, " } },
 *   { type: "message_delta", delta: { stop_reason: "max_tokens" } }
 * )
 *
 * // "First, ", then TextSourceFailure
 * Effect.runPromise(Stream.runCollect(SpeechText.fromAnthropicWith(events, { truncated: "fail" })))
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const fromAnthropicWith: {
  (
    options: AnswerOptions
  ): <E, R>(self: Stream.Stream<MessageEvent, E, R>) => Stream.Stream<Input, E | TextSourceFailure, R>
  <E, R>(
    self: Stream.Stream<MessageEvent, E, R>,
    options: AnswerOptions
  ): Stream.Stream<Input, E | TextSourceFailure, R>
} = /* #__PURE__ */ dual(
  2,
  <E, R>(self: Stream.Stream<MessageEvent, E, R>, options: AnswerOptions) => readAnswer(self, chat.anthropic(options))
)

/**
 * A part of a streamed answer of `LanguageModel.streamText` of `@effect/ai`, or of the AI SDK's `fullStream`.
 * Described by its shape: neither package is needed.
 *
 * @since 0.1.0
 * @category models
 */
export interface AiPart {
  readonly type: string
  /** The text of a `text-delta` in `@effect/ai`. */
  readonly delta?: unknown
  /** The text of a `text-delta` in the AI SDK. */
  readonly text?: unknown
  /** The cause of an `error`. */
  readonly error?: unknown
}

/**
 * Takes the text out of the parts of a streamed answer: `text-delta` is text, a tool that is called is a {@link
 * flush}, reasoning, sources and figures are left out.
 *
 * Fails where the answer did, after the text before it: a part of type `error` or `abort`, and a `finish` whose reason is
 * `error` or `content-filter`. See {@link fromAiWith} for answers that were cut at the limit of their length. A stream that
 * had parts and none of these kinds fails at its end.
 *
 * Give it the `fullStream` of the AI SDK: its `textStream` ends as if the answer were whole when the provider fails.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Effect, Stream } from "effect"
 *
 * const parts = Stream.make(
 *   { type: "reasoning-delta", delta: "The user greets me." },
 *   { type: "text-delta", delta: "Let me look. " },
 *   { type: "tool-call", name: "search" },
 *   { type: "text-delta", delta: "Here it is." }
 * )
 *
 * Effect.runPromise(Stream.runCollect(SpeechText.fromAi(parts))) // "Let me look. ", flush, "Here it is."
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const fromAi = <A extends AiPart, E, R>(
  self: Stream.Stream<A, E, R>
): Stream.Stream<Input, E | TextSourceFailure, R> => fromAiWith(self, {})

/**
 * Takes the text out of the parts of a streamed answer, as {@link fromAi} does, with a choice of what fails.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Effect, Stream } from "effect"
 *
 * const parts = Stream.make({ type: "text-delta", text: "First, " }, { type: "finish", finishReason: "length" })
 *
 * // "First, ", then TextSourceFailure
 * Effect.runPromise(Stream.runCollect(SpeechText.fromAiWith(parts, { truncated: "fail" })))
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const fromAiWith: {
  (
    options: AnswerOptions
  ): <A extends AiPart, E, R>(self: Stream.Stream<A, E, R>) => Stream.Stream<Input, E | TextSourceFailure, R>
  <A extends AiPart, E, R>(
    self: Stream.Stream<A, E, R>,
    options: AnswerOptions
  ): Stream.Stream<Input, E | TextSourceFailure, R>
} = /* #__PURE__ */ dual(
  2,
  <A extends AiPart, E, R>(self: Stream.Stream<A, E, R>, options: AnswerOptions) => readAnswer(self, chat.ai(options))
)

/**
 * Options of {@link stripMarkdownWith}.
 *
 * @since 0.1.0
 * @category models
 */
export interface StripMarkdownOptions {
  /**
   * What becomes of code blocks, fenced and indented: `omit` leaves them out, since code read aloud is of no help; `speak` keeps what is in
   * them.
   *
   * @default "omit"
   */
  readonly codeBlocks?: "omit" | "speak" | undefined
  /**
   * What is said of formulas, `$…$`, `\(…\)`, `$$…$$` and `\[…\]`: the word "formula", nothing, or their source. Prices such as $5 are
   * not formulas.
   *
   * @default "name"
   */
  readonly formulas?: "name" | "omit" | "speak" | undefined
  /**
   * What becomes of a model's reasoning in `<think>`, `<thinking>`, `<reasoning>` or `<thought>` at the start of a line.
   *
   * @default "omit"
   */
  readonly reasoning?: "omit" | "speak" | undefined
  /**
   * What becomes of marks that cite a source, such as `[1]` and `【12†source】`.
   *
   * @default "omit"
   */
  readonly citations?: "omit" | "speak" | undefined
  /**
   * What becomes of names of emoji, such as `:tada:`.
   *
   * @default "omit"
   */
  readonly emojiNames?: "omit" | "speak" | undefined
  /**
   * What becomes of the head of an alert, `> [!NOTE]`: `speak` says "Note:".
   *
   * @default "speak"
   */
  readonly alerts?: "omit" | "speak" | undefined
  /**
   * What becomes of the text of footnotes, where it stands. Their marks are never spoken.
   *
   * @default "speak"
   */
  readonly footnotes?: "omit" | "speak" | undefined
  /**
   * What is said of an address, such as `https://example.org/map?id=5`: its host, all of it, or the word "link".
   *
   * @default "host"
   */
  readonly addresses?: "host" | "full" | "link" | undefined
  /**
   * What becomes of the description of an image.
   *
   * @default "speak"
   */
  readonly images?: "omit" | "speak" | undefined
}

/**
 * Turns the Markdown that language models write into the words that it shows, as it is written. Use it before the
 * text is cut into segments.
 *
 * | Markdown | becomes |
 * | --- | --- |
 * | emphasis, bold, strike-through | the words |
 * | headings, quotations, list items | their text, each a paragraph of its own; numbers of lists stay |
 * | links, references, images | their text, or the description of the image |
 * | code within a line | the code |
 * | code blocks, reasoning in `<think>` | nothing |
 * | formulas | the word "formula" |
 * | tables | the cells of each row, with commas between |
 * | addresses | their host |
 * | the head of an alert | "Note:" and its like |
 * | rules, link definitions, footnote and citation marks, names of emoji, check boxes, HTML tags and comments | nothing |
 * | escapes, entities | the characters |
 *
 * {@link stripMarkdownWith} chooses otherwise. Blocks and their containers are read as CommonMark and GitHub read them, in LF, CRLF and CR
 * alike; what stands in a line goes through micromark. Text without Markdown passes unchanged, and so do `snake_case`, `2*3*4`, `a * b` and
 * signs that are never closed. The result does not depend on how the text arrives. The words of a paragraph leave as they come; a sign waits
 * for its partner for 1,000 UTF-16 code units at most and then stays as it is. A heading, a row of a table and a line of HTML wait for
 * their end. A {@link flush} releases what is held.
 *
 * @see https://spec.commonmark.org/0.31.2/
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Effect, Stream } from "effect"
 *
 * const text = Stream.make("## Rain\nIt is **very", "** wet, see [the map](https://example.org/map).").pipe(
 *   SpeechText.stripMarkdown,
 *   Stream.runFold("", (all, input) => SpeechText.isFlush(input) ? all : all + input)
 * )
 * Effect.runPromise(text) // "Rain\n\nIt is very wet, see the map."
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const stripMarkdown = <E, R>(self: Stream.Stream<Input, E, R>): Stream.Stream<Input, E, R> =>
  stripMarkdownWith(self, {})

/**
 * Turns Markdown into the words that it shows, as {@link stripMarkdown} does, with a choice of what becomes of code.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Effect, Stream } from "effect"
 *
 * const text = Stream.make("Type this:\n```\nls\n```\n").pipe(
 *   SpeechText.stripMarkdownWith({ codeBlocks: "speak" }),
 *   Stream.runCollect
 * )
 * Effect.runPromise(text) // "Type this:\n\nls\n\n"
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const stripMarkdownWith: {
  (options: StripMarkdownOptions): <E, R>(self: Stream.Stream<Input, E, R>) => Stream.Stream<Input, E, R>
  <E, R>(self: Stream.Stream<Input, E, R>, options: StripMarkdownOptions): Stream.Stream<Input, E, R>
} = /* #__PURE__ */ dual(
  2,
  <E, R>(self: Stream.Stream<Input, E, R>, options: StripMarkdownOptions): Stream.Stream<Input, E, R> => {
    const rules: markdown.Rules = {
      code: options.codeBlocks ?? "omit",
      formulas: options.formulas ?? "name",
      reasoning: options.reasoning ?? "omit",
      citations: options.citations ?? "omit",
      emojiNames: options.emojiNames ?? "omit",
      alerts: options.alerts ?? "speak",
      footnotes: options.footnotes ?? "speak",
      addresses: options.addresses ?? "host",
      images: options.images ?? "speak"
    }
    return Stream.suspend(() => {
      const stripper = new markdown.Stripper(rules)
      const rest = Stream.suspend(() => {
        const text = stripper.flush()
        return text === "" ? Stream.empty : Stream.succeed<Input>(text)
      })
      return self.pipe(
        Stream.mapChunks((inputs) => {
          const out: Array<Input> = []
          for (const input of inputs) {
            const text = isFlush(input) ? stripper.flush() : stripper.push(input)
            if (text !== "") out.push(text)
            if (isFlush(input)) out.push(input)
          }
          return Chunk.unsafeFromArray(out)
        }),
        // What is held was written before the source failed.
        Stream.catchAllCause((cause) => Stream.concat(rest, Stream.failCause(cause))),
        Stream.concat(rest)
      )
    })
  }
)
