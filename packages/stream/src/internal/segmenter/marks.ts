/**
 * Blanks, line breaks, clause marks, emoji, and the marks that end sentences, but for the lone full stop.
 *
 * @since 0.1.0
 */
import * as Chars from "./characters.js"
import * as Languages from "./languages.js"
import { blankReach, integer, markReach, None, plainWord, Wait, wordReach } from "./reading.js"
import { Stops } from "./stops.js"

// Test runners read the members of a module through getters, which would cost more than the scan.
const { Class, Role, isSpaceRole, isThaiOrLao, isUnspaced, isWide, isWordClass, roles } = Chars

/** The first clause is spoken early if it has at least this many columns. */
const clauseColumns = 10

// Lines of prose broken by hand are this wide.
const wrapMinimum = 45
const wrapCertain = 55
const wrapMaximum = 100
// Narrower columns than this are lists of words.
const narrow = 12
// As much of a line is full at least where words are not divided.
const ragged = 0.8
const hyphens = "-\u2010\u00ad"

/** @internal */
export abstract class Marks extends Stops {
  /** The index of the segment that is being read. */
  protected index = 0
  /** The end of a sentence that is too short to be a segment. */
  protected sentence = 0
  /** The end of the last clause, and of the last run of blanks: where a segment may be cut. */
  protected clause = 0
  protected blank = 0
  /** Where the line starts. */
  protected line = 0
  /** How wide the lines of the paragraph are, if they are known to be broken by hand. */
  protected wrap = 0
  /** How many title brackets are open. */
  protected titles = 0

  protected examine(position: number, role: number): number {
    this.next = position + 1
    switch (role) {
      case Role.Newline:
        return this.examineNewline(position)
      case Role.Stop:
      case Role.Strong:
      case Role.Wide:
      case Role.Ellipsis:
        return this.examineMark(position)
      case Role.Clause:
        return this.examineClause(position)
      case Role.WideClause: {
        if (this.isMissing(position + 1)) {
          return Wait
        }
        const end = this.closers(position + 1)
        if (end === Wait) {
          return Wait
        }
        if (this.classBefore(position) === Class.Digit && this.classAt(end) === Class.Digit) {
          return None
        }
        this.clause = end
        this.next = end
        return this.firstClauseEnds(end) ? end : None
      }
      case Role.WordMark: {
        if (this.isMissing(position + 1)) {
          return Wait
        }
        if (this.role(position + 1) === Role.WordMark) {
          this.next = position + 2
          return this.closers(position + 2)
        }
        this.blank = position + 1
        return None
      }
      case Role.ListClose:
        return this.examineListClose(position)
      case Role.Bullet:
        return position > this.start && isSpaceRole(this.role(position - 1)) ? position : None
      case Role.TitleOpen:
        this.titles++
        return None
      case Role.TitleClose:
        this.titles = Math.max(0, this.titles - 1)
        return None
      default:
        return this.examineEmoji(position)
    }
  }

  protected examineBlank(position: number): number {
    const end = position + 1
    this.next = end
    if (this.sentence === position && position > this.start) {
      this.sentence = end
    }
    if (position > this.start) {
      const before = this.text.charCodeAt(position - 1)
      const role = roles[before]
      if (role === Role.Clause || (this.clause === position && this.clause > 0) || isThaiOrLao(before)) {
        this.clause = end
        if (this.firstClauseEnds(end)) {
          return end
        }
      }
    }
    this.blank = end
    return None
  }

  protected firstClauseEnds(end: number): boolean {
    if (!this.rules.firstClause || this.index > 0) {
      return false
    }
    let columns = 0
    for (let at = this.start; at < end && columns < clauseColumns; at++) {
      const unit = this.text.charCodeAt(at)
      if (!isSpaceRole(roles[unit])) {
        columns += isWide(unit) ? 2 : 1
      }
    }
    return columns >= clauseColumns
  }

  protected examineNewline(position: number): number {
    const { text } = this
    if (text[position] === "\r") {
      if (this.isMissing(position + 1)) {
        return Wait
      }
      if (text[position + 1] === "\n") {
        // One line break, of which this is the first half.
        if (this.sentence === position && position > this.start) {
          this.sentence = position + 1
        }
        return None
      }
    }
    const line = this.line
    this.titles = 0
    // How the line ends.
    let last = position
    const floor = Math.max(this.start, position - blankReach)
    while (last > floor && isSpaceRole(this.role(last - 1))) {
      last--
    }
    // A space before the break means that the line flows on, as in mail.
    const ending = text[position] === "\n" && text[position - 1] === "\r" ? position - 1 : position
    const flowed = last < ending && this.role(ending - 1) === Role.Blank
    // What follows.
    let at = position
    let newlines = 0
    while (at < text.length && at - position < blankReach && isSpaceRole(this.role(at))) {
      if (this.role(at) === Role.Newline && !(text[at] === "\n" && text[at - 1] === "\r")) {
        newlines++
      }
      at++
    }
    if (this.isMissing(at) && at - position < blankReach) {
      // Two line breaks are enough to know.
      return newlines > 1 ? this.endLine(position + 1) : Wait
    }
    if (newlines > 1 || at - position >= blankReach) {
      this.wrap = 0
      this.next = at
      return this.endLine(position + 1)
    }
    if (last === floor) {
      this.line = position + 1
      return None
    }
    const soft = this.isSoftBreak(position, line, last, at, flowed)
    if (soft === Wait) {
      return Wait
    }
    if (soft === 1) {
      this.line = position + 1
      if (this.sentence === position) {
        this.sentence = position + 1
      }
      this.blank = position + 1
      return None
    }
    return this.endLine(position + 1)
  }

  protected endLine(end: number): number {
    this.line = end
    this.blank = end
    return end
  }

  /** Whether a single line break stands within a sentence: 1 yes, 0 no, `Wait`. */
  protected isSoftBreak(position: number, line: number, last: number, at: number, flowed: boolean): number {
    const { text } = this
    const kind = this.classAt(at)
    const lastUnit = text.charCodeAt(last - 1)
    const lastRole = roles[lastUnit]
    if (kind === Class.End || this.role(at) === Role.Bullet) {
      return 0
    }
    const item = this.isItem(at)
    if (item !== 0) {
      return item === Wait ? Wait : 0
    }
    if (flowed && (kind === Class.Lower || kind === Class.Opener)) {
      return 1
    }
    if (lastRole === Role.Stop) {
      // The mark before it was found to be none: "Dr.\nSmith".
      return 1
    }
    if (text[last - 1] === "," || lastRole === Role.WideClause || text[last - 1] === "\u060c") {
      return 1
    }
    const language = this.languageFor(text.slice(Math.max(this.start, last - wordReach), last))
    const word = /[\p{L}\p{M}]+$/u.exec(text.slice(Math.max(this.start, last - wordReach), last))?.[0] ?? ""
    if (word !== "" && language.joiners.has(word.toLowerCase()) || Languages.japaneseParticle.test(word)) {
      return 1
    }
    let columns = Math.min(last - line, wrapMaximum + 1)
    for (let from = Math.max(line, this.start, last - wrapMaximum); from < last; from++) {
      if (isWide(text.charCodeAt(from))) {
        columns++
      }
    }
    const wrapped = this.isWrapped(last, at, columns)
    if (wrapped === 1) {
      this.wrap = Math.max(this.wrap, columns)
    }
    return wrapped
  }

  /** Whether a line of so many columns was broken by hand, for lack of room. */
  protected isWrapped(last: number, at: number, columns: number): number {
    const { text } = this
    const kind = this.classAt(at)
    const lower = kind === Class.Lower
    if (lower && hyphens.includes(text[last - 1] ?? "") && isWordClass(this.classBefore(last - 1))) {
      return 1
    }
    if (lower && columns >= wrapMinimum) {
      return 1
    }
    if (this.wrap > 0 && columns >= narrow) {
      const end = this.lineWordEnd(at)
      return end === Wait ? Wait : columns + 1 + end - at > this.wrap ? 1 : 0
    }
    if (lower && columns >= narrow && this.beginsSentence()) {
      return this.fillsLine(at, columns)
    }
    return columns >= wrapCertain && columns <= wrapMaximum && isWordClass(kind) ? 1 : 0
  }

  /** Whether the pending text begins as sentences do, and the items of a list often do not. */
  protected beginsSentence(): boolean {
    let at = this.start
    while (at < this.start + markReach && at < this.text.length && !isWordClass(this.classAt(at))) {
      at++
    }
    const kind = this.classAt(at)
    return kind === Class.Upper || kind === Class.Digit
  }

  protected lineWordEnd(from: number): number {
    let at = from
    while (at < from + wordReach && at < this.text.length && !isSpaceRole(this.role(at))) {
      at++
    }
    return this.isMissing(at) ? Wait : at
  }

  /**
   * Whether the line that starts at `from` is the last of its paragraph or has no room for the word after it: lines that were
   * broken by hand do, and the items of a list do not.
   */
  protected fillsLine(from: number, columns: number): number {
    const { text } = this
    let end = from
    while (end < from + wrapMaximum && end < text.length && this.role(end) !== Role.Newline) {
      end++
    }
    if (this.isMissing(end)) {
      return Wait
    }
    if (end === text.length || this.role(end) !== Role.Newline) {
      return 1
    }
    let next = end
    let newlines = 0
    while (next < text.length && next - end < blankReach && isSpaceRole(this.role(next))) {
      if (this.role(next) === Role.Newline && !(text[next] === "\n" && text[next - 1] === "\r")) {
        newlines++
      }
      next++
    }
    if (newlines > 1) {
      return 1
    }
    if (this.isMissing(next)) {
      return Wait
    }
    const word = this.lineWordEnd(next)
    if (word === Wait) {
      return Wait
    }
    const width = Math.max(columns, end - from)
    return end - from + 1 + word - next > width * ragged ? 1 : 0
  }

  /** Whether a list item, heading or quotation in Markdown's or plain text's manner starts here: 1, 0 or `Wait`. */
  protected isItem(at: number): number {
    const { text } = this
    const first = text[at]
    if (first === "#" || first === ">" || first === "|") {
      return 1
    }
    if (first === "-" || first === "*" || first === "+" || first === "\u2013" || first === "\u2014") {
      return this.isMissing(at + 1) ? Wait : isSpaceRole(this.role(at + 1)) || text[at + 1] === first ? 1 : 0
    }
    let to = at
    while (to < at + 4 && isWordClass(this.classAt(to))) {
      to++
    }
    if (this.isMissing(to + 1)) {
      return to === at ? 0 : Wait
    }
    const marker = text.slice(at, to)
    const closed = text[to] === ")" || text[to] === "."
    return closed && isSpaceRole(this.role(to + 1)) && (integer.test(marker) || /^[a-zA-Z]$/.test(marker)) ? 1 : 0
  }

  /** Greek asks with a semicolon; Armenian typed on a Latin keyboard ends sentences with a colon. */
  protected asks(position: number): boolean {
    const before = position > this.start ? this.text.charCodeAt(position - 1) : 0
    const mark = this.text[position]
    return mark === ";" && before >= 0x0370 && before <= 0x03ff || mark === ":" && before >= 0x0531 && before <= 0x058f
  }

  protected examineClause(position: number): number {
    const { text } = this
    const unit = text[position]
    if (this.asks(position)) {
      const end = this.closers(position + 1)
      if (end === Wait || this.look(end) === Wait) {
        return Wait
      }
      const { blanks, kind } = this.following
      return blanks && kind !== Class.Lower && kind !== Class.End ? end : None
    }
    if (unit === "\u2014" || unit === "\u2015") {
      this.clause = position + 1
    }
    return None
  }

  protected examineListClose(position: number): number {
    return this.examineMarker(position, ")", position + 1)
  }

  /** An emoji after a sentence without a mark: "See you then 👋 Let me know". */
  protected examineEmoji(position: number): number {
    if (this.isMissing(position)) {
      return Wait
    }
    if (!this.isEmojiAt(position)) {
      return None
    }
    const end = this.emojiEnd(position)
    if (end === Wait) {
      return Wait
    }
    this.next = end
    const unit = this.text.charCodeAt(position)
    // Hearts and stars stand for words: "I ❤ New York".
    if (unit < 0xd800 || position === this.start || this.role(position - 1) !== Role.Blank) {
      return None
    }
    if (this.look(end) === Wait) {
      return Wait
    }
    if (!this.following.blanks || this.following.kind !== Class.Upper) {
      return None
    }
    const word = this.wordAt(this.following.under)
    return word === undefined ? Wait : this.languageFor(word).starters.has(word.toLowerCase()) ? end : None
  }

  protected examineMark(position: number): number {
    const { text } = this
    let end = position
    let stops = 0
    let strong = false
    let wide = false
    let ellipsis = false
    while (end - position < markReach) {
      const role = this.role(end)
      if (end >= text.length) {
        break
      } else if (role === Role.Stop) {
        stops++
      } else if (role === Role.Strong) {
        strong = true
      } else if (role === Role.Wide) {
        wide = true
      } else if (role === Role.Ellipsis) {
        ellipsis = true
      } else {
        break
      }
      end++
    }
    this.next = end
    if (this.isMissing(end)) {
      return Wait
    }
    if (this.titles > 0 || end - position >= markReach) {
      return None
    }
    while (this.classAt(end) === Class.Extend) {
      end++
      if (this.isMissing(end)) {
        return Wait
      }
    }
    const before = position > this.start ? this.classBefore(position) : Class.Space
    // "(?)", "[...]"
    if (before === Class.Opener && (this.classAt(end) === Class.Closer || this.classAt(end) === Class.Quote)) {
      return None
    }
    const enclosed = before === Class.Opener
    if (wide) {
      return this.examineWide(position, end, before)
    }
    if (stops === 1 && !strong && !ellipsis) {
      return this.examineStop(position, before)
    }
    const close = this.closers(end)
    if (close === Wait || this.look(close) === Wait) {
      return Wait
    }
    this.next = Math.max(this.next, end)
    if (enclosed) {
      return None
    }
    return strong
      ? this.examineStrong(position, end, close, before)
      : this.examineEllipsis(position, end, close, stops)
  }

  protected examineWide(position: number, end: number, before: number): number {
    const { text } = this
    const mark = text[position]
    if (mark === "\uff0e" && before === Class.Digit && this.classAt(end) === Class.Digit) {
      return None
    }
    const close = this.closers(end)
    if (close === Wait || this.look(close) === Wait) {
      return Wait
    }
    const { at, blanks, kind, under } = this.following
    if (mark === "\u06d4" && !blanks && kind === Class.Caseless) {
      if (Languages.letterNames.has(this.tokenBefore(position).split("\u06d4").at(-1) ?? "")) {
        return None
      }
    }
    if (blanks) {
      return kind === Class.Lower && close > end && text[position] !== "\u3002" ? None : close
    }
    const role = this.role(at)
    if (role === Role.Clause || role === Role.WideClause) {
      return None
    }
    if (close > end && isUnspaced(text.charCodeAt(under))) {
      // Quoted speech continues with a particle or with who spoke.
      if (this.isMissing(under + 7)) {
        return Wait
      }
      const rest = text.slice(under, under + 8)
      if (Languages.quotative.test(rest) || Languages.chineseSpeaker.test(rest)) {
        return None
      }
    }
    return close
  }

  protected examineStrong(position: number, end: number, close: number, before: number): number {
    const { at, blanks, dash, emoji, emojiEnd, kind, newlines, opener } = this.following
    const { text } = this
    if (emoji) {
      return emojiEnd
    }
    if (!blanks) {
      if (kind === Class.End) {
        return None
      }
      // No space after the mark.
      if (before === Class.Space || before === Class.End) {
        return None
      }
      const token = this.tokenBefore(position)
      if (kind === Class.Caseless) {
        return before === Class.Caseless && plainWord.test(token) ? close : None
      }
      if (kind === Class.Upper && plainWord.test(token) && token.length > 1) {
        const word = this.wordAt(this.following.under)
        if (word === undefined) {
          return Wait
        }
        return word.length > 1 && word !== word.toUpperCase() || this.languageFor(word).starters.has(word.toLowerCase())
          ? close
          : None
      }
      return opener && this.classAt(at) === Class.Opener && kind !== Class.Lower ? close : None
    }
    if (newlines > 0) {
      return close
    }
    const first = this.classAt(at)
    if (kind === Class.Upper || kind === Class.Caseless || kind === Class.Digit) {
      return close
    }
    if (kind === Class.Lower) {
      if (close > end || dash) {
        // Reported speech: "Stop!" he said. — Stop! — he said.
        return opener && !dash && close > end ? close : None
      }
      if (opener) {
        return first === Class.Quote || this.following.bracket ? close : None
      }
      if (text[end - 1] === "!" && text.slice(position, end).indexOf("?") < 0) {
        const token = this.tokenBefore(position)
        if (Languages.exclaimed.has(token.toLowerCase()) || token === "") {
          return None
        }
        return this.isLowerCaseStyle(position) ? close : None
      }
      return close
    }
    if (first === Class.Punctuation || first === Class.Closer) {
      return first === Class.Punctuation && isWordClass(kind) ? close : None
    }
    return kind === Class.Symbol || kind === Class.Emoji || opener || dash ? close : None
  }

  protected examineEllipsis(position: number, end: number, close: number, stops: number): number {
    const { blanks, dash, emoji, emojiEnd, kind, newlines, under } = this.following
    if (emoji) {
      return emojiEnd
    }
    const spaced = stops > 0 ? this.examineSpaced(position) : None
    if (spaced !== None) {
      return spaced
    }
    if (!blanks || position === this.start || this.isSegmentStart(position)) {
      return None
    }
    if (newlines > 0) {
      return kind === Class.Lower && newlines < 2 ? None : close
    }
    if (kind === Class.Upper) {
      const word = this.wordAt(under)
      if (word === undefined) {
        return Wait
      }
      // "I ... I mean"
      return dash || word === this.tokenBefore(position) || this.role(position - 1) === Role.Blank && word === "I"
        ? None
        : close
    }
    if (close > end && (kind === Class.Caseless || kind === Class.Digit)) {
      return close
    }
    return kind === Class.Caseless && stops >= 4 ? close : None
  }
}
