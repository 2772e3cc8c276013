import { Playhead } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, FastCheck, Fiber, Option, TestClock } from "effect"

const millis = (playhead: Playhead.Playhead) => Effect.map(playhead.position, Duration.toMillis)

const isDone = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.map(Fiber.poll(fiber), Option.isSome)

describe("Playhead", () => {
  it.effect("position - stands at zero until sound begins", () =>
    Effect.gen(function*() {
      const playhead = yield* Playhead.make({ lead: "1 second" })
      yield* playhead.advance(Duration.millis(500))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* millis(playhead), 0)
      yield* playhead.start
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(yield* millis(playhead), 200)
    }))

  it.effect("position - never passes what was handed over", () =>
    Effect.gen(function*() {
      const playhead = yield* Playhead.make({ lead: "1 second" })
      yield* playhead.advance(Duration.millis(500))
      yield* playhead.start
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* millis(playhead), 500)
    }))

  it.effect("advance - keeps the lead", () =>
    Effect.gen(function*() {
      const playhead = yield* Playhead.make({ lead: "200 millis" })
      let handedOver = 0
      yield* playhead.start
      yield* Effect.fork(
        playhead.advance(Duration.millis(50)).pipe(
          Effect.tap(() => Effect.sync(() => handedOver += 50)),
          Effect.repeatN(39)
        )
      )
      for (let now = 0; now <= 1000; now += 100) {
        yield* TestClock.adjust(0)
        assert.closeTo(handedOver, now + 200, 50, `after ${now} ms`)
        yield* TestClock.adjust("100 millis")
      }
      assert.strictEqual(yield* playhead.underruns, 0)
    }))

  it.effect("advance - waits for a resume, and takes up where it was", () =>
    Effect.gen(function*() {
      const playhead = yield* Playhead.make({ lead: "100 millis" })
      yield* playhead.start
      yield* playhead.advance(Duration.millis(60))
      yield* TestClock.adjust("30 millis")
      yield* playhead.pause
      const fiber = yield* Effect.fork(playhead.advance(Duration.millis(90)))
      yield* TestClock.adjust("1 hour")
      assert.isFalse(yield* isDone(fiber))
      assert.strictEqual(yield* millis(playhead), 30)
      yield* playhead.resume
      yield* TestClock.adjust("19 millis")
      assert.isFalse(yield* isDone(fiber))
      yield* TestClock.adjust("1 millis")
      assert.isTrue(yield* isDone(fiber))
      assert.strictEqual(yield* playhead.underruns, 0)
    }))

  it.effect("underruns - are counted when late audio comes, and the sound goes on from there", () =>
    Effect.gen(function*() {
      const playhead = yield* Playhead.make({ lead: "1 second" })
      yield* playhead.start
      yield* playhead.advance(Duration.millis(100))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* playhead.underruns, 0, "the end is no underrun")
      yield* playhead.advance(Duration.millis(100))
      yield* playhead.advance(Duration.millis(100))
      assert.strictEqual(yield* playhead.underruns, 1)
      yield* TestClock.adjust("150 millis")
      assert.strictEqual(yield* millis(playhead), 250)
    }))

  it.effect("report - begins the sound and corrects the clock", () =>
    Effect.gen(function*() {
      const playhead = yield* Playhead.make({ lead: "10 seconds" })
      const started = yield* Effect.fork(playhead.started)
      yield* playhead.advance(Duration.seconds(5))
      yield* TestClock.adjust("1 second")
      assert.isFalse(yield* isDone(started))
      yield* playhead.report("10 millis")
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* isDone(started))
      assert.strictEqual(yield* millis(playhead), 1010)
      yield* playhead.report("1100 millis")
      assert.strictEqual(yield* millis(playhead), 1100)
      yield* playhead.report("1050 millis")
      assert.strictEqual(yield* millis(playhead), 1100, "it never goes back")
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(yield* millis(playhead), 1150, "but it waits for the device")
    }))

  it.effect("report - is not believed right after a pause", () =>
    Effect.gen(function*() {
      const playhead = yield* Playhead.make({ lead: "10 seconds", settleTime: "100 millis" })
      yield* playhead.advance(Duration.seconds(5))
      yield* playhead.report("1 second")
      yield* playhead.pause
      yield* playhead.report("3 seconds")
      yield* TestClock.adjust("1 second")
      yield* playhead.resume
      yield* playhead.report("4 seconds")
      assert.strictEqual(yield* millis(playhead), 1000)
      yield* TestClock.adjust("100 millis")
      yield* playhead.report("1120 millis")
      assert.strictEqual(yield* millis(playhead), 1120)
    }))

  it.effect("report - that repeats itself does not hold the clock back", () =>
    Effect.gen(function*() {
      const playhead = yield* Playhead.make({ lead: "10 seconds" })
      yield* playhead.advance(Duration.millis(200))
      for (let i = 0; i < 5; i++) {
        yield* playhead.report("125 millis")
        yield* TestClock.adjust("50 millis")
      }
      assert.strictEqual(yield* millis(playhead), 200)
    }))

  it.effect("reached, drained - wait for the listener", () =>
    Effect.gen(function*() {
      const playhead = yield* Playhead.make({ lead: "1 second" })
      yield* playhead.advance(Duration.millis(300))
      const reached = yield* Effect.fork(playhead.reached("100 millis"))
      const drained = yield* Effect.fork(playhead.drained)
      yield* TestClock.adjust("1 second")
      assert.isFalse(yield* isDone(reached))
      yield* playhead.start
      yield* TestClock.adjust("100 millis")
      assert.isTrue(yield* isDone(reached))
      yield* TestClock.adjust("199 millis")
      assert.isFalse(yield* isDone(drained))
      yield* TestClock.adjust("1 millis")
      assert.isTrue(yield* isDone(drained))
    }))

  it.effect("finish - counts everything as heard", () =>
    Effect.gen(function*() {
      const playhead = yield* Playhead.make({ lead: "1 second" })
      yield* playhead.advance(Duration.millis(300))
      yield* playhead.finish
      assert.strictEqual(yield* millis(playhead), 300)
      yield* playhead.drained
    }))

  const length = (min: number, max: number) => FastCheck.integer({ min, max })
  const step = FastCheck.oneof(
    FastCheck.tuple(FastCheck.constant("advance" as const), length(1, 90)),
    FastCheck.tuple(FastCheck.constant("wait" as const), length(1, 200)),
    FastCheck.tuple(FastCheck.constant("report" as const), length(0, 1000)),
    FastCheck.tuple(FastCheck.constantFrom("pause" as const, "resume" as const, "start" as const), length(0, 0))
  )

  it.effect.prop(
    "position - goes forward within what was handed over, whatever happens",
    [FastCheck.array(step, { maxLength: 30 })],
    ([steps]) =>
      Effect.gen(function*() {
        const playhead = yield* Playhead.make({ lead: "100 millis" })
        let handedOver = 0
        let highest = 0
        for (const [kind, length] of steps) {
          switch (kind) {
            case "advance": {
              const fiber = yield* Effect.fork(playhead.advance(Duration.millis(length)))
              yield* Effect.yieldNow()
              if (yield* isDone(fiber)) handedOver += length
              else yield* Fiber.interrupt(fiber)
              break
            }
            case "wait":
              yield* TestClock.adjust(Duration.millis(length))
              break
            case "report":
              yield* playhead.report(Duration.millis(length))
              break
            default:
              yield* playhead[kind]
          }
          const position = yield* millis(playhead)
          assert.isAtLeast(position, highest)
          assert.isAtMost(position, handedOver)
          highest = position
        }
      }),
    { fastCheck: { numRuns: 50 } }
  )
})
