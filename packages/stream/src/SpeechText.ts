/**
 * Text on its way to speech: what callers put into a text stream, and adapters for the sources that they have.
 *
 * @since 0.1.0
 */

/**
 * The type id of {@link Flush}.
 *
 * @since 0.1.0
 * @category type ids
 */
export const FlushTypeId: FlushTypeId = "~@effect-smallest/stream/SpeechText/Flush"

/**
 * The type of the type id of {@link Flush}.
 *
 * @since 0.1.0
 * @category type ids
 */
export type FlushTypeId = "~@effect-smallest/stream/SpeechText/Flush"

/**
 * A mark in a text stream: speak what has come so far now. See {@link flush}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Flush {
  readonly [FlushTypeId]: FlushTypeId
}

/**
 * What a text stream for speech is made of: pieces of text, cut anywhere, and flush marks.
 *
 * @since 0.1.0
 * @category models
 */
export type Input = string | Flush

/**
 * Asks for everything before it to be spoken now, without waiting for the end of the sentence: the writer is busy with something else, for
 * example with a tool call.
 *
 * @since 0.1.0
 * @category constants
 */
export const flush: Flush = Object.freeze({ [FlushTypeId]: FlushTypeId })

/**
 * Whether a value is a {@link Flush}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isFlush = (value: unknown): value is Flush =>
  typeof value === "object" && value !== null && FlushTypeId in value
