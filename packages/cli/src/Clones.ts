/**
 * The command `clones`: the account's cloned voices.
 *
 * @since 0.1.0
 */
import * as Language from "@effect-smallest/core/Language"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as WavesVoiceClones from "@effect-smallest/waves/WavesVoiceClones"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { CliError } from "./CliError.js"
import * as Account from "./internal/account.js"
import * as Help from "./internal/help.js"
import * as Input from "./internal/input.js"
import * as List from "./internal/list.js"
import * as Stdio from "./Stdio.js"

const dateOf = ({ createdAt }: WavesVoiceClones.VoiceClone): string =>
  createdAt === undefined ? "" : DateTime.formatIsoDateUtc(createdAt)

const listCommand = Command.make(
  "list",
  { json: Help.json },
  ({ json }) =>
    Account.provide(Effect.flatMap(WavesVoiceClones.list, (items) =>
      List.print({
        items,
        json,
        row: (clone) => [
          clone.voice,
          clone.name,
          clone.status,
          clone.language ?? "",
          clone.models.join(" "),
          dateOf(clone)
        ],
        none: "The account has no voice clones; effect-smallest clones create FILE --name NAME makes one."
      })))
).pipe(
  Command.withDescription("Lists the clones: voice, name, status, language, models, day of creation.")
)

const getCommand = Command.make(
  "get",
  { id: Args.text({ name: "ID" }).pipe(Args.withDescription("The id of the voice, or of the clone")), json: Help.json },
  ({ id, json }) =>
    Account.provide(Effect.flatMap(WavesVoiceClones.get(id), (clone) => {
      const rows = [
        ["voice", clone.voice],
        ["id", clone.id],
        ["name", clone.name],
        ["status", clone.status],
        ["language", clone.language],
        ["models", clone.models.join(" ")],
        ["accent", clone.accent],
        ["tags", clone.tags.join(", ")],
        ["description", clone.description],
        ["created", dateOf(clone)],
        ...clone.samples.map(({ url }) => ["sample", url])
      ].flatMap(([name = "", value = ""]) => value === "" ? [] : [[name, value]])
      return json ? List.printJson(clone) : Stdio.print(List.table(rows))
    }))
).pipe(Command.withDescription("Shows one clone."))

// The file may be a film: no more is read than shows that it is too large.
const mostBytes = WavesVoiceClones.maxRecordingBytes + 1

const read = Effect.fnUntraced(function*(
  name: string
): Effect.fn.Return<Uint8Array, CliError, FileSystem.FileSystem | Stdio.Stdio> {
  const { bytes } = yield* Input.open(name, "a recording")
  let length = 0
  const chunks = yield* Stream.runCollect(Stream.takeUntil(bytes, (chunk) => {
    length += chunk.length
    return length >= mostBytes
  }))
  return Pcm.concatBytes(chunks)
})

const createConfig = {
  file: Args.text({ name: "FILE" }).pipe(
    Args.withDescription(
      "A recording: WAV, MP3, WebM or MP4, 5 MB at most, best 5 to 15 seconds of one voice; - is standard input"
    )
  ),
  name: Help.word("name").pipe(Options.withDescription("The name to show to people")),
  model: Help.word("model").pipe(
    Options.withDescription("The model that the voice is for (default: lightning_v3.1_pro)"),
    Options.optional
  ),
  language: Help.word("language").pipe(
    Options.withDescription("The language of the recording, such as en"),
    Options.optional
  ),
  description: Options.text("description").pipe(Options.withDescription("A note about the voice"), Options.optional),
  accent: Options.text("accent").pipe(Options.withDescription("The accent of the voice"), Options.optional),
  tag: Options.text("tag").pipe(
    Options.withDescription("A word to find the voice by; may be repeated"),
    Options.repeated
  ),
  json: Help.json
}

const createCommand = Command.make("create", createConfig, (given) =>
  Account.provide(Effect.gen(function*() {
    const clone = yield* WavesVoiceClones.create({
      name: given.name,
      recording: yield* read(given.file),
      model: Option.getOrUndefined(given.model),
      language: Option.getOrUndefined(Option.map(given.language, Language.fromName)),
      description: Option.getOrUndefined(given.description),
      accent: Option.getOrUndefined(given.accent),
      tags: given.tag
    })
    yield* given.json ? List.printJson(clone) : Stdio.print(clone.voice)
    yield* Stdio.report(
      clone.status === "completed"
        ? `${clone.name} can speak: add --voice ${clone.voice} --model ${
          clone.models[0] ?? "lightning_v3.1_pro"
        } to speak.`
        : `${clone.name} is ${clone.status}; effect-smallest clones get ${clone.voice} shows when it can speak.`
    )
  }))).pipe(Command.withDescription("Creates a voice from a recording and prints its id."))

const deleteCommand = Command.make(
  "delete",
  { voice: Args.text({ name: "VOICE" }).pipe(Args.withDescription("The id of the voice")) },
  ({ voice }) =>
    Account.provide(
      Effect.zipRight(WavesVoiceClones.delete(voice), Stdio.report(`${voice} is deleted.`))
    )
).pipe(
  Command.withDescription("Deletes a clone. The vendor does not let API keys do that: this says where it can be done.")
)

/**
 * `effect-smallest clones`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("clones").pipe(
  Command.withDescription("The account's cloned voices: makes, lists and shows them."),
  Command.withSubcommands([listCommand, createCommand, getCommand, deleteCommand])
)
