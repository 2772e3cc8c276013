/**
 * What no public page says about the vendor's API. Each answer that the emulator has to choose is an option here, with
 * the choice that clients get along with best as its default.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const choice = <const Literals extends readonly [string | number, ...ReadonlyArray<string | number>]>(
  ...literals: Literals
) =>
  Schema.optionalWith(
    Schema.Literal(...literals).annotations({
      message: () => ({ message: `must be ${literals.join(" or ")}`, override: true })
    }),
    {
      default: () => literals[0]
    }
  )

const integer = (minimum: number, maximum: number, value: number) =>
  Schema.optionalWith(Schema.Int.pipe(Schema.between(minimum, maximum)), { default: () => value })

/**
 * The open questions and the emulator's answers. Every field may be left out; decoding fills in the defaults, which are
 * the first of the listed choices.
 *
 * @example
 * ```ts
 * import { Assumptions } from "@effect-smallest/emulator"
 * import { Schema } from "effect"
 *
 * const assumptions = Schema.decodeSync(Assumptions.Assumptions)({ socketRequests: "interleave" })
 * assumptions.segmentMaxLength // 250
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const Assumptions = Schema.Struct({
  /** Text of blanks alone on today's HTTP routes: a 400, or a 200 without audio. */
  blankText: choice("refuse", "silence"),
  /** Text without a single letter to speak on the routes of 2024, whose Python client sends such: no audio, or a 400. */
  legacyBlankText: choice("silence", "refuse"),
  /** The longest text of the routes of 2024 and 2025, in UTF-16 code units. */
  legacyTextMax: integer(1, 100_000, 10_000),
  /** Errors of the routes of 2024 and 2025: `{ error, message }` as their documentation said, or today's shapes. */
  legacyErrors: choice("documented", "today"),
  /** Fields of a body that the API does not have. */
  unknownKeys: choice("ignore", "refuse"),
  /** The status of a body that is not valid. */
  validationStatus: choice(400, 422),
  /**
   * What answers for `lightning_v3.1`, which retired on 2026-11-30: speech as before, a 400 that calls the model unknown,
   * a 403, a 404, or a 410. Its voices are listed only while it speaks.
   */
  lightningV31: choice("serve", 400, 403, 404, 410),
  /** Bodies for statuses whose real ones are not published, by status: `{ "404": { "message": "no such route" } }`. */
  errorBodies: Schema.optionalWith(
    Schema.Record({ key: Schema.String.pipe(Schema.pattern(/^[45]\d\d$/)), value: Schema.Unknown }),
    {
      default: () => ({})
    }
  ),
  /** Whether whole audio comes with a `Content-Length`, or chunked. */
  bodyTransfer: choice("length", "chunked"),
  /** Server-sent events and WebSocket: always PCM, as observed, or the `output_format` of the request. */
  streamedFormat: choice("pcm", "requested"),
  /** The size fields of a WAV header that is streamed: all ones, or zero. */
  streamedWavSizes: choice("ones", "zero"),
  /** The `x-content-expiry` of an answer whose request asked for expiry. */
  contentExpiry: choice("not-entitled", "applied", "unavailable"),
  /** Several requests on one socket: one after the other, or their frames mixed. */
  socketRequests: choice("queue", "interleave"),
  /** Seconds without a client message after which a socket is closed, if its `?timeout=` does not say. */
  idleTimeout: integer(1, 86_400, 60),
  /** The code with which an idle socket is closed. */
  idleCloseCode: integer(1000, 4999, 1000),
  /** The code with which a socket is closed when it goes over the concurrency limit; 0 leaves it open. */
  overLimitCloseCode: integer(0, 4999, 0),
  /**
   * How many characters of a context have to be there before the end of a sentence releases them. The vendor's example
   * of three sentences with 25, 25 and 23 characters is released once.
   */
  segmentMinLength: integer(1, 8000, 60),
  /** How many characters are buffered at most; longer text is cut at a sentence or a blank. */
  segmentMaxLength: integer(10, 8000, 250),
  /** `complete` after `flush: true`: after the quiet time as always, or at once. */
  completeAfterFlush: choice("debounced", "immediate"),
  /** `{"flush": true}` without text or voice: speaks what is buffered, does nothing, or is refused for want of a voice. */
  bareFlush: choice("flush", "ignore", "refuse"),
  /** `context_close`: drops what is buffered and ends what is spoken, or speaks what is buffered. */
  contextClose: choice("discard", "flush"),
  /** Whether the socket stays open after a `complete` with nothing left to speak. */
  afterComplete: choice("stay", "close"),
  /** The `request_id` of frames on the sockets of 2024 and 2025: one of the server, or the client's where it sent one. */
  legacyRequestId: choice("server", "client"),
  /** What Lightning v4 sends after the upgrade: both `ready` events, the first alone, or neither. */
  v4Ready: choice("both", "first", "none"),
  /** The rate that the second `ready` of Lightning v4 names; 0 is the one that was asked for. */
  v4SampleRate: integer(0, 48_000, 0),
  /** The code with which Lightning v4 closes after a refusal; a bad sample rate always closes with 1008. */
  v4RefusalCloseCode: integer(1000, 4999, 1008),
  /** What a session of Lightning v4 counts as for its whole life: one of the account's sockets, or one of its requests. */
  v4Session: choice("socket", "request"),
  /** Seconds without a client message after which a session of Lightning v4 is closed; 0 is never. */
  v4IdleTimeout: integer(0, 86_400, 0),
  /** The longest text of a turn of Lightning v4, in UTF-16 code units. */
  v4TextMax: integer(1, 100_000, 8000),
  /** A word that the content filter of Lightning v4 finds, whatever its case; empty finds nothing. */
  v4FilteredWord: Schema.optionalWith(Schema.String, { default: () => "" }),
  /** How a rejected turn of Lightning v4 ends: `turn_end` without audio, an `error` with the code `content_filtered`, or not at all. */
  v4RejectedTurn: choice("turn_end", "error", "nothing"),
  /** What an `interrupt` of Lightning v4 gets with nothing being spoken: no answer, or `interrupted` without a turn. */
  v4IdleInterrupt: choice("nothing", "interrupted"),
  /** Changing or deleting a pronunciation dictionary that does not exist. */
  unknownDictionary: choice(404, 400, 200)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Assumptions = typeof Assumptions.Type
