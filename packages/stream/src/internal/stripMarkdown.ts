/**
 * Markdown to the words it shows, as it is written.
 *
 * Lines are read as CommonMark and GitHub read them: the containers around a line (quotations, items of lists) first, then the block that it
 * begins or continues. What stands inside a line goes through micromark, as soon as nothing that follows can change it. What is recognised
 * never depends on how the text arrives.
 *
 * @since 0.1.0
 */
import * as Html from "./markdown/html.js"
import * as Inline from "./markdown/inline.js"
import * as Lines from "./markdown/lines.js"
import type { Rules } from "./markdown/rules.js"

export type { Rules } from "./markdown/rules.js"

// A sign whose partner does not come within this many UTF-16 code units is taken as it is.
const reach = 1000

// So much may the address of a link have.
const targetReach = 64_000

/** Whether most of a text is one address of a link that goes on. */
const isLongTarget = (text: string): boolean => {
  const begin = text.lastIndexOf("](")
  return begin >= 0 && begin < text.length / 2 && !/[\s)]/.test(text.slice(begin + 2))
}

// How deep containers stand in one another. Deeper ones are text.
const maxDepth = 64

// What the start of a line is must show within this many.
const lineReach = 1024

type Container =
  | { readonly _tag: "Quote" }
  | { readonly _tag: "Item"; readonly indent: number; isEmpty: boolean; readonly isMuted: boolean }

type Leaf =
  | { readonly _tag: "None" }
  /** `barred` is the first line from its first bar on, until the next line says whether it is the head of a table. */
  | { readonly _tag: "Paragraph"; lines: number; first: string; barred: string | undefined; start: string | undefined }
  | { readonly _tag: "Fence"; readonly fence: Lines.Fence; readonly indent: number }
  | { readonly _tag: "Indented" }
  | { readonly _tag: "Html"; readonly end: RegExp | undefined; readonly scanner: Html.Scanner }
  | { readonly _tag: "Table" }
  | { readonly _tag: "Formula"; readonly close: string }
  | { readonly _tag: "Reasoning"; readonly close: string }

const none: Leaf = { _tag: "None" }

const special = /[*_~`[!<\\&$|【]|:(?=[a-z]|$)|(?<![\p{L}\p{N}])(?:www\.|https?:\/\/)/iu

// What may become the beginning of an address.
const addressStart = /(?<![\p{L}\p{N}])(?:h|ht|htt|https?|https?:\/?|w{1,3})$/iu

const partners: Readonly<Record<string, string>> = {
  "*": "*",
  "_": "_",
  "~": "~",
  "`": "`",
  "[": "]",
  "!": "]",
  "<": ">",
  "$": "$",
  "【": "】"
}

const titleText = `"(?:[^"\\\\]|\\\\[^])*"|'(?:[^'\\\\]|\\\\[^])*'|\\((?:[^()\\\\]|\\\\[^])*\\)`

const target = String.raw`^ {0,3}\[((?:[^[\]\\]|\\[^])+)\]:[ \t]*\n?[ \t]*(?:<(?:[^<>\n\\]|\\.)*>|[^\s<]\S*)`

const definition = new RegExp(`${target}[ \\t]*(?:\\n|$)`)

const titledDefinition = new RegExp(`${target}(?:[ \\t]+|[ \\t]*\\n[ \\t]*)(?:${titleText})[ \\t]*(?:\\n|$)`)

const openTitle = new RegExp(`${target}(?:[ \\t]+|[ \\t]*\\n[ \\t]*)(?:"[^"]*|'[^']*|\\([^)]*)$`)

const reasoning = /^<(think|thinking|reasoning|thought)>/i

const alert = /^ {0,3}\[!(note|tip|important|warning|caution)\][ \t]*$/i

/** @internal */
export class Stripper {
  private output = ""
  /** Line breaks at the end of what was written; 2 at the start. */
  private breaks = 2
  private containers: Array<Container> = []
  private leaf: Leaf = none
  private readonly defined = new Set<string>()
  /** The line that is not understood yet. */
  private line = ""
  /** Whether the rest of the line is text of the paragraph. */
  private isOpen = false
  private isCarriageReturn = false
  /** What ends the line. */
  private lineEnd = ""

  // The text inside the paragraph that may still change its meaning, the character before it, and how far it was looked at.
  private held = ""
  private before = ""
  private checked = 0
  private due = 0
  private limit = reach

  private readonly rules: Rules

  constructor(rules: Rules) {
    this.rules = rules
  }

  /** Takes text; gives what is known to be said of it. */
  push(text: string): string {
    let from = 0
    for (let at = 0; at < text.length; at++) {
      const character = text[at]
      if (character !== "\n" && character !== "\r") {
        this.isCarriageReturn = false
        continue
      }
      this.add(text.slice(from, at))
      from = at + 1
      if (!(character === "\n" && this.isCarriageReturn)) this.endLine()
      this.isCarriageReturn = character === "\r"
    }
    this.add(text.slice(from))
    return this.take()
  }

  /** Gives everything that is held, as if the text ended here. More text may follow. */
  flush(): string {
    if (!this.isOpen && this.line !== "") this.open(true)
    if (this.leaf._tag === "Paragraph") {
      this.define(this.leaf, true)
      this.release(this.leaf)
      this.settle(true)
    }
    if (this.leaf._tag === "Html") this.write(this.leaf.scanner.end())
    return this.take()
  }

  private take(): string {
    const { output } = this
    this.output = ""
    return output
  }

  // --------------------------------------------------------------------------------------------------------------
  // what is written
  // --------------------------------------------------------------------------------------------------------------

  private write(text: string): void {
    if (text === "" || this.containers.some((container) => container._tag === "Item" && container.isMuted)) return
    this.output += text
    let count = 0
    while (count < text.length && text[text.length - 1 - count] === "\n") count++
    this.breaks = count === text.length ? this.breaks + count : count
  }

  /** Ends the paragraph before what follows. */
  private part(): void {
    while (this.breaks < 2) {
      this.output += "\n"
      this.breaks++
    }
  }

  private say(text: string): void {
    this.write(Inline.read(text, "", this.rules, this.defined).spoken)
  }

  // --------------------------------------------------------------------------------------------------------------
  // lines
  // --------------------------------------------------------------------------------------------------------------

  private add(text: string): void {
    if (text === "") return
    if (this.isOpen) return this.addText(text)
    this.line += text
    this.open(false)
  }

  private endLine(): void {
    this.lineEnd = "\n"
    if (!this.isOpen) this.open(true)
    this.lineEnd = ""
    if (this.isOpen && this.leaf._tag === "Paragraph") this.endTextLine(this.leaf)
    this.line = ""
    this.isOpen = false
  }

  /**
   * Finds out what a line is. Until it is complete, only what no continuation can change is decided.
   */
  private open(isComplete: boolean): void {
    const isWhole = isComplete &&
      (this.line.length <= lineReach || this.leaf._tag !== "None" && this.leaf._tag !== "Paragraph")
    const isBound = this.line.length >= lineReach && (this.leaf._tag === "None" || this.leaf._tag === "Paragraph")
    if (!isWhole && !isBound && !this.isClear()) return
    const { line } = this
    this.line = ""
    this.readLine(line, isWhole)
  }

  /** Whether the first signs of an incomplete line say that it is text, whatever follows. */
  private isClear(): boolean {
    const leaf = this.leaf._tag
    if (leaf !== "None" && leaf !== "Paragraph") return false
    const [, blanks = "", markers = "", rest = ""] =
      /^([ \t]*)((?:(?:>|(?:[-+*]|\d{1,9}[.)])[ \t])[ \t]*)*)(.*)$/s.exec(this.line) ?? []
    // It may be code.
    if (/ {4}|\t/.test(markers) || leaf === "None" && Lines.columns(blanks, 0) >= 4) return false
    // A letter begins nothing else. Signs of emphasis with a letter behind them are no rule, no item and no fence.
    return /^[^\s#>\-*+_=|`~[<\d:$\\]/.test(rest) || /^(?:\*{1,3}|_{1,3}|`{1,2}|~{1,2})[^\s*_`~-]/.test(rest) ||
      /^\d{1,9}[^\d.)]|^\d{10}|^\d{1,9}[.)][^\s]/.test(rest) ||
      /^\[[^\]^!]*\][^:\s]/.test(rest) && !/^\[[ xX]\]/.test(rest) ||
      /^[-+][^\s\-+|:]/.test(rest) || /^#{1,6}[^\s#]|^#{7}/.test(rest) || /^<[^a-zA-Z/!?]/.test(rest) ||
      /^\$[^$]|^\\[^[]/.test(rest) || /^:[^-\s|:]/.test(rest)
  }

  private readLine(line: string, isWhole: boolean): void {
    if (this.leaf._tag === "Reasoning") return this.readReasoning(line)
    let rest = line
    let matched = 0
    for (const container of this.containers) {
      if (container._tag === "Quote") {
        const found = /^ {0,3}>/.exec(rest)?.[0]
        if (found === undefined) break
        rest = this.afterQuote(rest, found.length)
      } else if (Lines.isBlank(rest)) {
        if (container.isEmpty) break
      } else if (Lines.indentOf(rest) >= container.indent) {
        container.isEmpty = false
        rest = Lines.dedent(rest, container.indent)
      } else break
      matched++
    }
    const isInside = matched === this.containers.length
    const blank = Lines.isBlank(rest)

    switch (this.leaf._tag) {
      case "Fence":
        if (isInside) return this.readFenced(this.leaf, rest)
        break
      case "Html":
        if (isInside && !(blank && this.leaf.end === undefined)) return this.readHtml(this.leaf, rest)
        break
      case "Formula":
        if (isInside) return this.readFormula(this.leaf, rest)
        break
      case "Indented":
        if (isInside && (blank || Lines.indentOf(rest) >= 4)) return this.sayCode(Lines.dedent(rest, 4))
        break
    }
    if (this.leaf._tag !== "Paragraph" && this.leaf._tag !== "Table") this.closeLeaf()

    if (blank) {
      this.closeLeaf()
      // Quotations end here, and items that have no text yet.
      if (!isInside) this.containers.length = matched
      this.write((this.containers.every(({ _tag }) => _tag === "Item") ? rest : "") + this.lineEnd)
      return
    }

    const first = rest
    let isNew = false
    const close = () => {
      if (isNew) return
      isNew = true
      this.closeLeaf()
      this.containers.length = matched
    }
    for (;;) {
      const isParagraph = !isNew && this.leaf._tag === "Paragraph"
      if (Lines.indentOf(rest) >= 4) {
        if (isParagraph || !isWhole) break
        close()
        this.leaf = { _tag: "Indented" }
        this.part()
        return this.sayCode(Lines.dedent(rest, 4))
      }
      const isDeep = this.containers.length >= maxDepth
      const quote = isDeep ? undefined : /^ {0,3}>/.exec(rest)?.[0]
      if (quote !== undefined) {
        close()
        rest = this.afterQuote(rest, quote.length)
        this.containers.push({ _tag: "Quote" })
        if (Lines.isBlank(rest)) return this.write(this.lineEnd)
        continue
      }
      if (isWhole) {
        if (isParagraph && isInside && this.leaf._tag === "Paragraph") {
          if (Lines.isUnderline(rest) && !this.isDefinitionOnly(this.leaf)) {
            this.closeLeaf()
            return this.part()
          }
          if (this.beginsTable(this.leaf, rest)) return
        }
        if (Lines.isRule(rest)) {
          close()
          return this.part()
        }
        const heading = /^ {0,3}#{1,6}(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/s.exec(rest)
        if (heading !== null) {
          close()
          this.part()
          this.say((heading[1] ?? "").replace(/^#+$/, "").trim())
          this.write(this.lineEnd)
          return this.lineEnd === "" ? undefined : this.part()
        }
        const fence = Lines.fenceOf(rest)
        if (fence !== undefined) {
          close()
          this.leaf = { _tag: "Fence", fence, indent: Lines.indentOf(rest) }
          return this.part()
        }
        const formula = /^ {0,3}(\$\$(?!.*\$\$)|\\\[[ \t]*$)/s.exec(rest)?.[1]
        if (formula !== undefined) {
          close()
          this.leaf = { _tag: "Formula", close: formula.startsWith("$$") ? "$$" : "\\]" }
          this.part()
          if (this.rules.formulas === "name") this.write("formula\n")
          if (this.rules.formulas === "speak") this.write(rest + this.lineEnd)
          return
        }
        const thinking = this.rules.reasoning === "omit" && this.containers.length === 0
          ? reasoning.exec(rest.trimStart())?.[1]
          : undefined
        if (thinking !== undefined) {
          close()
          this.leaf = { _tag: "Reasoning", close: `</${thinking.toLowerCase()}>` }
          return this.readReasoning(rest)
        }
        const html = Lines.htmlOf(rest, isParagraph)
        if (html !== undefined) {
          close()
          const leaf = {
            _tag: "Html",
            end: html.end,
            scanner: new Html.Scanner(Inline.decodeEntities)
          } as const
          this.leaf = leaf
          return this.readHtml(leaf, rest)
        }
      }
      if (isWhole && Lines.isRule(rest)) break
      const marker = isDeep ? undefined : Lines.markerOf(rest, isParagraph && isInside)
      if (marker !== undefined) {
        close()
        if (marker.number === "") this.part()
        else if (this.breaks === 0 && rest === first) this.write("\n")
        this.containers.push({ _tag: "Item", indent: marker.indent, isEmpty: marker.isEmpty, isMuted: false })
        const inside = Lines.dedent(rest.slice(marker.length), marker.indent - marker.length, marker.length)
        if (marker.number !== "") {
          this.write(rest.endsWith(inside) ? rest.slice(0, rest.length - inside.length) : `${marker.number} `)
        }
        rest = inside
        if (Lines.isBlank(rest)) return this.write((marker.number === "" ? "" : rest) + this.lineEnd)
        const task = /^[ \t]*\[[ xX]\](?=[ \t])[ \t]*/.exec(rest)?.[0] ?? ""
        rest = rest.slice(task.length)
        continue
      }
      const note = /^ {0,3}\[\^[^\]\s]+\]:[ \t]*/.exec(rest)?.[0]
      if (note !== undefined) {
        close()
        this.part()
        const isMuted = this.rules.footnotes === "omit"
        this.containers.push({ _tag: "Item", indent: 4, isEmpty: false, isMuted })
        rest = rest.slice(note.length)
        if (Lines.isBlank(rest)) return
        continue
      }
      break
    }
    this.readText(rest, isNew, isInside, matched, isWhole)
  }

  private afterQuote(text: string, length: number): string {
    return Lines.dedent(text.slice(length), text[length] === " " || text[length] === "\t" ? 1 : 0, length)
  }

  private readText(rest: string, isNew: boolean, isInside: boolean, matched: number, isWhole: boolean): void {
    if (this.leaf._tag === "Table" && !isNew && isInside && isWhole) return this.readRow(rest)
    // A paragraph goes on in lines that lack the signs around it.
    if (isNew || this.leaf._tag !== "Paragraph") {
      this.closeLeaf()
      if (!isNew && !isInside) this.containers.length = matched
      if (isWhole && this.containers.at(-1)?._tag === "Quote") {
        const name = alert.exec(rest)?.[1]
        if (name !== undefined) {
          if (this.rules.alerts === "speak") {
            this.write(`${name[0]?.toUpperCase() ?? ""}${name.slice(1).toLowerCase()}: `)
          }
          return
        }
      }
      this.leaf = {
        _tag: "Paragraph",
        lines: 0,
        first: "",
        barred: undefined,
        start: /^ {0,3}\[(?!\^)/.test(rest) ? "" : undefined
      }
      this.before = ""
    }
    this.isOpen = true
    // No delimiters came: the line before heads no table.
    if (this.leaf._tag === "Paragraph" && this.leaf.lines > 0 && this.leaf.start === undefined) this.release(this.leaf)
    this.addText(rest)
  }

  // --------------------------------------------------------------------------------------------------------------
  // blocks without text
  // --------------------------------------------------------------------------------------------------------------

  private sayCode(line: string): void {
    if (this.rules.code === "speak") this.write(line + this.lineEnd)
  }

  private readFenced({ fence, indent }: Extract<Leaf, { _tag: "Fence" }>, rest: string): void {
    if (!Lines.closesFence(rest, fence)) return this.sayCode(Lines.dedent(rest, Math.min(indent, Lines.indentOf(rest))))
    this.leaf = none
    this.part()
  }

  private readHtml({ end, scanner }: Extract<Leaf, { _tag: "Html" }>, rest: string): void {
    this.write(scanner.push(rest + this.lineEnd))
    if (end?.test(rest) === true) this.closeLeaf()
  }

  private readFormula({ close }: Extract<Leaf, { _tag: "Formula" }>, rest: string): void {
    if (this.rules.formulas === "speak") this.write(rest + this.lineEnd)
    if (!rest.includes(close)) return
    this.leaf = none
    this.part()
  }

  private readReasoning(line: string): void {
    if (this.leaf._tag !== "Reasoning") return
    const end = line.toLowerCase().indexOf(this.leaf.close)
    if (end < 0) return
    const rest = line.slice(end + this.leaf.close.length)
    this.leaf = none
    if (!Lines.isBlank(rest)) this.readLine(rest.trimStart(), true)
  }

  /** Whether a line makes the one before it the head of a table. */
  private beginsTable(leaf: Extract<Leaf, { _tag: "Paragraph" }>, rest: string): boolean {
    if (leaf.lines !== 1 || !Lines.isDelimiters(rest)) return false
    const head = Lines.cellsOf(leaf.first)
    if (head.length !== Lines.cellsOf(rest).length) return false
    if (leaf.barred === undefined && head.length > 1) return false
    const startsWithBar = /^\s*\|/.test(leaf.first)
    this.held = this.held.trimEnd()
    this.settle(true)
    this.held = ""
    if (startsWithBar) {
      this.part()
      this.sayCells(head)
    } else {
      for (const cell of head.slice(1)) {
        if (cell !== "") this.write(", ")
        this.say(cell)
      }
    }
    this.part()
    this.leaf = { _tag: "Table" }
    return true
  }

  private readRow(rest: string): void {
    this.part()
    this.sayCells(Lines.cellsOf(rest))
    this.part()
  }

  private sayCells(cells: ReadonlyArray<string>): void {
    const said = cells.map((cell) => Inline.read(cell, "", this.rules, this.defined).spoken)
    this.write(said.filter((cell) => cell !== "").join(", "))
  }

  private closeLeaf(): void {
    const { leaf } = this
    this.leaf = none
    if (leaf._tag === "Paragraph") {
      if (leaf.start !== undefined) this.define(leaf, true)
      this.release(leaf)
      this.settle(true)
    }
    if (leaf._tag === "Html") this.write(leaf.scanner.end())
    if (leaf._tag !== "None" && leaf._tag !== "Paragraph" && leaf._tag !== "Table") this.part()
  }

  // --------------------------------------------------------------------------------------------------------------
  // paragraphs
  // --------------------------------------------------------------------------------------------------------------

  private addText(text: string): void {
    const { leaf } = this
    if (leaf._tag !== "Paragraph") return
    if (leaf.start !== undefined) {
      leaf.start += text
      // A label, a colon and an address; anything else is text.
      if (leaf.start.length < lineReach && /^ {0,3}\[(?:[^[\]\\]|\\[^]?)*(?:\](?::[^]*)?)?$/.test(leaf.start)) return
      return this.undefine(leaf)
    }
    this.addWords(leaf, text)
  }

  private addWords(leaf: Extract<Leaf, { _tag: "Paragraph" }>, text: string): void {
    if (leaf.lines > 0) {
      this.held += text
    } else {
      const from = leaf.first.length
      if (leaf.first.length < lineReach) leaf.first += text
      if (leaf.barred !== undefined) {
        leaf.barred += text
        if (leaf.barred.length > lineReach) this.release(leaf)
      } else {
        const bar = /(?<!\\)\|/.exec(leaf.first.slice(Math.max(0, from - 1)))
        const at = bar === null ? -1 : Math.max(0, from - 1) + bar.index - from
        if (at < 0) this.held += text
        else {
          this.held += text.slice(0, at)
          leaf.barred = text.slice(at)
        }
      }
    }
    this.settle(false)
  }

  private endTextLine(leaf: Extract<Leaf, { _tag: "Paragraph" }>): void {
    if (leaf.start !== undefined) {
      leaf.start += "\n"
      this.define(leaf, false)
      return
    }
    if (leaf.lines > 0) this.release(leaf)
    leaf.lines++
    if (leaf.barred === undefined) this.held += "\n"
    else leaf.barred += "\n"
    this.settle(false)
  }

  /** Takes definitions off the start; what is none is text. */
  private define(leaf: Extract<Leaf, { _tag: "Paragraph" }>, isEnd: boolean): void {
    while (leaf.start !== undefined) {
      const titled = titledDefinition.exec(leaf.start)
      const found = titled ?? definition.exec(leaf.start)
      if (found === null) {
        // The address may stand in the next line, and the title in several.
        if (!isEnd && openTitle.test(leaf.start)) return
        if (isEnd || !/^ {0,3}\[(?:[^[\]\\]|\\[^])*(?:\]:\s*)?$/.test(leaf.start)) this.undefine(leaf)
        return
      }
      const rest = leaf.start.slice(found[0].length)
      // A title may stand in the next lines.
      if (titled === null && !isEnd && /^[ \t]*(?:$|"[^"]*$|'[^']*$|\([^)]*$)/.test(rest)) return
      this.defined.add(Inline.normalizeIdentifier(found[1] ?? ""))
      leaf.start = rest
      if (rest !== "") continue
      leaf.start = undefined
      if (this.leaf === leaf) this.leaf = none
      return
    }
  }

  private isDefinitionOnly(leaf: Extract<Leaf, { _tag: "Paragraph" }>): boolean {
    return leaf.start !== undefined
  }

  /** What began like a definition is text. */
  private undefine(leaf: Extract<Leaf, { _tag: "Paragraph" }>): void {
    const text = leaf.start ?? ""
    leaf.start = undefined
    const lines = text.split("\n")
    lines.forEach((line, i) => {
      this.addWords(leaf, line)
      if (i < lines.length - 1) this.endTextLine(leaf)
    })
  }

  /** The bars of a line that heads no table are text. */
  private release(leaf: Extract<Leaf, { _tag: "Paragraph" }>): void {
    if (leaf.start !== undefined) this.undefine(leaf)
    if (leaf.barred === undefined) return
    this.held += leaf.barred
    leaf.barred = undefined
    this.settle(false)
  }

  private emit(text: string): void {
    if (text === "") return
    this.write(text)
    this.before = text.at(-1) ?? this.before
  }

  /** Says what is held, up to where it may still change its meaning. */
  private settle(isEnd: boolean): void {
    for (;;) {
      const found = special.exec(this.held)?.index
      const start = isEnd || this.rules.addresses === "full" ? -1 : this.startOfAddress()
      const sign = found === undefined || start >= 0 && start < found ? start : found
      if (sign < 0) {
        // Blanks wait for the next word, which may be the bar of a table.
        const end = isEnd ? this.held.length : this.held.trimEnd().length
        this.emit(this.held.slice(0, end))
        this.held = this.held.slice(end)
        return
      }
      const words = this.held.slice(0, sign).trimEnd().length
      if (words > 0) {
        this.emit(this.held.slice(0, words))
        this.held = this.held.slice(words)
        this.checked = 0
        continue
      }
      if (isEnd) {
        this.commit(this.held.length)
        return
      }
      if (!this.tryBlank()) {
        if (this.held.length <= this.limit) return
        // Pictures may stand in the address itself.
        if (this.limit < targetReach && isLongTarget(this.held.slice(0, this.limit))) {
          this.limit *= 2
          continue
        }
        const blank = this.held.slice(0, this.limit).search(/\s\S*$/)
        this.commit(blank > 0 ? blank : this.limit)
      }
    }
  }

  private startOfAddress(): number {
    const tail = this.held.slice(-9)
    const found = addressStart.exec(this.held.length <= tail.length ? this.before + tail : tail)
    return found === null ? -1 : this.held.length - found[0].length
  }

  /** Looks at what is held up to the next blanks; false if nothing can be said yet. */
  private tryBlank(): boolean {
    const begin = this.held.search(/\S/)
    const partner = partners[this.held[begin] ?? ""]
    for (;;) {
      const isFirst = this.checked === 0
      const from = Math.max(this.checked, begin + 1)
      const next = this.held.slice(from, this.limit + 1).search(/\s/)
      if (next < 0) return false
      const blank = from + next
      this.checked = blank + 1
      const mayClose = isFirst || partner === undefined || this.held.slice(begin + 1, blank).includes(partner)
      if (!mayClose || blank < this.due) continue
      if (Inline.read(this.held.slice(0, blank), this.before, this.rules, this.defined).isSettled) {
        this.commit(blank)
        return true
      }
      // Each look costs as much as it sees: so there are few.
      if (blank > 60) this.due = Math.ceil(blank * 1.3)
    }
  }

  private commit(length: number): void {
    const text = this.held.slice(0, length)
    this.write(Inline.read(text, this.before, this.rules, this.defined).spoken)
    this.before = text.at(-1) ?? this.before
    this.held = this.held.slice(length)
    this.checked = 0
    this.due = 0
    this.limit = reach
  }
}
