/**
 * The command `voices`.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import * as Engine from "./Engine.js"
import * as Help from "./internal/help.js"
import { list } from "./internal/list.js"

/**
 * `effect-smallest voices`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("voices", { engine: Engine.option, json: Help.json }, ({ engine, json }) =>
  list({
    engine,
    json,
    items: ({ voices }) => voices,
    row: ({ accent, gender, id, languages, models }) => [
      id,
      gender ?? "",
      accent ?? "",
      languages.join(" "),
      models.join(" ")
    ]
  })).pipe(
    Command.withDescription("Lists the voices that an engine publishes.")
  )
