import * as Pcm from "@effect-smallest/core/Pcm"
import * as Pull from "@effect-smallest/core/Pull"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ReplyEvent } from "../SpeechProxyProtocol.js"
import * as ProxyErrors from "./proxyErrors.js"
import * as Frames from "./speechFrames.js"

/** @internal */
export const contentType = "application/vnd.effect-smallest.speech"

const truncated = new SpeechError.TruncatedAudio({
  module: "SpeechProxyProtocol",
  method: "decode",
  description: "The connection ended before the end of the speech"
})

// A connection that was read to its end can be used again; one that lingers is closed.
const lingerLimit = Duration.millis(20)

/** @internal */
export const decode = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<ReplyEvent, SpeechError.SpeechError | E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    type ReplyPull = Pull.Pull<ReplyEvent, SpeechError.SpeechError | E, R>
    const pull = yield* Pull.fromStream(bytes)
    const parse = Frames.makeParser()
    const linger = Effect.timeoutOption(Effect.exit(pull), lingerLimit)
    let last: ReplyPull | undefined

    const next: ReplyPull = Effect.suspend(() =>
      last ?? Effect.matchEffect(pull, {
        onFailure: (error) => Effect.fail(Option.orElseSome(error, () => truncated)),
        onSuccess: (arrived) => {
          const { end, events } = parse(Pcm.concatBytes(arrived))
          if (end !== undefined) {
            last = Either.match(end, {
              onLeft: (error) => Effect.fail(Option.some(error)),
              onRight: () => Effect.zipRight(linger, Pull.end)
            })
          }
          return events.length === 0 ? next : Effect.succeed(Chunk.unsafeFromArray(events))
        }
      })
    )
    return Pull.toStream(next)
  }))

/** @internal */
export const isSpeech = (response: HttpClientResponse.HttpClientResponse): boolean =>
  (response.headers["content-type"] ?? "").startsWith(contentType)

/**
 * The events of a response, which may come from a third party. Without any bytes for a time, keep-alives included, it fails.
 *
 * @internal
 */
export const events = (
  at: ProxyErrors.At,
  response: HttpClientResponse.HttpClientResponse,
  idle: Duration.Duration = Duration.infinity
): Stream.Stream<ReplyEvent, SpeechError.SpeechError> => {
  if (!isSpeech(response)) return Stream.fromEffect(Effect.flip(ProxyErrors.fromForeignResponse(at, response)))
  const bytes = Stream.mapError(response.stream, (error) => ProxyErrors.fromHttpClient(at, error))
  const silent = () =>
    new SpeechError.SpeechTimeout({
      module: at.module,
      method: at.method,
      phase: "idle",
      after: idle,
      description: "The server gave no sign of life"
    })
  return decode(Duration.isFinite(idle) ? Stream.timeoutFail(bytes, silent, idle) : bytes)
}
