/**
 * How the start of a line begins a block. Each of these sees a line without the signs of the containers around it.
 *
 * @internal
 */
export const isBlank = (text: string): boolean => /^[ \t]*$/.test(text)

/** @internal */
export const isRule = (text: string): boolean => /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/.test(text)

/** @internal */
export const isUnderline = (text: string): boolean => /^ {0,3}(?:=+|-+)[ \t]*$/.test(text)

/** @internal */
export interface Fence {
  readonly sign: string
  readonly length: number
}

/** @internal */
export const fenceOf = (text: string): Fence | undefined => {
  const [, run = "", info = ""] = /^ {0,3}(`{3,}|~{3,})(.*)$/s.exec(text) ?? []
  const sign = run.charAt(0)
  return run === "" || sign === "`" && info.includes("`") ? undefined : { sign, length: run.length }
}

/** @internal */
export const closesFence = (text: string, { length, sign }: Fence): boolean => {
  const [, run = ""] = /^ {0,3}(`+|~+)[ \t]*$/.exec(text) ?? []
  return run.startsWith(sign) && run.length >= length
}

const blockTags =
  "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|" +
  "figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|" +
  "option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul"

const attribute = "(?:\\s+[a-zA-Z_:][\\w:.-]*(?:\\s*=\\s*(?:[^\\s\"'=<>`]+|'[^']*'|\"[^\"]*\"))?)"

const htmlStarts: ReadonlyArray<readonly [start: RegExp, end: RegExp | undefined]> = [
  [/^<(?:script|pre|style|textarea)(?:\s|>|$)/i, /<\/(?:script|pre|style|textarea)>/i],
  [/^<!--/, /-->/],
  [/^<\?/, /\?>/],
  [/^<![a-zA-Z]/, />/],
  [/^<!\[CDATA\[/, /\]\]>/],
  [new RegExp(`^</?(?:${blockTags})(?:\\s|/?>|$)`, "i"), undefined],
  [new RegExp(`^(?:<[a-zA-Z][\\w-]*${attribute}*\\s*/?>|</[a-zA-Z][\\w-]*\\s*>)[ \\t]*$`), undefined]
]

/** @internal */
export interface HtmlStart {
  /** What ends the block, in the line that has it; a blank line if there is nothing. */
  readonly end: RegExp | undefined
}

/** @internal */
export const htmlOf = (text: string, isInParagraph: boolean): HtmlStart | undefined => {
  const trimmed = text.replace(/^ {0,3}/, "")
  const found = trimmed.startsWith("<")
    ? htmlStarts.slice(0, isInParagraph ? 6 : 7).find(([start]) => start.test(trimmed))
    : undefined
  return found === undefined ? undefined : { end: found[1] }
}

/** @internal */
export interface Marker {
  /** The number with its sign, if the list has numbers. */
  readonly number: string
  readonly length: number
  /** Columns from the start of the line to the item's text. */
  readonly indent: number
  readonly isEmpty: boolean
}

/** @internal */
export const markerOf = (text: string, isInParagraph: boolean): Marker | undefined => {
  const [all, before = "", sign = "", blanks = "", rest = ""] =
    /^( {0,3})([-+*]|\d{1,9}[.)])(?:([ \t]+)(.*)|$)/s.exec(text) ?? []
  if (all === undefined) return undefined
  const isEmpty = rest === ""
  const number = /\d/.test(sign) ? sign : ""
  if (isInParagraph && (isEmpty || number !== "" && !/^0{0,8}1[.)]$/.test(number))) return undefined
  const begin = before.length + sign.length
  const width = columns(blanks, begin)
  const space = isEmpty || width > 4 ? 1 : width
  return { number, length: begin, indent: begin + space, isEmpty }
}

/** How many columns blanks take, from a column on. */
export const columns = (blanks: string, from: number): number => {
  let column = from
  for (const blank of blanks) column += blank === "\t" ? 4 - column % 4 : 1
  return column - from
}

/** Takes so many columns of blanks off the start; a tab that is cut becomes spaces. */
export const dedent = (text: string, count: number, from = 0): string => {
  let column = from
  let at = 0
  while (column < from + count && (text[at] === " " || text[at] === "\t")) {
    column += text[at] === "\t" ? 4 - column % 4 : 1
    at++
  }
  return " ".repeat(Math.max(0, column - from - count)) + text.slice(at)
}

/** @internal */
export const indentOf = (text: string): number => columns(/^[ \t]*/.exec(text)?.[0] ?? "", 0)

/** Splits a row of a table into its cells. */
export const cellsOf = (row: string): Array<string> => {
  const trimmed = row.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "")
  return trimmed.split(/(?<!\\)\|/).map((cell) => cell.replace(/\\\|/g, "|").trim())
}

/** @internal */
export const isDelimiters = (row: string): boolean => {
  const trimmed = row.trim()
  return /[|:]/.test(trimmed) && /^\|?(?:[ \t]*:?-+:?[ \t]*\|)*[ \t]*:?-+:?[ \t]*\|?$/.test(trimmed)
}
