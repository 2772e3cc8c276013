/**
 * What the segmenter knows about characters: the role of a code unit while scanning, the class of a code point while
 * deciding, and where a text may be cut.
 *
 * @since 0.1.0
 */

// =====================================================================================================================
// Roles: one table look-up for every code unit of the text
// =====================================================================================================================

/** @internal */
export const Role = {
  Plain: 0,
  Blank: 1,
  Newline: 2,
  /** A full stop, which also ends abbreviations and ordinals. */
  Stop: 3,
  /** A mark that ends a sentence and nothing else, in scripts that put a space after it. */
  Strong: 4,
  /** A mark that ends a sentence and nothing else, in scripts that may put no space after it. */
  Wide: 5,
  Ellipsis: 6,
  Clause: 7,
  /** A clause mark that no space follows. */
  WideClause: 8,
  ListClose: 9,
  Bullet: 10,
  TitleOpen: 11,
  TitleClose: 12,
  /** The first code unit of what may be an emoji. */
  EmojiLead: 13,
  /** Stands between words in Ethiopic; two of them end a sentence. */
  WordMark: 14
} as const

/** @internal */
export const roles: Uint8Array = new Uint8Array(0x10000)

const assign = (role: number, characters: string): void => {
  for (let index = 0; index < characters.length; index++) {
    roles[characters.charCodeAt(index)] = role
  }
}

assign(
  Role.Blank,
  " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
assign(Role.Newline, "\n\r\u000b\u000c\u0085\u2028\u2029")
assign(Role.Stop, ".")
assign(Role.Strong, "!?\u203c\u203d\u2047\u2048\u2049\u2e2e\u061f\u037e\u0589\u055c\u055e")
// 055C and 055E stand inside the word they stress; only U+0589 ends an Armenian sentence.
assign(Role.Plain, "\u055c\u055e")
assign(
  Role.Wide,
  "\u3002\uff01\uff1f\uff61\uff0e\ufe52\ufe56\ufe57\u0964\u0965\u06d4\u0700\u0701\u0702\u07f9\u1362\u1367\u1368\u104b\u17d4\u17d5" +
    "\u1803\u1809\u1944\u1945\u0f0d\u0f0e\ua4ff\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c8\ua9c9\uaa5d\uaa5e\uaa5f\uaaf0\uaaf1\uabeb"
)
assign(Role.Ellipsis, "\u2026\u22ef")
assign(Role.Clause, ",;:\u2013\u2014\u2015\u060c\u061b\u00b7\u0387\u055d")
assign(
  Role.WideClause,
  "\uff0c\uff1b\uff1a\u3001\uff64\ufe50\ufe51\ufe54\ufe55\u104a\u1363\u1364\u1365\u1366\u1802\u1808"
)
assign(Role.ListClose, ")\uff09")
assign(Role.Bullet, "\u2022\u2023\u2043\u25e6\u25aa\u25ab\u25cf\u25cb\u25a0\u25a1\u204c\u204d\u2219\u29be\u29bf")
assign(Role.TitleOpen, "\u300a\u3008")
assign(Role.TitleClose, "\u300b\u3009")
assign(Role.WordMark, "\u1361")
roles.fill(Role.EmojiLead, 0xd83c, 0xd83f)
for (let unit = 0x2600; unit < 0x27c0; unit++) {
  roles[unit] = Role.EmojiLead
}

// =====================================================================================================================
// Classes: found by Unicode property when first met, then remembered
// =====================================================================================================================

/** @internal */
export const Class = {
  Upper: 1,
  Lower: 2,
  /** A letter of a script without case. */
  Caseless: 3,
  Digit: 4,
  /** Space or line break. */
  Space: 5,
  Opener: 6,
  Closer: 7,
  /** A quotation mark that opens and closes: `"`, `'`, and the curly ones, whose roles differ between languages. */
  Quote: 8,
  Dash: 9,
  /** A code point that never starts a grapheme cluster. */
  Extend: 10,
  Emoji: 11,
  Symbol: 12,
  Punctuation: 13,
  Superscript: 14,
  Other: 15,
  /** The end of the text. */
  End: 16
} as const

const classes = new Uint8Array(0x20000)

const property: ReadonlyArray<readonly [RegExp, number]> = [
  // E33 and EB3 are letters that join the cluster before them; FF9E and FF9F are half-width voicing marks.
  [/^(?:[\p{M}\p{Emoji_Modifier}\u0e33\u0eb3\uff9e\uff9f\u{e0020}-\u{e007f}]|\u200c|\u200d)$/u, Class.Extend],
  [/^[\u00b2\u00b3\u00b9\u2070-\u2079]$/u, Class.Superscript],
  [/^\p{Nd}$/u, Class.Digit],
  [/^[\p{Lu}\p{Lt}]$/u, Class.Upper],
  [/^\p{Ll}$/u, Class.Lower],
  [/^\p{L}$/u, Class.Caseless],
  [/^\s$/u, Class.Space],
  [
    /^["'\u201c\u201d\u2018\u2019\u201b\u201f\u201e\u201a\u00ab\u00bb\u2039\u203a\u275b-\u275e\uff02\uff07]$/u,
    Class.Quote
  ],
  [/^\p{Ps}$|^[\u00bf\u00a1]$/u, Class.Opener],
  [/^\p{Pe}$/u, Class.Closer],
  [/^\p{Pd}$/u, Class.Dash],
  [/^[\p{Extended_Pictographic}\p{Regional_Indicator}]$/u, Class.Emoji],
  [/^\p{S}$|^[#@%&*]$/u, Class.Symbol],
  [/^\p{P}$/u, Class.Punctuation]
]

const findClass = (codePoint: number): number => {
  const character = String.fromCodePoint(codePoint)
  for (const [pattern, found] of property) {
    if (pattern.test(character)) {
      return found
    }
  }
  return Class.Other
}

/** @internal */
export const classOf = (codePoint: number): number => {
  if (codePoint >= 0x20000) {
    // Two planes of ideographs, then tags and variation selectors.
    return codePoint < 0x40000 ? Class.Caseless : findClass(codePoint)
  }
  const known = classes[codePoint] ?? 0
  if (known !== 0) {
    return known
  }
  const found = findClass(codePoint)
  classes[codePoint] = found
  return found
}

/** @internal */
export const isSpaceRole = (role: number | undefined): boolean => role === Role.Blank || role === Role.Newline

/** @internal */
export const isLetter = (found: number): boolean =>
  found === Class.Upper || found === Class.Lower || found === Class.Caseless

/** @internal */
export const isWordClass = (found: number): boolean => isLetter(found) || found === Class.Digit

/** Han, kana, Hangul and the other characters that take two columns. @internal */
export const isWide = (unit: number): boolean =>
  (unit >= 0x2e80 && unit <= 0xa4cf) || (unit >= 0xac00 && unit <= 0xd7a3) || (unit >= 0xf900 && unit <= 0xfaff) ||
  (unit >= 0xff01 && unit <= 0xff60) || (unit >= 0x1100 && unit <= 0x115f)

/** Scripts written without spaces between words. @internal */
export const isUnspaced = (unit: number): boolean =>
  (unit >= 0x2e80 && unit <= 0xa4cf) || (unit >= 0xf900 && unit <= 0xfaff) || (unit >= 0xff66 && unit <= 0xff9f) ||
  (unit >= 0x0e00 && unit <= 0x0eff) || (unit >= 0x1000 && unit <= 0x109f) || (unit >= 0x1780 && unit <= 0x17ff) ||
  (unit >= 0x0f00 && unit <= 0x0fff) || (unit >= 0xd840 && unit <= 0xd8ff)

/** Thai and Lao end a phrase with a space, and have no sentence mark at all. @internal */
export const isThaiOrLao = (unit: number): boolean => unit >= 0x0e00 && unit <= 0x0eff

/** @internal */
export const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

/** @internal */
export const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

// =====================================================================================================================
// Cuts
// =====================================================================================================================

const isJamo = (unit: number): boolean =>
  (unit >= 0x1100 && unit <= 0x11ff) || (unit >= 0xa960 && unit <= 0xa97f) || (unit >= 0xd7b0 && unit <= 0xd7ff)

const isPrepend = (unit: number): boolean =>
  (unit >= 0x0600 && unit <= 0x0605) || unit === 0x06dd || unit === 0x070f || unit === 0x0890 || unit === 0x0891 ||
  unit === 0x08e2 || unit === 0x0d4e

/** The high surrogates of the scripts that have prepended signs beyond the basic plane. */
const isBrahmic = (unit: number): boolean => unit >= 0xd804 && unit <= 0xd807

/** Whether `position` is a grapheme boundary whatever stands further left. @internal */
export const isPlainBoundary = (text: string, position: number): boolean => {
  const before = text.charCodeAt(position - 1)
  const after = text.charCodeAt(position)
  if (before < 0x80 && after < 0x80) {
    return !(before === 13 && after === 10)
  }
  // Pairs, flags and joined emoji need a look further left; so do conjuncts, which a mark before a letter may be.
  if (before >= 0xd800 && before <= 0xdfff || after >= 0xd800 && after <= 0xdfff) {
    return before < 0x80
      ? classOf(text.codePointAt(position) ?? 0) !== Class.Extend
      : after < 0x80 && isLowSurrogate(before) && !isBrahmic(text.charCodeAt(position - 2))
  }
  const joins = classOf(before) === Class.Extend && (before === 0x200d || classOf(after) === Class.Caseless)
  return !(joins || classOf(after) === Class.Extend || isJamo(after) || isPrepend(before))
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" })

/**
 * The last grapheme boundary in `(from, limit]`, where `from` is one; `from` if there is none.
 *
 * @internal
 */
export const graphemeCut = (text: string, from: number, limit: number): number => {
  if (limit >= text.length) {
    return text.length
  }
  let known = limit
  while (known > from && !isPlainBoundary(text, known)) {
    known--
  }
  if (known === limit) {
    return limit
  }
  let cut = known
  // A cluster that starts before the limit is taken whole or not at all, so the slice need not reach its end.
  for (const { index, segment } of graphemes.segment(text.slice(known, limit + 2))) {
    const end = known + index + segment.length
    if (end > limit) {
      break
    }
    cut = end
  }
  return cut
}

/**
 * The last grapheme boundary in `(from, limit]`, or the last code point boundary if one cluster fills all of it.
 *
 * @internal
 */
export const hardCut = (text: string, from: number, limit: number): number => {
  const cut = graphemeCut(text, from, limit)
  if (cut > from) {
    return cut
  }
  return isLowSurrogate(text.charCodeAt(limit)) && isHighSurrogate(text.charCodeAt(limit - 1)) && limit - 1 > from
    ? limit - 1
    : limit
}

const wordSegmenters = new Map<string, Intl.Segmenter>()

const wordSegmenter = (locale: string): Intl.Segmenter => {
  const known = wordSegmenters.get(locale)
  if (known !== undefined) {
    return known
  }
  const made = new Intl.Segmenter(locale, { granularity: "word" })
  wordSegmenters.set(locale, made)
  return made
}

/** How far to the left and to the right of a cut the dictionary looks. @internal */
export const wordContext = 48

/**
 * The last word boundary in `(from, limit]` of a script without spaces; falls back to graphemes.
 *
 * @internal
 */
export const wordCut = (text: string, from: number, limit: number, locale: string): number => {
  const start = graphemeCut(text, from, Math.max(from + 1, limit - wordContext))
  let cut = 0
  for (const { index } of wordSegmenter(locale).segment(text.slice(start, limit + wordContext))) {
    const position = start + index
    if (position > limit) {
      break
    }
    const role = roles[text.charCodeAt(position)]
    // A line never starts with a mark or a closing bracket.
    const hangs = role !== Role.Plain || classOf(text.charCodeAt(position)) === Class.Closer
    if (index > 0 && !hangs && graphemeCut(text, from, position) === position) {
      cut = position
    }
  }
  return cut > from ? cut : hardCut(text, from, limit)
}
