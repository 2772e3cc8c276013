import { BrowserAudioOutput, BrowserAudioPlayer } from "@effect-smallest/platform-browser"
import { AudioPlayerSuite } from "@effect-smallest/testing/suites"
import { userEvent } from "@vitest/browser/context"
import { Layer } from "effect"
import { beforeAll } from "vitest"

// A browser lets no page sound before.
beforeAll(() => userEvent.click(document.body))

AudioPlayerSuite.suite(
  "BrowserAudioPlayer",
  BrowserAudioPlayer.layer({ bufferDuration: "500 millis" }).pipe(Layer.provide(BrowserAudioOutput.layer()))
)
