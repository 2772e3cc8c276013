import type { Block, Chapter } from "../Book.js"

const values: Record<string, number> = { I: 1, V: 5, X: 10, L: 50, C: 100, D: 500, M: 1000 }

const roman = /^(?=[IVXLCDM])M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})$/

const fromRoman = (numeral: string): number =>
  Array.from(numeral, (letter) => values[letter] ?? 0)
    .reduce((sum, value, i, all) => sum + (value < (all[i + 1] ?? 0) ? -value : value), 0)

const counted =
  /^((?:chapter|part|book|act|scene|canto|volume|kapitel|teil|chapitre|partie|cap[ií]tulo|parte|kapitola)\s+)?([IVXLCDM]+)(?=$|[.:–—]|\s[–—-]\s)/iu

/**
 * A heading as it is said: "IV" alone, before a full stop, or after a word such as "Chapter" is the number 4. In running text letters stay letters.
 *
 * @internal
 */
export const heading = (text: string): string =>
  text.replace(
    counted,
    (all, word: string | undefined, numeral: string) => roman.test(numeral) ? `${word ?? ""}${fromRoman(numeral)}` : all
  )

/** @internal */
export const squeeze = (text: string): string => text.replace(/[\s\u00a0]+/g, " ").trim()

/**
 * Text as it is said: addresses of the web are one word.
 *
 * @internal
 */
export const prose = (text: string): string =>
  squeeze(text).replace(/\b(?:https?:\/\/|www\.)[^\s<>"“”]*[^\s<>"“”.,;:!?)\]]/g, "link")

/** Collects blocks into chapters. */
export interface Chapters {
  readonly begin: (title: string) => void
  readonly add: (block: Block) => void
  readonly finish: () => ReadonlyArray<Chapter>
}

/** @internal */
export const chapters = (untitled: string): Chapters => {
  const all: Array<{ title: string; blocks: Array<Block> }> = []
  return {
    begin: (title) => void all.push({ title: squeeze(title) || untitled, blocks: [] }),
    add: (block) => {
      if (block.kind !== "break" && block.text === "") return
      const last = all.at(-1)
      if (last === undefined) all.push({ title: untitled, blocks: [block] })
      else last.blocks.push(block)
    },
    finish: () => all.filter(({ blocks }) => blocks.some(({ kind }) => kind !== "break"))
  }
}
