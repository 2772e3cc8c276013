import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { onTestFinished } from "vitest"

/** A small repository in a temporary folder, removed when the test is done. */
export const repositoryOf = (files: Record<string, string>): string => {
  const root = mkdtempSync(join(tmpdir(), "scripts-"))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  return root
}

/** A manifest with just a name and dependencies. */
export const manifest = (name: string, fields: Record<string, unknown> = {}): string =>
  JSON.stringify({ name: `@effect-smallest/${name}`, version: "0.0.0", ...fields })
