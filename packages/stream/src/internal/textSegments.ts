import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SpeechText from "../SpeechText.js"
import * as TextSegmenter from "../TextSegmenter.js"
import * as Inbox from "./inbox.js"

/** @internal */
export interface Options {
  readonly segmenter: TextSegmenter.TextSegmenter
  readonly sentenceTimeout: Duration.Duration
  readonly queueTimeout: Duration.Duration
}

type Arrival<E> =
  | { readonly _tag: "Text"; readonly input: SpeechText.Input }
  | { readonly _tag: "End"; readonly exit: Exit.Exit<void, E> }

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
 * `sentenceTimeout` without more, any whole words after `queueTimeout`.
 *
 * Beyond what somebody asked for, only `readAhead` pieces of text are read, and the clocks run only while somebody waits
 * for a segment: a slow listener never makes a sentence fall apart.
 *
 * @internal
 */
export const textSegments = <E, R>(
  text: string | Stream.Stream<SpeechText.Input, E, R>,
  { queueTimeout, segmenter, sentenceTimeout }: Options
): Stream.Stream<TextSegmenter.Segment, E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const source: Stream.Stream<SpeechText.Input, E, R> = typeof text === "string" ? Stream.succeed(text) : text
    const inbox = yield* Inbox.make<Arrival<E>>(readAhead)
    yield* source.pipe(
      Stream.mapConcatChunk(pieces),
      Stream.runForEach((input) => inbox.put({ _tag: "Text", input })),
      Effect.exit,
      Effect.flatMap((exit) => inbox.put({ _tag: "End", exit })),
      Effect.interruptible,
      Effect.forkScoped
    )

    let state = segmenter.initial
    let isStale = false // waiting longer would change nothing: what is pending is one unfinished word
    let end: Exit.Exit<void, E> | undefined

    const advance = (
      [next, segments]: readonly [TextSegmenter.State, Chunk.Chunk<TextSegmenter.Segment>]
    ): Chunk.Chunk<TextSegmenter.Segment> => {
      state = next
      return segments
    }

    const patience = (): Option.Option<Duration.Duration> => {
      if (state.pending === "" || isStale) return Option.none()
      return Option.some(segmenter.endsSentence(state) ? Duration.min(sentenceTimeout, queueTimeout) : queueTimeout)
    }

    const onTimeout = (): Chunk.Chunk<TextSegmenter.Segment> => {
      isStale = true
      return advance(segmenter.endsSentence(state) ? segmenter.flush(state) : segmenter.takeWords(state))
    }

    const onArrival = (arrival: Arrival<E>): Chunk.Chunk<TextSegmenter.Segment> => {
      isStale = false
      if (arrival._tag === "Text" && !SpeechText.isFlush(arrival.input)) {
        return advance(segmenter.push(state, arrival.input))
      }
      if (arrival._tag === "End") end = arrival.exit
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

    const ended = (exit: Exit.Exit<void, E>) =>
      Exit.match(exit, {
        onFailure: (cause) => Exit.failCause(Cause.map(cause, Option.some)),
        onSuccess: () => Exit.fail(Option.none<E>())
      })

    const next: Effect.Effect<Chunk.Chunk<TextSegmenter.Segment>, Option.Option<E>> = Effect.suspend(() => {
      let arrived = poll()
      while (end === undefined && Option.isSome(arrived) && Chunk.isEmpty(arrived.value)) arrived = poll()
      if (Option.isSome(arrived)) return Effect.succeed(arrived.value)
      return end === undefined
        ? Effect.flatMap(wait, () => {
          const found = Option.getOrElse(poll(), onTimeout)
          return Chunk.isEmpty(found) ? next : Effect.succeed(found)
        })
        : ended(end)
    })

    return Stream.repeatEffectChunkOption(next).pipe(
      Stream.filter((segment) => TextSegmenter.isSpeakable(segment.text))
    )
  }))
