import { SpeechScript, Ssml } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"

const { mark, pause } = SpeechScript

const parse = (ssml: string, options?: Ssml.Options) => Either.getOrThrow(Ssml.parse(ssml, options))

const fails = (ssml: string, options?: Ssml.Options) => Either.getOrThrow(Either.flip(Ssml.parse(ssml, options)))

const document = (content: string) =>
  `<?xml version="1.0"?>
<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis"
       xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
       xsi:schemaLocation="http://www.w3.org/2001/10/synthesis
                 http://www.w3.org/TR/speech-synthesis11/synthesis.xsd"
       xml:lang="en-US">
${content}
</speak>`

// After the examples of https://www.w3.org/TR/speech-synthesis11/, by section.
describe("Ssml.parse, examples of SSML 1.1", () => {
  const language = "en"

  it("3.1.1 speak - the root, with its schema, or with a document type", () => {
    assert.deepStrictEqual(parse(document("Hello, world!")), [{ text: "Hello, world!", language }])
    const external = `<!DOCTYPE speak PUBLIC "-//W3C//DTD SYNTHESIS 1.0//EN"
      "http://www.w3.org/TR/speech-synthesis/synthesis.dtd"><speak version="1.0" xml:lang="en-US">Hello.</speak>`
    assert.deepStrictEqual(parse(external), [{ text: "Hello.", language }])
  })

  it("3.1.2 xml:lang - a document whose paragraphs have languages", () => {
    assert.deepStrictEqual(
      parse(document("<p>I don't speak Japanese.</p><p xml:lang=\"ja\">日本語が分かりません。</p>")),
      [
        { text: "I don't speak Japanese.", language },
        { text: "日本語が分かりません。", language: "ja" }
      ]
    )
  })

  it("3.1.8.1 p and s - paragraphs and sentences are lines", () => {
    assert.deepStrictEqual(
      parse(document(`<p>
        <s>This is the first sentence of the paragraph.</s>
        <s>Here's another sentence.</s>
      </p>`)),
      [
        { text: "This is the first sentence of the paragraph.", language },
        { text: "Here's another sentence.", language }
      ]
    )
  })

  it("3.1.9 say-as - characters, digits and telephone numbers one by one", () => {
    assert.deepStrictEqual(parse(document("<say-as interpret-as=\"characters\">USA</say-as> has 3 letters.")), [
      { text: "U, S, A has 3 letters.", language }
    ])
    assert.deepStrictEqual(parse(document("Dial <say-as interpret-as=\"telephone\">555-12</say-as>.")), [
      { text: "Dial 5, 5, 5, -, 1, 2.", language }
    ])
    assert.include(fails(document("<say-as interpret-as=\"date\" format=\"mdy\">1/2/3</say-as>")).message, "format")
    assert.include(fails(document("<say-as interpret-as=\"date\">1/2/3</say-as>")).message, "interpret-as=\"date\"")
  })

  it("3.1.11 sub - the alias is spoken in place of the text", () => {
    assert.deepStrictEqual(parse(document("<sub alias=\"World Wide Web Consortium\">W3C</sub>")), [
      { text: "World Wide Web Consortium", language }
    ])
  })

  it("3.1.12 lang - the language of a phrase", () => {
    assert.deepStrictEqual(parse(document("The French word for cat is <lang xml:lang=\"fr\">chat</lang>.")), [
      { text: "The French word for cat is", language },
      { text: "chat", language: "fr" }
    ])
  })

  it("3.2.1 voice - voices, one inside another", () => {
    assert.deepStrictEqual(
      parse(
        document("<voice name=\"Mike\">I want to be like Mike.<voice name=\"Jay Ann\">And I.</voice> Yes.</voice> End.")
      ),
      [
        { text: "I want to be like Mike.", language, voice: "Mike" },
        { text: "And I.", language, voice: "Jay" },
        { text: "Yes.", language, voice: "Mike" },
        { text: "End.", language }
      ]
    )
    assert.include(fails(document("<voice gender=\"female\">Mary had a little lamb.</voice>")).message, "gender")
  })

  it("3.2.3 break - by default, strength or time", () => {
    assert.deepStrictEqual(
      parse(document(`Take a deep breath <break/> then continue.
        Press 1 or wait for the tone. <break time="3s"/>
        I didn't hear you! <break strength="weak"/> Please repeat. <break strength="none"/>Now.`)),
      [
        { text: "Take a deep breath", language },
        pause("500 millis"),
        { text: "then continue. Press 1 or wait for the tone.", language },
        pause("3 seconds"),
        { text: "I didn't hear you!", language },
        pause("250 millis"),
        { text: "Please repeat.", language },
        { text: "Now.", language }
      ]
    )
  })

  it("3.2.4 prosody - the rate, multiplied inside each other", () => {
    assert.deepStrictEqual(
      parse(document(`The price of XYZ is <prosody rate="90%">$45</prosody>
        <prosody rate="fast">a<prosody rate="120%">b</prosody></prosody> <prosody rate="-10%">c</prosody>`)),
      [
        { text: "The price of XYZ is", language },
        { text: "$45", language, speed: 0.9 },
        { text: "a", language, speed: 1.25 },
        { text: "b", language, speed: 1.5 },
        { text: "c", language, speed: 0.9 }
      ]
    )
    for (const rate of ["300%", "0", "-60%", "+1", "quick", "toString"]) {
      assert.strictEqual(fails(document(`<prosody rate="${rate}">x</prosody>`)).reason, "Unsupported", rate)
    }
  })

  it("3.3.2 mark - a mark between words", () => {
    assert.deepStrictEqual(parse(document("Go from <mark name=\"here\"/> here, to <mark name=\"there\"/> there!")), [
      { text: "Go from", language },
      mark("here"),
      { text: "here, to", language },
      mark("there"),
      { text: "there!", language }
    ])
  })
})

describe("Ssml.parse", () => {
  it("what is not supported fails with its place, or is passed over and never spoken", () => {
    const ssml = "<speak>\r\n  Hi <emphasis>you</emphasis><audio src=\"a.wav\"><desc>Bell</desc></audio>" +
      "<metadata><a>secret</a></metadata><break time=\"soon\"/><x:y xmlns:x=\"urn:x\" k=\"v\">there</x:y></speak>"
    const { column, line, reason } = fails(ssml)
    assert.deepStrictEqual({ column, line, reason }, { column: 6, line: 2, reason: "Unsupported" })
    assert.deepStrictEqual(parse(ssml, { unsupported: "ignore" }), [{ text: "Hi youthere" }])
  })

  it("what is not XML fails as malformed with its place, even if markup is passed over", () => {
    for (
      const [ssml, line, column] of [
        ["<speak>\n<p>a</s></speak>", 2, 8],
        ["<speak>\n a &b; c</speak>", 2, 6],
        ["<speak>a", 1, 9],
        ["", 1, 1],
        ["Hello", 1, 6],
        ["<speak>&bomb;</speak>", 1, 13],
        ["<speak a=1/>", 1, 10]
      ] as const
    ) {
      const error = fails(ssml, { unsupported: "ignore" })
      assert.strictEqual(error.reason, "Malformed", ssml)
      assert.strictEqual(error.line, line, ssml)
      assert.closeTo(error.column, column, 2, `${ssml} ${error.message}`)
    }
    assert.strictEqual(fails("<html>Hello</html>").reason, "Unsupported")
    assert.strictEqual(fails("<speak><mark/></speak>").reason, "Malformed")
  })

  it("bombs are refused", () => {
    const bomb = "<!DOCTYPE speak [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;\">]><speak>&b;</speak>"
    assert.deepInclude(fails(bomb, { unsupported: "ignore" }), { reason: "Forbidden", line: 1, column: 1 })
    assert.strictEqual(
      fails("<!DOCTYPE speak [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><speak>&x;</speak>").reason,
      "Forbidden"
    )
    const deep = `<speak>${"<p>".repeat(100_000)}`
    assert.strictEqual(fails(deep).reason, "Forbidden")
    assert.strictEqual(fails(`<speak>${"<foo>".repeat(100_000)}`, { unsupported: "ignore" }).reason, "Forbidden")
    const begun = performance.now()
    parse(`<speak>${"<s>A word.</s>".repeat(20_000)}</speak>`)
    assert.isBelow(performance.now() - begun, 3000)
  })

  it("text with references and CDATA is text", () => {
    assert.deepStrictEqual(parse("<speak>a &lt;b&gt; &amp; &#x63; <![CDATA[<d>]]></speak>"), [{
      text: "a <b> & c <d>"
    }])
    assert.deepStrictEqual(parse("<speak/>"), [])
  })
})
