/** What is spoken of Markdown, beside what a page shows of it: micromark with GitHub's extensions is the judge. */
import { SpeechText } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"
import { tests as commonMark } from "commonmark-spec"
import { Effect, Stream } from "effect"
import { micromark } from "micromark"
import { gfm, gfmHtml } from "micromark-extension-gfm"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { decodeEntities } from "../src/internal/markdown/inline.js"

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

// GitHub shows the tags of scripts as text; other pages do not show them.
const html = gfmHtml()
delete html.exit?.htmlFlowData
delete html.exit?.htmlTextData

const shownOf = (markdown: string): string => {
  const page = micromark(markdown, {
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
    .replace(
      /<img\b(?:[^"'>]|"[^"]*"|'[^']*')*?\salt\s*=\s*(?:"([^"]*)"|'([^']*)')(?:[^"'>]|"[^"]*"|'[^']*')*>/gi,
      " $1$2 "
    )
    .replace(
      /<\/?(?:p|div|li|tr|td|th|h[1-6]|br|hr|pre|blockquote|table|ul|ol|dl|dt|dd|section|details|summary)\b[^>]*>/gi,
      " "
    )
    .replace(/<\/?[a-zA-Z](?:[^"'>]|"[^"]*"|'[^']*')*>/g, "")
  return decodeEntities(shown)
}

const wordsOf = (text: string): ReadonlyArray<string> => text.match(/[\p{L}\p{N}\p{M}]+/gu) ?? []

/** Numbers of lists are not in the HTML's text. */
const withoutNumbers = (markdown: string, words: ReadonlyArray<string>) =>
  /^[ \t>]*\d{1,9}[.)]/m.test(markdown) ? words.filter((word) => !/^\d{1,9}$/.test(word)) : words

const differs = (markdown: string): { readonly lost: ReadonlyArray<string>; readonly added: ReadonlyArray<string> } => {
  const shown = withoutNumbers(markdown, wordsOf(shownOf(markdown)))
  const spoken = withoutNumbers(markdown, wordsOf(spokenOf([markdown])))
  const missing = (from: ReadonlyArray<string>, words: ReadonlyArray<string>) => {
    const counts = new Map<string, number>()
    for (const word of from) counts.set(word, (counts.get(word) ?? 0) + 1)
    return words.filter((word) => {
      const count = counts.get(word) ?? 0
      counts.set(word, count - 1)
      return count <= 0
    })
  }
  return { lost: missing(spoken, shown), added: missing(shown, spoken) }
}

describe("stripMarkdown beside a page", () => {
  it("CommonMark's examples", () => {
    const wrong: Array<string> = []
    for (const { markdown, number } of commonMark) {
      const shown = withoutNumbers(markdown, wordsOf(shownOf(markdown))).join(" ")
      const spoken = withoutNumbers(markdown, wordsOf(spokenOf([markdown]))).join(" ")
      if (shown !== spoken) {
        wrong.push(`${number}: ${JSON.stringify(markdown)}\n   shows  ${shown}\n   spoken ${spoken}`)
      }
    }
    console.log(`${commonMark.length - wrong.length} of ${commonMark.length} examples\n${wrong.join("\n")}`)
    assert.isAtMost(wrong.length, commonMark.length - 630)
  })
})

export { differs, fileURLToPath, join, readdirSync, readFileSync, statSync }
