/**
 * What a caller asks for: a text and the options of its speech.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Language } from "./Language.js"
import { Model } from "./Model.js"
import { Voice } from "./Voice.js"

/**
 * The longest text of one request, in UTF-16 code units: the limit of the vendor's API. Longer text goes through
 * `SpeechStream.fromText`, which speaks it in segments.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxTextLength = 8000

/**
 * Options of speech.
 *
 * `language`, `speed` and `sampleRate` work with every engine. The others belong to engines: each says in its own
 * documentation which it honours, and a request that names another fails with `InvalidSpeechRequest`.
 *
 * Precedence: what the request says, then what {@link withOptions} says, then what the layer was made with.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SpeechOptions = Schema.Struct({
  /** Language of the text, such as `en`. `auto` lets the model find out, where it can. */
  language: Schema.optional(Language),
  /** How fast to speak, as a multiple of the voice's own speed: 0.5 to 2. */
  speed: Schema.optional(Schema.Number.pipe(Schema.between(0.5, 2))),
  /** Samples per second of the audio, in hertz. Each engine says which rates it makes; all make 8000, 16000, 24000. */
  sampleRate: Schema.optional(Schema.Int.pipe(Schema.between(8000, 48000))),
  /** Which voice speaks. */
  voice: Schema.optional(Voice),
  /** Which model speaks. */
  model: Schema.optional(Model),
  /** Whether pauses over 200 ms are shortened. */
  removeExtraSilence: Schema.optional(Schema.Boolean),
  /** Whether Latin-script text of another language is written in that language's own script before it is spoken. */
  transliterate: Schema.optional(Schema.Boolean),
  /** Whether `bytes` begins with a WAV header. */
  addWavHeader: Schema.optional(Schema.Boolean),
  /** Ids of pronunciation dictionaries of the account: 24 hexadecimal digits each. */
  pronunciationDictionaries: Schema.optional(Schema.Array(Schema.String.pipe(Schema.pattern(/^[a-fA-F0-9]{24}$/)))),
  /** Language in which numbers are read, where it differs from the text's. */
  numberPronunciationLanguage: Schema.optional(Language),
  /** Whether an operator between digits is read as a word: `2 + 2` as "two plus two". */
  mathNotation: Schema.optional(Schema.Boolean),
  /** Strength of the vendor's audio enhancement: 0, 1 or 2. */
  enhancement: Schema.optional(Schema.Literal(0, 1, 2)),
  /** How closely a cloned voice follows its sample: 0 to 1. */
  similarity: Schema.optional(Schema.Number.pipe(Schema.between(0, 1))),
  /** Whether the vendor keeps text and audio in the account's history. */
  saveHistory: Schema.optional(Schema.Boolean)
})

/**
 * @since 0.1.0
 * @category models
 */
export type SpeechOptions = typeof SpeechOptions.Type

/**
 * A finished text and how to speak it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SpeechRequest = Schema.Struct({
  /** What to say, as written: 1 to 8000 UTF-16 code units in any script. */
  text: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(maxTextLength)),
  ...SpeechOptions.fields
})

/**
 * @since 0.1.0
 * @category models
 */
export type SpeechRequest = typeof SpeechRequest.Type

/**
 * How `SpeechSynthesizer.bytes` encodes audio.
 *
 * - `wav`: RIFF/WAVE with 16-bit PCM
 * - `pcm`: signed 16-bit little-endian samples without a header
 * - `ulaw` (also called `mulaw`), `alaw`: ITU-T G.711, 8 bits a sample, without a header
 * - `mp3`: only where the server makes it
 *
 * @since 0.1.0
 * @category schemas
 */
export const OutputFormat = Schema.Literal("wav", "pcm", "ulaw", "mulaw", "alaw", "mp3")

/**
 * @since 0.1.0
 * @category models
 */
export type OutputFormat = typeof OutputFormat.Type

/**
 * A request for encoded bytes.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SpeechBytesRequest = Schema.Struct({
  ...SpeechRequest.fields,
  /**
   * @default "wav", or "pcm" when `addWavHeader` is false
   */
  outputFormat: Schema.optional(OutputFormat)
})

/**
 * @since 0.1.0
 * @category models
 */
export type SpeechBytesRequest = typeof SpeechBytesRequest.Type

/**
 * Options for everything that runs inside a scope; set them with {@link withOptions}.
 *
 * @since 0.1.0
 * @category services
 */
export class CurrentSpeechOptions extends Context.Reference<CurrentSpeechOptions>()(
  "@effect-smallest/core/SpeechRequest/CurrentSpeechOptions",
  { defaultValue: (): SpeechOptions => ({}) }
) {}

/**
 * `base` overridden by those fields of `over` that are not `undefined`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const mergeOptions = <A extends SpeechOptions>(base: SpeechOptions, over: A): A => ({
  ...base,
  // Object.entries forgets the keys; dropping undefined values does not change the type of the rest.
  ...(Object.fromEntries(Object.entries(over).filter(([, value]) => value !== undefined)) as A)
})

/**
 * Gives options to every request inside an effect or a stream that does not set them itself.
 *
 * @example
 * ```ts
 * import { SpeechRequest, SpeechSynthesizer } from "@effect-smallest/core"
 * import { Effect } from "effect"
 *
 * const slowly = Effect.all([
 *   SpeechSynthesizer.synthesize({ text: "One." }),
 *   SpeechSynthesizer.synthesize({ text: "Two.", speed: 1 }) // its own speed wins
 * ]).pipe(SpeechRequest.withOptions({ speed: 0.8 }))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withOptions: {
  (
    options: SpeechOptions
  ): <Self extends Effect.Effect<unknown, unknown, unknown> | Stream.Stream<unknown, unknown, unknown>>(
    self: Self
  ) => Self
  <A, E, R>(self: Effect.Effect<A, E, R>, options: SpeechOptions): Effect.Effect<A, E, R>
  <A, E, R>(self: Stream.Stream<A, E, R>, options: SpeechOptions): Stream.Stream<A, E, R>
} = dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R> | Stream.Stream<A, E, R>, options: SpeechOptions) => {
    const merged = Effect.map(CurrentSpeechOptions, (outer) => mergeOptions(outer, options))
    return Effect.isEffect(self)
      ? Effect.provideServiceEffect(self, CurrentSpeechOptions, merged)
      : Stream.provideServiceEffect(self, CurrentSpeechOptions, merged)
  }
)
