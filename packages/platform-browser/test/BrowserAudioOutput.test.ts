import { AudioPlayer, Pcm } from "@effect-smallest/core"
import { BrowserAudioOutput, BrowserAudioPlayer } from "@effect-smallest/platform-browser"
import { assert, describe, it } from "@effect/vitest"
import { commands } from "@vitest/browser/context"
import { Chunk, Context, Effect, Fiber, Layer, Scope, Stream } from "effect"
import { click } from "./page.js"

declare module "@vitest/browser/context" {
  interface BrowserCommands {
    readonly inUntouchedPage: (module: string) => Promise<string>
  }
}

const format = Pcm.format(24000)

const hum = Pcm.fromSamples(
  format,
  Int16Array.from({ length: 12_000 }, (_, i) => Math.round(16000 * Math.sin(2 * Math.PI * 200 * i / 24000)))
)

const layer = (options?: BrowserAudioOutput.Options) =>
  Layer.provideMerge(BrowserAudioPlayer.layer(), BrowserAudioOutput.layer(options))

const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => holds() ? Effect.void : Effect.delay(until(holds), "5 millis"))

describe("BrowserAudioOutput", () => {
  it.scopedLive("play - before anybody touched the page it is NotAllowed, and the stream is not run", () =>
    Effect.gen(function*() {
      const told = yield* Effect.promise(() => commands.inUntouchedPage("/test/untouched.ts"))
      assert.deepStrictEqual(JSON.parse(told), {
        reason: "NotAllowed",
        message: "The browser does not allow sound until the user has clicked, tapped or pressed a key in the page. " +
          "Start playback from a click or key handler.",
        begun: false
      })
    }))

  it.scopedLive("play - a refusal does not stay: after a click the same player sounds", () =>
    Effect.gen(function*() {
      yield* click
      const context = new AudioContext()
      yield* Effect.promise(() => context.suspend())
      const resume = context.resume.bind(context)
      // What a browser does before a click.
      context.resume = () => new Promise(() => {})
      const player = yield* BrowserAudioPlayer.make().pipe(
        Effect.provideServiceEffect(
          BrowserAudioOutput.BrowserAudioOutput,
          BrowserAudioOutput.make({ context })
        )
      )
      const error = yield* Effect.flip(player.play(Stream.make(hum)))
      assert.strictEqual(error.reason, "NotAllowed")
      context.resume = resume
      assert.strictEqual((yield* player.play(Stream.make(hum))).outcome, "completed")
      yield* Effect.promise(() => context.close())
    }))

  it.scopedLive("unlock - after a click the context runs", () =>
    Effect.gen(function*() {
      const output = yield* BrowserAudioOutput.BrowserAudioOutput
      yield* click
      yield* BrowserAudioOutput.unlock
      assert.strictEqual((yield* output.context).state, "running")
    }).pipe(Effect.provide(layer())))

  it.scopedLive("context - one for all playbacks, asleep when nothing plays, closed with the layer", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layer({ idleTimeToLive: "50 millis" }), scope)
      const player = Context.get(context, AudioPlayer.AudioPlayer)
      const audio = yield* Context.get(context, BrowserAudioOutput.BrowserAudioOutput).context
      yield* Effect.all([player.play(Stream.make(hum)), player.play(Stream.make(hum))], { concurrency: 2 })
      assert.strictEqual(yield* Context.get(context, BrowserAudioOutput.BrowserAudioOutput).context, audio)
      yield* until(() => audio.state === "suspended")
      assert.strictEqual((yield* player.play(Stream.make(hum))).outcome, "completed")
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      yield* until(() => audio.state === "closed")
    }))

  it.scopedLive("context - one of the page's own is neither put to sleep nor closed", () =>
    Effect.gen(function*() {
      const context = new AudioContext()
      yield* AudioPlayer.play(Stream.make(hum)).pipe(
        Effect.provide(layer({ context, idleTimeToLive: 0 }))
      )
      yield* Effect.sleep("50 millis")
      assert.strictEqual(context.state, "running")
      yield* Effect.promise(() => context.close())
    }))

  it.scopedLive("context - one that was put to sleep behind our back is woken", () =>
    Effect.gen(function*() {
      const context = yield* Effect.flatMap(BrowserAudioOutput.BrowserAudioOutput, (output) => output.context)
      yield* AudioPlayer.play(Stream.make(hum))
      yield* Effect.promise(() => context.suspend())
      assert.strictEqual((yield* AudioPlayer.play(Stream.make(hum))).outcome, "completed")
    }).pipe(Effect.provide(layer())))

  it.scopedLive("waveform - shows what sounds, and nothing when it is over", () =>
    Effect.gen(function*() {
      const loudest = (samples: Float32Array) => Math.max(...samples.map(Math.abs))
      const playing = yield* Effect.fork(AudioPlayer.play(Stream.make(hum)))
      const frames = yield* BrowserAudioOutput.waveform({ size: 512 }).pipe(
        Stream.filter((samples) => loudest(samples) > 0.3),
        Stream.take(3),
        Stream.runCollect
      )
      assert.strictEqual(Chunk.unsafeGet(frames, 0).length, 512)
      assert.notStrictEqual(Chunk.unsafeGet(frames, 0), Chunk.unsafeGet(frames, 1))
      yield* Fiber.join(playing)
      yield* BrowserAudioOutput.waveform({ size: 512 }).pipe(
        Stream.takeUntil((samples) => loudest(samples) === 0),
        Stream.runDrain
      )
    }).pipe(Effect.provide(layer())))

  it.scopedLive("analyser - a size that no browser has is an error", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(BrowserAudioOutput.analyser({ fftSize: 1000 }))
      assert.strictEqual(error.reason, "PlayerFailed")
      assert.include(error.message, "1000")
    }).pipe(Effect.provide(layer())))

  it.scopedLive("node - its gain is the volume", () =>
    Effect.gen(function*() {
      const output = yield* BrowserAudioOutput.BrowserAudioOutput
      const { gain } = yield* output.node
      gain.value = 0
      const analyser = yield* BrowserAudioOutput.analyser({ fftSize: 512 })
      const playing = yield* Effect.fork(AudioPlayer.play(Stream.make(hum)))
      yield* Effect.sleep("200 millis")
      const samples = new Float32Array(512)
      analyser.getFloatTimeDomainData(samples)
      assert.isTrue(samples.every((sample) => sample === 0))
      yield* Fiber.join(playing)
    }).pipe(Effect.provide(layer())))
})
