import { Pcm, SpeechEngine, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { SpeechStream } from "@effect-smallest/stream"
import { broken, simulate } from "@effect-smallest/test-support/scriptedEngine"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule, Stream, Supervisor } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const heapUsed = Effect.sync(() => {
  collectGarbage()
  return process.memoryUsage().heapUsed
})

const chunk = Pcm.fromSamples(Pcm.format(8000), new Int16Array(80))

// An engine that remembers nothing and does as little as it may.
const service = (
  events: SpeechSynthesizer.Service["events"],
  options: SpeechStream.SegmentedOptions
): Effect.Effect<SpeechStream.Service> =>
  Effect.provide(
    SpeechStream.SpeechStream,
    Layer.provide(
      SpeechStream.layerSegmented(options),
      Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, {
        ...SpeechEngine.make({
          module: "Lean",
          defaults: { sampleRate: 8000 },
          honours: [],
          sampleRates: [8000],
          events,
          voices: Effect.succeed([]),
          models: Effect.succeed([]),
          languages: Effect.succeed([])
        }),
        events
      })
    )
  )

const speaks: SpeechSynthesizer.Service["events"] = () => Stream.succeed(SpeechEvent.AudioChunk({ chunk }))

describe("SpeechStream.layerSegmented, for a long time", () => {
  it.live("10,000 segments - nothing is left of a segment once it was heard", () =>
    Effect.gen(function*() {
      const { events } = yield* service(speaks, { prefetch: 2 })
      const supervisor = yield* Supervisor.track
      const seen: Array<{ readonly heap: number; readonly fibers: number }> = []
      const text = Stream.range(1, 10_000).pipe(Stream.map((i) => `This is number ${i} of many. `))
      yield* events(text).pipe(
        Stream.runForEach((event) =>
          event._tag === "SegmentStarted" && event.segment % 2500 === 2499
            ? Effect.gen(function*() {
              const fibers = yield* supervisor.value
              seen.push({ heap: yield* heapUsed, fibers: fibers.length })
            })
            : Effect.void
        ),
        Effect.supervised(supervisor)
      )
      assert.lengthOf(seen, 4)
      const [first] = seen
      for (const { fibers, heap } of seen) {
        assert.isAtMost(fibers, 8)
        // 7,500 more segments: a fiber, a scope or a finalizer that stays of each would be megabytes.
        assert.isAtMost(heap - (first?.heap ?? 0), 1_500_000)
      }
    }), 120_000)

  it.live("4,000 retries of one segment - nothing is left of an attempt", () =>
    Effect.gen(function*() {
      const heaps: Array<number> = []
      let attempts = 0
      const { fromText } = yield* service((request) =>
        Stream.unwrap(Effect.suspend(() => {
          attempts++
          if (attempts % 1000 !== 0) return Effect.fail(broken)
          return Effect.map(heapUsed, (heap) => {
            heaps.push(heap)
            return attempts === 4000 ? speaks(request) : Stream.fail(broken)
          })
        })), { retry: Schedule.forever })
      yield* Stream.runDrain(fromText("Hello."))
      assert.lengthOf(heaps, 4)
      assert.isAtMost((heaps[3] ?? 0) - (heaps[0] ?? 0), 1_000_000)
    }), 120_000)

  it.live("500 interrupted streams - nothing is left of a stream", () =>
    Effect.gen(function*() {
      const { fromText } = yield* service(() => Stream.never, { prefetch: 2 })
      const once = Effect.gen(function*() {
        const fiber = yield* Effect.fork(Stream.runDrain(fromText("One. Two. Three. Four.")))
        yield* Effect.sleep("1 millis")
        yield* Fiber.interrupt(fiber)
      })
      yield* simulate(Effect.repeatN(once, 100))
      const before = yield* heapUsed
      yield* simulate(Effect.repeatN(once, 500))
      assert.isAtMost((yield* heapUsed) - before, 1_000_000)
    }), 120_000)
})
