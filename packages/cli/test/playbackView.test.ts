import { Pcm, SpeechEvent } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Option, Ref, Stream, TestClock } from "effect"
import { stripVTControlCharacters } from "node:util"
import * as PlaybackView from "../src/internal/playbackView.js"
import { Stdio } from "../src/Stdio.js"

const format = Pcm.format(24000)

const terminal = (options: { readonly isTerminal?: boolean; readonly columns?: number } = {}) => {
  const { columns = 60, isTerminal = true } = options
  const written: Array<string> = []
  const writer = {
    isTerminal,
    columns: Effect.succeed(columns),
    write: (data: string | Uint8Array) => Effect.sync(() => void written.push(String(data)))
  }
  const stdio = Stdio.of({ stdin: { isTerminal, bytes: Stream.empty }, stdout: writer, stderr: writer })
  return {
    written,
    // What is in the line after the last change.
    line: () => stripVTControlCharacters(written.at(-1) ?? "").replace(/^\r/, ""),
    provide: Effect.provideService(Stdio, stdio)
  }
}

const environment = (variables: Record<string, string>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

/** A second at one level. */
const second = (level: number) => Pcm.fromSamples(format, new Int16Array(24_000).fill(level))

const word = (text: string, start: number) =>
  SpeechEvent.WordTimestamp({
    segment: 0,
    word: text,
    start: Duration.seconds(start),
    end: Duration.seconds(start + 0.5)
  })

const segment = (text: string, start: number) =>
  SpeechEvent.SegmentStarted({ segment: 0, text, textOffset: 0, start: Duration.seconds(start) })

const pass = (view: PlaybackView.PlaybackView, events: ReadonlyArray<SpeechEvent.SpeechEvent>) =>
  Stream.runDrain(view.listen(SpeechEvent.pcm(view.read(Stream.fromIterable(events)))))

describe("playbackView", () => {
  it.effect("shows what is heard, and not what has only passed through", () =>
    Effect.gen(function*() {
      const { line, provide, written } = terminal()
      yield* Effect.scoped(Effect.gen(function*() {
        const view = yield* PlaybackView.make({ duration: Option.some(Duration.seconds(3)) })
        const position = yield* Ref.make(Duration.zero)
        yield* view.show(Ref.get(position))
        yield* TestClock.adjust("100 millis")
        assert.strictEqual(line(), "Waiting for audio")
        yield* pass(view, [
          segment("Hello there. ", 0),
          word("Hello", 0),
          word("there.", 1),
          SpeechEvent.AudioChunk({ chunk: second(32_767) }),
          SpeechEvent.AudioChunk({ chunk: second(0) })
        ])
        yield* TestClock.adjust("100 millis")
        assert.strictEqual(line(), "0:00 / 0:03  [##########]  Hello")
        yield* Ref.set(position, Duration.millis(1500))
        yield* TestClock.adjust("100 millis")
        assert.strictEqual(line(), "0:01 / 0:03  [----------]  Hello there.")
      })).pipe(provide)
      assert.strictEqual(written.at(-1), "\r\u001b[2K", "it cleans up after itself")
    }).pipe(environment({})))

  it.effect("has colours, unless NO_COLOR is set", () =>
    Effect.gen(function*() {
      const render = Effect.scoped(Effect.gen(function*() {
        const view = yield* PlaybackView.make({ duration: Option.none() })
        yield* view.show(Effect.succeed(Duration.zero))
        yield* pass(view, [word("Hello", 0), SpeechEvent.AudioChunk({ chunk: second(32_767) })])
        yield* TestClock.adjust("100 millis")
      }))
      const colourful = terminal()
      yield* render.pipe(colourful.provide, environment({}))
      assert.include(colourful.written.join(""), "\u001b[31m#\u001b[0m")
      const plain = terminal()
      yield* render.pipe(plain.provide, environment({ NO_COLOR: "1" }))
      assert.notInclude(plain.written.join("").replaceAll("\u001b[?7", "").replaceAll("\u001b[2K", ""), "\u001b")
      assert.include(plain.written.join(""), "[##########]  Hello")
    }))

  it.effect("is quiet in a pipe and on a dumb terminal", () =>
    Effect.gen(function*() {
      const render = Effect.scoped(Effect.gen(function*() {
        const view = yield* PlaybackView.make({ duration: Option.none() })
        yield* view.show(Effect.succeed(Duration.zero))
        yield* TestClock.adjust("1 minute")
      }))
      const pipe = terminal({ isTerminal: false })
      yield* render.pipe(pipe.provide, environment({}))
      const dumb = terminal()
      yield* render.pipe(dumb.provide, environment({ TERM: "dumb" }))
      assert.deepStrictEqual([...pipe.written, ...dumb.written], [])
    }))

  it("fits into any terminal", () => {
    const words = ["Whoever", "reads", "this", "is", "patient"]
    for (let columns = 1; columns < 120; columns++) {
      for (
        const moment of [{ words, text: undefined }, { words: undefined, text: "A long sentence, 日本語. ".repeat(9) }]
      ) {
        const line = PlaybackView.render({ position: 61_000, duration: 3_600_000, peak: 9000, ...moment }, {
          columns,
          isColourful: true
        })
        assert.isBelow(stripVTControlCharacters(line).length, Math.max(2, columns), `${columns}: ${line}`)
      }
    }
    const at = (columns: number) =>
      PlaybackView.render({ position: 61_000, duration: undefined, peak: 0, words, text: "" }, {
        columns,
        isColourful: false
      })
    assert.strictEqual(at(80), "1:01  [----------]  Whoever reads this is patient")
    assert.strictEqual(at(40), "1:01  [----------]  …ds this is patient")
    assert.strictEqual(at(10), "1:01")
  })

  it.effect("forgets what is over", () =>
    Effect.gen(function*() {
      const { line, provide } = terminal({ columns: 4000 })
      yield* Effect.scoped(Effect.gen(function*() {
        const view = yield* PlaybackView.make({ duration: Option.none() })
        yield* pass(view, [
          ...Array.from({ length: 1000 }, (_, i) => word(`w${i}`, i / 1000)),
          SpeechEvent.AudioChunk({ chunk: second(1) })
        ])
        yield* view.show(Effect.succeed(Duration.seconds(1)))
        yield* TestClock.adjust("100 millis")
        assert.match(line(), /\] {2}w959 w960 .*w999$/)
      })).pipe(provide)
    }).pipe(environment({})))
})
