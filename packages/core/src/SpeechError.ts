/**
 * Everything that can go wrong between a text and its audio, as one union of tagged errors.
 *
 * Handle them with `Effect.catchTag` / `Effect.catchTags`; ask {@link isRetryable} whether trying again can help.
 * Trouble with a loudspeaker is a `PlaybackError`, with a file an `AudioFileError`, with WAV bytes a `WavError`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId = "~@effect-smallest/core/SpeechError"

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * Where in a stream of speech an error happened, so that a caller can continue with the rest of the text.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Position = Schema.Struct({
  /** Index of the segment that failed, from 0. */
  segment: Schema.NonNegativeInt,
  /** Offset of that segment in the whole text, in UTF-16 code units. */
  textOffset: Schema.NonNegativeInt,
  /** Samples of the whole stream that left before the error. */
  samplesEmitted: Schema.NonNegativeInt,
  /** Index of the part of the script, from 0. Only in scripts. */
  part: Schema.optional(Schema.NonNegativeInt)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Position = typeof Position.Type

const fields = {
  /** The module that failed, such as `WavesClient`. */
  module: Schema.String,
  /** The method of that module, such as `stream`. */
  method: Schema.String,
  /** What happened, in one sentence; the server's own words if it gave some. */
  description: Schema.String,
  /** The server's id of the request: quote it to the vendor's support. */
  requestId: Schema.optional(Schema.String),
  position: Schema.optional(Position),
  /** What to do about it, in one sentence, if the engine knows more than the error's own advice. */
  advice: Schema.optional(Schema.String),
  /** The failure behind this one, without secrets: for debugging, not for branching. It does not cross a proxy. */
  cause: Schema.optional(Schema.Defect)
}

const sentence = (text: string): string => /[.!?…]\)?$/.test(text) ? text : `${text}.`

const explain = (
  { advice, description, requestId }: {
    readonly description: string
    readonly requestId?: string | undefined
    readonly advice?: string | undefined
  },
  usualAdvice: string
) => {
  const remedy = advice === undefined ? usualAdvice : sentence(advice)
  return `${sentence(description)} ${
    requestId === undefined ? remedy : `${remedy.replace(/\.$/, "")} (request ${requestId}).`
  }`
}

// A person waits for seconds, not for fractions of them.
const seconds = (wait: Duration.Duration): string =>
  Duration.format(Duration.seconds(Math.ceil(Duration.toSeconds(wait))))

const identifier = (name: string) => `@effect-smallest/core/SpeechError/${name}`

// The annotation of `HttpApiSchema`, by its registered name: the module itself would make every page heavier.
const httpStatusId = /*#__PURE__*/ Symbol.for("@effect/platform/HttpApiSchema/AnnotationStatus")

const answers = (status: number) => ({ [httpStatusId]: status })

/**
 * The request was wrong before anything has been sent: a value out of bounds, or an option that this engine cannot honour.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidSpeechRequest extends Schema.TaggedError<InvalidSpeechRequest>(identifier("InvalidSpeechRequest"))(
  "InvalidSpeechRequest",
  {
    ...fields,
    /** The option at fault, by its name in `SpeechRequest`. */
    parameter: Schema.String
  },
  answers(400)
) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return explain(this, `Correct \`${this.parameter}\` and try again.`)
  }
}

/**
 * The server does not know the API key. `advice` names the setting that holds it.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidApiKey extends Schema.TaggedError<InvalidApiKey>(identifier("InvalidApiKey"))(
  "InvalidApiKey",
  fields,
  answers(502)
) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return explain(this, "Give the layer a valid API key.")
  }
}

/**
 * An application's own server did not let the caller speak.
 *
 * @since 0.1.0
 * @category errors
 */
export class AccessDenied extends Schema.TaggedError<AccessDenied>(identifier("AccessDenied"))(
  "AccessDenied",
  fields,
  answers(403)
) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return explain(this, "Sign in, and send what the server asks for with the option `headers`.")
  }
}

/**
 * The key is valid, but may not do what was asked: the account's plan does not include it, or the vendor lets people do it
 * in the console and programs not.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotEntitled extends Schema.TaggedError<NotEntitled>(identifier("NotEntitled"))("NotEntitled", {
  ...fields,
  /**
   * What it takes instead.
   * @default "plan"
   */
  needs: Schema.optional(Schema.Literal("plan", "console"))
}, answers(502)) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return explain(
      this,
      this.needs === "console"
        ? "Sign in to the vendor's console and do it there."
        : "Choose a model or feature of your plan, or upgrade it."
    )
  }
}

/**
 * The account has no credits left.
 *
 * @since 0.1.0
 * @category errors
 */
export class QuotaExhausted extends Schema.TaggedError<QuotaExhausted>(identifier("QuotaExhausted"))(
  "QuotaExhausted",
  fields,
  answers(503)
) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return explain(this, "Add credits to the account.")
  }
}

/**
 * The engine has no voice of this name, or not for this model.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnknownVoice extends Schema.TaggedError<UnknownVoice>(identifier("UnknownVoice"))("UnknownVoice", {
  ...fields,
  voice: Schema.String,
  /** Some voices that the engine does have; empty if it cannot say. */
  available: Schema.Array(Schema.String)
}, answers(400)) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return explain(
      this,
      this.available.length === 0
        ? "List the voices with `SpeechSynthesizer.voices` and name one of them."
        : `Name one of these: ${this.available.join(", ")}.`
    )
  }
}

/**
 * The model, or the API generation that served it, is gone from the server.
 *
 * @since 0.1.0
 * @category errors
 */
export class ModelRetired extends Schema.TaggedError<ModelRetired>(identifier("ModelRetired"))("ModelRetired", {
  ...fields,
  model: Schema.String
}, answers(502)) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return explain(this, "Use a current model through `WavesSpeechSynthesizer` (on the command line: --engine waves).")
  }
}

/**
 * Too many requests, or more at once than the account may run.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimited extends Schema.TaggedError<RateLimited>(identifier("RateLimited"))("RateLimited", {
  ...fields,
  /** How long the server asks to wait, if it says so. {@link retrySchedule} never retries earlier. */
  retryAfter: Schema.optional(Schema.DurationFromMillis)
}, answers(429)) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return true
  }
  override get message(): string {
    const wait = this.retryAfter === undefined || Duration.toMillis(this.retryAfter) === 0
      ? "a moment"
      : seconds(this.retryAfter)
    return explain(this, `Wait ${wait} and try again; \`concurrency\` must not exceed what the account allows.`)
  }
}

/**
 * The server failed, or answered with a status that it does not document.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServerFailure extends Schema.TaggedError<ServerFailure>(identifier("ServerFailure"))("ServerFailure", {
  ...fields,
  /** The HTTP status; absent when the failure came inside an open stream. */
  status: Schema.optional(Schema.Int)
}, answers(502)) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return this.status === undefined || this.status >= 500 || this.status === 408 || this.status === 409
  }
  override get message(): string {
    const isTold = this.status === undefined || this.description.includes(`${this.status}`)
    const status = isTold ? "" : ` (status ${this.status})`
    return explain(
      this,
      this.isRetryable
        ? `The server failed${status}; try again shortly.`
        : `The server refused the request${status}; check the request and the base URL.`
    )
  }
}

/**
 * The connection could not be made, or broke before the answer began.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransportFailure extends Schema.TaggedError<TransportFailure>(identifier("TransportFailure"))(
  "TransportFailure",
  {
    ...fields,
    /** Why the server's certificate was refused, as in `SELF_SIGNED_CERT_IN_CHAIN`: no retry mends that. */
    certificate: Schema.optional(Schema.String)
  },
  answers(502)
) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return this.certificate === undefined
  }
  override get message(): string {
    return explain(
      this,
      this.certificate === undefined
        ? "Check the network and the base URL."
        : /EXPIRED|NOT_YET_VALID/.test(this.certificate)
        ? "Check the clock of this machine, then ask who runs the server."
        : /ALTNAME/.test(this.certificate)
        ? "Check the host in the base URL."
        : "If a private authority issued it, name the authority's certificate in NODE_EXTRA_CA_CERTS (a PEM file) before Node starts."
    )
  }
}

/**
 * Something took longer than allowed.
 *
 * - `permit`: waiting for one of the account's concurrency permits
 * - `connect`: until the server answered at all
 * - `firstAudio`: from sending the request to the first sample
 * - `idle`: between two pieces of audio; keep-alives do not count
 * - `answer`: the whole of an answer that is not speech, such as a list of voices
 *
 * @since 0.1.0
 * @category errors
 */
export class SpeechTimeout extends Schema.TaggedError<SpeechTimeout>(identifier("SpeechTimeout"))("SpeechTimeout", {
  ...fields,
  phase: Schema.Literal("permit", "connect", "firstAudio", "idle", "answer"),
  /** The limit that was exceeded. */
  after: Schema.DurationFromMillis
}, answers(504)) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return true
  }
  override get message(): string {
    return explain(this, `Try again, or raise \`timeouts.${this.phase}\`.`)
  }
}

/**
 * The audio ended before the protocol's end mark: what has been heard is not the whole text.
 *
 * @since 0.1.0
 * @category errors
 */
export class TruncatedAudio extends Schema.TaggedError<TruncatedAudio>(identifier("TruncatedAudio"))(
  "TruncatedAudio",
  fields,
  answers(502)
) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return true
  }
  override get message(): string {
    return explain(this, "The text was not spoken to its end; speak the rest again from `position` if it is given.")
  }
}

/**
 * The server sent something that is not audio and not an error that we can read.
 *
 * @since 0.1.0
 * @category errors
 */
export class MalformedResponse extends Schema.TaggedError<MalformedResponse>(identifier("MalformedResponse"))(
  "MalformedResponse",
  fields,
  answers(502)
) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return true
  }
  override get message(): string {
    return explain(this, "Check that the base URL is the speech API, and no page or proxy before it.")
  }
}

/**
 * The server reported success but sent no audio.
 *
 * @since 0.1.0
 * @category errors
 */
export class EmptyAudio
  extends Schema.TaggedError<EmptyAudio>(identifier("EmptyAudio"))("EmptyAudio", fields, answers(502))
{
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return true
  }
  override get message(): string {
    return explain(this, "Try again; if it stays silent, check that the text has words in the chosen language.")
  }
}

/**
 * An engine inside this process failed, such as the embedded voice.
 *
 * @since 0.1.0
 * @category errors
 */
export class EngineFailure extends Schema.TaggedError<EngineFailure>(identifier("EngineFailure"))(
  "EngineFailure",
  {
    ...fields,
    /** Whether the same call would fail again, as when a part of the engine is not installed. */
    isPermanent: Schema.optional(Schema.Boolean)
  }
) {
  get [TypeId](): TypeId {
    return TypeId
  }
  get isRetryable(): boolean {
    return this.isPermanent !== true
  }
  override get message(): string {
    return this.isRetryable
      ? explain(this, "Try again; if the same text fails again, please report it.")
      : sentence(this.description)
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type SpeechError =
  | InvalidSpeechRequest
  | InvalidApiKey
  | AccessDenied
  | NotEntitled
  | QuotaExhausted
  | UnknownVoice
  | ModelRetired
  | RateLimited
  | ServerFailure
  | TransportFailure
  | SpeechTimeout
  | TruncatedAudio
  | MalformedResponse
  | EmptyAudio
  | EngineFailure

const members = [
  InvalidSpeechRequest,
  InvalidApiKey,
  AccessDenied,
  NotEntitled,
  QuotaExhausted,
  UnknownVoice,
  ModelRetired,
  RateLimited,
  ServerFailure,
  TransportFailure,
  SpeechTimeout,
  TruncatedAudio,
  MalformedResponse,
  EmptyAudio,
  EngineFailure
] as const

/**
 * The union as a schema: errors cross workers and proxies as JSON and come out as the same classes.
 *
 * @example
 * ```ts
 * import { SpeechError } from "@effect-smallest/core"
 * import { Schema } from "effect"
 *
 * const error = new SpeechError.EmptyAudio({ module: "Demo", method: "speak", description: "No audio came" })
 * const json = Schema.encodeSync(SpeechError.schema)(error)
 * const back = Schema.decodeSync(SpeechError.schema)(json)
 * back._tag // "EmptyAudio"
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const schema: Schema.Union<typeof members> = Schema.Union(...members)

/**
 * @since 0.1.0
 * @category guards
 */
export const isSpeechError = (u: unknown): u is SpeechError => Predicate.hasProperty(u, TypeId)

/**
 * Whether the same request may succeed when it is sent again.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRetryable = (error: SpeechError): boolean => error.isRetryable

/**
 * The HTTP status with which an application's own server answers a request that failed with this error. As an error of an `HttpApi` endpoint
 * the {@link schema} answers with the same.
 *
 * | status | errors |
 * | --- | --- |
 * | 400 | `InvalidSpeechRequest`, `UnknownVoice`: the caller can mend the request |
 * | 403 | `AccessDenied` |
 * | 429 | `RateLimited` |
 * | 500 | `EngineFailure` |
 * | 502 | what the engine's server failed with; `InvalidApiKey`, `NotEntitled` and `ModelRetired`, too, because the caller has no part in them |
 * | 503 | `QuotaExhausted` |
 * | 504 | `SpeechTimeout` |
 *
 * @example
 * ```ts
 * import { SpeechError } from "@effect-smallest/core"
 *
 * SpeechError.httpStatus(new SpeechError.RateLimited({ module: "Demo", method: "speak", description: "Too fast" })) // 429
 * ```
 *
 * @since 0.2.0
 * @category accessors
 */
export const httpStatus = (error: SpeechError): number => {
  const { ast } = members.find((member) => error instanceof member) ?? EngineFailure
  const status = ast._tag === "Transformation" ? ast.to.annotations[httpStatusId] : undefined
  return typeof status === "number" ? status : 500
}

/**
 * The same error with its place in a stream of segments. Its cause and its stack stay.
 *
 * @since 0.1.0
 * @category error handling
 */
export const withPosition: {
  (position: Position): (self: SpeechError) => SpeechError
  (self: SpeechError, position: Position): SpeechError
} = /*#__PURE__*/ dual(
  2,
  (self: SpeechError, position: Position): SpeechError => copy(self, { position, cause: self.cause })
)

/**
 * The same error without its cause, for listeners on the other side of a network.
 *
 * @since 0.1.0
 * @category error handling
 */
export const withoutCause = (self: SpeechError): SpeechError => self.cause === undefined ? self : copy(self, {})

const copy = (self: SpeechError, changed: { readonly position?: Position; readonly cause?: unknown }): SpeechError => {
  // The constructor of an error's own class takes the error's own fields; the compiler does not know that they belong together.
  const Class = self.constructor as new(fields: object) => SpeechError
  const fields = { ...self, cause: undefined, ...changed }
  return Object.defineProperty(
    new Class(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))),
    "stack",
    {
      value: self.stack,
      configurable: true,
      writable: true
    }
  )
}

/**
 * How {@link retrySchedule} retries.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryOptions {
  /**
   * Retries after the first attempt.
   * @default 3
   */
  readonly maxRetries?: number | undefined
  /**
   * The wait before the first retry; it doubles with each.
   * @default "500 millis"
   */
  readonly baseDelay?: Duration.DurationInput | undefined
  /**
   * The longest wait that is not asked for by the server.
   * @default "30 seconds"
   */
  readonly maxDelay?: Duration.DurationInput | undefined
  /**
   * The longest wait that a server may ask for. If it asks for more, the error is final at once, with its `retryAfter`: nothing waits for
   * hours, and no permit is held meanwhile.
   * @default "2 minutes"
   */
  readonly maxRetryAfter?: Duration.DurationInput | undefined
  /**
   * Which of the errors that {@link isRetryable} allows are retried, if another layer retries the others.
   * @default all of them
   */
  readonly while?: Predicate.Predicate<SpeechError> | undefined
}

const defaultMaxRetryAfter = "2 minutes"

const asksAtMost = (error: SpeechError, limit: Duration.Duration): boolean =>
  error._tag !== "RateLimited" || error.retryAfter === undefined || Duration.lessThanOrEqualTo(error.retryAfter, limit)

/**
 * Retries what {@link isRetryable} allows: exponential with 20 % jitter, and never earlier than `RateLimited.retryAfter`, unless that is longer than `maxRetryAfter`.
 * The defaults follow the vendor's advice (500 ms, doubled up to 30 s).
 *
 * @example
 * ```ts
 * import { SpeechError, SpeechSynthesizer } from "@effect-smallest/core"
 * import { Effect } from "effect"
 *
 * const notice = SpeechSynthesizer.synthesize({ text: "Your table is ready." }).pipe(
 *   Effect.retry(SpeechError.retrySchedule({ maxRetries: 5 }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category error handling
 */
export const retrySchedule = (options: RetryOptions = {}): Schedule.Schedule<SpeechError, SpeechError> => {
  const maxDelay = Duration.decode(options.maxDelay ?? "30 seconds")
  const maxRetryAfter = Duration.decode(options.maxRetryAfter ?? defaultMaxRetryAfter)
  return Schedule.identity<SpeechError>().pipe(
    Schedule.whileInput((error: SpeechError) =>
      isRetryable(error) && asksAtMost(error, maxRetryAfter) && (options.while?.(error) ?? true)
    ),
    Schedule.intersect(
      Schedule.exponential(options.baseDelay ?? "500 millis").pipe(
        Schedule.jittered,
        Schedule.modifyDelay((_, delay) => Duration.min(delay, maxDelay))
      )
    ),
    Schedule.intersect(Schedule.recurs(options.maxRetries ?? 3)),
    Schedule.map(([[error]]) => error),
    Schedule.modifyDelay((error, delay) =>
      error._tag === "RateLimited" && error.retryAfter !== undefined ? Duration.max(error.retryAfter, delay) : delay
    )
  )
}

/**
 * How a layer tries again: by options of {@link retrySchedule}, by a schedule of your own, or not at all. Whatever a schedule says, only
 * errors with `isRetryable` are retried, only before the first sample has left, and never earlier than the server asks.
 *
 * @since 0.1.0
 * @category models
 */
export type Retry = RetryOptions | Schedule.Schedule<unknown, SpeechError> | false

/**
 * The schedule of a {@link Retry}. The default is {@link retrySchedule} with its own defaults.
 *
 * @since 0.1.0
 * @category error handling
 */
export const scheduleOf = (retry: Retry = {}): Schedule.Schedule<unknown, SpeechError> =>
  retry === false
    ? Schedule.stop
    : Schedule.isSchedule(retry)
    ? Schedule.passthrough(retry).pipe(
      Schedule.whileInput((error: SpeechError) =>
        isRetryable(error) && asksAtMost(error, Duration.decode(defaultMaxRetryAfter))
      ),
      Schedule.modifyDelay((error, delay) =>
        error._tag === "RateLimited" && error.retryAfter !== undefined ? Duration.max(error.retryAfter, delay) : delay
      )
    )
    : retrySchedule(retry)
