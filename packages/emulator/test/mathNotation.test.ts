import { assert, describe, it } from "@effect/vitest"
import { spellOut } from "../src/internal/mathNotation.js"

describe("spellOut", () => {
  const cases: Readonly<Record<string, string>> = {
    "2+2=4": "2 plus 2 equals 4",
    "3 × 4": "3 times 4",
    "3x4 and 3*4": "3 times 4 and 3 times 4",
    "2^10 or 2**10": "2 to the power of 10 or 2 to the power of 10",
    "8 ÷ 2": "8 divided by 2",
    "8 / 2": "8 divided by 2",
    "1/2": "1/2",
    "9 - 4": "9 minus 4",
    "9 − 4": "9 minus 4",
    "5-3": "5-3",
    "2 * $5": "2 times $5",
    "2026-08-04": "2026-08-04",
    "version 1.2.3": "version 1.2.3",
    "a + b": "a + b"
  }
  for (const [written, spoken] of Object.entries(cases)) {
    it(`spells out ${written}`, () => assert.strictEqual(spellOut(written), spoken))
  }
})
