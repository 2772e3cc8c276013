/**
 * The command `emulator`.
 *
 * @since 0.1.0
 */
import type { Assumptions } from "@effect-smallest/emulator/Assumptions"
import type { EngineOptions } from "@effect-smallest/emulator/WavesEmulator"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import type { ServeError } from "@effect/platform/HttpServerError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { CommandFailure, UsageError } from "./CliError.js"
import * as Help from "./internal/help.js"
import * as Stdio from "./Stdio.js"

const options = {
  port: Help.number(
    "port",
    "a port from 0 (any free one) to 65535",
    (port) => Number.isInteger(port) && port >= 0 && port <= 65_535
  ).pipe(
    Options.withDescription("Where to listen; 0 is any free port (default: 8787)"),
    Options.withDefault(8787)
  ),
  host: Help.word("host").pipe(
    Options.withDescription(
      "The address to listen on; any address other than 127.0.0.1 is reachable from other machines (default: 127.0.0.1)"
    ),
    Options.withDefault("127.0.0.1")
  ),
  engine: Help.choice("engine", ["local", "tone"]).pipe(
    Options.withDescription("local (the embedded voice) or tone (a melody, at next to no cost) (default: local)"),
    Options.withDefault("local" as const)
  ),
  apiKey: Options.redacted("api-key").pipe(
    Options.withDescription("The only key to accept (default: any, but there must be one)"),
    Options.optional
  ),
  concurrency: Help.number("concurrency", "a whole number from 1", (count) => Number.isInteger(count) && count >= 1)
    .pipe(
      Options.withDescription("How many requests may run at once; more get a 429 (default: no limit)"),
      Options.optional
    ),
  sockets: Help.number("sockets", "a whole number from 0", (count) => Number.isInteger(count) && count >= 0).pipe(
    Options.withDescription("How many WebSockets may be open at once; more get a 429 (default: no limit)"),
    Options.optional
  ),
  legacy: Help.choice("legacy", ["serve", "404", "410"]).pipe(
    Options.withDescription("What becomes of the API of 2024 and 2025 (default: serve)"),
    Options.withDefault("serve" as const)
  ),
  latency: Help.number("latency", "milliseconds from 0", (millis) => millis >= 0 && millis < Infinity).pipe(
    Options.withPseudoName("MS"),
    Options.withDescription("How long every synthesis waits before it begins (default: 0)"),
    Options.withDefault(0)
  ),
  noCors: Options.boolean("no-cors").pipe(Options.withDescription("Keep browsers of other origins out")),
  noQueryAuth: Options.boolean("no-query-auth").pipe(
    Options.withDescription("Take a key from the Authorization header only, not from ?token= or ?api_key=")
  ),
  assume: Options.keyValueMap("assume").pipe(
    Options.withDescription("Answers a question about the real API that is open, such as blankText=silence"),
    Options.optional
  )
}

const load = Effect.tryPromise({
  try: () =>
    Promise.all([import("@effect-smallest/emulator/WavesEmulator"), import("@effect-smallest/emulator/Assumptions")]),
  catch: (error) =>
    new CommandFailure({
      description: `The emulator could not be loaded (${String(error)}); install the command again`
    })
})

// Values are JSON if they parse as JSON: numbers and objects need it, words do without quotes.
const toValue = (text: string): unknown => Either.getOrElse(Schema.decodeEither(Schema.parseJson())(text), () => text)

const readAssumptions = (
  schema: typeof Assumptions,
  given: HashMap.HashMap<string, string>
): Either.Either<NonNullable<EngineOptions["assumptions"]>, UsageError> => {
  const values = Object.fromEntries(HashMap.toEntries(given).map(([name, text]) => [name, toValue(text)]))
  return Schema.decodeUnknownEither(schema)(values, {
    onExcessProperty: "error"
  })
    .pipe(
      Either.mapLeft((error) => {
        const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
        return new UsageError({ description: `--assume ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}` })
      })
    )
}

const cannotListen = (host: string, port: number) => (error: ServeError): CommandFailure => {
  const code = Predicate.hasProperty(error.cause, "code") ? error.cause.code : undefined
  return new CommandFailure({
    description: code === "EADDRINUSE"
      ? `Something else listens on ${host}:${port}; choose another with --port, or 0 for any that is free`
      : code === "EACCES"
      ? `Listening on port ${port} is not allowed; choose one above 1023 with --port`
      : code === "EADDRNOTAVAIL"
      ? `${host} is not an address of this machine; omit --host, or give one that it has`
      : code === "ENOTFOUND" || code === "EAI_AGAIN"
      ? `There is no host ${host}; omit --host, or give an address of this machine`
      : `Listening on ${host}:${port} failed: ${String(error.cause)}`
  })
}

const isLoopback = (host: string): boolean => /^(127\.|::1$|localhost$)/.test(host)

/**
 * `effect-smallest emulator`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("emulator", options, (given) =>
  Effect.scoped(Effect.gen(function*() {
    const [{ layer, WavesEmulator }, { Assumptions }] = yield* load
    const assumptions = yield* Option.match(given.assume, {
      onNone: () => Either.right({}),
      onSome: (assume) => readAssumptions(Assumptions, assume)
    })
    const context = yield* Layer.build(layer({
      assumptions,
      apiKey: Option.getOrUndefined(given.apiKey),
      concurrency: Option.getOrUndefined(given.concurrency),
      cors: !given.noCors,
      engine: given.engine,
      host: given.host,
      latency: given.latency,
      legacy: given.legacy === "serve" ? "serve" : given.legacy === "404" ? 404 : 410,
      port: given.port,
      queryAuth: !given.noQueryAuth,
      sockets: Option.getOrUndefined(given.sockets)
    })).pipe(
      Effect.catchTag("ServeError", (error) => cannotListen(given.host, given.port)(error))
    )
    const { url, webSocketUrl } = yield* Effect.provide(WavesEmulator, context)
    yield* Stdio.print(`Today's API            ${url}/waves/v1`)
    yield* Stdio.print(`Its WebSocket          ${webSocketUrl}/waves/v1/tts/live`)
    yield* Stdio.print(`The API of 2024, 2025  ${url}/api/v1`)
    yield* Stdio.print(`Faults, requests       ${url}/__emulator`)
    if (!isLoopback(given.host)) {
      yield* Stdio.report("Other machines can reach this address.")
    }
    yield* Stdio.print(
      `Ready: SMALLEST_BASE_URL=${url} SMALLEST_API_KEY=${
        Option.isSome(given.apiKey) ? "'the key of --api-key'" : "sk_test"
      }`
    )
    return yield* Effect.never
  }))).pipe(
    Command.withDescription(
      "Runs the vendor's speech API on this machine, with real speech and without a key, until it is interrupted."
    )
  )
