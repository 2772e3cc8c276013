import { type Answer, fakeHttp, json } from "@effect-smallest/test-support/fakeHttp"
import { WavesClient, WavesPronunciationDictionaries } from "@effect-smallest/waves"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"

const setUp = (answer: Answer) => {
  const { exchanges, layer } = fakeHttp(() => Effect.succeed(answer))
  const Account = WavesPronunciationDictionaries.layer.pipe(
    Layer.provideMerge(WavesClient.layer({ apiKey: Redacted.make("sk_test") })),
    Layer.provide(layer)
  )
  return { exchanges, Account }
}

describe("WavesPronunciationDictionaries", () => {
  const id = "0123456789abcdef01234567"
  const items = [{ word: "SQL", pronunciation: "sequel" }]

  const refused = [
    ["no words", WavesPronunciationDictionaries.create([]), "items"],
    ["no word", WavesPronunciationDictionaries.create([{ word: " ", pronunciation: "x" }]), "items"],
    ["no pronunciation", WavesPronunciationDictionaries.create([{ word: "x", pronunciation: "" }]), "items"],
    ["a word twice", WavesPronunciationDictionaries.update(id, [...items, ...items]), "items"],
    ["no id", WavesPronunciationDictionaries.update("SQL", items), "id"],
    ["a path for an id", WavesPronunciationDictionaries.delete(`${id}/..`), "id"],
    ["half an id", WavesPronunciationDictionaries.get(id.slice(12)), "id"]
  ] as const

  for (const [name, effect, parameter] of refused) {
    it.effect(`${name} - is refused before anything is sent`, () => {
      const { Account, exchanges } = setUp(json(200, []))
      return Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.asVoid(effect))
        assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter })
        assert.strictEqual(exchanges.length, 0)
      }).pipe(Effect.provide(Account))
    })
  }

  it.effect("takes no permit of speech", () => {
    const { Account, exchanges } = setUp(json(200, []))
    return Effect.gen(function*() {
      const client = yield* WavesClient.WavesClient
      yield* client.permit
      assert.deepStrictEqual(yield* WavesPronunciationDictionaries.list, [])
      assert.strictEqual(exchanges.length, 1)
    }).pipe(Effect.scoped, Effect.provide(Account))
  })

  it.effect("a deletion that the server did not do - is a failure", () => {
    const { Account } = setUp(json(200, { id, deleted: false }))
    return Effect.map(
      Effect.flip(WavesPronunciationDictionaries.delete(id)),
      (error) => assert.deepInclude(error, { _tag: "InvalidSpeechRequest", parameter: "id" })
    ).pipe(Effect.provide(Account))
  })
})
