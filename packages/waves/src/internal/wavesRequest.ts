import * as HttpErrors from "@effect-smallest/core/HttpErrors"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Request } from "../WavesClient.js"
import * as WavesErrors from "./wavesErrors.js"

const verbs = {
  GET: HttpClientRequest.get,
  POST: HttpClientRequest.post,
  PUT: HttpClientRequest.put,
  DELETE: HttpClientRequest.del
}

/**
 * What the span of a request says before it is sent. A URL may hold a proxy's password, and people put keys anywhere.
 *
 * @internal
 */
export const spanOptions = (call: WavesErrors.Call, verb: Request<unknown, unknown>["verb"], url: string) => ({
  kind: "client" as const,
  attributes: {
    "http.request.method": verb,
    "url.full": WavesErrors.clean(call)(url, 2000),
    ...(call.model === "" ? {} : { "gen_ai.request.model": call.model })
  }
})

/**
 * Records in the span of a request what the server answered.
 *
 * @internal
 */
export const annotate = (
  call: WavesErrors.Call,
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<void> => {
  const requestId = WavesErrors.requestIdOf(call, response)
  return Effect.annotateCurrentSpan({
    "http.response.status_code": response.status,
    ...(requestId === undefined ? {} : { "gen_ai.response.id": requestId })
  })
}

// A recording has to travel, and the server listens to it before it answers.
const uploadFactor = 4

/**
 * Sends a request of the account's API that is not speech, and reads its answer.
 *
 * @internal
 */
export const make = (options: {
  readonly apiKey: Redacted.Redacted
  readonly baseUrl: string
  readonly client: HttpClient.HttpClient
  readonly headers: Readonly<Record<string, string>>
  readonly connectTimeout: Duration.Duration
  readonly answerTimeout: Duration.Duration
}) =>
<A, I>(request: Request<A, I>): Effect.Effect<A, SpeechError.SpeechError> =>
  Effect.suspend(() => {
    const { apiKey, baseUrl, client, connectTimeout, headers } = options
    const { body, isUpload = false, method, model = "", module, path, schema, unknown, verb } = request
    const call: WavesErrors.Call = { module, method, model, voice: "", apiKey }
    const url = `${baseUrl}${path}`
    const limit = isUpload ? Duration.times(options.answerTimeout, uploadFactor) : options.answerTimeout
    const sent = verbs[verb](url).pipe(
      HttpClientRequest.bearerToken(apiKey),
      HttpClientRequest.setHeaders({ accept: "application/json", ...headers }),
      (request) => body === undefined ? request : HttpClientRequest.setBody(request, body)
    )
    return client.execute(sent).pipe(
      Effect.mapError((error) => WavesErrors.fromHttpClient(call, error, { connectTimeout })),
      Effect.tap((response) => annotate(call, response)),
      Effect.flatMap((response) => {
        if (response.status === 404 && unknown !== undefined) return WavesErrors.notFound(call, response, unknown)
        if (response.status !== 200) return Effect.flatMap(WavesErrors.fromResponse(call, response), Effect.fail)
        const requestId = WavesErrors.requestIdOf(call, response)
        return response.stream.pipe(
          Stream.mapError((error) => WavesErrors.fromBrokenAnswer(call, error, requestId)),
          Stream.decodeText(),
          Stream.mkString,
          Effect.flatMap((text) =>
            Effect.mapError(
              Schema.decode(Schema.parseJson(schema))(text),
              () => {
                const said = HttpErrors.readErrorText(text, WavesErrors.clean(call)).message ?? text
                return WavesErrors.malformed(call, `The server's answer is not what was asked for: ${said}`, requestId)
              }
            )
          )
        )
      }),
      Effect.timeoutFail({
        duration: limit,
        onTimeout: () =>
          new SpeechError.SpeechTimeout({
            module,
            method,
            phase: "answer",
            after: limit,
            description: "The server did not answer in time"
          })
      }),
      SpeechEngine.withSpan(`${module}.${method}`, spanOptions(call, verb, url))
    )
  })
