/** A script of a hundred parts for three voices, as a listener in real time hears it. */
import { Pcm } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { type SpeechScript, SpeechStream } from "@effect-smallest/stream"
import { doneEvent, eventStream, fakeHttp, timed } from "@effect-smallest/test-support/fakeHttp"
import { listen, segmentsOf, simulate } from "@effect-smallest/test-support/scriptedEngine"
import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { FetchHttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Redacted, Schema, Stream } from "effect"

const permits = 3

const Body = Schema.Struct({ text: Schema.String, voice_id: Schema.String })

const voices = ["meher", "rhea", "kareena"]

const script: ReadonlyArray<SpeechScript.Line> = Array.from({ length: 100 }, (_, i) => ({
  text: `This is part ${i}.`,
  voice: voices[i % voices.length]
}))

// The network: how long a part's first audio takes, how long it sounds, and that it comes at three times real time, in milliseconds.
const latencyOf = (part: number): number => part === 0 ? 200 : 100 + part * 7919 % 1100

const lengthOf = (part: number): number => 500 + part * 104729 % 2500

const step = 250

const pace = 3

const event = (length: number) => {
  const samples = Int16Array.from({ length: length * 8 }, (_, i) => Math.round(6000 * Math.sin(i / 3)))
  const audio = Buffer.from(samples.buffer).toString("base64")
  return new TextEncoder().encode(`event: audio\ndata: {"audio":"${audio}","done":false,"status":"206"}\n\n`)
}

const answer = (part: number) => {
  const length = lengthOf(part)
  const pieces = Array.from({ length: Math.ceil(length / step) }, (_, i) => Math.min(step, length - i * step))
  return eventStream(timed(
    ...pieces.map((piece, i) => [i === 0 ? latencyOf(part) : piece / pace, event(piece)] as const),
    [0, doneEvent]
  ))
}

// When a listener in real time hears each part, if every permit and every slot is used at once, and nothing but the network takes time.
const ideal = (): ReadonlyArray<number> => {
  const heard: Array<{ readonly start: number; readonly end: number }> = []
  const answered: Array<number> = []
  script.forEach((_, part) => {
    const before = heard[part - permits]
    const asked = Math.max(before?.end ?? 0, answered[part - permits] ?? 0)
    const ready = asked + latencyOf(part)
    const length = lengthOf(part)
    answered.push(ready + (length - Math.min(step, length)) / pace)
    const start = Math.max(heard.at(-1)?.end ?? 0, ready)
    heard.push({ start, end: start + length })
  })
  return heard.map(({ start }) => start)
}

const layerSpeech = (baseUrl: string) =>
  SpeechStream.layerSegmented({ prefetch: permits - 1 }).pipe(
    Layer.provide(WavesSpeechSynthesizer.layer({ sampleRate: 8000 })),
    Layer.provide(WavesClient.layer({ apiKey: Redacted.make("sk_test"), baseUrl, concurrency: permits }))
  )

describe("a script of a hundred parts for three voices over three permits", () => {
  it.effect("has its first audio as soon as the network lets it, and no gap that the network does not explain", () =>
    Effect.gen(function*() {
      const { exchanges, layer } = fakeHttp(({ json }) =>
        Effect.sync(() => answer(script.findIndex((part) => part.text === json["text"])))
      )
      const starts: Array<number> = []
      let part: number | undefined
      const heard = SpeechStream.scriptEvents(script).pipe(
        Stream.runForEach((event) =>
          Effect.gen(function*() {
            if (event._tag === "SegmentStarted") part = event.part
            if (event._tag !== "AudioChunk") return
            if (part !== undefined) starts[part] ??= yield* Clock.currentTimeMillis
            yield* Effect.sleep(Pcm.duration(event.chunk))
          })
        )
      )
      yield* simulate(Effect.provide(heard, Layer.provide(layerSpeech("http://fake.test"), layer)))
      assert.strictEqual(exchanges.length, script.length)
      const expected = ideal()
      assert.isAtMost(starts[0] ?? Infinity, 1.05 * (expected[0] ?? 0))
      starts.forEach((start, part) => assert.closeTo(start, expected[part] ?? 0, 20, `part ${part}`))
    }))

  it.scopedLive("is spoken in order by the emulator, each part once and by its voice, without a refusal", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* WavesEmulator.WavesEmulator
      const heard = yield* listen(SpeechStream.scriptEvents(script)).pipe(Effect.provide(layerSpeech(url)))
      assert.deepStrictEqual(segmentsOf(heard).map(({ part }) => part), script.map((_, part) => part))
      const sent = yield* requests
      assert.strictEqual(sent.length, script.length)
      assert.sameDeepMembers(
        sent.map(({ body, status }) => ({ ...Schema.decodeUnknownSync(Body)(body), status })),
        script.map((part) => ({ text: part.text, voice_id: part.voice ?? "", status: 200 }))
      )
    }).pipe(Effect.provide([
      WavesEmulator.layer({ engine: "tone", concurrency: permits }),
      FetchHttpClient.layer
    ])))
})
