/**
 * Speaks what `@effect/ai` streams: text only, at once where a tool is called, and no reasoning.
 */
import { AudioFile } from "@effect-smallest/core"
import { SpeechStream, SpeechText } from "@effect-smallest/stream"
import { LanguageModel } from "@effect/ai"

export const speakReply = (prompt: string) =>
  LanguageModel.streamText({ prompt }).pipe(
    SpeechText.fromAi,
    SpeechText.stripMarkdown,
    SpeechStream.fromText(),
    (audio) => AudioFile.save("reply.wav", audio)
  )
