/**
 * The command `batch`: every row of a manifest becomes an audio file. A run that was killed is gone on with by the next.
 *
 * @since 0.1.0
 */
import * as AudioFile from "@effect-smallest/core/AudioFile"
import * as SpeechError from "@effect-smallest/core/SpeechError"
import { mergeOptions, type SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as SpeechStream from "@effect-smallest/stream/SpeechStream"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { createHash } from "node:crypto"
import { availableParallelism } from "node:os"
import { type CliError, CommandFailure, toLine, toSentence, UsageError } from "./CliError.js"
import * as Engine from "./Engine.js"
import * as BatchState from "./internal/batchState.js"
import * as Help from "./internal/help.js"
import * as Input from "./internal/input.js"
import * as Manifest from "./internal/manifest.js"
import * as SpeechFlags from "./internal/speechFlags.js"
import * as StatusLine from "./internal/statusLine.js"
import * as Text from "./internal/text.js"
import * as Stdio from "./Stdio.js"

const config = {
  manifest: Args.text({ name: "MANIFEST" }).pipe(
    Args.withDescription(
      "What to say: .jsonl with an object in each line, or .csv (.tsv) whose first line names the columns. Each row has an " +
        "id, which names its file, a text or an ssml, and options such as voice, model, language, speed, sampleRate"
    )
  ),
  out: Options.text("out").pipe(
    Options.withAlias("o"),
    Options.withPseudoName("DIR"),
    Options.withDescription("The folder for the files and report.jsonl")
  ),
  engine: Engine.option,
  cache: Engine.cache,
  concurrency: Help.number(
    "concurrency",
    "a whole number from 1 to 100",
    (count) => Number.isInteger(count) && count >= 1 && count <= 100
  ).pipe(
    Options.withDescription(
      "How many rows are spoken at once: for the cloud as many as the account allows (default: 1 for the cloud, the number " +
        "of processor cores for the embedded voice)"
    ),
    Options.optional
  ),
  ...SpeechFlags.config
}

type Config = Command.Command.ParseConfig<typeof config>

// ----------------------------------------------------------------------------------------------------------------
// one row
// ----------------------------------------------------------------------------------------------------------------

interface Row {
  readonly row: Manifest.Row
  readonly options: SpeechOptions
  readonly fingerprint: string
}

const resolve = (row: Manifest.Row, engine: Engine.Engine, defaults: SpeechOptions): Row => {
  const options = mergeOptions(defaults, row.options)
  const said = "text" in row.content ? { text: row.content.text } : { ssml: row.content.ssml }
  const content = { ...options, engine, ...said }
  const inOrder = Object.entries(content).filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => a < b ? -1 : 1)
  return { row, options, fingerprint: createHash("sha256").update(JSON.stringify(inOrder)).digest("hex") }
}

const fileName = ({ id }: Manifest.Row): string => `${id}.wav`

// Nothing of a row has its name before all of it is spoken, so it may be begun anew even after its first audio. Before
// that, its segments have been tried again already.
const isBroken = (error: unknown): boolean =>
  SpeechError.isSpeechError(error) && error.isRetryable && (error.position?.samplesEmitted ?? 0) > 0

const nothingSpoken = new CommandFailure({ description: "Nothing in the text can be spoken" })

const save = ({ options, row: { content } }: Row, file: string) =>
  AudioFile.save(
    file,
    "text" in content ? SpeechStream.fromText(content.text, options) : SpeechStream.fromScript(content.script, options)
  ).pipe(
    Effect.retry({ schedule: Schedule.exponential("500 millis"), times: 3, while: isBroken }),
    Effect.mapError((error) =>
      error instanceof AudioFile.AudioFileError && error.reason === "NoAudio" ? nothingSpoken : error
    )
  )

// ----------------------------------------------------------------------------------------------------------------
// all rows
// ----------------------------------------------------------------------------------------------------------------

// What concerns the account concerns every row: after some rows in a row, the others are not tried any more.
const accountErrors = ["InvalidApiKey", "QuotaExhausted"]
const patience = 3

interface Tally {
  readonly spoken: number
  readonly kept: number
  readonly failed: number
  /** Of the rows that this run spoke, in seconds. */
  readonly audio: number
  /** How many rows in a row the account was refused. */
  readonly refusals: number
}

const unreadable = (folder: string) => (error: PlatformError.PlatformError) =>
  new CommandFailure({ description: `Could not write to ${folder}: ${error.description ?? error.message}` })

const readManifest = Effect.fnUntraced(function*(name: string) {
  const fs = yield* FileSystem.FileSystem
  if (!/\.(jsonl|ndjson|csv|tsv)$/i.test(name)) {
    return yield* new UsageError({
      description: `The manifest ${name} must end in .jsonl, .csv or .tsv, which says how it is written`
    })
  }
  const bytes = yield* Effect.mapError(fs.readFile(name), Input.unreadable(name))
  return yield* Manifest.parse(name, yield* Text.decodeWhole(name, bytes))
})

const rows = (count: number): string => `${count} ${count === 1 ? "row" : "rows"}`

const summary = (all: number, tally: Tally, elapsed: number): string =>
  [
    `${tally.spoken + tally.kept} of ${rows(all)} spoken`,
    ...(tally.kept > 0 ? [`${tally.kept} of them before`] : []),
    ...(tally.spoken > 0
      ? [`${tally.audio.toFixed(1)} s of speech in ${(elapsed / 1000).toFixed(1)} s`]
      : [])
  ].join(", ")

const speakAll = Effect.fnUntraced(function*(
  { concurrency, engine, folder, flags, manifest, name }: {
    readonly concurrency: number
    readonly engine: Engine.Engine
    readonly flags: SpeechOptions
    readonly folder: string
    readonly manifest: ReadonlyArray<Manifest.Row | Manifest.BadRow>
    readonly name: string
  }
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const state = yield* BatchState.open(folder)
  const { defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
  const started = yield* Clock.currentTimeMillis
  const elapsed = Effect.map(Clock.currentTimeMillis, (now) => now - started)
  const tally = yield* Ref.make<Tally>({ spoken: 0, kept: 0, failed: 0, audio: 0, refusals: 0 })
  const write = <A, R>(effect: Effect.Effect<A, PlatformError.PlatformError, R>) =>
    Effect.mapError(effect, unreadable(folder))

  const complain = (line: number, id: string | undefined, problem: string) =>
    StatusLine.report(`${name}:${line}: ${id === undefined ? "" : `${id}: `}${problem}`)

  const isThere = (row: Row, before: BatchState.Spoken) =>
    before.fingerprint !== row.fingerprint
      ? Effect.succeed(false)
      : Effect.map(
        Effect.option(fs.stat(path.join(folder, before.file))),
        Option.exists(({ size, type }) => type === "File" && Number(size) === before.bytes)
      )

  const speak = Effect.fnUntraced(function*(row: Row, before: BatchState.Spoken | undefined) {
    const file = fileName(row.row)
    const target = path.join(folder, file)
    // What the row said before must not stand for what it says now.
    if (before !== undefined) yield* write(fs.remove(target, { force: true }))
    const partial = state.partial(`${row.row.line}.wav`)
    const { duration, format, size } = yield* save(row, partial)
    yield* write(fs.rename(partial, target))
    const entry: BatchState.Spoken = {
      line: row.row.line,
      id: row.row.id,
      status: "spoken",
      file,
      duration: Math.round(Duration.toMillis(duration)) / 1000,
      sampleRate: format.sampleRate,
      bytes: size,
      fingerprint: row.fingerprint
    }
    yield* state.record(entry)
    yield* Ref.update(tally, (tally) => ({
      ...tally,
      spoken: tally.spoken + 1,
      audio: tally.audio + Duration.toSeconds(duration),
      refusals: 0
    }))
    return entry
  })

  const fail = (row: Manifest.Row) => (error: CliError) =>
    Effect.gen(function*() {
      yield* complain(row.line, row.id, toLine(error))
      yield* Ref.update(tally, (tally) => ({
        ...tally,
        failed: tally.failed + 1,
        refusals: accountErrors.includes(error._tag) ? tally.refusals + 1 : tally.refusals
      }))
      const entry: BatchState.Unspoken = {
        line: row.line,
        id: row.id,
        status: "failed",
        error: error._tag,
        message: toSentence(error)
      }
      return entry
    })

  const refuse = ({ id, line, problem }: Manifest.BadRow): Effect.Effect<BatchState.Entry> =>
    Effect.as(Ref.update(tally, (tally) => ({ ...tally, failed: tally.failed + 1 })), {
      line,
      id,
      status: "refused",
      message: `${problem}.`
    })

  const waiting = (row: Manifest.Row): BatchState.Entry => ({
    line: row.line,
    id: row.id,
    status: "waiting",
    message: "The batch ended before this row, because the account was refused."
  })

  const one = (row: Manifest.Row) =>
    Effect.gen(function*() {
      const resolved = resolve(row, engine, mergeOptions(defaults, flags))
      const before = state.finished.get(row.id)
      if (before !== undefined && (yield* isThere(resolved, before))) {
        yield* Ref.update(tally, (tally) => ({ ...tally, kept: tally.kept + 1 }))
        return { ...before, line: row.line }
      }
      const { refusals } = yield* Ref.get(tally)
      return refusals >= patience
        ? waiting(row)
        : yield* Effect.catchAll(speak(resolved, before), fail(row))
    })

  // Told before hours of speech and not after.
  yield* Effect.forEach(
    manifest,
    (row) => row._tag === "BadRow" ? complain(row.line, row.id, `${row.problem}.`) : Effect.void,
    { discard: true }
  )
  yield* StatusLine.show(Effect.zipWith(Ref.get(tally), elapsed, (tally, elapsed) => {
    const done = tally.spoken + tally.kept + tally.failed
    const failed = tally.failed === 0 ? "" : `, ${tally.failed} failed`
    const rest = tally.spoken === 0 ? 0 : (manifest.length - done) * elapsed / tally.spoken / 1000
    const left = rest === 0 ? "" : `, about ${Duration.format(Duration.seconds(Math.ceil(rest)))} left`
    return `${StatusLine.bar(done / manifest.length)}, ${done} of ${rows(manifest.length)}${failed}${left}`
  }))
  const entries = yield* Effect.forEach(manifest, (row) => row._tag === "BadRow" ? refuse(row) : one(row), {
    concurrency
  }).pipe(
    Effect.onInterrupt(() =>
      Effect.flatMap(Ref.get(tally), (tally) =>
        StatusLine.report(
          `Interrupted: ${tally.spoken + tally.kept} of ${rows(manifest.length)} are spoken. ` +
            "Run the same command again to resume."
        ))
    )
  )
  yield* state.close(entries)
  return { tally: yield* Ref.get(tally), elapsed: yield* elapsed }
}, Effect.scoped)

const batch = Effect.fnUntraced(function*(
  options: Config
): Effect.fn.Return<void, CliError, Stdio.Stdio | FileSystem.FileSystem | Path.Path> {
  if (options.out === "" || options.out === "-") {
    return yield* new UsageError({ description: "--out takes the name of a folder, as in --out speech" })
  }
  const manifest = yield* readManifest(options.manifest)
  const { engine, lacksKey } = yield* Engine.choose(options.engine)
  const concurrency = Option.getOrElse(options.concurrency, () => engine === "local" ? availableParallelism() : 1)
  const flags = SpeechFlags.toSpeechOptions(options)
  const { elapsed, tally } = yield* speakAll({
    concurrency,
    engine,
    flags,
    folder: options.out,
    manifest,
    name: options.manifest
  }).pipe(Effect.provide(Engine.layer(engine, { concurrency, cache: options.cache, model: flags.model })))
  if (lacksKey && tally.spoken > 0) yield* Stdio.report(Engine.noKey)
  yield* Stdio.report(`${options.out}: ${summary(manifest.length, tally, elapsed)}`)
  const missing = manifest.length - tally.spoken - tally.kept
  if (missing > 0) {
    return yield* new CommandFailure({
      description:
        `${rows(missing)} of ${options.manifest} ${missing === 1 ? "was" : "were"} not spoken; the reasons are ` +
        `above and in ${options.out}/${BatchState.reportName}. Run the same command again to try only these`
    })
  }
})

/**
 * `effect-smallest batch`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("batch", config, batch).pipe(
  Command.withDescription("Speaks every row of a manifest into a WAV file, and resumes where it was interrupted.")
)
