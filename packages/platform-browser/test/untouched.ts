/** Tries to play in a page that nobody has touched, and logs what came of it. */
import { AudioPlayer, Pcm } from "@effect-smallest/core"
import { BrowserAudioOutput, BrowserAudioPlayer } from "@effect-smallest/platform-browser"
import { Effect, Layer, Stream } from "effect"

let begun = false
const speech = Stream.make(Pcm.silence(Pcm.format(24000), "1 second")).pipe(
  Stream.onStart(Effect.sync(() => {
    begun = true
  }))
)

const outcome = await AudioPlayer.play(speech).pipe(
  Effect.match({
    onFailure: ({ message, reason }) => ({ reason, message, begun }),
    onSuccess: ({ outcome }) => ({ outcome })
  }),
  Effect.provide(Layer.provide(BrowserAudioPlayer.layer(), BrowserAudioOutput.layer())),
  Effect.runPromise
)
console.log(JSON.stringify(outcome))
