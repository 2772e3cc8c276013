import type { Book } from "../Book.js"
import * as Prose from "./prose.js"

const chapterHeading =
  /^(?:chapter|part|book|prologue|epilogue|kapitel|teil|chapitre|cap[ií]tulo|kapitola)(?:\s+(?:[ivxlcdm]+|\d+|\p{L}+))?(?:\s*[.:–—-].{0,80})?\.?$/iu

const sceneBreak = /^[\s*#~_=–—-]{1,20}$/

/** @internal */
export const readText = (text: string, name: string): Book => {
  const paragraphs = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n").split(/\n[^\S\n]*\n\s*/)
  const chapters = Prose.chapters(name)
  for (const paragraph of paragraphs) {
    const line = Prose.squeeze(paragraph)
    if (line === "") continue
    if (!line.includes("  ") && line.length <= 100 && !paragraph.trim().includes("\n") && chapterHeading.test(line)) {
      chapters.begin(line)
      chapters.add({ kind: "heading", text: Prose.heading(line) })
    } else if (sceneBreak.test(line)) {
      chapters.add({ kind: "break", text: "" })
    } else {
      // A word that is divided at the end of a line is one word.
      chapters.add({ kind: "paragraph", text: Prose.prose(paragraph.replace(/(\p{Ll})-\n\s*(?=\p{Ll})/gu, "$1")) })
    }
  }
  return { title: name, chapters: chapters.finish() }
}
