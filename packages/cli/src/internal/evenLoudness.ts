import * as Loudness from "@effect-smallest/core/Loudness"
import * as Pcm from "@effect-smallest/core/Pcm"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CommandFailure } from "../CliError.js"

const explain = (error: Pcm.PcmError | PlatformError.PlatformError): CommandFailure =>
  new CommandFailure({
    description: `The loudness cannot be evened: ${
      error._tag === "PcmError" ? error.description : `the folder for temporary files: ${error.message}`
    }`
  })

/**
 * Brings audio to a loudness while it is being made.
 *
 * @internal
 */
export const whileMade = <E, R>(
  pcm: Stream.Stream<Pcm.PcmChunk, E, R>,
  target: number
): Stream.Stream<Pcm.PcmChunk, E | CommandFailure, R> =>
  // Failures of the audio stay what they are.
  pcm.pipe(
    Stream.mapError((error) => ({ error })),
    Loudness.level({ target }),
    Stream.mapError((failure) => "error" in failure ? failure.error : explain(failure))
  )

/**
 * Waits for all of the audio, in a temporary file, and gives it with a loudness, by one gain for all.
 *
 * @internal
 */
export const onceMade = Effect.fnUntraced(function*<E, R>(
  pcm: Stream.Stream<Pcm.PcmChunk, E, R>,
  target: number
): Effect.fn.Return<
  Stream.Stream<Pcm.PcmChunk, CommandFailure>,
  E | CommandFailure,
  R | FileSystem.FileSystem | Scope.Scope
> {
  const fs = yield* FileSystem.FileSystem
  const name = yield* Effect.mapError(fs.makeTempFileScoped({ prefix: "effect-smallest" }), explain)
  const file = yield* Effect.mapError(fs.open(name, { flag: "w" }), explain)
  let format = Pcm.format(24000)
  yield* Stream.runForEach(pcm, (chunk) => {
    format = chunk.format
    return Effect.mapError(file.writeAll(chunk.bytes), explain)
  })
  const spoken = Pcm.fromBytes(fs.stream(name), format)
  const gain = yield* Effect.mapError(Loudness.fit(spoken, { target }), explain)
  return Stream.mapError(Loudness.amplify(spoken, gain), explain)
})
