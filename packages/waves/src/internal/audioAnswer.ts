import type * as ByteBuffer from "@effect-smallest/core/ByteBuffer"
import * as ForeignAudio from "@effect-smallest/core/ForeignAudio"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Pull from "@effect-smallest/core/Pull"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { ResolvedTimeouts } from "../WavesClient.js"
import type * as PermitPool from "./permitPool.js"
import * as SseAudio from "./sseAudio.js"
import * as WavesErrors from "./wavesErrors.js"

// The slowest speech that is still speech: two seconds for a character, at half speed twice as much, and half a minute for whatever a
// dictionary or a number may unfold into.
const secondsPerCharacter = 2

const longestSilence = 30

/**
 * The most bytes of audio that a text of this length can be, generously. More is not its speech.
 *
 * @internal
 */
export const maxAudioBytes = (body: {
  readonly text: string
  readonly speed?: number | undefined
  readonly sample_rate?: number | undefined
}): number =>
  2 * (body.sample_rate ?? 48_000) * (longestSilence + (body.text.length * secondsPerCharacter) / (body.speed ?? 1))

/**
 * What came instead of the audio that was asked for, by its bytes: the type of an answer proves nothing. The API of 2024 sends WAV if it is
 * asked to, and today's sends it to some clients that asked for PCM: readers of the audio look for a header.
 *
 * @internal
 */
export const foreignKind = (
  { output_format: wanted }: { readonly output_format?: string | undefined },
  bytes: Uint8Array
): string | undefined => {
  const kind = ForeignAudio.kindOf(bytes)
  if (kind === "a WAV file") return wanted === "mp3" ? kind : undefined
  return kind === "an MP3 file" && wanted === "mp3" ? undefined : kind
}

// After the end mark only the end of the connection is due. It usually follows at once, and a connection that was read
// to its end can be used again; one that lingers is closed.
const lingerLimit = Duration.millis(20)

/** @internal */
export const tooMuch = (call: WavesErrors.Call, requestId: string | undefined) =>
  WavesErrors.malformed(call, "The server sent more audio than the text can be", requestId)

// A segment may keep its permit through a short wait. While it waits for long, others speak.
const longestKept = Duration.seconds(10)

/** @internal */
export const leave = (permit: PermitPool.Permit, error: SpeechError.SpeechError): Effect.Effect<void> =>
  error._tag === "RateLimited" && error.retryAfter !== undefined && Duration.greaterThan(error.retryAfter, longestKept)
    ? permit.release
    : permit.keep

/**
 * Reads an event stream ahead of its listener, up to the end mark.
 *
 * @internal
 */
export const readAhead = Effect.fnUntraced(function*(options: {
  readonly call: WavesErrors.Call
  readonly response: HttpClientResponse.HttpClientResponse
  readonly requestId: string | undefined
  readonly buffer: ByteBuffer.ByteBuffer<SpeechError.SpeechError>
  readonly timeouts: ResolvedTimeouts
  readonly started: number
  readonly permit: PermitPool.Permit
  readonly limitBytes: number
}) {
  const { buffer, call, permit, requestId, timeouts } = options
  const fields = { module: call.module, method: call.method, requestId }
  const parser = SseAudio.make()
  const pull = yield* Pull.fromStream(options.response.stream)
  const idle = Duration.toMillis(timeouts.idle)
  let hasAudio = false
  let length = 0
  let isFull = false
  let deadline = options.started + Duration.toMillis(timeouts.firstAudio)

  // Audio and not bytes moves the deadline: keep-alives must not hold a dead request open. Time in which the listener
  // takes nothing does not count. One watch goes with the whole answer: a timeout around every piece costs more than
  // the piece.
  const watch: Effect.Effect<never, SpeechError.SpeechTimeout> = Effect.forever(
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (isFull) return Effect.sleep(timeouts.idle)
      // The first audio may bring the deadline nearer, to `idle` from then.
      return now < deadline ?
        Effect.sleep(Duration.millis(Math.min(deadline - now, idle))) :
        new SpeechError.SpeechTimeout({
          ...fields,
          phase: hasAudio ? "idle" : "firstAudio",
          after: hasAudio ? timeouts.idle : timeouts.firstAudio,
          description: hasAudio ? "The server stopped sending audio" : "The server sent no audio in time"
        })
    })
  )

  const fail = (failure: SseAudio.Failure): SpeechError.SpeechError =>
    failure._tag === "InBand"
      ? WavesErrors.inBand(call, failure.json, requestId)
      : WavesErrors.malformed(call, failure.description, requestId)

  const accept = Effect.fnUntraced(function*(parsed: SseAudio.Parsed) {
    if (parsed.audio.length > 0) {
      hasAudio = true
      const audio = Pcm.concatBytes(parsed.audio)
      length += audio.length
      if (length > options.limitBytes) return yield* Effect.fail(tooMuch(call, requestId))
      const foreign = length === audio.length ? ForeignAudio.kindOf(audio) : undefined
      if (foreign !== undefined) {
        return yield* Effect.fail(WavesErrors.malformed(call, `The events hold ${foreign} instead of PCM`, requestId))
      }
      isFull = true
      yield* buffer.offer(audio)
      isFull = false
      deadline = (yield* Clock.currentTimeMillis) + idle
    }
    return parsed.failure === undefined ? parsed.isDone : yield* Effect.fail(fail(parsed.failure))
  })

  const read = Effect.gen(function*() {
    while (true) {
      const arrived = yield* Effect.either(pull)
      if (Either.isRight(arrived)) {
        if (yield* accept(parser.push(Pcm.concatBytes(arrived.right)))) return
      } else if (Option.isSome(arrived.left)) {
        return yield* Effect.fail(
          WavesErrors.fromHttpClient(call, arrived.left.value, { connectTimeout: timeouts.connect, requestId })
        )
      } else if (yield* accept(parser.end())) {
        return
      } else {
        return yield* new SpeechError.TruncatedAudio({
          ...fields,
          description: "The connection ended before the server's end mark"
        })
      }
    }
  })

  yield* Effect.raceFirst(read, watch).pipe(
    Effect.filterOrFail(
      () => hasAudio,
      () => new SpeechError.EmptyAudio({ ...fields, description: "The server reported success but sent no audio" })
    ),
    // After the first sound there is no retry.
    Effect.tapError((error) => hasAudio ? permit.release : leave(permit, error))
  )
  yield* permit.release
  yield* Effect.timeoutOption(Effect.exit(pull), lingerLimit)
  yield* buffer.end
}, Effect.scoped)
