/**
 * Amplifies interleaved samples and keeps their true peak, that of the wave between the samples, under a ceiling (ITU-R BS.1770-4, annex 2).
 * What goes in comes out at the same place; up to `lookahead` frames are held back.
 *
 * @internal
 */
export interface Limiter {
  /** Takes samples of whole frames, and their gain: `from` at the first frame, `to` after the last, both as factors. */
  readonly push: (samples: Int16Array, from: number, to: number) => Int16Array
  readonly end: () => Int16Array
  /** The highest true peak before it was lowered, as a factor of full scale. */
  readonly peak: () => number
}

// Three places between two samples, each by a sinc in a Hann window over this many samples on both sides.
const reach = 16
const places = [1, 2, 3].map((place) =>
  Float64Array.from({ length: 2 * reach }, (_, tap) => {
    const x = tap - reach + 1 - place / 4
    return Math.sin(Math.PI * x) / (Math.PI * x) * (0.5 + 0.5 * Math.cos(Math.PI * x / (reach + 1)))
  })
)

// No wave between samples is higher than this many times the highest of the samples around it.
const overshoot = Math.max(...places.map((weights) => weights.reduce((sum, weight) => sum + Math.abs(weight), 0)))

// How fast the gain falls before a peak, and by which time constant it recovers after it.
const attackSeconds = 0.004
const releaseSeconds = 0.12

/** @internal */
export const make = (
  { ceiling, channels, sampleRate }: {
    readonly channels: number
    readonly sampleRate: number
    /** A factor of full scale. */
    readonly ceiling: number
  }
): Limiter => {
  const attack = Math.max(1, Math.round(sampleRate * attackSeconds))
  const recovery = 1 - Math.exp(-1 / (releaseSeconds * sampleRate))
  const limit = ceiling * 32768
  // Frames from the oldest that a filter or the output still needs, twice in a row: a filter reads them without a seam.
  const size = 2 * reach + attack + 1
  const ring = new Float64Array(2 * size * channels)
  // The gains that frames need, where no later one needs a lower one, oldest first: the lowest of a window is its first.
  let needed: Array<{ readonly frame: number; readonly gain: number }> = []
  let first = 0
  const recent = new Float64Array(attack).fill(1)
  let recentSum = attack
  let released = 1
  let between = 0
  let framesIn = 0
  let peak = 0
  // The highest samples of the last blocks of `reach` frames, which cover what a filter reads.
  const highs = [0, 0, 0, 0]

  // Where a frame is in the ring; there is silence before the first.
  const at = (frame: number): number => ((frame + size) % size) * channels

  const peakAfter = (frame: number): number => {
    // Most audio is far below the ceiling: there is no need to look.
    if (Math.max(...highs) * overshoot <= Math.min(limit, peak)) return 0
    const start = at(frame - reach + 1)
    let highest = 0
    for (let channel = 0; channel < channels; channel++) {
      for (const weights of places) {
        let sum = 0
        for (let tap = 0, from = start + channel; tap < weights.length; tap++, from += channels) {
          sum += (ring[from] ?? 0) * (weights[tap] ?? 0)
        }
        highest = Math.max(highest, Math.abs(sum))
      }
    }
    return highest
  }

  const need = (frame: number): void => {
    let highest = between
    between = peakAfter(frame)
    highest = Math.max(highest, between)
    const place = at(frame)
    for (let channel = 0; channel < channels; channel++) {
      highest = Math.max(highest, Math.abs(ring[place + channel] ?? 0))
    }
    peak = Math.max(peak, highest)
    const gain = highest > limit ? limit / highest : 1
    while (needed.length > first && (needed.at(-1)?.gain ?? 0) >= gain) needed.pop()
    needed.push({ frame, gain })
  }

  // The highest gain with which no peak near the frame is too high: it falls before a peak and recovers after it.
  const gainOf = (frame: number): number => {
    if ((needed[first]?.frame ?? frame) < frame) first++
    if (first > 4096) {
      needed = needed.slice(first)
      first = 0
    }
    released = Math.min(needed[first]?.gain ?? 1, released + (1 - released) * recovery)
    const slot = (frame + attack) % attack
    recentSum += released - (recent[slot] ?? 1)
    recent[slot] = released
    return Math.min(1, recentSum / attack)
  }

  // A frame is in the ring: the one that is `reach` before it has all its surroundings now, and one still before that is due.
  const step = (output: Int16Array, written: number): number => {
    const surrounded = framesIn++ - reach
    if (surrounded < 0) return written
    need(surrounded)
    const due = surrounded - attack + 1
    // The gain falls before the first frame, too, if that is a peak.
    const gain = gainOf(due)
    if (due < 0) return written
    const place = at(due)
    for (let channel = 0; channel < channels; channel++) {
      const value = Math.round((ring[place + channel] ?? 0) * gain)
      output[written + channel] = Math.max(-32_768, Math.min(32_767, value))
    }
    return written + channels
  }

  const run = (frames: number, value: (index: number) => number): Int16Array => {
    const output = new Int16Array(frames * channels)
    let written = 0
    for (let frame = 0; frame < frames; frame++) {
      const place = at(framesIn)
      const block = Math.floor(framesIn / reach) % highs.length
      if (framesIn % reach === 0) highs[block] = 0
      for (let channel = 0; channel < channels; channel++) {
        const sample = value(frame * channels + channel)
        highs[block] = Math.max(highs[block] ?? 0, Math.abs(sample))
        ring[place + channel] = sample
        ring[place + channel + size * channels] = sample
      }
      written = step(output, written)
    }
    return output.subarray(0, written)
  }

  return {
    push: (samples, from, to) => {
      const slope = (to - from) / samples.length
      return run(samples.length / channels, (i) => (samples[i] ?? 0) * (from + slope * (i - i % channels)))
    },
    end: () => run(reach + attack - 1, () => 0),
    peak: () => peak / 32768
  }
}
