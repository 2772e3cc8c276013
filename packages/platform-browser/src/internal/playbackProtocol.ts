/**
 * What the page and the audio thread say to each other. Both sides are checked against these types.
 */

/** How a playback begins. Frames are those of the audio, not of the device. */
export interface PlaybackOptions {
  /** Frames per second of the audio. */
  readonly sampleRate: number
  readonly channels: number
  /** The most frames that will ever be ahead of the listener. */
  readonly capacity: number
  /** How many frames have to be there before the sound begins. */
  readonly prebuffer: number
  /** How long the sound takes to come and to go, in seconds. */
  readonly fade: number
}

/** Interleaved samples, or what to do. `end` says that there will be no more samples. */
export type ToPlayback = Int16Array<ArrayBuffer> | "pause" | "resume" | "end" | "stop"

/** Where the playback is; sent every 20 ms while it moves, and at every change. */
export interface FromPlayback {
  /** Frames of the audio that were given to the device. */
  readonly position: number
  /** When, on the clock of the audio context, in seconds. */
  readonly time: number
  readonly isMoving: boolean
  /** Everything was given to the device, or the playback was stopped. */
  readonly isOver: boolean
  readonly underruns: number
}

/** The parts of an AudioWorkletGlobalScope that are used; the DOM library's types do not have them. */
export interface AudioWorkletScope {
  readonly sampleRate: number
  readonly currentTime: number
  readonly AudioWorkletProcessor: new() => {
    readonly port: {
      onmessage: ((event: { readonly data: ToPlayback }) => void) | null
      readonly postMessage: (message: FromPlayback) => void
    }
  }
  readonly registerProcessor: (
    name: string,
    processor: new(options: { readonly processorOptions: PlaybackOptions }) => {
      readonly process: (inputs: unknown, outputs: ReadonlyArray<ReadonlyArray<Float32Array>>) => boolean
    }
  ) => void
}
