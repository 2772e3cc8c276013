import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import { type SaxesAttributeNS, SaxesParser } from "saxes"
import type * as SpeechScript from "../SpeechScript.js"
import type { SsmlError } from "../Ssml.js"
import { isSpeakable } from "./speakable.js"

type Fields = Pick<SsmlError, "reason" | "line" | "column" | "description">

// What holds inside an element.
interface Inside {
  readonly name: string
  readonly role: Omit<SpeechScript.Line, "text">
  readonly rewrite: (text: string) => string
  /** What is spoken in place of the text inside. */
  readonly isSilent: boolean
}

const namespace = "http://www.w3.org/2001/10/synthesis"

const xmlNamespace = "http://www.w3.org/XML/1998/namespace"

const maxDepth = 100

const strengths = { none: 0, "x-weak": 100, weak: 250, medium: 500, strong: 750, "x-strong": 1000 }

const rates = { "x-slow": 0.5, slow: 0.75, medium: 1, default: 1, fast: 1.25, "x-fast": 1.5 }

const own = (record: Readonly<Record<string, number>>, key: string): number | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

const timeOf = (text: string): number | undefined => {
  const [, amount, unit] = /^\+?(\d+(?:\.\d*)?|\.\d+)(ms|s)$/.exec(text) ?? []
  return amount === undefined ? undefined : Number(amount) * (unit === "s" ? 1000 : 1)
}

const rateOf = (text: string): number | undefined => {
  const [, sign, amount, percent] = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(%?)$/.exec(text) ?? []
  if (amount === undefined) return own(rates, text)
  if (sign === "") return Number(amount) / (percent === "%" ? 100 : 1)
  return percent === "%" ? 1 + Number(`${sign}${amount}`) / 100 : undefined
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

// Commas keep engines from reading the characters as a word or a number.
const oneByOne = (text: string): string =>
  Array.from(graphemes.segment(text), ({ segment }) => segment).filter((segment) => /\S/u.test(segment)).join(", ")

const same = (text: string): string => text

const readings: Record<string, (text: string) => string> = {
  characters: oneByOne,
  "spell-out": oneByOne,
  digits: oneByOne,
  telephone: oneByOne,
  cardinal: same,
  number: same
}

// Their text is about the document and not of it.
const unspoken = ["metadata", "meta", "lexicon", "desc"]

// The attributes that are honoured or mean nothing to speech.
const attributes: Record<string, ReadonlyArray<string>> = {
  speak: ["version", "xml:lang", "xml:base", "xml:id", "id"],
  p: ["xml:lang", "xml:id", "id"],
  s: ["xml:lang", "xml:id", "id"],
  break: ["time", "strength"],
  voice: ["name", "xml:lang"],
  prosody: ["rate"],
  sub: ["alias"],
  lang: ["xml:lang"],
  mark: ["name"],
  "say-as": ["interpret-as"]
}

/** @internal */
export const parse = (
  ssml: string,
  unsupported: "fail" | "ignore",
  toError: (fields: Fields) => SsmlError
): Either.Either<ReadonlyArray<SpeechScript.Part>, SsmlError> => {
  const parser = new SaxesParser({ xmlns: true, position: true })
  const parts: Array<SpeechScript.Part> = []
  const open: Array<Inside> = []
  let text = ""
  let problem: SsmlError | undefined
  let markup = 0 // where the markup that is being read begins

  const fail = (reason: Fields["reason"], description: string, at = markup) => {
    const before = ssml.slice(0, at).split(/\r\n|\r|\n/)
    problem ??= toError({ reason, description, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 })
  }

  const isIgnored = (description: string): void => {
    if (unsupported === "fail") fail("Unsupported", `${description}: remove it, or ignore what is not supported`)
  }

  const inside = (): Inside => open.at(-1) ?? { name: "", role: {}, rewrite: same, isSilent: false }

  const finish = (): void => {
    if (isSpeakable(text)) parts.push({ ...inside().role, text: text.replace(/\s+/g, " ").trim() })
    text = ""
  }

  const silence = (all: Readonly<Record<string, string>>): void => {
    const { strength = "medium", time } = all
    const millis = time === undefined ? own(strengths, strength) : timeOf(time)
    if (millis === undefined || millis > 3_600_000) {
      return isIgnored(
        time === undefined
          ? `strength="${strength}" is not one of ${Object.keys(strengths).join(", ")}`
          : `time="${time}" is not a time such as 500ms or 1.5s, up to an hour`
      )
    }
    finish()
    if (millis > 0) parts.push({ _tag: "Pause", duration: Duration.millis(millis) })
  }

  const roleOf = (name: string, all: Readonly<Record<string, string>>, outer: Inside["role"]): Inside["role"] => {
    let role = outer
    const language = all["xml:lang"]?.split("-")[0]?.toLowerCase()
    if (language !== undefined && language !== "") role = { ...role, language }
    if (name === "voice" && all["name"] !== undefined) {
      const [voice] = all["name"].trim().split(/\s+/)
      if (voice !== undefined && voice !== "") role = { ...role, voice }
    }
    if (name === "prosody" && all["rate"] !== undefined) {
      const rate = rateOf(all["rate"].trim())
      const speed = Math.round((outer.speed ?? 1) * (rate ?? 0) * 1000) / 1000
      if (rate === undefined || speed < 0.5 || speed > 2) {
        isIgnored(
          `rate="${all["rate"]}" is not ${
            rate === undefined ? "a rate" : "within half and twice the voice's own speed"
          }`
        )
      } else role = { ...role, speed }
    }
    return role
  }

  const start = (name: string, uri: string, given: Record<string, SaxesAttributeNS>): void => {
    const outer = inside()
    const isSsml = (uri === "" || uri === namespace) && !name.includes(":")
    if (open.length === 0 && !(isSsml && name === "speak")) return fail("Unsupported", `<${name}> is not <speak>`)
    if (open.length >= maxDepth) return fail("Forbidden", `elements are inside each other more than ${maxDepth} deep`)
    const known = isSsml && Object.hasOwn(attributes, name) && !(name === "speak" && open.length > 0)
      ? attributes[name]
      : undefined
    if (known === undefined) {
      if (!outer.isSilent) isIgnored(`<${name}> is not supported`)
      open.push({ ...outer, name, isSilent: outer.isSilent || unspoken.includes(name) })
      return
    }
    const all: Record<string, string> = {}
    for (const [key, { uri: space, value }] of Object.entries(given)) {
      if (space === "http://www.w3.org/2000/xmlns/" || space === "http://www.w3.org/2001/XMLSchema-instance") continue
      const isKnown = known.includes(key) && (space === "" || space === xmlNamespace)
      if (isKnown) all[key] = value
      else isIgnored(`<${name}> is not supported with ${key}`)
    }
    const required = name === "sub"
      ? "alias"
      : name === "mark"
      ? "name"
      : name === "say-as"
      ? "interpret-as"
      : undefined
    if (required !== undefined && all[required] === undefined) return fail("Malformed", `<${name}> needs ${required}`)

    let { isSilent, rewrite } = outer
    if (!isSilent) {
      if (name === "break") silence(all)
      if (name === "mark") {
        finish()
        parts.push({ _tag: "Mark", name: all["name"] ?? "" })
      }
      if (name === "sub") {
        text += rewrite(all["alias"] ?? "")
        isSilent = true
      }
      if (name === "say-as") {
        const kind = all["interpret-as"] ?? ""
        const reading = Object.hasOwn(readings, kind) ? readings[kind] : undefined
        if (reading === undefined) isIgnored(`interpret-as="${kind}" is not one of ${Object.keys(readings).join(", ")}`)
        else rewrite = reading
      }
    }
    const role = roleOf(name, all, outer.role)
    const isLine = name === "p" || name === "s"
    if (isLine || role !== outer.role) finish()
    open.push({ name, role, rewrite, isSilent })
  }

  const end = (): void => {
    const outer = open.at(-2)
    const { name, role } = inside()
    if (outer === undefined || name === "p" || name === "s" || role !== outer.role) finish()
    open.pop()
  }

  parser.on(
    "error",
    (error) => fail("Malformed", error.message.replace(/^[\d:]+ /, ""), Math.max(0, parser.position - 1))
  )
  // Its internal subset is where entities would be declared.
  parser.on("doctype", (doctype) => {
    markup = Math.max(0, ssml.search(/<!DOCTYPE/i))
    if (doctype.includes("[")) fail("Forbidden", "a document type with declarations of its own is refused")
  })
  parser.on("opentagstart", () => {
    markup = Math.max(0, ssml.lastIndexOf("<", parser.position - 1))
  })
  parser.on("opentag", (tag) => {
    if (problem === undefined) {
      start(tag.prefix === "" ? tag.name : `${tag.prefix}:${tag.local}`, tag.uri, tag.attributes)
    }
  })
  parser.on("closetag", () => {
    if (problem === undefined) end()
  })
  const speak = (piece: string): void => {
    const { isSilent, rewrite } = inside()
    if (problem === undefined && !isSilent) text += rewrite(piece)
  }
  parser.on("text", speak)
  parser.on("cdata", speak)

  for (let at = 0; at < ssml.length && problem === undefined; at += 4096) parser.write(ssml.slice(at, at + 4096))
  if (problem === undefined) parser.close()
  return problem === undefined ? Either.right(parts) : Either.left(problem)
}
