import * as Pcm from "../Pcm.js"
import * as Limiter from "./limiter.js"
import * as Loudness from "./loudness.js"

/** @internal */
export const decibels = (gain: number): number => 10 ** (gain / 20)

// True peaks are measured to about a tenth of a decibel.
const margin = 0.15

/** @internal */
export const makeLimiter = (format: Pcm.PcmFormat, ceiling: number): Limiter.Limiter =>
  Limiter.make({ ...format, ceiling: decibels(ceiling - margin) })

/** @internal */
export interface Leveller {
  readonly push: (chunk: Pcm.PcmChunk) => ReadonlyArray<Pcm.PcmChunk>
  readonly end: () => ReadonlyArray<Pcm.PcmChunk>
}

// The gain follows what was measured in steps of this length, in seconds.
const stepSeconds = 0.01

// In decibels per step: too loud hurts, so it falls faster than it rises.
const fastestRise = 3 * stepSeconds
const fastestFall = 12 * stepSeconds

// What is this far below the target is noise as likely as speech.
const highestGain = 30

// So many blocks of 400 ms, 100 ms apart, are a measurement to begin with.
const firstBlocks = 4

// How much audio waits for it, in steps.
const longestWait = 200

/** @internal */
export const make = (
  format: Pcm.PcmFormat,
  { blocks, ceiling, target }: {
    /** What is known of this voice, which grows. */
    readonly blocks: Loudness.Blocks
    readonly ceiling: number
    /** In LUFS; not finite as long as it is not known. */
    readonly target: () => number
  }
): Leveller => {
  const meter = Loudness.make(format, blocks)
  const limiter = makeLimiter(format, ceiling)
  const stepLength = Math.max(1, Math.round(format.sampleRate * stepSeconds)) * format.channels
  let waiting: Array<Int16Array> = []
  let isWaiting = true
  let part = new Int16Array(0)
  let gain = 0

  const wanted = (): number => {
    const difference = target() - blocks.integrated()
    return Number.isFinite(difference) ? Math.min(highestGain, difference) : 0
  }

  const amplify = (samples: Int16Array): Int16Array => {
    const before = gain
    gain += Math.max(-fastestFall, Math.min(fastestRise, wanted() - gain))
    return limiter.push(samples, decibels(before), decibels(gain))
  }

  const begin = (): Array<Int16Array> => {
    const held = waiting
    waiting = []
    isWaiting = false
    gain = wanted()
    return held.map(amplify)
  }

  const step = (samples: Int16Array): Array<Int16Array> => {
    meter.push(samples)
    if (!isWaiting) return [amplify(samples)]
    waiting.push(samples)
    return blocks.count() >= firstBlocks || waiting.length >= longestWait ? begin() : []
  }

  const chunks = (parts: ReadonlyArray<Int16Array>): ReadonlyArray<Pcm.PcmChunk> => {
    const filled = parts.filter((samples) => samples.length > 0).map((samples) => Pcm.fromSamples(format, samples))
    return filled.length === 0 ? [] : [{ format, bytes: Pcm.concatBytes(filled.map(({ bytes }) => bytes)) }]
  }

  return {
    push: (chunk) => {
      const samples = Pcm.samples(chunk)
      const all = new Int16Array(part.length + samples.length)
      all.set(part)
      all.set(samples, part.length)
      const out: Array<Int16Array> = []
      let at = 0
      for (; at + stepLength <= all.length; at += stepLength) out.push(...step(all.subarray(at, at + stepLength)))
      part = all.subarray(at)
      return chunks(out)
    },
    end: () => {
      const last = part.length === 0 ? [] : step(part)
      part = new Int16Array(0)
      meter.end()
      return chunks([...last, ...(isWaiting ? begin() : []), limiter.end()])
    }
  }
}
