import * as ForeignText from "@effect-smallest/core/ForeignText"
import * as HttpErrors from "@effect-smallest/core/HttpErrors"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * Where an error between a page and its server is noticed, and what its words must not reveal.
 *
 * @internal
 */
export interface At {
  readonly module: string
  readonly method: string
  readonly secrets: ReadonlyArray<string>
}

// Networks name the header that they did not like.
const clean = ({ secrets }: At) => ForeignText.cleaner(secrets)

/**
 * Creates a typed error from a failure to send a request or to read its answer.
 *
 * @internal
 */
export const fromHttpClient = (at: At, error: HttpClientError.HttpClientError): SpeechError.SpeechError => {
  const cause = HttpErrors.scrubbedCause(error, ForeignText.scrubber(at.secrets))
  const fields = { module: at.module, method: at.method, cause }
  const said = clean(at)(HttpErrors.innermost(error).message ?? error.description ?? error.reason)
  if (error._tag === "ResponseError") {
    return new SpeechError.TruncatedAudio({ ...fields, description: `The connection broke in the middle: ${said}` })
  }
  return error.reason === "Transport"
    ? new SpeechError.TransportFailure({ ...fields, description: `The server could not be reached: ${said}` })
    : new SpeechError.InvalidSpeechRequest({
      ...fields,
      parameter: error.reason === "InvalidUrl" ? "url" : "request",
      description: `The request could not be made: ${said}`
    })
}

/**
 * Creates a typed error from an answer that is not of this protocol: a server in between gave it, or the URL is
 * another one.
 *
 * @internal
 */
export const fromForeignResponse = /*#__PURE__*/ Effect.fnUntraced(function*(
  at: At,
  response: HttpClientResponse.HttpClientResponse
) {
  const now = yield* Clock.currentTimeMillis
  const said = HttpErrors.readErrorText(yield* HttpErrors.readBody(response), clean(at)).message
  const description = said ?? `The server answered with status ${response.status}`
  const fields = { module: at.module, method: at.method, description }
  switch (response.status) {
    case 401:
    case 403:
      return new SpeechError.AccessDenied(fields)
    case 413:
      return new SpeechError.InvalidSpeechRequest({ ...fields, parameter: "text" })
    case 429:
      return new SpeechError.RateLimited({
        ...fields,
        retryAfter: HttpErrors.readRetryAfter(response.headers, now)
      })
    default:
      return response.status < 300
        ? new SpeechError.MalformedResponse({
          ...fields,
          description: said === undefined ? "The answer is empty" : `The answer is not speech: ${said}`
        })
        : new SpeechError.ServerFailure({ ...fields, status: response.status })
  }
})
