import { Audio, AudioFile, Pcm, SpeechError, Wav } from "@effect-smallest/core"
import { TestSpeechSynthesizer } from "@effect-smallest/testing"
import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { execFileSync, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath, pathToFileURL } from "node:url"
import { failureOf } from "../src/Cloud.js"

const layer = Layer.provideMerge(AudioFile.layerFileSystem, NodeContext.layer)

const audio = TestSpeechSynthesizer.audioOf({ text: "What is written to a file." })
const other = TestSpeechSynthesizer.audioOf({ text: "What was there before." })

const broken = new SpeechError.TruncatedAudio({ module: "Test", method: "events", description: "It broke" })

const chunks = Audio.toStream(audio)

/** A test with a folder of its own. */
const test = <A, E>(
  behaviour: string,
  body: (folder: string) => Effect.Effect<A, E, AudioFile.AudioFile | FileSystem.FileSystem | Path.Path>
) =>
  it.scopedLive(
    behaviour,
    () =>
      Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.flatMap(fs.makeTempDirectoryScoped(), body)).pipe(
        Effect.provide(layer)
      )
  )

const read = (name: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.flatMap(fs.readFile(name), (bytes) => Wav.decode(bytes)))

const list = (folder: string) => Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readDirectory(folder))

const assertAudio = (actual: Audio.Audio, expected: Audio.Audio) => {
  assert.deepStrictEqual(actual.format, expected.format)
  assert.isTrue(Buffer.from(expected.bytes).equals(actual.bytes))
}

const saveBefore = (name: string) => AudioFile.save(name, Audio.toStream(other))

describe("AudioFile.layerFileSystem", () => {
  test("save - writes a WAV file with right sizes, and reports it", (folder) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const name = `${folder}/hello.wav`
      const report = yield* AudioFile.save(name, chunks)
      const bytes = yield* fs.readFile(name)
      assert.deepStrictEqual(Buffer.from(bytes), Buffer.from(Wav.encode(audio)))
      assert.strictEqual(report.name, name)
      assert.deepStrictEqual(report.format, audio.format)
      assert.strictEqual(report.size, bytes.length)
      assert.strictEqual(Duration.toMillis(report.duration), Duration.toMillis(audio.duration))
      assert.deepStrictEqual(yield* list(folder), ["hello.wav"])
    }))

  test("sink - does the same in a pipeline of others", (folder) =>
    Effect.gen(function*() {
      const report = yield* Stream.run(chunks, AudioFile.sink(`${folder}/hello.wav`))
      assertAudio(yield* read(report.name), audio)
    }))

  test("save - writes as the audio arrives, and shows nothing under the name until it is complete", (folder) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const name = `${folder}/hello.wav`
      const isHalf = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(AudioFile.save(
        name,
        chunks.pipe(
          Stream.concat(Stream.drain(Stream.fromEffect(
            Effect.zipRight(Deferred.succeed(isHalf, undefined), Deferred.await(goOn))
          ))),
          Stream.concat(chunks)
        )
      ))
      yield* Deferred.await(isHalf)
      const [partial, ...more] = yield* list(folder)
      assert.lengthOf(more, 0)
      assert.match(partial ?? "", /^\.\w+\.partial$/)
      assert.strictEqual(Number((yield* fs.stat(`${folder}/${partial}`)).size), 44 + audio.bytes.length)
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* list(folder), ["hello.wav"])
      assert.strictEqual((yield* read(name)).bytes.length, 2 * audio.bytes.length)
    }))

  test("save - takes names as long as the file system does", (folder) =>
    Effect.gen(function*() {
      const name = `${folder}/${"a".repeat(251)}.wav`
      yield* AudioFile.save(name, chunks)
      assertAudio(yield* read(name), audio)
    }))

  for (const isThere of [false, true]) {
    const before = isThere ? "leaves the file that was there" : "leaves nothing behind"

    const assertUntouched = (folder: string) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* list(folder), isThere ? ["hello.wav"] : [])
        if (isThere) assertAudio(yield* read(`${folder}/hello.wav`), other)
      })

    const prepare = (folder: string) => isThere ? Effect.asVoid(saveBefore(`${folder}/hello.wav`)) : Effect.void

    test(`save - a stream that fails at once ${before}`, (folder) =>
      Effect.gen(function*() {
        yield* prepare(folder)
        const error = yield* failureOf(AudioFile.save(`${folder}/hello.wav`, Stream.fail(broken)))
        assert.strictEqual(error._tag, "TruncatedAudio")
        yield* assertUntouched(folder)
      }))

    test(`save - a stream that fails in the middle ${before}`, (folder) =>
      Effect.gen(function*() {
        yield* prepare(folder)
        const error = yield* failureOf(
          AudioFile.save(`${folder}/hello.wav`, Stream.concat(chunks, Stream.fail(broken)))
        )
        assert.strictEqual(error._tag, "TruncatedAudio")
        yield* assertUntouched(folder)
      }))

    test(`save - a stream that dies ${before}`, (folder) =>
      Effect.gen(function*() {
        yield* prepare(folder)
        const exit = yield* Effect.exit(
          AudioFile.save(`${folder}/hello.wav`, Stream.concat(chunks, Stream.die("defect")))
        )
        assert.isTrue(Exit.isFailure(exit))
        yield* assertUntouched(folder)
      }))

    test(`save - an interruption ${before}`, (folder) =>
      Effect.gen(function*() {
        yield* prepare(folder)
        const isWriting = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(AudioFile.save(
          `${folder}/hello.wav`,
          Stream.concat(
            chunks,
            Stream.fromEffect(Effect.zipRight(Deferred.succeed(isWriting, undefined), Effect.never))
          )
        ))
        yield* Deferred.await(isWriting)
        yield* Fiber.interrupt(fiber)
        yield* assertUntouched(folder)
      }))

    test(`save - an interruption at any moment is whole or nothing: ${before}`, (folder) =>
      Effect.gen(function*() {
        for (let steps = 0; steps < 60; steps++) {
          yield* prepare(folder)
          const fiber = yield* Effect.fork(AudioFile.save(`${folder}/hello.wav`, chunks))
          for (let i = 0; i < steps; i++) yield* Effect.yieldNow({ priority: 1 })
          if (steps % 3 === 0) yield* Effect.sleep(Duration.millis(steps / 10))
          const exit = yield* Fiber.interrupt(fiber)
          if (Exit.isSuccess(exit)) {
            assertAudio(yield* read(`${folder}/hello.wav`), audio)
            yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.remove(`${folder}/hello.wav`))
          } else if (isThere || !(yield* list(folder)).includes("hello.wav")) {
            const names = yield* list(folder)
            assert.deepStrictEqual(names, isThere ? ["hello.wav"] : [])
          } else {
            // The rename was under way when the interruption came: then the file is complete.
            assertAudio(yield* read(`${folder}/hello.wav`), audio)
            yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.remove(`${folder}/hello.wav`))
          }
        }
      }))

    test(`save - a stream without audio is NoAudio and ${before}`, (folder) =>
      Effect.gen(function*() {
        yield* prepare(folder)
        const error = yield* failureOf(AudioFile.save(`${folder}/hello.wav`, Stream.empty))
        assert.strictEqual(error.reason, "NoAudio")
        yield* assertUntouched(folder)
      }))

    test(`save - a change of format is MixedFormats and ${before}`, (folder) =>
      Effect.gen(function*() {
        yield* prepare(folder)
        const slower = TestSpeechSynthesizer.audioOf({ text: "Slower.", sampleRate: 16000 })
        const error = yield* failureOf(
          AudioFile.save(`${folder}/hello.wav`, Stream.concat(chunks, Audio.toStream(slower)))
        )
        assert.strictEqual(error.reason, "MixedFormats")
        assert.include(error.message, "from 24000 Hz to 16000 Hz")
        yield* assertUntouched(folder)
      }))
  }

  test("save - replaces a file and keeps its permissions", (folder) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const name = `${folder}/hello.wav`
      yield* saveBefore(name)
      yield* fs.chmod(name, 0o640)
      yield* AudioFile.save(name, chunks)
      assertAudio(yield* read(name), audio)
      assert.strictEqual((yield* fs.stat(name)).mode & 0o777, 0o640)
    }))

  test("save - follows a symbolic link, which stays one", (folder) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(`${folder}/elsewhere`)
      yield* saveBefore(`${folder}/elsewhere/target.wav`)
      yield* fs.symlink(`${folder}/elsewhere/target.wav`, `${folder}/link.wav`)
      yield* AudioFile.save(`${folder}/link.wav`, chunks)
      assert.strictEqual(yield* fs.readLink(`${folder}/link.wav`), `${folder}/elsewhere/target.wav`)
      assertAudio(yield* read(`${folder}/elsewhere/target.wav`), audio)
      assert.deepStrictEqual([...(yield* list(folder))].sort(), ["elsewhere", "link.wav"])
      assert.deepStrictEqual(yield* list(`${folder}/elsewhere`), ["target.wav"])
    }))

  test("save - follows a symbolic link to a file that does not exist yet", (folder) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(`${folder}/elsewhere`)
      yield* fs.symlink("elsewhere/target.wav", `${folder}/link.wav`)
      yield* AudioFile.save(`${folder}/link.wav`, chunks)
      assert.strictEqual(yield* fs.readLink(`${folder}/link.wav`), "elsewhere/target.wav")
      assertAudio(yield* read(`${folder}/elsewhere/target.wav`), audio)
    }))

  test("save - a folder is Unwritable", (folder) =>
    Effect.gen(function*() {
      const error = yield* failureOf(AudioFile.save(folder, chunks))
      assert.strictEqual(error.reason, "Unwritable")
      assert.include(error.message, "it is a folder")
      assert.deepStrictEqual(yield* list(folder), [])
    }))

  test("save - a folder that does not exist is Unwritable, and is not made", (folder) =>
    Effect.gen(function*() {
      const error = yield* failureOf(AudioFile.save(`${folder}/missing/hello.wav`, chunks))
      assert.strictEqual(error.reason, "Unwritable")
      assert.include(error.message, "the folder does not exist")
      assert.deepStrictEqual(yield* list(folder), [])
    }))

  test("save - a file where a folder should be is Unwritable", (folder) =>
    Effect.gen(function*() {
      yield* saveBefore(`${folder}/file`)
      const error = yield* failureOf(AudioFile.save(`${folder}/file/hello.wav`, chunks))
      assert.strictEqual(error.reason, "Unwritable")
      assert.notInclude(error.message, "undefined")
      assertAudio(yield* read(`${folder}/file`), other)
    }))

  it.scopedLive.skipIf(process.getuid?.() === 0)(
    "save - a folder without permission is Unwritable",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        yield* fs.chmod(folder, 0o500)
        const error = yield* failureOf(AudioFile.save(`${folder}/hello.wav`, chunks))
        assert.strictEqual(error.reason, "Unwritable")
        assert.include(error.message, "permission denied")
      }).pipe(Effect.provide(layer))
  )

  test("save - names in the current folder work", (folder) =>
    Effect.gen(function*() {
      const path = yield* Path.Path
      const name = path.relative(process.cwd(), `${folder}/hello.wav`)
      const report = yield* AudioFile.save(name, chunks)
      assert.strictEqual(report.name, name)
      assertAudio(yield* read(`${folder}/hello.wav`), audio)
    }))

  test("save - two at once under one name are both whole", (folder) =>
    Effect.gen(function*() {
      const name = `${folder}/hello.wav`
      yield* Effect.all([AudioFile.save(name, chunks), saveBefore(name)], { concurrency: 2 })
      const saved = yield* read(name)
      assertAudio(saved, saved.bytes.length === audio.bytes.length ? audio : other)
      assert.deepStrictEqual(yield* list(folder), ["hello.wav"])
    }))

  test("save - a folder that takes the name meanwhile is Unwritable, and nothing is left", (folder) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const name = `${folder}/hello.wav`
      const error = yield* failureOf(AudioFile.save(
        name,
        Stream.concat(
          chunks,
          Stream.drain(Stream.fromEffect(Effect.orDie(fs.makeDirectory(`${name}/inside`, { recursive: true }))))
        )
      ))
      assert.strictEqual(error.reason, "Unwritable")
      assert.deepStrictEqual(yield* list(folder), ["hello.wav"])
      assert.deepStrictEqual(yield* list(name), ["inside"])
    }))

  it.scopedLive.runIf(existsSync("/dev/null"))(
    "save - a device takes the audio and is still there",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const report = yield* AudioFile.save("/dev/null", chunks)
        assert.strictEqual(report.size, 44 + audio.bytes.length)
        assert.strictEqual((yield* fs.stat("/dev/null")).type, "CharacterDevice")
      }).pipe(Effect.provide(layer))
  )

  it.scopedLive.runIf(existsSync("/dev/full"))(
    "save - a disk that is full is Unwritable",
    () =>
      Effect.gen(function*() {
        const error = yield* failureOf(AudioFile.save("/dev/full", chunks))
        assert.strictEqual(error.reason, "Unwritable")
        assert.match(error.message, /no space/i)
      }).pipe(Effect.provide(layer))
  )

  it.scopedLive.runIf(process.platform !== "win32")(
    "save - a pipe gets the audio as it arrives",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        const name = `${folder}/pipe.wav`
        execFileSync("mkfifo", [name])
        const isHeard = yield* Deferred.make<void>()
        const isOver = yield* Deferred.make<Buffer>()
        const listener = yield* Effect.acquireRelease(
          Effect.sync(() => spawn("cat", [name], { stdio: ["ignore", "pipe", "inherit"] })),
          (child) => Effect.sync(() => child.kill())
        )
        const heard: Array<Buffer> = []
        listener.stdout.on("data", (bytes: Buffer) => {
          heard.push(bytes)
          Deferred.unsafeDone(isHeard, Effect.void)
        })
        listener.stdout.on("end", () => Deferred.unsafeDone(isOver, Effect.succeed(Buffer.concat(heard))))
        // The second half is only made once the first has been heard at the other end.
        yield* AudioFile.save(
          name,
          Stream.concat(chunks, Stream.concat(Stream.drain(Stream.fromEffect(Deferred.await(isHeard))), chunks))
        )
        const bytes = yield* Deferred.await(isOver)
        assert.deepStrictEqual(bytes.subarray(0, 44), Buffer.from(Wav.header(audio.format)))
        assert.isTrue(bytes.subarray(44).equals(Buffer.concat([audio.bytes, audio.bytes])))
        assert.deepStrictEqual(yield* list(folder), ["pipe.wav"])
      }).pipe(Effect.provide(layer))
  )

  it.scopedLive(
    "law 7: memory is bounded by options - an hour of speech keeps the process within 40 MB of where it started",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href
        const script = fileURLToPath(new URL("../src/writeHour.ts", import.meta.url))
        const output = yield* Effect.async<string, Error>((resume) => {
          const child = spawn(process.execPath, [
            "--expose-gc",
            "--conditions=@effect-smallest/source",
            "--import",
            tsx,
            script,
            `${folder}/hour.wav`
          ], { stdio: ["ignore", "pipe", "inherit"] })
          let text = ""
          child.stdout.on("data", (data) => text += String(data))
          child.on("error", (error) => resume(Effect.fail(error)))
          child.on("close", (code) =>
            resume(code === 0 ? Effect.succeed(text) : Effect.fail(new Error(`exit code ${code}`))))
          return Effect.sync(() =>
            child.kill("SIGKILL")
          )
        })
        const { before, most, seconds, size } = JSON.parse(output)
        assert.strictEqual(seconds, 3600)
        assert.strictEqual(size, 44 + 3600 * 48000)
        assert.strictEqual(Number((yield* fs.stat(`${folder}/hour.wav`)).size), size)
        assert.isBelow(most - before, 40, "megabytes")
      }).pipe(Effect.provide(layer)),
    120_000
  )
})

/** A file system that ignores where a write belongs, as Bun does; every write goes to the end. */
const appending = Layer.map(NodeContext.layer, (context) => {
  const fs = Context.get(context, FileSystem.FileSystem)
  return Context.add(context, FileSystem.FileSystem, {
    ...fs,
    open: (path, options) => fs.open(path, options?.flag === "r+" ? { ...options, flag: "a" } : options)
  })
})

it.scoped("a runtime that writes elsewhere than asked makes an error, and no wrong file", () =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const error = yield* Effect.flip(AudioFile.save(
      `${directory}/wrong.wav`,
      Stream.make({ format: Pcm.format(8000), bytes: new Uint8Array(8) })
    ))
    assert.strictEqual(error.reason, "Unwritable")
    assert.deepStrictEqual(yield* fs.readDirectory(directory), [])
  }).pipe(Effect.provide(Layer.provideMerge(AudioFile.layerFileSystem, appending))))
