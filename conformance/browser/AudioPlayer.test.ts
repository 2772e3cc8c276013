import { BrowserAudioOutput, BrowserAudioPlayer } from "@effect-smallest/platform-browser"
import { AudioPlayerSuite } from "@effect-smallest/testing"
import { Layer } from "effect"

AudioPlayerSuite.suite(
  "BrowserAudioPlayer",
  BrowserAudioPlayer.layer({ bufferDuration: "500 millis" }).pipe(Layer.provide(BrowserAudioOutput.layer()))
)
