/**
 * The command `play`: an audio file is heard.
 *
 * @since 0.1.0
 */
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Wav from "@effect-smallest/core/Wav"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type CliError, CommandFailure } from "./CliError.js"
import * as Input from "./internal/input.js"
import * as PlaybackView from "./internal/playbackView.js"
import * as Player from "./internal/player.js"
import * as Stdio from "./Stdio.js"

const config = {
  file: Args.text({ name: "FILE" }).pipe(
    Args.withDescription("A WAV file of any length and encoding; - is standard input")
  ),
  player: Player.option
}

type Config = Command.Command.ParseConfig<typeof config>

const play = Effect.fnUntraced(function*(
  { file, player }: Config
): Effect.fn.Return<void, CliError, Stdio.Stdio | FileSystem.FileSystem> {
  const name = Input.nameOf(file)
  const { heard, player: program } = yield* Effect.scoped(Effect.gen(function*() {
    const { bytes } = yield* Input.open(file, "a WAV file")
    const { dataLength, format, pcm, warning } = yield* Effect.mapError(
      Wav.open(bytes),
      (error) =>
        error instanceof Wav.WavError
          ? new CommandFailure({ description: `${name} cannot be played: ${error.message}` })
          : error
    )
    if (Option.isSome(warning)) yield* Stdio.report(`${name}: ${warning.value}`)
    const duration = Option.map(dataLength, (length) => Pcm.durationOf(format, length))
    return yield* Player.play(pcm, { player, view: yield* PlaybackView.make({ duration }) })
  })).pipe(
    Effect.catchIf(
      (error) => error instanceof Wav.WavError,
      ({ description }) =>
        new CommandFailure({ description: `${name} is damaged: ${description}. Make or copy it again` })
    ),
    Effect.onInterrupt(() => Stdio.report("Interrupted."))
  )
  yield* Stdio.report(`${name}: ${Duration.toSeconds(heard).toFixed(2)} s, played by ${program}`)
})

/**
 * `effect-smallest play`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("play", config, play).pipe(Command.withDescription("Plays a WAV file."))
