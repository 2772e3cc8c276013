import { assert, describe, it } from "vitest"
import { wordAccuracy, words } from "../intelligibility.js"

const accuracy = (spoken: string, heard: string) => wordAccuracy(words(spoken), words(heard))

describe("intelligibility", () => {
  it("wordAccuracy - counts wrong, missing and added words against the speech", () => {
    assert.strictEqual(accuracy("One two three four.", "one two three four"), 1)
    assert.strictEqual(accuracy("One two three four.", "one too three four"), 0.75)
    assert.strictEqual(accuracy("One two three four.", "two four"), 0.5)
    assert.strictEqual(accuracy("One two three four.", "and one two three four"), 0.75)
    assert.strictEqual(accuracy("One two three four.", ""), 0)
    assert.strictEqual(accuracy("One.", "some other words"), 0)
  })
})
