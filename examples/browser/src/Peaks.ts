/**
 * The shape of audio: one height for every slice of it, from 0 (silence) to 1 (as loud as it gets).
 */
import { Pcm } from "@effect-smallest/core"

/** How long a slice is, in milliseconds. */
export const slice = 40

/** A slice that has begun. */
export interface Partial {
  readonly frames: number
  readonly peak: number
}

export const empty: Partial = { frames: 0, peak: 0 }

/** The heights of the slices that a chunk completes, and the slice that it leaves unfinished. */
export const measure = (partial: Partial, chunk: Pcm.PcmChunk): readonly [Partial, ReadonlyArray<number>] => {
  const { channels, sampleRate } = chunk.format
  const size = Math.round(sampleRate * slice / 1000)
  const samples = Pcm.samples(chunk)
  const heights: Array<number> = []
  let { frames, peak } = partial
  for (let i = 0; i < samples.length; i += channels) {
    peak = Math.max(peak, Math.abs(samples[i] ?? 0) / 0x8000)
    if (++frames === size) {
      heights.push(peak)
      frames = 0
      peak = 0
    }
  }
  return [{ frames, peak }, heights]
}
