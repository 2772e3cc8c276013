import { ForeignText, HttpErrors } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"

const clean = ForeignText.cleaner([])

describe("HttpErrors.readErrorText", () => {
  it.each<readonly [unknown, string, string?, (ReadonlyArray<string> | undefined)?, string?]>([
    [{ error: "unauthorized" }, "unauthorized"],
    [{ message: "Unauthorized: No tokens provided" }, "Unauthorized: No tokens provided"],
    [{ error: "InvalidRequest", message: "The 'text' field is required." }, "The 'text' field is required."],
    [{ error: [{ code: "custom", path: ["voice_id"], message: "Invalid Voice ID" }] }, "Invalid Voice ID", "custom", [
      "voice_id"
    ]],
    [{ status: "error", error_code: "MODEL_DEPRECATED", message: "retired" }, "retired", "MODEL_DEPRECATED"],
    [{ status: false, errors: ["upgrade to a higher plan"] }, "upgrade to a higher plan"],
    [
      { error: { message: "n > 1 is not supported", type: "invalid_request_error", request_id: "r1" } },
      "n > 1 is not supported",
      "invalid_request_error",
      undefined,
      "r1"
    ],
    [{ status: "error", error: { message: "bad", code: "x" } }, "bad", "x"],
    [{ error: { code: "gone", message: "Not found" }, request_id: "r2" }, "Not found", "gone", undefined, "r2"],
    ["upstream connect error", "upstream connect error"]
  ])("%j", (body, message, code, path, requestId) => {
    const text = typeof body === "string" ? body : JSON.stringify(body)
    assert.deepStrictEqual(HttpErrors.readErrorText(text, clean), { message, code, path, requestId })
  })

  it("an unreadable body says nothing, a long one is cut", () => {
    const nothing = { message: undefined, code: undefined, path: undefined, requestId: undefined }
    for (const text of ["", "  \n", "{}", `{"error":[]}`, `{"error":null,"message":5}`, `{"errors":[null]}`]) {
      assert.deepStrictEqual(HttpErrors.readErrorText(text, clean), nothing, text)
    }
    assert.strictEqual(HttpErrors.readErrorText("x".repeat(5000), clean).message?.length, 300)
  })
})

describe("HttpErrors.readRetryAfter", () => {
  const now = Date.UTC(2026, 10, 22, 12, 0, 0)
  it.each<readonly [Record<string, string>, number | undefined]>([
    [{}, undefined],
    [{ "retry-after": "7" }, 7000],
    [{ "retry-after": " 1.5 " }, 1500],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "Sun, 22 Nov 2026 12:00:30 GMT" }, 30_000],
    [{ "retry-after": "Sun, 22 Nov 2026 11:00:00 GMT" }, 0],
    [{ "retry-after-ms": "250" }, 250],
    [{ "retry-after-ms": "250", "retry-after": "7" }, 250],
    [{ "retry-after-ms": "", "retry-after": "7" }, 7000],
    [{ "retry-after-ms": "soon", "retry-after": "7" }, 7000],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "-5" }, undefined],
    [{ "retry-after": "" }, undefined],
    [{ "retry-after": "NaN" }, undefined],
    [{ "retry-after": "Infinity" }, undefined],
    [{ "retry-after": "1e308" }, undefined],
    [{ "retry-after": "9".repeat(400) }, undefined]
  ])("%j is %s ms", (headers, millis) => {
    const after = HttpErrors.readRetryAfter(headers, now)
    assert.strictEqual(after === undefined ? undefined : Duration.toMillis(after), millis)
  })
})
