/**
 * A stateful converter of interleaved 16-bit samples. The audio it gives out lies at the same time as the audio that
 * went in: nothing is delayed, and `end` pushes the last samples out.
 *
 * @internal
 */
export interface Resampler {
  readonly push: (input: Int16Array) => Int16Array
  readonly end: () => Int16Array
}

// A sinc in a Kaiser window, over 48 of its zero crossings on each side: flat to 0.88 of the lower Nyquist frequency, and over 90 dB down from
// it on. (J. O. Smith, Digital Audio Resampling, https://ccrma.stanford.edu/~jos/resample/)
const zeroCrossings = 48
const cutoff = 0.94
const windowShape = 9.5

// The filter is worked out for this many values at most. Between two of them it is a straight line, 110 dB exact.
const maxTableLength = 2 ** 20
const maxPhases = 1024

/** The modified Bessel function of order zero. */
const bessel = (x: number): number => {
  let sum = 1
  for (let term = 1, k = 1; term > sum * 1e-14; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

const greatestDivisor = (a: number, b: number): number => b === 0 ? a : greatestDivisor(b, a % b)

interface Filter {
  /** Frames on each side of a place that sound in it. */
  readonly reach: number
  /** How many places between two frames have values of their own. */
  readonly phases: number
  /** For each phase, from the place of a frame to that of the next, the weights of its frames. */
  readonly weights: Float32Array
}

const makeFilter = (from: number, to: number, exactPhases: number): Filter => {
  const step = Math.max(1, from / to)
  const bandwidth = cutoff / step
  const reach = Math.ceil(zeroCrossings * step)
  const taps = 2 * reach
  const phases = exactPhases <= maxPhases && exactPhases * taps <= maxTableLength
    ? exactPhases
    : Math.max(16, Math.min(maxPhases, Math.floor(maxTableLength / taps)))
  const scale = bessel(windowShape)
  const kernel = (x: number): number => {
    if (Math.abs(x) >= reach) return 0
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * bandwidth * x) / (Math.PI * bandwidth * x)
    return bandwidth * sinc * bessel(windowShape * Math.sqrt(1 - (x / reach) ** 2)) / scale
  }
  const weights = new Float32Array((phases + 1) * taps)
  for (let phase = 0; phase <= phases; phase++) {
    for (let tap = 0; tap < taps; tap++) weights[phase * taps + tap] = kernel(tap - reach + 1 - phase / phases)
  }
  return { reach, phases, weights }
}

// A program uses few pairs of rates, again and again.
const filters = new Map<string, Filter>()
const maxFilters = 8

const filterOf = (from: number, to: number, exactPhases: number): Filter => {
  const key = `${from}/${to}`
  const known = filters.get(key)
  if (known !== undefined) return known
  const made = makeFilter(from, to, exactPhases)
  const [oldest] = filters.keys()
  if (filters.size >= maxFilters && oldest !== undefined) filters.delete(oldest)
  filters.set(key, made)
  return made
}

/** The weighted sum of samples, `stride` apart. What resampling costs, it costs here. */
const dot = (
  samples: Float32Array,
  start: number,
  stride: number,
  weights: Float32Array,
  row: number,
  taps: number
): number => {
  let sum = 0
  for (let tap = 0, at = start; tap < taps; tap++, at += stride) {
    // oxlint-disable-next-line typescript/no-non-null-assertion -- the caller holds every frame that the filter reaches
    sum += samples[at]! * weights[row + tap]!
  }
  return sum
}

const toSample = (value: number): number => Math.max(-32_768, Math.min(32_767, Math.round(value)))

/** @internal */
export const make = ({ channels, from, to }: {
  readonly channels: number
  readonly from: number
  readonly to: number
}): Resampler => {
  const divisor = greatestDivisor(from, to)
  // Output frame n lies at frame n * numerator / denominator of the input, exactly.
  const numerator = from / divisor
  const denominator = to / divisor
  const { phases, reach, weights } = filterOf(from, to, denominator)
  const taps = 2 * reach
  const isExact = phases === denominator

  // Input frames from `first` on; before the beginning there is silence.
  let held = new Float32Array(reach * channels)
  let first = -reach
  let framesIn = 0
  let framesOut = 0

  /** Every output frame that lies before `end` and whose surroundings are held. */
  const run = (end: number): Int16Array => {
    const last = first + held.length / channels
    const available = Math.floor(((last - reach - 1) * denominator) / numerator) + 1
    const count = Math.max(0, Math.min(available, end) - framesOut)
    const output = new Int16Array(count * channels)
    for (let i = 0; i < count; i++) {
      const place = (framesOut + i) * numerator
      const frame = Math.floor(place / denominator)
      const between = ((place % denominator) / denominator) * phases
      const phase = isExact ? Math.round(between) : Math.floor(between)
      const share = isExact ? 0 : between - phase
      const row = phase * taps
      const start = (frame - reach + 1 - first) * channels
      for (let channel = 0; channel < channels; channel++) {
        const here = dot(held, start + channel, channels, weights, row, taps)
        const next = share === 0 ? here : dot(held, start + channel, channels, weights, row + taps, taps)
        output[i * channels + channel] = toSample(here + share * (next - here))
      }
    }
    framesOut += count
    const needed = Math.floor((framesOut * numerator) / denominator) - reach + 1
    const done = Math.max(0, Math.min(needed - first, held.length / channels))
    held = held.slice(done * channels)
    first += done
    return output
  }

  const append = (samples: ArrayLike<number>): void => {
    const longer = new Float32Array(held.length + samples.length)
    longer.set(held)
    longer.set(samples, held.length)
    held = longer
  }

  return {
    push: (samples) => {
      append(samples)
      framesIn += samples.length / channels
      return run(Infinity)
    },
    end: () => {
      append(new Float32Array((reach + 1) * channels))
      return run(Math.round((framesIn * to) / from))
    }
  }
}
