import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { execFile, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))
const page = readFileSync(join(here, "..", "..", "docs", "playback.md"), "utf8")
const samples = Array.from(page.matchAll(/^#+ (.*)$|^```ts\n([\s\S]*?)^```$/gm)).reduce<
  { heading: string; found: Array<{ heading: string; code: string }> }
>(
  ({ found, heading }, [, title, code]) => ({
    heading: title ?? heading,
    found: code === undefined ? found : [...found, { heading, code }]
  }),
  { heading: "", found: [] }
).found

/** What each sample prints, in the order of the page. */
const expected = [
  /^ffplay played \d+s[^\n]*$/,
  /^Paused after 1\.\d s\nStopped after 2\.\d s$/,
  /^They heard: I could talk[^.]*$/,
  /^notice\.wav has \d{5,} bytes$/,
  /^ffplay played it$/,
  /^completed, and both\.wav is there$/,
  /^The other end heard 1s[^\n]*$/,
  /^\d{4,5} bytes of µ-law, at most \d\d % loud$/,
  /^completed$/
]

const noFfplay = spawnSync("ffplay", ["-version"]).error !== undefined
if (noFfplay && process.env["CI"] === "true") throw new Error("CI needs ffplay: apt-get install ffmpeg")

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href
const mark = "--- next sample"

/** Runs all samples in one process, which plays without a sound card, and gives what each printed. */
const run: Effect.Effect<ReadonlyArray<string>, Error, Scope.Scope> = Effect.gen(function*() {
  // Inside this workspace, so that packages are found.
  const cache = join(here, "..", ".cache")
  mkdirSync(cache, { recursive: true })
  const [sources, cwd] = [mkdtempSync(join(cache, "playback-")), mkdtempSync(join(tmpdir(), "playback-"))]
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => [sources, cwd].forEach((folder) => rmSync(folder, { recursive: true })))
  )
  samples.forEach(({ code }, index) => writeFileSync(join(sources, `sample${index}.ts`), code))
  writeFileSync(
    join(sources, "all.ts"),
    samples.map((_, index) => `await import("./sample${index}.ts")\nconsole.log("${mark}")\n`).join("")
  )
  const output = yield* Effect.async<string, Error>((resume) => {
    const child = execFile(
      process.execPath,
      ["--import", tsx, "--conditions=@effect-smallest/source", join(sources, "all.ts")],
      { cwd, env: { PATH: process.env["PATH"], SDL_AUDIODRIVER: "dummy" } },
      (error, stdout, stderr) =>
        resume(
          error === null ? Effect.succeed(stdout) : Effect.fail(new Error(`${error.message}\n${stdout}\n${stderr}`))
        )
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })
  return output.split(`${mark}\n`).map((text) => text.trim())
})

describe("docs/playback.md", () => {
  it.scopedLive.skipIf(noFfplay)(
    "every sample runs and says what it should",
    () =>
      Effect.gen(function*() {
        assert.strictEqual(samples.length, expected.length, "every sample is known here")
        const printed = yield* run
        samples.forEach(({ heading }, index) =>
          assert.match(printed[index] ?? "", expected[index] ?? /^$/, `sample ${index + 1}, ${heading}`)
        )
      }),
    120_000
  )
})
