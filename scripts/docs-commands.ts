/**
 * Runs the commands of the documentation: every fenced block of README.md and docs that is marked `sh run`, as one
 * `bash -euo pipefail` script each, in the order of the page. They run at the root of a fresh copy of this repository
 * without node_modules, so that they mean what they mean to a reader after `git clone`, and so that what they write
 * leaves with the copy. A block may start servers in the background: they are stopped when it ends.
 * No block sees an API key; a block that is not done after three minutes has failed.
 */
import { spawn } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { filesBelow, isMain, readerEnvironment, report, repository } from "./workspace.js"

export interface Command {
  readonly file: string
  /** The line of the opening fence, counted from 1. */
  readonly line: number
  readonly script: string
}

const minutes = 3

/** The blocks of a Markdown page that are marked `sh run`. */
export const commandsOf = (file: string, text: string): Array<Command> =>
  [...text.matchAll(/^```sh run[ \t]*\n([\s\S]*?)^```[ \t]*$/gm)].map((match) => ({
    file,
    line: text.slice(0, match.index).split("\n").length,
    script: match[1] ?? ""
  }))

/** Runs one block in `directory`. Resolves to what is wrong with it, if anything is. */
export const run = ({ file, line, script }: Command, directory: string): Promise<ReadonlyArray<string>> =>
  new Promise((resolve) => {
    const shell = spawn("bash", ["-euo", "pipefail", "-c", script], {
      cwd: directory,
      detached: true,
      env: readerEnvironment(),
      stdio: ["ignore", "pipe", "pipe"]
    })
    let output = ""
    shell.stdout.on("data", (data) => output += data)
    shell.stderr.on("data", (data) => output += data)
    const stopGroup = () => {
      try {
        if (shell.pid !== undefined) {
          process.kill(-shell.pid, "SIGKILL")
        }
      } catch {
        // The group is gone: nothing was left running in the background.
      }
    }
    let late = false
    const timer = setTimeout(() => {
      late = true
      stopGroup()
    }, minutes * 60_000)
    shell.on("exit", stopGroup)
    shell.on("close", (code, signal) => {
      clearTimeout(timer)
      const what = late ? `is not done after ${minutes} minutes` : `exits with ${signal ?? code}`
      resolve(code === 0 ? [] : [`${file}:${line}: this block ${what}:\n${script}\n${output}`])
    })
  })

/** Copies what `git clone` would give: the repository without anything that is installed or built. */
export const freshCopy = (root: string): string => {
  const copy = mkdtempSync(join(tmpdir(), "fresh-clone-"))
  const left = new Set(["node_modules", "dist", ".cache", ".git", "artifacts", "coverage"])
  cpSync(root, copy, { recursive: true, filter: (source) => !left.has(basename(source)) })
  return copy
}

if (isMain(import.meta.filename)) {
  const pages = ["README.md", ...filesBelow(repository, "docs").filter((file) => file.endsWith(".md"))]
    .filter((file) => existsSync(join(repository, file)))
  const commands = pages.flatMap((file) => commandsOf(file, readFileSync(join(repository, file), "utf8")))
  const copy = freshCopy(repository)
  const problems = commands.length === 0 ? ["README.md and docs have no block marked `sh run`."] : []
  try {
    for (const command of commands) {
      const start = performance.now()
      problems.push(...await run(command, copy))
      console.log(`${command.file}:${command.line} ${((performance.now() - start) / 1000).toFixed(1)} s`)
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
  report(problems, `${commands.length} blocks of commands run.`)
}
