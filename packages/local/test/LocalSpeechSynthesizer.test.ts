import { SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { LocalSpeechSynthesizer, NodeFliteWorker } from "@effect-smallest/local/node"
import { assert, layer } from "@effect/vitest"
import { Chunk, Deferred, Duration, Effect, Fiber, Layer, Option, Stream, TestClock } from "effect"
import { account, observed, rootMeanSquare } from "./support.js"

const local = (options?: LocalSpeechSynthesizer.Options) => Effect.provide(LocalSpeechSynthesizer.layer(options))

const localWith = (workers: ReturnType<typeof observed>) =>
  Effect.provide(Layer.provide(LocalSpeechSynthesizer.layer(), workers.layer))

const story = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. " +
  "It's easy to tell the depth of a well. These days a chicken leg is a rare dish. " +
  "Rice is often served in round bowls. The juice of lemons makes fine punch. "

layer(NodeFliteWorker.layer)("LocalSpeechSynthesizer", (it) => {
  it.effect("events - a segment starts, words and audio follow, completion ends", () =>
    Effect.gen(function*() {
      const text = "Hello there. How are you?"
      const { events, samples, seconds } = yield* account({ text })
      assert.deepStrictEqual(
        events[0],
        SpeechEvent.SegmentStarted({ segment: 0, text, textOffset: 0, start: Duration.zero })
      )
      const last = events.at(-1)
      assert.isTrue(last !== undefined && SpeechEvent.$is("Completed")(last))
      if (last?._tag === "Completed") assert.closeTo(Duration.toSeconds(last.duration), seconds, 0.001)
      assert.isTrue(events.slice(1, -1).every(({ _tag }) => _tag === "AudioChunk" || _tag === "WordTimestamp"))
      assert.isAbove(seconds, 1)
      assert.isBelow(seconds, 4)
      assert.isAbove(rootMeanSquare(samples), 0.02)
    }).pipe(local()))

  it.effect("words - are those of the text, in order, inside the audio", () =>
    Effect.gen(function*() {
      const text = "“It’s naïve,” said Dr. Müller: $42.50 at 10:30 p.m. for node.js… Right?"
      const { seconds, words } = yield* account({ text })
      assert.deepStrictEqual(
        words.map(({ word }) => word),
        ["It’s", "naïve", "said", "Dr", "Müller", "$42.50", "at", "10:30", "p.m", "for", "node.js", "Right"]
      )
      let time = 0
      for (const { end, start } of words) {
        assert.isAtLeast(Duration.toSeconds(start), time)
        assert.isAbove(Duration.toSeconds(end), Duration.toSeconds(start))
        time = Duration.toSeconds(end)
      }
      assert.isAtMost(time, seconds)
    }).pipe(local()))

  it.effect("words - sound when they say they sound", () =>
    Effect.gen(function*() {
      // Pauses part these words, so the level of the audio shows where each one is.
      const { samples, words } = yield* account({ text: "Stop. Banana! Wonderful! Telephone.", sampleRate: 16000 })
      const level = (from: number, to: number) => rootMeanSquare(samples.subarray(from * 16000, to * 16000))
      assert.strictEqual(words.length, 4)
      const times = words.map(({ end, start }) => [Duration.toSeconds(start), Duration.toSeconds(end)] as const)
      for (const [start, end] of times) assert.isAbove(level(start, end), 0.02)
      times.slice(1).forEach(([start], i) => {
        const [, end] = times[i] ?? [0, 0]
        assert.isAbove(start - end, 0.15)
        assert.isBelow(level(end + 0.06, start - 0.06), 0.005)
      })
    }).pipe(local()))

  it.effect("words - leave before the audio that they sound in", () =>
    Effect.gen(function*() {
      const { events } = yield* account({ text: story, voice: "kal16" })
      let seconds = 0
      for (const event of events) {
        if (event._tag === "AudioChunk") seconds += event.chunk.bytes.length / 48000
        if (event._tag === "WordTimestamp") assert.isAtLeast(Duration.toSeconds(event.start), seconds - 0.001)
      }
    }).pipe(local()))

  it.effect("audio - leaves sentence by sentence while the engine still speaks", () => {
    const workers = observed()
    return Effect.gen(function*() {
      // The first batch is one sentence. Of the second one, whose sentences the engine speaks in one go, the first must
      // arrive long before the last.
      const arrivals = yield* SpeechSynthesizer.stream({ text: story, sampleRate: 16000 }).pipe(
        Stream.runFold(Chunk.empty<number>(), (times) => Chunk.append(times, performance.now()))
      )
      assert.strictEqual(workers.sent.length, 2)
      const times = Chunk.toReadonlyArray(arrivals)
      const distinct = times.filter((time, i) => i === 0 || time - (times[i - 1] ?? 0) > 5)
      assert.isAtLeast(distinct.length, 4)
    }).pipe(localWith(workers))
  })

  it.effect("audio - is the same every time", () =>
    Effect.gen(function*() {
      const [one, two] = yield* Effect.all([account({ text: story }), account({ text: story })])
      assert.deepStrictEqual(one.samples, two.samples)
      assert.deepStrictEqual(one.words, two.words)
    }).pipe(local()))

  it.effect.each(["rms", "slt", "awb", "kal16", "kal"] as const)(
    "voices - %s speaks",
    (voice) =>
      Effect.gen(function*() {
        const { samples, seconds } = yield* account({ text: "Hello world.", voice })
        assert.isAbove(seconds, 0.6)
        assert.isAbove(rootMeanSquare(samples), 0.02)
      }).pipe(local())
  )

  it.effect("voices - differ", () =>
    Effect.gen(function*() {
      const all = yield* SpeechSynthesizer.voices
      const audio = yield* Effect.forEach(all, ({ id }) =>
        account({ text: "Hello world.", voice: id, sampleRate: 16000 }))
      assert.strictEqual(
        new Set(audio.map(({ samples }) =>
          samples.join()
        )).size,
        5
      )
    }).pipe(local()))

  it.effect("voices - of other engines speak as the layer says", () =>
    Effect.gen(function*() {
      const meher = yield* account({ text: "Hello.", voice: "meher" })
      const slt = yield* account({ text: "Hello.", voice: "slt" })
      assert.deepStrictEqual(meher.samples, slt.samples)
    }).pipe(local({ voices: { meher: "slt" } })))

  it.effect.each(["nobody", "constructor", "awb_time"])(
    "voices - \"%s\" is unknown, and the error lists those there are",
    (name) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(account({ text: "Hello.", voice: name }))
        assert.strictEqual(error._tag, "UnknownVoice")
        assert.include(error.message, "rms, slt, awb, kal16, kal, meher")
      }).pipe(local({ voices: { meher: "slt" } }))
  )

  it.effect("defaults - are the layer's", () =>
    Effect.gen(function*() {
      const chosen = yield* account({ text: "Hello world." })
      const same = yield* account({ text: "Hello world.", voice: "slt", speed: 1.5, sampleRate: 8000 })
      assert.deepStrictEqual(chosen.samples, same.samples)
    }).pipe(local({ voice: "slt", speed: 1.5, sampleRate: 8000 })))

  it.effect("defaults - are rms at 24000 Hz", () =>
    Effect.gen(function*() {
      const { format } = yield* SpeechSynthesizer.synthesize({ text: "Hello." })
      assert.strictEqual(format.sampleRate, 24000)
      const [chosen, rms] = yield* Effect.all([account({ text: "Hello." }), account({ text: "Hello.", voice: "rms" })])
      assert.deepStrictEqual(chosen.samples, rms.samples)
    }).pipe(local()))

  it.effect.each([8000, 11025, 16000, 22050, 24000, 44100, 48000])(
    "sample rates - %d Hz lasts as long",
    (sampleRate) =>
      Effect.gen(function*() {
        const native = yield* account({ text: "Hello world.", sampleRate: 16000 })
        const { seconds } = yield* account({ text: "Hello world.", sampleRate })
        assert.closeTo(seconds, native.seconds, 1 / sampleRate + 1 / 16000)
      }).pipe(local())
  )

  it.effect.each([0.5, 0.8, 1.25, 2])("speed - %d changes the time that words take", (speed) =>
    Effect.gen(function*() {
      const normal = yield* account({ text: "Hello world, how are you today?" })
      const { seconds, words } = yield* account({ text: "Hello world, how are you today?", speed })
      assert.closeTo(seconds * speed / normal.seconds, 1, 0.12)
      const ratio = Duration.toSeconds(words[3]?.start ?? 0) / Duration.toSeconds(normal.words[3]?.start ?? 0)
      assert.closeTo(ratio * speed, 1, 0.12)
    }).pipe(local()))

  it.effect.each(["en", "en-US", "en-GB", "auto"])(
    "language - %s is read",
    (language) => account({ text: "Hello.", language: language }).pipe(local())
  )

  it.effect.each(["hi", "de", "english", "enx"])("language - %s is refused", (language) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(account({ text: "Hello.", language: language }))
      assert.strictEqual(error._tag, "InvalidSpeechRequest")
      assert.include(error.message, "reads English only")
    }).pipe(local()))

  it.effect("options - that the engine lacks fail", () =>
    Effect.gen(function*() {
      const refused = yield* Effect.forEach(
        [
          { model: "lightning_v3.1" },
          { provider: { waves: { mathNotation: true } } }
        ] as const,
        (option) =>
          Effect.map(Effect.flip(account({ text: "Hello.", ...option })), (error) => {
            assert.strictEqual(error._tag, "InvalidSpeechRequest")
            return error._tag === "InvalidSpeechRequest" && Object.hasOwn(option, error.parameter.split(".")[0] ?? "")
          })
      )
      assert.isTrue(refused.every(Boolean))
      yield* account({ text: "Hello.", model: "flite" })
    }).pipe(local()))

  it.effect("removeExtraSilence - shortens the pauses", () =>
    Effect.gen(function*() {
      const text = "Stop. Go. Stop. Go. Stop. Go."
      const whole = yield* account({ text })
      const brisk = yield* account({ text, removeExtraSilence: true })
      assert.isBelow(brisk.seconds, whole.seconds - 0.3)
    }).pipe(local()))

  it.effect("pronunciations - of the layer and of a scope", () =>
    Effect.gen(function*() {
      const plain = yield* account({ text: "goodbye world" })
      const layered = yield* account({ text: "hello world" })
      assert.deepStrictEqual(layered.samples, plain.samples)
      assert.strictEqual(layered.words[0]?.word, "hello")
      const scoped = yield* account({ text: "SQLite world" }).pipe(
        LocalSpeechSynthesizer.withPronunciations({ SQLite: "goodbye" })
      )
      assert.deepStrictEqual(scoped.samples, plain.samples)
      const phonemes = yield* LocalSpeechSynthesizer.withPronunciations(account({ text: "hello world" }), {
        hello: { phonemes: "g uh2 d b ay1" }
      })
      assert.deepStrictEqual(phonemes.samples, plain.samples)
      const nested = yield* account({ text: "SQLite world" }).pipe(
        LocalSpeechSynthesizer.withPronunciations({ nginx: "engine x" }),
        LocalSpeechSynthesizer.withPronunciations({ SQLite: "goodbye" })
      )
      assert.deepStrictEqual(nested.samples, plain.samples)
      const stream = yield* SpeechSynthesizer.stream({ text: "hello world" }).pipe(
        LocalSpeechSynthesizer.withPronunciations({ hello: "a very long salutation for the" }),
        Stream.runFold(0, (bytes, chunk) => bytes + chunk.bytes.length)
      )
      assert.isAbove(stream / 48000, plain.seconds + 1)
    }).pipe(local({ pronunciations: { hello: "goodbye" } })))

  it.effect("requests - at the same time do not mix", () =>
    Effect.gen(function*() {
      const texts = ["One two three.", "The quick brown fox. It jumps.", story, "Nine!"]
      const alone = yield* Effect.forEach(texts, (text) => account({ text }))
      const together = yield* Effect.forEach(texts, (text) => account({ text }), { concurrency: "unbounded" })
      assert.deepStrictEqual(together.map(({ samples }) => samples), alone.map(({ samples }) => samples))
      assert.deepStrictEqual(together.map(({ words }) => words), alone.map(({ words }) => words))
    }).pipe(local({ workers: 2 })))

  it.effect("requests - one worker at a time is started unless the layer says more", () => {
    const [one, two] = [observed(), observed()]
    const speak = Effect.forEach([1, 2, 3], () => account({ text: story, voice: "kal16" }), {
      concurrency: "unbounded"
    })
    return Effect.gen(function*() {
      yield* Effect.provide(speak, Layer.provide(LocalSpeechSynthesizer.layer(), one.layer))
      yield* Effect.provide(speak, Layer.provide(LocalSpeechSynthesizer.layer({ workers: 2 }), two.layer))
      assert.deepStrictEqual([one.spawned(), two.spawned()], [1, 2])
      assert.deepStrictEqual([one.alive(), two.alive()], [0, 0])
    })
  })

  it.effect("workers - are kept for a minute, for the next request", () => {
    const workers = observed()
    return Effect.gen(function*() {
      yield* account({ text: "Hello.", voice: "kal16" })
      yield* TestClock.adjust("30 seconds")
      yield* account({ text: "Hello.", voice: "kal16" })
      assert.deepStrictEqual([workers.spawned(), workers.alive()], [1, 1])
      yield* TestClock.adjust("2 minutes")
      while (workers.alive() > 0) yield* Effect.promise(() => new Promise(setImmediate))
      yield* account({ text: "Hello.", voice: "kal16" })
      assert.deepStrictEqual([workers.spawned(), workers.alive()], [2, 1])
    }).pipe(localWith(workers))
  })

  it.effect("a slow listener - holds up neither other requests nor more than two batches of its own", () => {
    const workers = observed()
    return Effect.gen(function*() {
      const listening = yield* Deferred.make<void>()
      const slow = yield* SpeechSynthesizer.stream({ text: story.repeat(10), voice: "kal16", sampleRate: 16000 }).pipe(
        Stream.tap(() => Deferred.succeed(listening, undefined)),
        Stream.tap(() => Effect.never),
        Stream.runDrain,
        Effect.fork
      )
      yield* Deferred.await(listening)
      yield* Effect.forEach([1, 2, 3, 4, 5], () => account({ text: "Hello.", voice: "kal16" }))
      assert.isAtMost(workers.sent.length - 5, 3)
      yield* Fiber.interrupt(slow)
    }).pipe(localWith(workers))
  })

  it.effect("a long text - lets a short one through", () =>
    Effect.gen(function*() {
      const started = yield* Deferred.make<void>()
      const long = yield* SpeechSynthesizer.stream({ text: story.repeat(10), sampleRate: 16000 }).pipe(
        Stream.tap(() => Deferred.succeed(started, undefined)),
        Stream.runDrain,
        Effect.fork
      )
      yield* Deferred.await(started)
      yield* account({ text: "Hello." })
      assert.isTrue(Option.isNone(yield* Fiber.poll(long)))
      yield* Fiber.interrupt(long)
    }).pipe(local()))

  it.effect("a stream - ends where its listener stops", () =>
    Effect.gen(function*() {
      const first = yield* SpeechSynthesizer.stream({ text: story }).pipe(Stream.take(1), Stream.runCollect)
      assert.strictEqual(Chunk.size(first), 1)
      yield* account({ text: "Hello." })
    }).pipe(local()))
})
