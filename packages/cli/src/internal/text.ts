import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { CommandFailure, UsageError } from "../CliError.js"
import { Stdio, type StdioError } from "../Stdio.js"

/** @internal */
export type TextError = UsageError | CommandFailure | StdioError

/** @internal */
export const unreadable = (name: string) => (error: PlatformError.PlatformError): CommandFailure => {
  const reason = error._tag === "SystemError" ? error.reason : undefined
  return new CommandFailure({
    description: reason === "NotFound"
      ? `There is no file ${name}`
      : reason === "PermissionDenied"
      ? `No permission to read ${name}`
      : `Could not read ${name}: ${error.description ?? error.message}`
  })
}

// Strict, because a file in another encoding would be spoken as rubbish.
const decode = <E>(name: string, bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<string, E | CommandFailure> =>
  Stream.suspend(() => {
    const decoder = new TextDecoder("utf-8", { fatal: true })
    const next = (bytes?: Uint8Array) =>
      Effect.try({
        try: () => bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true }),
        catch: () => new CommandFailure({ description: `${name} is not UTF-8 text; convert it first` })
      })
    return Stream.concat(Stream.mapEffect(bytes, next), Stream.fromEffect(Effect.suspend(next)))
  })

/**
 * The text to speak, as it can be read: from the arguments, from a file, or from standard input.
 *
 * @internal
 */
export const source = (options: {
  readonly text: Option.Option<string>
  readonly file: Option.Option<string>
}): Effect.Effect<Stream.Stream<string, TextError>, UsageError, FileSystem.FileSystem | Stdio> =>
  Effect.gen(function*() {
    const { stdin } = yield* Stdio
    const fs = yield* FileSystem.FileSystem
    if (Option.isSome(options.text)) {
      return Option.isNone(options.file)
        ? Stream.succeed(options.text.value)
        : yield* new UsageError({ description: "Give the text or --file, not both" })
    }
    const name = Option.getOrUndefined(options.file)
    if (name !== undefined && name !== "-") {
      return decode(name, Stream.mapError(fs.stream(name), unreadable(name)))
    }
    return stdin.isTerminal && name === undefined
      ? yield* new UsageError({
        description: "Nothing to speak: write the text in quotes, name a file with --file, or pipe text in " +
          "(see effect-smallest speak --help)"
      })
      : decode("Standard input", stdin.bytes)
  })
