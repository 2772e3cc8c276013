/**
 * Speaks what the AI SDK (`ai`) streams. Any of its models will do.
 */
import { AudioFile } from "@effect-smallest/core"
import { SpeechStream, SpeechText } from "@effect-smallest/stream"
import { type LanguageModel, streamText } from "ai"
import { Effect } from "effect"

export const speakReply = (model: LanguageModel, prompt: string) =>
  Effect.suspend(() =>
    SpeechText.fromAsyncIterable(streamText({ model, prompt }).textStream).pipe(
      SpeechText.stripMarkdown,
      SpeechStream.fromText(),
      (audio) => AudioFile.save("reply.wav", audio)
    )
  )
