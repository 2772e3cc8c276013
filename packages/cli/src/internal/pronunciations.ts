import type { Pronunciation } from "@effect-smallest/waves/WavesPronunciationDictionaries"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CommandFailure, UsageError } from "../CliError.js"
import type { Stdio } from "../Stdio.js"
import * as Input from "./input.js"
import * as Text from "./text.js"

const parseItem = (text: string): Option.Option<Pronunciation> => {
  const at = text.indexOf("=")
  return at < 1
    ? Option.none()
    : Option.some({ word: text.slice(0, at).trim(), pronunciation: text.slice(at + 1).trim() })
}

const Items = Schema.Array(Schema.Struct({ word: Schema.String, pronunciation: Schema.String }))

const decodeItems = Schema.decodeEither(Schema.parseJson(Items))

const decodeDictionary = Schema.decodeEither(Schema.parseJson(Schema.Struct({ items: Items })))

const decodeRecord = Schema.decodeEither(Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.String })))

const readJson = (name: string, text: string): Either.Either<ReadonlyArray<Pronunciation>, CommandFailure> =>
  decodeItems(text).pipe(
    Either.orElse(() => Either.map(decodeDictionary(text), ({ items }) => items)),
    Either.orElse(() =>
      Either.map(
        decodeRecord(text),
        (record) => Object.entries(record).map(([word, pronunciation]) => ({ word, pronunciation }))
      )
    ),
    Either.mapLeft(() =>
      new CommandFailure({
        description:
          `${name} is not a dictionary: write {"SQL": "sequel"}, or [{"word": "SQL", "pronunciation": "sequel"}]`
      })
    )
  )

const readLines = (name: string, text: string): Either.Either<ReadonlyArray<Pronunciation>, CommandFailure> =>
  Either.all(
    text.split(/\r?\n/).flatMap((line, i) =>
      line.trim() === "" || line.startsWith("#") ?
        [] :
        [Either.fromOption(parseItem(line), () =>
          new CommandFailure({ description: `Line ${i + 1} of ${name} is not word=pronunciation, as in SQL=sequel` }))]
    )
  )

// A dictionary of the vendor is small; a file that is not one may be anything.
const maxLength = 1_000_000

const readFile = Effect.fnUntraced(function*(name: string) {
  const { bytes } = yield* Input.open(name, "a dictionary")
  const text = yield* Stream.mkString(
    Stream.takeUntil(
      Text.decode(Input.nameOf(name), bytes),
      (() => {
        let length = 0
        return (piece: string) => (length += piece.length) > maxLength
      })()
    )
  )
  if (text.length > maxLength) {
    return yield* new CommandFailure({
      description: `${name} is not a dictionary: it has more than ${maxLength} characters`
    })
  }
  return yield* /^\s*[[{]/.test(text) ? readJson(name, text) : readLines(name, text)
})

/**
 * Words and how they are said: from the arguments, as `SQL=sequel`, and from a file that has such lines, or JSON.
 *
 * @internal
 */
export const read = (options: {
  readonly items: ReadonlyArray<string>
  readonly file: Option.Option<string>
}): Effect.Effect<ReadonlyArray<Pronunciation>, Text.TextError, FileSystem.FileSystem | Stdio> =>
  Effect.gen(function*() {
    const given = yield* Effect.forEach(options.items, (item) =>
      Effect.mapError(
        parseItem(item),
        () => new UsageError({ description: `--item takes word=pronunciation, as in SQL=sequel, not "${item}"` })
      ))
    const written = Option.isSome(options.file) ? yield* readFile(options.file.value) : []
    const all = [...written, ...given]
    return all.length > 0 ? all : yield* new UsageError({
      description: "There are no words: add --item SQL=sequel, or name a file that has such lines"
    })
  })
