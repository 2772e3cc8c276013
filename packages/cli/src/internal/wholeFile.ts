import { AudioFileError } from "@effect-smallest/core/AudioFile"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"

const explain = (error: PlatformError.PlatformError): string => {
  const reason = error._tag === "SystemError" ? error.reason : undefined
  return reason === "NotFound"
    ? "the folder does not exist; create it first"
    : reason === "PermissionDenied"
    ? "permission denied; choose a place that you may write to"
    : error.description ?? error.message
}

/**
 * A file that is being written.
 *
 * @internal
 */
export interface WholeFile {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, AudioFileError>
  /** Gives the file its name, once everything is written. */
  readonly publish: Effect.Effect<void, AudioFileError>
}

/**
 * Opens a file for samples or captions, with the promise of `AudioFile`: under its name it is complete or absent. A file
 * that was not published is gone when the scope closes. Pipes and devices are written straight through.
 *
 * @internal
 */
export const open = Effect.fnUntraced(function*(
  name: string
): Effect.fn.Return<WholeFile, AudioFileError, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const refused = <A, R>(effect: Effect.Effect<A, PlatformError.PlatformError, R>) =>
    Effect.mapError(effect, (error) => new AudioFileError({ reason: "Unwritable", name, description: explain(error) }))

  const existing = yield* Effect.option(fs.stat(name))
  const type = Option.match(existing, { onNone: () => "File", onSome: ({ type }) => type })
  if (type === "Directory") {
    return yield* new AudioFileError({ reason: "Unwritable", name, description: "it is a folder; name a file in it" })
  }
  if (type !== "File") {
    // Appending, because otherwise every write names a position, which a pipe does not have.
    const device = yield* refused(fs.open(name, { flag: "a" }))
    return { write: (bytes) => refused(device.writeAll(bytes)), publish: Effect.void }
  }
  const target = yield* Effect.orElseSucceed(fs.realPath(name), () => name)
  const folder = yield* refused(
    fs.makeTempDirectoryScoped({ directory: path.dirname(target), prefix: ".partial." })
  )
  const partial = path.join(folder, "partial")
  const opened = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
  const file = yield* refused(Scope.extend(fs.open(partial, { flag: "w" }), opened))
  return {
    write: (bytes) => refused(file.writeAll(bytes)),
    publish: Effect.gen(function*() {
      // Closed before it is renamed: Windows renames no open file.
      yield* Scope.close(opened, Exit.void)
      if (Option.isSome(existing)) yield* refused(fs.chmod(partial, existing.value.mode & 0o777))
      yield* refused(fs.rename(partial, target))
    })
  }
})
