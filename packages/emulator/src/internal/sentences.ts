/**
 * Where buffered text may be cut, so that a part of it can be spoken while the rest is still coming.
 */

const abbreviations = new Set(
  ("mr mrs ms dr prof sr jr st vs etc inc ltd co corp no vol fig al approx dept est min max e.g i.e a.m p.m u.s u.k jan " +
    "feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun").split(" ")
)

// A full stop ends a sentence only before a blank: "3.14", "1.000" and "example.com" continue. The other marks always do.
const terminator = /[!?…।。！？]+["'”’)\]]*|\.+["'”’)\]]*(?=\s)/g

const endsWithAbbreviation = (text: string): boolean => {
  const word = /([\p{L}.]+)\.$/u.exec(text)?.[1]?.toLowerCase()
  return word !== undefined && (abbreviations.has(word) || /^\p{L}$/u.test(word))
}

/** The end of the last sentence that ends at or before `limit`, blanks after it included; 0 if there is none. */
const lastSentenceEnd = (text: string, limit: number): number => {
  let last = 0
  for (const match of text.matchAll(terminator)) {
    const end = match.index + match[0].length
    if (end > limit) break
    if (match[0].startsWith(".") && endsWithAbbreviation(text.slice(0, match.index + 1))) continue
    const blanks = /^\s*/.exec(text.slice(end))?.[0].length ?? 0
    last = Math.min(end + blanks, limit)
  }
  return last
}

/** Where text that is longer than `max` is cut: after a sentence, else after a blank, else anywhere between characters. */
const forcedCut = (text: string, max: number): number => {
  const sentence = lastSentenceEnd(text, max)
  if (sentence > 0) return sentence
  const blank = text.slice(0, max).search(/\s\S*$/)
  if (blank > 0) return blank + 1
  const splitsPair = /[\uD800-\uDBFF]/.test(text.charAt(max - 1)) && /[\uDC00-\uDFFF]/.test(text.charAt(max))
  return splitsPair && max > 1 ? max - 1 : max
}

/** @internal */
export interface Limits {
  /** The least number of characters that a finished sentence needs to leave. */
  readonly min: number
  /** The most characters that are kept. */
  readonly max: number
}

/**
 * Takes from a buffer what should be spoken now. What is taken and the rest make up the buffer again.
 *
 * @internal
 */
export const release = (
  buffer: string,
  limits: Limits
): { readonly segments: ReadonlyArray<string>; readonly rest: string } => {
  const { segments, rest } = cutToSize(buffer, limits.max)
  const end = lastSentenceEnd(rest, rest.length)
  return end >= limits.min
    ? { segments: [...segments, rest.slice(0, end)], rest: rest.slice(end) }
    : { segments, rest }
}

/**
 * Takes from a buffer only what is too long to be kept.
 *
 * @internal
 */
export const cutToSize = (
  buffer: string,
  max: number
): { readonly segments: ReadonlyArray<string>; readonly rest: string } => {
  const segments: Array<string> = []
  let rest = buffer
  while (rest.length > max) {
    const cut = forcedCut(rest, max)
    segments.push(rest.slice(0, cut))
    rest = rest.slice(cut)
  }
  return { segments, rest }
}
