/**
 * Speaks what the `openai` client streams.
 */
import { AudioFile } from "@effect-smallest/core"
import { SpeechStream, SpeechText } from "@effect-smallest/stream"
import { Effect, Stream } from "effect"
import type OpenAI from "openai"

export const speakReply = (openai: OpenAI, prompt: string) => {
  const completion = Effect.tryPromise((signal) =>
    openai.chat.completions.create(
      { model: "gpt-4o-mini", messages: [{ role: "user", content: prompt }], stream: true },
      { signal }
    )
  )
  const audio = Stream.unwrap(Effect.map(completion, (chunks) => SpeechText.fromAsyncIterable(chunks))).pipe(
    SpeechText.fromOpenAi,
    SpeechText.stripMarkdown,
    SpeechStream.fromText()
  )
  return AudioFile.save("reply.wav", audio)
}
