import { assert, describe, it } from "vitest"
import { errorsByCode, renamed } from "../v4-watch.js"

describe("v4-watch", () => {
  it("renamed - moves modules and names, and nothing else", () => {
    assert.strictEqual(
      renamed([
        "import * as Either from \"effect/Either\"",
        "import type * as HttpClient from \"@effect/platform/HttpClient\"",
        "import type * as FileSystem from \"@effect/platform/FileSystem\"",
        "const a = Effect.zipRight(b, Effect.either(c))",
        "const d = Either.right(1) // Effect.forkScoped(e)"
      ].join("\n")),
      [
        "import * as Result from \"effect/Result\"",
        "import type * as HttpClient from \"effect/http/HttpClient\"",
        "import type * as FileSystem from \"effect/FileSystem\"",
        "const a = Effect.andThen(b, Effect.result(c))",
        "const d = Result.succeed(1) // Effect.forkScoped(e)"
      ].join("\n")
    )
  })

  it("errorsByCode - counts, most frequent first", () => {
    const output = "a.ts(1,2): error TS2339: x\na.ts(1,3): error TS2305: y\nb.ts(4,5): error TS2305: z\n"
    assert.deepStrictEqual([...errorsByCode(output)], [["TS2305", 2], ["TS2339", 1]])
  })
})
