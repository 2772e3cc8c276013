import { Pcm, Wav } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { stripVTControlCharacters } from "node:util"
import { folder, nodeArguments } from "./command.js"
import { tone } from "./server.js"

const hasTerminal = spawnSync("script", ["--version"]).stdout?.toString().includes("util-linux") ?? false
const hasFfplay = spawnSync("ffplay", ["-version"]).error === undefined

// A line of the terminal is rewritten: what is left in it is what came last.
const screen = (output: string): Array<string> => {
  const lines = [""]
  // oxlint-disable-next-line eslint/no-control-regex -- the codes are what this is about
  for (const [token, text] of output.matchAll(/\r\n|\r|\u001b\[2K|\u001b\[[?\d;]*[a-z]|([^\r\u001b]+)/g)) {
    if (token === "\r\n") lines.push("")
    else if (token === "\u001b[2K") lines[lines.length - 1] = ""
    else if (text !== undefined) lines[lines.length - 1] += text
  }
  return lines.filter((line) => line !== "")
}

describe.skipIf(!hasTerminal || !hasFfplay)("on a terminal", () => {
  it.scopedLive("play - shows what is heard, and Ctrl-C leaves a clean line behind", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const pcm = tone(30)
      writeFileSync(join(cwd, "a.wav"), Buffer.concat([Wav.header(Pcm.format(24000), pcm.length), pcm]))
      const command = [process.execPath, ...nodeArguments, "play", "a.wav"].map((word) => `'${word}'`).join(" ")
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn("script", ["-qefc", command, "/dev/null"], {
            cwd,
            env: { PATH: process.env["PATH"], HOME: process.env["HOME"], SDL_AUDIODRIVER: "dummy", TERM: "xterm" }
          })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      let output = ""
      yield* Effect.async<void>((resume) => {
        child.stdout.on("data", (data: Buffer) => {
          output += data.toString()
          if (/0:00 \/ 0:30 {2}\[#/.test(stripVTControlCharacters(output))) resume(Effect.void)
        })
      })
      child.stdin.write("\u0003")
      const [code] = yield* Effect.promise(() => once(child, "close"))
      assert.strictEqual(code, 130)
      assert.deepStrictEqual(screen(output).map((line) => line.replace("^C", "")).filter((line) => line !== ""), [
        "Interrupted."
      ])
    }), 30_000)
})
