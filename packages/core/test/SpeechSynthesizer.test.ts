import type { SpeechRequest } from "@effect-smallest/core"
import { G711, Pcm, SpeechEngine, SpeechError, SpeechEvent, SpeechSynthesizer, Wav } from "@effect-smallest/core"
import { assertSame, concatSamples, cutAt, cuts } from "@effect-smallest/test-support/pcm"
import { assert, describe, it } from "@effect/vitest"
import type { Layer } from "effect"
import { Chunk, Duration, Effect, Either, FastCheck, Fiber, Option, Ref, Schema, Stream, TestClock } from "effect"
import { completed, failure, heard, lateFailure, plain, scripted, silentFailure, sound, started } from "./fakeEngine.js"

const spoken = Int16Array.from({ length: 240 }, (_, i) => Math.floor(i / 80) + 1)

/** The refusal of a request; undefined, and a failed assertion, for anything else. */
const invalid = <A>(effect: Effect.Effect<A, SpeechError.SpeechError>) =>
  Effect.map(Effect.either(effect), (result) => {
    const error = Either.isLeft(result) ? result.left : undefined
    assert.strictEqual(error?._tag, "InvalidSpeechRequest")
    return error?._tag === "InvalidSpeechRequest" ? error : undefined
  })

describe("SpeechSynthesizer.make", () => {
  it.effect("events, stream, synthesize and bytes carry the same audio", () =>
    Effect.gen(function*() {
      const { service } = scripted([plain])
      const events = Chunk.toReadonlyArray(yield* Stream.runCollect(service.events({ text: "Hi." })))
      assert.deepStrictEqual(events.map((event) => event._tag), [
        "SegmentStarted",
        "AudioChunk",
        "AudioChunk",
        "AudioChunk",
        "Completed"
      ])
      const chunks = yield* Stream.runCollect(service.stream({ text: "Hi." }))
      assertSame(concatSamples(Chunk.map(chunks, Pcm.samples)), spoken)
      const audio = yield* service.synthesize({ text: "Hi." })
      assertSame(Pcm.samples(audio), spoken)
      assert.deepStrictEqual(audio.format, Pcm.format(8000))
      assert.strictEqual(Duration.toMillis(audio.duration), 30)
      const wav = Either.getOrThrow(Wav.decode(yield* service.bytes({ text: "Hi." })))
      assertSame(Pcm.samples(wav), spoken)
      assert.deepStrictEqual(wav.format, Pcm.format(8000))
    }))

  it.effect("bytes makes every format of PCM itself", () =>
    Effect.gen(function*() {
      const { service } = scripted([plain])
      const raw = new Uint8Array(spoken.buffer)
      const bytes = (request: Omit<SpeechRequest.SpeechBytesRequest, "text">) =>
        service.bytes({ text: "Hi.", ...request })
      assertSame((yield* bytes({ outputFormat: "wav" })).subarray(44), raw)
      assertSame(yield* bytes({ outputFormat: "pcm" }), raw)
      assertSame(yield* bytes({ outputFormat: "ulaw" }), G711.encodeUlaw(spoken))
      assertSame(yield* bytes({ outputFormat: "alaw" }), G711.encodeAlaw(spoken))
    }))

  it.effect("an engine decides the format of bytes, unless the request does", () =>
    Effect.gen(function*() {
      const { service } = scripted([plain], { outputFormat: ({ speed }) => speed === 2 ? "pcm" : "wav" })
      assert.strictEqual((yield* service.bytes({ text: "Hi." })).length, 524)
      assert.strictEqual((yield* service.bytes({ text: "Hi.", speed: 2 })).length, 480)
      assert.strictEqual((yield* service.bytes({ text: "Hi.", speed: 2, outputFormat: "wav" })).length, 524)
    }))

  it.effect("MP3 comes from the engine, or not at all", () =>
    Effect.gen(function*() {
      const without = yield* invalid(scripted([plain]).service.bytes({ text: "Hi.", outputFormat: "mp3" }))
      assert.strictEqual(without?.parameter, "outputFormat")
      assert.match(without?.message ?? "", /wav, pcm, ulaw and alaw/)
      const { requests, service } = scripted([plain], {
        mp3: (request) => Effect.succeed(new TextEncoder().encode(`mp3 of ${request.text} at ${request.sampleRate}`))
      })
      const bytes = yield* service.bytes({ text: "Hi.", outputFormat: "mp3", sampleRate: 16000 })
      assert.strictEqual(new TextDecoder().decode(bytes), "mp3 of Hi. at 16000")
      assert.strictEqual(requests.length, 0)
    }))

  it.effect("a cheaper way into memory is used where the engine has one, unless pauses are shortened here", () =>
    Effect.gen(function*() {
      const whole = Pcm.fromSamples(Pcm.format(8000), Int16Array.of(5, 6))
      const { requests, service } = scripted([plain], {
        synthesize: () => Effect.succeed({ ...whole, duration: Pcm.duration(whole) })
      })
      assert.deepStrictEqual(Array.from(Pcm.samples(yield* service.synthesize({ text: "Hi." }))), [5, 6])
      assert.strictEqual((yield* service.bytes({ text: "Hi.", outputFormat: "pcm" })).length, 4)
      assert.strictEqual(requests.length, 0)
      assert.strictEqual((yield* service.synthesize({ text: "Hi.", removeExtraSilence: true })).bytes.length, 480)
      assert.strictEqual(requests.length, 1)
    }))

  it.effect("an engine that makes no audio is an error on every way", () =>
    Effect.gen(function*() {
      const silent: ReadonlyArray<SpeechEngine.Engine["events"]> = [
        () => Stream.make(completed(0)),
        (request) => Stream.make(started(request), completed(0)),
        (request) => Stream.make(sound(request, 0, 0), completed(0)).pipe(Stream.rechunk(1))
      ]
      for (const events of silent) {
        const { service } = scripted([events])
        for (
          const effect of [
            service.synthesize({ text: "Hi." }),
            service.bytes({ text: "Hi." }),
            Stream.runDrain(service.stream({ text: "Hi." })),
            Stream.runDrain(service.events({ text: "Hi." }))
          ]
        ) {
          const result = yield* Effect.either<unknown, SpeechError.SpeechError, never>(effect)
          assert.strictEqual(Either.isLeft(result) && result.left._tag, "EmptyAudio")
        }
      }
    }))

  it.effect("audio leaves as soon as it exists", () =>
    Effect.gen(function*() {
      const { service } = scripted([
        (request) => Stream.concat(Stream.make(started(request), sound(request, 1)), Stream.never)
      ])
      const first = yield* Stream.runHead(service.stream({ text: "Hi." }))
      assert.isTrue(Option.isSome(first))
    }))

  describe("text", () => {
    it.effect.each<readonly [string, unknown, RegExp]>([
      ["empty", "", /The text is empty/],
      ["blank", " \n\t\u3000", /The text is empty/],
      ["missing", undefined, /There is no text to speak/],
      ["null", null, /There is no text to speak/],
      ["a number", 42, /There is no text to speak/],
      ["an array", ["Hi."], /There is no text to speak/],
      [
        "too long",
        "x".repeat(8001),
        /8001 characters, more than the 8000 of one request: speak it with SpeechStream\.fromText/
      ]
    ])("%s - fails on every way", ([, text, message]) =>
      Effect.gen(function*() {
        const { requests, service } = scripted([plain])
        const request = { text: text as string }
        for (
          const effect of [
            service.synthesize(request),
            service.bytes(request),
            Stream.runDrain(service.stream(request)),
            Stream.runDrain(service.events(request))
          ]
        ) {
          const error = yield* invalid<unknown>(effect)
          assert.strictEqual(error?.parameter, "text")
          assert.strictEqual(error?.module, "Fake")
          assert.match(error?.message ?? "", message)
        }
        assert.strictEqual(requests.length, 0)
      }))

    it.effect("exactly 8000 characters are spoken, as written, in any script", () =>
      Effect.gen(function*() {
        const { requests, service } = scripted([plain])
        const text = "नमस्ते  World\n".repeat(1000).slice(0, 8000)
        yield* service.synthesize({ text })
        assert.strictEqual(requests[0]?.text, text)
      }))
  })

  describe("options", () => {
    it.effect.each<readonly [Omit<SpeechRequest.SpeechRequest, "text">, string]>([
      [{ model: "flite" }, "This engine has no option `model`. Correct `model` and try again."],
      [{ speed: 9 }, "`speed` must be a number from 0.5 to 2. Correct `speed` and try again."],
      [{ speed: NaN }, "`speed` must be a number from 0.5 to 2. Correct `speed` and try again."],
      [
        { sampleRate: 7 },
        "`sampleRate` must be a whole number from 8000 to 48000. Correct `sampleRate` and try again."
      ],
      [
        { sampleRate: 24000 },
        "This engine does not make 24000 Hz; it makes 8000, 16000 Hz. Correct `sampleRate` and try again."
      ]
    ])("%j fails with its name", ([options, message]) =>
      Effect.gen(function*() {
        const { requests, service } = scripted([plain])
        const error = yield* invalid(service.synthesize({ text: "Hi.", ...options }))
        assert.strictEqual(error?.parameter, Object.keys(options)[0])
        assert.strictEqual(error?.message, message)
        const scoped = yield* invalid(service.synthesize({ text: "Hi." }).pipe(SpeechSynthesizer.withOptions(options)))
        assert.strictEqual(scoped?.message, message)
        assert.strictEqual(requests.length, 0)
      }))

    it.effect("what is undefined asks nothing of an engine", () =>
      Effect.gen(function*() {
        const { requests, service } = scripted([plain])
        yield* service.synthesize({ text: "Hi.", model: undefined })
        assert.strictEqual(requests.length, 1)
      }))

    it.effect.each<readonly [object, string, string]>([
      [{ pace: 2 }, "pace", "There is no option `pace`"],
      [{ instructions: "whisper" }, "instructions", "There is no option `instructions`"],
      [{ outputFormat: "wav" }, "outputFormat", "There is no option `outputFormat`"]
    ])("%j is not dropped", ([options, parameter, message]) =>
      Effect.gen(function*() {
        const { requests, service } = scripted([plain])
        for (
          const speech of [
            service.synthesize({ text: "Hi.", ...options }),
            Stream.runDrain(service.events({ text: "Hi.", ...options })),
            service.synthesize({ text: "Hi." }).pipe(SpeechSynthesizer.withOptions(options))
          ]
        ) {
          const error = yield* invalid<unknown>(speech)
          assert.strictEqual(error?.parameter, parameter)
          assert.include(error?.message, message)
        }
        assert.strictEqual(requests.length, 0)
      }))

    describe("of one engine alone", () => {
      const provider = { name: "fake", schema: Schema.Struct({ warmth: Schema.Number.pipe(Schema.between(0, 1)) }) }
      const own = (provider: object) => ({ provider })
      const options = (provider: object) => ({ text: "Hi.", provider })

      it.effect("reach it, merged with those of the layer and the scope", () =>
        Effect.gen(function*() {
          const loose = { name: "fake", schema: Schema.Struct({ a: Schema.Int, b: Schema.Int, c: Schema.Int }) }
          const { requests, service } = scripted([plain], {
            provider: loose,
            defaults: { sampleRate: 8000, ...own({ fake: { a: 1, b: 1, c: 1 } }) }
          })
          yield* service.synthesize(options({ fake: { c: 3 } })).pipe(
            SpeechSynthesizer.withOptions(own({ fake: { b: 2, c: 2 } }))
          )
          assert.deepStrictEqual<unknown>(requests[0]?.provider, { fake: { a: 1, b: 2, c: 3 } })
        }))

      it.effect.each<readonly [object, string, RegExp]>([
        [{ fake: { warmth: 2 } }, "provider.fake.warmth", /between 0 and 1/],
        [{ fake: { warmth: 1, cold: true } }, "provider.fake.cold", /There is no option `provider.fake.cold`/],
        [{ other: {} }, "provider.other", /no option `provider.other`; its own options are under `provider.fake`/]
      ])("%j is refused", ([given, parameter, message]) =>
        Effect.gen(function*() {
          const { service } = scripted([plain], { provider })
          const error = yield* invalid(service.synthesize(options(given)))
          assert.strictEqual(error?.parameter, parameter)
          assert.match(error?.message ?? "", message)
        }))

      it.effect("are refused by an engine that has none", () =>
        Effect.gen(function*() {
          const error = yield* invalid(scripted([plain]).service.synthesize(options({ other: {} })))
          assert.match(error?.message ?? "", /This engine has no option `provider.other`/)
        }))

      it.effect("reach that engine of a fallback, and no other", () =>
        Effect.gen(function*() {
          const first = scripted([silentFailure("gone")], { provider })
          const second = scripted([plain], { provider: { ...provider, name: "second" } })
          const layer = SpeechSynthesizer.layerFallback([first.layer, second.layer])
          const ask = SpeechSynthesizer.synthesize(options({ fake: { warmth: 1 }, second: { warmth: 0 } }))
          yield* Effect.provide(ask, layer)
          assert.deepStrictEqual<unknown>(first.requests[0]?.provider, { fake: { warmth: 1 } })
          assert.deepStrictEqual<unknown>(second.requests[0]?.provider, { second: { warmth: 0 } })
          const error = yield* invalid(Effect.provide(SpeechSynthesizer.synthesize(options({ third: {} })), layer))
          assert.strictEqual(error?.parameter, "provider.third")
        }))
    })

    it.effect("rates may be a range, with both ends", () =>
      Effect.gen(function*() {
        const { requests, service } = scripted([plain], { sampleRates: { minimum: 8000, maximum: 16000 } })
        for (const sampleRate of [8000, 11025, 16000]) yield* service.synthesize({ text: "Hi.", sampleRate })
        assert.deepStrictEqual(requests.map(({ sampleRate }) => sampleRate), [8000, 11025, 16000])
        const error = yield* invalid(service.synthesize({ text: "Hi.", sampleRate: 16001 }))
        assert.match(error?.message ?? "", /it makes 8000 to 16000 Hz/)
      }))

    it.effect("a format that does not exist is refused", () =>
      Effect.gen(function*() {
        const error = yield* invalid(scripted([plain]).service.bytes({ text: "Hi.", outputFormat: "ogg" as "wav" }))
        assert.strictEqual(error?.parameter, "outputFormat")
        assert.match(error?.message ?? "", /wav, pcm, ulaw, alaw or mp3/)
      }))

    const speed = FastCheck.constantFrom(undefined, 0.5, 1.5, 2)
    const voice = FastCheck.constantFrom(undefined, "a", "b")
    const options = FastCheck.record({ speed, voice }, { requiredKeys: [] })

    it.effect.prop(
      "the request goes before the scope, the scope before the layer, and undefined before nothing",
      { request: options, inner: options, outer: options, layer: options },
      ({ inner, layer, outer, request }) =>
        Effect.gen(function*() {
          const { requests, service } = scripted([plain], { defaults: { sampleRate: 8000, ...layer } })
          const inScope = <A, E>(effect: Effect.Effect<A, E>) =>
            effect.pipe(SpeechSynthesizer.withOptions(inner), SpeechSynthesizer.withOptions(outer))
          yield* inScope(service.synthesize({ text: "Hi.", ...request }))
          yield* inScope(service.bytes({ text: "Hi.", ...request }))
          yield* inScope(Stream.runDrain(service.events({ text: "Hi.", ...request })))
          yield* service.stream({ text: "Hi.", ...request }).pipe(
            SpeechSynthesizer.withOptions(inner),
            SpeechSynthesizer.withOptions(outer),
            Stream.runDrain
          )
          const order = [request, inner, outer, layer]
          const first = <K extends "speed" | "voice">(key: K) =>
            order.find((options) => options[key] !== undefined)?.[key]
          assert.strictEqual(requests.length, 4)
          for (const resolved of requests) {
            assert.strictEqual(resolved.speed, first("speed") ?? 1)
            assert.strictEqual(resolved.voice, first("voice"))
            assert.strictEqual(resolved.text, "Hi.")
          }
        }),
      { fastCheck: { numRuns: 40 } }
    )
  })

  describe("removeExtraSilence", () => {
    // 1 s of sound, 1 s of silence, 0.5 s of sound; words at 0.2-0.8 s, across the pause, and at 2.1-2.4 s.
    const samples = concatSamples([
      new Int16Array(8000).fill(9000),
      new Int16Array(8000),
      new Int16Array(4000).fill(9000)
    ])
    const word = (word: string, start: number, end: number) =>
      SpeechEvent.WordTimestamp({ segment: 0, word, start: Duration.seconds(start), end: Duration.seconds(end) })

    const pause = (places: ReadonlyArray<number>, wordsFirst: boolean) => (request: SpeechEngine.ResolvedRequest) => {
      const words = [word("one", 0.2, 0.8), word("pause", 0.9, 1.9), word("two", 2.1, 2.4)]
      const audio = cutAt(samples, places).map((part) =>
        SpeechEvent.AudioChunk({ chunk: Pcm.fromSamples(Pcm.format(8000), part) })
      )
      return Stream.fromIterable([
        started(request),
        ...(wordsFirst ? [...words, ...audio] : [...audio, ...words]),
        completed(2500)
      ])
    }

    it.effect.prop(
      "shortens pauses and moves whatever has a time with its audio, however both are cut and ordered",
      { cuts: cuts.map((places) => places.map((place) => place * 4)), wordsFirst: FastCheck.boolean() },
      ({ cuts, wordsFirst }) =>
        Effect.gen(function*() {
          const { service } = scripted([pause(cuts, wordsFirst)])
          const events = Chunk.toReadonlyArray(
            yield* Stream.runCollect(service.events({ text: "one two", removeExtraSilence: true }))
          )
          const out = concatSamples(events.filter(SpeechEvent.$is("AudioChunk")).map(({ chunk }) => Pcm.samples(chunk)))
          assertSame(out, concatSamples([samples.subarray(0, 9600), samples.subarray(16000)]))
          assert.deepStrictEqual(
            events.filter(SpeechEvent.$is("WordTimestamp")).map(({ end, start, word }) => [
              word,
              Math.round(Duration.toMillis(start)),
              Math.round(Duration.toMillis(end))
            ]),
            [["one", 200, 800], ["pause", 900, 1200], ["two", 1300, 1600]]
          )
          assert.strictEqual(events[0]?._tag, "SegmentStarted")
          const last = events.at(-1)
          assert.strictEqual(last?._tag === "Completed" && Math.round(Duration.toMillis(last.duration)), 1700)
          assert.strictEqual(
            (yield* service.synthesize({ text: "one two", removeExtraSilence: true })).bytes.length,
            1.7 * 16000
          )
        }),
      { fastCheck: { numRuns: 40 } }
    )

    it.effect("without it, and with an engine that does it itself, the audio passes unchanged", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* scripted([pause([], false)]).service.synthesize({ text: "x" })).bytes.length, 40_000)
        const { requests, service } = scripted([pause([], false)], { honours: ["removeExtraSilence"] })
        assert.strictEqual((yield* service.synthesize({ text: "x", removeExtraSilence: true })).bytes.length, 40_000)
        assert.isTrue(requests[0]?.removeExtraSilence)
      }))

    it.effect("a failure comes after the audio before it", () =>
      Effect.gen(function*() {
        const { service } = scripted([lateFailure("late")])
        const { error, values } = yield* heard(service.stream({ text: "x", removeExtraSilence: true }))
        assert.strictEqual(error?.description, "late")
        assert.deepStrictEqual(values, [9])
      }))
  })
})

const service = (layer: Layer.Layer<SpeechSynthesizer.SpeechSynthesizer>) =>
  Effect.provide(SpeechSynthesizer.SpeechSynthesizer, layer)

/** Runs an effect to its end while the clock goes on. */
const afterWaiting = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

describe("SpeechSynthesizer.layerRetry", () => {
  it.effect("retries what failed before any sound, on every way, and repeats no sound", () =>
    Effect.gen(function*() {
      const fails = silentFailure("not yet")
      const ways = [
        (speech: SpeechSynthesizer.Service) =>
          Effect.map(heard(speech.stream({ text: "Hi." })), ({ values }) => values),
        (speech: SpeechSynthesizer.Service) =>
          Effect.map(heard(SpeechEvent.pcm(speech.events({ text: "Hi." }))), ({ values }) => values),
        (speech: SpeechSynthesizer.Service) =>
          Effect.map(speech.synthesize({ text: "Hi." }), (audio) => [...new Set(Pcm.samples(audio))]),
        (speech: SpeechSynthesizer.Service) =>
          Effect.map(
            speech.bytes({ text: "Hi.", outputFormat: "pcm" }),
            (bytes) => [...new Set(new Int16Array(bytes.buffer))]
          )
      ]
      for (const way of ways) {
        const { layer, requests } = scripted([fails, fails, plain])
        const speech = yield* service(SpeechSynthesizer.layerRetry(layer))
        assert.deepStrictEqual(yield* afterWaiting(way(speech)), [1, 2, 3])
        assert.strictEqual(requests.length, 3)
      }
    }))

  it.effect("never retries after the first sound", () =>
    Effect.gen(function*() {
      const { layer, requests } = scripted([silentFailure("early"), lateFailure("late"), plain])
      const speech = yield* service(layer.pipe(SpeechSynthesizer.layerRetry({ maxRetries: 5 })))
      const { error, values } = yield* afterWaiting(heard(speech.stream({ text: "Hi." })))
      assert.deepStrictEqual(values, [9])
      assert.strictEqual(error?.description, "late")
      assert.strictEqual(requests.length, 2)
    }))

  it.effect("gives up after `maxRetries`, and at once on what cannot succeed", () =>
    Effect.gen(function*() {
      const { layer, requests } = scripted([silentFailure("always")])
      const speech = yield* service(layer.pipe(SpeechSynthesizer.layerRetry({ maxRetries: 2 })))
      const { error } = yield* afterWaiting(heard(speech.stream({ text: "Hi." })))
      assert.strictEqual(error?.description, "always")
      assert.strictEqual(requests.length, 3)
      const refused = scripted([
        () => Stream.fail(new SpeechError.InvalidApiKey({ module: "Fake", method: "events", description: "no" }))
      ])
      const once = yield* service(SpeechSynthesizer.layerRetry(refused.layer))
      assert.strictEqual((yield* Effect.flip(once.synthesize({ text: "Hi." })))._tag, "InvalidApiKey")
      assert.strictEqual(refused.requests.length, 1)
    }))

  it.effect("inside another's lease it stands aside: retries never multiply", () =>
    Effect.gen(function*() {
      const { layer, requests } = scripted([silentFailure("always")])
      const retrying = SpeechSynthesizer.layerRetry(SpeechSynthesizer.layerRetry(layer, { maxRetries: 2 }), {
        maxRetries: 3
      })
      const speech = yield* service(retrying)
      yield* Effect.ignore(afterWaiting(speech.synthesize({ text: "Hi." })))
      assert.strictEqual(requests.length, 4)
      yield* afterWaiting(heard(speech.stream({ text: "Hi." })))
      assert.strictEqual(requests.length, 8)
      yield* Effect.scoped(Effect.flatMap(
        SpeechEngine.makeLease({ stream: {}, index: 0, isHead: Effect.succeed(true) }),
        (lease) =>
          heard(speech.stream({ text: "Hi." })).pipe(
            Effect.provideService(SpeechEngine.CurrentSegmentLease, Option.some(lease))
          )
      ))
      assert.strictEqual(requests.length, 9)
    }))

  it.effect("each failed attempt is closed before the next begins, the good one when it was heard", () =>
    Effect.gen(function*() {
      const log = yield* Ref.make<ReadonlyArray<string>>([])
      const tell = (line: string) => Ref.update(log, (lines) => [...lines, line])
      const watched =
        (name: string, events: SpeechEngine.Engine["events"]): SpeechEngine.Engine["events"] => (request) =>
          Stream.ensuring(Stream.concat(Stream.execute(tell(`${name} opens`)), events(request)), tell(`${name} closes`))
      const { layer } = scripted([watched("first", silentFailure("no")), watched("second", plain)])
      const speech = yield* service(SpeechSynthesizer.layerRetry(layer))
      yield* afterWaiting(Stream.runForEach(speech.stream({ text: "Hi." }), () => tell("sound")))
      assert.deepStrictEqual(yield* Ref.get(log), [
        "first opens",
        "first closes",
        "second opens",
        "sound",
        "sound",
        "sound",
        "second closes"
      ])
    }))

  it.effect("interruption while it waits ends it", () =>
    Effect.gen(function*() {
      const { layer, requests } = scripted([silentFailure("always")])
      const speech = yield* service(SpeechSynthesizer.layerRetry(layer))
      const fiber = yield* Effect.fork(speech.synthesize({ text: "Hi." }))
      yield* TestClock.adjust("100 millis")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(requests.length, 1)
    }))

  it.effect("options of the scope reach every attempt", () =>
    Effect.gen(function*() {
      const { layer, requests } = scripted([silentFailure("no"), plain])
      const speech = yield* service(SpeechSynthesizer.layerRetry(layer))
      yield* afterWaiting(heard(speech.stream({ text: "Hi." }).pipe(SpeechSynthesizer.withOptions({ speed: 2 }))))
      assert.deepStrictEqual(requests.map(({ speed }) => speed), [2, 2])
    }))
})

describe("SpeechSynthesizer.layerFallback", () => {
  it.effect("asks the next engine after a failure before any sound, once each", () =>
    Effect.gen(function*() {
      const first = scripted([silentFailure("first")])
      const second = scripted([silentFailure("second")])
      const third = scripted([plain])
      const unused = scripted([plain])
      const speech = yield* service(
        SpeechSynthesizer.layerFallback([first.layer, second.layer, third.layer, unused.layer])
      )
      assert.deepStrictEqual((yield* heard(speech.stream({ text: "Hi." }))).values, [1, 2, 3])
      assertSame(Pcm.samples(yield* speech.synthesize({ text: "Hi." })), spoken)
      assert.strictEqual((yield* speech.bytes({ text: "Hi.", outputFormat: "pcm" })).length, 480)
      assert.deepStrictEqual(
        [first, second, third, unused].map(({ requests }) => requests.length),
        [3, 3, 3, 0]
      )
    }))

  it.effect("once there was sound an error is an error", () =>
    Effect.gen(function*() {
      const second = scripted([plain])
      const speech = yield* service(
        SpeechSynthesizer.layerFallback([scripted([lateFailure("late")]).layer, second.layer])
      )
      const { error, values } = yield* heard(speech.stream({ text: "Hi." }))
      assert.deepStrictEqual(values, [9])
      assert.strictEqual(error?.description, "late")
      assert.strictEqual(second.requests.length, 0)
    }))

  it.effect("the last engine's error is the error", () =>
    Effect.gen(function*() {
      const speech = yield* service(
        SpeechSynthesizer.layerFallback([
          scripted([silentFailure("first")]).layer,
          scripted([silentFailure("last")]).layer
        ])
      )
      assert.strictEqual((yield* heard(speech.stream({ text: "Hi." }))).error?.description, "last")
      assert.strictEqual((yield* Effect.flip(speech.synthesize({ text: "Hi." }))).description, "last")
      const alone = yield* service(SpeechSynthesizer.layerFallback([scripted([silentFailure("only")]).layer]))
      assert.strictEqual((yield* heard(alone.stream({ text: "Hi." }))).error?.description, "only")
    }))

  it.effect("all speak at one rate: the request's, the scope's, or the first engine's", () =>
    Effect.gen(function*() {
      const first = scripted([silentFailure("no")], { defaults: { sampleRate: 16000 } })
      const second = scripted([plain], { defaults: { sampleRate: 8000 } })
      const speech = yield* service(SpeechSynthesizer.layerFallback([first.layer, second.layer]))
      yield* speech.synthesize({ text: "Hi." })
      yield* speech.synthesize({ text: "Hi.", sampleRate: 8000 })
      yield* speech.synthesize({ text: "Hi." }).pipe(SpeechSynthesizer.withOptions({ sampleRate: 8000, speed: 2 }))
      yield* Stream.runDrain(
        speech.stream({ text: "Hi." }).pipe(SpeechSynthesizer.withOptions({ sampleRate: 8000, speed: 2 }))
      )
      for (const { requests } of [first, second]) {
        assert.deepStrictEqual(
          requests.map(({ sampleRate, speed }) => [sampleRate, speed]),
          [[16000, 1], [8000, 1], [8000, 2], [8000, 2]]
        )
      }
    }))

  it.effect("what the first engine refuses the next may take", () =>
    Effect.gen(function*() {
      const first = scripted([plain], { honours: [] })
      const second = scripted([plain], { honours: ["voice"] })
      const speech = yield* service(SpeechSynthesizer.layerFallback([first.layer, second.layer]))
      assert.deepStrictEqual((yield* heard(speech.stream({ text: "Hi.", voice: "rms" }))).values, [1, 2, 3])
      assert.strictEqual(first.requests.length, 0)
      assert.strictEqual(second.requests.length, 1)
    }))

  it.effect("a failed engine is closed before the next one speaks", () =>
    Effect.gen(function*() {
      const open = yield* Ref.make(0)
      const first = scripted([(request) =>
        Stream.unwrapScoped(Effect.as(
          Effect.acquireRelease(Ref.update(open, (n) => n + 1), () => Ref.update(open, (n) => n - 1)),
          silentFailure("no")(request)
        ))])
      const second = scripted([(request) =>
        Stream.unwrap(Effect.map(Ref.get(open), (n) => {
          assert.strictEqual(n, 0)
          return plain(request)
        }))])
      const speech = yield* service(SpeechSynthesizer.layerFallback([first.layer, second.layer]))
      assert.deepStrictEqual((yield* heard(speech.stream({ text: "Hi." }))).values, [1, 2, 3])
    }))

  it.effect("voices, models and languages are the first engine's", () =>
    Effect.gen(function*() {
      const first = scripted([plain], { languages: Effect.succeed(["hi"]), models: Effect.succeed(["flite"]) })
      const speech = yield* service(SpeechSynthesizer.layerFallback([first.layer, scripted([plain]).layer]))
      assert.deepStrictEqual(yield* speech.languages, ["hi"])
      assert.deepStrictEqual(yield* speech.models, ["flite"])
      assert.deepStrictEqual(yield* speech.voices, [])
      assert.deepStrictEqual(speech.defaults, { sampleRate: 8000 })
    }))
})

describe("SpeechSynthesizer accessors", () => {
  it.effect("ask the service of the context", () =>
    Effect.gen(function*() {
      const { layer, service } = scripted([plain], {
        voices: Effect.succeed([{ id: "rms", name: "Rms", languages: ["en"], models: ["flite"] }]),
        mp3: () => Effect.fail(failure("no mp3"))
      })
      const results = yield* Effect.all({
        audio: SpeechSynthesizer.synthesize({ text: "Hi." }),
        bytes: SpeechSynthesizer.bytes({ text: "Hi." }),
        chunks: Stream.runCollect(SpeechSynthesizer.stream({ text: "Hi." })),
        events: Stream.runCollect(SpeechSynthesizer.events({ text: "Hi." })),
        voices: SpeechSynthesizer.voices,
        models: SpeechSynthesizer.models,
        languages: SpeechSynthesizer.languages
      }).pipe(Effect.provide(layer))
      assert.strictEqual(results.audio.bytes.length, 480)
      assert.strictEqual(results.bytes.length, 524)
      assert.strictEqual(Chunk.size(results.chunks), 3)
      assert.strictEqual(Chunk.size(results.events), 5)
      assert.deepStrictEqual(results.voices, yield* service.voices)
      assert.deepStrictEqual(results.models, [])
      assert.deepStrictEqual(results.languages, [])
    }))
})
