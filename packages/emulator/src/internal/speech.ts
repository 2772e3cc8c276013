/**
 * From the engine's events to audio as the vendor cuts it: blocks of 160 ms, with words in the order of their times.
 */
import * as Pcm from "@effect-smallest/core/Pcm"
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import type { SpeechEvent } from "@effect-smallest/core/SpeechEvent"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type { VoiceInfo } from "@effect-smallest/core/Voice"
import * as LocalSpeechSynthesizer from "@effect-smallest/local/LocalSpeechSynthesizer"
import type { Pronunciations } from "@effect-smallest/local/TextFrontEnd"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as ToneSpeechSynthesizer from "../ToneSpeechSynthesizer.js"
import type { CatalogueVoice } from "./catalogue.js"
import { spellOut } from "./mathNotation.js"
import { cutToSize } from "./sentences.js"

/**
 * What goes out to a client, before its protocol gives it a form.
 *
 * - `Audio`: bytes in the encoding of the answer
 * - `Word`: a word and its times in seconds
 * - `Malformed`, `BadBase64`, `Failed`: faults
 * - `Cut`: where a fault ends the answer; no transport ever sees it
 * - `End`: the protocol's end mark
 *
 * @internal
 */
export type Output = Data.TaggedEnum<{
  Audio: { readonly bytes: Uint8Array }
  Word: { readonly id: number; readonly word: string; readonly start: number; readonly end: number }
  Malformed: {}
  BadBase64: {}
  Failed: { readonly message: string }
  Cut: {}
  End: {}
}>

/** @internal */
export const Output = Data.taggedEnum<Output>()

/** @internal */
export interface Utterance {
  readonly text: string
  readonly voice: Pick<CatalogueVoice, "id" | "gender">
  readonly sampleRate: number
  readonly speed: number
  readonly mathNotation?: boolean | undefined
  readonly removeExtraSilence?: boolean | undefined
  readonly pronunciations?: Pronunciations | undefined
}

/** @internal */
export interface Service {
  /** PCM in blocks of 160 ms, the last one filled up with silence at speed 1, and words if the engine has them. */
  readonly speak: (utterance: Utterance) => Stream.Stream<Output, SpeechError.SpeechError>
}

/** @internal */
export class Speech extends Context.Tag("@effect-smallest/emulator/internal/Speech")<Speech, Service>() {}

/** @internal */
export const blockDuration = Duration.millis(160)

// Engines name words without their punctuation. The vendor sends the substring of the text, and clients build transcripts
// from these words.
const asWritten = (text: string) => {
  let from = 0
  return (word: string): string => {
    const at = text.indexOf(word, from)
    const gap = at === -1 ? "" : text.slice(from, at)
    if (at === -1 || word === "" || /[\p{L}\p{N}]/u.test(gap)) return word
    const start = at - (/[^\s\p{L}\p{N}]*$/u.exec(gap)?.[0].length ?? 0)
    const end = at + word.length
    from = end + (/^[^\s\p{L}\p{N}]*/u.exec(text.slice(end))?.[0].length ?? 0)
    return text.slice(start, from)
  }
}

const toBlocks = (utterance: Utterance) => (events: Stream.Stream<SpeechEvent, SpeechError.SpeechError>) =>
  Stream.suspend(() => {
    const format = Pcm.format(utterance.sampleRate)
    const size = Pcm.byteLength(format, blockDuration)
    const words: Array<Data.TaggedEnum.Value<Output, "Word">> = []
    let pending: Array<Uint8Array> = []
    let pendingBytes = 0
    let sentBytes = 0
    let nextWord = 0

    const written = asWritten(utterance.text)

    const withDueWords = (bytes: Uint8Array): Array<Output> => {
      sentBytes += bytes.length
      const end = Duration.toSeconds(Pcm.durationOf(format, sentBytes))
      const later = words.findIndex((word) => word.start >= end)
      return [Output.Audio({ bytes }), ...words.splice(0, later === -1 ? words.length : later)]
    }

    const push = (bytes: Uint8Array): Chunk.Chunk<Output> => {
      pending.push(bytes)
      pendingBytes += bytes.length
      if (pendingBytes < size) return Chunk.empty()
      const joined = Pcm.concatBytes(pending)
      const whole = joined.length - joined.length % size
      const outputs: Array<Output> = []
      for (let i = 0; i < whole; i += size) outputs.push(...withDueWords(joined.subarray(i, i + size)))
      // A copy, so that the rest does not keep the whole alive.
      pending = [joined.slice(whole)]
      pendingBytes = joined.length - whole
      return Chunk.unsafeFromArray(outputs)
    }

    const finish = (): Chunk.Chunk<Output> => {
      const rest = Pcm.concatBytes(pending)
      const last = rest.length === 0 || utterance.speed !== 1
        ? rest
        : Pcm.concatBytes([rest, new Uint8Array(size - rest.length)])
      return Chunk.unsafeFromArray<Output>([...(last.length === 0 ? [] : withDueWords(last)), ...words])
    }

    return events.pipe(
      Stream.mapConcatChunk((event) => {
        if (event._tag === "AudioChunk") return push(event.chunk.bytes)
        if (event._tag === "WordTimestamp") {
          const { end, start } = event
          const word = written(event.word)
          words.push(
            Output.Word({ id: nextWord++, word, start: Duration.toSeconds(start), end: Duration.toSeconds(end) })
          )
        }
        return Chunk.empty<Output>()
      }),
      Stream.concat(Stream.suspend(() => Stream.fromChunk(finish())))
    )
  })

// The first two voices of a gender: engines list their best first.
const choose = (voices: ReadonlyArray<VoiceInfo>) => (wanted: Utterance["voice"]): VoiceInfo | undefined => {
  const same = voices.filter((voice) => voice.gender === wanted.gender).slice(0, 2)
  const candidates = same.length > 0 ? same : voices
  return candidates[Math.abs(Hash.string(wanted.id)) % candidates.length]
}

const make = Effect.gen(function*() {
  const engine = yield* SpeechSynthesizer.SpeechSynthesizer
  const tone = ToneSpeechSynthesizer.make()
  const voiceOfEngine = choose(yield* engine.voices)
  const voiceOfTone = choose(yield* tone.voices)

  const speak: Service["speak"] = (utterance) => {
    const { removeExtraSilence, sampleRate, speed } = utterance
    const events = (text: string) => {
      const request = { text, sampleRate, speed, removeExtraSilence }
      return engine.events({ ...request, voice: voiceOfEngine(utterance.voice)?.id }).pipe(
        // The cloud speaks every script, the embedded voice English alone: what it cannot read becomes a melody.
        Stream.catchTag("InvalidSpeechRequest", (error) =>
          error.parameter === "text"
            ? tone.events({ ...request, voice: voiceOfTone(utterance.voice)?.id })
            : Stream.fail(error))
      )
    }
    const text = utterance.mathNotation === true ? spellOut(utterance.text) : utterance.text
    const { rest, segments } = cutToSize(text, Math.min(engine.capabilities.maxTextLength ?? Infinity, 8000))
    return Stream.fromIterable([...segments, rest]).pipe(
      Stream.filter((text) => text.trim() !== ""),
      Stream.flatMap(events),
      LocalSpeechSynthesizer.withPronunciations(utterance.pronunciations ?? {}),
      toBlocks(utterance)
    )
  }

  return Speech.of({ speak })
})

/** @internal */
export const layer: Layer.Layer<Speech, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer> = Layer.effect(
  Speech,
  make
)
