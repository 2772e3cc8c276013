import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { SpeechSynthesizerSuite, TestSpeechSynthesizer } from "@effect-smallest/testing"
import { httpClients, layerLightningV1, layerWaves } from "../src/Cloud.js"

SpeechSynthesizerSuite.suite("TestSpeechSynthesizer", TestSpeechSynthesizer.layer(), { wordTimestamps: true })

SpeechSynthesizerSuite.suite(
  "TestSpeechSynthesizer with few abilities",
  TestSpeechSynthesizer.layer({
    sampleRate: 16000,
    speed: 1,
    voices: ["meher"],
    honours: ["voice"],
    wordTimestamps: false
  }),
  {
    unknownVoice: "nobody",
    unsupportedOption: { similarity: 0.5, model: "lightning", transliterate: true }
  }
)

for (const [name, http] of httpClients) {
  SpeechSynthesizerSuite.suite(`WavesSpeechSynthesizer over ${name}`, layerWaves(http), {
    mp3: true,
    unknownVoice: "nobody",
    unsupportedOption: { transliterate: true }
  })

  SpeechSynthesizerSuite.suite(`LightningV1SpeechSynthesizer over ${name}`, layerLightningV1(http), {
    unknownVoice: "nobody",
    unsupportedOption: { similarity: 0.5, pronunciationDictionaries: ["0123456789abcdef01234567"], mathNotation: true }
  })
}

SpeechSynthesizerSuite.suite("LocalSpeechSynthesizer", LocalSpeechSynthesizer.layerNode, {
  wordTimestamps: true,
  unknownVoice: "nobody",
  unsupportedOption: { similarity: 0.5, transliterate: true }
})
