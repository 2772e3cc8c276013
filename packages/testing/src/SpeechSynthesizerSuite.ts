/**
 * The contract of the `SpeechSynthesizer` port as a test suite: authors of engines run it over their layer.
 *
 * It needs vitest and `@effect/vitest`, and runs in Node and in a browser.
 *
 * @since 0.1.0
 */
import * as Audio from "@effect-smallest/core/Audio"
import * as G711 from "@effect-smallest/core/G711"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import {
  type OutputFormat,
  type SpeechBytesRequest,
  type SpeechOptions,
  withOptions
} from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type { Voice } from "@effect-smallest/core/Voice"
import * as Wav from "@effect-smallest/core/Wav"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * What an engine is held to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * A text of several words in a language of the engine, of two seconds or more.
   * @default "The quick brown fox jumps over the lazy dog, and nobody is surprised."
   */
  readonly text?: string | undefined
  /**
   * Another text, of another length.
   * @default "Good morning."
   */
  readonly otherText?: string | undefined
  /**
   * A text of at least ten seconds, to be interrupted in the middle.
   * @default the first text, six times
   */
  readonly longText?: string | undefined
  /**
   * Whether the same request makes the same samples every time. If it does not, durations are compared instead, with
   * `tolerance`.
   * @default true
   */
  readonly isDeterministic?: boolean | undefined
  /**
   * How far a duration may be from the expected one, as a part of it: if the audio is not deterministic, and if
   * `speed` is an engine's own affair.
   * @default 0.25
   */
  readonly tolerance?: number | undefined
  /**
   * Whether the engine knows when words sound.
   * @default false
   */
  readonly wordTimestamps?: boolean | undefined
  /** An option that the engine does not have, such as `{ provider: { other: {} } }`; absent if it takes them all. */
  readonly unsupportedOption?: SpeechOptions | undefined
  /** A voice that the engine knows not to exist; absent if it cannot know. */
  readonly unknownVoice?: Voice | undefined
  /**
   * Whether `outputFormat: "mp3"` works. If it does not, it must fail as invalid.
   * @default false
   */
  readonly mp3?: boolean | undefined
  /**
   * How soon an engine must be free again after an interruption.
   * @default "1 second"
   */
  readonly interruptionLimit?: Duration.DurationInput | undefined
  /**
   * The limit of each test.
   * @default "1 minute"
   */
  readonly timeout?: Duration.DurationInput | undefined
}

const portableRates: ReadonlyArray<number> = [8000, 16000, 24000]

const formats: ReadonlyArray<OutputFormat> = ["wav", "pcm", "ulaw", "alaw"]

const seconds = (audio: Audio.Audio): number => Duration.toSeconds(audio.duration)

const assertNear = (actual: number, expected: number, tolerance: number, what: string) =>
  assert.isAtMost(Math.abs(actual - expected), expected * tolerance, `${what}: ${actual} is not about ${expected}`)

const assertSameBytes = (actual: Uint8Array, expected: Uint8Array, what: string) => {
  assert.strictEqual(actual.length, expected.length, `${what}: length`)
  assert.strictEqual(actual.findIndex((byte, i) => byte !== expected[i]), -1, `${what}: first different byte`)
}

const isSilent = (audio: Audio.Audio): boolean => Pcm.samples(audio).every((sample) => Math.abs(sample) < 100)

const collect = (
  stream: Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer>
): Effect.Effect<Audio.Audio, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer> =>
  // A stream that ends well has audio; one that has none is a defect of the engine, and the test should say so.
  Audio.fromStream(stream).pipe(Effect.catchTag("PcmError", Effect.die), Effect.flatMap(Effect.orDie))

const allEvents = (
  request: SpeechBytesRequest
): Effect.Effect<
  ReadonlyArray<SpeechEvent.SpeechEvent>,
  SpeechError.SpeechError,
  SpeechSynthesizer.SpeechSynthesizer
> => Effect.map(Stream.runCollect(SpeechSynthesizer.events(request)), Chunk.toReadonlyArray)

const failure = <A, R>(
  effect: Effect.Effect<A, SpeechError.SpeechError, R>
): Effect.Effect<SpeechError.SpeechError, never, R> =>
  Effect.flatMap(
    Effect.either(effect),
    (result) =>
      Either.isLeft(result) ? Effect.succeed(result.left) : Effect.dieMessage("It succeeded, but it should have failed")
  )

/** All ways to speak a request, as effects that fail as the way fails. */
const ways = (request: SpeechBytesRequest) => ({
  events: Effect.asVoid(allEvents(request)),
  stream: Stream.runDrain(SpeechSynthesizer.stream(request)),
  synthesize: Effect.asVoid(SpeechSynthesizer.synthesize(request)),
  bytes: Effect.asVoid(SpeechSynthesizer.bytes(request))
})

const parameterOf = (error: SpeechError.SpeechError): string =>
  error._tag === "InvalidSpeechRequest" ? error.parameter : error.message

const assertUsefulError = (error: SpeechError.SpeechError) => {
  assert.isTrue(SpeechError.isSpeechError(error), "it is a SpeechError")
  assert.isAbove(error.module.length, 0, "it names its module")
  assert.isAbove(error.method.length, 0, "it names its method")
  assert.match(error.message, /\w.*[.)]$/s, "its message is a sentence")
  const encoded = Schema.encodeSync(SpeechError.schema)(error)
  const back = Schema.decodeUnknownSync(SpeechError.schema)(JSON.parse(JSON.stringify(encoded)))
  assert.strictEqual(back.message, error.message, "it crosses processes as JSON")
  assert.deepStrictEqual(Schema.encodeSync(SpeechError.schema)(back), encoded, "it crosses processes as JSON")
}

/** Fails in every way with `InvalidSpeechRequest` of this parameter, and gives the errors. */
const assertInvalid = Effect.fnUntraced(function*(request: SpeechBytesRequest, ...parameters: ReadonlyArray<string>) {
  for (const [way, effect] of Object.entries(ways(request))) {
    const error = yield* failure(effect)
    assert.strictEqual(error._tag, "InvalidSpeechRequest", `${way}: ${error.message}`)
    assert.include(parameters, parameterOf(error), way)
    assert.isFalse(error.isRetryable, way)
    assertUsefulError(error)
  }
})

/**
 * Registers the contract as tests: order of events, equality of all ways to speak, formats, options and their
 * precedence, errors, interruption, concurrency. All tests share one instance of the layer, and no test needs the audio
 * to be heard.
 *
 * @example
 * ```ts
 * import { TestSpeechSynthesizer } from "@effect-smallest/testing"
 * import { SpeechSynthesizerSuite } from "@effect-smallest/testing/suites"
 *
 * SpeechSynthesizerSuite.suite("an engine of mine", TestSpeechSynthesizer.layer(), { wordTimestamps: true })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const suite = <A, E>(
  name: string,
  layer: Layer.Layer<SpeechSynthesizer.SpeechSynthesizer | A, E>,
  options: Options = {}
): void => {
  describe(name, () => {
    const {
      interruptionLimit = "1 second",
      isDeterministic = true,
      mp3 = false,
      otherText = "Good morning.",
      text = "The quick brown fox jumps over the lazy dog, and nobody is surprised.",
      timeout = "1 minute",
      tolerance = 0.25,
      unknownVoice,
      unsupportedOption,
      wordTimestamps = false
    } = options
    const longText = options.longText ?? Array.from({ length: 6 }, () => text).join(" ")

    const runtime = ManagedRuntime.make(layer)
    afterAll(() => runtime.dispose())

    const test = <B, E2>(
      behaviour: string,
      body: () => Effect.Effect<B, E2, SpeechSynthesizer.SpeechSynthesizer | Scope.Scope>,
      { retry }: { readonly retry: number } = { retry: 0 }
    ) => it.scopedLive(behaviour, () => Effect.provide(body(), runtime), { timeout: Duration.toMillis(timeout), retry })

    // A machine that is busy with something else may slow some attempts down; an engine that does not let go, all.
    const realTime = { retry: 4 }

    const assertSameAudio = (actual: Audio.Audio, expected: Audio.Audio, what: string) => {
      assert.deepStrictEqual(actual.format, expected.format, `${what}: format`)
      if (isDeterministic) assertSameBytes(actual.bytes, expected.bytes, what)
      else assertNear(seconds(actual), seconds(expected), tolerance, `${what}: seconds`)
    }

    // events

    test("events - begin with SegmentStarted, end with Completed, and report the true duration", () =>
      Effect.gen(function*() {
        const events = yield* allEvents({ text })
        const audio = events.filter(SpeechEvent.$is("AudioChunk"))
        const samples = audio.reduce((sum, { chunk }) => sum + Pcm.frames(chunk), 0)
        const [first] = events
        const last = events[events.length - 1]
        assert.isTrue(first?._tag === "SegmentStarted", "the first event")
        assert.isTrue(last?._tag === "Completed", "the last event")
        assert.lengthOf(events.filter(SpeechEvent.$is("Completed")), 1)
        assert.lengthOf(events.filter(SpeechEvent.$is("SegmentFailed")), 0)
        const { defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
        if (first?._tag === "SegmentStarted") {
          assert.strictEqual(first.segment, 0)
          assert.strictEqual(first.textOffset, 0)
          assert.strictEqual(Duration.toMillis(first.start), 0)
          assert.isTrue(text.startsWith(first.text), "the segment holds the text as written")
        }
        if (last?._tag === "Completed") {
          assert.closeTo(Duration.toSeconds(last.duration), samples / (defaults.sampleRate ?? 0), 0.001)
        }
      }))

    test("events - the segments are the text, in order", () =>
      Effect.gen(function*() {
        const segments = (yield* allEvents({ text })).filter(SpeechEvent.$is("SegmentStarted"))
        assert.strictEqual(segments.map((segment) => segment.text).join(""), text)
        assert.deepStrictEqual(segments.map(({ segment }) => segment), segments.map((_, i) => i))
        let offset = 0
        for (const segment of segments) {
          assert.strictEqual(segment.textOffset, offset)
          offset += segment.text.length
        }
      }))

    test("events - word times are those of words of the text, in order, inside the audio", () =>
      Effect.gen(function*() {
        const events = yield* allEvents({ text })
        const words = events.filter(SpeechEvent.$is("WordTimestamp"))
        if (!wordTimestamps) return assert.lengthOf(words, 0)
        assert.isAtLeast(words.length, text.split(/\s+/).length * 0.8, "nearly every word has a time")
        const end = events.filter(SpeechEvent.$is("Completed")).map(({ duration }) => Duration.toSeconds(duration))[0]
        let offset = 0
        let time = 0
        for (const { end: to, start: from, word } of words) {
          const at = text.indexOf(word, offset)
          assert.notStrictEqual(at, -1, `"${word}" stands in the text after the word before it`)
          offset = at + word.length
          assert.isAtLeast(Duration.toSeconds(from), time, `"${word}" starts after the word before it`)
          assert.isAtLeast(Duration.toSeconds(to), Duration.toSeconds(from), `"${word}" ends after it starts`)
          time = Duration.toSeconds(from)
        }
        assert.isAtMost(time, end ?? 0, "the last word starts inside the audio")
        return undefined
      }))

    test("events - every chunk holds whole frames of one format, and some audio", () =>
      Effect.gen(function*() {
        const chunks = (yield* allEvents({ text })).filter(SpeechEvent.$is("AudioChunk")).map(({ chunk }) => chunk)
        const { defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
        const format = Pcm.format(defaults.sampleRate ?? 0)
        assert.isAbove(chunks.length, 0)
        for (const chunk of chunks) {
          assert.deepStrictEqual(chunk.format, format)
          assert.isAbove(chunk.bytes.length, 0)
          assert.strictEqual(chunk.bytes.length % Pcm.frameSize(format), 0)
        }
      }))

    // stream, synthesize, bytes

    test("stream - is the audio of events", () =>
      Effect.gen(function*() {
        const streamed = yield* collect(SpeechSynthesizer.stream({ text }))
        const collected = yield* collect(SpeechEvent.pcm(SpeechSynthesizer.events({ text })))
        assertSameAudio(streamed, collected, "stream")
      }))

    test("synthesize - is the audio of stream, with its duration, and is not silent", () =>
      Effect.gen(function*() {
        const audio = yield* SpeechSynthesizer.synthesize({ text })
        assertSameAudio(audio, yield* collect(SpeechSynthesizer.stream({ text })), "synthesize")
        assert.closeTo(seconds(audio), audio.bytes.length / 2 / audio.format.sampleRate, 0.001)
        assert.isAbove(seconds(audio), 0.5)
        assert.isFalse(isSilent(audio))
      }))

    test("synthesize - different texts have different audio", () =>
      Effect.gen(function*() {
        const audio = yield* SpeechSynthesizer.synthesize({ text })
        const other = yield* SpeechSynthesizer.synthesize({ text: otherText })
        assert.notDeepEqual(audio.bytes, other.bytes)
      }))

    test("bytes - are a WAV file that states its true size, unless the request says otherwise", () =>
      Effect.gen(function*() {
        const audio = yield* SpeechSynthesizer.synthesize({ text })
        const file = yield* SpeechSynthesizer.bytes({ text })
        assertSameBytes(
          file.subarray(0, Wav.headerLength),
          Wav.header(audio.format, file.length - Wav.headerLength),
          "header"
        )
        assertSameAudio(yield* Wav.decode(file), audio, "wav")
        const raw = yield* SpeechSynthesizer.bytes({ text, outputFormat: "pcm" })
        assertSameAudio(Audio.unsafeMake(audio.format, raw), audio, "pcm")
      }))

    for (const outputFormat of formats) {
      test(`bytes - are made as ${outputFormat}`, () =>
        Effect.gen(function*() {
          const audio = yield* SpeechSynthesizer.synthesize({ text, sampleRate: 8000 })
          const bytes = yield* SpeechSynthesizer.bytes({ text, sampleRate: 8000, outputFormat })
          switch (outputFormat) {
            case "wav":
              return assertSameAudio(yield* Wav.decode(bytes), audio, outputFormat)
            case "pcm":
              return assertSameAudio(Audio.unsafeMake(audio.format, bytes), audio, outputFormat)
            case "alaw":
            case "ulaw": {
              const [decode, encode] = outputFormat === "alaw"
                ? [G711.decodeAlaw, G711.encodeAlaw]
                : [G711.decodeUlaw, G711.encodeUlaw]
              const companded = Audio.unsafeMake(
                audio.format,
                Pcm.fromSamples(audio.format, decode(encode(Pcm.samples(audio)))).bytes
              )
              const decoded = Audio.unsafeMake(audio.format, Pcm.fromSamples(audio.format, decode(bytes)).bytes)
              assert.isFalse(isSilent(decoded))
              return assertSameAudio(decoded, companded, outputFormat)
            }
          }
        }))
    }

    test(
      mp3 ? "bytes - are made as mp3" : "bytes - refuse mp3, which the engine does not make",
      () =>
        Effect.gen(function*() {
          const bytes = SpeechSynthesizer.bytes({ text, outputFormat: "mp3" })
          if (mp3) {
            const [first, second] = yield* bytes
            const isFrame = first === 0xff && ((second ?? 0) & 0xe0) === 0xe0
            const isTag = first === 0x49 && second === 0x44
            return assert.isTrue(isFrame || isTag, "it begins like an MP3 file")
          }
          const error = yield* failure(bytes)
          assert.strictEqual(error._tag, "InvalidSpeechRequest")
          assert.strictEqual(parameterOf(error), "outputFormat")
          return assertUsefulError(error)
        })
    )

    // options

    for (const sampleRate of portableRates) {
      test(`sampleRate - ${sampleRate} Hz is made and reported by every way`, () =>
        Effect.gen(function*() {
          const { defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
          const usual = yield* SpeechSynthesizer.synthesize({ text })
          const audio = yield* SpeechSynthesizer.synthesize({ text, sampleRate })
          const streamed = yield* collect(SpeechSynthesizer.stream({ text, sampleRate }))
          const file = yield* Effect.flatMap(SpeechSynthesizer.bytes({ text, sampleRate }), Wav.decode)
          for (const made of [audio, streamed, file]) {
            assert.deepStrictEqual(made.format, Pcm.format(sampleRate))
          }
          assertNear(seconds(audio), seconds(usual), 0.02, `seconds at ${sampleRate} and ${defaults.sampleRate} Hz`)
        }))
    }

    test("sampleRate - one that no engine makes fails as invalid", () =>
      Effect.zipRight(
        assertInvalid({ text, sampleRate: 7 }, "sampleRate"),
        assertInvalid({ text, sampleRate: 22050.5 }, "sampleRate")
      ))

    test("speed - divides the duration", () =>
      Effect.gen(function*() {
        const usual = seconds(yield* SpeechSynthesizer.synthesize({ text, speed: 1 }))
        const slow = yield* collect(SpeechSynthesizer.stream({ text, speed: 0.5 }))
        const fast = yield* SpeechSynthesizer.synthesize({ text, speed: 2 })
        assertNear(seconds(slow), usual * 2, tolerance, "seconds at speed 0.5")
        assertNear(seconds(fast), usual / 2, tolerance, "seconds at speed 2")
      }))

    test("speed - out of bounds fails as invalid", () =>
      Effect.forEach(
        [0.49, 2.01, 9, 0, -1, Number.NaN, Number.POSITIVE_INFINITY],
        (speed) => assertInvalid({ text, speed }, "speed")
      ))

    test("options - the request's go before the scope's, and those before the layer's", () =>
      Effect.gen(function*() {
        const { defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
        const rates = yield* Effect.all([
          SpeechSynthesizer.synthesize({ text: otherText }),
          withOptions(SpeechSynthesizer.synthesize({ text: otherText }), { sampleRate: 8000 }),
          withOptions(SpeechSynthesizer.synthesize({ text: otherText, sampleRate: 16000 }), { sampleRate: 8000 }),
          withOptions(SpeechSynthesizer.synthesize({ text: otherText, sampleRate: undefined }), { sampleRate: 8000 }),
          collect(withOptions(SpeechSynthesizer.stream({ text: otherText }), { sampleRate: 8000 })),
          collect(withOptions(SpeechSynthesizer.stream({ text: otherText, sampleRate: 16000 }), { sampleRate: 8000 })),
          collect(SpeechSynthesizer.stream({ text: otherText })).pipe(
            withOptions({ sampleRate: 8000 }),
            withOptions({ sampleRate: 16000 })
          )
        ])
        assert.deepStrictEqual(
          rates.map(({ format }) => format.sampleRate),
          [defaults.sampleRate, 8000, 16000, 8000, 8000, 16000, 8000]
        )
      }))

    test("removeExtraSilence - never lengthens the audio, and leaves the words", () =>
      Effect.gen(function*() {
        const whole = yield* SpeechSynthesizer.synthesize({ text, removeExtraSilence: false })
        const shortened = yield* SpeechSynthesizer.synthesize({ text, removeExtraSilence: true })
        const streamed = yield* collect(SpeechSynthesizer.stream({ text, removeExtraSilence: true }))
        assert.isAtMost(seconds(shortened), seconds(whole) * (isDeterministic ? 1 : 1 + tolerance))
        assert.isAbove(seconds(shortened), seconds(whole) / 2)
        assertSameAudio(streamed, shortened, "stream")
      }))

    if (unsupportedOption !== undefined) {
      const { provider = {}, ...others } = unsupportedOption
      for (const [parameter, value] of Object.entries(others)) {
        test(`options - ${parameter}, which the engine does not have, fails as invalid`, () =>
          assertInvalid({ text, [parameter]: value }, parameter))
      }
      for (const [name, value] of Object.entries(provider)) {
        test(`options - those of another engine, ${name}, fail as invalid`, () =>
          // A server between the two names the whole of them.
          assertInvalid({ text, provider: { [name]: value } }, `provider.${name}`, "provider"))
      }
    }

    // texts

    test("options - a name that does not exist fails as invalid", () => assertInvalid({ text, ...{ pace: 2 } }, "pace"))

    test("text - an empty or blank one fails as invalid", () =>
      Effect.forEach(["", " ", "\n\t \u00a0"], (blank) => assertInvalid({ text: blank }, "text")))

    test("text - one that is too long fails as invalid and points to SpeechStream.fromText", () =>
      Effect.gen(function*() {
        const { capabilities } = yield* SpeechSynthesizer.SpeechSynthesizer
        const { maxTextLength = Infinity } = capabilities
        if (maxTextLength === Infinity) return
        const tooLong = "word ".repeat(Math.ceil(maxTextLength / 5)) + "."
        yield* assertInvalid({ text: tooLong }, "text")
        const error = yield* failure(SpeechSynthesizer.synthesize({ text: tooLong }))
        assert.include(error.message, "SpeechStream.fromText")
      }))

    // voices, models, languages

    test("voices, models, languages - are not empty, and hold what the layer uses", () =>
      Effect.gen(function*() {
        const { defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
        const voices = yield* SpeechSynthesizer.voices
        const models = yield* SpeechSynthesizer.models
        const languages = yield* SpeechSynthesizer.languages
        assert.isAbove(voices.length, 0)
        assert.isAbove(models.length, 0)
        assert.isAbove(languages.length, 0)
        if (defaults.voice !== undefined) {
          assert.include(
            voices.map(({ id }) => id),
            defaults.voice
          )
        }
        if (defaults.model !== undefined) assert.include(models, defaults.model)
        for (const voice of voices) {
          assert.isAbove(voice.name.length, 0)
          for (const model of voice.models) assert.include<string>(models, model)
        }
      }))

    if (unknownVoice !== undefined) {
      test("voice - an unknown one fails with UnknownVoice and names some that exist", () =>
        Effect.gen(function*() {
          const voices = yield* SpeechSynthesizer.voices
          for (const [way, effect] of Object.entries(ways({ text, voice: unknownVoice }))) {
            const error = yield* failure(effect)
            assert.strictEqual(error._tag, "UnknownVoice", way)
            assertUsefulError(error)
            if (error._tag === "UnknownVoice") {
              assert.strictEqual(error.voice, unknownVoice)
              for (const available of error.available) {
                assert.include<string>(voices.map(({ id }) => id), available)
              }
            }
          }
        }))
    }

    // interruption, concurrency

    test(
      "interruption - in the middle of the audio ends at once, and the engine speaks the next request",
      () =>
        Effect.gen(function*() {
          const limit = Duration.toMillis(interruptionLimit)
          const isSpeaking = yield* Deferred.make<void>()
          const fiber = yield* SpeechSynthesizer.stream({ text: longText }).pipe(
            Stream.runForEach(() => Effect.zipRight(Deferred.succeed(isSpeaking, undefined), Effect.never)),
            Effect.fork
          )
          yield* Effect.race(Deferred.await(isSpeaking), Fiber.join(fiber))
          const [interrupted] = yield* Effect.timed(Fiber.interrupt(fiber))
          assert.isAtMost(Duration.toMillis(interrupted), limit, "milliseconds until it ended")
          const [after, audio] = yield* Effect.timed(SpeechSynthesizer.synthesize({ text: otherText }))
          assert.isFalse(isSilent(audio))
          assert.isAtMost(Duration.toMillis(after), limit + 1000 * seconds(audio), "milliseconds of the next request")
        }),
      realTime
    )

    test("interruption - before any audio leaves the engine usable", () =>
      Effect.gen(function*() {
        const expected = yield* SpeechSynthesizer.synthesize({ text: otherText })
        const fiber = yield* Effect.fork(SpeechSynthesizer.synthesize({ text: longText }))
        yield* Effect.yieldNow()
        const [interrupted] = yield* Effect.timed(Fiber.interrupt(fiber))
        assert.isAtMost(Duration.toMillis(interrupted), Duration.toMillis(interruptionLimit))
        assertSameAudio(yield* SpeechSynthesizer.synthesize({ text: otherText }), expected, "the next request")
      }), realTime)

    test("stream - a listener that takes only the beginning ends it, and the engine speaks the next request", () =>
      Effect.gen(function*() {
        const chunks = yield* Stream.runCollect(Stream.take(SpeechSynthesizer.stream({ text: longText }), 1))
        assert.strictEqual(chunks.length, 1)
        assert.isFalse(isSilent(yield* SpeechSynthesizer.synthesize({ text: otherText })))
      }))

    test("concurrency - two requests at once do not mix", () =>
      Effect.gen(function*() {
        const inTurn = yield* Effect.forEach([text, otherText], (text) => SpeechSynthesizer.synthesize({ text }))
        const atOnce = yield* Effect.forEach([text, otherText], (text) => collect(SpeechSynthesizer.stream({ text })), {
          concurrency: 2
        })
        for (const [i, audio] of atOnce.entries()) {
          const expected = inTurn[i]
          if (expected !== undefined) assertSameAudio(audio, expected, `request ${i}`)
        }
      }))

    test("stream - is a description: running it twice speaks twice", () =>
      Effect.gen(function*() {
        const stream = SpeechSynthesizer.stream({ text: otherText })
        assertSameAudio(yield* collect(stream), yield* collect(stream), "the second run")
      }))
  })
}
