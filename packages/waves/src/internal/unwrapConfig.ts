import * as Config from "effect/Config"

/**
 * `Config.unwrap`, which throws on an object without fields.
 *
 * @internal
 */
export const unwrapConfig = <A extends object>(wrapped: Config.Config.Wrap<A>): Config.Config<A> =>
  !Config.isConfig(wrapped) && Object.keys(wrapped).length === 0
    ? Config.succeed({} as A) // every field of these options is optional
    : Config.unwrap(wrapped)
