import { Cli, Stdio } from "@effect-smallest/cli"
import { NodeContext } from "@effect/platform-node"
import { ConfigProvider, Effect, type Scope, Stream } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** Node's arguments that run the command from its sources. */
export const nodeArguments = [fileURLToPath(new URL("../start.mjs", import.meta.url))]

export interface Options {
  readonly cwd: string
  readonly env?: Record<string, string> | undefined
  /** What standard input holds; without it standard input is empty, unless it stays open for the test to write to. */
  readonly input?: string | Uint8Array | undefined
  readonly isInputOpen?: boolean | undefined
}

export interface Outcome {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly outcome: Effect.Effect<Outcome>
}

/** The command as a child process. The environment has no key but what `env` says. */
export const start = (args: ReadonlyArray<string>, options: Options): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(process.execPath, [...nodeArguments, ...args], {
          cwd: options.cwd,
          env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...options.env }
        })
        const stdout: Array<Buffer> = []
        const stderr: Array<Buffer> = []
        child.stdout.on("data", (data) => stdout.push(data))
        child.stderr.on("data", (data) => stderr.push(data))
        // A command that does not read its input closes it.
        child.stdin.on("error", () => undefined)
        if (options.isInputOpen !== true) child.stdin.end(options.input)
        const closed = new Promise<Outcome>((resolve) =>
          child.on(
            "close",
            (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() })
          )
        )
        return { child, closed }
      }),
      ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
    ),
    ({ child, closed }) => ({ child, outcome: Effect.promise(() => closed) })
  )

export const run = (args: ReadonlyArray<string>, options: Options): Effect.Effect<Outcome> =>
  Effect.scoped(Effect.flatMap(start(args, options), ({ outcome }) => outcome))

export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-smallest-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export interface InProcessOptions {
  readonly env?: Record<string, string> | undefined
  readonly input?: string | undefined
  /** Whether standard input and output are a terminal. */
  readonly isTerminal?: boolean | undefined
}

/** The same command inside this process, for what does not depend on a process of its own. */
export const main = (args: ReadonlyArray<string>, options: InProcessOptions = {}): Effect.Effect<Outcome> => {
  const stdout: Array<Buffer> = []
  const stderr: Array<Buffer> = []
  const isTerminal = options.isTerminal ?? false
  const writer = (to: Array<Buffer>) => ({
    isTerminal,
    columns: Effect.succeed(80),
    write: (data: string | Uint8Array) => Effect.sync(() => void to.push(Buffer.from(data)))
  })
  const stdio = Stdio.Stdio.of({
    stdin: { isTerminal, bytes: Stream.encodeText(Stream.make(options.input ?? "")) },
    stdout: writer(stdout),
    stderr: writer(stderr)
  })
  return Cli.main(["node", "effect-smallest", ...args]).pipe(
    Effect.provideService(Stdio.Stdio, stdio),
    Effect.provide(NodeContext.layer),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(options.env ?? {})))),
    Effect.map((code) => ({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }))
  )
}
