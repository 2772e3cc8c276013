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
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
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

const sourceFailure = (cause: unknown): TextSourceFailure =>
  new TextSourceFailure({
    message: `the source of the text failed: ${
      Predicate.isError(cause) ? cause.message : Inspectable.toStringUnknown(cause, 0)
    }`,
    cause
  })

// =====================================================================================================================
// constructors
// =====================================================================================================================

/**
 * Reads text from an `AsyncIterable`, as the clients of language models give it. When the stream is interrupted the
 * iterable is asked to return, and not waited for: a generator that hangs in its own `await` must not keep a listener
 * from stopping.
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
 * const text: Stream.Stream<string, SpeechText.TextSourceFailure> = SpeechText.fromAsyncIterable(tokens())
 * const mapped: Stream.Stream<string, "offline"> = SpeechText.fromAsyncIterable(tokens(), () => "offline" as const)
 * console.log(text, mapped)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromAsyncIterable: {
  <A>(iterable: AsyncIterable<A>): Stream.Stream<A, TextSourceFailure>
  <A, E>(iterable: AsyncIterable<A>, onError: (cause: unknown) => E): Stream.Stream<A, E>
} = <A, E>(
  iterable: AsyncIterable<A>,
  onError?: (cause: unknown) => E
): Stream.Stream<A, E | TextSourceFailure> => {
  const fail = (cause: unknown): Option.Option<E | TextSourceFailure> => Option.some((onError ?? sourceFailure)(cause))
  const iterator = Effect.acquireRelease(
    Effect.sync(() => iterable[Symbol.asyncIterator]()),
    // A failure to return is of no interest to who left.
    (iterator) =>
      iterator.return === undefined
        ? Effect.void
        : Effect.forkDaemon(Effect.ignore(Effect.tryPromise(async () => iterator.return?.())))
  )
  return Stream.unwrapScoped(Effect.map(iterator, (iterator) =>
    Stream.repeatEffectOption(Effect.flatMap(
      Effect.tryPromise({ try: async () => iterator.next(), catch: fail }),
      (result) => result.done === true ? Effect.fail(Option.none()) : Effect.succeed(result.value)
    ))))
}

// =====================================================================================================================
// combinators
// =====================================================================================================================

/**
 * A piece of a streamed chat completion as OpenAI, Groq and servers like theirs send it. Described by its shape: no
 * client is needed.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChatCompletionChunk {
  readonly choices: ReadonlyArray<{
    readonly delta?:
      | {
        readonly content?: string | null | undefined
        readonly tool_calls?: ReadonlyArray<unknown> | null | undefined
      }
      | null
      | undefined
  }>
}

/**
 * Takes the text out of streamed chat completions. When the model starts to call tools, a {@link flush} follows;
 * pieces without text, such as the last one with usage figures, are left out. Only the first choice is read.
 *
 * @example
 * ```ts
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Stream } from "effect"
 *
 * declare const completion: AsyncIterable<SpeechText.ChatCompletionChunk> // openai.chat.completions.create({ ..., stream: true })
 *
 * const text: Stream.Stream<SpeechText.Input, SpeechText.TextSourceFailure> = SpeechText.fromAsyncIterable(completion).pipe(
 *   SpeechText.fromOpenAi
 * )
 * console.log(text)
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const fromOpenAi = <E, R>(self: Stream.Stream<ChatCompletionChunk, E, R>): Stream.Stream<Input, E, R> =>
  flushOnce(Stream.mapConcat(self, (chunk): Array<Input> => {
    const delta = chunk.choices[0]?.delta
    const content = delta?.content
    const text = typeof content === "string" && content !== "" ? [content] : []
    return delta?.tool_calls !== undefined && delta.tool_calls !== null && delta.tool_calls.length > 0
      ? [...text, flush]
      : text
  }))

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
 * flush}, reasoning, sources and figures are left out. A part of type `error` fails the stream: without it the answer
 * would just stop, and sound complete.
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
): Stream.Stream<Input, E | TextSourceFailure, R> =>
  flushOnce(Stream.mapConcatEffect(self, (part): Effect.Effect<Array<Input>, TextSourceFailure> => {
    switch (part.type) {
      case "text-delta": {
        const text = part.delta ?? part.text
        return Effect.succeed(typeof text === "string" && text !== "" ? [text] : [])
      }
      case "tool-params-start":
      case "tool-input-start":
      case "tool-call":
        return Effect.succeed([flush])
      case "error":
        return Effect.fail(sourceFailure(part.error))
      default:
        return Effect.succeed([])
    }
  }))

/** Tool calls arrive in many pieces; one mark for all of them is enough. */
const flushOnce = <E, R>(self: Stream.Stream<Input, E, R>): Stream.Stream<Input, E, R> =>
  Stream.filterMap(
    Stream.mapAccum(self, true, (flushed, input) => [isFlush(input), flushed && isFlush(input) ? undefined : input]),
    Option.fromNullable
  )

/**
 * Options of {@link stripMarkdownWith}.
 *
 * @since 0.1.0
 * @category models
 */
export interface StripMarkdownOptions {
  /**
   * What becomes of fenced code blocks: `omit` leaves them out, since code read aloud is of no help; `speak` keeps
   * what is in them.
   *
   * @default "omit"
   */
  readonly codeBlocks?: "omit" | "speak" | undefined
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
 * | fenced code | nothing; {@link stripMarkdownWith} can keep it |
 * | tables that start each row with a bar | the cells of each row, with commas between |
 * | rules, link definitions, footnote marks, check boxes, HTML tags and comments | nothing |
 * | escapes, the common HTML entities, addresses in angle brackets | the characters |
 *
 * Text without Markdown passes unchanged, and so do `snake_case`, `2*3*4`, `a * b` and signs that are never closed.
 * The result does not depend on how the text arrives. Nothing is held back for longer than 300 UTF-16 code units, or
 * 1,324 in the address of a link and 1,024 in a row of a table: a sign whose partner does not come within that reach
 * stays as it is. A {@link flush} releases what is held.
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
    const rules: markdown.Rules = { speakCode: options.codeBlocks === "speak" }
    type Texts = Channel.Channel<Chunk.Chunk<Input>, Chunk.Chunk<Input>, E, E, unknown>
    const loop = (state: markdown.State): Texts =>
      Channel.readWithCause({
        onInput: (inputs: Chunk.Chunk<Input>) => {
          let next = state
          const out: Array<Input> = []
          for (const input of inputs) {
            const [after, text] = isFlush(input) ? markdown.flush(rules, next) : markdown.push(rules, next, input)
            next = after
            if (text !== "") {
              out.push(text)
            }
            if (isFlush(input)) {
              out.push(input)
            }
          }
          return out.length === 0 ? loop(next) : Channel.zipRight(Channel.write(Chunk.unsafeFromArray(out)), loop(next))
        },
        onFailure: (cause: Cause.Cause<E>) => Channel.zipRight(rest(state), Channel.failCause(cause)),
        onDone: () => rest(state)
      })
    const rest = (state: markdown.State): Texts => {
      const [, text] = markdown.flush(rules, state)
      return text === "" ? Channel.void : Channel.write(Chunk.of<Input>(text))
    }
    return Stream.pipeThroughChannel(self, loop(markdown.initial))
  }
)
