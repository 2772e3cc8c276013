/**
 * What the author of an engine needs: `SpeechSynthesizer.make` asks for events, and these create them.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { PcmChunk } from "./Pcm.js"
import * as Pcm from "./Pcm.js"
import * as SpeechError from "./SpeechError.js"
import * as SpeechEvent from "./SpeechEvent.js"

/**
 * The events of one finished text whose engine knows nothing but audio.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromPcm = (options: {
  readonly text: string
  readonly pcm: Stream.Stream<PcmChunk, SpeechError.SpeechError>
  readonly requestId: string | undefined
}): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError> =>
  Stream.suspend(() => {
    let length = 0
    let format: Pcm.PcmFormat | undefined
    const completed = Effect.sync(() =>
      SpeechEvent.Completed({
        duration: format === undefined ? Duration.zero : Pcm.durationOf(format, length),
        requestId: options.requestId
      })
    )
    return Stream.make(
      SpeechEvent.SegmentStarted({ segment: 0, text: options.text, textOffset: 0, start: Duration.zero })
    ).pipe(
      Stream.concat(Stream.map(options.pcm, (chunk) => {
        format = chunk.format
        length += chunk.bytes.length
        return SpeechEvent.AudioChunk({ chunk })
      })),
      Stream.concat(Stream.fromEffect(completed))
    )
  })

/**
 * Turns a problem with PCM inside an engine into its `SpeechError`.
 *
 * @since 0.1.0
 * @category error handling
 */
export const fromPcmError =
  (at: { readonly module: string; readonly method: string; readonly requestId?: string | undefined }) =>
  (error: Pcm.PcmError): SpeechError.SpeechError =>
    error.reason === "PartialFrame"
      ? new SpeechError.TruncatedAudio({ ...at, description: error.description })
      : new SpeechError.EngineFailure({ ...at, description: error.description })
