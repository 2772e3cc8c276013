/**
 * Checks of the options that a layer is built with: every option is known and in bounds, or the layer does not come to be.
 *
 * A layer that takes its options from the program dies with an {@link InvalidLayerOption}; one that takes them from a `Config` fails with
 * a `ConfigError` of the same words. Applications never need this module; authors of layers do.
 *
 * @since 0.2.0
 */
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Redacted_ from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as SpeechError from "./SpeechError.js"
import type { SpeechOptions } from "./SpeechRequest.js"

/**
 * An option that a layer cannot be built with.
 *
 * @since 0.2.0
 * @category errors
 */
export class InvalidLayerOption extends RangeError {
  readonly _tag = "InvalidLayerOption"
  /** The layer, such as `SpeechStream.layerSegmented`. */
  readonly layer: string
  /** The option, with a dot before the name inside an option: `timeouts.idle`. */
  readonly option: string
  constructor({ description, layer, option }: {
    readonly layer: string
    readonly option: string
    /** What is wrong with it. */
    readonly description: string
  }) {
    super(`${layer}: ${description}`)
    this.name = this._tag
    this.layer = layer
    this.option = option
  }
}

/**
 * What an option must be.
 *
 * @since 0.2.0
 * @category models
 */
export type Rule = Schema.Schema.AnyNoContext

/**
 * One rule for each option. An option may be absent unless its rule is {@link required}.
 *
 * @since 0.2.0
 * @category models
 */
export type Rules<Options> = {
  readonly [K in keyof Options]-?: Rule | Schema.propertySignature<Rule>
}

/**
 * The check of one layer's options.
 *
 * @since 0.2.0
 * @category models
 */
export interface Check<Options> {
  /** Returns the options, or throws an {@link InvalidLayerOption}. */
  (options: Options): Options
  /** Returns the options, or what is wrong with them. */
  readonly either: (options: Options) => Either.Either<Options, InvalidLayerOption>
  /** Returns the options that a configuration gave, or a `ConfigError`. */
  readonly orConfigError: (options: Options) => Either.Either<Options, ConfigError.ConfigError>
}

const explain = (layer: string, names: ReadonlyArray<string>, problem: ParseResult.ParseIssue) => {
  const issue = ParseResult.ArrayFormatter.formatIssueSync(problem)[0]
  const path = issue?.path.map(String) ?? []
  const option = path.join(".")
  return new InvalidLayerOption({
    layer,
    option: option === "" ? "options" : option,
    description: option === ""
      ? "the options must be an object"
      : issue?._tag === "Unexpected"
      ? `there is no option \`${option}\`${path.length === 1 ? `; the options are ${names.join(", ")}` : ""}`
      : issue?._tag === "Missing"
      ? `the option \`${option}\` is missing`
      : `\`${option}\` ${issue?.message ?? "is not valid"}`
  })
}

/**
 * Builds the check of a layer's options. The rules are compiled when the first layer is built.
 *
 * @example
 * ```ts
 * import { LayerOptions } from "@effect-smallest/core"
 *
 * interface Options {
 *   readonly workers?: number | undefined
 * }
 *
 * const check = LayerOptions.make<Options>("Clicker.layer", { workers: LayerOptions.whole(1) })
 *
 * check({ workers: 0 }) // throws: Clicker.layer: `workers` must be a whole number, 1 or more, not 0
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <Options extends object>(layer: string, rules: Rules<Options>): Check<Options> => {
  const names = Object.keys(rules)
  let compiled: ((options: unknown) => Either.Either<unknown, ParseResult.ParseIssue>) | undefined
  const compile = () =>
    compiled = ParseResult.validateEither(options(rules), { errors: "first", onExcessProperty: "error" })
  const either: Check<Options>["either"] = (given) => {
    const valid = (compiled ?? compile())(given)
    return Either.isLeft(valid) ? Either.left(explain(layer, names, valid.left)) : Either.right(given)
  }
  return Object.assign((given: Options) => Either.getOrThrowWith(either(given), (error) => error), {
    either,
    orConfigError: (given: Options) =>
      Either.mapLeft(either(given), (error) => ConfigError.InvalidData(error.option.split("."), error.message))
  })
}

// ----------------------------------------------------------------------------------------------------------------
// rules
// ----------------------------------------------------------------------------------------------------------------

const shown = (value: unknown): string =>
  typeof value === "string"
    ? JSON.stringify(value.slice(0, 60))
    : typeof value === "object" && value !== null
    ? "an object"
    : typeof value === "function"
    ? "a function"
    : String(value)

/**
 * A rule of one's own: a guard, and what the option must be.
 *
 * @since 0.2.0
 * @category constructors
 */
export const rule = (is: Predicate.Predicate<unknown>, what: string): Rule =>
  Schema.declare((value): value is unknown => is(value), {
    message: ({ actual }) => `must be ${what}, not ${shown(actual)}`
  })

const numbers = (is: Predicate.Predicate<number>, what: string): Rule =>
  rule((value) => typeof value === "number" && is(value), what)

/**
 * A whole number between two bounds, both included. `Infinity` counts as one if the upper bound does.
 *
 * @since 0.2.0
 * @category constructors
 */
export const whole = (least: number, most = Number.MAX_SAFE_INTEGER): Rule =>
  numbers(
    (value) => value >= least && value <= most && (Number.isInteger(value) || value === Infinity),
    `a whole number, ${least} ${most >= Number.MAX_SAFE_INTEGER ? "or more" : `to ${most}`}`
  )

/**
 * A number above a bound. `Infinity` switches a limit off.
 *
 * @since 0.2.0
 * @category constructors
 */
export const moreThan = (bound: number): Rule => numbers((value) => value > bound, `a number, more than ${bound}`)

/**
 * A number between two bounds, both included.
 *
 * @since 0.2.0
 * @category constructors
 */
export const between = (least: number, most: number): Rule =>
  numbers((value) => value >= least && value <= most, `a number from ${least} to ${most}`)

/**
 * Whether a value is a duration that is not negative.
 *
 * @since 0.2.0
 * @category guards
 */
export const isDuration = (value: unknown): value is Duration.DurationInput =>
  typeof value === "number"
    ? value >= 0
    : typeof value === "string" && value.trim().startsWith("-")
    ? false
    : Option.isSome(Duration.decodeUnknown(value))

/**
 * A duration: `"2 seconds"`, a number of milliseconds, a `Duration`. It is never negative.
 *
 * @since 0.2.0
 * @category constants
 */
export const duration: Rule = /*#__PURE__*/ rule(
  isDuration,
  "a duration, such as \"2 seconds\" or a number of milliseconds"
)

/**
 * @since 0.2.0
 * @category constants
 */
export const text: Rule = /*#__PURE__*/ rule(Predicate.isString, "a string")

/**
 * @since 0.2.0
 * @category constants
 */
export const flag: Rule = /*#__PURE__*/ rule(Predicate.isBoolean, "true or false")

/**
 * A function, or an effect.
 *
 * @since 0.2.0
 * @category constants
 */
export const code: Rule = /*#__PURE__*/ rule(
  (value) => Predicate.isFunction(value) || Predicate.isObject(value),
  "a function or an effect"
)

/**
 * A secret.
 *
 * @since 0.2.0
 * @category constants
 */
export const redacted: Rule = /*#__PURE__*/ Schema.declare(
  (value): value is unknown => Redacted_.isRedacted(value) && Predicate.isString(Redacted_.value(value)),
  // What came instead may be the secret.
  { message: () => "must be a string in Redacted.make" }
)

/**
 * An address, as a string or a `URL`.
 *
 * @since 0.2.0
 * @category constants
 */
export const url: Rule = /*#__PURE__*/ rule(
  (value) => Predicate.isString(value) || value instanceof URL,
  "a string or a URL"
)

/**
 * One of some strings or numbers.
 *
 * @since 0.2.0
 * @category constructors
 */
export const oneOf = (...values: ReadonlyArray<string | number>): Rule =>
  rule((value) => values.some((one) => one === value), values.map((one) => JSON.stringify(one)).join(" or "))

/**
 * An array.
 *
 * @since 0.2.0
 * @category constants
 */
export const list: Rule = /*#__PURE__*/ rule(Array.isArray, "an array")

/**
 * An object whose names are the caller's.
 *
 * @since 0.2.0
 * @category constants
 */
export const record: Rule = /*#__PURE__*/ rule(
  (value) => Predicate.isRecord(value),
  "an object"
)

/**
 * Options inside an option.
 *
 * @since 0.2.0
 * @category constructors
 */
export const options = <Options extends object>(rules: Rules<Options>): Rule => {
  const fields: Record<string, Schema.optional<Rule> | Schema.propertySignature<Rule>> = {}
  for (const [name, rule] of Object.entries<Rule | Schema.propertySignature<Rule>>(rules)) {
    fields[name] = Schema.isSchema(rule) ? Schema.optional(rule) : rule
  }
  return Schema.Struct(fields)
}

/**
 * A rule for an option that may not be absent.
 *
 * @since 0.2.0
 * @category constructors
 */
export const required = (rule: Rule): Schema.propertySignature<Rule> => Schema.propertySignature(rule)

/**
 * The options of speech that a layer has as its defaults.
 *
 * @since 0.2.0
 * @category constants
 */
export const speech: Rules<SpeechOptions> = {
  language: text,
  speed: /*#__PURE__*/ between(0.5, 2),
  sampleRate: /*#__PURE__*/ whole(8000, 48_000),
  voice: text,
  model: text,
  removeExtraSilence: flag,
  provider: record
}

const retryOptions = /*#__PURE__*/ options<SpeechError.RetryOptions>({
  maxRetries: /*#__PURE__*/ whole(0, Infinity),
  baseDelay: duration,
  maxDelay: duration,
  maxRetryAfter: duration,
  while: code
})

/**
 * A `SpeechError.Retry`.
 *
 * @since 0.2.0
 * @category constants
 */
export const retry: Rule = /*#__PURE__*/ Schema.declare([], {
  decode: () => (value, parsing, ast) =>
    value === false || Schedule.isSchedule(value)
      ? ParseResult.succeed(value)
      : Predicate.isRecord(value)
      ? ParseResult.validate(retryOptions)(value, parsing)
      : ParseResult.fail(new ParseResult.Type(ast, value, "must be false, options of a retry, or a Schedule")),
  encode: () => (value) => ParseResult.succeed(value)
}, {})
