/**
 * Speaks a text, keeps what was said, and tells the page how it goes.
 */
import { AudioFile, AudioPlayer, Pcm, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { Chunk, Data, Duration, Effect, Equal, FiberHandle, Option, Ref, Stream, SubscriptionRef } from "effect"
import { type Engine, Engines } from "./Engines.js"
import * as Peaks from "./Peaks.js"
import * as Sentences from "./Sentences.js"
import * as SpokenText from "./SpokenText.js"

/** What the form says. */
export class Request extends Data.Class<{
  readonly engine: Engine
  readonly text: string
  /** Empty for the engine's own. */
  readonly voice: string
  /** The model that has the voice; empty for the engine's own. */
  readonly model: string
  readonly speed: number
}> {}

/** What was made of a request so far. */
export interface Recording {
  readonly request: Request
  readonly marks: ReadonlyArray<SpokenText.Mark>
  /** One for every `Peaks.slice` of audio. */
  readonly heights: ReadonlyArray<number>
  readonly audio: Chunk.Chunk<Pcm.PcmChunk>
  /** How long the audio is, in milliseconds. */
  readonly made: number
  readonly isComplete: boolean
}

/**
 * - `preparing`: asked for, and not heard yet
 * - `finished`: heard to its end
 */
export type State = Data.TaggedEnum<{
  Idle: {}
  Preparing: {}
  Speaking: {}
  Paused: {}
  Finished: { readonly report: AudioPlayer.PlaybackReport }
  Failed: { readonly sentence: string }
}>

export const State = Data.taggedEnum<State>()

/** Whether there is something to stop. */
export const isActive = (state: State): boolean =>
  state._tag === "Preparing" || state._tag === "Speaking" || state._tag === "Paused"

const toSpeech = ({ model, speed, text, voice }: Request) => ({
  text,
  speed,
  ...(voice === "" ? {} : { voice: voice }),
  ...(model === "" ? {} : { model: model })
})

const empty = (request: Request): Recording => ({
  request,
  marks: [],
  heights: [],
  audio: Chunk.empty(),
  made: 0,
  isComplete: false
})

/** The first words of a text, as a name of a file. */
const fileName = (text: string): string => {
  const words = text.normalize("NFKD").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  return `${words.slice(0, 5).join("-").slice(0, 40) || "speech"}.wav`
}

export class Narrator extends Effect.Service<Narrator>()("Narrator", {
  dependencies: [Engines.Default],
  scoped: Effect.gen(function*() {
    const engines = yield* Engines
    const player = yield* AudioPlayer.AudioPlayer
    const file = yield* AudioFile.AudioFile
    const state = yield* SubscriptionRef.make<State>(State.Idle())
    const recording = yield* Ref.make(Option.none<Recording>())
    const playback = yield* Ref.make(Option.none<AudioPlayer.Playback<unknown>>())
    const performance = yield* FiberHandle.make()

    const record = (request: Request) => {
      let place = SpokenText.start(request.text)
      let slice = Peaks.empty
      const update = (f: (recording: Recording) => Partial<Recording>) =>
        Ref.update(recording, Option.map((before) => ({ ...before, ...f(before) })))

      return Effect.fnUntraced(function*(event: SpeechEvent.SpeechEvent) {
        if (event._tag === "AudioChunk") {
          const [rest, heights] = Peaks.measure(slice, event.chunk)
          slice = rest
          return yield* update((before) => ({
            audio: Chunk.append(before.audio, event.chunk),
            heights: [...before.heights, ...heights],
            made: before.made + Duration.toMillis(Pcm.duration(event.chunk))
          }))
        }
        if (event._tag === "Completed") return yield* update(() => ({ isComplete: true }))
        const [next, mark] = SpokenText.mark(request.text, place, event)
        place = next
        if (Option.isSome(mark)) yield* update((before) => ({ marks: [...before.marks, mark.value] }))
      })
    }

    const perform = Effect.fnUntraced(
      function*(request: Request) {
        yield* Ref.set(recording, Option.some(empty(request)))
        yield* SubscriptionRef.set(state, State.Preparing())
        // The engine works ahead of the listener, as far as it can: a pause stops the sound and not the work.
        const speech = SpeechSynthesizer.events(toSpeech(request)).pipe(
          Stream.tap(record(request)),
          Stream.buffer({ capacity: "unbounded" }),
          SpeechEvent.pcm
        )
        const started = yield* player.start(speech)
        yield* Ref.set(playback, Option.some(started))
        yield* started.position.pipe(
          Effect.delay("20 millis"),
          Effect.repeat({ until: (position) => Duration.greaterThan(position, Duration.zero) }),
          Effect.zipRight(SubscriptionRef.update(state, (now) => now._tag === "Preparing" ? State.Speaking() : now)),
          Effect.forkScoped
        )
        const report = yield* started.await
        yield* SubscriptionRef.set(state, State.Finished({ report }))
      },
      Effect.scoped,
      (effect, { engine }) => Effect.provide(effect, engines.get(engine)),
      Effect.catchAll((error) => SubscriptionRef.set(state, State.Failed({ sentence: Sentences.describe(error) })))
    )

    const togglePause = Effect.gen(function*() {
      const now = yield* SubscriptionRef.get(state)
      const current = yield* Ref.get(playback)
      if (Option.isNone(current)) return
      if (now._tag === "Speaking") {
        yield* current.value.pause
        yield* SubscriptionRef.set(state, State.Paused())
      } else if (now._tag === "Paused") {
        yield* current.value.resume
        yield* SubscriptionRef.set(state, State.Speaking())
      }
    })

    const stop = Effect.gen(function*() {
      if (!isActive(yield* SubscriptionRef.get(state))) return
      yield* FiberHandle.clear(performance)
      yield* SubscriptionRef.set(state, State.Idle())
    })

    // What was just spoken is saved as it is; anything else is spoken into the file.
    const audioOf = (request: Request) =>
      Effect.map(
        Ref.get(recording),
        (recorded) =>
          Option.isSome(recorded) && recorded.value.isComplete && Equal.equals(recorded.value.request, request)
            ? Stream.fromChunk(recorded.value.audio)
            : Stream.provideLayer(SpeechSynthesizer.stream(toSpeech(request)), engines.get(request.engine))
      )

    return {
      state,
      recording: Ref.get(recording),
      /** How much was heard, in milliseconds. */
      position: Effect.flatMap(
        Ref.get(playback),
        Option.match({
          onNone: () => Effect.succeed(0),
          onSome: ({ position }) => Effect.map(position, Duration.toMillis)
        })
      ),
      /** Speaks from the beginning, instead of whatever is spoken now. */
      speak: (request: Request) => Effect.asVoid(FiberHandle.run(performance, perform(request))),
      togglePause,
      stop,
      save: (request: Request) => file.save(fileName(request.text), Stream.unwrap(audioOf(request)))
    }
  })
}) {}
