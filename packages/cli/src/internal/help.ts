import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Span from "@effect/cli/HelpDoc/Span"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Effect from "effect/Effect"

/**
 * Examples to copy, one a line, each with what it is for.
 *
 * @internal
 */
export const examples = (all: ReadonlyArray<readonly [command: string, purpose: string]>): HelpDoc.HelpDoc =>
  HelpDoc.sequence(
    HelpDoc.h1("EXAMPLES"),
    HelpDoc.p(
      Span.spans(all.flatMap(([command, purpose], i) => [
        Span.text(`${i === 0 ? "" : "\n\n"}# ${purpose}\n`),
        Span.code(command)
      ]))
    )
  )

const invalid = (name: string, expected: string, text: string) =>
  ValidationError.invalidValue(HelpDoc.p(`--${name} takes ${expected}, not "${text}"`))

/**
 * An option that takes a number and says which it takes.
 *
 * @internal
 */
export const number = (name: string, expected: string, isValid: (value: number) => boolean): Options.Options<number> =>
  Options.text(name).pipe(
    Options.withPseudoName("NUMBER"),
    Options.mapEffect((text) => {
      const value = text.trim() === "" ? NaN : Number(text)
      return isValid(value) ? Effect.succeed(value) : Effect.fail(invalid(name, expected, text))
    })
  )

/**
 * An option that takes any word.
 *
 * @internal
 */
export const word = (name: string): Options.Options<string> =>
  Options.text(name).pipe(
    Options.withPseudoName("NAME"),
    Options.mapEffect((text) => text.trim() === "" ? Effect.fail(invalid(name, "a name", text)) : Effect.succeed(text))
  )

/**
 * An option that takes one of some words and says which: `Options.choice` forgets its own name when it fails.
 *
 * @internal
 */
export const choice = <A extends string>(
  name: string,
  words: readonly [A, A, ...ReadonlyArray<A>]
): Options.Options<A> =>
  Options.text(name).pipe(
    Options.withPseudoName(words.join("|")),
    Options.mapEffect((text) => {
      const word = words.find((word) => word === text)
      return word === undefined
        ? Effect.fail(invalid(name, `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`, text))
        : Effect.succeed(word)
    })
  )

/**
 * The option `--json` of lists.
 *
 * @internal
 */
export const json: Options.Options<boolean> = Options.boolean("json").pipe(
  Options.withDescription("Print JSON, for programs")
)
