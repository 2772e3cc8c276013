import { HttpClient, HttpClientResponse } from "@effect/platform"
import type { HttpClientError, HttpClientRequest } from "@effect/platform"
import { Chunk, Effect, Layer, Stream } from "effect"

/** What the server answers; its body is a stream, so that the test's clock drives it. */
export interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body: Stream.Stream<Uint8Array, HttpClientError.HttpClientError>
}

export interface Exchange {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly json: Record<string, unknown>
  /** Whether the connection is still in use. */
  isOpen: boolean
}

/** A server inside this process, without sockets: for time, which real ones cannot give to a test clock. */
export const fakeHttp = (
  handle: (exchange: Exchange, index: number) => Effect.Effect<Answer, HttpClientError.HttpClientError>
) => {
  const exchanges: Array<Exchange> = []
  const client = HttpClient.make((request) =>
    Effect.suspend(() => {
      const exchange: Exchange = { request, json: readJson(request), isOpen: true }
      exchanges.push(exchange)
      const close = Effect.sync(() => void (exchange.isOpen = false))
      return handle(exchange, exchanges.length - 1).pipe(
        Effect.map(({ body, headers, status = 200 }) => {
          const base = HttpClientResponse.fromWeb(request, new Response(null, { status, headers: headers ?? {} }))
          const stream = Stream.ensuring(body, close)
          const text = Effect.map(
            Stream.runCollect(Stream.decodeText(stream)),
            Chunk.join("")
          )
          const response: HttpClientResponse.HttpClientResponse = Object.create(base, {
            stream: { value: stream },
            text: { value: text }
          })
          return response
        }),
        Effect.onError(() => close)
      )
    })
  )
  return { exchanges, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

const readJson = ({ body }: HttpClientRequest.HttpClientRequest): Record<string, unknown> =>
  body._tag === "Uint8Array" && body.contentType.includes("json") ? JSON.parse(new TextDecoder().decode(body.body)) : {}

const encode = (text: string) => new TextEncoder().encode(text)

/** One event with audio: `length` bytes of the same value. */
export const audioEvent = (length: number, value = 1): Uint8Array =>
  encode(
    `event: audio\ndata: {"audio":"${Buffer.alloc(length, value).toString("base64")}","done":false,"status":"206"}\n\n`
  )

export const doneEvent: Uint8Array = encode(`data: {"status":"200","done":true}\n\n`)

export const emptyEvent: Uint8Array = audioEvent(0)

export const keepAlive: Uint8Array = encode(`: keep-alive\n\n`)

/** Pieces with the time that passes before each. */
export const timed = (
  ...pieces: ReadonlyArray<readonly [millis: number, bytes: Uint8Array]>
): Stream.Stream<Uint8Array> =>
  Stream.mapEffect(
    Stream.rechunk(Stream.fromIterable(pieces), 1),
    ([millis, bytes]) => Effect.as(Effect.sleep(millis), bytes)
  )

export const eventStream = (body: Answer["body"], headers: Record<string, string> = {}): Answer => ({
  headers: { "content-type": "text/event-stream", ...headers },
  body
})

export const json = (status: number, body: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8", ...headers },
  body: Stream.make(encode(JSON.stringify(body)))
})
