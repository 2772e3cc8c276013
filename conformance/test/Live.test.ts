import { type SpeechError, type SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { type Fault, WavesEmulator } from "@effect-smallest/emulator"
import { Captions, SpeechStream } from "@effect-smallest/stream"
import { SpeechStreamSuite } from "@effect-smallest/testing/suites"
import { WavesClient } from "@effect-smallest/waves"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Deferred, Duration, Effect, Exit, Fiber, Option, Predicate, Redacted, Stream } from "effect"
import * as Live from "../src/Live.js"

const modes = ["context", "flush"] as const

const completeBackoff = Duration.millis(60)

const sockets = Effect.flatMap(
  WavesEmulator.WavesEmulator,
  ({ requests }) => Effect.map(requests, (all) => all.filter(({ path }) => path.endsWith("/live")))
)

const requestIdOf = ({ message }: { readonly message: unknown }): unknown =>
  Predicate.hasProperty(message, "request_id") ? message.request_id : undefined

for (const buffering of modes) {
  SpeechStreamSuite.suite(
    `WavesSpeechStream, ${buffering}`,
    Live.layer({
      live: {
        buffering,
        completeBackoff,
        poolSize: 8,
        idleTimeToLive: "1 millis", // so that an open socket is one that speaks
        maxBufferDelay: "200 millis"
      },
      client: { concurrency: 8 }
    }),
    {
      isSegmented: false,
      isDeterministic: false, // the server cuts the phrases by the clock
      wordTimestamps: true,
      probe: {
        requests: Effect.map(sockets, (all) => new Set(all.flatMap(({ messages }) => messages.map(requestIdOf))).size),
        running: Effect.map(sockets, (all) => all.filter(({ outcome }) => outcome === "open").length),
        failNext: (times) =>
          Effect.flatMap(
            WavesEmulator.WavesEmulator,
            ({ inject }) => inject({ faults: [{ _tag: "InBandError", message: "synthesis failed" }], times })
          )
      }
    }
  )
}

const tokens = Stream.make("The answer ", "is forty two. ", "And that ", "is all there ", "is to say.").pipe(
  Stream.rechunk(1)
)

interface Outcome {
  readonly events: ReadonlyArray<SpeechEvent.SpeechEvent>
  readonly exit: Exit.Exit<void, SpeechError.SpeechError>
}

const speak = Effect.gen(function*() {
  const events: Array<SpeechEvent.SpeechEvent> = []
  const exit = yield* SpeechStream.events(tokens).pipe(
    Stream.runForEach((event) => Effect.sync(() => void events.push(event))),
    Effect.exit
  )
  const outcome: Outcome = { events, exit }
  return outcome
})

const bytesIn = ({ events }: Outcome): number =>
  events.reduce((sum, event) => event._tag === "AudioChunk" ? sum + event.chunk.bytes.length : sum, 0)

const failureOf = ({ exit }: Outcome): SpeechError.SpeechError =>
  Exit.isFailure(exit)
    ? Option.getOrThrow(Cause.failureOption(exit.cause))
    : assert.fail("The stream ended well")

const afterBytes = 20_000

const faults: ReadonlyArray<readonly [fault: Fault.Fault, tag: string]> = [
  [{ _tag: "Close", code: 1000, afterBytes }, "TruncatedAudio"],
  [{ _tag: "Close", code: 1001, afterBytes }, "TruncatedAudio"],
  [{ _tag: "Close", code: 1011, afterBytes }, "TruncatedAudio"],
  [{ _tag: "Close", code: 1008, afterBytes }, "RateLimited"],
  [{ _tag: "Close", code: 1013, afterBytes }, "RateLimited"],
  [{ _tag: "Reset", afterBytes }, "TruncatedAudio"],
  [{ _tag: "EndEarly", afterBytes }, "TruncatedAudio"],
  [{ _tag: "MalformedJson", afterBytes }, "MalformedResponse"],
  [{ _tag: "BadBase64", afterBytes }, "MalformedResponse"],
  [{ _tag: "InBandError", message: "synthesis failed", afterBytes }, "ServerFailure"],
  [{ _tag: "Stall", afterBytes }, "SpeechTimeout"]
]

describe("WavesSpeechStream over the emulator", () => {
  for (const buffering of modes) {
    const live = { buffering, completeBackoff } as const
    const client = { timeouts: { idle: "300 millis", firstAudio: "2 seconds" } } as const

    for (const [fault, tag] of faults) {
      const name = `${buffering}, ${fault._tag}${"code" in fault ? ` ${fault.code}` : ""}`
      it.live(`${name} in the middle of the audio - fails with what was heard and where`, () =>
        Effect.gen(function*() {
          const { inject } = yield* WavesEmulator.WavesEmulator
          yield* inject({ faults: [fault] })
          const outcome = yield* speak
          const error = failureOf(outcome)
          assert.strictEqual(error._tag, tag)
          assert.strictEqual(bytesIn(outcome), afterBytes)
          assert.strictEqual(error.position?.samplesEmitted, afterBytes / 2)
          assert.isFalse(outcome.events.some(({ _tag }) => _tag === "Completed"))
          const next = yield* speak // whole, over a new socket
          assert.isTrue(Exit.isSuccess(next.exit))
          assert.strictEqual((yield* sockets).length, 2)
        }).pipe(Effect.provide(Live.layer({ live, client }))))
    }

    it.live(`${buffering}, a failure before any audio - is tried again, and all is heard`, () =>
      Effect.gen(function*() {
        const { inject } = yield* WavesEmulator.WavesEmulator
        const whole = yield* speak
        yield* inject({ faults: [{ _tag: "Close", code: 1011 }] })
        const again = yield* speak
        assert.isTrue(Exit.isSuccess(again.exit))
        assert.strictEqual(bytesIn(again), bytesIn(whole))
        assert.strictEqual((yield* sockets).length, 2)
      }).pipe(Effect.provide(Live.layer({ live }))))

    it.live(`${buffering}, no audio at all - is EmptyAudio`, () =>
      Effect.gen(function*() {
        const { inject } = yield* WavesEmulator.WavesEmulator
        yield* inject({ faults: [{ _tag: "EmptyAudio" }], times: 100 })
        assert.strictEqual(failureOf(yield* speak)._tag, "EmptyAudio")
      }).pipe(Effect.provide(Live.layer({ live: { ...live, retry: { maxRetries: 0 } } }))))

    it.live(
      `${buffering}, barge-in - the server sees it and the permit is free within 100 ms; nothing old is heard`,
      () =>
        Effect.gen(function*() {
          const { awaitRequest, inject } = yield* WavesEmulator.WavesEmulator
          const client = yield* WavesClient.WavesClient
          const whole = yield* speak
          let fastest = Infinity
          for (let i = 0; i < 3; i++) {
            yield* inject({ faults: [{ _tag: "SlowDrip", bytes: 4800, every: "20 millis" }] })
            const heard = yield* Deferred.make<void>()
            const fiber = yield* Effect.fork(
              Stream.runForEach(SpeechStream.fromText(tokens), () => Deferred.succeed(heard, undefined))
            )
            yield* Deferred.await(heard)
            const [elapsed] = yield* Effect.timed(Effect.gen(function*() {
              yield* Fiber.interrupt(fiber)
              yield* Effect.scoped(client.permit)
              yield* awaitRequest(({ outcome }) => outcome === "aborted")
            }))
            fastest = Math.min(fastest, Duration.toMillis(elapsed))
            const next = yield* speak
            assert.isTrue(Exit.isSuccess(next.exit))
            assert.strictEqual(bytesIn(next), bytesIn(whole))
          }
          assert.isBelow(fastest, 100)
        }).pipe(Effect.provide(Live.layer({ live }))),
      { retry: 4 }
    )
  }

  it.live("one permit - is shared with HTTP: neither runs beside the other", () =>
    Effect.gen(function*() {
      // The emulator refuses what the account may not.
      const spoken = yield* Effect.all([
        Effect.map(speak, ({ exit }) => Exit.asVoid(exit)),
        Effect.exit(Effect.asVoid(SpeechSynthesizer.synthesize({ text: "Over HTTP." }))),
        Effect.map(speak, ({ exit }) => Exit.asVoid(exit)),
        Effect.exit(Stream.runDrain(SpeechSynthesizer.stream({ text: "As events." })))
      ], { concurrency: "unbounded" })
      for (const exit of spoken) assert.isTrue(Exit.isSuccess(exit), String(exit))
      const { requests } = yield* WavesEmulator.WavesEmulator
      const said = (yield* requests).flatMap(({ messages }) => messages)
      assert.isAbove(said.length, 0)
    }).pipe(
      Effect.provide(Live.layer({
        live: { completeBackoff, retry: { maxRetries: 0 } },
        emulator: { concurrency: 1 }
      }))
    ))

  it.live("a wrong key - is InvalidApiKey with the server's words, and the key is in none of ours", () =>
    Effect.gen(function*() {
      const error = failureOf(yield* speak)
      assert.strictEqual(error._tag, "InvalidApiKey")
      assert.include(error.message, "unauthorized")
      assert.notInclude(JSON.stringify(error) + String(error) + Cause.pretty(Cause.fail(error)), Live.key)
      assert.strictEqual((yield* sockets).length, 1) // not tried again
    }).pipe(Effect.provide(Live.layer({ emulator: { apiKey: Redacted.make("sk_another") } }))))

  it.live("too many sockets - is RateLimited, and waits as long as the server asks", () =>
    Effect.gen(function*() {
      const { inject } = yield* WavesEmulator.WavesEmulator
      yield* inject({ faults: [{ _tag: "Status", status: 429, headers: { "retry-after-ms": "700" } }] })
      const [elapsed, outcome] = yield* Effect.timed(speak)
      assert.isTrue(Exit.isSuccess(outcome.exit))
      assert.isAbove(Duration.toMillis(elapsed), 690)
    }).pipe(Effect.provide(Live.layer({ live: { completeBackoff } }))))

  it.live("a voice that the server does not know - is UnknownVoice, and the next utterance is well", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Stream.runDrain(SpeechStream.events("Hello.", { voice: "nobody" })))
      const error = failureOf({ events: [], exit })
      assert.deepInclude(error, { _tag: "UnknownVoice", voice: "nobody" })
      assert.isTrue(Exit.isSuccess((yield* speak).exit))
    }).pipe(Effect.provide(Live.layer({ live: { completeBackoff } }))))

  for (const socketRequests of ["queue", "interleave"] as const) {
    it.live(
      `200 utterances over 20 sockets of a server that would ${socketRequests} - none is lost or mixed`,
      () =>
        Effect.gen(function*() {
          // The melody tells the text: the same text sounds the same.
          const texts = Array.from({ length: 200 }, (_, i) => `Number ${String.fromCharCode(97 + i % 26)}${i}.`)
          const pcmOf = (text: string) =>
            Effect.map(
              Stream.runCollect(SpeechStream.fromText(text)),
              (chunks) => Buffer.concat(Chunk.toArray(chunks).map(({ bytes }) => bytes)).toString("base64")
            )
          const alone = yield* pcmOf(texts[7] ?? "")
          const all = yield* Effect.forEach(texts, pcmOf, { concurrency: "unbounded" })
          assert.strictEqual(all[7], alone)
          assert.strictEqual(new Set(all).size, 200)
          assert.isAtMost((yield* sockets).length, 20)
        }).pipe(
          Effect.provide(Live.layer({
            live: { completeBackoff: "30 millis", poolSize: 20 },
            client: { concurrency: 20 },
            emulator: { assumptions: { socketRequests } }
          }))
        ),
      30_000
    )
  }

  it.live("captions - follow the server's words, in the spelling of the text, however slowly that is written", () =>
    Effect.gen(function*() {
      const text =
        "I paid $100 on Dec 25th. That was a lot of money for a lamp. It broke on the very next day, of course."
      for (const wait of [0, 15, 60]) {
        const slow = Stream.fromIterable(text.match(/\s*\S+/g) ?? []).pipe(
          Stream.rechunk(1),
          Stream.tap(() => Effect.sleep(wait))
        )
        const events = Chunk.toArray(yield* Stream.runCollect(SpeechStream.events(slow)))
        const cues = Chunk.toArray(yield* Stream.runCollect(Captions.cues(Stream.fromIterable(events))))
        assert.strictEqual(cues.map(({ text }) => text.replace("\n", " ")).join(" "), text)
        const times = cues.flatMap(({ end, start }) => [Duration.toMillis(start), Duration.toMillis(end)])
        assert.deepStrictEqual(times, times.toSorted((a, b) => a - b))
        // Each word is told in the segment that holds it.
        const segments = events.flatMap((event) => event._tag === "SegmentStarted" ? [event.text] : [])
        for (const event of events) {
          if (event._tag === "WordTimestamp") assert.include(segments[event.segment], event.word)
        }
      }
    }).pipe(Effect.provide(Live.layer({ live: { completeBackoff } }))))
})
