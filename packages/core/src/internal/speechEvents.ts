import * as Effect from "effect/Effect"
import * as Duration from "effect/Duration"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import type { PcmChunk } from "../Pcm.js"
import * as Pcm from "../Pcm.js"
import * as SpeechError from "../SpeechError.js"
import * as SpeechEvent from "../SpeechEvent.js"

/**
 * The events of one finished text whose engine knows nothing but audio.
 *
 * @internal
 */
export const ofPcm = (options: {
  readonly text: string
  readonly pcm: Stream.Stream<PcmChunk, SpeechError.SpeechError>
  readonly requestId: string | undefined
}): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError> =>
  Stream.unwrap(Effect.map(Ref.make(Duration.zero), (duration) =>
    Stream.make(
      SpeechEvent.SegmentStarted({ segment: 0, text: options.text, textOffset: 0, start: Duration.zero })
    ).pipe(
      Stream.concat(Stream.mapEffect(options.pcm, (chunk) =>
        Effect.as(
          Ref.update(duration, Duration.sum(Pcm.duration(chunk))),
          SpeechEvent.AudioChunk({ chunk })
        ))),
      Stream.concat(Stream.fromEffect(
        Effect.map(Ref.get(duration), (duration) =>
          SpeechEvent.Completed({ duration, requestId: options.requestId }))
      ))
    )))

/**
 * Turns trouble with PCM inside an engine into its `SpeechError`.
 *
 * @internal
 */
export const fromPcmError =
  (at: { readonly module: string; readonly method: string; readonly requestId?: string | undefined }) =>
  (error: Pcm.PcmError): SpeechError.SpeechError =>
    error.reason === "PartialFrame"
      ? new SpeechError.TruncatedAudio({ ...at, description: error.description })
      : new SpeechError.EngineFailure({ ...at, description: error.description })
