import { build as esbuild } from "esbuild"
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import type { Rollup } from "vite"
import { assert, describe, it } from "vitest"
import { parts } from "../bundle.js"
import { repository } from "../workspace.js"

const chunk = (fileName: string, options: Partial<Rollup.OutputChunk> = {}): Rollup.OutputChunk =>
  ({
    type: "chunk",
    fileName,
    name: fileName,
    code: randomBytes(500).toString("hex"),
    imports: [],
    ...options
  }) as Rollup.OutputChunk

describe("bundle", () => {
  it("core with resampling - builds for browsers with a bundler that has no Node, and loads nothing later for it", async () => {
    const { errors, outputFiles } = await esbuild({
      stdin: {
        contents: "import { Pcm } from '@effect-smallest/core'; export const convert = Pcm.resample(8000)",
        resolveDir: join(repository, "conformance")
      },
      bundle: true,
      format: "esm",
      platform: "browser",
      conditions: ["@effect-smallest/source"],
      write: false,
      logLevel: "silent"
    })
    assert.deepStrictEqual(errors, [])
    assert.lengthOf(outputFiles, 1)
    assert.notInclude(outputFiles[0]?.text, "WebAssembly.")
  })

  it("parts - the entry and what it imports load first, what is imported on demand later", () => {
    const { first, later } = parts([
      chunk("main", { isEntry: true, imports: ["shared"], dynamicImports: ["lazy"] }),
      chunk("shared", { imports: ["main"] }),
      chunk("lazy", { imports: ["shared"] })
    ])
    assert.deepStrictEqual(first.map(({ name }) => name), ["main", "shared"])
    assert.deepStrictEqual(later.map(({ name }) => name), ["lazy"])
    // 1000 hexadecimal digits hold 500 bytes.
    for (const { size } of [...first, ...later]) assert.isTrue(size > 500 && size < 1000, String(size))
  })
})
