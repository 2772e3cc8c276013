/** A page with sound, and somebody who listens to it sample by sample. */
import type { AudioPlayer } from "@effect-smallest/core"
import { BrowserAudioOutput, BrowserAudioPlayer } from "@effect-smallest/platform-browser"
import { userEvent } from "@vitest/browser/context"
import { Effect, type Scope } from "effect"

/** Somebody clicks: a browser lets no page sound before. */
export const click = Effect.promise(() => userEvent.click(document.body))

const recorderSource = `
registerProcessor("recorder", class extends AudioWorkletProcessor {
  channels = []
  start = currentFrame
  constructor() {
    super()
    this.port.onmessage = () => this.port.postMessage({ start: this.start, channels: this.channels })
  }
  process([input]) {
    if (input.length === 0) {
      if (this.channels.length === 0) this.start = currentFrame + 128
      else for (const channel of this.channels) channel.push(...new Float32Array(128))
    }
    input.forEach((samples, i) => (this.channels[i] ??= []).push(...samples))
    return true
  }
})`

/** What reached the loudspeaker: each channel, and the frame of the context's clock that it begins at. */
export interface Recording {
  readonly start: number
  readonly channels: ReadonlyArray<ReadonlyArray<number>>
}

export interface Page {
  readonly context: AudioContext
  readonly player: AudioPlayer.Service
  readonly recording: Effect.Effect<Recording>
}

/** An audio context at a rate, in which every sample can be compared. */
export const contextAt = (sampleRate: number): Effect.Effect<AudioContext, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const context = new AudioContext({ sampleRate })
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([recorderSource], { type: "text/javascript" })))
      return context
    }),
    (context) => Effect.promise(async () => context.state === "closed" ? undefined : context.close())
  )

/** A player in a context, and what it plays. */
export const pageIn = (
  context: AudioContext,
  options?: BrowserAudioPlayer.Options
): Effect.Effect<Page, AudioPlayer.PlaybackError, Scope.Scope> =>
  Effect.gen(function*() {
    const output = yield* BrowserAudioOutput.BrowserAudioOutput
    const player = yield* BrowserAudioPlayer.make(options)
    const node = yield* output.node
    const recorder = yield* Effect.acquireRelease(
      Effect.sync(() => new AudioWorkletNode(context, "recorder", { channelCountMode: "max" })),
      (recorder) => Effect.sync(() => recorder.disconnect())
    )
    node.connect(recorder).connect(context.destination)
    return {
      context,
      player,
      recording: Effect.async<Recording>((resume) => {
        recorder.port.onmessage = (event: MessageEvent<Recording>) => resume(Effect.succeed(event.data))
        recorder.port.postMessage("tell")
      })
    }
  }).pipe(Effect.provideServiceEffect(BrowserAudioOutput.BrowserAudioOutput, BrowserAudioOutput.make({ context })))
