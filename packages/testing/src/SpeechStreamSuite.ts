/**
 * The contract of the `SpeechStream` port as a test suite: authors of speech streams run it over their layer.
 *
 * It needs vitest and `@effect/vitest`, and runs in Node and in a browser.
 *
 * @since 0.1.0
 */
import * as Pcm from "@effect-smallest/core/Pcm"
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import { withOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechStream from "@effect-smallest/stream/SpeechStream"
import * as SpeechText from "@effect-smallest/stream/SpeechText"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * What can be seen of the engine or the server behind the layer. Its effects may use services that the layer provides
 * beside `SpeechStream`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Probe<A> {
  /** How many requests were made so far. */
  readonly requests: Effect.Effect<number, never, A>
  /** How many of them are still being worked on. */
  readonly running: Effect.Effect<number, never, A>
  /** Lets the next requests fail before any audio, with an error that is retryable. */
  readonly failNext: (times: number) => Effect.Effect<void, never, A>
}

/**
 * What an implementation is held to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<A = never> {
  /** Shows what happens behind the layer. Without it, the tests of requests are left out. */
  readonly probe?: Probe<A> | undefined
  /**
   * Whether each sentence is a segment and a request of its own. If it is not, the server decides the phrasing.
   * @default true
   */
  readonly isSegmented?: boolean | undefined
  /**
   * Whether the same text makes the same samples every time.
   * @default true
   */
  readonly isDeterministic?: boolean | undefined
  /**
   * Whether the engine knows when words sound.
   * @default false
   */
  readonly wordTimestamps?: boolean | undefined
  /**
   * How soon after an interruption nothing may run any more. The fastest of three tries counts, and of ten if a
   * machine is busy with something else.
   * @default "1 second"
   */
  readonly interruptionLimit?: Duration.DurationInput | undefined
  /**
   * The limit of each test.
   * @default "1 minute"
   */
  readonly timeout?: Duration.DurationInput | undefined
}

const sentences = [
  "The first sentence is short. ",
  "The second one is a little longer, and it has a comma. ",
  "Here is the third. ",
  "And that is all."
] as const

const text = sentences.join("")

const words = (text: string): ReadonlyArray<string> => text.match(/\s*\S+/g) ?? []

const tokens = Stream.fromIterable(words(text)).pipe(Stream.rechunk(1))

class TextFailure {
  readonly _tag = "TextFailure"
}

const samplesIn = (chunks: Iterable<Pcm.PcmChunk>): number =>
  Array.from(chunks).reduce((sum, chunk) => sum + Pcm.frames(chunk), 0)

const audioIn = (events: ReadonlyArray<SpeechEvent.SpeechEvent>): ReadonlyArray<Pcm.PcmChunk> =>
  events.filter(SpeechEvent.$is("AudioChunk")).map(({ chunk }) => chunk)

const segmentsIn = (events: ReadonlyArray<SpeechEvent.SpeechEvent>) => events.filter(SpeechEvent.$is("SegmentStarted"))

const allEvents = <E = never, R = never>(source: SpeechStream.TextSource<E, R>) =>
  Effect.map(Stream.runCollect(SpeechStream.events(source)), Chunk.toReadonlyArray)

const allAudio = <E = never, R = never>(source: SpeechStream.TextSource<E, R>) =>
  Effect.map(Stream.runCollect(SpeechStream.fromText(source)), Chunk.toReadonlyArray)

const assertSameBytes = (actual: ReadonlyArray<Pcm.PcmChunk>, expected: ReadonlyArray<Pcm.PcmChunk>) => {
  const [a, b] = [actual, expected].map((chunks) => Pcm.concatBytes(chunks.map((chunk) => chunk.bytes)))
  assert.strictEqual(a?.length, b?.length, "bytes of audio")
  assert.strictEqual(a?.findIndex((byte, i) => byte !== b?.[i]), -1, "the first different byte")
}

const letters = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, "")

// Every letter of the text is in one segment, in order, and each segment stands where it says.
const assertSpoken = (events: ReadonlyArray<SpeechEvent.SpeechEvent>, text: string) => {
  const segments = segmentsIn(events)
  for (const segment of segments) {
    assert.strictEqual(text.slice(segment.textOffset, segment.textOffset + segment.text.length), segment.text)
  }
  assert.deepStrictEqual(segments.map(({ segment }) => segment), segments.map((_, i) => i), "segments are numbered")
  assert.strictEqual(letters(segments.map((segment) => segment.text).join("")), letters(text))
  assert.lengthOf(events.filter(SpeechEvent.$is("SegmentFailed")), 0)
}

const assertTimeline = (events: ReadonlyArray<SpeechEvent.SpeechEvent>) => {
  let samples = 0
  let sampleRate = 1
  for (const event of events) {
    if (event._tag === "AudioChunk") {
      samples += Pcm.frames(event.chunk)
      sampleRate = event.chunk.format.sampleRate
    }
    if (event._tag === "SegmentStarted") {
      assert.closeTo(
        Duration.toSeconds(event.start),
        samples / sampleRate,
        0.001,
        "a segment starts where its audio does"
      )
    }
  }
  const last = events[events.length - 1]
  assert.lengthOf(events.filter(SpeechEvent.$is("Completed")), 1)
  assert.isTrue(last?._tag === "Completed", "the last event")
  if (last?._tag === "Completed") {
    assert.closeTo(Duration.toSeconds(last.duration), samples / sampleRate, 0.001, "the duration is that of the audio")
  }
}

/**
 * Registers the contract as tests: order, growing text, failure of the text, interruption at every stage, back-pressure,
 * retries. All tests share one instance of the layer.
 *
 * @example
 * ```ts
 * import { SpeechStream } from "@effect-smallest/stream"
 * import { TestSpeechSynthesizer } from "@effect-smallest/testing"
 * import { SpeechStreamSuite } from "@effect-smallest/testing/suites"
 * import { Layer } from "effect"
 *
 * SpeechStreamSuite.suite(
 *   "a way to speak of mine",
 *   SpeechStream.layerSegmented().pipe(Layer.provide(TestSpeechSynthesizer.layer())),
 *   { wordTimestamps: true }
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const suite = <A, E>(
  name: string,
  layer: Layer.Layer<SpeechStream.SpeechStream | A, E>,
  options: Options<A> = {}
): void => {
  describe(name, () => {
    const {
      interruptionLimit = "1 second",
      isDeterministic = true,
      isSegmented = true,
      probe,
      timeout = "1 minute",
      wordTimestamps = false
    } = options

    const runtime = ManagedRuntime.make(layer)
    afterAll(() => runtime.dispose())

    const test = <B, E2>(
      behaviour: string,
      body: () => Effect.Effect<B, E2, SpeechStream.SpeechStream | A | Scope.Scope>
    ) => it.scopedLive(behaviour, () => Effect.provide(body(), runtime), Duration.toMillis(timeout))

    // Tests that ask the engine what it was asked.
    const probed = <B, E2>(
      behaviour: string,
      body: (probe: Probe<A>) => Effect.Effect<B, E2, SpeechStream.SpeechStream | A | Scope.Scope>
    ) => probe === undefined ? undefined : test(behaviour, () => body(probe))

    const untilIdle: Effect.Effect<void, never, A> = probe === undefined
      ? Effect.void
      : Effect.repeat(Effect.zipLeft(probe.running, Effect.sleep("2 millis")), { until: (running) => running === 0 })

    // order

    test("events - segments, audio and the end lie on one timeline, and all of the text is spoken", () =>
      Effect.gen(function*() {
        const events = yield* allEvents(text)
        assertSpoken(events, text)
        assertTimeline(events)
        assert.isAbove(samplesIn(audioIn(events)), 0)
        if (isSegmented) assert.deepStrictEqual(segmentsIn(events).map((segment) => segment.text), [...sentences])
      }))

    test("events - chunks hold whole frames of one format", () =>
      Effect.gen(function*() {
        const [first, ...rest] = audioIn(yield* allEvents(text))
        assert.isDefined(first)
        for (const chunk of rest) {
          assert.deepStrictEqual(chunk.format, first?.format)
          assert.isAbove(chunk.bytes.length, 0)
          assert.strictEqual(chunk.bytes.length % Pcm.frameSize(chunk.format), 0)
        }
      }))

    test("events - words have their times, in order, inside the audio", () =>
      Effect.gen(function*() {
        const events = yield* allEvents(text)
        const times = events.filter(SpeechEvent.$is("WordTimestamp"))
        if (!wordTimestamps) return assert.lengthOf(times, 0)
        assert.isAtLeast(times.length, words(text).length * 0.8, "nearly every word has a time")
        let before = 0
        for (const { end, start, word } of times) {
          assert.isAtLeast(Duration.toMillis(start), before, `"${word}" starts after the word before it`)
          assert.isAtLeast(Duration.toMillis(end), Duration.toMillis(start), `"${word}" ends after it starts`)
          before = Duration.toMillis(start)
        }
        const audio = audioIn(events)
        assert.isAtMost(before, 1000 * samplesIn(audio) / (audio[0]?.format.sampleRate ?? 1))
        return undefined
      }))

    test("fromText - is the audio of events, from a string and from any pieces of it", () =>
      Effect.gen(function*() {
        const expected = audioIn(yield* allEvents(text))
        const sources: ReadonlyArray<SpeechStream.TextSource<never, never>> = [
          text,
          tokens,
          Stream.fromIterable(text),
          Stream.make("", text.slice(0, 17), text.slice(17), "")
        ]
        for (const source of sources) {
          const audio = yield* allAudio(source)
          if (isDeterministic && isSegmented) assertSameBytes(audio, expected)
          else assert.isAbove(samplesIn(audio), 0)
        }
      }))

    test("fromText - speaks many texts at once, and each alone", () =>
      Effect.gen(function*() {
        const texts = [text, sentences[1] + sentences[2], sentences[3]]
        const all = yield* Effect.forEach(texts, (text) => allEvents(text), { concurrency: "unbounded" })
        for (const [i, events] of all.entries()) {
          assertSpoken(events, texts[i] ?? "")
          assertTimeline(events)
        }
      }))

    // growing text

    test("growing text - sounds before it is finished", () =>
      Effect.gen(function*() {
        const heard = yield* Deferred.make<void>()
        const growing = Stream.make(sentences[0], "And then ").pipe(
          Stream.rechunk(1),
          Stream.concat(Stream.fromEffect(Effect.as(Deferred.await(heard), "we spoke.")))
        )
        const events: Array<SpeechEvent.SpeechEvent> = []
        yield* Stream.runForEach(SpeechStream.events(growing), (event) => {
          events.push(event)
          return event._tag === "AudioChunk" ? Deferred.succeed(heard, undefined) : Effect.void
        })
        assertSpoken(events, `${sentences[0]}And then we spoke.`)
        assertTimeline(events)
      }))

    test("growing text - sounds at a flush, and continues", () =>
      Effect.gen(function*() {
        const heard = yield* Deferred.make<void>()
        const growing: Stream.Stream<SpeechText.Input> = Stream.make<Array<SpeechText.Input>>(
          "Let me look that up",
          SpeechText.flush
        ).pipe(
          Stream.rechunk(1),
          Stream.concat(Stream.fromEffect(Effect.as(Deferred.await(heard), " It is here.")))
        )
        const events: Array<SpeechEvent.SpeechEvent> = []
        yield* Stream.runForEach(SpeechStream.events(growing), (event) => {
          events.push(event)
          return event._tag === "AudioChunk" ? Deferred.succeed(heard, undefined) : Effect.void
        })
        assertSpoken(events, "Let me look that up It is here.")
      }))

    test("growing text - a slow writer loses nothing", () =>
      Effect.gen(function*() {
        const slow = Stream.mapEffect(tokens, (token) => Effect.as(Effect.sleep("15 millis"), token))
        const events = yield* allEvents(slow)
        assertSpoken(events, text)
        assertTimeline(events)
      }))

    test("growing text - a slow listener slows the writer", () =>
      Effect.gen(function*() {
        let written = 0
        const endless = Stream.repeatEffect(Effect.sync(() => {
          written += 1
          return sentences[written % sentences.length] ?? ""
        })).pipe(Stream.rechunk(1))
        const begun = yield* Deferred.make<void>()
        yield* SpeechStream.fromText(endless).pipe(
          Stream.runForEach(() => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)),
          Effect.forkScoped
        )
        yield* Deferred.await(begun)
        const settles: Effect.Effect<void> = Effect.suspend(() => {
          const before = written
          return Effect.flatMap(Effect.sleep("500 millis"), () => written === before ? Effect.void : settles)
        })
        yield* settles
        assert.isAtMost(written, 500, "sentences that were read ahead of the listener")
      }))

    // what is not spoken

    test("no text, blanks and marks - no audio, and a good end", () =>
      Effect.gen(function*() {
        const before = probe === undefined ? 0 : yield* probe.requests
        for (const silent of ["", " \n\t ", "... -- ***", Stream.empty, Stream.make("", " ", "\n")]) {
          const events = yield* allEvents(silent)
          assert.deepStrictEqual(events.map((event) => event._tag), ["Completed"])
        }
        if (probe !== undefined && isSegmented) assert.strictEqual(yield* probe.requests, before, "requests")
      }))

    probed("blanks between sentences - cause no requests", (probe) =>
      Effect.gen(function*() {
        if (!isSegmented) return
        const before = yield* probe.requests
        const spaced = Stream.make("\n", "One here.", "\n\n", " ", "\n", "Two there.", "\n", " ")
        assertSpoken(yield* allEvents(spaced), "\nOne here.\n\n \nTwo there.\n ")
        assert.strictEqual((yield* probe.requests) - before, 2)
      }))

    // options

    test("options - of the call and of the scope reach the voice", () =>
      Effect.gen(function*() {
        const seconds = (chunks: Iterable<Pcm.PcmChunk>) =>
          Array.from(chunks).reduce((sum, chunk) => sum + Duration.toSeconds(Pcm.duration(chunk)), 0)
        const normal = seconds(yield* allAudio(text))
        const fast = seconds(yield* Stream.runCollect(SpeechStream.fromText(text, { speed: 1.6 })))
        const slow = seconds(yield* Stream.runCollect(withOptions(SpeechStream.fromText(text), { speed: 0.7 })))
        assert.isBelow(fast, normal * 0.85)
        assert.isAbove(slow, normal * 1.15)
        const [chunk] = yield* Stream.runCollect(Stream.take(SpeechStream.fromText(tokens, { sampleRate: 8000 }), 1))
        assert.deepStrictEqual(chunk?.format, Pcm.format(8000))
      }))

    test("options - one out of bounds fails before any audio", () =>
      Effect.gen(function*() {
        const events: Array<SpeechEvent.SpeechEvent> = []
        const error: SpeechError.SpeechError = yield* Effect.flip(
          Stream.runForEach(
            SpeechStream.events(tokens, { speed: 9 }),
            (event) => Effect.sync(() => events.push(event))
          )
        )
        assert.strictEqual(error._tag, "InvalidSpeechRequest")
        assert.propertyVal(error, "parameter", "speed")
        assert.lengthOf(events, 0)
      }))

    // failure of the text

    test("a text that fails - fails the audio with its error, after what was written", () =>
      Effect.gen(function*() {
        const events: Array<SpeechEvent.SpeechEvent> = []
        const failing = Stream.concat(Stream.make(sentences[0], sentences[2]), Stream.fail(new TextFailure()))
        const exit = yield* Effect.exit(
          Stream.runForEach(SpeechStream.events(failing), (event) => Effect.sync(() => events.push(event)))
        )
        assert.deepStrictEqual(exit, Exit.fail(new TextFailure()))
        assert.lengthOf(events.filter(SpeechEvent.$is("Completed")), 0)
        if (isSegmented) assertSpoken(events, sentences[0] + sentences[2])
      }))

    test("a text that fails at once - fails the audio", () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(allAudio(Stream.fail(new TextFailure())))
        assert.deepStrictEqual(exit, Exit.fail(new TextFailure()))
      }))

    // interruption

    const stages: Record<string, {
      readonly source: Stream.Stream<string>
      /** Whether enough has been heard, by the number of chunks. */
      readonly after: number
    }> = {
      "before any text": { source: Stream.never, after: 0 },
      "before the first audio": { source: Stream.concat(tokens, Stream.never), after: 0 },
      "at the first audio": { source: Stream.concat(tokens, Stream.never), after: 1 },
      "in the middle": { source: Stream.forever(tokens), after: 4 },
      "while the writer is silent": { source: Stream.concat(Stream.make(sentences[0]), Stream.never), after: 1 }
    }

    for (const [stage, { after, source }] of Object.entries(stages)) {
      test(`interruption ${stage} - ends the reading of the text and all requests`, () =>
        Effect.gen(function*() {
          const once = Effect.gen(function*() {
            const isClosed = yield* Ref.make(false)
            const reached = yield* Deferred.make<void>()
            let heard = 0
            const fiber = yield* SpeechStream.fromText(Stream.ensuring(source, Ref.set(isClosed, true))).pipe(
              Stream.runForEach(() => {
                heard += 1
                return heard >= after ? Deferred.succeed(reached, undefined) : Effect.void
              }),
              Effect.fork
            )
            yield* after === 0 ? Effect.sleep("20 millis") : Deferred.await(reached)
            const [took] = yield* Effect.timed(Effect.zipRight(Fiber.interrupt(fiber), untilIdle))
            assert.isTrue(yield* Ref.get(isClosed), "the text source is closed")
            return Duration.toMillis(took)
          })
          const limit = Duration.toMillis(interruptionLimit)
          let fastest = Infinity
          for (let tries = 0; tries < 3 || (tries < 10 && fastest > limit); tries++) {
            fastest = Math.min(fastest, yield* once)
          }
          assert.isAtMost(fastest, limit, "milliseconds until nothing runs")
          if (probe !== undefined) {
            // A request that was on its way may still reach a server.
            yield* Effect.sleep("100 millis")
            yield* untilIdle
            const before = yield* probe.requests
            yield* Effect.sleep("100 millis")
            assert.strictEqual(yield* probe.requests, before, "nothing begins afterwards")
          }
          assert.isAbove(samplesIn(yield* allAudio(sentences[2])), 0, "the next text is spoken")
        }))
    }

    test("a listener that has enough - ends the reading of the text and all requests", () =>
      Effect.gen(function*() {
        const isClosed = yield* Ref.make(false)
        const endless = Stream.ensuring(Stream.forever(tokens), Ref.set(isClosed, true))
        yield* Stream.runDrain(Stream.take(SpeechStream.fromText(endless), 2))
        yield* untilIdle
        assert.isTrue(yield* Ref.get(isClosed))
      }))

    // retries

    probed(
      "a request that fails before any sound - is made again, and the listener does not notice",
      (probe) =>
        Effect.gen(function*() {
          const expected = yield* allAudio(sentences[2])
          const before = yield* probe.requests
          yield* probe.failNext(2)
          const audio = yield* allAudio(sentences[2])
          assert.strictEqual((yield* probe.requests) - before, 3, "requests")
          if (isDeterministic) assertSameBytes(audio, expected)
          else assert.isAbove(samplesIn(audio), 0)
        })
    )
  })
}
