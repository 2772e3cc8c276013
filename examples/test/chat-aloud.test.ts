import { SpeechEvent } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { SpeechProxyProtocol } from "@effect-smallest/proxy"
import { HttpApp } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Stream } from "effect"
import * as ChatAloud from "../src/chat-aloud.js"

const mounts = {
  "an HttpRouter": Effect.map(
    Effect.runtime<ChatAloud.Writer | ChatAloud.Speech>(),
    (runtime) => HttpApp.toWebHandlerRuntime(runtime)(ChatAloud.router)
  ),
  Hono: Effect.map(
    Effect.runtime<ChatAloud.Writer | ChatAloud.Speech>(),
    (runtime) => (request: Request) => Promise.resolve(ChatAloud.hono(runtime).fetch(request))
  )
}

const ask = (body: unknown, headers: Record<string, string> = { authorization: "Bearer demo" }) =>
  new Request("http://localhost/chat", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body)
  })

const Offline = ChatAloud.offline({ engine: "tone" }).pipe(Layer.provideMerge(Logger.remove(Logger.defaultLogger)))

describe("chat-aloud", () => {
  for (const [name, mount] of Object.entries(mounts)) {
    it.scopedLive(`${name} - answers with the text as it is written and its speech`, () =>
      Effect.gen(function*() {
        const handler = yield* mount
        const response = yield* Effect.promise(() => handler(ask({ question: "Are you there?" })))
        const events: Array<SpeechProxyProtocol.ReplyEvent> = []
        yield* Stream.runForEach(
          SpeechProxyProtocol.fromResponse(response),
          (event) => Effect.sync(() => void events.push(event))
        )
        const text = events.map((event) => event._tag === "TextDelta" ? event.text : "").join("")
        assert.include(text, "You said: Are you there?")
        const spoken = events.filter(SpeechEvent.$is("SegmentStarted")).map(({ text }) => text).join("")
        assert.strictEqual(spoken, text)
        const firstSound = events.findIndex(({ _tag }) => _tag === "AudioChunk")
        const lastText = events.findLastIndex(({ _tag }) => _tag === "TextDelta")
        assert.isTrue(0 < firstSound && firstSound < lastText, "it speaks while it writes")
        assert.strictEqual(events.at(-1)?._tag, "Completed")
      }).pipe(Effect.provide(Offline)))

    it.scopedLive(`${name} - tells the page what went wrong by tags`, () =>
      Effect.gen(function*() {
        const handler = yield* mount
        const failure = (request: Request) =>
          Effect.promise(() => handler(request)).pipe(
            Effect.flatMap((response) => Stream.runDrain(SpeechProxyProtocol.fromResponse(response))),
            Effect.flip,
            Effect.map(({ _tag }) => _tag)
          )
        assert.strictEqual(yield* failure(ask({ question: "Hi?" }, {})), "AccessDenied")
        assert.strictEqual(yield* failure(ask({ question: "" })), "InvalidSpeechRequest")
        assert.strictEqual(yield* failure(ask("nothing")), "InvalidSpeechRequest")
        const emulator = yield* WavesEmulator.WavesEmulator
        yield* emulator.inject({
          faults: [{ _tag: "Status", status: 500 }],
          path: "/waves/v1/chat/completions",
          times: 1
        })
        assert.strictEqual(yield* failure(ask({ question: "Hi?" })), "ServerFailure")
      }).pipe(Effect.provide(Offline)))
  }
})
