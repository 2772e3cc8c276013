import * as Duration from "effect/Duration"
import type { PcmFormat, SilenceOptions } from "../Pcm.js"

/**
 * Shortens silences while audio passes through, and knows afterwards where each moment went.
 *
 * @internal
 */
export interface SilenceRemover {
  readonly push: (samples: Int16Array) => ReadonlyArray<Int16Array>
  readonly end: () => ReadonlyArray<Int16Array>
  /** Seconds of input whose fate is decided. */
  readonly decided: () => number
  /** Where a moment of the input lies in the output, both in seconds. */
  readonly map: (seconds: number) => number
}

/** @internal */
export const make = (format: PcmFormat, options: SilenceOptions = {}): SilenceRemover => {
  const perSecond = format.sampleRate * format.channels
  const windowLength = Math.max(1, Math.round(format.sampleRate * 0.01)) * format.channels
  const longest = Duration.toSeconds(options.longest ?? "200 millis")
  const limit = Math.round(longest * format.sampleRate) * format.channels
  const threshold = 10 ** ((options.threshold ?? -50) / 20) * 32768
  const cuts: Array<{ readonly start: number; readonly length: number }> = []

  let rest = new Int16Array(0)
  let position = 0 // samples of input that are decided
  let silent = 0 // samples in the current silence

  const isSilent = (window: Int16Array): boolean => {
    for (const sample of window) {
      if (sample > threshold || sample < -threshold) return false
    }
    return true
  }

  // Keeps the first `limit` samples of a silence; windows are small, so the cut never falls into sound.
  const decide = (window: Int16Array): Int16Array => {
    const start = position
    position += window.length
    if (!isSilent(window)) {
      silent = 0
      return window
    }
    const keep = Math.max(0, Math.min(window.length, limit - silent))
    silent += window.length
    if (keep < window.length) {
      const last = cuts.at(-1)
      if (last !== undefined && last.start + last.length === start + keep) {
        cuts[cuts.length - 1] = { start: last.start, length: last.length + window.length - keep }
      } else {
        cuts.push({ start: start + keep, length: window.length - keep })
      }
    }
    return window.subarray(0, keep)
  }

  const split = (samples: Int16Array, all: boolean): ReadonlyArray<Int16Array> => {
    const out: Array<Int16Array> = []
    let from = 0
    while (samples.length - from >= windowLength) {
      const kept = decide(samples.subarray(from, from + windowLength))
      if (kept.length > 0) out.push(kept)
      from += windowLength
    }
    if (all && from < samples.length) {
      const kept = decide(samples.subarray(from))
      if (kept.length > 0) out.push(kept)
      from = samples.length
    }
    rest = samples.slice(from)
    return out
  }

  const join = (samples: Int16Array): Int16Array => {
    if (rest.length === 0) return samples
    const joined = new Int16Array(rest.length + samples.length)
    joined.set(rest)
    joined.set(samples, rest.length)
    return joined
  }

  return {
    push: (samples) => split(join(samples), false),
    end: () => split(rest, true),
    decided: () => position / perSecond,
    map: (seconds) => {
      const sample = seconds * perSecond
      let removed = 0
      for (const cut of cuts) {
        if (cut.start >= sample) break
        removed += Math.min(cut.length, sample - cut.start)
      }
      return (sample - removed) / perSecond
    }
  }
}
