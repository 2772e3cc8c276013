/**
 * The command `dictionaries`: the account's pronunciation dictionaries.
 *
 * @since 0.1.0
 */
import * as Dictionaries from "@effect-smallest/waves/WavesPronunciationDictionaries"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Account from "./internal/account.js"
import * as Help from "./internal/help.js"
import * as List from "./internal/list.js"
import * as Pronunciations from "./internal/pronunciations.js"
import * as Stdio from "./Stdio.js"

const written = ({ items }: Dictionaries.PronunciationDictionary): string =>
  items.map(({ pronunciation, word }) => `${word}=${pronunciation}`).join(", ")

const listCommand = Command.make(
  "list",
  { json: Help.json },
  ({ json }) =>
    Account.provide(Effect.flatMap(Dictionaries.list, (items) =>
      List.print({
        items,
        json,
        row: (dictionary) => [
          dictionary.id,
          dictionary.createdAt === undefined ? "" : DateTime.formatIsoDateUtc(dictionary.createdAt),
          written(dictionary)
        ],
        none: "The account has no dictionaries; effect-smallest dictionaries create --item SQL=sequel makes one."
      })))
).pipe(
  Command.withDescription("Lists the dictionaries: id, day of creation, words.")
)

const words = {
  file: Args.text({ name: "FILE" }).pipe(
    Args.withDescription("Lines such as SQL=sequel, or JSON such as {\"SQL\": \"sequel\"}; - is standard input"),
    Args.optional
  ),
  item: Options.text("item").pipe(
    Options.withPseudoName("WORD=PRONUNCIATION"),
    Options.withDescription("A word, case included, and how it is said; may be repeated"),
    Options.repeated
  ),
  json: Help.json
}

const id = Args.text({ name: "ID" }).pipe(Args.withDescription("The id of the dictionary: 24 hexadecimal digits"))

const print = (dictionary: Dictionaries.PronunciationDictionary, json: boolean) =>
  Effect.zipRight(
    json ? List.printJson(dictionary) : Stdio.print(dictionary.id),
    Stdio.report(`It says ${written(dictionary)}; add --dictionary ${dictionary.id} to speak.`)
  )

const createCommand = Command.make("create", words, ({ file, item, json }) =>
  Account.provide(
    Pronunciations.read({ items: item, file }).pipe(
      Effect.flatMap(Dictionaries.create),
      Effect.flatMap((dictionary) => print(dictionary, json))
    )
  )).pipe(Command.withDescription("Makes a dictionary, and prints its id."))

const updateCommand = Command.make("update", { id, ...words }, ({ file, id, item, json }) =>
  Account.provide(
    Pronunciations.read({ items: item, file }).pipe(
      Effect.flatMap((items) => Dictionaries.update(id, items)),
      Effect.flatMap((dictionary) => print(dictionary, json))
    )
  )).pipe(Command.withDescription("Puts other words in the place of all that a dictionary has."))

const deleteCommand = Command.make(
  "delete",
  { id },
  ({ id }) => Account.provide(Effect.zipRight(Dictionaries.delete(id), Stdio.report(`${id} is deleted.`)))
).pipe(Command.withDescription("Deletes a dictionary."))

/**
 * `effect-smallest dictionaries`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("dictionaries").pipe(
  Command.withDescription("The account's pronunciation dictionaries: makes, lists, changes and deletes them."),
  Command.withSubcommands([listCommand, createCommand, updateCommand, deleteCommand])
)
