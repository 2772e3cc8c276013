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
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
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
 * What is wrong with an option.
 *
 * @since 0.2.0
 * @category models
 */
export interface Problem {
  /** The option, with a dot before the name inside an option. */
  readonly option: string
  readonly description: string
}

/**
 * What an option must be: gives the problem with a value, if it has one. `option` is the name of the option, for the problem. Plain
 * functions, because a page loads them.
 *
 * @since 0.2.0
 * @category models
 */
export interface Rule {
  (value: unknown, option: string): Problem | undefined
  readonly isRequired?: boolean
}

/**
 * One rule for each option. An option may be absent unless its rule is {@link required}.
 *
 * @since 0.2.0
 * @category models
 */
export type Rules<Options> = { readonly [K in keyof Options]-?: Rule }

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
}

/**
 * Builds the check of a layer's options.
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
  const rule = options(rules)
  const either: Check<Options>["either"] = (given) => {
    const problem = rule(given, "")
    return problem === undefined ? Either.right(given) : Either.left(new InvalidLayerOption({ layer, ...problem }))
  }
  return Object.assign((given: Options) => Either.getOrThrowWith(either(given), (error) => error), { either })
}

/**
 * Checks options that a configuration gave: what is wrong with them becomes a `ConfigError`.
 *
 * @since 0.2.0
 * @category combinators
 */
export const orConfigError =
  <Options>(check: Check<Options>) => (options: Options): Either.Either<Options, ConfigError.ConfigError> =>
    Either.mapLeft(check.either(options), (error) => ConfigError.InvalidData(error.option.split("."), error.message))

// ----------------------------------------------------------------------------------------------------------------
// rules
// ----------------------------------------------------------------------------------------------------------------

const shown = (value: unknown): string =>
  `, not ${
    Predicate.isString(value)
      ? JSON.stringify(value.slice(0, 60))
      : Predicate.isObject(value)
      ? `this ${typeof value}`
      : String(value)
  }`

const problem = (option: string, description: string): Problem => ({
  option,
  description: `\`${option}\` ${description}`
})

/**
 * A rule of one's own: a guard, and what the option must be.
 *
 * @since 0.2.0
 * @category constructors
 */
export const rule =
  (is: Predicate.Predicate<unknown>, what: string, show: (value: unknown) => string = shown): Rule => (value, option) =>
    is(value) ? undefined : { option, description: `\`${option}\` must be ${what}${show(value)}` }

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
  "a duration such as \"2 seconds\""
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
export const redacted: Rule = /*#__PURE__*/ rule(
  (value) => Redacted.isRedacted(value) && Predicate.isString(Redacted.value(value)),
  "a string in Redacted.make",
  () => "" // what came instead may be the secret
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
  const all = new Map(Object.entries<Rule>(rules))
  const isObject = rule(Predicate.isRecord, "an object")
  return (value, option) => {
    if (!Predicate.isRecord(value)) return isObject(value, option || "options")
    for (const name of new Set([...Object.keys(value), ...all.keys()])) {
      const inside = option === "" ? name : `${option}.${name}`
      const rule = all.get(name)
      if (rule === undefined) return problem(inside, `is not one of ${[...all.keys()].join(", ")}`)
      const found = value[name] === undefined && rule.isRequired !== true ? undefined : rule(value[name], inside)
      if (found !== undefined) return found
    }
    return undefined
  }
}

/**
 * A rule for an option that may not be absent.
 *
 * @since 0.2.0
 * @category constructors
 */
export const required = (rule: Rule): Rule =>
  Object.assign((value: unknown, option: string) => rule(value, option), { isRequired: true })

/**
 * An option whose value is checked with each request.
 *
 * @since 0.2.0
 * @category constants
 */
export const byRequest: Rule = () => undefined

/**
 * The options of speech that a layer has as its defaults. Their values are checked with each request, which fails with a typed error.
 *
 * @since 0.2.0
 * @category constants
 */
export const speech: Rules<SpeechOptions> = {
  language: byRequest,
  speed: byRequest,
  sampleRate: byRequest,
  voice: byRequest,
  model: byRequest,
  removeExtraSilence: byRequest,
  provider: byRequest
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
export const retry: Rule = (value, option) =>
  value === false || Schedule.isSchedule(value)
    ? undefined
    : Predicate.isRecord(value)
    ? retryOptions(value, option)
    : problem(option, `must be false, options or a Schedule${shown(value)}`)
