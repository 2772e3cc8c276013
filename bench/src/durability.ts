/**
 * What a long narration promises, tried: killed with -9 at twenty random moments it ends with the same bytes as an undisturbed one and has asked for no
 * segment twice beyond those in flight; and over a book of ten hours its memory and its descriptors stay few.
 *
 *     pnpm durability [kills | hours]
 */
import { AudioFile, AudioStore } from "@effect-smallest/core"
import { ToneSpeechSynthesizer, WavesEmulator } from "@effect-smallest/emulator"
import { Audiobook, Book, Narration, NarrationEngine, NarrationPlan } from "@effect-smallest/narration"
import { NodeContext } from "@effect/platform-node"
import { Effect, Layer, Logger, LogLevel } from "effect"
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const repository = join(import.meta.dirname, "../..")
const command = join(repository, "packages/cli/start.mjs")
const bookFile = join(repository, "examples/books/sherlock-holmes.epub")

const directory = mkdtempSync(join(tmpdir(), "durability-"))
const problems: Array<string> = []
const expect = (holds: boolean, what: string) => {
  console.log(`${holds ? "ok    " : "FAILED"} ${what}`)
  if (!holds) problems.push(what)
}

/** Numbers that look random and are the same in every run. */
const random = (() => {
  let state = 20_261_127
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
})()

/** The files that people get. */
const files = (out: string): Map<string, string> =>
  new Map(
    readdirSync(out).filter((name) => !name.startsWith(".")).sort()
      .map((name) => [name, readFileSync(join(out, name)).toString("latin1")])
  )

const kills = Effect.gen(function*() {
  const { requests, url } = yield* WavesEmulator.WavesEmulator
  const book = yield* Book.fromBytes(bookFile, readFileSync(bookFile))
  // Two stories: the embedded voice takes its time for all twelve.
  const plan = NarrationPlan.make({
    ...book,
    chapters: book.chapters.slice(0, 2).map((chapter) => ({ ...chapter, blocks: chapter.blocks.slice(0, 70) }))
  })
  const planFile = join(directory, "plan.json")
  writeFileSync(planFile, NarrationPlan.toJson(plan))
  const segments = NarrationPlan.toScript(plan, { name: "" }).chapters.flatMap(({ segments }) => segments)
  const texts = new Set(segments.map(({ text }) => text)).size

  const run = (out: string, killAfter?: number) =>
    Effect.async<{ readonly code: number | null; readonly said: string }>((resume) => {
      const child = spawn(
        process.execPath,
        [command, "narrate", planFile, "--out", out, "--engine", "waves", "--concurrency", "2", "--format", "wav"],
        {
          env: { ...process.env, SMALLEST_API_KEY: "sk_test", SMALLEST_BASE_URL: url },
          stdio: ["ignore", "ignore", "pipe"]
        }
      )
      let said = ""
      child.stderr.on("data", (data) => said += String(data))
      const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter)
      child.on("close", (code) => {
        clearTimeout(timer)
        resume(Effect.succeed({ code, said }))
      })
    })
  // The log keeps the newest thousand.
  const asked = Effect.map(
    requests,
    (all) => all.filter(({ method, path }) => method === "POST" && path.includes("tts")).length
  )

  const disturbed = join(directory, "disturbed")
  let killed = 0
  while (killed < 20) {
    const { code, said } = yield* run(disturbed, 300 + random() * 3500)
    if (code === null) killed += 1
    else if (code === 0) break
    else return expect(false, `a run ended with ${code}: ${said}`)
  }
  const last = yield* run(disturbed)
  const count = yield* asked
  const undisturbed = join(directory, "undisturbed")
  yield* run(undisturbed)
  expect(killed === 20, `20 kills with -9 (${killed}) over ${segments.length} segments`)
  expect(last.code === 0, `the last run completes ${last.said.trim().split("\n").at(-1)}`)
  expect(
    count <= texts + 2 * killed,
    `${count} requests for ${texts} different texts: at most 2 in flight at each kill`
  )
  const [a, b] = [files(disturbed), files(undisturbed)]
  expect(
    a.size === b.size && a.size > 0 && Array.from(a).every(([name, bytes]) => b.get(name) === bytes),
    `the ${a.size} files are the same to the byte`
  )
}).pipe(
  Effect.provide(WavesEmulator.layer({ engine: "local", latency: "100 millis" }))
)

const hours = Effect.gen(function*() {
  const words = "the rain fell on a house near some old river and nobody ever said one word about it".split(" ")
  const sentence = (i: number) =>
    `Sentence ${i} says that ${Array.from({ length: 12 }, () => words[Math.floor(random() * words.length)]).join(" ")}.`
  const chapters = Array.from({ length: 40 }, (_, chapter) => ({
    title: `Chapter ${chapter + 1}`,
    blocks: Array.from({ length: 200 }, (_, i) => ({ kind: "paragraph" as const, text: sentence(chapter * 200 + i) }))
  }))
  const script = NarrationPlan.toScript(NarrationPlan.make({ title: "Long", chapters }, { sampleRate: 8000 }), {
    name: "tone"
  })
  let rss = 0
  let descriptors = 0
  let segments = 0
  const measure = Effect.sync(() => {
    segments += 1
    if (segments % 20 > 0) return
    rss = Math.max(rss, process.memoryUsage.rss())
    descriptors = Math.max(descriptors, readdirSync("/proc/self/fd").length)
  })
  const started = performance.now()
  const seconds = yield* Effect.gen(function*() {
    yield* Narration.workflow.execute({ script: yield* Narration.submit(script), attempt: 0 })
    const { chapters, sampleRate } = yield* Audiobook.assemble(script, { out: join(directory, "long") })
    yield* measure
    return chapters.reduce((sum, { frames }) => sum + frames, 0) / sampleRate
  }).pipe(Effect.provide(
    Narration.layer({ concurrency: 4, onSegment: () => measure }).pipe(
      Layer.provideMerge(NarrationEngine.layerFile(join(directory, "journal.db"))),
      Layer.provide(ToneSpeechSynthesizer.layer({ sampleRate: 8000 })),
      Layer.provideMerge(Layer.merge(AudioStore.layerFileSystem(join(directory, "spoken")), AudioFile.layerFileSystem)),
      Layer.provideMerge(NodeContext.layer)
    )
  ))
  const megabytes = Math.round(Math.max(rss, process.memoryUsage.rss()) / 2 ** 20)
  expect(
    segments > 8000 && seconds > 36_000,
    `${segments - 1} segments, ${(seconds / 3600).toFixed(1)} hours in ${
      Math.round((performance.now() - started) / 1000)
    } s`
  )
  expect(megabytes < 400, `${megabytes} MB at most`)
  expect(descriptors < 100, `${descriptors} descriptors at most`)
})

const which = process.argv[2]
await Effect.runPromise(
  Effect.all([which === "hours" ? Effect.void : kills, which === "kills" ? Effect.void : hours]).pipe(
    Effect.ensuring(Effect.sync(() => rmSync(directory, { recursive: true, force: true }))),
    Effect.provide(Logger.minimumLogLevel(LogLevel.Error))
  )
)
process.exitCode = problems.length === 0 ? 0 : 1
