import { tmpdir } from "node:os"
import { assert, describe, it } from "vitest"
import { commandsOf, run } from "../docs-commands.js"

const command = (script: string) => ({ file: "a.md", line: 1, script })

describe("docs-commands", () => {
  it("commandsOf - takes the blocks marked `sh run` and no others", () => {
    const page = "# Page\n\n```sh\nrm -rf /\n```\n\n```sh run\necho a\necho b\n```\n\n```ts\nrun()\n```\n"
    assert.deepStrictEqual(commandsOf("a.md", page), [{ file: "a.md", line: 7, script: "echo a\necho b\n" }])
  })

  it("run - a block whose commands all succeed is well, and servers it leaves behind do not hold it up", async () => {
    assert.deepStrictEqual(await run(command("sleep 60 &\ntrue | true"), tmpdir()), [])
  })

  it("run - a failing command anywhere in the block, or in a pipe, fails it", async () => {
    assert.match((await run(command("false\necho never"), tmpdir())).join(), /^a\.md:1: this block exits with 1/)
    assert.match((await run(command("exit 3 | cat"), tmpdir())).join(), /exits with 3/)
    assert.match((await run(command("echo $UNSET_NAME"), tmpdir())).join(), /unbound variable/)
  })

  it("run - no block sees an API key, or what pnpm tells its own scripts", async () => {
    const { PATH } = process.env
    Object.assign(process.env, {
      SMALLEST_API_KEY: "secret",
      npm_config_verify_deps_before_run: "false",
      PATH: `/somewhere/node_modules/.bin:${PATH}`
    })
    try {
      const problems = await run(command("! env | grep -E 'SMALLEST|verify_deps|node_modules'"), tmpdir())
      assert.deepStrictEqual(problems, [])
    } finally {
      Object.assign(process.env, { PATH })
      delete process.env.SMALLEST_API_KEY
      delete process.env.npm_config_verify_deps_before_run
    }
  })
})
