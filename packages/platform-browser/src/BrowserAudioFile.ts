/**
 * Files that a page saves: into a file that its user chooses, written as the audio comes, or as a download.
 *
 * @since 0.1.0
 */
import * as AudioFile from "@effect-smallest/core/AudioFile"
import * as Wav from "@effect-smallest/core/Wav"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { reason } from "./internal/reason.js"

const { AudioFileError } = AudioFile

const unwritable = (name: string, description: string) =>
  new AudioFileError({ reason: "Unwritable", name, description })

const isNamed = (error: unknown, name: string): boolean => error instanceof DOMException && error.name === name

const refusal = (name: string) => (error: unknown): AudioFile.AudioFileError => {
  if (isNamed(error, "NotAllowedError")) return unwritable(name, "permission denied; ask again and allow it")
  if (isNamed(error, "QuotaExceededError")) return unwritable(name, "there is no space left; free some or save less")
  return unwritable(name, reason(error))
}

// ----------------------------------------------------------------------------------------------------------------
// files
// ----------------------------------------------------------------------------------------------------------------

// Chromium makes an empty file when a new name is chosen, and cannot say whether it was there before.
const newlyMade = 5000

// Chromium gives up the lock of a copy a moment after `abort` has resolved.
const unlocking = Schedule.intersect(Schedule.spaced("10 millis"), Schedule.recurs(100))

const remove = (handle: FileSystemFileHandle) =>
  Effect.tryPromise({
    try: async () => {
      if ("remove" in handle && typeof handle.remove === "function") await handle.remove()
    },
    catch: (error) => error
  }).pipe(
    Effect.retry({ schedule: unlocking, while: (error) => isNamed(error, "NoModificationAllowedError") })
  )

const fileDestination = /*#__PURE__*/ Effect.fnUntraced(function*(
  name: string,
  handle: FileSystemFileHandle
): Effect.fn.Return<AudioFile.Destination, AudioFile.AudioFileError, Scope.Scope> {
  const attempt = <A>(evaluate: () => Promise<A>) => Effect.tryPromise({ try: evaluate, catch: refusal(name) })
  const before = yield* attempt(() => handle.getFile())
  const isNew = before.size === 0 && (yield* Clock.currentTimeMillis) - before.lastModified < newlyMade
  let isPublished = false

  // What is written goes to a copy, which takes the place of the file when it is closed.
  const copy = yield* Effect.acquireRelease(
    attempt(() => handle.createWritable()),
    (copy) =>
      isPublished ? Effect.void : Effect.tryPromise(() => copy.abort()).pipe(
        Effect.zipRight(isNew ? remove(handle) : Effect.void),
        // A file that cannot be removed must not hide the error that led here.
        Effect.ignore
      )
  )
  return {
    // The audio of a stream is never in shared memory; the type of a chunk's bytes does not say so.
    write: (bytes) => attempt(() => copy.write(bytes as Uint8Array<ArrayBuffer>)),
    publish: (header) =>
      Effect.uninterruptible(attempt(async () => {
        const data = header as Uint8Array<ArrayBuffer>
        if (header.length === Wav.headerLength) {
          await copy.write({ type: "write", position: 0, data })
          await copy.close()
        } else {
          // There is no room for the long header, and a file that is being written cannot be read: copied once more.
          await copy.close()
          const audio = (await handle.getFile()).slice(Wav.headerLength)
          const longer = await handle.createWritable()
          await longer.write(data)
          await audio.stream().pipeTo(longer)
        }
        isPublished = true
      }))
  }
})

/**
 * Saves into files that the page names, such as those of a folder that its user has opened, or of the browser's private file
 * system. A file is written as the audio comes, to a copy that takes its place at the end: it is complete or as it was
 * before.
 *
 * @example
 * ```ts
 * import { AudioFile } from "@effect-smallest/core"
 * import { BrowserAudioFile } from "@effect-smallest/platform-browser"
 * import { Effect } from "effect"
 *
 * const Private = BrowserAudioFile.layerHandle((name) =>
 *   Effect.tryPromise({
 *     try: async () => (await navigator.storage.getDirectory()).getFileHandle(name, { create: true }),
 *     catch: (error) => new AudioFile.AudioFileError({ reason: "Unwritable", name, description: String(error) })
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHandle = (
  open: (name: string) => Effect.Effect<FileSystemFileHandle, AudioFile.AudioFileError>
): Layer.Layer<AudioFile.AudioFile> =>
  Layer.succeed(
    AudioFile.AudioFile,
    AudioFile.fromDestination((name) => Effect.flatMap(open(name), (handle) => fileDestination(name, handle)))
  )

/** The dialog of the File System Access API, which the DOM library's types do not have. */
interface SaveFilePicker {
  readonly showSaveFilePicker: (options: {
    readonly suggestedName: string
    readonly types: ReadonlyArray<{ readonly description: string; readonly accept: Record<string, Array<string>> }>
  }) => Promise<FileSystemFileHandle>
}

const picker = (): SaveFilePicker | undefined => {
  const page: Partial<SaveFilePicker> = globalThis as Partial<SaveFilePicker>
  return page.showSaveFilePicker === undefined ? undefined : page as SaveFilePicker
}

const basename = (name: string): string => name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1)

const ask = (picker: SaveFilePicker) => (name: string) =>
  Effect.tryPromise({
    try: () =>
      picker.showSaveFilePicker({
        suggestedName: basename(name),
        types: [{ description: "WAV audio", accept: { "audio/wav": [".wav"] } }]
      }),
    catch: (error) =>
      isNamed(error, "AbortError")
        ? new AudioFileError({ reason: "Cancelled", name, description: "no file was chosen" })
        : isNamed(error, "SecurityError")
        ? unwritable(name, `the browser refuses its dialog; save in a handler of a click or a key (${reason(error)})`)
        : unwritable(name, reason(error))
  })

// ----------------------------------------------------------------------------------------------------------------
// downloads
// ----------------------------------------------------------------------------------------------------------------

// Browsers keep blobs on the disk when they grow; arrays stay in memory.
const partLength = 1 << 20

// The browser reads the blob after the click, and does not say when it is done.
const offer = (name: string, blob: Blob): Effect.Effect<void> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const url = URL.createObjectURL(blob)
      const link = document.createElement("a")
      link.href = url
      link.download = basename(name)
      link.click()
      return url
    }),
    (url) => Effect.sync(() => URL.revokeObjectURL(url))
  ).pipe(
    Effect.zipRight(Effect.sleep("1 minute")),
    Effect.scoped,
    Effect.forkDaemon,
    Effect.asVoid
  )

const download = (name: string): Effect.Effect<AudioFile.Destination> =>
  Effect.sync(() => {
    const parts: Array<Blob> = []
    let part: Array<BlobPart> = []
    let length = 0
    const closePart = () => {
      parts.push(new Blob(part))
      part = []
      length = 0
    }
    return {
      write: (bytes) =>
        Effect.sync(() => {
          // A copy, because the chunk's memory may be others' too.
          part.push(new Uint8Array(bytes))
          length += bytes.length
          if (length >= partLength) closePart()
        }),
      publish: (header) =>
        Effect.suspend(() => {
          closePart()
          const written = new Blob(parts).slice(Wav.headerLength)
          return offer(name, new Blob([new Uint8Array(header), written], { type: "audio/wav" }))
        })
    }
  })

/**
 * Saves as downloads: the browser asks where, or puts them into its folder. The whole file is held by the browser until it is
 * complete, and whether it reached the disk cannot be known.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerDownload: Layer.Layer<AudioFile.AudioFile> = /*#__PURE__*/ Layer.succeed(
  AudioFile.AudioFile,
  AudioFile.fromDestination(download)
)

/**
 * Saves into a file that the user of the page chooses in the browser's dialog, and as a download if the browser has none
 * (Firefox, Safari, and all phones).
 *
 * A chosen file is written as the audio comes, and is complete or as it was before: if the stream fails or the fiber is
 * interrupted, nothing is left. No choice is `Cancelled`. The dialog wants a click or a key: save in its handler.
 *
 * @example
 * ```ts
 * import { AudioFile, SpeechSynthesizer } from "@effect-smallest/core"
 * import { BrowserAudioFile } from "@effect-smallest/platform-browser"
 * import { Effect } from "effect"
 *
 * const program = AudioFile.save("hello.wav", SpeechSynthesizer.stream({ text: "Hello." })).pipe(
 *   Effect.provide(BrowserAudioFile.layer),
 *   Effect.catchIf((error) => error._tag === "AudioFileError" && error.reason === "Cancelled", () => Effect.void)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<AudioFile.AudioFile> = /*#__PURE__*/ Layer.suspend(() => {
  const dialog = picker()
  return dialog === undefined ? layerDownload : layerHandle(ask(dialog))
})
