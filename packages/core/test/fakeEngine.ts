import type { Audio } from "@effect-smallest/core"
import { Pcm, SpeechEngine, SpeechError, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { Duration, Effect, Layer, Stream } from "effect"

export const failure = (description: string): SpeechError.ServerFailure =>
  new SpeechError.ServerFailure({ module: "Fake", method: "events", description })

/** One piece of audio: its samples all have one value, so that a listener knows what it heard. */
export const sound = (
  request: SpeechEngine.ResolvedRequest,
  value: number,
  frames = 80
): SpeechEvent.SpeechEvent =>
  SpeechEvent.AudioChunk({
    chunk: Pcm.fromSamples(Pcm.format(request.sampleRate), new Int16Array(frames).fill(value))
  })

export const started = (request: SpeechEngine.ResolvedRequest): SpeechEvent.SpeechEvent =>
  SpeechEvent.SegmentStarted({ segment: 0, text: request.text, textOffset: 0, start: Duration.zero })

export const completed = (millis: number): SpeechEvent.SpeechEvent =>
  SpeechEvent.Completed({ duration: Duration.millis(millis) })

type Events = SpeechEngine.Engine["events"]

/** Says the samples 1, 2, 3, in chunks of 10 ms at 8000 Hz. */
export const plain: Events = (request) =>
  Stream.make(started(request), sound(request, 1), sound(request, 2), sound(request, 3), completed(30)).pipe(
    Stream.rechunk(1)
  )

/** Fails before any sound. */
export const silentFailure = (description: string): Events => (request) =>
  Stream.concat(Stream.make(started(request)), Stream.fail(failure(description)))

/** Fails after one sound. */
export const lateFailure = (description: string): Events => (request) =>
  Stream.make(started(request), sound(request, 9)).pipe(
    Stream.rechunk(1),
    Stream.concat(Stream.fail(failure(description)))
  )

/** An engine that answers its requests by the script in turn, the last entry for all that follow, and records them. */
export const scripted = (
  script: readonly [Events, ...ReadonlyArray<Events>],
  options: Partial<Omit<SpeechEngine.Engine, "events">> = {}
) => {
  const requests: Array<SpeechEngine.ResolvedRequest> = []
  const next: Events = (request) =>
    Stream.suspend(() => {
      const events = script[Math.min(requests.length, script.length - 1)] ?? script[0]
      requests.push(request)
      return events(request)
    })
  const service = SpeechEngine.make({
    module: "Fake",
    defaults: { sampleRate: 8000 },
    honours: ["voice"],
    maxTextLength: 8000,
    sampleRates: [8000, 16000],
    ...options,
    events: next
  })
  return { service, requests, layer: Layer.succeed(SpeechSynthesizer.SpeechSynthesizer, service) }
}

/** Gives what was heard, one value a chunk, also of a stream that failed. */
export const heard = (stream: Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError>) =>
  Effect.gen(function*() {
    const values: Array<number> = []
    const result = yield* stream.pipe(
      Stream.runForEach((chunk) => Effect.sync(() => void values.push(Pcm.samples(chunk)[0] ?? NaN))),
      Effect.either
    )
    return { values, error: result._tag === "Left" ? result.left : undefined }
  })

export const audioOf = (audio: Audio.Audio): ReadonlyArray<number> => Array.from(Pcm.samples(audio))
