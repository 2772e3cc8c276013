import { Pcm } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as Peaks from "../../browser/src/Peaks.js"

const format = Pcm.format(8000)
const size = 8000 * Peaks.slice / 1000

const heightsOf = (chunks: ReadonlyArray<Int16Array>) => {
  let partial = Peaks.empty
  return chunks.flatMap((samples) => {
    const [rest, heights] = Peaks.measure(partial, Pcm.fromSamples(format, samples))
    partial = rest
    return heights
  })
}

describe("Peaks", () => {
  it("measure - one height for every whole slice", () => {
    const samples = new Int16Array(2 * size + 1)
    samples[3] = -0x4000
    samples[size] = 0x2000
    assert.deepStrictEqual(heightsOf([samples]), [0.5, 0.25])
  })

  it("measure - counts frames, not samples", () => {
    const stereo = Pcm.format(8000, 2)
    const samples = new Int16Array(2 * size)
    assert.strictEqual(Peaks.measure(Peaks.empty, Pcm.fromSamples(stereo, samples))[1].length, 1)
  })

  it("measure - the same for every way of cutting the audio", () => {
    FastCheck.assert(FastCheck.property(
      FastCheck.int16Array({ minLength: 4 * size, maxLength: 5 * size }),
      FastCheck.array(FastCheck.nat(5 * size), { maxLength: 8 }),
      (samples, cuts) => {
        const edges = [0, ...cuts.filter((cut) => cut < samples.length).sort((a, b) => a - b), samples.length]
        const pieces = edges.slice(1).map((edge, i) => samples.slice(edges[i], edge))
        assert.deepStrictEqual(heightsOf(pieces), heightsOf([samples]))
      }
    ))
  })
})
