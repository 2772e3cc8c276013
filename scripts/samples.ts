/**
 * Type-checks every TypeScript sample that a reader can meet: the fenced `ts` blocks of docstrings in packages, of the
 * READMEs and of docs. All of them go through one run of the compiler, against the sources of the packages, and what
 * the compiler says is told at the line of the page or docstring that the sample stands on.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { filesBelow, isMain, report, repository, workspaces } from "./workspace.js"

export interface Sample {
  /** The file the sample stands in. */
  readonly file: string
  /** The line of `file` that the first line of code stands on, counted from 1. */
  readonly line: number
  readonly code: string
}

export interface Extraction {
  readonly samples: ReadonlyArray<Sample>
  readonly problems: ReadonlyArray<string>
}

const languages = ["ts", "tsx", "typescript", "mts"]

/** The fenced TypeScript blocks of a text whose lines may all begin with the margin of a docstring. */
const fencedBlocks = (file: string, lines: ReadonlyArray<string>, firstLine: number): Extraction => {
  const samples: Array<Sample> = []
  const problems: Array<string> = []
  for (let index = 0; index < lines.length; index++) {
    const open = /^(\s*)(`{3,})\s*(\S*)\s*(.*?)\s*$/.exec(lines[index] ?? "")
    if (open === null) {
      continue
    }
    const [, indent = "", fence = "", language = "", attributes = ""] = open
    const start = index + 1
    const end = lines.findIndex((line, at) => at >= start && line.trim() === fence)
    if (end === -1) {
      problems.push(`${file}:${firstLine + index}: this code block is never closed.`)
      break
    }
    index = end
    if (!languages.includes(language)) {
      continue
    }
    if (language !== "ts" || attributes !== "") {
      problems.push(
        `${file}:${
          firstLine + start - 1
        }: write \`\`\`ts and nothing after it: every TypeScript sample is type-checked.`
      )
      continue
    }
    const code = lines.slice(start, end).map((line) => line.startsWith(indent) ? line.slice(indent.length) : line)
    samples.push({ file, line: firstLine + start, code: code.join("\n") })
  }
  return { samples, problems }
}

const concat = (all: ReadonlyArray<Extraction>): Extraction => ({
  samples: all.flatMap(({ samples }) => samples),
  problems: all.flatMap(({ problems }) => problems)
})

/** The samples of a Markdown page. */
export const samplesOfMarkdown = (file: string, text: string): Extraction => fencedBlocks(file, text.split("\n"), 1)

/** The samples in the docstrings of a TypeScript module. An `@example` without a fenced block is a problem. */
export const samplesOfModule = (file: string, text: string): Extraction =>
  concat([...text.matchAll(/^[ \t]*\/\*\*[\s\S]*?\*\//gm)].map((docstring) => {
    const firstLine = text.slice(0, docstring.index).split("\n").length
    const lines = docstring[0].split("\n").map((line) => line.replace(/^\s*(?:\/\*\*|\*(?!\/) ?)/, ""))
    const { problems, samples } = fencedBlocks(file, lines, firstLine)
    const examples = lines.flatMap((line, index) => /^\s*@example\b/.test(line) ? [index] : [])
    const bare = examples.filter((at, index) => {
      const next = examples[index + 1] ?? lines.length
      return !lines.slice(at, next).some((line) => line.startsWith("```"))
    })
    return {
      samples,
      problems: [...problems, ...bare.map((at) => `${file}:${firstLine + at}: this @example has no \`\`\`ts block.`)]
    }
  }))

/** Every sample of the repository at `root`. */
export const samplesOf = (root: string): Extraction => {
  const packages = workspaces(root).filter(({ path }) => path.startsWith("packages/")).map(({ path }) => path)
  const modules = packages.flatMap((path) => filesBelow(root, `${path}/src`)).filter((file) => file.endsWith(".ts"))
  const pages = ["README.md", ...packages.map((path) => `${path}/README.md`), ...filesBelow(root, "docs")]
    .filter((file) => file.endsWith(".md"))
  const read = (file: string) => {
    try {
      return readFileSync(join(root, file), "utf8")
    } catch {
      return ""
    }
  }
  return concat([
    ...modules.filter((file) => !file.endsWith("/index.ts")).map((file) => samplesOfModule(file, read(file))),
    ...pages.map((file) => samplesOfMarkdown(file, read(file)))
  ])
}

/** What the compiler has against the samples of `root`; `modules` is the node_modules that they import from. */
export const checkSamples = (root: string, modules: string): { count: number; problems: ReadonlyArray<string> } => {
  const { problems, samples } = samplesOf(root)
  const directory = join(root, ".cache/samples")
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  symlinkSync(modules, join(directory, "node_modules"))
  const origins = new Map(samples.map((sample, index) => {
    const name = `${String(index).padStart(3, "0")}-${sample.file.replace(/[^A-Za-z0-9]+/g, "-")}-${sample.line}.ts`
    writeFileSync(join(directory, name), `${sample.code}\n`)
    return [name, sample]
  }))
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }))
  writeFileSync(
    join(directory, "tsconfig.json"),
    JSON.stringify({
      extends: relative(directory, join(repository, "tsconfig.base.json")),
      compilerOptions: { noEmit: true, composite: false, noUnusedLocals: false, types: ["node"] },
      // Ambient declarations belong to the sources that the samples import.
      include: ["*.ts", "../../packages/*/src/**/*.d.ts"]
    })
  )
  if (samples.length === 0) {
    return { count: 0, problems }
  }
  const compiler = spawnSync(
    join(repository, "node_modules/.bin/tsc"),
    ["--project", directory, "--pretty", "false"],
    { cwd: directory, encoding: "utf8" }
  )
  const diagnostics = compiler.status === 0 ? [] : compiler.stdout.trim().split("\n").map((line) => {
    const [, name = "", at = "", rest = ""] = /^([^\s(]+)\((\d+),\d+\): (.*)$/.exec(line) ?? []
    const origin = origins.get(name)
    return origin === undefined
      ? line.replace(/^[^\s(]+(?=\()/, (file) => relative(root, join(directory, file)))
      : `${origin.file}:${origin.line + Number(at) - 1}: ${rest}`
  })
  return {
    count: samples.length,
    problems: [...problems, ...diagnostics, ...(compiler.stderr ? [compiler.stderr] : [])]
  }
}

if (isMain(import.meta.filename)) {
  const { count, problems } = checkSamples(repository, join(repository, "examples/node_modules"))
  report(problems, `${count} samples compile.`)
}
