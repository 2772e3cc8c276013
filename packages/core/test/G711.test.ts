import { G711 } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"

const all = Int16Array.from({ length: 65536 }, (_, i) => i - 32768)
const codes = Uint8Array.from({ length: 256 }, (_, i) => i)

// Written from the text of ITU-T G.711 (11/88), tables 1 and 2: decision values of the positive half, in units of the
// table. A value between decision values n and n + 1 gets character signal n; it is decoded to output value n + 1.
// Segments double their step; the first two of A-law are equal.
const decisionsOf = (first: ReadonlyArray<number>, steps: ReadonlyArray<number>): Array<number> => {
  const values = [...first]
  for (const step of steps) {
    for (let i = 0; i < 16; i++) values.push((values.at(-1) ?? 0) + step)
  }
  return values
}

// Table 2a: 0, 1, 3 ... 31, 35 ... 95, 103 ... 8159 (14-bit units).
const ulawDecisions = decisionsOf([0, 1, ...Array.from({ length: 15 }, (_, i) => 3 + 2 * i)], [
  4,
  8,
  16,
  32,
  64,
  128,
  256
])
// Table 1a: 0, 2 ... 64, 68 ... 128, 136 ... 4096 (13-bit units).
const alawDecisions = decisionsOf(Array.from({ length: 33 }, (_, i) => 2 * i), [4, 8, 16, 32, 64, 128])

const interval = (decisions: ReadonlyArray<number>, magnitude: number): number => {
  let n = 0
  while (n < 127 && magnitude >= (decisions[n + 1] ?? 0)) n++
  return n
}

// The 16-bit sample is a fixed-point value with two (three) fractional bits of the table's unit.
const ulaw = (sample: number): number => {
  const n = interval(ulawDecisions, Math.abs(sample) / 4)
  return (sample < 0 ? 0x7f : 0xff) - n
}

const alaw = (sample: number): number => {
  const n = interval(alawDecisions, sample < 0 ? (-sample - 1) / 8 : sample / 8)
  return ((sample < 0 ? 0 : 0x80) + n) ^ 0x55
}

const ulawOutput = (code: number): number => {
  const n = 0x7f - (code & 0x7f)
  const value = n === 0 ? 0 : ((ulawDecisions[n] ?? 0) + (ulawDecisions[n + 1] ?? 0)) / 2
  return (code & 0x80 ? 1 : -1) * value * 4
}

const alawOutput = (code: number): number => {
  const n = (code ^ 0x55) & 0x7f
  return ((code ^ 0x55) & 0x80 ? 1 : -1) * ((alawDecisions[n] ?? 0) + (alawDecisions[n + 1] ?? 0)) / 2 * 8
}

const plusZero = (n: number) => n === 0 ? 0 : n

describe("G711", () => {
  it("the tables of the test are those of the standard at their landmarks", () => {
    assert.strictEqual(ulawDecisions.length, 129)
    assert.deepStrictEqual([17, 33, 49, 65, 81, 97, 113, 128].map((n) => ulawDecisions[n]), [
      35,
      103,
      239,
      511,
      1055,
      2143,
      4319,
      8159
    ])
    assert.strictEqual(alawDecisions.length, 129)
    assert.deepStrictEqual([16, 32, 48, 64, 80, 96, 112, 128].map((n) => alawDecisions[n]), [
      32,
      64,
      128,
      256,
      512,
      1024,
      2048,
      4096
    ])
  })

  it("µ-law - all 65,536 samples are encoded as the standard says", () => {
    const encoded = G711.encodeUlaw(all)
    const wrong = Array.from(all).filter((sample, i) => encoded[i] !== ulaw(sample))
    assert.deepStrictEqual(wrong.slice(0, 10), [])
  })

  it("A-law - all 65,536 samples are encoded as the standard says", () => {
    const encoded = G711.encodeAlaw(all)
    const wrong = Array.from(all).filter((sample, i) => encoded[i] !== alaw(sample))
    assert.deepStrictEqual(wrong.slice(0, 10), [])
  })

  it("µ-law - all 256 codes are decoded to the standard's output values", () => {
    assert.deepStrictEqual(Array.from(G711.decodeUlaw(codes)), Array.from(codes, (code) => plusZero(ulawOutput(code))))
  })

  it("A-law - all 256 codes are decoded to the standard's output values", () => {
    assert.deepStrictEqual(Array.from(G711.decodeAlaw(codes)), Array.from(codes, alawOutput))
  })

  it("known values of telephony", () => {
    assert.deepStrictEqual(Array.from(G711.encodeUlaw(Int16Array.of(0, -1, 32767, -32768))), [0xff, 0x7f, 0x80, 0x00])
    assert.deepStrictEqual(Array.from(G711.encodeAlaw(Int16Array.of(0, -1, 32767, -32768))), [0xd5, 0x55, 0xaa, 0x2a])
    assert.deepStrictEqual(Array.from(G711.decodeUlaw(Uint8Array.of(0xff, 0x7f, 0x80, 0x00))), [0, 0, 32124, -32124])
    assert.deepStrictEqual(Array.from(G711.decodeAlaw(Uint8Array.of(0xd5, 0x55, 0xaa, 0x2a))), [8, -8, 32256, -32256])
  })

  it("decode, encode, decode changes nothing; every code comes back but µ-law's negative zero", () => {
    const ulawSamples = G711.decodeUlaw(codes)
    assert.deepStrictEqual(
      Array.from(G711.encodeUlaw(ulawSamples)),
      Array.from(codes, (code) => code === 0x7f ? 0xff : code)
    )
    const alawSamples = G711.decodeAlaw(codes)
    assert.deepStrictEqual(G711.encodeAlaw(alawSamples), codes)
  })

  it("both halves are mirrored, and louder samples never sound quieter", () => {
    const ulawOut = G711.decodeUlaw(G711.encodeUlaw(all))
    const alawOut = G711.decodeAlaw(G711.encodeAlaw(all))
    const at = (out: Int16Array, sample: number) => out[32768 + sample] ?? NaN
    const positive = Array.from({ length: 32767 }, (_, i) => i + 1)
    assert.deepStrictEqual(positive.filter((sample) => at(ulawOut, sample) !== -at(ulawOut, -sample)), [])
    // A-law has no zero: its negative half begins at -1.
    assert.deepStrictEqual(positive.filter((sample) => at(alawOut, sample - 1) !== -at(alawOut, -sample)), [])
    for (const out of [ulawOut, alawOut]) {
      assert.deepStrictEqual(positive.filter((sample) => at(out, sample) < at(out, sample - 1)), [])
    }
  })

  it("the error stays within half a step of the segment", () => {
    const out = G711.decodeUlaw(G711.encodeUlaw(all))
    // Beyond the last decision value everything is clipped.
    const wrong = Array.from(all).filter((sample, i) =>
      Math.abs(sample) <= 32635 && Math.abs((out[i] ?? NaN) - sample) > Math.max(4, (Math.abs(sample) + 132) / 32)
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("reads and writes views of larger arrays", () => {
    const samples = Int16Array.of(9, 1000, -1000, 9).subarray(1, 3)
    const encoded = G711.encodeUlaw(samples)
    assert.strictEqual(encoded.length, 2)
    const larger = Uint8Array.of(0, ...encoded, 0).subarray(1, 3)
    assert.deepStrictEqual(G711.decodeUlaw(larger), G711.decodeUlaw(encoded))
  })
})
