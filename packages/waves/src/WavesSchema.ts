/**
 * Bodies of the vendor's speech API, in the vendor's spelling.
 *
 * @see https://docs.smallest.ai/waves
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The body of `POST /waves/v1/tts` and of `POST /waves/v1/tts/live`. The server's own defaults differ from ours: 44100 Hz
 * and the model `lightning_v3.1`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SpeechBody = Schema.Struct({
  text: Schema.String,
  voice_id: Schema.String,
  model: Schema.optional(Schema.String),
  sample_rate: Schema.optional(Schema.Number),
  speed: Schema.optional(Schema.Number),
  language: Schema.optional(Schema.String),
  output_format: Schema.optional(Schema.Literal("pcm", "wav", "mp3", "ulaw", "alaw")),
  number_pronunciation_language: Schema.optional(Schema.String),
  math_notation: Schema.optional(Schema.Boolean),
  pronunciation_dicts: Schema.optional(Schema.Array(Schema.String)),
  enhancement: Schema.optional(Schema.Number),
  similarity: Schema.optional(Schema.Number),
  save_history: Schema.optional(Schema.Boolean)
})

/**
 * @since 0.1.0
 * @category models
 */
export type SpeechBody = typeof SpeechBody.Type

/**
 * The body of the API of 2024, `POST /api/v1/lightning/get_speech`, with its eight fields.
 *
 * @since 0.1.0
 * @category schemas
 */
export const LightningV1Body = Schema.Struct({
  text: Schema.String,
  sample_rate: Schema.Number,
  voice_id: Schema.String,
  add_wav_header: Schema.Boolean,
  speed: Schema.Number,
  model: Schema.String,
  transliterate: Schema.Boolean,
  remove_extra_silence: Schema.Boolean
})

/**
 * @since 0.1.0
 * @category models
 */
export type LightningV1Body = typeof LightningV1Body.Type

/**
 * A message to `/waves/v1/tts/live` over WebSocket: a speech body whose text may be a part, and how to treat that part.
 *
 * @since 0.1.0
 * @category schemas
 */
export const LiveMessage = Schema.Struct({
  ...SpeechBody.fields,
  text: Schema.optional(Schema.String),
  voice_id: Schema.optional(Schema.String),
  /** More text follows: keep this part until there is enough to speak. */
  continue: Schema.optional(Schema.Boolean),
  /** Speak what has been kept. Not together with `context_id`. */
  flush: Schema.optional(Schema.Boolean),
  /** Speak what has been kept after so many milliseconds; 0 waits for `flush`. Not together with `context_id`. */
  max_buffer_flush_ms: Schema.optional(Schema.Number),
  /** Quiet time after the last audio before the server says `complete`, in milliseconds. */
  complete_backoff_ms: Schema.optional(Schema.Number),
  /** Parts with the same id are one utterance. */
  context_id: Schema.optional(Schema.String),
  /** Speak what a context has kept after so many milliseconds from its first part. */
  max_buffer_delay_ms: Schema.optional(Schema.Number),
  context_close: Schema.optional(Schema.Boolean),
  /** Drop what has been kept. */
  cancel_request: Schema.optional(Schema.Boolean),
  word_timestamps: Schema.optional(Schema.Boolean),
  /** Our own id, which the server echoes on every frame as `external_request_id`. */
  request_id: Schema.optional(Schema.String)
})

/**
 * @since 0.1.0
 * @category models
 */
export type LiveMessage = typeof LiveMessage.Type
