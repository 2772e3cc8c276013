/**
 * `POST /waves/v1/tts` and `POST /waves/v1/tts/live`: whole audio, and audio as server-sent events.
 */
import * as Pcm from "@effect-smallest/core/Pcm"
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Account from "./account.js"
import type { Model } from "./catalogue.js"
import * as AudioEncoding from "./encoding.js"
import * as Exchange from "./exchange.js"
import * as Faults from "./faults.js"
import { uuid } from "./ids.js"
import * as Refusal from "./refusal.js"
import { CurrentSettings } from "./settings.js"
import * as Speech from "./speech.js"
import { type SpeechRequest, SpeechRequests } from "./speechRequest.js"

const Output = Speech.Output

/** @internal */
export const encodingOf = (request: Pick<SpeechRequest, "output_format" | "add_wav_header">): AudioEncoding.Encoding =>
  request.output_format === "mp3" || (request.output_format === "pcm" && request.add_wav_header)
    ? "wav"
    : request.output_format

/**
 * Whole answers may be MP3; streams are not.
 *
 * @internal
 */
export const wholeEncodingOf = (
  request: Pick<SpeechRequest, "output_format" | "add_wav_header">
): AudioEncoding.Encoding | "mp3" => request.output_format === "mp3" ? "mp3" : encodingOf(request)

/** @internal */
export const toUtterance = (request: SpeechRequest): Speech.Utterance => ({
  text: request.text,
  voice: request.voice,
  sampleRate: request.sample_rate,
  speed: request.speed,
  mathNotation: request.math_notation,
  pronunciations: request.pronunciations
})

/**
 * How routes send audio that was made, whatever their bodies look like.
 *
 * @internal
 */
export interface Service {
  /** Answers with the whole audio. */
  readonly whole: (
    exchange: Exchange.Exchange,
    utterance: Speech.Utterance,
    encoding: AudioEncoding.Encoding | "mp3",
    headers: Readonly<Record<string, string>>
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal.Refusal>
  /** Answers with server-sent events; `frame` writes one of them. */
  readonly events: (
    exchange: Exchange.Exchange,
    utterance: Speech.Utterance,
    encoding: AudioEncoding.Encoding,
    options: {
      readonly frame: (output: Speech.Output) => string
      readonly headers: Readonly<Record<string, string>>
    }
  ) => HttpServerResponse.HttpServerResponse
}

/** @internal */
export class SpeechAnswers extends Context.Tag("@effect-smallest/emulator/internal/SpeechAnswers")<
  SpeechAnswers,
  Service
>() {}

const failed = (error: SpeechError.SpeechError) =>
  Effect.as(Effect.logError("The emulator's engine failed", error), Output.Failed({ message: error.message }))

/** @internal */
export const encodeAudio =
  (sampleRate: number, encoding: AudioEncoding.Encoding, wavSizes: "ones" | "zero") =>
  <E>(outputs: Stream.Stream<Speech.Output, E>): Stream.Stream<Speech.Output, E> => {
    const format = Pcm.format(sampleRate)
    if (encoding === "pcm") return outputs
    if (encoding === "wav") {
      return Stream.concat(Stream.make(Output.Audio({ bytes: AudioEncoding.openHeader(format, wavSizes) })), outputs)
    }
    return Stream.map(outputs, (output) =>
      output._tag === "Audio"
        ? Output.Audio({ bytes: AudioEncoding.encode(Pcm.unsafeMake(format, output.bytes), encoding) })
        : output)
  }

// Node sends the headers with the first piece of the body. An empty one sends them at once, before there is audio.
const headersFirst = <E>(body: Stream.Stream<Uint8Array, E>): Stream.Stream<Uint8Array, E> =>
  Stream.concat(Stream.make(new Uint8Array(0)), body)

const pieceLength = 1024

// Two blocks at a time, in pieces. The last piece of them is always a short one, if need be an empty one: that is how the
// vendor's server cuts.
const toPieces = <E>(outputs: Stream.Stream<Speech.Output, E>): Stream.Stream<Speech.Output, E> =>
  Stream.suspend(() => {
    let held: Array<Uint8Array> = []
    const cut = (): Array<Speech.Output> => {
      const bytes = Pcm.concatBytes(held)
      if (held.length === 0) return []
      held = []
      return Array.from(
        { length: Math.floor(bytes.length / pieceLength) + 1 },
        (_, i) => Output.Audio({ bytes: bytes.subarray(i * pieceLength, (i + 1) * pieceLength) })
      )
    }
    return Stream.mapConcat(outputs, (output) => {
      if (output._tag === "Audio") {
        held.push(output.bytes)
        return held.length === 2 ? cut() : []
      }
      return output._tag === "Word" ? [] : [...cut(), output]
    })
  })

const make = Effect.gen(function*() {
  const { assumptions, latency } = yield* CurrentSettings
  const speech = yield* Speech.Speech
  const encoder = new TextEncoder()

  const actionsOf = (exchange: Exchange.Exchange): Faults.Actions => ({
    reset: exchange.reset,
    close: () => Effect.void
  })

  const sendBytes = (
    exchange: Exchange.Exchange,
    encoded: Uint8Array,
    block: number
  ): Stream.Stream<Uint8Array> =>
    Stream.range(0, Math.ceil(encoded.length / block) - 1).pipe(
      Stream.map((i): Speech.Output => Output.Audio({ bytes: encoded.subarray(i * block, (i + 1) * block) })),
      Stream.concat(Stream.make(Output.End())),
      Faults.strike(exchange.faults, actionsOf(exchange)),
      Stream.rechunk(1),
      Stream.filterMap((output) =>
        output._tag === "Audio"
          ? Option.some(output.bytes)
          : output._tag === "Malformed"
          ? Option.some(encoder.encode("{\"error\": "))
          : output._tag === "Failed"
          ? Option.some(encoder.encode(JSON.stringify({ status: "error", message: output.message })))
          : Option.none()
      ),
      Stream.tap((bytes) => exchange.entry.audio(bytes.length))
    )

  const whole: Service["whole"] = Effect.fnUntraced(function*(exchange, utterance, encoding, headers) {
    yield* Effect.sleep(latency)
    const format = Pcm.format(utterance.sampleRate)
    const outputs = yield* Stream.runCollect(speech.speak(utterance)).pipe(
      Effect.catchAll((error) => Effect.zipRight(failed(error), Refusal.serverFault))
    )
    const pcm = Pcm.concatBytes(
      Chunk.filterMap(outputs, (output) => output._tag === "Audio" ? Option.some(output.bytes) : Option.none())
    )
    const audio = Pcm.unsafeMake(format, pcm)
    const encoded = encoding === "mp3" ? yield* AudioEncoding.encodeMp3(audio) : AudioEncoding.encode(audio, encoding)
    // The API says audio/wav whatever the encoding.
    const options = { headers, contentType: "audio/wav" }
    if (assumptions.bodyTransfer === "length" && !exchange.faults.some(Faults.concernsAudio)) {
      yield* exchange.entry.audio(encoded.length)
      return HttpServerResponse.uint8Array(encoded, options)
    }
    const block = Pcm.byteLength(format, Speech.blockDuration)
    return encoded.length === 0
      ? HttpServerResponse.uint8Array(encoded, options)
      : HttpServerResponse.stream(headersFirst(sendBytes(exchange, encoded, block)), options)
  })

  const events: Service["events"] = (exchange, utterance, encoding, { frame, headers }) => {
    const outputs = Stream.execute(Effect.sleep(latency)).pipe(
      Stream.concat(speech.speak(utterance)),
      encodeAudio(utterance.sampleRate, encoding, assumptions.streamedWavSizes),
      Stream.concat(Stream.make(Output.End())),
      toPieces,
      Faults.strike(exchange.faults, actionsOf(exchange)),
      Stream.catchAll((error) => Stream.fromEffect(failed(error)))
    )
    // All the frames of a block leave in one write.
    const body = Stream.mapChunksEffect(outputs, (chunk) => {
      let text = ""
      let bytes = 0
      for (const output of chunk) {
        text += frame(output)
        if (output._tag === "Audio") bytes += output.bytes.length
      }
      return Effect.as(exchange.entry.audio(bytes), Chunk.of(encoder.encode(text)))
    })
    return HttpServerResponse.stream(headersFirst(body), {
      headers: { "cache-control": "no-cache", ...headers },
      contentType: "text/event-stream"
    })
  }

  return SpeechAnswers.of({ whole, events })
})

/** @internal */
export const answersLayer: Layer.Layer<SpeechAnswers, never, CurrentSettings | Speech.Speech> = Layer.effect(
  SpeechAnswers,
  make
)

/**
 * An event of today's API. The spaces are the server's.
 *
 * @internal
 */
export const frame = (output: Speech.Output): string => {
  switch (output._tag) {
    case "Audio":
      return `event: audio\ndata: {"audio": "${
        Encoding.encodeBase64(output.bytes)
      }", "done": false, "status": "206"}\n\n`
    case "BadBase64":
      return "event: audio\ndata: {\"audio\": \"*not base64*\", \"done\": false, \"status\": \"206\"}\n\n"
    case "Malformed":
      return "event: audio\ndata: {\"audio\": \"AAAA\", \"done\n\n"
    case "Failed":
      return `data: ${JSON.stringify({ status: "error", message: output.message })}\n\n`
    case "End":
      return "data: {\"status\": \"200\", \"done\": true}\n\n"
    case "Cut":
    case "Word":
      return ""
  }
}

/**
 * The headers that identify a request and its session, the client's own ids included.
 *
 * @internal
 */
export const idHeaders = (
  request: Pick<SpeechRequest, "request_id" | "session_id">
): Effect.Effect<Readonly<Record<string, string>>> =>
  Effect.map(uuid, (session) => ({
    "x-session-id": session,
    "x-external-request-id": request.request_id ?? "",
    "x-external-session-id": request.session_id ?? ""
  }))

/**
 * Today's two HTTP routes, with the model of the body or with one that a path names.
 *
 * @internal
 */
export class SpeechHandlers extends Context.Tag("@effect-smallest/emulator/internal/SpeechHandlers")<
  SpeechHandlers,
  {
    readonly whole: (model?: Model) => Exchange.Handler
    readonly events: (model?: Model) => Exchange.Handler
  }
>() {}

/** @internal */
export const handlersLayer: Layer.Layer<
  SpeechHandlers,
  never,
  Account.Account | CurrentSettings | SpeechAnswers | SpeechRequests
> = Layer.effect(
  SpeechHandlers,
  Effect.gen(function*() {
    const { assumptions } = yield* CurrentSettings
    const account = yield* Account.Account
    const answers = yield* SpeechAnswers
    const requests = yield* SpeechRequests

    const begin = Effect.fnUntraced(function*(exchange: Exchange.Exchange, model: Model | undefined) {
      yield* account.authenticate(exchange)
      const body = yield* exchange.readJson
      const named = model === undefined || typeof body !== "object" || body === null ? body : { ...body, model }
      const request = yield* requests.read(named)
      yield* account.permit
      const expiry = exchange.headers["x-expire-content"] === "true"
        ? { "x-content-expiry": assumptions.contentExpiry }
        : {}
      return { request, headers: { ...(yield* idHeaders(request)), ...expiry } }
    })

    return {
      whole: (model) =>
        Effect.fnUntraced(function*(exchange) {
          const { headers, request } = yield* begin(exchange, model)
          return yield* answers.whole(exchange, toUtterance(request), wholeEncodingOf(request), headers)
        }),
      events: (model) =>
        Effect.fnUntraced(function*(exchange) {
          const { headers, request } = yield* begin(exchange, model)
          const encoding = assumptions.streamedFormat === "pcm" ? "pcm" : encodingOf(request)
          return answers.events(exchange, toUtterance(request), encoding, { frame, headers })
        })
    }
  })
)

/** @internal */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { route } = yield* Exchange.Exchanges
    const { events, whole } = yield* SpeechHandlers
    yield* router.add("POST", "/waves/v1/tts", route(whole(), { audio: true }))
    yield* router.add("POST", "/waves/v1/tts/live", route(events(), { audio: true }))
  })
)
