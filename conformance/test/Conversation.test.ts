import { Audio, Pcm, SpeechEvent } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { NodeWebSocketConnector } from "@effect-smallest/platform-node"
import { SpeechStream } from "@effect-smallest/stream"
import { WavesClient, WavesConversation } from "@effect-smallest/waves"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Layer, Redacted, Stream } from "effect"

const path = "/waves/v1/lightning-v4/live"

const setUp = (options?: WavesConversation.Options, emulator: WavesEmulator.EngineOptions = {}) =>
  WavesConversation.layer(options).pipe(
    Layer.provide(Layer.unwrapEffect(Effect.map(
      WavesEmulator.WavesEmulator,
      ({ url }) =>
        WavesClient.layer({
          apiKey: Redacted.make("sk_test"),
          baseUrl: url,
          timeouts: { connect: "500 millis", firstAudio: "1 second", idle: "500 millis" }
        })
    ))),
    Layer.provide([NodeHttpClient.layerUndici, NodeWebSocketConnector.layer]),
    Layer.provideMerge(WavesEmulator.layer({ engine: "tone", ...emulator }))
  )

const speak = Effect.fnUntraced(function*(
  text: SpeechStream.TextSource<never, never>,
  options?: Parameters<WavesConversation.Service["speak"]>[1]
) {
  const { speak } = yield* WavesConversation.WavesConversation
  return Chunk.toReadonlyArray(yield* Stream.runCollect(speak(text, options)))
})

const texts = (events: ReadonlyArray<SpeechEvent.SpeechEvent>) =>
  events.flatMap((event) => event._tag === "SegmentStarted" ? [event.text.trim()] : [])

const messages = Effect.gen(function*() {
  const { requests } = yield* WavesEmulator.WavesEmulator
  return (yield* requests).filter((request) => request.path === path).map(({ messages }) =>
    messages.map(({ message }) => message as { readonly event: string; readonly text?: string })
  )
})

const recording = Effect.succeed(Audio.unsafeMake(Pcm.format(16_000), new Uint8Array(3200)))

describe("WavesConversation", () => {
  it.scopedLive("turns - are sentences of one session, which remembers them", () =>
    Effect.gen(function*() {
      const first = yield* speak("Hello there. How are you?")
      assert.deepStrictEqual(texts(first), ["Hello there.", "How are you?"])
      assert.strictEqual(first.at(-1)?._tag, "Completed")
      const { heard } = yield* WavesConversation.WavesConversation
      yield* heard("Fine, thanks.", yield* recording)
      yield* speak("Good.")
      const sessions = yield* messages
      assert.strictEqual(sessions.length, 1)
      assert.deepStrictEqual(sessions[0]?.map(({ event }) => event), ["speak", "speak", "user_audio", "speak"])
      assert.deepStrictEqual(sessions[0]?.map(({ text }) => text?.trim()), [
        "Hello there.",
        "How are you?",
        "Fine, thanks.",
        "Good."
      ])
    }).pipe(Effect.provide(setUp())))

  it.scopedLive("turns: paragraph - keeps the sentences of a paragraph together, however the text comes", () =>
    Effect.gen(function*() {
      const events = yield* speak(Stream.make("One. Tw", "o.\n", " \nThree", ". Four."))
      assert.deepStrictEqual(texts(events), ["One. Two.", "Three. Four."])
    }).pipe(Effect.provide(setUp({ turns: "paragraph" }))))

  it.scopedLive("a listener who leaves - interrupts the server, and the next utterance is clean", () =>
    Effect.gen(function*() {
      const { inject } = yield* WavesEmulator.WavesEmulator
      const { interrupt, speak: begin } = yield* WavesConversation.WavesConversation
      const slow = inject({ path, faults: [{ _tag: "SlowDrip", bytes: 7680, every: "30 millis" }] })
      yield* slow
      yield* Stream.runDrain(Stream.take(Stream.filter(begin("This takes some time."), SpeechEvent.isAudible), 1))
      const clean = yield* speak("Hello.")
      yield* slow
      const running = yield* Effect.fork(Stream.runCollect(begin("This takes some time, too.")))
      const queued = yield* Effect.fork(Stream.runCollect(begin("This is never spoken.")))
      yield* Effect.sleep("150 millis")
      yield* interrupt
      assert.notInclude([...(yield* Fiber.join(running))].map(({ _tag }) => _tag), "Completed")
      assert.deepStrictEqual([...(yield* Fiber.join(queued))], [])
      const again = yield* speak("Hello.")
      const bytes = (events: ReadonlyArray<SpeechEvent.SpeechEvent>) =>
        Buffer.concat(events.flatMap((event) => event._tag === "AudioChunk" ? [event.chunk.bytes] : []))
      assert.isTrue(bytes(clean).equals(bytes(again)))
      assert.deepStrictEqual((yield* messages).map((session) => session.map(({ event }) => event)), [
        ["speak", "interrupt", "speak", "speak", "interrupt", "speak"]
      ])
    }).pipe(Effect.provide(setUp())))

  it.scopedLive("another voice - is another session, and so is one that was lost", () =>
    Effect.gen(function*() {
      const { sessions } = yield* WavesConversation.WavesConversation
      const { inject } = yield* WavesEmulator.WavesEmulator
      yield* speak("Hello.")
      yield* speak("Hello.", { voice: "rhodes" })
      yield* inject({ path, faults: [{ _tag: "Close", code: 1011, afterBytes: 7680 }] })
      const error = yield* Effect.flip(speak("Hello there.", { voice: "rhodes" }))
      assert.strictEqual(error._tag, "TruncatedAudio")
      assert.match(error.message, /the session is lost, and with it what it remembered/)
      yield* speak("Hello.", { voice: "rhodes" })
      const events = Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.take(sessions, 5)))
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["Started", "Replaced", "Started", "Lost", "Started"])
    }).pipe(Effect.provide(setUp())))

  it.scopedLive("a session that breaks before any audio - is opened anew for the turn", () =>
    Effect.gen(function*() {
      const { inject } = yield* WavesEmulator.WavesEmulator
      yield* inject({ path, faults: [{ _tag: "Reset", afterBytes: 0 }] })
      assert.strictEqual((yield* speak("Hello.")).at(-1)?._tag, "Completed")
      assert.strictEqual((yield* messages).length, 2)
    }).pipe(Effect.provide(setUp({ retry: { baseDelay: "1 millis" } }))))

  it.scopedLive("the SpeechStream of the layer - speaks in the same session", () =>
    Effect.gen(function*() {
      const chunks = yield* Stream.runCollect(SpeechStream.fromText("Hello there."))
      assert.deepStrictEqual(Chunk.unsafeHead(chunks).format, Pcm.format(48_000))
      yield* speak("And again.")
      assert.strictEqual((yield* messages).length, 1)
    }).pipe(Effect.provide(setUp({ sampleRate: 48_000 }))))

  it.scopedLive("the server's rate - is converted into the one that was asked for", () =>
    Effect.gen(function*() {
      const [chunk] = yield* Stream.runCollect(SpeechStream.fromText("Hello there."))
      assert.deepStrictEqual(chunk?.format, Pcm.format(24_000))
    }).pipe(Effect.provide(setUp({}, { assumptions: { v4SampleRate: 8000 } }))))

  it.scopedLive.each<readonly [string, WavesConversation.Options, string]>([
    ["a rate", { sampleRate: 22_050 }, "sampleRate"],
    ["a speed", { speed: 3 }, "speed"],
    ["a language", { language: "hi" }, "language"]
  ])("%s that v4 does not have - fails before a connection", ([, options, parameter]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(speak("Hello."))
      assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter })
      assert.deepStrictEqual(yield* messages, [])
    }).pipe(Effect.provide(setUp(options))))

  it.scopedLive("an account without the beta - is told what to ask for", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(speak("Hello."))
      assert.strictEqual(error._tag, "NotEntitled")
      assert.match(error.message, /ask the vendor to enable it/)
    }).pipe(Effect.provide(setUp({}, { models: ["lightning_v3.1_pro"] }))))

  it.scopedLive("an unknown voice - is an UnknownVoice", () =>
    Effect.map(
      Effect.flip(speak("Hello.", { voice: "nobody" })),
      (error) => assert.deepInclude(error, { _tag: "UnknownVoice", voice: "nobody" })
    ).pipe(Effect.provide(setUp())))

  it.scopedLive.each(["first", "none"] as const)(
    "v4Ready=%s - is a timeout of the phase connect",
    (v4Ready) =>
      Effect.map(
        Effect.flip(speak("Hello.")),
        (error) => assert.deepInclude(error, { _tag: "SpeechTimeout", phase: "connect" })
      ).pipe(
        Effect.provide(setUp({ retry: false }, { assumptions: { v4Ready } }))
      )
  )

  type Injected = Parameters<WavesEmulator.Service["inject"]>[0]["faults"][number]

  // A turn has 35 kB of audio here; after the last of it comes the end mark.
  const moments = [["before audio", 0], ["in the audio", 7680]] as const

  const faults: ReadonlyArray<readonly [fault: (afterBytes: number) => Injected, before: string, inside: string]> = [
    [(afterBytes) => ({ _tag: "Stall", afterBytes }), "SpeechTimeout", "SpeechTimeout"],
    [(afterBytes) => ({ _tag: "EndEarly", afterBytes }), "TransportFailure", "TruncatedAudio"],
    [(afterBytes) => ({ _tag: "Reset", afterBytes }), "TransportFailure", "TruncatedAudio"],
    [(afterBytes) => ({ _tag: "MalformedJson", afterBytes }), "MalformedResponse", "MalformedResponse"],
    [
      (afterBytes) => ({ _tag: "InBandError", message: "the model broke", afterBytes }),
      "ServerFailure",
      "ServerFailure"
    ],
    ...[1000, 1001, 1008, 1011, 1013].map((code) =>
      [
        (afterBytes: number): Injected => ({ _tag: "Close", code, afterBytes }),
        "TransportFailure",
        "TruncatedAudio"
      ] as const
    )
  ]

  const rows = faults.flatMap(([fault, before, inside]) =>
    moments.map(([moment, afterBytes]) => {
      const one = fault(afterBytes)
      return [
        `${one._tag}${"code" in one ? ` ${one.code}` : ""} ${moment}`,
        one,
        afterBytes === 0 ? before : inside
      ] as const
    })
  )

  it.scopedLive.each<readonly [string, Injected, string]>([
    ...rows,
    ["EmptyAudio", { _tag: "EmptyAudio" }, "EmptyAudio"],
    ...[[401, "InvalidApiKey"], [402, "QuotaExhausted"], [403, "NotEntitled"], [429, "RateLimited"], [
      503,
      "ServerFailure"
    ]].map(([status, tag]): readonly [string, Injected, string] => [
      `an upgrade refused with ${status}`,
      { _tag: "Status", status: Number(status) },
      String(tag)
    ])
  ])("%s - is a typed error, and the next utterance is spoken", ([, fault, tag]) =>
    Effect.gen(function*() {
      const { inject } = yield* WavesEmulator.WavesEmulator
      yield* inject({ path, faults: [fault] })
      assert.strictEqual((yield* Effect.flip(speak("Hello there.")))._tag, tag)
      assert.strictEqual((yield* speak("Hello.")).at(-1)?._tag, "Completed")
    }).pipe(Effect.provide(setUp({ retry: false }))))

  it.scopedLive("another model - is refused: a conversation has one", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(speak("Hello.", { model: "lightning_v3.1_pro" }))
      assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter: "model" })
    }).pipe(Effect.provide(setUp())))

  it.scopedLive("heard - refuses an empty recording and stereo, and reports what the server rejects", () =>
    Effect.gen(function*() {
      const { heard } = yield* WavesConversation.WavesConversation
      for (
        const bad of [
          Audio.unsafeMake(Pcm.format(16_000), new Uint8Array(0)),
          Audio.unsafeMake(Pcm.format(16_000, 2), new Uint8Array(400))
        ]
      ) {
        const error = yield* Effect.flip(heard("Hi.", bad))
        assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter: "recording" })
      }
      assert.deepStrictEqual(yield* messages, [])
    }).pipe(Effect.provide(setUp())))
})
