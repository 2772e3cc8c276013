/** Runs every static check, two at a time, and shows the output of those that fail. */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { repository } from "./workspace.js"

const checks: Record<string, string> = {
  "the types": "tsc -b tsconfig.json",
  "the Effect diagnostics":
    "effect-tsgo diagnostics --project tsconfig.json --format text --strict --severity error,warning",
  "the samples in docs and docstrings": "tsx scripts/samples.ts",
  "the lint rules": "oxlint --type-aware --deny-warnings",
  "the format": "dprint check",
  "the generated files": "tsx scripts/codegen.ts --check",
  "the arrows between packages": "tsx scripts/arrows.ts",
  "the size of a page's bundle": "tsx scripts/bundle.ts"
}

const run = (command: string) =>
  new Promise<{ readonly code: number; readonly output: string }>((resolve) => {
    const [binary = "", ...args] = command.split(" ")
    const child = spawn(join(repository, "node_modules/.bin", binary), args, {
      cwd: repository,
      stdio: ["ignore", "pipe", "pipe"]
    })
    let output = ""
    child.stdout.on("data", (data) => output += data)
    child.stderr.on("data", (data) => output += data)
    child.on("error", (error) => resolve({ code: 1, output: error.message }))
    child.on("close", (code) => resolve({ code: code ?? 1, output }))
  })

const waiting = Object.entries(checks)
const worker = async () => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [name, command] = next
    const start = performance.now()
    const { code, output } = await run(command)
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} (${command}, ${seconds} s)`)
    if (code !== 0) {
      console.log(output.trimEnd())
      process.exitCode = 1
    }
  }
}

await Promise.all([worker(), worker()])
