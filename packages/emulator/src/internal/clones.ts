/**
 * The cloned voices of the emulated account, in memory. A clone speaks with a voice of the engine, always the same one.
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CatalogueVoice } from "./catalogue.js"
import { hex } from "./ids.js"

/** @internal */
export interface Clone {
  readonly _id: string
  readonly voiceId: string
  readonly displayName: string
  readonly description: string
  readonly accent: string
  readonly tags: ReadonlyArray<string>
  readonly language: string
  readonly status: "completed"
  readonly cloningType: "instant"
  /** The model as paths spell it. */
  readonly model: string
  readonly fileName: string
  readonly createdAt: string
}

/** @internal */
export interface Service {
  readonly create: (
    clone: Pick<Clone, "displayName" | "description" | "accent" | "tags" | "language" | "model" | "fileName">
  ) => Effect.Effect<Clone>
  readonly all: Effect.Effect<ReadonlyArray<Clone>>
  /** Whether there was one to delete. */
  readonly remove: (voiceId: string) => Effect.Effect<boolean>
  /** The voice of a clone, if it belongs to that model. */
  readonly voice: (voiceId: string, model: string) => Effect.Effect<CatalogueVoice | undefined>
}

/** @internal */
export class Clones extends Context.Tag("@effect-smallest/emulator/internal/Clones")<Clones, Service>() {}

const make = Effect.sync((): Service => {
  const clones = new Map<string, Clone>()
  return {
    create: Effect.fnUntraced(function*(about) {
      const now = yield* DateTime.now
      const clone: Clone = {
        ...about,
        _id: yield* hex(24),
        voiceId: `voice_${yield* hex(10)}`,
        status: "completed",
        cloningType: "instant",
        createdAt: DateTime.formatIso(now)
      }
      clones.set(clone.voiceId, clone)
      return clone
    }),
    all: Effect.sync(() => [...clones.values()]),
    remove: (voiceId) => Effect.sync(() => clones.delete(voiceId)),
    voice: (voiceId, model) =>
      Effect.sync(() => {
        const clone = clones.get(voiceId)
        return clone?.model === model
          ? {
            id: voiceId,
            gender: /\bmale\b/.test(clone.tags.join(" ")) ? "male" : "female",
            languages: [clone.language]
          }
          : undefined
      })
  }
})

/** @internal */
export const layer: Layer.Layer<Clones> = Layer.effect(Clones, make)
