/**
 * `StreamAdapter` of LiveKit's agents for Node, over the same server: its own sentence tokenizer, every sentence requested
 * at once. The package is 290 MB with its native parts, so it is no dependency: it takes part where it is installed.
 */
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { sampleRate } from "../speechRate.js"
import type { Contender } from "./Contender.js"
import { Refused, speech } from "./sse.js"

export const install = "npm install --prefix DIRECTORY @livekit/agents@1.9.0, then --peers DIRECTORY"

// The package's types would make it a dependency.
// oxlint-disable-next-line typescript/no-explicit-any
type Untyped = any

export const liveKit = async (directory: string): Promise<Contender> => {
  const require = createRequire(pathToFileURL(`${directory}/package.json`))
  const load = async (name: string): Promise<Untyped> => {
    const module = await import(pathToFileURL(require.resolve(name)).href)
    return module.default ?? module
  }
  const { APIStatusError, initializeLogger, tokenize, tts } = await load("@livekit/agents")
  const { AudioFrame } = await load("@livekit/rtc-node")
  initializeLogger({ pretty: false, level: "fatal" })

  class Chunked extends tts.ChunkedStream {
    label = "bench.Chunked"
    readonly url: string
    constructor(url: string, text: string, parent: Untyped, options: Untyped, signal: Untyped) {
      super(text, parent, options, signal)
      this.url = url
    }
    async run(): Promise<void> {
      try {
        for await (const bytes of speech(this.url, this.inputText, this.abortSignal)) {
          const samples = new Int16Array(Uint8Array.from(bytes).buffer)
          this.queue.put({
            requestId: "",
            segmentId: "",
            frame: new AudioFrame(samples, sampleRate, 1, samples.length),
            final: false
          })
        }
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        throw new APIStatusError({ message: error.message, options: { statusCode: error.status, retryable: true } })
      }
      this.queue.close()
    }
  }

  class Speech extends tts.TTS {
    label = "bench.Speech"
    readonly url: string
    constructor(url: string) {
      super(sampleRate, 1, { streaming: false })
      this.url = url
    }
    synthesize(text: string, options: Untyped, signal: Untyped): Untyped {
      return new Chunked(this.url, text, this, options, signal)
    }
    stream(): never {
      throw new Error("The adapter under test does this")
    }
  }

  return {
    name: "LiveKit agents-js StreamAdapter",
    async *speak(tokens, { url }) {
      const engine = new Speech(url)
      let failure: unknown
      // Its library lets some failures escape as rejections that end the process.
      const escaped = (error: unknown) => {
        failure ??= error
      }
      process.on("unhandledRejection", escaped)
      const adapter = new tts.StreamAdapter(engine, new tokenize.basic.SentenceTokenizer())
      adapter.on("error", (event: Untyped) => {
        failure ??= event.error
      })
      const stream = adapter.stream()
      const feed = async () => {
        for await (const token of tokens) stream.pushText(token)
        stream.endInput()
      }
      const feeding = feed()
      try {
        for await (const event of stream) {
          if (event === tts.SynthesizeStream.END_OF_STREAM) continue
          const { data } = event.frame
          yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        }
        await feeding
      } finally {
        process.off("unhandledRejection", escaped)
      }
      if (failure !== undefined) throw failure
    }
  }
}
