/**
 * Which engine speaks. Each is loaded only when it is chosen, so that a command starts fast.
 *
 * @since 0.1.0
 */
import * as AudioFile from "@effect-smallest/core/AudioFile"
import * as AudioStore from "@effect-smallest/core/AudioStore"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import type { VoiceInfo } from "@effect-smallest/core/Voice"
import type * as NodeSpeech from "@effect-smallest/platform-node/NodeSpeech"
import * as SpeechStream from "@effect-smallest/stream/SpeechStream"
import type { WavesPronunciationDictionaries } from "@effect-smallest/waves/WavesPronunciationDictionaries"
import type { WavesVoiceClones } from "@effect-smallest/waves/WavesVoiceClones"
import type { WavesVoices } from "@effect-smallest/waves/WavesVoices"
import * as Options from "@effect/cli/Options"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { CommandFailure } from "./CliError.js"
import * as Help from "./internal/help.js"
import { version } from "./internal/version.js"

/**
 * - `waves`: today's cloud API
 * - `lightning-v1`: the cloud API of 2024
 * - `local`: the embedded voice
 *
 * @since 0.1.0
 * @category models
 */
export type Engine = "waves" | "lightning-v1" | "local"

/**
 * What `--engine` takes: an engine, or `auto` for the cloud if a key is set, and otherwise the embedded voice.
 *
 * @since 0.1.0
 * @category models
 */
export type Choice = "auto" | Engine

/**
 * The option `--engine`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const option: Options.Options<Choice> = Help.choice("engine", ["auto", "waves", "lightning-v1", "local"]).pipe(
  Options.withDescription(
    "waves (today's cloud), lightning-v1 (the cloud API of 2024), local (embedded, offline, English), or " +
      "auto: waves if SMALLEST_API_KEY is set, otherwise local"
  ),
  Options.withDefault<Choice>("auto")
)

/**
 * Whether `SMALLEST_API_KEY` is set.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hasKey: Effect.Effect<boolean> = Config.string("SMALLEST_API_KEY").pipe(
  Effect.map((key) => key.trim() !== ""),
  Effect.orElseSucceed(() => false)
)

/**
 * Creates an engine from a choice. `lacksKey` says that `auto` would have spoken through the cloud if it had a key: the user
 * is to be reported.
 *
 * @since 0.1.0
 * @category constructors
 */
export const choose = (choice: Choice): Effect.Effect<{ readonly engine: Engine; readonly lacksKey: boolean }> =>
  choice === "auto"
    ? Effect.map(hasKey, (hasKey) => ({ engine: hasKey ? "waves" : "local", lacksKey: !hasKey }))
    : Effect.succeed({ engine: choice, lacksKey: false })

/**
 * What is printed if `auto` chose the embedded voice.
 *
 * @since 0.1.0
 * @category constants
 */
export const noKey = "No SMALLEST_API_KEY is set, so the embedded voice speaks; set it to speak through the cloud."

const load = <A>(name: string, module: () => Promise<A>): Effect.Effect<A, CommandFailure> =>
  Effect.tryPromise({
    try: module,
    catch: (error) =>
      new CommandFailure({ description: `${name} could not be loaded (${String(error)}); install the command again` })
  })

const loadNodeSpeech = load("The cloud engine", () => import("@effect-smallest/platform-node/NodeSpeech"))

const conversationModel = "lightning_v4"

/**
 * The published voices of the model that is spoken in conversations only.
 *
 * @since 0.2.0
 * @category constructors
 */
export const conversationVoices: Effect.Effect<ReadonlyArray<VoiceInfo>, CommandFailure> = Effect.map(
  load("The cloud engine", () => import("@effect-smallest/waves/WavesConversation")),
  ({ voices }) => voices
)

const loadLocal = load("The embedded voice", () => import("@effect-smallest/local/node"))

const isMissingKey = (error: ConfigError.ConfigError): boolean =>
  error._op === "MissingData" && error.path.includes("SMALLEST_API_KEY")

// The library's sentence is for programmers; on the command line the way out is a flag.
const withoutKey = (error: ConfigError.ConfigError): CommandFailure | ConfigError.ConfigError =>
  isMissingKey(error)
    ? new CommandFailure({
      description: "No API key: set SMALLEST_API_KEY to a key of your account (they start with sk_), or add " +
        "--engine local for the embedded voice, which needs none"
    })
    : error

/**
 * What an engine provides.
 *
 * @since 0.1.0
 * @category models
 */
export type Provided = SpeechSynthesizer.SpeechSynthesizer | SpeechStream.SpeechStream | AudioFile.AudioFile

const layerLocal = (workers?: number) =>
  Layer.unwrapEffect(
    Effect.map(
      loadLocal,
      ({ LocalSpeechSynthesizer, NodeFliteWorker }) =>
        Layer.merge(
          Layer.provideMerge(
            SpeechStream.layerSegmented(),
            Layer.provide(LocalSpeechSynthesizer.layer({ workers }), NodeFliteWorker.layer)
          ),
          AudioFile.layerFileSystem
        )
    )
  )

/**
 * How an engine is used.
 *
 * @since 0.1.0
 * @category models
 */
export interface Usage {
  /**
   * Whether the cloud speaks growing text over its WebSocket; other engines know no difference.
   * @default false
   */
  readonly live?: boolean | undefined
  /**
   * How many requests run at once.
   * @default 1
   */
  readonly concurrency?: number | undefined
  /**
   * The folder in which finished audio is kept.
   * @default none
   */
  readonly cache?: Option.Option<string> | undefined
  /** The model that is wanted: `lightning_v4` speaks in a session of its own. */
  readonly model?: string | undefined
}

/**
 * The option `--cache`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const cache: Options.Options<Option.Option<string>> = Options.text("cache").pipe(
  Options.withPseudoName("DIR"),
  Options.withDescription(
    "Keep what has been spoken in this folder, and ask the engine only for what is not there. By default nothing is kept"
  ),
  Options.optional
)

const unusable = (folder: string) => (error: AudioStore.AudioStoreError) =>
  new CommandFailure({ description: `The cache ${folder} cannot be used: ${error.description}` })

/**
 * What makes audio different although all options are equal: the embedded voice may sound different in another version, and each server has
 * voices of its own.
 *
 * @since 0.2.0
 * @category constructors
 */
export const namespace = (engine: Engine): Effect.Effect<string> =>
  engine === "local"
    ? Effect.succeed(version)
    : Effect.orElseSucceed(Config.string("SMALLEST_BASE_URL"), () => "")

const withCache = <E, R>(
  engine: Engine,
  base: Layer.Layer<Provided, E, R>,
  folder: string
): Layer.Layer<Provided, E | CommandFailure, R | FileSystem.FileSystem | Path.Path> =>
  Layer.unwrapEffect(Effect.map(namespace(engine), (namespace) =>
    SpeechStream.layerSegmented().pipe(
      Layer.provideMerge(SpeechSynthesizer.layerCached(base, { namespace })),
      Layer.provide(Layer.mapError(AudioStore.layerFileSystem(folder), unusable(folder))),
      Layer.merge(AudioFile.layerFileSystem)
    )))

/**
 * An engine and files.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  engine: Engine,
  { cache = Option.none(), ...usage }: Usage = {}
): Layer.Layer<Provided, CommandFailure | ConfigError.ConfigError, FileSystem.FileSystem | Path.Path> =>
  Option.match(cache, {
    onNone: () => withoutCache(engine, usage),
    onSome: (folder) =>
      folder.trim() === ""
        ? Layer.fail(new CommandFailure({ description: "--cache takes the name of a folder, as in --cache spoken" }))
        : usage.model === conversationModel
        ? Layer.fail(
          new CommandFailure({
            description:
              `--cache keeps sentences, and ${conversationModel} speaks each in the manner of those before: omit one`
          })
        )
        : withCache(engine, withoutCache(engine, usage), folder)
  })

const withoutCache = (
  engine: Engine,
  { concurrency, live, model }: Omit<Usage, "cache">
): Layer.Layer<Provided, CommandFailure | ConfigError.ConfigError, FileSystem.FileSystem | Path.Path> => {
  switch (engine) {
    case "waves":
      return Layer.unwrapEffect(
        Effect.map(
          loadNodeSpeech,
          (
            { layerConversationConfig, layerWavesConfig }
          ): Layer.Layer<Provided, CommandFailure | ConfigError.ConfigError> =>
            model === conversationModel
              ? Layer.mapError(layerConversationConfig(), withoutKey)
              : Layer.mapError(
                layerWavesConfig({
                  concurrency: Config.succeed(concurrency),
                  stream: Config.succeed<NodeSpeech.WavesOptions["stream"]>({
                    mode: live === true ? "live" : "segmented"
                  })
                }),
                withoutKey
              )
        )
      )
    case "lightning-v1":
      return Layer.unwrapEffect(
        Effect.map(
          loadNodeSpeech,
          ({ layerLightningV1Config }) =>
            Layer.mapError(layerLightningV1Config({ concurrency: Config.succeed(concurrency) }), withoutKey)
        )
      )
    case "local":
      return layerLocal(concurrency)
  }
}

/**
 * An engine for questions about it. The lists of the cloud are published, so they take no key.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerCatalogue = (
  engine: Engine
): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, CommandFailure, FileSystem.FileSystem | Path.Path> => {
  const apiKey = Redacted.make("")
  switch (engine) {
    case "waves":
      return Layer.unwrapEffect(Effect.map(loadNodeSpeech, ({ layerWaves }) => layerWaves({ apiKey })))
    case "lightning-v1":
      return Layer.unwrapEffect(Effect.map(loadNodeSpeech, ({ layerLightningV1 }) => layerLightningV1({ apiKey })))
    case "local":
      return layerLocal()
  }
}

/**
 * What belongs to the account in today's cloud.
 *
 * @since 0.1.0
 * @category models
 */
export type Account = WavesVoices | WavesVoiceClones | WavesPronunciationDictionaries

const accountWithoutKey = new CommandFailure({
  description:
    "No API key: this is about an account in the cloud, so set SMALLEST_API_KEY to one of its keys (they start " +
    "with sk_)"
})

/**
 * The account's voices, clones and pronunciation dictionaries.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerAccount: Layer.Layer<Account, CommandFailure | ConfigError.ConfigError> = Layer.unwrapEffect(
  Effect.map(
    loadNodeSpeech,
    ({ layerWavesConfig }) =>
      Layer.mapError(layerWavesConfig(), (error) => isMissingKey(error) ? accountWithoutKey : error)
  )
)
