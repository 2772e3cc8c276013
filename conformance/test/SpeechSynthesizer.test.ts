import { Voice } from "@effect-smallest/core"
import { SpeechSynthesizerSuite, TestSpeechSynthesizer } from "@effect-smallest/testing"

SpeechSynthesizerSuite.suite("TestSpeechSynthesizer", TestSpeechSynthesizer.layer(), { wordTimestamps: true })

SpeechSynthesizerSuite.suite(
  "TestSpeechSynthesizer with few abilities",
  TestSpeechSynthesizer.layer({ sampleRate: 16000, speed: 1, voices: ["meher"], honours: ["voice"], wordTimestamps: false }),
  { unknownVoice: Voice.make("nobody"), unsupportedOption: { similarity: 0.5, model: "lightning", transliterate: true } }
)
