import * as ForeignText from "@effect-smallest/core/ForeignText"
import {
  type ErrorBody,
  innermost,
  readBody,
  readErrorBody,
  readErrorText,
  readRetryAfter,
  scrubbedCause
} from "@effect-smallest/core/HttpErrors"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type { WebSocketConnectError } from "@effect-smallest/core/WebSocketConnector"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { modelOfPath } from "./wavesOptions.js"

/**
 * What a failed call was about.
 *
 * @internal
 */
export interface Call {
  readonly module: string
  readonly method: string
  readonly model: string
  readonly voice: string
  readonly apiKey: Redacted.Redacted
}

interface Door {
  readonly clean: (text: string, length?: number) => string
  readonly scrub: (text: string) => string
}

// A key's forms are worked out once.
const doors = new WeakMap<Redacted.Redacted, Door>()

const door = ({ apiKey }: Call): Door => {
  const known = doors.get(apiKey)
  if (known !== undefined) return known
  const secrets = [Redacted.value(apiKey)]
  const made = { clean: ForeignText.cleaner(secrets), scrub: ForeignText.scrubber(secrets) }
  doors.set(apiKey, made)
  return made
}

/**
 * Makes text of a server fit for messages, logs and spans: bounded, without the key, printable.
 *
 * @internal
 */
export const clean = (call: Call): Door["clean"] => door(call).clean

const causeOf = (call: Call, error: unknown) => scrubbedCause(error, door(call).scrub)

const fieldNames = new Map([
  ["voice_id", "voice"],
  ["sample_rate", "sampleRate"],
  ["output_format", "outputFormat"],
  ["pronunciation_dicts", "pronunciationDictionaries"],
  ["number_pronunciation_language", "numberPronunciationLanguage"],
  ["math_notation", "mathNotation"],
  ["save_history", "saveHistory"],
  ["add_wav_header", "addWavHeader"],
  ["remove_extra_silence", "removeExtraSilence"]
])

// What the server answers for a retired model is not documented: it may call the model unknown, forbidden or gone.
const retired: ReadonlyMap<string, string> = new Map([
  ["lightning_v3.1", "lightning_v3.1 retired on 2026-11-30. Use lightning_v3.1_pro, with a voice of that model."]
])

// A redirect is not followed: the key would go wherever it leads. The rest of the address may hold what is nobody's business.
const redirected = (status: number, location: string | undefined): string => {
  const url = location !== undefined && URL.canParse(location) ? new URL(location) : undefined
  const place = location === undefined || location === ""
    ? "does not say where to"
    : url === undefined
    ? "stays on its host, at another path"
    : `leads to ${url.protocol}//${url.host}`
  return `The server redirects with status ${status} and ${place}; redirects are not followed, so that the key goes nowhere else`
}

/**
 * Creates a typed error from an HTTP status and its body, in which the key does not occur.
 *
 * @internal
 */
export const fromStatus = (call: Call, options: {
  readonly status: number
  readonly body: ErrorBody
  readonly requestId: string | undefined
  readonly retryAfter: Duration.Duration | undefined
  /** Where a redirect leads. */
  readonly location?: string | undefined
}): SpeechError.SpeechError => {
  const { body, status } = options
  const said = status >= 300 && status < 400
    ? redirected(status, options.location)
    : body.message ?? `The server answered with status ${status}`
  const requestId = options.requestId ?? body.requestId
  const advice = retired.get(modelOfPath(call.model))
  const fields = { module: call.module, method: call.method, description: said, requestId }
  const gone = () =>
    new SpeechError.ModelRetired({ ...fields, model: call.model, ...(advice === undefined ? {} : { advice }) })
  switch (status) {
    case 400:
    case 422: {
      if (/upgrad/i.test(said) && /plan|limit/i.test(said)) return new SpeechError.NotEntitled(fields)
      const parameter = body.path?.[0]
      if (parameter === "model" && advice !== undefined) return gone()
      return parameter === "voice_id"
        ? new SpeechError.UnknownVoice({ ...fields, voice: call.voice, available: [] })
        : new SpeechError.InvalidSpeechRequest({
          ...fields,
          parameter: parameter === undefined ? "request" : fieldNames.get(parameter) ?? parameter
        })
    }
    case 401:
      return new SpeechError.InvalidApiKey({
        ...fields,
        advice: "Set SMALLEST_API_KEY to a valid key (they start with sk_) from the vendor's console."
      })
    case 402:
      return new SpeechError.QuotaExhausted(fields)
    case 403:
      return advice === undefined ? new SpeechError.NotEntitled(fields) : gone()
    case 404:
      return advice === undefined ? new SpeechError.ServerFailure({ ...fields, status }) : gone()
    case 410:
      return gone()
    case 413:
      return new SpeechError.InvalidSpeechRequest({ ...fields, parameter: "text" })
    case 429:
      return new SpeechError.RateLimited({ ...fields, retryAfter: options.retryAfter })
    default:
      return new SpeechError.ServerFailure({ ...fields, status })
  }
}

/**
 * Creates a typed error from a response that is not the audio it should be.
 *
 * @internal
 */
export const fromResponse = Effect.fnUntraced(function*(
  call: Call,
  response: HttpClientResponse.HttpClientResponse
) {
  const now = yield* Clock.currentTimeMillis
  const text = yield* readBody(response)
  return fromStatus(call, {
    status: response.status,
    body: readErrorText(text, clean(call)),
    requestId: requestIdOf(call, response),
    retryAfter: readRetryAfter(response.headers, now),
    location: clean(call)(response.headers["location"] ?? "", 2000)
  })
})

const string = (u: unknown): string | undefined => typeof u === "string" && u !== "" ? u : undefined

/** @internal */
export const requestIdOf = (call: Call, response: HttpClientResponse.HttpClientResponse): string | undefined =>
  string(clean(call)(response.headers["x-request-id"] ?? "", 200))

// The codes of OpenSSL and Node for a certificate that is not accepted.
const certificateCodes =
  /CERT|UNABLE_TO_(?:VERIFY|GET|DECRYPT|DECODE)|SELF_SIGNED|INVALID_(?:CA|PURPOSE)|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED|CRL_/

/**
 * The code of a certificate that was refused.
 *
 * @internal
 */
export const certificateOf = (code: string | undefined): string | undefined =>
  code !== undefined && certificateCodes.test(code) ? code : undefined

// What OpenSSL says of a server that answers in plain text is of no help.
const isNoTls = (message: string | undefined): boolean =>
  /ssl.*wrong version number|packet length too long/i.test(message ?? "")

/**
 * Creates a typed error from a failure to send a request or to read its answer.
 *
 * @internal
 */
export const fromHttpClient = (
  call: Call,
  error: HttpClientError.HttpClientError,
  options: { readonly connectTimeout: Duration.Duration; readonly requestId?: string | undefined }
): SpeechError.SpeechError => {
  const { code, message } = innermost(error)
  const said = isNoTls(message)
    ? "the server does not speak TLS there; a base URL that begins with http:// may be meant"
    : clean(call)(message ?? error.description ?? error.reason)
  const fields = { module: call.module, method: call.method, requestId: options.requestId, cause: causeOf(call, error) }
  if (error._tag === "RequestError") {
    if (error.reason !== "Transport") {
      return new SpeechError.InvalidSpeechRequest({
        ...fields,
        parameter: error.reason === "InvalidUrl" ? "baseUrl" : "request",
        description: `The request could not be made: ${said}`
      })
    }
    return code === "UND_ERR_CONNECT_TIMEOUT"
      ? new SpeechError.SpeechTimeout({
        ...fields,
        phase: "connect",
        after: options.connectTimeout,
        description: "The server did not accept the connection in time"
      })
      : new SpeechError.TransportFailure({
        ...fields,
        description: `The server could not be reached: ${said}`,
        certificate: certificateOf(code)
      })
  }
  return new SpeechError.TruncatedAudio({ ...fields, description: `The connection broke in the middle: ${said}` })
}

/**
 * Creates a typed error from an answer, JSON and no audio, that could not be read to its end.
 *
 * @internal
 */
export const fromBrokenAnswer = (
  call: Call,
  error: HttpClientError.HttpClientError,
  requestId: string | undefined
): SpeechError.TransportFailure =>
  new SpeechError.TransportFailure({
    module: call.module,
    method: call.method,
    description: clean(call)(`The connection broke in the middle: ${innermost(error).message ?? error.reason}`),
    requestId,
    cause: causeOf(call, error)
  })

/**
 * Creates a typed error from status 404, if it means that an id is unknown.
 *
 * @internal
 */
export const notFound = (
  call: Call,
  response: HttpClientResponse.HttpClientResponse,
  unknown: { readonly parameter: string; readonly description: string }
): SpeechError.InvalidSpeechRequest =>
  new SpeechError.InvalidSpeechRequest({
    module: call.module,
    method: call.method,
    ...unknown,
    requestId: requestIdOf(call, response)
  })

/** @internal */
export const malformed = (call: Call, description: string, requestId?: string): SpeechError.MalformedResponse =>
  new SpeechError.MalformedResponse({
    module: call.module,
    method: call.method,
    description: clean(call)(description),
    requestId
  })

const encodings = /\b(gzip|x-gzip|deflate|br|zstd)\b/i

/**
 * How the bytes of an answer are still compressed, if they are. Clients that decode leave the header as it is, so it counts only
 * if the length it came with is that of the bytes; gzip begins with a signature.
 *
 * @internal
 */
export const compressionOf = (
  headers: Readonly<Record<string, string | undefined>>,
  bytes: Uint8Array
): string | undefined => {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 0x08 && (bytes[3] ?? 0) < 0x20) return "gzip"
  const encoding = encodings.exec(headers["content-encoding"] ?? "")?.[1]
  return Number(headers["content-length"]) === bytes.length ? encoding : undefined
}

// An open stream has no status any more, so its errors are recognised by their words.
const statuses: ReadonlyArray<readonly [words: RegExp, status: number]> = [
  [/unauthori[sz]ed|(invalid|missing|no) (api[ _-]?key|key|token)/i, 401],
  [/insufficient (credit|balance|fund)|quota|out of credit/i, 402],
  [/not entitled|upgrade.*plan|forbidden/i, 403],
  [/retired|deprecated/i, 410],
  [/rate[ _-]?limit|too many|concurren|slow down/i, 429],
  [/language .* not supported|invalid[ _](enum|type|input|request)|cannot be combined|required/i, 400]
]

const unknownVoice = /(invalid|unknown|no such) voice|voice.*(not found|does not exist|not supported)/i

/**
 * Creates a typed error from an error that came inside an open stream.
 *
 * @internal
 */
export const inBand = (call: Call, json: unknown, requestId?: string): SpeechError.SpeechError => {
  const body = readErrorBody(json, clean(call))
  const said = body.message ?? "The server reported an error inside the stream"
  const words = `${said} ${body.code ?? ""}`
  const fields = { module: call.module, method: call.method, description: said, requestId: requestId ?? body.requestId }
  if (unknownVoice.test(words)) return new SpeechError.UnknownVoice({ ...fields, voice: call.voice, available: [] })
  // The connection and not the speech: the server closes sockets on which the client says nothing.
  if (/timed out .*inactivity/i.test(words)) return new SpeechError.TransportFailure(fields)
  const status = statuses.find(([pattern]) => pattern.test(words))?.[1]
  return status === undefined
    ? new SpeechError.ServerFailure(fields)
    : fromStatus(call, { status, body, requestId: fields.requestId, retryAfter: undefined })
}

/**
 * Creates a typed error from the code with which a server closed a WebSocket.
 *
 * @internal
 */
export const fromClose = (call: Call, code: number, reason: string): SpeechError.SpeechError => {
  const description = `The server closed the socket with code ${code}${
    reason === "" ? "" : ` (${clean(call)(reason)})`
  }`
  const fields = { module: call.module, method: call.method, description }
  // 1013 is "try again later" (IANA's registry); the vendor's transcription closes with 1008 over the limit of the account.
  return code === 1013 || code === 1008 ? new SpeechError.RateLimited(fields) : new SpeechError.TransportFailure(fields)
}

/**
 * Creates a typed error from a WebSocket that broke.
 *
 * @internal
 */
export const fromSocket = (call: Call, error: unknown): SpeechError.TransportFailure => {
  const { message } = innermost(error)
  return new SpeechError.TransportFailure({
    module: call.module,
    method: call.method,
    description: clean(call)(message === undefined ? "The socket broke" : `The socket broke: ${message}`),
    cause: causeOf(call, error)
  })
}

/**
 * Creates a typed error from a WebSocket that did not open.
 *
 * @internal
 */
export const fromConnect = (
  call: Call,
  error: WebSocketConnectError,
  timeout: Duration.Duration
): Effect.Effect<SpeechError.SpeechError> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const fields = {
      module: call.module,
      method: call.method,
      description: clean(call)(error.description),
      cause: causeOf(call, error)
    }
    if (error.reason === "Timeout") {
      return new SpeechError.SpeechTimeout({ ...fields, phase: "connect", after: timeout })
    }
    if (error.reason === "Unreachable" || error.status === undefined) {
      return new SpeechError.TransportFailure({ ...fields, certificate: certificateOf(error.code) })
    }
    const headers = error.headers ?? {}
    return fromStatus(call, {
      status: error.status,
      body: readErrorText(error.body ?? "", clean(call)),
      requestId: string(clean(call)(headers["x-request-id"] ?? "", 200)),
      retryAfter: readRetryAfter(headers, now),
      location: clean(call)(headers["location"] ?? "", 2000)
    })
  })
