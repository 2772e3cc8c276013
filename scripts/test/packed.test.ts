import { assert, describe, it } from "vitest"
import { installLine, installLineProblems, wavProblems } from "../packed.js"

const manifests = [{ name: "@effect-smallest/core", version: "0.1.0" }]

/** A 16-bit mono WAV of a square wave. */
const wav = (seconds: number, amplitude: number, rate = 24000) => {
  const bytes = Buffer.alloc(44 + Math.round(seconds * rate) * 2)
  bytes.write("RIFF", 0, "latin1")
  bytes.write("WAVEfmt ", 8, "latin1")
  bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(rate, 24)
  bytes.writeUInt16LE(16, 34)
  bytes.write("data", 36, "latin1")
  bytes.writeUInt32LE(bytes.length - 44, 40)
  for (let at = 44; at < bytes.length; at += 2) {
    bytes.writeInt16LE(at % 100 < 50 ? amplitude : -amplitude, at)
  }
  return bytes
}

describe("packed", () => {
  it("installLine - reads the command between its marks, continued lines as one", () => {
    const readme = "# A\n\n<!-- install -->\n\n```sh\nnpm install \\\n  a@1.0.0 b@2.0.0\n```\n\n<!-- /install -->\n"
    assert.strictEqual(installLine(readme), "npm install a@1.0.0 b@2.0.0")
    assert.strictEqual(installLine("```sh\nnpm install a\n```"), undefined)
  })

  it("installLineProblems - every package is pinned, and ours to the version at hand", () => {
    assert.deepStrictEqual(installLineProblems("npm install @effect-smallest/core@0.1.0 effect@3.22.4", manifests), [])
    assert.strictEqual(installLineProblems("npm install effect @effect/platform@^0.97.2", manifests).length, 2)
    assert.deepStrictEqual(installLineProblems("npm install @effect-smallest/core@0.2.0", manifests), [
      "README.md: the install line says @effect-smallest/core@0.2.0, but this is version 0.1.0."
    ])
  })

  it("wavProblems - asks for audible 16-bit mono of more than a second that knows its length", () => {
    assert.deepStrictEqual(wavProblems(wav(1.5, 8000)), [])
    assert.deepStrictEqual(wavProblems(wav(1.5, 0)), ["is silent"])
    assert.deepStrictEqual(wavProblems(wav(0.5, 8000)), ["is not longer than a second"])
    assert.deepStrictEqual(wavProblems(wav(1.5, 8000, 16000)), ["has 16000 Hz, not 24000"])
    assert.deepStrictEqual(wavProblems(wav(1.5, 8000).subarray(0, 60000)), ["does not say its own length"])
    assert.deepStrictEqual(wavProblems(Buffer.from("{}")), ["is not a WAV file"])
  })
})
