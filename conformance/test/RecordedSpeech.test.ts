import { SpeechError, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { SpeechStream } from "@effect-smallest/stream"
import { RecordedSpeech, TestSpeechSynthesizer } from "@effect-smallest/testing"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, ConfigProvider, Duration, Effect, Fiber, Layer, Redacted, Stream, TestClock } from "effect"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "recordings-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const never = Layer.fail("the engine must not be built" as const)

const events = (text: string) =>
  Effect.map(Stream.runCollect(SpeechSynthesizer.events({ text })), Chunk.toReadonlyArray)

const failure = new SpeechError.RateLimited({
  module: "Test",
  method: "events",
  description: "Too many",
  retryAfter: Duration.seconds(2)
})

const recorded = <E>(
  directory: string,
  mode: RecordedSpeech.Mode,
  engine: Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, E>,
  options: Partial<RecordedSpeech.Options> = {}
) => Layer.provide(RecordedSpeech.layer(engine, { directory, mode, ...options }), NodeContext.layer)

const said = (error: { readonly message?: string } | string): string =>
  typeof error === "string" ? error : error.message ?? ""

const everything = (directory: string): string =>
  readdirSync(directory).map((name) => readFileSync(join(directory, name), "latin1")).join("\n")

describe("RecordedSpeech.layer", () => {
  it.scoped("what was recorded is replayed without the engine: events, word times, audio, failures", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const engine = TestSpeechSynthesizer.layer({
        respond: ({ text }) => text === "Bad." ? { error: failure, chunksBeforeError: 1 } : {}
      })
      const first = yield* Effect.provide(events("Hello there."), recorded(directory, "record", engine))
      yield* Effect.provide(Effect.flip(events("Bad.")), recorded(directory, "record", engine))
      const replayed = recorded(directory, "replay", never)
      assert.deepStrictEqual(yield* Effect.provide(events("Hello there."), replayed), first)
      assert.isTrue(first.some(SpeechEvent.$is("WordTimestamp")))
      const error = yield* Effect.provide(Effect.flip(events("Bad.")), replayed)
      assert.strictEqual(error._tag, "RateLimited")
      assert.isTrue(
        error._tag === "RateLimited" && Duration.equals(error.retryAfter ?? Duration.zero, Duration.seconds(2))
      )
      const audio = yield* Effect.provide(SpeechSynthesizer.synthesize({ text: "Hello there." }), replayed)
      assert.strictEqual(TestSpeechSynthesizer.textOf(audio), "Hello there.")
    }))

  it.scoped("what has no recording fails with the command that makes it; auto makes it, once", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const empty = yield* Effect.flip(Effect.provide(events("Hi."), recorded(directory, "replay", never)))
      assert.include(said(empty), "SPEECH_RECORD=auto npx vitest run")
      const { control, synthesizer } = yield* TestSpeechSynthesizer.make()
      const auto = recorded(directory, "auto", Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, synthesizer))
      yield* Effect.provide(events("Hi."), auto)
      yield* Effect.provide(events("Hi."), auto)
      assert.lengthOf(yield* control.requests, 1)
      const other = yield* Effect.flip(
        Effect.provide(events("Another."), recorded(directory, "replay", never, { command: "make recordings" }))
      )
      assert.include(said(other), "Another.")
      assert.include(said(other), "make recordings")
    }))

  it.scoped("a listener who leaves early records nothing, and a damaged recording says what to do", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const record = recorded(directory, "record", TestSpeechSynthesizer.layer())
      yield* Stream.runDrain(Stream.take(SpeechSynthesizer.stream({ text: "A longer text." }), 1)).pipe(
        Effect.provide(record)
      )
      assert.deepStrictEqual(readdirSync(directory), ["engine.json"])
      yield* Effect.provide(events("Hi."), record)
      for (const name of readdirSync(directory).filter((name) => name.startsWith("hi-") && name.endsWith(".json"))) {
        writeFileSync(join(directory, name), "{")
      }
      const error = yield* Effect.flip(Effect.provide(events("Hi."), recorded(directory, "replay", never)))
      assert.include(said(error), "damaged: delete it")
    }))

  it.scoped("isTimed - a replay takes the time that the engine took", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const engine = TestSpeechSynthesizer.layer({ firstAudioDelay: "3 seconds" })
      const run = (layer: Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, unknown>) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(Effect.provide(events("Hi."), layer))
          let seconds = 0
          while ((yield* Fiber.poll(fiber))._tag === "None") {
            yield* Effect.async<void>((resume) => void setTimeout(() => resume(Effect.void), 1))
            yield* TestClock.adjust("100 millis")
            seconds += 0.1
          }
          yield* Fiber.join(fiber)
          return seconds
        })
      yield* run(recorded(directory, "record", engine))
      assert.isAtLeast(yield* run(recorded(directory, "replay", never, { isTimed: true })), 2.9)
    }))

  it.scopedLive("the cloud is recorded without its key", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const { url } = yield* WavesEmulator.WavesEmulator
      const cloud = NodeSpeech.layerWaves({ apiKey: Redacted.make("sk_canary_1234"), baseUrl: url, retry: false })
      const synthesizer = recorded(directory, "record", cloud)
      const stream = Layer.provide(
        RecordedSpeech.layerStream(cloud, { directory, mode: "record" }),
        NodeContext.layer
      )
      yield* Effect.provide(events("Hello."), synthesizer)
      yield* Stream.runDrain(SpeechStream.events(Stream.make("One. ", "Two."))).pipe(Effect.provide(stream))
      const { inject } = yield* WavesEmulator.WavesEmulator
      yield* inject({ faults: [{ _tag: "Status", status: 401 }] })
      yield* Effect.flip(Effect.provide(events("Refused."), synthesizer))
      assert.notInclude(everything(directory), "canary")
      assert.isAtLeast(readdirSync(directory).length, 6)
    }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone" }))))
})

describe("RecordedSpeech.layerStream", () => {
  it.scopedLive("growing text is replayed however it is cut, and fails with the text's own error", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const layer = <E>(engine: Layer.Layer<SpeechStream.SpeechStream, E>, mode?: RecordedSpeech.Mode) =>
        Layer.provide(RecordedSpeech.layerStream(engine, { directory, mode }), NodeContext.layer)
      const engine = Layer.provide(SpeechStream.layerSegmented(), TestSpeechSynthesizer.layer())
      const listen = (...pieces: ReadonlyArray<string>) =>
        Effect.map(Stream.runCollect(SpeechStream.events(Stream.fromIterable(pieces))), Chunk.toReadonlyArray)
      const first = yield* Effect.provide(listen("One here. ", "Two here."), layer(engine, "auto"))
      // The mode of the environment is replay.
      assert.deepStrictEqual(yield* Effect.provide(listen("One ", "here. Two", " here."), layer(never)), first)
      const missing = yield* Effect.flip(Effect.provide(listen("Three."), layer(never)))
      assert.include(said(missing), "Three.")
      const error = yield* Effect.flip(
        Stream.runDrain(SpeechStream.events(Stream.concat(Stream.make("One"), Stream.fail("mine" as const)))).pipe(
          Effect.provide(layer(never))
        )
      )
      assert.strictEqual(error, "mine")
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))))
})
