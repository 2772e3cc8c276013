/**
 * The embedded voice, ready for browsers.
 *
 * @since 0.1.0
 */

/**
 * Flite in Web Workers.
 *
 * @since 0.1.0
 */
export * as BrowserFliteWorker from "./internal/browserFliteWorker.js"

/**
 * The embedded voice, with `layerBrowser`.
 *
 * @since 0.1.0
 */
export * as LocalSpeechSynthesizer from "./internal/browserLocalSpeechSynthesizer.js"
