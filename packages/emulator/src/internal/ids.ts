import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** @internal */
export const hex = (digits: number): Effect.Effect<string> =>
  Effect.map(
    Effect.replicateEffect(Random.nextIntBetween(0, 0x10000), Math.ceil(digits / 4)),
    (parts) => parts.map((part) => part.toString(16).padStart(4, "0")).join("").slice(0, digits)
  )

/**
 * A random UUID, version 4.
 *
 * @internal
 */
export const uuid: Effect.Effect<string> = Effect.map(
  hex(32),
  (digits) =>
    digits.replace(
      /^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/,
      (_, a, b, c, d, e) => `${a}-${b}-4${c}-${"89ab"[Number.parseInt(digits.charAt(16), 16) % 4]}${d}-${e}`
    )
)
