/**
 * Integrated loudness after ITU-R BS.1770-4, for mono audio at 48 kHz: K-weighting by its two filters, blocks of 400 ms
 * that overlap by three quarters, an absolute gate at -70 LUFS and a relative one 10 LU under what is left.
 */
interface Biquad {
  readonly b: readonly [number, number, number]
  readonly a: readonly [number, number]
}

const shelf: Biquad = {
  b: [1.53512485958697, -2.69169618940638, 1.19839281085285],
  a: [-1.69065929318241, 0.73248077421585]
}

const highPass: Biquad = { b: [1, -2, 1], a: [-1.99004745483398, 0.99007225036621] }

const filter = (input: Float64Array, { a, b }: Biquad): Float64Array => {
  const output = new Float64Array(input.length)
  let [x1, x2, y1, y2] = [0, 0, 0, 0]
  input.forEach((x, i) => {
    const y = b[0] * x + b[1] * x1 + b[2] * x2 - a[0] * y1 - a[1] * y2
    output[i] = y
    ;[x1, x2, y1, y2] = [x, x1, y, y1]
  })
  return output
}

const toLufs = (power: number): number => -0.691 + 10 * Math.log10(power)

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

export const integratedLoudness = (samples: Int16Array): number => {
  const weighted = filter(filter(Float64Array.from(samples, (sample) => sample / 32768), shelf), highPass)
  const block = 19200
  const powers: Array<number> = []
  for (let start = 0; start + block <= weighted.length; start += block / 4) {
    powers.push(weighted.subarray(start, start + block).reduce((sum, value) => sum + value * value, 0) / block)
  }
  const audible = powers.filter((power) => toLufs(power) > -70)
  const threshold = toLufs(mean(audible)) - 10
  return toLufs(mean(audible.filter((power) => toLufs(power) > threshold)))
}
