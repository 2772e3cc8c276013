/**
 * The command `effect-smallest`, from its arguments to its exit code.
 *
 * @since 0.1.0
 */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import type * as Terminal from "@effect/platform/Terminal"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import { stripVTControlCharacters } from "node:util"
import * as Batch from "./Batch.js"
import { type CliError, toLine, UsageError } from "./CliError.js"
import * as Clones from "./Clones.js"
import * as Dictionaries from "./Dictionaries.js"
import * as Doctor from "./Doctor.js"
import * as Emulator from "./Emulator.js"
import * as Inspect from "./Inspect.js"
import { examples } from "./internal/examples.js"
import * as Help from "./internal/help.js"
import { explain, withInputLast } from "./internal/usage.js"
import { version } from "./internal/version.js"
import * as Languages from "./Languages.js"
import * as Models from "./Models.js"
import * as Narrate from "./Narrate.js"
import * as Play from "./Play.js"
import * as Speak from "./Speak.js"
import * as Stdio from "./Stdio.js"
import * as Voices from "./Voices.js"

/**
 * 0: done. 1: it failed. 2: it was called in a way that makes no sense. Signals that end it add theirs to 128.
 *
 * @since 0.1.0
 * @category models
 */
export type ExitCode = 0 | 1 | 2

const name = "effect-smallest"

const commands = [
  Speak.command,
  Play.command,
  Batch.command,
  Narrate.command,
  Inspect.command,
  Doctor.command,
  Voices.command,
  Models.command,
  Languages.command,
  Clones.command,
  Dictionaries.command,
  Emulator.command
] as const

const command = Command.make(name).pipe(
  Command.withDescription(
    "Text to speech: through the cloud of Smallest AI if SMALLEST_API_KEY is set, otherwise with an embedded voice."
  ),
  Command.withSubcommands(commands)
)

const run = (argv: ReadonlyArray<string>) =>
  Command.run(command, { name, version, footer: Help.examples(examples(argv[2])) })(withInputLast(argv))

const plain = (text: string) => stripVTControlCharacters(text).trimEnd()

// The parser prints its help with colours wherever it goes, and its errors before it fails with them: errors are reported
// once, at the end.
const withConsole = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Stdio.Stdio> =>
  Effect.gen(function*() {
    const { stdout } = yield* Stdio.Stdio
    const noColor = yield* Effect.orElseSucceed(Config.string("NO_COLOR"), () => "")
    const plain = !stdout.isTerminal || noColor !== ""
    const write = (text: string) => Effect.ignore(stdout.write(`${plain ? stripVTControlCharacters(text) : text}\n`))
    return yield* Console.consoleWith((console) =>
      Effect.withConsole(effect, {
        ...console,
        log: (...texts) => write(texts.map(String).join(" ")),
        error: () => Effect.void
      })
    )
  })

const complain = (line: string) => Stdio.report(`${name}: ${line}`)

const describe = (descriptor: CommandDescriptor.Command<unknown>) => ({
  name: Array.from(CommandDescriptor.getNames(descriptor)).join(),
  help: plain(HelpDoc.toAnsiText(CommandDescriptor.getHelp(descriptor, CliConfig.defaultConfig))),
  subcommands: Array.from(HashMap.keys(CommandDescriptor.getSubcommands(descriptor))).sort()
})

const report = (argv: ReadonlyArray<string>) =>
(
  error: CliError | Terminal.QuitException | ValidationError.ValidationError
) => {
  if (ValidationError.isValidationError(error)) {
    const said = ValidationError.isHelpRequested(error) ? "" : plain(HelpDoc.toAnsiText(error.error))
    const description = explain({
      argv: argv.slice(2),
      commands: commands.map(({ descriptor }) => describe(descriptor)),
      name,
      said
    })
    return Effect.as(complain(toLine(new UsageError({ description }))), 2 as const)
  }
  switch (error._tag) {
    case "QuitException":
      return Effect.succeed(1 as const)
    case "UsageError":
      return Effect.as(complain(toLine(error)), 2 as const)
    case "StdioError":
      return error.reason === "Closed" ? Effect.succeed(0 as const) : Effect.as(complain(toLine(error)), 1 as const)
    default:
      return Effect.as(complain(toLine(error)), 1 as const)
  }
}

const reportDefect = (cause: Cause.Cause<never>) =>
  Cause.isInterruptedOnly(cause)
    ? Effect.failCause(cause)
    : Effect.as(complain(`this should not have happened, please report it: ${String(Cause.squash(cause))}`), 1 as const)

// The wizard asks questions; without anybody to answer it would wait forever.
const checkWizard = (argv: ReadonlyArray<string>) =>
  Effect.flatMap(Stdio.Stdio, ({ stdin }) =>
    argv.includes("--wizard") && !stdin.isTerminal
      ? new UsageError({ description: "--wizard asks questions: run it in a terminal" })
      : Effect.void)

const layerLogger = Logger.replace(Logger.defaultLogger, Logger.prettyLogger({ stderr: true, colors: false }))

/**
 * Runs the command. Everything that went wrong has been reported on standard error when this succeeds with an exit code; it
 * fails only by interruption.
 *
 * @since 0.1.0
 * @category constructors
 */
export const main = (
  argv: ReadonlyArray<string>
): Effect.Effect<ExitCode, never, Stdio.Stdio | FileSystem.FileSystem | Path.Path | Terminal.Terminal> =>
  Effect.zipRight(checkWizard(argv), withConsole(run(argv))).pipe(
    Effect.as<ExitCode>(0),
    Effect.catchAll(report(argv)),
    Effect.catchAllCause(reportDefect),
    Effect.provide(layerLogger)
  )
