import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { TestSpeechSynthesizer } from "@effect-smallest/testing"
import { SpeechSynthesizerSuite } from "@effect-smallest/testing/suites"
import { httpClients, layerLightningV1, layerWaves } from "../src/Cloud.js"

SpeechSynthesizerSuite.suite("TestSpeechSynthesizer", TestSpeechSynthesizer.layer(), { wordTimestamps: true })

SpeechSynthesizerSuite.suite(
  "TestSpeechSynthesizer with few abilities",
  TestSpeechSynthesizer.layer({
    sampleRate: 16000,
    speed: 1,
    voices: ["meher"],
    honours: ["voice"],
    takes: "none",
    wordTimestamps: false
  }),
  {
    unknownVoice: "nobody",
    unsupportedOption: { provider: { waves: { similarity: 0.5 } }, model: "lightning" }
  }
)

for (const [name, http] of httpClients) {
  SpeechSynthesizerSuite.suite(`WavesSpeechSynthesizer over ${name}`, layerWaves(http), {
    mp3: true,
    unknownVoice: "nobody",
    unsupportedOption: { provider: { lightningV1: { transliterate: true } } }
  })

  SpeechSynthesizerSuite.suite(`LightningV1SpeechSynthesizer over ${name}`, layerLightningV1(http), {
    unknownVoice: "nobody",
    unsupportedOption: {
      provider: {
        waves: { similarity: 0.5, pronunciationDictionaries: ["0123456789abcdef01234567"], mathNotation: true }
      }
    }
  })
}

SpeechSynthesizerSuite.suite("LocalSpeechSynthesizer", LocalSpeechSynthesizer.layerNode(), {
  wordTimestamps: true,
  unknownVoice: "nobody",
  unsupportedOption: { provider: { waves: { similarity: 0.5 } } }
})
