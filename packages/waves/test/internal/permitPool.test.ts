import { SpeechEngine } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FastCheck, Fiber, Option, Ref, Scope, TestClock } from "effect"
import * as PermitPool from "../../src/internal/permitPool.js"

/** Lets every fiber that can run do so. */
const settle = Effect.repeatN(Effect.yieldNow(), 30)

const leased = <A, E, R>(
  options: { readonly stream: object; readonly index: number; readonly isHead?: Effect.Effect<boolean> },
  effect: Effect.Effect<A, E, R>
) =>
  Effect.flatMap(
    SpeechEngine.makeLease({ isHead: Effect.succeed(true), ...options }),
    (lease) => Effect.provideService(effect, SpeechEngine.CurrentSegmentLease, Option.some(lease))
  )

const withoutLease = Effect.provideService(SpeechEngine.CurrentSegmentLease, Option.none())

describe("permitPool", () => {
  it.effect("never more than its size at once, the others wait", () =>
    Effect.gen(function*() {
      const pool = PermitPool.make(2)
      const running = yield* Ref.make(0)
      const peak = yield* Ref.make(0)
      const request = Effect.scoped(Effect.gen(function*() {
        yield* pool.acquire
        const now = yield* Ref.updateAndGet(running, (n) => n + 1)
        yield* Ref.update(peak, (n) => Math.max(n, now))
        yield* Effect.sleep("1 second")
        yield* Ref.update(running, (n) => n - 1)
      }))
      const all = yield* Effect.fork(Effect.all(Array.from({ length: 7 }, () => request), { concurrency: "unbounded" }))
      yield* TestClock.adjust("3 seconds")
      assert.isNull(all.unsafePoll())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(all)
      assert.strictEqual(yield* Ref.get(peak), 2)
      assert.strictEqual(yield* pool.available, 2)
    }))

  // Records who gets a permit, in order, when all of them have asked while all were taken.
  const order = (requests: ReadonlyArray<readonly [string, number]>, size = 1) =>
    Effect.scoped(Effect.gen(function*() {
      const pool = PermitPool.make(size)
      const streams = new Map(requests.map(([stream]) => [stream, {}]))
      const granted: Array<string> = []
      const first = yield* Scope.make()
      yield* Effect.repeatN(Effect.asVoid(Scope.extend(pool.acquire, first)), size - 1)
      const fibers = yield* Effect.forEach(requests, ([stream, index]) =>
        Effect.fork(Effect.scoped(leased(
          { stream: streams.get(stream) ?? {}, index },
          Effect.zipRight(pool.acquire, Effect.sync(() => granted.push(`${stream}${index}`)))
        ))).pipe(Effect.zipLeft(settle)))
      yield* Scope.close(first, Exit.void)
      yield* Fiber.joinAll(fibers)
      return granted
    }))

  it.effect("goes round-robin between streams, whoever asked more or earlier", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* order([["a", 0], ["a", 1], ["a", 2], ["b", 0], ["b", 1], ["c", 0]]),
        ["a0", "b0", "c0", "a1", "b1", "a2"]
      )
    }))

  it.effect("goes round-robin also where several permits come free at once", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* order([["a", 0], ["a", 1], ["a", 2], ["b", 0], ["b", 1], ["c", 0]], 4),
        ["a0", "b0", "c0", "a1", "b1", "a2"]
      )
    }))

  it.effect("keeps the order of segments within a stream, whoever asked first", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* order([["a", 3], ["a", 1], ["b", 1], ["a", 2], ["b", 0]]), [
        "a1",
        "b0",
        "a2",
        "b1",
        "a3"
      ])
    }))

  it.effect("lone requests are served in the order in which they came", () =>
    Effect.gen(function*() {
      const pool = PermitPool.make(1)
      const granted: Array<number> = []
      const holder = yield* Scope.make()
      yield* pool.acquire.pipe(Scope.extend(holder))
      const fibers = yield* Effect.forEach([1, 2, 3], (n) =>
        Effect.fork(Effect.scoped(Effect.zipRight(
          pool.acquire,
          Effect.sync(() => granted.push(n))
        ))).pipe(
          Effect.zipLeft(settle)
        ))
      yield* Scope.close(holder, Exit.void)
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(granted, [1, 2, 3])
    }))

  it.effect("the head keeps its permit between attempts, and nobody slips in", () =>
    Effect.gen(function*() {
      const pool = PermitPool.make(1)
      yield* Effect.scoped(leased(
        { stream: {}, index: 0 },
        Effect.gen(function*() {
          const failed = Effect.scoped(Effect.flatMap(pool.acquire, (permit) => permit.keep))
          yield* failed
          const other = yield* Effect.fork(withoutLease(Effect.scoped(pool.acquire)))
          yield* settle
          assert.isNull(other.unsafePoll())
          assert.strictEqual(yield* pool.available, 0)
          yield* failed // takes the kept one, and keeps it again
          assert.isNull(other.unsafePoll())
          yield* Effect.scoped(pool.acquire) // ends well: gives it back
          yield* Fiber.join(other)
        })
      ))
      assert.strictEqual(yield* pool.available, 1)
    }))

  it.effect("what is kept goes back when the lease ends", () =>
    Effect.gen(function*() {
      const pool = PermitPool.make(1)
      yield* Effect.scoped(leased(
        { stream: {}, index: 0 },
        Effect.gen(function*() {
          yield* Effect.scoped(Effect.flatMap(pool.acquire, (permit) => permit.keep))
          assert.strictEqual(yield* pool.available, 0)
        })
      ))
      assert.strictEqual(yield* pool.available, 1)
    }))

  it.effect("others than the head, and requests without a lease, keep nothing", () =>
    Effect.gen(function*() {
      const pool = PermitPool.make(1)
      const failed = Effect.scoped(Effect.flatMap(pool.acquire, (permit) => permit.keep))
      yield* failed
      assert.strictEqual(yield* pool.available, 1)
      yield* Effect.scoped(leased(
        { stream: {}, index: 1, isHead: Effect.succeed(false) },
        Effect.gen(function*() {
          yield* failed
          assert.strictEqual(yield* pool.available, 1)
        })
      ))
    }))

  it.effect("a lease keeps one permit of a pool, and those of several pools apart", () =>
    Effect.gen(function*() {
      const pools = [PermitPool.make(2), PermitPool.make(2)] as const
      yield* Effect.scoped(leased(
        { stream: {}, index: 0 },
        Effect.gen(function*() {
          for (const pool of pools) {
            const scope = yield* Effect.scope
            const one = yield* Scope.extend(pool.acquire, scope)
            const two = yield* Scope.extend(pool.acquire, scope)
            yield* one.keep
            yield* two.keep
            assert.strictEqual(yield* pool.available, 1)
          }
        })
      ))
      for (const pool of pools) assert.strictEqual(yield* pool.available, 2)
    }))

  it.effect("giving up twice, in any mixture, gives back once", () =>
    Effect.gen(function*() {
      for (
        const ways of [["release", "release"], ["keep", "release"], ["release", "keep"], ["keep", "keep"]] as const
      ) {
        const pool = PermitPool.make(1)
        yield* Effect.scoped(leased(
          { stream: {}, index: 0 },
          Effect.scoped(Effect.gen(function*() {
            const permit = yield* pool.acquire
            for (const way of ways) yield* permit[way]
          }))
        ))
        assert.strictEqual(yield* pool.available, 1, ways.join())
      }
    }))

  it.effect("interruption at every step of waiting and holding loses no permit and grants none twice", () =>
    Effect.gen(function*() {
      for (let step = 0; step < 60; step++) {
        const pool = PermitPool.make(1)
        const holder = yield* Scope.make()
        yield* pool.acquire.pipe(Scope.extend(holder))
        const waiting = yield* Effect.fork(Effect.scoped(Effect.zipRight(pool.acquire, settle)))
        const next = yield* Effect.fork(Effect.scoped(Effect.zipRight(pool.acquire, settle)))
        const releasing = yield* Effect.fork(Effect.zipRight(
          Effect.repeatN(Effect.yieldNow(), 15),
          Scope.close(holder, Exit.void)
        ))
        yield* Effect.repeatN(Effect.yieldNow(), step)
        yield* Fiber.interrupt(waiting)
        yield* Fiber.joinAll([releasing, next])
        assert.strictEqual(yield* pool.available, 1, `step ${step}`)
      }
    }))

  it.effect("interruption in the very moment of the grant", () =>
    Effect.gen(function*() {
      const pool = PermitPool.make(1)
      const holder = yield* Scope.make()
      yield* pool.acquire.pipe(Scope.extend(holder))
      const waiting = yield* Effect.fork(Effect.scoped(Effect.zipRight(pool.acquire, Effect.never)))
      yield* settle
      // Both happen before the waiting fiber can run.
      yield* Effect.zipRight(
        Scope.close(holder, Exit.void),
        Fiber.interruptFork(waiting)
      )
      yield* Fiber.await(waiting)
      assert.strictEqual(yield* pool.available, 1)
    }))

  const actions = FastCheck.array(
    FastCheck.record({
      stream: FastCheck.nat(2),
      start: FastCheck.nat(20),
      hold: FastCheck.nat(10),
      failures: FastCheck.nat(2),
      backoff: FastCheck.nat(5),
      isHead: FastCheck.boolean(),
      interruptAfter: FastCheck.option(FastCheck.nat(40)),
      timeout: FastCheck.option(FastCheck.nat(15))
    }),
    { maxLength: 14 }
  )

  it.effect.prop(
    "whatever fails, waits, times out or is interrupted: never more than the size, and all come back",
    { size: FastCheck.integer({ min: 1, max: 3 }), actions },
    ({ actions, size }) =>
      Effect.gen(function*() {
        const pool = PermitPool.make(size)
        const streams = [{}, {}, {}]
        let inUse = 0
        const attempt = (hold: number, fails: boolean, timeout: number | null) =>
          Effect.scoped(Effect.gen(function*() {
            const permit = yield* timeout === null
              ? pool.acquire
              : Effect.timeoutFail(pool.acquire, { duration: timeout, onTimeout: () => "no permit" })
            inUse += 1
            assert.isAtMost(inUse, size)
            yield* Effect.sleep(hold).pipe(Effect.ensuring(Effect.sync(() => void (inUse -= 1))))
            if (!fails) return
            yield* permit.keep
            return yield* Effect.fail("failed")
          }))
        const fibers = yield* Effect.forEach(actions, (action, index) =>
          Effect.fork(Effect.scoped(leased(
            {
              stream: streams[action.stream] ?? {},
              index,
              isHead: Effect.succeed(action.isHead)
            },
            Effect.gen(function*() {
              yield* Effect.sleep(action.start)
              for (let failure = action.failures; failure >= 0; failure--) {
                yield* Effect.ignore(attempt(action.hold, failure > 0, action.timeout))
                yield* Effect.sleep(action.backoff)
              }
            })
          ))))
        yield* Effect.forEach(actions, ({ interruptAfter }, i) =>
          interruptAfter === null
            ? Effect.void
            : Effect.fork(Effect.zipRight(Effect.sleep(interruptAfter), Fiber.interrupt(fibers[i] ?? Fiber.void))))
        yield* TestClock.adjust("1 minute")
        for (const fiber of fibers) assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)), "it hangs")
        assert.strictEqual(inUse, 0)
        assert.strictEqual(yield* pool.available, size)
      }),
    { fastCheck: { numRuns: 40 } }
  )
})

describe("SegmentLease", () => {
  it.effect("without one there is none", () =>
    Effect.gen(function*() {
      assert.isTrue(Option.isNone(yield* SpeechEngine.CurrentSegmentLease))
    }))

  const leave = (isHead: boolean) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const lease = yield* SpeechEngine.makeLease({ stream: {}, index: 0, isHead: Effect.succeed(isHead) }).pipe(
        Scope.extend(scope)
      )
      const given = yield* Ref.make(0)
      const giveBack = Ref.update(given, (n) => n + 1)
      return { given, giveBack, lease, scope }
    })

  it.effect("the end of the scope gives back all that is kept, and nothing is kept afterwards", () =>
    Effect.gen(function*() {
      const { given, giveBack, lease, scope } = yield* leave(true)
      yield* lease.keep({}, giveBack)
      yield* lease.keep({}, giveBack)
      assert.strictEqual(yield* Ref.get(given), 0)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Ref.get(given), 2)
      yield* lease.keep({}, giveBack)
      assert.strictEqual(yield* Ref.get(given), 3)
    }))

  it.effect("what was kept can be taken once, and one of each pool is enough", () =>
    Effect.gen(function*() {
      const { given, giveBack, lease, scope } = yield* leave(true)
      const pool = {}
      assert.isFalse(yield* lease.take(pool))
      yield* lease.keep(pool, giveBack)
      yield* lease.keep(pool, giveBack)
      assert.strictEqual(yield* Ref.get(given), 1)
      assert.isFalse(yield* lease.take({}))
      assert.isTrue(yield* lease.take(pool))
      assert.isFalse(yield* lease.take(pool))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Ref.get(given), 1)
    }))

  it.effect("where nobody waits for the segment nothing is kept", () =>
    Effect.gen(function*() {
      const { given, giveBack, lease } = yield* leave(false)
      yield* lease.keep({}, giveBack)
      assert.strictEqual(yield* Ref.get(given), 1)
    }))
})
