import { PlaybackError } from "@effect-smallest/core/AudioPlayer"
import * as Effect from "effect/Effect"
import * as GlobalValue from "effect/GlobalValue"
import type { PlaybackOptions } from "./playbackProtocol.js"
import { source } from "./playbackWorkletSource.js"
import { reason } from "./reason.js"

export { /** @internal */ source }

// A context takes each processor once, whichever layer and whichever copy of this package brings it.
const loaded = GlobalValue.globalValue(
  "@effect-smallest/platform-browser/playback/loaded",
  () => new WeakMap<BaseAudioContext, Promise<void>>()
)

const addModule = (context: BaseAudioContext, workletUrl: string | URL | undefined): Promise<void> => {
  if (workletUrl !== undefined) return context.audioWorklet.addModule(workletUrl)
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }))
  return context.audioWorklet.addModule(url).finally(() => URL.revokeObjectURL(url))
}

/** @internal */
export const load = (
  context: BaseAudioContext,
  workletUrl: string | URL | undefined
): Effect.Effect<void, PlaybackError> =>
  Effect.tryPromise({
    try: () => {
      const loading = loaded.get(context) ?? addModule(context, workletUrl)
      loaded.set(context, loading)
      return loading
    },
    catch: (error) => {
      // What could not be fetched may be there next time.
      loaded.delete(context)
      return new PlaybackError({
        reason: "PlayerFailed",
        player: "Web Audio",
        description: workletUrl === undefined
          ? `The page may not load the audio worklet: allow blob: in its script-src, or give a workletUrl (${
            reason(error)
          })`
          : `The audio worklet could not be loaded from ${workletUrl} (${reason(error)})`
      })
    }
  })

const unsupported = ({ channels, sampleRate }: PlaybackOptions, why: string) =>
  new PlaybackError({
    reason: "UnsupportedFormat",
    player: "Web Audio",
    description: `The browser does not play ${sampleRate} Hz with ${channels} channels: ${why}`
  })

/** @internal */
export const node = (
  context: BaseAudioContext,
  options: PlaybackOptions
): Effect.Effect<AudioWorkletNode, PlaybackError> =>
  // The filter of the audio thread grows with the ratio of the rates.
  options.sampleRate < 1000 || options.sampleRate > 384_000
    ? unsupported(options, "the rate must be from 1000 to 384000 Hz")
    : Effect.try({
      try: () =>
        new AudioWorkletNode(context, "@effect-smallest/playback", {
          numberOfInputs: 0,
          outputChannelCount: [options.channels],
          processorOptions: options
        }),
      catch: (error) => unsupported(options, reason(error))
    })
