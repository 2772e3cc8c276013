/**
 * The port of stores that keep bytes under keys, for audio that has been paid for once: a cache, the segments of a narration.
 *
 * An entry never changes: what is stored first under a key stays until it is removed. An entry is complete or absent, also after a crash.
 *
 * @since 0.2.0
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/**
 * @since 0.2.0
 * @category services
 */
export class AudioStore extends Context.Tag("@effect-smallest/core/AudioStore")<AudioStore, Service>() {}

/**
 * A store that did not do what it was asked.
 *
 * - `InvalidKey`: a key is 3 to 128 of the characters a to z, 0 to 9, `-` and `_`, and begins with a letter or digit
 * - `Unreadable`, `Unwritable`: the medium refused, such as a missing permission, a full disk or a server that does not answer
 *
 * @since 0.2.0
 * @category errors
 */
export class AudioStoreError
  extends Schema.TaggedError<AudioStoreError>("@effect-smallest/core/AudioStore/AudioStoreError")("AudioStoreError", {
    reason: Schema.Literal("InvalidKey", "Unreadable", "Unwritable"),
    /** The key, or the place of the store if it is about all of it. */
    name: Schema.String,
    description: Schema.String
  })
{
  override get message(): string {
    return `The store of audio could not ${
      this.reason === "Unwritable" ? "write" : "read"
    } ${this.name}: ${this.description}`
  }
}

/**
 * What a store says about an entry.
 *
 * @since 0.2.0
 * @category models
 */
export interface Entry {
  readonly key: string
  /** In bytes. */
  readonly size: number
  /** When it was stored, in milliseconds since 1970. */
  readonly storedAt: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Service {
  /** The bytes under a key. */
  readonly get: (key: string) => Effect.Effect<Option.Option<Uint8Array>, AudioStoreError>
  /** Stores bytes under a key unless there are some, and gives whether it did. Of several at once, one does. */
  readonly put: (key: string, bytes: Uint8Array) => Effect.Effect<boolean, AudioStoreError>
  /** The size of an entry, in bytes. */
  readonly size: (key: string) => Effect.Effect<Option.Option<number>, AudioStoreError>
  /** Whether there is an entry. */
  readonly has: (key: string) => Effect.Effect<boolean, AudioStoreError>
  /** Removes an entry. To remove what is not there is not a failure. */
  readonly remove: (key: string) => Effect.Effect<void, AudioStoreError>
  /** All entries, in no order. Entries that come or go meanwhile may be listed or not. */
  readonly list: Stream.Stream<Entry, AudioStoreError>
}

const keyPattern = /^[a-z0-9][a-z0-9_-]{2,127}$/

const checkKey = (key: string): Either.Either<string, AudioStoreError> =>
  keyPattern.test(key) ? Either.right(key) : Either.left(
    new AudioStoreError({
      reason: "InvalidKey",
      name: JSON.stringify(key.slice(0, 60)),
      description: "a key is 3 to 128 of the characters a to z, 0 to 9, - and _, and begins with a letter or digit"
    })
  )

/**
 * Creates the service from a medium's own operations: checks keys and derives `has`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (medium: Omit<Service, "has">): Service => {
  const checked = <A>(use: (key: string) => Effect.Effect<A, AudioStoreError>) => (key: string) =>
    Effect.flatMap(checkKey(key), use)
  const size = checked(medium.size)
  return AudioStore.of({
    get: checked(medium.get),
    put: (key, bytes) => Effect.flatMap(checkKey(key), () => medium.put(key, bytes)),
    size,
    has: (key) => Effect.map(size(key), Option.isSome),
    remove: checked(medium.remove),
    list: medium.list
  })
}

/**
 * Keeps entries in memory until the layer's scope closes: for tests and short programs.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerMemory: Layer.Layer<AudioStore> = /*#__PURE__*/ Layer.sync(AudioStore, () => {
  const entries = new Map<string, { readonly bytes: Uint8Array; readonly storedAt: number }>()
  return make({
    get: (key) => Effect.sync(() => Option.map(Option.fromNullable(entries.get(key)), ({ bytes }) => bytes.slice())),
    put: (key, bytes) =>
      Effect.map(Clock.currentTimeMillis, (storedAt) => {
        if (entries.has(key)) return false
        entries.set(key, { bytes: bytes.slice(), storedAt })
        return true
      }),
    size: (key) => Effect.sync(() => Option.map(Option.fromNullable(entries.get(key)), ({ bytes }) => bytes.length)),
    remove: (key) => Effect.sync(() => void entries.delete(key)),
    list: Stream.suspend(() =>
      Stream.fromIterable(
        Array.from(entries, ([key, { bytes, storedAt }]): Entry => ({ key, size: bytes.length, storedAt }))
      )
    )
  })
})

// ----------------------------------------------------------------------------------------------------------------
// files
// ----------------------------------------------------------------------------------------------------------------

const explain = (error: PlatformError.PlatformError): string =>
  error._tag === "SystemError" && error.reason === "PermissionDenied"
    ? "permission denied; choose a folder that you may write to"
    : error.description ?? error.message

const isReason = (reason: PlatformError.SystemErrorReason) => (error: PlatformError.PlatformError): boolean =>
  error._tag === "SystemError" && error.reason === reason

// What a process that was killed has left: a day is longer than any writing takes.
const staleAfter = Duration.days(1)

const makeFileSystem = /*#__PURE__*/ Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const partial = path.join(directory, ".partial")

  const fail = (reason: "Unreadable" | "Unwritable", name: string) => (error: PlatformError.PlatformError) =>
    new AudioStoreError({ reason, name, description: explain(error) })
  const fileOf = (key: string) => path.join(directory, key.slice(0, 2), key)
  const unlessAbsent = <A>(
    effect: Effect.Effect<A, PlatformError.PlatformError>
  ): Effect.Effect<Option.Option<A>, PlatformError.PlatformError> =>
    Effect.catchIf(Effect.asSome(effect), isReason("NotFound"), () => Effect.succeedNone)

  const write = (temporary: string, bytes: Uint8Array) =>
    Effect.scoped(Effect.flatMap(
      fs.open(temporary, { flag: "wx" }),
      // On the disk before it has its name: a power cut leaves a whole entry or none.
      (file) => Effect.zipRight(file.writeAll(bytes), file.sync)
    ))

  const put = Effect.fnUntraced(function*(key: string, bytes: Uint8Array) {
    const target = fileOf(key)
    if (yield* fs.exists(target)) return false
    yield* fs.makeDirectory(path.dirname(target), { recursive: true })
    yield* fs.makeDirectory(partial, { recursive: true })
    const id = (yield* Random.nextIntBetween(0, 2 ** 48)).toString(36)
    const temporary = path.join(partial, `${key.slice(0, 60)}.${id}`)
    return yield* write(temporary, bytes).pipe(
      Effect.zipRight(fs.link(temporary, target)),
      Effect.as(true),
      Effect.catchIf(isReason("AlreadyExists"), () => Effect.succeed(false)),
      // Some file systems know no links; there the last of several at once wins, and all of them have stored the whole entry.
      Effect.catchAll((error) =>
        Effect.zipRight(
          Effect.mapError(fs.rename(temporary, target), () => error),
          Effect.succeed(true)
        )
      ),
      Effect.ensuring(Effect.ignore(fs.remove(temporary, { force: true })))
    )
  })

  const tidy = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    for (const name of yield* Effect.orElseSucceed(fs.readDirectory(partial), () => [])) {
      const file = path.join(partial, name)
      const { mtime } = yield* fs.stat(file)
      const age = Option.match(mtime, { onNone: () => 0, onSome: (date) => now - date.getTime() })
      if (age > Duration.toMillis(staleAfter)) yield* fs.remove(file, { force: true })
    }
  })

  const listed = (key: string) =>
    fs.stat(fileOf(key)).pipe(
      unlessAbsent,
      Effect.map(Option.map((info): Entry => ({
        key,
        size: Number(info.size),
        storedAt: Option.match(info.mtime, { onNone: () => 0, onSome: (date) => date.getTime() })
      })))
    )

  yield* fs.makeDirectory(directory, { recursive: true }).pipe(Effect.mapError(fail("Unwritable", directory)))
  // Another process may tidy up at the same moment.
  yield* Effect.ignore(tidy)

  return make({
    get: (key) => Effect.mapError(unlessAbsent(fs.readFile(fileOf(key))), fail("Unreadable", fileOf(key))),
    put: (key, bytes) => Effect.mapError(put(key, bytes), fail("Unwritable", fileOf(key))),
    size: (key) =>
      unlessAbsent(fs.stat(fileOf(key))).pipe(
        Effect.map(Option.map(({ size }) => Number(size))),
        Effect.mapError(fail("Unreadable", fileOf(key)))
      ),
    remove: (key) => Effect.mapError(fs.remove(fileOf(key), { force: true }), fail("Unwritable", fileOf(key))),
    list: Stream.fromIterableEffect(Effect.map(unlessAbsent(fs.readDirectory(directory)), Option.getOrElse(() => [])))
      .pipe(
        Stream.filter((folder) => /^[a-z0-9][a-z0-9_-]$/.test(folder)),
        Stream.mapEffect((folder) =>
          Effect.map(
            unlessAbsent(fs.readDirectory(path.join(directory, folder))),
            (names) =>
              Option.getOrElse(names, () => []).filter((name) => keyPattern.test(name) && name.startsWith(folder))
          )
        ),
        Stream.mapConcat((names) => names),
        Stream.mapEffect(listed),
        Stream.filterMap((entry) => entry),
        Stream.mapError(fail("Unreadable", directory))
      )
  })
})

/**
 * Keeps each entry in a file, in folders named by the first two characters of the key. Files are written under another name, flushed to the
 * disk and renamed. Several processes may share the folder. It is created if it does not exist.
 *
 * @example
 * ```ts
 * import { AudioStore } from "@effect-smallest/core"
 * import { NodeContext } from "@effect/platform-node"
 * import { Layer } from "effect"
 *
 * const Store = Layer.provide(AudioStore.layerFileSystem("speech-cache"), NodeContext.layer)
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layerFileSystem = (
  directory: string
): Layer.Layer<AudioStore, AudioStoreError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(AudioStore, makeFileSystem(directory))
