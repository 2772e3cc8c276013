/**
 * Long narration that survives: a durable workflow which speaks a book segment by segment into an `AudioStore`.
 *
 * A book is a workflow, each 300 segments of a chapter a child of it, each segment an activity. Audio is stored under a key of the text and
 * everything that changes its sound, before the activity ends: whatever dies when, no segment that has been stored is paid for again.
 *
 * @since 0.2.0
 */
import * as AudioStore from "@effect-smallest/core/AudioStore"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import * as SpeechRecording from "@effect-smallest/core/SpeechRecording"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as Activity from "@effect/workflow/Activity"
import * as Workflow from "@effect/workflow/Workflow"
import type * as WorkflowEngine from "@effect/workflow/WorkflowEngine"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import * as NarrationPlan from "./NarrationPlan.js"

/**
 * A narration whose script is not in the store, or not a script.
 *
 * @since 0.2.0
 * @category errors
 */
export class UnknownScript
  extends Schema.TaggedError<UnknownScript>("@effect-smallest/narration/Narration/UnknownScript")("UnknownScript", {
    key: Schema.String
  })
{
  override get message(): string {
    return `The script ${this.key} is not in the store of audio: submit it with Narration.submit, to the store that the runners use.`
  }
}

/**
 * @since 0.2.0
 * @category schemas
 */
export const NarrationError = Schema.Union(SpeechError.schema, AudioStore.AudioStoreError, UnknownScript)

/**
 * @since 0.2.0
 * @category models
 */
export type NarrationError = typeof NarrationError.Type

/**
 * What has been narrated.
 *
 * @since 0.2.0
 * @category schemas
 */
export const Summary = Schema.Struct({
  segments: Schema.NonNegativeInt,
  /** Sample frames of speech, without pauses. */
  frames: Schema.NonNegativeInt
})

/**
 * @since 0.2.0
 * @category models
 */
export type Summary = typeof Summary.Type

const address = {
  /** The key of the script in the store. */
  script: Schema.String,
  /** Counts the attempts: a workflow that has failed is over, and another attempt is another workflow. */
  attempt: Schema.NonNegativeInt
}

/**
 * The narration of a whole book.
 *
 * @since 0.2.0
 * @category constants
 */
export const workflow = Workflow.make({
  name: "effect-smallest/Narration",
  payload: address,
  success: Summary,
  error: NarrationError,
  idempotencyKey: ({ attempt, script }) => `${script}/${attempt}`
})

/**
 * The narration of some segments of a chapter, as a child of the whole.
 *
 * @since 0.2.0
 * @category constants
 */
export const partWorkflow = Workflow.make({
  name: "effect-smallest/Narration/Part",
  payload: { ...address, chapter: Schema.NonNegativeInt, part: Schema.NonNegativeInt },
  success: Summary,
  error: NarrationError,
  idempotencyKey: ({ attempt, chapter, part, script }) => `${script}/${attempt}/${chapter}/${part}`
})

const partLength = 300

const Written = Schema.parseJson(NarrationPlan.Script)

/**
 * Puts a script into the store and gives its key, which is what the workflow takes.
 *
 * @since 0.2.0
 * @category constructors
 */
export const submit = (
  script: NarrationPlan.Script
): Effect.Effect<string, AudioStore.AudioStoreError, AudioStore.AudioStore> =>
  Effect.gen(function*() {
    const store = yield* AudioStore.AudioStore
    const bytes = new TextEncoder().encode(Schema.encodeSync(Written)(script))
    const key = `p-${createHash("sha256").update(bytes).digest("hex")}`
    yield* store.put(key, bytes)
    return key
  })

/**
 * A script from the store.
 *
 * @since 0.2.0
 * @category accessors
 */
export const scriptOf = (
  key: string
): Effect.Effect<NarrationPlan.Script, AudioStore.AudioStoreError | UnknownScript, AudioStore.AudioStore> =>
  Effect.flatMap(
    AudioStore.AudioStore,
    (store) =>
      Effect.flatMap(
        store.get(key),
        (found) =>
          Option.flatMap(found, (bytes) => Schema.decodeOption(Written)(new TextDecoder().decode(bytes))).pipe(
            Effect.mapError(() => new UnknownScript({ key }))
          )
      )
  )

/**
 * The audio of a segment with its events, if it has been spoken. An entry that is damaged is removed: the next run speaks it again.
 *
 * @since 0.2.0
 * @category accessors
 */
export const segmentOf = (
  key: string
): Effect.Effect<
  Option.Option<ReadonlyArray<SpeechEvent.SpeechEvent>>,
  AudioStore.AudioStoreError,
  AudioStore.AudioStore
> =>
  Effect.flatMap(AudioStore.AudioStore, (store) =>
    Effect.flatMap(store.get(key), (found) => {
      if (Option.isNone(found)) return Effect.succeedNone
      const events = SpeechRecording.decode(found.value)
      return Either.isRight(events) ? Effect.succeedSome(events.right) : Effect.as(store.remove(key), Option.none())
    }))

const framesOf = (events: Iterable<SpeechEvent.SpeechEvent>): number => {
  let frames = 0
  for (const event of events) {
    if (event._tag === "AudioChunk") frames += event.chunk.bytes.length / (2 * event.chunk.format.channels)
  }
  return frames
}

/**
 * A segment that is done.
 *
 * @since 0.2.0
 * @category models
 */
export interface Progress {
  readonly chapter: number
  readonly segment: NarrationPlan.Segment
  readonly frames: number
  /** Whether the engine was asked for it, now. */
  readonly isNew: boolean
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * How many segments this process asks for at once. More than the account's `concurrency` only makes them wait for permits.
   * @default 1
   */
  readonly concurrency?: number | undefined
  /**
   * How a segment is tried again.
   * @default { maxRetries: 5 }
   */
  readonly retry?: SpeechError.Retry | undefined
  /** Called for each segment that is done. */
  readonly onSegment?: ((progress: Progress) => Effect.Effect<void>) | undefined
}

const check = LayerOptions.make<Options>("Narration.layer", {
  concurrency: LayerOptions.whole(1, 1000),
  retry: LayerOptions.retry,
  onSegment: LayerOptions.code
})

const SegmentDone = Schema.Struct({ frames: Schema.NonNegativeInt })

const add = (summaries: ReadonlyArray<Summary>): Summary => ({
  segments: summaries.reduce((sum, { segments }) => sum + segments, 0),
  frames: summaries.reduce((sum, { frames }) => sum + frames, 0)
})

/**
 * Runs narrations: registers both workflows with the engine of workflows. If a segment fails in the end, those in flight are still heard out
 * and stored, because they are paid for; then the narration fails with the first error.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<
  never,
  never,
  AudioStore.AudioStore | SpeechSynthesizer.SpeechSynthesizer | WorkflowEngine.WorkflowEngine
> =>
  Layer.unwrapEffect(Effect.gen(function*() {
    const { concurrency = 1, onSegment = () => Effect.void, retry = { maxRetries: 5 } } = check(options)
    const store = yield* AudioStore.AudioStore
    const synthesizer = yield* SpeechSynthesizer.SpeechSynthesizer
    const permits = yield* Effect.makeSemaphore(concurrency)
    const schedule = SpeechError.scheduleOf(retry)
    const provideStore = Effect.provideService(AudioStore.AudioStore, store)

    // The children of one book read the same script.
    let last: { readonly key: string; readonly script: NarrationPlan.Script } | undefined
    const load = (key: string) =>
      last?.key === key ? Effect.succeed(last.script) : Effect.tap(provideStore(scriptOf(key)), (script) => {
        last = { key, script }
      })

    const speak = ({ key, text, voice }: NarrationPlan.Segment, options: NarrationPlan.Script["options"]) =>
      Effect.gen(function*() {
        const request = { ...options, text, ...(voice === undefined ? {} : { voice }) }
        // With a lease of its own, so that retries of the layers below do not multiply these.
        const lease = yield* SpeechEngine.makeLease({ stream: {}, index: 0, isHead: Effect.succeed(true) })
        const events = yield* SpeechEngine.retry(Stream.runCollect(synthesizer.events(request)), schedule).pipe(
          Effect.provideService(SpeechEngine.CurrentSegmentLease, Option.some(lease)),
          Effect.map(Chunk.toReadonlyArray)
        )
        yield* store.put(key, SpeechRecording.encode(events))
        return { frames: framesOf(events), isNew: true }
      }).pipe(Effect.scoped)

    const once = (segment: NarrationPlan.Segment, options: NarrationPlan.Script["options"]) =>
      Effect.flatMap(provideStore(segmentOf(segment.key)), (found) =>
        Option.isSome(found)
          ? Effect.succeed({ frames: framesOf(found.value), isNew: false })
          : speak(segment, options))

    const part = partWorkflow.toLayer(Effect.fnUntraced(function*({ chapter, part, script: key }) {
      const script = yield* load(key)
      const segments = script.chapters[chapter]?.segments.slice(part * partLength, (part + 1) * partLength) ?? []
      const failed = yield* Ref.make(false)
      const results = yield* Effect.forEach(
        segments,
        (segment, i) => {
          const done = Activity.make({
            name: `${i}/${segment.key.slice(2, 18)}`,
            success: SegmentDone,
            error: NarrationError,
            execute: permits.withPermits(1)(once(segment, script.options)).pipe(
              Effect.tap(({ frames, isNew }) => onSegment({ chapter, segment, frames, isNew })),
              Effect.map(({ frames }) => ({ frames }))
            )
          })
          return Effect.flatMap(Ref.get(failed), (failed_) =>
            failed_ ? Effect.succeedNone : Effect.asSome(Effect.either(
              Effect.tapError(done, () => Ref.set(failed, true))
            )))
        },
        // The permits are the limit.
        { concurrency: Math.max(2, concurrency) }
      )
      const finished = results.flatMap((result) => Option.isSome(result) ? [result.value] : [])
      const summaries = yield* Either.all(finished)
      return { segments: summaries.length, frames: summaries.reduce((sum, { frames }) => sum + frames, 0) }
    }))

    const book = workflow.toLayer(Effect.fnUntraced(function*({ attempt, script: key }) {
      const script = yield* load(key)
      const parts = script.chapters.flatMap(({ segments }, chapter) =>
        Array.from({ length: Math.ceil(segments.length / partLength) }, (_, part) => ({ chapter, part }))
      )
      const failed = yield* Ref.make(false)
      const results = yield* Effect.forEach(
        parts,
        ({ chapter, part }) =>
          Effect.flatMap(Ref.get(failed), (failed_) =>
            failed_ ? Effect.succeedNone : partWorkflow.execute({ script: key, attempt, chapter, part }).pipe(
              Effect.tapError(() =>
                Ref.set(failed, true)
              ),
              Effect.either,
              Effect.asSome
            )),
        { concurrency: 2 }
      )
      const finished = results.flatMap((result) => Option.isSome(result) ? [result.value] : [])
      return add(yield* Either.all(finished))
    }))

    return Layer.merge(part, book)
  }))
