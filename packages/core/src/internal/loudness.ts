import type { PcmFormat } from "../Pcm.js"

/**
 * Measures integrated loudness after ITU-R BS.1770-4 and EBU R128, in memory that does not grow with the audio.
 *
 * @internal
 */
export interface Meter {
  /** Takes interleaved samples of whole frames. */
  readonly push: (samples: Int16Array) => void
  /** In LUFS; -Infinity if nothing was louder than -70 LUFS for 400 ms. */
  readonly integrated: () => number
  /** There is no more: what was too short for a block is one, if there are no others. */
  readonly end: () => void
}

// [b0, b1, b2, a1, a2]
type Biquad = readonly [number, number, number, number, number]

// The two filters of K-weighting for any rate: BS.1770 prints the coefficients of 48 kHz, and these parameters give them back.
const shelf = (sampleRate: number): Biquad => {
  const k = Math.tan(Math.PI * 1681.974450955533 / sampleRate)
  const q = 0.7071752369554196
  const high = 10 ** (3.999843853973347 / 20)
  const band = high ** 0.4996667741545416
  const a0 = 1 + k / q + k * k
  return [
    (high + band * k / q + k * k) / a0,
    2 * (k * k - high) / a0,
    (high - band * k / q + k * k) / a0,
    2 * (k * k - 1) / a0,
    (1 - k / q + k * k) / a0
  ]
}

const highPass = (sampleRate: number): Biquad => {
  const k = Math.tan(Math.PI * 38.13547087602444 / sampleRate)
  const q = 0.5003270373238773
  const a0 = 1 + k / q + k * k
  return [1, -2, 1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
}

const toLufs = (power: number): number => -0.691 + 10 * Math.log10(power)

// The absolute gate.
const floor = -70

// Blocks are counted in classes of a hundredth of an LU.
const classes = 100

/**
 * The loudness of blocks of 400 ms, counted: what all that was heard so far has in common.
 *
 * @internal
 */
export interface Blocks {
  /** Takes the mean power of one block. */
  readonly add: (power: number) => void
  /** In LUFS; -Infinity if no block was louder than -70 LUFS. */
  readonly integrated: () => number
  /** How many were louder than that. */
  readonly count: () => number
}

/** @internal */
export const makeBlocks = (): Blocks => {
  const powers = new Map<number, { count: number; sum: number }>()
  let count = 0

  // The mean power of blocks in this class and above.
  const meanFrom = (lowest: number): number => {
    let all = 0
    let count = 0
    for (const [key, blocks] of powers) {
      if (key < lowest) continue
      all += blocks.sum
      count += blocks.count
    }
    return all / count
  }

  return {
    add: (power) => {
      const loudness = toLufs(power)
      if (!(loudness > floor)) return
      count++
      const key = Math.floor(loudness * classes)
      const found = powers.get(key)
      if (found === undefined) powers.set(key, { count: 1, sum: power })
      else {
        found.count++
        found.sum += power
      }
    },
    integrated: () =>
      powers.size === 0
        ? -Infinity
        : toLufs(meanFrom(Math.floor((toLufs(meanFrom(-Infinity)) - 10) * classes))),
    count: () => count
  }
}

/** @internal */
export const make = (
  { channels, sampleRate }: PcmFormat,
  blocks: Blocks = makeBlocks()
): Meter => {
  const filters = [shelf(sampleRate), highPass(sampleRate)]
  // Two values of memory for each filter of each channel.
  const memory = new Float64Array(channels * filters.length * 2)
  const step = Math.round(sampleRate / 10)
  const quarters = [0, 0, 0, 0]
  let sum = 0
  let frames = 0
  let steps = 0
  let allFrames = 0

  const endStep = (): void => {
    quarters[steps++ % 4] = sum
    sum = 0
    frames = 0
    if (steps >= 4) blocks.add(quarters.reduce((all, quarter) => all + quarter, 0) / (4 * step))
  }

  return {
    push: (samples) => {
      for (let i = 0; i < samples.length; i++) {
        let value = (samples[i] ?? 0) / 32768
        let at = (i % channels) * filters.length * 2
        for (const [b0, b1, b2, a1, a2] of filters) {
          const output = b0 * value + (memory[at] ?? 0)
          memory[at] = b1 * value - a1 * output + (memory[at + 1] ?? 0)
          memory[at + 1] = b2 * value - a2 * output
          value = output
          at += 2
        }
        sum += value * value
        if (i % channels === channels - 1 && ++frames === step) endStep()
      }
      allFrames += samples.length / channels
    },
    integrated: blocks.integrated,
    end: () => {
      if (blocks.count() > 0 || allFrames === 0 || steps >= 4) return
      blocks.add((quarters.reduce((all, quarter) => all + quarter, 0) + sum) / allFrames)
    }
  }
}
