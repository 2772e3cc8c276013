/**
 * From narrated segments to files: a WAV per chapter with even loudness, captions, and one book with chapter marks.
 *
 * The files are a function of the script and the audio in the store: assembled again, they are the same to the byte.
 *
 * @since 0.2.0
 */
import * as AudioFile from "@effect-smallest/core/AudioFile"
import type * as AudioStore from "@effect-smallest/core/AudioStore"
import * as Loudness from "@effect-smallest/core/Loudness"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import * as Captions from "@effect-smallest/stream/Captions"
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Acx from "./internal/acx.js"
import * as WavMarks from "./internal/wavMarks.js"
import * as Narration from "./Narration.js"
import type { Script, Segment } from "./NarrationPlan.js"

/**
 * A book that cannot be put together.
 *
 * - `Missing`: a segment has not been spoken
 * - `Audio`: what has been spoken does not fit together
 * - `Unwritable`: a file could not be written
 * - `Encoder`: ffmpeg failed
 * - `Profile`: a file does not meet the figures of the profile
 *
 * @since 0.2.0
 * @category errors
 */
export class AudiobookError
  extends Schema.TaggedError<AudiobookError>("@effect-smallest/narration/Audiobook/AudiobookError")("AudiobookError", {
    reason: Schema.Literal("Missing", "Audio", "Unwritable", "Encoder", "Profile"),
    description: Schema.String
  })
{
  override get message(): string {
    return this.description
  }
}

/**
 * The book in one file: `m4b`, `mp3` and `opus` need ffmpeg; `wav` does not.
 *
 * @since 0.2.0
 * @category models
 */
export type Format = "m4b" | "mp3" | "opus" | "wav"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** The folder for the files. It is created if it does not exist. */
  readonly out: string
  /**
   * The book in one file, if it is wanted.
   * @default none
   */
  readonly format?: Format | undefined
  /**
   * How loud each chapter is, in LUFS. Peaks above -3.5 dB are lowered.
   * @default -19
   */
  readonly loudness?: number | undefined
  /**
   * `acx` writes an MP3 of each chapter, too, as ACX takes it (192 kb/s, 44.1 kHz, -20 dB RMS, peaks under -3 dB, silence before and after), measures the
   * encoded file, and fails if it does not meet the figures. It needs ffmpeg.
   * @default none
   */
  readonly profile?: "acx" | undefined
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Report {
  readonly chapters: ReadonlyArray<{
    readonly file: string
    readonly title: string
    readonly frames: number
    /** What was measured of the encoded file, if there is a profile. */
    readonly measured?: string | undefined
  }>
  readonly sampleRate: number
  /** The book in one file, if it was wanted. */
  readonly book: string | undefined
}

// In milliseconds. Engines add a little silence of their own.
const lead = 600
const tail = 1500

const missing = (segment: Segment) =>
  new AudiobookError({
    reason: "Missing",
    description: `The segment "${
      segment.text.slice(0, 60)
    }" has not been spoken; narrate the book again, only what is missing is spoken`
  })

/** The events of a chapter on one timeline, with silence before, after and between. Segments are read one at a time. */
const chapterEvents = (
  { segments }: Script["chapters"][number],
  format: Pcm.PcmFormat
): Stream.Stream<SpeechEvent.SpeechEvent, AudiobookError | AudioStore.AudioStoreError, AudioStore.AudioStore> =>
  Stream.suspend(() => {
    let frames = 0
    let offset = 0
    const now = () => Duration.millis(frames * 1000 / format.sampleRate)
    const silence = (millis: number, part: number): ReadonlyArray<SpeechEvent.SpeechEvent> => {
      const chunk = Pcm.silence(format, millis)
      const start = now()
      frames += Pcm.frames(chunk)
      return chunk.bytes.length === 0
        ? []
        : [SpeechEvent.PauseStarted({ start, duration: Pcm.duration(chunk), part }), SpeechEvent.AudioChunk({ chunk })]
    }
    const spoken = Effect.fnUntraced(function*(segment: Segment, index: number) {
      const found = yield* Narration.segmentOf(segment.key)
      if (Option.isNone(found)) return yield* missing(segment)
      const start = now()
      const events: Array<SpeechEvent.SpeechEvent> = [
        SpeechEvent.SegmentStarted({ segment: index, text: segment.text, textOffset: offset, start })
      ]
      offset += segment.text.length + 1
      for (const event of found.value) {
        if (event._tag === "AudioChunk") {
          if (!Pcm.isSameFormat(event.chunk.format, format)) {
            return yield* new AudiobookError({
              reason: "Audio",
              description: `The voices speak at several sample rates (${Pcm.formatName(format)} and ${
                Pcm.formatName(event.chunk.format)
              }); name one with --sample-rate`
            })
          }
          frames += Pcm.frames(event.chunk)
          events.push(event)
        } else if (event._tag === "WordTimestamp") {
          events.push(SpeechEvent.WordTimestamp({
            segment: index,
            word: event.word,
            start: Duration.sum(start, event.start),
            end: Duration.sum(start, event.end)
          }))
        }
      }
      return events.concat(silence(segment.pause, index))
    })
    return Stream.fromIterable(silence(lead, 0)).pipe(
      Stream.concat(
        Stream.fromIterable(segments).pipe(
          Stream.zipWithIndex,
          Stream.rechunk(1),
          Stream.mapEffect(([segment, index]) => spoken(segment, index)),
          Stream.mapConcat((events) => events)
        )
      ),
      Stream.concat(Stream.suspend(() => Stream.fromIterable(silence(tail, segments.length)))),
      Stream.concat(Stream.sync(() => SpeechEvent.Completed({ duration: now() })))
    )
  })

/** The highest peak, in dB: players and encoders need room. */
const ceiling = -3.5

const slug = (title: string): string =>
  title.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase()
    .slice(0, 60) || "chapter"

/**
 * How the file of a chapter is called, without its extension: its number, then its title.
 *
 * @since 0.2.0
 * @category accessors
 */
export const chapterName = (script: Script, chapter: number): string => {
  const width = Math.max(2, String(script.chapters.length).length)
  return `${String(chapter + 1).padStart(width, "0")}-${slug(script.chapters[chapter]?.title ?? "")}`
}

const unwritable = (name: string) => (error: PlatformError.PlatformError) =>
  new AudiobookError({ reason: "Unwritable", description: `Could not write ${name}: ${error.message}` })

const formatOf = Effect.fnUntraced(function*(script: Script) {
  const segment = script.chapters[0]?.segments[0]
  if (segment === undefined) {
    return yield* new AudiobookError({ reason: "Missing", description: "There is nothing to say in the book" })
  }
  const found = yield* Narration.segmentOf(segment.key)
  if (Option.isNone(found)) return yield* missing(segment)
  const chunk = found.value.find(SpeechEvent.$is("AudioChunk"))
  return chunk === undefined ? yield* missing(segment) : chunk.chunk.format
})

const escaped = (text: string): string => text.replace(/[=;#\\\n]/g, "\\$&")

const clock = (millis: number): string => {
  const digits = (value: number, width = 2) => String(Math.floor(value)).padStart(width, "0")
  return `${digits(millis / 3_600_000)}:${digits(millis / 60_000 % 60)}:${digits(millis / 1000 % 60)}.${
    digits(millis % 1000, 3)
  }`
}

const metadata = (script: Script, report: Omit<Report, "book">, format: Format): string => {
  const tags = [
    ";FFMETADATA1",
    `title=${escaped(script.title)}`,
    `album=${escaped(script.title)}`,
    ...(script.author === undefined ? [] : [`artist=${escaped(script.author)}`]),
    "genre=Audiobook"
  ]
  const chapters: Array<string> = []
  let at = 0
  for (const [i, { frames, title }] of report.chapters.entries()) {
    if (format === "opus") {
      // Written as comments: ffmpeg's own marks of Ogg are a second late if they begin in the second half of one.
      const name = `CHAPTER${String(i).padStart(3, "0")}`
      const start = clock(Math.round(at * 1000 / report.sampleRate))
      tags.push(`${name}=${start}`, `${name}NAME=${escaped(title)}`)
    } else {
      chapters.push("[CHAPTER]", `TIMEBASE=1/${report.sampleRate}`)
      chapters.push(`START=${at}`, `END=${at + frames}`, `title=${escaped(title)}`)
    }
    at += frames
  }
  return `${[...tags, ...chapters].join("\n")}\n`
}

const codecs: Record<Exclude<Format, "wav">, ReadonlyArray<string>> = {
  m4b: ["-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart", "-f", "ipod", "-brand", "M4B "],
  mp3: ["-c:a", "libmp3lame", "-b:a", "64k", "-id3v2_version", "3", "-f", "mp3"],
  opus: ["-c:a", "libopus", "-b:a", "32k", "-f", "opus"]
}

/**
 * Writes the files of a book whose segments have all been spoken: `01-title.wav` and `01-title.vtt` for each chapter, and `book.*`. Files of
 * the same name are replaced, each at once. Memory does not grow with the book.
 *
 * @since 0.2.0
 * @category constructors
 */
export const assemble = (
  script: Script,
  options: Options
): Effect.Effect<
  Report,
  AudiobookError | AudioStore.AudioStoreError | AudioFile.AudioFileError,
  | AudioStore.AudioStore
  | AudioFile.AudioFile
  | FileSystem.FileSystem
  | Path.Path
  | CommandExecutor.CommandExecutor
> =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const target = options.loudness ?? -19
    yield* Effect.mapError(fs.makeDirectory(options.out, { recursive: true }), unwritable(options.out))
    const format = yield* formatOf(script)

    const chapter = Effect.fnUntraced(function*(index: number) {
      const spoken = script.chapters[index] ?? { title: "", segments: [] }
      const name = path.join(options.out, chapterName(script, index))
      const events = chapterEvents(spoken, format)
      const meter = Pcm.loudnessMeter(format)
      const rms = Acx.meter(format.sampleRate)
      let frames = 0
      yield* Stream.runForEach(SpeechEvent.pcm(events), (chunk) =>
        Effect.sync(() => {
          meter.push(chunk)
          rms.push(Pcm.samples(chunk))
          frames += Pcm.frames(chunk)
        }))
      // One gain for the whole chapter: its quiet sentences stay quiet.
      const found = options.profile === "acx"
        ? Acx.figures.rms.target - rms.read().rms
        : target - meter.integrated()
      const gain = { gain: Number.isFinite(found) ? found : 0, ceiling }
      yield* AudioFile.save(`${name}.wav`, Loudness.amplify(SpeechEvent.pcm(events), gain)).pipe(
        Effect.catchTag("PcmError", (error) => new AudiobookError({ reason: "Audio", description: error.message }))
      )
      yield* writeText(`${name}.vtt`, Stream.suspend(() => Captions.webVtt(Captions.cues(events))))
      const measured = options.profile === "acx" ? yield* acx(name, spoken.title) : undefined
      return { file: `${name}.wav`, title: spoken.title, frames, measured }
    })

    const acx = Effect.fnUntraced(function*(name: string, title: string) {
      const temporary = `${name}.mp3.partial`
      yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(temporary, { force: true })))
      yield* encode([
        ["-nostdin", "-v", "error", "-y", "-i", `${name}.wav`, "-ar", `${Acx.figures.sampleRate}`, "-ac", "1"],
        ["-c:a", "libmp3lame", "-b:a", "192k", "-metadata", `title=${title}`, "-metadata", `album=${script.title}`],
        ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "mp3", temporary]
      ].flat())
      const measured = yield* decoded(temporary)
      const complaints = Acx.complaints(measured)
      if (complaints.length > 0) {
        return yield* new AudiobookError({
          reason: "Profile",
          description: `${name}.mp3 does not meet ACX's figures: ${complaints.join("; ")}`
        })
      }
      yield* Effect.mapError(fs.rename(temporary, `${name}.mp3`), unwritable(`${name}.mp3`))
      return Acx.summary(measured)
    }, Effect.scoped)

    const writeText = <E, R>(file: string, text: Stream.Stream<string, E, R>) =>
      Effect.gen(function*() {
        const temporary = `${file}.partial`
        yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(temporary, { force: true })))
        const written = Sink.mapError(fs.sink(temporary), unwritable(file))
        yield* Stream.run(Stream.encodeText(text), written)
        yield* Effect.mapError(fs.rename(temporary, file), unwritable(file))
      }).pipe(Effect.scoped)

    const chapters = yield* Effect.forEach(script.chapters, (_, index) => chapter(index))
    const report = { chapters, sampleRate: format.sampleRate }
    if (options.format === undefined) return { ...report, book: undefined }

    // Captions of the whole, on the timeline of the whole.
    const book = path.join(options.out, `book.${options.format}`)
    const temporary = path.join(options.out, `.book.${options.format}`)
    yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(temporary, { force: true })))
    if (options.format === "wav") {
      yield* WavMarks.join(temporary, format, chapters).pipe(Effect.mapError((error) =>
        error._tag === "TooLong"
          ? new AudiobookError({
            reason: "Encoder",
            description: `The book is longer than a WAV file can be; choose m4b, mp3 or opus, which need ffmpeg`
          })
          : unwritable(book)(error)
      ))
    } else {
      const list = path.join(options.out, ".book.txt")
      const marks = path.join(options.out, ".book.ffmetadata")
      yield* Effect.addFinalizer(() =>
        Effect.ignore(Effect.all([fs.remove(list, { force: true }), fs.remove(marks, { force: true })]))
      )
      const quoted = (file: string) => `file '${path.resolve(file).replace(/'/g, "'\\''")}'`
      yield* Effect.mapError(
        Effect.all([
          fs.writeFileString(list, `${chapters.map(({ file }) => quoted(file)).join("\n")}\n`),
          fs.writeFileString(marks, metadata(script, report, options.format))
        ]),
        unwritable(book)
      )
      yield* encode([
        ["-nostdin", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", list, "-i", marks],
        [
          "-map",
          "0:a",
          "-map_metadata",
          "1",
          "-map_chapters",
          options.format === "opus" ? "-1" : "1",
          "-fflags",
          "+bitexact",
          "-flags:a",
          "+bitexact"
        ],
        codecs[options.format],
        [temporary]
      ].flat())
    }
    yield* Effect.mapError(fs.rename(temporary, book), unwritable(book))
    return { ...report, book }
  }))

/** Measures an encoded file: decoded, it is not what went into the encoder. */
const decoded = (file: string) =>
  Effect.suspend(() => {
    const { push, read } = Acx.meter(Acx.figures.sampleRate)
    let odd: Uint8Array = new Uint8Array()
    return Effect.map(
      ffmpeg(
        ["-nostdin", "-v", "error", "-i", file, "-f", "s16le", "-ar", `${Acx.figures.sampleRate}`, "-ac", "1", "-"],
        (bytes) => {
          const joined = Pcm.concatBytes([odd, bytes])
          const whole = joined.length - joined.length % 2
          odd = joined.subarray(whole)
          push(Pcm.samples({ format: Pcm.format(Acx.figures.sampleRate), bytes: joined.subarray(0, whole) }))
        }
      ),
      read
    )
  })

const encode = (args: ReadonlyArray<string>) => ffmpeg(args, () => undefined)

const ffmpeg = (args: ReadonlyArray<string>, onOutput: (bytes: Uint8Array) => void) =>
  Effect.scoped(Effect.gen(function*() {
    const process = yield* Command.start(Command.make("ffmpeg", ...args))
    const [code, said] = yield* Effect.all(
      [
        process.exitCode,
        Stream.mkString(Stream.decodeText(process.stderr)),
        Stream.runForEach(process.stdout, (bytes) => Effect.sync(() => onOutput(bytes)))
      ],
      { concurrency: 3 }
    )
    if (code !== 0) {
      return yield* new AudiobookError({
        reason: "Encoder",
        description: `ffmpeg failed (${said.trim().split("\n").at(-1) ?? code})`
      })
    }
  })).pipe(
    Effect.catchTags({
      SystemError: (error) =>
        new AudiobookError({
          reason: "Encoder",
          description: error.reason === "NotFound"
            ? "ffmpeg is not installed: install it, or choose wav, which needs none"
            : `ffmpeg could not be run: ${error.message}`
        }),
      BadArgument: (error) => new AudiobookError({ reason: "Encoder", description: error.message })
    })
  )
