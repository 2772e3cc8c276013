/**
 * The account's cloned voices: a recording of 5 to 15 seconds becomes a voice that speech can name.
 *
 * @since 0.1.0
 */
import type { Language } from "@effect-smallest/core/Language"
import type { Model } from "@effect-smallest/core/Model"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as Voice from "@effect-smallest/core/Voice"
import * as HttpBody from "@effect/platform/HttpBody"
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Recording from "./internal/recording.js"
import * as WavesAccountSchema from "./internal/wavesAccountSchema.js"
import * as WavesOptions from "./internal/wavesOptions.js"
import { WavesClient } from "./WavesClient.js"

/**
 * @since 0.1.0
 * @category services
 */
export class WavesVoiceClones
  extends Context.Tag("@effect-smallest/waves/WavesVoiceClones")<WavesVoiceClones, Service>()
{}

/**
 * The largest recording that the server takes, in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxRecordingBytes = Recording.maxBytes

/**
 * A cloned voice. What the server does not report is absent or empty.
 *
 * @since 0.1.0
 * @category models
 */
export interface VoiceClone {
  /** What `SpeechOptions.voice` takes, with one of `models`. */
  readonly voice: Voice.Voice
  /** The clone's own id, which {@link Service.create} does not return. */
  readonly id?: string | undefined
  readonly name: string
  /** `pending`, `processing`, `completed` or `failed`, and whatever else the server says. Only a completed clone speaks. */
  readonly status: string
  readonly description?: string | undefined
  readonly accent?: string | undefined
  readonly tags: ReadonlyArray<string>
  readonly language?: string | undefined
  /** As `SpeechOptions.model` spells them. */
  readonly models: ReadonlyArray<string>
  /** `instant` or `professional`. */
  readonly kind?: string | undefined
  readonly createdAt?: DateTime.Utc | undefined
  /** Sentences that the server has spoken with the voice. */
  readonly samples: ReadonlyArray<{ readonly text: string; readonly url: string }>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CreateOptions {
  /** The name to show to people: 1 to 500 characters. */
  readonly name: string
  /** A file of WAV, MP3, WebM or MP4, 5 MB at most: best 5 to 15 seconds of one person who speaks, without noise. */
  readonly recording: Uint8Array
  readonly description?: string | undefined
  readonly accent?: string | undefined
  /** Words without commas. */
  readonly tags?: ReadonlyArray<string> | undefined
  /**
   * The language of the recording.
   * @default the server's
   */
  readonly language?: Language | undefined
  /**
   * The model that the voice is for; others refuse it.
   * @default "lightning_v3.1_pro", as for speech
   */
  readonly model?: Model | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Uploads a recording and creates a voice from it. */
  readonly create: (options: CreateOptions) => Effect.Effect<VoiceClone, SpeechError.SpeechError>
  readonly list: Effect.Effect<ReadonlyArray<VoiceClone>, SpeechError.SpeechError>
  /** One clone, by its own id or that of its voice. */
  readonly get: (id: string) => Effect.Effect<VoiceClone, SpeechError.SpeechError>
  /** Deletes a clone by the id of its voice, if the server allows it: to API keys it does not. */
  readonly delete: (voice: Voice.Voice) => Effect.Effect<void, SpeechError.SpeechError>
}

const module = "WavesVoiceClones"

const path = "/waves/v1/voice-cloning"

const invalid = (method: string, parameter: string, description: string) =>
  new SpeechError.InvalidSpeechRequest({ module, method, parameter, description })

const toClone = (clone: WavesAccountSchema.Clone): VoiceClone => {
  const { accent, cloningType: kind, createdAt, description, language } = clone
  const models = clone.modelIds ?? (clone.model === undefined ? [] : [clone.model])
  return {
    voice: clone.voiceId,
    ...(clone._id === undefined ? {} : { id: clone._id }),
    name: clone.displayName ?? clone.voiceId,
    status: clone.status ?? "unknown",
    ...(description === undefined ? {} : { description }),
    ...(accent === undefined ? {} : { accent }),
    tags: WavesAccountSchema.wordsOf(clone.tags),
    ...(language === undefined ? {} : { language }),
    models: models.map(WavesAccountSchema.modelNameOf).map(WavesOptions.modelOfPath),
    ...(kind === undefined ? {} : { kind }),
    ...(createdAt === undefined ? {} : { createdAt }),
    samples: (clone.samples ?? []).map(({ audioUrl, text }) => ({ text, url: audioUrl }))
  }
}

const check = Effect.fnUntraced(function*(method: string, options: CreateOptions) {
  const { language, model = "lightning_v3.1_pro", recording, tags = [] } = options
  const name = options.name.trim()
  if (name === "") return yield* invalid(method, "name", "The clone has no name")
  if (name.length > 500) return yield* invalid(method, "name", `The name has ${name.length} characters, more than 500`)
  const tag = tags.find((tag) => tag.includes(","))
  if (tag !== undefined) return yield* invalid(method, "tags", `The tag "${tag}" has a comma, which separates tags`)
  yield* WavesOptions.checkLanguage({ module, method }, { language, model })
  const { problem, type } = Recording.inspect(recording)
  if (type === undefined) return yield* invalid(method, "recording", problem)
  return { name, model, type }
})

const toForm = Effect.fnUntraced(function*(
  { accent, description, language, recording, tags = [] }: CreateOptions,
  { model, name, type }: Effect.Effect.Success<ReturnType<typeof check>>
) {
  const form = new FormData()
  form.set("displayName", name)
  form.set("model", WavesOptions.pathOf(model))
  if (language !== undefined) form.set("language", language)
  if (description !== undefined) form.set("description", description)
  if (accent !== undefined) form.set("accent", accent)
  if (tags.length > 0) form.set("tags", tags.join(", "))
  // A copy, since a Blob takes no view of shared memory.
  form.set("file", new Blob([new Uint8Array(recording)], { type: type.mediaType }), `recording.${type.extension}`)
  // HTTP clients know the forms of their own platform only; bytes they all send.
  const encoded = new Response(form)
  const bytes = yield* Effect.promise(() => encoded.arrayBuffer())
  return HttpBody.uint8Array(new Uint8Array(bytes), encoded.headers.get("content-type") ?? undefined)
})

const unknown = (id: string) => ({ parameter: "id", description: `The account has no voice clone ${id}` })

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service, never, WavesClient> = Effect.map(WavesClient, ({ request }) => {
  const list = (method: string) =>
    Effect.map(
      request({ module, method, verb: "GET", path, schema: WavesAccountSchema.CloneList }),
      ({ data }) => data.map(toClone)
    )

  const present = (method: string, id: string) => (clone: WavesAccountSchema.Clone | null) =>
    clone === null ? invalid(method, "id", unknown(id).description) : Effect.succeed(toClone(clone))

  return WavesVoiceClones.of({
    create: Effect.fnUntraced(function*(options) {
      const checked = yield* check("create", options)
      const { data } = yield* request({
        module,
        method: "create",
        verb: "POST",
        path,
        body: yield* toForm(options, checked),
        isUpload: true,
        model: checked.model,
        schema: WavesAccountSchema.CreatedClone
      })
      return toClone(data)
    }),
    list: list("list"),
    get: Effect.fnUntraced(function*(id) {
      if (id.trim() === "") return yield* invalid("get", "id", "There is no id")
      // The server finds a clone by its own id alone, and people know that of its voice.
      if (id.startsWith("voice_")) {
        const found = (yield* list("get")).find(({ voice }) => voice === id)
        return found ?? (yield* invalid("get", "id", unknown(id).description))
      }
      const { data } = yield* request({
        module,
        method: "get",
        verb: "GET",
        path: `${path}/${encodeURIComponent(id)}`,
        schema: WavesAccountSchema.CloneAnswer,
        unknown: unknown(id)
      })
      return yield* present("get", id)(data)
    }),
    delete: (voice) =>
      request({
        module,
        method: "delete",
        verb: "POST",
        path: `${path}/delete`,
        body: HttpBody.unsafeJson({ voiceId: voice }),
        schema: WavesAccountSchema.CloneDeletion,
        unknown: unknown(voice)
      }).pipe(
        // The route is for the vendor's console, which signs in with a token; every API key gets this answer.
        Effect.catchTag("InvalidApiKey", ({ requestId }) =>
          new SpeechError.NotEntitled({
            module,
            method: "delete",
            requestId,
            description: "The server does not let API keys delete voice clones",
            needs: "console"
          })),
        Effect.filterOrFail(({ success }) => success !== false, () =>
          invalid("delete", "id", unknown(voice).description)),
        Effect.asVoid
      )
  })
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<WavesVoiceClones, never, WavesClient> = Layer.effect(WavesVoiceClones, make)

/**
 * Uploads a recording and creates a voice from it. A recording that is empty, larger than 5 MB or of another type, a name or a
 * language that is not valid, fail with `InvalidSpeechRequest` before anything is sent.
 *
 * @example
 * ```ts
 * import { SpeechSynthesizer } from "@effect-smallest/core"
 * import { WavesVoiceClones } from "@effect-smallest/waves"
 * import { FileSystem } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const fs = yield* FileSystem.FileSystem
 *   const { voice } = yield* WavesVoiceClones.create({ name: "Me", recording: yield* fs.readFile("me.wav") })
 *   return yield* SpeechSynthesizer.synthesize({ text: "Is it me?", voice })
 * })
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const create = (
  options: CreateOptions
): Effect.Effect<VoiceClone, SpeechError.SpeechError, WavesVoiceClones> =>
  Effect.flatMap(WavesVoiceClones, (clones) => clones.create(options))

/**
 * The clones of the account.
 *
 * @since 0.1.0
 * @category accessors
 */
export const list: Effect.Effect<ReadonlyArray<VoiceClone>, SpeechError.SpeechError, WavesVoiceClones> = Effect.flatMap(
  WavesVoiceClones,
  (clones) => clones.list
)

/**
 * One clone, by its own id or that of its voice; an id that the account does not have fails with `InvalidSpeechRequest`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const get = (id: string): Effect.Effect<VoiceClone, SpeechError.SpeechError, WavesVoiceClones> =>
  Effect.flatMap(WavesVoiceClones, (clones) => clones.get(id))

const remove = (voice: Voice.Voice): Effect.Effect<void, SpeechError.SpeechError, WavesVoiceClones> =>
  Effect.flatMap(WavesVoiceClones, (clones) => clones.delete(voice))

export {
  /**
   * Deletes a clone by the id of its voice. The vendor lets people do that in its console and API keys not: with one it
   * fails with `NotEntitled`, which says so. The token of a console works.
   *
   * @since 0.1.0
   * @category accessors
   */
  remove as delete
}
