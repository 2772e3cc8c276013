import { assert, describe, it } from "@effect/vitest"
import * as BoundedNames from "../../src/internal/boundedNames.js"

describe("boundedNames", () => {
  it("the first names pass, again and again, and all others are one", () => {
    const bounded = BoundedNames.make(2)
    assert.deepStrictEqual(["a", "b", "c", "a", "d", "b"].map(bounded), ["a", "b", "_OTHER", "a", "_OTHER", "b"])
  })
})
