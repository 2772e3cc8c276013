import { Pcm, SpeechError, SpeechEvent } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Exit, Fiber, Ref, Scope, Stream } from "effect"
import { untilFirstAudio } from "../../src/internal/firstAudio.js"

const started = SpeechEvent.SegmentStarted({ segment: 0, text: "Hi.", textOffset: 0, start: Duration.zero })
const audio = (frames: number) =>
  SpeechEvent.AudioChunk({ chunk: Pcm.fromSamples(Pcm.format(8000), new Int16Array(frames)) })
const completed = SpeechEvent.Completed({ duration: Duration.zero })
const error = new SpeechError.EmptyAudio({ module: "Test", method: "events", description: "None" })

const tags = (events: Iterable<SpeechEvent.SpeechEvent>) => Array.from(events, (event) => event._tag)

describe("firstAudio", () => {
  it.effect.each([1, 2, 100])("gives every event once, in chunks of %s", (size) =>
    Effect.gen(function*() {
      const events = Stream.make(started, audio(1), audio(2), completed).pipe(Stream.rechunk(size))
      const result = yield* Effect.scoped(Effect.flatMap(untilFirstAudio(events), Stream.runCollect))
      assert.deepStrictEqual(tags(result), ["SegmentStarted", "AudioChunk", "AudioChunk", "Completed"])
    }))

  it.effect("a failure before sound fails the effect and closes the source at once", () =>
    Effect.scoped(Effect.gen(function*() {
      const closed = yield* Ref.make(false)
      const events = Stream.make<[SpeechEvent.SpeechEvent]>(started).pipe(
        Stream.concat(Stream.fail(error)),
        Stream.ensuring(Ref.set(closed, true))
      )
      assert.deepStrictEqual(yield* Effect.exit(untilFirstAudio(events)), Exit.fail(error))
      assert.isTrue(yield* Ref.get(closed))
    })))

  it.effect("audio without a sample is no sound", () =>
    Effect.scoped(Effect.gen(function*() {
      const events = Stream.make<[SpeechEvent.SpeechEvent]>(audio(0)).pipe(Stream.concat(Stream.fail(error)))
      assert.deepStrictEqual(yield* Effect.exit(untilFirstAudio(events)), Exit.fail(error))
    })))

  it.effect("a failure after sound fails the stream, after that sound", () =>
    Effect.scoped(Effect.gen(function*() {
      const events = Stream.make(started, audio(1)).pipe(Stream.concat(Stream.fail(error)))
      const heard = yield* Ref.make(0)
      const stream = yield* untilFirstAudio(events)
      const exit = yield* stream.pipe(Stream.runForEach(() => Ref.update(heard, (n) => n + 1)), Effect.exit)
      assert.deepStrictEqual(exit, Exit.fail(error))
      assert.strictEqual(yield* Ref.get(heard), 2)
    })))

  it.effect("the source lives as long as the scope around it, and pulls no further than it is heard", () =>
    Effect.gen(function*() {
      const closed = yield* Ref.make(false)
      const pulled = yield* Ref.make(0)
      const events = Stream.make(started, audio(1), audio(2), audio(3)).pipe(
        Stream.rechunk(1),
        Stream.tap(() => Ref.update(pulled, (n) => n + 1)),
        Stream.ensuring(Ref.set(closed, true))
      )
      const scope = yield* Scope.make()
      assert.isDefined(yield* untilFirstAudio(events).pipe(Scope.extend(scope)))
      assert.strictEqual(yield* Ref.get(pulled), 2)
      assert.isFalse(yield* Ref.get(closed))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(yield* Ref.get(closed))
    }))

  it.effect("interruption before sound closes the source", () =>
    Effect.gen(function*() {
      const closed = yield* Ref.make(false)
      const events = Stream.never.pipe(Stream.ensuring(Ref.set(closed, true)))
      yield* Effect.scoped(Effect.gen(function*() {
        const fiber = yield* Effect.fork(untilFirstAudio(events))
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        yield* Fiber.interrupt(fiber)
        assert.isTrue(yield* Ref.get(closed))
      }))
    }))

  it.effect("a stream that ends without sound ends so", () =>
    Effect.scoped(Effect.gen(function*() {
      const stream = yield* untilFirstAudio(Stream.make(started, completed))
      assert.deepStrictEqual(tags(yield* Stream.runCollect(stream)), ["SegmentStarted", "Completed"])
      assert.isTrue(Chunk.isEmpty(yield* Effect.flatMap(untilFirstAudio(Stream.empty), Stream.runCollect)))
    })))
})
