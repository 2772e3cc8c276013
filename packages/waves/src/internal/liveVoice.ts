import * as Pcm from "@effect-smallest/core/Pcm"
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import * as TextSegmenter from "@effect-smallest/stream/TextSegmenter"
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"
import type { LiveFrame } from "../WavesSocket.js"

/**
 * Turns the server's frames into events on one timeline, and knows how far the listener is behind.
 *
 * @internal
 */
export interface LiveVoice<E> {
  readonly events: Stream.Stream<SpeechEvent.SpeechEvent, E>
  /** Text that has been sent and may be heard from now on. */
  readonly sent: (text: string) => void
  /** Before anything has been heard: all text is sent again. */
  readonly restart: () => void
  readonly hear: (frame: LiveFrame) => void
  /** The server has spoken all that has been sent so far. */
  readonly settle: () => void
  readonly hasAudio: () => boolean
  /** Whether the audio is hardly all of the text that has been sent. */
  readonly isShort: () => boolean
  /** Whether the listener is behind the audio by more than the limit. */
  readonly isBehind: () => boolean
  /** Whether the text is ahead of the listener by more than the limit, even if it is spoken very fast. */
  readonly isAhead: () => boolean
  /** Waits until the listener has caught up. */
  readonly until: (isReached: () => boolean) => Effect.Effect<void>
  readonly position: () => SpeechError.Position
  readonly complete: Effect.Effect<void>
  readonly failCause: (cause: Cause.Cause<E>) => Effect.Effect<void>
}

type Audio = Extract<LiveFrame, { readonly _tag: "Audio" }>

type Word = Extract<LiveFrame, { readonly _tag: "Word" }>

// No voice speaks this fast.
const mostLettersPerSecond = 30

// The server speaks one piece after the other; a word may still come when the next piece has begun.
const piecesKept = 8

const countLetters = (text: string): number => text.match(/[\p{L}\p{N}]/gu)?.length ?? 0

/** @internal */
export const make = Effect.fnUntraced(function*<E>(options: {
  readonly sampleRate: number
  readonly speed: number
  readonly bufferDuration: Duration.Duration
}): Effect.fn.Return<LiveVoice<E>> {
  const format = Pcm.format(options.sampleRate)
  const limit = Pcm.byteLength(format, options.bufferDuration)
  const out = yield* Mailbox.make<SpeechEvent.SpeechEvent, E>()
  const moved = yield* Effect.makeLatch()
  const starts = new Map<string | undefined, number>() // where the audio of each piece begins, in bytes
  let carry: Uint8Array = new Uint8Array(0)
  let received = 0
  let heard = 0
  let letters = 0 // in the text that has been sent
  let settled = { letters: 0, received: 0 } // as of the last time when the server had spoken all that has been sent
  let unsaid = "" // text that has been sent, after the last word with a time
  let textOffset = 0 // of `unsaid`
  let untold = "" // text that has been sent, and is in no segment yet
  let untoldOffset = 0
  let segment = -1
  let hasWords = false

  // The server does not report which text it speaks in which piece. So a segment is what has been sent when a piece begins, or if words are
  // reported, when the first word comes that is in no segment yet.
  const startSegment = () => {
    segment += 1
    const start = Pcm.durationOf(format, received)
    out.unsafeOffer(SpeechEvent.SegmentStarted({ segment, text: untold, textOffset: untoldOffset, start }))
    untoldOffset += untold.length
    untold = ""
  }

  const startOf = (requestId: string | undefined): number => {
    const known = starts.get(requestId)
    if (known !== undefined) return known
    for (const old of starts.keys()) if (starts.size >= piecesKept) starts.delete(old)
    starts.set(requestId, received)
    carry = new Uint8Array(0) // half a sample at the end of a piece has no other half
    if (segment === -1 || (!hasWords && TextSegmenter.isSpeakable(untold))) startSegment()
    return received
  }

  const hearAudio = ({ bytes: more, requestId }: Audio) => {
    if (more.length === 0) return
    startOf(requestId)
    const bytes = carry.length === 0 ? more : Pcm.concatBytes([carry, more])
    const whole = bytes.length - bytes.length % Pcm.frameSize(format)
    carry = bytes.slice(whole)
    if (whole === 0) return
    received += whole
    out.unsafeOffer(SpeechEvent.AudioChunk({ chunk: { format, bytes: bytes.subarray(0, whole) } }))
  }

  const hearWord = ({ end, requestId, start, word }: Word) => {
    const offset = Pcm.durationOf(format, startOf(requestId))
    const at = unsaid.indexOf(word)
    if (textOffset + at >= untoldOffset) startSegment()
    out.unsafeOffer(SpeechEvent.WordTimestamp({
      segment,
      word,
      start: Duration.sum(offset, Duration.seconds(start)),
      end: Duration.sum(offset, Duration.seconds(end))
    }))
    hasWords = true
    if (at === -1) return
    textOffset += at + word.length
    unsaid = unsaid.slice(at + word.length)
  }

  const fewestBytes = (letters: number): number =>
    Pcm.byteLength(format, Duration.seconds(letters / mostLettersPerSecond / options.speed))

  const isBehind = () => received - heard > limit

  const until = (isReached: () => boolean): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (isReached()) return Effect.void
      moved.unsafeClose()
      return Effect.zipRight(moved.await, until(isReached))
    })

  return {
    events: Stream.tap(Mailbox.toStream(out), (event) =>
      Effect.sync(() => {
        if (event._tag !== "AudioChunk") return
        heard += event.chunk.bytes.length
        moved.unsafeOpen()
      })),
    sent: (text) => {
      letters += countLetters(text)
      untold += text
      // Without word times nothing shows what has been said, and this would only grow.
      if (hasWords || received < limit) unsaid += text
    },
    restart: () => {
      letters = 0
      settled = { letters, received }
      unsaid = ""
      untold = ""
    },
    hear: (frame) => {
      if (frame._tag === "Audio") hearAudio(frame)
      else if (frame._tag === "Word") hearWord(frame)
    },
    settle: () => {
      settled = { letters, received }
      moved.unsafeOpen()
    },
    hasAudio: () => received > 0,
    isShort: () => (hasWords && TextSegmenter.isSpeakable(unsaid)) || received < fewestBytes(letters),
    isBehind,
    isAhead: () => Math.max(received, settled.received + fewestBytes(letters - settled.letters)) - heard > limit,
    until,
    position: () => ({ segment: Math.max(0, segment), textOffset, samplesEmitted: received / Pcm.frameSize(format) }),
    complete: Effect.suspend(() => {
      // Text that has been sent while the last piece began already.
      if (TextSegmenter.isSpeakable(untold)) startSegment()
      const duration = Pcm.durationOf(format, received)
      return Effect.zipRight(out.offer(SpeechEvent.Completed({ duration })), out.end)
    }),
    failCause: (cause) => out.failCause(cause)
  }
})
