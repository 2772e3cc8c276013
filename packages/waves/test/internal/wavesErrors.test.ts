import type { SpeechError } from "@effect-smallest/core"
import { HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, TestClock } from "effect"
import { inspect } from "node:util"
import * as WavesErrors from "../../src/internal/wavesErrors.js"

const key = "sk_canary_0123456789"

const advice = "Set SMALLEST_API_KEY to a valid key (they start with sk_) from the vendor's console."

const call: WavesErrors.Call = {
  module: "WavesClient",
  method: "synthesize",
  model: "lightning_v3.1_pro",
  voice: "meher",
  apiKey: Redacted.make(key)
}

const request = HttpClientRequest.post("https://api.smallest.ai/waves/v1/tts").pipe(HttpClientRequest.bearerToken(key))

const respond = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  WavesErrors.fromResponse(
    call,
    HttpClientResponse.fromWeb(
      request,
      new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers })
    )
  )

describe("wavesErrors.fromResponse", () => {
  const shared = ["_tag", "description", "method", "module", "position", "requestId"]
  const fields = (error: SpeechError.SpeechError) =>
    Object.fromEntries(Object.entries(error).filter(([name]) => !shared.includes(name)))

  it.effect.each<readonly [string, number, unknown, string, Record<string, unknown>, string]>([
    [
      "err-400-format",
      400,
      {
        error: [{
          received: "mulaw",
          code: "invalid_enum_value",
          options: ["wav"],
          path: ["output_format"],
          message: "Invalid enum value."
        }]
      },
      "InvalidSpeechRequest",
      { parameter: "outputFormat" },
      "Invalid enum value."
    ],
    [
      "err-400-voice",
      400,
      { error: [{ code: "custom", path: ["voice_id"], message: "Invalid Voice ID" }] },
      "UnknownVoice",
      { voice: "meher", available: [] },
      "Invalid Voice ID"
    ],
    [
      "err-400-language",
      400,
      {
        error: [{
          code: "custom",
          path: ["language"],
          message: "Language 'xx' is not supported on the lightning_v3.1 model."
        }]
      },
      "InvalidSpeechRequest",
      { parameter: "language" },
      "Language 'xx' is not supported on the lightning_v3.1 model."
    ],
    [
      "err-400-missing-text",
      400,
      { error: [{ code: "invalid_type", path: ["text"], message: "Required" }] },
      "InvalidSpeechRequest",
      { parameter: "text" },
      "Required"
    ],
    [
      "err-400-dict",
      400,
      { error: "Invalid input data" },
      "InvalidSpeechRequest",
      { parameter: "request" },
      "Invalid input data"
    ],
    [
      "err-400-docs-shape",
      400,
      { error: "InvalidRequest", message: "The 'text' field is required." },
      "InvalidSpeechRequest",
      { parameter: "request" },
      "The 'text' field is required."
    ],
    [
      "err-plan-400",
      400,
      { status: false, errors: ["This feature requires you to upgrade to a higher plan"] },
      "NotEntitled",
      {},
      "This feature requires you to upgrade to a higher plan"
    ],
    [
      "err-401-missing",
      401,
      { message: "Unauthorized: No tokens provided" },
      "InvalidApiKey",
      { advice },
      "Unauthorized: No tokens provided"
    ],
    ["err-401-bad", 401, { error: "unauthorized" }, "InvalidApiKey", { advice }, "unauthorized"],
    ["err-402", 402, { error: "Insufficient credits" }, "QuotaExhausted", {}, "Insufficient credits"],
    ["403", 403, { status: "error", message: "No access" }, "NotEntitled", {}, "No access"],
    ["err-404", 404, { error: "Not Found" }, "ServerFailure", { status: 404 }, "Not Found"],
    [
      "err-410",
      410,
      { status: "error", error_code: "MODEL_DEPRECATED", message: "This model is retired." },
      "ModelRetired",
      { model: "lightning_v3.1_pro" },
      "This model is retired."
    ],
    ["413", 413, "", "InvalidSpeechRequest", { parameter: "text" }, "The server answered with status 413"],
    ["422", 422, { errors: ["bad speed"] }, "InvalidSpeechRequest", { parameter: "request" }, "bad speed"],
    [
      "err-429",
      429,
      { error: "Rate limit exceeded." },
      "RateLimited",
      { retryAfter: undefined },
      "Rate limit exceeded."
    ],
    ["err-500", 500, { error: "InternalServerError", message: "An unexpected error occurred." }, "ServerFailure", {
      status: 500
    }, "An unexpected error occurred."],
    ["502", 502, "upstream connect error", "ServerFailure", { status: 502 }, "upstream connect error"],
    ["a status nobody documents", 299, "", "ServerFailure", { status: 299 }, "The server answered with status 299"]
  ])("%s", ([, status, body, tag, expected, description]) =>
    Effect.gen(function*() {
      const error = yield* respond(status, body, { "x-request-id": "r9" })
      assert.strictEqual(error._tag, tag)
      assert.deepStrictEqual(fields(error), expected)
      assert.strictEqual(error.description, description)
      assert.strictEqual(error.requestId, "r9")
      assert.strictEqual(error.module, "WavesClient")
      assert.strictEqual(error.method, "synthesize")
    }))

  it.effect("Retry-After as a date counts from now, by the clock", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 10, 22, 12, 0, 0))
      const error = yield* respond(429, {}, { "retry-after": "Sun, 22 Nov 2026 12:00:05 GMT" })
      assert.strictEqual(error._tag === "RateLimited" && error.retryAfter && Duration.toMillis(error.retryAfter), 5000)
    }))

  it.effect("fields that the server names are names, whatever they are", () =>
    Effect.gen(function*() {
      for (const name of ["constructor", "toString", "__proto__", ""]) {
        const error = yield* respond(400, { error: [{ path: [name], message: "bad" }] })
        assert.strictEqual(error._tag === "InvalidSpeechRequest" && error.parameter, name)
      }
    }))

  it.effect("the id in the body stands in for the one that is missing in the headers", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* respond(500, { error: "x", request_id: "r3" })).requestId, "r3")
      assert.strictEqual((yield* respond(500, { error: "x" })).requestId, undefined)
    }))

  it.effect("an unreadable body leaves what the status says", () =>
    Effect.gen(function*() {
      const broken = new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) }), {
        status: 402
      })
      const error = yield* WavesErrors.fromResponse(call, HttpClientResponse.fromWeb(request, broken))
      assert.strictEqual(error._tag, "QuotaExhausted")
    }))

  it.effect("the key that a server echoes is taken out everywhere, whole or at a cut", () =>
    Effect.gen(function*() {
      const bodies = [
        { error: `bad key ${key}` },
        { message: key, request_id: key, error_code: key },
        { error: [{ path: [key], message: `wrong ${key}` }] },
        `${"x".repeat(290)}${key} and more`
      ]
      for (const status of [400, 401, 404, 422, 429, 500]) {
        for (const body of bodies) {
          const error = yield* respond(status, body, { "x-request-id": `id-${key}` })
          const told = JSON.stringify(error) + error.message + String(error.stack)
          assert.notInclude(told, key)
          assert.notInclude(told, "sk_can", "not even a part")
        }
      }
    }))
})

const withCode = (message: string, code: string, cause?: unknown) =>
  Object.assign(new Error(message, { cause }), { code })

describe("wavesErrors.inBand", () => {
  it("an error of the largest size that is let in - blocks nothing", { retry: 4 }, () => {
    for (
      const message of [
        "upgrade ".repeat(150_000),
        "language ".repeat(130_000),
        "voice".repeat(250_000),
        `timed out ${"x".repeat(1_000_000)}`
      ]
    ) {
      const before = performance.now()
      const error = WavesErrors.inBand(call, {
        status: "error",
        error: { message, code: message, request_id: message }
      })
      assert.isBelow(performance.now() - before, 20)
      assert.isAtMost(error.message.length, 900)
    }
  })

  it("the key does not come through a message, a code or an id", () => {
    const escaped = JSON.parse(`"\\u0073${key.slice(1)}"`) as string
    for (const text of [key, escaped, `x ${key} y`]) {
      const error = WavesErrors.inBand(call, { error: { message: text, code: text }, request_id: text })
      assert.notInclude(`${error.message} ${error.requestId} ${JSON.stringify(error)} ${inspect(error)}`, key)
    }
  })

  it("what would move the cursor of a terminal does not come through", () => {
    const error = WavesErrors.inBand(call, {
      error: { message: "\u001b[2J\u0007oh\nno\u202e" },
      request_id: "\u001b]0;x"
    })
    // oxlint-disable-next-line eslint/no-control-regex -- these are what must not be there
    assert.notMatch(`${error.message}${error.requestId}`, /[\u0000-\u001f\u202e]/)
  })
})

describe("wavesErrors.fromHttpClient", () => {
  const fail = (cause: unknown, reason: HttpClientError.RequestError["reason"] = "Transport") =>
    WavesErrors.fromHttpClient(call, new HttpClientError.RequestError({ request, reason, cause }), {
      connectTimeout: Duration.seconds(10),
      requestId: "r1"
    })

  it("the innermost cause tells what happened", () => {
    const refused = withCode("connect ECONNREFUSED 127.0.0.1:1", "ECONNREFUSED")
    for (
      const cause of [
        refused,
        new TypeError("fetch failed", { cause: refused }),
        new TypeError("fetch failed", { cause: new AggregateError([refused, refused]) }),
        new AggregateError([new Error("outer", { cause: refused })])
      ]
    ) {
      const error = fail(cause)
      assert.strictEqual(error._tag, "TransportFailure")
      assert.strictEqual(error.description, "The server could not be reached: connect ECONNREFUSED 127.0.0.1:1")
    }
    assert.strictEqual(fail(withCode("", "ECONNRESET")).description, "The server could not be reached: ECONNRESET")
    assert.strictEqual(fail("socket gone").description, "The server could not be reached: socket gone")
  })

  it("the cause is kept with its stack, without the key and without the request", () => {
    const refused = Object.assign(withCode(`refused ${key}`, "ECONNREFUSED"), { request: { headers: { key } } })
    const error = fail(new TypeError("fetch failed", { cause: refused }))
    const causes: Array<unknown> = []
    for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
      causes.push(cause.message)
      assert.notInclude(`${inspect(cause)} ${JSON.stringify(cause)} ${cause.stack}`, key)
    }
    assert.include(causes, "refused <redacted>")
    assert.include(inspect(error.cause), "ECONNREFUSED")
    assert.include(inspect(error.cause), "wavesErrors.test.ts")
  })

  it("a server that does not speak TLS is told in words, not in OpenSSL's", () => {
    const ssl =
      "C0C7:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/openssl/ssl3_record.c:355:"
    const error = fail(withCode(ssl, "ERR_SSL_WRONG_VERSION_NUMBER"))
    assert.strictEqual(error._tag, "TransportFailure")
    assert.match(error.description, /does not speak TLS there; .*http:\/\//)
    assert.notInclude(error.description, "SSL routines")
  })

  it("a connection that took too long is a timeout of that phase", () => {
    const error = fail(withCode("Connect Timeout Error", "UND_ERR_CONNECT_TIMEOUT"))
    assert.strictEqual(error._tag === "SpeechTimeout" && error.phase, "connect")
  })

  it("a request that cannot be made is the caller's", () => {
    const url = fail(new Error("Invalid URL"), "InvalidUrl")
    assert.strictEqual(url._tag === "InvalidSpeechRequest" && url.parameter, "baseUrl")
    const body = fail(new Error("bad"), "Encode")
    assert.strictEqual(body._tag === "InvalidSpeechRequest" && body.parameter, "request")
  })

  it("a break in the middle of an answer cuts the audio", () => {
    const response = HttpClientResponse.fromWeb(request, new Response("x"))
    const error = WavesErrors.fromHttpClient(
      call,
      new HttpClientError.ResponseError({ request, response, reason: "Decode", cause: new Error("terminated") }),
      { connectTimeout: Duration.zero }
    )
    assert.strictEqual(error._tag, "TruncatedAudio")
    assert.strictEqual(error.description, "The connection broke in the middle: terminated")
  })

  it("causes that never end, and those that are no errors, are survived", () => {
    const circular = new Error("round")
    circular.cause = circular
    for (const cause of [circular, null, undefined, 5, {}, { cause: [] }, { errors: [] }, { errors: [null] }]) {
      assert.strictEqual(fail(cause)._tag, "TransportFailure")
    }
  })

  it("neither the key nor the request is kept", () => {
    const error = fail(new TypeError(`Headers.append: "Bearer ${key}" is an invalid header value.`))
    assert.notInclude(JSON.stringify(error) + error.message + String(error.cause), key)
    assert.include(error.message, "<redacted>")
  })
})
