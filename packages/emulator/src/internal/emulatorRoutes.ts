/**
 * What the vendor does not have: faults and the log of requests, over HTTP. No key is asked for.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Injection } from "../Fault.js"
import * as Exchange from "./exchange.js"
import * as Faults from "./faults.js"
import { json, Refusal } from "./refusal.js"
import * as RequestLog from "./requestLog.js"

const Injections = Schema.Union(Injection, Schema.Array(Injection))

/** @internal */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { route } = yield* Exchange.Exchanges
    const faults = yield* Faults.Faults
    const log = yield* RequestLog.RequestLog
    const unrecorded = { record: false }
    const inject: Exchange.Handler = Effect.fnUntraced(function*(exchange) {
      const injections = yield* Effect.flatMap(
        exchange.readJson,
        Schema.decodeUnknown(Injections, { onExcessProperty: "error" })
      ).pipe(
        Effect.catchTag("ParseError", (error) => new Refusal({ status: 400, body: { error: error.message } }))
      )
      yield* Effect.forEach("faults" in injections ? [injections] : injections, faults.inject, { discard: true })
      return json(yield* faults.all)
    })
    yield* router.add("POST", "/__emulator/faults", route(inject, unrecorded))
    yield* router.add("GET", "/__emulator/faults", route(() => Effect.map(faults.all, (all) => json(all)), unrecorded))
    yield* router.add("DELETE", "/__emulator/faults", route(() => Effect.as(faults.clear, json([])), unrecorded))
    yield* router.add("GET", "/__emulator/requests", route(() => Effect.map(log.all, (all) => json(all)), unrecorded))
    yield* router.add("DELETE", "/__emulator/requests", route(() => Effect.as(log.clear, json([])), unrecorded))
  })
)
