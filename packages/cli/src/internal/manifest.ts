import { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import type * as SpeechScript from "@effect-smallest/stream/SpeechScript"
import * as Ssml from "@effect-smallest/stream/Ssml"
import { LightningV1Options } from "@effect-smallest/waves/LightningV1SpeechSynthesizer"
import { WavesOptions } from "@effect-smallest/waves/WavesSpeechOptions"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as String from "effect/String"
import * as Struct from "effect/Struct"
import { CommandFailure } from "../CliError.js"

/**
 * A row that can be spoken.
 *
 * @internal
 */
export interface Row {
  readonly _tag: "Row"
  /** Where the row begins, from 1. */
  readonly line: number
  readonly id: string
  /** What it says: its text, or its SSML as it was written. */
  readonly content: Content
  readonly options: SpeechOptions
}

/** @internal */
export type Content = { readonly text: string } | {
  readonly ssml: string
  readonly script: ReadonlyArray<SpeechScript.Part>
}

/**
 * A row that makes no sense, and what to do about it.
 *
 * @internal
 */
export interface BadRow {
  readonly _tag: "BadRow"
  readonly line: number
  /** If it has one. */
  readonly id: string | undefined
  readonly problem: string
}

/** A row as it was written. */
interface Written {
  readonly line: number
  readonly fields: Either.Either<Record<string, unknown>, string>
}

const Fields = Schema.Struct({
  id: Schema.String,
  text: Schema.optional(Schema.String),
  ssml: Schema.optional(Schema.String),
  ...Struct.omit(SpeechOptions.fields, "provider"),
  ...WavesOptions.fields,
  transliterate: LightningV1Options.fields.transliterate
})

// A table has no room for levels: each of these columns belongs to one engine.
const toOptions = (
  { transliterate, ...fields }: Omit<typeof Fields.Type, "id" | "text" | "ssml">
): SpeechOptions => {
  const waves = Struct.pick(fields, ...Struct.keys(WavesOptions.fields))
  return {
    ...Struct.omit(fields, ...Struct.keys(WavesOptions.fields)),
    ...(Object.keys(waves).length > 0 || transliterate !== undefined
      ? {
        provider: {
          ...(Object.keys(waves).length > 0 ? { waves } : {}),
          ...(transliterate === undefined ? {} : { lightningV1: { transliterate } })
        }
      }
      : {})
  }
}

const options = Object.keys(Fields.fields).filter((name) => !["id", "text", "ssml"].includes(name))

const known = `There are id, text or ssml, and these options: ${options.join(", ")}`

const isKnown = (name: string): boolean => Object.hasOwn(Fields.fields, name)

const plainName = (name: string): string => name.replace(/[-_\s]+/g, "").toLowerCase()

const namesByPlainName = new Map(Object.keys(Fields.fields).map((name) => [plainName(name), name]))

// `sample_rate`, `sample-rate` and `SAMPLE RATE` are `sampleRate`.
const fieldName = (name: string): string => namesByPlainName.get(plainName(name)) ?? name.trim()

// ----------------------------------------------------------------------------------------------------------------
// a row
// ----------------------------------------------------------------------------------------------------------------

// What Windows keeps for devices, with or without an ending.
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

// Names of files have 255 bytes almost everywhere.
const longestId = 200

const checkId = (id: string): string | undefined => {
  if (id === "") return "It has no id: give each row a name of its own, which becomes the name of its file"
  const isSafe = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._ -]*$/u.test(id) && !/[. ]$/.test(id) && !reserved.test(id)
  if (!isSafe) {
    return `The id ${JSON.stringify(id)} cannot be the name of a file everywhere: begin with a letter or a digit, ` +
      "and continue with letters, digits, dots, spaces, - and _"
  }
  return new TextEncoder().encode(id).length > longestId
    ? `The id has more than ${longestId} bytes, too many for the name of a file`
    : undefined
}

const explain = (error: ParseResult.ParseError): string => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  const field = issue?.path[0]
  const isMissing = issue?._tag === "Missing"
  return field === undefined
    ? "It is not an object with id and text"
    : isMissing
    ? `It has no ${globalThis.String(field)}`
    : `${globalThis.String(field)}: ${String.uncapitalize(issue?.message ?? "it is not valid")}`
}

const contentOf = (text: string | undefined, ssml: string | undefined): Either.Either<Content, string> => {
  if (text !== undefined && ssml !== undefined) return Either.left("It has both text and ssml: give one of them")
  if (ssml === undefined) {
    return text === undefined
      ? Either.left("It has no text")
      : text.trim() === ""
      ? Either.left("The text is empty")
      : Either.right({ text })
  }
  return Either.flatMap(
    Either.mapLeft(Ssml.parse(ssml), ({ message }) => `ssml: ${String.uncapitalize(message)}`),
    (script): Either.Either<Content, string> =>
      script.some((part) => "text" in part)
        ? Either.right({ ssml, script })
        : Either.left("Nothing in the ssml can be spoken")
  )
}

const decodeFields = Schema.decodeUnknownEither(Fields)

const read = ({ fields, line }: Written): Row | BadRow => {
  const written = Either.getOrElse(fields, (): Record<string, unknown> => ({}))
  const id = Predicate.isString(written["id"]) ? written["id"] : undefined
  const bad = (problem: string): BadRow => ({ _tag: "BadRow", line, id, problem })
  if (Either.isLeft(fields)) return bad(fields.left)
  const unknown = Object.keys(written).find((name) => !isKnown(name))
  if (unknown !== undefined) return bad(`There is no option ${JSON.stringify(unknown)}. ${known}`)
  return Either.match(decodeFields(written), {
    onLeft: (error) => bad(explain(error)),
    onRight: ({ id, ssml, text, ...options }) => {
      const problem = checkId(id)
      return problem === undefined
        ? Either.match(contentOf(text, ssml), {
          onLeft: bad,
          onRight: (content): Row => ({ _tag: "Row", line, id, content, options: toOptions(options) })
        })
        : bad(problem)
    }
  })
}

// Two rows must not write one file, on no file system: some take capitals for small letters.
const withoutDuplicates = (rows: ReadonlyArray<Row | BadRow>): ReadonlyArray<Row | BadRow> => {
  const key = (id: string) => id.normalize("NFC").toLowerCase()
  const lines = new Map<string, Array<number>>()
  for (const { id, line } of rows) {
    if (id !== undefined) lines.set(key(id), [...(lines.get(key(id)) ?? []), line])
  }
  return rows.map((row) => {
    const others = row._tag === "BadRow" ? [] : (lines.get(key(row.id)) ?? []).filter((line) => line !== row.line)
    return row._tag === "BadRow" || others.length === 0 ? row : {
      _tag: "BadRow",
      line: row.line,
      id: row.id,
      problem: `The id ${JSON.stringify(row.id)} is also that of line ${others.join(", ")}; each row needs its own`
    }
  })
}

// ----------------------------------------------------------------------------------------------------------------
// the two ways to write rows
// ----------------------------------------------------------------------------------------------------------------

const parseJson = Schema.decodeEither(Schema.parseJson())

// A number is as good an id as any, and `null` means the same as leaving it out.
const normalize = (object: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(object)
      .map(([name, value]): [string, unknown] => [fieldName(name), value])
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, name === "id" && Predicate.isNumber(value) ? globalThis.String(value) : value])
  )

const readJsonLines = (text: string): ReadonlyArray<Written> =>
  text.split("\n").flatMap((written, i) =>
    written.trim() === "" ? [] : [{
      line: i + 1,
      fields: Either.match(parseJson(written), {
        onLeft: () =>
          Either.left("It is not JSON: write one object in each line, as in {\"id\": \"a\", \"text\": \"Hello.\"}"),
        onRight: (value) =>
          Predicate.isRecord(value)
            ? Either.right(normalize(value))
            : Either.left("It is not an object with id and text")
      })
    }]
  )

const toBoolean = (text: string): unknown => text === "true" || text === "false" ? text === "true" : text

const toNumber = (text: string): unknown => Number.isNaN(Number(text)) ? text : Number(text)

const fromCell: Record<string, (text: string) => unknown> = {
  speed: toNumber,
  sampleRate: toNumber,
  enhancement: toNumber,
  similarity: toNumber,
  removeExtraSilence: toBoolean,
  transliterate: toBoolean,
  mathNotation: toBoolean,
  saveHistory: toBoolean,
  pronunciationDictionaries: (text) => text.split(/[\s;]+/).filter((id) => id !== "")
}

const loadParser = Effect.tryPromise({
  try: () => import("csv-parse/sync"),
  catch: (error) =>
    new CommandFailure({
      description: `The reader of CSV could not be loaded (${globalThis.String(error)}); install the command again`
    })
})

// Spreadsheets put a semicolon there wherever the comma belongs to numbers, and may say so in a line of its own, which other
// programs do not know.
const delimiters = [",", ";", "\t", "|"]

const ownDelimiter = /^\ufeff?"?sep=(.)"?[^\S\n]*(?=\r|\n|$)/i

const findDelimiter = (text: string): { readonly delimiter: string; readonly text: string } => {
  const own = ownDelimiter.exec(text)
  // An empty line in its place keeps the numbers of the others.
  if (own?.[1] !== undefined) return { delimiter: own[1], text: text.slice(own[0].length) }
  const head = /^\ufeff?\s*([^\r\n]*)/.exec(text)?.[1] ?? ""
  const delimiter = delimiters.find((delimiter) => {
    const names = head.split(delimiter).map((name) => fieldName(name.replaceAll("\"", "")))
    return names.includes("id") && (names.includes("text") || names.includes("ssml"))
  })
  return { delimiter: delimiter ?? ",", text }
}

const readCsv = Effect.fnUntraced(function*(
  name: string,
  text: string,
  delimiter: string
): Effect.fn.Return<ReadonlyArray<Written>, CommandFailure> {
  const { parse } = yield* loadParser
  const records = yield* Effect.try({
    // The types of the library know no records with `info` but those with `columns`.
    try: () =>
      // Line breaks of one kind: the library would count those of Windows twice.
      parse(text.replace(/\r\n?/g, "\n"), {
        bom: true,
        delimiter,
        info: true,
        record_delimiter: "\n",
        relax_column_count: true,
        skip_empty_lines: true
      }) as unknown as ReadonlyArray<
        { readonly record: ReadonlyArray<string>; readonly info: { readonly lines: number } }
      >,
    catch: (error) =>
      new CommandFailure({
        description: `${name} is not CSV: ${Predicate.isError(error) ? error.message : globalThis.String(error)}. ` +
          "Put quotes around cells that hold separators, quotes or line breaks, and double the quotes in them"
      })
  })
  const [header, ...rows] = records
  const names = (header?.record ?? []).map(fieldName)
  const needed = names.includes("ssml") ? ["id"] : ["id", "text"]
  const missing = needed.filter((name) => !names.includes(name))
  if (missing.length > 0) {
    return yield* new CommandFailure({
      description: `${name} has no column ${missing.join(" and none ")}: its first line names the columns, as in ` +
        `id${delimiter}text${delimiter}voice`
    })
  }
  const wrong = names.find((name, i) => name !== "" && (!isKnown(name) || names.indexOf(name) !== i))
  if (wrong !== undefined) {
    return yield* new CommandFailure({
      description: isKnown(wrong)
        ? `${name} has two columns ${wrong}`
        : `${name} has a column ${JSON.stringify(wrong)}, which means nothing here; rename or remove it. ${known}`
    })
  }
  return rows.map(({ info, record }) => {
    // The library decides where a row ends; cells may hold line breaks.
    const breaks = record.reduce((sum, cell) => sum + (cell.match(/\n/g)?.length ?? 0), 0)
    const line = info.lines - breaks
    const extra = record.findIndex((cell, i) => cell !== "" && (names[i] ?? "") === "")
    if (extra >= 0) {
      return {
        line,
        fields: Either.left(
          `It has more cells than the first line has names (${
            JSON.stringify(record[extra])
          } is too many): put quotes ` +
            "around a text that has commas in it"
        )
      }
    }
    const cells = names.flatMap((name, i) => {
      const cell = record[i] ?? ""
      return cell === ""
        ? []
        : [[name, (fromCell[name] ?? ((text) => text))(name === "text" || name === "ssml" ? cell : cell.trim())]]
    })
    return { line, fields: Either.right<Record<string, unknown>>(Object.fromEntries(cells)) }
  })
})

const readTable = (name: string, written: string) => {
  const found = findDelimiter(written)
  return readCsv(name, found.text, found.delimiter === "," && /\.tsv$/i.test(name) ? "\t" : found.delimiter)
}

/**
 * Reads a manifest: JSON Lines or CSV, as its name says. An invalid row is reported as one; the manifest fails only
 * as a whole.
 *
 * @internal
 */
export const parse = Effect.fnUntraced(function*(
  name: string,
  text: string
): Effect.fn.Return<ReadonlyArray<Row | BadRow>, CommandFailure> {
  const written = /\.(csv|tsv)$/i.test(name)
    ? yield* readTable(name, text)
    : readJsonLines(text.replace(/^\ufeff/, ""))
  if (written.length === 0) {
    return yield* new CommandFailure({ description: `${name} has no rows; each needs an id and a text` })
  }
  return withoutDuplicates(written.map(read))
})
