/**
 * Speaks what the `openai` client streams.
 */
import { AudioFile } from "@effect-smallest/core"
import { SpeechStream, SpeechText } from "@effect-smallest/stream"
import type OpenAI from "openai"

export const speakReply = (openai: OpenAI, prompt: string) =>
  SpeechText.fromAsyncIterable(() => openai.responses.create({ model: "gpt-5-mini", input: prompt, stream: true }))
    .pipe(
      SpeechText.fromOpenAiResponses,
      SpeechText.stripMarkdown,
      SpeechStream.fromText(),
      (audio) => AudioFile.save("reply.wav", audio)
    )
