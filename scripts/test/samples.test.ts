import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { checkSamples, samplesOfMarkdown, samplesOfModule } from "../samples.js"
import { repository } from "../workspace.js"
import { manifest, repositoryOf } from "./fixture.js"

const fence = "```"

describe("samples", () => {
  it("samplesOfModule - takes the block of an @example with the line it stands on", () => {
    const module =
      `import * as A from "a"\n\n/**\n * Text.\n *\n * @example\n * ${fence}ts\n * const a = 1\n *\n * if (a) {\n *   b()\n * }\n * ${fence}\n */\nexport const c = 1\n`
    assert.deepStrictEqual(samplesOfModule("A.ts", module), {
      samples: [{ file: "A.ts", line: 8, code: "const a = 1\n\nif (a) {\n  b()\n}" }],
      problems: []
    })
  })

  it("samplesOfModule - an @example without a block is a problem", () => {
    assert.deepStrictEqual(samplesOfModule("A.ts", "/**\n * Text.\n *\n * @example\n * const a = 1\n */\n").problems, [
      "A.ts:4: this @example has no ```ts block."
    ])
  })

  it("samplesOfMarkdown - takes ts blocks, also in lists, and leaves other languages", () => {
    const page = `# Page\n\n${fence}sh\nls\n${fence}\n\n1. Item\n\n   ${fence}ts\n   const a = 1\n   ${fence}\n`
    assert.deepStrictEqual(samplesOfMarkdown("a.md", page), {
      samples: [{ file: "a.md", line: 10, code: "const a = 1" }],
      problems: []
    })
  })

  it("samplesOfMarkdown - a block that wants no check, or has another name for TypeScript, is a problem", () => {
    const page = `${fence}ts no-check\nlet a\n${fence}\n\n${fence}typescript\nlet b\n${fence}\n`
    const { problems, samples } = samplesOfMarkdown("a.md", page)
    assert.deepStrictEqual(samples, [])
    assert.strictEqual(problems.length, 2)
    assert.match(problems[0] ?? "", /^a\.md:1: /)
    assert.match(problems[1] ?? "", /^a\.md:5: /)
  })

  it("samplesOfMarkdown - a block that is never closed is a problem", () => {
    assert.deepStrictEqual(samplesOfMarkdown("a.md", `${fence}ts\nlet a\n`).problems, [
      "a.md:1: this code block is never closed."
    ])
  })

  it("checkSamples - tells a type error at the line of the docstring or page, and nothing about good samples", () => {
    const root = repositoryOf({
      "packages/core/package.json": manifest("core"),
      "packages/core/src/A.ts":
        `/**\n * @example\n * ${fence}ts\n * const a: number = 1\n * a.toFixed()\n * ${fence}\n */\n` +
        `export const a = 1\n\n/**\n * @example\n * ${fence}ts\n * const b: number = "b"\n * ${fence}\n */\nexport const b = 1\n`,
      "docs/guide/page.md":
        `# Page\n\n${fence}ts\nimport * as Effect from "effect/Effect"\n\nEffect.nonsense\n${fence}\n`
    })
    const { count, problems } = checkSamples(root, join(repository, "examples/node_modules"))
    assert.strictEqual(count, 3)
    assert.strictEqual(problems.length, 2)
    assert.match(problems[0] ?? "", /^packages\/core\/src\/A\.ts:13: error TS2322: /)
    assert.match(problems[1] ?? "", /^docs\/guide\/page\.md:6: error TS2339: /)
  })
})
