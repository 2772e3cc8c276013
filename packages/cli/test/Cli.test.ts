import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { stripVTControlCharacters } from "node:util"
import { folder, main, nodeArguments, run, start } from "./command.js"

const lines = (text: string): Array<string> => text.split("\n").filter((line) => line !== "")

describe("effect-smallest", () => {
  it.scopedLive("--help, --version - need no key and print no escape codes into a pipe", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const [help, speak, version] = yield* Effect.all([
        run(["--help"], { cwd }),
        main(["speak", "--help"]),
        main(["--version"])
      ])
      assert.deepStrictEqual([help.code, speak.code, version.code], [0, 0, 0])
      assert.include(help.stdout.toString(), "EXAMPLES")
      for (const command of ["speak", "play", "batch", "inspect", "doctor", "voices", "models", "languages"]) {
        assert.include(help.stdout.toString(), `- ${command} `)
      }
      for (
        const option of ["--file", "--out", "--raw", "--engine", "--voice", "--model", "--language", "--sample-rate"]
      ) {
        assert.include(speak.stdout.toString(), option)
      }
      assert.match(version.stdout.toString().trim(), /^\d+\.\d+\.\d+/)
      for (const { stderr, stdout } of [help, speak, version]) {
        assert.strictEqual(stderr, "")
        assert.notInclude(stdout.toString(), "\u001b")
      }
    }))

  it.effect("--help - of every command ends with its own examples", () =>
    Effect.gen(function*() {
      const commands = ["speak", "play", "batch", "inspect", "doctor", "voices", "models", "languages", "emulator"]
      for (const command of commands) {
        const { code, stdout } = yield* main([command, "--help"])
        assert.strictEqual(code, 0)
        const [, examples = ""] = stdout.toString().split("EXAMPLES")
        assert.include(examples, `effect-smallest ${command}`)
      }
    }))

  it.effect("--completions - prints a script that knows the commands", () =>
    Effect.forEach(
      ["bash", "zsh", "fish"],
      (shell) =>
        Effect.map(main(["--completions", shell]), ({ code, stderr, stdout }) => {
          assert.strictEqual(code, 0, stderr)
          for (const word of ["speak", "batch", "inspect", "doctor", "sample-rate"]) {
            assert.include(stdout.toString(), word)
          }
        })
    ))

  it.effect("--help - has colours on a terminal, unless NO_COLOR is set", () =>
    Effect.gen(function*() {
      const colourful = yield* main(["--help"], { isTerminal: true })
      const plain = yield* main(["--help"], { isTerminal: true, env: { NO_COLOR: "1" } })
      assert.include(colourful.stdout.toString(), "\u001b")
      assert.strictEqual(plain.stdout.toString(), stripVTControlCharacters(colourful.stdout.toString()))
    }))

  it.scopedLive("voices, models, languages - list what an engine has, for people and for programs", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const table = yield* run(["voices"], { cwd })
      assert.match(table.stderr, /^No SMALLEST_API_KEY is set.*--engine waves.*\n$/)
      assert.strictEqual(lines(table.stdout.toString())[0], "rms    male    American  en  flite")

      const json = (...args: ReadonlyArray<string>) =>
        Effect.map(main([...args, "--json"]), ({ code, stderr, stdout }) => {
          assert.strictEqual(code, 0, stderr)
          assert.strictEqual(stderr, "")
          return JSON.parse(stdout.toString())
        })
      assert.deepInclude((yield* json("voices", "--engine", "local"))[0], { id: "rms", gender: "male" })
      const idsOf = (voices: ReadonlyArray<{ readonly id: string }>) => voices.map(({ id }) => id)
      assert.include(idsOf(yield* json("voices", "--engine", "waves")), "meher")
      assert.include(idsOf(yield* json("voices", "--engine", "lightning-v1")), "emily")
      assert.deepStrictEqual(
        idsOf(yield* json("voices", "--engine", "waves", "--model", "lightning_v4")),
        ["brannock", "rhodes"]
      )
      assert.deepStrictEqual(
        idsOf(yield* json("models", "--engine", "waves")),
        ["lightning_v3.1_pro", "lightning_v3.1", "lightning_v4"]
      )
      assert.deepInclude(yield* json("languages", "--engine", "waves"), {
        code: "hi",
        name: "Hindi",
        models: ["lightning_v3.1_pro", "lightning_v3.1"]
      })
      const withKey = yield* main(["models", "--offline"], { env: { SMALLEST_API_KEY: "sk_of_the_tests" } })
      assert.match(withKey.stdout.toString(), /^lightning_v3\.1_pro +\d+ voices +auto en .*\nlightning_v3\.1 /)
      assert.strictEqual(withKey.stderr, "")
    }))

  it.effect("called wrongly - one sentence and exit code 2", () =>
    Effect.forEach(
      [["sing"], ["voices", "--engine", "steam"], ["models", "--bogus"], ["--wizard"]],
      (args) =>
        Effect.map(main(args), ({ code, stderr, stdout }) => {
          assert.strictEqual(code, 2, stderr)
          assert.match(stderr, /^effect-smallest: [^\n]*\.\n$/)
          assert.strictEqual(stdout.length, 0)
        })
    ))

  it.scopedLive("voices into a pipe whose reader goes away - ends quietly", () =>
    Effect.gen(function*() {
      const { child, outcome } = yield* start(["voices", "--engine", "waves", "--json"], { cwd: yield* folder })
      child.stdout?.destroy()
      const { code, stderr } = yield* outcome
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(stderr, "")
    }))

  it.scopedLive("with all of its streams closed - does its work", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const script = "exec \"$@\" <&- >&- 2>&-"
      const command = [process.execPath, ...nodeArguments, "speak", "Hello.", "--engine", "local", "--out", "a.wav"]
      const { status } = spawnSync("sh", ["-c", script, "sh", ...command], { cwd })
      assert.strictEqual(status, 0)
    }))
})
