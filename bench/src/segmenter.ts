/** How fast text is cut into segments, and whether that stays so however long the text is. */
import { TextSegmenter } from "@effect-smallest/stream"
import { Effect } from "effect"
import type { Report, Target } from "./report.js"
import * as Text from "./text.js"

const megabyte = 1_000_000

// Paragraphs of prose with numbers, so that texts of any length are made of different ones.
const textOf = (length: number): string => {
  const parts: Array<string> = []
  let size = 0
  for (let i = 0; size < length; i++) {
    const part = `${Text.sentences[i % 40] ?? ""}${
      i % 8 === 7 ? ` That was number ${i}, or ${(i / 7).toFixed(2)} in sevens.\n\n` : " "
    }`
    parts.push(part)
    size += part.length
  }
  return parts.join("").slice(0, length)
}

const cut = (text: string, pieceLength: number): { readonly seconds: number; readonly segments: number } => {
  const segmenter = TextSegmenter.make()
  const start = performance.now()
  let state = segmenter.initial
  let segments = 0
  for (let i = 0; i < text.length; i += pieceLength) {
    const [next, found] = segmenter.push(state, text.slice(i, i + pieceLength))
    state = next
    segments += found.length
  }
  segments += segmenter.flush(state)[1].length
  return { seconds: (performance.now() - start) / 1000, segments }
}

export interface Options {
  readonly megabytes: ReadonlyArray<number>
}

export const segmenter = ({ megabytes }: Options) =>
  Effect.sync((): Report => {
    cut(textOf(2 * megabyte), 4096) // warm
    const rows: Array<Record<string, string | number>> = []
    const speeds: Array<number> = []
    for (const size of megabytes) {
      const text = textOf(size * megabyte)
      // A busy machine only ever makes things slower.
      const runs = [1, 2, 3].map(() => cut(text, 4096))
      const seconds = Math.min(...runs.map((run) => run.seconds))
      const tokens = cut(text.slice(0, 5 * megabyte), 4)
      speeds.push(size / seconds)
      rows.push({
        "MB of text": size,
        seconds,
        "MB/s in pieces of 4 kB": size / seconds,
        "MB/s in tokens": Math.min(size, 5) / tokens.seconds,
        segments: runs[0]?.segments ?? 0
      })
    }
    const smallest = speeds[0] ?? 0
    const largest = speeds.at(-1) ?? 0
    const targets: ReadonlyArray<Target> = [
      { name: "throughput at the largest size", measured: largest, unit: "MB/s", limit: 20, isMinimum: true },
      {
        name: "linear: the speed at the smallest size over that at the largest",
        measured: smallest / largest,
        unit: "",
        limit: 1.3
      }
    ]
    return { name: "Segmenter", rows, targets }
  })
