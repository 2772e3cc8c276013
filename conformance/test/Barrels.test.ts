/** What programs without a test runner, and people who choose a voice, find by the front door. */
import { SpeechSynthesizer } from "@effect-smallest/core"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href

describe("the front doors", () => {
  it("the doubles of testing - load in plain Node, where Vitest does not", () => {
    const program =
      "import * as testing from '@effect-smallest/testing'; console.log(Object.keys(testing).sort().join())"
    const names = execFileSync(
      process.execPath,
      ["--import", tsx, "--conditions=@effect-smallest/source", "--input-type=module", "--eval", program],
      { cwd: import.meta.dirname, encoding: "utf8" }
    )
    assert.strictEqual(names.trim(), "RecordedSpeech,TestAudioPlayer,TestSpeechSynthesizer")
  })

  it.scopedLive("the embedded voice in Node - takes options", () =>
    Effect.gen(function*() {
      const { defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
      assert.deepInclude(defaults, { voice: "slt", sampleRate: 16000 })
    }).pipe(Effect.provide(LocalSpeechSynthesizer.layerNode({ voice: "slt", sampleRate: 16000 }))))
})
