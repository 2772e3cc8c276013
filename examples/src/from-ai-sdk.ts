/**
 * Speaks what the AI SDK (`ai`) streams. Any of its models will do. `fullStream`, because `textStream` keeps the provider's
 * errors to itself: half an answer would be saved as a whole one.
 */
import { AudioFile } from "@effect-smallest/core"
import { SpeechStream, SpeechText } from "@effect-smallest/stream"
import { type LanguageModel, streamText } from "ai"

export const speakReply = (model: LanguageModel, prompt: string) =>
  SpeechText.fromAsyncIterable(() => streamText({ model, prompt }).fullStream).pipe(
    SpeechText.fromAi,
    SpeechText.stripMarkdown,
    SpeechStream.fromText(),
    (audio) => AudioFile.save("reply.wav", audio)
  )
