/**
 * Live speech over the WebSocket: how much later it sounds than with a bare loop over `ws` that sends the same messages, how it
 * compares with a request for each sentence, and what many utterances at once cost.
 */
import { SpeechEvent } from "@effect-smallest/core"
import { NodeWebSocketConnector } from "@effect-smallest/platform-node"
import { SpeechStream } from "@effect-smallest/stream"
import { WavesClient, WavesSpeechStream, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { NodeHttpClient } from "@effect/platform-node"
import { Context, Duration, Effect, Layer, Redacted, Schedule, Stream } from "effect"
import { fork } from "node:child_process"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { WebSocket } from "ws"
import type { Report } from "./report.js"
import * as Text from "./text.js"

export interface Options {
  /** Times that each contender speaks. */
  readonly runs: number
  /** How many utterances speak at once, and over how many sockets. */
  readonly utterances: number
  readonly sockets: number
}

const latency = 100

const tokensPerSecond = 50

const sampleRate = 24000

const tokensOf = (sentences: ReadonlyArray<string>): ReadonlyArray<string> =>
  sentences.join(" ").match(Text.token) ?? []

const server = Effect.map(
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = fork(fileURLToPath(new URL("./liveServerProcess.ts", import.meta.url)), [String(latency)])
      const [message] = await once(child, "message")
      return { child, url: String(message.url) }
    }),
    ({ child }) => Effect.sync(() => child.kill())
  ),
  ({ url }) => url
)

const client = (url: string, concurrency: number) =>
  Layer.provide(
    WavesClient.layer({ apiKey: Redacted.make("sk_bench"), baseUrl: url, concurrency }),
    NodeHttpClient.layerUndici
  )

const segmented = (url: string) =>
  SpeechStream.layerSegmented().pipe(
    Layer.provide(WavesSpeechSynthesizer.layer({ sampleRate })),
    Layer.provide(client(url, 2))
  )

const live = (url: string, poolSize: number) =>
  WavesSpeechStream.layer({ sampleRate, poolSize, prewarm: true, completeBackoff: "100 millis" }).pipe(
    Layer.provide(Layer.merge(client(url, poolSize), NodeWebSocketConnector.layer))
  )

/** Milliseconds from the first token to the first audio. */
type FirstAudio = (tokens: ReadonlyArray<string>) => Effect.Effect<number>

const ofPort = (service: SpeechStream.Service): FirstAudio => (tokens) =>
  Effect.promise(async () => {
    const start = performance.now()
    let first = NaN
    await Effect.runPromise(
      service.fromText(Stream.fromAsyncIterable(written(tokens), (cause) => cause)).pipe(
        Stream.runForEach(() => {
          if (Number.isNaN(first)) first = performance.now() - start
          return Effect.void
        }),
        Effect.orDie
      )
    )
    return first
  })

const written = async function*(tokens: ReadonlyArray<string>) {
  const start = performance.now()
  for (const [i, token] of tokens.entries()) {
    const due = start + i * 1000 / tokensPerSecond
    if (due > performance.now()) await sleep(due - performance.now())
    yield token
  }
}

let contexts = 0

/** Nothing but `ws`, over a socket that stays open, as the port's does. */
const bare = (socket: WebSocket): FirstAudio => (tokens) =>
  Effect.promise(async () => {
    const id = `bare-${contexts++}`
    const common = {
      voice_id: "meher",
      model: "lightning_v3.1_pro",
      sample_rate: sampleRate,
      speed: 1,
      output_format: "pcm",
      request_id: id,
      word_timestamps: true,
      complete_backoff_ms: 100,
      context_id: id,
      max_buffer_delay_ms: 3000
    }
    const send = (text: string, more: boolean) => socket.send(JSON.stringify({ ...common, text, continue: more }))
    const start = performance.now()
    let first = NaN
    let lastFrame = start
    let isComplete = false
    const listen = (data: unknown) => {
      const frame = JSON.parse(String(data))
      if (frame.external_request_id !== id) return
      lastFrame = performance.now()
      isComplete = frame.status === "complete"
      if (frame.status !== "chunk" || !Number.isNaN(first)) return
      Buffer.from(frame.data.audio, "base64")
      first = performance.now() - start
    }
    socket.on("message", listen)
    for await (const token of written(tokens)) send(token, true)
    send("", false)
    while (!isComplete || performance.now() - lastFrame < 200) await sleep(20)
    socket.off("message", listen)
    return first
  })

const openSocket = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/waves/v1/tts/live`, {
        headers: { authorization: "Bearer sk_bench" }
      })
      await once(socket, "open")
      return socket
    }),
    (socket) => Effect.sync(() => socket.terminate())
  )

const serviceOf = (layer: Layer.Layer<SpeechStream.SpeechStream>) =>
  Effect.map(Layer.build(layer), Context.get(SpeechStream.SpeechStream))

const quantile = (values: ReadonlyArray<number>, q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? NaN

const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

interface Spoken {
  readonly words: ReadonlyArray<string>
  readonly seconds: number
}

const silent: Spoken = { words: [], seconds: 0 }

const speakAll = (service: SpeechStream.Service, text: string) =>
  Stream.runFold(
    service.events(
      Stream.fromIterable(tokensOf([text])).pipe(
        Stream.rechunk(1),
        Stream.schedule(Schedule.spaced(Duration.millis(1000 / tokensPerSecond)))
      )
    ),
    silent,
    (spoken, event) =>
      SpeechEvent.$is("WordTimestamp")(event)
        ? { ...spoken, words: [...spoken.words, event.word] }
        : SpeechEvent.$is("Completed")(event)
        ? { ...spoken, seconds: Duration.toSeconds(event.duration) }
        : spoken
  )

const wordsOf = (text: string): ReadonlyArray<string> => text.match(/[\p{L}\p{N}]+/gu) ?? []

export const liveSpeech = ({ runs, sockets, utterances }: Options) =>
  Effect.gen(function*() {
    const url = yield* server
    const contenders: ReadonlyArray<readonly [string, FirstAudio]> = [
      ["bare ws loop", bare(yield* openSocket(url))],
      ["WavesSpeechStream", ofPort(yield* serviceOf(live(url, 1)))],
      ["bare ws loop, again", bare(yield* openSocket(url))],
      ["layerSegmented", ofPort(yield* serviceOf(segmented(url)))]
    ]
    const times = new Map<string, Array<number>>(contenders.map(([name]) => [name, []]))
    for (let run = -1; run < runs; run++) {
      // Other sentences each time, the same for all, and all in turn: what the machine does besides strikes each alike.
      const from = (run + 1) % (Text.sentences.length - 2)
      const tokens = tokensOf(Text.sentences.slice(from, from + 2))
      for (const [name, firstAudio] of contenders) {
        const first = yield* firstAudio(tokens)
        if (run >= 0) times.get(name)?.push(first) // the first one opens connections and loads code
      }
    }
    const of = (name: string) => times.get(name) ?? []
    const addedBy = (name: string) => median(of(name).map((first, i) => first - (of("bare ws loop")[i] ?? NaN)))

    const many = yield* serviceOf(live(url, sockets))
    const texts = Array.from(
      { length: utterances },
      (_, i) => `Utterance ${i}. ${Text.sentences[i % Text.sentences.length] ?? ""}`
    )
    const cpu = process.cpuUsage()
    const [elapsed, spoken] = yield* Effect.timed(
      Effect.forEach(texts, (text) => Effect.either(speakAll(many, text)), { concurrency: "unbounded" })
    )
    const used = process.cpuUsage(cpu)
    const cpuMillis = (used.user + used.system) / 1000
    const heard = spoken.flatMap((result) => result._tag === "Right" ? [result.right] : [])
    const wrong = spoken.filter((result, i) =>
      result._tag === "Left" || result.right.words.join(" ") !== wordsOf(texts[i] ?? "").join(" ")
    ).length
    const seconds = heard.reduce((sum, { seconds }) =>
      sum + seconds, 0)

    const report: Report = {
      name:
        `live: two sentences at ${tokensPerSecond} tokens/s, ${latency} ms until the server speaks, ${runs} runs each`,
      rows: contenders.map(([name]) => ({
        "way": name,
        "first audio, median ms": median(of(name)),
        "p90 ms": quantile(of(name), 0.9)
      })),
      targets: [
        { name: "added to a bare ws loop, median", measured: addedBy("WavesSpeechStream"), unit: "ms", limit: 10 },
        { name: `${utterances} utterances over ${sockets} sockets: lost or mixed`, measured: wrong, unit: "", limit: 0 }
      ],
      notes: [
        `the same loop again adds ${addedBy("bare ws loop, again").toFixed(1)} ms: what the machine does besides`,
        `${utterances} utterances: ${seconds.toFixed(0)} s of audio in ${Duration.toSeconds(elapsed).toFixed(1)} s, ` +
        `${(cpuMillis / seconds).toFixed(2)} ms of CPU for a second of audio`
      ]
    }
    return report
  })
