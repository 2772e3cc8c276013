import { AudioPlayer, Pcm } from "@effect-smallest/core"
import { NodeAudioPlayer } from "@effect-smallest/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  ConfigProvider,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Option,
  type Scope,
  Stream,
  TestClock
} from "effect"
import { spawn, spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const isInstalled = (name: string) => spawnSync(name, ["--version"]).error === undefined
const noFfplay = !isInstalled("ffplay")
const noAplay = !isInstalled("aplay")
if (noFfplay && process.env.CI === "true") throw new Error("CI needs ffplay: apt-get install ffmpeg")
if (noFfplay) console.warn("ffplay is not installed: tests with real playback are skipped")

// Plays in real time without a sound card.
const dummy = { SDL_AUDIODRIVER: "dummy" }

const format = Pcm.format(24000)

const audio = (duration: Duration.DurationInput): Stream.Stream<Pcm.PcmChunk> =>
  Stream.fromIterable(Array.from(
    { length: Math.ceil(Duration.toMillis(duration) / 100) },
    () => Pcm.fromSamples(format, new Int16Array(2400).fill(1000))
  )).pipe(Stream.rechunk(1))

const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "node-audio-player-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** A program of our own that tells its process id before it becomes what `lines` say. */
const script = (...lines: ReadonlyArray<string>) =>
  Effect.map(folder, (path) => {
    const executable = join(path, "player")
    const pidFile = join(path, "pid")
    writeFileSync(executable, ["#!/bin/sh", `echo $$ > '${pidFile}'`, ...lines, ""].join("\n"))
    chmodSync(executable, 0o755)
    return { executable, path, pid: () => Number(readFileSync(pidFile, "utf8")) }
  })

const onPath = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = process.env.PATH
      process.env.PATH = path
      return before
    }),
    (before) =>
      Effect.sync(() => {
        process.env.PATH = before
      })
  )

const realFfplay = script("exec ffplay \"$@\"")

/** Whether a process runs. One that is dead but not yet reaped by its new parent does not. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !existsSync("/proc") || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

/** Processes of this one that have not been reaped. */
const children = (): ReadonlyArray<string> =>
  existsSync("/proc")
    ? readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
        const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
        return Number(parent) === process.pid ? [stat.slice(0, stat.lastIndexOf(")") + 1)] : []
      } catch {
        return []
      }
    })
    : []

/** A test that must leave no process behind. */
const nothingIsLeft = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = children()
    const result = yield* Effect.exit(Effect.scoped(body))
    assert.deepStrictEqual(children().filter((child) => !before.includes(child)), [], "processes left behind")
    return yield* result
  })

const playing = (playback: AudioPlayer.Playback<unknown>, millis: number) =>
  Effect.delay(playback.position, "10 millis").pipe(
    Effect.repeat({ until: (heard) => Duration.toMillis(heard) >= millis })
  )

describe("NodeAudioPlayer", () => {
  describe("choosing a player", () => {
    it.scopedLive.skipIf(noFfplay)("no option - the first on the PATH plays", () =>
      Effect.gen(function*() {
        const path = yield* folder
        writeFileSync(join(path, "mpv"), "#!/bin/sh\nexit 1\n", { mode: 0o755 })
        // On a machine of tests, the real one would look for a sound card.
        const real = `PATH='${process.env.PATH}' SDL_AUDIODRIVER=dummy exec ffplay "$@"`
        writeFileSync(join(path, "ffplay"), `#!/bin/sh\n${real}\n`, { mode: 0o755 })
        yield* onPath(path)
        const report = yield* AudioPlayer.play(audio("200 millis")).pipe(Effect.provide(NodeAudioPlayer.layer()))
        assert.strictEqual(report.player, "ffplay")
        assert.strictEqual(report.outcome, "completed")
      }))

    it.scopedLive("no player - NoPlayer says what to install, and the stream is not run", () =>
      Effect.gen(function*() {
        yield* onPath(yield* folder)
        let wasRun = false
        const stream = Stream.tap(audio("1 second"), () => Effect.sync(() => wasRun = true))
        const error = yield* Effect.flip(AudioPlayer.play(stream).pipe(Effect.provide(NodeAudioPlayer.layer())))
        assert.strictEqual(error.reason, "NoPlayer")
        assert.strictEqual(
          error.message,
          "There is no audio player: none of ffplay, mpv, aplay, and afplay is on the PATH. " +
            "In Node, install ffmpeg, mpv or alsa-utils; anywhere, save the audio to a file instead."
        )
        assert.isFalse(wasRun)
      }))

    it.scopedLive("a named player that is missing - NoPlayer, and no other is taken", () =>
      Effect.gen(function*() {
        const layer = NodeAudioPlayer.layer({ player: { name: "mpv", executable: "/nowhere/mpv" } })
        const error = yield* Effect.flip(AudioPlayer.play(audio("1 second")).pipe(Effect.provide(layer)))
        assert.strictEqual(error.reason, "NoPlayer")
        assert.include(error.message, "The audio player /nowhere/mpv is not there.")
      }))

    it.scopedLive.skipIf(noFfplay)(
      "the PATH is the process's, whatever the ConfigProvider says",
      () =>
        Effect.gen(function*() {
          const layer = NodeAudioPlayer.layer({ player: { name: "ffplay", environment: dummy } })
          const report = yield* AudioPlayer.play(audio("100 millis")).pipe(
            Effect.provide(layer),
            Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))
          )
          assert.strictEqual(report.outcome, "completed")
        })
    )
  })

  describe("a player that fails", () => {
    it.scopedLive.skipIf(noFfplay)(
      "killed in mid-sentence - PlayerFailed tells when",
      () =>
        nothingIsLeft(Effect.gen(function*() {
          const { executable, pid } = yield* realFfplay
          const layer = NodeAudioPlayer.layer({ player: { name: "ffplay", executable, environment: dummy } })
          const released = yield* Deferred.make<void>()
          const playback = yield* AudioPlayer.start(
            Stream.ensuring(audio("10 seconds"), Deferred.succeed(released, undefined))
          ).pipe(Effect.provide(layer))
          yield* playing(playback, 300)
          process.kill(pid(), "SIGKILL")
          const error = yield* Effect.flip(playback.await)
          assert.strictEqual(error.reason, "PlayerFailed")
          assert.strictEqual(error.player, "ffplay")
          assert.match(
            error.message,
            /^ffplay was killed by SIGKILL after \d\.\d seconds of sound\. Check that the machine has a working sound device/
          )
          assert.isTrue(yield* Deferred.isDone(released), "the stream was let go")
          assert.strictEqual((yield* playback.stop).outcome, "failed")
        }))
    )

    it.scopedLive.skipIf(noFfplay)(
      "killed while the stream is silent - is noticed without a write",
      () =>
        nothingIsLeft(Effect.gen(function*() {
          const { executable, pid } = yield* realFfplay
          const layer = NodeAudioPlayer.layer({ player: { name: "ffplay", executable, environment: dummy } })
          const playback = yield* AudioPlayer.start(Stream.concat(audio("200 millis"), Stream.never)).pipe(
            Effect.provide(layer)
          )
          yield* playing(playback, 50)
          process.kill(pid(), "SIGTERM")
          const error = yield* Effect.flip(playback.await)
          assert.strictEqual(error.reason, "PlayerFailed")
          assert.match(
            error.message,
            /^ffplay (was killed by SIGTERM|ended with code 123) after \d\.\d seconds of sound/
          )
        }))
    )

    it.scopedLive.skipIf(noFfplay)(
      "no sound device - PlayerFailed with what the player printed",
      () =>
        nothingIsLeft(Effect.gen(function*() {
          const layer = NodeAudioPlayer.layer({
            player: { name: "ffplay", environment: { SDL_AUDIODRIVER: "nonsense" } }
          })
          for (const duration of ["100 millis", "3 seconds"] as const) {
            const error = yield* Effect.flip(AudioPlayer.play(audio(duration)).pipe(Effect.provide(layer)))
            assert.strictEqual(error.reason, "PlayerFailed")
            assert.include(error.message, "Audio target 'nonsense' not available")
            assert.include(error.output ?? "", "Audio target 'nonsense' not available")
          }
        }))
    )

    it.scopedLive("success after nothing was played - is no success", () =>
      nothingIsLeft(Effect.gen(function*() {
        const { executable } = yield* script("printf 'No device' >&2", "cat > /dev/null", "exit 0")
        const layer = NodeAudioPlayer.layer({ player: { name: "ffplay", executable } })
        const error = yield* Effect.flip(AudioPlayer.play(audio("200 millis")).pipe(Effect.provide(layer)))
        assert.strictEqual(error.reason, "PlayerFailed")
        assert.include(error.message, "ffplay made no sound: No device.")
      })))

    it.scopedLive("an early success - is no success", () =>
      nothingIsLeft(Effect.gen(function*() {
        const { executable } = yield* script("head -c 1000 > /dev/null", "exit 0")
        const layer = NodeAudioPlayer.layer({ player: { name: "aplay", executable } })
        const error = yield* Effect.flip(AudioPlayer.play(audio("10 seconds")).pipe(Effect.provide(layer)))
        assert.strictEqual(error.reason, "PlayerFailed")
        assert.include(error.message, "aplay ended with code 0 after")
      })))

    it.scopedLive("a closed pipe - is an error, not a crash", () =>
      nothingIsLeft(Effect.gen(function*() {
        const { executable, pid } = yield* script("exec 0<&-", "exec sleep 60")
        const layer = NodeAudioPlayer.layer({ player: { name: "aplay", executable } })
        const error = yield* Effect.flip(AudioPlayer.play(audio("10 seconds")).pipe(Effect.provide(layer)))
        assert.strictEqual(error.reason, "PlayerFailed")
        assert.include(error.message, "aplay closed its input after")
        assert.isFalse(isAlive(pid()))
      })))

    it.scopedLive("a file that is no program - PlayerFailed", () =>
      nothingIsLeft(Effect.gen(function*() {
        const { executable } = yield* script()
        writeFileSync(executable, "#!/nowhere/sh\n", { mode: 0o755 })
        const layer = NodeAudioPlayer.layer({ player: { name: "mpv", executable } })
        const error = yield* Effect.flip(AudioPlayer.play(audio("1 second")).pipe(Effect.provide(layer)))
        assert.strictEqual(error.reason, "PlayerFailed")
        assert.include(error.message, "mpv could not be started")
      })))

    it.scopedLive.skipIf(noAplay)(
      "a format that the player refuses - UnsupportedFormat",
      () =>
        nothingIsLeft(Effect.gen(function*() {
          const layer = NodeAudioPlayer.layer({ player: { name: "aplay", arguments: ["-D", "null"] } })
          const strange = Pcm.silence(Pcm.format(24000, 1000), "1 second")
          const error = yield* Effect.flip(AudioPlayer.play(Stream.make(strange)).pipe(Effect.provide(layer)))
          assert.strictEqual(error.reason, "UnsupportedFormat")
          assert.include(error.message, "aplay refused 24000 Hz with 1000 channels: ")
          assert.include(error.message, "Change the audio with Pcm.resample, or choose another player.")
        }))
    )

    it.scopedLive.skipIf(noFfplay)(
      "a format that ffplay refuses - UnsupportedFormat",
      () =>
        nothingIsLeft(Effect.gen(function*() {
          const layer = NodeAudioPlayer.layer({ player: { name: "ffplay", environment: dummy } })
          const strange = Pcm.silence(Pcm.format(2 ** 31, 1), "1 nano")
          const chunk = { format: strange.format, bytes: new Uint8Array(20000) }
          const error = yield* Effect.flip(AudioPlayer.play(Stream.make(chunk)).pipe(Effect.provide(layer)))
          assert.strictEqual(error.reason, "UnsupportedFormat")
          assert.include(error.message, "ffplay refused 2147483648 Hz with 1 channel: ")
        }))
    )

    it.scoped("a player that never makes a sound - is given up", () =>
      nothingIsLeft(Effect.gen(function*() {
        const { executable } = yield* script("cat > /dev/null")
        const layer = NodeAudioPlayer.layer({ player: { name: "mpv", executable } })
        const written = yield* Deferred.make<void>()
        const stream = Stream.concat(
          audio("200 millis"),
          Stream.zipRight(Stream.fromEffect(Deferred.succeed(written, undefined)), Stream.never)
        )
        const fiber = yield* Effect.fork(Effect.flip(AudioPlayer.play(stream).pipe(Effect.provide(layer))))
        yield* Deferred.await(written)
        yield* TestClock.adjust("11 seconds")
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error._tag === "PlaybackError" ? error.reason : error, "PlayerFailed")
        assert.include(error.message, "mpv made no sound for 10 seconds")
      })))
  })

  describe("leaving nothing behind", () => {
    it.scopedLive.skipIf(noFfplay)(
      "interruption - kills a player that ignores SIGTERM, within 100 ms",
      () =>
        nothingIsLeft(Effect.gen(function*() {
          const { executable, pid } = yield* script(
            "trap '' TERM INT HUP",
            "exec 3<&0",
            "ffplay \"$@\" <&3 &",
            "wait",
            "sleep 60"
          )
          const layer = NodeAudioPlayer.layer({ player: { name: "ffplay", executable, environment: dummy } })
          const attempt = Effect.gen(function*() {
            const playback = yield* AudioPlayer.start(audio("10 seconds")).pipe(Effect.provide(layer))
            yield* playing(playback, 100)
            const fiber = yield* Effect.fork(playback.await)
            const [took] = yield* Effect.timed(playback.stop)
            yield* Fiber.join(fiber)
            assert.isFalse(isAlive(pid()))
            return Duration.toMillis(took)
          })
          const times = yield* Effect.replicateEffect(attempt, 5)
          assert.isAtMost(Math.min(...times), 100)
        })),
      { retry: 4 }
    )

    it.scopedLive.skipIf(noFfplay)(
      "interruption of a paused player - kills it",
      () =>
        nothingIsLeft(Effect.gen(function*() {
          const { executable, pid } = yield* realFfplay
          const layer = NodeAudioPlayer.layer({ player: { name: "ffplay", executable, environment: dummy } })
          yield* Effect.scoped(Effect.gen(function*() {
            const playback = yield* AudioPlayer.start(audio("10 seconds")).pipe(Effect.provide(layer))
            yield* playing(playback, 100)
            yield* playback.pause
          }))
          assert.isFalse(isAlive(pid()))
        }))
    )

    it.scopedLive("an interruption between two writes to a dead pipe - is no crash", () =>
      nothingIsLeft(Effect.gen(function*() {
        const uncaught: Array<unknown> = []
        const note = (error: unknown) => uncaught.push(error)
        process.on("uncaughtExceptionMonitor", note)
        yield* Effect.addFinalizer(() => Effect.sync(() => process.off("uncaughtExceptionMonitor", note)))
        const { executable } = yield* script("exec 0<&-", "exec sleep 60")
        const layer = NodeAudioPlayer.layer({ player: { name: "aplay", executable } })
        for (let i = 0; i < 20; i++) {
          const exit = yield* AudioPlayer.play(audio("10 seconds")).pipe(
            Effect.provide(layer),
            Effect.timeout(Duration.millis(2 + i)),
            Effect.exit
          )
          assert.isTrue(
            Exit.isFailure(exit) && Cause.isFailType(exit.cause) && Cause.isTimeoutException(exit.cause.error)
          )
        }
        yield* Effect.sleep("50 millis")
        assert.deepStrictEqual(uncaught, [])
      })))

    it.scopedLive.skipIf(noFfplay || !existsSync("/proc"))(
      "this process is killed - the player dies too, even when it is paused",
      () =>
        Effect.gen(function*() {
          const program = fileURLToPath(new URL("./fixtures/play.ts", import.meta.url))
          for (const mode of ["play", "pause"]) {
            const { executable, path, pid } = yield* realFfplay
            const parent = spawn(
              process.execPath,
              ["--import", "tsx", "--conditions=@effect-smallest/source", program, mode, executable],
              { cwd: dirname(program), env: { ...process.env, ...dummy }, stdio: "pipe" }
            )
            yield* Effect.addFinalizer(() => Effect.sync(() => parent.kill("SIGKILL")))
            yield* Effect.async<void>((resume) => {
              parent.stdout.once("data", () => resume(Effect.void))
            })
            const player = pid()
            assert.isTrue(isAlive(player))
            parent.kill("SIGKILL")
            yield* Effect.sleep("20 millis").pipe(
              Effect.repeat({ while: () => isAlive(player) }),
              Effect.timeoutFail({ duration: "2 seconds", onTimeout: () => `the player of ${path} lives on` })
            )
          }
        })
    )
  })

  describe("afplay", () => {
    // Stands for macOS' player, which takes the name of a finished file.
    const afplay = script("exec ffplay -nodisp -autoexit -loglevel error \"$@\"")

    it.scopedLive.skipIf(noFfplay)(
      "a file - is played, paused, and removed",
      () =>
        nothingIsLeft(Effect.gen(function*() {
          const { executable, path } = yield* afplay
          const recorded = join(path, "device.raw")
          const environment = { SDL_AUDIODRIVER: "disk", SDL_DISKAUDIOFILE: recorded }
          const layer = NodeAudioPlayer.layer({ player: { name: "afplay", executable, environment } })
          const playback = yield* AudioPlayer.start(audio("1 second")).pipe(Effect.provide(layer))
          yield* playing(playback, 300)
          yield* playback.pause
          const paused = yield* playback.position
          yield* Effect.sleep("300 millis")
          assert.deepStrictEqual(yield* playback.position, paused)
          yield* playback.resume
          const report = yield* playback.await
          assert.strictEqual(report.outcome, "completed")
          assert.strictEqual(Duration.toMillis(report.heard), 1000)
          assert.isTrue(Option.isSome(report.firstAudio))
          const heard = Pcm.samples(Pcm.unsafeMake(format, readFileSync(recorded))).filter((sample) => sample !== 0)
          assert.isAtLeast(heard.length, 22000, "samples that reached the device")
          assert.isTrue(heard.every((sample) => sample === 1000))
        }))
    )

    it.scopedLive.skipIf(noFfplay)(
      "a failure of the stream - comes after what was due",
      () =>
        nothingIsLeft(Effect.gen(function*() {
          const { executable } = yield* afplay
          const layer = NodeAudioPlayer.layer({ player: { name: "afplay", executable, environment: dummy } })
          const error = yield* Effect.flip(
            AudioPlayer.play(Stream.concat(audio("300 millis"), Stream.fail("no more"))).pipe(Effect.provide(layer))
          )
          assert.strictEqual(error, "no more")
        }))
    )

    it.scopedLive("a player that fails - PlayerFailed", () =>
      nothingIsLeft(Effect.gen(function*() {
        const { executable } = yield* script("echo 'Error: AudioQueueStart failed' >&2", "exit 1")
        const layer = NodeAudioPlayer.layer({ player: { name: "afplay", executable } })
        const error = yield* Effect.flip(AudioPlayer.play(audio("300 millis")).pipe(Effect.provide(layer)))
        assert.strictEqual(error.reason, "PlayerFailed")
        assert.include(
          error.message,
          "afplay ended with code 1 after 0.0 seconds of sound: Error: AudioQueueStart failed."
        )
      })))
  })

  describe("position", () => {
    it.scopedLive.skipIf(noFfplay)("is what the device was given", () =>
      Effect.gen(function*() {
        const recorded = join(yield* folder, "device.raw")
        const environment = { SDL_AUDIODRIVER: "disk", SDL_DISKAUDIOFILE: recorded }
        const layer = NodeAudioPlayer.layer({ player: { name: "ffplay", environment } })
        const attempt = Effect.gen(function*() {
          const playback = yield* AudioPlayer.start(audio("10 seconds")).pipe(Effect.provide(layer))
          yield* playing(playback, 1000)
          yield* playback.pause
          const position = Duration.toMillis(yield* playback.position)
          // Part of the last samples may still be in a buffer of the driver.
          const given = Pcm.samples(Pcm.unsafeMake(format, readFileSync(recorded))).filter((sample) => sample !== 0)
          yield* playback.stop
          return Math.abs(position - given.length / 24)
        })
        const deviations = yield* Effect.replicateEffect(attempt, 3)
        assert.isAtMost(Math.min(...deviations), 100, deviations.join())
      }), { retry: 4 })
  })

  describe("bufferDuration", () => {
    it.scopedLive.skipIf(noFfplay)(
      "is how far ahead of the listener the stream is taken",
      () =>
        Effect.gen(function*() {
          for (const bufferDuration of [100, 1000]) {
            const layer = NodeAudioPlayer.layer({
              player: { name: "ffplay", environment: dummy },
              bufferDuration: Duration.millis(bufferDuration)
            })
            let taken = 0
            const pieces = Stream.range(0, 1000).pipe(
              Stream.rechunk(1),
              Stream.map(() => Pcm.silence(format, "20 millis")),
              Stream.tap(() => Effect.sync(() => taken += 20))
            )
            const playback = yield* AudioPlayer.start(pieces).pipe(Effect.provide(layer))
            yield* playing(playback, 400)
            const ahead = taken - Duration.toMillis(yield* playback.position)
            yield* playback.stop
            assert.isAtMost(ahead, bufferDuration + 100)
            // A busy machine may be behind.
            assert.isAtLeast(ahead, bufferDuration / 2 - 50)
          }
        }),
      { retry: 4 }
    )
  })
})
