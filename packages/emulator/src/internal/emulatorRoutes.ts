/**
 * What the vendor does not have: faults and the log of requests, over HTTP. No key is asked for.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exchange from "./exchange.js"
import * as FaultInput from "./faultInput.js"
import * as Faults from "./faults.js"
import { json, Refusal } from "./refusal.js"
import * as RequestLog from "./requestLog.js"

const contents = {
  routes: {
    "POST /__emulator/faults": "faults for the next requests that fit, such as the example",
    "GET /__emulator/faults": "the faults that still wait for a request",
    "DELETE /__emulator/faults": "forgets them",
    "GET /__emulator/requests": "what clients sent, oldest first, without their keys",
    "DELETE /__emulator/requests": "forgets it",
    "GET /__emulator/samples/{voice}.wav": "a voice, to listen to"
  },
  header: `${Faults.header}: a fault for the request that brings it`,
  example: { faults: [{ _tag: "Status", status: 429 }], path: "/waves/v1/tts", times: 2 },
  faults: FaultInput.tags
}

// People read it in a terminal or a browser.
const pretty = (value: unknown): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(`${JSON.stringify(value, undefined, 2)}\n`, {
    contentType: "application/json; charset=utf-8"
  })

/** @internal */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { route } = yield* Exchange.Exchanges
    const faults = yield* Faults.Faults
    const log = yield* RequestLog.RequestLog
    const unrecorded = { record: false }
    const inject: Exchange.Handler = Effect.fnUntraced(function*(exchange) {
      const injections = yield* Either.mapLeft(
        FaultInput.readInjections(yield* exchange.readJson),
        (error) => new Refusal({ status: 400, body: { error, help: "/__emulator" } })
      )
      yield* Effect.forEach(injections, faults.inject, { discard: true })
      return json(yield* faults.all)
    })
    yield* router.add("GET", "/__emulator", route(() => Effect.succeed(pretty(contents)), unrecorded))
    yield* router.add("POST", "/__emulator/faults", route(inject, unrecorded))
    yield* router.add("GET", "/__emulator/faults", route(() => Effect.map(faults.all, (all) => json(all)), unrecorded))
    yield* router.add("DELETE", "/__emulator/faults", route(() => Effect.as(faults.clear, json([])), unrecorded))
    yield* router.add("GET", "/__emulator/requests", route(() => Effect.map(log.all, (all) => json(all)), unrecorded))
    yield* router.add("DELETE", "/__emulator/requests", route(() => Effect.as(log.clear, json([])), unrecorded))
  })
)
