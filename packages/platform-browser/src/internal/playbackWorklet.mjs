/**
 * The audio thread's part of a playback: a ring of samples, which messages fill and the audio clock empties. It changes
 * the sample rate if the device has another one. It imports nothing: `pnpm codegen` turns it into a string, from which a
 * page loads it without a file.
 *
 * @import { AudioWorkletScope, PlaybackOptions, ToPlayback } from "./playbackProtocol.js"
 */

const scope = /** @type {AudioWorkletScope} */ (/** @type {unknown} */ (globalThis))

const reportInterval = 0.02

// A windowed sinc: flat to 0.9 of the lower Nyquist frequency, and 90 dB down where images and aliases lie.
const zeroCrossings = 32
const cutoff = 0.95
const windowShape = 9
const phases = 256

/** The modified Bessel function of order zero. @param {number} x */
const bessel = (x) => {
  let sum = 1
  for (let term = 1, k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

/**
 * One half of the filter that turns every `step` frames into one.
 *
 * @param {number} step
 * @param {number} reach
 */
const makeKernel = (step, reach) => {
  const bandwidth = cutoff / Math.max(1, step)
  return Float32Array.from({ length: reach * phases + 2 }, (_, i) => {
    const x = i / phases
    if (x >= reach) return 0
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * bandwidth * x) / (Math.PI * bandwidth * x)
    return bandwidth * sinc * bessel(windowShape * Math.sqrt(1 - (x / reach) ** 2)) / bessel(windowShape)
  })
}

/** @type {Map<number, Float32Array>} */
const kernels = new Map()

/**
 * @param {number} step
 * @param {number} reach
 */
const kernelOf = (step, reach) => {
  const kernel = kernels.get(step) ?? makeKernel(step, reach)
  kernels.set(step, kernel)
  return kernel
}

class Playback extends scope.AudioWorkletProcessor {
  /** @param {{ readonly processorOptions: PlaybackOptions }} options */
  constructor({ processorOptions: { capacity, channels, fade, prebuffer, sampleRate } }) {
    super()
    this.channels = channels
    /** Frames of audio per frame of the device. */
    this.step = sampleRate / scope.sampleRate
    /** How far around a place the filter looks, in frames. */
    this.reach = this.step === 1 ? 0 : Math.ceil(zeroCrossings * Math.max(1, this.step))
    this.kernel = this.step === 1 ? new Float32Array(0) : kernelOf(this.step, this.reach)
    this.size = capacity + 2 * this.reach + 1
    this.ring = new Int16Array(this.size * channels)
    this.written = 0
    /** Frames of the device: an exact count, from which the place in the audio follows without drift. */
    this.rendered = 0
    this.prebuffer = prebuffer
    this.waited = 0

    this.gain = 1
    this.gainStep = fade > 0 ? 1 / (fade * scope.sampleRate) : 1
    /** The last sample of each channel fades away where the audio breaks off. */
    this.last = new Float32Array(channels)
    this.decay = fade > 0 ? Math.exp(-5 / (fade * scope.sampleRate)) : 0

    this.isFlowing = false
    this.isDry = false
    this.isPaused = false
    this.isEnded = false
    this.isStopped = false
    this.underruns = 0

    this.reportIn = 0
    this.wasMoving = false
    this.port.onmessage = ({ data }) => this.receive(data)
  }

  /** @param {ToPlayback} message */
  receive(message) {
    switch (message) {
      case "pause":
        this.isPaused = true
        return
      case "resume":
        this.isPaused = false
        return
      case "end":
        this.isEnded = true
        return
      case "stop":
        this.isStopped = true
        return
      default:
        return this.write(message)
    }
  }

  /** @param {Int16Array} samples */
  write(samples) {
    if (samples.length === 0) return
    if (this.isDry) {
      this.isDry = false
      this.underruns++
    }
    const start = (this.written % this.size) * this.channels
    const fits = Math.min(samples.length, this.ring.length - start)
    this.ring.set(samples.subarray(0, fits), start)
    this.ring.set(samples.subarray(fits), 0)
    this.written += samples.length / this.channels
  }

  get place() {
    return this.rendered * this.step
  }

  /** Frames that can be played by now; the filter needs some beyond the place, until there will be no more. */
  get playable() {
    return this.isEnded ? this.written - this.place : this.written - this.reach - Math.floor(this.place)
  }

  get isOver() {
    return (this.isEnded && this.place >= this.written) || (this.isStopped && this.gain === 0)
  }

  /**
   * A sample of the ring, between full scale -1 and 1; silence before the beginning and after the end.
   *
   * @param {number} frame
   * @param {number} channel
   */
  sampleAt(frame, channel) {
    return frame < 0 || frame >= this.written
      ? 0
      : (this.ring[(frame % this.size) * this.channels + channel] ?? 0) / 32768
  }

  /**
   * The audio at the place, which may lie between two frames.
   *
   * @param {number} channel
   */
  read(channel) {
    const frame = Math.floor(this.place)
    if (this.reach === 0) return this.sampleAt(frame, channel)
    const fraction = this.place - frame
    let sum = 0
    for (let i = 1 - this.reach; i <= this.reach; i++) {
      const at = Math.abs(i - fraction) * phases
      const index = Math.floor(at)
      const from = this.kernel[index] ?? 0
      sum += this.sampleAt(frame + i, channel) * (from + ((this.kernel[index + 1] ?? 0) - from) * (at - index))
    }
    return sum
  }

  /**
   * One frame for the device.
   *
   * @param {ReadonlyArray<Float32Array>} output
   * @param {number} at
   */
  render(output, at) {
    const wanted = this.isPaused || this.isStopped ? 0 : 1
    this.gain = this.gain < wanted
      ? Math.min(wanted, this.gain + this.gainStep)
      : Math.max(wanted, this.gain - this.gainStep)
    if (this.gain === 0) {
      this.last.fill(0)
      return
    }
    if (this.isFlowing && this.playable <= 0) {
      this.isFlowing = false
      this.isDry = !this.isEnded
      this.waited = 0
    }
    for (let channel = 0; channel < this.channels; channel++) {
      const samples = output[channel]
      if (samples === undefined) continue
      if (this.isFlowing) {
        this.last[channel] = samples[at] = this.gain * this.read(channel)
      } else {
        const left = (this.last[channel] ?? 0) * this.decay
        this.last[channel] = samples[at] = Math.abs(left) < 1e-4 ? 0 : left
      }
    }
    if (this.isFlowing) this.rendered++
    // Sound that was broken off comes back softly; the first sample of all is heard as it is.
    else if (this.rendered > 0) this.gain = 0
  }

  /**
   * @param {unknown} _inputs
   * @param {ReadonlyArray<ReadonlyArray<Float32Array>>} outputs
   */
  process(_inputs, [output = []]) {
    const length = output[0]?.length ?? 0
    if (!this.isFlowing && this.playable > 0) {
      // What is there is heard at last, even if it never becomes as much as was wished.
      const isEnough = this.isEnded || Math.max(this.playable, this.waited * this.step) >= this.prebuffer
      this.waited += length
      this.isFlowing = isEnough
    }
    for (let i = 0; i < length; i++) this.render(output, i)

    const isOver = this.isOver
    const isMoving = this.isFlowing && this.gain > 0 && !isOver
    this.reportIn -= length / scope.sampleRate
    if (isOver || isMoving !== this.wasMoving || (isMoving && this.reportIn <= 0)) {
      this.reportIn = reportInterval
      this.wasMoving = isMoving
      this.port.postMessage({
        position: Math.min(this.written, Math.floor(this.place)),
        time: scope.currentTime + length / scope.sampleRate,
        isMoving,
        isOver,
        underruns: this.underruns
      })
    }
    return !isOver
  }
}

scope.registerProcessor("@effect-smallest/playback", Playback)
