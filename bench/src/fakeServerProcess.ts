/**
 * The vendor's streaming route as far as a stopwatch needs it, in a process of its own and without any framework: first
 * byte after a latency, then audio at a multiple of real time, no more requests at once than the account may run.
 */
import * as Http from "node:http"
import type * as Net from "node:net"
import type { Command, Message, Settings, Trace } from "./FakeServer.js"
import { audioSeconds, sampleRate } from "./speechRate.js"

interface Answer {
  readonly response: Http.ServerResponse
  readonly trace: Trace
  /** Events that the whole answer has, and how many are sent. */
  readonly total: number
  sent: number
  beganAt: number
}

const now = (): number => performance.timeOrigin + performance.now()

const say = (message: Message) => process.send?.(message)

const frameSamples = 513
const frameSeconds = frameSamples / sampleRate
const frame = Buffer.from(
  `event: audio\ndata: ${
    JSON.stringify({ audio: Buffer.alloc(frameSamples * 2, 7).toString("base64"), status: "206", done: false })
  }\n\n`
)
const frames = (count: number) => Buffer.concat(Array.from({ length: count }, () => frame))
const bursts = Array.from({ length: 64 }, (_, count) => frames(count))
const end = `data: ${JSON.stringify({ status: "200", done: true })}\n\n`
const refusal = JSON.stringify({ error: "Too many concurrent requests" })

let settings: Settings = { latency: 200, rate: 3.3, concurrency: Infinity }
let traces: Array<Trace> = []
const answers = new Set<Answer>()
let running = 0

const finish = (answer: Answer, outcome: Trace["outcome"]) => {
  if (!answers.delete(answer)) return
  running -= 1
  answer.trace.outcome = outcome
  answer.trace.endedAt = now()
}

// All answers in one timer: a timer for each would measure the timers.
setInterval(() => {
  const time = now()
  for (const answer of answers) {
    if (time < answer.beganAt) continue
    if (answer.sent === 0) answer.trace.firstByteAt = time
    const due = Math.min(answer.total, 1 + Math.floor((time - answer.beganAt) / 1000 * settings.rate / frameSeconds))
    if (due > answer.sent) answer.response.write(bursts[due - answer.sent] ?? frames(due - answer.sent))
    answer.sent = due
    if (due === answer.total) {
      answer.response.end(end)
      finish(answer, "completed")
    }
  }
}, 2)

const server = Http.createServer((request, response) => {
  const parts: Array<Buffer> = []
  request.on("data", (part: Buffer) => parts.push(part))
  request.on("end", () => {
    const text = String(JSON.parse(Buffer.concat(parts).toString()).text)
    const at = now()
    const trace: Trace = { text, at, firstByteAt: undefined, endedAt: undefined, outcome: "running" }
    if (settings.keepTrace !== false) traces.push(trace)
    if (running >= settings.concurrency) {
      trace.outcome = "refused"
      response.writeHead(429, { "content-type": "application/json", "retry-after": "0" }).end(refusal)
      return
    }
    running += 1
    const answer: Answer = {
      response,
      trace,
      total: Math.max(1, Math.round(audioSeconds(text) / frameSeconds)),
      sent: 0,
      beganAt: at + settings.latency
    }
    response.writeHead(200, { "content-type": "text/event-stream" })
    response.flushHeaders()
    response.on("close", () => finish(answer, "aborted"))
    answers.add(answer)
  })
})
server.keepAliveTimeout = 60_000

process.on("message", (command: Command) => {
  switch (command._tag) {
    case "Configure":
      settings = command.settings
      traces = []
      return say({ _tag: "Configured" })
    case "GetTrace":
      return say({ _tag: "Traced", traces })
  }
})

process.on("disconnect", () => process.exit(0))

server.listen(0, "127.0.0.1", () => {
  // Listening on a host and a port, so the address is one of a network.
  say({ _tag: "Listening", port: (server.address() as Net.AddressInfo).port })
})
