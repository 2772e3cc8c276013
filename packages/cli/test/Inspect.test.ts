import { Pcm, Wav } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Waveform from "../src/internal/waveform.js"
import { folder, main, run } from "./command.js"
import { tone } from "./server.js"

const mono = Pcm.format(24000)

const wav = (pcm: Uint8Array, format = mono) => Buffer.concat([Wav.header(format, pcm.length), pcm])

/** Loud in its middle second, of three. */
const speech = () => {
  const pcm = new Uint8Array(3 * 48_000)
  pcm.set(tone(1), 48_000)
  return pcm
}

const isBraille = (line: string) => /^[\u2800-\u28ff]+$/.test(line)

describe("inspect", () => {
  it.scopedLive("a file - tells its format, length and loudness, and draws it", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const file = join(cwd, "a.wav")
      writeFileSync(file, wav(speech()))
      const { code, stderr, stdout } = yield* main(["inspect", file])
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(stderr, "")
      const lines = stdout.toString().trimEnd().split("\n")
      assert.deepStrictEqual(lines.slice(0, 7), [
        file,
        "Format    WAV, 16-bit PCM, 24,000 Hz, mono",
        "Duration  3s (72,000 frames)",
        // 8000 of 32768, and a third of the power of a sine.
        "Peak      -12.2 dBFS at 0:01.00",
        "RMS       -20.0 dBFS",
        "Loudness  -17.0 LUFS",
        ""
      ])
      const picture = lines.slice(7, -1)
      assert.lengthOf(picture, 6)
      assert.isTrue(picture.every(isBraille))
      // Loud from a third to two thirds of 80 columns.
      assert.match(picture[0] ?? "", /^\u2800{26}[^\u2800]\u28ff{26}/)
      assert.match(lines.at(-1) ?? "", /^0:00 {69}0:03\.00$/)
    }))

  it.scopedLive("--json - tells the same to programs", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const stereo = Int16Array.from({ length: 16_000 }, (_, i) => i === 8001 ? -32_768 : 0)
      writeFileSync(join(cwd, "a.wav"), wav(new Uint8Array(stereo.buffer), Pcm.format(8000, 2)))
      writeFileSync(join(cwd, "silence.wav"), wav(new Uint8Array(4800)))
      const json = (name: string) =>
        Effect.map(main(["inspect", join(cwd, name), "--json"]), ({ stdout }) => JSON.parse(stdout.toString()))
      const { waveform, ...clipped } = yield* json("a.wav")
      assert.deepStrictEqual(clipped, {
        file: join(cwd, "a.wav"),
        encoding: "16-bit PCM",
        sampleRate: 8000,
        channels: 2,
        frames: 8000,
        duration: 1,
        peak: { amplitude: 1, decibels: 0, at: 0.5 },
        rms: { amplitude: 0.007906, decibels: -42.04 },
        loudness: -32.83,
        clipped: 1,
        damage: null
      })
      assert.lengthOf(waveform, 100)
      assert.strictEqual(Math.max(...waveform), 1)
      assert.deepInclude(yield* json("silence.wav"), {
        peak: { amplitude: 0, decibels: null, at: 0 },
        loudness: null,
        clipped: 0
      })
    }))

  it.scopedLive("a pipe with the sizes of a stream, and no terminal - is read to its end", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const piped = Buffer.concat([Wav.header(mono), speech(), new Uint8Array(1)])
      const { code, stderr, stdout } = yield* run(["inspect", "-"], { cwd, input: piped })
      assert.strictEqual(code, 0, stderr)
      assert.match(stdout.toString(), /^Standard input\nFormat .*\nDuration {2}3s \(72,000 frames\)\n/)
      assert.notInclude(stdout.toString(), "\u001b")
      const missing = yield* main(["inspect", "-", "--json"])
      assert.match(missing.stderr, /^effect-smallest: Standard input cannot be read: .*RIFF/)
    }))

  it.scopedLive("a file that is cut off - is told about as far as it goes, and fails", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      writeFileSync(join(cwd, "a.wav"), wav(speech()).subarray(0, -48_000))
      const { code, stderr, stdout } = yield* main(["inspect", join(cwd, "a.wav")])
      assert.strictEqual(code, 1)
      assert.match(
        stdout.toString(),
        /Duration {2}2s .*\n[^]*Damaged {3}The data chunk claims 144000 bytes but 96000 are there/
      )
      assert.match(stderr, /^effect-smallest: .*a\.wav is damaged: .*Make or copy it again\.\n$/)
    }))

  it.scopedLive("that fails - one sentence", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      writeFileSync(join(cwd, "text.wav"), "this is no audio, whatever its name says")
      mkdirSync(join(cwd, "folder"))
      const cases = [
        ["text.wav", /cannot be read: .*RIFF/],
        ["missing.wav", /There is no file/],
        ["folder", /is a folder; name a WAV file in it/]
      ] as const
      yield* Effect.forEach(cases, ([name, message]) =>
        Effect.map(main(["inspect", join(cwd, name)]), ({ code, stderr, stdout }) => {
          assert.strictEqual(code, 1)
          assert.match(stderr, message)
          assert.match(stderr, /^effect-smallest: [^\n]*\.\n$/)
          assert.strictEqual(stdout.length, 0)
        }))
    }))
})

describe("waveform", () => {
  it("keeps the loudest of audio of any length in bounded memory", () => {
    const waveform = Waveform.make()
    const second = new Int16Array(24_000).fill(100)
    const loud = second.slice()
    loud[12_000] = 20_000
    for (let i = 0; i < 1000; i++) waveform.push(Pcm.fromSamples(mono, i === 750 ? loud : second))
    const peaks = waveform.peaks(100)
    assert.deepStrictEqual(peaks.map((peak) => Math.round(32_768 * peak)), [
      ...Array(75).fill(100),
      20_000,
      ...Array(24).fill(100)
    ])
  })

  it("draws audio that is shorter than its columns, and none", () => {
    const waveform = Waveform.make()
    assert.deepStrictEqual(waveform.peaks(10), [])
    waveform.push(Pcm.fromSamples(mono, Int16Array.of(16_384, -32_768)))
    assert.deepStrictEqual(waveform.peaks(4), [0.5, 0.5, 1, 1])
    assert.deepStrictEqual(Waveform.draw(waveform, { columns: 2, rows: 1 }), ["⠶⣿"])
  })
})
