/**
 * Language codes of speech: open strings with suggestions.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { languageNames } from "./internal/languageNames.js"

/**
 * The codes that an editor suggests: ISO 639-1, and `auto` if the model detects it.
 *
 * @since 0.1.0
 * @category models
 */
export type KnownLanguage = keyof typeof languageNames

/**
 * The code of a language: any string, with the known codes completed.
 *
 * @since 0.1.0
 * @category models
 */
export type Language = KnownLanguage | (string & {})

/**
 * Accepts any non-empty string.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Language: Schema.Schema<Language, string> = Schema.NonEmptyString

/**
 * The English name of a language, or the code itself if it is not a known one.
 *
 * @example
 * ```ts
 * import { Language } from "@effect-smallest/core"
 *
 * Language.name("hi") // "Hindi"
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const name = (code: Language): string =>
  Object.hasOwn(languageNames, code) ? languageNames[code as KnownLanguage] : code // hasOwn does not narrow a string

const codeOf = (name: string): string | undefined =>
  Object.entries(languageNames).find(([, known]) => known.toLowerCase() === name)?.[0]

// Names of the vendor's lists that differ from ours.
const otherNames: Record<string, string> = { chinese: "zh", mandarin: "zh", oriya: "or" }

/**
 * The code of a language by its English name, or the text itself, in lower case, if it is not a known name: a code as it
 * is.
 *
 * @example
 * ```ts
 * import { Language } from "@effect-smallest/core"
 *
 * Language.fromName("Hindi") // "hi"
 * Language.fromName("hi") // "hi"
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromName = (name: string): Language => {
  const known = name.trim().toLowerCase()
  return codeOf(known) ?? (Object.hasOwn(otherNames, known) ? otherNames[known] : undefined) ?? known
}
