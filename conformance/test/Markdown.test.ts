/** What is spoken of Markdown, beside what a page shows of it: micromark with GitHub's extensions is the judge. */
import { SpeechText } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"
import { tests as commonMark } from "commonmark-spec"
import { decodeNamedCharacterReference } from "decode-named-character-reference"
import { Effect, Stream } from "effect"
import { micromark } from "micromark"
import { gfm, gfmHtml } from "micromark-extension-gfm"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

// All that a page shows.
const all: SpeechText.StripMarkdownOptions = {
  codeBlocks: "speak",
  formulas: "speak",
  reasoning: "speak",
  citations: "speak",
  emojiNames: "speak",
  addresses: "full"
}

const spokenOf = (pieces: Iterable<string>): string =>
  Effect.runSync(
    Stream.fromIterable(pieces).pipe(
      SpeechText.stripMarkdownWith(all),
      Stream.runFold("", (text, input) => SpeechText.isFlush(input) ? text : text + input)
    )
  )

const decodeEntities = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z][a-z0-9]*));/gi, (all, hex, decimal, name) => {
    const code = hex === undefined ? Number(decimal) : parseInt(String(hex), 16)
    if (name === undefined) return code === 0 || code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code)
    return decodeNamedCharacterReference(String(name)) || all
  })

// GitHub shows the tags of scripts as text; other pages do not show them.
const html = gfmHtml()
delete html.exit?.htmlFlowData
delete html.exit?.htmlTextData

const shownOf = (markdown: string): string => {
  // Images of HTML are not described; another name tells them apart.
  const page = micromark(markdown.replace(/<img\b/gi, "<imgx"), {
    allowDangerousHtml: true,
    allowDangerousProtocol: true,
    extensions: [gfm()],
    htmlExtensions: [html]
  })
  const shown = page
    // The list of footnotes and its links are of the page.
    .replace(/<h2 id="footnote-label"[^]*?<\/h2>/g, "")
    .replace(/<sup><a href="#user-content-fn-[^]*?<\/sup>|<a href="#user-content-fnref[^]*?<\/a>/g, "")
    .replace(/<!--(?:-?>|[^]*?(?:-->|$))|<\?[^]*?\?>|<!\[CDATA\[[^]*?\]\]>|<![a-zA-Z][^>]*>/g, "")
    .replace(/<(script|style|template|title|textarea)\b[^]*?(?:<\/\1\s*>|$)/gi, "")
    .replace(/<img src="[^"]*" alt="([^"]*)"(?: title="[^"]*")? \/>/g, " $1 ")
    .replace(
      /<\/?(?:p|div|li|tr|td|th|h[1-6]|br|hr|pre|blockquote|table|ul|ol|dl|dt|dd|section|details|summary)\b[^>]*>/gi,
      " "
    )
    .replace(/<\/?[a-zA-Z](?:[^"'>]|"[^"]*"|'[^']*')*>/g, "")
  return decodeEntities(shown).replace(/\bimgx\b/gi, "img")
}

const wordsOf = (text: string): ReadonlyArray<string> => text.toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? []

/** Numbers of lists are not in the HTML's text. */
const withoutNumbers = (markdown: string, words: ReadonlyArray<string>) =>
  /^[ \t>]*\d{1,9}[.)]/m.test(markdown) ? words.filter((word) => !/^\d{1,9}$/.test(word)) : words

const compare = (markdown: string) => {
  const shown = withoutNumbers(markdown, wordsOf(shownOf(markdown)))
  const spoken = withoutNumbers(markdown, wordsOf(spokenOf([markdown])))
  // micromark sometimes swallows the line ends in code after a footnote: then words stick together.
  if (shown.join("") === spoken.join("")) return { words: shown.length, lost: [], added: [] }
  const missing = (from: ReadonlyArray<string>, words: ReadonlyArray<string>) => {
    const counts = new Map<string, number>()
    for (const word of from) counts.set(word, (counts.get(word) ?? 0) + 1)
    return words.filter((word) => {
      const count = counts.get(word) ?? 0
      counts.set(word, count - 1)
      return count <= 0
    })
  }
  return { words: shown.length, lost: missing(spoken, shown), added: missing(shown, spoken) }
}

/** Where what is spoken differs, and why that is right, or what it would cost to be right. */
const known = new Map<number, string>([
  [156, "a tag without an end: browsers show nothing of it"],
  [157, "a tag without an end: browsers show nothing of it"],
  [158, "a tag without an end: browsers show nothing of it"],
  [356, "5*6*78 is a product"],
  [491, "an address over two lines is no link, and its angle brackets look like a tag"],
  [545, "references are links before their definition has come"],
  [549, "the label of a reference holds an escaped bracket"],
  [552, "a definition whose label is blank"],
  [569, "references are links before their definition has come"],
  [570, "references are links before their definition has come"],
  [571, "references are links before their definition has come"]
])

/** The READMEs of the packages that this repository is built with. */
const readmes = (): ReadonlyArray<readonly [path: string, text: string]> => {
  const store = join(import.meta.dirname, "../../node_modules/.pnpm")
  const found = new Map<string, string>()
  const add = (folder: string) => {
    for (const name of readdirSync(folder)) {
      if (!/^readme(\.md|\.markdown)?$/i.test(name)) continue
      const text = readFileSync(join(folder, name), "utf8")
      if (text.length < 400_000) found.set(join(folder, name), text)
    }
  }
  for (const entry of readdirSync(store)) {
    const modules = join(store, entry, "node_modules")
    if (!existsSync(modules)) continue
    // The package itself, not the links to what it needs.
    const name = entry.replace(/^((?:@[^+]+\+)?[^@]+)@.*$/, "$1").replace("+", "/")
    if (existsSync(join(modules, name))) add(join(modules, name))
  }
  return [...new Map([...found].map(([path, text]) => [text, path])).entries()].map(([text, path]) => [path, text])
}

const cut = (text: string, length: number): Array<string> =>
  Array.from({ length: Math.ceil(text.length / length) }, (_, i) => text.slice(i * length, (i + 1) * length))

describe("stripMarkdown beside a page", () => {
  it("CommonMark's examples - are spoken as they are shown, but for those whose reason is known", () => {
    const wrong = commonMark.filter(({ markdown }) =>
      withoutNumbers(markdown, wordsOf(shownOf(markdown))).join(" ") !==
        withoutNumbers(markdown, wordsOf(spokenOf([markdown]))).join(" ")
    )
    console.log(
      `${commonMark.length - wrong.length} of CommonMark's ${commonMark.length} examples are spoken as shown.`
    )
    assert.deepStrictEqual(wrong.map(({ number }) => number).filter((number) => !known.has(number)), [])
  })

  it("CommonMark's examples - do not depend on pieces or on line ends", () => {
    for (const { markdown } of commonMark) {
      const whole = spokenOf([markdown])
      assert.strictEqual(spokenOf(markdown), whole, markdown)
      for (const end of ["\r\n", "\r"]) {
        const other = markdown.replaceAll("\n", end)
        assert.strictEqual(spokenOf([other]), whole, other)
        assert.strictEqual(spokenOf(other), whole, other)
      }
    }
  })

  it("READMEs - no word is lost, and at most one in a thousand is spoken that is not shown", () => {
    const all = readmes()
    let words = 0
    const lost: Array<string> = []
    const added: Array<string> = []
    for (const [path, text] of all) {
      const difference = compare(text)
      words += difference.words
      // Labels of references whose definition never comes.
      const labels = new Set([...text.matchAll(/\]\[([^\]]+)\]/g)].flatMap(([, label]) => wordsOf(label ?? "")))
      const missing = difference.lost.filter((word) => !labels.has(word))
      if (missing.length > 0) lost.push(`${path}: ${missing.join(" ")}`)
      if (difference.added.length > 0) added.push(`${path}: ${difference.added.join(" ")}`)
    }
    const addedCount = added.reduce((sum, line) => sum + line.split(" ").length - 1, 0)
    console.log(
      `${all.length} READMEs, ${words} words: ${lost.length} lose some, ${addedCount} are spoken that are not shown.`
    )
    assert.isAbove(all.length, 100)
    assert.deepStrictEqual(lost, [])
    assert.isAtMost(addedCount, words / 1000)
  }, 120_000)

  it("READMEs - do not depend on pieces or on line ends", () => {
    for (const [path, text] of readmes()) {
      if (text.length > 60_000) continue
      const whole = spokenOf([text])
      assert.strictEqual(spokenOf(cut(text, 7)), whole, path)
      const other = text.replace(/\r\n?/g, "\n").replaceAll("\n", "\r\n")
      assert.strictEqual(spokenOf(cut(other, 5)), whole, path)
    }
  }, 120_000)
})
