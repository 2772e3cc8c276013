/**
 * The command `play`: an audio file is heard.
 *
 * @since 0.1.0
 */
import * as Audio from "@effect-smallest/core/Audio"
import * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as Wav from "@effect-smallest/core/Wav"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type CliError, CommandFailure } from "./CliError.js"
import * as Player from "./internal/player.js"
import * as Text from "./internal/text.js"
import * as Stdio from "./Stdio.js"

const config = {
  file: Args.text({ name: "FILE" }).pipe(Args.withDescription("A WAV file of 16-bit PCM")),
  player: Player.option
}

type Config = Command.Command.ParseConfig<typeof config>

const play = Effect.fnUntraced(function*(
  { file, player }: Config
): Effect.fn.Return<void, CliError, Stdio.Stdio | FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* Effect.mapError(fs.readFile(file), Text.unreadable(file))
  const audio = yield* Effect.mapError(
    Wav.decode(bytes),
    (error) => new CommandFailure({ description: `${file} cannot be played: ${error.message}` })
  )
  const report = yield* AudioPlayer.play(Audio.toStream(audio)).pipe(
    Effect.provide(Player.layer(player)),
    Effect.onInterrupt(() => Stdio.tell("Interrupted."))
  )
  yield* Stdio.tell(`${file}: ${Duration.toSeconds(report.heard).toFixed(2)} s, played by ${report.player}`)
})

/**
 * `effect-smallest play`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("play", config, play).pipe(Command.withDescription("Plays a WAV file."))
