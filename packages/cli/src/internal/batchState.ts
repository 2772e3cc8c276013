import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { CommandFailure } from "../CliError.js"

/**
 * A row whose file is there.
 *
 * @internal
 */
export const Spoken = Schema.Struct({
  line: Schema.Int,
  id: Schema.String,
  status: Schema.Literal("spoken"),
  file: Schema.String,
  /** In seconds. */
  duration: Schema.Number,
  sampleRate: Schema.Int,
  bytes: Schema.Int,
  /** Of the text and of everything that changes how it sounds. */
  fingerprint: Schema.String
})

/** @internal */
export type Spoken = typeof Spoken.Type

/**
 * A row without a file: it failed, makes no sense, or was not reached.
 *
 * @internal
 */
export const Unspoken = Schema.Struct({
  line: Schema.Int,
  id: Schema.optional(Schema.String),
  status: Schema.Literal("failed", "refused", "waiting"),
  /** The tag of the error of a row that failed. */
  error: Schema.optional(Schema.String),
  message: Schema.String
})

/** @internal */
export type Unspoken = typeof Unspoken.Type

/** @internal */
export const Entry = Schema.Union(Spoken, Unspoken)

/** @internal */
export type Entry = typeof Entry.Type

const EntryJson = Schema.parseJson(Entry)

const encode = Schema.encodeSync(EntryJson)

const decode = Schema.decodeEither(EntryJson)

/**
 * What is kept in the folder of a batch. `report.jsonl` lists every row once all are done. Until then, whatever belongs
 * to the batch that runs is in `.batch`: the files that are being written, and a journal of those that are finished.
 *
 * @internal
 */
export interface BatchState {
  /** Where a file is written until it is complete. */
  readonly partial: (name: string) => string
  /** What earlier runs finished, by id. */
  readonly finished: ReadonlyMap<string, Spoken>
  readonly record: (entry: Spoken) => Effect.Effect<void, CommandFailure>
  /** Writes the report, and takes away what the run needed. */
  readonly close: (entries: ReadonlyArray<Entry>) => Effect.Effect<void, CommandFailure>
}

/** @internal */
export const reportName = "report.jsonl"

const isAlive = (pid: number): boolean => {
  // Sends no signal, and throws if there is no such process.
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Another process owns it.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** @internal */
export const open = Effect.fnUntraced(function*(
  folder: string
): Effect.fn.Return<BatchState, CommandFailure, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const refused = (error: PlatformError.PlatformError) =>
    new CommandFailure({
      description: error._tag === "SystemError" && error.reason === "PermissionDenied"
        ? `No permission to write to ${folder}; name another folder with --out`
        : `Could not write to ${folder}: ${error.description ?? error.message}`
    })
  const write = <A, R>(effect: Effect.Effect<A, PlatformError.PlatformError, R>) => Effect.mapError(effect, refused)

  const work = path.join(folder, ".batch")
  const journal = path.join(work, "journal.jsonl")
  const lock = path.join(work, "pid")
  const report = path.join(folder, reportName)

  yield* write(fs.makeDirectory(work, { recursive: true }))
  const owner = Number(yield* Effect.orElseSucceed(fs.readFileString(lock), () => ""))
  if (owner > 0 && owner !== process.pid && isAlive(owner)) {
    return yield* new CommandFailure({
      description:
        `Another batch writes to ${folder} (process ${owner}): wait for it, or name another folder with --out` +
        `. If no batch runs, delete ${lock}`
    })
  }
  yield* write(fs.writeFileString(lock, `${process.pid}`))

  const read = (name: string) =>
    Effect.map(
      Effect.orElseSucceed(fs.readFileString(name), () => ""),
      // What a run wrote when it was killed may be half a line: that row is spoken again.
      (text) => Arr.filterMap(text.split("\n"), (line) => Either.getRight(decode(line)))
    )
  const reported = yield* read(report)
  if (reported.length === 0 && (yield* Effect.orElseSucceed(fs.stat(report), () => ({ size: 0n }))).size > 0n) {
    return yield* new CommandFailure({
      description: `${report} is not a report of this command and would be replaced: move it, or name another folder ` +
        "with --out"
    })
  }
  const finished = new Map<string, Spoken>()
  for (const entry of [...reported, ...(yield* read(journal))]) {
    if (entry.status === "spoken") finished.set(entry.id, entry)
  }

  // Files that will never be completed, and half a line at the end of the journal.
  const leftovers = (yield* write(fs.readDirectory(work))).filter((name) => name !== "pid" && name !== "journal.jsonl")
  yield* Effect.forEach(leftovers, (name) => write(fs.remove(path.join(work, name), { recursive: true, force: true })))
  const toText = (entries: Iterable<Entry>) => Array.from(entries, (entry) => `${encode(entry)}\n`).join("")
  const replace = (name: string, entries: Iterable<Entry>) => {
    const partial = path.join(work, "partial.jsonl")
    return write(Effect.zipRight(fs.writeFileString(partial, toText(entries)), fs.rename(partial, name)))
  }
  yield* replace(journal, finished.values())

  yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(lock, { force: true })))
  const appending = yield* write(fs.open(journal, { flag: "a" }))
  const inTurn = yield* Effect.makeSemaphore(1)

  return {
    partial: (name) => path.join(work, name),
    finished,
    record: (entry) => inTurn.withPermits(1)(write(appending.writeAll(new TextEncoder().encode(toText([entry]))))),
    close: (entries) =>
      Effect.zipRight(replace(report, entries), write(fs.remove(work, { recursive: true, force: true })))
  }
})
