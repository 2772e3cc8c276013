import { WavesSpeechOptions } from "@effect-smallest/waves"
import { assert, describe, it } from "@effect/vitest"
import { Either, Schema } from "effect"

const accepts = (options: unknown) =>
  Either.isRight(Schema.decodeUnknownEither(WavesSpeechOptions.WavesOptions)(options))

describe("WavesOptions", () => {
  it.each<readonly [string, ReadonlyArray<unknown>, ReadonlyArray<unknown>]>([
    [
      "pronunciationDictionaries",
      [[], ["0123456789abcdefABCDEF01"]],
      [["0123456789abcdefABCDEF0"], ["g".repeat(24)], "x"]
    ],
    ["enhancement", [0, 1, 2], [3, -1, 0.5]],
    ["similarity", [0, 0.5, 1], [-0.1, 1.1]],
    ["mathNotation", [true, false], ["true"]],
    ["saveHistory", [true, false], [1]]
  ])("%s - bounds", (field, good, bad) => {
    for (const value of good) assert.isTrue(accepts({ [field]: value }), JSON.stringify(value))
    for (const value of bad) assert.isFalse(accepts({ [field]: value }), JSON.stringify(value))
  })
})
