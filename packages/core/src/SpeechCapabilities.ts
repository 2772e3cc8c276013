/**
 * What a speech engine can do, and the check of requests against it: an option never does nothing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as SpeechError from "./SpeechError.js"
import {
  CurrentSpeechOptions,
  maxTextLength,
  mergeOptions,
  type SpeechOptions,
  SpeechRequest
} from "./SpeechRequest.js"

/**
 * What an engine does with options.
 *
 * @since 0.1.0
 * @category models
 */
export interface SpeechCapabilities {
  /** The implementer's module, for errors and spans. */
  readonly module: string
  /** The layer's options. */
  readonly defaults: SpeechOptions & { readonly sampleRate: number }
  /** The options beyond `language`, `speed` and `sampleRate` that reach the engine. Others fail the request. */
  readonly honours: ReadonlyArray<Exclude<keyof SpeechOptions, "language" | "speed" | "sampleRate" | "addWavHeader">>
  /** The rates that the engine makes: a list, or a range with both ends included. */
  readonly sampleRates: ReadonlyArray<number> | { readonly minimum: number; readonly maximum: number }
}

/**
 * Options that were checked, with the layer's and the scope's filled in.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResolvedOptions extends SpeechOptions {
  readonly sampleRate: number
  readonly speed: number
}

/**
 * A request that was checked, with the layer's and the scope's options filled in.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResolvedRequest extends ResolvedOptions {
  readonly text: string
}

// Options that every port honours by itself.
const derived: ReadonlyArray<string> = ["language", "speed", "sampleRate", "addWavHeader", "removeExtraSilence"]

const makes = ({ sampleRates }: SpeechCapabilities, sampleRate: number): boolean =>
  "minimum" in sampleRates
    ? sampleRate >= sampleRates.minimum && sampleRate <= sampleRates.maximum
    : sampleRates.includes(sampleRate)

const describeRates = ({ sampleRates }: SpeechCapabilities): string =>
  "minimum" in sampleRates ? `${sampleRates.minimum} to ${sampleRates.maximum}` : sampleRates.join(", ")

const bounds: Record<string, string> = {
  speed: "`speed` must be a number from 0.5 to 2",
  sampleRate: "`sampleRate` must be a whole number from 8000 to 48000",
  pronunciationDictionaries: "`pronunciationDictionaries` must be ids of 24 hexadecimal digits",
  enhancement: "`enhancement` must be 0, 1 or 2",
  similarity: "`similarity` must be a number from 0 to 1",
  outputFormat: "`outputFormat` must be wav, pcm, ulaw, mulaw, alaw or mp3"
}

const invalid = ({ module }: SpeechCapabilities, method: string, parameter: string, description: string) =>
  new SpeechError.InvalidSpeechRequest({ module, method, parameter, description })

/**
 * Checks options, by the schema of whatever they are part of: in bounds, and such that the engine can honour each. What is not
 * given comes from the scope, then from the layer.
 *
 * @since 0.1.0
 * @category combinators
 */
export const resolveOptions = <A extends SpeechOptions, I>(
  capabilities: SpeechCapabilities,
  method: string,
  schema: Schema.Schema<A, I>,
  options: A
): Effect.Effect<A & ResolvedOptions, SpeechError.InvalidSpeechRequest> =>
  Effect.gen(function*() {
    const scoped = yield* CurrentSpeechOptions
    const merged = mergeOptions(mergeOptions(capabilities.defaults, scoped), options)
    const valid = yield* Schema.validate(schema)(merged).pipe(
      Effect.mapError((error) => {
        const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
        const parameter = String(issue?.path[0] ?? "request")
        return invalid(
          capabilities,
          method,
          parameter,
          bounds[parameter] ?? issue?.message ?? "The request is not valid"
        )
      })
    )
    const sampleRate = valid.sampleRate ?? capabilities.defaults.sampleRate
    if (!makes(capabilities, sampleRate)) {
      return yield* invalid(
        capabilities,
        method,
        "sampleRate",
        `This engine does not make ${sampleRate} Hz; it makes ${describeRates(capabilities)} Hz`
      )
    }
    const honoured: ReadonlyArray<string> = [...derived, ...capabilities.honours]
    for (const [name, value] of Object.entries(valid)) {
      // To switch off what an engine does not have asks nothing of it.
      const isAsked = name in SpeechRequest.fields && name !== "text" && value !== undefined && value !== false
      if (isAsked && !honoured.includes(name)) {
        return yield* invalid(capabilities, method, name, `This engine has no option \`${name}\``)
      }
    }
    return { ...valid, sampleRate, speed: valid.speed ?? 1 }
  })

/**
 * Checks a request: its text, then its options as {@link resolveOptions} does.
 *
 * @since 0.1.0
 * @category combinators
 */
export const resolveRequest = <A extends SpeechRequest, I>(
  capabilities: SpeechCapabilities,
  method: string,
  schema: Schema.Schema<A, I>,
  request: A
): Effect.Effect<A & ResolvedRequest, SpeechError.InvalidSpeechRequest> => {
  const text: unknown = request.text // callers in JavaScript send anything
  if (typeof text !== "string") return invalid(capabilities, method, "text", "There is no text to speak")
  if (text.trim() === "") return invalid(capabilities, method, "text", "The text is empty")
  if (text.length > maxTextLength) {
    return invalid(
      capabilities,
      method,
      "text",
      `The text has ${text.length} characters, more than the ${maxTextLength} of one request: speak it with SpeechStream.fromText`
    )
  }
  return resolveOptions(capabilities, method, schema, request)
}
