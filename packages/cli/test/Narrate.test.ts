import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { folder, main, start } from "./command.js"

const spoken = Effect.flatMap(
  WavesEmulator.WavesEmulator,
  ({ requests }) =>
    Effect.map(
      requests,
      (all) =>
        all.filter(({ method, path }) => method === "POST" && path.includes("tts")).map(({ body }) =>
          JSON.stringify(body)
        )
    )
)

const environment = Effect.map(WavesEmulator.WavesEmulator, ({ url }) => ({
  SMALLEST_API_KEY: "sk_canary_of_narration",
  SMALLEST_BASE_URL: url
}))

const story = (sentences: number, changed = -1): string =>
  Array.from(
    { length: sentences },
    (_, i) =>
      `${i % 10 === 0 ? `# Chapter ${i / 10 + 1}\n\n` : ""}This is ${i === changed ? "another " : ""}sentence ${i}.`
  ).join("\n\n")

/** The files that people get, with their bytes. */
const files = (out: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(out).filter((name) => !name.startsWith(".")).sort()
      .map((name) => [name, readFileSync(join(out, name)).toString("base64")])
  )

describe("narrate", () => {
  it.scopedLive(
    "killed, it resumes: no segment that was kept is asked for again, and the files are the same",
    () =>
      Effect.gen(function*() {
        const cwd = yield* folder
        const env = yield* environment
        writeFileSync(join(cwd, "story.md"), story(40))
        const args = (out: string) => ["narrate", "story.md", "--out", out, "--format", "wav", "--concurrency", "2"]
        const first = yield* start(args("killed"), { cwd, env })
        while ((yield* spoken).length < 15) yield* Effect.sleep("20 millis")
        first.child.kill("SIGKILL")
        yield* first.outcome
        const before = (yield* spoken).length
        assert.isBelow(before, 44)
        const second = yield* Effect.flatMap(start(args("killed"), { cwd, env }), ({ outcome }) => outcome)
        assert.strictEqual(second.code, 0, second.stderr)
        // 40 sentences and 4 headings; beyond them only what was in flight.
        assert.isAtMost((yield* spoken).length, 44 + 2)
        const third = yield* Effect.flatMap(start(args("whole"), { cwd, env }), ({ outcome }) => outcome)
        assert.strictEqual(third.code, 0, third.stderr)
        assert.deepStrictEqual(files(join(cwd, "killed")), files(join(cwd, "whole")))
        assert.deepStrictEqual(Object.keys(files(join(cwd, "whole"))).length, 9)
        assert.notInclude(second.stderr + third.stderr, "WARN")
      }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone", latency: "20 millis" }))),
    120_000
  )

  it.scopedLive("a changed sentence is the only one that is asked for; a failure can be tried again", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const env = yield* environment
      const emulator = yield* WavesEmulator.WavesEmulator
      const narrate = (text: string) => {
        writeFileSync(join(cwd, "story.md"), text)
        return main(["narrate", join(cwd, "story.md"), "--out", join(cwd, "out"), "--format", "none"], { env })
      }
      yield* emulator.inject({ faults: [{ _tag: "Status", status: 401 }] })
      const refused = yield* narrate(story(5))
      assert.strictEqual(refused.code, 1)
      assert.include(refused.stderr, "SMALLEST_API_KEY")
      assert.strictEqual((yield* narrate(story(5))).code, 0)
      const before = (yield* spoken).length
      assert.strictEqual((yield* narrate(story(5, 3))).code, 0)
      assert.deepStrictEqual((yield* spoken).slice(before).map((body) => body.includes("another")), [true])
      assert.isTrue(existsSync(join(cwd, "out", "01-chapter-1.wav")))
      const again = yield* narrate(story(5, 3))
      assert.include(again.stderr, "0 segments were spoken now")
    }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone" }))))

  it.scopedLive(
    "SIGTERM ends it within three seconds, with a line that says how far it is",
    () =>
      Effect.gen(function*() {
        const cwd = yield* folder
        const env = yield* environment
        writeFileSync(join(cwd, "story.md"), story(40))
        const { child, outcome } = yield* start(["narrate", "story.md", "--out", "out", "--format", "none"], {
          cwd,
          env
        })
        while ((yield* spoken).length < 3) yield* Effect.sleep("20 millis")
        const asked = performance.now()
        child.kill("SIGTERM")
        const { code, stderr } = yield* outcome
        assert.strictEqual(code, 143)
        assert.include(stderr, "Run the same command again to resume.")
        assert.isBelow(performance.now() - asked, 3000)
      }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone", latency: "200 millis" }))),
    {
      retry: 4,
      timeout: 120_000
    }
  )

  it.scopedLive("--plan - lists and writes a plan, never over one that may have been edited; the edited one is narrated", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      writeFileSync(join(cwd, "story.md"), story(5))
      const file = join(cwd, "plan.json")
      const plan = main(["narrate", join(cwd, "story.md"), "--plan", file, "--price", "0.5"], {})
      const first = yield* plan
      assert.strictEqual(first.code, 0, first.stderr)
      assert.include(first.stdout.toString(), "Chapter 1")
      assert.match(first.stdout.toString(), /1 chapters, 104 characters, about 1m, 0\.05 at 0\.5/)
      assert.include((yield* plan).stderr, "may have been edited")
      writeFileSync(file, readFileSync(file, "utf8").replace("This is sentence 2.", "No."))
      const narrated = yield* main(
        ["narrate", file, "--out", join(cwd, "out"), "--engine", "local", "--format", "wav"],
        {}
      )
      assert.strictEqual(narrated.code, 0, narrated.stderr)
      assert.include(readFileSync(join(cwd, "out", "01-chapter-1.vtt"), "utf8"), "No.")
    }))

  it.scopedLive("what makes no sense is one line that says what to do", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      writeFileSync(join(cwd, "a.epub"), "no zip")
      writeFileSync(join(cwd, "a.json"), "{}")
      writeFileSync(join(cwd, "a.txt"), "Hello.")
      const out = join(cwd, "out")
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, number, string]> = [
        [["a.txt"], 2, "--out takes the name of a folder"],
        [["a.txt", "--plan", "x.txt"], 2, "--plan takes the name of a .json file"],
        [["a.txt", "--plan", "x.json", "--out", out], 2, "omit one"],
        [["a.txt", "--out", out, "--include", "everything"], 2, "--include takes"],
        [["absent.txt", "--out", out], 1, "There is no file"],
        [["a.epub", "--out", out], 1, "not an EPUB"],
        [["a.json", "--out", out], 1, "not a plan of a narration"],
        [["a.txt", "--out", join(cwd, "a.txt", "x")], 1, "Could not write"]
      ]
      for (const [[book = "", ...args], code, expected] of cases) {
        const outcome = yield* main(["narrate", join(cwd, book), ...args, "--engine", "local"], {})
        assert.strictEqual(outcome.code, code, outcome.stderr)
        assert.include(outcome.stderr, expected)
      }
      // Another process is there.
      writeFileSync(join(cwd, "x"), "")
      yield* main(["narrate", join(cwd, "a.txt"), "--out", out, "--engine", "local", "--format", "none"], {})
      writeFileSync(join(out, ".narration", "lock"), String(process.ppid))
      const busy = yield* main(["narrate", join(cwd, "a.txt"), "--out", out, "--engine", "local"], {})
      assert.include(busy.stderr, `Process ${process.ppid} narrates into`)
      writeFileSync(join(out, ".narration", "lock"), "99999999")
      const left = yield* main(
        ["narrate", join(cwd, "a.txt"), "--out", out, "--engine", "local", "--format", "none"],
        {}
      )
      assert.strictEqual(left.code, 0, left.stderr)
    }))
})
