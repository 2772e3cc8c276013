/**
 * The embedded voice, ready for Node.
 *
 * @since 0.1.0
 */

/**
 * The embedded voice, with `layerNode`.
 *
 * @since 0.1.0
 */
export * as LocalSpeechSynthesizer from "./internal/nodeLocalSpeechSynthesizer.js"

/**
 * Flite in worker threads of Node.
 *
 * @since 0.1.0
 */
export * as NodeFliteWorker from "./internal/nodeFliteWorker.js"
