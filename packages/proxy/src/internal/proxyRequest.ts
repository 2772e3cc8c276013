import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Protocol from "../SpeechProxyProtocol.js"
import * as Refusal from "./refusal.js"

const bodyTimeout = Duration.seconds(30)

// Who lets go of a body that is still coming cuts the connection, and the refusal would never arrive.
const refusalTime = Duration.seconds(2)

/** The body as text; one that is too large is not read to its end. */
const readBody = /*#__PURE__*/ Effect.fnUntraced(
  function*(request: HttpServerRequest.HttpServerRequest, maxLength: number) {
    const tooLarge = Refusal.invalid("text", `A request may have ${maxLength} bytes`, 413)
    if (Number(request.headers["content-length"] ?? 0) > maxLength) return yield* tooLarge
    const body = yield* Deferred.make<Uint8Array, Refusal.Refusal>()
    const pieces: Array<Uint8Array> = []
    let length = 0
    const reader = yield* request.stream.pipe(
      Stream.runForEach((piece) => {
        length += piece.length
        pieces.push(piece)
        return length > maxLength ? Effect.zipRight(Effect.intoDeferred(tooLarge, body), Effect.never) : Effect.void
      }),
      Effect.matchCauseEffect({
        onFailure: () => Effect.intoDeferred(Refusal.invalid("text", "The request could not be read"), body),
        onSuccess: () => Deferred.succeed(body, Pcm.concatBytes(pieces))
      }),
      Effect.interruptible,
      Effect.forkDaemon
    )
    const bytes = yield* Deferred.await(body).pipe(
      Effect.timeoutFail({
        duration: bodyTimeout,
        onTimeout: (): Refusal.Refusal => ({
          status: 408,
          error: new SpeechError.ServerFailure({
            ...Refusal.at,
            status: 408,
            description: "The request did not come in time"
          })
        })
      }),
      Effect.onInterrupt(() => Fiber.interrupt(reader)),
      Effect.tapError(() =>
        Effect.forkDaemon(Effect.interruptible(Effect.delay(Fiber.interrupt(reader), refusalTime)))
      ),
      Effect.mapError((refusal): Refusal.Refusal => ({
        ...refusal,
        headers: { ...refusal.headers, connection: "close" }
      }))
    )
    return yield* Effect.catchAll(decodeUtf8(bytes), () => Refusal.invalid("request", "The request is not UTF-8"))
  }
)

const decodeUtf8 = (bytes: Uint8Array) => Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes))

const parseJson = Schema.decodeUnknown(Schema.parseJson())

// Names of voices and the like. What is longer would come back in the engine's error.
const maxOptionLength = 200

const decodeRequest = Schema.decodeUnknown(Protocol.SpeechProxyRequest)

/**
 * Reads what a page asks for, and refuses what it may not ask.
 *
 * @internal
 */
export const readRequest = /*#__PURE__*/ Effect.fnUntraced(function*(
  request: HttpServerRequest.HttpServerRequest,
  { allow, maxTextLength }: { readonly allow: ReadonlyArray<string>; readonly maxTextLength: number }
) {
  // A form of another site cannot send this type without asking first.
  if (!/^application\/json\s*(;|$)/i.test(request.headers["content-type"] ?? "")) {
    return yield* Refusal.invalid("request", "A request must be application/json", 415)
  }
  // Every character may be escaped.
  const body = yield* readBody(request, maxTextLength * 6 + 16_384)
  const json = yield* Effect.catchAll(parseJson(body), () => Refusal.invalid("request", "The request is not JSON"))
  if (!Predicate.isRecord(json)) return yield* Refusal.invalid("request", "The request is not a JSON object")
  const { text } = json
  for (const name of Object.keys(json)) {
    if (name !== "text" && !allow.includes(name)) {
      return yield* Refusal.invalid(name.slice(0, 100), "This server does not let pages set this option")
    }
    const option = json[name]
    if (name !== "text" && typeof option === "string" && option.length > maxOptionLength) {
      return yield* Refusal.invalid(name, `It may have ${maxOptionLength} characters`)
    }
  }
  if (typeof text !== "string" || text.trim() === "") return yield* Refusal.invalid("text", "There is no text to speak")
  if (text.length > maxTextLength) {
    return yield* Refusal.invalid(
      "text",
      `The text has ${text.length} characters, more than the ${maxTextLength} of one request`,
      413
    )
  }
  return yield* Effect.catchAll(decodeRequest(json), (error) => {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
    return Refusal.invalid(
      String(issue?.path[0] ?? "request"),
      (issue?.message ?? "The request is not valid").slice(0, 500)
    )
  })
})
