/**
 * The command `models`.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import * as Engine from "./Engine.js"
import * as Help from "./internal/help.js"
import { list } from "./internal/list.js"

/**
 * `effect-smallest models`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make(
  "models",
  { engine: Engine.option, json: Help.json },
  ({ engine, json }) => list({ engine, json, items: ({ models }) => models, row: (model) => [model] })
).pipe(
  Command.withDescription("Lists the models that an engine publishes.")
)
