/**
 * The one door for text that comes from outside: bodies, headers, close reasons and ids of servers, which become messages, logs, spans and
 * answers. It is bounded, freed of secrets and made printable here, and nowhere else.
 *
 * Only authors of engines need this module.
 *
 * @since 0.1.0
 */

/**
 * The longest piece of a server's words in a message, in UTF-16 code units.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxLength = 300

// A secret of any sensible length, repeated, still leaves `maxLength` characters after it has been replaced.
const maxInput = 64 * 1024

const redacted = "<redacted>"

// Shorter values are words such as "Bearer"; replacing them would garble messages.
const minSecretLength = 6

const escapeBase64Url = (text: string): string => text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")

const base64 = (text: string): string => {
  const bytes = new TextEncoder().encode(text)
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
}

/** A secret in the forms in which servers echo it. */
const formsOf = (secret: string): ReadonlyArray<string> => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  ...(secret.length < 12 ? [] : [base64(secret).replace(/=+$/, ""), escapeBase64Url(base64(secret))])
]

// "\u0073k_..." is what a JSON encoder may make of "sk_...": it is undone before secrets are looked for.
const unescaped = (text: string): string =>
  text.replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll("\\/", "/")

/**
 * Builds a function that takes secrets out of a text, in the forms in which servers echo them: as they are, percent-encoded, with JSON's
 * escapes, and in base64. Names and passwords in URLs go as well.
 *
 * @example
 * ```ts
 * import { ForeignText } from "@effect-smallest/core"
 *
 * const scrub = ForeignText.scrubber(["sk_0123456789"])
 * scrub("no such key: sk_0123456789") // "no such key: <redacted>"
 * scrub("http://user:password@proxy.example") // "http://<redacted>@proxy.example"
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const scrubber = (secrets: ReadonlyArray<string>): (text: string) => string => {
  const forms = [...new Set(secrets.filter((secret) => secret.length >= minSecretLength).flatMap(formsOf))]
    .sort((a, b) => b.length - a.length)
  const replace = (text: string) => forms.reduce((text, form) => text.replaceAll(form, redacted), text)
  const holdsSecret = (text: string) => forms.some((form) => text.includes(form))
  return (text) => {
    const plain = unescaped(text)
    const clean = replace(plain !== text && holdsSecret(plain) ? plain : text)
    return clean.replace(/(\/\/)[^/@\s]{1,1000}@/g, `$1${redacted}@`)
  }
}

// Controls, marks that turn the direction of text, invisible marks, and lone surrogates.
const unprintable =
  // oxlint-disable-next-line eslint/no-control-regex -- these are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const isBlank = (character: string): boolean => /[\t\n\v\f\r\u0085\u2028\u2029]/.test(character)

/**
 * A text in one line, in which every character shows: line breaks and tabs become blanks, other controls, invisible marks and marks that turn
 * the direction of text become `\ufffd`. Longer text is cut, between characters, with `…` at its end.
 *
 * @since 0.1.0
 * @category constructors
 */
export const printable = (text: string, length: number = maxLength): string => {
  // Cut first, so that the length of the input costs nothing; once more after, for the mark of the cut.
  const shown = text.slice(0, length + 1).replace(unprintable, (character) => isBlank(character) ? " " : "\ufffd")
  if (shown.length <= length) return shown
  return `${shown.slice(0, length - 1).replace(/[\ud800-\udbff]$/, "")}…`
}

/**
 * Builds the whole door: what comes from outside, bounded, without secrets, printable.
 *
 * @since 0.1.0
 * @category constructors
 */
export const cleaner = (secrets: ReadonlyArray<string>): (text: string, length?: number) => string => {
  const scrub = scrubber(secrets)
  return (text, length) => printable(scrub(text.slice(0, maxInput)).trim(), length)
}
