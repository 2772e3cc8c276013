/** What ACX asks of each file of a chapter, in dB, seconds and minutes. */
export const figures = {
  rms: { least: -23, most: -18, target: -20 },
  peak: -3,
  floor: -60,
  lead: { least: 0.5, most: 1 },
  tail: { least: 1, most: 5 },
  minutes: 120,
  sampleRate: 44_100
} as const

/** @internal */
export interface Measured {
  readonly rms: number
  readonly peak: number
  /** The RMS of the quietest half second. */
  readonly floor: number
  /** Silence at the beginning and at the end, in seconds. */
  readonly lead: number
  readonly tail: number
  readonly minutes: number
}

const decibels = (value: number): number => 20 * Math.log10(value)

/** Louder than this is sound: -50 dB. */
const threshold = 104

/**
 * Measures mono audio while it passes by.
 *
 * @internal
 */
export const meter = (sampleRate: number): {
  readonly push: (samples: Int16Array) => void
  readonly read: () => Measured
} => {
  const half = Math.round(sampleRate / 2)
  let frames = 0
  let squares = 0
  let peak = 0
  let window = 0
  let inWindow = 0
  let floor = Infinity
  let first = -1
  let last = -1
  return {
    push: (samples) => {
      for (const sample of samples) {
        const square = sample * sample
        const size = Math.abs(sample)
        squares += square
        window += square
        if (size > peak) peak = size
        if (size > threshold) {
          if (first === -1) first = frames
          last = frames
        }
        frames += 1
        inWindow += 1
        if (inWindow === half) {
          floor = Math.min(floor, window / half)
          window = 0
          inWindow = 0
        }
      }
    },
    read: () => ({
      rms: decibels(Math.sqrt(squares / Math.max(1, frames)) / 32768),
      peak: decibels(peak / 32768),
      floor: floor === Infinity ? -Infinity : decibels(Math.sqrt(floor) / 32768),
      lead: (first === -1 ? frames : first) / sampleRate,
      tail: (frames - 1 - last) / sampleRate,
      minutes: frames / sampleRate / 60
    })
  }
}

const shown = (value: number): string => value === -Infinity ? "silence" : value.toFixed(1)

/**
 * What of a file is not as ACX asks.
 *
 * @internal
 */
export const complaints = ({ floor, lead, minutes, peak, rms, tail }: Measured): ReadonlyArray<string> => [
  ...(rms >= figures.rms.least && rms <= figures.rms.most
    ? []
    : [`RMS ${shown(rms)} dB, not ${figures.rms.least} to ${figures.rms.most}`]),
  ...(peak <= figures.peak ? [] : [`peak ${shown(peak)} dB, more than ${figures.peak}`]),
  ...(floor <= figures.floor ? [] : [`noise floor ${shown(floor)} dB, more than ${figures.floor}`]),
  ...(lead >= figures.lead.least && lead <= figures.lead.most
    ? []
    : [`${lead.toFixed(2)} s of silence before, not ${figures.lead.least} to ${figures.lead.most}`]),
  ...(tail >= figures.tail.least && tail <= figures.tail.most
    ? []
    : [`${tail.toFixed(2)} s of silence after, not ${figures.tail.least} to ${figures.tail.most}`]),
  ...(minutes <= figures.minutes ? [] : [`${Math.ceil(minutes)} minutes, more than ${figures.minutes}`])
]

/** @internal */
export const summary = ({ floor, minutes, peak, rms }: Measured): string =>
  `RMS ${shown(rms)} dB, peak ${shown(peak)} dB, noise floor ${
    floor === -Infinity ? "silence" : `${shown(floor)} dB`
  }, ${minutes.toFixed(1)} min`
