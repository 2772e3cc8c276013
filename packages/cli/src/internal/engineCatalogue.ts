import type * as Language from "@effect-smallest/core/Language"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type { VoiceInfo } from "@effect-smallest/core/Voice"
import * as WavesSpeechOptions from "@effect-smallest/waves/WavesSpeechOptions"
import * as WavesVoices from "@effect-smallest/waves/WavesVoices"
import * as Options from "@effect/cli/Options"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { CliError } from "../CliError.js"
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
}

const noKey = "No SMALLEST_API_KEY is set, so this is what the embedded voice has; add --engine waves for the cloud."

const published = Effect.gen(function*() {
  const { languages, models, voices } = yield* SpeechSynthesizer.SpeechSynthesizer
  return yield* Effect.all({ languages, models, voices })
})

const live = Effect.provide(WavesVoices.list(), Engine.layerAccount)

/**
 * Asks an engine for what it has. For today's cloud with a key that are the voices of its servers, and the models that still
 * have some.
 *
 * @internal
 */
export const get = Effect.fnUntraced(function*(
  choice: Engine.Choice,
  isOffline: boolean
): Effect.fn.Return<EngineCatalogue, CliError, Stdio.Stdio | FileSystem.FileSystem | Path.Path> {
  const { engine, lacksKey } = yield* Engine.choose(choice)
  if (lacksKey) yield* Stdio.report(noKey)
  const { languages, models, voices } = yield* Effect.provide(published, Engine.layerCatalogue(engine))
  const isLive = engine === "waves" && !isOffline && (yield* Engine.hasKey)
  const found = isLive ? yield* live : voices
  const has = (model: string) => found.some((voice) => voice.models.includes(model))
  return {
    engine,
    voices: found,
    models: models.filter((model) => !isLive || has(model)).map((id) => {
      const spoken = WavesSpeechOptions.languagesOf(id)
      return {
        id,
        languages: languages.filter((code) => spoken === undefined || spoken.includes(code) || code === "auto")
      }
    })
  }
})
