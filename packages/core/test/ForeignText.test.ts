import { ForeignText } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"

const key = "sk_canary+/0123456789"

const base64 = Buffer.from(key).toString("base64")

describe("ForeignText", () => {
  it.each([
    ["as it is", `no key ${key} here`],
    ["twice", `${key}${key}`],
    ["percent-encoded", `no key ${encodeURIComponent(key)}`],
    ["with JSON's escapes", JSON.stringify({ error: key }).replace("sk_", "\\u0073k_")],
    ["with an escaped slash", key.replace("/", "\\/")],
    ["in base64", `Basic ${base64}`],
    ["in base64 of URLs", Buffer.from(key).toString("base64url")]
  ])("cleaner - the key %s does not come through", (_, text) => {
    const clean = ForeignText.cleaner([key])(text)
    assert.include(clean, "<redacted>")
    for (const form of [key, "canary", base64, "MDEyMzQ1Njc4O"]) assert.notInclude(clean, form)
  })

  it("cleaner - names and passwords in URLs do not come through", () => {
    assert.strictEqual(
      ForeignText.cleaner([])("GET http://user:pass@proxy.example:8080/x failed"),
      "GET http://<redacted>@proxy.example:8080/x failed"
    )
  })

  it("cleaner - half a key is not left where the text is cut", () => {
    for (let blanks = 280; blanks < 305; blanks++) {
      assert.notInclude(ForeignText.cleaner([key])(`${"x".repeat(blanks)}${key}`), "sk_")
    }
  })

  it.each([
    ["line\r\nbreaks\u2028and\ttabs", "line  breaks and tabs"],
    ["\u001b[31mred\u0007", "\ufffd[31mred\ufffd"],
    ["\u202etxt.exe", "\ufffdtxt.exe"],
    ["\u0000\u0085\u009b", "\ufffd \ufffd"],
    ["half \ud83d a pair", "half \ufffd a pair"],
    ["नमस्ते 👩\u200d👧 naïve", "नमस्ते 👩\ufffd👧 naïve"]
  ])("printable - %j", (text, expected) => {
    assert.strictEqual(ForeignText.printable(text), expected)
  })

  it.prop("printable - is short, whole and shows, whatever came", {
    text: FastCheck.string({ unit: "binary", maxLength: 700 }),
    length: FastCheck.integer({ min: 1, max: 400 })
  }, ({ length, text }) => {
    const shown = ForeignText.printable(text, length)
    assert.isAtMost(shown.length, length)
    assert.strictEqual(new TextDecoder().decode(new TextEncoder().encode(shown)), shown, "no half of a pair")
    // oxlint-disable-next-line eslint/no-control-regex -- these are what must not be there
    assert.notMatch(shown, /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/)
  })

  it("cleaner - takes no time for a large text", { retry: 4 }, () => {
    const clean = ForeignText.cleaner([key])
    for (
      const text of [
        "upgrade ".repeat(50_000),
        "\u202e".repeat(300_000),
        "//".repeat(200_000),
        "\\u0073".repeat(60_000)
      ]
    ) {
      const before = performance.now()
      clean(text)
      assert.isBelow(performance.now() - before, 20)
    }
  })
})
