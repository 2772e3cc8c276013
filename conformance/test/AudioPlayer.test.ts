import * as Pcm from "@effect-smallest/core/Pcm"
import { AudioPlayerSuite, TestAudioPlayer } from "@effect-smallest/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

AudioPlayerSuite.suite("TestAudioPlayer", TestAudioPlayer.layer(), {
  clock: "virtual",
  lead: "200 millis",
  overhead: 0
})
