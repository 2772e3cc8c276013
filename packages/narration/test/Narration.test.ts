import { AudioStore, SpeechError } from "@effect-smallest/core"
import * as Books from "@effect-smallest/narration/Book"
import * as Narration from "@effect-smallest/narration/Narration"
import * as NarrationEngine from "@effect-smallest/narration/NarrationEngine"
import * as NarrationPlan from "@effect-smallest/narration/NarrationPlan"
import * as Scripted from "@effect-smallest/test-support/scriptedEngine"
import { assert, describe, it } from "@effect/vitest"
import { WorkflowEngine } from "@effect/workflow"
import { Chunk, Effect, Fiber, Layer, Stream } from "effect"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const scriptOf = (text: string) =>
  Effect.map(
    Books.fromBytes("a.txt", new TextEncoder().encode(text)),
    (book) => NarrationPlan.toScript(NarrationPlan.make(book), { name: "test" })
  )

const narrate = (text: string, attempt = 0) =>
  Effect.gen(function*() {
    const script = yield* scriptOf(text)
    return yield* Narration.workflow.execute({ script: yield* Narration.submit(script), attempt })
  })

const stored = Effect.flatMap(
  AudioStore.AudioStore,
  ({ list }) =>
    Effect.map(Stream.runCollect(list), (entries) => Chunk.filter(entries, ({ key }) => key.startsWith("s-")).length)
)

const inMemory = (engine: Scripted.Scripted, options: Narration.Options = {}) =>
  Narration.layer(options).pipe(
    Layer.provideMerge(WorkflowEngine.layerMemory),
    Layer.provide(engine.layer),
    Layer.provideMerge(AudioStore.layerMemory)
  )

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "narration-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

describe("Narration", () => {
  it.live("every segment is asked for once, and a second narration after one changed paragraph asks for that only", () => {
    const engine = Scripted.make()
    return Effect.gen(function*() {
      const summary = yield* narrate("Chapter 1\n\nOne here.\n\nTwo here.\n\nChapter 2\n\nThree here.")
      assert.strictEqual(summary.segments, 5)
      assert.strictEqual(engine.requests.length, 5)
      yield* narrate("Chapter 1\n\nOne here.\n\nTwo there.\n\nChapter 2\n\nThree here.")
      assert.deepStrictEqual(engine.texts().slice(5), ["Two there."])
    }).pipe(Effect.provide(inMemory(engine)))
  })

  it.live("a failure ends it after what is in flight has been kept, and the next attempt speaks only the rest", () => {
    const broken = new SpeechError.InvalidApiKey({ module: "Scripted", method: "events", description: "Unknown key" })
    const engine = Scripted.make((text, attempt) => text === "Two here." && attempt === 0 ? { error: broken } : {})
    const text = "One here.\n\nTwo here.\n\nThree here.\n\nFour here.\n\nFive here.\n\nSix here."
    return Effect.gen(function*() {
      const error = yield* Effect.flip(narrate(text))
      assert.strictEqual(error._tag, "InvalidApiKey")
      assert.strictEqual(engine.running(), 0)
      const before = engine.texts()
      assert.isBelow(before.length, 5)
      assert.strictEqual(yield* stored, before.length - 1)
      yield* narrate(text, 1)
      assert.strictEqual(engine.requests.length, 7)
      assert.strictEqual(yield* stored, 6)
    }).pipe(Effect.provide(inMemory(engine, { concurrency: 2 })))
  })

  it.live("errors that pass are tried again; a script that is not there is an error that says so", () => {
    const engine = Scripted.make((_, attempt) => attempt < 2 ? { error: Scripted.broken } : {})
    return Effect.gen(function*() {
      yield* narrate("One here.")
      assert.strictEqual(engine.requests.length, 3)
      const error = yield* Effect.flip(Narration.workflow.execute({ script: "p-unknown", attempt: 0 }))
      assert.strictEqual(error._tag, "UnknownScript")
    }).pipe(Effect.provide(inMemory(engine, { retry: { maxRetries: 3, baseDelay: "1 millis" } })))
  })

  it.live("concurrency - is never exceeded", () => {
    let most = 0
    const engine: Scripted.Scripted = Scripted.make(() => {
      most = Math.max(most, engine.running())
      return { delay: "20 millis" }
    })
    return Effect.gen(function*() {
      yield* narrate(Array.from({ length: 20 }, (_, i) => `Chapter ${i}\n\nText ${i} here.`).join("\n\n"))
      assert.isAtLeast(most, 1)
      assert.isAtMost(most, 3)
    }).pipe(Effect.provide(inMemory(engine, { concurrency: 3 })))
  })
})

describe("NarrationEngine.layerFile", () => {
  const open = (path: string, engine: Scripted.Scripted, store: AudioStore.Service, options: Narration.Options = {}) =>
    Narration.layer(options).pipe(
      Layer.provideMerge(NarrationEngine.layerFile(join(path, "journal.db"))),
      Layer.provide(engine.layer),
      Layer.provideMerge(Layer.succeed(AudioStore.AudioStore, store))
    )

  it.scopedLive("interrupted, it ends soon and resumes; done, it answers at once", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const store = yield* Effect.provide(AudioStore.AudioStore, AudioStore.layerMemory)
      const text = Array.from({ length: 8 }, (_, i) => `Text number ${i} here.`).join("\n\n")
      const stuck = Scripted.make((said) => said.includes("5") ? { delay: "1 hour" } : {})
      const fiber = yield* Effect.fork(Effect.provide(narrate(text), open(path, stuck, store)))
      while (!stuck.texts().some((said) => said.includes("5"))) yield* Effect.sleep("10 millis")
      yield* Fiber.interrupt(fiber)
      const engine = Scripted.make()
      const summary = yield* Effect.provide(narrate(text), open(path, engine, store))
      assert.strictEqual(summary.segments, 8)
      assert.deepStrictEqual(engine.texts(), ["Text number 5 here.", "Text number 6 here.", "Text number 7 here."])
      const silent = Scripted.make()
      assert.deepStrictEqual(yield* Effect.provide(narrate(text), open(path, silent, store)), summary)
      assert.deepStrictEqual(silent.texts(), [])
    }))

  it.scopedLive("descriptors stay few over hundreds of segments", () =>
    Effect.gen(function*() {
      if (process.platform !== "linux") return
      const path = yield* directory
      const store = yield* Effect.provide(AudioStore.AudioStore, AudioStore.layerMemory)
      const engine = Scripted.make(() => ({ samples: new Int16Array(80).fill(1) }))
      let most = 0
      const before = readdirSync("/proc/self/fd").length
      const onSegment = () =>
        Effect.sync(() => {
          most = Math.max(most, readdirSync("/proc/self/fd").length)
        })
      const text = Array.from({ length: 300 }, (_, i) => `Text number ${i} here.`).join("\n\n")
      yield* Effect.provide(narrate(text), open(path, engine, store, { concurrency: 4, onSegment }))
      assert.isBelow(most - before, 20)
    }))

  it.scopedLive("a file that is not a journal is an error that says so", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const error = yield* Effect.flip(
        Effect.provide(Effect.void, NarrationEngine.layerFile(join(path, "absent", "journal.db")))
      )
      assert.include(error.message, "absent")
    }))
})
