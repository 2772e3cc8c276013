import { Args, Command, Options } from "@effect/cli"
import { FileSystem } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Option } from "effect"
import { cpus } from "node:os"
import { liveSpeech } from "./live.js"
import { longFile } from "./longFile.js"
import { manyStreams } from "./manyStreams.js"
import { isMet, print, type Report } from "./report.js"
import { segmenter } from "./segmenter.js"
import { sideBySide } from "./sideBySide.js"

const benchmarks = ["latency", "segmenter", "many", "file"] as const

const only = Args.choice(benchmarks.map((name) => [name, name])).pipe(
  Args.withDescription("What to measure; everything by default"),
  Args.repeated
)

const short = Options.boolean("short").pipe(
  Options.withDescription("Smaller versions of everything: about a minute instead of ten")
)

const json = Options.file("json", { exists: "either" }).pipe(
  Options.withDescription("Where to write the figures as JSON"),
  Options.optional
)

const peers = Options.directory("peers", { exists: "yes" }).pipe(
  Options.withDescription("Where packages of peers are installed that are no dependencies of this one"),
  Options.optional
)

const stream = Command.make(
  "stream",
  { only, short, json, peers },
  ({ json, only, peers, short }) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const runs: Record<typeof benchmarks[number], Effect.Effect<Report, unknown>> = {
        latency: Effect.scoped(sideBySide({
          sentences: short ? 12 : 40,
          starts: short ? 5 : 15,
          permits: short ? [1, 3] : [1, 3, Infinity],
          peers: Option.getOrUndefined(peers)
        })),
        segmenter: segmenter({ megabytes: short ? [1, 10] : [1, 10, 50] }),
        many: Effect.scoped(manyStreams(
          short
            ? { streams: 50, starts: Duration.seconds(4), plateau: Duration.seconds(5) }
            : { streams: 1000, starts: Duration.seconds(20), plateau: Duration.seconds(20) }
        )),
        file: longFile({ hours: short ? 1 : 10 })
      }
      const reports: Array<Report> = []
      for (const name of only.length === 0 ? benchmarks : only) {
        const report = yield* runs[name]
        reports.push(report)
        yield* Console.log(print(report))
      }
      const figures = {
        node: process.version,
        processor: cpus()[0]?.model,
        cores: cpus().length,
        reports: reports.map((report) => ({
          ...report,
          targets: report.targets.map((target) => ({ ...target, isMet: isMet(target) }))
        }))
      }
      if (Option.isSome(json)) yield* fs.writeFileString(json.value, `${JSON.stringify(figures, null, 2)}\n`)
    })
)

const live = Command.make("live", { short }, ({ short }) =>
  Effect.scoped(Effect.flatMap(
    liveSpeech({ runs: short ? 12 : 40, utterances: 200, sockets: 20 }),
    (report) => Console.log(print(report))
  )))

const bench = Command.make("bench").pipe(
  Command.withDescription("Benchmarks that compare side by side in one run"),
  Command.withSubcommands([stream, live])
)

Command.run(bench, { name: "bench", version: "0.1.0" })(process.argv).pipe(
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain
)
