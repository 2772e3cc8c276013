/** Many people listen at once, in one process: how much later does each hear the first word, and what does each cost? */
import { PcmStream } from "@effect-smallest/core"
import { SpeechStream } from "@effect-smallest/stream"
import { Clock, Duration, Effect, Fiber, Option, Stream } from "effect"
import { layer } from "./contenders/ours.js"
import * as FakeServer from "./FakeServer.js"
import { memory } from "./memory.js"
import type { Report } from "./report.js"
import * as Text from "./text.js"

export interface Options {
  readonly streams: number
  /** Over which their starts are spread. */
  readonly starts: Duration.Duration
  /** How long they go on afterwards. */
  readonly plateau: Duration.Duration
}

const tokens = Text.sentences.join(" ").match(Text.token) ?? []

const millis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)

// By the clock, as a model writes: a late timer does not delay all tokens after it.
const written = Stream.unwrap(
  Effect.map(millis, (start) =>
    Stream.unfoldEffect(0, (i) =>
      Effect.flatMap(millis, (now) =>
        Effect.as(
          Effect.sleep(Duration.millis(Math.max(0, start + i * 20 - now))),
          Option.map(Option.fromNullable(tokens[i]), (token) => [token, i + 1] as const)
        ))))
)

// Somebody who listens at the speed of sound; gives the milliseconds to the first audio.
const listen = (onFirstAudio: (after: number) => void) =>
  Effect.gen(function*() {
    const start = yield* millis
    let isHeard = false
    yield* SpeechStream.fromText(written).pipe(
      Stream.tap(() => {
        if (isHeard) return Effect.void
        isHeard = true
        return Effect.map(millis, (now) => onFirstAudio(now - start))
      }),
      PcmStream.pace({ lead: "500 millis" }),
      Stream.runDrain
    )
  })

const quantile = (values: ReadonlyArray<number>, q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? NaN

export const manyStreams = ({ plateau, starts, streams }: Options) =>
  Effect.gen(function*() {
    const server = yield* FakeServer.make
    yield* server.configure({ latency: 200, rate: 3.3, concurrency: Infinity, keepTrace: false })

    return yield* Effect.gen(function*() {
      const firstOf = Effect.gen(function*() {
        let first = NaN
        const fiber = yield* Effect.fork(listen((after) => {
          first = after
        }))
        yield* Effect.sleep("2 seconds")
        yield* Fiber.interrupt(fiber)
        return first
      })
      yield* firstOf // opens connections, loads code
      const alone = yield* Effect.replicateEffect(firstOf, 10)
      const before = memory()

      const firsts: Array<number> = []
      const gap = Duration.toMillis(starts) / streams
      const cpu = process.cpuUsage()
      const begun = yield* millis
      const fibers = yield* Effect.forEach(
        Array.from({ length: streams }),
        () => Effect.zipRight(Effect.sleep(gap), Effect.fork(listen((after) => firsts.push(after))))
      )
      yield* Effect.sleep(plateau)
      const { system, user } = process.cpuUsage(cpu)
      // More than they are spread over, where the machine is too busy to start them in time.
      const cores = (user + system) / 1000 / ((yield* millis) - begun)
      const during = memory()
      const ended = (yield* Effect.forEach(fibers, Fiber.poll)).filter((exit) => exit._tag === "Some").length
      yield* Fiber.interruptAll(fibers)
      yield* Effect.sleep("1 second")
      const after = memory()

      const later = firsts.map((first) => first - quantile(alone, 0.5))
      const each = (megabytes: number) => megabytes * 1000 / streams
      return {
        name: `${streams} streams in one process, started within ${
          Duration.format(starts)
        }, heard at the speed of sound`,
        rows: [
          { figure: "first audio alone, median ms", value: quantile(alone, 0.5) },
          { figure: "first audio, median ms", value: quantile(firsts, 0.5) },
          { figure: "later than alone, p50 ms", value: quantile(later, 0.5) },
          { figure: "later than alone, p99 ms", value: quantile(later, 0.99) },
          { figure: "streams that were heard", value: firsts.length },
          { figure: "streams that ended early", value: ended },
          { figure: "heap of each, kB", value: each(during.heap - before.heap) },
          { figure: "audio buffers of each, kB", value: each(during.buffers - before.buffers) },
          { figure: "heap that stayed after all were interrupted, kB", value: each(after.heap - before.heap) },
          { figure: "processor cores in use", value: cores }
        ],
        targets: [
          { name: "later than alone, p99", measured: quantile(later, 0.99), unit: "ms", limit: 50 },
          { name: "memory of each beside audio", measured: each(during.heap - before.heap), unit: "kB", limit: 100 },
          { name: "streams that were heard", measured: firsts.length, unit: "", limit: streams, isMinimum: true },
          { name: "streams that ended early", measured: ended, unit: "", limit: 0 }
        ]
      } satisfies Report
    }).pipe(Effect.provide(layer({ url: server.url, permits: streams * 4 }, { prefetch: 1 })))
  })
