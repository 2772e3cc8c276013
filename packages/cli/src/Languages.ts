/**
 * The command `languages`.
 *
 * @since 0.1.0
 */
import * as Language from "@effect-smallest/core/Language"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Engine from "./Engine.js"
import * as Help from "./internal/help.js"
import { list } from "./internal/list.js"

/**
 * `effect-smallest languages`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make(
  "languages",
  { engine: Engine.option, json: Help.json },
  ({ engine, json }) =>
    list({
      engine,
      json,
      items: ({ languages }) =>
        Effect.map(languages, (codes) => codes.map((code) => ({ code, name: Language.name(code) }))),
      row: ({ code, name }) => [code, name]
    })
).pipe(
  Command.withDescription("Lists the languages that an engine speaks.")
)
