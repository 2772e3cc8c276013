/**
 * Record and replay: real speech once, then tests without a network or a key.
 *
 * A recording is two files of a folder that belongs into the repository: `name.json` with the request, all events and their times, or the error;
 * and `name.wav` with the audio, to be listened to. `engine.json` says what the engine can do. No key is in them.
 *
 * @since 0.2.0
 */
import * as Audio from "@effect-smallest/core/Audio"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import type * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import * as SpeechRecording from "@effect-smallest/core/SpeechRecording"
import { CurrentSpeechOptions, mergeOptions, type SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as Wav from "@effect-smallest/core/Wav"
import * as SpeechStream from "@effect-smallest/stream/SpeechStream"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/**
 * - `replay`: answers from recordings; the engine is not even built
 * - `record`: asks the engine, and replaces recordings
 * - `auto`: answers from recordings, and asks the engine for what has none
 *
 * @since 0.2.0
 * @category models
 */
export type Mode = "replay" | "record" | "auto"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** The folder of the recordings. It is created when the first one is made. */
  readonly directory: string
  /**
   * @default the variable SPEECH_RECORD, and "replay" if it is not set
   */
  readonly mode?: Mode | undefined
  /**
   * Whether a replay takes the time that the engine took, by Effect's clock.
   * @default false
   */
  readonly isTimed?: boolean | undefined
  /**
   * The command that makes what is missing, for the error that says so.
   * @default "SPEECH_RECORD=auto npx vitest run"
   */
  readonly command?: string | undefined
}

const modes = ["replay", "record", "auto"] as const

const check = LayerOptions.make<Options>("RecordedSpeech", {
  directory: LayerOptions.required(LayerOptions.text),
  mode: LayerOptions.oneOf(...modes),
  isTimed: LayerOptions.flag,
  command: LayerOptions.text
})

const Recorded = Schema.Struct({
  version: Schema.Literal(1),
  request: Schema.Unknown,
  events: Schema.Array(Schema.Struct({
    /** Milliseconds since the request. */
    at: Schema.Number,
    event: SpeechRecording.WrittenEvent
  })),
  /** What it failed with. */
  error: Schema.optional(Schema.Struct({ at: Schema.Number, error: SpeechError.schema }))
})

type Recorded = typeof Recorded.Type

const Engine = Schema.Struct({
  version: Schema.Literal(1),
  module: Schema.String,
  vendor: Schema.optional(Schema.String),
  sampleRates: Schema.Union(
    Schema.Array(Schema.Number),
    Schema.Struct({ minimum: Schema.Number, maximum: Schema.Number })
  ),
  maxTextLength: Schema.optional(Schema.Number),
  honours: Schema.optional(Schema.Array(Schema.Literal("voice", "model", "removeExtraSilence"))),
  defaults: Schema.Record({ key: Schema.String, value: Schema.Unknown }).pipe(
    Schema.extend(Schema.Struct({ sampleRate: Schema.Number }))
  )
})

const json = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownEither(Schema.parseJson(schema))
  const encode = Schema.encodeSync(schema)
  return { decode, encode: (a: A) => `${JSON.stringify(encode(a), undefined, 2)}\n` }
}

const recordedJson = json(Recorded)
const engineJson = json(Engine)

const sorted = (value: unknown): unknown =>
  Predicate.isRecord(value)
    ? Object.fromEntries(
      Object.entries(value).filter(([, one]) => one !== undefined).sort(([a], [b]) => a < b ? -1 : 1)
        .map(([name, one]) => [name, sorted(one)])
    )
    : value

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("")

const nameOf = (kind: string, text: string, request: unknown): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() =>
      globalThis.crypto.subtle.digest(
        "SHA-256",
        new TextEncoder().encode(JSON.stringify([kind, text, sorted(request)]))
      )
    ),
    (digest) => {
      const slug = text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 40).replace(/-$/, "")
      return `${slug || "speech"}-${hex(digest).slice(0, 12)}`
    }
  )

interface Folder {
  readonly mode: Mode
  readonly find: (name: string) => Effect.Effect<Option.Option<Recorded & { readonly audio: Uint8Array }>, Trouble>
  readonly keep: (
    name: string,
    request: unknown,
    heard: ReadonlyArray<{ readonly at: number; readonly event: SpeechEvent.SpeechEvent }>,
    error: Recorded["error"]
  ) => Effect.Effect<void, Trouble>
  readonly engine: Effect.Effect<Option.Option<typeof Engine.Type>, Trouble>
  readonly keepEngine: (engine: typeof Engine.Type) => Effect.Effect<void, Trouble>
  readonly missing: (what: string) => SpeechError.SpeechError
}

type Trouble = SpeechError.EngineFailure

const trouble = (description: string): Trouble =>
  new SpeechError.EngineFailure({ module: "RecordedSpeech", method: "events", description, isPermanent: true })

const openFolder = (options: Options) =>
  Effect.gen(function*() {
    const { command = "SPEECH_RECORD=auto npx vitest run", directory } = check(options)
    const mode = options.mode ??
      (yield* Config.literal(...modes)("SPEECH_RECORD").pipe(Config.withDefault("replay" as const)))
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = (name: string) => path.join(directory, name)
    const again = `Make it with: ${command}`

    const readText = (name: string): Effect.Effect<Option.Option<string>, Trouble> =>
      fs.readFileString(file(name)).pipe(
        Effect.map((text): Option.Option<string> => Option.some(text)),
        Effect.catchIf(
          (error: PlatformError.PlatformError) => error._tag === "SystemError" && error.reason === "NotFound",
          () => Effect.succeed(Option.none<string>())
        ),
        Effect.mapError((error) => trouble(`The recording ${file(name)} cannot be read: ${error.message}`))
      )
    const write = (name: string, bytes: Uint8Array) =>
      Effect.gen(function*() {
        yield* fs.makeDirectory(directory, { recursive: true })
        yield* fs.writeFile(file(`.${name}.partial`), bytes)
        yield* fs.rename(file(`.${name}.partial`), file(name))
      }).pipe(
        Effect.mapError((error) => trouble(`The recording ${file(name)} cannot be written: ${error.message}`))
      )
    const writeText = (name: string, text: string) => write(name, new TextEncoder().encode(text))
    const decoded = <A>(name: string, either: Either.Either<A, { readonly message: string }>) =>
      Effect.mapError(either, () => trouble(`The recording ${file(name)} is damaged: delete it. ${again}`))

    const folder: Folder = {
      mode,
      missing: (what) => trouble(`There is no recording of ${what} in ${directory}. ${again}`),
      engine: Effect.flatMap(
        readText("engine.json"),
        Effect.transposeMapOption((text) => decoded("engine.json", engineJson.decode(text)))
      ),
      keepEngine: (engine) => writeText("engine.json", engineJson.encode(engine)),
      find: Effect.fnUntraced(function*(name) {
        const text = yield* readText(`${name}.json`)
        if (Option.isNone(text)) return Option.none()
        const recorded = yield* decoded(`${name}.json`, recordedJson.decode(text.value))
        if (!recorded.events.some(({ event }) => event._tag === "AudioChunk")) {
          return Option.some({ ...recorded, audio: new Uint8Array() })
        }
        const wav = yield* Effect.mapError(
          fs.readFile(file(`${name}.wav`)),
          () => trouble(`${file(`${name}.wav`)} is missing: delete ${file(`${name}.json`)}, too. ${again}`)
        )
        const { bytes } = yield* decoded(`${name}.wav`, Wav.decode(wav))
        return Option.some({ ...recorded, audio: bytes })
      }),
      keep: Effect.fnUntraced(function*(name, request, heard, error) {
        const { audio, events } = SpeechRecording.fromEvents(heard.map(({ event }) => event))
        const chunk = events.find((event) => event._tag === "AudioChunk")
        // The audio first: what is found by its name is whole.
        if (chunk?._tag === "AudioChunk") {
          const format = Pcm.format(chunk.sampleRate, chunk.channels)
          yield* write(`${name}.wav`, Wav.encode(Audio.unsafeMake(format, audio)))
        }
        yield* writeText(
          `${name}.json`,
          recordedJson.encode({
            version: 1,
            request: sorted(request),
            events: events.map((event, i) => ({ at: heard[i]?.at ?? 0, event })),
            ...(error === undefined ? {} : { error })
          })
        )
      })
    }
    return folder
  })

const replay = (
  { audio, error, events }: Recorded & { readonly audio: Uint8Array },
  isTimed: boolean
): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError> => {
  const joined = SpeechRecording.toEvents({ audio, events: events.map(({ event }) => event) })
  if (Either.isLeft(joined)) return Stream.fail(trouble(`A recording is damaged: ${joined.left}`))
  return Stream.unwrap(Effect.map(Clock.currentTimeMillis, (started) => {
    const until = (at: number) =>
      isTimed
        ? Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(Math.max(0, started + at - now)))
        : Effect.void
    const spoken = isTimed
      ? Stream.fromIterable(joined.right).pipe(
        Stream.rechunk(1),
        Stream.zipWithIndex,
        Stream.mapEffect(([event, i]) => Effect.as(until(events[i]?.at ?? 0), event))
      )
      : Stream.fromIterable(joined.right)
    return error === undefined
      ? spoken
      : Stream.concat(spoken, Stream.fromEffect(Effect.zipRight(until(error.at), Effect.fail(error.error))))
  }))
}

/** Keeps a stream that ends well or fails with an error of speech; a part that was cut off is not kept. */
const recording = <E, R>(
  folder: Folder,
  name: Effect.Effect<string>,
  request: () => unknown,
  events: Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R>
): Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError | E, R> =>
  Stream.unwrap(Effect.map(Clock.currentTimeMillis, (started) => {
    const heard: Array<{ readonly at: number; readonly event: SpeechEvent.SpeechEvent }> = []
    const keep = (error: Recorded["error"]) =>
      Effect.flatMap(name, (name) => folder.keep(name, request(), heard, error))
    return events.pipe(
      Stream.mapChunksEffect((chunk) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          for (const event of chunk) heard.push({ at: now - started, event })
          return heard.at(-1)?.event._tag === "Completed" ? Effect.as(keep(undefined), chunk) : Effect.succeed(chunk)
        })
      ),
      Stream.tapError((error) =>
        SpeechError.isSpeechError(error)
          ? Effect.flatMap(
            Clock.currentTimeMillis,
            (now) => keep({ at: now - started, error: SpeechError.withoutCause(error) })
          )
          : Effect.void
      )
    )
  }))

const engineOf = ({ capabilities, defaults }: SpeechSynthesizer.Service): typeof Engine.Type => ({
  version: 1,
  module: capabilities.module,
  vendor: capabilities.vendor,
  sampleRates: capabilities.sampleRates,
  maxTextLength: Number.isFinite(capabilities.maxTextLength) ? capabilities.maxTextLength : undefined,
  honours: capabilities.honours,
  defaults: { ...defaults, sampleRate: defaults.sampleRate }
})

const makeSynthesizer = (
  folder: Folder,
  inner: Option.Option<SpeechSynthesizer.Service>,
  isTimed: boolean
) =>
  Effect.gen(function*() {
    const known = yield* Effect.option(Option.match(inner, {
      onNone: () => Effect.flatten(folder.engine),
      onSome: (service) => Effect.succeed(engineOf(service))
    }))
    if (Option.isNone(known) && folder.mode === "replay") {
      // Damaged or missing: each request says what to do.
      const failed = Effect.flatMap(folder.engine, () => Effect.fail(folder.missing("the engine")))
      return SpeechEngine.make({
        module: "RecordedSpeech",
        defaults: { sampleRate: 24_000 },
        sampleRates: { minimum: 8000, maximum: 48_000 },
        provider: "forwarded",
        events: () => Stream.fromEffect(failed)
      })
    }
    const engine = Option.getOrElse(known, () =>
      engineOf(SpeechEngine.make({
        module: "RecordedSpeech",
        defaults: { sampleRate: 24_000 },
        sampleRates: [],
        events: () => Stream.empty
      })))
    if (Option.isSome(inner)) yield* folder.keepEngine(engine)
    const events = (request: SpeechEngine.ResolvedRequest) =>
      Stream.unwrap(Effect.gen(function*() {
        const name = yield* nameOf("request", request.text, request)
        const found = folder.mode === "record" ? Option.none() : yield* folder.find(name)
        return Option.isSome(found)
          ? replay(found.value, isTimed)
          : Option.match(inner, {
            onNone: () => Stream.fail(folder.missing(`"${request.text.slice(0, 60)}" with these options`)),
            onSome: (service) => recording(folder, Effect.succeed(name), () => request, service.events(request))
          })
      }))
    const notRecorded = Effect.fail(folder.missing("lists of voices, models and languages, which are never recorded,"))
    return SpeechEngine.make({
      ...engine,
      // What the engine has refused is recorded, too; its schemas are not.
      provider: Option.match(inner, {
        onNone: () => "forwarded" as const,
        onSome: ({ capabilities }) => capabilities.provider
      }),
      events,
      voices: Option.match(inner, { onNone: () => notRecorded, onSome: ({ voices }) => voices }),
      models: Option.match(inner, { onNone: () => notRecorded, onSome: ({ models }) => models }),
      languages: Option.match(inner, { onNone: () => notRecorded, onSome: ({ languages }) => languages })
    })
  })

/**
 * An engine whose answers are recorded once and replayed afterwards: events, the times of words, failures, and how long it all took. MP3 is
 * not recorded.
 *
 * @example
 * ```ts
 * import { NodeSpeech } from "@effect-smallest/platform-node"
 * import { RecordedSpeech } from "@effect-smallest/testing"
 *
 * // SPEECH_RECORD=auto records what is missing; without it, no key is needed.
 * const Speech = RecordedSpeech.layer(NodeSpeech.layerWavesConfig(), { directory: "test/recordings" })
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = <E, R>(
  engine: Layer.Layer<SpeechSynthesizer.SpeechSynthesizer, E, R>,
  options: Options
): Layer.Layer<
  SpeechSynthesizer.SpeechSynthesizer,
  E | ConfigError.ConfigError | SpeechError.EngineFailure,
  R | FileSystem.FileSystem | Path.Path
> =>
  Layer.unwrapEffect(Effect.map(openFolder(options), (folder) => {
    const isTimed = options.isTimed ?? false
    return folder.mode === "replay"
      ? Layer.effect(SpeechSynthesizer.SpeechSynthesizer, makeSynthesizer(folder, Option.none(), isTimed))
      : Layer.effect(
        SpeechSynthesizer.SpeechSynthesizer,
        Effect.flatMap(
          SpeechSynthesizer.SpeechSynthesizer,
          (service) => makeSynthesizer(folder, Option.some(service), isTimed)
        )
      ).pipe(Layer.provide(engine))
  }))

const makeStream = (folder: Folder, inner: Option.Option<SpeechStream.Service>, isTimed: boolean) => {
  const events = <E, R>(text: SpeechStream.TextSource<E, R>, given: SpeechOptions) =>
    Stream.unwrap(Effect.map(CurrentSpeechOptions, (scoped) => {
      const options = mergeOptions(scoped, given)
      const nameFor = (whole: string) => nameOf("stream", whole, options)
      const record = (service: SpeechStream.Service, source: SpeechStream.TextSource<E, R>) => {
        let said = typeof source === "string" ? source : ""
        const tapped = typeof source === "string"
          ? source
          : Stream.map(source, (piece) => {
            if (typeof piece === "string") said += piece
            return piece
          })
        return recording(
          folder,
          Effect.suspend(() => nameFor(said)),
          () => ({ ...options, text: said }),
          service.events(tapped, options)
        )
      }
      if (folder.mode === "record" && Option.isSome(inner)) return record(inner.value, text)
      // Which recording it is can be known when all of the text is there.
      const pieces = typeof text === "string"
        ? Effect.succeed([text])
        : Effect.map(Stream.runCollect(text), Chunk.toReadonlyArray)
      return Stream.unwrap(Effect.gen(function*() {
        const all = yield* pieces
        const whole = all.filter(Predicate.isString).join("")
        const found = yield* Effect.flatMap(nameFor(whole), folder.find)
        if (Option.isSome(found)) return replay(found.value, isTimed)
        return Option.isSome(inner)
          ? record(inner.value, typeof text === "string" ? text : Stream.fromIterable(all))
          : Stream.fail(folder.missing(`the growing text "${whole.slice(0, 60)}" with these options`))
      }))
    }))
  return SpeechStream.make(events, { engine: "RecordedSpeech", defaults: {} })
}

/**
 * The same for growing text. A recording belongs to the whole text, so a replay begins when the text has ended; in scripts, each line is a
 * text.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerStream = <E, R>(
  engine: Layer.Layer<SpeechStream.SpeechStream, E, R>,
  options: Options
): Layer.Layer<
  SpeechStream.SpeechStream,
  E | ConfigError.ConfigError,
  R | FileSystem.FileSystem | Path.Path
> =>
  Layer.unwrapEffect(Effect.map(openFolder(options), (folder) => {
    const isTimed = options.isTimed ?? false
    return folder.mode === "replay"
      ? Layer.sync(SpeechStream.SpeechStream, () => makeStream(folder, Option.none(), isTimed))
      : Layer.effect(
        SpeechStream.SpeechStream,
        Effect.map(SpeechStream.SpeechStream, (service) => makeStream(folder, Option.some(service), isTimed))
      ).pipe(Layer.provide(engine))
  }))
