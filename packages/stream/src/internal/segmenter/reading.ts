/**
 * Reading around a position of the text: what stands before it, what follows, what closes with it, and in which
 * language.
 *
 * @since 0.1.0
 */
import * as Chars from "./characters.js"
import * as Languages from "./languages.js"

// Test runners read the members of a module through getters, which would cost more than the scan.
const { Class, Role, classOf, isHighSurrogate, isLetter, isLowSurrogate, isSpaceRole, isWordClass, roles } = Chars

/** @internal */
export interface Rules {
  readonly maxLength: number
  readonly minLength: number
  readonly firstClause: boolean
  /** The locale for dictionaries of words. */
  readonly locale: string
  /** Rules fixed by the caller; otherwise they follow from script and guess. */
  readonly language: Languages.Language | undefined
  readonly subtag: string | undefined
  /** Words met before a full stop, and whether nothing is special about them: a cache. */
  readonly ordinary: Map<string, boolean>
}

/** The decision needs text that has not arrived. @internal */
export const Wait = -1

/** Not a boundary. @internal */
export const None = 0

// How far a decision looks.

/** Blanks beyond this count as the end of a paragraph. @internal */
export const blankReach = 64
/** @internal */
export const wordReach = 32
const tokenReach = 48
/** @internal */
export const markReach = 64
const emojiReach = 48

/** A guess of the language holds for this far. */
const guessStep = 80

/** @internal */
export const integer = /^\p{Nd}+$/u

/** @internal */
export const plainWord = /^[\p{L}\p{M}'\u2019\u2011-]+$/u

const camel = /^\p{Ll}{1,2}\p{Lu}/u

/** What follows a mark. @internal */
export interface Following {
  /** Where the next thing that is not blank starts. */
  at: number
  blanks: boolean
  newlines: number
  /** The class of what follows once quotes, brackets and dashes are skipped. */
  kind: number
  /** Where that stands. */
  under: number
  opener: boolean
  bracket: boolean
  dash: boolean
  emoji: boolean
  /** The end of emoji that comment the sentence before them. */
  emojiEnd: number
}

/**
 * The text at hand, from the start of the segment that is being read.
 *
 * @internal
 */
export abstract class Reading {
  readonly rules: Rules
  readonly text: string
  /** Whether no text follows. */
  readonly final: boolean
  /** Where the segment starts. */
  start = 0
  /** The first letter or digit of the segment; negative while it is not found: see `isSpoken`. */
  protected word: number
  /** The guess of the language of text in Latin script. */
  protected language: string
  protected guessed: number
  protected readonly following: Following = {
    at: 0,
    blanks: false,
    newlines: 0,
    kind: Class.End,
    under: 0,
    opener: false,
    bracket: false,
    dash: false,
    emoji: false,
    emojiEnd: 0
  }

  constructor(rules: Rules, text: string, final: boolean, word: number, language: string, guessed: number) {
    this.rules = rules
    this.text = text
    this.final = final
    this.word = word
    this.language = language
    this.guessed = guessed
  }

  protected classAt(position: number): number {
    const code = this.text.codePointAt(position)
    return code === undefined ? Class.End : classOf(code)
  }

  /** The class of the code point that ends before `position`, combining marks skipped. */
  protected classBefore(position: number): number {
    const { text } = this
    let at = position
    while (at > this.start) {
      const unit = text.charCodeAt(at - 1)
      const width = isLowSurrogate(unit) && at - 1 > this.start && isHighSurrogate(text.charCodeAt(at - 2)) ? 2 : 1
      const found = classOf(width === 2 ? text.codePointAt(at - 2) ?? 0 : unit)
      if (found !== Class.Extend) {
        return found
      }
      at -= width
    }
    return Class.End
  }

  protected isMissing(position: number): boolean {
    return !this.final &&
      (position >= this.text.length ||
        position + 1 === this.text.length && isHighSurrogate(this.text.charCodeAt(position)))
  }

  protected role(position: number): number {
    return roles[this.text.charCodeAt(position)] ?? 0
  }

  /** The characters before `position` back to a blank, without opening quotes and brackets. */
  protected tokenBefore(position: number): string {
    const { text } = this
    let from = position
    const floor = Math.max(this.start, position - tokenReach)
    while (from > floor && !isSpaceRole(this.role(from - 1))) {
      from--
    }
    while (from < position) {
      const found = this.classAt(from)
      if (
        found !== Class.Quote && found !== Class.Opener && found !== Class.Dash && text[from] !== "*" &&
        text[from] !== "_"
      ) {
        break
      }
      from++
    }
    return text.slice(from, position)
  }

  /** The word that starts at `position`, or `undefined` if its end has not arrived. */
  protected wordAt(position: number): string | undefined {
    const { text } = this
    const ceiling = Math.min(text.length, position + wordReach)
    let to = position
    while (to < ceiling) {
      const found = this.classAt(to)
      if (!isLetter(found) && found !== Class.Extend) {
        break
      }
      to += isHighSurrogate(text.charCodeAt(to)) ? 2 : 1
    }
    return to >= text.length && to - position < wordReach && !this.final ? undefined : text.slice(position, to)
  }

  protected isSegmentStart(position: number): boolean {
    for (let at = this.start; at < position; at++) {
      const role = this.role(at)
      if (isSpaceRole(role) || role === Role.Bullet) {
        continue
      }
      if (at > this.start + markReach || isWordClass(this.classAt(at))) {
        return false
      }
    }
    return true
  }

  /** Whether there is a letter or a digit between the start of the segment and `end`. */
  protected isSpoken(end: number): boolean {
    if (this.word < this.start) {
      // `word` is the first letter or digit, or where the search for it resumes, kept negative.
      const { text } = this
      let position = this.word < -1 ? Math.max(-this.word - 2, this.start) : this.start
      while (position < end) {
        const unit = text.charCodeAt(position)
        if (isHighSurrogate(unit)) {
          if (isWordClass(classOf(text.codePointAt(position) ?? 0))) {
            break
          }
          position++
        } else if (isWordClass(classOf(unit))) {
          break
        }
        position++
      }
      if (position >= end) {
        this.word = -end - 2
        return false
      }
      this.word = position
    }
    return this.word < end
  }

  /** Text that starts without a capital is chat: it has no capitals after marks either. */
  protected isLowerCaseStyle(position: number): boolean {
    if (!this.isSpoken(position)) {
      return false
    }
    return this.classAt(this.word) === Class.Lower
  }

  protected isEmojiAt(position: number): boolean {
    return this.classAt(position) === Class.Emoji
  }

  /** The end of emoji that start at `position`, with blanks between them; `Wait` if they may continue. */
  protected emojiEnd(position: number): number {
    const { text } = this
    let at = position
    let end = position
    while (at - position < emojiReach) {
      if (this.isMissing(at)) {
        return Wait
      }
      const found = this.classAt(at)
      if (found === Class.Emoji || found === Class.Extend) {
        at += isHighSurrogate(text.charCodeAt(at)) ? 2 : 1
        end = at
      } else if (this.role(at) === Role.Blank) {
        at++
      } else {
        break
      }
    }
    return end
  }

  /** The end of quotes, brackets, footnote marks and emphasis that belong to the mark before `position`. */
  protected closers(position: number): number {
    const { text } = this
    let at = position
    while (at - position < markReach) {
      if (this.isMissing(at)) {
        return Wait
      }
      const found = this.classAt(at)
      const unit = text[at]
      if (found === Class.Extend) {
        at += isHighSurrogate(text.charCodeAt(at)) ? 2 : 1
        continue
      }
      if (found === Class.Closer || found === Class.Superscript) {
        at++
        continue
      }
      if (found === Class.Quote || unit === "*" || unit === "_" || unit === "~" || unit === "`") {
        // The same sign opens and closes; before a letter it opens, unless one is open.
        let after = at + 1
        while (this.classAt(after) === Class.Quote || this.classAt(after) === Class.Closer || text[after] === unit) {
          after++
        }
        if (this.isMissing(after)) {
          return Wait
        }
        if (isWordClass(this.classAt(after)) && !this.isOpen(unit ?? "", at)) {
          return at
        }
        at++
        continue
      }
      if (unit === "[") {
        let to = at + 1
        while (to - at < 12 && (this.classAt(to) === Class.Digit || text[to] === "," || text[to] === "-")) {
          to++
        }
        if (this.isMissing(to)) {
          return Wait
        }
        if (text[to] !== "]" || to === at + 1) {
          return at
        }
        at = to + 1
        continue
      }
      if (unit === "<") {
        // The end of an element: "<em>Yes.</em>"
        let to = at + 1
        while (
          to - at < 16 && !this.isMissing(to) && (text[to] === "/" && to === at + 1 || /[a-z0-9]/i.test(text[to] ?? ""))
        ) {
          to++
        }
        if (this.isMissing(to)) {
          return Wait
        }
        if (text[at + 1] !== "/" || text[to] !== ">") {
          return at
        }
        at = to + 1
        continue
      }
      if (found === Class.Emoji) {
        const end = this.emojiEnd(at)
        if (end === Wait) {
          return Wait
        }
        at = end
        continue
      }
      if (this.role(at) === Role.Blank && at > this.start) {
        // French closes with a space before the guillemet.
        if (this.isMissing(at + 1)) {
          return Wait
        }
        if (text[at + 1] === "\u00bb" || text[at + 1] === "\u203a") {
          if (this.isMissing(at + 2)) {
            return Wait
          }
          if (!isWordClass(this.classAt(at + 2))) {
            at += 2
            continue
          }
        }
      }
      return at
    }
    return at
  }

  /** Whether the quotation mark at `position` closes one that opened in this segment. */
  protected isOpen(mark: string, position: number): boolean {
    if (mark === "'" || mark === "\u2019" || mark === "*" || mark === "_" || mark === "~" || mark === "`") {
      return false
    }
    if (mark === "\u201d" || mark === "\u00bb" || mark === "\uff02") {
      return true
    }
    if (mark === "\u201c" || mark === "\u2018" || mark === "\u00ab" || mark === "\u201e" || mark === "\u201a") {
      return false
    }
    let open = false
    for (let at = Math.max(this.start, position - 256); at < position; at++) {
      if (this.text[at] === mark) {
        open = !open
      }
    }
    return open
  }

  /** Fills `following` for what stands after `position`. */
  protected look(position: number): number {
    const { text, following } = this
    let at = position
    let newlines = 0
    while (at < text.length && at - position < blankReach && isSpaceRole(this.role(at))) {
      if (this.role(at) === Role.Newline && !(text[at] === "\n" && text[at - 1] === "\r")) {
        newlines++
      }
      at++
    }
    if (at - position >= blankReach) {
      newlines = 2
    } else if (this.isMissing(at)) {
      return Wait
    }
    following.at = at
    following.blanks = at > position
    following.newlines = newlines
    following.emoji = false
    following.emojiEnd = position
    if (following.blanks && newlines === 0 && this.isEmojiAt(at)) {
      const end = this.emojiEnd(at)
      if (end === Wait) {
        return Wait
      }
      following.emoji = true
      following.emojiEnd = end
      at = end
      while (at < text.length && at - end < blankReach && isSpaceRole(this.role(at))) {
        at++
      }
      if (this.isMissing(at)) {
        return Wait
      }
    }
    let opener = false
    let bracket = false
    let dash = false
    let under = at
    while (under - at < 8) {
      if (this.isMissing(under)) {
        return Wait
      }
      const found = this.classAt(under)
      if (found === Class.Quote) {
        opener = true
      } else if (found === Class.Opener) {
        opener = true
        bracket = bracket || text[under] !== "\u00bf" && text[under] !== "\u00a1"
      } else if (found === Class.Dash || text[under] === "*" || text[under] === "_") {
        dash = dash || found === Class.Dash
      } else if (!(under > at && this.role(under) === Role.Blank && (dash || opener))) {
        break
      }
      under++
    }
    following.under = under
    following.opener = opener
    following.bracket = bracket
    following.dash = dash
    let kind = this.classAt(under)
    if (kind === Class.Lower) {
      // "iPhone" and "eBay" start like capitals.
      if (this.isMissing(under + 2)) {
        return Wait
      }
      if (camel.test(text.slice(under, under + 3))) {
        kind = Class.Upper
      }
    }
    following.kind = kind
    return None
  }

  protected languageFor(word: string): Languages.Language {
    const { rules } = this
    if (rules.language !== undefined) {
      return rules.language
    }
    const script = /^[\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]*$/u.test(word)
      ? undefined
      : Languages.languageOfScript(word)
    if (script !== undefined) {
      return script
    }
    return Languages.language(this.language) ?? Languages.fallback()
  }

  protected guessLanguage(position: number, abbreviation = ""): void {
    if (this.rules.subtag === undefined && (this.guessed <= this.start || position - this.guessed > guessStep)) {
      this.guessed = position
      const text = this.text.slice(Math.max(this.start, position - 240), position - abbreviation.length)
      this.language = Languages.guess(text, abbreviation, this.language)
    }
  }

  protected isStarter(word: string, abbreviation: string): boolean {
    const lower = word.toLowerCase()
    return this.languageFor(word).starters.has(lower) ||
      (this.rules.language === undefined && /^[\p{Script=Latin}.]+$/u.test(abbreviation) &&
        Languages.fallback().starters.has(lower))
  }
}
