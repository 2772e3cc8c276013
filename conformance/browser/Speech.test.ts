import { Voice } from "@effect-smallest/core"
import { BrowserSpeech } from "@effect-smallest/platform-browser"
import { SpeechStreamSuite, SpeechSynthesizerSuite } from "@effect-smallest/testing"
import { inject } from "vitest"

const Proxy = BrowserSpeech.layerProxy({ url: inject("proxy") })

SpeechSynthesizerSuite.suite("BrowserSpeech.layerProxy", Proxy, {
  unknownVoice: Voice.make("nobody"),
  unsupportedOption: { enhancement: 1 }
})

SpeechStreamSuite.suite("BrowserSpeech.layerProxy, growing text", Proxy)
