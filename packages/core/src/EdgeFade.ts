/**
 * A fade at both ends of audio that passes piece by piece, so that segments join without a click.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Pcm from "./Pcm.js"

/**
 * Fades the first and the last moments of audio while it passes, holding back as much as the fade is long.
 *
 * @since 0.1.0
 * @category models
 */
export interface EdgeFade {
  readonly push: (chunk: Pcm.PcmChunk) => ReadonlyArray<Pcm.PcmChunk>
  readonly end: () => ReadonlyArray<Pcm.PcmChunk>
}

/**
 * Fades that last for `duration` at each end.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (duration: Duration.DurationInput): EdgeFade => {
  let held: Pcm.PcmChunk | undefined
  let rising = 0 // frames that the first fade has passed

  // Multiplies frame i by gain(i); copies, because chunks share memory with their maker.
  const scaled = (chunk: Pcm.PcmChunk, gain: (frame: number) => number, count: number): Pcm.PcmChunk => {
    const { channels } = chunk.format
    const samples = Pcm.samples(chunk).slice()
    const end = Math.min(samples.length, count * channels)
    for (let i = 0; i < end; i++) {
      // oxlint-disable-next-line typescript/no-non-null-assertion -- in range by the loop's own bound
      samples[i] = Math.round(samples[i]! * gain(Math.floor(i / channels)))
    }
    return Pcm.fromSamples(chunk.format, samples)
  }

  const fadeIn = (chunk: Pcm.PcmChunk): Pcm.PcmChunk => {
    const total = Pcm.byteLength(chunk.format, duration) / Pcm.frameSize(chunk.format)
    if (rising >= total) return chunk
    const start = rising
    rising += Pcm.frames(chunk)
    return scaled(chunk, (frame) => (start + frame) / total, total - start)
  }

  const notEmpty = (chunks: ReadonlyArray<Pcm.PcmChunk>) => chunks.filter((chunk) => chunk.bytes.length > 0)

  return {
    push: (chunk) => {
      const { format } = chunk
      const risen = fadeIn(chunk)
      // Audio of another format does not join what is held of the last one.
      const isSame = held !== undefined && Pcm.isSameFormat(held.format, format)
      const before = held === undefined || isSame ? [] : [held]
      const bytes = held !== undefined && isSame ? Pcm.concatBytes([held.bytes, risen.bytes]) : risen.bytes
      const ready = Math.max(0, bytes.length - Pcm.byteLength(format, duration))
      held = { format, bytes: bytes.subarray(ready) }
      return notEmpty([...before, { format, bytes: bytes.subarray(0, ready) }])
    },
    end: () => {
      if (held === undefined) return []
      const last = held
      const count = Pcm.frames(last)
      held = undefined
      return notEmpty([scaled(last, (frame) => (count - 1 - frame) / count, count)])
    }
  }
}
