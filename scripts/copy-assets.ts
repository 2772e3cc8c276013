/** Copies what the compiler leaves behind into `dist`: the files of every package's `src` that are not TypeScript. */
import { cpSync } from "node:fs"
import { join } from "node:path"
import { filesBelow, repository, workspaces } from "./workspace.js"

for (const { path } of workspaces(repository)) {
  if (path.startsWith("packages/")) {
    for (const file of filesBelow(repository, `${path}/src`)) {
      if (!file.endsWith(".ts")) {
        cpSync(join(repository, file), join(repository, file.replace(`${path}/src/`, `${path}/dist/`)))
      }
    }
  }
}
