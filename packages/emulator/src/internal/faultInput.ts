/**
 * Reads faults that a person may have written. What is wrong is said in one sentence: that of a schema of all faults
 * would be fifteen kilobytes, about the faults that were not meant.
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { ParseOptions } from "effect/SchemaAST"
import * as Fault from "../Fault.js"

type Decoder<A> = (input: unknown, options: ParseOptions) => Either.Either<A, ParseResult.ParseError>

const decoders: { readonly [K in Fault.Fault["_tag"]]: Decoder<Fault.Fault> } = {
  Delay: Schema.decodeUnknownEither(Fault.Delay),
  Status: Schema.decodeUnknownEither(Fault.Status),
  Reset: Schema.decodeUnknownEither(Fault.Reset),
  Stall: Schema.decodeUnknownEither(Fault.Stall),
  EndEarly: Schema.decodeUnknownEither(Fault.EndEarly),
  MalformedJson: Schema.decodeUnknownEither(Fault.MalformedJson),
  BadBase64: Schema.decodeUnknownEither(Fault.BadBase64),
  InBandError: Schema.decodeUnknownEither(Fault.InBandError),
  Split: Schema.decodeUnknownEither(Fault.Split),
  SlowDrip: Schema.decodeUnknownEither(Fault.SlowDrip),
  EmptyAudio: Schema.decodeUnknownEither(Fault.EmptyAudio),
  ContentType: Schema.decodeUnknownEither(Fault.ContentType),
  Close: Schema.decodeUnknownEither(Fault.Close)
}

/** @internal */
export const tags: ReadonlyArray<string> = Object.keys(decoders)

type Result<A> = Either.Either<A, string>

const example = "{\"_tag\": \"Status\", \"status\": 429}"

const isTag = (tag: unknown): tag is Fault.Fault["_tag"] => tags.some((known) => known === tag)

const short = (text: string): string => text.length > 200 ? `${text.slice(0, 200)}…` : text

const decode = <A>(decoder: Decoder<A>, input: unknown, path: ReadonlyArray<string>): Result<A> =>
  Either.mapLeft(decoder(input, { onExcessProperty: "error" }), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    const where = [...path, ...(issue?.path ?? [])].join(".")
    return short(`${where === "" ? "" : `${where}: `}${issue?.message ?? "is not valid"}`)
  })

const readFault = (input: unknown, path: ReadonlyArray<string>): Result<Fault.Fault> => {
  const where = path.length === 0 ? "" : `${path.join(".")}: `
  if (!Predicate.isRecord(input)) return Either.left(`${where}a fault is an object such as ${example}`)
  const tag = input["_tag"]
  return isTag(tag)
    ? decode(decoders[tag], input, path)
    : Either.left(
      short(`${where}there is no fault with the _tag ${JSON.stringify(tag)}`) + `; there are ${tags.join(", ")}`
    )
}

const readFaults = (input: unknown, path: ReadonlyArray<string>): Result<Fault.Injection["faults"]> => {
  if (!Array.isArray(input)) return Either.left(`${path.join(".")}: must be a list of faults such as [${example}]`)
  return Either.flatMap(
    Either.all(input.map((fault, i) => readFault(fault, [...path, `${i}`]))),
    ([first, ...rest]) =>
      first === undefined ? Either.left(`${path.join(".")}: has no fault in it`) : Either.right([first, ...rest])
  )
}

const decodeRest = Schema.decodeUnknownEither(
  Schema.Struct({ ...Fault.Injection.fields, faults: Schema.optional(Schema.Unknown) })
)

const readInjection = (input: unknown, path: ReadonlyArray<string>): Result<Fault.Injection> =>
  Either.flatMap(
    decode(decodeRest, input, path),
    (rest) => Either.map(readFaults(rest.faults, [...path, "faults"]), (faults) => ({ ...rest, faults }))
  )

/**
 * One injection or a list of them.
 *
 * @internal
 */
export const readInjections = (input: unknown): Result<ReadonlyArray<Fault.Injection>> =>
  Array.isArray(input)
    ? Either.all(input.map((injection, i) => readInjection(injection, [`${i}`])))
    : Either.map(readInjection(input, []), (injection) => [injection])

/**
 * One fault or a list of them, as JSON.
 *
 * @internal
 */
export const readHeader = (text: string): Result<ReadonlyArray<Fault.Fault>> =>
  Either.flatMap(
    Either.mapLeft(Schema.decodeEither(Schema.parseJson())(text), () => `is not JSON; a fault looks like ${example}`),
    (input) =>
      Array.isArray(input)
        ? Either.all(input.map((fault, i) => readFault(fault, [`${i}`])))
        : Either.map(readFault(input, []), (fault) => [fault])
  )
