import { Data, Effect } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

export interface Settings {
  /** Milliseconds until the first byte. */
  readonly latency: number
  /** Audio is sent at this multiple of real time. */
  readonly rate: number
  /** Requests that may run at once; others get a 429. */
  readonly concurrency: number
  /** Whether requests are remembered. */
  readonly keepTrace?: boolean
}

/** What became of a request. Times are milliseconds since 1970, in fractions. */
export interface Trace {
  readonly text: string
  readonly at: number
  firstByteAt: number | undefined
  endedAt: number | undefined
  outcome: "running" | "completed" | "aborted" | "refused"
}

export type Command = { readonly _tag: "Configure"; readonly settings: Settings } | { readonly _tag: "GetTrace" }

export type Message =
  | { readonly _tag: "Listening"; readonly port: number }
  | { readonly _tag: "Configured" }
  | { readonly _tag: "Traced"; readonly traces: ReadonlyArray<Trace> }

export class FakeServerFailure extends Data.TaggedError("FakeServerFailure")<{ readonly cause: unknown }> {}

export interface FakeServer {
  readonly url: string
  readonly configure: (settings: Settings) => Effect.Effect<void, FakeServerFailure>
  readonly trace: Effect.Effect<ReadonlyArray<Trace>, FakeServerFailure>
}

const receive = <Tag extends Message["_tag"]>(process: ChildProcess, tag: Tag) =>
  Effect.tryPromise({
    try: async (signal) => {
      while (true) {
        const [message] = await once(process, "message", { signal })
        if (message._tag === tag) return message as Extract<Message, { readonly _tag: Tag }>
      }
    },
    catch: (cause) => new FakeServerFailure({ cause })
  })

/** Runs the server in a process of its own for as long as the scope lasts. */
export const make = Effect.gen(function*() {
  const process = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(fileURLToPath(new URL("./fakeServerProcess.ts", import.meta.url)), { serialization: "advanced" })
    ),
    (process) => Effect.sync(() => process.kill())
  )
  const { port } = yield* receive(process, "Listening")
  const ask = <Tag extends Message["_tag"]>(command: Command, tag: Tag) =>
    Effect.zipRight(
      Effect.sync(() => process.send(command)),
      receive(process, tag)
    )
  return {
    url: `http://127.0.0.1:${port}`,
    configure: (settings) => Effect.asVoid(ask({ _tag: "Configure", settings }, "Configured")),
    trace: Effect.map(ask({ _tag: "GetTrace" }, "Traced"), ({ traces }) => traces)
  } satisfies FakeServer
})
