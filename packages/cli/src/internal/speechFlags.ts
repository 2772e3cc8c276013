import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import type * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import * as Help from "./help.js"

/**
 * The options that say how to speak.
 *
 * @internal
 */
export const config = {
  voice: Help.word("voice").pipe(
    Options.withDescription("A voice of the engine; see effect-smallest voices"),
    Options.optional
  ),
  model: Help.word("model").pipe(
    Options.withDescription("A model of the engine; see effect-smallest models"),
    Options.optional
  ),
  language: Help.word("language").pipe(
    Options.withDescription("The language of the text, such as en; see effect-smallest languages"),
    Options.optional
  ),
  dictionary: Options.text("dictionary").pipe(
    Options.withPseudoName("ID"),
    Options.withDescription(
      "A pronunciation dictionary of the account; may be repeated; see effect-smallest dictionaries"
    ),
    Options.repeated
  ),
  sampleRate: Help.number(
    "sample-rate",
    "a whole number from 8000 to 48000",
    (rate) => Number.isInteger(rate) && rate >= 8000 && rate <= 48000
  ).pipe(
    Options.withDescription("Samples per second; each engine says which it makes, and all make 8000, 16000, 24000"),
    Options.optional
  ),
  speed: Help.number("speed", "a number from 0.5 to 2", (speed) => speed >= 0.5 && speed <= 2).pipe(
    Options.withDescription("How fast to speak: 0.5 to 2 times the voice's own speed"),
    Options.optional
  )
}

/** @internal */
export type Config = Command.Command.ParseConfig<typeof config>

/** @internal */
export const toSpeechOptions = (flags: Config): SpeechOptions => ({
  voice: Option.getOrUndefined(flags.voice),
  model: Option.getOrUndefined(flags.model),
  language: Option.getOrUndefined(flags.language),
  provider: flags.dictionary.length > 0 ? { waves: { pronunciationDictionaries: flags.dictionary } } : undefined,
  sampleRate: Option.getOrUndefined(flags.sampleRate),
  speed: Option.getOrUndefined(flags.speed)
})
