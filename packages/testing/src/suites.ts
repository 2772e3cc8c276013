/**
 * The contracts of the ports, as suites of tests for any implementation. They import Vitest; the doubles of
 * `@effect-smallest/testing` do not.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as AudioPlayerSuite from "./AudioPlayerSuite.js"

/**
 * @since 0.2.0
 */
export * as AudioStoreSuite from "./AudioStoreSuite.js"

/**
 * @since 0.1.0
 */
export * as SpeechStreamSuite from "./SpeechStreamSuite.js"

/**
 * @since 0.1.0
 */
export * as SpeechSynthesizerSuite from "./SpeechSynthesizerSuite.js"
