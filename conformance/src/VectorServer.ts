/**
 * The vendor's speech routes on the loopback interface: a real HTTP server that answers by the facts of `Vectors.ts`,
 * refuses whatever the real one refuses, and can be told to misbehave.
 */
import { Audio, G711, Pcm, Wav } from "@effect-smallest/core"
import { TestSpeechSynthesizer } from "@effect-smallest/testing"
import { Chunk, Context, Deferred, Effect, FiberSet, Layer, Option, Ref, Stream, SubscriptionRef } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { performance } from "node:perf_hooks"
import * as Vectors from "./Vectors.js"

export class VectorServer extends Context.Tag("@effect-smallest/conformance/VectorServer")<VectorServer, Service>() {}

export interface Service {
  /** Where it listens, without a path. */
  readonly url: string
  /** All requests so far, in the order of their arrival. */
  readonly requests: Effect.Effect<ReadonlyArray<ReceivedRequest>>
  /** Waits until a request, counted from 0, has arrived or is as `isReached` wants it. */
  readonly awaitRequest: (
    index: number,
    isReached?: (request: ReceivedRequest) => boolean
  ) => Effect.Effect<ReceivedRequest>
  /** Answers the next requests with these, instead of speech. */
  readonly enqueue: (...answers: ReadonlyArray<Answer>) => Effect.Effect<void>
  /** Answers all further requests with this, unless something is enqueued. */
  readonly always: (answer: Answer) => Effect.Effect<void>
  /** Answers all further requests by their content, unless something is enqueued. */
  readonly answerWith: (answer: (request: ReceivedRequest) => Answer) => Effect.Effect<void>
  /** The most requests that were being answered at one time. */
  readonly mostAtOnce: Effect.Effect<number>
}

/** Times are those of `performance.now()`. */
export interface ReceivedRequest {
  readonly index: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: string
  readonly json: Readonly<Record<string, unknown>>
  /** Number of the TCP connection that it came over, from 0. */
  readonly connection: number
  readonly arrivedAt: number
  /** When the last byte of the answer was handed over. */
  readonly answeredAt: number | undefined
  /** When the client closed the connection before the answer was complete. */
  readonly abortedAt: number | undefined
}

export interface Answer {
  /** Runs before anything is sent; a failure destroys the socket. */
  readonly before?: Effect.Effect<unknown, typeof destroy>
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent piece by piece; a failure destroys the socket. */
  readonly body: Stream.Stream<Uint8Array, typeof destroy>
}

export const destroy = "destroy"

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** Cuts bytes into pieces of one length, wherever that cut falls. */
export const cut = (bytes: Uint8Array, length: number): Stream.Stream<Uint8Array> =>
  Stream.range(0, Math.ceil(bytes.length / length) - 1).pipe(
    Stream.map((i) => bytes.subarray(i * length, (i + 1) * length)),
    Stream.rechunk(1)
  )

export const text = (text: string): Stream.Stream<Uint8Array> => text === "" ? Stream.empty : Stream.make(bytesOf(text))

export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { "content-type": Vectors.jsonType, ...headers },
  body: text(JSON.stringify(body))
})

export const eventStream = (body: Stream.Stream<Uint8Array, typeof destroy>): Answer => ({
  headers: { "content-type": "text/event-stream" },
  body
})

/** One event of audio, as the server writes it. */
export const audioEvent = (pcm: Uint8Array): string =>
  `event: audio\ndata: {"audio": "${
    Buffer.from(pcm.buffer, pcm.byteOffset, pcm.length).toString("base64")
  }", "done": false, "status": "206"}\n\n`

export const endMark = "data: {\"status\": \"200\", \"done\": true}\n\n"

export const audio = (body: Stream.Stream<Uint8Array, typeof destroy>): Answer => ({
  headers: { "content-type": "audio/wav" },
  body
})

/**
 * The events of PCM: blocks of 320 ms are cut into pieces of 1024 bytes, and the cutting of a block stops at the first
 * piece that is shorter, which is empty where the block is a multiple of 1024.
 */
export const audioEvents = (pcm: Uint8Array, sampleRate: number): ReadonlyArray<string> => {
  const blockLength = 2 * Math.round(sampleRate * 0.32)
  const events: Array<string> = []
  for (let block = 0; block < pcm.length; block += blockLength) {
    const end = Math.min(pcm.length, block + blockLength)
    let from = block
    while (true) {
      const piece = pcm.subarray(from, Math.min(end, from + 1024))
      events.push(audioEvent(piece))
      if (piece.length < 1024) break
      from += 1024
    }
  }
  return events
}

/** The PCM that the server speaks: at speed 1 in blocks of 160 ms. */
export const speechOf = (
  request: { readonly text: string; readonly sampleRate?: number; readonly speed?: number }
): Uint8Array => {
  const { bytes, format } = TestSpeechSynthesizer.audioOf(request)
  if ((request.speed ?? 1) !== 1) return bytes
  const block = Pcm.byteLength(format, "160 millis")
  const padded = new Uint8Array(Math.ceil(bytes.length / block) * block)
  padded.set(bytes)
  return padded
}

const issue = (path: string, message: string) => json(400, { error: [{ code: "custom", path: [path], message }] })

const hasOneOf = (values: ReadonlyArray<unknown>, value: unknown) => value === undefined || values.includes(value)

// A request that the real server was never seen to get from any client. It is answered in a way that no client takes for
// speech, so that the test which sent it fails and says why.
const violation = (description: string) =>
  json(500, { error: "Violation", message: `Not per the vectors: ${description}` })

const mp3Of = (pcm: Uint8Array, sampleRate: number): Uint8Array => {
  const frames = Math.ceil(pcm.length / 2 / sampleRate * 16000 / 384)
  const bytes = new Uint8Array(frames * 384)
  for (let i = 0; i < frames; i++) bytes.set([0xff, 0xf3, 0xc4, 0xc4], i * 384)
  return bytes
}

const encode = (pcm: Uint8Array, sampleRate: number, outputFormat: unknown): Uint8Array => {
  const format = Pcm.format(sampleRate)
  const samples = Pcm.samples({ format, bytes: pcm })
  switch (outputFormat) {
    case "wav":
      return Wav.encode(Audio.unsafeMake(format, pcm))
    case "ulaw":
      return G711.encodeUlaw(samples)
    case "alaw":
      return G711.encodeAlaw(samples)
    case "mp3":
      return mp3Of(pcm, sampleRate)
    default:
      return pcm
  }
}

const checkHeaders = (request: ReceivedRequest, accept: string): Answer | undefined => {
  const { headers, method } = request
  if (method !== "POST") return violation(`the method is ${method}`)
  if (headers["content-type"] !== "application/json") {
    return violation(`the content type is ${String(headers["content-type"])}`)
  }
  if (headers["accept"] !== accept) return violation(`the accepted type is ${String(headers["accept"])}`)
  if (headers["x-source"] !== "effect-smallest") return violation(`the source is ${String(headers["x-source"])}`)
  for (const name of ["b3", "traceparent", "tracestate"]) {
    if (headers[name] !== undefined) return violation(`it carries the tracing header ${name}`)
  }
  if (headers["authorization"] === undefined) return json(401, { message: "Unauthorized: No tokens provided" })
  if (headers["authorization"] !== `Bearer ${Vectors.apiKey}`) return json(401, { error: "unauthorized" })
  return undefined
}

const speak = (request: ReceivedRequest, isLive: boolean): Answer => {
  const refused = checkHeaders(request, isLive ? "text/event-stream" : "audio/wav")
  if (refused !== undefined) return refused
  const body = request.json
  for (const [name, value] of Object.entries(body)) {
    if (!Vectors.speechBodyFields.has(name)) return violation(`the body has a field ${name}`)
    if (value === null) return violation(`the field ${name} is null`)
  }
  const { language, model = "lightning_v3.1", output_format, sample_rate = 44100, speed = 1, text, voice_id } = body
  if (typeof text !== "string" || text === "") return issue("text", "Required")
  if (text.length > 8000) return issue("text", "String must contain at most 8000 character(s)")
  if (!Vectors.speechModels.includes(String(model))) return issue("model", "Invalid enum value")
  const voices = model === "lightning_v3.1" ? Vectors.standardVoices : Vectors.proVoices
  if (!voices.includes(String(voice_id))) return issue("voice_id", "Invalid Voice ID")
  if (typeof sample_rate !== "number" || !Vectors.speechSampleRates.includes(sample_rate)) {
    return issue("sample_rate", "Invalid input")
  }
  if (typeof speed !== "number" || speed < 0.5 || speed > 2) return issue("speed", "Invalid input")
  if (language !== undefined && !(typeof language === "string" && /^([a-z]{2}|auto)$/.test(language))) {
    return issue("language", `Language '${JSON.stringify(language)}' is not supported on the ${String(model)} model.`)
  }
  if (!hasOneOf(Vectors.speechOutputFormats, output_format)) {
    return json(400, {
      error: [{
        received: output_format,
        code: "invalid_enum_value",
        options: Vectors.speechOutputFormats,
        path: ["output_format"],
        message: `Invalid enum value. Expected 'wav' | 'ulaw' | 'alaw' | 'pcm' | 'mp3', received '${
          String(output_format)
        }'`
      }]
    })
  }
  const pcm = speechOf({ text, sampleRate: sample_rate, speed })
  return isLive
    ? eventStream(cut(bytesOf([...audioEvents(pcm, sample_rate), endMark].join("")), 9973))
    : audio(cut(encode(pcm, sample_rate, output_format), 9973))
}

const speakLightningV1 = (request: ReceivedRequest): Answer => {
  const refused = checkHeaders(request, "audio/wav")
  if (refused !== undefined) return refused
  const { add_wav_header, sample_rate, speed, text, voice_id } = request.json
  const fields = Object.keys(request.json).sort().join()
  if (fields !== Object.keys(Vectors.lightningV1Defaults).sort().join()) return violation(`the fields are ${fields}`)
  for (const [name, value] of Object.entries(Vectors.lightningV1Defaults)) {
    if (typeof request.json[name] !== typeof value) return violation(`${name} is a ${typeof request.json[name]}`)
  }
  if (!Vectors.lightningV1Voices.includes(String(voice_id))) {
    return json(400, { error: "InvalidRequest", message: "Invalid voice" })
  }
  const sampleRate = Number(sample_rate)
  if (!(sampleRate >= 8000 && sampleRate <= 48000)) {
    return json(400, { error: "InvalidRequest", message: "Invalid sample rate" })
  }
  const pcm = speechOf({ text: String(text), sampleRate, speed: Number(speed) })
  return audio(cut(encode(pcm, sampleRate, add_wav_header === true ? "wav" : "pcm"), 9973))
}

/** What the server answers unless it is told otherwise. */
export const speech = (request: ReceivedRequest): Answer => {
  switch (request.path) {
    case "/waves/v1/tts":
      return speak(request, false)
    case "/waves/v1/tts/live":
      return speak(request, true)
    case "/api/v1/lightning/get_speech":
      return speakLightningV1(request)
    default:
      return json(404, { error: "Not Found" })
  }
}

const readBody = (request: IncomingMessage): Effect.Effect<string> =>
  Effect.promise(async () => {
    const parts: Array<Buffer> = []
    for await (const part of request) parts.push(part)
    return Buffer.concat(parts).toString("utf8")
  })

const write = (response: ServerResponse, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    response.write(bytes, () => resume(Effect.void))
  })

const make = Effect.gen(function*() {
  const records = yield* SubscriptionRef.make<ReadonlyArray<ReceivedRequest>>([])
  const queue = yield* Ref.make<ReadonlyArray<Answer>>([])
  const usual = yield* Ref.make<(request: ReceivedRequest) => Answer>(speech)
  const atOnce = yield* Ref.make({ now: 0, most: 0 })
  const run = yield* FiberSet.makeRuntime()
  const connections = new Map<Socket, number>()

  const update = (index: number, change: Partial<ReceivedRequest>) =>
    SubscriptionRef.update(
      records,
      (all) => all.map((record) => record.index === index ? { ...record, ...change } : record)
    )

  const count = (difference: number) =>
    Ref.update(atOnce, ({ most, now }) => ({ now: now + difference, most: Math.max(most, now + difference) }))

  const receive = Effect.fnUntraced(function*(request: IncomingMessage) {
    const arrivedAt = performance.now()
    const body = yield* readBody(request)
    const connection = connections.get(request.socket) ?? connections.size
    connections.set(request.socket, connection)
    return yield* SubscriptionRef.modify(records, (all) => {
      const received: ReceivedRequest = {
        index: all.length,
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body,
        json: body.startsWith("{") ? JSON.parse(body) : {},
        connection,
        arrivedAt,
        answeredAt: undefined,
        abortedAt: undefined
      }
      return [received, [...all, received]]
    })
  })

  const answerTo = (received: ReceivedRequest): Effect.Effect<Answer> =>
    Effect.flatMap(
      Ref.getAndUpdate(queue, (answers) => answers.slice(1)),
      ([next]) => next === undefined ? Effect.map(Ref.get(usual), (answer) => answer(received)) : Effect.succeed(next)
    )

  const send = (received: ReceivedRequest, response: ServerResponse) =>
    Effect.gen(function*() {
      const { before = Effect.void, body, headers, status = 200 } = yield* answerTo(received)
      yield* before
      const all = {
        "x-request-id": `request-${received.index}`,
        "x-session-id": `session-${received.index}`,
        ...headers
      }
      // An empty header stands for none, so that an answer can leave the ids out.
      response.writeHead(status, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "")))
      response.flushHeaders()
      yield* Stream.runForEach(body, (bytes) => write(response, bytes))
    }).pipe(
      Effect.matchEffect({
        onFailure: () => Effect.sync(() => response.destroy()),
        onSuccess: () => Effect.sync(() => response.end())
      }),
      Effect.zipRight(Effect.suspend(() => update(received.index, { answeredAt: performance.now() })))
    )

  const handle = Effect.fnUntraced(function*(request: IncomingMessage, response: ServerResponse) {
    const isClosed = yield* Deferred.make<number>()
    response.once("close", () => Deferred.unsafeDone(isClosed, Effect.sync(() => performance.now())))
    yield* Effect.acquireUseRelease(
      count(1),
      () =>
        Effect.flatMap(receive(request), (received) =>
          Effect.raceFirst(
            send(received, response),
            Effect.flatMap(Deferred.await(isClosed), (abortedAt) => update(received.index, { abortedAt }))
          )),
      () => count(-1)
    )
  })

  const server = yield* Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((request, response) => {
        run(handle(request, response))
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const { port } = server.address() as AddressInfo // a TCP server has a port

  return VectorServer.of({
    url: `http://127.0.0.1:${port}`,
    requests: SubscriptionRef.get(records),
    awaitRequest: (index, isReached = () => true) =>
      records.changes.pipe(
        Stream.filterMap((all) => Option.filter(Option.fromNullable(all[index]), isReached)),
        Stream.runHead,
        Effect.flatten,
        Effect.orDie
      ),
    enqueue: (...answers) => Ref.update(queue, (queued) => [...queued, ...answers]),
    always: (answer) => Ref.set(usual, () => answer),
    answerWith: (answer) => Ref.set(usual, answer),
    mostAtOnce: Effect.map(Ref.get(atOnce), ({ most }) => most)
  })
})

export const layer: Layer.Layer<VectorServer> = Layer.scoped(VectorServer, make)

/** A pause that is not over before `open` says so. */
export const until = (open: Effect.Effect<unknown>): Stream.Stream<never> => Stream.drain(Stream.fromEffect(open))

/** Collects what a stream of bytes carries. */
export const collectBytes = <E, R>(stream: Stream.Stream<Uint8Array, E, R>): Effect.Effect<Uint8Array, E, R> =>
  Effect.map(Stream.runCollect(stream), (parts) => {
    const all = Chunk.toReadonlyArray(parts)
    const joined = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0))
    let offset = 0
    for (const part of all) {
      joined.set(part, offset)
      offset += part.length
    }
    return joined
  })
