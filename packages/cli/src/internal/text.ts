import * as NodeStream from "@effect/platform-node/NodeStream"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { createReadStream } from "node:fs"
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
 * A text that is there as a whole.
 *
 * @internal
 */
export const decodeWhole = (name: string, bytes: Uint8Array): Effect.Effect<string, CommandFailure> =>
  Stream.mkString(decode(name, Stream.succeed(bytes)))

/**
 * A text, piece by piece as it can be read.
 *
 * @internal
 */
export interface Source {
  readonly pieces: Stream.Stream<string, TextError>
  /** In UTF-16 code units, where the end of the text can be seen. */
  readonly length: Option.Option<number>
}

const file = Effect.fnUntraced(function*(
  name: string
): Effect.fn.Return<Source, TextError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const { type } = yield* Effect.mapError(fs.stat(name), unreadable(name))
  switch (type) {
    case "Directory":
      return yield* new CommandFailure({ description: `${name} is a folder; name a text file in it` })
    case "File": {
      const pieces = decode(name, Stream.mapError(fs.stream(name), unreadable(name)))
      // Read to its end before it is spoken: a mistake in the last chapter is not told after hours of speech.
      const length = yield* Stream.runFold(pieces, 0, (length, piece) => length + piece.length)
      return { pieces, length: Option.some(length) }
    }
    default: {
      // `fs.stream` reads at positions, which a pipe does not have.
      const bytes = NodeStream.fromReadable<CommandFailure>(
        () => createReadStream(name),
        (error) => new CommandFailure({ description: `Could not read ${name}: ${String(error)}` })
      )
      return { pieces: decode(name, bytes), length: Option.none() }
    }
  }
})

/**
 * The text to speak: from the arguments, from a file, or from standard input.
 *
 * @internal
 */
export const source = (options: {
  readonly text: Option.Option<string>
  readonly file: Option.Option<string>
}): Effect.Effect<Source, TextError, FileSystem.FileSystem | Stdio> =>
  Effect.gen(function*() {
    const { stdin } = yield* Stdio
    if (Option.isSome(options.text)) {
      return Option.isNone(options.file)
        ? { pieces: Stream.succeed(options.text.value), length: Option.some(options.text.value.length) }
        : yield* new UsageError({ description: "Give the text or --file, not both" })
    }
    const name = Option.getOrUndefined(options.file)
    if (name !== undefined && name !== "-") return yield* file(name)
    return stdin.isTerminal && name === undefined
      ? yield* new UsageError({
        description: "Nothing to speak: write the text in quotes, name a file with --file, or pipe text in " +
          "(see effect-smallest speak --help)"
      })
      : { pieces: decode("Standard input", stdin.bytes), length: Option.none() }
  })
