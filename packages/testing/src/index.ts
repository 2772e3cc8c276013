export * as SpeechSynthesizerSuite from "./SpeechSynthesizerSuite.js"

export * as TestSpeechSynthesizer from "./TestSpeechSynthesizer.js"
