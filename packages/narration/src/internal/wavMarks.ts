import * as Pcm from "@effect-smallest/core/Pcm"
import * as Wav from "@effect-smallest/core/Wav"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

interface Chapter {
  readonly file: string
  readonly title: string
  readonly frames: number
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const u32 = (...values: ReadonlyArray<number>): Uint8Array => {
  const bytes = new Uint8Array(4 * values.length)
  const view = new DataView(bytes.buffer)
  values.forEach((value, i) => view.setUint32(4 * i, value, true))
  return bytes
}

const chunk = (id: string, ...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const body = Pcm.concatBytes(parts)
  return Pcm.concatBytes([ascii(id), u32(body.length), body, new Uint8Array(body.length % 2)])
}

/** The places where chapters begin, to the sample, with their titles: players show them as chapters. */
const marks = (chapters: ReadonlyArray<Chapter>): Uint8Array => {
  let at = 0
  const starts = chapters.map(({ frames }) => {
    const start = at
    at += frames
    return start
  })
  return Pcm.concatBytes([
    chunk(
      "cue ",
      u32(chapters.length),
      ...starts.map((start, i) => Pcm.concatBytes([u32(i + 1, start), ascii("data"), u32(0, 0, start)]))
    ),
    chunk(
      "LIST",
      ascii("adtl"),
      ...chapters.map(({ title }, i) => chunk("labl", u32(i + 1), ascii(title), new Uint8Array(1)))
    )
  ])
}

/**
 * Joins WAV files of one format into one with marks.
 *
 * @internal
 */
export const join = (
  target: string,
  format: Pcm.PcmFormat,
  chapters: ReadonlyArray<Chapter>
): Effect.Effect<void, PlatformError.PlatformError | { readonly _tag: "TooLong" }, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const frames = chapters.reduce((sum, { frames }) => sum + frames, 0)
    const length = frames * Pcm.frameSize(format)
    const last = marks(chapters)
    if (length + last.length > Wav.maxDataLength) return yield* Effect.fail({ _tag: "TooLong" as const })
    const header = Wav.header(format, length)
    new DataView(header.buffer, header.byteOffset).setUint32(4, header.length - 8 + length + last.length, true)
    const data = Stream.fromIterable(chapters).pipe(
      Stream.flatMap(({ file, frames }) =>
        fs.stream(file, { offset: Wav.headerLength, bytesToRead: frames * Pcm.frameSize(format) })
      )
    )
    yield* Stream.make(header).pipe(
      Stream.concat(data),
      Stream.concat(Stream.make(last)),
      Stream.run(fs.sink(target))
    )
  })
