/**
 * What stands between a text as people write it and the engine, which was made for clean American English: everything
 * that would make it hang, crash, run away, fall silent or read nonsense is rewritten or refused here.
 *
 * @since 0.1.0
 */
import { InvalidSpeechRequest } from "@effect-smallest/core/SpeechError"
import * as Either from "effect/Either"
import { escape as escapeRegExp } from "effect/RegExp"
import * as AsciiText from "./internal/asciiText.js"

/**
 * How to pronounce a word: spelled in another way that the engine reads right, or as phonemes.
 *
 * Phonemes are those of the CMU dictionary in lower case, separated by spaces; vowels carry their stress as 0 or 1 (2 counts as 1):
 * `{ phonemes: "g uh1 d b ay1" }`.
 *
 * @since 0.1.0
 * @category models
 */
export type Pronunciation = string | { readonly phonemes: string }

/**
 * Pronunciations by word. A word matches exactly as it is written, in upper or lower case, without the punctuation around
 * it.
 *
 * @since 0.1.0
 * @category models
 */
export type Pronunciations = Readonly<Record<string, Pronunciation>>

/**
 * A word of the text.
 *
 * @since 0.1.0
 * @category models
 */
export interface Word {
  /** The word as the caller wrote it, without the punctuation around it. */
  readonly text: string
  /** Where it begins in the caller's text, in UTF-16 code units. */
  readonly offset: number
  /** What the engine reads for it. */
  readonly spoken: string
}

/**
 * A piece of text that the engine reads in one breath, and hands over as one piece of audio.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sentence {
  /** What the engine reads: ASCII, at most {@link maxSentenceLength} characters. */
  readonly text: string
  readonly words: ReadonlyArray<Word>
}

/**
 * A text, ready for the engine.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reading {
  /** At least one. */
  readonly sentences: ReadonlyArray<Sentence>
  /** Pronunciations in the engine's own notation, one a line. */
  readonly lexicon: string
}

/**
 * The longest sentence in ASCII characters. Longer ones are cut, at punctuation if there is some.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxSentenceLength = 300

/**
 * The longest word in ASCII characters. Longer ones are cut: no word of English is longer, and the engine's need for time
 * and memory explodes with the length of a word.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxWordLength = 48

const invalid = (parameter: string, description: string) =>
  new InvalidSpeechRequest({ module: "LocalSpeechSynthesizer", method: "events", parameter, description })

// ----------------------------------------------------------------------------------------------------------------
// pronunciations
// ----------------------------------------------------------------------------------------------------------------

const phoneme =
  /^(?:ax0|(?:aa|ae|ah|ao|aw|ay|eh|er|ey|ih|iy|ow|oy|uh|uw)[012]|ch|dh|hh|jh|ng|sh|th|zh|[bdfgklmnprstvwyz])$/

const syllables = ["ba", "be", "bi", "bo", "bu", "da", "de", "di", "do", "du"]

/** What the engine shall read for each word, and the entries that its lexicon needs for that. */
interface Dictionary {
  readonly spoken: ReadonlyMap<string, string>
  readonly lexicon: string
}

const dictionary = (pronunciations: Pronunciations): Either.Either<Dictionary, InvalidSpeechRequest> =>
  Either.gen(function*() {
    const spoken = new Map<string, string>()
    const entries: Array<string> = []
    for (const [word, pronunciation] of Object.entries(pronunciations)) {
      if (word.trim() === "") {
        return yield* Either.left(invalid("pronunciations", "One of the pronunciations is for a word without letters"))
      }
      if (typeof pronunciation === "string") {
        const { text } = yield* toAscii("pronunciations", pronunciation, 0)
        const respelling = text.replace(/[^A-Za-z0-9'-]+/g, " ").trim()
        if (!/[A-Za-z0-9]/.test(respelling) || respelling.length > maxWordLength) {
          return yield* Either.left(
            invalid(
              "pronunciations",
              `"${pronunciation}" is not a spelling of "${word}": write 1 to ${maxWordLength} letters`
            )
          )
        }
        spoken.set(word, respelling)
      } else {
        const phonemes = pronunciation.phonemes.trim().split(/\s+/)
        const unknown = phonemes.find((name) => !phoneme.test(name))
        if (unknown !== undefined || phonemes.length > maxWordLength) {
          return yield* Either.left(
            invalid(
              "pronunciations",
              `"${pronunciation.phonemes}" does not pronounce "${word}": write 1 to ${maxWordLength} phonemes of the CMU ` +
                "dictionary in lower case, with the stress after each vowel, such as \"g uh1 d b ay1\""
            )
          )
        }
        // The engine looks a word up only if it takes it for one: "sqlite" would be spelled out. So the entry is for a
        // word made up of syllables, which is read in its place.
        const placeholder = `lex${Array.from(String(entries.length), (digit) => syllables[Number(digit)]).join("")}`
        entries.push(`${placeholder} : ${phonemes.join(" ").replaceAll("2", "1")}\n`)
        spoken.set(word, placeholder)
      }
    }
    return { spoken, lexicon: entries.join("") }
  })

// ----------------------------------------------------------------------------------------------------------------
// words
// ----------------------------------------------------------------------------------------------------------------

/** A word, the punctuation that follows it, and whether a paragraph ends there. */
interface Token extends Word {
  readonly mark: string
  readonly endsParagraph: boolean
}

const toAscii = (
  parameter: string,
  text: string,
  offset: number
): Either.Either<AsciiText.AsciiText, InvalidSpeechRequest> =>
  Either.mapLeft(AsciiText.fromText(text), (unreadable) =>
    invalid(
      parameter,
      `The embedded voice reads English only and cannot read "${unreadable.letter}" at offset ` +
        `${offset + unreadable.offset} of \`${parameter}\`; speak other languages with another engine`
    ))

const blank = (text: string): string => " ".repeat(text.length)

const markup = /<\/?[A-Za-z][\w:-]*(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*\/?>|<!--[^<>]*-->/g

// Rulers such as ===== and the like; signs that end sentences or make pauses may run, they count once.
const ruler = /([=+@&%*#<>|~^$_°×÷±])\1{2,}/g

const address = /(?:(?:https?|ftp):\/\/|\bwww\.)[^\s<>"]+|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/gi

const addressParts: ReadonlyMap<string, string> = new Map([
  ["www", "w w w"],
  [".", "dot"],
  ["/", "slash"],
  ["-", "dash"],
  ["_", "underscore"],
  ["@", "at"],
  [":", "colon"],
  ["?", "question mark"],
  ["=", "equals"],
  ["&", "and"],
  ["#", "hash"],
  ["%", "percent"],
  ["~", "tilde"],
  ["+", "plus"]
])

const marks = ["?", "!", ".", ":", ";", ","]

const strongestMark = (punctuation: string): string => marks.find((mark) => punctuation.includes(mark)) ?? ""

const isSpeakable = (text: string): boolean => /[A-Za-z0-9]/.test(text)

// Amounts are read with the currency behind them; the engine does that for dollars by itself.
const amount = (core: string): string => {
  const currency = core.startsWith("$") ? undefined : AsciiText.currencies.get(core.slice(0, 1))
  return currency === undefined ? core : `${core.slice(1)} ${currency}`
}

const spell = (core: string, lead: string): string => {
  const sign = !/^[0-9]/.test(core) ? "" : lead.endsWith("-") ? "minus " : lead.endsWith(".") ? "point " : ""
  return `${sign}${amount(core)}`
    .replace(/[^A-Za-z0-9 ]{2,}/g, " ")
    .replace(/^[^A-Za-z0-9$]+|[^A-Za-z0-9%]+$/g, "")
    .replace(/([A-Za-z])\1{3,}/g, "$1$1$1")
}

/** Calls `found` for each match of a pattern and `rest` for what lies between, in order. */
const scan = <E>(
  text: string,
  pattern: RegExp,
  found: (start: number, match: string) => number,
  rest: (start: number, end: number) => Either.Either<void, E>
): Either.Either<void, E> =>
  Either.gen(function*() {
    let end = 0
    for (const match of text.matchAll(pattern)) {
      yield* rest(end, match.index)
      end = found(match.index, match[0])
    }
    yield* rest(end, text.length)
  })

/** The words of a text, with the punctuation that follows each. */
const tokenize = (
  text: string,
  spellings: ReadonlyMap<string, string>
): Either.Either<ReadonlyArray<Token>, InvalidSpeechRequest> => {
  const tokens: Array<Token> = []

  const push = (start: number, end: number, spoken: string) => {
    if (!isSpeakable(spoken)) return
    const accents = /^\p{M}*/u.exec(text.slice(end, end + 8))?.[0].length ?? 0
    const last = tokens.at(-1)
    // What is written as one word, such as node.js or R&D, is one word however many the engine reads for it.
    const isSameWord = last !== undefined && last.mark === "" && last.spoken.length + spoken.length < maxWordLength &&
      !/[\s\p{Cc}]/u.test(text.slice(last.offset + last.text.length, start))
    if (isSameWord) tokens.pop()
    const offset = isSameWord ? last.offset : start
    tokens.push({
      text: text.slice(offset, end + accents),
      offset,
      spoken: isSameWord ? `${last.spoken} ${spoken}` : spoken,
      mark: "",
      endsParagraph: false
    })
  }

  // Punctuation that stands alone and the end of a paragraph belong to the word before them.
  const amend = (mark: string, endsParagraph: boolean) => {
    const last = tokens.pop()
    if (last === undefined) return
    tokens.push({ ...last, mark: last.mark || mark, endsParagraph: last.endsParagraph || endsParagraph })
  }

  const readAddress = (start: number, match: string) => {
    const found = match.replace(/[^\w/]+$/, "")
    const end = start + found.length
    const scheme = /^\w+:\/\//.exec(found)?.[0].length ?? 0
    let from = start
    let spoken: Array<string> = []
    for (const part of found.slice(scheme).matchAll(/[A-Za-z0-9]{1,24}|[^A-Za-z0-9]/g)) {
      const at = start + scheme + part.index
      if (at - from >= maxWordLength / 2 && isSpeakable(part[0]) && spoken.length > 0) {
        push(from, at, spoken.join(" "))
        from = at
        spoken = []
      }
      const read = addressParts.get(part[0].toLowerCase()) ?? part[0]
      if (isSpeakable(read)) spoken.push(read)
    }
    push(from, end, spoken.join(" "))
    return end
  }

  const readWords = (start: number, prose: string) =>
    Either.map(toAscii("text", prose, start), (ascii) => {
      const sourceOf = (from: number, to: number): readonly [start: number, end: number] => {
        const last = start + (ascii.offsets[to - 1] ?? 0)
        return [start + (ascii.offsets[from] ?? 0), last + ((text.codePointAt(last) ?? 0) > 0xffff ? 2 : 1)]
      }
      for (const match of ascii.text.matchAll(/\n\s*\n|\S+/g)) {
        const [token] = match
        const lead = /^[^A-Za-z0-9$£€¥₹]*/.exec(token)?.[0] ?? ""
        const trail = /[^A-Za-z0-9%]*$/.exec(token.slice(lead.length))?.[0] ?? ""
        const core = token.slice(lead.length, token.length - trail.length)
        for (let cut = 0; cut < core.length; cut += maxWordLength) {
          const piece = core.slice(cut, cut + maxWordLength)
          const from = match.index + lead.length + cut
          push(...sourceOf(from, from + piece.length), spell(piece, lead))
        }
        amend(strongestMark(core === "" ? token : trail), token.startsWith("\n"))
      }
    })

  const known = Array.from(spellings.keys()).sort((a, b) => b.length - a.length).map(escapeRegExp).join("|")
  const knownWord = new RegExp(known === "" ? "(?!)" : `(?<![\\p{L}\\p{N}])(?:${known})(?![\\p{L}\\p{N}])`, "gu")

  const readProse = (start: number, prose: string) =>
    scan(
      prose,
      knownWord,
      (at, word) => {
        push(start + at, start + at + word.length, spellings.get(word) ?? word)
        return at + word.length
      },
      (from, to) => readWords(start + from, prose.slice(from, to))
    )

  // Blanks of the same length keep every offset.
  const plain = text.replace(markup, blank).replace(ruler, blank)
  return Either.map(
    scan(plain, address, readAddress, (start, end) => readProse(start, plain.slice(start, end))),
    () => tokens
  )
}

// ----------------------------------------------------------------------------------------------------------------
// sentences
// ----------------------------------------------------------------------------------------------------------------

// The engine's own rule, so that each of our sentences is one of its utterances: `?`, `!` and `:` always end one, a full
// stop does before a capital letter unless an abbreviation or an initial stands before it.
const endsSentence = (token: Token, next: Token): boolean => {
  if (token.endsParagraph || /[?!:]/.test(token.mark)) return true
  if (token.mark !== "." || !/^\p{Lu}/u.test(next.text) && !/^[A-Z]/.test(next.spoken)) return false
  const last = token.spoken.slice(token.spoken.lastIndexOf(" ") + 1)
  return !/[A-Z]$/.test(last) && !(last.length < 4 && /^[A-Z]/.test(last))
}

const lengthOf = (token: Token): number => token.spoken.length + token.mark.length + 1

const toSentence = (tokens: ReadonlyArray<Token>): Sentence => ({
  text: tokens.map(({ mark, spoken }) => spoken + mark).join(" "),
  words: tokens.map(({ offset, spoken, text }) => ({ offset, spoken, text }))
})

// Cuts behind the last punctuation of the second half, or else at the end.
const cut = (tokens: ReadonlyArray<Token>): readonly [ReadonlyArray<Token>, ReadonlyArray<Token>] => {
  const pause = tokens.findLastIndex((token, i) => token.mark !== "" && i >= tokens.length / 2)
  const end = pause === -1 ? tokens.length : pause + 1
  return [tokens.slice(0, end), tokens.slice(end)]
}

const toSentences = (tokens: ReadonlyArray<Token>): ReadonlyArray<Sentence> => {
  const sentences: Array<Sentence> = []
  let current: ReadonlyArray<Token> = []
  let length = 0
  tokens.forEach((token, i) => {
    if (length + lengthOf(token) > maxSentenceLength) {
      const [full, rest] = cut(current)
      sentences.push(toSentence(full))
      current = rest
      length = rest.reduce((sum, each) => sum + lengthOf(each), 0)
    }
    current = [...current, token]
    length += lengthOf(token)
    const next = tokens[i + 1]
    if (next === undefined || endsSentence(token, next)) {
      sentences.push(toSentence(current))
      current = []
      length = 0
    }
  })
  return sentences
}

/**
 * Prepares a text for the engine.
 *
 * - Quotation marks, dashes, accents, ligatures, fractions and signs become ASCII or words; emoji, control characters,
 *   markup and rulers become nothing.
 * - Runs of punctuation count once; over-long words and sentences are cut.
 * - Addresses are read as people read them out: "example dot com slash news".
 * - Every word keeps its place and spelling in the text.
 *
 * Fails with `InvalidSpeechRequest` if the text holds letters of another script, or if it holds nothing that can be
 * spoken: the engine itself would be silent.
 *
 * @example
 * ```ts
 * import { TextFrontEnd } from "@effect-smallest/local"
 * import { Either } from "effect"
 *
 * const reading = Either.getOrThrow(TextFrontEnd.read("It’s naïve!!! See café.com"))
 * reading.sentences.map((sentence) => sentence.text) // ["It's naive!", "See cafe dot com"]
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const read = (
  text: string,
  options: { readonly pronunciations?: Pronunciations | undefined } = {}
): Either.Either<Reading, InvalidSpeechRequest> =>
  Either.gen(function*() {
    const { lexicon, spoken } = yield* dictionary(options.pronunciations ?? {})
    const sentences = toSentences(yield* tokenize(text, spoken))
    return sentences.length === 0
      ? yield* Either.left(invalid("text", "The text has nothing that can be spoken: no letters and no digits"))
      : { sentences, lexicon }
  })
