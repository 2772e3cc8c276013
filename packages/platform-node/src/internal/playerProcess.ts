import * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import type * as Pcm from "@effect-smallest/core/Pcm"
import type * as Playhead from "@effect-smallest/core/Playhead"
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import type * as PlatformError from "@effect/platform/Error"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { isRefusal, type PlayerProgram } from "./playerProgram.js"

/** @internal */
export interface PlayerProcess {
  /** Hands over bytes; waits while the pipe is full. */
  readonly send: (bytes: Uint8Array) => Effect.Effect<void>
  /** There will be no more bytes. */
  readonly end: Effect.Effect<void>
  /** Waits until the program is done, well or not. */
  readonly done: Effect.Effect<void, AudioPlayer.PlaybackError>
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

/** @internal */
export interface Options {
  readonly name: string
  readonly program: PlayerProgram
  readonly command: Command.Command
  readonly format: Pcm.PcmFormat
  readonly playhead: Playhead.Playhead
}

// A player that has audio and makes no sound for so long never will.
const startLimit = Duration.seconds(10)

const keptLines = 20

// Lines as a terminal shows them: a status line ends in a carriage return and is full of control sequences.
const lines = (output: Stream.Stream<Uint8Array, PlatformError.PlatformError>) =>
  output.pipe(
    Stream.decodeText(),
    Stream.concat(Stream.make("\n")),
    Stream.mapAccum("", (left, text) => {
      const parts = (left + text).split(/[\r\n]/)
      return [parts[parts.length - 1] ?? "", parts.slice(0, -1)]
    }),
    Stream.flattenIterables,
    // oxlint-disable-next-line no-control-regex
    Stream.map((line) => line.replace(/\u001b\[[\d;]*[A-Za-z]/g, "").trim()),
    Stream.filter((line) => line !== "")
  )

// Kills the player when this process is killed itself: a paused player would stay for ever. Without a shell, as
// on Windows, nothing guards the player, and it ends with its pipe.
const guard = (executor: CommandExecutor.CommandExecutor, player: CommandExecutor.Process) =>
  Effect.option(executor.start(Command.make("sh", "-c", "read -r _; kill -KILL \"-$0\"", String(player.pid))))

// Fails when the process died by itself in this moment, and then there is nothing to do.
const kill = (process: CommandExecutor.Process) =>
  Effect.whenEffect(process.kill("SIGKILL"), process.isRunning).pipe(
    Effect.interruptible,
    Effect.timeoutOption("1 second"),
    Effect.ignore
  )

interface Ending {
  readonly isSuccess: boolean
  readonly what: string
  /** Whether what the program printed may be the reason. */
  readonly isOwn: boolean
}

/** @internal */
export const launch = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<
  PlayerProcess,
  AudioPlayer.PlaybackError,
  CommandExecutor.CommandExecutor | Scope.Scope
> {
  const { command, format, name, playhead, program } = options
  const executor = yield* CommandExecutor.CommandExecutor
  const printed: Array<string> = []
  let isSounding = program.position === undefined
  let isEnded = false
  let isPaused = false

  const child = yield* executor.start(command).pipe(
    // The executor asks politely and waits: a player that does not listen would never end.
    Effect.tap((child) => Effect.addFinalizer(() => kill(child))),
    Effect.uninterruptible,
    Effect.mapError((error) =>
      new AudioPlayer.PlaybackError({
        reason: "PlayerFailed",
        player: name,
        description: `${name} could not be started: ${error.message}`
      })
    )
  )
  const guardian = yield* guard(executor, child)

  const audio = yield* Mailbox.make<Uint8Array>({ capacity: 1 })
  const begun = yield* Deferred.make<void>()
  const pipeClosed = yield* Deferred.make<void>()
  const done = yield* Deferred.make<void, AudioPlayer.PlaybackError>()

  const fail = Effect.fnUntraced(function*(what: string, isOwn: boolean = true) {
    const output = printed.join("\n")
    const said = isOwn ? printed.slice(-2).join("; ").replace(/\.$/, "") : ""
    const isRefused = isOwn && isRefusal(output)
    const event = isRefused
      ? `${name} refused ${format.sampleRate} Hz with ${format.channels} ${
        format.channels === 1 ? "channel" : "channels"
      }`
      : `${name} ${what}`
    const error = new AudioPlayer.PlaybackError({
      reason: isRefused ? "UnsupportedFormat" : "PlayerFailed",
      player: name,
      description: said === "" ? event : `${event}: ${said}`,
      output: output === "" ? undefined : output
    })
    yield* Deferred.fail(done, error)
  })

  const afterSound = Effect.map(
    playhead.position,
    (heard) => isSounding ? ` after ${Duration.toSeconds(heard).toFixed(1)} seconds of sound` : ""
  )

  // The sink waits for the pipe between two items of a chunk only: an empty second item makes it wait after each. That
  // the pipe broke says nothing new: the end of the player says why.
  yield* Mailbox.toStream(audio).pipe(
    Stream.mapChunks(Chunk.flatMap((bytes) => Chunk.make(bytes, new Uint8Array(0)))),
    Stream.run(child.stdin),
    Effect.catchAll(() => Deferred.succeed(pipeClosed, undefined)),
    Effect.forkScoped
  )

  const hear = (line: string): Effect.Effect<void> => {
    const position = program.position?.(line)
    if (position !== undefined) {
      if (Number.isNaN(position)) return Effect.void
      isSounding = true
      return playhead.report(Duration.seconds(Math.max(0, position)))
    }
    printed.push(line)
    if (printed.length > keptLines) printed.shift()
    return Effect.void
  }
  const listener = yield* Stream.merge(lines(child.stderr), lines(child.stdout)).pipe(
    Stream.runForEach(hear),
    Effect.forkScoped
  )

  const exit: Effect.Effect<Ending> = Effect.match(child.exitCode, {
    onSuccess: (code) => ({ isSuccess: code === 0, isOwn: true, what: `ended with code ${code}` }),
    onFailure: (error) => ({
      isSuccess: false,
      isOwn: false,
      what: `was killed by ${/SIG\w+/.exec(error.message)?.[0] ?? "a signal"}`
    })
  })
  const closed: Effect.Effect<Ending> = Effect.zipRight(
    Deferred.await(pipeClosed),
    Effect.succeed({ isSuccess: false, isOwn: true, what: "closed its input" }).pipe(Effect.delay("500 millis"))
  )
  yield* Effect.raceFirst(exit, closed).pipe(
    // The last that the program printed may still be on its way.
    Effect.zipLeft(Effect.timeoutOption(Fiber.await(listener), "200 millis")),
    Effect.flatMap(({ isOwn, isSuccess, what }) => {
      // ffplay calls it success when it could not open the device. Very short audio may be over before the first status.
      const isPlayed = isSuccess && isEnded && (isSounding || printed.length === 0)
      return isPlayed
        ? Effect.all([playhead.start, playhead.finish, Deferred.succeed(done, undefined)], { discard: true })
        : Effect.flatMap(afterSound, (after) => fail(isSuccess && !isSounding ? "made no sound" : what + after, isOwn))
    }),
    Effect.forkScoped
  )

  if (program.position !== undefined) {
    const soundless: Effect.Effect<void> = Effect.flatMap(
      Effect.timeoutOption(playhead.started, startLimit),
      Option.match({
        onSome: () => Effect.void,
        onNone: () =>
          Effect.suspend(() =>
            isPaused ? soundless : fail(`made no sound for ${Duration.toSeconds(startLimit)} seconds`)
          )
      })
    )
    yield* Effect.forkScoped(Effect.zipRight(Deferred.await(begun), soundless))
  }

  // Added last, so it is first: whatever is above ends by itself once the player is dead, and writes to no broken pipe.
  yield* Effect.addFinalizer(() =>
    Effect.forEach([child, ...Option.toArray(guardian)], kill, { concurrency: "unbounded", discard: true })
  )

  // The whole group, because the player may be a script that starts the real one. A player that is gone cannot be
  // paused, and Windows has no such signals: there the sound ends with what was fed ahead.
  const signal = (name: "SIGSTOP" | "SIGCONT") =>
    Effect.ignore(Effect.try(() => process.kill(-Number(child.pid), name)))

  return {
    send: (bytes) => Effect.zipRight(Deferred.succeed(begun, undefined), audio.offer(bytes)),
    end: Effect.suspend(() => {
      isEnded = true
      return audio.end
    }),
    done: Deferred.await(done),
    pause: Effect.suspend(() => {
      isPaused = true
      return signal("SIGSTOP")
    }),
    resume: Effect.suspend(() => {
      isPaused = false
      return signal("SIGCONT")
    })
  }
})
