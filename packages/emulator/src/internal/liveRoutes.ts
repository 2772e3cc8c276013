import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Model } from "./catalogue.js"
import * as Exchange from "./exchange.js"
import * as LiveMessage from "./liveMessage.js"
import * as LiveSocket from "./liveSocket.js"
import { notFound } from "./refusal.js"
import { CurrentSettings } from "./settings.js"
import { SpeechRequests } from "./speechRequest.js"
import { encodingOf, toUtterance } from "./speechRoutes.js"

/**
 * Today's WebSocket protocol, with the model of the messages or with one that a path names.
 *
 * @internal
 */
export class TodaysDialect extends Context.Tag("@effect-smallest/emulator/internal/TodaysDialect")<
  TodaysDialect,
  (model?: Model) => LiveSocket.Dialect
>() {}

/** @internal */
export const dialectLayer: Layer.Layer<TodaysDialect, never, CurrentSettings | SpeechRequests> = Layer.effect(
  TodaysDialect,
  Effect.gen(function*() {
    const { assumptions } = yield* CurrentSettings
    const requests = yield* SpeechRequests
    return (model) => ({
      read: LiveMessage.readerOfToday(assumptions),
      ready: (spoken) =>
        Effect.map(requests.resolve({ ...spoken, model: model ?? spoken.model }), (request) => ({
          utterance: toUtterance(request),
          encoding: assumptions.streamedFormat === "pcm" ? "pcm" : encodingOf(request),
          wantsWords: request.word_timestamps && request.isAligned
        })),
      envelope: (session_id, ids) => ({ session_id, ...ids }),
      complete: {},
      idleTimeout: assumptions.idleTimeout
    })
  })
)

/**
 * `WSS /waves/v1/tts/live`.
 *
 * @internal
 */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { route } = yield* Exchange.Exchanges
    const sockets = yield* LiveSocket.LiveSockets
    const dialect = (yield* TodaysDialect)()
    yield* router.add(
      "GET",
      "/waves/v1/tts/live",
      route((exchange) => Exchange.isUpgrade(exchange.headers) ? sockets.serve(exchange, dialect) : notFound, {
        audio: true
      })
    )
  })
)
