import { Wav } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { folder, main, nodeArguments, run, start } from "./command.js"
import { answerError, answerEvents, server, tone } from "./server.js"

const key = "sk_of_the_tests"

const local = ["--engine", "local"]

const residentMegabytes = (pid: number | undefined): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

describe("speak, text of any length", () => {
  it.scopedLive("standard input - is spoken while it is written", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const { child, outcome } = yield* start(["speak", "--file", "-", "--raw", "--out", "-", ...local], {
        cwd,
        isInputOpen: true
      })
      child.stdin?.write("The first sentence is spoken before the second is written. ")
      yield* Effect.promise(() => once(child.stdout ?? assert.fail(), "data"))
      child.stdin?.end("So much for that.")
      const { code, stderr, stdout } = yield* outcome
      assert.strictEqual(code, 0, stderr)
      // Both sentences, and not only the one that was there at first.
      assert.isAbove(stdout.length / 48_000, 4)
    }))

  it.scopedLive.skipIf(process.platform !== "linux")(
    "endless input - stays flat, ends when its reader has enough",
    () =>
      Effect.gen(function*() {
        const cwd = yield* folder
        const [yes, speak] = yield* Effect.acquireRelease(
          Effect.sync(() => {
            const yes = spawn("yes", ["This is a sentence."], { stdio: ["ignore", "pipe", "ignore"] })
            const speak = spawn(process.execPath, [...nodeArguments, "speak", "--raw", "--out", "-", ...local], {
              cwd,
              stdio: [yes.stdout, "pipe", "pipe"]
            })
            return [yes, speak]
          }),
          (children) => Effect.sync(() => children.forEach((child) => child.kill("SIGKILL")))
        )
        // What this process still holds of the pipe would keep it open.
        yes?.stdout?.destroy()
        const stderr: Array<Buffer> = []
        speak?.stderr?.on("data", (data) => stderr.push(data))
        let length = 0
        // Each half's lowest: how much of the engine's memory waits to be collected differs from moment to moment.
        let early = Infinity
        let late = Infinity
        speak?.stdout?.on("data", (data: Buffer) => {
          length += data.length
          const megabytes = residentMegabytes(speak.pid)
          if (length < 500_000) return
          if (length < 2_500_000) early = Math.min(early, megabytes)
          else late = Math.min(late, megabytes)
          if (length > 4_500_000) speak.stdout?.destroy()
        })
        const [code] = yield* Effect.promise(() => once(speak ?? assert.fail(), "close"))
        assert.strictEqual(Buffer.concat(stderr).toString(), "")
        assert.strictEqual(code, 0)
        assert.isBelow(late - early, 40)
      })
  )

  it.scopedLive("a text that no single request takes - goes to the cloud in segments", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const text = "A sentence of the book that is long enough to be a segment of its own, more or less. ".repeat(120)
      writeFileSync(join(cwd, "book.txt"), text)
      const { requests, url } = yield* server(answerEvents(tone(0.1)))
      const { code, stderr } = yield* main(
        ["speak", "--file", join(cwd, "book.txt"), "--out", join(cwd, "a.wav")],
        { env: { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url } }
      )
      assert.strictEqual(code, 0, stderr)
      const texts = requests.map(({ body }) => String(body["text"]))
      assert.isAbove(text.length, 8000)
      assert.isAbove(texts.length, 20)
      assert.strictEqual(texts.join(" ").replace(/\s+/g, " ").trim(), text.trim())
      const audio = Either.getOrThrow(Wav.decode(readFileSync(join(cwd, "a.wav"))))
      assert.strictEqual(audio.bytes.length, texts.length * tone(0.1).length)
    }))

  it.scopedLive("a mistake at the end of a file - is told before anything is spoken", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const book = Buffer.concat([Buffer.from("All is well. ".repeat(20_000)), Buffer.from([0xff])])
      writeFileSync(join(cwd, "book.txt"), book)
      const { requests, url } = yield* server(answerEvents(tone(0.1)))
      const { code, stderr } = yield* main(
        ["speak", "--file", join(cwd, "book.txt"), "--out", join(cwd, "a.wav")],
        { env: { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url } }
      )
      assert.strictEqual(code, 1)
      assert.match(stderr, /^effect-smallest: .*book\.txt is not UTF-8 text; convert it first\.\n$/)
      assert.deepStrictEqual(requests, [])
    }))

  it.scopedLive.skipIf(process.platform === "win32")(
    "a pipe with a name - is read like a file",
    () =>
      Effect.gen(function*() {
        const cwd = yield* folder
        const command = [process.execPath, ...nodeArguments].map((word) => `'${word}'`).join(" ")
        const script = `${command} speak --file <(echo 'Hello from a pipe.') --raw --out - --engine local`
        const { status, stderr, stdout } = spawnSync("bash", ["-c", script], { cwd })
        assert.strictEqual(status, 0, String(stderr))
        assert.isAbove(stdout.length, 20_000)
      })
  )
})

describe("speak --captions", () => {
  it.scopedLive("with the embedded voice - writes WebVTT and SubRip with the times of the words", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const at = (name: string) => join(cwd, name)
      const text = "Tom & Anna are here. How are you?"
      const vtt = yield* run(["speak", text, "--out", "a.wav", "--captions", "a.vtt", ...local], { cwd })
      const srt = yield* main(["speak", text, "--raw", "--out", at("a.pcm"), "--captions", at("a.SRT"), ...local])
      assert.deepStrictEqual([vtt.code, srt.code], [0, 0], vtt.stderr + srt.stderr)
      assert.deepStrictEqual(readdirSync(cwd).sort(), ["a.SRT", "a.pcm", "a.vtt", "a.wav"])
      const time = String.raw`00:00:\d\d\.\d{3} --> 00:00:\d\d\.\d{3}`
      assert.match(
        readFileSync(at("a.vtt"), "utf8"),
        new RegExp(
          `^WEBVTT\n\n${time}\n<c>Tom</c> .*<c>&amp;</c> <00:00:0\\d\\.\\d{3}><c>Anna</c> .*\n\n${time}\n<c>How</c> .*\n\n$`
        )
      )
      assert.match(
        readFileSync(at("a.SRT"), "utf8"),
        /^1\n00:00:\d\d,\d{3} --> 00:00:\d\d,\d{3}\nTom & Anna are here\.\n\n2\n00:00:\d\d,\d{3} --> .*\nHow are you\?\n\n$/
      )
      // The last caption ends with the sound or a little before.
      const ends = [...readFileSync(at("a.vtt"), "utf8").matchAll(/--> 00:00:(\S+)/g)].map((match) => Number(match[1]))
      const sound = readFileSync(at("a.pcm")).length / 48_000
      assert.isAtMost(ends.at(-1) ?? Infinity, sound + 0.001)
      assert.isAbove(ends.at(-1) ?? 0, sound - 1)
    }))

  it.scopedLive("of scripts and SSML - has speakers, and a script has its voices and pauses", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const at = (name: string) => join(cwd, name)
      writeFileSync(at("scene.txt"), "Narrator: It was late. (pause 1s)\nKate: Who is there?\nNote: nothing.")
      writeFileSync(at("scene.ssml"), "<speak>Hello.<break time='1s'/><voice name='slt'>Hi!</voice></speak>")
      const cast = ["--cast", "Narrator=rms", "--cast", "Kate=slt"]
      const out = (name: string, captions: string) => ["--out", at(name), "--captions", at(captions), ...local]
      const script = yield* main(["speak", "--script", at("scene.txt"), ...cast, ...out("a.wav", "a.vtt")])
      const ssml = yield* main(["speak", "--ssml", at("scene.ssml"), ...out("b.wav", "b.json")])
      const lrc = yield* main(["speak", "--script", at("scene.txt"), ...cast, ...out("c.wav", "c.lrc")])
      assert.deepStrictEqual([script.code, ssml.code, lrc.code], [0, 0, 0], script.stderr + ssml.stderr + lrc.stderr)
      assert.match(readFileSync(at("a.vtt"), "utf8"), /<v Narrator><c>It<\/c> [^]*<v Kate>[^]*<c>Note:<\/c>/)
      const { words } = JSON.parse(readFileSync(at("b.json"), "utf8"))
      assert.deepStrictEqual(words.map(({ speaker, text }: Record<string, string>) => [text, speaker]), [
        ["Hello.", "rms"],
        ["Hi!", "slt"]
      ])
      assert.isAtLeast(words[1].start - words[0].end, 0.99)
      assert.match(readFileSync(at("c.lrc"), "utf8"), /^\[00:00\.\d\d\]Narrator: It was late\.\n\[/)
    }))

  it.scopedLive("of SSML that cannot be honoured - fails with its place and leaves nothing behind", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      writeFileSync(join(cwd, "a.ssml"), "<speak>\n  <audio src='x'/></speak>")
      const { code, stderr } = yield* run(["speak", "--ssml", "a.ssml", "--out", "a.wav", ...local], { cwd })
      assert.strictEqual(code, 1)
      assert.match(stderr, /^effect-smallest: a\.ssml: Line 2, column 3: <audio> is not supported/)
      assert.deepStrictEqual(readdirSync(cwd), ["a.ssml"])
      for (
        const args of [
          ["speak", "Hello.", "--ssml", "a.ssml"],
          ["speak", "--script", "a", "--ssml", "b"],
          ["speak", "Hello.", "--cast", "A=rms"]
        ]
      ) assert.strictEqual((yield* main(args)).code, 2, args.join(" "))
    }))

  it.scopedLive("of speech that fails - leaves nothing behind", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const { url } = yield* server(answerError(401, { error: "Invalid API key" }))
      const { code, stderr } = yield* main(
        ["speak", "Hello.", "--out", join(cwd, "a.wav"), "--captions", join(cwd, "a.vtt")],
        { env: { SMALLEST_API_KEY: key, SMALLEST_BASE_URL: url } }
      )
      assert.strictEqual(code, 1)
      assert.match(stderr, /^effect-smallest: Invalid API key[^\n]*\n$/)
      assert.deepStrictEqual(readdirSync(cwd), [])
    }))
})
