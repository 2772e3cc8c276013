import type * as Brand from "effect/Brand"
import * as Schema from "effect/Schema"

/**
 * A string that is open to new values, yet whose known values an editor suggests: known ones are written as they are,
 * others carry a brand so that a typing mistake does not pass for one.
 *
 * @internal
 */
export type OpenString<Known extends string, Id extends string> = Known | (string & Brand.Brand<Id>)

/** @internal */
export const schema = <A extends string>(): Schema.Schema<A, string> =>
  // The brand exists in the types alone: at run time every non-empty string is accepted.
  Schema.NonEmptyString as unknown as Schema.Schema<A, string>

/** @internal */
export const unsafeMake = <A extends string>(value: string): A => value as A // as in `schema`
