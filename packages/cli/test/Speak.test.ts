import { Audio, Pcm, Wav } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Either, Fiber, Schedule } from "effect"
import { execFile } from "node:child_process"
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { folder, main, nodeArguments, type Outcome, run, start } from "./command.js"
import { answerAndStall, answerBytes, answerError, answerEvents, server, tone } from "./server.js"

const key = "sk_of_the_tests"

const noKey = "No SMALLEST_API_KEY is set, so the embedded voice speaks; set it to speak through the cloud."

const lines = (text: string): Array<string> => text.split("\n").filter((line) => line !== "")

const wav = (bytes: Uint8Array) => Either.getOrThrow(Wav.decode(bytes))

// Without the two milliseconds at either end that are faded.
const inner = (bytes: Uint8Array) => Buffer.from(bytes).subarray(96, -96)

const assertFailure = (outcome: Outcome, code: number, args: ReadonlyArray<string>, message: RegExp) => {
  const about = `speak ${args.join(" ").slice(0, 80)}: ${outcome.stderr}`
  assert.strictEqual(outcome.code, code, about)
  assert.match(outcome.stderr, message, about)
  assert.match(outcome.stderr, /^effect-smallest: [^\n]*\.\n$/, about)
  assert.strictEqual(outcome.stdout.length, 0, about)
}

const summary = (place: string, voice: string) =>
  new RegExp(
    `^${place}: [\\d.]+ s of speech by ${voice}, first audio after [\\d.]+ s, [\\d.]+ times (faster than|as fast as) real time$`
  )

describe("speak", () => {
  it.scopedLive("with no key - says that the embedded voice speaks, and writes a file", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const { code, stderr, stdout } = yield* run(["speak", "Hello from the test.", "--out", "hello.wav"], { cwd })
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(stdout.length, 0)
      const [notice, told, ...rest] = lines(stderr)
      assert.strictEqual(notice, noKey)
      assert.match(told ?? "", summary("hello.wav", "rms"))
      assert.deepStrictEqual(rest, [])
      assert.deepStrictEqual(readdirSync(cwd), ["hello.wav"])
      const audio = wav(readFileSync(join(cwd, "hello.wav")))
      assert.deepInclude(audio.format, { sampleRate: 24000, channels: 1 })
      assert.isAbove(Duration.toSeconds(audio.duration), 1)
    }))

  it.scopedLive("--loudness - a file and a stream come to it, and no sample passes the ceiling", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const speech = ["speak", "How loud is this? Let us see, and hear it twice.", "--engine", "local"]
      const [file, stream] = yield* Effect.all([
        main([...speech, "--loudness", "-16", "--out", join(cwd, "even.wav")]),
        main([...speech, "--loudness=-20", "--out", "-"])
      ])
      assert.strictEqual(file.code, 0, file.stderr)
      assert.strictEqual(stream.code, 0, stream.stderr)
      assert.deepStrictEqual(readdirSync(cwd), ["even.wav"])
      const cases = [[readFileSync(join(cwd, "even.wav")), -16, 0.1], [stream.stdout, -20, 1.5]] as const
      for (const [bytes, target, tolerance] of cases) {
        const audio = wav(bytes)
        assert.closeTo(yield* Pcm.loudness(Audio.toStream(audio)), target, tolerance)
        const highest = Pcm.samples(audio).reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0)
        assert.isAtMost(highest, 32768 * 10 ** (-1 / 20))
      }
      for (const loudness of ["1", "-71", "loud", ""]) {
        const args = ["speak", "Hello.", "--loudness", loudness, "--out", join(cwd, "no.wav")]
        assertFailure(yield* main(args), 2, args, /--loudness takes LUFS from -70 to 0/)
      }
    }))

  it.scopedLive("with the embedded voice - reads a pipe, a file and the options, and pipes samples on", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      writeFileSync(join(cwd, "letter.txt"), "\ufeffDear reader.")
      const local = ["--engine", "local"]
      const piped = yield* run(["speak", "--out", "-", ...local], { cwd, input: "Hello from a pipe." })
      const letter = ["--file", join(cwd, "letter.txt"), "--raw", "--sample-rate", "8000"]
      const filed = yield* main(["speak", ...letter, "--out", "-", ...local])
      const voice = ["--voice", "kal16", "--speed", "2"]
      const named = yield* main(["speak", "--file", "-", "--out", join(cwd, "a.wav"), ...voice, ...local], {
        input: "Hello there."
      })
      assert.deepStrictEqual([piped.code, filed.code, named.code], [0, 0, 0])
      const audio = wav(piped.stdout)
      assert.strictEqual(audio.format.sampleRate, 24000)
      // Its end is not known when its header leaves, so it carries streaming sizes.
      assert.strictEqual(piped.stdout.readUInt32LE(40), 0xffffffff)
      assert.match(piped.stderr.trim(), summary("Standard output", "rms"))
      assert.isTrue(Either.isLeft(Wav.decode(filed.stdout)))
      assert.isAbove(filed.stdout.length, 8000)
      assert.isBelow(filed.stdout.length, 40000)
      assert.match(named.stderr.trim(), summary(join(cwd, "a.wav"), "kal16"))
      assert.isBelow(Duration.toSeconds(wav(readFileSync(join(cwd, "a.wav"))).duration), 1)
    }))

  it.scopedLive("that fails - one sentence, the right exit code, and no file", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const out = ["--out", "a.wav"]
      const cases: ReadonlyArray<readonly [number, ReadonlyArray<string>, RegExp]> = [
        [1, ["", ...out], /The text is empty/],
        [1, ["नमस्ते", ...out], /English only/],
        [1, ["Hello.", "--voice", "nobody", ...out], /no voice "nobody".*rms, slt/],
        [1, ["Hello.", "--engine", "waves", ...out], /SMALLEST_API_KEY.*--engine local/],
        [1, ["Hello.", "--out", join("missing", "a.wav")], /missing.a\.wav: the folder does not exist; create it/],
        [2, ["Hello.", "--speed", "9", ...out], /--speed takes a number from 0\.5 to 2, not "9"/],
        [2, ["Hello.", "--sample-rate", "7", ...out], /--sample-rate takes .*8000 to 48000, not "7"/]
      ]
      yield* Effect.forEach(cases, ([code, args, message]) =>
        Effect.map(run(["speak", ...args], { cwd }), (outcome) =>
          assertFailure(outcome, code, args, message)), {
        concurrency: 2
      })
      assert.deepStrictEqual(readdirSync(cwd), [])
    }))

  it.scopedLive("that fails in other ways - one sentence, the right exit code, and no file", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const at = (name: string) => join(cwd, name)
      writeFileSync(at("utf16.txt"), Buffer.from("\ufeffHello", "utf16le"))
      mkdirSync(at("folder"))
      const before = readdirSync(cwd)
      const out = ["--out", at("a.wav")]
      const cases: ReadonlyArray<readonly [number, ReadonlyArray<string>, RegExp]> = [
        [1, ["Hello.", "--engine", "lightning-v1", ...out], /SMALLEST_API_KEY.*--engine local/],
        [1, ["Hello.", "--raw", "--out", at(join("missing", "a.pcm"))], /a\.pcm: the folder does not exist; create it/],
        [1, ["Hello.", "--out", at("folder")], /it is a folder/],
        [1, ["Hello.", "--raw", "--out", at("folder")], /it is a folder/],
        [1, ["Hello.", "--language", "hi", ...out], /English only.*--language/],
        [
          2,
          ["Hello.", "--captions", "a.txt", ...out],
          /--captions takes a file that ends in \.json, \.lrc, \.vtt or \.srt, not "a\.txt"/
        ],
        [1, ["--file", at("missing.txt"), ...out], /no file .*missing\.txt/],
        [1, ["--file", at("utf16.txt"), ...out], /utf16\.txt is not UTF-8/],
        [1, out, /Standard input held no text: .*--file/],
        [2, ["Hello.", "--speed", "fast", ...out], /--speed .*"fast"/],
        [2, ["Hello.", "--speed", "", ...out], /--speed .*""/],
        [2, ["Hello.", "--sample-rate", "8000.5", ...out], /--sample-rate takes a whole number/],
        [2, ["Hello.", "--engine", "steam", ...out], /--engine takes auto, waves, lightning-v1 or local, not "steam"/],
        [2, ["Hello.", "--voice", "", ...out], /--voice takes a name/],
        [2, ["Hello.", "--bogus", ...out], /no option --bogus/],
        [2, ["-", ...out], /standard input, write --file -/],
        [2, ["Hello", "there.", ...out], /Only one text .*quotes.*speak "Hello there\."/],
        [2, ["Hello.", ...out, ...out], /--out is given twice/],
        [2, ["-5 degrees", ...out], /at the end, after --/],
        [2, ["Hello.", "--outt", at("a.wav")], /no option --outt; did you mean --out\?/],
        [2, ["Hello.", ...out, "--speed"], /--speed needs a value/],
        [2, ["Hello.", "--raw", ...out], /--raw writes samples.*a\.wav.*\.pcm/],
        [2, ["Hello.", "--out", at("a.pcm")], /add --raw, or name the file \.wav/],
        [2, ["Hello.", "--out", at("a.ulaw")], /not .*a\.ulaw.*ffmpeg/],
        [2, ["Hello.", "--raw", "--out", at("a.txt")], /does not name audio/],
        [1, ["--file", at("folder"), ...out], /folder; name a text file in it/],
        [2, ["Hello.", "--file", at("utf16.txt"), ...out], /not both/],
        [2, ["Hello.", "--out", ""], /--out takes the name of a file/],
        [2, ["Hello.", "--out", at("a.mp3")], /WAV.*not .*a\.mp3/],
        [2, ["Hello.", "--captions", "a.txt", ...out], /--captions .*\.vtt or \.srt, not "a\.txt"/],
        [1, ["Hello.", "--captions", at(join("missing", "a.vtt")), ...out], /a\.vtt: the folder does not exist/]
      ]
      yield* Effect.forEach(
        cases,
        ([code, args, message]) =>
          Effect.map(main(["speak", ...args]), (outcome) => assertFailure(outcome, code, args, message))
      )
      assert.deepStrictEqual(readdirSync(cwd), before)
    }))

  it.scopedLive("on a terminal - asks for text, and does not fill it with audio", () =>
    Effect.gen(function*() {
      const out = ["--out", join(yield* folder, "a.wav")]
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
        [out, /Nothing to speak.*--file.*--help/],
        [["Hello.", "--out", "-"], /terminal.*--out hello\.wav/],
        [["Hello.", "--raw", "--out", "-"], /terminal.*--out hello\.wav/]
      ]
      yield* Effect.forEach(cases, ([args, message]) =>
        Effect.map(main(["speak", ...args], { isTerminal: true }), (outcome) =>
          assertFailure(outcome, 2, args, message)))
    }))

  it.scopedLive("with a key - speaks through today's API, options and all", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const pcm = tone(0.5)
      const { requests, url } = yield* server(answerEvents(pcm))
      const env = { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url }
      const toFile = yield* run(["speak", "Hello.", "--out", "a.wav"], { cwd, env })
      const options = ["--voice", "mihir", "--model", "lightning_v3.1", "--language", "hi", "--speed", "1.5"]
      const toPipe = yield* main(["speak", "नमस्ते", ...options, "--out", "-"], { env })
      const raw = yield* main(["speak", "Hello.", "--raw", "--out", join(cwd, "a.pcm")], { env })
      assert.deepStrictEqual([toFile.code, toPipe.code, raw.code], [0, 0, 0])
      assert.match(toFile.stderr.trim(), summary("a.wav", "meher"))
      assert.deepStrictEqual(inner(wav(readFileSync(join(cwd, "a.wav"))).bytes), inner(pcm))
      assert.deepStrictEqual(inner(wav(toPipe.stdout).bytes), inner(pcm))
      assert.deepStrictEqual(inner(readFileSync(join(cwd, "a.pcm"))), inner(pcm))
      assert.deepStrictEqual(requests.map(({ authorization }) => authorization), Array(3).fill(`Bearer ${key}`))
      assert.deepInclude(requests.find(({ body }) => body["text"] === "नमस्ते")?.body, {
        voice_id: "mihir",
        model: "lightning_v3.1",
        language: "hi",
        speed: 1.5
      })
      assert.notInclude([toFile, toPipe, raw].map(({ stderr }) => stderr).join(), key)
    }))

  it.scopedLive("with --engine lightning-v1 - speaks through the API of 2024", () =>
    Effect.gen(function*() {
      const name = join(yield* folder, "a.wav")
      const { requests, url } = yield* server(answerBytes(tone(0.2)))
      const { code, stderr } = yield* main(["speak", "Hello.", "--engine", "lightning-v1", "--out", name], {
        env: { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url }
      })
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr.trim(), summary(name, "emily"))
      assert.strictEqual(requests[0]?.url, "/api/v1/lightning/get_speech")
    }))

  it.scopedLive("that the server refuses - says why, without the key", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const { url } = yield* server(answerError(401, { error: `Invalid API key ${key}` }))
      const { code, stderr, stdout } = yield* run(["speak", "Hello.", "--out", "a.wav", "--log-level", "all"], {
        cwd,
        env: { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url }
      })
      assert.strictEqual(code, 1)
      assert.match(lines(stderr).at(-1) ?? "", /^effect-smallest: Invalid API key .*SMALLEST_API_KEY.*\.$/)
      assert.notInclude(stderr + stdout.toString(), key)
      assert.deepStrictEqual(readdirSync(cwd), [])
    }))

  it.scopedLive("to a place that cannot be written - asks the cloud for nothing", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const { requests, url } = yield* server(answerEvents(tone(0.1)))
      const env = { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url }
      const outcomes = yield* Effect.forEach(
        [["--out", join(cwd, "missing", "a.wav")], ["--raw", "--out", join(cwd, "missing", "a.pcm")]],
        (out) => main(["speak", "Hello.", ...out], { env })
      )
      assert.deepStrictEqual(outcomes.map(({ code }) => code), [1, 1])
      assert.deepStrictEqual(requests, [])
    }))

  it.scopedLive("interrupted while it writes - 128 and the signal's number, request aborted, nothing left behind", () =>
    Effect.gen(function*() {
      const cases = [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const
      yield* Effect.forEach(cases, ([signal, expected]) =>
        Effect.scoped(Effect.gen(function*() {
          const { aborted, cwd, env } = yield* stalling("a.wav")
          const { child, outcome } = yield* start(["speak", "Hello.", "--out", "a.wav"], { cwd, env })
          // A command that fails instead is told by what it said.
          yield* Effect.raceFirst(partOf(cwd), outcome)
          child.kill(signal)
          const { code, stderr, stdout } = yield* outcome
          assert.strictEqual(code, expected, stderr)
          assert.strictEqual(stderr, "Interrupted: a.wav was not written.\n")
          assert.strictEqual(stdout.length, 0)
          yield* aborted
          assert.deepStrictEqual(readdirSync(cwd), ["a.wav"])
          assert.strictEqual(readFileSync(join(cwd, "a.wav"), "utf8"), "what was there before")
        })), { concurrency: 2 })
    }))

  it.scopedLive("interrupted while it writes samples - request aborted, nothing left behind", () =>
    Effect.gen(function*() {
      const { aborted, cwd, env } = yield* stalling("a.pcm")
      const fiber = yield* Effect.fork(main(["speak", "Hello.", "--raw", "--out", join(cwd, "a.pcm")], { env }))
      yield* partOf(cwd)
      yield* Fiber.interrupt(fiber)
      yield* aborted
      assert.deepStrictEqual(readdirSync(cwd), ["a.pcm"])
      assert.strictEqual(readFileSync(join(cwd, "a.pcm"), "utf8"), "what was there before")
    }))

  it.scopedLive("into a pipe whose reader goes away - ends quietly", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const { url } = yield* server(answerEvents(tone(60)))
      const { child, outcome } = yield* start(["speak", "Hello.", "--out", "-"], {
        cwd,
        env: { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url }
      })
      child.stdout?.once("data", () => child.stdout?.destroy())
      const { code, stderr } = yield* outcome
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(stderr, "")
    }))

  it.scopedLive("from and to pipes that have names - speaks, and writes through", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const speak = (args: string) =>
        Effect.promise(() =>
          promisify(execFile)(
            "bash",
            [
              "-c",
              `echo Hello. | "$0" "$@" speak --file /dev/stdin --engine local ${args} | wc -c`,
              process.execPath,
              ...nodeArguments
            ],
            { cwd }
          )
        )
      for (const args of ["--out /dev/stdout", "--raw --out /dev/stdout", "--raw --out >(cat)"]) {
        assert.isAbove(Number((yield* speak(args)).stdout), 10_000, args)
      }
    }))

  it.scopedLive("over a file that exists - keeps its permissions and follows its link", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const { url } = yield* server(answerEvents(tone(0.1)))
      mkdirSync(join(cwd, "real"))
      writeFileSync(join(cwd, "real", "a.pcm"), "before")
      chmodSync(join(cwd, "real", "a.pcm"), 0o600)
      symlinkSync(join(cwd, "real", "a.pcm"), join(cwd, "link.pcm"))
      const { code, stderr } = yield* main(["speak", "Hello.", "--raw", "--out", join(cwd, "link.pcm")], {
        env: { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url }
      })
      assert.strictEqual(code, 0, stderr)
      assert.deepStrictEqual(readdirSync(join(cwd, "real")), ["a.pcm"])
      assert.strictEqual(readFileSync(join(cwd, "real", "a.pcm")).length, tone(0.1).length)
    }))
})

/** A server that stalls in the middle, and a folder with a file that is about to be replaced. */
const stalling = (name: string) =>
  Effect.gen(function*() {
    const cwd = yield* folder
    writeFileSync(join(cwd, name), "what was there before")
    const aborted = yield* Deferred.make<void>()
    const { url } = yield* server(answerAndStall(tone(0.5), () => Deferred.unsafeDone(aborted, Effect.void)))
    return { aborted: Deferred.await(aborted), cwd, env: { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url } }
  })

/** Waits until a part of the audio is on the disk, under whatever name. */
const partOf = (cwd: string) =>
  Effect.sync(() =>
    readdirSync(cwd, { recursive: true, encoding: "utf8" }).some((name) => statSync(join(cwd, name)).size > 10_000)
  ).pipe(Effect.repeat({ until: (isThere) => isThere, schedule: Schedule.spaced("10 millis") }))
