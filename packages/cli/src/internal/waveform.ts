import * as Pcm from "@effect-smallest/core/Pcm"

/**
 * What a waveform is drawn of: the loudest sample in each of some stretches of equal length. Their number is bounded, so that
 * audio of any length fits: when they are all used, each takes in its neighbour.
 *
 * @internal
 */
export interface Waveform {
  readonly push: (chunk: Pcm.PcmChunk) => void
  /** The loudest sample of as many stretches as are wanted, from 0 to 1. */
  readonly peaks: (count: number) => ReadonlyArray<number>
}

const capacity = 4096

/** @internal */
export const make = (): Waveform => {
  const buckets = new Float64Array(capacity)
  let used = 0
  let size = 1 // frames per bucket
  let filled = 0 // frames in the bucket that is being filled
  let peak = 0

  const next = () => {
    buckets[used++] = peak
    peak = 0
    filled = 0
    if (used < capacity) return
    for (let i = 0; i < capacity / 2; i++) buckets[i] = Math.max(buckets[2 * i] ?? 0, buckets[2 * i + 1] ?? 0)
    used = capacity / 2
    size *= 2
  }

  return {
    push: (chunk) => {
      const samples = Pcm.samples(chunk)
      const { channels } = chunk.format
      for (let i = 0; i < samples.length; i += channels) {
        for (let channel = 0; channel < channels; channel++) {
          const level = Math.abs(samples[i + channel] ?? 0)
          if (level > peak) peak = level
        }
        if (++filled === size) next()
      }
    },
    peaks: (count) => {
      const all = filled > 0 ? [...buckets.subarray(0, used), peak] : Array.from(buckets.subarray(0, used))
      return Array.from({ length: all.length === 0 ? 0 : count }, (_, i) => {
        const from = Math.floor(i * all.length / count)
        const to = Math.max(from + 1, Math.floor((i + 1) * all.length / count))
        return Math.max(...all.slice(from, to)) / 32768
      })
    }
  }
}

// Braille has 2 by 4 dots in each cell: these are the bits of a column, from its top.
const leftDots = [0x01, 0x02, 0x04, 0x40]
const rightDots = [0x08, 0x10, 0x20, 0x80]
const dotsPerRow = 4

/**
 * Draws a waveform in so many cells, mirrored at its middle line. Its loudest place fills them.
 *
 * @internal
 */
export const draw = (waveform: Waveform, size: { readonly columns: number; readonly rows: number }): Array<string> => {
  const half = size.rows * dotsPerRow / 2
  const peaks = waveform.peaks(2 * size.columns)
  const loudest = Math.max(...peaks)
  const heights = peaks.map((peak) => loudest === 0 ? 1 : Math.max(1, Math.round(half * peak / loudest)))
  // The middle is between two dots.
  const isInked = (column: number, dot: number) => Math.abs(dot - half + 0.5) < (heights[column] ?? 0)
  return Array.from({ length: size.rows }, (_, row) =>
    Array.from({ length: size.columns }, (_, column) => {
      const inked = (dots: ReadonlyArray<number>, at: number) =>
        dots.reduce((sum, bit, i) => isInked(at, row * dotsPerRow + i) ? sum + bit : sum, 0)
      return String.fromCodePoint(0x2800 + inked(leftDots, 2 * column) + inked(rightDots, 2 * column + 1))
    }).join("").replace(/\u2800+$/, ""))
}
