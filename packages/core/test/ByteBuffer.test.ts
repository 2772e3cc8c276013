import { Pcm } from "@effect-smallest/core"
import { assertSame } from "@effect-smallest/test-support/pcm"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, FastCheck, Fiber, Ref, Stream } from "effect"
import * as ByteBuffer from "../src/ByteBuffer.js"

const bytes = (length: number) => new Uint8Array(length).fill(length)

/** Lets every fiber that can run do so. */
const settle = Effect.repeatN(Effect.yieldNow(), 50)

describe("byteBuffer", () => {
  it.effect.prop(
    "everything comes out, in order, and no more than the capacity waits inside",
    {
      sizes: FastCheck.array(FastCheck.integer({ min: 1, max: 30 }), { maxLength: 30 }),
      capacity: FastCheck.integer({ min: 1, max: 40 })
    },
    ({ capacity, sizes }) =>
      Effect.gen(function*() {
        const buffer = yield* ByteBuffer.make<never>(capacity)
        let offered = 0
        const producer = yield* Effect.fork(
          Effect.forEach(sizes, (size) =>
            Effect.tap(buffer.offer(bytes(size)), () => Effect.sync(() => void (offered += size))), { discard: true })
            .pipe(Effect.zipRight(buffer.end))
        )
        let taken = 0
        const all = yield* buffer.stream.pipe(
          Stream.tap((chunk) =>
            Effect.zipRight(
              settle,
              Effect.sync(() => {
                taken += chunk.length
                // The piece in the hand has made room for others already; one that is larger than all fits alone.
                assert.isAtMost(offered - taken, Math.max(capacity, ...sizes))
              })
            )
          ),
          Stream.runCollect
        )
        yield* Fiber.join(producer)
        assertSame(Pcm.concatBytes([bytes(0), ...all]), Pcm.concatBytes([bytes(0), ...sizes.map(bytes)]))
      }),
    { fastCheck: { numRuns: 30 } }
  )

  it.effect("offer waits while the buffer is full", () =>
    Effect.gen(function*() {
      const buffer = yield* ByteBuffer.make<never>(10)
      const offered = yield* Ref.make(0)
      yield* Effect.fork(Effect.forEach([6, 4, 1], (size) =>
        Effect.zipRight(
          buffer.offer(bytes(size)),
          Ref.update(offered, (n) => n + size)
        )))
      yield* settle
      assert.strictEqual(yield* Ref.get(offered), 10)
      const first = yield* Stream.runHead(buffer.stream)
      assert.isTrue(first._tag === "Some" && first.value.length === 10)
      yield* settle
      assert.strictEqual(yield* Ref.get(offered), 11)
    }))

  it.effect("a piece larger than the buffer passes when the buffer is empty", () =>
    Effect.gen(function*() {
      const buffer = yield* ByteBuffer.make<never>(10)
      const producer = yield* Effect.fork(
        Effect.zipRight(Effect.forEach([3, 25, 3], (size) => buffer.offer(bytes(size))), buffer.end)
      )
      const lengths = Chunk.map(yield* Stream.runCollect(buffer.stream), (chunk) => chunk.length)
      assert.deepStrictEqual(Chunk.toReadonlyArray(lengths), [3, 25, 3])
      yield* Fiber.join(producer)
    }))

  it.effect("pieces that wait are joined, pieces that do not are handed on as they are", () =>
    Effect.gen(function*() {
      const buffer = yield* ByteBuffer.make<never>(100_000)
      const pieces = Array.from({ length: 40 }, (_, i) => new Uint8Array(1000).fill(i))
      yield* Effect.forEach(pieces, buffer.offer)
      yield* buffer.end
      const blocks = Chunk.toReadonlyArray(yield* Stream.runCollect(buffer.stream))
      assertSame(Pcm.concatBytes(blocks), Pcm.concatBytes(pieces))
      assert.deepStrictEqual(blocks.map((block) => block.length), [8000, 8000, 8000, 8000, 8000])

      const quick = yield* ByteBuffer.make<never>(100_000)
      const heard = yield* Effect.fork(Stream.runCollect(quick.stream))
      yield* Effect.forEach(pieces, (piece) => Effect.zipRight(settle, quick.offer(piece)))
      yield* quick.end
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Fiber.join(heard)), pieces)
    }))

  it.effect("a failure comes after what was offered before", () =>
    Effect.gen(function*() {
      const buffer = yield* ByteBuffer.make<string>(10)
      yield* buffer.offer(bytes(2))
      yield* buffer.failCause(Cause.fail("broken"))
      const heard = yield* Ref.make(0)
      const exit = yield* buffer.stream.pipe(
        Stream.runForEach((chunk) => Ref.update(heard, (n) => n + chunk.length)),
        Effect.exit
      )
      assert.strictEqual(yield* Ref.get(heard), 2)
      assert.deepStrictEqual(exit, Exit.fail("broken"))
    }))

  it.effect("an interrupted offer leaves nothing behind and the room that it waited for", () =>
    Effect.gen(function*() {
      const buffer = yield* ByteBuffer.make<never>(4)
      yield* buffer.offer(bytes(4))
      const waiting = yield* Effect.fork(buffer.offer(bytes(3)))
      yield* settle
      yield* Fiber.interrupt(waiting)
      yield* Stream.runHead(buffer.stream)
      yield* buffer.offer(bytes(4)) // would wait for ever if the room were lost
      yield* buffer.end
      const rest = yield* Stream.runCollect(buffer.stream)
      assert.deepStrictEqual(Chunk.toReadonlyArray(Chunk.map(rest, (chunk) => chunk.length)), [4])
    }))
})
