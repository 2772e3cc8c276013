import type { Book, BookError } from "@effect-smallest/narration/Book"
import * as Books from "@effect-smallest/narration/Book"
import * as NarrationPlan from "@effect-smallest/narration/NarrationPlan"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck, Schema } from "effect"
import { strToU8, zipSync } from "fflate"

const read = (name: string, text: string, include: ReadonlyArray<Books.Extra> = []) =>
  Effect.runSync(Books.fromBytes(name, strToU8(text), { include }))

const refused = (name: string, bytes: Uint8Array): BookError =>
  Effect.runSync(Effect.flip(Books.fromBytes(name, bytes)))

const said = (book: Book): ReadonlyArray<string> =>
  book.chapters.flatMap(({ blocks }) => blocks.map(({ text }) => text).filter((text) => text !== ""))

const titles = (book: Book) => book.chapters.map(({ title }) => title)

const segments = (book: Book) =>
  NarrationPlan.toScript(NarrationPlan.make(book), { name: "test" }).chapters.flatMap(({ segments }) => segments)

interface Parts {
  readonly nav?: string
  readonly ncx?: string
  readonly files: Record<string, string>
  readonly spine?: ReadonlyArray<readonly [file: string, linear?: string]>
  readonly extra?: Record<string, string>
  readonly prefix?: string
}

const page = (body: string) =>
  `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>x</title></head><body>${body}</body></html>`

const epub = ({ extra = {}, files, nav, ncx, prefix = "", spine }: Parts): Uint8Array => {
  const names = Object.keys(files)
  const order = spine ?? names.map((name) => [name] as const)
  const p = prefix
  const items = names.map((name, i) =>
    `<${p}item id="f${i}" href="${encodeURI(name)}" media-type="application/xhtml+xml"/>`
  )
  if (nav !== undefined) {
    items.push(`<${p}item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>`)
  }
  if (ncx !== undefined) items.push(`<${p}item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>`)
  const opf = `<?xml version="1.0"?><${p}package xmlns${p === "" ? "" : ":opf"}="http://www.idpf.org/2007/opf">
    <${p}metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Book</dc:title><dc:creator>Ann</dc:creator><dc:language>en-GB</dc:language></${p}metadata>
    <${p}manifest>${items.join("")}</${p}manifest>
    <${p}spine toc="ncx">${
    order.map(([name, linear = "yes"]) => `<${p}itemref idref="f${names.indexOf(name)}" linear="${linear}"/>`).join("")
  }</${p}spine></${p}package>`
  return zipSync(Object.fromEntries(
    Object.entries({
      mimetype: "application/epub+zip",
      "META-INF/container.xml":
        `<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>`,
      "OEBPS/book.opf": opf,
      ...(nav === undefined ? {} : { "OEBPS/nav.xhtml": page(`<nav epub:type="toc"><ol>${nav}</ol></nav>`) }),
      ...(ncx === undefined ? {} : { "OEBPS/toc.ncx": `<ncx><navMap>${ncx}</navMap></ncx>` }),
      ...Object.fromEntries(Object.entries(files).map(([name, body]) => [`OEBPS/${name}`, page(body)])),
      ...extra
    }).map(([name, text]) => [name, strToU8(text)])
  ))
}

const open = (parts: Parts, include: ReadonlyArray<Books.Extra> = []) =>
  Effect.runSync(Books.fromBytes("book.epub", epub(parts), { include }))

describe("ten reports from users of other tools", () => {
  it("1: notes in an aside are not read, unless they are asked for", () => {
    const parts = {
      files: {
        "a.xhtml":
          "<p>It rained.<a epub:type=\"noteref\" href=\"#n\">1</a> Then not.</p><aside epub:type=\"footnote\" id=\"n\"><p>Heavily.</p></aside>"
      }
    }
    assert.deepStrictEqual(said(open(parts)), ["It rained. Then not."])
    assert.deepStrictEqual(said(open(parts, ["notes"])), ["It rained.1 Then not.", "Heavily."])
  })

  it("2: notes at the end of a chapter are not read, and a bare address of the web is a link", () => {
    const book = open({
      files: {
        "a.xhtml":
          "<p>See https://example.com/a?b=c, or www.example.org.</p><section role=\"doc-endnotes\"><p>1. Ibid.</p></section>"
      }
    })
    assert.deepStrictEqual(said(book), ["See link, or link."])
  })

  it("3: chapters are those of the table of contents, and not the files", () => {
    const book = open({
      nav: "<li><a href=\"a.xhtml\">First</a></li><li><a href=\"c.xhtml\">Second</a></li>",
      files: { "a.xhtml": "<p>One.</p>", "b.xhtml": "<p>Still one.</p>", "c.xhtml": "<p>Two.</p>" }
    })
    assert.deepStrictEqual(titles(book), ["First", "Second"])
    assert.deepStrictEqual(said(book), ["One.", "Still one.", "Two."])
  })

  it("4: anchors of the table of contents into one file speak each text once", () => {
    const anchors = Array.from({ length: 20 }, (_, i) => i)
    const book = open({
      nav: anchors.map((i) => `<li><a href="a.xhtml#c${i}">Chapter ${i}</a></li>`).join(""),
      files: { "a.xhtml": anchors.map((i) => `<h2 id="c${i}">Chapter ${i}</h2><p>Text ${i}.</p>`).join("") }
    })
    assert.deepStrictEqual(titles(book), anchors.map((i) => `Chapter ${i}`))
    assert.deepStrictEqual(said(book), anchors.flatMap((i) => [`Chapter ${i}`, `Text ${i}.`]))
  })

  it("5: a heading without a full stop does not run into the text", () => {
    const script = segments(open({ files: { "a.xhtml": "<h1>The Storm</h1><p>It rained.</p>" } }))
    assert.deepStrictEqual(script.map(({ text }) => text), ["The Storm", "It rained."])
    assert.isAbove(script[0]?.pause ?? 0, script[1]?.pause ?? 0)
  })

  // 6 (after a power cut all from block 0) and 7 (one huge chapter) are tests of Narration and of the command.
  it("7: one huge chapter is many segments, none longer than the engine takes", () => {
    const text = "It was a long day, and nobody said a word about it. ".repeat(20_000)
    const all = segments(read("huge.txt", text))
    assert.isAbove(all.length, 10_000)
    assert.isTrue(all.every(({ text }) => text.length <= 250))
  })

  it("8: abbreviations, initials and numbers do not cut a sentence", () => {
    const sentence = "Mr. Holmes of St. James's paid the C.I.A. 0.9 pounds."
    assert.deepStrictEqual(segments(read("a.txt", sentence)).map(({ text }) => text), [sentence])
  })

  it("9: Roman numbers are numbers in headings only", () => {
    const book = open({
      files: {
        "a.xhtml": "<h1>IV</h1><h2>Chapter XII</h2><h2>I Am Here</h2><p>Šel jsem i v noci, mi to nevadilo.</p><p>I</p>"
      }
    })
    assert.deepStrictEqual(said(book), ["4", "Chapter 12", "I Am Here", "Šel jsem i v noci, mi to nevadilo.", "I"])
  })
})

describe("Book.fromBytes, EPUB", () => {
  it("percent signs in names, a nested contents, prefixed elements, and the NCX if there is no nav", () => {
    const files = { "part one.xhtml": "<p>One.</p>", "two.xhtml": "<p>Two.</p>" }
    assert.deepStrictEqual(
      titles(open({
        files,
        nav: "<li><a href=\"part%20one.xhtml\">Part</a><ol><li><a href=\"two.xhtml\">Two</a></li></ol></li>"
      })),
      ["Part", "Two"]
    )
    const ncx = (src: string, label: string, inner = "") =>
      `<navPoint><navLabel><text>${label}</text></navLabel><content src="${src}"/>${inner}</navPoint>`
    const book = open({
      files,
      prefix: "opf:",
      ncx: ncx("part%20one.xhtml", "Part", ncx("two.xhtml", "Two"))
    })
    assert.deepStrictEqual(titles(book), ["Part", "Two"])
    assert.strictEqual(book.author, "Ann")
    assert.strictEqual(book.language, "en-GB")
  })

  it("what is not linear, hidden, a page number or a list of contents is not read", () => {
    const book = open({
      files: {
        "a.xhtml":
          "<nav epub:type=\"toc\"><ol><li>Contents</li></ol></nav><p>Yes<span epub:type=\"pagebreak\">12</span>.</p><p hidden=\"hidden\">No.</p><script>no()</script>",
        "notes.xhtml": "<p>No.</p>"
      },
      spine: [["a.xhtml"], ["notes.xhtml", "no"], ["a.xhtml"]]
    })
    assert.deepStrictEqual(said(book), ["Yes."])
  })

  it("protection is refused, fonts that are merely obfuscated are not", () => {
    const encryption = (algorithm: string) => ({
      "META-INF/encryption.xml":
        `<encryption><enc:EncryptedData xmlns:enc="x"><enc:EncryptionMethod Algorithm="${algorithm}"/></enc:EncryptedData></encryption>`
    })
    const files = { "a.xhtml": "<p>Hello.</p>" }
    const error = refused("x.epub", epub({ files, extra: encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc") }))
    assert.strictEqual(error.reason, "Protected")
    assert.deepStrictEqual(said(open({ files, extra: encryption("http://www.idpf.org/2008/embedding") })), ["Hello."])
  })

  it("files that are not EPUB, or damaged, are errors that say so", () => {
    const whole = epub({ files: { "a.xhtml": "<p>Hello.</p>" } })
    for (
      const bytes of [
        strToU8("hello"),
        whole.slice(0, whole.length / 2),
        zipSync({ "a.txt": strToU8("hello") }),
        zipSync({ "META-INF/container.xml": strToU8("<container/>") })
      ]
    ) {
      assert.strictEqual(refused("x.epub", bytes).reason, "Unreadable")
    }
    assert.strictEqual(refused("x.epub", epub({ files: { "a.xhtml": "<p> </p>" } })).reason, "Empty")
    assert.strictEqual(refused("x.pdf", strToU8("%PDF-1.7")).reason, "Unreadable")
    assert.strictEqual(refused("x.txt", Uint8Array.of(0xff, 0xfe, 0x41)).reason, "Unreadable")
    assert.strictEqual(refused("x.txt", strToU8(" \n * * * \n")).reason, "Empty")
  })

  it("documents that are deep do not overflow the stack", () => {
    const depth = 12_000
    const book = open({ files: { "a.xhtml": `${"<div>".repeat(depth)}Deep.${"</div>".repeat(depth)}` } })
    assert.deepStrictEqual(said(book), ["Deep."])
  })
})

describe("Book.fromBytes, text and Markdown", () => {
  it("Markdown: front matter, headings, lists, breaks; notes and pictures are not read", () => {
    const book = read(
      "a.md",
      "---\ntitle: \"The Book\"\nauthor: Ann\nlang: en\n---\n\n# One\n\nText *with* `code`[^n] ![a picture](x.png).\n\n- a\n- b\n\n---\n\n# Two\n\n> Quoted.\n\n[^n]: A note.\n"
    )
    assert.strictEqual(book.title, "The Book")
    assert.strictEqual(book.author, "Ann")
    assert.deepStrictEqual(titles(book), ["One", "Two"])
    assert.deepStrictEqual(said(book), ["One", "Text with code .", "a", "b", "Two", "Quoted."])
  })

  it("plain text: headings of chapters, hard line breaks, divided words, scene breaks", () => {
    const book = read(
      "my book.txt",
      "Preface.\r\n\r\nCHAPTER I\r\n\r\nIt was a won-\r\nderful\r\nday.\r\n\r\n* * *\r\n\r\nNight.\r\n\r\nChapter 2: The End\r\n\r\nDone."
    )
    assert.deepStrictEqual(titles(book), ["my book", "CHAPTER I", "Chapter 2: The End"])
    assert.deepStrictEqual(said(book), [
      "Preface.",
      "CHAPTER 1",
      "It was a wonderful day.",
      "Night.",
      "Chapter 2: The End",
      "Done."
    ])
  })

  it("whatever the text, each of its words is said once and in order", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.stringMatching(/^[a-z]{1,8}[.,]?$/)), (words) => {
        const text = words.map((word, i) => i % 7 === 6 ? `${word}\n\n` : word).join(" ")
        if (!/[a-z]/.test(text)) return
        const book = read("a.txt", text)
        assert.strictEqual(
          segments(book).map(({ text }) => text).join(" ").replace(/\s+/g, " "),
          text.replace(/\s+/g, " ").trim()
        )
      }),
      { numRuns: 50 }
    )
  })
})

describe("NarrationPlan", () => {
  const plan = NarrationPlan.make(read("a.txt", "Chapter 1\n\nHello there. How are you?"), { voice: "kate" })

  it("a file of it reads back the same, and what is not one says where", () => {
    const back = NarrationPlan.fromJson("a.json", NarrationPlan.toJson(plan))
    assert.deepStrictEqual(
      Schema.decodeUnknownSync(Schema.EitherFromSelf({ left: Schema.Any, right: Schema.Any }))(back)._tag,
      "Right"
    )
    const wrong = NarrationPlan.fromJson("a.json", NarrationPlan.toJson(plan).replace("\"paragraph\"", "\"paragaph\""))
    assert.include(wrong._tag === "Left" ? wrong.left.message : "", "chapters.0.blocks.1.kind")
    const unknown = NarrationPlan.fromJson("a.json", NarrationPlan.toJson(plan).replace("\"voice\"", "\"voise\""))
    assert.include(unknown._tag === "Left" ? unknown.left.message : "", "voise")
  })

  it("keys depend on everything that changes the sound, and on nothing else", () => {
    const keys = (changed: Partial<NarrationPlan.NarrationPlan>, name = "engine") =>
      NarrationPlan.toScript({ ...plan, ...changed }, { name }).chapters.flatMap(({ segments }) =>
        segments.map(({ key }) => key)
      )
    const before = keys({})
    assert.strictEqual(new Set(before).size, 3)
    assert.deepStrictEqual(keys({ title: "Another" }), before)
    for (
      const other of [
        keys({ options: { voice: "anna" } }),
        keys({ options: { voice: "kate", speed: 1.1 } }),
        keys({}, "b")
      ]
    ) {
      assert.isTrue(other.every((key, i) => key !== before[i]))
    }
  })
})
