import { TextSegmenter } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"

/** The time of this process, in milliseconds, that the work took: others on the machine do not count. */
const time = (work: () => void): number => {
  const start = process.cpuUsage()
  work()
  const { system, user } = process.cpuUsage(start)
  return (system + user) / 1000
}

const fill = (pattern: string, length: number): string =>
  pattern.repeat(Math.ceil(length / pattern.length)).slice(0, length)

const pushAll = (text: string, piece: number, options?: TextSegmenter.Options): void => {
  const segmenter = TextSegmenter.make(options)
  let state = segmenter.initial
  for (let at = 0; at < text.length; at += piece) {
    state = segmenter.push(state, text.slice(at, at + piece))[0]
  }
  segmenter.flush(state)
}

const prose =
  "The board met at 5 p.m. on Monday, as planned. Mr. Smith paid $3.50 for tea; \"Why so much?\" she asked. Nobody knew. " +
  "In the end they all went home along the river, past the old mill that had been closed since 1987, and slept well. "

// What would be quadratic if a buffer were read again for every piece or every mark.
const patterns: Readonly<Record<string, readonly [pattern: string, options?: TextSegmenter.Options]>> = {
  "prose": [prose],
  "prose without a cap": [prose, { maxLength: Infinity }],
  "no marks, no cap": ["word ", { maxLength: Infinity }],
  "no blanks": ["a"],
  "no blanks, no cap": ["a", { maxLength: Infinity }],
  "full stops": ["."],
  "abbreviations, no cap": ["e.g. ", { maxLength: Infinity }],
  "marks without words, no cap": ["! ", { maxLength: Infinity }],
  "quotes, no cap": ["a.\"b ", { maxLength: Infinity }],
  "open brackets, no cap": ["(", { maxLength: Infinity }],
  "blanks": [" "],
  "line breaks": ["\n"],
  "short lines": ["a\n"],
  "Chinese": ["今天下雨，我们在家。"],
  "Thai without spaces": ["วันนี้ฝนตกเราอยู่บ้าน"],
  "combining marks": ["e\u0301\u0302"],
  "emoji": ["👨‍👩‍👧‍👦"],
  "lists": ["1. a 2. b "]
}

// Four times the text may take eight times as long, so that garbage collection does not fail the test; quadratic time
// would be sixteen. The least of some runs counts, and they alternate; it takes more of them where the processor is busy
// with something else, which slows some runs down, but never all.
const isLinear = (work: (length: number) => void, length: number): void => {
  work(length)
  let small = Infinity
  let large = Infinity
  const isProven = () => large < 8 * small + 20
  for (let run = 0; run < 3 || (run < 30 && !isProven()); run++) {
    small = Math.min(small, time(() => work(length)))
    large = Math.min(large, time(() => work(4 * length)))
  }
  assert.isTrue(isProven(), `${length} took ${small} ms, four times as much ${large} ms`)
}

describe("TextSegmenter - speed", () => {
  it("prose - 4 MB take at most eight times as long as 1 MB", { timeout: 120_000 }, () => {
    isLinear((length) => pushAll(fill(prose, length), 65_536), 1_000_000)
  })

  for (const [name, [pattern, options]] of Object.entries(patterns)) {
    it(`${name} - time is linear in one piece and in tokens`, { timeout: 120_000 }, () => {
      isLinear((length) => void TextSegmenter.segment(fill(pattern, length), options), 20_000)
      isLinear((length) => pushAll(fill(pattern, length), 3, options), 10_000)
    })
  }
})
