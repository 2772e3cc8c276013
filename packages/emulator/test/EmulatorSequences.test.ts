/**
 * What real programs send, message by message: the plugins of LiveKit and Pipecat of 2025 and of today, the vendor's Python clients and
 * cookbook, jambonz. Each sequence is written down from their public sources; each must end as that program expects.
 */
import { type Assumptions, WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as EmulatorSocket from "./emulatorSocket.js"

const emulator = (assumptions: typeof Assumptions.Assumptions.Encoded = {}) =>
  WavesEmulator.layer({ engine: "tone", assumptions })

const connect = (path: string) =>
  Effect.flatMap(WavesEmulator.WavesEmulator, ({ webSocketUrl }) => EmulatorSocket.connect(`${webSocketUrl}${path}`))

const today = "/waves/v1/tts/live"
const of2025 = "/api/v1/lightning-v2/get_speech/stream"
const conversation = "/waves/v1/lightning-v4/live?voice_id=brannock&language=en&sample_rate=24000&output_format=pcm"

const pro = { voice_id: "meher", model: "lightning_v3.1_pro", language: "en", sample_rate: 24000 }
const v2 = { voice_id: "malcom", language: "en", sample_rate: 24000, speed: 1 }

/** One thing that a program does, and what it waits for before the next. */
type Step =
  | { readonly send: unknown }
  /** Frames up to this status or event, of which so many kinds must have come. */
  | { readonly until: string; readonly has?: Readonly<Record<string, number>>; readonly requests?: number }
  | { readonly expect: Readonly<Record<string, unknown>> }
  | { readonly silence: true }
  | { readonly closed: number }

interface Sequence {
  readonly name: string
  readonly path?: string
  readonly assumptions?: typeof Assumptions.Assumptions.Encoded
  /** So many bytes of audio in a message, with 50 ms before each. */
  readonly drip?: number
  readonly steps: ReadonlyArray<Step>
}

const livekit = { ...pro, speed: 1, max_buffer_flush_ms: 0 }
const token = (text: string) => ({ send: { ...livekit, text, continue: true, flush: false } })
const flushed = { send: { ...livekit, text: "", continue: false, flush: true } }
const spoken = { until: "complete", has: { error: 0 }, requests: 1 }
const pipecat = { ...pro, output_format: "pcm", word_timestamps: true, complete_backoff_ms: 200 }
const blank = { send: { text: " ", voice_id: "meher", model: "lightning_v3.1_pro", language: "en" } }
const sdk = (text: string, last = false) => ({
  send: { ...pro, text, speed: 1, max_buffer_flush_ms: 0, continue: !last, flush: last }
})
const fragment = (text: string, more = true) => ({
  send: { ...pro, context_id: "turn-1", text, continue: more, complete_backoff_ms: 100 }
})

const sequences: ReadonlyArray<Sequence> = [
  { name: "LiveKit - tokens, then a flush", steps: [token("Hello "), token("world."), flushed, spoken] },
  {
    name: "LiveKit - many turns over one socket",
    steps: [
      token("One."),
      flushed,
      spoken,
      token("Two "),
      token("three."),
      flushed,
      spoken,
      token("Bye."),
      flushed,
      spoken
    ]
  },
  { name: "LiveKit - a turn of one letter", steps: [token("I"), flushed, spoken] },
  {
    name: "LiveKit - nothing is spoken before the flush",
    steps: [token("Hello there. "), token("How are"), { silence: true }, flushed, spoken]
  },
  {
    name: "LiveKit of 2025 - one message for each sentence on the old route",
    path: of2025,
    steps: [
      { send: { ...v2, text: "Hello there.", continue: false, flush: true } },
      { until: "complete", has: { error: 0 }, requests: 1 }
    ]
  },
  {
    name: "Pipecat - sentences close together share a complete",
    steps: [
      { send: { ...pipecat, text: "First sentence." } },
      { send: { ...pipecat, text: "Second sentence." } },
      { until: "complete", has: { error: 0, complete: 1 }, requests: 2 }
    ]
  },
  {
    name: "Pipecat - its transcript is the words of the text, with their punctuation",
    steps: [{ send: { ...pipecat, text: "First. Then, second!" } }, {
      until: "complete",
      has: { "word:First.": 1, "word:Then,": 1, "word:second!": 1 }
    }]
  },
  {
    name: "Pipecat - a blank keeps the socket, and is not spoken",
    steps: [blank, { silence: true }, { send: { ...pipecat, text: "Hello." } }, {
      until: "complete",
      has: { error: 0 },
      requests: 1
    }]
  },
  {
    name: "Pipecat - a ping is answered at once",
    steps: [{ send: { type: "ping" } }, { expect: { type: "pong" } }]
  },
  {
    name: "Pipecat of 2025 - ends a turn by its own request id",
    path: of2025,
    assumptions: { legacyRequestId: "client" },
    steps: [
      { send: { ...v2, text: "Hello there.", request_id: "turn-7", continue: false, flush: true } },
      { until: "complete", has: { "request:turn-7": 1 } }
    ]
  },
  {
    name: "the vendor's Python client of today - repeats its options, ends with an empty flush",
    steps: [sdk("Hello "), sdk("world."), sdk("", true), spoken]
  },
  {
    name: "the vendor's Python client of 2025 - on the old route",
    path: `${of2025}?timeout=20`,
    steps: [
      { send: { ...v2, text: "Hello ", max_buffer_flush_ms: 0, continue: true, flush: false } },
      { send: { ...v2, text: "", max_buffer_flush_ms: 0, continue: false, flush: true } },
      { until: "complete", has: { error: 0 }, requests: 1 }
    ]
  },
  {
    name: "the vendor's cookbook - text, then a bare flush",
    assumptions: { bareFlush: "flush" },
    steps: [
      { send: { ...pro, text: "Hello there.", continue: true, complete_backoff_ms: 100 } },
      { send: { flush: true } },
      spoken
    ]
  },
  {
    name: "the vendor's cookbook - where the server does not know a bare flush",
    assumptions: { bareFlush: "refuse" },
    steps: [{ send: { ...pro, text: "Hello there.", continue: true } }, { send: { flush: true } }, { until: "error" }]
  },
  {
    name: "the vendor's cookbook - where the server ignores a bare flush",
    assumptions: { bareFlush: "ignore" },
    steps: [
      { send: { ...pro, text: "Hello there.", continue: true, complete_backoff_ms: 100 } },
      { send: { flush: true } },
      { silence: true },
      { send: { ...pro, text: "", continue: false, flush: true, complete_backoff_ms: 100 } },
      spoken
    ]
  },
  {
    name: "the vendor's example of continuations - three fragments are one release",
    steps: [
      fragment("Our order has been shipped"),
      fragment(" today and it will arrive"),
      fragment(" on Friday before noon.", false),
      { until: "complete", has: { error: 0 }, requests: 1 }
    ]
  },
  {
    name: "continuations - cancelled text is not spoken, and the context lives on",
    steps: [
      fragment("This is dropped "),
      { send: { context_id: "turn-1", cancel_request: true } },
      { silence: true },
      fragment("This is spoken.", false),
      { until: "complete", has: { error: 0 }, requests: 1 }
    ]
  },
  {
    name: "continuations - a context closed with nothing buffered answers nothing",
    steps: [
      fragment("Spoken.", false),
      { until: "complete", has: { error: 0 } },
      { send: { context_id: "turn-1", context_close: true } },
      { silence: true }
    ]
  },
  {
    name: "continuations - a flush inside a context is refused",
    steps: [{ send: { ...pro, context_id: "turn-1", text: "Hi.", flush: true } }, { until: "error" }]
  },
  {
    name: "continuations - an id of other characters is refused",
    steps: [{ send: { ...pro, context_id: "turn 1", text: "Hi.", continue: false } }, { until: "error" }]
  },
  {
    name: "a plain client - one message, one answer, and the server stays",
    steps: [
      { send: { ...pro, text: "Hello there.", complete_backoff_ms: 100 } },
      spoken,
      { send: { ...pro, text: "And again.", complete_backoff_ms: 100 } },
      spoken
    ]
  },
  {
    name: "a plain client - where the server closes after complete",
    assumptions: { afterComplete: "close" },
    steps: [{ send: { ...pro, text: "Hello there.", complete_backoff_ms: 100 } }, spoken, { closed: 1000 }]
  },
  {
    name: "jambonz - the dated preview of the Pro model",
    steps: [
      { send: { ...pro, model: "lightning_v3.1_pro_10_26", text: "Hello there.", complete_backoff_ms: 100 } },
      spoken
    ]
  },
  {
    name: "LiveKit's v4 - a turn of a conversation, interrupted, then another",
    path: conversation,
    drip: 4800,
    steps: [
      { expect: { event: "ready" } },
      { expect: { event: "ready", sample_rate: 24000 } },
      {
        send: {
          event: "speak",
          turn_id: "a",
          text: "A rather long answer that will not be heard to its end. ".repeat(8)
        }
      },
      { expect: { event: "turn_start", turn_id: "a" } },
      { send: { event: "interrupt" } },
      { until: "interrupted" },
      { send: { event: "speak", turn_id: "b", text: "Yes?" } },
      { until: "turn_end", has: { "turn:b": 2 } },
      { send: { event: "end" } },
      { closed: 1000 }
    ]
  },
  {
    name: "Pipecat's v4 - a turn for each sentence, in order",
    path: conversation,
    steps: [
      { expect: { event: "ready" } },
      { expect: { event: "ready", sample_rate: 24000 } },
      { send: { event: "speak", turn_id: "1", text: "First sentence." } },
      { send: { event: "speak", turn_id: "2", text: "Second sentence." } },
      { until: "turn_end", has: { "turn:1": 2, "turn:2": 0 } },
      { until: "turn_end", has: { "turn:1": 0, "turn:2": 2 } }
    ]
  },
  {
    name: "v4 - a frame that is not one leaves the session open",
    path: conversation,
    steps: [
      { expect: { event: "ready" } },
      { expect: { event: "ready" } },
      { send: "not JSON" },
      { expect: { event: "error", code: "bad_frame" } },
      { send: { event: "user_audio", text: "Hello?" } },
      { send: { event: "speak", turn_id: "a", text: "Hello." } },
      { until: "turn_end" }
    ]
  }
]

const labels = (frame: EmulatorSocket.Frame): ReadonlyArray<string> => {
  const data = frame["data"]
  const word = typeof data === "object" && data !== null && "word" in data ? [`word:${String(data.word)}`] : []
  return [
    [frame["status"], frame["event"]].find((name) => typeof name === "string") ?? "binary",
    ...word,
    ...("turn_id" in frame ? [`turn:${String(frame["turn_id"])}`] : [])
  ]
}

const play = Effect.fnUntraced(function*({ drip, path = today, steps }: Sequence) {
  const { inject } = yield* WavesEmulator.WavesEmulator
  if (drip !== undefined) yield* inject({ faults: [{ _tag: "SlowDrip", bytes: drip, every: "50 millis" }] })
  const client = yield* connect(path)
  for (const step of steps) {
    if ("send" in step) {
      yield* client.send(step.send)
    } else if ("expect" in step) {
      assert.deepInclude(yield* client.nextInTime, step.expect)
    } else if ("closed" in step) {
      assert.strictEqual((yield* EmulatorSocket.inTime(client.closed)).code, step.closed)
    } else if ("silence" in step) {
      yield* EmulatorSocket.turn.pipe(Effect.repeatN(20))
      assert.deepStrictEqual(yield* client.waiting, [])
    } else {
      const counts = new Map<string, number>()
      const requests = new Set<unknown>()
      const add = (label: string) => counts.set(label, (counts.get(label) ?? 0) + 1)
      for (;;) {
        const frame = yield* client.nextInTime
        const found = labels(frame)
        found.forEach(add)
        if (frame["status"] === "complete") add(`request:${String(frame["request_id"])}`)
        if (frame["status"] === "chunk") requests.add(frame["request_id"])
        if (found[0] === step.until) break
        assert.notStrictEqual(found[0], "error", JSON.stringify(frame))
      }
      for (const [label, count] of Object.entries(step.has ?? {})) {
        assert.strictEqual(counts.get(label) ?? 0, count, `${label} in ${JSON.stringify([...counts])}`)
      }
      if (step.requests !== undefined) assert.strictEqual(requests.size, step.requests)
    }
  }
})

describe("sequences of real clients", () => {
  for (const sequence of sequences) {
    it.scoped(sequence.name, () => Effect.provide(play(sequence), emulator(sequence.assumptions)))
  }
})
