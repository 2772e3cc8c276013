import * as Pcm from "@effect-smallest/core/Pcm"
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import type { LiveFrame } from "@effect-smallest/core/WavesSocket"
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"
import * as TextSegmenter from "../TextSegmenter.js"

/**
 * Turns the server's frames into events on one timeline, and knows how far the listener is behind.
 *
 * @internal
 */
export interface LiveVoice<E> {
  readonly events: Stream.Stream<SpeechEvent.SpeechEvent, E>
  /** Text that was sent and may be heard from now on. */
  readonly sent: (text: string) => void
  /** Before anything was heard: all text is sent again. */
  readonly restart: () => void
  readonly hear: (frame: LiveFrame) => void
  readonly hasAudio: () => boolean
  /** Whether the audio is hardly all of the text that was sent. */
  readonly isShort: () => boolean
  /** Whether the listener is behind by more than the limit, and the wait until it is not. */
  readonly isFull: () => boolean
  readonly room: Effect.Effect<void>
  readonly position: () => SpeechError.Position
  readonly complete: Effect.Effect<void>
  readonly failCause: (cause: Cause.Cause<E>) => Effect.Effect<void>
}

type Audio = Extract<LiveFrame, { readonly _tag: "Audio" }>

type Word = Extract<LiveFrame, { readonly _tag: "Word" }>

// Nobody speaks this fast.
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
  const room = yield* Effect.makeLatch(true)
  const starts = new Map<string | undefined, number>() // where the audio of each piece begins, in bytes
  let carry: Uint8Array = new Uint8Array(0)
  let received = 0
  let heard = 0
  let letters = 0 // in the text that was sent
  let unsaid = "" // text that was sent, after the last word with a time
  let textOffset = 0 // of `unsaid`
  let hasBegun = false
  let hasWords = false

  const startOf = (requestId: string | undefined): number => {
    const known = starts.get(requestId)
    if (known !== undefined) return known
    for (const old of starts.keys()) if (starts.size >= piecesKept) starts.delete(old)
    starts.set(requestId, received)
    carry = new Uint8Array(0) // half a sample at the end of a piece has no other half
    return received
  }

  const begin = () => {
    if (hasBegun) return
    hasBegun = true
    out.unsafeOffer(SpeechEvent.SegmentStarted({ segment: 0, text: unsaid, textOffset: 0, start: Duration.zero }))
  }

  const hearAudio = ({ bytes: more, requestId }: Audio) => {
    startOf(requestId)
    const bytes = carry.length === 0 ? more : Pcm.concatBytes([carry, more])
    const whole = bytes.length - bytes.length % Pcm.frameSize(format)
    carry = bytes.slice(whole)
    if (whole === 0) return
    begin()
    received += whole
    if (received - heard > limit) room.unsafeClose()
    out.unsafeOffer(SpeechEvent.AudioChunk({ chunk: { format, bytes: bytes.subarray(0, whole) } }))
  }

  const hearWord = ({ end, requestId, start, word }: Word) => {
    const offset = Pcm.durationOf(format, startOf(requestId))
    begin()
    out.unsafeOffer(SpeechEvent.WordTimestamp({
      segment: 0,
      word,
      start: Duration.sum(offset, Duration.seconds(start)),
      end: Duration.sum(offset, Duration.seconds(end))
    }))
    hasWords = true
    const at = unsaid.indexOf(word)
    if (at === -1) return
    textOffset += at + word.length
    unsaid = unsaid.slice(at + word.length)
  }

  return {
    events: Stream.tap(Mailbox.toStream(out), (event) =>
      Effect.sync(() => {
        if (event._tag === "AudioChunk") heard += event.chunk.bytes.length
        if (received - heard <= limit) room.unsafeOpen()
      })),
    sent: (text) => {
      letters += countLetters(text)
      // Without word times nothing tells what was said, and this would only grow.
      if (hasWords || received < limit) unsaid += text
    },
    restart: () => {
      letters = 0
      unsaid = ""
    },
    hear: (frame) => {
      if (frame._tag === "Audio") hearAudio(frame)
      else if (frame._tag === "Word") hearWord(frame)
    },
    hasAudio: () => received > 0,
    isShort: () =>
      (hasWords && TextSegmenter.isSpeakable(unsaid)) ||
      Duration.toSeconds(Pcm.durationOf(format, received)) < letters / mostLettersPerSecond / options.speed,
    isFull: () => received - heard > limit,
    room: room.await,
    position: () => ({ segment: 0, textOffset, samplesEmitted: received / Pcm.frameSize(format) }),
    complete: Effect.suspend(() =>
      Effect.zipRight(
        out.offer(SpeechEvent.Completed({ duration: Pcm.durationOf(format, received) })),
        out.end
      )
    ),
    failCause: (cause) => out.failCause(cause)
  }
})
