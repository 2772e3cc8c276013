import { Pcm, SpeechSynthesizer } from "@effect-smallest/core"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { readFileSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

const paragraph =
  "The birch canoe slid on the smooth planks. Rice is often served in round bowls, and it's easy to tell the " +
  "depth of a well. "

const textOf = (characters: number) => paragraph.repeat(Math.floor(characters / paragraph.length))

/**
 * Milliseconds that the main thread has computed. Other programs, and the other tests, may take the processor away for
 * longer than any limit; time without it does not count. Where the system does not tell, the clock must do.
 */
const computed = (): number => {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[0]) / 1e6
  } catch {
    return performance.now()
  }
}

/** The longest time that a timer of one millisecond waited while the effect ran, in milliseconds of computing. */
const longestBlock = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      let last = computed()
      let longest = 0
      const timer = setInterval(() => {
        const now = computed()
        longest = Math.max(longest, now - last)
        last = now
      }, 1)
      return { timer, longest: () => longest }
    }),
    ({ longest }) => Effect.map(self, longest),
    ({ timer }) => Effect.sync(() => clearInterval(timer))
  )

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

/** Megabytes that are in use, garbage not counted. */
const inUse = (): number => {
  collectGarbage()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return (arrayBuffers + heapUsed) / 2 ** 20
}

describe("responsiveness", () => {
  it.live(
    "the event loop - is never blocked for 20 ms, while the engine loads and while it speaks",
    () =>
      Effect.gen(function*() {
        const speak = Stream.runDrain(SpeechSynthesizer.stream({ text: textOf(600) }))
        // Once without a look at the clock: compiling JavaScript for the first time is not what is measured.
        yield* Effect.provide(speak, LocalSpeechSynthesizer.layerNode())
        const longest = yield* longestBlock(Effect.provide(speak, LocalSpeechSynthesizer.layerNode()))
        assert.isBelow(longest, 20)
      }),
    { retry: 4, timeout: 60_000 }
  )

  it.effect("memory - does not grow with the text", () =>
    Effect.gen(function*() {
      const mostInUse = (characters: number) =>
        SpeechSynthesizer.stream({ text: textOf(characters), voice: "kal16", sampleRate: 16000 }).pipe(
          Stream.map(Pcm.frames),
          Stream.zipWithIndex,
          Stream.runFold(0, (most, [, i]) => i % 400 === 0 ? Math.max(most, inUse()) : most)
        )
      yield* mostInUse(800)
      const short = yield* mostInUse(800)
      const long = yield* mostInUse(8000)
      // The whole long text is 14 MB of audio.
      assert.isBelow(long - short, 2)
    }).pipe(Effect.provide(LocalSpeechSynthesizer.layerNode())), 60_000)
})
