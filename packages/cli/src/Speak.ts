/**
 * The command `speak`: a text is heard, or becomes an audio file, or audio on standard output.
 *
 * @since 0.1.0
 */
import * as AudioFile from "@effect-smallest/core/AudioFile"
import * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as Pcm from "@effect-smallest/core/Pcm"
import type { SpeechError } from "@effect-smallest/core/SpeechError"
import * as SpeechEvent from "@effect-smallest/core/SpeechEvent"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as Wav from "@effect-smallest/core/Wav"
import * as Captions from "@effect-smallest/stream/Captions"
import * as SpeechScript from "@effect-smallest/stream/SpeechScript"
import * as SpeechStream from "@effect-smallest/stream/SpeechStream"
import * as Ssml from "@effect-smallest/stream/Ssml"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type CliError, CommandFailure, UsageError } from "./CliError.js"
import * as Engine from "./Engine.js"
import * as EvenLoudness from "./internal/evenLoudness.js"
import * as Help from "./internal/help.js"
import * as Input from "./internal/input.js"
import * as Meter from "./internal/meter.js"
import * as PlaybackView from "./internal/playbackView.js"
import * as Player from "./internal/player.js"
import * as SpeechFlags from "./internal/speechFlags.js"
import * as Text from "./internal/text.js"
import * as WholeFile from "./internal/wholeFile.js"
import * as Stdio from "./Stdio.js"

const config = {
  text: Args.text({ name: "text" }).pipe(
    Args.withDescription("The text to speak, in quotes; if omitted, text is read from standard input"),
    Args.optional
  ),
  file: Options.text("file").pipe(
    Options.withPseudoName("FILE"),
    Options.withDescription("Speak a UTF-8 text file of any length; - is standard input, spoken as it is written"),
    Options.optional
  ),
  script: Options.text("script").pipe(
    Options.withPseudoName("FILE"),
    Options.withDescription("Speak a script with several voices, as in [kate] Hello. [pause 1s]; - is standard input"),
    Options.optional
  ),
  cast: Options.keyValueMap("cast").pipe(
    Options.withDescription("The voice of a speaker in --script, as in --cast Narrator=kate; may be repeated"),
    Options.optional
  ),
  ssml: Options.text("ssml").pipe(
    Options.withPseudoName("FILE"),
    Options.withDescription("Speak an SSML document; - is standard input"),
    Options.optional
  ),
  out: Options.text("out").pipe(
    Options.withAlias("o"),
    Options.withPseudoName("FILE"),
    Options.withDescription("Write WAV audio to this file (- for standard output). By default the audio is played"),
    Options.optional
  ),
  play: Options.boolean("play").pipe(Options.withDescription("Play it while it is being made, also with --out")),
  player: Player.option,
  raw: Options.boolean("raw").pipe(
    Options.withDescription("Write samples without a WAV header: signed 16 bits, little-endian, mono")
  ),
  loudness: Help.number("loudness", "LUFS from -70 to 0", (target) => target >= -70 && target <= 0).pipe(
    Options.withPseudoName("LUFS"),
    Options.withDescription(
      "Bring the speech to a loudness, such as -16, with no true peak over -1 dBTP; a file is evened as a whole"
    ),
    Options.optional
  ),
  captions: Options.text("captions").pipe(
    Options.withPseudoName("FILE"),
    Options.withDescription("Write captions too: a .vtt file with the time of each word, or .srt, .json or .lrc"),
    Options.optional
  ),
  engine: Engine.option,
  cache: Engine.cache,
  live: Options.boolean("live").pipe(
    Options.withDescription("Speak over the cloud's WebSocket: text goes out as it is written, word times come back")
  ),
  ...SpeechFlags.config
}

type Config = Command.Command.ParseConfig<typeof config>

// ----------------------------------------------------------------------------------------------------------------
// where the audio goes
// ----------------------------------------------------------------------------------------------------------------

interface Destination {
  /** How people call it. */
  readonly place: string
  readonly ifInterrupted: string
  readonly write: <E, R>(
    pcm: Stream.Stream<Pcm.PcmChunk, E, R>
  ) => Effect.Effect<
    Option.Option<AudioPlayer.PlaybackReport>,
    E | AudioFile.AudioFileError | AudioPlayer.PlaybackError | CommandFailure | Stdio.StdioError,
    R | AudioFile.AudioFile | FileSystem.FileSystem | Path.Path | Stdio.Stdio
  >
}

const notPlayed = Option.none<AudioPlayer.PlaybackReport>()

const encoded = /\.(mp3|ogg|oga|opus|flac|aac|m4a|mp4|wma|webm|aiff?|au|ulaw|ul|alaw|al|g711)$/i

const notAudio = /\.(vtt|srt|txt|json|jsonl|csv|md)$/i

const samples = /\.(pcm|raw|s16|s16le|sw)$/i

// A name that promises what is not in the file misleads every program after this one.
const misnamed = (name: string, isRaw: boolean): string | undefined =>
  encoded.test(name)
    ? `This command writes WAV (or samples, with --raw), not ${name}: name the file .wav, and convert it with ffmpeg or sox`
    : notAudio.test(name)
    ? `This command writes WAV (or samples, with --raw), and ${name} does not name audio: name the file .wav`
    : isRaw && /\.wave?$/i.test(name)
    ? `--raw writes samples without a header, and no player would understand ${name}: name the file .pcm, or omit --raw`
    : !isRaw && samples.test(name)
    ? `${name} is a name for samples without a header: add --raw, or name the file .wav`
    : undefined

const saveRaw = <E, R>(name: string, pcm: Stream.Stream<Pcm.PcmChunk, E, R>) =>
  Effect.scoped(Effect.gen(function*() {
    const file = yield* WholeFile.open(name)
    yield* Stream.runForEach(Pcm.toBytes(pcm), file.write)
    yield* file.publish
  }))

const saved = Effect.fnUntraced(function*(
  name: string,
  isRaw: boolean
): Effect.fn.Return<Destination, UsageError, Stdio.Stdio> {
  const { stdout } = yield* Stdio.Stdio
  if (name === "") {
    return yield* new UsageError({ description: "--out takes the name of a file, as in --out hello.wav" })
  }
  if (name === "-") {
    if (stdout.isTerminal) {
      return yield* new UsageError({
        description: "Audio would only garble this terminal: pipe it on, as in --out - | aplay, or add --out hello.wav"
      })
    }
    return {
      place: "Standard output",
      ifInterrupted: "Interrupted: the audio on standard output is not complete.",
      write: (pcm) =>
        Effect.as(
          Stream.runForEach(isRaw ? Pcm.toBytes(pcm) : Wav.encodeStream(pcm), stdout.write),
          notPlayed
        )
    }
  }
  const problem = misnamed(name, isRaw)
  if (problem !== undefined) return yield* new UsageError({ description: problem })
  return {
    place: name,
    ifInterrupted: `Interrupted: ${name} was not written.`,
    write: (pcm) =>
      isRaw
        ? Effect.as(saveRaw(name, pcm), notPlayed)
        : Effect.as(AudioFile.save(name, pcm), notPlayed)
  }
})

const orSave = (withoutPlayer: string) => <E>(error: E): E | CommandFailure =>
  error instanceof AudioPlayer.PlaybackError && error.reason === "NoPlayer" && error.player === undefined
    ? new CommandFailure({
      description: `${error.description}: install ffmpeg, mpv or alsa-utils, or ${withoutPlayer}`
    })
    : error

const heard = (player: Config["player"], view: PlaybackView.PlaybackView): Destination => ({
  place: "Played",
  ifInterrupted: "Interrupted.",
  write: (pcm) =>
    Player.play(pcm, { player, view }).pipe(
      Effect.mapError(orSave("add --out hello.wav to save the audio")),
      Effect.asSome
    )
})

// As much of the audio as one destination may be ahead of the other, in chunks.
const lag = 8

const both = (file: Destination, speaker: Destination, player: Config["player"]): Destination => ({
  place: `${file.place}, played`,
  ifInterrupted: file.ifInterrupted,
  write: (pcm) => {
    const write = Effect.scoped(Effect.gen(function*() {
      const [toFile, toSpeaker] = yield* Stream.broadcast(pcm, 2, lag)
      const playing = yield* Effect.forkScoped(Effect.exit(speaker.write(toSpeaker)))
      const played = Fiber.join(playing)
      // A player that breaks does not break the file: the rest is written without it.
      yield* Effect.forkScoped(
        Effect.flatMap(played, (exit) => Exit.isFailure(exit) ? Effect.exit(Stream.runDrain(toSpeaker)) : Effect.void)
      )
      // The file is complete when all of it has been heard: an interruption leaves none.
      yield* file.write(Stream.concat(toFile, Stream.execute(played)))
      return yield* Effect.flatten(played)
    }))
    // Playing nothing shows whether there is a player: before the text is sent.
    const check = Effect.mapError(Player.play(Stream.empty, { player }), orSave("only save the audio"))
    return Effect.zipRight(check, write)
  }
})

// Only what nobody hears and no program reads meanwhile can wait for all of the audio.
const evened = (write: Destination["write"], options: Config): Destination["write"] =>
  Option.match(options.loudness, {
    onNone: () => write,
    onSome: (target): Destination["write"] =>
      isPlayed(options) || Option.contains(options.out, "-")
        ? (pcm) => write(EvenLoudness.whileMade(pcm, target))
        : (pcm) => Effect.scoped(Effect.flatMap(EvenLoudness.onceMade(pcm, target), write))
  })

const isPlayed = ({ out, play, player }: Config): boolean => Option.isNone(out) || play || Option.isSome(player)

const destination = Effect.fnUntraced(function*(
  { out, player, raw }: Config,
  isPlayed: boolean,
  view: PlaybackView.PlaybackView
): Effect.fn.Return<Destination, UsageError, Stdio.Stdio> {
  const speaker = heard(player, view)
  if (Option.isNone(out)) {
    return raw
      ? yield* new UsageError({ description: "--raw is about what is written: add --out hello.pcm" })
      : speaker
  }
  const file = yield* saved(out.value, raw)
  return isPlayed ? both(file, speaker, player) : file
})

// ----------------------------------------------------------------------------------------------------------------
// captions
// ----------------------------------------------------------------------------------------------------------------

interface Captioning {
  readonly name: string
  readonly encode: <E, R>(cues: Stream.Stream<Captions.Cue, E, R>) => Stream.Stream<string, E, R>
}

const captioning = (name: string): Effect.Effect<Captioning, UsageError> =>
  /\.vtt$/i.test(name)
    ? Effect.succeed({ name, encode: Captions.webVttWords })
    : /\.srt$/i.test(name)
    ? Effect.succeed({ name, encode: Captions.srt })
    : /\.json$/i.test(name)
    ? Effect.succeed({ name, encode: Captions.json })
    : /\.lrc$/i.test(name)
    ? Effect.succeed({ name, encode: Captions.lrc })
    : new UsageError({ description: `--captions takes a file that ends in .json, .lrc, .vtt or .srt, not "${name}"` })

// Writes the audio by `write`, and captions beside it: they get their name once the audio is written.
const withCaptions = <E, R>(
  { encode, name }: Captioning,
  events: Stream.Stream<SpeechEvent.SpeechEvent, E, R>,
  write: Destination["write"]
) =>
  Effect.scoped(Effect.gen(function*() {
    const file = yield* WholeFile.open(name)
    const [toCaptions, toAudio] = yield* Stream.broadcast(events, 2, lag)
    const writeCaptions = Captions.cues(toCaptions).pipe(encode, Stream.encodeText, Stream.runForEach(file.write))
    const [written] = yield* Effect.all([write(SpeechEvent.pcm(toAudio)), writeCaptions], { concurrency: "unbounded" })
    yield* file.publish
    return written
  }))

// ----------------------------------------------------------------------------------------------------------------
// what is said
// ----------------------------------------------------------------------------------------------------------------

const nothingSpoken = new CommandFailure({ description: "The text is empty, or nothing in it can be spoken" })

interface Content {
  readonly length: Option.Option<number>
  readonly events: (
    options: SpeechOptions
  ) => Stream.Stream<SpeechEvent.SpeechEvent, Text.TextError | SpeechError, SpeechStream.SpeechStream>
}

const script = (parts: ReadonlyArray<SpeechScript.Part>): Content => ({
  length: Option.some(parts.reduce((sum, part) => "text" in part ? sum + part.text.length : sum, 0)),
  events: (options) => SpeechStream.scriptEvents(parts, options)
})

const wholeFile = (name: string) =>
  Effect.flatMap(
    Text.source({ text: Option.none(), file: Option.some(name) }),
    ({ pieces }) => Stream.mkString(pieces)
  )

const content = Effect.fnUntraced(function*(
  options: Config
): Effect.fn.Return<Content, Text.TextError, FileSystem.FileSystem | Stdio.Stdio> {
  const sources = [options.text, options.file, options.script, options.ssml].filter(Option.isSome)
  if (sources.length > 1 && Option.isSome(Option.orElse(options.script, () => options.ssml))) {
    return yield* new UsageError({ description: "Give one of these: the text, --file, --script or --ssml" })
  }
  if (Option.isSome(options.cast) && Option.isNone(options.script)) {
    return yield* new UsageError({ description: "--cast names the speakers of a script: add --script FILE" })
  }
  if (Option.isSome(options.script)) {
    const text = yield* wholeFile(options.script.value)
    const voices = Option.getOrUndefined(options.cast)
    const cast = voices === undefined
      ? undefined
      : Object.fromEntries(Array.from(HashMap.entries(voices), ([name, voice]) => [name, { voice }]))
    return script(SpeechScript.fromPlain(text, { cast }))
  }
  if (Option.isSome(options.ssml)) {
    const name = options.ssml.value
    const ssml = yield* wholeFile(name)
    const parts = yield* Either.mapLeft(
      Ssml.parse(ssml),
      ({ message }) => new CommandFailure({ description: `${Input.nameOf(name)}: ${message}` })
    )
    return script(parts)
  }
  const { length, pieces } = yield* Text.source(options)
  return { length, events: (options) => SpeechStream.events(pieces, options) }
})

// Its events, and a failure in place of silence.
const speech = (
  content: Content,
  options: SpeechOptions,
  meter: Meter.Meter
): Stream.Stream<
  SpeechEvent.SpeechEvent,
  Text.TextError | SpeechError | CommandFailure,
  SpeechStream.SpeechStream
> =>
  content.events(options).pipe(
    meter.count,
    Stream.tap(({ _tag }) =>
      _tag === "Completed"
        ? Effect.filterOrFail(meter.read, ({ firstAudio }) => Option.isSome(firstAudio), () => nothingSpoken)
        : Effect.void
    )
  )

const speak = Effect.fnUntraced(function*(
  options: Config
): Effect.fn.Return<void, CliError, Stdio.Stdio | FileSystem.FileSystem | Path.Path> {
  const view = yield* PlaybackView.make({ duration: Option.none() })
  const { ifInterrupted, place, write: writeAsSpoken } = yield* destination(options, isPlayed(options), view)
  const write = evened(writeAsSpoken, options)
  const captions = yield* Effect.transposeMapOption(options.captions, captioning)
  const spokenContent = yield* content(options)
  const { engine, lacksKey } = yield* Engine.choose(options.engine)
  if (options.live && engine !== "waves") {
    return yield* new UsageError({ description: "--live speaks through today's cloud only: add --engine waves" })
  }
  if (options.live && Option.isSome(options.cache)) {
    return yield* new UsageError({ description: "--cache keeps sentences, and --live speaks without them: omit one" })
  }
  const wanted = SpeechFlags.toSpeechOptions(options)

  yield* Effect.gen(function*() {
    const { defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
    const meter = yield* Meter.make
    const events = view.read(speech(spokenContent, wanted, meter))
    const spoken = Option.match(captions, {
      onNone: () => write(SpeechEvent.pcm(events)),
      onSome: (captions) => withCaptions(captions, events, write)
    })
    // What is played shows itself.
    const show = isPlayed(options) ? Effect.void : Meter.show(meter, spokenContent.length)
    const playback = yield* Effect.scoped(Effect.zipRight(show, spoken))
    // At the end, so that a failure is a single sentence.
    if (lacksKey) yield* Stdio.report(Engine.noKey)
    const voice = wanted.voice ?? defaults.voice ?? "the engine's own voice"
    yield* Stdio.report(Meter.summary(yield* meter.read, { place, voice, playback }))
  }).pipe(
    Effect.provide(Engine.layer(engine, { live: options.live, cache: options.cache, model: wanted.model })),
    Effect.onInterrupt(() => Stdio.report(ifInterrupted))
  )
})

/**
 * `effect-smallest speak`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("speak", config, speak).pipe(
  Command.withDescription("Speaks a text through the loudspeaker, into a WAV file, or onto standard output.")
)
