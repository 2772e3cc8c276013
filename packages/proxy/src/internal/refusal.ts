import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Protocol from "../SpeechProxyProtocol.js"

/**
 * What a request gets in place of speech.
 *
 * @internal
 */
export interface Refusal {
  readonly status: number
  readonly error: SpeechError.SpeechError
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** @internal */
export const at = { module: "SpeechProxy", method: "speak" }

/** @internal */
export const refuse = (
  status: number,
  error: SpeechError.SpeechError,
  headers?: Refusal["headers"]
): Effect.Effect<never, Refusal> => Effect.fail({ status, error, headers })

/** @internal */
export const invalid = (parameter: string, description: string, status = 400) =>
  refuse(status, new SpeechError.InvalidSpeechRequest({ ...at, parameter, description }))

/** @internal */
export const denied = ({ description }: { readonly description: string }) =>
  refuse(403, new SpeechError.AccessDenied({ ...at, description }))

/** @internal */
export const tooOften = (
  retryAfter: Duration.Duration,
  description = "This client has asked for too much speech"
) =>
  refuse(
    429,
    new SpeechError.RateLimited({ ...at, description, retryAfter }),
    { "retry-after": String(Math.ceil(Duration.toSeconds(retryAfter))) }
  )

/** @internal */
export const logged = (message: string, cause: Cause.Cause<unknown>) =>
  Effect.logError(message, cause).pipe(
    Effect.annotateLogs({ package: "@effect-smallest/proxy", module: "SpeechProxy" })
  )

/** @internal */
export const unavailable = new SpeechError.ServerFailure({
  ...at,
  status: 503,
  description: "The server cannot speak for anybody now; its log tells why"
})

/** @internal */
export const toResponse = (
  { error, headers = {}, status }: Refusal
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(
    Protocol.toResponse(Stream.fail(error)),
    (response) => HttpServerResponse.setHeaders(HttpServerResponse.setStatus(response, status), headers)
  )
