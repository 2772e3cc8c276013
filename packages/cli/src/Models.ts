/**
 * The command `models`.
 *
 * @since 0.1.0
 */
import * as Language from "@effect-smallest/core/Language"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Engine from "./Engine.js"
import * as EngineCatalogue from "./internal/engineCatalogue.js"
import * as Help from "./internal/help.js"
import * as List from "./internal/list.js"

const config = {
  engine: Engine.option,
  language: Help.word("language").pipe(
    Options.withDescription("Only models that speak this language: a code or an English name, such as hi or Hindi"),
    Options.optional
  ),
  offline: EngineCatalogue.offline,
  json: Help.json
}

/**
 * `effect-smallest models`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("models", config, ({ engine, json, language, offline }) =>
  Effect.gen(function*() {
    const catalogue = yield* EngineCatalogue.get(engine, offline)
    yield* EngineCatalogue.reportUnavailable(catalogue)
    const spoken = Option.map(language, Language.fromName)
    yield* List.print({
      items: catalogue.models
        .filter(({ languages }) => Option.isNone(spoken) || languages.includes(spoken.value))
        .map(({ id, languages }) => ({
          id,
          languages,
          voices: catalogue.voices.filter(({ models }) => models.includes(id)).length
        })),
      json,
      row: ({ id, languages, voices }) => [id, `${voices} voices`, languages.join(" ")],
      none: `No model speaks that; effect-smallest models --engine ${catalogue.engine} lists all.`
    })
  })).pipe(
    Command.withDescription("Lists the models of an engine, with their languages.")
  )
