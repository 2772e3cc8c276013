import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { repository } from "../workspace.js"

const folder = join(repository, ".github/workflows")

describe("workflows", () => {
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), "utf8")

    it(`${file} - names every action by commit, with its version beside it`, () => {
      const actions = [...text.matchAll(/uses:\s*(\S+)(.*)$/gm)]
      assert.isAbove(actions.length, 0)
      for (const [line, action = "", comment = ""] of actions) {
        assert.match(action, /^[\w./-]+@[0-9a-f]{40}$/, line)
        assert.match(comment, /# v\d/, line)
      }
    })

    it(`${file} - says which permissions it needs`, () => {
      assert.match(text, /^permissions:/m)
    })
  }
})
