import type * as Language from "@effect-smallest/core/Language"
import type { SpeechError } from "@effect-smallest/core/SpeechError"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type { VoiceInfo } from "@effect-smallest/core/Voice"
import * as WavesSpeechOptions from "@effect-smallest/waves/WavesSpeechOptions"
import * as WavesVoices from "@effect-smallest/waves/WavesVoices"
import * as Options from "@effect/cli/Options"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import { type CliError, CommandFailure, toSentence } from "../CliError.js"
import * as Engine from "../Engine.js"
import * as Stdio from "../Stdio.js"

/** @internal */
export const offline: Options.Options<boolean> = Options.boolean("offline").pipe(
  Options.withDescription("The published lists that came with this command, although SMALLEST_API_KEY is set")
)

/**
 * What an engine has.
 *
 * @internal
 */
export interface EngineCatalogue {
  readonly engine: Engine.Engine
  readonly voices: ReadonlyArray<VoiceInfo>
  readonly models: ReadonlyArray<{ readonly id: string; readonly languages: ReadonlyArray<Language.Language> }>
  /** The models whose voices the server does not list any more, or not for this account. */
  readonly unavailable: ReadonlyArray<{ readonly model: string; readonly error: SpeechError }>
}

/**
 * Fails if the server refused the model that was asked for.
 *
 * @internal
 */
export const requireModel = (
  { unavailable }: EngineCatalogue,
  wanted: string | undefined
): Effect.Effect<void, CliError> => {
  const refused = unavailable.find(({ model }) => model === wanted?.trim().toLowerCase())
  return refused === undefined ? Effect.void : new CommandFailure({ description: explain(refused) })
}

/**
 * Reports the models that a list lacks because the server refused them.
 *
 * @internal
 */
export const reportUnavailable = ({ unavailable }: EngineCatalogue): Effect.Effect<void, never, Stdio.Stdio> =>
  Effect.forEach(unavailable, (refused) => Stdio.report(explain(refused)), { discard: true })

const explain = ({ error, model }: EngineCatalogue["unavailable"][number]): string =>
  `The server does not offer ${model}: ${toSentence(error)}`

const noKey = "No SMALLEST_API_KEY is set, so this is what the embedded voice has; add --engine waves for the cloud."

const published = Effect.fnUntraced(function*(engine: Engine.Engine) {
  const { languages, models, voices } = yield* SpeechSynthesizer.SpeechSynthesizer
  const lists = yield* Effect.all({ languages, models, voices })
  if (engine !== "waves") return lists
  const conversation = yield* Engine.conversationVoices
  return {
    ...lists,
    models: [...lists.models, ...new Set(conversation.flatMap(({ models }) => models))],
    voices: [...lists.voices, ...conversation]
  }
})

const live = Effect.provide(WavesVoices.listing(), Engine.layerAccount)

/**
 * Asks an engine for what it has. With a key for today's cloud, these are the voices of its servers, and the models that
 * still have some.
 *
 * @internal
 */
export const get = Effect.fnUntraced(function*(
  choice: Engine.Choice,
  isOffline: boolean
): Effect.fn.Return<EngineCatalogue, CliError, Stdio.Stdio | FileSystem.FileSystem | Path.Path> {
  const { engine, lacksKey } = yield* Engine.choose(choice)
  if (lacksKey) yield* Stdio.report(noKey)
  const { languages, models, voices } = yield* Effect.provide(published(engine), Engine.layerCatalogue(engine))
  const isLive = engine === "waves" && !isOffline && (yield* Engine.hasKey)
  const { unavailable, voices: found } = isLive ? yield* live : { unavailable: [], voices }
  const has = (model: string) => found.some((voice) => voice.models.includes(model))
  return {
    engine,
    voices: found,
    unavailable,
    models: models.filter((model) => !isLive || has(model)).map((id) => {
      const spoken = WavesSpeechOptions.languagesOf(id)
      return {
        id,
        languages: languages.filter((code) => spoken === undefined || spoken.includes(code) || code === "auto")
      }
    })
  }
})
