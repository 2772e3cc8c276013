import { AudioFile, AudioStore, Wav } from "@effect-smallest/core"
import { ToneSpeechSynthesizer } from "@effect-smallest/emulator"
import { Audiobook, Book, Narration, NarrationPlan } from "@effect-smallest/narration"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { WorkflowEngine } from "@effect/workflow"
import { Effect, Either, Layer } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).error === undefined
if (!hasFfmpeg) {
  if (process.env.CI === "true") throw new Error("CI needs ffmpeg: apt-get install ffmpeg")
  console.warn("ffmpeg is not installed: tests of encoded audiobooks are skipped")
}

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "audiobook-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const text = `# One = "a"; #1

The rain fell on the old house near the river, and nobody said a word about it for a long time.

# Two

A man came down the road with a lantern in his hand, and he knocked at the door three times.

# Three

Nobody was there.`

const narrated = (options: Omit<Audiobook.Options, "out">) =>
  Effect.gen(function*() {
    const out = yield* folder
    const book = yield* Book.fromBytes("a book.md", new TextEncoder().encode(text))
    const script = NarrationPlan.toScript(NarrationPlan.make(book), { name: "tone" })
    yield* Narration.workflow.execute({ script: yield* Narration.submit(script), attempt: 0 })
    return { out, script, report: yield* Audiobook.assemble(script, { out, ...options }) }
  })

const layer = Narration.layer({ concurrency: 4 }).pipe(
  Layer.provideMerge(WorkflowEngine.layerMemory),
  Layer.provide(ToneSpeechSynthesizer.layer()),
  Layer.provideMerge(Layer.merge(AudioStore.layerMemory, AudioFile.layerFileSystem)),
  Layer.provideMerge(NodeContext.layer)
)

interface Chapters {
  readonly chapters: ReadonlyArray<{ readonly start_time: string; readonly tags: { readonly title: string } }>
}

const chaptersOf = (file: string): Chapters["chapters"] => {
  const { stdout } = spawnSync("ffprobe", ["-v", "error", "-show_chapters", "-of", "json", file], { encoding: "utf8" })
  const found: Chapters = JSON.parse(stdout)
  return found.chapters
}

describe("Audiobook.assemble", () => {
  it.scopedLive("chapters are as long as reported, and marks of the whole book are exact to the sample", () =>
    Effect.gen(function*() {
      const { out, report } = yield* narrated({ format: "wav" })
      let at = 0
      const starts = report.chapters.map(({ file, frames }) => {
        const audio = Either.getOrThrow(Wav.decode(readFileSync(file)))
        assert.strictEqual(audio.bytes.length / 2, frames)
        const start = at
        at += frames
        return start
      })
      const book = readFileSync(join(out, "book.wav"))
      assert.strictEqual(Either.getOrThrow(Wav.decode(book)).bytes.length / 2, at)
      assert.strictEqual(book.readUInt32LE(4), book.length - 8)
      const cues = book.indexOf("cue ", at * 2)
      assert.deepStrictEqual(starts.map((_, i) => book.readUInt32LE(cues + 12 + i * 24 + 4)), starts)
      assert.include(book.toString("utf8", cues), "One = \"a\"; #1")
    }).pipe(Effect.provide(layer)))

  it.scopedLive("captions of a chapter begin where its words do", () =>
    Effect.gen(function*() {
      const { report } = yield* narrated({})
      assert.isUndefined(report.book)
      const captions = readFileSync((report.chapters[1]?.file ?? "").replace(/wav$/, "vtt"), "utf8")
      const [hours, minutes, seconds] = (/(\d+):(\d+):([\d.]+) -->/.exec(captions) ?? []).slice(1).map(Number)
      assert.isAtLeast((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0), 0.6)
      assert.include(captions, "lantern")
    }).pipe(Effect.provide(layer)))

  it.scopedLive("what has not been spoken is an error that says so", () =>
    Effect.gen(function*() {
      const out = yield* folder
      const book = yield* Book.fromBytes("a.md", new TextEncoder().encode(text))
      const script = NarrationPlan.toScript(NarrationPlan.make(book), { name: "another" })
      const error = yield* Effect.flip(Audiobook.assemble(script, { out }))
      assert.include(error.message, "has not been spoken")
    }).pipe(Effect.provide(layer)))

  describe.skipIf(!hasFfmpeg)("with ffmpeg", () => {
    for (const format of ["m4b", "mp3", "opus"] as const) {
      it.scopedLive(`${format} - has the titles, and marks within a millisecond of the samples`, () =>
        Effect.gen(function*() {
          const { report } = yield* narrated({ format })
          const chapters = chaptersOf(report.book ?? "")
          assert.deepStrictEqual(chapters.map(({ tags }) => tags.title), ["One = \"a\"; #1", "Two", "Three"])
          let at = 0
          for (const [i, { frames }] of report.chapters.entries()) {
            assert.approximately(Number(chapters[i]?.start_time), at / report.sampleRate, 0.001)
            at += frames
          }
        }).pipe(Effect.provide(layer)))
    }

    it.scopedLive("acx - the encoded files meet the figures, by ffmpeg's own measure, too", () =>
      Effect.gen(function*() {
        const { report } = yield* narrated({ profile: "acx" })
        for (const { file, measured } of report.chapters) {
          const mp3 = file.replace(/wav$/, "mp3")
          assert.isTrue(existsSync(mp3))
          assert.include(measured ?? "", "RMS")
          const { stderr } = spawnSync("ffmpeg", [
            "-i",
            mp3,
            "-af",
            "astats=measure_perchannel=none",
            "-f",
            "null",
            "-"
          ], {
            encoding: "utf8"
          })
          const rms = Number(/RMS level dB: (-?[\d.]+)/.exec(stderr)?.[1])
          const peak = Number(/Peak level dB: (-?[\d.]+)/.exec(stderr)?.[1])
          assert.isTrue(rms >= -23 && rms <= -18, `${rms}`)
          assert.isTrue(peak <= -3, `${peak}`)
          assert.include(stderr, "44100 Hz, mono")
          assert.include(stderr, "192 kb/s")
        }
      }).pipe(Effect.provide(layer)))
  })
})
