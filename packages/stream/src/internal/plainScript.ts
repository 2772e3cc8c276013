import * as Duration from "effect/Duration"
import type * as SpeechScript from "../SpeechScript.js"
import { isSpeakable } from "./speakable.js"

// What ends a run of text: an escape, a tag, or the end of a line.
const token = /\\([[(:\\])|\[([^[\]\n]*)\]|\((pause [^()\n]*)\)|\n/giu

const name = /^\s*(\p{Lu}[\p{L}\p{N}'’.-]*(?: \p{Lu}[\p{L}\p{N}'’.-]*){0,2}):(?=\s|$)[^\S\n]*/u

const word = /^\p{L}[\p{L}\p{N}_-]*$/u

const units: Record<string, number> = { ms: 1, s: 1000, min: 60_000 }

const pauseOf = (tag: string): Duration.Duration | undefined => {
  const [, amount, unit] = /^pause (\d+(?:\.\d+)?) ?(ms|s|min)$/i.exec(tag) ?? []
  return amount === undefined || unit === undefined
    ? undefined
    : Duration.millis(Number(amount) * (units[unit.toLowerCase()] ?? 0))
}

const own = <A>(record: Readonly<Record<string, A>>, key: string): A | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

// The role of `[kate, speed 1.2]`, if it is one.
const roleOf = (
  tag: string,
  cast: Readonly<Record<string, SpeechScript.Role>> | undefined
): Omit<SpeechScript.Line, "text"> | undefined => {
  const [first = "", ...settings] = tag.split(/, ?/)
  const known = cast === undefined ? (word.test(first) ? { voice: first } : undefined) : own(cast, first)
  if (known === undefined) return undefined
  let role: Omit<SpeechScript.Line, "text"> = { ...known, speaker: first }
  for (const setting of settings) {
    const [, key, value] = /^(speed|language|engine) (\S+)$/.exec(setting) ?? []
    if (key === undefined || value === undefined) return undefined
    if (key === "speed" && !/^\d+(\.\d+)?$/.test(value)) return undefined
    role = { ...role, [key]: key === "speed" ? Number(value) : value }
  }
  return role
}

/** @internal */
export const parse = (
  source: string,
  cast: Readonly<Record<string, SpeechScript.Role>> | undefined
): ReadonlyArray<SpeechScript.Part> => {
  const script = source.replace(/\r\n?/g, "\n")
  const parts: Array<SpeechScript.Part> = []
  let role: Omit<SpeechScript.Line, "text"> = {}
  let text = ""

  const finish = () => {
    if (isSpeakable(text)) parts.push({ ...role, text: text.trim() })
    text = ""
  }

  const speakerAt = (at: number): number => {
    const [matched, speaker] = name.exec(script.slice(at, at + 200)) ?? []
    if (matched === undefined || speaker === undefined || matched.includes("\n")) return at
    const known = cast === undefined ? {} : own(cast, speaker)
    if (known === undefined) return at
    finish()
    role = { ...known, speaker }
    return at + matched.length
  }

  // Whether the tag means something.
  const take = (tag: string): boolean => {
    const duration = pauseOf(tag)
    const [, mark] = /^mark (\S+)$/.exec(tag) ?? []
    const next = duration === undefined && mark === undefined ? roleOf(tag, cast) : undefined
    if (duration === undefined && mark === undefined && next === undefined) return false
    finish()
    if (duration !== undefined) parts.push({ _tag: "Pause", duration })
    if (mark !== undefined) parts.push({ _tag: "Mark", name: mark })
    if (next !== undefined) role = next
    return true
  }

  let at = speakerAt(0)
  while (at < script.length) {
    token.lastIndex = at
    const match = token.exec(script)
    text += script.slice(at, match?.index ?? script.length)
    if (match === null) break
    const [matched, escaped, bracketed, rounded] = match
    at = match.index + matched.length
    const tag = bracketed ?? rounded
    if (escaped !== undefined) text += escaped
    else if (tag === undefined) {
      text += "\n"
      at = speakerAt(at)
    } else if (!take(tag)) {
      // Only its bracket is text: what stands in it may be escaped.
      text += matched.charAt(0)
      at = match.index + 1
    }
  }
  finish()
  return parts
}
