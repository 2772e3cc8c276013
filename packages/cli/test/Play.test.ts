import { Pcm, PcmStream, Wav } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Either, type Scope, Stream } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { folder, main, type Outcome, run, start } from "./command.js"
import { answerEvents, server, tone } from "./server.js"

const noFfplay = spawnSync("ffplay", ["-version"]).error !== undefined
if (noFfplay && process.env["CI"] === "true") throw new Error("CI needs ffplay: apt-get install ffmpeg")
if (noFfplay) console.warn("ffplay is not installed: tests of playback are skipped")

const key = "sk_of_the_tests"

// Plays in real time without a sound card; `recording` keeps what was heard.
const dummy = { SDL_AUDIODRIVER: "dummy" }

const recording = (cwd: string) => ({ SDL_AUDIODRIVER: "disk", SDL_DISKAUDIOFILE: join(cwd, "device.raw") })

const heard = (cwd: string): Int16Array =>
  Pcm.samples(Pcm.unsafeMake(Pcm.format(24000), readFileSync(join(cwd, "device.raw")))).filter((sample) => sample !== 0)

const sounding = (pcm: Uint8Array): Int16Array =>
  Pcm.samples(Pcm.unsafeMake(Pcm.format(24000), new Uint8Array(pcm))).filter((sample) => sample !== 0)

/** What the command makes of a segment: its edges are faded. */
const spoken = (pcm: Uint8Array): Uint8Array => {
  const chunk = Pcm.unsafeMake(Pcm.format(24000), new Uint8Array(pcm))
  const faded = Effect.runSync(Stream.runCollect(PcmStream.fade(Stream.make(chunk), "2 millis")))
  return Pcm.concatBytes(Array.from(faded, ({ bytes }) => bytes))
}

const wavFile = (cwd: string, name: string, duration: Duration.DurationInput): string => {
  const pcm = tone(Duration.toSeconds(duration))
  const header = Wav.header(Pcm.format(24000), pcm.length)
  writeFileSync(join(cwd, name), Buffer.concat([header, pcm]))
  return name
}

const cloud = (seconds: number) =>
  Effect.map(server(answerEvents(tone(seconds))), ({ requests, url }) => ({
    requests,
    env: { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url }
  }))

/** Puts a program named `player` in front of the PATH. It tells its process id before it becomes what `lines` say. */
const playerOnPath = (cwd: string, ...lines: ReadonlyArray<string>) => {
  const bin = join(cwd, "bin")
  const pidFile = join(bin, "pid")
  mkdirSync(bin)
  const PATH = process.env["PATH"] ?? ""
  writeFileSync(
    join(bin, "ffplay"),
    ["#!/bin/sh", `echo $$ > '${pidFile}.new' && mv '${pidFile}.new' '${pidFile}'`, `PATH='${PATH}'`, ...lines, ""]
      .join("\n"),
    { mode: 0o755 }
  )
  return {
    env: { ...dummy, PATH: `${bin}${delimiter}${PATH}` },
    pid: () => Number(readFileSync(pidFile, "utf8"))
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !existsSync("/proc") || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

const assertFailure = ({ code, stderr, stdout }: Outcome, expected: number, message: RegExp) => {
  assert.strictEqual(code, expected, stderr)
  assert.match(stderr, message, stderr)
  assert.match(stderr, /^effect-smallest: [^\n]*\.\n$/)
  assert.strictEqual(stdout.length, 0)
}

/** Waits until the device has been given so many samples. */
const untilHeard = (cwd: string, samples: number) =>
  Effect.void.pipe(
    Effect.delay("20 millis"),
    Effect.repeat({
      until: () => existsSync(join(cwd, "device.raw")) && statSync(join(cwd, "device.raw")).size >= samples * 2
    })
  )

const inFolder = (body: (cwd: string) => Effect.Effect<void, never, Scope.Scope>) => () => Effect.flatMap(folder, body)

describe.skipIf(noFfplay)("speak, played", () => {
  it.scopedLive(
    "without --out - is heard to its last sample",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const { env } = yield* cloud(0.8)
        const { code, stderr, stdout } = yield* run(["speak", "Hello."], { cwd, env: { ...env, ...recording(cwd) } })
        assert.strictEqual(code, 0, stderr)
        assert.match(stderr, /^Played: 0\.80 s of speech by meher, first audio after [\d.]+ s(, .* late)?\n$/)
        assert.strictEqual(stdout.length, 0)
        assert.deepStrictEqual(heard(cwd), sounding(spoken(tone(0.8))))
        assert.deepStrictEqual(readdirSync(cwd), ["device.raw"])
      })
    )
  )

  it.scopedLive(
    "with --out and --play - is heard and saved",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const { env, requests } = yield* cloud(0.8)
        for (const flags of [["--play"], ["--player", "ffplay"]]) {
          const { code, stderr } = yield* run(["speak", "Hello.", "--out", "a.wav", ...flags], {
            cwd,
            env: { ...env, ...recording(cwd) }
          })
          assert.strictEqual(code, 0, stderr)
          assert.match(stderr, /^a\.wav, played: 0\.80 s of speech by meher, first audio after [\d.]+ s(, .* late)?\n$/)
          assert.deepStrictEqual(heard(cwd), sounding(spoken(tone(0.8))))
          const audio = Either.getOrThrow(Wav.decode(readFileSync(join(cwd, "a.wav"))))
          assert.deepStrictEqual(Buffer.from(audio.bytes), Buffer.from(spoken(tone(0.8))))
        }
        assert.lengthOf(requests, 2, "one request each")
      })
    )
  )

  it.scopedLive(
    "with --out alone - is not heard",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const { env } = yield* cloud(0.2)
        const { code } = yield* run(["speak", "Hello.", "--out", "a.wav"], { cwd, env: { ...env, ...recording(cwd) } })
        assert.strictEqual(code, 0)
        assert.deepStrictEqual(readdirSync(cwd), ["a.wav"])
      })
    )
  )

  it.scopedLive(
    "without a player - says what to install, and asks the cloud for nothing",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const { env, requests } = yield* cloud(0.2)
        const outcome = yield* run(["speak", "Hello."], { cwd, env: { ...env, PATH: cwd } })
        assertFailure(
          outcome,
          1,
          /There is no audio player: .*install ffmpeg, mpv or alsa-utils, or add --out hello\.wav/
        )
        const both = yield* run(["speak", "Hello.", "--play", "--out", "a.wav"], { cwd, env: { ...env, PATH: cwd } })
        assertFailure(both, 1, /There is no audio player: .*, or only save the audio\./)
        assert.deepStrictEqual(readdirSync(cwd), [])
        assert.deepStrictEqual(requests, [])
      })
    )
  )

  it.scopedLive(
    "with a player that has no sound device - one sentence",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const { env } = yield* cloud(2)
        const outcome = yield* run(["speak", "Hello."], { cwd, env: { ...env, SDL_AUDIODRIVER: "nonsense" } })
        assertFailure(
          outcome,
          1,
          /^effect-smallest: ffplay .*Audio target 'nonsense' not available.*working sound device.*--player/
        )
      })
    )
  )

  it.scopedLive(
    "with a player that refuses the format - one sentence",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const { env } = yield* cloud(2)
        const player = playerOnPath(
          cwd,
          "shift 10",
          "exec ffplay -f s16le -sample_rate 9999999999 -i pipe:0 -nodisp -loglevel error"
        )
        const outcome = yield* run(["speak", "Hello."], { cwd, env: { ...env, ...player.env } })
        assertFailure(outcome, 1, /^effect-smallest: ffplay refused 24000 Hz with 1 channel: .*--sample-rate/)
        assert.isFalse(isAlive(player.pid()))
      })
    )
  )

  it.scopedLive(
    "with a player that is killed in mid-sentence - one sentence, and the file is whole",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const { env } = yield* cloud(30)
        const player = playerOnPath(cwd, "exec ffplay \"$@\"")
        const { outcome } = yield* start(["speak", "Hello.", "--play", "--out", "a.wav"], {
          cwd,
          env: { ...env, ...player.env, ...recording(cwd) }
        })
        yield* untilHeard(cwd, 6000)
        process.kill(player.pid(), "SIGKILL")
        assertFailure(
          yield* outcome,
          1,
          /^effect-smallest: ffplay was killed by SIGKILL after \d\.\d seconds of sound\./
        )
        assert.deepStrictEqual(readdirSync(cwd).sort(), ["a.wav", "bin", "device.raw"])
        assert.strictEqual(readFileSync(join(cwd, "a.wav")).length, 44 + 30 * 48_000)
      })
    )
  )

  it.scopedLive(
    "interrupted - is silent within 100 ms, with the shell's exit code and nothing left behind",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const { env } = yield* cloud(30)
        const player = playerOnPath(cwd, "exec ffplay \"$@\"")
        const attempt = (signal: NodeJS.Signals, code: number, args: ReadonlyArray<string>, told: string) =>
          Effect.scoped(Effect.gen(function*() {
            const running = yield* start(["speak", "Hello.", ...args], {
              cwd,
              env: { ...env, ...player.env, ...recording(cwd) }
            })
            yield* untilHeard(cwd, 6000)
            const pid = player.pid()
            assert.isTrue(isAlive(pid))
            running.child.kill(signal)
            const [took] = yield* Effect.timed(
              Effect.void.pipe(Effect.delay("1 millis"), Effect.repeat({ while: () => isAlive(pid) }))
            )
            const outcome = yield* running.outcome
            assert.strictEqual(outcome.code, code, outcome.stderr)
            assert.strictEqual(outcome.stderr, told)
            writeFileSync(join(cwd, "device.raw"), "")
            return Duration.toMillis(took)
          }))
        const file = "Interrupted: a.wav was not written.\n"
        let fastest = yield* attempt("SIGTERM", 143, ["--play", "--out", "a.wav"], file)
        fastest = Math.min(fastest, yield* attempt("SIGINT", 130, ["--play", "--out", "a.wav"], file))
        // Tries again: a machine that is busy with something else must not fail the command.
        for (let tries = 0; tries === 0 || (tries < 4 && fastest > 100); tries++) {
          fastest = Math.min(fastest, yield* attempt("SIGINT", 130, [], "Interrupted.\n"))
        }
        assert.isAtMost(fastest, 100)
        assert.deepStrictEqual(readdirSync(cwd).sort(), ["bin", "device.raw"])
      })
    ),
    120_000
  )

  it.scopedLive(
    "called wrongly - says so",
    () =>
      Effect.gen(function*() {
        assertFailure(yield* main(["speak", "Hello.", "--raw"]), 2, /--raw .*--out hello\.pcm/)
        assertFailure(yield* main(["speak", "Hello.", "--out", ""]), 2, /--out takes the name of a file/)
        assertFailure(
          yield* main(["speak", "Hello.", "--player", "vlc"]),
          2,
          /--player takes ffplay, mpv, aplay or afplay/
        )
      })
  )
})

describe.skipIf(noFfplay)("play", () => {
  it.scopedLive(
    "a file - is heard to its last sample",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const { code, stderr } = yield* run(["play", wavFile(cwd, "a.wav", "700 millis")], { cwd, env: recording(cwd) })
        assert.strictEqual(code, 0, stderr)
        assert.strictEqual(stderr, "a.wav: 0.70 s, played by ffplay\n")
        assert.deepStrictEqual(heard(cwd), sounding(tone(0.7)))
      })
    )
  )

  it.scopedLive(
    "that fails - one sentence and exit code 1",
    inFolder((cwd) =>
      Effect.gen(function*() {
        writeFileSync(join(cwd, "text.wav"), "this is no audio")
        const file = wavFile(cwd, "a.wav", "2 seconds")
        assertFailure(yield* main(["play", join(cwd, "missing.wav")]), 1, /There is no file .*missing\.wav\./)
        assertFailure(yield* main(["play", join(cwd, "text.wav")]), 1, /text\.wav cannot be played: .*RIFF/)
        assertFailure(yield* run(["play", file], { cwd, env: { PATH: cwd } }), 1, /no audio player.* Install ffmpeg/)
        assertFailure(
          yield* main(["play", join(cwd, file), "--player", "afplay"]),
          1,
          /The audio player afplay is not there\. Only macOS has it: omit --player/
        )
        assertFailure(yield* main(["play", cwd]), 1, /is a folder; name a WAV file in it/)
      })
    )
  )

  it.scopedLive(
    "a pipe, without an end in its header - is heard while it comes",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const running = yield* start(["play", "-"], { cwd, env: recording(cwd), isInputOpen: true })
        running.child.stdin?.write(Buffer.concat([Wav.header(Pcm.format(24000)), tone(0.5)]))
        yield* untilHeard(cwd, 6000)
        running.child.stdin?.end(tone(0.2))
        const { code, stderr } = yield* running.outcome
        assert.strictEqual(code, 0, stderr)
        assert.strictEqual(stderr, "Standard input: 0.70 s, played by ffplay\n")
      })
    )
  )

  it.scopedLive(
    "a file that is cut off - is heard as far as it goes, and then fails",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const name = wavFile(cwd, "a.wav", "700 millis")
        writeFileSync(join(cwd, name), readFileSync(join(cwd, name)).subarray(0, -9600))
        const { code, stderr } = yield* run(["play", name], { cwd, env: recording(cwd) })
        assert.strictEqual(code, 1)
        assert.match(
          stderr,
          /^effect-smallest: a\.wav is damaged: The data chunk claims 33600 bytes but 24000 are/
        )
        assert.deepStrictEqual(heard(cwd), sounding(tone(0.5)))
      })
    )
  )

  it.scopedLive(
    "interrupted - stops the sound, exit code 130",
    inFolder((cwd) =>
      Effect.gen(function*() {
        const player = playerOnPath(cwd, "exec ffplay \"$@\"")
        const running = yield* start(["play", wavFile(cwd, "a.wav", "30 seconds")], {
          cwd,
          env: { ...player.env, ...recording(cwd) }
        })
        yield* untilHeard(cwd, 6000)
        running.child.kill("SIGINT")
        const { code, stderr } = yield* running.outcome
        assert.strictEqual(code, 130)
        assert.strictEqual(stderr, "Interrupted.\n")
        assert.isFalse(isAlive(player.pid()))
      })
    )
  )
})
