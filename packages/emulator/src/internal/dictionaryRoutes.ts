import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Account from "./account.js"
import * as Dictionaries from "./dictionaries.js"
import * as Exchange from "./exchange.js"
import { json, Refusal } from "./refusal.js"
import { CurrentSettings } from "./settings.js"
import * as V from "./validation.js"

const items = V.array(V.object({ word: V.string({ min: 1 }), pronunciation: V.string({ min: 1 }) }), { min: 1 })

const id = V.string({ pattern: /^[a-fA-F0-9]{24}$/ })

const path = "/waves/v1/pronunciation-dicts"

/**
 * `/waves/v1/pronunciation-dicts`.
 *
 * @internal
 */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { assumptions } = yield* CurrentSettings
    const account = yield* Account.Account
    const dictionaries = yield* Dictionaries.Dictionaries
    const { route } = yield* Exchange.Exchanges
    const options = { refuseUnknown: assumptions.unknownKeys === "refuse" }

    const authenticate = (exchange: Exchange.Exchange) =>
      account.authenticate(exchange, () => ({ error: "Unauthorized" }))

    const read = <A>(exchange: Exchange.Exchange, check: V.Check<A>): Effect.Effect<A, Refusal> =>
      Effect.flatMap(Effect.zipRight(authenticate(exchange), exchange.readJson), (body) =>
        Either.mapLeft(check(body, []), (details) =>
          new Refusal({ status: assumptions.validationStatus, body: { error: "Invalid request body", details } })))

    const unlessUnknown = (exists: boolean): Effect.Effect<void, Refusal> =>
      exists || assumptions.unknownDictionary === 200
        ? Effect.void
        : new Refusal({ status: assumptions.unknownDictionary, body: { error: "Pronunciation dictionary not found" } })

    yield* router.add(
      "GET",
      path,
      route((exchange) =>
        Effect.map(Effect.zipRight(authenticate(exchange), dictionaries.all), (all) =>
          json(all))
      )
    )
    yield* router.add(
      "POST",
      path,
      route((exchange) =>
        read(exchange, V.object({ items }, options)).pipe(
          Effect.flatMap((body) => dictionaries.create(body.items)),
          Effect.map((dictionary) => json(dictionary))
        )
      )
    )
    yield* router.add(
      "PUT",
      path,
      route(Effect.fnUntraced(function*(exchange) {
        const body = yield* read(exchange, V.object({ id, items }, options))
        yield* Effect.flatMap(dictionaries.replace(body.id, body.items), unlessUnknown)
        return json(body)
      }))
    )
    yield* router.add(
      "DELETE",
      path,
      route(Effect.fnUntraced(function*(exchange) {
        const body = yield* read(exchange, V.object({ id }, options))
        yield* Effect.flatMap(dictionaries.remove(body.id), unlessUnknown)
        return json({ id: body.id, deleted: true })
      }))
    )
  })
)
