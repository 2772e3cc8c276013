import { SpeechEvent } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Conversation from "../src/conversation.js"

describe("conversation", () => {
  it.scopedLive("the answers are turns of one session, which hears the caller before each", () =>
    Effect.gen(function*() {
      const texts: Array<string> = []
      for (const words of ["I lost my card.", "It is the blue one."]) {
        yield* Stream.runForEach(Conversation.exchange(words), (event) =>
          Effect.sync(() => {
            if (SpeechEvent.$is("SegmentStarted")(event)) texts.push(event.text)
          }))
      }
      assert.lengthOf(texts, 2)
      assert.include(texts[1], "You said: It is the blue one.")
      const { requests } = yield* WavesEmulator.WavesEmulator
      const sockets = (yield* requests).filter(({ messages }) => messages.length > 0)
      assert.lengthOf(sockets, 1)
      assert.deepStrictEqual(
        sockets[0]?.messages.map(({ message }) => (message as { readonly event: string }).event),
        ["user_audio", "speak", "user_audio", "speak"]
      )
    }).pipe(Effect.provide(Conversation.offline({ engine: "tone" }))))
})
