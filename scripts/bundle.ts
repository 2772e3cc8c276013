/**
 * Weighs what a page has to load, built by Vite with all of Effect that it uses, minified and compressed: a page that speaks
 * (conformance/browser/program.ts), and programs that use `core` alone and `core` with `stream` (conformance/bundles). Parts that are
 * loaded when they are needed are listed, too.
 */
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import { build, defaultClientConditions, type Rollup } from "vite"
import { isMain, report, repository } from "./workspace.js"

/** Limits in bytes, compressed. */
const programs = [
  { name: "core alone", path: "conformance/bundles/core.ts", limit: 82_000 },
  { name: "core with stream", path: "conformance/bundles/stream.ts", limit: 92_000 },
  { name: "a page that speaks", path: "conformance/browser/program.ts", limit: 110_000 }
]

interface Part {
  readonly name: string
  readonly size: number
}

const weigh = (name: string, content: string | Uint8Array): Part => ({ name, size: gzipSync(content).length })

const kilobytes = ({ name, size }: Part) => `${name} ${(size / 1000).toFixed(1)} KB`

/** What loads with the page, and what loads later. */
export const parts = (output: ReadonlyArray<Rollup.OutputChunk | Rollup.OutputAsset>) => {
  const chunks = output.filter((part) => part.type === "chunk")
  const first = new Set<string>()
  const load = (name: string): void => {
    if (first.has(name)) return
    first.add(name)
    chunks.find(({ fileName }) => fileName === name)?.imports.forEach(load)
  }
  for (const chunk of chunks) if (chunk.isEntry) load(chunk.fileName)
  const weighed = (isFirst: boolean) =>
    chunks.filter(({ fileName }) => first.has(fileName) === isFirst).map(({ code, name }) => weigh(name, code))
  return { first: weighed(true), later: weighed(false) }
}

const bundle = async (path: string) => {
  const result = await build({
    root: join(repository, dirname(path)),
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["@effect-smallest/source", ...defaultClientConditions] },
    build: { write: false, rollupOptions: { input: join(repository, path) } }
  })
  const [built] = Array.isArray(result) ? result : [result]
  if (built === undefined || !("output" in built)) throw new Error("Vite built nothing")
  return parts(built.output)
}

if (isMain(import.meta.filename)) {
  const problems: Array<string> = []
  const weights: Array<string> = []
  for (const { limit, name, path } of programs) {
    const { first, later } = await bundle(path)
    const size = first.reduce((sum, part) => sum + part.size, 0)
    weights.push(`${name} loads ${(size / 1000).toFixed(1)} KB of ${limit / 1000}`)
    if (later.length > 0) console.log(`${name}, later, when needed: ${later.map(kilobytes).join(", ")}.`)
    if (size > limit) problems.push(`${path} is a bundle of ${size} bytes, compressed, and may be ${limit}.`)
  }
  report(problems, `${weights.join("; ")}.`)
}
