/**
 * What a client of an application's server sees when speech fails before and after its first sound, and what the engine sees when the client
 * leaves. Every kind of server goes over real sockets.
 */
import { Pcm, SpeechError, SpeechResponse } from "@effect-smallest/core"
import { HttpRouter, HttpServerRequest } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Runtime, type Scope, Stream } from "effect"
import { createServer, get, type IncomingMessage, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ReadableStream } from "node:stream/web"

const format = Pcm.format(8000)
const piece = { format, bytes: new Uint8Array(1000).fill(7) }
const failure = new SpeechError.InvalidApiKey({ module: "Test", method: "stream", description: "No such key" })

interface Script {
  /** Done when the client has the beginning of the answer. */
  readonly heard: Deferred.Deferred<void>
  /** Done when the work has ended. */
  readonly ended: Deferred.Deferred<void>
}

/** The speech of a path. */
const speech = (
  path: string | undefined,
  { ended, heard }: Script
): Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError> => {
  const endings: Record<string, Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError>> = {
    "/refused": Stream.fail(failure),
    "/broken": Stream.concat(Stream.make(piece), Stream.fromEffect(Effect.zipRight(Deferred.await(heard), failure))),
    "/endless": Stream.concat(Stream.make(piece), Stream.never),
    "/silent": Stream.empty
  }
  return (endings[path ?? ""] ?? Stream.make(piece)).pipe(Stream.ensuring(Deferred.succeed(ended, undefined)))
}

type Handler = (script: Script) => Effect.Effect<RequestListener, never, Scope.Scope>

// As in docs/effect.md.
const platform: Handler = (script) =>
  NodeHttpServer.makeHandler(HttpRouter.empty.pipe(
    HttpRouter.get(
      "*",
      Effect.flatMap(
        HttpServerRequest.HttpServerRequest,
        ({ url }) => SpeechResponse.toServerResponse(speech(url, script))
      )
    )
  )).pipe(Effect.map((handler): RequestListener => (request, response) => handler(request, response)))

// As in docs/effect.md; an Express handler is the same function.
const express: Handler = (script) =>
  Effect.map(Effect.runtime(), (runtime): RequestListener => (request, response) => {
    const leaves = new AbortController()
    response.once("close", () => leaves.abort())
    void Runtime.runPromise(runtime)(
      SpeechResponse.toWebResponse(speech(request.url, script), { signal: leaves.signal })
    ).then(async ({ body, headers, status }) => {
      response.writeHead(status, Object.fromEntries(headers))
      if (body === null) response.end()
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the DOM's type of the same thing
      else await pipeline(Readable.fromWeb(body as ReadableStream), response).catch(() => {})
    })
  })

const listen = (handler: RequestListener) =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
      const server = createServer(handler)
      server.listen(0, "127.0.0.1", () => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({
          port,
          close: () => {
            server.closeAllConnections()
            server.close()
          }
        }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

const ask = (port: number, path: string) =>
  Effect.async<IncomingMessage>((resume) => {
    get({ port, path, host: "127.0.0.1", agent: false }, (response) => resume(Effect.succeed(response)))
  })

/** The bytes of a body, and whether it was whole. */
const read = (response: IncomingMessage) =>
  Effect.async<{ readonly bytes: Buffer; readonly isWhole: boolean }>((resume) => {
    const chunks: Array<Buffer> = []
    response.on("data", (chunk: Buffer) => chunks.push(chunk))
    response.on("error", () => {})
    response.on("close", () => resume(Effect.succeed({ bytes: Buffer.concat(chunks), isWhole: response.complete })))
  })

describe.each([["@effect/platform", platform], ["node:http and Express", express]])("a server of %s", (_, handler) => {
  const serve = Effect.gen(function*() {
    const ended = yield* Deferred.make<void>()
    const heard = yield* Deferred.make<void>()
    const { port } = yield* listen(yield* handler({ ended, heard }))
    return { ended, heard, port }
  })

  it.scoped("a refused key is an error with status and JSON", () =>
    Effect.gen(function*() {
      const { port } = yield* serve
      const response = yield* ask(port, "/refused")
      const { bytes, isWhole } = yield* read(response)
      assert.strictEqual(response.statusCode, 502)
      assert.isTrue(isWhole)
      assert.strictEqual(JSON.parse(bytes.toString()).error._tag, "InvalidApiKey")
    }))

  it.scoped("whole speech is a whole file", () =>
    Effect.gen(function*() {
      const { port } = yield* serve
      const response = yield* ask(port, "/whole")
      const { bytes, isWhole } = yield* read(response)
      assert.strictEqual(response.statusCode, 200)
      assert.isTrue(isWhole)
      assert.strictEqual(bytes.length, 1044)
    }))

  it.scoped("a text without speech is no empty file", () =>
    Effect.gen(function*() {
      const { port } = yield* serve
      const response = yield* ask(port, "/silent")
      yield* read(response)
      assert.strictEqual(response.statusCode, 422)
    }))

  it.scoped("a broken stream tears the connection", () =>
    Effect.gen(function*() {
      const { ended, heard, port } = yield* serve
      const response = yield* ask(port, "/broken")
      yield* Deferred.succeed(heard, undefined)
      const { isWhole } = yield* read(response)
      assert.strictEqual(response.statusCode, 200)
      assert.isFalse(isWhole)
      yield* Deferred.await(ended)
    }))

  it.scoped("a client that leaves ends the work", () =>
    Effect.gen(function*() {
      const { ended, port } = yield* serve
      const response = yield* ask(port, "/endless")
      response.on("error", () => {})
      response.destroy()
      yield* Deferred.await(ended)
    }))
})
