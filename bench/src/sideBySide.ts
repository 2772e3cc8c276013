/**
 * Growing text, one server, several ways to speak it: when the first audio comes, when all of it is there, and how long a
 * listener would have waited in between.
 */
import { Effect } from "effect"
import { setTimeout as sleep } from "node:timers/promises"
import type { Conditions, Contender } from "./contenders/Contender.js"
import { install, liveKit } from "./contenders/liveKit.js"
import { ours } from "./contenders/ours.js"
import { textToAudioStream } from "./contenders/textToAudioStream.js"
import * as FakeServer from "./FakeServer.js"
import type { Report, Target } from "./report.js"
import { audioSeconds, sampleRate } from "./speechRate.js"
import * as Text from "./text.js"

const latency = 200
const rate = 3.3
const tokensPerSecond = 50

const bytesPerMilli = sampleRate * 2 / 1000

/** When each token was there to be read, in milliseconds since the first was asked for. */
type Arrivals = ReadonlyArray<number>

interface Outcome {
  readonly arrivals: Arrivals
  readonly firstAudio: number
  readonly total: number
  readonly audioSeconds: number
  /** Milliseconds of silence inside the speech, for a listener who starts with the first audio. */
  readonly waits: number
  readonly failure: string | undefined
}

const run = async (
  contender: Contender,
  tokens: ReadonlyArray<string>,
  conditions: Conditions,
  isEnough: "all" | "first audio" = "all"
): Promise<Outcome> => {
  const start = performance.now()
  const since = () => performance.now() - start
  const arrivals: Array<number> = []
  const written = async function*() {
    for (const [i, token] of tokens.entries()) {
      // By the clock and not by the reader: a model goes on while nobody reads.
      const due = i * 1000 / tokensPerSecond
      const isEarly = due > since()
      if (isEarly) await sleep(due - since())
      // A token that waited to be read was there when it was due; others are there when the timer says so.
      arrivals.push(isEarly ? since() : due)
      yield token
    }
  }
  let firstAudio = NaN
  let bytes = 0
  let playedUntil = 0
  let waits = 0
  let failure: string | undefined
  try {
    for await (const part of contender.speak(written(), conditions)) {
      if (part.length === 0) continue
      const at = since()
      if (bytes === 0) {
        firstAudio = at
        playedUntil = at
        if (isEnough === "first audio") break
      }
      waits += Math.max(0, at - playedUntil)
      playedUntil = Math.max(playedUntil, at) + part.length / bytesPerMilli
      bytes += part.length
    }
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
  }
  return {
    arrivals,
    firstAudio,
    total: since(),
    audioSeconds: bytes / bytesPerMilli / 1000,
    waits,
    failure
  }
}

/** A schedule that knows where sentences end, asks for each the moment its last token is there, and wastes nothing. */
const ideal = (
  sentences: ReadonlyArray<string>,
  arrivals: Arrivals,
  tokens: ReadonlyArray<string>,
  permits: number
) => {
  const free = Array.from({ length: Math.min(permits, sentences.length) }, () => 0)
  let length = 0
  const endsAt = tokens.map((token, i) => [length += token.length, arrivals[i] ?? 0] as const)
  let offset = 0
  let firstAudio = NaN
  let total = 0
  let playedUntil = NaN
  let waits = 0
  for (const sentence of sentences) {
    offset += sentence.length
    const written = endsAt.find(([end]) => end >= offset)?.[1] ?? 0
    offset += 1
    free.sort((a, b) => a - b)
    const begins = Math.max(written, free[0] ?? 0)
    const seconds = audioSeconds(sentence)
    const sounds = begins + latency
    const ends = sounds + seconds * 1000 / rate
    free[0] = ends
    if (Number.isNaN(firstAudio)) firstAudio = playedUntil = sounds
    waits += Math.max(0, sounds - playedUntil)
    playedUntil = Math.max(playedUntil, sounds) + seconds * 1000
    total = Math.max(total, ends)
  }
  return { firstAudio, total, waits }
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

export interface Options {
  readonly sentences: number
  /** How often the time to the first audio is taken; the median counts. */
  readonly starts: number
  readonly permits: ReadonlyArray<number>
  /** Where the packages of peers are installed. */
  readonly peers: string | undefined
}

export const sideBySide = (options: Options) =>
  Effect.gen(function*() {
    const server = yield* FakeServer.make
    const sentences = Text.sentences.slice(0, options.sentences)
    const tokens = sentences.join(" ").match(Text.token) ?? []
    const notes: Array<string> = []
    const { peers } = options
    const peer = peers === undefined
      ? undefined
      : yield* Effect.orElseSucceed(Effect.tryPromise(() => liveKit(peers)), () => undefined)
    if (peer === undefined) notes.push(`LiveKit's StreamAdapter takes part where it is installed: ${install}`)
    const mine = ours("effect-smallest")
    const contenders: ReadonlyArray<Contender> = [
      mine,
      ours("effect-smallest, first clause", { firstSegment: "clause" }),
      textToAudioStream,
      ...(peer === undefined ? [] : [peer])
    ]
    const rows: Array<Record<string, string | number>> = []
    const targets: Array<Target> = []

    const measure = Effect.fnUntraced(function*(contender: Contender, permits: number) {
      yield* server.configure({ latency, rate, concurrency: permits })
      // The first request of a process loads code and opens connections; nobody is measured by it.
      yield* Effect.promise(() => run(contender, ["Good morning."], { url: server.url, permits }))
      yield* server.configure({ latency, rate, concurrency: permits })
      const cpu = process.cpuUsage()
      const outcome = yield* Effect.promise(() => run(contender, tokens, { url: server.url, permits }))
      const { system, user } = process.cpuUsage(cpu)
      const trace = yield* server.trace
      return { ...outcome, trace, cpu: (user + system) / 1000 }
    })

    // Only for contenders that end what they began when nobody listens any more.
    const start = (contender: Contender, permits: number) =>
      Effect.promise(async () => {
        const { arrivals, firstAudio } = await run(contender, tokens, { url: server.url, permits }, "first audio")
        return { firstAudio, ratio: firstAudio / ideal(sentences.slice(0, 1), arrivals, tokens, permits).firstAudio }
      })

    for (const permits of options.permits) {
      const account = Number.isFinite(permits) ? String(permits) : "no limit"
      for (const contender of contenders) {
        const outcome = yield* measure(contender, permits)
        const starts = contender.endsWithListener === true
          ? yield* Effect.replicateEffect(start(contender, permits), options.starts)
          : []
        const best = ideal(sentences, outcome.arrivals, tokens, permits)
        const complete = sentences.reduce((sum, sentence) => sum + audioSeconds(sentence), 0)
        rows.push({
          "at once": account,
          contender: contender.name,
          "first audio ms": starts.length === 0 ? outcome.firstAudio : median(starts.map((start) => start.firstAudio)),
          "x ideal": starts.length === 0
            ? outcome.firstAudio / best.firstAudio
            : median(starts.map((start) => start.ratio)),
          "total s": outcome.total / 1000,
          "x ideal ": outcome.total / best.total,
          "listener waits ms": outcome.waits,
          "audio s": outcome.audioSeconds,
          "audio missing %": Math.max(0, 100 * (1 - outcome.audioSeconds / complete)),
          requests: outcome.trace.length,
          refused: outcome.trace.filter((trace) => trace.outcome === "refused").length,
          "cpu ms": outcome.cpu,
          failure: outcome.failure ?? ""
        })
        if (contender === mine) {
          const name = (what: string) => `${what}, ${account} at once`
          targets.push(
            {
              name: name("first audio"),
              measured: median(starts.map((start) => start.ratio)),
              unit: "x ideal",
              limit: 1.05
            },
            { name: name("total"), measured: outcome.total / best.total, unit: "x ideal", limit: 1.05 }
          )
          rows.push({
            "at once": account,
            contender: "(ideal)",
            "first audio ms": best.firstAudio,
            "x ideal": 1,
            "total s": best.total / 1000,
            "x ideal ": 1,
            "listener waits ms": best.waits,
            "audio s": complete,
            requests: sentences.length
          })
        }
      }
    }
    return {
      name:
        `${sentences.length} sentences at ${tokensPerSecond} tokens a second, ${latency} ms to the first byte, ${rate} x real time`,
      rows,
      targets,
      notes
    } satisfies Report
  })
