import * as Data from "effect/Data"
import * as Either from "effect/Either"
import type { Options } from "../../TextSegmenter.js"

/**
 * An option that no segmenter can be made with.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidSegmenterOption extends Data.TaggedError("InvalidSegmenterOption")<{
  /** The name of the option. */
  readonly parameter: "maxLength" | "minLength" | "firstSegment" | "locale"
  readonly message: string
}> {}

/** @internal */
export interface CheckedOptions {
  readonly maxLength: number
  readonly minLength: number
  readonly firstClause: boolean
  readonly locale: Intl.Locale | undefined
}

const isLength = (value: number, least: number): boolean =>
  value >= least && (Number.isInteger(value) || value === Infinity)

/** @internal */
export const check = (options: Options): Either.Either<CheckedOptions, InvalidSegmenterOption> => {
  const { firstSegment = "sentence", locale, maxLength = 250, minLength = 0 } = options
  if (!isLength(maxLength, 2)) {
    return Either.left(
      new InvalidSegmenterOption({
        parameter: "maxLength",
        message: `maxLength must be an integer of at least 2, got ${maxLength}`
      })
    )
  }
  if (!isLength(minLength, 0) || minLength > maxLength) {
    return Either.left(
      new InvalidSegmenterOption({
        parameter: "minLength",
        message: `minLength must be an integer between 0 and maxLength (${maxLength}), got ${minLength}`
      })
    )
  }
  if (firstSegment !== "clause" && firstSegment !== "sentence") {
    return Either.left(
      new InvalidSegmenterOption({
        parameter: "firstSegment",
        message: `firstSegment must be "clause" or "sentence", got ${JSON.stringify(firstSegment)}`
      })
    )
  }
  return Either.map(
    locale === undefined ? Either.right(undefined) : Either.try({
      try: () => new Intl.Locale(locale),
      catch: () =>
        new InvalidSegmenterOption({
          parameter: "locale",
          message: `locale must be a BCP 47 language tag such as "en" or "pt-BR", got ${JSON.stringify(locale)}`
        })
    }),
    (locale) => ({ maxLength, minLength, firstClause: firstSegment === "clause", locale })
  )
}
