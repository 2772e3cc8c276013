import * as NodeStream from "@effect/platform-node/NodeStream"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { createReadStream } from "node:fs"
import { CommandFailure } from "../CliError.js"
import { Stdio, type StdioError } from "../Stdio.js"

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

/**
 * The bytes of a file, as they are read.
 *
 * @internal
 */
export interface Input<E> {
  readonly bytes: Stream.Stream<Uint8Array, E>
  /** Whether they can be read again. */
  readonly isRepeatable: boolean
}

/**
 * Opens a file, a pipe or a device.
 *
 * @internal
 */
export const file = Effect.fnUntraced(function*(
  name: string,
  what: string
): Effect.fn.Return<Input<CommandFailure>, CommandFailure, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const { type } = yield* Effect.mapError(fs.stat(name), unreadable(name))
  switch (type) {
    case "Directory":
      return yield* new CommandFailure({ description: `${name} is a folder; name ${what} in it` })
    case "File":
      return { bytes: Stream.mapError(fs.stream(name), unreadable(name)), isRepeatable: true }
    default:
      // While the last file that was looked at is a pipe, Node's `realpathSync` follows no links, and modules that are
      // loaded later, such as engines, are not found.
      yield* Effect.ignore(fs.stat("."))
      // `fs.stream` reads at positions, which a pipe does not have.
      return {
        bytes: NodeStream.fromReadable<CommandFailure>(
          () => createReadStream(name),
          (error) => new CommandFailure({ description: `Could not read ${name}: ${String(error)}` })
        ),
        isRepeatable: false
      }
  }
})

/**
 * Opens what a name on the command line says: a file, or standard input for `-`.
 *
 * @internal
 */
export const open = (
  name: string,
  what: string
): Effect.Effect<Input<CommandFailure | StdioError>, CommandFailure, FileSystem.FileSystem | Stdio> =>
  name === "-"
    ? Effect.map(Stdio, ({ stdin }) => ({ bytes: stdin.bytes, isRepeatable: false }))
    : file(name, what)

/**
 * The name of an input in messages.
 *
 * @internal
 */
export const nameOf = (name: string): string => name === "-" ? "Standard input" : name
