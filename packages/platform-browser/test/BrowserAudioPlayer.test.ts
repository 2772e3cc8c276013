import { Pcm } from "@effect-smallest/core"
import { BrowserAudioPlayer } from "@effect-smallest/platform-browser"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Option, Random, Ref, Stream } from "effect"
import { click, contextAt, pageIn, type Recording } from "./page.js"

beforeAll(() => Effect.runPromise(click))

const speech = Pcm.format(24000)

// No sample of it is zero, and no two places are alike: loss, repetition and gaps are seen.
const chirp = (duration: Duration.DurationInput, format: Pcm.PcmFormat = speech): Pcm.PcmChunk => {
  const samples = new Int16Array(Pcm.byteLength(format, duration) / 2)
  for (let i = 0; i < samples.length; i++) {
    const seconds = Math.floor(i / format.channels) / format.sampleRate
    samples[i] = Math.round(9000 * Math.sin(2 * Math.PI * (200 * seconds + 400 * seconds * seconds))) | 1
  }
  return Pcm.fromSamples(format, samples)
}

const sine = (frequency: number, duration: Duration.DurationInput, format: Pcm.PcmFormat): Pcm.PcmChunk => {
  const samples = new Int16Array(Pcm.byteLength(format, duration) / 2)
  for (let i = 0; i < samples.length; i++) {
    samples[i] = Math.round(16000 * Math.sin(2 * Math.PI * frequency * i / format.sampleRate))
  }
  return Pcm.fromSamples(format, samples)
}

const piece = ({ bytes, format }: Pcm.PcmChunk, from: number, to: number): Pcm.PcmChunk => ({
  format,
  bytes: bytes.subarray(from * Pcm.frameSize(format), to * Pcm.frameSize(format))
})

const cut = (audio: Pcm.PcmChunk, duration: Duration.DurationInput) => {
  const step = Pcm.byteLength(audio.format, duration) / Pcm.frameSize(audio.format)
  return Stream.range(0, Math.ceil(Pcm.frames(audio) / step) - 1).pipe(
    Stream.rechunk(1),
    Stream.map((i) => piece(audio, i * step, (i + 1) * step))
  )
}

/** The recorded samples from the first that sounds to the last. */
const sounding = ({ channels: [samples = []] }: Recording): Array<number> =>
  samples.slice(samples.findIndex((sample) => sample !== 0), samples.findLastIndex((sample) => sample !== 0) + 1)

const asInteger = (sample: number): number => Math.round(sample * 32768)

/** How often the sound breaks off, where the audio itself is never silent. */
const gapsIn = (samples: ReadonlyArray<number>): number =>
  samples.filter((sample, i) => sample === 0 && samples[i - 1] !== 0).length

describe("BrowserAudioPlayer", () => {
  it.scopedLive("play - 50 random cuts all sound the same: no gap, no click, no loss", () =>
    Effect.gen(function*() {
      const context = yield* contextAt(24000)
      const audio = chirp("600 millis")
      const expected = [...Pcm.samples(audio)]
      const attempt = Effect.fnUntraced(function*(seed: number) {
        const random = Random.make(seed)
        const pieces: Array<Pcm.PcmChunk> = []
        for (let at = 0; at < Pcm.frames(audio);) {
          const length = yield* Random.nextIntBetween(0, seed % 5 === 0 ? 40 : 3000).pipe(Effect.withRandom(random))
          pieces.push(piece(audio, at, at + length))
          at += length
        }
        // The ring is a third of the audio, so it is written round and round.
        const { player, recording } = yield* pageIn(context, { bufferDuration: "200 millis", fadeDuration: 0 })
        const report = yield* player.play(Stream.rechunk(Stream.fromIterable(pieces), 1 + seed % 3))
        assert.strictEqual(report.outcome, "completed")
        const heard = sounding(yield* recording)
        // A machine that is busy may make gaps, but not behind our back.
        assert.strictEqual(gapsIn(heard), report.underruns, `gaps, of seed ${seed}`)
        assert.deepStrictEqual(heard.filter((sample) => sample !== 0).map(asInteger), expected, `seed ${seed}`)
      }, Effect.scoped)
      yield* Effect.forEach(Array.from({ length: 50 }, (_, i) => i), attempt, { concurrency: 10, discard: true })
    }))

  it.scopedLive("play - sound that was never broken off is not faded either", () =>
    Effect.gen(function*() {
      const audio = chirp("200 millis")
      // All of it is there before it begins, so it cannot stumble.
      const { player, recording } = yield* pageIn(yield* contextAt(24000), { prebuffer: "1 second" })
      yield* player.play(Stream.make(audio))
      const heard = sounding(yield* recording).map(asInteger)
      assert.deepStrictEqual(heard.slice(0, Pcm.frames(audio)), [...Pcm.samples(audio)])
      // The last sample fades away: a sudden end is heard as a click.
      const tail = heard.slice(Pcm.frames(audio) - 1).map(Math.abs)
      assert.isTrue(tail.every((sample, i) => i === 0 || sample < (tail[i - 1] ?? 0)), "a falling tail")
    }))

  it.scopedLive("play - channels stay apart", () =>
    Effect.gen(function*() {
      const stereo = Pcm.format(24000, 2)
      const left = Pcm.samples(chirp("100 millis"))
      const samples = Int16Array.from(
        { length: left.length * 2 },
        (_, i) => (left[i >> 1] ?? 0) * (i % 2 === 0 ? 1 : -2)
      )
      const { player, recording } = yield* pageIn(yield* contextAt(24000), { prebuffer: "1 second", fadeDuration: 0 })
      yield* player.play(Stream.make(Pcm.fromSamples(stereo, samples)))
      const { channels, start } = yield* recording
      const heard = channels.map((channel) => sounding({ start, channels: [channel] }).map(asInteger))
      assert.deepStrictEqual(heard, [[...left], [...left].map((sample) => sample * -2)])
    }))

  for (const [from, to] of [[24000, 48000], [16000, 44100], [8000, 48000], [48000, 24000], [44100, 16000]] as const) {
    it.scopedLive(`play - ${from} Hz on a device of ${to} Hz sounds as it was made`, () =>
      Effect.gen(function*() {
        const { player, recording } = yield* pageIn(yield* contextAt(to), { prebuffer: "1 second", fadeDuration: 0 })
        yield* player.play(cut(sine(1000, "200 millis", Pcm.format(from)), "13 millis"))
        const { channels: [samples = []] } = yield* recording
        const first = samples.findIndex((sample) => Math.abs(sample) > 0.01)
        const last = samples.findLastIndex((sample) => sample !== 0)
        assert.closeTo(last - first, 0.2 * to, 0.002 * to, "frames")
        // The amplitude of what is no sine of 1000 Hz, in the middle, where nothing begins or ends.
        const middle = samples.slice(first + 0.05 * to, first + 0.15 * to)
        const sum = (f: (phase: number) => number) =>
          2 / middle.length * middle.reduce((sum, sample, i) => sum + sample * f(2 * Math.PI * 1000 * i / to), 0)
        const [a, b] = [sum(Math.cos), sum(Math.sin)]
        const rest = middle.map((sample, i) => {
          const phase = 2 * Math.PI * 1000 * i / to
          return sample - a * Math.cos(phase) - b * Math.sin(phase)
        })
        const power = Math.sqrt(rest.reduce((sum, sample) => sum + sample * sample, 0) / rest.length)
        assert.closeTo(Math.hypot(a, b), 16000 / 32768, 0.002, "amplitude")
        assert.isBelow(20 * Math.log10(power / Math.hypot(a, b)), -70, "distortion in dB")
      }))
  }

  it.scopedLive("play - what a device cannot sound does not come back as another tone", () =>
    Effect.gen(function*() {
      const { player, recording } = yield* pageIn(yield* contextAt(16000), { prebuffer: "1 second" })
      yield* player.play(Stream.make(sine(11000, "200 millis", Pcm.format(48000))))
      const { channels: [samples = []] } = yield* recording
      // Its beginning and end are clicks of their own.
      const middle = samples.slice(samples.findIndex((sample) => sample !== 0)).slice(1000, 2200)
      assert.isAbove(middle.length, 1000)
      assert.isBelow(Math.max(...middle.map(Math.abs)), 16000 / 32768 / 1000)
    }))

  it.scopedLive("interruption - the sound is gone within 50 ms, without a click", () =>
    Effect.gen(function*() {
      const context = yield* contextAt(24000)
      const attempt = Effect.scoped(Effect.gen(function*() {
        const { player, recording } = yield* pageIn(context)
        const begun = yield* Deferred.make<void>()
        const fiber = yield* cut(sine(150, "5 seconds", speech), "20 millis").pipe(
          Stream.tap(() => Deferred.succeed(begun, undefined)),
          player.play,
          Effect.fork
        )
        yield* Deferred.await(begun)
        yield* Effect.sleep("300 millis")
        const at = context.currentTime
        yield* Fiber.interrupt(fiber)
        yield* Effect.sleep("60 millis")
        const { channels: [samples = []], start } = yield* recording
        const last = samples.findLastIndex((sample) => sample !== 0)
        const steps = samples.map((sample, i) => Math.abs(sample - (samples[i - 1] ?? 0)))
        // The steepest step of the sine itself is 0.019; a fade of 120 samples adds 0.004.
        assert.isBelow(Math.max(...steps), 0.03, "the highest step between two samples")
        return (start + last) / 24000 - at
      }))
      let best = yield* attempt
      for (let tries = 1; tries < 5 && best > 0.05; tries++) best = Math.min(best, yield* attempt)
      assert.isBelow(best, 0.05, "seconds of sound after the interruption")
    }))

  it.scopedLive("pause - fades, and goes on where it was", () =>
    Effect.gen(function*() {
      const { player, recording } = yield* pageIn(yield* contextAt(24000))
      const audio = sine(150, "500 millis", speech)
      const playback = yield* player.start(Stream.make(audio))
      yield* Effect.sleep("200 millis")
      yield* playback.pause
      yield* Effect.sleep("100 millis")
      yield* playback.resume
      const { outcome, underruns } = yield* playback.await
      assert.strictEqual(outcome, "completed")
      const { channels: [samples = []] } = yield* recording
      const steps = samples.map((sample, i) => Math.abs(sample - (samples[i - 1] ?? 0)))
      assert.isBelow(Math.max(...steps), 0.03, "the highest step between two samples")
      // Faded samples count as heard: nothing is lost, and nothing comes twice.
      const frames = samples.slice(samples.findIndex((sample) => sample !== 0)).length
      assert.isAtLeast(frames, Pcm.frames(audio) + 0.05 * 24000)
      assert.strictEqual(underruns, 0)
    }), { retry: 4 })

  it.scopedLive(
    "prebuffer - the sound begins when so much is there, or has not come for so long",
    () =>
      Effect.gen(function*() {
        const context = yield* contextAt(24000)
        const firstAudio = (prebuffer: Duration.DurationInput, pcm: Stream.Stream<Pcm.PcmChunk>) =>
          Effect.scoped(Effect.gen(function*() {
            const { player } = yield* pageIn(context, { prebuffer })
            const { firstAudio } = yield* player.play(pcm)
            return Duration.toMillis(Option.getOrThrow(firstAudio))
          }))
        const audio = chirp("600 millis")
        const slow = cut(audio, "50 millis").pipe(Stream.tap(() => Effect.sleep("40 millis")))
        assert.isAtLeast(yield* firstAudio("400 millis", slow), 300)
        // Less than was wished comes, and then nothing for a long time.
        const hesitant = Stream.concat(
          Stream.make(piece(audio, 0, 1200)),
          Stream.fromEffect(Effect.as(Effect.sleep("900 millis"), piece(audio, 1200, 2400)))
        )
        const begun = yield* firstAudio("300 millis", hesitant)
        assert.isAtLeast(begun, 290)
        assert.isBelow(begun, 880)
      }),
    { retry: 4 }
  )

  it.scopedLive(
    "back-pressure - no more than bufferDuration is taken ahead of the listener",
    () =>
      Effect.gen(function*() {
        const { player } = yield* pageIn(yield* contextAt(24000), { bufferDuration: "2 seconds" })
        const taken = yield* Ref.make(0)
        const playback = yield* cut(chirp("10 seconds"), "20 millis").pipe(
          Stream.tap(() => Ref.update(taken, (sum) => sum + 20)),
          player.start
        )
        yield* Effect.sleep("400 millis")
        const heard = Duration.toMillis(yield* playback.position)
        assert.isAtLeast(yield* Ref.get(taken), 2000)
        assert.isAtMost(yield* Ref.get(taken), heard + 2000 + 200)
        yield* playback.stop
      }),
    { retry: 4 }
  )

  it.scopedLive("failure - formats that no browser plays are typed", () =>
    Effect.gen(function*() {
      const { player } = yield* pageIn(yield* contextAt(24000))
      for (const format of [Pcm.format(500), Pcm.format(500_000), Pcm.format(24000, 33)]) {
        const error = yield* Effect.flip(player.play(Stream.make(Pcm.silence(format, "100 millis"))))
        assert.strictEqual(error.reason, "UnsupportedFormat")
        assert.include(error.message, `${format.sampleRate} Hz`)
      }
    }))

  it.scopedLive("failure - a page that closes its context hears of it", () =>
    Effect.gen(function*() {
      const context = yield* contextAt(24000)
      const { player } = yield* pageIn(context)
      const playback = yield* player.start(cut(chirp("5 seconds"), "20 millis"))
      yield* Effect.sleep("100 millis")
      yield* Effect.promise(() => context.close())
      const error = yield* Effect.flip(playback.await)
      assert.strictEqual(error.reason, "PlayerFailed")
      assert.include(error.message, "closed")
    }))

  it.scopedLive("workletUrl - the script comes from where the page says", () =>
    Effect.gen(function*() {
      const audio = chirp("100 millis")
      const workletUrl = URL.createObjectURL(new Blob([BrowserAudioPlayer.worklet], { type: "text/javascript" }))
      const { player } = yield* pageIn(yield* contextAt(24000), { workletUrl })
      assert.strictEqual((yield* player.play(Stream.make(audio))).outcome, "completed")

      const context = yield* contextAt(24000)
      const missing = yield* pageIn(context, { workletUrl: "/nowhere.js" })
      const error = yield* Effect.flip(missing.player.play(Stream.make(audio)))
      assert.strictEqual(error.reason, "PlayerFailed")
      assert.include(error.message, "/nowhere.js")
      // The next attempt starts anew.
      const found = yield* pageIn(context)
      assert.strictEqual((yield* found.player.play(Stream.make(audio))).outcome, "completed")
    }))
})
