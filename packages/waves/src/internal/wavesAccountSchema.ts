/**
 * Answers of the account's API. The vendor's documentation, contract and servers do not agree about them: whatever can be
 * done without may be absent, `null` or of another type, and then counts as absent.
 */
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const maybe = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalToOptional(Schema.Unknown, Schema.typeSchema(schema), {
    decode: Option.flatMap(Schema.decodeUnknownOption(schema)),
    encode: identity<Option.Option<unknown>>
  })

const text = maybe(Schema.NonEmptyTrimmedString)

const texts = maybe(Schema.Union(Schema.Array(Schema.String), Schema.String))

const time = maybe(Schema.DateTimeUtc)

/**
 * What a list holds that may also be one text with commas.
 *
 * @internal
 */
export const wordsOf = (words: ReadonlyArray<string> | string | undefined): ReadonlyArray<string> =>
  (typeof words === "string" ? words.split(",") : words ?? []).map((word) => word.trim()).filter((word) => word !== "")

// --------------------------------------------------------------------------------------------------------------------
// Voices
// --------------------------------------------------------------------------------------------------------------------

const tags = Schema.Struct({
  language: texts,
  accent: text,
  gender: text,
  age: text,
  emotions: texts,
  usecases: texts
})

/** @internal */
export const Voice = Schema.Struct({
  voiceId: Schema.NonEmptyString,
  displayName: text,
  description: text,
  audioPreview: text,
  tags: maybe(tags)
})

/** @internal */
export type Voice = typeof Voice.Type

// The next model's list, as its published schema has it.
const FlatVoice = Schema.Struct({
  voice_id: Schema.NonEmptyString,
  name: text,
  language: texts,
  gender: text,
  accent: text,
  supported_emotions: texts
})

// The list of 2024.
const ModelVoices = Schema.Struct({
  modelName: Schema.NonEmptyString,
  voiceIds: Schema.Array(Schema.Struct({ voiceId: Schema.NonEmptyString }))
})

const VoiceEntry = Schema.Union(Voice, FlatVoice, ModelVoices)

/** @internal */
export const VoiceList = Schema.Union(Schema.Struct({ voices: Schema.Array(VoiceEntry) }), Schema.Array(VoiceEntry))

/**
 * The voices of a list, with the model if the list says it.
 *
 * @internal
 */
export const voicesOf = (
  list: typeof VoiceList.Type
): ReadonlyArray<{ readonly voice: Voice; readonly model?: string }> =>
  ("voices" in list ? list.voices : list).flatMap((entry) => {
    if ("voiceId" in entry) return [{ voice: entry }]
    if ("modelName" in entry) return entry.voiceIds.map((voice) => ({ voice, model: entry.modelName }))
    const { name, supported_emotions: emotions, voice_id: voiceId, ...tags } = entry
    return [{
      voice: {
        voiceId,
        ...(name === undefined ? {} : { displayName: name }),
        tags: { ...tags, ...(emotions === undefined ? {} : { emotions }) }
      }
    }]
  })

// --------------------------------------------------------------------------------------------------------------------
// Clones
// --------------------------------------------------------------------------------------------------------------------

const ModelName = Schema.Union(Schema.NonEmptyString, Schema.Struct({ modelName: Schema.NonEmptyString }))

/** @internal */
export const modelNameOf = (model: typeof ModelName.Type): string => typeof model === "string" ? model : model.modelName

/** @internal */
export const Clone = Schema.Struct({
  _id: text,
  voiceId: Schema.NonEmptyString,
  displayName: text,
  description: text,
  accent: text,
  tags: texts,
  language: text,
  status: text,
  cloningType: text,
  model: maybe(ModelName),
  modelIds: maybe(Schema.Array(ModelName)),
  createdAt: time,
  samples: maybe(Schema.Array(Schema.Struct({ text: Schema.String, audioUrl: Schema.String })))
})

/** @internal */
export type Clone = typeof Clone.Type

/** @internal */
export const CreatedClone = Schema.Struct({ data: Clone })

/** @internal */
export const CloneAnswer = Schema.Struct({ data: Schema.NullOr(Clone) })

/** @internal */
export const CloneList = Schema.Struct({ data: Schema.Array(Clone) })

/** @internal */
export const CloneDeletion = Schema.Struct({ success: maybe(Schema.Boolean) })

// --------------------------------------------------------------------------------------------------------------------
// Pronunciation dictionaries
// --------------------------------------------------------------------------------------------------------------------

/** @internal */
export const Dictionary = Schema.Struct({
  id: Schema.NonEmptyString,
  items: Schema.Array(Schema.Struct({ word: Schema.String, pronunciation: Schema.String })),
  createdAt: time
})

/** @internal */
export const DictionaryList = Schema.Array(Dictionary)

/** @internal */
export const DictionaryDeletion = Schema.Struct({ deleted: maybe(Schema.Boolean) })
