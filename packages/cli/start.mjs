/**
 * Runs the command from its sources, fast: what is imported, libraries and all, is bundled once into `.cache`, and again
 * when a source has changed. A thousand small modules take a second to load; the bundle takes a fifth of that. Not
 * published.
 */
import { randomUUID } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join, relative, sep } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = fileURLToPath(new URL("../../", import.meta.url))
const folder = join(root, ".cache", "cli")
const current = join(folder, "current.json")

const stamp = (/** @type {string} */ file) => {
  const { mtimeMs, size } = statSync(join(root, file))
  return `${mtimeMs} ${size}`
}

/** The folder of the last bundle, unless one of its sources has changed. */
const fresh = () => {
  try {
    const { inputs, name, node } = JSON.parse(readFileSync(current, "utf8"))
    const isFresh = node === process.version &&
      inputs.every((/** @type {[string, string]} */ [file, before]) => stamp(file) === before)
    return isFresh && statSync(join(folder, name, "bin.js")).isFile() ? join(folder, name) : undefined
  } catch {
    return undefined
  }
}

/** @type {import("esbuild").Plugin} */
const whereItWas = {
  name: "where it was",
  setup: (build) => {
    // A source that looks for files beside itself finds them where it was written.
    build.onLoad({ filter: /packages[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)),
      loader: "ts"
    }))
    // A package that loads WebAssembly from beside itself, or a library of the machine, stays where it is.
    build.onResolve(
      { filter: /-wasm$|^@libsql\/client$/ },
      async ({ importer, kind, path, pluginData, resolveDir }) => {
        if (pluginData === whereItWas) return undefined
        const resolved = await build.resolve(path, { importer, kind, pluginData: whereItWas, resolveDir })
        return { external: true, path: pathToFileURL(resolved.path).href }
      }
    )
  }
}

/** What it bundles is complete when `current.json` names it: several processes may do this at the same time. */
const bundle = async () => {
  const { build, stop } = await import("esbuild")
  const name = randomUUID()
  const start = Date.now()
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [fileURLToPath(new URL("src/bin.ts", import.meta.url))],
    outdir: join(folder, name),
    banner: {
      js: "import { createRequire as toRequire } from \"node:module\"; const require = toRequire(import.meta.url);"
    },
    bundle: true,
    conditions: ["@effect-smallest/source"],
    format: "esm",
    logLevel: "error",
    metafile: true,
    platform: "node",
    plugins: [whereItWas],
    splitting: true,
    target: "node20"
  })
  const sources = Object.keys(metafile.inputs).filter((file) => !file.split("/").includes("node_modules"))
  const inputs = [...sources, "pnpm-lock.yaml", relative(root, fileURLToPath(import.meta.url)).replaceAll(sep, "/")]
  const written = join(folder, `${name}.json`)
  // What was written in the meantime may be in it or not.
  const stamped = inputs.map((file) => [file, statSync(join(root, file)).mtimeMs < start ? stamp(file) : "changed"])
  writeFileSync(written, JSON.stringify({ name, node: process.version, inputs: stamped }))
  renameSync(written, current)
  // Older bundles may still run.
  const anHourAgo = Date.now() - 3_600_000
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry)
    // Another process may have removed it, or given it its name, by now.
    const isOld = (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? anHourAgo) < anHourAgo
    if (path !== current && isOld) rmSync(path, { force: true, recursive: true })
  }
  await stop()
  return join(folder, name)
}

mkdirSync(dirname(current), { recursive: true })
await import(pathToFileURL(join(fresh() ?? await bundle(), "bin.js")).href)
