/**
 * The command `languages`.
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
  model: Help.word("model").pipe(Options.withDescription("Only languages of this model"), Options.optional),
  offline: EngineCatalogue.offline,
  json: Help.json
}

/**
 * `effect-smallest languages`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("languages", config, ({ engine, json, model, offline }) =>
  Effect.gen(function*() {
    const catalogue = yield* EngineCatalogue.get(engine, offline)
    yield* EngineCatalogue.requireModel(catalogue, Option.getOrUndefined(model))
    yield* EngineCatalogue.reportUnavailable(catalogue)
    const models = catalogue.models.filter(({ id }) => Option.isNone(model) || id === model.value)
    const codes = new Set(models.flatMap(({ languages }) => languages))
    yield* List.print({
      items: [...codes].map((code) => ({
        code,
        name: Language.name(code),
        models: models.filter(({ languages }) => languages.includes(code)).map(({ id }) => id)
      })),
      json,
      row: ({ code, models, name }) => [code, name, models.join(" ")],
      none: `There is no such model; effect-smallest models --engine ${catalogue.engine} lists them.`
    })
  })).pipe(
    Command.withDescription("Lists the languages that an engine speaks.")
  )
