/**
 * The loudspeaker of a machine with Node: a player program that reads raw audio from a pipe.
 *
 * The first of `ffplay`, `mpv`, `aplay` and, for what it is worth, macOS' `afplay` that is installed plays. Audio is fed
 * as it is heard, with a small lead, so position, pause and stop are about what the listener hears and not about what
 * lies in a pipe.
 *
 * @since 0.1.0
 */
import * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Playhead from "@effect-smallest/core/Playhead"
import * as Wav from "@effect-smallest/core/Wav"
import * as NodeCommandExecutor from "@effect/platform-node/NodeCommandExecutor"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Array from "effect/Array"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import { launch, type PlayerProcess } from "./internal/playerProcess.js"
import { type PlayerProgram, programs } from "./internal/playerProgram.js"

/**
 * A program that plays.
 *
 * - `ffplay` (of ffmpeg) and `mpv`: report what has been heard; the best choice everywhere
 * - `aplay` (of alsa-utils, Linux): small; its position goes by the clock
 * - `afplay` (macOS): takes no stream, so the sound begins when all audio is there
 *
 * @since 0.1.0
 * @category models
 */
export type PlayerName = keyof typeof programs

/**
 * A player, and how to start it.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlayerOptions {
  readonly name: PlayerName
  /**
   * Where the program is: a path, or a name on the `PATH`.
   * @default the player's name
   */
  readonly executable?: string | undefined
  /** Arguments of your own, such as `["-D", "plughw:1"]` to name aplay's device. */
  readonly arguments?: ReadonlyArray<string> | undefined
  /** Environment variables of your own, such as `{ PULSE_SINK: "headset" }`. */
  readonly environment?: Record<string, string> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The player. Without it, the first of `ffplay`, `mpv`, `aplay`, `afplay` that is on the `PATH` at the time of the
   * playback.
   */
  readonly player?: PlayerName | PlayerOptions | undefined
  /**
   * How much audio is fed ahead of the listener, at least 100 ms: more survives longer stalls of the event loop.
   * @default "300 millis"
   */
  readonly bufferDuration?: Duration.DurationInput | undefined
}

const nameRule = LayerOptions.oneOf(...Object.keys(programs))

const playerRule = LayerOptions.options<PlayerOptions>({
  name: LayerOptions.required(nameRule),
  executable: LayerOptions.text,
  arguments: LayerOptions.list,
  environment: LayerOptions.record
})

const checkPlayer = LayerOptions.make<Options>("NodeAudioPlayer.layer", {
  player: (value, option) => (typeof value === "string" ? nameRule : playerRule)(value, option),
  bufferDuration: LayerOptions.duration
})

const inOrder: ReadonlyArray<PlayerName> = ["ffplay", "mpv", "aplay", "afplay"]

// ----------------------------------------------------------------------------------------------------------------
// finding a program
// ----------------------------------------------------------------------------------------------------------------

// What a spawned program would search, whatever the application's ConfigProvider is.
const searchPath = Effect.orElseSucceed(ConfigProvider.fromEnv().load(Config.string("PATH")), () => "")

const makeFind = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const isWindows = path.sep === "\\"

  const isExecutable = (file: string) =>
    fs.stat(file).pipe(
      Effect.map((info) => info.type === "File" && (isWindows || (info.mode & 0o111) !== 0)),
      // What cannot be looked at cannot be run.
      Effect.orElseSucceed(() => false)
    )

  return Effect.fnUntraced(function*(name: string) {
    const isName = path.basename(name) === name
    const directories = isName ? (yield* searchPath).split(isWindows ? ";" : ":").filter((entry) => entry !== "") : [""]
    const files = directories.flatMap((directory) => {
      const file = path.join(directory, name)
      return isWindows ? [`${file}.exe`, file] : [file]
    })
    return yield* Effect.findFirst(files, isExecutable)
  })
})

/**
 * The players that are on the `PATH`, the best first: the first of them plays if none is named.
 *
 * @since 0.1.0
 * @category constructors
 */
export const installed: Effect.Effect<ReadonlyArray<{ readonly name: PlayerName; readonly executable: string }>> =
  Effect.gen(function*() {
    const find = yield* makeFind
    const found = yield* Effect.forEach(
      inOrder,
      (name) => Effect.map(find(name), Option.map((executable) => ({ name, executable })))
    )
    return Array.getSomes(found)
  }).pipe(Effect.provide([NodeFileSystem.layer, NodePath.layer]))

const list = new Intl.ListFormat("en", { type: "conjunction" })

// ----------------------------------------------------------------------------------------------------------------
// service
// ----------------------------------------------------------------------------------------------------------------

/**
 * Creates the player from its parts, for programs that have them already. Most programs want {@link layer}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Options = {}): Effect.fn.Return<
  AudioPlayer.Service,
  never,
  CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path
> {
  const executor = yield* CommandExecutor.CommandExecutor
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const find = yield* makeFind
  checkPlayer(options)
  const lead = Duration.max(options.bufferDuration ?? "300 millis", "100 millis")

  const candidates: ReadonlyArray<PlayerOptions> = options.player === undefined
    ? inOrder.map((name) => ({ name }))
    : [typeof options.player === "string" ? { name: options.player } : options.player]

  const choose = Effect.gen(function*() {
    for (const player of candidates) {
      const file = yield* find(player.executable ?? player.name)
      if (Option.isSome(file)) return { file: file.value, player }
    }
    const names = list.format(candidates.map(({ executable, name }) => executable ?? name))
    return yield* new AudioPlayer.PlaybackError({
      reason: "NoPlayer",
      // The one that was asked for, if one was.
      player: options.player === undefined ? undefined : names,
      description: options.player === undefined
        ? `There is no audio player: none of ${names} is on the PATH`
        : `The audio player ${names} is not there`
    })
  })

  // Reads raw audio from a pipe.
  const piped = Effect.fnUntraced(function*(
    { file, player }: Effect.Effect.Success<typeof choose>,
    program: PlayerProgram,
    format: Pcm.PcmFormat
  ) {
    const playhead = yield* Playhead.make({ lead })
    const child = yield* launch({
      name: player.name,
      program,
      format,
      playhead,
      command: Command.make(file, ...program.arguments(format, player.arguments ?? [], "")).pipe(
        Command.env(player.environment ?? {})
      )
    })
    const tail = Pcm.silence(format, Duration.millis(program.tail))
    const output: AudioPlayer.Output = {
      write: (chunk) =>
        playhead.advance(Pcm.duration(chunk)).pipe(
          Effect.zipRight(child.send(chunk.bytes)),
          Effect.zipRight(program.position === undefined ? playhead.start : Effect.void)
        ),
      drain: child.send(tail.bytes).pipe(Effect.zipRight(child.end), Effect.zipRight(child.done)),
      pause: Effect.zipRight(child.pause, playhead.pause),
      resume: Effect.zipRight(playhead.resume, child.resume),
      position: playhead.position,
      underruns: playhead.underruns,
      started: playhead.started,
      broken: Effect.zipRight(child.done, Effect.never)
    }
    return output
  })

  const temporary = (name: string) => (error: PlatformError.PlatformError) =>
    new AudioPlayer.PlaybackError({
      reason: "PlayerFailed",
      player: name,
      description: `${name} plays files only, and a temporary one could not be written: ${error.message}`
    })

  // Plays a file, which has to be complete first.
  const filed = Effect.fnUntraced(function*(
    { file, player }: Effect.Effect.Success<typeof choose>,
    program: PlayerProgram,
    format: Pcm.PcmFormat
  ) {
    const playhead = yield* Playhead.make({ lead: Duration.infinity })
    const scope = yield* Effect.scope
    const resumed = yield* Effect.makeLatch(true)
    const child = yield* Ref.make(Option.none<PlayerProcess>())
    const directory = yield* Effect.mapError(fs.makeTempDirectoryScoped(), temporary(player.name))
    const wav = path.join(directory, "speech.wav")
    const audio = yield* Effect.mapError(fs.open(wav, { flag: "w" }), temporary(player.name))
    yield* Effect.mapError(audio.writeAll(Wav.header(format)), temporary(player.name))
    let length = 0

    const drain = Effect.gen(function*() {
      yield* Effect.mapError(
        // A longer header has no room; the first one says "until the end".
        length > Wav.maxDataLength
          ? Effect.void
          : Effect.zipRight(audio.seek(0, "start"), audio.writeAll(Wav.header(format, length))),
        temporary(player.name)
      )
      yield* resumed.await
      const launched = yield* launch({
        name: player.name,
        program,
        format,
        playhead,
        command: Command.make(file, ...program.arguments(format, player.arguments ?? [], wav)).pipe(
          Command.env(player.environment ?? {})
        )
      }).pipe(Scope.extend(scope), Effect.provideService(CommandExecutor.CommandExecutor, executor))
      yield* Ref.set(child, Option.some(launched))
      yield* playhead.start
      yield* launched.end
      yield* launched.done
    })
    const signalled = (f: (child: PlayerProcess) => Effect.Effect<void>) =>
      Effect.flatMap(Ref.get(child), Option.match({ onNone: () => Effect.void, onSome: f }))

    const output: AudioPlayer.Output = {
      write: (chunk) =>
        Effect.suspend(() => {
          length += chunk.bytes.length
          return Effect.mapError(audio.writeAll(chunk.bytes), temporary(player.name))
        }).pipe(Effect.zipLeft(playhead.advance(Pcm.duration(chunk)))),
      drain,
      pause: Effect.all([resumed.close, playhead.pause, signalled((child) => child.pause)], { discard: true }),
      resume: Effect.all([playhead.resume, resumed.open, signalled((child) => child.resume)], { discard: true }),
      position: playhead.position,
      underruns: playhead.underruns,
      started: playhead.started,
      broken: Effect.never
    }
    return output
  })

  return AudioPlayer.make(Effect.map(choose, (chosen): AudioPlayer.Device => {
    const program: PlayerProgram = programs[chosen.player.name]
    const open = program.input === "pipe" ? piped : filed
    return {
      name: chosen.player.name,
      open: (format) => Effect.provideService(open(chosen, program, format), CommandExecutor.CommandExecutor, executor)
    }
  }))
})

/**
 * Plays through a player program.
 *
 * A program that is missing fails the start with `NoPlayer`, before the stream is run. One that dies, closes its pipe or
 * makes no sound fails the playback with `PlayerFailed` and what it printed. The program is killed at once when the
 * playback is stopped or interrupted, and also when this process is killed.
 *
 * @example
 * ```ts
 * import { AudioPlayer, SpeechSynthesizer } from "@effect-smallest/core"
 * import { NodeAudioPlayer, NodeSpeech } from "@effect-smallest/platform-node"
 * import { Effect } from "effect"
 *
 * const program = SpeechSynthesizer.stream({ text: "Hello." }).pipe(
 *   AudioPlayer.play,
 *   Effect.provide(NodeAudioPlayer.layer({ player: "mpv" })),
 *   Effect.provide(NodeSpeech.layerWavesConfig())
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<AudioPlayer.AudioPlayer> =>
  Layer.effect(AudioPlayer.AudioPlayer, make(options)).pipe(
    Layer.provide(NodeCommandExecutor.layer),
    Layer.provide([NodeFileSystem.layer, NodePath.layer])
  )
