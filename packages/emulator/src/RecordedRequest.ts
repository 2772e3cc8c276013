/**
 * What a client sent to the emulator, and what became of it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A request or a WebSocket connection. API keys are replaced by `<redacted>`. Times are milliseconds since 1970.
 *
 * @since 0.1.0
 * @category schemas
 */
export const RecordedRequest = Schema.Struct({
  /** The `x-request-id` of the answer. */
  id: Schema.String,
  transport: Schema.Literal("http", "websocket"),
  method: Schema.String,
  /** The path without the query. */
  path: Schema.String,
  query: Schema.Record({ key: Schema.String, value: Schema.String }),
  headers: Schema.Record({ key: Schema.String, value: Schema.String }),
  /** The body: JSON if it is JSON, else a string. Bodies over 16 kB are cut. */
  body: Schema.optional(Schema.Unknown),
  /** The newest frames that came over a WebSocket: JSON if they are JSON, else strings. */
  messages: Schema.Array(Schema.Struct({ at: Schema.Number, message: Schema.Unknown })),
  /** The tags of the faults that struck it. */
  faults: Schema.Array(Schema.String),
  /** Bytes of audio that have been sent. */
  audioBytes: Schema.Number,
  startedAt: Schema.Number,
  endedAt: Schema.optional(Schema.Number),
  /** The status of the answer; 101 for a WebSocket. */
  status: Schema.optional(Schema.Number),
  /** The code with which the client closed the WebSocket; 1006 when it vanished. */
  closeCode: Schema.optional(Schema.Number),
  /**
   * - `open`: still being answered
   * - `completed`: answered to the end
   * - `aborted`: the connection ended before
   */
  outcome: Schema.Literal("open", "completed", "aborted")
})

/**
 * @since 0.1.0
 * @category models
 */
export type RecordedRequest = typeof RecordedRequest.Type
