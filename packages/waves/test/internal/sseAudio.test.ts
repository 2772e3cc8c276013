import { Pcm } from "@effect-smallest/core"
import { cutAt, hex } from "@effect-smallest/test-support/pcm"
import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as SseAudio from "../../src/internal/sseAudio.js"

const encode = (text: string) => new TextEncoder().encode(text)

/** Everything that a body gives, pushed in the given pieces until it ends. */
const parse = (pieces: ReadonlyArray<Uint8Array>) => {
  const parser = SseAudio.make()
  const audio: Array<Uint8Array> = [new Uint8Array(0)]
  for (const piece of pieces) {
    const parsed = parser.push(piece)
    audio.push(...parsed.audio)
    if (parsed.isDone || parsed.failure !== undefined) {
      return { audio: hex(Pcm.concatBytes(audio)), isDone: parsed.isDone, failure: parsed.failure }
    }
  }
  const last = parser.end()
  return {
    audio: hex(Pcm.concatBytes([...audio, ...last.audio])),
    isDone: last.isDone,
    failure: last.failure
  }
}

const parseText = (text: string) => parse([encode(text)])

const basic = [
  `event: audio\ndata: {"audio": "AAECAw==", "done": false, "status": "206"}\n\n`,
  `event: audio\ndata: {"audio": "BAUGBw==", "done": false, "status": "206"}\n\n`,
  `event: audio\ndata: {"audio": "", "done": false, "status": "206"}\n\n`,
  `data: {"status": "200", "done": true}\n\n`
].join("")

const errorInStream = [
  `event: audio\ndata: {"audio": "AAE=", "done": false, "status": "206"}\n\n`,
  `data: {"status":"error","message":"synthesis failed"}\n\n`
].join("")

const bodies = {
  basic,
  "with CRLF": basic.replaceAll("\n", "\r\n"),
  "with a byte order mark": `\uFEFF${basic}`,
  "with comments, ids and retry times": `: keep-alive\n\nid: 7\nretry: 9000\n\n${basic}`,
  "without blanks after colons": basic.replaceAll(": ", ":"),
  "with data over several lines": `data: {"audio":\ndata: "AAECAw==",\ndata: "text": "नमस्ते 👋"}\n\n${basic}`,
  "with an error in the stream": errorInStream,
  "with an unterminated last event": basic.trimEnd(),
  "cut inside an event": basic.slice(0, 100),
  "of a web page": "<!doctype html>\n<p>Grüße 👋</p>\n",
  "that is not base64": `data: {"audio": "AAE"}\n\n`
}

describe("sseAudio", () => {
  it("reads a stream to its end mark; empty audio is normal", () => {
    assert.deepStrictEqual(parseText(basic), { audio: "0001020304050607", isDone: true, failure: undefined })
  })

  it.each(
    [
      "with CRLF",
      "with a byte order mark",
      "with comments, ids and retry times",
      "without blanks after colons"
    ] as const
  )(
    "a body %s means the same",
    (kind) => {
      assert.deepStrictEqual(parseText(bodies[kind]), parseText(basic))
    }
  )

  it("data over several lines is one event", () => {
    assert.strictEqual(parseText(bodies["with data over several lines"]).audio, "000102030001020304050607")
  })

  it("an error event fails after the audio before it", () => {
    assert.deepStrictEqual(parseText(errorInStream), {
      audio: "0001",
      isDone: false,
      failure: { _tag: "InBand", json: { status: "error", message: "synthesis failed" } }
    })
  })

  it.each(Object.entries(bodies))("a body %s - byte by byte it means the same as whole", (_, body) => {
    const bytes = encode(body)
    assert.deepStrictEqual(parse(Array.from(bytes, (byte) => Uint8Array.of(byte))), parse([bytes]))
  })

  it.prop(
    "any cutting of any body gives the same result",
    {
      body: FastCheck.oneof(
        FastCheck.constantFrom(...Object.values(bodies)),
        FastCheck.array(
          FastCheck.constantFrom(
            "data:",
            "data: ",
            "{",
            "}",
            "\n",
            "\r\n",
            "\n\n",
            `"audio":"AAE="`,
            `"done":true`,
            ",",
            "é👋",
            ":",
            "event: x"
          ),
          { maxLength: 40 }
        ).map((parts) => parts.join(""))
      ),
      cuts: FastCheck.array(FastCheck.nat(400), { maxLength: 20 })
    },
    ({ body, cuts }) => {
      const bytes = encode(body)
      assert.deepStrictEqual(parse(cutAt(bytes, cuts)), parse([bytes]))
    },
    { fastCheck: { numRuns: 2000 } }
  )

  it("nothing is read after the end mark", () => {
    const parser = SseAudio.make()
    const parsed = parser.push(encode(`${basic}data: {"audio": "CAk="}\n\ndata: nonsense\n\n`))
    assert.deepStrictEqual(parsed.audio.map(hex), ["00010203", "04050607"])
    assert.isTrue(parsed.isDone)
    assert.isUndefined(parsed.failure)
  })

  it("an unterminated last event counts if it is whole, and holds nothing if it was cut", () => {
    assert.isTrue(parseText(`data: {"done": true}`).isDone)
    assert.isTrue(parseText(`data: {"done": true}\n`).isDone)
    assert.strictEqual(parseText(`data: {"audio": "AAE="}`).audio, "0001")
    const cut = parseText(`data: {"audio": "AAE="}\n\ndata: {"audio": "AAEC`)
    assert.deepStrictEqual(cut, { audio: "0001", isDone: false, failure: undefined })
  })

  it.each<readonly [string, string, RegExp]>([
    ["not JSON", "data: hello\n\n", /not JSON: hello/],
    ["not an object", "data: [1]\n\n", /not a JSON object/],
    ["null", "data: null\n\n", /not a JSON object/],
    ["no base64", `data: {"audio": "***="}\n\n`, /not base64/],
    ["a number for audio", `data: {"audio": 5}\n\n`, /not base64/],
    ["a page", "<html>\n</html>", /not an event stream/]
  ])("%s is malformed", (_, body, description) => {
    const { failure } = parseText(body)
    assert.match(failure?._tag === "Malformed" ? failure.description : "", description)
  })

  it("errors come in several shapes; a null error is none", () => {
    for (
      const json of [{ status: "error" }, { error: { message: "bad" } }, { error: "bad" }, {
        status: "error",
        audio: "AAE="
      }]
    ) {
      assert.deepStrictEqual(parseText(`data: ${JSON.stringify(json)}\n\n`).failure, { _tag: "InBand", json })
    }
    assert.deepStrictEqual(parseText(`data: {"error": null, "done": true}\n\n`), {
      audio: "",
      isDone: true,
      failure: undefined
    })
    assert.deepStrictEqual(parseText(`data: {"audio": null, "done": true}\n\n`), {
      audio: "",
      isDone: true,
      failure: undefined
    })
  })

  it("`done` ends the stream only when it is true", () => {
    for (const done of [false, "true", 1, null]) {
      assert.isFalse(parseText(`data: {"done": ${JSON.stringify(done)}}\n\n`).isDone)
    }
  })

  it("a line or an event without end is refused before it fills the memory", () => {
    const endless = (piece: string) => {
      const parser = SseAudio.make()
      let pushed = 0
      while (pushed < 10_000_000) {
        const parsed = parser.push(encode(piece))
        pushed += piece.length
        if (parsed.failure !== undefined) return { pushed, failure: parsed.failure }
      }
      return { pushed, failure: undefined }
    }
    for (const piece of ["x".repeat(50_000), `data: ${"x".repeat(50_000)}\n`]) {
      const { failure, pushed } = endless(piece)
      assert.deepStrictEqual(failure, { _tag: "Malformed", description: "The answer is not an event stream" })
      assert.isBelow(pushed, 1_700_000)
    }
  })

  it("an empty body holds nothing", () => {
    assert.deepStrictEqual(parseText(""), { audio: "", isDone: false, failure: undefined })
    assert.deepStrictEqual(parseText("\n\n"), { audio: "", isDone: false, failure: undefined })
  })
})
