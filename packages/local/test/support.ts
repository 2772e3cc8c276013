import { Pcm, type SpeechError, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { FliteWorker } from "@effect-smallest/local"
import { Chunk, Effect, Layer, Stream } from "effect"

/** Everything that happened while a request was spoken. */
export interface Account {
  readonly events: ReadonlyArray<SpeechEvent.SpeechEvent>
  readonly samples: Int16Array
  readonly words: ReadonlyArray<SpeechEvent.SpeechEvent & { readonly _tag: "WordTimestamp" }>
  readonly seconds: number
}

export const account = (
  request: Parameters<typeof SpeechSynthesizer.events>[0]
): Effect.Effect<Account, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer> =>
  Effect.map(Stream.runCollect(SpeechSynthesizer.events(request)), (collected) => {
    const events = Chunk.toReadonlyArray(collected)
    const chunks = events.filter(SpeechEvent.$is("AudioChunk")).map(({ chunk }) => chunk)
    const samples = new Int16Array(chunks.reduce((sum, chunk) => sum + Pcm.frames(chunk), 0))
    chunks.reduce((offset, chunk) => {
      samples.set(Pcm.samples(chunk), offset)
      return offset + Pcm.frames(chunk)
    }, 0)
    const rate = chunks[0]?.format.sampleRate ?? 1
    return { events, samples, words: events.filter(SpeechEvent.$is("WordTimestamp")), seconds: samples.length / rate }
  })

export const rootMeanSquare = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + (sample / 32768) ** 2, 0) / samples.length)

/** Workers with a list of what they were sent, and how many are alive and ever were. */
export const observed = () => {
  const sent: Array<Parameters<FliteWorker.Worker["send"]>[0]> = []
  let alive = 0
  let spawned = 0
  const layer = Layer.effect(
    FliteWorker.FliteWorker,
    Effect.map(FliteWorker.FliteWorker, (flite) =>
      FliteWorker.FliteWorker.of({
        load: flite.load,
        spawn: Effect.gen(function*() {
          // Finalizers run in reverse: this one runs after the worker has ended.
          yield* Effect.acquireRelease(Effect.sync(() => (alive++, spawned++)), () => Effect.sync(() => alive--))
          const worker = yield* flite.spawn
          return {
            ...worker,
            send: (request) => Effect.zipRight(Effect.sync(() => sent.push(request)), worker.send(request))
          }
        })
      }))
  )
  return { layer, sent, alive: () => alive, spawned: () => spawned }
}
