import type { EdgeFade } from "@effect-smallest/core/EdgeFade"
import * as Loudness from "@effect-smallest/core/Loudness"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Pull from "@effect-smallest/core/Pull"
import { SpeechEngines } from "@effect-smallest/core/SpeechEngines"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import { CurrentSpeechOptions, mergeOptions, type SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import type * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import type * as SpeechScript from "../SpeechScript.js"
import * as SpeechText from "../SpeechText.js"
import type * as TextSegmenter from "../TextSegmenter.js"
import { isSpeakable } from "./speakable.js"
import { fade, type Item, type Options, type Speaker, speakItems } from "./speakSegments.js"

type Events = Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError>

type Cut = (text: string) => ReadonlyArray<{ readonly text: string; readonly textOffset: number }>

const invalid = (part: number, parameter: string, description: string) =>
  new SpeechError.InvalidSpeechRequest({
    module: "SpeechStream",
    method: "fromScript",
    parameter,
    description: `Part ${part} of the script: ${description}`
  })

const invalidOption = (value: unknown) =>
  new SpeechError.InvalidSpeechRequest({
    module: "SpeechStream",
    method: "fromScript",
    parameter: "evenLoudness",
    description: `\`evenLoudness\` must be true or false, not ${Inspectable.toStringUnknown(value)}`
  })

// Scripts are data, which programs and language models write: their types do not check them.
const isPart = (part: unknown): boolean => {
  if (!Predicate.isRecord(part)) return false
  const { _tag, name, speaker, text } = part
  return _tag === undefined
    ? Predicate.isString(text) && (speaker === undefined || Predicate.isString(speaker))
    : _tag === "Pause" || _tag === "Mark" && Predicate.isString(name)
}

const longestPause = Duration.hours(1)

const includesRate = ({ capabilities: { sampleRates } }: SpeechSynthesizer.Service, sampleRate: number): boolean =>
  "minimum" in sampleRates
    ? sampleRate >= sampleRates.minimum && sampleRate <= sampleRates.maximum
    : sampleRates.includes(sampleRate)

// Voices, models and options of a provider are names of one engine.
const portable = ({ language, removeExtraSilence, speed }: SpeechOptions): SpeechOptions => ({
  language,
  removeExtraSilence,
  speed
})

// Brings the audio of events to one rate. Other events wait for the audio before them.
const resampled = (
  events: Events,
  sampleRate: number
): Events =>
  Stream.suspend(() => {
    let waiting: Array<SpeechEvent.SpeechEvent> = []
    const due = (): Array<SpeechEvent.SpeechEvent> => {
      const ready = waiting
      waiting = []
      return ready
    }
    return events.pipe(
      Stream.filterMap((event) => {
        if (event._tag === "AudioChunk") return Option.some(event.chunk)
        waiting.push(event)
        return Option.none()
      }),
      Pcm.resample(sampleRate),
      Stream.mapConcat((chunk): Array<SpeechEvent.SpeechEvent> => [...due(), SpeechEvent.AudioChunk({ chunk })]),
      Stream.concat(Stream.suspend(() => Stream.fromIterable(due()))),
      Stream.mapError((error) =>
        SpeechError.isSpeechError(error) ? error : new SpeechError.EngineFailure({
          module: "SpeechStream",
          method: "fromScript",
          description: error.message,
          cause: error
        })
      )
    )
  })

// One after the other.
const joined = (first: EdgeFade | undefined, second: EdgeFade | undefined): EdgeFade | undefined =>
  first === undefined || second === undefined ? first ?? second : {
    push: (chunk) => first.push(chunk).flatMap(second.push),
    end: () => [...first.end().flatMap(second.push), ...second.end()]
  }

/**
 * Speaks a script: its parts in order, each cut on its own by `cut`.
 *
 * @internal
 */
export const speakScript = <E, R>(
  script: SpeechScript.Source<E, R>,
  cut: Cut,
  options: Options,
  evenLoudness: boolean = true
): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const engines = yield* SpeechEngines
    const scoped = yield* CurrentSpeechOptions
    const { defaults } = options.synthesizer
    const sampleRate = options.request.sampleRate ?? scoped.sampleRate ?? defaults.sampleRate ?? 24000
    const pull = yield* Pull.fromStream(
      Predicate.hasProperty(script, Stream.StreamTypeId) ? script : Stream.rechunk(Stream.fromIterable(script), 1)
    )
    if (!Predicate.isBoolean(evenLoudness)) return Stream.fail(invalidOption(evenLoudness))

    const engineOf = (name: string, part: number): Effect.Effect<Speaker, SpeechError.InvalidSpeechRequest> => {
      const engine = Object.hasOwn(engines, name) ? engines[name] : undefined
      const names = Object.keys(engines)
      if (engine === undefined) {
        return invalid(
          part,
          "engine",
          names.length === 0
            ? `there is no engine "${name}": provide it with SpeechEngines.layer`
            : `there is no engine "${name}": name one of ${names.join(", ")}`
        )
      }
      const rate = includesRate(engine, sampleRate) ? sampleRate : undefined
      return Effect.succeed({
        defaults: engine.defaults,
        events: (request) =>
          Stream.provideService(
            engine.events({ ...request, sampleRate: request.sampleRate ?? rate }),
            CurrentSpeechOptions,
            portable(scoped)
          )
      })
    }

    const ensemble = evenLoudness ? Loudness.makeEnsemble() : undefined
    let offset = 0
    const itemsOf = Effect.fnUntraced(function*(part: SpeechScript.Part, index: number) {
      if (SpeechText.isFlush(part)) return []
      if (!isPart(part)) {
        return yield* invalid(
          index,
          "script",
          `${
            Inspectable.toStringUnknown(part, 0).slice(0, 100)
          } is not a part: give { text: "..." }, a pause, a mark or a flush`
        )
      }
      if ("_tag" in part) {
        if (part._tag === "Mark") return [{ _tag: "Mark", name: part.name, part: index }] satisfies ReadonlyArray<Item>
        const duration = Option.getOrUndefined(Duration.decodeUnknown(part.duration))
        if (duration === undefined) {
          return yield* invalid(index, "duration", "a pause has a duration, such as \"1 second\" or milliseconds")
        }
        return Duration.lessThanOrEqualTo(duration, longestPause)
          ? [{ _tag: "Pause", duration, part: index }] satisfies ReadonlyArray<Item>
          : yield* invalid(index, "duration", `a pause may last an hour, not ${Duration.format(duration)}`)
      }
      const { engine, speaker, text, ...own } = part
      const synthesizer = engine === undefined ? options.synthesizer : yield* engineOf(engine, index)
      const base = engine === undefined ? { ...options.request, sampleRate } : portable(options.request)
      const request = mergeOptions(base, own)
      const given = (name: "model" | "voice") =>
        request[name] ?? (engine === undefined ? scoped[name] : undefined) ?? synthesizer.defaults[name]
      const name = speaker ?? given("voice")
      const voice = JSON.stringify([engine, given("model"), given("voice")])
      const begin = offset
      offset += text.length
      return cut(text).filter((segment) => isSpeakable(segment.text)).map((segment): Item => ({
        _tag: "Utterance",
        segment: { text: segment.text, textOffset: begin + segment.textOffset },
        part: index,
        speaker: name,
        stage: (format) => joined(ensemble?.next(voice, format), fade(options.fade)),
        request,
        synthesizer: {
          defaults: synthesizer.defaults,
          events: (request) => resampled(synthesizer.events(request), sampleRate)
        }
      }))
    })

    let parts: ReadonlyArray<SpeechScript.Part> = []
    let items: ReadonlyArray<Item> = []
    let index = 0
    const next: Effect.Effect<Item, Option.Option<E | SpeechError.SpeechError>, R> = Effect.suspend(() => {
      const [item, ...rest] = items
      if (item !== undefined) {
        items = rest
        return Effect.succeed(item)
      }
      const [part, ...others] = parts
      if (part === undefined) {
        return Effect.flatMap(pull, (more) => {
          parts = Chunk.toReadonlyArray(more)
          return next
        })
      }
      parts = others
      return Effect.flatMap(Effect.mapError(itemsOf(part, index++), Option.some), (found) => {
        items = found
        return next
      })
    })

    return speakItems(Effect.succeed(next), { ...options, sampleRate })
  }))

/**
 * Cuts a finished text.
 *
 * @internal
 */
export const cutText = (segmenter: TextSegmenter.TextSegmenter): Cut => (text) => {
  const [state, segments] = segmenter.push(segmenter.initial, text)
  return [...segments, ...segmenter.flush(state)[1]]
}

/**
 * Speaks a script by what speaks whole texts, and retries them, itself.
 *
 * @internal
 */
export const speakLines = <E, R>(
  script: SpeechScript.Source<E, R>,
  { defaults, evenLoudness, events, request }: {
    readonly evenLoudness: boolean | undefined
    readonly defaults: SpeechOptions
    readonly events: (text: string, options: SpeechOptions) => Events
    readonly request: SpeechOptions
  }
): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R> =>
  speakScript(script, (text) => [{ text, textOffset: 0 }], {
    synthesizer: { defaults, events: ({ text, ...options }) => events(text, options) },
    request,
    prefetch: 1,
    schedule: SpeechError.scheduleOf(false),
    onSegmentFailure: "fail",
    gap: Duration.zero,
    fade: Duration.zero,
    trimSilence: undefined
  }, evenLoudness)
