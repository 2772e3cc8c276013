/**
 * The command `voices`.
 *
 * @since 0.1.0
 */
import * as WavesVoices from "@effect-smallest/waves/WavesVoices"
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
    Options.withDescription("Only voices for this language: a code or an English name, such as hi or Hindi"),
    Options.optional
  ),
  gender: Help.choice("gender", ["female", "male"]).pipe(
    Options.withDescription("Only these voices"),
    Options.optional
  ),
  accent: Help.word("accent").pipe(
    Options.withDescription("Only voices with this accent, such as British"),
    Options.optional
  ),
  model: Help.word("model").pipe(Options.withDescription("Only voices of this model"), Options.optional),
  offline: EngineCatalogue.offline,
  json: Help.json
}

/**
 * `effect-smallest voices`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make(
  "voices",
  config,
  ({ accent, engine, gender, json, language, model, offline }) =>
    Effect.gen(function*() {
      const catalogue = yield* EngineCatalogue.get(engine, offline)
      const filter = {
        accent: Option.getOrUndefined(accent),
        gender: Option.getOrUndefined(gender),
        language: Option.getOrUndefined(language),
        model: Option.getOrUndefined(model)
      }
      yield* EngineCatalogue.requireModel(catalogue, filter.model)
      yield* EngineCatalogue.reportUnavailable(catalogue)
      yield* List.print({
        items: catalogue.voices.filter((voice) => WavesVoices.fits(voice, filter)),
        json,
        row: ({ accent, gender, id, languages, models }) => [
          id,
          gender ?? "",
          accent ?? "",
          languages.join(" "),
          models.join(" ")
        ],
        none: `No voice fits; effect-smallest voices --engine ${catalogue.engine} lists all.`
      })
    })
).pipe(
  Command.withDescription("Lists the voices of an engine: with SMALLEST_API_KEY, those that the cloud has today.")
)
