import { Effect } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface Received {
  readonly url: string
  readonly authorization: string | undefined
  readonly body: Record<string, unknown>
}

export type Answer = (response: ServerResponse, request: Received) => void

const read = async (request: IncomingMessage) => {
  let text = ""
  for await (const part of request) text += String(part)
  return JSON.parse(text)
}

/** A real server on localhost which answers every request with `answer` and keeps what it was asked. */
export const server = (answer: Answer) =>
  Effect.gen(function*() {
    const requests: Array<Received> = []
    const http = yield* Effect.acquireRelease(
      Effect.sync(() =>
        createServer((request, response) => {
          void read(request).then((body) => {
            const received = { url: request.url ?? "", authorization: request.headers.authorization, body }
            requests.push(received)
            answer(response, received)
          })
        })
      ),
      (http) =>
        Effect.sync(() => {
          http.closeAllConnections()
          http.close()
        })
    )
    yield* Effect.async<void>((resume) => {
      http.listen(0, "127.0.0.1", () => resume(Effect.void))
    })
    return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, requests }
  })

/** A tone, so that it is neither silent nor constant. */
export const tone = (seconds: number, sampleRate = 24000): Uint8Array => {
  const samples = Int16Array.from(
    { length: Math.round(seconds * sampleRate) },
    (_, i) => Math.round(8000 * Math.sin(2 * Math.PI * 440 * i / sampleRate))
  )
  return new Uint8Array(samples.buffer)
}

const audioEvent = (bytes: Uint8Array) =>
  `event: audio\ndata: ${JSON.stringify({ audio: Buffer.from(bytes).toString("base64"), done: false })}\n\n`

const begin = (response: ServerResponse) => response.writeHead(200, { "content-type": "text/event-stream" })

/** All of the audio, in events that end anywhere. */
export const answerEvents = (pcm: Uint8Array): Answer => (response) => {
  begin(response)
  for (let offset = 0; offset < pcm.length; offset += 4001) {
    response.write(audioEvent(pcm.subarray(offset, offset + 4001)))
  }
  response.end(`event: done\ndata: ${JSON.stringify({ audio: "", done: true })}\n\n`)
}

/** Some audio, and then nothing for as long as the client stays. */
export const answerAndStall = (pcm: Uint8Array, onClose: () => void): Answer => (response) => {
  begin(response)
  response.write(audioEvent(pcm))
  response.on("close", onClose)
}

export const answerBytes = (bytes: Uint8Array): Answer => (response) => {
  response.writeHead(200, { "content-type": "audio/wav" })
  response.end(bytes)
}

export const answerError = (status: number, body: unknown): Answer => (response) => {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}
