/**
 * A validator whose issues have the shape of zod's, because the vendor's 400 bodies are zod's issues.
 */
import * as Either from "effect/Either"

type Path = ReadonlyArray<string | number>

/** @internal */
export interface Issue {
  readonly code: string
  readonly path: Path
  readonly message: string
  readonly [detail: string]: unknown
}

/** @internal */
export type Check<A> = (value: unknown, path: Path) => Either.Either<A, ReadonlyArray<Issue>>

/** @internal */
export type Checked<C> = C extends Check<infer A> ? A : never

/**
 * The object that a record of checks accepts.
 *
 * @internal
 */
export type Fields<F> = { readonly [K in keyof F]: Checked<F[K]> }

const typeName = (value: unknown): string =>
  value === null
    ? "null"
    : Array.isArray(value)
    ? "array"
    : typeof value === "number" && Number.isNaN(value)
    ? "nan"
    : typeof value

const fail = (issue: Issue): Either.Either<never, ReadonlyArray<Issue>> => Either.left([issue])

const wrongType = (expected: string, value: unknown, path: Path) =>
  fail({
    code: "invalid_type",
    expected,
    received: typeName(value),
    path,
    message: value === undefined ? "Required" : `Expected ${expected}, received ${typeName(value)}`
  })

const outside = (
  code: "too_small" | "too_big",
  type: "string" | "number" | "array",
  bound: number,
  message: string,
  path: Path
) =>
  fail({
    code,
    [code === "too_small" ? "minimum" : "maximum"]: bound,
    type,
    inclusive: true,
    exact: false,
    message,
    path
  })

/** @internal */
export const string = (
  options: { readonly min?: number; readonly max?: number; readonly pattern?: RegExp; readonly trim?: boolean } = {}
): Check<string> =>
(value, path) => {
  if (typeof value !== "string") return wrongType("string", value, path)
  const { max = Infinity, min = 0, pattern } = options
  const text = options.trim === true ? value.trim() : value
  return text.length < min
    ? outside("too_small", "string", min, `String must contain at least ${min} character(s)`, path)
    : text.length > max
    ? outside("too_big", "string", max, `String must contain at most ${max} character(s)`, path)
    : pattern !== undefined && !pattern.test(value)
    ? fail({ validation: "regex", code: "invalid_string", message: "Invalid", path })
    : Either.right(value)
}

/** @internal */
export const number = (
  options: { readonly min?: number; readonly max?: number; readonly integer?: boolean } = {}
): Check<number> =>
(value, path) => {
  if (typeof value !== "number") return wrongType("number", value, path)
  const { max = Infinity, min = -Infinity } = options
  return options.integer === true && !Number.isInteger(value)
    ? fail({
      code: "invalid_type",
      expected: "integer",
      received: "float",
      path,
      message: "Expected integer, received float"
    })
    : value < min
    ? outside("too_small", "number", min, `Number must be greater than or equal to ${min}`, path)
    : value > max
    ? outside("too_big", "number", max, `Number must be less than or equal to ${max}`, path)
    : Either.right(value)
}

/** @internal */
export const boolean: Check<boolean> = (value, path) =>
  typeof value === "boolean" ? Either.right(value) : wrongType("boolean", value, path)

/** @internal */
export const oneOf = <A extends string | number>(options: ReadonlyArray<A>): Check<A> => (value, path) => {
  const expected = options.map((option) => typeof option === "string" ? `'${option}'` : option).join(" | ")
  const found = options.find((option) => option === value)
  return found !== undefined
    ? Either.right(found)
    : typeof value === typeof options[0]
    ? fail({
      received: value,
      code: "invalid_enum_value",
      options,
      path,
      message: `Invalid enum value. Expected ${expected}, received '${String(value)}'`
    })
    : wrongType(expected, value, path)
}

/** @internal */
export const array = <A>(
  item: Check<A>,
  options: { readonly min?: number; readonly max?: number } = {}
): Check<ReadonlyArray<A>> =>
(value, path) => {
  if (!Array.isArray(value)) return wrongType("array", value, path)
  const { max = Infinity, min = 0 } = options
  if (value.length < min) {
    return outside("too_small", "array", min, `Array must contain at least ${min} element(s)`, path)
  }
  if (value.length > max) {
    return outside("too_big", "array", max, `Array must contain at most ${max} element(s)`, path)
  }
  const items: Array<A> = []
  const issues: Array<Issue> = []
  for (const [index, element] of value.entries()) {
    const checked = item(element, [...path, index])
    if (Either.isLeft(checked)) issues.push(...checked.left)
    else items.push(checked.right)
    if (issues.length > 100) break
  }
  return issues.length > 0 ? Either.left(issues) : Either.right(items)
}

/** @internal */
export const optional = <A>(check: Check<A>): Check<A | undefined> => (value, path) =>
  value === undefined ? Either.right(undefined) : check(value, path)

/** @internal */
export const nullish = <A>(check: Check<A>): Check<A | undefined> => (value, path) =>
  value === undefined || value === null ? Either.right(undefined) : check(value, path)

/** @internal */
export const withDefault = <A>(check: Check<A>, value: A): Check<A> => (given, path) =>
  given === undefined ? Either.right(value) : check(given, path)

/** @internal */
export const anything: Check<unknown> = (value) => Either.right(value)

/** @internal */
export const object = <const F extends Readonly<Record<string, Check<unknown>>>>(
  fields: F,
  options: { readonly refuseUnknown?: boolean } = {}
): Check<Fields<F>> =>
(value, path) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return wrongType("object", value, path)
  const given = new Map(Object.entries(value))
  const checked: Record<string, unknown> = {}
  const issues: Array<Issue> = []
  for (const [name, check] of Object.entries(fields)) {
    const field = check(given.get(name), [...path, name])
    if (Either.isLeft(field)) issues.push(...field.left)
    else checked[name] = field.right
  }
  const unknown = [...given.keys()].filter((name) => !Object.hasOwn(fields, name))
  if (options.refuseUnknown === true && unknown.length > 0) {
    const keys = unknown.map((name) => `'${name}'`).join(", ")
    issues.push({ code: "unrecognized_keys", keys: unknown, path, message: `Unrecognized key(s) in object: ${keys}` })
  }
  return issues.length > 0
    ? Either.left(issues)
    // The loop has put a checked value under every key of `fields`, which the compiler cannot follow.
    : Either.right(checked as Fields<F>)
}

/**
 * An issue that a rule beyond the shape of the body has found.
 *
 * @internal
 */
export const custom = (path: Path, message: string): Issue => ({ code: "custom", path, message })

/**
 * Issues as one line of text, for protocols whose errors are a text.
 *
 * @internal
 */
export const describe = (issues: ReadonlyArray<Issue>): string =>
  issues.map(({ code, message, path }) =>
    code === "custom" || path.length === 0 ? message : `${path.join(".")}: ${message}`
  )
    .join("; ")
