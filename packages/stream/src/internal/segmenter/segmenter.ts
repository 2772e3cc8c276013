/**
 * The scanner behind `TextSegmenter`: one pass over the text, one table look-up for every code unit, and a decision
 * of bounded reach at every mark that may end a segment.
 *
 * @since 0.1.0
 */
import type { Segment, State } from "../../TextSegmenter.js"
import * as Chars from "./characters.js"
import * as Languages from "./languages.js"
import { Marks } from "./marks.js"
import { markReach, Wait } from "./reading.js"
import type { Rules } from "./reading.js"
import type { ListItem } from "./stops.js"

// Test runners read the members of a module through getters, which would cost more than the scan.
const { Class, Role, graphemeCut, hardCut, isPlainBoundary, isSpaceRole, isUnspaced, roles, wordContext, wordCut } =
  Chars

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
  readonly wrap: number
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
  wrap: 0,
  word: -1,
  titles: 0,
  list: undefined,
  language: "en",
  guessed: 0
}

/** A pending text longer than this is read on only when it has grown by 1/64. */
const patience = 4096

/**
 * How many segments at the start of a text are read for the language that it is in; later ones only where it matters.
 */
const guessedSegments = 8

/** How far from the middle of a long sentence it is cut, in lengths of a segment. */
const farthest = 0.25

const shortNumber = /(?:^|[^\p{Nd}.,])\p{Nd}{1,3}$/u

const isCloser = (found: number): boolean =>
  found === Class.Closer || found === Class.Quote || found === Class.Superscript || found === Class.Extend

class Scanner extends Marks {
  readonly segments: Array<Segment> = []
  private position: number
  /** Whether the segment is complete and only takes in the blanks after it. */
  private closed: boolean
  private readonly offset: number

  constructor(rules: Rules, { index, memory, textOffset }: State, text: string, final: boolean) {
    super(rules, text, final, memory.word, memory.language, memory.guessed)
    this.position = memory.position
    this.closed = memory.closed > 0
    this.sentence = memory.sentence
    this.clause = memory.clause
    this.blank = memory.blank
    this.line = memory.line
    this.wrap = memory.wrap
    this.titles = memory.titles
    this.list = memory.list
    this.index = index
    this.offset = textOffset
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
        wrap: this.wrap,
        word: this.word < from ? -1 : this.word - from,
        titles: this.titles,
        list: this.list,
        language: this.language,
        guessed: relative(this.guessed)
      }
    }
  }

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
        if (!(text[position] === "\n" && text[position - 1] === "\r")) {
          newlines++
        }
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
      this.wrap = 0
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
    const target = this.sentence > start ? limit : this.evenCut(limit)
    if (target === Wait) {
      return false
    }
    const even = target < limit ? this.placeNear(target, limit) : start
    const candidates = [
      this.sentence,
      even,
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
        ? wordCut(text, start, target, this.rules.locale)
        : hardCut(text, start, limit)
    }
    this.emit(position)
    if (this.position < this.start) {
      this.position = this.start
    }
    return true
  }

  /**
   * Where the pending text would be halved if its sentence ends within another length; the cap if it does not; `Wait` if that
   * cannot be known yet.
   */
  private evenCut(limit: number): number {
    const { start, text } = this
    const reach = limit + this.rules.maxLength
    for (let at = limit; at < reach; at++) {
      if (at >= text.length) {
        return this.final ? start + Math.ceil((text.length - start) / 2) : Wait
      }
      const role = this.role(at)
      const ends = role === Role.Wide || role === Role.Newline ||
        (role === Role.Strong || role === Role.Stop || role === Role.Ellipsis)
      if (ends) {
        const after = role === Role.Wide || role === Role.Newline ? at + 1 : this.markEnd(at + 1)
        if (after === Wait) {
          return Wait
        }
        if (after > at) {
          return start + Math.ceil((after - start) / 2)
        }
      }
    }
    return limit
  }

  /** The end of a mark and its closing signs if a space follows; 0 if none does. */
  private markEnd(from: number): number {
    let at = from
    while (at < from + markReach && at < this.text.length && isCloser(this.classAt(at))) {
      at++
    }
    return this.isMissing(at) ? Wait : at >= this.text.length || isSpaceRole(this.role(at)) ? at : 0
  }

  /** The best place to cut near `target`: after a blank, better after a clause; the start if there is none. */
  private placeNear(target: number, limit: number): number {
    const { start } = this
    const most = Math.floor((limit - start) * farthest)
    let best = start
    let worst = Infinity
    for (let at = Math.max(start + 1, target - most); at <= Math.min(limit, target + most); at++) {
      if (isSpaceRole(this.role(at)) || !isSpaceRole(this.role(at - 1))) {
        continue
      }
      let last = at - 1
      while (last > start && isSpaceRole(this.role(last))) {
        last--
      }
      const role = this.role(last)
      const bonus = role === Role.Clause || role === Role.WideClause ? most : 0
      const score = Math.abs(at - target) - bonus
      if (score < worst) {
        worst = score
        best = at
      }
    }
    return best
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
      // "3." may continue as "3.14" or as a list.
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
