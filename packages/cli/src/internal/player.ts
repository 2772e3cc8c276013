import type { AudioPlayer } from "@effect-smallest/core/AudioPlayer"
import type { PlayerName } from "@effect-smallest/platform-node/NodeAudioPlayer"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { CommandFailure } from "../CliError.js"
import * as Help from "./help.js"

/**
 * The option that names a player.
 *
 * @internal
 */
export const option: Options.Options<Option.Option<PlayerName>> = Help.choice<PlayerName>(
  "player",
  ["ffplay", "mpv", "aplay", "afplay"]
).pipe(
  Options.withDescription("The program that plays; without it, the first of these that is installed"),
  Options.optional
)

const load = Effect.tryPromise({
  try: () => import("@effect-smallest/platform-node/NodeAudioPlayer"),
  catch: (error) =>
    new CommandFailure({ description: `The player could not be loaded (${String(error)}); install the command again` })
})

/** @internal */
export const layer = (player: Option.Option<PlayerName>): Layer.Layer<AudioPlayer, CommandFailure> =>
  Layer.unwrapEffect(Effect.map(load, ({ layer }) => layer({ player: Option.getOrUndefined(player) })))
