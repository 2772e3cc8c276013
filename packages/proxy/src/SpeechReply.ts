/**
 * A reply of a language model in one response: its text as it is written, beside its speech.
 *
 * @since 0.1.0
 */
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import { SpeechStream } from "@effect-smallest/stream/SpeechStream"
import * as SpeechText from "@effect-smallest/stream/SpeechText"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Protocol from "./SpeechProxyProtocol.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends SpeechOptions {
  /**
   * What happens to the text before it is spoken, such as `SpeechText.stripMarkdown`. The page gets the text as it was written.
   * @default nothing
   */
  readonly prepare?:
    | (<E>(text: Stream.Stream<SpeechText.Input, E>) => Stream.Stream<SpeechText.Input, E>)
    | undefined
}

// Far more than a model writes in one reply: the text may run ahead of its speech.
const textAhead = 16_384

/**
 * A text as it is written, beside its speech: what a chat page shows and plays. The text does not wait for the speech, up to
 * 16,384 pieces. Fails with the text's own error after the audio that was already due.
 *
 * @example
 * ```ts
 * import { SpeechProxyProtocol, SpeechReply } from "@effect-smallest/proxy"
 * import { SpeechText } from "@effect-smallest/stream"
 * import { Stream } from "effect"
 *
 * const tokens = Stream.make("Hello", " **there**. How ", "are you?")
 *
 * const route = SpeechProxyProtocol.toResponse(
 *   SpeechReply.events(tokens, { prepare: SpeechText.stripMarkdown })
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const events: {
  (
    options?: Options
  ): <E, R>(
    text: Stream.Stream<SpeechText.Input, E, R>
  ) => Stream.Stream<Protocol.ReplyEvent, SpeechError.SpeechError | E, R | SpeechStream>
  <E, R>(
    text: Stream.Stream<SpeechText.Input, E, R>,
    options?: Options
  ): Stream.Stream<Protocol.ReplyEvent, SpeechError.SpeechError | E, R | SpeechStream>
} = /*#__PURE__*/ dual(
  (args) => Predicate.hasProperty(args[0], Stream.StreamTypeId),
  <E, R>(
    text: Stream.Stream<SpeechText.Input, E, R>,
    { prepare, ...speech }: Options = {}
  ): Stream.Stream<Protocol.ReplyEvent, SpeechError.SpeechError | E, R | SpeechStream> =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const { events } = yield* SpeechStream
      const ahead = yield* Mailbox.make<SpeechText.Input, E>(textAhead)
      const unspoken = Mailbox.toStream(ahead)

      const written = text.pipe(
        Stream.mapChunksEffect((pieces) =>
          Effect.as(
            ahead.offerAll(pieces),
            Chunk.filterMap(pieces, (piece) =>
              SpeechText.isFlush(piece) ? Option.none() : Option.some(Protocol.TextDelta(piece)))
          )
        ),
        Stream.concat(Stream.execute(ahead.end)),
        // The speech fails with it, once what it can say is said.
        Stream.catchAllCause((cause) => Stream.execute(ahead.failCause(cause)))
      )
      return Stream.merge(written, events(prepare === undefined ? unspoken : prepare(unspoken), speech))
    }))
)
