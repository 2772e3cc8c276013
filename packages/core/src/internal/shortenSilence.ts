import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Stream from "effect/Stream"
import * as Pcm from "../Pcm.js"
import * as SpeechEvent from "../SpeechEvent.js"
import * as Silence from "./silence.js"

/**
 * Shortens pauses over 200 ms as `Pcm.removeSilence` does; whatever has a time moves with its audio. Events that wait for their
 * audio to be decided are held back, at most until the end.
 *
 * @internal
 */
export const shortenSilence = <E, R>(
  events: Stream.Stream<SpeechEvent.SpeechEvent, E, R>
): Stream.Stream<SpeechEvent.SpeechEvent, E, R> =>
  Stream.suspend(() => {
    let current: { readonly format: Pcm.PcmFormat; readonly remover: Silence.SilenceRemover } | undefined
    let waiting: Array<SpeechEvent.SpeechEvent> = []

    const moved = (time: Duration.Duration): Duration.Duration =>
      current === undefined ? time : Duration.seconds(current.remover.map(Duration.toSeconds(time)))

    const move = (event: SpeechEvent.SpeechEvent): SpeechEvent.SpeechEvent => {
      switch (event._tag) {
        case "WordTimestamp":
          return { ...event, start: moved(event.start), end: moved(event.end) }
        case "SegmentStarted":
          return { ...event, start: moved(event.start) }
        case "PauseStarted":
          return { ...event, start: moved(event.start) }
        case "MarkReached":
          return { ...event, at: moved(event.at) }
        case "Completed":
          return { ...event, duration: moved(event.duration) }
        default:
          return event
      }
    }

    const timeOf = (event: SpeechEvent.SpeechEvent): number => {
      switch (event._tag) {
        case "WordTimestamp":
          return Duration.toSeconds(event.end)
        case "SegmentStarted":
        case "PauseStarted":
          return Duration.toSeconds(event.start)
        case "MarkReached":
          return Duration.toSeconds(event.at)
        default:
          return 0
      }
    }

    const audio = (parts: ReadonlyArray<Int16Array>): ReadonlyArray<SpeechEvent.SpeechEvent> => {
      if (current === undefined || parts.length === 0) return []
      const { format } = current
      const bytes = Pcm.concatBytes(parts.map((part) => Pcm.fromSamples(format, part).bytes))
      return [SpeechEvent.AudioChunk({ chunk: { format, bytes } })]
    }

    const due = (): ReadonlyArray<SpeechEvent.SpeechEvent> => {
      const decided = current?.remover.decided() ?? 0
      const ready = waiting.filter((event) => timeOf(event) <= decided)
      waiting = waiting.filter((event) => timeOf(event) > decided)
      return ready.map(move)
    }

    const finish = (): ReadonlyArray<SpeechEvent.SpeechEvent> => {
      const last = audio(current?.remover.end() ?? [])
      const rest = waiting.map(move)
      waiting = []
      return [...last, ...rest]
    }

    const step = (event: SpeechEvent.SpeechEvent): ReadonlyArray<SpeechEvent.SpeechEvent> => {
      switch (event._tag) {
        case "AudioChunk": {
          current ??= { format: event.chunk.format, remover: Silence.make(event.chunk.format) }
          return [...audio(current.remover.push(Pcm.samples(event.chunk))), ...due()]
        }
        case "Completed":
          return [...finish(), move(event)]
        default:
          waiting.push(event)
          return due()
      }
    }

    return Stream.mapConcatChunk(events, (event) => Chunk.unsafeFromArray([...step(event)]))
  })
