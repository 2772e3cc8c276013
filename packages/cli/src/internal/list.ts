import * as Effect from "effect/Effect"
import * as Stdio from "../Stdio.js"

/** @internal */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  const widths = (rows[0] ?? []).map((_, column) => width(column))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()).join("\n")
}

/** @internal */
export const printJson = (value: unknown): Effect.Effect<void, Stdio.StdioError, Stdio.Stdio> =>
  Stdio.print(JSON.stringify(value, undefined, 2))

/**
 * Prints a list: a table for people, or JSON. An empty list has a sentence for people.
 *
 * @internal
 */
export const print = <A>(options: {
  readonly items: ReadonlyArray<A>
  readonly json: boolean
  /** The cells of an item's row. */
  readonly row: (item: A) => ReadonlyArray<string>
  /** The sentence for an empty list. */
  readonly none: string
}): Effect.Effect<void, Stdio.StdioError, Stdio.Stdio> => {
  const { items, json, none, row } = options
  return Effect.zipRight(
    items.length === 0 ? Stdio.report(none) : Effect.void,
    json ? printJson(items) : items.length === 0 ? Effect.void : Stdio.print(table(items.map(row)))
  )
}
