import { AudioPlayer, Pcm, SpeechSynthesizer } from "@effect-smallest/core"
import { BrowserAudioOutput, BrowserSpeech } from "@effect-smallest/platform-browser"
import { SpeechStream } from "@effect-smallest/stream"
import { SpeechStreamSuite, SpeechSynthesizerSuite } from "@effect-smallest/testing/suites"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { userEvent } from "@vitest/browser/context"
import { Duration, Effect, Fiber, Ref, Stream } from "effect"
import { inject } from "vitest"

// A browser lets no page sound before.
beforeAll(() => userEvent.click(document.body))

const Proxy = BrowserSpeech.layerProxy({ url: inject("proxy") })

SpeechSynthesizerSuite.suite("BrowserSpeech.layerProxy", Proxy, {
  unknownVoice: "nobody",
  unsupportedOption: { provider: { waves: { enhancement: 1 } } }
})

SpeechStreamSuite.suite("BrowserSpeech.layerProxy, growing text", Proxy)

describe("BrowserSpeech.layerProxy", () => {
  it.scopedLive("play - what the server speaks is heard, all of it, and seen in the waveform", () =>
    Effect.gen(function*() {
      const made = yield* Ref.make(Duration.zero)
      const playing = yield* SpeechStream.fromText(Stream.make("Hello ", "there. ", "I am glad.")).pipe(
        Stream.tap((chunk) => Ref.update(made, Duration.sum(Pcm.duration(chunk)))),
        AudioPlayer.play,
        Effect.fork
      )
      yield* BrowserAudioOutput.waveform().pipe(
        Stream.takeUntil((samples) => samples.some((sample) => Math.abs(sample) > 0.01)),
        Stream.runDrain
      )
      const report = yield* Fiber.join(playing)
      assert.strictEqual(report.outcome, "completed")
      assert.isAbove(Duration.toMillis(report.heard), 500)
      assert.closeTo(Duration.toMillis(report.heard), Duration.toMillis(yield* Ref.get(made)), 1)
    }).pipe(Effect.provide(Proxy)))

  it.scopedLive(
    "a server that is not there - is tried again, unless told not to, and then a typed error",
    () =>
      Effect.gen(function*() {
        const speak = (options: Partial<BrowserSpeech.ProxyOptions>) =>
          SpeechSynthesizer.synthesize({ text: "Hello." }).pipe(
            Effect.provide(BrowserSpeech.layerProxy({ url: "http://127.0.0.1:1/", ...options })),
            Effect.flip,
            Effect.timed
          )
        const [soon, error] = yield* speak({ retry: false })
        assert.strictEqual(error._tag, "TransportFailure")
        assert.isBelow(Duration.toMillis(soon), 1000)
        const [later] = yield* speak({ retry: { maxRetries: 2, baseDelay: "300 millis" } })
        assert.isAbove(Duration.toMillis(later), 500)
      }),
    { retry: 4 }
  )
})
