/**
 * What a caller asks for: a text and the options of its speech. It knows no vendor.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Language } from "./Language.js"
import { Model } from "./Model.js"
import { Voice } from "./Voice.js"

/**
 * Options that only one engine knows, under that engine's name. An engine's package adds its own:
 *
 * ```ts
 * declare module "@effect-smallest/core/SpeechRequest" {
 *   interface ProviderOptions {
 *     readonly myEngine?: { readonly warmth?: number | undefined } | undefined
 *   }
 * }
 * export {}
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface ProviderOptions {}

// Each engine checks its own.
const ProviderOptions: Schema.Schema<ProviderOptions> = Schema.declare(
  (input): input is ProviderOptions => Predicate.isRecord(input),
  {
    identifier: "ProviderOptions",
    description: "options by the name of the engine that knows them",
    arbitrary: () => (fc) => fc.constant({})
  }
)

/**
 * Options of speech, for any engine.
 *
 * Every option takes effect or fails the request with `InvalidSpeechRequest`; so does a name that does not exist.
 * Precedence: what the request says, then what {@link withOptions} says, then what the layer was created with. Options under
 * `provider` are merged one by one in the same order.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SpeechOptions = Schema.Struct({
  /** Language of the text, such as `en`. `auto` lets the model detect it, if it can. */
  language: Schema.optional(Language),
  /** How fast to speak, as a multiple of the voice's own speed: 0.5 to 2. */
  speed: Schema.optional(Schema.Number.pipe(Schema.between(0.5, 2))),
  /** Samples per second of the audio, in hertz. Each engine lists its rates; all offer 8000, 16000 and 24000. */
  sampleRate: Schema.optional(Schema.Int.pipe(Schema.between(8000, 48000))),
  /** Which voice speaks. */
  voice: Schema.optional(Voice),
  /** Which model speaks. */
  model: Schema.optional(Model),
  /** Whether pauses over 200 ms are shortened. */
  removeExtraSilence: Schema.optional(Schema.Boolean),
  /** What only one engine knows, under that engine's name. Another engine refuses it. */
  provider: Schema.optional(ProviderOptions)
})

/**
 * @since 0.1.0
 * @category models
 */
export interface SpeechOptions extends Schema.Schema.Type<typeof SpeechOptions> {}

/**
 * A finished text and how to speak it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SpeechRequest = Schema.Struct({
  /** The text to speak, as written, in any script. Its longest length is a matter of the engine: see `Service.capabilities`. */
  text: Schema.String.pipe(Schema.minLength(1)),
  ...SpeechOptions.fields
})

/**
 * @since 0.1.0
 * @category models
 */
export interface SpeechRequest extends Schema.Schema.Type<typeof SpeechRequest> {}

/**
 * How `SpeechSynthesizer.bytes` encodes audio.
 *
 * - `wav`: RIFF/WAVE with 16-bit PCM
 * - `pcm`: signed 16-bit little-endian samples without a header
 * - `ulaw` (mu-law), `alaw`: ITU-T G.711, 8 bits a sample, without a header
 * - `mp3`: only if the engine makes it
 *
 * @since 0.1.0
 * @category schemas
 */
export const OutputFormat = Schema.Literal("wav", "pcm", "ulaw", "alaw", "mp3")

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
   * @default "wav", unless the engine's own options say otherwise
   */
  outputFormat: Schema.optional(OutputFormat)
})

/**
 * @since 0.1.0
 * @category models
 */
export interface SpeechBytesRequest extends Schema.Schema.Type<typeof SpeechBytesRequest> {}

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

const defined = <A extends object>(fields: A): A =>
  // Object.entries forgets the keys; dropping undefined values does not change the type of the rest.
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as A

const mergeProviders = (base: object, over: object): ProviderOptions =>
  Object.fromEntries([
    ...Object.entries(base),
    ...Object.entries(defined(over)).map(([name, options]: [string, unknown]) => {
      const inherited: unknown = Object.getOwnPropertyDescriptor(base, name)?.value
      return [
        name,
        Predicate.isRecord(inherited) && Predicate.isRecord(options) ? { ...inherited, ...defined(options) } : options
      ]
    })
  ])

/**
 * `base` overridden by those fields of `over` that are not `undefined`; options under `provider` are merged one by one.
 *
 * @since 0.1.0
 * @category combinators
 */
export const mergeOptions = <A extends SpeechOptions>(base: SpeechOptions, over: A): A => ({
  ...base,
  ...defined(over),
  ...(base.provider !== undefined && Predicate.isRecord(over.provider)
    ? { provider: mergeProviders(base.provider, over.provider) }
    : {})
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
} = /*#__PURE__*/ dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R> | Stream.Stream<A, E, R>, options: SpeechOptions) => {
    const merged = Effect.map(CurrentSpeechOptions, (outer) => mergeOptions(outer, options))
    return Effect.isEffect(self)
      ? Effect.provideServiceEffect(self, CurrentSpeechOptions, merged)
      : Stream.provideServiceEffect(self, CurrentSpeechOptions, merged)
  }
)
