import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { CommandFailure, UsageError } from "../CliError.js"
import { Stdio, type StdioError } from "../Stdio.js"
import * as Input from "./input.js"

/** @internal */
export type TextError = UsageError | CommandFailure | StdioError

// UTF-16 is valid UTF-8 as long as it is Latin text, since every other byte of it is zero. Text has no such bytes.
const isBinary = (text: string): boolean => text.includes("\u0000")

/**
 * Strict, because a file in another encoding would be spoken as rubbish.
 *
 * @internal
 */
export const decode = <E>(
  name: string,
  bytes: Stream.Stream<Uint8Array, E>
): Stream.Stream<string, E | CommandFailure> =>
  Stream.suspend(() => {
    const decoder = new TextDecoder("utf-8", { fatal: true })
    const next = (bytes?: Uint8Array) =>
      Effect.try({
        try: () => bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true }),
        catch: () => new CommandFailure({ description: `${name} is not UTF-8 text; convert it first` })
      }).pipe(
        Effect.filterOrFail(
          (text) => !isBinary(text),
          () =>
            new CommandFailure({
              description: `${name} is not UTF-8 text: it has zero bytes, as UTF-16 has; convert it first, as in ` +
                "iconv -f UTF-16LE -t UTF-8, or save it again as UTF-8"
            })
        )
      )
    return Stream.concat(Stream.mapEffect(bytes, next), Stream.fromEffect(Effect.suspend(next)))
  })

/**
 * A text that is there as a whole.
 *
 * @internal
 */
export const decodeWhole = (name: string, bytes: Uint8Array): Effect.Effect<string, CommandFailure> =>
  Stream.mkString(decode(name, Stream.succeed(bytes)))

/**
 * A text, piece by piece as it can be read.
 *
 * @internal
 */
export interface Source {
  readonly pieces: Stream.Stream<string, TextError>
  /** In UTF-16 code units, if the end of the text is known. */
  readonly length: Option.Option<number>
}

const file = Effect.fnUntraced(function*(
  name: string
): Effect.fn.Return<Source, TextError, FileSystem.FileSystem> {
  const { bytes, isRepeatable } = yield* Input.file(name, "a text file")
  const pieces = decode(name, bytes)
  if (!isRepeatable) return { pieces, length: Option.none() }
  // Read to its end before it is spoken: a mistake in the last chapter is not reported after hours of speech.
  const length = yield* Stream.runFold(pieces, 0, (length, piece) => length + piece.length)
  return { pieces, length: Option.some(length) }
})

const emptyInput = new CommandFailure({
  description: "Standard input held no text: pipe some in, write the text in quotes, or name a file with --file"
})

// A pipe from nowhere is the most common reason for silence.
const orComplain = <E>(pieces: Stream.Stream<string, E>): Stream.Stream<string, E | CommandFailure> =>
  Stream.suspend(() => {
    let isEmpty = true
    return Stream.concat(
      Stream.tap(pieces, (piece) =>
        Effect.sync(() => {
          isEmpty &&= piece.trim() === ""
        })),
      Stream.suspend(() => isEmpty ? Stream.fail(emptyInput) : Stream.empty)
    )
  })

/**
 * The text to speak: from the arguments, from a file, or from standard input.
 *
 * @internal
 */
export const source = (options: {
  readonly text: Option.Option<string>
  readonly file: Option.Option<string>
}): Effect.Effect<Source, TextError, FileSystem.FileSystem | Stdio> =>
  Effect.gen(function*() {
    const { stdin } = yield* Stdio
    if (Option.isSome(options.text)) {
      return Option.isNone(options.file)
        ? { pieces: Stream.succeed(options.text.value), length: Option.some(options.text.value.length) }
        : yield* new UsageError({ description: "Give the text or --file, not both" })
    }
    const name = Option.getOrUndefined(options.file)
    if (name !== undefined && name !== "-") return yield* file(name)
    return stdin.isTerminal && name === undefined
      ? yield* new UsageError({
        description: "Nothing to speak: write the text in quotes, name a file with --file, or pipe text in " +
          "(see effect-smallest speak --help)"
      })
      : { pieces: orComplain(decode("Standard input", stdin.bytes)), length: Option.none() }
  })
