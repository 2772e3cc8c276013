import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Effect from "effect/Effect"
import * as Exchange from "./exchange.js"
import { json, notFound } from "./refusal.js"

const connected = { status: "connected" }

/**
 * `GET /waves/v1/health`, without a key, and the answer for everything that is not a route.
 *
 * @internal
 */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { route } = yield* Exchange.Exchanges
    yield* router.add(
      "GET",
      "/waves/v1/health",
      route(() => Effect.succeed(json({ status: "ok", mongo: connected, redis: connected, rabbitmq: connected })))
    )
    yield* router.add("*", "*", route(() => notFound))
  })
)
