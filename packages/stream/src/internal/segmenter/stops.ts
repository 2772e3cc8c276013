/**
 * The full stop, which ends sentences, abbreviations, ordinals and the markers of lists.
 *
 * @since 0.1.0
 */
import * as Chars from "./characters.js"
import * as Languages from "./languages.js"
import { integer, markReach, None, plainWord, Reading, Wait } from "./reading.js"

// Test runners read the members of a module through getters, which would cost more than the scan.
const { Class, Role, classOf, isLetter, isSpaceRole, isThaiOrLao, isWide, isWordClass } = Chars

/** @internal */
export interface ListItem {
  /** The markers that may follow: "i" continues as "j" or as "ii". */
  readonly next: ReadonlyArray<string>
  /** What closes the marker: ".", ")" or ".)". */
  readonly close: string
  /** Whether the text of the item starts with a capital. */
  readonly upper: boolean
}

/** How many words a segmenter remembers as ordinary or not. */
const ordinaryWords = 2048

const romanNumeral = /^(?=[IVXLCDM])M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})$/

const acronym = /^(\p{L}\.)+\p{L}$/u

const singleLetter = /^\p{L}\p{M}*$/u

const outline = /^\d+(\.\d+)+$/

const numeric = /^[\p{Sc}(]*\p{Nd}[\p{Nd}.,:/\u2019'-]*[%\u00b0\u00ba\u00aa]?$/u

const vowelless = /^\p{Lu}?[bcdfghjklmnpqrstvwxz]{1,4}$/u

const romans = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split(" ")

/** The markers that come after a marker in a list; none if it is not a marker. */
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

/** @internal */
export abstract class Stops extends Reading {
  /** The item of a list that was last seen. */
  protected list: ListItem | undefined
  /** Where the scan resumes when the mark at hand is not a boundary. */
  protected next = 0
  /** Whether the mark at hand closes the marker of a list item. */
  protected marked = false

  /**
   * A marker such as "2." or "b)" that ends before `position`. At the start of a segment it opens a list; inside one
   * it starts a new segment if it is the successor of the marker before.
   */
  protected examineMarker(position: number, close: string, end: number): number {
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

  protected examineStop(position: number, before: number): number {
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

  /** Dots with spaces between them: three omit words within a sentence, four also end it. */
  protected examineSpaced(position: number): number {
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

  /** The number of a footnote right after the mark: "of cattle.13 These". */
  protected examineNote(position: number): number {
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
  protected examineUnspaced(position: number, before: number, after: number): number {
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

  /** Whether the full stop at `position`, which a blank follows, ends a sentence; `close` is the end of its closers. */
  protected decide(position: number, close: number): number {
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

  protected decideWord(token: string, position: number, boundary: number): number {
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
  protected isOrdinary(token: string): boolean {
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
  protected decideLower(piece: string, position: number, boundary: number): number {
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

  protected decideNumber(token: string, position: number, boundary: number): number {
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

  /** What is known of the word before the mark as an abbreviation. */
  protected abbreviation(
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
          // Nothing else reveals the language: what stands before a number or a name speaks for itself.
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

  protected continues(joined: string): boolean {
    const { language, subtag } = this.rules
    const known = language ?? (subtag === undefined ? Languages.anyLatin() : Languages.fallback())
    return known.beginnings.has(joined) || joined.includes(".") && known.abbreviations.has(joined)
  }

  protected decideAbbreviation(
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
      // An abbreviation alone is not a sentence: "P.S. I love you."
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

  /** After an abbreviation that may end a sentence only a starter shows that it does. */
  protected afterName(starter: boolean, boundary: number): number {
    const { bracket, dash, kind, opener } = this.following
    if (kind === Class.Upper) {
      return starter && !bracket && !dash ? boundary : None
    }
    return opener && !bracket && kind !== Class.Digit ? boundary : None
  }

  /** "Vitamin C." */
  protected isLabelled(letter: string, position: number): boolean {
    return Languages.labels.has(this.tokenBefore(position - letter.length - 1).toLowerCase())
  }

  protected decideInitial(piece: string, word: string, starter: boolean, position: number, boundary: number): number {
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
}
