/**
 * The account's pronunciation dictionaries: words, and how they are said. Speech uses those that
 * `SpeechOptions.pronunciationDictionaries` names.
 *
 * @since 0.1.0
 */
import * as SpeechError from "@effect-smallest/core/SpeechError"
import * as HttpBody from "@effect/platform/HttpBody"
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as WavesAccountSchema from "./internal/wavesAccountSchema.js"
import { WavesClient } from "./WavesClient.js"

/**
 * @since 0.1.0
 * @category services
 */
export class WavesPronunciationDictionaries
  extends Context.Tag("@effect-smallest/waves/WavesPronunciationDictionaries")<
    WavesPronunciationDictionaries,
    Service
  >()
{}

/**
 * A word and how it is said.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pronunciation {
  /** As the text has it: upper and lower case matter. */
  readonly word: string
  /** Spelled as it sounds, such as `sequel` for `SQL`. It is not a phonetic alphabet. */
  readonly pronunciation: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PronunciationDictionary {
  /** What `SpeechOptions.pronunciationDictionaries` takes: 24 hexadecimal digits. */
  readonly id: string
  readonly items: ReadonlyArray<Pronunciation>
  /** Absent if the server does not say. */
  readonly createdAt?: DateTime.Utc | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly list: Effect.Effect<ReadonlyArray<PronunciationDictionary>, SpeechError.SpeechError>
  /** One dictionary. The server only lists them all, so that is what this asks for. */
  readonly get: (id: string) => Effect.Effect<PronunciationDictionary, SpeechError.SpeechError>
  /** Creates a dictionary of one or more words. */
  readonly create: (
    items: ReadonlyArray<Pronunciation>
  ) => Effect.Effect<PronunciationDictionary, SpeechError.SpeechError>
  /** Puts other words in the place of all that a dictionary has. */
  readonly update: (
    id: string,
    items: ReadonlyArray<Pronunciation>
  ) => Effect.Effect<PronunciationDictionary, SpeechError.SpeechError>
  readonly delete: (id: string) => Effect.Effect<void, SpeechError.SpeechError>
}

const module = "WavesPronunciationDictionaries"

const path = "/waves/v1/pronunciation-dicts"

const invalid = (method: string, parameter: string, description: string) =>
  new SpeechError.InvalidSpeechRequest({ module, method, parameter, description })

const checkId = (method: string, id: string) =>
  /^[a-fA-F0-9]{24}$/.test(id)
    ? Effect.void
    : invalid(method, "id", `The id of a dictionary has 24 hexadecimal digits, "${id}" does not`)

const problemOf = (items: ReadonlyArray<Pronunciation>): string | undefined => {
  if (items.length === 0) return "A dictionary needs at least one word"
  const words = new Set<string>()
  for (const [i, { pronunciation, word }] of items.entries()) {
    if (word.trim() === "") return `Item ${i + 1} has no word`
    if (pronunciation.trim() === "") return `The word "${word}" has no pronunciation`
    if (words.has(word)) return `The word "${word}" is there twice`
    words.add(word)
  }
  return undefined
}

const checkItems = (method: string, items: ReadonlyArray<Pronunciation>) => {
  const problem = problemOf(items)
  return problem === undefined ? Effect.void : invalid(method, "items", problem)
}

const unknown = (id: string) => ({ parameter: "id", description: `The account has no dictionary ${id}` })

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service, never, WavesClient> = Effect.map(WavesClient, ({ request }) => {
  const list = (method: string) =>
    request({ module, method, verb: "GET", path, schema: WavesAccountSchema.DictionaryList })
  return WavesPronunciationDictionaries.of({
    list: list("list"),
    get: Effect.fnUntraced(function*(id) {
      yield* checkId("get", id)
      const found = (yield* list("get")).find((dictionary) => dictionary.id.toLowerCase() === id.toLowerCase())
      return found ?? (yield* invalid("get", "id", unknown(id).description))
    }),
    create: (items) =>
      Effect.zipRight(
        checkItems("create", items),
        request({
          module,
          method: "create",
          verb: "POST",
          path,
          body: HttpBody.unsafeJson({ items }),
          schema: WavesAccountSchema.Dictionary
        })
      ),
    update: (id, items) =>
      checkId("update", id).pipe(
        Effect.zipRight(checkItems("update", items)),
        Effect.zipRight(request({
          module,
          method: "update",
          verb: "PUT",
          path,
          body: HttpBody.unsafeJson({ id, items }),
          schema: WavesAccountSchema.Dictionary,
          unknown: unknown(id)
        }))
      ),
    delete: (id) =>
      checkId("delete", id).pipe(
        Effect.zipRight(request({
          module,
          method: "delete",
          verb: "DELETE",
          path,
          body: HttpBody.unsafeJson({ id }),
          schema: WavesAccountSchema.DictionaryDeletion,
          unknown: unknown(id)
        })),
        Effect.filterOrFail(({ deleted }) => deleted !== false, () => invalid("delete", "id", unknown(id).description)),
        Effect.asVoid
      )
  })
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<WavesPronunciationDictionaries, never, WavesClient> = Layer.effect(
  WavesPronunciationDictionaries,
  make
)

/**
 * The dictionaries of the account.
 *
 * @since 0.1.0
 * @category accessors
 */
export const list: Effect.Effect<
  ReadonlyArray<PronunciationDictionary>,
  SpeechError.SpeechError,
  WavesPronunciationDictionaries
> = Effect.flatMap(WavesPronunciationDictionaries, (dictionaries) => dictionaries.list)

/**
 * One dictionary; an id that the account does not have fails with `InvalidSpeechRequest`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const get = (
  id: string
): Effect.Effect<PronunciationDictionary, SpeechError.SpeechError, WavesPronunciationDictionaries> =>
  Effect.flatMap(WavesPronunciationDictionaries, (dictionaries) => dictionaries.get(id))

/**
 * Creates a dictionary of one or more words. No items, an empty word or pronunciation, and a word that is there twice fail with
 * `InvalidSpeechRequest` before anything is sent.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { WavesPronunciationDictionaries } from "@effect-smallest/waves"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const { id } = yield* WavesPronunciationDictionaries.create([{ word: "SQL", pronunciation: "sequel" }])
 *   return yield* SpeechSynthesizer.synthesize({
 *     text: "I speak SQL.",
 *     provider: { waves: { pronunciationDictionaries: [id] } }
 *   })
 * })
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const create = (
  items: ReadonlyArray<Pronunciation>
): Effect.Effect<PronunciationDictionary, SpeechError.SpeechError, WavesPronunciationDictionaries> =>
  Effect.flatMap(WavesPronunciationDictionaries, (dictionaries) => dictionaries.create(items))

/**
 * Puts other words in the place of all that a dictionary has; they are checked as {@link create} checks them.
 *
 * @since 0.1.0
 * @category accessors
 */
export const update = (
  id: string,
  items: ReadonlyArray<Pronunciation>
): Effect.Effect<PronunciationDictionary, SpeechError.SpeechError, WavesPronunciationDictionaries> =>
  Effect.flatMap(WavesPronunciationDictionaries, (dictionaries) => dictionaries.update(id, items))

const remove = (id: string): Effect.Effect<void, SpeechError.SpeechError, WavesPronunciationDictionaries> =>
  Effect.flatMap(WavesPronunciationDictionaries, (dictionaries) => dictionaries.delete(id))

export {
  /**
   * Deletes a dictionary; an id that the account does not have fails with `InvalidSpeechRequest`.
   *
   * @since 0.1.0
   * @category accessors
   */
  remove as delete
}
