import { Pcm } from "@effect-smallest/core"
import { assert } from "@effect/vitest"
import { Chunk, Effect, FastCheck, Stream } from "effect"

/** Cuts bytes (or samples) at the given places, wherever they lie. */
export const cutAt = <A extends Uint8Array | Int16Array>(whole: A, places: ReadonlyArray<number>): Array<A> => {
  const edges = [0, ...places.map((place) => place % (whole.length + 1)).toSorted((a, b) => a - b), whole.length]
  // Both kinds of array give back their own kind.
  return edges.slice(1).map((end, i) => whole.subarray(edges[i], end) as A)
}

export const cuts: FastCheck.Arbitrary<ReadonlyArray<number>> = FastCheck.array(FastCheck.nat({ max: 5_000 }), {
  maxLength: 12
})

/** A sine of amplitude `level` (1 is full scale), the same on all channels. */
export const sine = (options: {
  readonly sampleRate: number
  readonly frequency: number
  readonly seconds: number
  readonly level?: number
  readonly channels?: number
}): Int16Array => {
  const { channels = 1, frequency, level = 0.5, sampleRate, seconds } = options
  return Int16Array.from(
    { length: Math.round(sampleRate * seconds) * channels },
    (_, i) => Math.round(level * 32767 * Math.sin(2 * Math.PI * frequency * Math.floor(i / channels) / sampleRate))
  )
}

export const concatSamples = (parts: Iterable<Int16Array>): Int16Array => {
  const all = Array.from(parts)
  const joined = new Int16Array(all.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of all) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** A stream in which `together` of the parts arrive at a time. */
export const chunksOf = (
  format: Pcm.PcmFormat,
  parts: ReadonlyArray<Int16Array>,
  together = 1
): Stream.Stream<Pcm.PcmChunk> =>
  Stream.fromIterable(parts.map((part) => Pcm.fromSamples(format, part))).pipe(Stream.rechunk(together))

export const collectSamples = <E, R>(stream: Stream.Stream<Pcm.PcmChunk, E, R>): Effect.Effect<Int16Array, E, R> =>
  Effect.map(Stream.runCollect(stream), (chunks) => concatSamples(Chunk.map(chunks, Pcm.samples)))

/** Compares long arrays without chai's cost per element. */
export const assertSame = (actual: Int16Array | Uint8Array, expected: Int16Array | Uint8Array): void => {
  const bytes = (array: Int16Array | Uint8Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength)
  if (!bytes(actual).equals(bytes(expected))) assert.deepStrictEqual(Array.from(actual), Array.from(expected))
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

export const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"))
