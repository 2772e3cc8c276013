import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Effect from "effect/Effect"
import * as Exchange from "./exchange.js"
import * as LiveMessage from "./liveMessage.js"
import * as LiveSocket from "./liveSocket.js"
import { notFound } from "./refusal.js"
import { CurrentSettings } from "./settings.js"
import { SpeechRequests } from "./speechRequest.js"
import { encodingOf, toUtterance } from "./speechRoutes.js"

/**
 * `WSS /waves/v1/tts/live`.
 *
 * @internal
 */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { assumptions } = yield* CurrentSettings
    const { route } = yield* Exchange.Exchanges
    const sockets = yield* LiveSocket.LiveSockets
    const requests = yield* SpeechRequests

    const today: LiveSocket.Dialect = {
      read: (json) => LiveMessage.read(json, assumptions.unknownKeys),
      ready: (spoken) =>
        Effect.map(requests.resolve(spoken), (request) => ({
          utterance: toUtterance(request),
          encoding: assumptions.streamedFormat === "pcm" ? "pcm" : encodingOf(request),
          wantsWords: request.word_timestamps && request.isAligned
        })),
      envelope: (session_id, ids) => ({ session_id, ...ids }),
      complete: {},
      idleTimeout: assumptions.idleTimeout
    }

    yield* router.add(
      "GET",
      "/waves/v1/tts/live",
      route((exchange) => Exchange.isUpgrade(exchange.headers) ? sockets.serve(exchange, today) : notFound, {
        audio: true
      })
    )
  })
)
