/**
 * How far Effect 4 is: applies the renames that a machine can do to a copy of `core`, compiles it against npm's newest Effect 4, and prints the
 * number of errors and what most of them are about. It needs the npm registry, so it is a weekly job (.github/workflows/v4-watch.yml) and
 * not part of `pnpm test`.
 */
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { filesBelow, isMain, repository } from "./workspace.js"

/** Modules that moved. `@effect/platform` became a part of `effect`. */
const modules: ReadonlyArray<readonly [from: string, to: string]> = [
  ["effect/Either", "effect/Result"],
  ["effect/ParseResult", "effect/SchemaIssue"],
  ["@effect/platform/FileSystem", "effect/FileSystem"],
  ["@effect/platform/Path", "effect/Path"],
  ["@effect/platform/Error", "effect/PlatformError"],
  ["@effect/platform/", "effect/http/"]
]

/** Names that changed, as they stand in the code. */
const names: ReadonlyArray<readonly [from: RegExp, to: string]> = [
  [/\bEither\.right\(/g, "Result.succeed("],
  [/\bEither\.left\(/g, "Result.fail("],
  [/\bEither\.isRight\(/g, "Result.isSuccess("],
  [/\bEither\.isLeft\(/g, "Result.isFailure("],
  [/\bEither\.Either</g, "Result.Result<"],
  [/\bEither\./g, "Result."],
  [/\bas Either\b/g, "as Result"],
  [/\bEffect\.zipRight\(/g, "Effect.andThen("],
  [/\bEffect\.catchAll\(/g, "Effect.catch("],
  [/\bEffect\.catchAllCause\(/g, "Effect.catchCause("],
  [/\bEffect\.tapErrorCause\(/g, "Effect.tapCause("],
  [/\bEffect\.either\(/g, "Effect.result("],
  [/\bEffect\.forkDaemon\(/g, "Effect.forkDetach("],
  [/\bEffect\.fork\(/g, "Effect.forkChild("],
  [/\bStream\.catchAll\(/g, "Stream.catch("],
  [/\bStream\.catchAllCause\(/g, "Stream.catchCause("],
  [/\bContext\.Tag\(/g, "Context.Service("]
]

/** One module, with every rename that a machine can do. */
export const renamed = (source: string): string =>
  names.reduce(
    (text, [from, to]) => text.replace(from, to),
    modules.reduce((text, [from, to]) => text.replaceAll(`"${from}`, `"${to}`), source)
  )

/** The errors of a compiler's output, counted by their code. */
export const errorsByCode = (output: string): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const [, code = ""] of output.matchAll(/error (TS\d+):/g)) counts.set(code, (counts.get(code) ?? 0) + 1)
  return new Map([...counts].sort(([, a], [, b]) => b - a))
}

const run = (command: string, args: ReadonlyArray<string>, cwd: string): string => {
  const { error, stderr, stdout } = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 2 ** 28 })
  if (error !== undefined) throw error
  return stdout + stderr
}

if (isMain(import.meta.filename)) {
  const folder = mkdtempSync(join(tmpdir(), "v4-watch-"))
  try {
    cpSync(join(repository, "packages/core/src"), join(folder, "src"), { recursive: true })
    for (const file of filesBelow(folder, "src")) {
      if (file.endsWith(".ts")) writeFileSync(join(folder, file), renamed(readFileSync(join(folder, file), "utf8")))
    }
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
    const installed = run("npm", ["install", "--no-audit", "--no-fund", "effect@^4"], folder)
    const { version } = JSON.parse(readFileSync(join(folder, "node_modules/effect/package.json"), "utf8")) as {
      readonly version: string
    }
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: join(repository, "tsconfig.base.json"),
        compilerOptions: {
          composite: false,
          noEmit: true,
          rootDir: "src",
          customConditions: [],
          noUnusedLocals: false
        },
        include: ["src"]
      })
    )
    const compiler = createRequire(import.meta.url).resolve("typescript/package.json")
    const output = run(process.execPath, [join(compiler, "../bin/tsc"), "-p", folder, "--pretty", "false"], folder)
    const counts = errorsByCode(output)
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
    if (total === 0 && output.trim() !== "") throw new Error(`The compiler did not run: ${output}\n${installed}`)
    console.log(`core against effect ${version}: ${total} errors after the renames of a machine.`)
    for (const [code, count] of [...counts].slice(0, 8)) console.log(`  ${code} ${count}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
