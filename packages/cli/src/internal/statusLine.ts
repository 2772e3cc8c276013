import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { Stdio } from "../Stdio.js"

const clearLine = "\r\u001b[2K"

// A line that is wider than the terminal is cut: wrapped, it could not be rewritten.
const oneLine = (text: string): string => `${clearLine}\u001b[?7l${text}\u001b[?7h`

/**
 * Shows progress on a terminal, in one line that is rewritten until the scope closes and then is gone. Nothing is
 * shown if standard error is not a terminal.
 *
 * @internal
 */
export const show = (
  render: Effect.Effect<string>,
  { after = Duration.seconds(1), every = Duration.millis(200) }: {
    /** How long it has to take before anything is shown. */
    readonly after?: Duration.Duration | undefined
    readonly every?: Duration.Duration | undefined
  } = {}
): Effect.Effect<void, never, Stdio | Scope.Scope> =>
  Effect.flatMap(Stdio, ({ stderr }) => {
    if (!stderr.isTerminal) return Effect.void
    // A terminal that goes away takes the line with it, and nothing else.
    const display = (text: string) => Effect.ignore(stderr.write(text))
    return Effect.flatMap(render, (text) => display(oneLine(text))).pipe(
      Effect.repeat(Schedule.spaced(every)),
      Effect.delay(after),
      Effect.ensuring(display(clearLine)),
      Effect.forkScoped,
      Effect.asVoid
    )
  })

/**
 * Prints a message in a line of its own, above the line that is shown.
 *
 * @internal
 */
export const report = (line: string): Effect.Effect<void, never, Stdio> =>
  Effect.flatMap(Stdio, ({ stderr }) => Effect.ignore(stderr.write(`${stderr.isTerminal ? clearLine : ""}${line}\n`)))

const barWidth = 12

/**
 * A bar, and the share as a number.
 *
 * @internal
 */
export const bar = (share: number): string => {
  const done = Math.round(barWidth * share)
  return `[${"#".repeat(done)}${"-".repeat(barWidth - done)}] ${Math.floor(100 * share)} %`
}
