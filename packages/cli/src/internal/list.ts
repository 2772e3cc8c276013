import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { CliError } from "../CliError.js"
import * as Engine from "../Engine.js"
import * as Stdio from "../Stdio.js"

const noKey = "No SMALLEST_API_KEY is set, so this is what the embedded voice has; add --engine waves for the cloud."

/**
 * Prints a list that an engine knows, as a table for people or as JSON.
 *
 * @internal
 */
export const list = <A>(options: {
  readonly engine: Engine.Choice
  readonly json: boolean
  readonly items: (service: SpeechSynthesizer.Service) => Effect.Effect<ReadonlyArray<A>, CliError>
  /** The cells of an item's row. */
  readonly row: (item: A) => ReadonlyArray<string>
}): Effect.Effect<void, CliError, Stdio.Stdio | FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const { engine, lacksKey } = yield* Engine.choose(options.engine)
    if (lacksKey) yield* Stdio.tell(noKey)
    const items = yield* Effect.flatMap(SpeechSynthesizer.SpeechSynthesizer, options.items).pipe(
      Effect.provide(Engine.layerCatalogue(engine))
    )
    yield* Stdio.print(options.json ? JSON.stringify(items, undefined, 2) : table(items.map(options.row)))
  })

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  const widths = (rows[0] ?? []).map((_, column) => width(column))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()).join("\n")
}
