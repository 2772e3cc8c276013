import { randomBytes } from "node:crypto"
import type { Rollup } from "vite"
import { assert, describe, it } from "vitest"
import { parts } from "../bundle.js"

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
