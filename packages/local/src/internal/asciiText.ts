/**
 * Text of any kind in the few characters that the engine reads well, each with its place in the original.
 */
import * as Either from "effect/Either"

/** ASCII text and, for each of its characters, the offset in the original that it stands for. */
export interface AsciiText {
  readonly text: string
  readonly offsets: ReadonlyArray<number>
}

/** A letter that no rule turns into ASCII, and where it stands. */
export interface UnreadableLetter {
  readonly letter: string
  readonly offset: number
}

const each = (characters: string, replacement: string): ReadonlyArray<readonly [string, string]> =>
  Array.from(characters, (character) => [character, replacement] as const)

const pause = " , "

// Characters that mean the same wherever they stand.
const fixed: ReadonlyMap<string, string> = new Map([
  ...each("\"`“”„‟«»‹›″•·‣◦_\\|~^{}©®™", " "),
  ...each("()[]—―", pause),
  ["⁄", "/"],
  ["&", " and "],
  ["+", " plus "],
  ["=", " equals "],
  ["@", " at "],
  ["°", " degrees "],
  ["²", " squared "],
  ["³", " cubed "],
  ["×", " times "],
  ["÷", " divided by "],
  ["±", " plus or minus "],
  ["≈", " about "],
  ["≠", " is not equal to "],
  ["≤", " is at most "],
  ["≥", " is at least "],
  ["∞", " infinity "],
  ["ß", "ss"],
  ["æ", "ae"],
  ["œ", "oe"],
  ["ø", "o"],
  ["đ", "d"],
  ["ł", "l"],
  ["þ", "th"],
  ["ð", "th"],
  ["ı", "i"],
  ["ŋ", "ng"],
  ["Æ", "Ae"],
  ["Œ", "Oe"],
  ["Ø", "O"],
  ["Đ", "D"],
  ["Ł", "L"],
  ["Þ", "Th"],
  ["Ð", "Th"]
])

/** What a currency sign is read as. */
export const currencies: ReadonlyMap<string, string> = new Map([
  ["$", "dollars"],
  ["£", "pounds"],
  ["€", "euros"],
  ["¥", "yen"],
  ["₹", "rupees"]
])

const greekNames =
  "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau " +
  "upsilon phi chi psi omega"

const greek: ReadonlyMap<string, string> = new Map(
  greekNames.split(" ").map((name, i) => [String.fromCodePoint("α".charCodeAt(0) + i), ` ${name} `] as const)
)

const isDigit = (character: string) => /^[0-9]$/.test(character)
const isAlphanumeric = (character: string) => /^[\p{L}\p{N}]$/u.test(character)
const isGreek = (character: string) => /^\p{Script=Greek}$/u.test(character)

/** A character's neighbours; empty at the ends. */
interface Neighbours {
  readonly before: string
  readonly after: string
}

// Characters that mean different things in different places.
const inContext = (character: string, { after, before }: Neighbours): string | undefined => {
  const next = after.slice(0, 1)
  const previous = before.slice(-1)
  switch (character) {
    case "'":
    case "‘":
    case "’":
    case "‛":
    case "′":
    case "ʼ":
    case "´":
      return isAlphanumeric(previous) && isAlphanumeric(next) ? "'" : " "
    case ",":
    case ";":
    case ":":
    case "!":
    case "?":
      return isAlphanumeric(next) && !(isDigit(previous) && isDigit(next)) ? `${character} ` : character
    case ".":
      // A full stop without a space after it, the dot of a name such as node.js, or an abbreviation such as p.m.
      return /[a-z]{2}$/.test(before) && /^[A-Z]/.test(after) || before.endsWith(".") && /^\w/.test(after)
        ? ". "
        : /[\p{L}\p{N}]{2}$/u.test(before) && /^[A-Za-z]{2}/.test(after)
        ? " dot "
        : "."
    case "-":
    case "‐":
    case "‑":
    case "‒":
    case "−":
    case "–":
      return /[%$£€¥₹]/.test(previous + next) && /[%0-9]/.test(previous)
        ? " to "
        : isAlphanumeric(next) && (isAlphanumeric(previous) && character !== "–" || isDigit(next) && previous !== "-")
        ? "-"
        : pause
    case "/":
      return isDigit(previous) && isDigit(next) ? "/" : " "
    case "*":
      return isDigit(previous) && isDigit(next) ? " times " : " "
    case "%":
      return isDigit(previous) ? "% " : " percent "
    case "#":
      return isDigit(next) ? " number " : " "
    case "<":
      return /^\s?[0-9]|^\s/.test(after) ? " less than " : " "
    case ">":
      return /^\s?[0-9]|^\s/.test(after) && /[\s0-9]$/.test(before) ? " greater than " : " "
    case "$":
    case "£":
    case "€":
    case "¥":
    case "₹":
      return isDigit(next) ? ` ${character}` : isDigit(previous) ? ` ${currencies.get(character)} ` : " "
    default:
      return greek.has(character.toLowerCase()) && !isGreek(next) && !isGreek(previous)
        ? greek.get(character.toLowerCase())
        : undefined
  }
}

const translate = (character: string, neighbours: Neighbours): string | undefined => {
  const known = fixed.get(character) ?? inContext(character, neighbours)
  if (known !== undefined) return known
  if (/^[A-Za-z0-9\n]$/.test(character)) return character
  if (/^[\s\p{Cc}]$/u.test(character)) return " "
  // Accents after their letter, joiners, soft hyphens, lone surrogates: nothing to be heard.
  if (/^[\p{M}\p{Cf}\p{Cs}]$/u.test(character)) return ""
  const plain = Array.from(
    character.normalize("NFKD").replace(/\p{M}/gu, ""),
    (part) => part === character ? undefined : translate(part, neighbours)
  )
  if (plain.every((part) => part !== undefined)) {
    // Half of "1½" must not become a part of the number before it.
    return /^\p{No}$/u.test(character) && isDigit(neighbours.before.slice(-1)) ? ` ${plain.join("")}` : plain.join("")
  }
  return isAlphanumeric(character) ? undefined : " "
}

/**
 * Turns text into letters, digits, line breaks, spaces and `, . ; : ! ? - ' / % $ £ € ¥ ₹` (the signs of currencies only
 * before a digit). Letters that cannot be turned are a `Left`; what has no sound becomes a space.
 */
export const fromText = (text: string): Either.Either<AsciiText, UnreadableLetter> => {
  const characters: Array<string> = []
  const offsets: Array<number> = []
  let offset = 0
  for (const character of text) {
    const translation = translate(character, {
      before: text.slice(Math.max(0, offset - 2), offset),
      after: text.slice(offset + character.length, offset + character.length + 2)
    })
    if (translation === undefined) return Either.left({ letter: character, offset })
    for (const ascii of translation) {
      characters.push(ascii)
      offsets.push(offset)
    }
    offset += character.length
  }
  return Either.right({ text: characters.join(""), offsets })
}
