import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"

/** The repository this file lives in. */
export const repository = dirname(import.meta.dirname)

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly exports?: unknown
  readonly bin?: Record<string, string>
  readonly dependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
}

export interface Workspace {
  /** "core", "platform-node", "conformance" */
  readonly id: string
  /** "packages/core", "conformance" */
  readonly path: string
  readonly manifest: Manifest
}

/** Splits the workspaces of a repository into the published packages and the private ones that only use them. */
export const workspaces = (root: string): Array<Workspace> => {
  const inPackages = existsSync(join(root, "packages"))
    ? readdirSync(join(root, "packages")).map((id) => ({ id, path: `packages/${id}` }))
    : []
  const topLevel = ["bench", "conformance", "examples", "test-support"].map((id) => ({ id, path: id }))
  return [...inPackages, ...topLevel]
    .filter(({ path }) => existsSync(join(root, path, "package.json")))
    .map(({ id, path }) => ({
      id,
      path,
      manifest: JSON.parse(readFileSync(join(root, path, "package.json"), "utf8")) as Manifest
    }))
}

/** Every file below `directory`, as paths relative to `root`, sorted; generated folders left out. */
export const filesBelow = (root: string, directory: string): Array<string> => {
  const absolute = join(root, directory)
  if (!existsSync(absolute)) {
    return []
  }
  return readdirSync(absolute, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(node_modules|dist|\.cache)\//.test(file))
    .sort()
}

/** Whether a module is the script that was started, not one that was imported. */
export const isMain = (filename: string): boolean => process.argv[1] === filename

/**
 * The environment a reader's shell has: without API keys, and without what a running pnpm tells its own scripts, such as
 * not to install anything, or where to look for modules. Registry, cache and proxies stay as this machine has them.
 */
export const readerEnvironment = (): NodeJS.ProcessEnv => {
  const ofTheMachine = /^npm_config_(registry|cache|cafile|userconfig|proxy|https?_proxy|noproxy)$/i
  const ofPnpm = /^(npm_|pnpm_|NODE_PATH$|INIT_CWD$)/i
  const env = Object.entries(process.env).filter(([name]) =>
    ofTheMachine.test(name) || !(ofPnpm.test(name) || name.startsWith("SMALLEST_"))
  )
  const path = (process.env.PATH ?? "").split(":").filter((entry) => !entry.includes("node_modules")).join(":")
  return { ...Object.fromEntries(env), PATH: path }
}

/** Prints the problems, or the sentence that says all is well, and sets the exit code. */
export const report = (problems: ReadonlyArray<string>, allWell: string): void => {
  if (problems.length === 0) {
    console.log(allWell)
    return
  }
  for (const problem of problems) {
    console.error(problem)
  }
  process.exitCode = 1
}
