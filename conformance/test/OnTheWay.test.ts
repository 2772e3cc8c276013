/**
 * What stands between a program and the server: proxies, certificates, redirects, compression.
 */
import { SpeechSynthesizer, WebSocketConnector } from "@effect-smallest/core"
import { NodeHttp, NodeSpeech, NodeWebSocketConnector } from "@effect-smallest/platform-node"
import { WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import { HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option, Redacted } from "effect"
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http"
import { createServer as createTlsServer } from "node:https"
import { type AddressInfo, connect as connectTcp, type Socket } from "node:net"
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib"
import { WebSocketServer } from "ws"
import { certificate } from "./fixtures/certificate.js"

const listen = (server: Server) =>
  Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
        resume(Effect.succeed((server.address() as AddressInfo).port))
      })
    }),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

const serve = (answer: RequestListener) => listen(createServer(answer))

/** A proxy that knows CONNECT and nothing else, and asks for credentials if there are any. */
const proxy = Effect.fnUntraced(function*(credentials?: string) {
  const tunnels: Array<string> = []
  const sockets = new Set<Socket>()
  const server = createServer((_, response) => response.writeHead(405).end())
  server.on("connect", (request: IncomingMessage, client: Socket) => {
    sockets.add(client)
    client.on("error", () => client.destroy())
    const expected = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`
    if (expected !== undefined && request.headers["proxy-authorization"] !== expected) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
      return
    }
    tunnels.push(request.url ?? "")
    const [host, port] = (request.url ?? "").split(":")
    const target = connectTcp(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n")
      target.pipe(client).pipe(target)
    })
    target.on("error", () => client.destroy())
    sockets.add(target)
  })
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const socket of sockets) socket.destroy()
    })
  )
  return { port: yield* listen(server), tunnels }
})

const names = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"]

const withEnvironment = (values: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = names.map((name) => [name, process.env[name]] as const)
      for (const name of names) delete process.env[name]
      Object.assign(process.env, values)
      return before
    }),
    (before) =>
      Effect.sync(() => {
        for (const [name, value] of before) {
          if (value === undefined) delete process.env[name]
          else process.env[name] = value
        }
      })
  )

const get = (url: string, options?: NodeHttp.Options) =>
  HttpClient.get(url).pipe(
    Effect.flatMap((response) => response.text),
    Effect.scoped,
    Effect.provide(NodeHttp.layer(options))
  )

const openSocket = (url: string, options: NodeWebSocketConnector.Options = {}) =>
  Effect.flatMap(
    WebSocketConnector.WebSocketConnector,
    ({ connect }) => connect({ url, bearer: Redacted.make("sk_secret"), headers: {}, timeout: Duration.seconds(5) })
  ).pipe(
    Effect.scoped,
    Effect.provide(NodeWebSocketConnector.layerWith(options))
  )

describe("NodeHttp - the proxy of the environment", () => {
  it.scopedLive("HTTP and WebSockets go through it, with its credentials", () =>
    Effect.gen(function*() {
      const server = createServer((_, response) => response.end("hello"))
      const sockets = new WebSocketServer({ server })
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          for (const socket of sockets.clients) socket.terminate()
        })
      )
      const port = yield* listen(server)
      const { port: proxyPort, tunnels } = yield* proxy("ann:p%ss")
      // Without a scheme, as curl allows.
      yield* withEnvironment({ HTTP_PROXY: `ann:p%25ss@127.0.0.1:${proxyPort}` })
      assert.strictEqual(yield* get(`http://127.0.0.1:${port}/`), "hello")
      yield* openSocket(`ws://127.0.0.1:${port}/`)
      assert.deepStrictEqual(tunnels, [`127.0.0.1:${port}`, `127.0.0.1:${port}`])

      // Neither the option nor NO_PROXY leaves anything to it.
      assert.strictEqual(yield* get(`http://127.0.0.1:${port}/`, { proxy: "none" }), "hello")
      yield* openSocket(`ws://127.0.0.1:${port}/`, { proxy: "none" })
      for (const exception of ["127.0.0.1", "*", `example.org, 127.0.0.1:${port}`]) {
        yield* withEnvironment({ HTTP_PROXY: `http://127.0.0.1:${proxyPort}`, NO_PROXY: exception })
        assert.strictEqual(yield* get(`http://127.0.0.1:${port}/`), "hello")
        yield* openSocket(`ws://127.0.0.1:${port}/`)
      }
      assert.lengthOf(tunnels, 2)
    }))

  it.scopedLive("one that refuses is an error, without the password", () =>
    Effect.gen(function*() {
      const port = yield* serve((_, response) => response.end("hello"))
      const { port: proxyPort, tunnels } = yield* proxy("ann:secret")
      yield* withEnvironment({ http_proxy: `http://ann:wrong-password@127.0.0.1:${proxyPort}` })
      const speech = SpeechSynthesizer.bytes({ text: "Hello." }).pipe(
        Effect.provide(NodeSpeech.layerWaves({
          apiKey: Redacted.make("sk_secret"),
          baseUrl: `http://127.0.0.1:${port}`,
          retry: false
        })),
        Effect.flip
      )
      const error = yield* speech
      assert.strictEqual(error._tag, "TransportFailure")
      assert.match(error.message, /407/)
      assert.notInclude(JSON.stringify(error) + String(error.cause), "wrong-password")
      const refused = yield* Effect.flip(openSocket(`ws://127.0.0.1:${port}/`))
      assert.notInclude(JSON.stringify(refused), "wrong-password")
      assert.lengthOf(tunnels, 0)
    }))

  it.scopedLive.each<readonly [env: Record<string, string>, url: string, address: string | undefined]>([
    [{}, "https://api.smallest.ai", undefined],
    [{ HTTPS_PROXY: "http://ann:secret@proxy:3128" }, "https://api.smallest.ai", "http://proxy:3128 HTTPS_PROXY"],
    [{ HTTPS_PROXY: "http://proxy:3128" }, "http://api.smallest.ai", undefined],
    [{ https_proxy: "proxy:3128", HTTPS_PROXY: "other:1" }, "wss://api.smallest.ai", "http://proxy:3128 https_proxy"],
    [{ HTTP_PROXY: "https://proxy" }, "https://api.smallest.ai", "https://proxy HTTP_PROXY"],
    [{ HTTPS_PROXY: "proxy:1", NO_PROXY: ".smallest.ai" }, "https://api.smallest.ai", undefined],
    [{ HTTPS_PROXY: "proxy:1", NO_PROXY: "*.smallest.ai:443" }, "https://API.smallest.ai", undefined],
    [{ HTTPS_PROXY: "proxy:1", NO_PROXY: "smallest.ai:80" }, "https://api.smallest.ai", "http://proxy:1 HTTPS_PROXY"],
    [{ HTTPS_PROXY: "proxy:1", no_proxy: "est.ai" }, "https://api.smallest.ai", "http://proxy:1 HTTPS_PROXY"]
  ])("%j for %s", ([environment, url, expected]) =>
    Effect.gen(function*() {
      yield* withEnvironment(environment)
      const found = Option.map(NodeHttp.proxyFor(url), ({ address, variable }) => `${address} ${variable}`)
      assert.strictEqual(Option.getOrUndefined(found), expected)
    }))

  it.scopedLive("an address that is none says so, without the password in it", () =>
    Effect.gen(function*() {
      yield* withEnvironment({ HTTPS_PROXY: "socks5://ann:secret@proxy:1" })
      assert.throws(
        () => NodeHttp.proxyFor("https://api.smallest.ai"),
        /^HTTPS_PROXY is not the address of an HTTP proxy: write it as/
      )
    }))
})

const synthesize = (baseUrl: string) =>
  SpeechSynthesizer.bytes({ text: "Hello.", outputFormat: "pcm" }).pipe(
    Effect.provide(NodeSpeech.layerWaves({ apiKey: Redacted.make("sk_secret"), baseUrl }))
  )

const plain = (baseUrl: string) =>
  SpeechSynthesizer.bytes({ text: "Hello.", outputFormat: "pcm" }).pipe(
    Effect.provide(
      WavesSpeechSynthesizer.layer().pipe(
        Layer.provide(WavesClient.layer({ apiKey: Redacted.make("sk_secret"), baseUrl })),
        Layer.provide(NodeHttpClient.layerUndici)
      )
    )
  )

describe("WavesClient - on the way", () => {
  const audio = Buffer.from(Int16Array.from({ length: 4000 }, (_, index) => 1000 * Math.sin(index)).buffer)
  const compressed = [["gzip", gzipSync(audio)], ["br", brotliCompressSync(audio)], [
    "deflate",
    deflateSync(audio)
  ]] as const

  it.scopedLive.each(compressed)(
    "an answer in %s - is decoded, or refused by a client that cannot",
    ([encoding, body]) =>
      Effect.gen(function*() {
        yield* withEnvironment({})
        const port = yield* serve((request, response) => {
          request.resume()
          response.writeHead(200, {
            "content-type": "audio/wav",
            "content-encoding": encoding,
            "content-length": body.length
          }).end(body)
        })
        const url = `http://127.0.0.1:${port}`
        assert.isTrue(Buffer.from(yield* synthesize(url)).equals(audio))
        const error = yield* Effect.flip(plain(url))
        assert.strictEqual(error._tag, "MalformedResponse")
        assert.include(error.message, `compressed with ${encoding}`)
      })
  )

  it.scopedLive.each([301, 302, 303, 307, 308])(
    "status %i - is not followed, and the error names the host",
    (status) =>
      Effect.gen(function*() {
        yield* withEnvironment({})
        let requests = 0
        const port = yield* serve((request, response) => {
          requests++
          request.resume()
          response.writeHead(status, { location: "https://elsewhere.example/login?token=abc" }).end()
        })
        const error = yield* Effect.flip(synthesize(`http://127.0.0.1:${port}`))
        assert.strictEqual(requests, 1)
        assert.include(error.message, `redirects with status ${status} and leads to https://elsewhere.example;`)
        assert.notInclude(JSON.stringify(error), "token=abc")
      })
  )

  it.scopedLive("a certificate of a private authority - is tried once, and the error names the remedy", () =>
    Effect.gen(function*() {
      yield* withEnvironment({})
      let connections = 0
      const server = createTlsServer(certificate, (_, response) => response.end())
      server.on("connection", () => connections++)
      const port = yield* listen(server)
      const error = yield* Effect.flip(synthesize(`https://localhost:${port}`))
      assert.strictEqual(error._tag, "TransportFailure")
      assert.isFalse(error.isRetryable)
      assert.include(error.message, "NODE_EXTRA_CA_CERTS")
      assert.strictEqual(connections, 1)
    }))
})
