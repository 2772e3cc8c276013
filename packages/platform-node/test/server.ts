import { Effect } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly body: Record<string, unknown>
}

export type Answer = (response: ServerResponse, request: Received, index: number) => void

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
            const received = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body }
            requests.push(received)
            answer(response, received, requests.length - 1)
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
    return {
      url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
      requests,
      /** How many connections are open. */
      connections: Effect.async<number>((resume) => {
        http.getConnections((_, count) => resume(Effect.succeed(count)))
      })
    }
  })

/** A tone, so that it is neither silent nor constant. */
export const tone = (seconds: number, sampleRate = 24000): Uint8Array => {
  const samples = Int16Array.from(
    { length: Math.round(seconds * sampleRate) },
    (_, i) => Math.round(8000 * Math.sin(2 * Math.PI * 440 * i / sampleRate))
  )
  return new Uint8Array(samples.buffer)
}

export const answerEvents = (pcm: Uint8Array): Answer => (response) => {
  response.writeHead(200, { "content-type": "text/event-stream", "x-request-id": "req_1" })
  for (let offset = 0; offset < pcm.length; offset += 4001) {
    const audio = Buffer.from(pcm.subarray(offset, offset + 4001)).toString("base64")
    response.write(`event: audio\ndata: ${JSON.stringify({ audio, done: false })}\n\n`)
  }
  response.end(`event: done\ndata: ${JSON.stringify({ audio: "", done: true })}\n\n`)
}

export const answerBytes = (bytes: Uint8Array): Answer => (response) => {
  response.writeHead(200, { "content-type": "audio/wav" })
  response.end(bytes)
}

export const answerError = (status: number, message: string): Answer => (response) => {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify({ error: message }))
}
