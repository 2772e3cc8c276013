import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as SpeechError from "../SpeechError.js"
import {
  CurrentSpeechOptions,
  mergeOptions,
  SpeechBytesRequest,
  SpeechOptions,
  SpeechRequest
} from "../SpeechRequest.js"

/** @internal */
export interface Capabilities {
  /** The implementer's module, for errors and spans. */
  readonly module: string
  /**
   * Who runs the model, for the attribute `gen_ai.provider.name` of spans, such as `smallest_ai`.
   * @default none
   */
  readonly vendor?: string | undefined
  /** The rates that the engine makes, in hertz: a list, or a range with both ends included. */
  readonly sampleRates: ReadonlyArray<number> | { readonly minimum: number; readonly maximum: number }
  /**
   * The longest text of one request, in UTF-16 code units. Longer text goes through `SpeechStream.fromText`, which speaks it in
   * segments.
   * @default Infinity
   */
  readonly maxTextLength?: number | undefined
  /**
   * The options beside `language`, `speed` and `sampleRate` that reach the engine. `removeExtraSilence` is done after an engine that
   * does not name it; a request that sets another one fails.
   * @default ["voice", "model"]
   */
  readonly honours?: ReadonlyArray<"voice" | "model" | "removeExtraSilence"> | undefined
  /**
   * The engine's own options: their name under `SpeechOptions.provider`, and what they may be. A list is for an engine that is made of
   * several; `forwarded` is for one that passes the options of others on, to be checked there.
   * @default none
   */
  readonly provider?: "forwarded" | Provider | ReadonlyArray<Provider> | undefined
}

/** @internal */
export interface Provider {
  readonly name: string
  // oxlint-disable-next-line typescript/no-explicit-any -- a schema is invariant, and any of them will do
  readonly schema: Schema.Schema<any, any>
}

/** @internal */
export interface Defaults extends SpeechOptions {
  readonly sampleRate: number
}

/** @internal */
export interface ResolvedOptions extends SpeechOptions {
  readonly sampleRate: number
  readonly speed: number
}

/** @internal */
export interface ResolvedRequest extends ResolvedOptions {
  readonly text: string
}

const providersOf = (provider: Exclude<Capabilities["provider"], "forwarded">): ReadonlyArray<Provider> =>
  provider === undefined ? [] : Array.ensure(provider)

/** @internal */
export const takesProvider = ({ provider }: Capabilities, name: string): boolean =>
  provider === "forwarded" || providersOf(provider).some((one) => one.name === name)

/**
 * The options that at least one of several engines takes.
 *
 * @internal
 */
export const joinProviders = (engines: ReadonlyArray<Capabilities>): Capabilities["provider"] => {
  const providers: Array<Provider> = []
  for (const { provider } of engines) {
    if (provider === "forwarded") return provider
    providers.push(...providersOf(provider))
  }
  return providers
}

/** @internal */
export const honours = ({ honours = ["voice", "model"] }: Capabilities, name: string): boolean =>
  name !== "voice" && name !== "model" || honours.includes(name)

const includesRate = ({ sampleRates }: Capabilities, sampleRate: number): boolean =>
  "minimum" in sampleRates
    ? sampleRate >= sampleRates.minimum && sampleRate <= sampleRates.maximum
    : sampleRates.includes(sampleRate)

const describeRates = ({ sampleRates }: Capabilities): string =>
  "minimum" in sampleRates ? `${sampleRates.minimum} to ${sampleRates.maximum}` : sampleRates.join(", ")

const bounds: Record<string, string> = {
  speed: "`speed` must be a number from 0.5 to 2",
  sampleRate: "`sampleRate` must be a whole number from 8000 to 48000",
  outputFormat: "`outputFormat` must be wav, pcm, ulaw, alaw or mp3"
}

/** @internal */
export type Check<A> = (options: A) => Effect.Effect<A & ResolvedOptions, SpeechError.InvalidSpeechRequest>

/**
 * Builds the check of one kind of request against what an engine can do. The schema is compiled once.
 *
 * @internal
 */
const checker = <Fields extends Schema.Struct.Fields>(
  capabilities: Capabilities,
  defaults: Defaults,
  method: string,
  fields: Fields
) => {
  const { module, provider } = capabilities
  const own = provider === "forwarded" ? [] : providersOf(provider)
  const schema = Schema.Struct({
    ...fields,
    provider: Schema.optional(
      provider === "forwarded"
        ? Schema.Record({ key: Schema.String, value: Schema.Unknown })
        : own.length === 0
        // A struct without fields takes every object.
        ? Schema.Record({ key: Schema.String, value: Schema.Never })
        : Schema.Struct(
          Object.fromEntries(own.map(({ name, schema }) => [name, Schema.optional(Schema.typeSchema(schema))]))
        )
    )
  })
  const validate = ParseResult.validateEither(Schema.typeSchema(schema), { onExcessProperty: "error" })

  const invalid = (parameter: string, description: string) =>
    new SpeechError.InvalidSpeechRequest({ module, method, parameter, description })

  const explain = (problem: ParseResult.ParseIssue) => {
    const issue = ParseResult.ArrayFormatter.formatIssueSync(problem)[0]
    const path = issue?.path.map(String) ?? []
    const parameter = path.length === 0 ? "request" : path.join(".")
    if (path[0] === "provider" && path.length === 2 && !own.some(({ name }) => name === path[1])) {
      return invalid(
        parameter,
        own.length === 0
          ? `This engine has no option \`${parameter}\``
          : `This engine has no option \`${parameter}\`; its own options are under ${
            own.map(({ name }) => `\`provider.${name}\``).join(" and ")
          }`
      )
    }
    if (issue?._tag === "Unexpected") return invalid(parameter, `There is no option \`${parameter}\``)
    return invalid(parameter, bounds[parameter] ?? `\`${parameter}\`: ${issue?.message ?? "the value is not valid"}`)
  }

  const check = <A extends SpeechOptions>(
    merged: A
  ): Either.Either<A & ResolvedOptions, SpeechError.InvalidSpeechRequest> => {
    const valid = validate(merged)
    if (Either.isLeft(valid)) return Either.left(explain(valid.left))
    const sampleRate = merged.sampleRate ?? defaults.sampleRate
    if (!includesRate(capabilities, sampleRate)) {
      return Either.left(invalid(
        "sampleRate",
        `This engine does not make ${sampleRate} Hz; it makes ${describeRates(capabilities)} Hz`
      ))
    }
    for (const name of ["voice", "model"] as const) {
      if (merged[name] !== undefined && !honours(capabilities, name)) {
        return Either.left(invalid(name, `This engine has no option \`${name}\``))
      }
    }
    return Either.right({ ...merged, sampleRate, speed: merged.speed ?? 1 })
  }

  return { invalid, check }
}

/**
 * Checks options: in bounds, known, and such that the engine can honour each. What is not given comes from the scope, then from the
 * layer. This is the only place where the three are merged.
 *
 * @internal
 */
export const checkOptions = (
  capabilities: Capabilities,
  defaults: Defaults,
  method: string
): (options: SpeechOptions) => Effect.Effect<SpeechOptions & ResolvedOptions, SpeechError.InvalidSpeechRequest> => {
  const { check } = checker(capabilities, defaults, method, SpeechOptions.fields)
  return (options) =>
    Effect.flatMap(CurrentSpeechOptions, (scoped) => check(mergeOptions(mergeOptions(defaults, scoped), options)))
}

const checkText = <A extends SpeechRequest>(
  capabilities: Capabilities,
  defaults: Defaults,
  method: string,
  fields: Schema.Struct.Fields
): (request: A) => Effect.Effect<A & ResolvedRequest, SpeechError.InvalidSpeechRequest> => {
  const { check, invalid } = checker(capabilities, defaults, method, fields)
  const { maxTextLength = Infinity } = capabilities
  return (request) => {
    const text: unknown = request.text // callers in JavaScript send anything
    if (typeof text !== "string") return invalid("text", "There is no text to speak")
    if (text.trim() === "") return invalid("text", "The text is empty")
    if (text.length > maxTextLength) {
      return invalid(
        "text",
        `The text has ${text.length} characters, more than the ${maxTextLength} of one request: speak it with SpeechStream.fromText`
      )
    }
    return Effect.flatMap(
      CurrentSpeechOptions,
      (scoped): ReturnType<typeof check<A>> =>
        "text" in scoped
          ? Either.left(invalid("text", "`withOptions` takes options of speech; `text` is not one of them"))
          : check(mergeOptions(mergeOptions(defaults, scoped), request))
    )
  }
}

/**
 * Checks a request: its text, then its options as {@link checkOptions} does.
 *
 * @internal
 */
export const checkRequest = (
  capabilities: Capabilities,
  defaults: Defaults,
  method: string
): (request: SpeechRequest) => Effect.Effect<SpeechRequest & ResolvedRequest, SpeechError.InvalidSpeechRequest> =>
  checkText(capabilities, defaults, method, SpeechRequest.fields)

/** @internal */
export const checkBytesRequest = (
  capabilities: Capabilities,
  defaults: Defaults,
  method: string
): (
  request: SpeechBytesRequest
) => Effect.Effect<SpeechBytesRequest & ResolvedRequest, SpeechError.InvalidSpeechRequest> =>
  checkText(capabilities, defaults, method, SpeechBytesRequest.fields)
