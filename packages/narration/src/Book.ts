/**
 * Books as they are read aloud: chapters in reading order, each of headings, paragraphs and breaks. Plain text, Markdown and EPUB 2 and 3 become
 * one.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { readEpub } from "./internal/epub.js"
import { readMarkdown } from "./internal/markdown.js"
import { readText } from "./internal/plainText.js"

/**
 * A piece of a chapter that is spoken in one go, or a silence.
 *
 * - `heading`: a longer pause follows
 * - `paragraph`: a short pause follows
 * - `break`: the silence between two scenes; it has no text
 *
 * @since 0.2.0
 * @category schemas
 */
export const Block = Schema.Struct({
  kind: Schema.Literal("heading", "paragraph", "break"),
  text: Schema.String,
  /** Who speaks it, if not the voice of the chapter. */
  voice: Schema.optional(Schema.NonEmptyTrimmedString)
})

/**
 * @since 0.2.0
 * @category models
 */
export type Block = typeof Block.Type

/**
 * @since 0.2.0
 * @category schemas
 */
export const Chapter = Schema.Struct({
  title: Schema.NonEmptyTrimmedString,
  /** Who speaks it, if not the voice of the narration. */
  voice: Schema.optional(Schema.NonEmptyTrimmedString),
  blocks: Schema.Array(Block)
})

/**
 * @since 0.2.0
 * @category models
 */
export type Chapter = typeof Chapter.Type

/**
 * @since 0.2.0
 * @category schemas
 */
export const Book = Schema.Struct({
  title: Schema.NonEmptyTrimmedString,
  author: Schema.optional(Schema.NonEmptyTrimmedString),
  /** As a BCP 47 tag, such as `en-GB`. */
  language: Schema.optional(Schema.NonEmptyTrimmedString),
  chapters: Schema.Array(Chapter).pipe(Schema.minItems(1))
})

/**
 * @since 0.2.0
 * @category models
 */
export type Book = typeof Book.Type

/**
 * A file that cannot be read aloud.
 *
 * - `Unreadable`: it is not what its name says, or it is damaged
 * - `Protected`: it is encrypted against copying
 * - `Empty`: there is nothing to say
 * - `TooLarge`: it is larger than a book can be, packed or unpacked
 *
 * @since 0.2.0
 * @category errors
 */
export class BookError extends Schema.TaggedError<BookError>("@effect-smallest/narration/Book/BookError")("BookError", {
  reason: Schema.Literal("Unreadable", "Protected", "Empty", "TooLarge"),
  /** The name of the file. */
  name: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `${this.name} cannot be narrated: ${this.description}`
  }
}

/**
 * What is read beyond the text itself.
 *
 * - `notes`: footnotes and endnotes, and the marks that refer to them
 * - `pageNumbers`: the numbers of printed pages
 * - `contents`: tables of contents, of figures and of tables
 * - `matter`: title page, imprint, copyright, colophon
 *
 * @since 0.2.0
 * @category models
 */
export type Extra = "notes" | "pageNumbers" | "contents" | "matter"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * What is read beyond the text itself.
   * @default []
   */
  readonly include?: ReadonlyArray<Extra> | undefined
}

const longest = 200 * 1024 * 1024
const longestText = 20 * 1024 * 1024

const decode = (name: string, bytes: Uint8Array): Either.Either<string, BookError> =>
  bytes.length > longestText
    ? Either.left(
      new BookError({
        reason: "TooLarge",
        name,
        description: `it has ${Math.round(bytes.length / 1024 / 1024)} MB of text, more than the 20 MB of a long book`
      })
    )
    : Either.mapLeft(
      Either.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)),
      () => new BookError({ reason: "Unreadable", name, description: "it is not UTF-8 text; save it as UTF-8" })
    )

const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b

const baseName = (name: string): string => name.split(/[\\/]/).at(-1)?.replace(/\.[^.]+$/, "") || "Untitled"

const read = (name: string, bytes: Uint8Array, options: Options): Either.Either<Book, BookError> => {
  const include = new Set(options.include ?? [])
  if (bytes.length > longest) {
    return Either.left(
      new BookError({ reason: "TooLarge", name, description: "it is larger than 200 MB, which no book of text is" })
    )
  }
  if (/\.epub$/i.test(name) || isZip(bytes)) {
    return Either.mapLeft(readEpub(bytes, include, baseName(name)), (problem) => new BookError({ name, ...problem }))
  }
  if (bytes.subarray(0, 5).every((byte, i) => byte === "%PDF-".charCodeAt(i)) && bytes.length > 4) {
    return Either.left(
      new BookError({
        reason: "Unreadable",
        name,
        description: "it is a PDF, which knows letters on pages and not their order; convert it to EPUB or text first"
      })
    )
  }
  return Either.map(
    decode(name, bytes),
    (text) =>
      /\.(md|markdown)$/i.test(name) ? readMarkdown(text, include, baseName(name)) : readText(text, baseName(name))
  )
}

/**
 * Reads a book by the end of its name: `.epub`, `.md` or `.markdown`, anything else is plain text.
 *
 * @example
 * ```ts
 * import { Book } from "@effect-smallest/narration"
 * import { Effect } from "effect"
 *
 * const book = Book.fromBytes("story.txt", new TextEncoder().encode("Chapter 1\n\nIt was night."))
 * Effect.runSync(book).chapters.map(({ title }) => title) // ["Chapter 1"]
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const fromBytes = (name: string, bytes: Uint8Array, options: Options = {}): Effect.Effect<Book, BookError> =>
  Effect.flatMap(Effect.suspend(() => read(name, bytes, options)), (book) => {
    const chapters = book.chapters.filter(({ blocks }) => blocks.some(({ text }) => /[\p{L}\p{N}]/u.test(text)))
    return chapters.length > 0
      ? Effect.succeed({ ...book, chapters })
      : new BookError({ reason: "Empty", name, description: "there is nothing in it to say" })
  })
