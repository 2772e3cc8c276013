import * as Pull from "@effect-smallest/core/Pull"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SpeechText from "../SpeechText.js"
import type * as TextSegmenter from "../TextSegmenter.js"
import * as Inbox from "./inbox.js"
import { isSpeakable } from "./speakable.js"

/** @internal */
export interface Options {
  readonly segmenter: TextSegmenter.TextSegmenter
  readonly sentenceTimeout: Duration.Duration
  readonly queueTimeout: Duration.Duration
}

type Arrival<E> =
  | { readonly _tag: "Text"; readonly input: SpeechText.Input }
  /** With a cause if the text failed. */
  | { readonly _tag: "End"; readonly cause: Option.Option<Cause.Cause<E>> }

/**
 * The next segment; fails with none after the last.
 *
 * @internal
 */
export type NextSegment<E> = Effect.Effect<TextSegmenter.Segment, Option.Option<E>>

// Pieces of text that may wait between the writer and the segmenter.
const readAhead = 16

// A finished book is cut as it is spoken and not at once: the segments do not depend on how the text arrives.
const pieceLength = 4096

const pieces = (input: SpeechText.Input): Chunk.Chunk<SpeechText.Input> =>
  typeof input !== "string" || input.length <= pieceLength
    ? Chunk.of(input)
    : Chunk.makeBy(Math.ceil(input.length / pieceLength), (i) => input.slice(i * pieceLength, (i + 1) * pieceLength))

/**
 * Cuts growing text into segments worth speaking, and does not wait for ever: text that ends like a sentence goes after
 * `sentenceTimeout` without more, any whole words after `queueTimeout`. Gives one segment for each run of the inner effect.
 *
 * Beyond what has been asked for, only `readAhead` pieces of text are read, and the clocks run only while a listener waits
 * for a segment: a slow listener never makes a sentence fall apart.
 *
 * @internal
 */
export const textSegments = /*#__PURE__*/ Effect.fnUntraced(function*<E, R>(
  text: string | Stream.Stream<SpeechText.Input, E, R>,
  { queueTimeout, segmenter, sentenceTimeout }: Options
): Effect.fn.Return<NextSegment<E>, never, R | Scope.Scope> {
  const inbox = yield* Inbox.make<Arrival<E>>(readAhead)
  const source: Stream.Stream<SpeechText.Input, E, R> = typeof text === "string" ? Stream.succeed(text) : text
  const pull = yield* Pull.fromStream(source)
  const put = (input: SpeechText.Input) => inbox.put({ _tag: "Text", input })
  yield* Effect.forever(Effect.flatMap(pull, (inputs) => Effect.forEach(Chunk.flatMap(inputs, pieces), put))).pipe(
    Effect.catchAllCause((cause) => inbox.put({ _tag: "End", cause: Cause.flipCauseOption(cause) })),
    Effect.interruptible,
    Effect.forkScoped
  )

  let state = segmenter.initial
  let isStale = false // waiting longer would change nothing: what is pending is one unfinished word
  let end: Option.Option<Cause.Cause<E>> | undefined
  let ready: ReadonlyArray<TextSegmenter.Segment> = []

  const advance = ([next, segments]: readonly [TextSegmenter.State, Chunk.Chunk<TextSegmenter.Segment>]): void => {
    state = next
    ready = Array.from(segments).filter((segment) => isSpeakable(segment.text))
  }

  const patience = (): Option.Option<Duration.Duration> => {
    if (state.pending === "" || isStale) return Option.none()
    return Option.some(segmenter.endsSentence(state) ? Duration.min(sentenceTimeout, queueTimeout) : queueTimeout)
  }

  const onTimeout = (): void => {
    isStale = true
    advance(segmenter.endsSentence(state) ? segmenter.flush(state) : segmenter.takeWords(state))
  }

  const onArrival = (arrival: Arrival<E>): void => {
    isStale = false
    if (arrival._tag === "Text" && !SpeechText.isFlush(arrival.input)) {
      return advance(segmenter.push(state, arrival.input))
    }
    if (arrival._tag === "End") end = arrival.cause
    // What was written before the text failed is still text: it leaves before the failure does.
    return advance(segmenter.flush(state))
  }

  const poll = () => Option.map(inbox.unsafePoll(), onArrival)

  const wait = Effect.suspend(() =>
    Option.match(patience(), {
      onNone: () => inbox.ready,
      onSome: (limit) => Effect.timeoutOption(inbox.ready, limit)
    })
  )

  const next: NextSegment<E> = Effect.suspend(() => {
    while (ready.length === 0 && end === undefined && Option.isSome(poll())) {
      /* until there is a segment or no text */
    }
    const [segment, ...rest] = ready
    if (segment !== undefined) {
      ready = rest
      return Effect.succeed(segment)
    }
    return end === undefined
      ? Effect.flatMap(wait, () => {
        if (Option.isNone(poll())) {
          onTimeout()
        }
        return next
      })
      : Option.match(end, {
        onNone: () => Pull.end,
        onSome: (cause) => Effect.failCause(Cause.map(cause, Option.some))
      })
  })

  return next
})
