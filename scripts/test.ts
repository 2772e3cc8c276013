/** `pnpm test`: gets a browser where it may and there is none, then runs vitest with the arguments that were given. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { findChromium, installChromium } from "./chromium.js"
import { repository } from "./workspace.js"

if (findChromium() === undefined) installChromium()

const { status } = spawnSync(
  process.execPath,
  [join(repository, "node_modules/vitest/vitest.mjs"), "run", ...process.argv.slice(2)],
  { cwd: repository, stdio: "inherit" }
)
process.exitCode = status ?? 1
