/**
 * Weighs what a page has to load before it can speak: the program of conformance/browser/program.ts, built by Vite with
 * all of Effect that it uses, minified and compressed. Parts that are loaded when they are needed are told, too.
 */
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { build, defaultClientConditions, type Rollup } from "vite"
import { isMain, report, repository } from "./workspace.js"

const program = "conformance/browser/program.ts"

/** In bytes, compressed. */
const limit = 120_000

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

if (isMain(import.meta.filename)) {
  const result = await build({
    root: join(repository, "conformance/browser"),
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["@effect-smallest/source", ...defaultClientConditions] },
    build: { write: false, rollupOptions: { input: join(repository, program) } }
  })
  const [bundle] = Array.isArray(result) ? result : [result]
  if (bundle === undefined || !("output" in bundle)) throw new Error("Vite built nothing")
  const { first, later } = parts(bundle.output)
  const size = first.reduce((sum, part) => sum + part.size, 0)
  console.log(`Later, when needed: ${later.map(kilobytes).join(", ")}.`)
  report(
    size <= limit ? [] : [`${program} is a bundle of ${size} bytes, compressed, and may be ${limit}.`],
    `A page that speaks loads ${(size / 1000).toFixed(1)} KB, and may load ${limit / 1000}.`
  )
}
