import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Cause from "effect/Cause"
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
    const unknown = route(() => notFound)
    yield* router.add("*", "*", unknown)
    // Paths that are not valid URLs match nothing, not even that. The routes themselves never fail.
    yield* router.addGlobalMiddleware((effect) =>
      Effect.catchAllCause(effect, (cause) => Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : unknown)
    )
  })
)
