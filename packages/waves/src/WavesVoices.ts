/**
 * The voices that the vendor has today, from its servers. `SpeechSynthesizer.voices` is the published list that came with
 * this package: it needs no request, and may be some months old.
 *
 * @since 0.1.0
 */
import * as Language from "@effect-smallest/core/Language"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import type { Model } from "@effect-smallest/core/Model"
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as Voice from "@effect-smallest/core/Voice"
import * as Cache from "effect/Cache"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as WavesAccountSchema from "./internal/wavesAccountSchema.js"
import { pathOf } from "./internal/wavesOptions.js"
import { WavesClient } from "./WavesClient.js"

/**
 * @since 0.1.0
 * @category services
 */
export class WavesVoices extends Context.Tag("@effect-smallest/waves/WavesVoices")<WavesVoices, Service>() {}

/**
 * A voice, with what the vendor's lists say about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface WavesVoice extends Voice.VoiceInfo {
  /** In the vendor's words, such as `young`. */
  readonly age?: string | undefined
  readonly emotions: ReadonlyArray<string>
  /** What the voice was made for, such as `conversational`. */
  readonly useCases: ReadonlyArray<string>
  readonly description?: string | undefined
  /** Where the voice can be heard. */
  readonly previewUrl?: string | undefined
}

/**
 * Which voices to list: those that fit everything that is given. Words match whatever their case.
 *
 * @since 0.1.0
 * @category models
 */
export interface Filter {
  readonly model?: Model | undefined
  /** A code or an English name, such as `hi` or `Hindi`. */
  readonly language?: string | undefined
  readonly gender?: "female" | "male" | undefined
  readonly accent?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How long a list is kept before the server is asked again. Failures are not kept.
   * @default "1 hour"
   */
  readonly timeToLive?: Duration.DurationInput | undefined
  /**
   * The models whose voices {@link Service.list} joins.
   * @default ["lightning_v3.1_pro", "lightning_v3.1", "lightning_v4"]
   */
  readonly models?: ReadonlyArray<Model> | undefined
}

/**
 * A list of voices that may lack some models.
 *
 * @since 0.1.0
 * @category models
 */
export interface Listing {
  readonly voices: ReadonlyArray<WavesVoice>
  /** The models whose voices the server does not list any more, or not for this account. */
  readonly unavailable: ReadonlyArray<{ readonly model: Model; readonly error: SpeechError.SpeechError }>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * The voices of all models, each once for every model that has it, with what the catalogue adds: a description and a
   * preview. Voices of the catalogue that belong to none of the models come last, without a model. A model that the server
   * refuses, because it is retired or the account may not use it, is left out: {@link listing} names it.
   */
  readonly list: (filter?: Filter) => Effect.Effect<ReadonlyArray<WavesVoice>, SpeechError.SpeechError>
  /**
   * The voices of {@link list}, and the models that were left out with the reason. Fails if the server refuses every
   * model.
   */
  readonly listing: (filter?: Filter) => Effect.Effect<Listing, SpeechError.SpeechError>
  /** The voices of one model: `GET /waves/v1/{model}/get_voices`. */
  readonly ofModel: (model: Model) => Effect.Effect<ReadonlyArray<WavesVoice>, SpeechError.SpeechError>
  /** The catalogue, whose voices name no model: `GET /waves/v1/voice/get-all-models`. */
  readonly catalogue: Effect.Effect<ReadonlyArray<WavesVoice>, SpeechError.SpeechError>
  /** Forgets what is kept: the next question goes to the server. */
  readonly refresh: Effect.Effect<void>
}

const module = "WavesVoices"

const same = (a: string | undefined, b: string): boolean => a?.toLowerCase() === b.trim().toLowerCase()

/**
 * Whether a voice fits a filter.
 *
 * @since 0.1.0
 * @category guards
 */
export const fits = (voice: Voice.VoiceInfo, filter: Filter): boolean =>
  (filter.model === undefined || voice.models.some((model) => same(model, filter.model ?? ""))) &&
  (filter.language === undefined || voice.languages.includes(Language.fromName(filter.language))) &&
  (filter.gender === undefined || voice.gender === filter.gender) &&
  (filter.accent === undefined || same(voice.accent, filter.accent))

const genderOf = (text: string | undefined): WavesVoice["gender"] =>
  (["female", "male"] as const).find((gender) => same(text, gender))

const toVoice = (
  { audioPreview, description, displayName, tags, voiceId }: WavesAccountSchema.Voice,
  models: ReadonlyArray<string>
): WavesVoice => {
  const gender = genderOf(tags?.gender)
  return {
    id: voiceId,
    name: displayName ?? voiceId,
    ...(gender === undefined ? {} : { gender }),
    ...(tags?.accent === undefined ? {} : { accent: tags.accent }),
    languages: WavesAccountSchema.wordsOf(tags?.language).map(Language.fromName),
    models,
    ...(tags?.age === undefined ? {} : { age: tags.age }),
    emotions: WavesAccountSchema.wordsOf(tags?.emotions),
    useCases: WavesAccountSchema.wordsOf(tags?.usecases),
    ...(description === undefined ? {} : { description }),
    ...(audioPreview === undefined ? {} : { previewUrl: audioPreview })
  }
}

const withDetails = (voice: WavesVoice, details: WavesVoice | undefined): WavesVoice => {
  const description = voice.description ?? details?.description
  const previewUrl = voice.previewUrl ?? details?.previewUrl
  return {
    ...voice,
    ...(description === undefined ? {} : { description }),
    ...(previewUrl === undefined ? {} : { previewUrl })
  }
}

// An answer about one list, and not about the key, the load or the network: the other lists may still be there.
const isAboutModel = (error: SpeechError.SpeechError): boolean =>
  error._tag === "ModelRetired" || error._tag === "NotEntitled" || error._tag === "InvalidSpeechRequest" ||
  (error._tag === "ServerFailure" && error.status === 404)

const checkLayer = LayerOptions.make<Options>(`${module}.layer`, {
  timeToLive: LayerOptions.duration,
  models: LayerOptions.list
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service, never, WavesClient> =>
  Effect.gen(function*() {
    const { request } = yield* WavesClient
    checkLayer(options)
    const models: ReadonlyArray<Model> = options.models ?? ["lightning_v3.1_pro", "lightning_v3.1", "lightning_v4"]
    const timeToLive = Duration.decode(options.timeToLive ?? "1 hour")

    const ask = (method: string, path: string, model?: Model) =>
      Effect.map(
        request({ module, method, verb: "GET", path, schema: WavesAccountSchema.VoiceList, model }),
        (answer) =>
          WavesAccountSchema.voicesOf(answer).map((entry) =>
            toVoice(entry.voice, model !== undefined ? [model] : entry.model !== undefined ? [entry.model] : [])
          )
      )

    // The catalogue has no model as its key.
    const lists = yield* Cache.makeWith({
      capacity: 64,
      lookup: (model: Option.Option<Model>) =>
        Option.match(model, {
          onNone: () => ask("catalogue", "/waves/v1/voice/get-all-models"),
          onSome: (model) => ask("ofModel", `/waves/v1/${encodeURIComponent(pathOf(model))}/get_voices`, model)
        }),
      timeToLive: Exit.match({ onFailure: () => Duration.zero, onSuccess: () => timeToLive })
    })

    const get = (key: Option.Option<Model>): Service["catalogue"] =>
      lists.get(key).pipe(
        Effect.tapError(() => lists.invalidate(key)),
        // The first caller was interrupted, and with it the request that others wait for: they ask for themselves.
        Effect.catchSomeCause((cause) => Cause.isInterruptedOnly(cause) ? Option.some(get(key)) : Option.none())
      )

    const ofModel: Service["ofModel"] = (model) => get(Option.some(model))

    const catalogue = get(Option.none())

    const unlessRefused = (voices: Service["catalogue"]) =>
      voices.pipe(
        Effect.map(Either.right),
        Effect.catchIf(isAboutModel, (error) => Effect.succeed(Either.left(error)))
      )

    const all = Effect.gen(function*() {
      const [pools, published] = yield* Effect.all([
        Effect.forEach(models, (model) => Effect.map(unlessRefused(ofModel(model)), (voices) => ({ model, voices })), {
          concurrency: "unbounded"
        }),
        unlessRefused(catalogue)
      ], { concurrency: 2 })
      const unavailable = pools.flatMap(({ model, voices }) =>
        Either.isLeft(voices) ? [{ model, error: voices.left }] : []
      )
      const refused = unavailable[0]
      if (refused !== undefined && unavailable.length === models.length && Either.isLeft(published)) {
        return yield* refused.error
      }
      const described = Either.getOrElse(published, () => [])
      const details = new Map(described.map((voice) => [voice.id, voice]))
      const voices = pools.flatMap(({ voices }) => Either.getOrElse(voices, () => []))
      const listed = new Set(voices.map(({ id }) => id))
      return {
        voices: [
          ...voices.map((voice) => withDetails(voice, details.get(voice.id))),
          ...described.filter(({ id }) => !listed.has(id))
        ],
        unavailable
      }
    })

    const listing: Service["listing"] = (filter = {}) =>
      Effect.map(all, ({ unavailable, voices }) => ({
        voices: voices.filter((voice) => fits(voice, filter)),
        unavailable
      }))

    return WavesVoices.of({
      list: (filter) => Effect.map(listing(filter), ({ voices }) => voices),
      listing,
      ofModel,
      catalogue,
      refresh: lists.invalidateAll
    })
  })

/**
 * The voices over a `WavesClient` that is there already.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<WavesVoices, never, WavesClient> =>
  Layer.effect(WavesVoices, make(options))

/**
 * The voices that fit a filter.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { WavesVoices } from "@effect-smallest/waves"
 * import { Effect } from "effect"
 *
 * const greetings = Effect.gen(function*() {
 *   const voices = yield* WavesVoices.list({ model: "lightning_v3.1_pro", language: "Hindi", gender: "female" })
 *   return yield* Effect.forEach(voices, ({ id, name }) =>
 *     SpeechSynthesizer.synthesize({ text: `My name is ${name}.`, voice: id }))
 * })
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const list = (
  filter?: Filter
): Effect.Effect<ReadonlyArray<WavesVoice>, SpeechError.SpeechError, WavesVoices> =>
  Effect.flatMap(WavesVoices, (voices) => voices.list(filter))

/**
 * The voices that fit a filter, and the models that the server does not list, with the reason.
 *
 * @example
 * ```ts
 * import { WavesVoices } from "@effect-smallest/waves"
 * import { Effect } from "effect"
 *
 * const report = Effect.gen(function*() {
 *   const { unavailable, voices } = yield* WavesVoices.listing({ language: "Hindi" })
 *   yield* Effect.forEach(unavailable, ({ error, model }) => Effect.logWarning(`${model}: ${error.message}`))
 *   return voices
 * })
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const listing = (
  filter?: Filter
): Effect.Effect<Listing, SpeechError.SpeechError, WavesVoices> =>
  Effect.flatMap(WavesVoices, (voices) => voices.listing(filter))

/**
 * The voices of one model. A model that is gone fails with `ModelRetired`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const ofModel = (
  model: Model
): Effect.Effect<ReadonlyArray<WavesVoice>, SpeechError.SpeechError, WavesVoices> =>
  Effect.flatMap(WavesVoices, (voices) => voices.ofModel(model))

/**
 * The catalogue of all models.
 *
 * @since 0.1.0
 * @category accessors
 */
export const catalogue: Effect.Effect<ReadonlyArray<WavesVoice>, SpeechError.SpeechError, WavesVoices> = Effect
  .flatMap(WavesVoices, (voices) => voices.catalogue)

/**
 * Forgets what is kept: the next question goes to the server.
 *
 * @since 0.1.0
 * @category accessors
 */
export const refresh: Effect.Effect<void, never, WavesVoices> = Effect.flatMap(WavesVoices, (voices) => voices.refresh)
