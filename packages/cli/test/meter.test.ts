import { Pcm, SpeechEvent } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option, Stream, TestClock } from "effect"
import * as Meter from "../src/internal/meter.js"
import { Stdio } from "../src/Stdio.js"

const format = Pcm.format(24000)

const audio = (duration: Duration.DurationInput) => SpeechEvent.AudioChunk({ chunk: Pcm.silence(format, duration) })

const segment = (textOffset: number) =>
  SpeechEvent.SegmentStarted({ segment: 1, text: "More.", textOffset, start: Duration.zero })

const recorder = (isTerminal: boolean) => {
  const written: Array<string> = []
  const columns = Effect.succeed(80)
  const writer = {
    isTerminal,
    columns,
    write: (data: string | Uint8Array) => Effect.sync(() => void written.push(String(data)))
  }
  const stdio = Stdio.of({
    stdin: { isTerminal, bytes: Stream.empty },
    stdout: { isTerminal, columns, write: () => Effect.die("nothing belongs on standard output") },
    stderr: writer
  })
  return { written, provide: Effect.provideService(Stdio, stdio) }
}

describe("meter", () => {
  it.effect("count - tells time to first audio and length from when the stream runs", () =>
    Effect.gen(function*() {
      const meter = yield* Meter.make
      yield* TestClock.adjust("1 minute")
      const events = Stream.make(audio("2 seconds"), audio("1 second")).pipe(
        Stream.mapEffect((event) => Effect.as(TestClock.adjust("250 millis"), event)),
        Stream.concat(Stream.make(segment(42)))
      )
      yield* Stream.runDrain(meter.count(events))
      const reading = yield* meter.read
      assert.deepStrictEqual(reading, { elapsed: 500, firstAudio: Option.some(250), audio: 3000, characters: 42 })
      assert.strictEqual(
        Meter.summary(reading, { voice: "meher", place: "a.wav", playback: Option.none() }),
        "a.wav: 3.00 s of speech by meher, first audio after 0.25 s, 6.0 times faster than real time"
      )
    }))

  it.effect("summary - does not call slow speech fast", () =>
    Effect.sync(() => {
      const reading = { elapsed: 20_000, firstAudio: Option.some(9_000), audio: 10_000, characters: 0 }
      assert.strictEqual(
        Meter.summary(reading, { voice: "meher", place: "a.wav", playback: Option.none() }),
        "a.wav: 10.0 s of speech by meher, first audio after 9.00 s, 0.5 times as fast as real time"
      )
    }))

  it.effect("show - rewrites one line on a terminal after a second, and clears it", () =>
    Effect.gen(function*() {
      const { provide, written } = recorder(true)
      const meter = yield* Meter.make
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Meter.show(meter, Option.some(400))
        yield* TestClock.adjust("900 millis")
        assert.deepStrictEqual(written, [])
        yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual(written, ["\r\u001b[2K\u001b[?7lWaiting for audio, 1 s\u001b[?7h"])
        yield* Stream.runDrain(meter.count(Stream.make(audio("5 seconds"), segment(100))))
        yield* TestClock.adjust("200 millis")
        assert.strictEqual(
          written.at(-1),
          "\r\u001b[2K\u001b[?7l[###---------] 25 %, 100 characters, 5.0 s of speech, 25 times faster than real time\u001b[?7h"
        )
      })).pipe(provide)
      assert.strictEqual(written.at(-1), "\r\u001b[2K")
    }))

  it.effect("show - is quiet where nobody looks", () =>
    Effect.gen(function*() {
      const { provide, written } = recorder(false)
      yield* Effect.scoped(Effect.zipRight(Meter.show(yield* Meter.make, Option.none()), TestClock.adjust("1 minute")))
        .pipe(provide)
      assert.deepStrictEqual(written, [])
    }))
})
