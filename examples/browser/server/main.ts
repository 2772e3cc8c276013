/**
 * Builds the page and serves it:
 *
 *     npx -y pnpm@10.34.9 demo --port 4180
 */
import { Command, Options } from "@effect/cli"
import { HttpServer } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Predicate } from "effect"
import * as Server from "./Server.js"

const port = Options.integer("port").pipe(
  Options.withDescription("Where to listen; 0 is any port that is free"),
  Options.withDefault(4180)
)

const ready = Effect.flatMap(
  HttpServer.HttpServer,
  ({ address }) => address._tag === "TcpAddress" ? Console.log(`Ready: http://localhost:${address.port}`) : Effect.void
)

const demo = Command.make("demo", { port }, ({ port }) =>
  Console.log("Building the page...").pipe(
    Effect.zipRight(Layer.launch(Layer.provideMerge(Layer.effectDiscard(ready), Server.layer({ port })))),
    Effect.catchTag("ServeError", ({ cause }) =>
      Console.error(
        Predicate.hasProperty(cause, "code") && cause.code === "EADDRINUSE"
          ? `Something else listens on port ${port}. Choose another with --port, or 0 for any that is free.`
          : `Listening on port ${port} failed: ${String(cause)}`
      ).pipe(Effect.zipRight(Effect.fail(undefined))))
  )).pipe(Command.withDescription("A page that speaks, on this machine, without a key."))

Command.run(demo, { name: "demo", version: "0.1.0" })(process.argv).pipe(
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain
)
