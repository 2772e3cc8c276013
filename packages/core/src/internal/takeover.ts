import * as Context from "effect/Context"
import * as Option from "effect/Option"

/**
 * Called if another engine than the one that was asked speaks a request: what it says must not be kept under the name of the first.
 *
 * @internal
 */
export class Takeover extends Context.Reference<Takeover>()("@effect-smallest/core/internal/Takeover", {
  defaultValue: (): Option.Option<() => void> => Option.none()
}) {}
