import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as TextSegmenter from "@effect-smallest/stream/TextSegmenter"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type { LiveFrame } from "../WavesSocket.js"
import type * as LiveText from "./liveText.js"

/**
 * What to do about the server: go, since all has been spoken; give up; or wait so many milliseconds, unless something happens. `Idle` says that
 * all is spoken that has been sent so far.
 *
 * @internal
 */
export type Verdict = Data.TaggedEnum<{
  Done: {}
  Idle: {}
  Failed: { readonly error: SpeechError.SpeechError }
  Wait: { readonly millis: number }
}>

/** @internal */
export const Verdict = Data.taggedEnum<Verdict>()

/** @internal */
export interface Options {
  readonly firstAudio: Duration.Duration
  readonly idle: Duration.Duration
  readonly completeBackoff: Duration.Duration
}

/**
 * What was asked of the server over one socket, and what it has answered. Times are milliseconds.
 *
 * @internal
 */
export interface LiveProgress {
  readonly sent: (part: LiveText.Part, now: number) => void
  /** All of the text has been sent. */
  readonly sentAll: () => void
  /** Returns whether a verdict may be due earlier than before. */
  readonly heard: (frame: LiveFrame, now: number) => boolean
  /** The listener is behind, and the server's frames wait: its clocks stand still. */
  readonly pause: () => void
  readonly resume: (now: number) => void
  /** Whether the server says that it has spoken everything that has been sent. */
  readonly isAnswered: () => boolean
  readonly verdict: (now: number, voice: { readonly hasAudio: boolean; readonly isShort: boolean }) => Verdict
}

const module = "WavesSpeechStream"
const method = "events"

// How much longer to wait for more audio after `complete` if the audio so far looks short for the text that has been sent.
const doubt = 5

/**
 * The protocol has no end mark for an utterance: `complete` may come between two pieces of it, may be shared by several, and does not
 * come at all for an order to speak that had nothing to speak. So all is spoken once everything has been sent, audio came after the last text
 * that can be pronounced, `complete` came after that audio, and then nothing for the time that `complete` itself waits for.
 *
 * @internal
 */
export const make = (options: Options, start: number): LiveProgress => {
  const firstAudio = Duration.toMillis(options.firstAudio)
  const idle = Duration.toMillis(Duration.sum(options.idle, options.completeBackoff))
  const quiet = Duration.toMillis(options.completeBackoff)
  let isAllSent = false
  let owesAudio = false // text has been sent, and no audio came since
  let orderedAt: number | undefined // when the client asked the server to speak all it has
  let heardAt = start // the last audio
  let completeAt: number | undefined = start // nothing has been sent, so nothing is missing
  let mayReopen = true
  let isPaused = false

  const isAnswered = () => !owesAudio && completeAt !== undefined

  const timedOut = (phase: "firstAudio" | "idle") =>
    Verdict.Failed({
      error: new SpeechError.SpeechTimeout({
        module,
        method,
        phase,
        after: options[phase],
        description: phase === "idle" ? "The server stopped sending audio" : "The server sent no audio in time"
      })
    })

  const empty = () =>
    Verdict.Failed({
      error: new SpeechError.EmptyAudio({
        module,
        method,
        description: "The server said that all is spoken but sent no audio"
      })
    })

  return {
    sent: ({ _tag, text }, now) => {
      if (TextSegmenter.isSpeakable(text)) {
        owesAudio = true
        completeAt = undefined
        orderedAt = undefined
      }
      if (_tag === "Speak") orderedAt = now
    },
    sentAll: () => {
      isAllSent = true
    },
    heard: (frame, now) => {
      const isAudio = frame._tag === "Audio" && frame.bytes.length > 0
      const isNews = frame._tag === "Complete" || (isAudio && owesAudio)
      if (isAudio) {
        heardAt = now
        owesAudio = false
        completeAt = undefined
        mayReopen = true
      } else if (frame._tag === "Complete") {
        completeAt ??= now
      } else if (mayReopen && completeAt !== undefined) {
        // Words announce another piece of audio. Without that, no number of them keeps the utterance open.
        completeAt = undefined
        mayReopen = false
      }
      return isNews
    },
    pause: () => {
      isPaused = true
    },
    resume: (now) => {
      isPaused = false
      heardAt = now
    },
    isAnswered,
    verdict: (now, { hasAudio, isShort }) => {
      const waitUntil = (deadline: number, late: () => Verdict) =>
        now < deadline ? Verdict.Wait({ millis: deadline - now }) : late()
      if (isAllSent && completeAt !== undefined && (!owesAudio || !hasAudio)) {
        return owesAudio ?
          waitUntil(completeAt + quiet, empty) :
          waitUntil(completeAt + quiet * (isShort ? doubt : 1), Verdict.Done)
      }
      if (!owesAudio && completeAt !== undefined) return waitUntil(completeAt + quiet, Verdict.Idle)
      // Without an order the server may keep the text for as long as it likes.
      if (isPaused || orderedAt === undefined) return Verdict.Wait({ millis: Infinity })
      return owesAudio
        ? waitUntil(Math.max(orderedAt, heardAt) + firstAudio, () => timedOut("firstAudio"))
        : waitUntil(heardAt + idle, () => timedOut("idle"))
    }
  }
}
