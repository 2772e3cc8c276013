import { decodeNamedCharacterReference } from "decode-named-character-reference"
import { parse, preprocess } from "micromark"
import { gfmStrikethrough } from "micromark-extension-gfm-strikethrough"
import { decodeNumericCharacterReference } from "micromark-util-decode-numeric-character-reference"
import { normalizeIdentifier } from "micromark-util-normalize-identifier"
import type { Event, Token, TokenizeContext } from "micromark-util-types"
import { formula } from "./formula.js"
import * as Html from "./html.js"
import type { Rules } from "./rules.js"

// Code indented and other blocks are read elsewhere; what stays is what may stand inside a line.
const parser = /*#__PURE__*/ parse({ extensions: [/*#__PURE__*/ gfmStrikethrough(), formula] })

/**
 * The characters of an entity, such as `&deg;`, or the entity as it is written.
 *
 * @internal
 */
export const decodeEntities = (text: string): string =>
  text.replace(
    /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|([a-z][a-z0-9]{1,31}));/gi,
    (all, hex, decimal, name) =>
      typeof hex === "string"
        ? decodeNumericCharacterReference(hex, 16)
        : typeof decimal === "string"
        ? decodeNumericCharacterReference(decimal, 10)
        : decodeNamedCharacterReference(String(name)) || all
  )

/**
 * What is said of a text inside a block.
 *
 * @internal
 */
export interface Reading {
  readonly spoken: string
  /** Whether nothing in it can still be changed by what follows a blank. */
  readonly isSettled: boolean
}

const hostOf = (address: string): string =>
  address.replace(/^(?:[a-z][a-z0-9+.-]*:)?\/\//i, "").replace(/^[^/@]*@/, "").replace(/[/?#:].*$/s, "").replace(
    /^www\./i,
    ""
  )

const sayAddress = (address: string, { addresses }: Rules): string =>
  addresses === "full" ? address : addresses === "link" ? "link" : hostOf(address) || address

const withoutEnd = /[?!.,:*_~'")\]]+$/

/** Plain words between the constructs: addresses, citation marks and names of emoji stand there. */
const sayPlain = (text: string, rules: Rules): string => {
  let spoken = text
  if (rules.addresses !== "full" && /:\/\/|www\./i.test(spoken)) {
    spoken = spoken.replace(/(?<![\p{L}\p{N}])(?:https?:\/\/|www\.)[^\s<>]+/giu, (found) => {
      const end = withoutEnd.exec(found)?.[0] ?? ""
      return sayAddress(found.slice(0, found.length - end.length), rules) + end
    })
  }
  if (rules.citations === "omit" && /[【[]/.test(spoken)) {
    spoken = spoken.replace(/\s*【\d+(?::\d+)?†[^】]*】/gu, "")
      .replace(
        /[ \t]+\[\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\](?!\p{L})|(?<=^|[.,;:!?)"'”’\]])\[\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\]/gu,
        ""
      )
    // a[0] is code.
    spoken = spoken.replace(/(?<=\p{L}{4})\[[1-9]\d{0,2}\](?=[\s.,;:!?)]|$)/gu, "")
  }
  if (spoken.includes("[^")) spoken = spoken.replace(/\[\^[^\]\s]+\]/g, "")
  if (spoken.includes(":")) {
    spoken = spoken.replace(
      /(?<![\p{L}\p{N}:]):([a-z][a-z0-9_+-]+):(?![\p{L}\p{N}:])/gu,
      (_, name) => rules.emojiNames === "speak" ? String(name).replace(/[_-]+/g, " ") : ""
    )
  }
  return spoken
}

const hasWords = /[\p{L}\p{N}\p{Extended_Pictographic}]/u

const isDigit = (character: string | undefined): boolean => character !== undefined && /\d/.test(character)

/** Whether signs in a row that found no partner may still find one. */
const isOpen = (token: Token, text: string): boolean =>
  token._open === true ||
  text.includes("`") ||
  /<[a-zA-Z/!?]|【[^】]*$/.test(text) ||
  /^!?\[$/.test(text) && token._balanced !== true && token._inactive !== true

// A number before a blank is a price.
const openFormula = /(?<!\\)\$(?![\s$]|[\d.,]+(?:\s|$))|\\[([]/

class Compiler {
  private readonly parts: Array<string> = []
  private plain = ""
  private readonly starts: Array<number> = []
  isSettled = true

  private readonly context: TokenizeContext
  private readonly source: string
  private readonly rules: Rules

  constructor(context: TokenizeContext, source: string, rules: Rules) {
    this.context = context
    this.source = source
    this.rules = rules
  }

  private say(text: string): void {
    this.endPlain()
    this.parts.push(text)
  }

  private endPlain(): void {
    if (this.plain !== "") this.parts.push(sayPlain(this.plain, this.rules))
    this.plain = ""
  }

  read(events: ReadonlyArray<Event>): string {
    let skipped = 0
    for (const [kind, token] of events) {
      if (skipped > 0) {
        if (kind === "exit" && this.isSkipped(token)) skipped--
        else if (kind === "enter" && this.isSkipped(token)) skipped++
        continue
      }
      if (kind === "enter" && this.isSkipped(token)) {
        skipped = 1
        this.skip(token)
      } else if (kind === "enter") this.enter(token)
      else this.exit(token)
    }
    this.endPlain()
    return this.parts.join("")
  }

  private isSkipped({ type }: Token): boolean {
    return type === "resource" || type === "reference" || type === "formula" || type === "htmlText" ||
      type === "image" && this.rules.images === "omit"
  }

  private skip(token: Token): void {
    if (token.type === "htmlText") {
      const tag = this.slice(token)
      return this.say(Html.ofTag(tag) ?? tag)
    }
    if (token.type !== "formula") return
    const { formulas } = this.rules
    this.say(formulas === "name" ? "formula" : formulas === "omit" ? "" : this.slice(token))
  }

  private slice(token: Token): string {
    return this.context.sliceSerialize(token)
  }

  private enter(token: Token): void {
    switch (token.type) {
      case "data": {
        const text = this.slice(token)
        if (isOpen(token, text)) this.isSettled = false
        this.plain += text
        return
      }
      case "codeTextData":
      case "hardBreakTrailing":
      case "linePrefix":
      case "lineSuffix":
        return this.say(this.slice(token))
      case "lineEnding":
        return this.say("\n")
      case "characterEscapeValue":
        return this.say(this.slice(token))
      case "characterReference":
        return this.say(decodeEntities(this.slice(token)))
      case "autolinkProtocol":
        return this.say(sayAddress(this.slice(token), this.rules))
      case "autolinkEmail":
        return this.say(this.slice(token))
      case "image":
        return this.separate()
      case "emphasis":
      case "strong":
      case "strikethrough":
        this.endPlain()
        this.starts.push(this.parts.length)
        return
    }
  }

  /** Where the signs end that close an image, or a link around it. */
  private endOfLinks(offset: number): number {
    return this.source[offset] === "]" ? this.source.length : offset
  }

  /** Puts a blank between the description of an image and the word before it. */
  private separate(): void {
    this.endPlain()
    if (/[\p{L}\p{N}]$/u.test(this.parts.at(-1) ?? "")) this.parts.push(" ")
  }

  private exit(token: Token): void {
    if (token.type === "image") {
      this.endPlain()
      if (/[\p{L}\p{N}]/u.test(this.source[this.endOfLinks(token.end.offset)] ?? "")) this.parts.push(" ")
      return
    }
    if (token.type !== "emphasis" && token.type !== "strong" && token.type !== "strikethrough") return
    this.endPlain()
    const start = this.starts.pop() ?? 0
    const content = this.parts.slice(start).join("")
    const before = this.source[token.start.offset - 1]
    const after = this.source[token.end.offset]
    const isProduct = token.type !== "strikethrough" && /^[\d.,]+$/.test(content) && (isDigit(before) || isDigit(after))
    // "*_*" is a face, and 2*3*4 a product.
    if (hasWords.test(content) && !isProduct) return
    const signs = /^(?:~+|\*\*|__|.)/.exec(this.source.slice(token.start.offset))?.[0] ?? ""
    this.parts.splice(start, Infinity, signs, content, signs)
  }
}

/** Whether the target of a link is still open. */
const hasOpenTarget = (text: string): boolean => {
  for (let at = text.indexOf("]("); at >= 0; at = text.indexOf("](", at + 1)) {
    let depth = 0
    let i = at + 1
    for (; i < text.length; i++) {
      if (text[i] === "\\") i++
      else if (text[i] === "(") depth++
      else if (text[i] === ")" && --depth === 0) break
    }
    if (depth > 0) return true
  }
  return /\]\[[^\]]*$/.test(text)
}

// References whose definition has not come yet: models write it at the end.
const referred = /\]\[([^[\]]+)\]|\[([^[\]]+)\]\[\]/g

// What stands before decides whether a sign opens or closes something. One character of its kind will do.
const contextOf = (before: string): string =>
  before === "" || /\s/u.test(before) ? "" : /\d/.test(before) ? "1" : /[\p{P}\p{S}]/u.test(before) ? "." : "a"

/**
 * Reads a text that stands after `before`. `defined` are the normalized labels that have a definition.
 *
 * @internal
 */
export const read = (text: string, before: string, rules: Rules, defined: ReadonlySet<string>): Reading => {
  const context = contextOf(before)
  const source = context + text
  const labels = [...defined]
  for (const [, full, collapsed] of text.matchAll(referred)) labels.push(normalizeIdentifier(full ?? collapsed ?? ""))
  parser.defined.splice(0, Infinity, ...labels)
  const tokenizer = parser.text()
  const compiler = new Compiler(tokenizer, source, rules)
  const events = tokenizer.write(preprocess()(source, undefined, true))
  const spoken = compiler.read(events)
  const isSettled = compiler.isSettled && !text.endsWith("\\") && !hasOpenTarget(text) &&
    !openFormula.test(text.replace(/`[^`]*`/g, ""))
  return { spoken: spoken.slice(context.length), isSettled }
}

export { normalizeIdentifier }
