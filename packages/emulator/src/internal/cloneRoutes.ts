/**
 * Voice cloning, today's and that of 2025. The recording is checked and forgotten: clones speak with a voice of the engine.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Multipart from "@effect/platform/Multipart"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Account from "./account.js"
import * as Catalogue from "./catalogue.js"
import * as Clones from "./clones.js"
import * as Exchange from "./exchange.js"
import { gate } from "./legacyRoutes.js"
import { gone, json, notFound, Refusal } from "./refusal.js"
import { CurrentSettings } from "./settings.js"
import { sampleText, sampleUrl } from "./voicesRoutes.js"

const path = "/waves/v1/voice-cloning"

const organizationId = "000000000000000000000001"

const megabyte = 1_000_000

const largestFile = 5 * megabyte

/** What is read, and forgotten, so that a client with too large a file still gets its answer. */
const largestForm = 50 * megabyte

const mostClones = 100

const fileTypes = new Set([
  "audio/mpeg",
  "audio/mpeg-3",
  "audio/wav",
  "audio/wave",
  "audio/webm",
  "video/webm",
  "audio/mp4",
  "video/mp4"
])

const refuse = (error: string) => new Refusal({ status: 400, body: { error } })

interface Form {
  readonly fields: ReadonlyMap<string, string>
  readonly file: { readonly name: string; readonly contentType: string; readonly bytes: number } | undefined
}

const tooLarge = refuse("The file is larger than 5 MB")

const readForm = (exchange: Exchange.Exchange): Effect.Effect<Form, Refusal> => {
  if (!(exchange.headers["content-type"] ?? "").startsWith("multipart/form-data")) return refuse("No file provided")
  const empty: Form = { fields: new Map(), file: undefined }
  return exchange.request.multipartStream.pipe(
    Stream.runFoldEffect(empty, (form, part) =>
      Multipart.isField(part)
        ? Effect.succeed({ ...form, fields: new Map([...form.fields, [part.key, part.value]]) })
        : Effect.map(
          Stream.runFold(part.content, 0, (bytes, chunk) => bytes + chunk.length),
          (bytes) =>
            part.key === "file" ? { ...form, file: { name: part.name, contentType: part.contentType, bytes } } : form
        )),
    HttpIncomingMessage.withMaxBodySize(Option.some(FileSystem.Size(largestForm))),
    Multipart.withMaxFieldSize(FileSystem.Size(megabyte)),
    Multipart.withMaxParts(Option.some(32)),
    Effect.mapError(() => refuse("The form could not be read")),
    Effect.filterOrFail(({ file }) => file === undefined || file.bytes <= largestFile, () => tooLarge),
    Effect.tap(({ fields, file }) => exchange.entry.body(JSON.stringify({ ...Object.fromEntries(fields), file })))
  )
}

const checkFile = (form: Form) =>
  form.file === undefined || form.file.bytes === 0
    ? refuse("No file provided")
    : fileTypes.has(form.file.contentType)
    ? Effect.succeed(form.file)
    : refuse(`Invalid file type ${form.file.contentType}. Supported: ${[...fileTypes].join(", ")}`)

const checkName = (form: Form) => {
  const name = form.fields.get("displayName")?.trim() ?? ""
  return name.length >= 1 && name.length <= 500
    ? Effect.succeed(name)
    : refuse("displayName must contain 1 to 500 characters")
}

// Bodies spell models with an underscore, cloning with a hyphen, and clients mix them up.
const checkModel = (form: Form) => {
  const given = form.fields.get("model") ?? "lightning-v3.1"
  const path = given.replaceAll("_", "-")
  const pool = Catalogue.pools.find((pool) => pool.path === path)
  return pool !== undefined
    ? Effect.succeed(pool)
    : path === "lightning-v2"
    ? refuse("Voice cloning for lightning-v2 is deprecated. Please use lightning-v3.1")
    : refuse(
      `Voice cloning is not available for ${given}. Supported models: ${
        Catalogue.pools.map(({ path }) => path).join(", ")
      }`
    )
}

const checkLanguage = (form: Form, pool: Catalogue.Pool) => {
  const language = form.fields.get("language") ?? "en"
  return pool.languages.includes(language)
    ? Effect.succeed(language)
    : refuse(`Invalid language. Supported: ${pool.languages.join(", ")}`)
}

const listed = ({ model, ...clone }: Clones.Clone) => ({ ...clone, modelIds: [model] })

/** @internal */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { assumptions, legacy } = yield* CurrentSettings
    const account = yield* Account.Account
    const clones = yield* Clones.Clones
    const { route } = yield* Exchange.Exchanges

    const create = Effect.fnUntraced(function*(form: Form, model: string, language: string) {
      const file = yield* checkFile(form)
      const displayName = yield* checkName(form)
      if ((yield* clones.all).length >= mostClones) return yield* refuse("clone limit exceeded, consider upgrading")
      return yield* clones.create({
        displayName,
        description: form.fields.get("description") ?? "",
        accent: form.fields.get("accent") ?? "",
        tags: (form.fields.get("tags") ?? "").split(",").map((tag) => tag.trim()).filter((tag) => tag !== ""),
        language,
        model,
        fileName: file.name
      })
    })

    yield* router.add(
      "POST",
      path,
      route(Effect.fnUntraced(function*(exchange) {
        yield* account.authenticate(exchange)
        const form = yield* readForm(exchange)
        yield* checkFile(form)
        const pool = yield* checkModel(form)
        yield* Catalogue.checkRetired(assumptions, Catalogue.modelOf(pool))
        const clone = yield* create(form, pool.path, yield* checkLanguage(form, pool))
        return json({
          message: "Voice clone created successfully",
          data: {
            voiceId: clone.voiceId,
            displayName: clone.displayName,
            status: clone.status,
            language: clone.language,
            model: { _id: clone._id, modelName: clone.model },
            audioFileNames: [clone.fileName],
            createdAt: clone.createdAt,
            organizationId,
            samples: [{ text: sampleText(clone.displayName), audioUrl: sampleUrl(exchange, clone.voiceId) }]
          }
        })
      }))
    )

    yield* router.add(
      "GET",
      path,
      route((exchange) =>
        Effect.map(
          Effect.zipRight(account.authenticate(exchange), clones.all),
          (all) => json({ data: all.map(listed) })
        )
      )
    )

    yield* router.add(
      "GET",
      `${path}/:id`,
      route(Effect.fnUntraced(function*(exchange) {
        yield* account.authenticate(exchange)
        const id = exchange.path.replace(/\/+$/, "").replace(/^.*\//, "")
        const clone = (yield* clones.all).find((clone) => clone._id === id)
        return clone === undefined ? yield* notFound : json({ success: true, data: listed(clone) })
      }))
    )

    const voiceIdOf = (body: unknown): string =>
      typeof body === "object" && body !== null && "voiceId" in body ? String(body.voiceId) : ""

    yield* router.add(
      "POST",
      `${path}/delete`,
      route(Effect.fnUntraced(function*(exchange) {
        if (!account.isConsole(exchange)) {
          yield* account.authenticate(exchange)
          return yield* new Refusal({ status: 401, body: { error: "unauthorized" } })
        }
        const voiceId = voiceIdOf(yield* exchange.readJson)
        return (yield* clones.remove(voiceId)) ? json({ success: true, voiceId, organizationId }) : yield* notFound
      }))
    )

    // ------------------------------------------------------------------------------------------------------------
    // 2025
    // ------------------------------------------------------------------------------------------------------------

    const large = "lightning-large"

    const begin = (exchange: Exchange.Exchange) =>
      Effect.zipRight(gate(legacy, "/api/v1", large), account.authenticate(exchange))

    yield* router.add(
      "POST",
      `/api/v1/${large}/add_voice`,
      route(Effect.fnUntraced(function*(exchange) {
        yield* begin(exchange)
        const { model, status, voiceId } = yield* create(yield* readForm(exchange), large, "en")
        return json({ message: "Voice clone created successfully", data: { voiceId, model, status } })
      }))
    )
    yield* router.add(
      "GET",
      `/api/v1/${large}/get_cloned_voices`,
      route((exchange) =>
        Effect.map(Effect.zipRight(begin(exchange), clones.all), (all) =>
          json({
            voices: all.filter(({ model }) => model === large).map((clone) => ({
              displayName: clone.displayName,
              accent: clone.accent,
              tags: clone.tags,
              voiceId: clone.voiceId,
              model: clone.model,
              status: clone.status,
              createdAt: clone.createdAt
            }))
          }))
      )
    )
    yield* router.add(
      "DELETE",
      `/api/v1/${large}`,
      route(Effect.fnUntraced(function*(exchange) {
        yield* begin(exchange)
        const voiceId = voiceIdOf(yield* exchange.readJson)
        return (yield* clones.remove(voiceId)) ? json({ success: true, voiceId }) : yield* notFound
      }))
    )
    yield* router.add("*", `/waves/v1/${large}`, route(() => gone))
    yield* router.add("*", `/waves/v1/${large}/*`, route(() => gone))
    yield* router.add("*", "/waves/v1/lightning-v2/*", route(() => gone))
  })
)
