/**
 * The contract of the `AudioStore` port as a test suite: authors of stores run it over their layer.
 *
 * It needs vitest and `@effect/vitest`.
 *
 * @since 0.2.0
 */
import * as AudioStore from "@effect-smallest/core/AudioStore"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"

const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 131 + (i >> 8)) & 0xff)

/**
 * Registers the contract as tests. Each begins with a layer of its own, whose store may hold entries of others.
 *
 * @example
 * ```ts
 * import { AudioStore } from "@effect-smallest/core"
 * import { AudioStoreSuite } from "@effect-smallest/testing/suites"
 *
 * AudioStoreSuite.suite("memory", AudioStore.layerMemory)
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const suite = <E>(
  name: string,
  layer: Layer.Layer<AudioStore.AudioStore, E>,
  options: {
    /** Skips all tests, for example if the server is not installed. */
    readonly skip?: boolean | undefined
  } = {}
): void => {
  const test = <E2>(
    behaviour: string,
    body: (store: AudioStore.Service, key: (name: string) => string) => Effect.Effect<void, E2>
  ) =>
    it.live(behaviour, () =>
      Effect.gen(function*() {
        const store = yield* AudioStore.AudioStore
        const mine = (yield* Random.nextIntBetween(0, 2 ** 48)).toString(36).padStart(10, "0")
        yield* body(store, (name) => `${mine}-${name}`)
      }).pipe(Effect.provide(layer)))

  describe.skipIf(options.skip === true)(`AudioStore, ${name}`, () => {
    test("get - gives back the bytes that were put, whatever they are", (store, key) =>
      Effect.gen(function*() {
        for (const length of [0, 1, 255, 200_000]) {
          const bytes = bytesOf(length)
          assert.isTrue(yield* store.put(key(`${length}`), bytes))
          const found = yield* store.get(key(`${length}`))
          assert.deepStrictEqual(Option.map(found, (one) => Array.from(one)), Option.some(Array.from(bytes)))
          assert.deepStrictEqual(yield* store.size(key(`${length}`)), Option.some(length))
        }
      }))

    test("get - gives nothing for what is not there", (store, key) =>
      Effect.gen(function*() {
        assert.isTrue(Option.isNone(yield* store.get(key("absent"))))
        assert.isTrue(Option.isNone(yield* store.size(key("absent"))))
        assert.isFalse(yield* store.has(key("absent")))
        yield* store.remove(key("absent"))
      }))

    test("get - gives bytes that are the caller's own", (store, key) =>
      Effect.gen(function*() {
        const bytes = bytesOf(10)
        yield* store.put(key("own"), bytes)
        bytes.fill(7)
        const first = Option.getOrThrow(yield* store.get(key("own")))
        first.fill(8)
        assert.deepStrictEqual(Array.from(Option.getOrThrow(yield* store.get(key("own")))), Array.from(bytesOf(10)))
      }))

    test("put - the first one stays, and says so", (store, key) =>
      Effect.gen(function*() {
        assert.isTrue(yield* store.put(key("first"), bytesOf(5)))
        assert.isFalse(yield* store.put(key("first"), bytesOf(9)))
        assert.deepStrictEqual(yield* store.size(key("first")), Option.some(5))
      }))

    test("put - of many at once, one wins and its bytes are whole", (store, key) =>
      Effect.gen(function*() {
        const results = yield* Effect.forEach(
          Array.from({ length: 8 }, (_, i) => new Uint8Array(50_000).fill(i)),
          (bytes) => store.put(key("race"), bytes),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(results.filter((won) => won).length, 1)
        const found = Option.getOrThrow(yield* store.get(key("race")))
        assert.strictEqual(found.length, 50_000)
        assert.isTrue(found.every((byte) => byte === results.indexOf(true)))
      }))

    test("remove - makes room for another", (store, key) =>
      Effect.gen(function*() {
        yield* store.put(key("gone"), bytesOf(5))
        yield* store.remove(key("gone"))
        assert.isFalse(yield* store.has(key("gone")))
        assert.isTrue(yield* store.put(key("gone"), bytesOf(6)))
        assert.deepStrictEqual(yield* store.size(key("gone")), Option.some(6))
      }))

    test("list - names every entry with its size and a time", (store, key) =>
      Effect.gen(function*() {
        for (let i = 1; i <= 5; i++) yield* store.put(key(`list-${i}`), bytesOf(i))
        const now = yield* Clock.currentTimeMillis
        const entries = Chunk.toReadonlyArray(yield* Stream.runCollect(store.list))
        const mine = entries.filter((entry) => entry.key.startsWith(key("list-")))
        assert.deepStrictEqual(
          mine.map((entry) => [entry.key, entry.size]).sort(([a], [b]) => String(a) < String(b) ? -1 : 1),
          [1, 2, 3, 4, 5].map((i) => [key(`list-${i}`), i])
        )
        for (const entry of mine) assert.isTrue(Math.abs(now - entry.storedAt) < 3_600_000)
      }))

    test("keys - what could lead out of the store is refused by every method", (store) =>
      Effect.gen(function*() {
        for (
          const bad of ["", "ab", "../../etc/passwd", "a/b/c", ".hidden", "UPPER", "a b c", "x".repeat(129), "äöü"]
        ) {
          for (
            const use of [
              store.get(bad),
              store.put(bad, bytesOf(1)),
              store.size(bad),
              store.has(bad),
              store.remove(bad)
            ]
          ) {
            const error = yield* Effect.flip(Effect.asVoid<unknown, AudioStore.AudioStoreError, never>(use))
            assert.strictEqual(error.reason, "InvalidKey")
          }
        }
      }))
  })
}
