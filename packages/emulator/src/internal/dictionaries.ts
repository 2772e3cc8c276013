/**
 * The pronunciation dictionaries of the emulated account, in memory.
 */
import type { Pronunciations } from "@effect-smallest/local/TextFrontEnd"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { hex } from "./ids.js"

/** @internal */
export interface Item {
  readonly word: string
  readonly pronunciation: string
}

/** @internal */
export interface Dictionary {
  readonly id: string
  readonly items: ReadonlyArray<Item>
  readonly createdAt: string
}

/** @internal */
export interface Service {
  readonly create: (items: ReadonlyArray<Item>) => Effect.Effect<Dictionary>
  readonly all: Effect.Effect<ReadonlyArray<Dictionary>>
  /** Whether there was one to change. */
  readonly replace: (id: string, items: ReadonlyArray<Item>) => Effect.Effect<boolean>
  /** Whether there was one to delete. */
  readonly remove: (id: string) => Effect.Effect<boolean>
  /** What dictionaries say together, the last one winning. Fails with the id of one that does not exist. */
  readonly pronunciations: (ids: ReadonlyArray<string>) => Effect.Effect<Pronunciations, string>
}

/** @internal */
export class Dictionaries extends Context.Tag("@effect-smallest/emulator/internal/Dictionaries")<
  Dictionaries,
  Service
>() {}

const make = Effect.sync((): Service => {
  const dictionaries = new Map<string, Dictionary>()
  return {
    create: Effect.fnUntraced(function*(items) {
      const now = yield* DateTime.now
      const dictionary = { id: yield* hex(24), items, createdAt: DateTime.formatIso(now) }
      dictionaries.set(dictionary.id, dictionary)
      return dictionary
    }),
    all: Effect.sync(() => [...dictionaries.values()]),
    replace: (id, items) =>
      Effect.sync(() => {
        const found = dictionaries.get(id.toLowerCase())
        if (found !== undefined) dictionaries.set(found.id, { ...found, items })
        return found !== undefined
      }),
    remove: (id) => Effect.sync(() => dictionaries.delete(id.toLowerCase())),
    pronunciations: (ids) =>
      Effect.map(
        Effect.forEach(ids, (id) => {
          const found = dictionaries.get(id.toLowerCase())
          return found === undefined ? Effect.fail(id) : Effect.succeed(found.items)
        }),
        (lists) => Object.fromEntries(lists.flat().map(({ pronunciation, word }) => [word, pronunciation]))
      )
  }
})

/** @internal */
export const layer: Layer.Layer<Dictionaries> = Layer.effect(Dictionaries, make)
