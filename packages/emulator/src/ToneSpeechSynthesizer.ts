/**
 * A speech engine that plays a melody instead of speaking: each letter is a note, each word a phrase with its times. It
 * needs next to no computing, takes any script, and plays the same text the same way every time, which is what tests
 * want of an engine.
 *
 * @since 0.1.0
 */
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import { CurrentPronunciations } from "@effect-smallest/local/LocalSpeechSynthesizer"
import type { Pronunciations } from "@effect-smallest/local/TextFrontEnd"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * `tone-low` and `tone-mid` count as male, `tone-high` and `tone-top` as female.
   * @default "tone-mid"
   */
  readonly voice?: SpeechOptions["voice"]
  /**
   * 8000 to 48000.
   * @default 24000
   */
  readonly sampleRate?: SpeechOptions["sampleRate"]
}

const check = LayerOptions.make<Options>("ToneSpeechSynthesizer.layer", {
  voice: LayerOptions.speech.voice,
  sampleRate: LayerOptions.speech.sampleRate
})

const tones: Readonly<Record<string, { readonly base: number; readonly gender: "female" | "male" }>> = {
  "tone-mid": { base: 147, gender: "male" },
  "tone-high": { base: 220, gender: "female" },
  "tone-low": { base: 110, gender: "male" },
  "tone-top": { base: 262, gender: "female" }
}

/** A word, or a pause of punctuation. */
interface Phrase {
  /** The word as written; empty for a pause. */
  readonly word: string
  /** The notes of its melody. */
  readonly letters: string
  readonly seconds: number
}

const secondsPerLetter = 0.055

const secondsBetweenWords = 0.04

/** Words with their joiners, and the punctuation that makes a pause. */
const pattern = /[\p{L}\p{N}\p{M}$€£₹%&@#]+(?:['’.,:-][\p{L}\p{N}\p{M}]+)*|[.!?…।;:,]/gu

const toPhrases = (text: string, pronunciations: Pronunciations): Array<Phrase> => {
  const phrases: Array<Phrase> = []
  for (const [match] of text.matchAll(pattern)) {
    if (/^[.!?…।;:,]$/.test(match)) {
      phrases.push({ word: "", letters: "", seconds: /[;:,]/.test(match) ? 0.12 : 0.24 })
      continue
    }
    const pronunciation = Object.hasOwn(pronunciations, match) ? pronunciations[match] : undefined
    const spelling = typeof pronunciation === "string" ? pronunciation : pronunciation?.phonemes ?? match
    const letters = spelling.replace(/[^\p{L}\p{N}\p{M}]/gu, "") || "o"
    phrases.push({ word: match, letters, seconds: Math.max(0.11, letters.length * secondsPerLetter) })
  }
  return phrases.length > 0 ? phrases : [{ word: "", letters: "", seconds: 0.24 }]
}

/** Two octaves of a pentatonic scale, in which any melody sounds well. */
const scale = [0, 2, 4, 7, 9, 12, 14, 16, 19, 21]

const pitchOf = (letter: string, base: number): number =>
  base * 2 ** ((scale[(letter.codePointAt(0) ?? 0) % scale.length] ?? 0) / 12)

const loudness = 9000

// A note and its octave, swelling and fading so that nothing clicks.
const play = (letters: ReadonlyArray<string>, samples: number, sampleRate: number, base: number): Int16Array => {
  const out = new Int16Array(samples)
  const each = samples / letters.length
  letters.forEach((letter, i) => {
    const start = Math.round(i * each)
    const length = Math.round((i + 1) * each) - start
    const step = 2 * Math.PI * pitchOf(letter, base) / sampleRate
    for (let n = 0; n < length; n++) {
      const swell = Math.min(1, 8 * n / length, 4 * (length - n) / length)
      out[start + n] = loudness * swell * (Math.sin(step * n) + 0.4 * Math.sin(2 * step * n)) / 1.4
    }
  })
  return out
}

/** Letters that are played at once: a text without blanks must not become one piece of audio. */
const lettersAtOnce = 40

const phraseEvents = (
  phrase: Phrase,
  at: number,
  request: SpeechEngine.ResolvedRequest,
  base: number
): { readonly events: Array<SpeechEvent.SpeechEvent>; readonly samples: number } => {
  const format = Pcm.format(request.sampleRate)
  const samplesOf = (seconds: number) => Math.round(seconds / request.speed * request.sampleRate)
  const time = (samples: number) => Duration.millis(Math.round(1000 * samples / request.sampleRate))
  const audio = (samples: Int16Array) => SpeechEvent.AudioChunk({ chunk: Pcm.fromSamples(format, samples) })
  const total = samplesOf(phrase.seconds)
  if (phrase.word === "") return { events: [audio(new Int16Array(total))], samples: total }
  const letters = Array.from(phrase.letters)
  const events: Array<SpeechEvent.SpeechEvent> = [
    SpeechEvent.WordTimestamp({ segment: 0, word: phrase.word, start: time(at), end: time(at + total) })
  ]
  for (let i = 0; i < letters.length; i += lettersAtOnce) {
    const some = letters.slice(i, i + lettersAtOnce)
    const from = Math.round(total * i / letters.length)
    const to = Math.round(total * (i + some.length) / letters.length)
    events.push(audio(play(some, to - from, request.sampleRate, base)))
  }
  const gap = samplesOf(secondsBetweenWords)
  events.push(audio(new Int16Array(gap)))
  return { events, samples: total + gap }
}

const events = (request: SpeechEngine.ResolvedRequest): Stream.Stream<SpeechEvent.SpeechEvent> =>
  Stream.unwrap(Effect.map(CurrentPronunciations, (pronunciations) => {
    const base = tones[request.voice ?? ""]?.base ?? 147
    const phrases = toPhrases(request.text, pronunciations)
    let spoken = 0
    const melody = Stream.fromIterable(phrases).pipe(
      Stream.rechunk(1),
      // Other fibers get their turn after every word.
      Stream.mapEffect((phrase) => Effect.as(Effect.yieldNow(), phrase)),
      Stream.mapConcatChunk((phrase) => {
        const { events, samples } = phraseEvents(phrase, spoken, request, base)
        spoken += samples
        return Chunk.unsafeFromArray(events)
      })
    )
    return Stream.make(
      SpeechEvent.SegmentStarted({ segment: 0, text: request.text, textOffset: 0, start: Duration.zero })
    ).pipe(
      Stream.concat(melody),
      Stream.concat(
        Stream.suspend(() =>
          Stream.make(SpeechEvent.Completed({ duration: Duration.seconds(spoken / request.sampleRate) }))
        )
      )
    )
  }))

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): SpeechSynthesizer.Service => {
  check(options)
  return SpeechEngine.make({
    module: "ToneSpeechSynthesizer",
    defaults: { voice: options.voice ?? "tone-mid", speed: 1, sampleRate: options.sampleRate ?? 24000 },
    honours: ["voice"],
    sampleRates: { minimum: 8000, maximum: 48000 },
    events,
    voices: Effect.succeed(
      Object.entries(tones).map(([id, { gender }]) => ({
        id: id,
        name: id.replace(/^tone-(.)/, (_, letter: string) => `Tone ${letter.toUpperCase()}`),
        gender,
        languages: ["en"],
        models: ["tone"]
      }))
    ),
    models: Effect.succeed([]),
    languages: Effect.succeed(["en"])
  })
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer> =>
  Layer.sync(SpeechSynthesizer.SpeechSynthesizer, () => make(options))
