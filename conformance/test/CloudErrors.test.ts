import { Pcm, SpeechError, SpeechSynthesizer, Wav } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Redacted, Schedule, Schema, Stream } from "effect"
import { createServer } from "node:net"
import { failureOf, httpClients, layerWaves, liveRoute, type Route, routes, wholeRoutes } from "../src/Cloud.js"
import * as Vectors from "../src/Vectors.js"
import * as VectorServer from "../src/VectorServer.js"

const pcm = VectorServer.speechOf({ text: "Hello.", sampleRate: 24000 })

const bytesOf = (text: string) => new TextEncoder().encode(text)

const answered = (route: Route, answer: VectorServer.Answer) =>
  Effect.gen(function*() {
    const server = yield* VectorServer.VectorServer
    yield* server.always(answer)
    return yield* route.speak({ text: "Hello." })
  })

const field = (error: SpeechError.SpeechError, name: string): unknown => {
  const value: unknown = Reflect.get(error, name)
  return Duration.isDuration(value) ? Duration.toMillis(value) : value
}

/** The audio that left before the error, and the error. */
const heard = (answer: VectorServer.Answer) =>
  Effect.gen(function*() {
    const server = yield* VectorServer.VectorServer
    yield* server.always(answer)
    const parts: Array<Uint8Array> = []
    const [elapsed, error] = yield* SpeechSynthesizer.stream({ text: "Hello." }).pipe(
      Stream.runForEach((chunk) => Effect.sync(() => parts.push(chunk.bytes))),
      failureOf,
      Effect.timed
    )
    return { bytes: Buffer.concat(parts), error, millis: Duration.toMillis(elapsed) }
  })

const sse = (...events: ReadonlyArray<string>) => VectorServer.eventStream(VectorServer.text(events.join("")))

const deadEnd = (...events: ReadonlyArray<string>) =>
  VectorServer.eventStream(Stream.concat(VectorServer.text(events.join("")), Stream.fail(VectorServer.destroy)))

const portOfNobody = Effect.async<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

for (const [name, http] of httpClients) {
  describe(`error answers over ${name}`, () => {
    for (const vector of Vectors.errors) {
      it.live(`${vector.name} - is ${vector.expect.tag} on every route`, () =>
        Effect.forEach(routes, (route) =>
          Effect.gen(function*() {
            const error = yield* answered(route, {
              status: vector.status,
              headers: { "content-type": Vectors.jsonType, ...vector.headers },
              body: VectorServer.text(vector.body)
            }).pipe(failureOf)
            const { description, fields, isRetryable, tag } = vector.expect
            const isRetired = route.name === "lightningV1" && vector.status === 410
            assert.strictEqual(error._tag, tag, route.name)
            assert.strictEqual(error.description, isRetired ? "This API generation is retired" : description)
            assert.strictEqual(error.isRetryable, isRetryable)
            assert.strictEqual(error.method, route.method)
            assert.strictEqual(error.requestId, fields?.["requestId"] ?? "request-0")
            for (const [name, value] of Object.entries(fields ?? {})) {
              assert.strictEqual(field(error, name), value, name)
            }
            if (error._tag === "UnknownVoice") assert.strictEqual(error.voice, route.voice)
            const decoded = Schema.decodeSync(SpeechError.schema)(Schema.encodeSync(SpeechError.schema)(error))
            assert.strictEqual(decoded.message, error.message)
          }).pipe(Effect.provide(route.layer(http)))))
    }

    it.live("429 with Retry-After as a date - tells how long until then", () =>
      Effect.gen(function*() {
        const date = new Date(Date.now() + 30_000).toUTCString()
        const error = yield* failureOf(
          answered(liveRoute, VectorServer.json(429, { error: "Slow down" }, { "retry-after": date }))
        )
        const millis = Number(field(error, "retryAfter"))
        assert.isAtLeast(millis, 25_000)
        assert.isAtMost(millis, 30_000)
      }).pipe(Effect.provide(liveRoute.layer(http))))

    it.live("404 - is a failure of today's API, and the end of the API of 2024", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const error = yield* failureOf(answered(route, VectorServer.json(404, { error: "Not Found" })))
          assert.strictEqual(error._tag, route.name === "lightningV1" ? "ModelRetired" : "ServerFailure")
          assert.strictEqual(error.requestId, "request-0")
        }).pipe(Effect.provide(route.layer(http)))))

    it.live("401 - is what the server says to a wrong key", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const error = yield* failureOf(route.speak({ text: "Hello." }))
          assert.strictEqual(error._tag, "InvalidApiKey")
        }).pipe(Effect.provide(route.layer(http, { apiKey: Redacted.make("sk_wrong") })))))

    it.live("an error body that never ends - does not hold the caller", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const result = yield* answered(route, {
            status: 503,
            body: Stream.concat(VectorServer.text("upstream"), Stream.never)
          }).pipe(Effect.either, Effect.timeoutOption("3 seconds"))
          assert.strictEqual(result._tag, "Some", `${route.name} still waits`)
        }).pipe(Effect.provide(route.layer(http, { timeouts: { connect: 300, firstAudio: 300, idle: 300 } })))))

    it.live("an error body that breaks off - still is the error of its status", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const error = yield* failureOf(answered(route, {
            status: 503,
            body: Stream.concat(VectorServer.text("upstream"), Stream.fail(VectorServer.destroy))
          }))
          assert.strictEqual(error._tag, "ServerFailure", route.name)
          assert.strictEqual(field(error, "status"), 503)
        }).pipe(Effect.provide(route.layer(http)))))
  })

  describe(`audio answers over ${name}`, () => {
    it.live("content type - does not decide what the audio is", () =>
      Effect.forEach(
        routes,
        (route) =>
          Effect.forEach(
            ["audio/wav", "audio/mpeg", "text/event-stream", "text/html", "application/octet-stream", ""],
            (type) =>
              Effect.gen(function*() {
                const audio = yield* answered(route, { ...route.answer(pcm), headers: { "content-type": type } })
                assert.deepStrictEqual(audio.format, Pcm.format(24000))
                assert.isTrue(Buffer.from(pcm).equals(audio.bytes), `${route.name}, ${type}`)
              }).pipe(Effect.provide(route.layer(http)))
          )
      ))

    it.live("JSON with status 200 - is MalformedResponse with the server's words", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const error = yield* failureOf(
            answered(route, VectorServer.json(200, { error: { message: "No voice today" } }))
          )
          assert.strictEqual(error._tag, "MalformedResponse", route.name)
          assert.include(error.message, "No voice today")
          assert.strictEqual(error.requestId, "request-0")
        }).pipe(Effect.provide(route.layer(http)))))

    it.live("audio - arrives whole however the network cuts it", () =>
      Effect.forEach(routes, (route) =>
        Effect.forEach([1, 2, 3, 7, 1021, 4096], (cutLength) =>
          Effect.gen(function*() {
            const short = pcm.subarray(0, cutLength < 8 ? 600 : pcm.length)
            const audio = yield* answered(route, route.answer(short, cutLength))
            assert.isTrue(Buffer.from(short).equals(audio.bytes), `${route.name}, pieces of ${cutLength}`)
          }).pipe(Effect.provide(route.layer(http))))))

    it.live("events - of odd sizes, with CRLF, comments and other fields, make whole samples", () =>
      Effect.gen(function*() {
        const server = yield* VectorServer.VectorServer
        const pieces = [1, 2, 3, 1, 5, 0, 4].map((length, i, all) => {
          const from = all.slice(0, i).reduce((a, b) => a + b, 0)
          return VectorServer.audioEvent(pcm.subarray(from, from + length))
        })
        const body = [": keep-alive\n\n", "retry: 5000\n", "id: 7\n", ...pieces, ": still here\n", VectorServer.endMark]
        for (const text of [body.join(""), body.join("").replaceAll("\n", "\r\n")]) {
          yield* server.enqueue(VectorServer.eventStream(VectorServer.cut(bytesOf(text), 5)))
          const audio = yield* liveRoute.speak({ text: "Hello." })
          assert.deepStrictEqual(Buffer.from(audio.bytes), Buffer.from(pcm.subarray(0, 16)))
        }
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("events - are counted as the server counts them", () =>
      Effect.sync(() => {
        for (const [length, frames] of Vectors.sseFrames) {
          assert.lengthOf(VectorServer.audioEvents(new Uint8Array(length), 24000), frames)
        }
        for (const { dataLength, hex, sampleRate } of Vectors.wavHeaders) {
          assert.strictEqual(Buffer.from(Wav.header(Pcm.format(sampleRate), dataLength)).toString("hex"), hex)
        }
      }))

    it.live("events - as documented give the documented bytes", () =>
      Effect.gen(function*() {
        const audio = yield* answered(liveRoute, sse(Vectors.sseBasic.body))
        assert.deepStrictEqual(Buffer.from(audio.bytes), Buffer.from(Vectors.sseBasic.pcm))
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("an end mark without a blank line - ends the stream well", () =>
      Effect.gen(function*() {
        const audio = yield* answered(liveRoute, sse(VectorServer.audioEvent(pcm), VectorServer.endMark.trimEnd()))
        assert.strictEqual(audio.bytes.length, pcm.length)
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("an end mark on a connection that stays open - ends the stream well and at once", () =>
      Effect.gen(function*() {
        const [elapsed, audio] = yield* Effect.timed(
          answered(
            liveRoute,
            VectorServer.eventStream(
              Stream.concat(VectorServer.text(VectorServer.audioEvent(pcm) + VectorServer.endMark), Stream.never)
            )
          )
        )
        assert.strictEqual(audio.bytes.length, pcm.length)
        assert.isBelow(Duration.toMillis(elapsed), 5000)
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("no audio - is EmptyAudio, though the status is 200", () =>
      Effect.gen(function*() {
        for (
          const answer of [
            sse(VectorServer.endMark),
            sse(VectorServer.audioEvent(new Uint8Array(0)), VectorServer.endMark)
          ]
        ) {
          const { error } = yield* Effect.provide(heard(answer), layerWaves(http))
          assert.strictEqual(error._tag, "EmptyAudio")
          assert.isTrue(error.isRetryable)
        }
        for (const route of wholeRoutes) {
          const error = yield* answered(route, VectorServer.audio(Stream.empty)).pipe(
            failureOf,
            Effect.provide(route.layer(http))
          )
          assert.strictEqual(error._tag, "EmptyAudio", route.name)
        }
        const headerOnly = yield* answered(
          routes[2] ?? liveRoute,
          VectorServer.audio(Stream.make(Wav.header(Pcm.format(24000), 0)))
        ).pipe(failureOf, Effect.provide((routes[2] ?? liveRoute).layer(http)))
        assert.strictEqual(headerOnly._tag, "EmptyAudio")
      }))

    it.live("malformed events - are MalformedResponse, after the audio before them", () =>
      Effect.forEach(
        [
          "data: {\"audio\": \"AAE\n\n",
          "data: not json\n\n",
          "data: 7\n\n",
          "data: [1]\n\n",
          "data: null\n\n",
          "data: {\"audio\": \"@@@@\", \"done\": false}\n\n",
          "data: {\"audio\": 7, \"done\": false}\n\n"
        ],
        (event) =>
          Effect.gen(function*() {
            const { bytes, error } = yield* heard(sse(VectorServer.audioEvent(pcm), event, VectorServer.endMark))
            assert.strictEqual(error._tag, "MalformedResponse", event)
            assert.isTrue(Buffer.from(pcm).equals(bytes), event)
          }).pipe(Effect.provide(layerWaves(http)))
      ))

    it.live("an error inside the stream - is ServerFailure with the server's words, after the audio before it", () =>
      Effect.forEach(
        [
          { status: "error", message: "synthesis failed" },
          { status: "error", error: { message: "synthesis failed", code: "x" } },
          { error: "synthesis failed" }
        ],
        (event) =>
          Effect.gen(function*() {
            const { bytes, error } = yield* heard(
              sse(VectorServer.audioEvent(pcm), `data: ${JSON.stringify(event)}\n\n`)
            )
            assert.strictEqual(error._tag, "ServerFailure")
            assert.strictEqual(error.description, "synthesis failed")
            assert.strictEqual(field(error, "status"), undefined)
            assert.strictEqual(error.requestId, "request-0")
            assert.isTrue(error.isRetryable)
            assert.isTrue(Buffer.from(pcm).equals(bytes))
          }).pipe(Effect.provide(layerWaves(http)))
      ))
  })

  describe(`law 4: a stream ends well only on the protocol's own end mark, over ${name}`, () => {
    for (
      const [how, answer] of [
        ["the connection ends without it", sse(VectorServer.audioEvent(pcm))],
        ["the connection breaks between events", deadEnd(VectorServer.audioEvent(pcm))],
        ["the connection breaks inside an event", deadEnd(VectorServer.audioEvent(pcm), "event: audio\ndata: {\"aud")],
        [
          "the connection breaks inside the end mark",
          deadEnd(VectorServer.audioEvent(pcm), "data: {\"status\": \"200\", \"d")
        ],
        ["done is not true", sse(VectorServer.audioEvent(pcm), "data: {\"status\": \"200\", \"done\": false}\n\n")]
      ] as const
    ) {
      it.live(`${how} - is TruncatedAudio, after the audio that came`, () =>
        Effect.gen(function*() {
          const { bytes, error } = yield* heard(answer)
          assert.strictEqual(error._tag, "TruncatedAudio")
          assert.strictEqual(error.requestId, "request-0")
          assert.isTrue(Buffer.from(pcm).equals(bytes))
        }).pipe(Effect.provide(layerWaves(http))))
    }

    it.live("an end mark after an odd byte - is TruncatedAudio", () =>
      Effect.gen(function*() {
        const { bytes, error } = yield* heard(sse(VectorServer.audioEvent(pcm.subarray(0, 101)), VectorServer.endMark))
        assert.strictEqual(error._tag, "TruncatedAudio")
        assert.strictEqual(bytes.length, 100)
      }).pipe(Effect.provide(layerWaves(http))))

    it.live("a page instead of events - fails", () =>
      Effect.gen(function*() {
        const { bytes, error } = yield* heard({
          headers: { "content-type": "text/html" },
          body: VectorServer.text("<html>")
        })
        assert.include(["TruncatedAudio", "MalformedResponse"], error._tag)
        assert.strictEqual(bytes.length, 0)
      }).pipe(Effect.provide(layerWaves(http))))

    for (const route of wholeRoutes) {
      it.live(`${route.name} - a body that breaks off is TruncatedAudio`, () =>
        Effect.gen(function*() {
          const error = yield* failureOf(
            answered(
              route,
              VectorServer.audio(Stream.concat(VectorServer.cut(pcm, 1000), Stream.fail(VectorServer.destroy)))
            )
          )
          assert.strictEqual(error._tag, "TruncatedAudio")
          assert.strictEqual(error.requestId, "request-0")
        }).pipe(Effect.provide(route.layer(http))))

      it.live(`${route.name} - a body shorter than its Content-Length is TruncatedAudio`, () =>
        Effect.gen(function*() {
          const error = yield* failureOf(answered(route, {
            headers: { "content-type": "audio/wav", "content-length": "9000" },
            body: Stream.concat(Stream.make(pcm.subarray(0, 8000)), Stream.fail(VectorServer.destroy))
          }))
          assert.strictEqual(error._tag, "TruncatedAudio")
        }).pipe(Effect.provide(route.layer(http))))

      it.live(`${route.name} - a body that ends inside a sample is TruncatedAudio`, () =>
        Effect.gen(function*() {
          const error = yield* failureOf(answered(route, route.answer(pcm.subarray(0, 4001))))
          assert.strictEqual(error._tag, "TruncatedAudio")
        }).pipe(Effect.provide(route.layer(http))))
    }

    it.live("lightningV1 - a WAV file shorter than its header says is TruncatedAudio", () =>
      Effect.forEach(wholeRoutes.slice(1), (route) =>
        Effect.gen(function*() {
          const header = Wav.header(Pcm.format(24000), 9000)
          const error = yield* failureOf(
            answered(route, VectorServer.audio(Stream.make(header, pcm.subarray(0, 8000))))
          )
          assert.strictEqual(error._tag, "TruncatedAudio")
        }).pipe(Effect.provide(route.layer(http)))))
  })

  describe(`connections and time over ${name}`, () => {
    it.live("a connection that is refused - is TransportFailure that names the reason", () =>
      Effect.gen(function*() {
        const baseUrl = `http://127.0.0.1:${yield* portOfNobody}`
        for (const route of routes) {
          const error = yield* route.speak({ text: "Hello." }).pipe(
            failureOf,
            Effect.provide(route.layer(http, { baseUrl }))
          )
          assert.strictEqual(error._tag, "TransportFailure", route.name)
          assert.include(error.description, "ECONNREFUSED")
          assert.isTrue(error.isRetryable)
        }
      }))

    it.live("a host that does not exist - is TransportFailure", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const error = yield* failureOf(route.speak({ text: "Hello." }))
          assert.strictEqual(error._tag, "TransportFailure", error.message)
        }).pipe(Effect.provide(route.layer(http, { baseUrl: "http://nobody.invalid" })))))

    it.live("a base URL that is none - is InvalidSpeechRequest of baseUrl", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const error = yield* failureOf(route.speak({ text: "Hello." }))
          assert.strictEqual(error._tag, "InvalidSpeechRequest", error.message)
          assert.strictEqual(field(error, "parameter"), "baseUrl")
        }).pipe(Effect.provide(route.layer(http, { baseUrl: "not a url" })))))

    it.live("a server that hangs up without an answer - is TransportFailure", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const error = yield* failureOf(
            answered(route, { before: Effect.fail(VectorServer.destroy), body: Stream.empty })
          )
          assert.strictEqual(error._tag, "TransportFailure", route.name)
        }).pipe(Effect.provide(route.layer(http)))))

    it.live("no answer - is a timeout of the phase, which names its limit", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const error = yield* failureOf(answered(route, { before: Effect.never, body: Stream.empty }))
          assert.strictEqual(error._tag, "SpeechTimeout", route.name)
          assert.strictEqual(field(error, "phase"), route === liveRoute ? "connect" : "firstAudio")
          // Answers that are sent whole also get the time in which a person reads the text: 6 characters are 400 ms.
          assert.strictEqual(field(error, "after"), route === liveRoute ? 150 : 700)
        }).pipe(Effect.provide(route.layer(http, { timeouts: { connect: 150, firstAudio: 300 } })))))

    it.live("keep-alives without audio - do not put off the first-audio timeout", () =>
      Effect.gen(function*() {
        const keepAlive = Stream.repeat(
          Stream.concat(
            VectorServer.text(": keep-alive\n\n" + VectorServer.audioEvent(new Uint8Array(0))),
            VectorServer.until(Effect.sleep("20 millis"))
          ),
          Schedule.forever
        )
        const { error, millis } = yield* heard(VectorServer.eventStream(keepAlive))
        assert.isBelow(millis, 9000)
        assert.strictEqual(error._tag, "SpeechTimeout")
        assert.strictEqual(field(error, "phase"), "firstAudio")
      }).pipe(Effect.provide(layerWaves(http, { timeouts: { firstAudio: 250, idle: 10_000 } }))))

    it.live("keep-alives after audio - do not put off the idle timeout", () =>
      Effect.gen(function*() {
        const keepAlive = Stream.repeat(
          Stream.concat(VectorServer.text(": keep-alive\n\n"), VectorServer.until(Effect.sleep("20 millis"))),
          Schedule.forever
        )
        const { bytes, error, millis } = yield* heard(
          VectorServer.eventStream(Stream.concat(VectorServer.text(VectorServer.audioEvent(pcm)), keepAlive))
        )
        assert.isBelow(millis, 9000)
        assert.strictEqual(error._tag, "SpeechTimeout")
        assert.strictEqual(field(error, "phase"), "idle")
        assert.isTrue(Buffer.from(pcm).equals(bytes))
      }).pipe(Effect.provide(layerWaves(http, { timeouts: { firstAudio: 10_000, idle: 250 } }))))

    it.live("a slow server that never pauses as long as the idle timeout - is heard to its end", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const { body, headers } = route.answer(pcm, 1500)
          const audio = yield* answered(route, {
            headers: headers ?? {},
            body: Stream.tap(body, () => Effect.sleep("40 millis"))
          })
          assert.isTrue(Buffer.from(pcm).equals(audio.bytes))
        }).pipe(Effect.provide(route.layer(http, { timeouts: { firstAudio: 5000, idle: 700 } })))))

    it.live("a body that stops in the middle - is an idle timeout", () =>
      Effect.forEach(wholeRoutes, (route) =>
        Effect.gen(function*() {
          const error = yield* failureOf(
            answered(route, VectorServer.audio(Stream.concat(Stream.make(pcm.subarray(0, 4000)), Stream.never)))
          )
          assert.strictEqual(error._tag, "SpeechTimeout")
          assert.strictEqual(field(error, "phase"), "idle")
        }).pipe(Effect.provide(route.layer(http, { timeouts: { idle: 250 } })))))

    it.live("a permit that does not come - is a timeout of its own phase, and nothing is sent", () =>
      Effect.forEach(routes, (route) =>
        Effect.gen(function*() {
          const server = yield* VectorServer.VectorServer
          yield* server.always({ before: Effect.never, body: Stream.empty })
          yield* Effect.fork(route.speak({ text: "First." }))
          yield* server.awaitRequest(0)
          const error = yield* failureOf(route.speak({ text: "Second." }))
          assert.strictEqual(error._tag, "SpeechTimeout")
          assert.strictEqual(field(error, "phase"), "permit")
          assert.lengthOf(yield* server.requests, 1)
        }).pipe(Effect.provide(route.layer(http, { timeouts: { permit: 150 } })))))

    it.live("timeouts of infinity - never come", () =>
      Effect.gen(function*() {
        const { body, headers } = liveRoute.answer(pcm)
        const exit = yield* Effect.exit(answered(liveRoute, {
          before: Effect.sleep("100 millis"),
          headers: headers ?? {},
          body
        }))
        assert.isTrue(Exit.isSuccess(exit))
      }).pipe(Effect.provide(layerWaves(http, {
        timeouts: {
          permit: Duration.infinity,
          connect: Duration.infinity,
          firstAudio: Duration.infinity,
          idle: Duration.infinity
        }
      }))))
  })
}
