/**
 * Markdown to the words it shows, as it is written. Every construct is recognised within a bounded reach, so that
 * text is held back for a bounded length at most, and what is recognised never depends on how the text arrives.
 *
 * @since 0.1.0
 */

/** @internal */
export interface Rules {
  readonly speakCode: boolean
}

/** @internal */
export interface State {
  /** Text whose meaning is not known yet. */
  readonly held: string
  /** The character before `held`. */
  readonly before: string
  readonly lineStart: boolean
  /** The fence of the code block that is open. */
  readonly fence: string | undefined
  readonly comment: boolean
  readonly heading: boolean
  /** Line breaks at the end of what was written; 2 at the start. */
  readonly breaks: number
}

/** @internal */
export const initial: State = {
  held: "",
  before: "\n",
  lineStart: true,
  fence: undefined,
  comment: false,
  heading: false,
  breaks: 2
}

/** The most UTF-16 code units between the two ends of an emphasis, a code span, a tag or the text of a link. */
const spanReach = 300
/** The most UTF-16 code units in the address of a link, and in a row of a table. */
const longReach = 1024
/** The most UTF-16 code units in a line that is only a rule or the opening of a code block. */
const ruleReach = 128
/** How deep constructs may stand within one another. */
const maxDepth = 8

const wait = "wait"

interface Found {
  readonly end: number
  readonly output: string
}

type Result = Found | typeof wait | undefined

const spanSigns = "*_~`[!<\\&"
const special = /[\n*_~`[!<\\&#]/g

const tagNames = new Set(
  ("a abbr address article aside b bdi bdo big blockquote br button caption center cite code col colgroup dd del details dfn dialog div dl dt em " +
    "figcaption figure font footer form h1 h2 h3 h4 h5 h6 header hr i iframe img input ins kbd label li main mark nav ol p picture pre q s " +
    "samp script section small source span strike strong style sub summary sup table tbody td tfoot th thead time tr tt u ul var video wbr")
    .split(" ")
)

const blockTags = new Set("br p div li tr h1 h2 h3 h4 h5 h6 hr table ul ol blockquote pre section article".split(" "))

const entities: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": "\"",
  "&apos;": "'",
  "&#39;": "'",
  "&nbsp;": "\u00a0",
  "&mdash;": "\u2014",
  "&ndash;": "\u2013",
  "&hellip;": "\u2026"
}

const isBlank = (character: string): boolean => character === "" || /^\s$/u.test(character)

/** Letters and digits of scripts that put spaces between words: an asterisk among them is a sign, not an emphasis. */
const isWord = (character: string): boolean =>
  /^[\p{L}\p{N}]$/u.test(character) &&
  !/^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]$/u
    .test(character)

const runLength = (text: string, from: number): number => {
  let to = from + 1
  while (to < text.length && text[to] === text[from]) {
    to++
  }
  return to - from
}

/** Whether a blank line starts at the line break at `position`. */
const isParagraphEnd = (text: string, position: number): boolean =>
  /^\n[ \t]*\n/.test(text.slice(position, position + 64))

/** Reads the construct that starts at `from`; `undefined` if there is none. `complete` says that no text follows. */
const readSpan = (text: string, from: number, before: string, complete: boolean, depth: number): Result => {
  switch (text[from]) {
    case "\\":
      return readEscape(text, from, complete)
    case "&":
      return readEntity(text, from, complete)
    case "`":
      return readCode(text, from, complete)
    case "<":
      return readTag(text, from, complete)
    case "[":
      return readLink(text, from, complete, depth)
    case "!": {
      if (from + 1 >= text.length && !complete) {
        return wait
      }
      return text[from + 1] === "[" ? readLink(text, from + 1, complete, depth) : undefined
    }
    default:
      return readEmphasis(text, from, before, complete, depth)
  }
}

const readEscape = (text: string, from: number, complete: boolean): Result => {
  const next = text[from + 1]
  if (next === undefined) {
    return complete ? undefined : wait
  }
  if (next === "\n") {
    return { end: from + 1, output: "" }
  }
  return /[!-/:-@[-`{-~]/.test(next) ? { end: from + 2, output: next } : undefined
}

const readEntity = (text: string, from: number, complete: boolean): Result => {
  const end = text.indexOf(";", from)
  if (end >= 0 && end - from < 9) {
    const name = text.slice(from, end + 1)
    const output = Object.hasOwn(entities, name) ? entities[name] : undefined
    return output === undefined ? undefined : { end: end + 1, output }
  }
  return !complete && text.length - from < 9 && /^&[#\w]*$/.test(text.slice(from)) ? wait : undefined
}

const readCode = (text: string, from: number, complete: boolean): Result => {
  const length = runLength(text, from)
  const limit = Math.min(text.length, from + spanReach)
  if (from + length >= text.length && !complete) {
    return wait
  }
  for (let at = from + length; at < limit; at++) {
    if (text[at] === "\n" && isParagraphEnd(text, at)) {
      return undefined
    }
    if (text[at] === "`") {
      const closing = runLength(text, at)
      if (at + closing >= text.length && !complete) {
        return wait
      }
      if (closing === length) {
        const code = text.slice(from + length, at)
        return { end: at + closing, output: /^ .*\S.* $/s.test(code) ? code.slice(1, -1) : code }
      }
      at += closing - 1
    }
  }
  return !complete && text.length < from + spanReach ? wait : undefined
}

const readTag = (text: string, from: number, complete: boolean): Result => {
  const limit = Math.min(text.length, from + spanReach)
  let end = from + 1
  while (end < limit && text[end] !== ">" && text[end] !== "<" && text[end] !== "\n") {
    end++
  }
  const inside = text.slice(from + 1, end)
  if (text[end] !== ">" || end >= limit) {
    const open = end >= text.length && text.length < from + spanReach && !complete
    return open && /^(\/?[a-zA-Z][^<>]*|\/|!-{0,2}|)$/.test(inside) && couldBeTag(inside) ? wait : undefined
  }
  if (/^([a-zA-Z][a-zA-Z0-9+.-]{1,31}:[^\s<>]*|[\w.+-]+@[\w-]+(\.[\w-]+)+)$/.test(inside)) {
    return { end: end + 1, output: inside }
  }
  const name = /^\/?([a-zA-Z][a-zA-Z0-9]*)(?=[\s/]|$)/.exec(inside)?.[1]?.toLowerCase()
  if (name === undefined || !tagNames.has(name)) {
    return undefined
  }
  return { end: end + 1, output: blockTags.has(name) ? "\n" : "" }
}

/** Whether the beginning of something in angle brackets may still become a tag or an address. */
const couldBeTag = (inside: string): boolean => {
  const name = /^\/?([a-zA-Z][a-zA-Z0-9]*)/.exec(inside)?.[1]?.toLowerCase()
  if (name === undefined || inside.endsWith(name)) {
    return true
  }
  return tagNames.has(name) || /^[\w.+-]+[@:]?[^\s]*$/.test(inside)
}

/** The end of the bracket that opens at `from`, behind its closing sign. */
const bracketEnd = (text: string, from: number, reach: number, complete: boolean): number | typeof wait | undefined => {
  const open = text[from]
  const close = open === "[" ? "]" : ")"
  const limit = Math.min(text.length, from + reach)
  let level = 0
  for (let at = from; at < limit; at++) {
    const character = text[at]
    if (character === "\\") {
      at++
    } else if (character === open) {
      level++
    } else if (character === close) {
      level--
      if (level === 0) {
        return at + 1
      }
    } else if (character === "\n" && (open === "(" || isParagraphEnd(text, at))) {
      return undefined
    }
  }
  return !complete && text.length < from + reach ? wait : undefined
}

const readLink = (text: string, from: number, complete: boolean, depth: number): Result => {
  const textEnd = bracketEnd(text, from, spanReach, complete)
  if (textEnd === wait || textEnd === undefined) {
    return textEnd
  }
  const inside = text.slice(from + 1, textEnd - 1)
  if (/^\^[^\s\]]+$/.test(inside)) {
    return { end: textEnd, output: "" }
  }
  const next = text[textEnd]
  if (next === undefined) {
    return complete ? undefined : wait
  }
  if (next !== "(" && next !== "[") {
    return undefined
  }
  const end = bracketEnd(text, textEnd, next === "(" ? longReach : spanReach, complete)
  if (end === wait || end === undefined) {
    return end
  }
  return { end, output: readWhole(inside, depth + 1) }
}

const readEmphasis = (text: string, from: number, before: string, complete: boolean, depth: number): Result => {
  const mark = text[from]
  const length = runLength(text, from)
  const after = text[from + length]
  if (after === undefined && !complete) {
    return wait
  }
  if (mark === "~" ? length !== 2 : length > 3) {
    return undefined
  }
  if (isBlank(after ?? "") || isWord(before) || mark === before) {
    return undefined
  }
  const limit = Math.min(text.length, from + spanReach)
  for (let at = from + length; at < limit; at++) {
    const character = text[at]
    if (character === "\\") {
      at++
    } else if (character === "\n" && isParagraphEnd(text, at)) {
      return undefined
    } else if (character === "`") {
      const code = readCode(text, at, complete)
      if (code === wait) {
        return wait
      }
      at = code === undefined ? at + runLength(text, at) - 1 : code.end - 1
    } else if (character === mark) {
      const closing = runLength(text, at)
      const next = text[at + closing]
      if (next === undefined && !complete) {
        return wait
      }
      const closes = closing === length || closing === 3 && length < 3
      const free = !isWord(next ?? "") ||
        mark === "*" && length === 2 && /^\p{L}$/u.test(next ?? "") && !/^\p{N}$/u.test(text[at - 1] ?? "")
      if (closes && !isBlank(text[at - 1] ?? "") && free) {
        // The outermost signs of a longer run belong to what stands around.
        const end = at + closing
        const content = text.slice(from + length, end - length)
        // "*_*" is a face.
        return /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(content)
          ? { end, output: readWhole(content, depth + 1) }
          : undefined
      }
      at += closing - 1
    }
  }
  return !complete && text.length < from + spanReach ? wait : undefined
}

/** Reads text that is complete and within one construct. */
const readWhole = (text: string, depth: number): string => {
  if (depth > maxDepth) {
    return text
  }
  let output = ""
  let at = 0
  while (at < text.length) {
    const found = spanSigns.includes(text[at] ?? "") ? readSpan(text, at, text[at - 1] ?? "", true, depth) : undefined
    if (found === undefined || found === wait) {
      const length = "*_~`".includes(text[at] ?? "") ? runLength(text, at) : 1
      output += text.slice(at, at + length)
      at += length
    } else {
      output += found.output
      at = found.end
    }
  }
  return output
}

class Stripper {
  private output = ""
  private at = 0
  private before: string
  private lineStart: boolean
  private fence: string | undefined
  private comment: boolean
  private heading: boolean
  private breaks: number
  private readonly rules: Rules
  private readonly text: string
  private readonly complete: boolean

  constructor(rules: Rules, state: State, text: string, complete: boolean) {
    this.rules = rules
    this.text = state.held + text
    this.complete = complete
    this.before = state.before
    this.lineStart = state.lineStart
    this.fence = state.fence
    this.comment = state.comment
    this.heading = state.heading
    this.breaks = state.breaks
  }

  result(): readonly [State, string] {
    const state: State = {
      held: this.text.slice(this.at),
      before: this.before,
      lineStart: this.lineStart,
      fence: this.fence,
      comment: this.comment,
      heading: this.heading,
      breaks: this.breaks
    }
    return [state, this.output]
  }

  run(): this {
    while (this.at < this.text.length && this.step()) {
      // Each step moves on or says that more text is needed.
    }
    return this
  }

  private step(): boolean {
    if (this.comment) {
      return this.readComment()
    }
    if (this.fence !== undefined) {
      return this.readFenced(this.fence)
    }
    if (this.lineStart) {
      return this.readLineStart()
    }
    return this.readInline()
  }

  private write(text: string): void {
    if (text === "") {
      return
    }
    this.output += text
    let count = 0
    while (count < text.length && text[text.length - 1 - count] === "\n") {
      count++
    }
    this.breaks = count === text.length ? this.breaks + count : count
  }

  /** Ends the paragraph before what follows. */
  private part(): void {
    while (this.breaks < 2) {
      this.write("\n")
    }
  }

  private advance(to: number): void {
    if (to > this.at) {
      this.before = this.text[to - 1] ?? ""
      this.at = to
    }
  }

  private readComment(): boolean {
    const end = this.text.indexOf("-->", this.at)
    this.comment = end < 0
    // The end of a comment may itself be cut.
    this.advance(end < 0 ? Math.max(this.at, this.complete ? this.text.length : this.text.length - 2) : end + 3)
    return end >= 0
  }

  private readFenced(fence: string): boolean {
    const newline = this.text.indexOf("\n", this.at)
    const end = newline < 0 ? this.text.length : newline
    if (this.lineStart) {
      const line = this.text.slice(this.at, Math.min(end, this.at + ruleReach))
      const indent = /^ {0,3}/.exec(line)?.[0].length ?? 0
      const run = line.slice(indent).startsWith(fence.charAt(0)) ? runLength(line, indent) : 0
      const closes = run >= fence.length && line.slice(indent + run).trim() === ""
      const open = newline < 0 && !this.complete && line.length < ruleReach
      if (open && (closes || line.trim() === "" || run > 0 && line.length === indent + run)) {
        return false
      }
      if (closes && (newline >= 0 || this.complete)) {
        this.fence = undefined
        this.advance(newline < 0 ? end : newline + 1)
        this.part()
        return true
      }
    }
    const to = newline < 0 ? end : newline + 1
    if (this.rules.speakCode) {
      this.write(this.text.slice(this.at, to))
    }
    this.lineStart = newline >= 0
    this.advance(to)
    return true
  }

  /** Recognises what may only stand at the start of a line; false if more text is needed. */
  private readLineStart(): boolean {
    const { complete, text } = this
    let indent = this.at
    while (indent < text.length && (text[indent] === " " || text[indent] === "\t")) {
      indent++
    }
    if (indent >= text.length) {
      if (!complete && indent - this.at < ruleReach) {
        return false
      }
      this.lineStart = false
      return true
    }
    const first = text[indent] ?? ""
    if (!"#>-*+_=|`~[<0123456789".includes(first)) {
      this.lineStart = false
      return true
    }
    const newline = text.indexOf("\n", indent)
    const lineEnd = newline < 0 ? text.length : newline
    const line = text.slice(indent, Math.min(lineEnd, indent + longReach))
    // Whether the line may still grow within what this construct looks at.
    const isOpen = (reach: number): boolean => newline < 0 && !complete && line.length < reach

    if ("-*_=".includes(first)) {
      const isRule = line.length <= ruleReach && new RegExp(`^(\\${first}[ \\t]*)+$`).test(line)
      if (isRule && isOpen(ruleReach)) {
        return false
      }
      if (isRule && (line.match(/\S/g) ?? []).length >= 3) {
        this.advance(newline < 0 ? lineEnd : newline + 1)
        this.part()
        return true
      }
    }
    if (first === ">") {
      if (line.length < 2 && isOpen(2)) {
        return false
      }
      this.advance(line[1] === " " ? indent + 2 : indent + 1)
      return true
    }
    if (first === "#") {
      const level = runLength(line, 0)
      if (isOpen(level + 1)) {
        return false
      }
      if (level <= 6 && (line.length === level || line[level] === " " || line[level] === "\t")) {
        this.part()
        this.heading = true
        this.advance(Math.min(indent + level + 1, lineEnd))
        this.lineStart = false
        return true
      }
    }
    if (first === "`" || first === "~") {
      const length = runLength(line, 0)
      const info = line.slice(length)
      if (isOpen(ruleReach) && (first === "~" || !info.includes("`"))) {
        if (length >= 3 || info === "") {
          return false
        }
      }
      if (
        length >= 3 && line.length < ruleReach && (first === "~" || !info.includes("`")) && (newline >= 0 || complete)
      ) {
        this.fence = first.repeat(length)
        this.part()
        this.advance(newline < 0 ? lineEnd : newline + 1)
        return true
      }
    }
    if (first === "|") {
      const row = this.readRow(indent, line, newline, isOpen(longReach))
      if (row !== undefined) {
        return row
      }
    }
    if (first === "[") {
      if (isOpen(spanReach) && /^\[[^\]]*(\](:\s*(\S*|\S+\s+(["'(].*)?))?)?$/.test(line)) {
        return false
      }
      const note = /^\[\^[^\]\s]+\]:[ \t]*/.exec(line)
      if (note !== null) {
        this.part()
        this.advance(indent + note[0].length)
        this.lineStart = false
        return true
      }
      // A definition has an address; "[Alice]: hello" is talk.
      if (
        !isOpen(spanReach) && line.length < spanReach &&
        /^\[[^\]]+\]:\s+<?[^\s]*[./:#][^\s]*>?(\s+["'(].*["')])?\s*$/.test(line)
      ) {
        this.advance(newline < 0 ? lineEnd : newline + 1)
        return true
      }
    }
    if (first === "-" || first === "*" || first === "+") {
      if (line.length < 2 && isOpen(2)) {
        return false
      }
      if (line[1] === " " || line[1] === "\t") {
        const task = /^.[ \t]+(\[[ xX]\][ \t]+)?/.exec(line)?.[0] ?? ""
        if (isOpen(12) && /^.[ \t]+(\[([ xX](\][ \t]*)?)?)?$/.test(line)) {
          return false
        }
        this.part()
        this.advance(indent + task.length)
        this.lineStart = false
        return true
      }
    }
    this.lineStart = false
    return true
  }

  /** A row of a table; `undefined` if the line is none. */
  private readRow(indent: number, line: string, newline: number, open: boolean): boolean | undefined {
    if (open) {
      return false
    }
    const row = line.trimEnd()
    if (row.length < 3 || !row.endsWith("|") || row.endsWith("\\|")) {
      return undefined
    }
    this.advance(newline < 0 ? indent + line.length : newline + 1)
    if (/^[|:\s-]+$/.test(row)) {
      return true
    }
    const cells = row.slice(1, -1).split(/(?<!\\)\|/).map((cell) => readWhole(cell.trim(), 1)).filter((cell) =>
      cell !== ""
    )
    this.part()
    this.write(cells.join(", "))
    this.part()
    return true
  }

  private readInline(): boolean {
    const { complete, text } = this
    special.lastIndex = this.at
    const match = special.exec(text)
    const at = match === null ? text.length : match.index
    special.lastIndex = 0
    this.write(text.slice(this.at, at))
    this.advance(at)
    if (match === null) {
      return true
    }
    const mark = text[at] ?? ""
    if (mark === "\n") {
      this.write("\n")
      if (this.heading) {
        this.part()
        this.heading = false
      }
      this.advance(at + 1)
      this.lineStart = true
      return true
    }
    if (mark === "#") {
      return this.readHash(at)
    }
    if (mark === "<" && text.startsWith("<!--", at)) {
      this.comment = true
      this.advance(at + 4)
      return true
    }
    const found = readSpan(text, at, this.before, complete, 0)
    if (found === wait) {
      return false
    }
    if (found === undefined) {
      const length = "*_~`".includes(mark) ? runLength(text, at) : 1
      this.write(text.slice(at, at + length))
      this.advance(at + length)
    } else {
      this.write(found.output)
      this.advance(found.end)
    }
    return true
  }

  /** The signs that may close a heading: "## Title ##". */
  private readHash(at: number): boolean {
    const { complete, text } = this
    const length = this.heading && isBlank(this.before) ? runLength(text, at) : 0
    let to = at + length
    while (length > 0 && (text[to] === " " || text[to] === "\t")) {
      to++
    }
    if (length > 0 && to >= text.length && !complete && to - at < ruleReach) {
      return false
    }
    if (length > 0 && (to >= text.length || text[to] === "\n")) {
      this.advance(to)
    } else {
      this.write("#".repeat(Math.max(1, length)))
      this.advance(at + Math.max(1, length))
    }
    return true
  }
}

/** @internal */
export const push = (rules: Rules, state: State, text: string): readonly [State, string] =>
  new Stripper(rules, state, text, false).run().result()

/** @internal */
export const flush = (rules: Rules, state: State): readonly [State, string] =>
  new Stripper(rules, state, "", true).run().result()
