/**
 * The scanner behind `TextSegmenter`: one pass over the text, one table look-up for every code unit, and a decision
 * of bounded reach at every mark that may end a segment.
 *
 * @since 0.1.0
 */
import type { Segment, State } from "../TextSegmenter.js"
import * as Chars from "./segmenterCharacters.js"
import * as Languages from "./segmenterLanguages.js"

// Test runners read the members of a module through getters, which would cost more than the scan.
const {
  Class,
  Role,
  classOf,
  graphemeCut,
  hardCut,
  isHighSurrogate,
  isLetter,
  isLowSurrogate,
  isPlainBoundary,
  isSpaceRole,
  isThaiOrLao,
  isUnspaced,
  isWide,
  isWordClass,
  roles,
  wordContext,
  wordCut
} = Chars

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

interface ListItem {
  /** The markers that may follow: "i" goes on as "j" or as "ii". */
  readonly next: ReadonlyArray<string>
  /** What closes the marker: ".", ")" or ".)". */
  readonly close: string
  /** Whether the text of the item starts with a capital. */
  readonly upper: boolean
}

/**
 * What the scanner remembers beside the text itself. Positions count from the start of the pending text; 0 means
 * none.
 *
 * @internal
 */
export interface Memory {
  /**
   * Text that arrived while a long segment without any boundary is pending: looked at in larger pieces, so that time
   * stays linear.
   */
  readonly unread: string
  readonly position: number
  /** The segment is complete up to `position`; blanks that follow still belong to it. */
  readonly closed: number
  readonly sentence: number
  readonly clause: number
  readonly blank: number
  readonly line: number
  readonly word: number
  readonly titles: number
  readonly list: ListItem | undefined
  readonly language: string
  readonly guessed: number
}

/** @internal */
export const initialMemory: Memory = {
  unread: "",
  position: 0,
  closed: 0,
  sentence: 0,
  clause: 0,
  blank: 0,
  line: 0,
  word: -1,
  titles: 0,
  list: undefined,
  language: "en",
  guessed: 0
}

/** The decision needs text that has not arrived. */
const Wait = -1
/** Not a boundary. */
const None = 0

// How far a decision looks. Blanks beyond `blankReach` count as the end of a paragraph.
const blankReach = 64
const wordReach = 32
const tokenReach = 48
const markReach = 64
const emojiReach = 48

/** A pending text longer than this is read on only when it has grown by 1/64. */
const patience = 4096

/** How many segments at the start of a text are read for the language that it is in; later ones only where it matters. */
const guessedSegments = 8

/** A guess of the language holds for this far. */
const guessStep = 80

/** How many words a segmenter remembers as ordinary or not. */
const ordinaryWords = 2048

/** The first clause is spoken early if it has at least this many columns. */
const clauseColumns = 10

// Lines of prose broken by hand are this wide.
const wrapMinimum = 45
const wrapCertain = 55
const wrapMaximum = 100

const romanNumeral = /^(?=[IVXLCDM])M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})$/
const acronym = /^(\p{L}\.)+\p{L}$/u
const singleLetter = /^\p{L}\p{M}*$/u
const integer = /^\p{Nd}+$/u
const outline = /^\d+(\.\d+)+$/
const shortNumber = /(?:^|[^\p{Nd}.,])\p{Nd}{1,3}$/u
const numeric = /^[\p{Sc}(]*\p{Nd}[\p{Nd}.,:/\u2019'-]*[%\u00b0\u00ba\u00aa]?$/u
const plainWord = /^[\p{L}\p{M}'\u2019\u2011-]+$/u
const vowelless = /^\p{Lu}?[bcdfghjklmnpqrstvwxz]{1,4}$/u
const camel = /^\p{Ll}{1,2}\p{Lu}/u

const romans = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split(" ")

/** The markers that come after a marker in a list; none if it is no marker. */
const successors = (marker: string, close: string): ReadonlyArray<string> => {
  if (/^\d{1,3}$/.test(marker)) {
    return [String(Number(marker) + 1)]
  }
  // A capital before a full stop is an initial.
  const letter = /^[a-z]$/.test(marker) || close !== "." && /^[A-Z]$/.test(marker)
  const roman = romans[romans.indexOf(marker) + 1]
  return [
    ...(letter ? [String.fromCharCode(marker.charCodeAt(0) + 1)] : []),
    ...(romans.includes(marker) && roman !== undefined ? [roman] : [])
  ]
}

const isCloser = (found: number): boolean =>
  found === Class.Closer || found === Class.Quote || found === Class.Superscript || found === Class.Extend

/** What is known of the word before a full stop. */
interface Abbreviation {
  /** The kinds that the language knows it as. */
  readonly kinds: number
  readonly single: boolean
  readonly acronym: boolean
  /** The word with the abbreviated words right before it: "z.b" of "z. B". */
  readonly joined: string
  /** Whether an abbreviation of several words begins like this. */
  readonly begins: boolean
}

/** What follows a mark. */
interface Following {
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

class Scanner {
  readonly rules: Rules
  readonly text: string
  readonly final: boolean
  readonly segments: Array<Segment> = []
  start = 0
  position: number
  private closed: boolean
  private sentence: number
  private clause: number
  private blank: number
  private line: number
  private word: number
  private titles: number
  private list: ListItem | undefined
  private language: string
  private guessed: number
  private index: number
  private readonly offset: number
  /** Where the scan goes on when the mark at hand is no boundary. */
  private next = 0
  /** Whether the mark at hand closes the marker of a list item. */
  private marked = false
  private readonly following: Following = {
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

  constructor(rules: Rules, state: State, text: string, final: boolean) {
    const memory = state.memory
    this.rules = rules
    this.text = text
    this.final = final
    this.position = memory.position
    this.closed = memory.closed > 0
    this.sentence = memory.sentence
    this.clause = memory.clause
    this.blank = memory.blank
    this.line = memory.line
    this.word = memory.word
    this.titles = memory.titles
    this.list = memory.list
    this.language = memory.language
    this.guessed = memory.guessed
    this.index = state.index
    this.offset = state.textOffset
  }

  state(): State {
    const from = this.start
    const relative = (position: number) => position > from ? position - from : 0
    return {
      pending: this.text.slice(from),
      textOffset: this.offset + from,
      index: this.index,
      memory: {
        unread: "",
        position: this.position - from,
        closed: this.closed ? this.position - from : 0,
        sentence: relative(this.sentence),
        clause: relative(this.clause),
        blank: relative(this.blank),
        line: this.line - from,
        word: this.word < from ? -1 : this.word - from,
        titles: this.titles,
        list: this.list,
        language: this.language,
        guessed: relative(this.guessed)
      }
    }
  }

  // -----------------------------------------------------------------------------------------------------------------
  // -- The pass -----------------------------------------------------------------------------------------------------
  // --------------

  run(): void {
    const text = this.text
    const end = text.length
    while (true) {
      if (this.closed && !this.absorb()) {
        return
      }
      const limit = this.start + this.rules.maxLength
      const stop = limit < end ? limit : end
      let position = this.position
      let advanced = true
      while (position < stop) {
        const role = roles[text.charCodeAt(position)]
        if (role === Role.Plain) {
          position++
          continue
        }
        const boundary = role === Role.Blank ? this.examineBlank(position) : this.examine(position, role ?? 0)
        if (boundary === Wait) {
          this.position = position
          return
        }
        if (boundary > this.start && this.isWorthy(boundary)) {
          if (boundary > limit) {
            this.position = position
            if (!this.cut(limit)) {
              return
            }
          } else {
            this.closed = true
            this.position = boundary
          }
          advanced = false
          break
        }
        position = this.next
      }
      if (!advanced) {
        continue
      }
      this.position = position
      if (position >= end) {
        break
      }
      if (!this.cut(limit)) {
        return
      }
    }
    if (this.final && this.start < end) {
      // A mark's look ahead may have passed the cap.
      while (end - this.start > this.rules.maxLength) {
        this.cut(this.start + this.rules.maxLength)
      }
      this.emit(end)
    }
  }

  /** Gives blanks after a complete segment to it, as far as they fit; false if more may come. */
  private absorb(): boolean {
    const { text } = this
    const limit = this.start + this.rules.maxLength
    let position = this.position
    let newlines = 0
    while (position < text.length && position < limit) {
      const role = roles[text.charCodeAt(position)]
      if (role === Role.Newline) {
        this.line = position + 1
        newlines++
      } else if (role !== Role.Blank) {
        break
      }
      position++
    }
    this.position = position
    if (this.isMissing(position)) {
      return false
    }
    if (newlines > 1) {
      this.list = undefined
    }
    if (position < text.length && !isPlainBoundary(text, position)) {
      // A combining mark joins the blank before it, and a line break may be two units.
      position = graphemeCut(text, this.start, position)
      if (position === this.start) {
        this.closed = false
        return true
      }
    }
    this.closed = false
    this.position = position
    this.emit(position)
    return true
  }

  /**
   * Cuts at the cap: at a sentence or clause, else between words, else between graphemes; false if more text is
   * needed.
   */
  private cut(limit: number): boolean {
    const { start, text } = this
    if (this.isMissing(limit)) {
      return false
    }
    const candidates = [
      this.sentence,
      this.clause - start >= this.rules.maxLength * 0.3 ? this.clause : start,
      isSpaceRole(roles[text.charCodeAt(limit)]) ? limit : this.blank
    ]
    const isReadable = (position: number): boolean => this.final || text.length >= position + wordContext
    let position = start
    for (const candidate of candidates) {
      if (candidate > start && position === start) {
        if (!isPlainBoundary(text, candidate) && !isReadable(candidate)) {
          return false
        }
        const cut = graphemeCut(text, start, candidate)
        position = this.isSpoken(cut) ? cut : start
      }
    }
    if (position === start) {
      if (!isReadable(limit)) {
        return false
      }
      position = isUnspaced(text.charCodeAt(limit - 1))
        ? wordCut(text, start, limit, this.rules.locale)
        : hardCut(text, start, limit)
    }
    this.emit(position)
    if (this.position < this.start) {
      this.position = this.start
    }
    return true
  }

  private emit(end: number): void {
    if (this.index < guessedSegments) {
      this.guessLanguage(end)
    }
    this.segments.push({
      index: this.index,
      text: this.text.slice(this.start, end),
      textOffset: this.offset + this.start
    })
    this.index++
    this.start = end
    if (this.sentence <= end) {
      this.sentence = 0
    }
    if (this.clause <= end) {
      this.clause = 0
    }
    if (this.blank <= end) {
      this.blank = 0
    }
    this.word = -1
    this.titles = 0
  }

  /** Whether a segment that ends here has something to say and is long enough. */
  private isWorthy(boundary: number): boolean {
    if (!this.isSpoken(boundary)) {
      return false
    }
    if (this.rules.minLength > 0) {
      let from = this.start
      let to = boundary
      while (from < to && isSpaceRole(roles[this.text.charCodeAt(from)])) {
        from++
      }
      while (to > from && isSpaceRole(roles[this.text.charCodeAt(to - 1)])) {
        to--
      }
      if (to - from < this.rules.minLength) {
        const limit = this.start + this.rules.maxLength
        this.next = Math.max(this.next, boundary)
        if (boundary <= limit) {
          this.sentence = boundary
          while (
            this.sentence < this.next && this.sentence < limit &&
            isSpaceRole(roles[this.text.charCodeAt(this.sentence)])
          ) {
            this.sentence++
          }
        }
        return false
      }
    }
    return true
  }

  /** Whether there is a letter or a digit between the start of the segment and `end`. */
  private isSpoken(end: number): boolean {
    if (this.word < this.start) {
      // `word` is the first letter or digit, or where the search for it goes on, kept negative.
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

  // -----------------------------------------------------------------------------------------------------------------
  // -- Reading around a position ------------------------------------------------------------------------------------
  // -------------------------------

  private classAt(position: number): number {
    const code = this.text.codePointAt(position)
    return code === undefined ? Class.End : classOf(code)
  }

  /** The class of the code point that ends before `position`, combining marks skipped. */
  private classBefore(position: number): number {
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

  private isMissing(position: number): boolean {
    return !this.final &&
      (position >= this.text.length ||
        position + 1 === this.text.length && isHighSurrogate(this.text.charCodeAt(position)))
  }

  private role(position: number): number {
    return roles[this.text.charCodeAt(position)] ?? 0
  }

  /** The characters before `position` back to a blank, without opening quotes and brackets. */
  private tokenBefore(position: number): string {
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
  private wordAt(position: number): string | undefined {
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

  private isSegmentStart(position: number): boolean {
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

  // -----------------------------------------------------------------------------------------------------------------
  // -- Blanks, lines, clauses ---------------------------------------------------------------------------------------
  // ----------------------------

  private examineBlank(position: number): number {
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

  private firstClauseEnds(end: number): boolean {
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

  private examine(position: number, role: number): number {
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

  private examineNewline(position: number): number {
    const { text } = this
    const line = this.line
    this.titles = 0
    // How the line ends.
    let last = position
    const floor = Math.max(this.start, position - blankReach)
    while (last > floor && isSpaceRole(this.role(last - 1))) {
      last--
    }
    // A space before the break means that the line flows on, as in mail.
    const flowed = last < position && this.role(position - 1) === Role.Blank
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

  private endLine(end: number): number {
    this.line = end
    this.blank = end
    return end
  }

  /** Whether a single line break stands within a sentence: 1 yes, 0 no, `Wait`. */
  private isSoftBreak(position: number, line: number, last: number, at: number, flowed: boolean): number {
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
    if (columns < wrapMinimum) {
      return 0
    }
    if (kind === Class.Lower) {
      return 1
    }
    return columns >= wrapCertain && columns <= wrapMaximum && isWordClass(kind) ? 1 : 0
  }

  /** Whether a list item, heading or quotation in Markdown's or plain text's manner starts here: 1, 0 or `Wait`. */
  private isItem(at: number): number {
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
  private asks(position: number): boolean {
    const before = position > this.start ? this.text.charCodeAt(position - 1) : 0
    const mark = this.text[position]
    return mark === ";" && before >= 0x0370 && before <= 0x03ff || mark === ":" && before >= 0x0531 && before <= 0x058f
  }

  private examineClause(position: number): number {
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

  // -----------------------------------------------------------------------------------------------------------------
  // -- Lists and emoji ----------------------------------------------------------------------------------------------
  // ---------------------

  /**
   * A marker such as "2." or "b)" that ends before `position`. At the start of a segment it opens a list; inside one
   * it starts a new segment if it is the successor of the marker before.
   */
  private examineMarker(position: number, close: string, end: number): number {
    const { text } = this
    this.marked = false
    let from = position
    while (from > this.start && isWordClass(classOf(text.charCodeAt(from - 1))) && position - from < 5) {
      from--
    }
    const length = position - from
    const first = text.charCodeAt(from)
    if (
      length === 0 || length > 4 ||
      length > 1 && (first < 0x30 || first > 0x39) && first !== 0x69 && first !== 0x76 && first !== 0x78
    ) {
      return None
    }
    const marker = text.slice(from, position)
    const next = successors(marker, close)
    if (next.length === 0) {
      return None
    }
    if (from > this.start && text[from - 1] === "(") {
      from--
    }
    if (from > this.start && !isSpaceRole(this.role(from - 1)) && this.role(from - 1) !== Role.Bullet) {
      return None
    }
    if (this.look(end) === Wait) {
      return Wait
    }
    const { blanks, kind } = this.following
    if (!blanks) {
      return None
    }
    const upper = kind === Class.Upper
    const item: ListItem = { next, close, upper }
    if (this.isSegmentStart(from)) {
      this.list = item
      this.next = end
      this.marked = true
      return None
    }
    const list = this.list
    if (
      list !== undefined && list.close === close && list.upper === upper && list.next.includes(marker) &&
      (upper || kind === Class.Lower || kind === Class.Caseless)
    ) {
      // The look at the same marker again, from the start of its own segment, records it.
      return from
    }
    return None
  }

  private examineListClose(position: number): number {
    return this.examineMarker(position, ")", position + 1)
  }

  private isEmojiAt(position: number): boolean {
    return this.classAt(position) === Class.Emoji
  }

  /** The end of emoji that start at `position`, with blanks between them; `Wait` if they may go on. */
  private emojiEnd(position: number): number {
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

  /** An emoji after a sentence without a mark: "See you then 👋 Let me know". */
  private examineEmoji(position: number): number {
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

  // -----------------------------------------------------------------------------------------------------------------
  // -- Marks --------------------------------------------------------------------------------------------------------
  // -----------

  /** The end of quotes, brackets, footnote marks and emphasis that belong to the mark before `position`. */
  private closers(position: number): number {
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
  private isOpen(mark: string, position: number): boolean {
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
  private look(position: number): number {
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

  private examineMark(position: number): number {
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

  private examineWide(position: number, end: number, before: number): number {
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
      // Quoted speech goes on with a particle or with who spoke.
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

  private examineStrong(position: number, end: number, close: number, before: number): number {
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

  private examineEllipsis(position: number, end: number, close: number, stops: number): number {
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

  /** Dots with spaces between them: three omit words within a sentence, four also end it. */
  private examineSpaced(position: number): number {
    const { text } = this
    let last = position
    let count = 1
    while (count < markReach && this.role(last + 1) === Role.Blank && text[last + 2] === ".") {
      last += 2
      count++
    }
    if (count === 1) {
      return None
    }
    if (this.isMissing(last + 1) || this.role(last + 1) === Role.Blank && this.isMissing(last + 2)) {
      return Wait
    }
    const close = this.closers(last + 1)
    if (close === Wait || this.look(close) === Wait) {
      return Wait
    }
    this.next = last + 1
    const attached = position > this.start && !isSpaceRole(this.role(position - 1))
    const { blanks, kind } = this.following
    if (count < 4 || !blanks || kind !== Class.Upper) {
      return None
    }
    // "compounds. . . . The": a full stop, then the omission, which belongs to what follows.
    return attached && count === 4 && close === last + 1 ? position + 1 : close
  }

  // -----------------------------------------------------------------------------------------------------------------
  // -- The full stop ------------------------------------------------------------------------------------------------
  // -------------------

  private examineStop(position: number, before: number): number {
    const { text } = this
    const end = position + 1
    if (this.isMissing(end)) {
      return Wait
    }
    const after = this.classAt(end)
    // "1.) First"
    if (text[end] === ")") {
      const marker = this.examineMarker(position, ".)", end + 1)
      if (marker !== None || this.marked) {
        return marker
      }
    }
    if (after === Class.Digit) {
      return this.examineNote(position)
    }
    if (isLetter(after)) {
      return this.examineUnspaced(position, before, after)
    }
    const spaced = this.role(end) === Role.Blank ? this.examineSpaced(position) : None
    if (spaced !== None || this.next > end) {
      return spaced
    }
    const close = this.closers(end)
    if (close === Wait || this.look(close) === Wait) {
      return Wait
    }
    const following = this.following
    if (following.kind === Class.End && !following.blanks) {
      return None
    }
    if (!following.blanks) {
      // A quotation that opens right after the mark.
      const opens = following.opener && isWordClass(following.kind) && following.kind !== Class.Lower &&
        close === end && !following.dash
      return opens && before !== Class.Digit && this.classAt(end) !== Class.Quote ? this.decide(position, close) : None
    }
    if (before === Class.Space || before === Class.End) {
      // A mark on its own.
      return position > this.start && following.kind === Class.Upper ? close : None
    }
    if (close === end) {
      const marker = this.examineMarker(position, ".", end)
      if (marker !== None || this.marked) {
        return marker
      }
    }
    return this.decide(position, close)
  }

  /** The number of a footnote right after the mark: "of cattle.13 These". */
  private examineNote(position: number): number {
    let to = position + 1
    while (to < position + 5 && this.classAt(to) === Class.Digit) {
      to++
    }
    if (this.isMissing(to)) {
      return Wait
    }
    if (to > position + 4 || !/^\p{Ll}{3,}$/u.test(this.tokenBefore(position))) {
      return None
    }
    if (this.look(to) === Wait) {
      return Wait
    }
    const { blanks, kind } = this.following
    const language = this.languageFor(this.tokenBefore(position))
    return blanks && kind === Class.Upper && !language.abbreviations.has(this.tokenBefore(position)) ? to : None
  }

  /** A letter right after the mark: an abbreviation, a domain, or a forgotten space. */
  private examineUnspaced(position: number, before: number, after: number): number {
    const { text } = this
    if (after === Class.Lower) {
      return None
    }
    const token = this.tokenBefore(position)
    if (after === Class.Caseless) {
      if (before !== Class.Caseless || !plainWord.test(token) || isThaiOrLao(text.charCodeAt(position - 1))) {
        return None
      }
      const known = this.languageFor(token).abbreviations.has(token) || Languages.letterNames.has(token)
      const short = token.length < 3 && !isWide(text.charCodeAt(position - 1))
      return known || short ? None : position + 1
    }
    const number = integer.test(token.replaceAll(",", "")) && !this.isSegmentStart(position - token.length)
    if (!number && (!plainWord.test(token) || token.length < 2)) {
      return None
    }
    const word = this.wordAt(position + 1)
    if (word === undefined) {
      return Wait
    }
    const stop = position + 1 + word.length
    if (this.isMissing(stop + 1)) {
      return Wait
    }
    const then = text[stop]
    const language = this.languageFor(token)
    const starter = language.starters.has(word.toLowerCase())
    const title = ((language.abbreviations.get(word.toLowerCase()) ?? 0) & Languages.Title) !== 0
    const ends = stop >= text.length || isSpaceRole(this.role(stop)) || then === "," || then === "!" || then === "?" ||
      then === "'" || then === "\u2019" || then === ":" || then === "-" ||
      then === "." &&
        (stop + 1 >= text.length || isSpaceRole(this.role(stop + 1)) || this.classAt(stop + 1) === Class.Upper)
    if (!ends || language.abbreviations.has(token.toLowerCase()) && !starter) {
      return None
    }
    const capitalised = this.classAt(position - token.length) === Class.Upper
    const wordLike = /^\p{Lu}\p{Ll}+$/u.test(word)
    if (number) {
      return wordLike && word.length > 1 || starter ? position + 1 : None
    }
    // "System.Out" and "Node.Js" are names; "Tuesday.The" is not.
    const atStart = this.isSegmentStart(position - token.length)
    if (capitalised && !(atStart && /^\p{Lu}\p{Ll}+$/u.test(token) && starter)) {
      return (starter || title) && /\p{Ll}$/u.test(token) ? position + 1 : None
    }
    return wordLike && word.length > 2 || starter ? position + 1 : None
  }

  private languageFor(word: string): Languages.Language {
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

  private guessLanguage(position: number, abbreviation = ""): void {
    if (this.rules.subtag === undefined && (this.guessed <= this.start || position - this.guessed > guessStep)) {
      this.guessed = position
      const text = this.text.slice(Math.max(this.start, position - 240), position - abbreviation.length)
      this.language = Languages.guess(text, abbreviation, this.language)
    }
  }

  /** Text that starts without a capital is chat: it has no capitals after marks either. */
  private isLowerCaseStyle(position: number): boolean {
    if (!this.isSpoken(position)) {
      return false
    }
    return this.classAt(this.word) === Class.Lower
  }

  /** Whether the full stop at `position`, which a blank follows, ends a sentence; `close` is the end of its closers. */
  private decide(position: number, close: number): number {
    const { text } = this
    const following = this.following
    const token = this.tokenBefore(position)
    const { at, emoji, emojiEnd, kind, newlines } = following
    const boundary = emoji ? emojiEnd : close
    if (newlines > 1 || kind === Class.End) {
      return boundary
    }
    const script = text.charCodeAt(position - 1)
    if (isThaiOrLao(script) || script >= 0x1780 && script <= 0x17ff) {
      // Scripts whose full stops only shorten words.
      return None
    }
    const closed = close > position + 1
    if (closed) {
      // A bracket or a quotation mark stands between: "(He left.) She stayed." and "This is great." she said.
      if (kind === Class.Lower) {
        return None
      }
      return this.decideWord(token, position, boundary)
    }
    const first = this.classAt(at)
    if (
      first === Class.Punctuation && !isWordClass(kind) || first === Class.Closer || text[at] === "&" ||
      text[at] === "/"
    ) {
      return None
    }
    return this.decideWord(token, position, boundary)
  }

  private decideWord(token: string, position: number, boundary: number): number {
    const { text } = this
    const { bracket, dash, kind, newlines, opener, under } = this.following
    if (token === "") {
      return kind === Class.Lower ? None : boundary
    }
    if (kind !== Class.Lower && this.isOrdinary(token) && text[position - token.length - 2] !== ".") {
      return boundary
    }
    if (integer.test(token)) {
      return this.decideNumber(token, position, boundary)
    }
    if (numeric.test(token)) {
      // "2.1. Overview" is a heading; "$5.50. Next" is not.
      const heading = outline.test(token) && this.isSegmentStart(position - token.length)
      return kind === Class.Lower || heading ? None : boundary
    }
    // The next word as a whole, where it matters.
    const piece = /[\p{L}\p{M}\p{Nd}.\u00b0\u00ba\u00aa'\u2019\u06d4]+$/u.exec(token)?.[0] ?? ""
    if (token.at(-piece.length - 1) === "/") {
      // "km/h", and the last part of an address.
      return kind === Class.Lower ? None : boundary
    }
    const found = this.abbreviation(token, piece, position)
    const kinds = found.kinds
    if (found.single || found.acronym || found.begins || kinds !== 0) {
      return this.decideAbbreviation(found, piece, position, boundary)
    }
    if (Languages.letterNames.has(piece.split(".").at(-1) ?? "")) {
      return None
    }
    if (kind === Class.Lower) {
      if (dash || bracket || opener) {
        return dash ? None : boundary
      }
      if (newlines > 0 || /^[ai][.)]\s/.test(text.slice(under, under + 3))) {
        return boundary
      }
      if (this.isMissing(under + 2)) {
        return Wait
      }
      return this.decideLower(piece, position, boundary)
    }
    if (kind === Class.Upper && !opener && vowelless.test(piece) && piece !== piece.toUpperCase()) {
      this.guessLanguage(position)
      const english = (this.rules.subtag ?? this.language) === "en"
      if (english && !Languages.interjection.test(piece.toLowerCase())) {
        const word = this.wordAt(under)
        return word === undefined ? Wait : this.languageFor(piece).starters.has(word.toLowerCase()) ? boundary : None
      }
    }
    if (romanNumeral.test(piece) && kind === Class.Upper) {
      this.guessLanguage(position)
      if (this.languageFor(text.slice(position - token.length, position)).ordinals) {
        const word = this.wordAt(under)
        return word === undefined ? Wait : this.isStarter(word, piece) ? boundary : None
      }
    }
    return boundary
  }

  /** Whether nothing is special about a word before a full stop, in any language that the text may be in. */
  private isOrdinary(token: string): boolean {
    const { ordinary } = this.rules
    const known = ordinary.get(token)
    if (known !== undefined) {
      return known
    }
    const lower = token.toLowerCase()
    const language = this.rules.language ?? Languages.anyLatin()
    const found = /^[\p{Script=Latin}\p{M}]{2,}$/u.test(token) && !vowelless.test(token) && !romanNumeral.test(token) &&
      !lower.endsWith("str") && lower !== "al" &&
      [language, Languages.fallback(), Languages.everywhere()].every((known) =>
        !known.abbreviations.has(lower) && !known.beginnings.has(lower)
      )
    if (ordinary.size >= ordinaryWords) {
      ordinary.clear()
    }
    ordinary.set(token, found)
    return found
  }

  /** A full stop before a word in lower case: abbreviations that are not known, and chat. */
  private decideLower(piece: string, position: number, boundary: number): number {
    if (!plainWord.test(piece) && piece !== "") {
      // What ends in a digit, a bracket or a domain.
      return /\p{L}{2,}$/u.test(piece) && this.isLowerCaseStyle(position) ? boundary : None
    }
    const lower = piece.toLowerCase()
    if (Languages.anyLatin().abbreviations.has(lower) && !Languages.shortEnders.has(lower)) {
      return None
    }
    if (/^\p{Ll}?\p{Lu}/u.test(piece) && piece.length < 4) {
      return None
    }
    if (this.isLowerCaseStyle(position)) {
      return piece.length >= 3 || Languages.shortEnders.has(lower) ? boundary : None
    }
    return piece.length >= 5 && !vowelless.test(piece) || Languages.shortEnders.has(lower) ? boundary : None
  }

  private decideNumber(token: string, position: number, boundary: number): number {
    const { kind, opener, under } = this.following
    if (kind === Class.Lower) {
      return None
    }
    if (kind === Class.Digit) {
      // Dates: "12. 5. 2024".
      let to = under
      while (to < under + 5 && this.classAt(to) === Class.Digit) {
        to++
      }
      if (this.isMissing(to)) {
        return Wait
      }
      const year = to - under === 4 && token.length <= 2
      return year || this.text[to] === "." && to - under <= 2 ? None : boundary
    }
    if (
      kind === Class.Caseless &&
      /\p{Nd}\. $/u.test(this.text.slice(Math.max(this.start, position - token.length - 3), position - token.length))
    ) {
      return None
    }
    if (kind === Class.Upper && !opener) {
      const word = this.wordAt(under)
      if (word === undefined) {
        return Wait
      }
      if (token.length <= 2 && Languages.months.has(word.toLowerCase())) {
        return None
      }
      if (token.length <= 3) {
        this.guessLanguage(position)
        if (this.languageFor(word).ordinals) {
          return this.isStarter(word, token) ? boundary : None
        }
      }
    }
    return boundary
  }

  private isStarter(word: string, abbreviation: string): boolean {
    const lower = word.toLowerCase()
    return this.languageFor(word).starters.has(lower) ||
      (this.rules.language === undefined && /^[\p{Script=Latin}.]+$/u.test(abbreviation) &&
        Languages.fallback().starters.has(lower))
  }

  /** What is known of the word before the mark as an abbreviation. */
  private abbreviation(
    token: string,
    piece: string,
    position: number
  ): Abbreviation {
    const { text } = this
    let from = position - piece.length
    // "5kg." as one word
    const measured = /^\p{Nd}[\p{Nd}.,]*(\p{L}+)$/u.exec(piece)
    const word = (measured?.[1] ?? piece).replaceAll("\u2019", "'")
    // "L'avv." is an article and an abbreviation.
    const lower = word.toLowerCase().replace(/^\p{L}{1,5}'(?=\p{L}{2})/u, "")
    const single = singleLetter.test(word) && measured === null
    // "z. B.", "т. е.", "p. m.": the words before that end in a full stop belong to it.
    let joined = lower
    let parts = 0
    const floor = Math.max(this.start, from - 16)
    while (parts < 3 && from - 1 > floor && this.role(from - 1) === Role.Blank && text[from - 2] === ".") {
      let to = from - 2
      while (to > floor && (isLetter(classOf(text.charCodeAt(to - 1))) || text[to - 1] === ".")) {
        to--
      }
      if (to === from - 2 || from - 2 - to > 4) {
        break
      }
      joined = text.slice(to, from - 2).toLowerCase() + "." + joined
      from = to
      parts++
    }
    let before = from - 1
    while (before >= this.start && this.role(before) === Role.Blank) {
      before--
    }
    let afterNumber = measured !== null
    if (!afterNumber && before >= this.start && before < from - 1) {
      afterNumber = this.classBefore(before + 1) === Class.Digit || romanNumeral.test(this.tokenBefore(before + 1))
    }
    const isAcronym = acronym.test(word)
    const language = this.rules.language
    let kinds = 0
    const lookUp = (found: Languages.Language): number =>
      (parts > 0 ? found.abbreviations.get(joined) : undefined) ?? found.abbreviations.get(lower) ??
        found.abbreviations.get(token.toLowerCase()) ?? 0
    if (language !== undefined) {
      kinds = lookUp(language)
    } else if (/\p{Script=Latin}/u.test(word)) {
      kinds = lookUp(Languages.everywhere())
      if (kinds === 0 && lookUp(Languages.anyLatin()) !== 0) {
        this.guessLanguage(position, lower)
        kinds = lookUp(Languages.language(this.language) ?? Languages.fallback())
        if (kinds === 0 && this.guessed !== position) {
          this.guessed = 0
          this.guessLanguage(position, lower)
          kinds = lookUp(Languages.language(this.language) ?? Languages.fallback())
        }
        if (kinds === 0 && !Languages.ordinary.has(lower)) {
          // Nothing else tells the language: what stands before a number or a name tells itself.
          const { kind } = this.following
          kinds = lookUp(Languages.anyLatin()) &
            (kind === Class.Digit ? Languages.Numbered : kind === Class.Upper ? Languages.Title : 0)
        }
      }
    } else {
      kinds = lookUp(this.languageFor(word))
    }
    if (kinds === 0) {
      kinds = lookUp(Languages.everywhere())
    }
    if ((kinds & Languages.Proper) !== 0) {
      kinds = /^\p{Lu}/u.test(word) && !this.isSegmentStart(position - piece.length) ? kinds & ~Languages.Proper : 0
    }
    if (kinds === 0 && lower.endsWith("str") && lower.length > 3) {
      this.guessLanguage(position)
      kinds = (this.rules.subtag ?? this.language) === "de" ? Languages.Numbered | Languages.General : 0
    }
    if ((kinds & Languages.Unit) !== 0 && afterNumber) {
      kinds = Languages.Unit
    } else {
      kinds &= ~Languages.Unit
    }
    if (lower === "al") {
      kinds = /\bet $/iu.test(text.slice(Math.max(this.start, position - 5), position - 2))
        ? Languages.General
        : kinds & Languages.Title
    }
    return { kinds, single, acronym: isAcronym, joined, begins: this.continues(joined) }
  }

  private continues(joined: string): boolean {
    const { language, subtag } = this.rules
    const known = language ?? (subtag === undefined ? Languages.anyLatin() : Languages.fallback())
    return known.beginnings.has(joined) || joined.includes(".") && known.abbreviations.has(joined)
  }

  private decideAbbreviation(
    found: Abbreviation,
    piece: string,
    position: number,
    boundary: number
  ): number {
    const { text } = this
    const { bracket, dash, emoji, kind, newlines, opener, under } = this.following
    const { kinds } = found
    if (kind === Class.Lower) {
      // A word that is also an abbreviation, in chat: "no. they left"
      const lower = piece.toLowerCase()
      const ordinary = !found.acronym && !found.single && Languages.shortEnders.has(lower) &&
        (kinds & Languages.Unit) === 0
      return ordinary && !dash && !opener && this.isLowerCaseStyle(position) ? boundary : None
    }
    const isAbbreviation = (bits: number): boolean => (kinds & bits) !== 0
    if (found.single && kind === Class.Upper && !opener && this.isLabelled(piece, position)) {
      return boundary
    }
    if (isAbbreviation(Languages.Connector)) {
      return None
    }
    if (
      (found.single || found.acronym || isAbbreviation(Languages.General)) &&
      this.isSegmentStart(position - piece.length)
    ) {
      // An abbreviation alone is no sentence: "P.S. I love you."
      return None
    }
    if (emoji) {
      return boundary
    }
    let word = ""
    let initial = false
    if (kind === Class.Upper || kind === Class.Caseless) {
      const read = this.wordAt(under)
      if (read === undefined || this.isMissing(under + read.length)) {
        return Wait
      }
      word = read
      initial = singleLetter.test(word) && text[under + word.length] === "."
    }
    const lower = word.toLowerCase()
    const starter = !initial && word !== "" && this.isStarter(word, piece)
    if (
      kind === Class.Upper && found.begins && text[under + word.length] === "." &&
      this.continues(found.joined + "." + lower)
    ) {
      return None
    }
    if (isAbbreviation(Languages.Numbered)) {
      if (kind === Class.Digit || kind === Class.Symbol) {
        return None
      }
      if (kind === Class.Upper && !starter && (word.length === 1 || romanNumeral.test(word))) {
        return None
      }
      if ((kinds & ~Languages.Numbered) === 0 && !found.single && !found.acronym) {
        return boundary
      }
    }
    if (isAbbreviation(Languages.Title)) {
      // "Elm St. She": the name stands before it.
      const named = /\p{Lu}[\p{L}\p{M}'\u2019-]+\s+$/u.test(
        text.slice(Math.max(this.start, position - piece.length - 24), position - piece.length)
      ) &&
        !/^(then|but|and|so|dear)\s+$/iu.test(text.slice(this.start, position - piece.length))
      if (isAbbreviation(Languages.General)) {
        return starter || newlines > 0 ? boundary : None
      }
      if (this.rules.subtag === "nl" || this.language === "nl") {
        return None
      }
      return starter && (named || /^\p{Ll}/u.test(piece)) ? boundary : None
    }
    if (isAbbreviation(Languages.Unit) && (this.rules.subtag ?? this.language) === "de") {
      // A noun has a capital too: "5 Mio. Euro".
      return kind === Class.Upper && starter || kind === Class.Caseless ? boundary : None
    }
    if (isAbbreviation(Languages.Unit) || isAbbreviation(Languages.Closing)) {
      return kind === Class.Digit || kind === Class.Symbol || bracket ? None : boundary
    }
    if (isAbbreviation(Languages.Time)) {
      if (kind === Class.Digit || bracket || Languages.afterTime.has(lower) && kind === Class.Upper) {
        return None
      }
      const words = text.slice(this.start, position).trim().split(/\s+/, 5)
      return words.length <= 4 && Languages.timePrepositions.has((words[0] ?? "").toLowerCase()) && !starter
        ? None
        : boundary
    }
    if (isAbbreviation(Languages.General)) {
      return newlines > 0 ? boundary : this.afterName(starter, boundary)
    }
    if (found.begins && !found.single && !found.acronym) {
      return boundary
    }
    // Initials and acronyms.
    if (initial) {
      return None
    }
    if (found.single) {
      return this.decideInitial(piece, word, starter, position, boundary)
    }
    return newlines > 0 ? boundary : this.afterName(starter, boundary)
  }

  /** After an abbreviation that may end a sentence only a starter tells that it does. */
  private afterName(starter: boolean, boundary: number): number {
    const { bracket, dash, kind, opener } = this.following
    if (kind === Class.Upper) {
      return starter && !bracket && !dash ? boundary : None
    }
    return opener && !bracket && kind !== Class.Digit ? boundary : None
  }

  /** "Vitamin C." */
  private isLabelled(letter: string, position: number): boolean {
    return Languages.labels.has(this.tokenBefore(position - letter.length - 1).toLowerCase())
  }

  private decideInitial(piece: string, word: string, starter: boolean, position: number, boundary: number): number {
    const { text } = this
    const { kind, newlines } = this.following
    const before = this.tokenBefore(position - piece.length - 1)
    if (newlines > 0 && kind !== Class.Upper) {
      return boundary
    }
    if (piece === "I" && /^\p{Ll}/u.test(before) && before !== "by") {
      return boundary
    }
    if (kind === Class.Upper) {
      return starter && !Languages.nameLike.has(word.toLowerCase()) ? boundary : None
    }
    // Not a Latin initial but the last syllable of a word: scripts without case.
    const unit = text.charCodeAt(position - 1)
    if (isWide(unit)) {
      return boundary
    }
    return None
  }

  // -----------------------------------------------------------------------------------------------------------------
  // -- Questions about what is pending ------------------------------------------------------------------------------
  // -------------------------------------

  /** Whether the pending text would be a whole sentence if nothing followed. */
  endsSentence(): boolean {
    const { text } = this
    if (!this.isSpoken(text.length)) {
      return false
    }
    let end = text.length
    let newline = false
    while (end > this.start && isSpaceRole(this.role(end - 1))) {
      newline = newline || this.role(end - 1) === Role.Newline
      end--
    }
    if (newline) {
      return true
    }
    if (this.classBefore(end) === Class.Emoji) {
      return true
    }
    let mark = end
    while (mark > this.start && (isCloser(this.classAt(mark - 1)) || "*_~`".includes(text[mark - 1] ?? ""))) {
      mark--
    }
    if (mark === this.start) {
      return false
    }
    const role = this.role(mark - 1)
    if (role !== Role.Stop) {
      return role === Role.Strong || role === Role.Wide || role === Role.Ellipsis || this.asks(mark - 1) ||
        role === Role.WordMark && this.role(mark - 2) === Role.WordMark
    }
    if (mark - 2 >= this.start && this.role(mark - 2) !== Role.Plain) {
      return true
    }
    const position = mark - 1
    const token = this.tokenBefore(position)
    if (shortNumber.test(token)) {
      // "3." may go on as "3.14" or as a list.
      return text.length > end && !this.isSegmentStart(position - token.length)
    }
    const piece = /[\p{L}\p{M}\p{Nd}.\u00b0\u00ba\u00aa'\u2019\u06d4]+$/u.exec(token)?.[0] ?? ""
    const found = this.abbreviation(token, piece, position)
    if (found.single && found.kinds === 0) {
      return this.isLabelled(piece, position) || piece === "I"
    }
    return (found.kinds & (Languages.Title | Languages.Connector)) === 0 &&
      !(found.kinds === Languages.Numbered && piece !== piece.toLowerCase())
  }

  /** The end of the last whole word. */
  wordEnd(): number {
    const { text } = this
    let end = text.length
    while (end > this.start && !isSpaceRole(this.role(end - 1))) {
      if (isUnspaced(text.charCodeAt(end - 1))) {
        const from = this.start
        const cut = wordCut(text, from, text.length - 1, this.rules.locale)
        return Math.max(cut > from && cut < text.length && cut >= end - wordContext ? cut : from, this.blankEnd())
      }
      end--
    }
    return end
  }

  private blankEnd(): number {
    let end = this.text.length
    while (end > this.start && !isSpaceRole(this.role(end - 1))) {
      end--
    }
    return end
  }
}

const scanner = (rules: Rules, state: State, input: string, final: boolean): Scanner =>
  new Scanner(rules, state, state.pending + state.memory.unread + input, final)

/** @internal */
export const push = (rules: Rules, state: State, input: string): readonly [State, ReadonlyArray<Segment>] => {
  if (input === "") {
    return [state, []]
  }
  const { memory, pending } = state
  if (pending.length > patience && memory.unread.length + input.length < pending.length >> 6) {
    return [{ ...state, memory: { ...memory, unread: memory.unread + input } }, []]
  }
  const scan = scanner(rules, state, input, false)
  scan.run()
  return [scan.state(), scan.segments]
}

/** @internal */
export const flush = (rules: Rules, state: State): readonly [State, ReadonlyArray<Segment>] => {
  const scan = scanner(rules, state, "", true)
  scan.run()
  return [scan.state(), scan.segments]
}

/** @internal */
export const takeWords = (rules: Rules, state: State): readonly [State, ReadonlyArray<Segment>] => {
  const all = scanner(rules, state, "", false)
  const end = all.wordEnd()
  if (end === 0) {
    return [state, []]
  }
  const { memory } = state
  const within = (position: number): number => position > end ? 0 : position
  const [taken, segments] = flush(rules, {
    ...state,
    pending: all.text.slice(0, end),
    memory: {
      ...memory,
      unread: "",
      position: Math.min(memory.position, end),
      sentence: within(memory.sentence),
      clause: within(memory.clause),
      blank: within(memory.blank)
    }
  })
  const [next, more] = push(rules, taken, all.text.slice(end))
  return [next, [...segments, ...more]]
}

/** @internal */
export const endsSentence = (rules: Rules, state: State): boolean => scanner(rules, state, "", true).endsSentence()
