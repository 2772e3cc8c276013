import * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import type * as Pcm from "@effect-smallest/core/Pcm"
import type { PlayerName } from "@effect-smallest/platform-node/NodeAudioPlayer"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import { CommandFailure } from "../CliError.js"
import type { Stdio } from "../Stdio.js"
import * as Help from "./help.js"
import type { PlaybackView } from "./playbackView.js"

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

const layer = (player: Option.Option<PlayerName>): Layer.Layer<AudioPlayer.AudioPlayer, CommandFailure> =>
  Layer.unwrapEffect(Effect.map(load, ({ layer }) => layer({ player: Option.getOrUndefined(player) })))

/**
 * Plays a stream to its end, and shows on a terminal what is heard.
 *
 * @internal
 */
export const play = <E, R>(
  pcm: Stream.Stream<Pcm.PcmChunk, E, R>,
  { player, view }: {
    readonly player: Option.Option<PlayerName>
    readonly view?: PlaybackView | undefined
  }
): Effect.Effect<AudioPlayer.PlaybackReport, AudioPlayer.PlaybackError | CommandFailure | E, R | Stdio> =>
  Effect.gen(function*() {
    const playback = yield* AudioPlayer.start(view === undefined ? pcm : view.listen(pcm))
    if (view !== undefined) yield* view.show(playback.position)
    return yield* playback.await
  }).pipe(Effect.scoped, Effect.provide(layer(player)))
