/**
 * What will be narrated, before a word of it is paid for: a file that people may edit, and the segments that it comes to.
 *
 * @since 0.2.0
 */
import { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as TextSegmenter from "@effect-smallest/stream/TextSegmenter"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { Book, BookError } from "./Book.js"

/**
 * A plan as it stands in a file. Texts, titles and voices may be changed, and chapters and blocks removed, added and moved.
 *
 * @since 0.2.0
 * @category schemas
 */
export const NarrationPlan = Schema.Struct({
  version: Schema.Literal(1),
  ...Book.fields,
  /** How all of it is spoken. */
  options: Schema.Struct({
    voice: SpeechOptions.fields.voice,
    model: SpeechOptions.fields.model,
    language: SpeechOptions.fields.language,
    speed: SpeechOptions.fields.speed,
    sampleRate: SpeechOptions.fields.sampleRate,
    provider: SpeechOptions.fields.provider
  })
})

/**
 * @since 0.2.0
 * @category models
 */
export type NarrationPlan = typeof NarrationPlan.Type

/**
 * A piece of text that is asked of the engine at once. The same text, spoken by the same engine with the same options, has the same key.
 *
 * @since 0.2.0
 * @category schemas
 */
export const Segment = Schema.Struct({
  key: Schema.String,
  text: Schema.String,
  voice: Schema.optional(Schema.String),
  /** The silence after it, in milliseconds. */
  pause: Schema.NonNegativeInt
})

/**
 * @since 0.2.0
 * @category models
 */
export type Segment = typeof Segment.Type

/**
 * A plan cut into segments, as runners read it.
 *
 * @since 0.2.0
 * @category schemas
 */
export const Script = Schema.Struct({
  title: Schema.String,
  author: Schema.optional(Schema.String),
  language: Schema.optional(Schema.String),
  options: NarrationPlan.fields.options,
  chapters: Schema.Array(Schema.Struct({ title: Schema.String, segments: Schema.Array(Segment) }))
})

/**
 * @since 0.2.0
 * @category models
 */
export type Script = typeof Script.Type

/**
 * A book with the options to speak it by.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (book: Book, options: NarrationPlan["options"] = {}): NarrationPlan => ({
  version: 1,
  ...book,
  options
})

const decode = Schema.decodeUnknownEither(Schema.parseJson(NarrationPlan), { onExcessProperty: "error" })

const encode = Schema.encodeSync(NarrationPlan)

/**
 * Reads a plan from a file's text.
 *
 * @since 0.2.0
 * @category constructors
 */
export const fromJson = (name: string, text: string): Either.Either<NarrationPlan, BookError> =>
  Either.mapLeft(decode(text), (error) => {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
    const place = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `
    return new BookError({
      reason: "Unreadable",
      name,
      description: `it is not a plan of a narration (${place}${issue?.message.split("\n")[0] ?? "unknown"})`
    })
  })

/**
 * Writes a plan as the text of a file.
 *
 * @since 0.2.0
 * @category combinators
 */
export const toJson = (plan: NarrationPlan): string => `${JSON.stringify(encode(plan), undefined, 2)}\n`

const pauseAfter = { heading: 1000, paragraph: 500, break: 1500 }

const isLocale = (language: string | undefined): language is string => {
  try {
    return language !== undefined && new Intl.Locale(language).language !== ""
  } catch {
    return false
  }
}

const sorted = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
      Object.entries(value).filter(([, one]) => one !== undefined).sort(([a], [b]) => a < b ? -1 : 1)
        .map(([name, one]) => [name, sorted(one)])
    )
    : value

/**
 * Cuts a plan into segments.
 *
 * @since 0.2.0
 * @category combinators
 */
export const toScript = (
  plan: NarrationPlan,
  engine: {
    /** What makes audio different although all options are equal: the engine, its version, its server. */
    readonly name: string
    /**
     * The most UTF-16 code units in a segment.
     * @default 250
     */
    readonly maxLength?: number | undefined
  }
): Script => {
  const segmenter = TextSegmenter.make({
    maxLength: engine.maxLength ?? 250,
    locale: isLocale(plan.language) ? plan.language : undefined
  })
  const keyOf = (text: string, voice: string | undefined) =>
    `s-${
      createHash("sha256")
        .update(JSON.stringify([1, engine.name, text, sorted({ ...plan.options, voice: voice ?? plan.options.voice })]))
        .digest("hex")
    }`
  const chapters = plan.chapters.map((chapter) => {
    const segments: Array<{ key: string; text: string; voice: string | undefined; pause: number }> = []
    for (const block of chapter.blocks) {
      const voice = block.voice ?? chapter.voice
      const [state, found] = segmenter.push(segmenter.initial, block.text)
      const [, rest] = segmenter.flush(state)
      for (const { text } of [...found, ...rest]) {
        const said = text.trim()
        if (TextSegmenter.isSpeakable(said)) segments.push({ key: keyOf(said, voice), text: said, voice, pause: 0 })
      }
      const last = segments.at(-1)
      if (last !== undefined) last.pause = Math.max(last.pause, pauseAfter[block.kind])
    }
    return { title: chapter.title, segments }
  }).filter(({ segments }) => segments.length > 0)
  const { author, language, options, title } = plan
  return { title, author, language, options, chapters }
}

/**
 * What a chapter comes to.
 *
 * @since 0.2.0
 * @category models
 */
export interface Estimate {
  readonly title: string
  readonly segments: number
  /** What the engine is asked to say, in UTF-16 code units. */
  readonly characters: number
  /** At 15 characters a second, which people read aloud. */
  readonly minutes: number
}

/**
 * What each chapter comes to.
 *
 * @since 0.2.0
 * @category accessors
 */
export const estimate = (script: Script): ReadonlyArray<Estimate> =>
  script.chapters.map(({ segments, title }) => {
    const characters = segments.reduce((sum, { text }) => sum + text.length, 0)
    const pauses = segments.reduce((sum, { pause }) => sum + pause, 0) / 60_000
    const minutes = characters / 15 / 60 / (script.options.speed ?? 1) + pauses
    return { title, segments: segments.length, characters, minutes }
  })
