import { AudioFileError } from "@effect-smallest/core/AudioFile"
import type * as Pcm from "@effect-smallest/core/Pcm"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

const explain = (error: PlatformError.PlatformError): string => {
  const reason = error._tag === "SystemError" ? error.reason : undefined
  return reason === "NotFound"
    ? "the folder does not exist; create it first"
    : reason === "PermissionDenied"
    ? "permission denied; choose a place that you may write to"
    : error.description ?? error.message
}

/**
 * Saves samples without a header, with the promise of `AudioFile`: under its name the file is complete or absent.
 *
 * @internal
 */
export const save = <E, R>(
  name: string,
  pcm: Stream.Stream<Pcm.PcmChunk, E, R>
): Effect.Effect<void, AudioFileError | E, R | FileSystem.FileSystem | Path.Path> =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const refused = <A, R>(effect: Effect.Effect<A, PlatformError.PlatformError, R>) =>
      Effect.mapError(
        effect,
        (error) => new AudioFileError({ reason: "Unwritable", name, description: explain(error) })
      )

    const target = yield* Effect.orElseSucceed(fs.realPath(name), () => name)
    const existing = yield* Effect.option(fs.stat(target))
    const type = Option.match(existing, { onNone: () => "File", onSome: ({ type }) => type })
    if (type === "Directory") {
      return yield* new AudioFileError({ reason: "Unwritable", name, description: "it is a folder; name a file in it" })
    }
    const isFile = type === "File"
    const folder = isFile
      ? yield* refused(fs.makeTempDirectoryScoped({
        directory: path.dirname(target),
        prefix: `.${path.basename(target)}.`
      }))
      : path.dirname(target)
    const written = isFile ? path.join(folder, "partial") : target
    // Closed before it is renamed: Windows renames no open file.
    yield* Effect.scoped(
      Effect.flatMap(
        refused(fs.open(written, { flag: "w" })),
        (file) => Stream.runForEach(pcm, (chunk) => refused(file.writeAll(chunk.bytes)))
      )
    )
    if (!isFile) return
    if (Option.isSome(existing)) yield* refused(fs.chmod(written, existing.value.mode & 0o777))
    yield* refused(fs.rename(written, target))
  }))
