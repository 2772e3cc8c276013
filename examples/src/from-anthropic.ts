/**
 * Speaks what the `@anthropic-ai/sdk` client streams.
 */
import type Anthropic from "@anthropic-ai/sdk"
import { AudioFile } from "@effect-smallest/core"
import { SpeechStream, SpeechText } from "@effect-smallest/stream"

export const speakReply = (anthropic: Anthropic, prompt: string) =>
  SpeechText.fromAsyncIterable(() =>
    anthropic.messages.create({
      model: "claude-haiku-4-5",
      max_tokens: 1024,
      messages: [{ role: "user", content: prompt }],
      stream: true
    })
  ).pipe(
    SpeechText.fromAnthropic,
    SpeechText.stripMarkdown,
    SpeechStream.fromText(),
    (audio) => AudioFile.save("reply.wav", audio)
  )
