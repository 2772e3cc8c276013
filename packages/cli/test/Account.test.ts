import { WavesEmulator } from "@effect-smallest/emulator"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { folder, main } from "./command.js"
import { tone } from "./server.js"

const Emulator = WavesEmulator.layer({ engine: "tone" })

/** The command with a key, against the emulator. */
const run = (args: ReadonlyArray<string>, input?: string) =>
  Effect.flatMap(WavesEmulator.WavesEmulator, ({ url }) =>
    Effect.map(
      main(args, { env: { SMALLEST_API_KEY: "sk_account", SMALLEST_BASE_URL: url }, input }),
      ({ code, stderr, stdout }) => ({ code, stderr, text: stdout.toString() })
    ))

const json = (...args: ReadonlyArray<string>) =>
  Effect.map(run([...args, "--json"]), ({ code, stderr, text }) => {
    assert.strictEqual(code, 0, stderr)
    return JSON.parse(text)
  })

const lines = (text: string) => text.split("\n").filter((line) => line !== "")

const wav = (seconds: number): Uint8Array => {
  const pcm = Buffer.from(tone(seconds))
  const header = Buffer.alloc(44)
  header.write("RIFF", 0, "latin1")
  header.writeUInt32LE(36 + pcm.length, 4)
  header.write("WAVEfmt ", 8, "latin1")
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(24000, 24)
  header.writeUInt32LE(48000, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write("data", 36, "latin1")
  header.writeUInt32LE(pcm.length, 40)
  return Buffer.concat([header, pcm])
}

const inFolder = (name: string, content: string | Uint8Array) =>
  Effect.map(folder, (folder) => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  })

describe("voices, models, languages", () => {
  it.scopedLive("with a key - are those of the server, filtered", () =>
    Effect.gen(function*() {
      const { requests } = yield* WavesEmulator.WavesEmulator
      const japanese = yield* json("voices", "--language", "Japanese")
      assert.isAbove(japanese.length, 2)
      for (const { languages, previewUrl } of japanese) {
        assert.include(languages, "ja")
        assert.match(previewUrl, /^http/)
      }
      const british = lines((yield* run(["voices", "--accent", "BRITISH", "--gender", "female"])).text)
      assert.include(british.map((line) => line.replace(/ +/g, " ")), "sophie female british en lightning_v3.1_pro")
      const standard = yield* json("voices", "--model", "lightning_v3.1")
      assert.isTrue(standard.every(({ models }: { models: unknown }) => String(models) === "lightning_v3.1"))
      assert.isAbove((yield* requests).length, 0)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("--offline - asks no server", () =>
    Effect.gen(function*() {
      const { requests } = yield* WavesEmulator.WavesEmulator
      assert.isAbove((yield* json("voices", "--offline", "--language", "hi")).length, 10)
      assert.strictEqual((yield* json("languages", "--offline", "--model", "lightning_v3.1")).length, 21)
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("models - count voices, and are those that speak a language", () =>
    Effect.gen(function*() {
      const [pro, ...others] = yield* json("models", "--language", "ja")
      assert.deepStrictEqual(others, [])
      assert.strictEqual(pro.id, "lightning_v3.1_pro")
      assert.isAbove(pro.voices, 100)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("a model that the server has retired - is not listed", () =>
    Effect.gen(function*() {
      const { inject } = yield* WavesEmulator.WavesEmulator
      yield* inject({ faults: [{ _tag: "Status", status: 410 }], path: "/waves/v1/lightning-v3.1/" })
      assert.deepStrictEqual(
        (yield* json("models")).map(({ id }: { id: unknown }) => id),
        ["lightning_v3.1_pro", "lightning_v4"]
      )
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive.each([400, 403, 404, 410] as const)(
    "lightning_v3.1 retires with a %d - every command survives",
    (status) =>
      Effect.gen(function*() {
        const models = yield* run(["models", "--json"])
        assert.strictEqual(models.code, 0, models.stderr)
        assert.deepStrictEqual(
          JSON.parse(models.text).map(({ id }: { id: unknown }) => id),
          ["lightning_v3.1_pro", "lightning_v4"]
        )
        assert.match(models.stderr, /^The server does not offer lightning_v3\.1: .* Use lightning_v3\.1_pro.*\n$/)
        const voices = yield* json("voices")
        assert.isAbove(voices.length, 100)
        assert.notInclude(JSON.stringify(voices), "\"lightning_v3.1\"")
        for (const list of ["voices", "languages"]) {
          const refused = yield* run([list, "--model", "lightning_v3.1"])
          assert.strictEqual(refused.code, 1)
          assert.match(refused.stderr, /does not offer lightning_v3\.1: .*retired on 2026-11-30.*lightning_v3\.1_pro/)
          assert.strictEqual((yield* run([list])).code, 0)
        }
        const file = yield* inFolder("me.wav", wav(0.2))
        for (
          const args of [
            ["speak", "Hello.", "--model", "lightning_v3.1", "--voice", "sophia", "--raw", "--out", "-"],
            ["clones", "create", "--name", "Me", "--model", "lightning_v3.1", file]
          ]
        ) {
          const refused = yield* run(args)
          assert.strictEqual(refused.code, 1)
          assert.match(refused.stderr, /retired on 2026-11-30\. Use lightning_v3\.1_pro/)
        }
        for (
          const args of [
            ["speak", "Hello.", "--raw", "--out", "-"],
            ["clones", "create", "--name", "Me", file],
            ["dictionaries", "list"],
            ["clones", "list"],
            ["doctor"]
          ]
        ) {
          const { code, stderr } = yield* run(args)
          assert.strictEqual(code, 0, stderr)
        }
        const rows = yield* inFolder(
          "rows.jsonl",
          "{\"id\":\"a\",\"text\":\"One.\",\"model\":\"lightning_v3.1\"}\n{\"id\":\"b\",\"text\":\"Two.\"}\n"
        )
        const batch = yield* run(["batch", rows, "--out", join(rows, "..", "out")])
        assert.strictEqual(batch.code, 1)
        assert.isTrue(existsSync(join(rows, "..", "out", "b.wav")), batch.stderr)
        assert.isFalse(existsSync(join(rows, "..", "out", "a.wav")))
      }).pipe(Effect.provide(WavesEmulator.layer({ engine: "tone", assumptions: { lightningV31: status } })))
  )

  it.scopedLive("lightning_v4 - speak and batch open a conversation, and voices ask the server for its voices", () =>
    Effect.gen(function*() {
      const { requests } = yield* WavesEmulator.WavesEmulator
      const ids = (yield* json("voices", "--model", "lightning_v4")).map(({ id }: { id: string }) => id)
      assert.include(ids, "brannock")
      const options = ["--model", "lightning_v4", "--voice", "rhodes", "--sample-rate", "16000"]
      const spoken = yield* run(["speak", "Good morning. How can I help?", ...options, "--raw", "--out", "-"])
      assert.strictEqual(spoken.code, 0, spoken.stderr)
      assert.match(spoken.stderr, /rhodes/)
      const rows = yield* inFolder("rows.jsonl", "{\"id\":\"a\",\"text\":\"One.\"}\n{\"id\":\"b\",\"text\":\"Two.\"}\n")
      const out = join(rows, "..", "out")
      const batch = yield* run(["batch", rows, "--out", out, ...options])
      assert.strictEqual(batch.code, 0, batch.stderr)
      assert.isTrue(existsSync(join(out, "a.wav")) && existsSync(join(out, "b.wav")))
      const paths = (yield* requests).map(({ path }) => path)
      assert.strictEqual(paths.filter((path) => path.startsWith("/waves/v1/lightning-v4/live")).length, 2)
      assert.isFalse(paths.includes("/waves/v1/tts"))
      const refused = yield* run(["speak", "Bonjour.", ...options, "--language", "fr", "--raw", "--out", "-"])
      assert.strictEqual(refused.code, 1)
      assert.match(refused.stderr, /must be en or auto, not fr/)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("an account without lightning_v4 - hears what to ask for", () =>
    Effect.gen(function*() {
      const refused = yield* run(["speak", "Hello.", "--model", "lightning_v4", "--raw", "--out", "-"])
      assert.strictEqual(refused.code, 1)
      assert.match(refused.stderr, /vendor/)
      const voices = yield* run(["voices"])
      assert.strictEqual(voices.code, 0)
      assert.match(voices.stderr, /does not offer lightning_v4/)
    }).pipe(
      Effect.provide(WavesEmulator.layer({ engine: "tone", models: ["lightning_v3.1_pro", "lightning_v3.1"] }))
    ))

  it.scopedLive("nothing that fits - is reported, and is not a failure", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* run(["voices", "--language", "Klingon"]), {
        code: 0,
        stderr: "No voice fits; effect-smallest voices --engine waves lists all.\n",
        text: ""
      })
      assert.deepStrictEqual(yield* json("languages", "--model", "gpt"), [])
    }).pipe(Effect.provide(Emulator)))
})

describe("clones", () => {
  it.scopedLive("create, list, get - and speech with the clone", () =>
    Effect.gen(function*() {
      const file = yield* inFolder("me.wav", wav(0.2))
      assert.match((yield* run(["clones", "list"])).stderr, /^The account has no voice clones; .*create FILE/)
      const made = yield* run(["clones", "create", "--name", "Me", "--tag", "calm", "--tag", "warm", file])
      assert.strictEqual(made.code, 0, made.stderr)
      const voice = made.text.trim()
      assert.match(voice, /^voice_\w+$/)
      assert.include(made.stderr, `--voice ${voice} --model lightning_v3.1_pro`)
      const [listed] = yield* json("clones", "list")
      assert.deepInclude(listed, { voice, name: "Me", status: "completed", tags: ["calm", "warm"] })
      assert.match(
        (yield* run(["clones", "list"])).text,
        new RegExp(`^${voice}  Me  completed  en  lightning_v3.1_pro  \\d{4}-\\d\\d-\\d\\d\\n$`)
      )
      for (const id of [voice, listed.id]) assert.deepStrictEqual(yield* json("clones", "get", id), listed)
      assert.match((yield* run(["clones", "get", voice])).text, /^name +Me$/m)
      const spoken = yield* run(["speak", "Is it me?", "--voice", voice, "--raw", "--out", "-"])
      assert.strictEqual(spoken.code, 0, spoken.stderr)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("what cannot be done - is one sentence that says what to do", () =>
    Effect.gen(function*() {
      const text = yield* inFolder("me.txt", "This is no recording.")
      const large = yield* inFolder("me.wav", new Uint8Array(5_000_001))
      const cases: ReadonlyArray<readonly [number, ReadonlyArray<string>, RegExp]> = [
        [1, ["create", text, "--name", "Me"], /neither WAV nor MP3, WebM or MP4: convert it to WAV\./],
        [1, ["create", large, "--name", "Me"], /larger than the 5 MB/],
        [1, ["create", "/dev/zero", "--name", "Me"], /larger than the 5 MB/],
        [1, ["create", "nowhere.wav", "--name", "Me"], /There is no file nowhere\.wav\./],
        [2, ["create", text, "--name", " "], /--name takes a name/],
        [2, ["lst"], /clones has no command lst; did you mean list\?/],
        [2, ["bogus"], /no command bogus: there are create, delete, get, list /],
        [2, ["--bogus"], /no option --bogus/],
        [1, ["get", "voice_nobody"], /The account has no voice clone voice_nobody\./],
        [1, ["delete", "voice_nobody"], /does not let API keys delete voice clones.*console/]
      ]
      for (const [code, args, line] of cases) {
        const outcome = yield* run(["clones", ...args])
        assert.match(outcome.stderr, line)
        assert.deepStrictEqual([outcome.code, lines(outcome.stderr).length, outcome.text], [code, 1, ""])
      }
      const keyless = yield* main(["clones", "list"])
      assert.strictEqual(keyless.code, 1)
      assert.match(keyless.stderr, /^effect-smallest: No API key: .*set SMALLEST_API_KEY/)
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("a key that the server does not know - is told without talk of engines", () =>
    Effect.gen(function*() {
      const { inject } = yield* WavesEmulator.WavesEmulator
      yield* inject({ faults: [{ _tag: "Status", status: 401 }] })
      const { code, stderr } = yield* run(["dictionaries", "list"])
      assert.strictEqual(code, 1)
      assert.strictEqual(
        stderr,
        "effect-smallest: The server does not know the key (unauthorized): set SMALLEST_API_KEY to one of your account " +
          "(they start with sk_).\n"
      )
    }).pipe(Effect.provide(Emulator)))
})

describe("dictionaries", () => {
  it.scopedLive("create, list, update, delete - and speech with a dictionary", () =>
    Effect.gen(function*() {
      const long = "structured query language"
      const made = yield* run(["dictionaries", "create", "--item", `SQL=${long}`, "--item", "a=b = c"])
      assert.strictEqual(made.code, 0, made.stderr)
      const id = made.text.trim()
      const items = [{ word: "SQL", pronunciation: long }, { word: "a", pronunciation: "b = c" }]
      assert.deepInclude((yield* json("dictionaries", "list"))[0], { id, items })
      assert.match((yield* run(["dictionaries", "list"])).text, new RegExp(`^${id}  .*  SQL=${long}, a=b = c\n$`))
      const speak = (...args: ReadonlyArray<string>) =>
        Effect.map(run(["speak", "SQL", "--raw", "--out", "-", ...args]), ({ code, stderr, text }) => {
          assert.strictEqual(code, 0, stderr)
          return text.length
        })
      assert.isAbove(yield* speak("--dictionary", id), 2 * (yield* speak()))

      const written = [
        [yield* inFolder("words.txt", "# names\r\nnginx = engine x\r\n\r\nnaïve=nigh eve\r\n"), undefined],
        [yield* inFolder("words.json", "{\"nginx\": \"engine x\", \"naïve\": \"nigh eve\"}"), undefined],
        [
          "-",
          "[{\"word\": \"nginx\", \"pronunciation\": \"engine x\"}, {\"word\": \"naïve\", \"pronunciation\": \"nigh eve\"}]"
        ],
        ["-", "nginx=engine x\nnaïve=nigh eve"]
      ] as const
      for (const [file, input] of written) {
        const updated = yield* run(["dictionaries", "update", id, file], input)
        assert.strictEqual(updated.code, 0, updated.stderr)
        assert.deepStrictEqual((yield* json("dictionaries", "list"))[0].items, [
          { word: "nginx", pronunciation: "engine x" },
          { word: "naïve", pronunciation: "nigh eve" }
        ])
      }
      assert.strictEqual((yield* run(["dictionaries", "delete", id])).code, 0)
      assert.deepStrictEqual(yield* json("dictionaries", "list"), [])
    }).pipe(Effect.provide(Emulator)))

  it.scopedLive("what cannot be done - is one sentence that says what to do", () =>
    Effect.gen(function*() {
      const broken = yield* inFolder("broken.json", "[{\"word\": \"SQL\"}]")
      const prose = yield* inFolder("prose.txt", "SQL=sequel\nThis is a text.\n")
      const unknown = "0123456789abcdef01234567"
      const cases: ReadonlyArray<readonly [number, ReadonlyArray<string>, RegExp]> = [
        [2, ["create"], /There are no words: add --item SQL=sequel/],
        [2, ["create", "--item", "SQL"], /--item takes word=pronunciation, as in SQL=sequel, not "SQL"/],
        [1, ["create", "--item", "SQL="], /The word "SQL" has no pronunciation\./],
        [1, ["create", "--item", "SQL=a", "--item", "SQL=b"], /The word "SQL" is there twice\./],
        [1, ["create", broken], /is not a dictionary: write \{"SQL": "sequel"\}/],
        [1, ["create", prose], /Line 2 of .*prose\.txt is not word=pronunciation/],
        [1, ["update", "12", "--item", "SQL=sequel"], /has 24 hexadecimal digits, "12" does not\./],
        [1, ["update", unknown, "--item", "SQL=sequel"], new RegExp(`The account has no dictionary ${unknown}\\.`)],
        [1, ["delete", unknown], new RegExp(`The account has no dictionary ${unknown}\\.`)]
      ]
      for (const [code, args, line] of cases) {
        const outcome = yield* run(["dictionaries", ...args])
        assert.match(outcome.stderr, line)
        assert.deepStrictEqual([outcome.code, lines(outcome.stderr).length, outcome.text], [code, 1, ""])
      }
      const local = yield* run(["speak", "Hi.", "--engine", "local", "--dictionary", unknown, "--out", "-"])
      assert.strictEqual(local.code, 1)
      assert.match(local.stderr, /no option --dictionary/)
    }).pipe(Effect.provide(Emulator)))
})
