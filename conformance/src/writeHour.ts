/**
 * Writes an hour of speech into the file of its first argument, and prints how much memory that took, as JSON.
 */
import { AudioFile, Pcm } from "@effect-smallest/core"
import * as TestSpeechSynthesizer from "@effect-smallest/testing/TestSpeechSynthesizer"
import { NodeContext } from "@effect/platform-node"
import { Duration, Effect, Layer, Ref, Stream } from "effect"

const megabytes = () => Math.round(process.memoryUsage.rss() / 10_000) / 100

const minutes = 60

const program = Effect.gen(function*() {
  globalThis.gc?.()
  const before = megabytes()
  const most = yield* Ref.make(before)
  const name = process.argv[2] ?? ""
  const minute = TestSpeechSynthesizer.audioOf({ text: "A minute is 1200 characters. ".repeat(42).slice(0, 1200) })
  const step = Pcm.byteLength(minute.format, "250 millis")
  const report = yield* AudioFile.save(
    name,
    Stream.range(0, minutes * 240 - 1).pipe(
      Stream.rechunk(1),
      // Every chunk is new memory, as it is when it comes from an engine.
      Stream.map((i) => Pcm.unsafeMake(minute.format, minute.bytes.slice(i % 240 * step, (i % 240 + 1) * step))),
      Stream.zipWithIndex,
      Stream.tap(([, i]) => {
        // V8 lets 64 MB of used buffers lie around before it collects them, whoever made them.
        if (i % 240 === 0) globalThis.gc?.()
        return Ref.update(most, (most) => Math.max(most, megabytes()))
      }),
      Stream.map(([chunk]) => chunk)
    )
  )
  process.stdout.write(JSON.stringify({
    seconds: Duration.toSeconds(report.duration),
    size: report.size,
    before,
    most: yield* Ref.get(most)
  }))
})

Effect.runFork(program.pipe(Effect.provide(Layer.provideMerge(AudioFile.layerFileSystem, NodeContext.layer))))
