import { AudioStore } from "@effect-smallest/core"
import { AudioStoreSuite } from "@effect-smallest/testing/suites"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Layer, Option, Stream } from "effect"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

const directory = mkdtempSync(join(tmpdir(), "speech-stores-"))
afterAll(() => rmSync(directory, { recursive: true }))

AudioStoreSuite.suite("memory", AudioStore.layerMemory)
AudioStoreSuite.suite("files", Layer.provide(AudioStore.layerFileSystem(join(directory, "suite")), NodeContext.layer))

describe("AudioStore.layerFileSystem", () => {
  const layer = (name: string) => Layer.provide(AudioStore.layerFileSystem(join(directory, name)), NodeContext.layer)

  it.effect("leaves nothing beside the entries, and lists nothing that is not an entry", () =>
    Effect.gen(function*() {
      const store = yield* AudioStore.AudioStore
      yield* store.put("abcdef", new Uint8Array(3))
      writeFileSync(join(directory, "clean", "ab", "notes.txt"), "hello")
      writeFileSync(join(directory, "clean", "README"), "hello")
      assert.deepStrictEqual(readdirSync(join(directory, "clean", ".partial")), [])
      const keys = Chunk.toReadonlyArray(yield* Stream.runCollect(store.list)).map(({ key }) => key)
      assert.deepStrictEqual(keys, ["abcdef"])
    }).pipe(Effect.provide(layer("clean"))))

  it.live("what a killed process left behind is removed after a day, and not before", () =>
    Effect.gen(function*() {
      const partial = join(directory, "killed", ".partial")
      mkdirSync(partial, { recursive: true })
      writeFileSync(join(partial, "old"), "x")
      writeFileSync(join(partial, "new"), "x")
      utimesSync(join(partial, "old"), new Date(0), new Date(0))
      yield* Effect.provide(AudioStore.AudioStore, layer("killed"))
      assert.deepStrictEqual(readdirSync(partial), ["new"])
    }))

  it.effect("a folder that cannot be is an error that names it", () =>
    Effect.gen(function*() {
      writeFileSync(join(directory, "file"), "x")
      const error = yield* Effect.flip(Effect.provide(AudioStore.AudioStore, layer("file/below")))
      assert.strictEqual(error.reason, "Unwritable")
      assert.include(error.message, join("file", "below"))
    }))

  it.effect("a folder that is removed meanwhile is an empty store", () =>
    Effect.gen(function*() {
      const store = yield* AudioStore.AudioStore
      yield* store.put("abcdef", new Uint8Array(3))
      rmSync(join(directory, "vanished"), { recursive: true })
      assert.isTrue(Option.isNone(yield* store.get("abcdef")))
      assert.isTrue(Chunk.isEmpty(yield* Stream.runCollect(store.list)))
      assert.isTrue(yield* store.put("abcdef", new Uint8Array(3)))
      assert.isTrue(existsSync(join(directory, "vanished", "ab", "abcdef")))
    }).pipe(Effect.provide(layer("vanished"))))
})
