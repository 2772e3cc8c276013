import * as Config from "effect/Config"
import * as Record from "effect/Record"

const unwrap = (wrapped: unknown): Config.Config<unknown> =>
  Config.isConfig(wrapped)
    ? wrapped
    : isPlain(wrapped) && Object.keys(wrapped).length > 0
    ? Config.all(Record.map(wrapped, unwrap))
    : Config.succeed(wrapped)

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

/**
 * `Config.unwrap`, which throws on an object without fields and on values that are no `Config`: here a value stands for itself.
 *
 * @internal
 */
export const unwrapConfig = <A extends object>(wrapped: Config.Config.Wrap<A>): Config.Config<A> =>
  unwrap(wrapped) as Config.Config<A> // what `Wrap` means
