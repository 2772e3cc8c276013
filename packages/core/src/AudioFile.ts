/**
 * The port of files of speech: audio is written as it arrives and appears under its name once it is complete.
 *
 * @since 0.1.0
 */
import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { makeRoom } from "./internal/makeRoom.js"
import * as Operation from "./internal/operation.js"
import * as Pcm from "./Pcm.js"
import * as Wav from "./Wav.js"

/**
 * @since 0.1.0
 * @category services
 */
export class AudioFile extends Context.Tag("@effect-smallest/core/AudioFile")<AudioFile, Service>() {}

/**
 * Audio that could not be saved.
 *
 * - `Unwritable`: the medium refused, such as a missing folder, missing permission or a full disk
 * - `NoAudio`: the stream ended without any audio, so there is no format to write
 * - `MixedFormats`: a chunk had another sample rate or number of channels than the first
 * - `Cancelled`: the user was asked for a place to save to, and chose none
 *
 * @since 0.1.0
 * @category errors
 */
export class AudioFileError
  extends Schema.TaggedError<AudioFileError>("@effect-smallest/core/AudioFile/AudioFileError")("AudioFileError", {
    reason: Schema.Literal("Unwritable", "NoAudio", "MixedFormats", "Cancelled"),
    /** The name that was to be written. */
    name: Schema.String,
    description: Schema.String
  })
{
  override get message(): string {
    return `Could not save ${this.name}: ${this.description}`
  }
}

/**
 * What was saved.
 *
 * @since 0.1.0
 * @category models
 */
export interface AudioFileReport {
  readonly name: string
  readonly format: Pcm.PcmFormat
  /** How long the audio sounds. */
  readonly duration: Duration.Duration
  /** Size of the file, in bytes. */
  readonly size: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Saves a stream as a WAV file. If the stream fails or the fiber is interrupted, no partial file remains,
   * and an existing file with that name is left unchanged.
   */
  readonly save: <E, R>(
    name: string,
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>
  ) => Effect.Effect<AudioFileReport, AudioFileError | E, R>
  /** The same as a sink, to be composed with others. */
  readonly sink: (name: string) => Sink.Sink<AudioFileReport, Pcm.PcmChunk, never, AudioFileError>
}

/**
 * Creates the service from its sink.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (sink: Service["sink"]): Service =>
  AudioFile.of({
    sink,
    save: (name, pcm) =>
      Stream.run(pcm, sink(name)).pipe(
        Effect.tap(({ duration, size }) =>
          Effect.annotateCurrentSpan({ "audio.duration": Duration.toSeconds(duration), "audio.file.size": size })
        ),
        Operation.withSpan("AudioFile.save")
      )
  })

/**
 * Where the bytes of a file go, for those who implement `AudioFile`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Destination {
  /** Takes the next bytes: at first a header with streaming sizes, then audio. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, AudioFileError>
  /**
   * Puts a header with the right sizes in the place of the first, and lets the file appear under its name. The header is longer
   * than the first, which had `Wav.headerLength` bytes, if there is more audio than `Wav.maxDataLength`.
   */
  readonly publish: (header: Uint8Array) => Effect.Effect<void, AudioFileError>
}

/**
 * Creates the service from the places that its files go to. The place is opened before the stream is run. When its scope ends
 * without `publish`, it has to leave nothing behind.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromDestination = (
  open: (name: string) => Effect.Effect<Destination, AudioFileError, Scope.Scope>
): Service =>
  make((name) =>
    Sink.unwrapScoped(Effect.map(open(name), (destination) => {
      let format: Pcm.PcmFormat | undefined
      let length = 0

      const write = Effect.fnUntraced(function*(chunk: Pcm.PcmChunk) {
        if (format === undefined) {
          format = chunk.format
          yield* destination.write(Wav.header(format))
        }
        if (!Pcm.isSameFormat(chunk.format, format)) {
          return yield* new AudioFileError({
            reason: "MixedFormats",
            name,
            description: `the audio changed from ${Pcm.formatName(format)} to ${
              Pcm.formatName(chunk.format)
            }; use Pcm.resample`
          })
        }
        length += chunk.bytes.length
        yield* destination.write(chunk.bytes)
      })

      const finish = Effect.suspend((): Effect.Effect<AudioFileReport, AudioFileError> => {
        if (format === undefined) {
          return new AudioFileError({ reason: "NoAudio", name, description: "there was no audio" })
        }
        const header = Wav.header(format, length)
        return Effect.as(destination.publish(header), {
          name,
          format,
          duration: Pcm.durationOf(format, length),
          size: header.length + length
        })
      })

      return Sink.mapEffect(Sink.forEach(write), () => finish)
    }))
  )

/**
 * Saves a stream of speech as a WAV file.
 *
 * @example
 * ```ts
 * import { AudioFile, SpeechSynthesizer } from "@effect-smallest/core"
 *
 * const program = SpeechSynthesizer.stream({ text: "Hello." }).pipe(AudioFile.save("hello.wav"))
 * const same = AudioFile.save("hello.wav", SpeechSynthesizer.stream({ text: "Hello." }))
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const save: {
  (name: string): <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>
  ) => Effect.Effect<AudioFileReport, AudioFileError | E, R | AudioFile>
  <E, R>(
    name: string,
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>
  ): Effect.Effect<AudioFileReport, AudioFileError | E, R | AudioFile>
  <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>,
    name: string
  ): Effect.Effect<AudioFileReport, AudioFileError | E, R | AudioFile>
} = /*#__PURE__*/ dual(
  2,
  <E, R>(first: string | Stream.Stream<Pcm.PcmChunk, E, R>, second: string | Stream.Stream<Pcm.PcmChunk, E, R>) =>
    Effect.flatMap(AudioFile, (service) =>
      typeof first === "string"
        ? service.save(first, second as Stream.Stream<Pcm.PcmChunk, E, R>) // the overloads leave nothing else
        : service.save(second as string, first))
)

/**
 * A sink that saves audio as a WAV file.
 *
 * @since 0.1.0
 * @category accessors
 */
export const sink = (name: string): Sink.Sink<AudioFileReport, Pcm.PcmChunk, never, AudioFileError, AudioFile> =>
  Sink.unwrap(Effect.map(AudioFile, (service) => service.sink(name)))

const unwritable = (name: string) => (error: PlatformError.PlatformError): AudioFileError =>
  new AudioFileError({ reason: "Unwritable", name, description: explain(error) })

const explain = (error: PlatformError.PlatformError): string => {
  if (error._tag === "SystemError") {
    switch (error.reason) {
      case "NotFound":
        return "the folder does not exist; create it first"
      case "PermissionDenied":
        return "permission denied; choose a place that you may write to"
    }
  }
  return error.description ?? error.message
}

const makeFileSystem = /*#__PURE__*/ Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path

  // Opened anew, because Bun writes at the end whatever position a write names, and read back: a file is never wrong in silence.
  const putHeader = (path: string, header: Uint8Array) =>
    Effect.scoped(Effect.gen(function*() {
      const size = yield* Effect.map(fs.stat(path), (info) => info.size)
      const file = yield* fs.open(path, { flag: "r+" })
      yield* file.writeAll(header)
      const found = yield* Effect.flatMap(fs.open(path), (file) => file.readAlloc(header.length))
      const isRight = Option.isSome(found) && found.value.every((byte, index) => byte === header[index]) &&
        (yield* fs.stat(path)).size === size
      if (!isRight) {
        return yield* new PlatformError.SystemError({
          reason: "WriteZero",
          module: "FileSystem",
          method: "writeAll",
          pathOrDescriptor: path,
          description: "this runtime did not write the header where it belongs"
        })
      }
    }))

  // Written beside the target under a hidden name, so that the rename which publishes it stays on one disk.
  const newFile = Effect.fnUntraced(function*(name: string, target: string, mode: Option.Option<number>) {
    const id = (yield* Random.nextIntBetween(0, 2 ** 48)).toString(36)
    // Not derived from the target's name, which may be as long as a name can be.
    const temporary = path.join(path.dirname(target), `.${id}.partial`)
    const scope = yield* Scope.make()
    let isPublished = false
    yield* Effect.addFinalizer((exit) =>
      Effect.zipRight(
        Scope.close(scope, exit),
        // A temporary file that cannot be removed must not hide the error that led here.
        isPublished ? Effect.void : Effect.ignore(fs.remove(temporary, { force: true }))
      )
    )
    const file = yield* fs.open(temporary, { flag: "wx+" }).pipe(Scope.extend(scope), Effect.mapError(unwritable(name)))
    const publish = Effect.fnUntraced(function*(header: Uint8Array) {
      if (header.length > Wav.headerLength) {
        yield* makeRoom(file, Number((yield* file.stat).size), Wav.headerLength, header.length)
      }
      yield* putHeader(temporary, header)
      if (Option.isSome(mode)) yield* fs.chmod(temporary, mode.value)
      yield* Scope.close(scope, Exit.void)
      yield* fs.rename(temporary, target)
      isPublished = true
    }, Effect.uninterruptible)
    const destination: Destination = {
      write: (bytes) => Effect.mapError(file.writeAll(bytes), unwritable(name)),
      publish: (header) => Effect.mapError(publish(header), unwritable(name))
    }
    return destination
  })

  // A pipe or a device takes bytes once and in order: its header carries streaming sizes and stays as it is.
  const device = (name: string): Effect.Effect<Destination, AudioFileError, Scope.Scope> =>
    // Appending, because otherwise every write names a position, which a pipe does not have.
    fs.open(name, { flag: "a" }).pipe(
      Effect.mapError(unwritable(name)),
      Effect.map((file): Destination => ({
        write: (bytes) => Effect.mapError(file.writeAll(bytes), unwritable(name)),
        publish: () => Effect.void
      }))
    )

  const open = Effect.fnUntraced(function*(name: string) {
    const info = yield* Effect.option(fs.stat(name))
    const type = Option.getOrUndefined(info)?.type ?? "File"
    if (type === "Directory") {
      return yield* new AudioFileError({ reason: "Unwritable", name, description: "it is a folder; name a file in it" })
    }
    // By its own name: what a pipe such as `/dev/stdout` resolves to is not a path.
    if (type !== "File") return yield* device(name)
    const target = yield* fs.realPath(name).pipe(
      // A link to a file that does not exist yet leads there all the same.
      Effect.orElse(() => Effect.map(fs.readLink(name), (link) => path.resolve(path.dirname(name), link))),
      Effect.orElseSucceed(() => name)
    )
    return yield* newFile(name, target, Option.map(info, ({ mode }) => mode & 0o777))
  })

  return fromDestination(open)
})

/**
 * Saves into a file system. A file is written under a hidden name in the same folder, gets its right sizes at the end,
 * and is then renamed: under its name it is complete or absent. A symbolic link is followed, the permissions of a file
 * that is replaced are kept. Pipes and devices such as `/dev/stdout` are written straight through.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFileSystem: Layer.Layer<AudioFile, never, FileSystem.FileSystem | Path.Path> = /*#__PURE__*/ Layer
  .effect(
    AudioFile,
    makeFileSystem
  )
