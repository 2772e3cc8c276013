/**
 * Builds the page and serves it:
 *
 *     npx -y pnpm@10.34.9 demo --port 4180
 */
import { Command, Options } from "@effect/cli"
import { HttpServer, type HttpServerError } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Predicate } from "effect"
import * as Page from "./Page.js"
import * as Server from "./Server.js"

const port = Options.integer("port").pipe(
  Options.withDescription("Where to listen; 0 is any port that is free"),
  Options.withDefault(4180)
)

const ready = Effect.flatMap(
  HttpServer.HttpServer,
  ({ address }) => address._tag === "TcpAddress" ? Console.log(`Ready: http://localhost:${address.port}`) : Effect.void
)

const explain = (port: number) => ({ cause }: HttpServerError.ServeError): string =>
  Predicate.hasProperty(cause, "code") && cause.code === "EADDRINUSE"
    ? `Something else listens on port ${port}. Choose another with --port, or 0 for any that is free.`
    : `Listening on port ${port} failed: ${String(cause)}`

const demo = Command.make("demo", { port }, ({ port }) =>
  Effect.scoped(Effect.gen(function*() {
    yield* Console.log("Building the page...")
    const folder = yield* Page.bundle
    return yield* Layer.launch(Layer.provideMerge(Layer.effectDiscard(ready), Server.layer({ folder, port })))
  })).pipe(
    Effect.tapErrorTag("ServeError", (error) => Console.error(explain(port)(error))),
    Effect.tapErrorTag("BuildFailure", ({ message }) => Console.error(message))
  )).pipe(Command.withDescription("A page that speaks, on this machine, without a key."))

Command.run(demo, { name: "demo", version: "0.1.0" })(process.argv).pipe(
  Effect.provide(NodeContext.layer),
  (program) => NodeRuntime.runMain(program, { disableErrorReporting: true })
)
