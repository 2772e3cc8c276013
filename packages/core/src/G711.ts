/**
 * The 8-bit encodings of telephony, µ-law and A-law, as ITU-T G.711 defines them.
 *
 * @see https://www.itu.int/rec/T-REC-G.711
 * @since 0.1.0
 */

// Tables are made on first use: 64 KB each way is too much for programs that never telephone.
const lazyTable = (make: () => Uint8Array): () => Uint8Array => {
  let table: Uint8Array | undefined
  return () => table ??= make()
}

const segmentOf = (magnitude: number): number => 31 - Math.clz32(magnitude)

// G.711 works on 14-bit samples with a bias of 33; 16-bit arithmetic uses four times that, and clips just below the top.
const encodeUlawSample = (sample: number): number => {
  const magnitude = Math.min(sample < 0 ? -sample : sample, 32635) + 132
  const segment = segmentOf(magnitude) - 7
  return ~((sample < 0 ? 0x80 : 0) | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0xff
}

const decodeUlawSample = (code: number): number => {
  const inverted = ~code & 0xff
  const magnitude = (((inverted & 0x0f) << 3) + 132 << ((inverted & 0x70) >> 4)) - 132
  return inverted & 0x80 ? -magnitude : magnitude
}

// A-law works on 13-bit samples; every second bit of the code is inverted on the line.
const encodeAlawSample = (sample: number): number => {
  const magnitude = (sample < 0 ? ~sample : sample) >> 4
  const segment = magnitude < 16 ? 0 : segmentOf(magnitude) - 3
  const code = segment < 2 ? magnitude & 0x1f : (segment << 4) | ((magnitude >> (segment - 1)) & 0x0f)
  return ((sample < 0 ? 0 : 0x80) | code) ^ 0x55
}

const decodeAlawSample = (code: number): number => {
  const toggled = code ^ 0x55
  const segment = (toggled & 0x70) >> 4
  const mantissa = ((toggled & 0x0f) << 4) + 8
  const magnitude = segment === 0 ? mantissa : (mantissa + 256) << (segment - 1)
  return toggled & 0x80 ? magnitude : -magnitude
}

const encoder = (encodeSample: (sample: number) => number): (samples: Int16Array) => Uint8Array => {
  const table = lazyTable(() => Uint8Array.from({ length: 65536 }, (_, i) => encodeSample(i - 32768)))
  return (samples) => {
    const codes = table()
    const out = new Uint8Array(samples.length)
    for (let i = 0; i < samples.length; i++) {
      // oxlint-disable-next-line typescript/no-non-null-assertion -- i is in range, and there is a code for every sample
      out[i] = codes[samples[i]! + 32768]!
    }
    return out
  }
}

const decoder = (decodeSample: (code: number) => number): (bytes: Uint8Array) => Int16Array => {
  const samples = Int16Array.from({ length: 256 }, (_, code) => decodeSample(code))
  return (bytes) => {
    const out = new Int16Array(bytes.length)
    for (let i = 0; i < bytes.length; i++) {
      // oxlint-disable-next-line typescript/no-non-null-assertion -- i is in range, and there is a sample for every code
      out[i] = samples[bytes[i]!]!
    }
    return out
  }
}

/**
 * Encodes 16-bit samples as µ-law, one byte each.
 *
 * @example
 * ```ts
 * import { G711 } from "@effect-smallest/core"
 *
 * G711.encodeUlaw(new Int16Array([0, 32767])) // Uint8Array [ 0xff, 0x80 ]
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const encodeUlaw: (samples: Int16Array) => Uint8Array = encoder(encodeUlawSample)

/**
 * Encodes 16-bit samples as A-law, one byte each.
 *
 * @since 0.1.0
 * @category constructors
 */
export const encodeAlaw: (samples: Int16Array) => Uint8Array = encoder(encodeAlawSample)

/**
 * Decodes µ-law bytes to 16-bit samples.
 *
 * @since 0.1.0
 * @category constructors
 */
export const decodeUlaw: (bytes: Uint8Array) => Int16Array = decoder(decodeUlawSample)

/**
 * Decodes A-law bytes to 16-bit samples.
 *
 * @since 0.1.0
 * @category constructors
 */
export const decodeAlaw: (bytes: Uint8Array) => Int16Array = decoder(decodeAlawSample)
