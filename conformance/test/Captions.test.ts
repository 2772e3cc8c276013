/**
 * Files of captions, read by programs that others wrote: W3C's parser of WebVTT, and a validator of SubRip.
 */
import { Pcm, SpeechEvent } from "@effect-smallest/core"
import { Captions } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, FastCheck, Stream } from "effect"
import { parser as srtParser, validator as validateSrt } from "srt-validator"
import parsers from "webvtt-parser"

const webVtt = new parsers.WebVTTParser({ "&amp;": "&", "&lt;": "<", "&gt;": ">" })

interface Segment {
  readonly text: string
  readonly speaker: string | undefined
  /** In milliseconds. */
  readonly length: number
  readonly hasWords: boolean
  readonly pause: number
}

const segments: FastCheck.Arbitrary<ReadonlyArray<Segment>> = FastCheck.array(
  FastCheck.record({
    text: FastCheck.array(
      FastCheck.constantFrom(
        "so",
        "It's",
        "“Yes,”",
        "AT&T",
        "<b>bold</b>",
        "a --> b",
        "-->",
        "&lt;",
        "12",
        "00:00:01.000",
        "你好，",
        "नमस्ते।",
        "שלום",
        "\n\n",
        "NOTE",
        "{\\an8}",
        "end."
      ),
      { minLength: 1, maxLength: 25 }
    ).map((words) => words.join(" ")),
    speaker: FastCheck.constantFrom(undefined, "Kate", "Dr. O'Neil & Co.", "<script>", "Two\nlines", "a --> b", "A: b"),
    length: FastCheck.oneof(FastCheck.integer({ min: 0, max: 20_000 }), FastCheck.integer({ min: 0, max: 5 })),
    hasWords: FastCheck.boolean(),
    pause: FastCheck.constantFrom(0, 1, 500)
  }),
  { minLength: 1, maxLength: 8 }
)

const format = Pcm.format(8000)

const eventsOf = (segments: ReadonlyArray<Segment>): ReadonlyArray<SpeechEvent.SpeechEvent> => {
  let at = 0
  let offset = 0
  const events = segments.flatMap(({ hasWords, length, pause, speaker, text }, segment) => {
    const start = at
    const textOffset = offset
    at += length + pause
    offset += text.length
    const words = hasWords ? Array.from(text.matchAll(/[\p{L}\p{M}\p{N}']+/gu)) : []
    const time = (index: number) => Duration.millis(start + length * index / text.length)
    return [
      SpeechEvent.SegmentStarted({ segment, text, textOffset, start: Duration.millis(start), part: segment, speaker }),
      ...words.map(({ 0: word, index }) =>
        SpeechEvent.WordTimestamp({ segment, word, start: time(index), end: time(index + word.length) })
      ),
      SpeechEvent.AudioChunk({ chunk: Pcm.silence(format, length) }),
      ...(pause === 0 ? [] : [
        SpeechEvent.PauseStarted({
          part: segment,
          start: Duration.millis(start + length),
          duration: Duration.millis(pause)
        }),
        SpeechEvent.AudioChunk({ chunk: Pcm.silence(format, pause) })
      ])
    ]
  })
  return [...events, SpeechEvent.Completed({ duration: Duration.millis(at) })]
}

const cuesOf = (segments: ReadonlyArray<Segment>): Stream.Stream<Captions.Cue> =>
  Captions.cues(Stream.fromIterable(eventsOf(segments)))

const run = <A>(stream: Stream.Stream<A>): ReadonlyArray<A> =>
  Chunk.toReadonlyArray(Effect.runSync(Stream.runCollect(stream)))

const plain = (text: string) => text.replace(/\s+/g, "")

interface Node {
  readonly type: string
  readonly name?: string
  readonly value?: string | number
  readonly children?: ReadonlyArray<Node>
}

const textOf = (nodes: ReadonlyArray<Node>): string =>
  nodes.map((node) => node.type === "text" ? node.value : textOf(node.children ?? [])).join("")

describe("captions are valid", () => {
  it("WebVTT, with and without the times of words, by W3C's parser", () => {
    FastCheck.assert(FastCheck.property(segments, (segments) => {
      for (const encode of [Captions.webVttWords, Captions.webVtt]) {
        const file = run(encode(cuesOf(segments))).join("")
        const { cues, errors } = webVtt.parse(file, "captions")
        assert.deepStrictEqual(errors, [], file)
        const expected = run(cuesOf(segments))
        assert.strictEqual(cues.length, expected.length)
        cues.forEach(({ startTime, tree: { children } }, i) => {
          assert.strictEqual(plain(textOf(children)), plain(expected[i]?.text ?? ""), file)
          assert.closeTo(startTime, Duration.toSeconds(expected[i]?.start ?? 0), 0.03)
        })
        const said = plain(cues.map(({ tree: { children } }) => textOf(children)).join(""))
        assert.strictEqual(said, plain(segments.map(({ text }) => text).join("")), file)
      }
    }))
  })

  it("SubRip, by a validator and a parser", () => {
    FastCheck.assert(FastCheck.property(segments, (segments) => {
      const file = run(Captions.srt(cuesOf(segments))).join("")
      assert.deepStrictEqual(validateSrt(file), [], file)
      const cues = srtParser.parse(file)
      const expected = run(cuesOf(segments))
      assert.deepStrictEqual(
        cues.map(({ text }) => plain(text)),
        expected.map(({ speaker, text }) => plain(`${speaker === undefined ? "" : `${speaker}:`}${text}`)),
        file
      )
    }))
  })

  it("JSON, whose words are where they say", () => {
    FastCheck.assert(FastCheck.property(segments, (segments) => {
      const whole = segments.map(({ text }) => text).join("")
      const { words } = JSON.parse(run(Captions.json(cuesOf(segments))).join("")) as {
        readonly words: ReadonlyArray<
          { readonly text: string; readonly start: number; readonly end: number; readonly textOffset: number }
        >
      }
      let before = 0
      for (const { end, start, text, textOffset } of words) {
        assert.strictEqual(whole.slice(textOffset, textOffset + text.length), text)
        assert.isAtLeast(start, before)
        assert.isAtLeast(end, start)
        before = start
      }
      assert.strictEqual(plain(words.map(({ text }) => text).join("")), plain(whole))
    }))
  })

  it("LRC, whose lines begin with rising times", () => {
    FastCheck.assert(FastCheck.property(segments, (segments) => {
      let before = 0
      for (const line of run(Captions.lrc(cuesOf(segments))).join("").trimEnd().split("\n")) {
        const [, minutes, seconds] = /^\[(\d{2,}):(\d\d\.\d\d)\]\S/.exec(line) ?? assert.fail(line)
        const time = Number(minutes) * 60 + Number(seconds)
        assert.isAtLeast(time, before)
        before = time
      }
    }))
  })
})
