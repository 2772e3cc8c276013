import { assert, describe, it } from "vitest"
import { brokenArrows, circlesOf, importsOf } from "../arrows.js"
import { manifest, repositoryOf } from "./fixture.js"

const core = manifest("core", { peerDependencies: { effect: "^3" } })
const stream = manifest("stream", {
  dependencies: { "@effect-smallest/core": "1" },
  peerDependencies: { effect: "^3" }
})

const allProblemsOf = (files: Record<string, string>) =>
  brokenArrows(
    repositoryOf({ "packages/core/package.json": core, "packages/stream/package.json": stream, ...files })
  )

/** Without dependencies that nothing imports: most of these repositories have a file or two. */
const problemsOf = (files: Record<string, string>) =>
  allProblemsOf(files).filter((problem) => !problem.includes("which nothing in"))

describe("arrows", () => {
  it("imports that follow the arrows - hold", () => {
    assert.deepStrictEqual(
      problemsOf({
        "packages/core/src/Pcm.ts": "import * as Effect from \"effect/Effect\"\nimport \"./Wav.js\"\n",
        "packages/core/test/Pcm.test.ts":
          "import { it } from \"@effect/vitest\"\nimport \"../src/Pcm.js\"\nimport \"node:fs\"\n",
        "packages/stream/src/Segmenter.ts": "import * as Pcm from \"@effect-smallest/core/Pcm\"\n"
      }),
      []
    )
  })

  it("an import against an arrow - is told at its line, in src and in test", () => {
    const against = "import * as A from \"effect/Array\"\nimport * as S from \"@effect-smallest/stream/SpeechStream\"\n"
    const problems = problemsOf({ "packages/core/src/A.ts": against, "packages/core/test/A.test.ts": against })
    assert.deepStrictEqual(problems, [
      "packages/core/src/A.ts:2: core may not import @effect-smallest/stream. It may import: none.",
      "packages/core/test/A.test.ts:2: core may not import @effect-smallest/stream. It may import: none."
    ])
  })

  it("a dependency against an arrow - is told, devDependencies too", () => {
    const problems = problemsOf({
      "packages/core/package.json": manifest("core", {
        peerDependencies: { effect: "^3", "@effect/platform-node": "^0" },
        devDependencies: { "@effect-smallest/stream": "workspace:^" }
      })
    })
    assert.strictEqual(problems.length, 2)
    assert.match(problems.join(), /core may not depend on @effect\/platform-node/)
    assert.match(problems.join(), /core may not depend on @effect-smallest\/stream/)
  })

  it("a private workspace - may import anything and be imported by nothing", () => {
    const problems = problemsOf({
      "conformance/package.json": manifest("conformance", { private: true }),
      "conformance/test/a.test.ts": "import * as S from \"@effect-smallest/stream/SpeechStream\"\n",
      "packages/stream/test/b.test.ts": "import { a } from \"@effect-smallest/conformance\"\n"
    })
    assert.deepStrictEqual(problems, [
      "packages/stream/test/b.test.ts:1: imports @effect-smallest/conformance, a private workspace. Nothing may import it."
    ])
  })

  it("a relative import that leaves the package, or src - is told", () => {
    const problems = problemsOf({
      "packages/stream/src/A.ts": "export * from \"../../core/src/Pcm.js\"\n",
      "packages/stream/src/B.ts": "const text = await import(\"../test/text.js\")\n",
      "packages/stream/test/C.ts": "new URL(\"../../../README.md\", import.meta.url)\n"
    })
    assert.strictEqual(problems.length, 3)
    assert.match(problems[0] ?? "", /lies outside of packages\/stream/)
    assert.match(problems[1] ?? "", /is not in packages\/stream\/src/)
    assert.match(problems[2] ?? "", /lies outside of packages\/stream/)
  })

  it("Node in a package that runs in browsers, and what no manifest names - are told", () => {
    const problems = problemsOf({ "packages/core/src/A.ts": "import \"node:fs\"\nimport ws from \"ws\"\n" })
    assert.strictEqual(problems.length, 2)
    assert.match(problems[0] ?? "", /core also runs in browsers/)
    assert.match(problems[1] ?? "", /names in neither dependencies nor peerDependencies/)
  })

  it("a circle of values between modules - is reported, a circle through types is not", () => {
    const values = problemsOf({
      "packages/core/src/A.ts": "import * as B from \"./B.js\"\n",
      "packages/core/src/B.ts": "export * as C from \"./internal/c.js\"\n",
      "packages/core/src/internal/c.ts": "import {\n  type D,\n  a\n} from \"../A.js\"\n"
    })
    assert.deepStrictEqual(values, [
      "packages/core/src/A.ts: imports itself through packages/core/src/B.ts -> packages/core/src/internal/c.ts -> " +
      "packages/core/src/A.ts. Move what both need to a module of its own."
    ])
    const types = problemsOf({
      "packages/core/src/A.ts": "import * as B from \"./B.js\"\n",
      "packages/core/src/B.ts": "import type {\n  A\n} from \"./A.js\"\nimport { type A as C } from \"./A.js\"\n"
    })
    assert.deepStrictEqual(types, [])
  })

  it("a circle through the package's own name - is reported", () => {
    const problems = problemsOf({
      "packages/core/src/A.ts": "import * as B from \"@effect-smallest/core/B\"\n",
      "packages/core/src/B.ts": "import * as A from \"./A.js\"\n"
    })
    assert.lengthOf(problems, 1)
    assert.match(problems[0] ?? "", /A\.ts: imports itself through packages\/core\/src\/B\.ts/)
  })

  it("modules that import each other in several ways - are one circle, the shortest", () => {
    assert.deepStrictEqual(
      circlesOf(new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", ["a", "d"]], ["d", ["b"]], ["e", ["e"]]])),
      [["a", "c", "a"], ["e", "e"]]
    )
  })

  const localProblemsOf = (files: Record<string, string>) =>
    allProblemsOf(files).filter((problem) => problem.startsWith("packages/local"))

  it("a dependency that nothing imports - is reported, unless a dependency asks for it as a peer", () => {
    const unused = manifest("local", {
      dependencies: { "@effect-smallest/core": "1" },
      peerDependencies: { effect: "^3", "@effect/platform": "^0" }
    })
    const imports = "import * as Effect from \"effect/Effect\"\nimport * as Pcm from \"@effect-smallest/core/Pcm\"\n"
    assert.deepStrictEqual(
      localProblemsOf({ "packages/local/package.json": unused, "packages/local/src/A.ts": imports }),
      ["packages/local/package.json: depends on @effect/platform, which nothing in packages/local/src imports."]
    )
    const asked = manifest("core", { peerDependencies: { "@effect/platform": "^0" } })
    assert.deepStrictEqual(
      localProblemsOf({
        "packages/core/package.json": asked,
        "packages/core/src/A.ts": "import * as Http from \"@effect/platform/HttpClient\"\n",
        "packages/local/package.json": unused,
        "packages/local/src/A.ts": imports
      }),
      []
    )
  })

  it("a package without arrows - is told", () => {
    assert.match(problemsOf({ "packages/new/package.json": manifest("new") }).join(), /packages\/new: has no arrows/)
  })

  it("importsOf - reads every kind of import and no comment", () => {
    const source = [
      "/**",
      " * import { no } from \"a-docstring\"",
      " */",
      "import type { B } from \"b\"",
      "",
      "import {",
      "  c",
      "} from \"c\"",
      "// import \"no\"",
      "import \"d\"",
      "export { e } from \"e\"",
      "export * as F from \"f\"",
      "const g = import(\"g\")",
      "const h = import.meta.resolve(\"h\")",
      "export const text = \"import 'no'\""
    ].join("\n")
    assert.deepStrictEqual(importsOf(source), [
      { specifier: "b", line: 4, isType: true },
      { specifier: "c", line: 6, isType: false },
      { specifier: "d", line: 10, isType: false },
      { specifier: "e", line: 11, isType: false },
      { specifier: "f", line: 12, isType: false },
      { specifier: "g", line: 13, isType: false },
      { specifier: "h", line: 14, isType: false }
    ])
  })

  it("importsOf - reads imports however they are written", () => {
    const source = [
      "export const a1 = 1; import a from \"a\"",
      "  import { b /* isn't = \"x\" */ } from \"b\"",
      "export {} from 'c'",
      "type D = import(\"d\").D",
      "declare module \"e\" { interface E {} }",
      "const f = require(`f`)",
      "const g = new URL(\"./g.mjs\", import.meta.url)",
      "import { type H } from \"h\"; export type { I } from \"i\""
    ].join("\n")
    assert.deepStrictEqual(importsOf(source).map(({ isType, line, specifier }) => [specifier, line, isType]), [
      ["a", 1, false],
      ["b", 2, false],
      ["c", 3, false],
      ["d", 4, true],
      ["e", 5, true],
      ["f", 6, false],
      ["./g.mjs", 7, false],
      ["h", 8, true],
      ["i", 8, true]
    ])
  })

  it("importsOf - a file that cannot be parsed fails by its name", () => {
    assert.throws(() => importsOf("import {", "packages/core/src/A.ts"), /packages\/core\/src\/A\.ts/)
  })
})
