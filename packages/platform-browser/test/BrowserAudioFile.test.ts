import { Audio, AudioFile, Pcm, Wav } from "@effect-smallest/core"
import { BrowserAudioFile } from "@effect-smallest/platform-browser"
import { assert, describe, it } from "@effect/vitest"
import { commands } from "@vitest/browser/context"
import { Deferred, Effect, Either, Exit, Fiber, Stream } from "effect"

declare module "@vitest/browser/context" {
  interface BrowserCommands {
    readonly expectDownload: () => Promise<void>
    readonly awaitDownload: () => Promise<{ readonly name: string; readonly content: string }>
  }
}

const format = Pcm.format(24000)

const audio = Audio.unsafeMake(format, Uint8Array.from({ length: 96_000 }, (_, i) => i * 7 % 251))

const chunks = Stream.rechunk(
  Stream.fromIterable(
    Array.from({ length: 48 }, (_, i) => ({ format, bytes: audio.bytes.subarray(i * 2000, (i + 1) * 2000) }))
  ),
  1
)

const folder = Effect.acquireRelease(
  Effect.promise(async () => {
    const root = await navigator.storage.getDirectory()
    return root.getDirectoryHandle(crypto.randomUUID(), { create: true })
  }),
  (folder) =>
    Effect.promise(async () => (await navigator.storage.getDirectory()).removeEntry(folder.name, { recursive: true }))
)

const list = (folder: FileSystemDirectoryHandle) =>
  Effect.promise(async () => {
    const names: Array<string> = []
    for await (const name of folder.keys()) names.push(name)
    return names
  })

const read = (folder: FileSystemDirectoryHandle, name: string) =>
  Effect.promise(async () => {
    const file = await (await folder.getFileHandle(name)).getFile()
    return new Uint8Array(await file.arrayBuffer())
  })

const assertAudio = (bytes: Uint8Array) => {
  const decoded = Either.getOrThrow(Wav.decode(bytes))
  assert.deepStrictEqual(decoded.format, format)
  assert.deepStrictEqual([...decoded.bytes], [...audio.bytes])
  // Its own length, and not that of a stream.
  assert.strictEqual(new DataView(bytes.buffer).getUint32(40, true), audio.bytes.length)
}

const layerIn = (folder: FileSystemDirectoryHandle) =>
  BrowserAudioFile.layerHandle((name) => Effect.promise(() => folder.getFileHandle(name, { create: true })))

const showSaveFilePicker = (pick: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = Object.getOwnPropertyDescriptor(globalThis, "showSaveFilePicker")
      Object.defineProperty(globalThis, "showSaveFilePicker", { value: pick, configurable: true })
      return before
    }),
    (before) =>
      Effect.sync(() => {
        if (before === undefined) Reflect.deleteProperty(globalThis, "showSaveFilePicker")
        else Object.defineProperty(globalThis, "showSaveFilePicker", before)
      })
  )

describe("BrowserAudioFile.layerHandle", () => {
  it.scopedLive("save - a file has all audio and its right sizes", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const report = yield* Effect.provide(AudioFile.save("hello.wav", chunks), layerIn(directory))
      assert.strictEqual(report.size, 44 + audio.bytes.length)
      assertAudio(yield* read(directory, "hello.wav"))
      assert.deepStrictEqual(yield* list(directory), ["hello.wav"])
    }))

  const endings = {
    "a stream that fails": Stream.concat(Stream.take(chunks, 5), Stream.fail("no more")),
    "a stream without audio": Stream.empty,
    "another format": Stream.concat(chunks, Stream.make(Pcm.silence(Pcm.format(16000), "1 second")))
  }

  for (const [name, stream] of Object.entries(endings)) {
    it.scopedLive(`save - ${name} leaves nothing behind`, () =>
      Effect.gen(function*() {
        const directory = yield* folder
        const exit = yield* Effect.exit(Effect.provide(AudioFile.save("hello.wav", stream), layerIn(directory)))
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(yield* list(directory), [])
      }))
  }

  it.scopedLive("save - a lock that the browser gives up late leaves nothing behind either", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const lock = yield* Effect.promise(async () =>
        (await directory.getFileHandle("hello.wav", { create: true })).createWritable()
      )
      yield* Effect.fork(Effect.delay(Effect.promise(() => lock.abort()), "100 millis"))
      yield* Effect.exit(Effect.provide(AudioFile.save("hello.wav", Stream.empty), layerIn(directory)))
      assert.deepStrictEqual(yield* list(directory), [])
    }))

  it.scopedLive("save - a failure leaves the file that was there", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      yield* Effect.provide(AudioFile.save("hello.wav", chunks), layerIn(directory))
      yield* Effect.exit(Effect.provide(
        AudioFile.save("hello.wav", Stream.concat(Stream.take(chunks, 5), Stream.fail("no more"))),
        layerIn(directory)
      ))
      assertAudio(yield* read(directory, "hello.wav"))
    }))

  it.scopedLive("save - an interruption leaves nothing behind", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const isWriting = yield* Deferred.make<void>()
      const fiber = yield* AudioFile.save(
        "hello.wav",
        Stream.concat(
          chunks,
          Stream.fromEffect(Effect.zipRight(Deferred.succeed(isWriting, undefined), Effect.never))
        )
      ).pipe(Effect.provide(layerIn(directory)), Effect.fork)
      yield* Deferred.await(isWriting)
      // Until it is complete, the file is what it was: new and empty.
      assert.strictEqual((yield* read(directory, "hello.wav")).length, 0)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* list(directory), [])
    }))
})

describe("BrowserAudioFile.layer", () => {
  it.scopedLive("save - the dialog proposes the name, and its file gets the audio", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const proposed: Array<string> = []
      yield* showSaveFilePicker(({ suggestedName }) => {
        proposed.push(suggestedName)
        return directory.getFileHandle("chosen.wav", { create: true })
      })
      yield* Effect.provide(AudioFile.save("speech/hello.wav", chunks), BrowserAudioFile.layer)
      assert.deepStrictEqual(proposed, ["hello.wav"])
      assertAudio(yield* read(directory, "chosen.wav"))
    }))

  it.scopedLive("save - a dialog that is closed is Cancelled, and the stream is not run", () =>
    Effect.gen(function*() {
      yield* showSaveFilePicker(() => Promise.reject(new DOMException("The user aborted a request.", "AbortError")))
      const error = yield* AudioFile.save("hello.wav", Stream.dieMessage("it was run")).pipe(
        Effect.provide(BrowserAudioFile.layer),
        Effect.flip
      )
      assert.strictEqual(error.reason, "Cancelled")
      assert.strictEqual(error.message, "Could not save hello.wav: no file was chosen")
    }))

  it.scopedLive("save - the browser's own dialog wants a click, and the error says so", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.provide(AudioFile.save("hello.wav", chunks), BrowserAudioFile.layer))
      assert.strictEqual(error.reason, "Unwritable")
      assert.include(error.message, "click")
    }))
})

describe("BrowserAudioFile.layerDownload", () => {
  it.scopedLive("save - the download has all audio and its right sizes", () =>
    Effect.gen(function*() {
      yield* Effect.promise(() => commands.expectDownload())
      yield* Effect.provide(AudioFile.save("speech/hello.wav", chunks), BrowserAudioFile.layerDownload)
      const file = yield* Effect.promise(() => commands.awaitDownload())
      assert.strictEqual(file.name, "hello.wav")
      assertAudio(Uint8Array.from(atob(file.content), (character) => character.charCodeAt(0)))
    }))
})
