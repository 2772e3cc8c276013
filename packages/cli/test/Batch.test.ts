import { Wav } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Either, Schedule } from "effect"
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { folder, main, start } from "./command.js"

const emulator = WavesEmulator.layer({ engine: "tone" })

const environment = Effect.map(WavesEmulator.WavesEmulator, ({ url }) => ({
  SMALLEST_API_KEY: "sk_test",
  SMALLEST_BASE_URL: url
}))

const numbers = ["one", "two", "three", "four", "five", "six", "seven"]

const manifest = (cwd: string, rows: number): string => {
  const file = join(cwd, "rows.jsonl")
  const row = (i: number) => ({
    id: `row-${i}`,
    text: `This is row ${numbers[i % 7]}, ${numbers[i % 5]}.`,
    speed: 1 + (i % 4) / 4,
    sample_rate: [8000, 16_000, 24_000][i % 3]
  })
  writeFileSync(file, Array.from({ length: rows }, (_, i) => `${JSON.stringify(row(i))}\n`).join(""))
  return file
}

/** Every file of a folder, hidden ones too. */
const contents = (path: string): Record<string, string> =>
  Object.fromEntries(readdirSync(path).sort().map((name) => [name, readFileSync(join(path, name)).toString("base64")]))

const wavs = (path: string): Array<string> => readdirSync(path).filter((name) => name.endsWith(".wav"))

const report = (path: string): Array<Record<string, unknown>> =>
  readFileSync(join(path, "report.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line))

const faults: ReadonlyArray<Parameters<WavesEmulator.Service["inject"]>[0]["faults"]> = [
  [{ _tag: "Status", status: 401 }],
  [{ _tag: "Status", status: 429, headers: { "retry-after-ms": "100" } }],
  [{ _tag: "Status", status: 500 }],
  [{ _tag: "Reset" }],
  [{ _tag: "Reset", afterBytes: 3000 }],
  [{ _tag: "EndEarly", afterBytes: 3000 }],
  [{ _tag: "MalformedJson", afterBytes: 3000 }],
  [{ _tag: "BadBase64" }],
  [{ _tag: "InBandError", message: "the model broke", afterBytes: 3000 }],
  [{ _tag: "Split", bytes: 333 }],
  [{ _tag: "SlowDrip", bytes: 4000, every: 5 }],
  [{ _tag: "EmptyAudio" }],
  [{ _tag: "ContentType", contentType: "text/html" }],
  [{ _tag: "Close", code: 1011, afterBytes: 2000 }],
  [{ _tag: "Delay", before: "audio", duration: "50 millis" }]
]

describe("batch", () => {
  it.scopedLive(
    "among faults - every row is right or reported, and reruns end where an undisturbed run does",
    () =>
      Effect.gen(function*() {
        const cwd = yield* folder
        const env = yield* environment
        const { inject } = yield* WavesEmulator.WavesEmulator
        const rows = manifest(cwd, 200)
        const run = (out: string) => main(["batch", rows, "--out", join(cwd, out), "--concurrency", "8"], { env })

        const undisturbed = yield* run("undisturbed")
        assert.strictEqual(undisturbed.code, 0, undisturbed.stderr)
        assert.match(undisturbed.stderr, /undisturbed: 200 of 200 rows spoken, [\d.]+ s of speech in [\d.]+ s\n$/)
        assert.strictEqual(undisturbed.stdout.length, 0)
        const expected = contents(join(cwd, "undisturbed"))
        assert.lengthOf(Object.keys(expected), 201)

        yield* Effect.forEach(faults, (faults) => inject({ faults }))
        const struck = yield* run("struck")
        assert.strictEqual(struck.code, 1)
        const unspoken = report(join(cwd, "struck")).filter(({ status }) => status !== "spoken")
        assert.isAbove(unspoken.length, 0)
        for (const { id, message } of unspoken) {
          assert.isString(message)
          assert.include(struck.stderr, `: ${String(id)}: `)
        }
        const { "report.jsonl": _, ...files } = contents(join(cwd, "struck"))
        assert.lengthOf(Object.keys(files), 200 - unspoken.length)
        for (const [name, bytes] of Object.entries(files)) assert.strictEqual(bytes, expected[name], name)

        const again = yield* run("struck")
        assert.strictEqual(again.code, 0, again.stderr)
        assert.include(again.stderr, `${200 - unspoken.length} of them before`)
        assert.deepStrictEqual(contents(join(cwd, "struck")), expected)
      }).pipe(Effect.provide(emulator)),
    60_000
  )

  it.scopedLive("killed at any moment - goes on where it was, to the same bytes", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const env = yield* environment
      const { inject, requests } = yield* WavesEmulator.WavesEmulator
      const rows = manifest(cwd, 24)
      const args = ["batch", rows, "--concurrency", "2", "--out"]
      yield* main([...args, join(cwd, "undisturbed")], { env })
      const out = join(cwd, "killed")
      mkdirSync(out)

      yield* inject({ faults: [{ _tag: "Delay", before: "audio", duration: "40 millis" }], times: 1000 })
      for (const count of [3, 9, 15]) {
        const { child, outcome } = yield* start([...args, out], { cwd, env })
        yield* Effect.sync(() => wavs(out).length).pipe(
          Effect.repeat({ until: (length) => length >= count, schedule: Schedule.spaced("5 millis") }),
          Effect.raceFirst(outcome)
        )
        child.kill("SIGKILL")
        yield* outcome
        for (const name of wavs(out)) {
          assert.deepStrictEqual(readFileSync(join(out, name)), readFileSync(join(cwd, "undisturbed", name)), name)
        }
      }
      const before = wavs(out).length
      assert.isBelow(before, 24)
      const asked = (yield* requests).length
      const { code, stderr } = yield* main([...args, out], { env })
      assert.strictEqual(code, 0, stderr)
      assert.deepStrictEqual(contents(out), contents(join(cwd, "undisturbed")))
      // A file whose line in the journal was lost to the kill is made again.
      assert.isAtMost((yield* requests).length - asked, 24 - before + 2)
    }).pipe(Effect.provide(emulator)), 60_000)

  it.scopedLive("run again - speaks what changed, is missing or was damaged, and nothing else", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const env = yield* environment
      const { requests } = yield* WavesEmulator.WavesEmulator
      const out = join(cwd, "out")
      const file = join(cwd, "rows.csv")
      const texts = Effect.map(
        requests,
        (all) => all.map(({ body }) => String(typeof body === "object" && body !== null && "text" in body && body.text))
      )
      writeFileSync(file, "id,text,speed\na,First.,\nb,Second.,\nc,Third.,1.5\nd,Fourth.,\n")
      yield* main(["batch", file, "--out", out], { env })
      writeFileSync(file, "id,text,speed\na,First.,\nb,Another.,\nc,Third.,1.75\nd,Fourth.,\n")
      writeFileSync(join(out, "d.wav"), "damaged")
      const count = (yield* texts).length
      const { code, stderr } = yield* main(["batch", file, "--out", out], { env })
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr, /4 of 4 rows spoken, 1 of them before/)
      assert.deepStrictEqual((yield* texts).slice(count), ["Another.", "Third.", "Fourth."])
      const unchanged = yield* main(["batch", file, "--out", out], { env })
      assert.match(unchanged.stderr, /4 of 4 rows spoken, 4 of them before\n$/)
      assert.lengthOf(yield* texts, count + 3)
    }).pipe(Effect.provide(emulator)))

  it.scopedLive("tables of spreadsheets - are read with their separators and heads", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const env = yield* environment
      const { requests } = yield* WavesEmulator.WavesEmulator
      const quoted = "\"One; two, three.\""
      const tables = [
        ["a.csv", `id;text;speed\na;${quoted};1.5\n`],
        ["b.csv", `sep=;\r\nid;text\r\na;${quoted}\r\n`],
        ["c.csv", `\ufeffSEP=|\nId|Text\na|One; two, three.\n`],
        ["d.csv", `ID;TEXT;SAMPLE_RATE\na;${quoted};8000\n`],
        ["e.csv", `id\ttext\na\tOne; two, three.\n`],
        ["f.tsv", `ID\tText\na\tOne; two, three.\n`],
        ["g.csv", `"Id";"Sample Rate";"Text"\na;8000;${quoted}\n`]
      ] as const
      for (const [name, content] of tables) {
        writeFileSync(join(cwd, name), content)
        const { code, stderr } = yield* main(["batch", join(cwd, name), "--out", join(cwd, `out-${name}`)], { env })
        assert.strictEqual(code, 0, name + stderr)
      }
      const texts = (yield* requests).map(({ body }) =>
        typeof body === "object" && body !== null && "text" in body ? body.text : undefined
      )
      assert.deepStrictEqual(texts, tables.map(() => "One; two, three."))
    }).pipe(Effect.provide(emulator)))

  it.scopedLive("rows that make no sense - are told with their lines, and the others are spoken", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const env = yield* environment
      const file = join(cwd, "rows.csv")
      const out = join(cwd, "out")
      writeFileSync(
        file,
        [
          "\ufeffid,text,speed,sample-rate",
          "good,\"Hello,",
          "there.\",1.5,8000",
          "../up,Hello.,,",
          "twice,One.,,",
          "TWICE,Two.,,",
          "CON,Hello.,,",
          "fast,Hello.,9,",
          "loud,\"Hello.\",,,shout",
          "silent,,,",
          ""
        ].join("\r\n")
      )
      const { code, stderr } = yield* main(["batch", file, "--out", out], { env })
      assert.strictEqual(code, 1)
      const expected: ReadonlyArray<readonly [number, RegExp]> = [
        [4, /\.\.\/up: The id "\.\.\/up" cannot be the name of a file/],
        [5, /twice: The id "twice" is also that of line 6/],
        [6, /TWICE: The id "TWICE" is also that of line 5/],
        [7, /CON: .*cannot be the name of a file/],
        [8, /fast: speed: expected a number between 0\.5 and 2, actual 9/],
        [9, /more cells than the first line has names \("shout" is too many\): put quotes/],
        [10, /silent: It has no text/]
      ]
      const told = stderr.split("\n")
      expected.forEach(([line, message], i) => {
        assert.include(told[i], `rows.csv:${line}: `)
        assert.match(told[i] ?? "", message)
      })
      assert.match(stderr, /effect-smallest: 7 rows of .* were not spoken; .*report\.jsonl/)
      assert.deepStrictEqual(readdirSync(out).sort(), ["good.wav", "report.jsonl"])
      const entries = report(out)
      assert.deepStrictEqual(entries.map(({ line }) => line), [2, ...expected.map(([line]) => line)])
      assert.deepInclude(entries[0], { id: "good", status: "spoken", file: "good.wav", sampleRate: 8000 })
      assert.strictEqual(entries[0]?.["bytes"], statSync(join(out, "good.wav")).size)
    }).pipe(Effect.provide(emulator)))

  it.scopedLive("rows with ssml - are spoken as scripts, again only if they change, and wrong ones are told with their place", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const out = join(cwd, "out")
      const file = join(cwd, "rows.jsonl")
      const write = (pause: string) =>
        writeFileSync(
          file,
          [
            { id: "text", text: "Hello." },
            { id: "ssml", ssml: `<speak>Hello. <break time="${pause}"/> <voice name="slt">Hi.</voice></speak>` },
            { id: "both", text: "Hello.", ssml: "<speak>Hello.</speak>" },
            { id: "broken", ssml: "<speak>Hello.</speek>" },
            { id: "audio", ssml: "<speak>\n<audio src=\"a.wav\"/></speak>" },
            { id: "nothing", ssml: "<speak><break/></speak>" }
          ].map((row) => JSON.stringify(row)).join("\n")
        )
      const batch = main(["batch", file, "--out", out, "--engine", "local"])
      const seconds = (id: string) =>
        Duration.toSeconds(Either.getOrThrow(Wav.decode(readFileSync(join(out, `${id}.wav`)))).duration)
      write("1s")
      const { code, stderr } = yield* batch
      assert.strictEqual(code, 1)
      const told = [
        /:3: both: It has both text and ssml/,
        /:4: broken: ssml: line 1, column \d+: /,
        /:5: audio: ssml: line 2, column 1: <audio> is not supported/,
        /:6: nothing: Nothing in the ssml can be spoken/
      ]
      for (const message of told) assert.match(stderr, message)
      assert.deepStrictEqual(readdirSync(out).sort(), ["report.jsonl", "ssml.wav", "text.wav"])
      const before = seconds("ssml")
      assert.isAbove(before, 1 + seconds("text"))
      assert.include((yield* batch).stderr, "2 of them before")
      write("2s")
      assert.include((yield* batch).stderr, "1 of them before")
      assert.closeTo(seconds("ssml"), before + 1, 0.001)
      const table = join(cwd, "rows.csv")
      writeFileSync(table, "id,ssml\na,\"<speak>One, <break time=\"\"300ms\"\"/> two.</speak>\"\n")
      assert.strictEqual((yield* main(["batch", table, "--out", join(cwd, "b"), "--engine", "local"])).code, 0)
    }))

  it.scopedLive("a manifest that makes no sense - is told in one sentence", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const at = (name: string, content: string | Uint8Array) => {
        writeFileSync(join(cwd, name), content)
        return join(cwd, name)
      }
      mkdirSync(join(cwd, "taken"))
      at(join("taken", "report.jsonl"), "something else\n")
      const out = ["--out", join(cwd, "out")]
      const good = at("good.csv", "id,text\na,Hello.\n")
      const cases: ReadonlyArray<readonly [number, ReadonlyArray<string>, RegExp]> = [
        [2, [at("a.txt", "Hello."), ...out], /must end in \.jsonl, \.csv or \.tsv/],
        [1, [join(cwd, "missing.csv"), ...out], /no file .*missing\.csv/],
        [1, [at("empty.jsonl", "\n"), ...out], /has no rows/],
        [1, [at("latin.csv", new Uint8Array([0x69, 0x64, 0xff])), ...out], /not UTF-8/],
        [1, [at("utf16.csv", Buffer.from("id,text\na,Hello.\n", "utf16le")), ...out], /zero bytes, as UTF-16 has/],
        [1, [at("b.csv", "name,text\na,Hello.\n"), ...out], /has no column id: its first line names the columns/],
        [1, [at("c.csv", "id,text,voize\na,Hello.,x\n"), ...out], /a column "voize", .*rename or remove it.*voice/],
        [1, [at("d.csv", "id,text\na,\"Hello.\n"), ...out], /is not CSV: .*quotes/],
        [1, [good, "--out", join(cwd, "taken")], /is not a report of this command and would be replaced/],
        [1, [good, "--out", good], /Could not write to/],
        [1, [good, "--engine", "waves", ...out], /SMALLEST_API_KEY.*--engine local/],
        [2, [good], /--out/],
        [2, [good, ...out, "--concurrency", "0"], /--concurrency takes a whole number from 1 to 100/]
      ]
      yield* Effect.forEach(cases, ([code, args, message]) =>
        Effect.map(main(["batch", ...args]), (outcome) => {
          assert.strictEqual(outcome.code, code, outcome.stderr)
          assert.match(outcome.stderr, /^effect-smallest: [^\n]*\.\n$/)
          assert.match(outcome.stderr, message)
        }))
    }))

  it.scopedLive("an account that is refused - ends the batch soon, and the rest can be tried again", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const env = yield* environment
      const { inject, requests } = yield* WavesEmulator.WavesEmulator
      yield* inject({ faults: [{ _tag: "Status", status: 402 }], times: 100 })
      const rows = manifest(cwd, 20)
      const { code, stderr } = yield* main(["batch", rows, "--out", join(cwd, "out")], { env })
      assert.strictEqual(code, 1)
      assert.match(stderr, /Add credits/)
      assert.lengthOf(yield* requests, 3)
      const statuses = report(join(cwd, "out")).map(({ status }) => status)
      assert.deepStrictEqual(statuses, [...Array(3).fill("failed"), ...Array(17).fill("waiting")])
    }).pipe(Effect.provide(emulator)))

  it.scopedLive("two at a time in one folder - the second is refused", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const out = join(cwd, "out")
      mkdirSync(join(out, ".batch"), { recursive: true })
      // The process that runs these tests is surely alive.
      writeFileSync(join(out, ".batch", "pid"), `${process.ppid}`)
      const { code, stderr } = yield* main(["batch", manifest(cwd, 1), "--out", out, "--engine", "local"])
      assert.strictEqual(code, 1)
      assert.match(stderr, /Another batch writes to .*wait for it/)
    }))
})
