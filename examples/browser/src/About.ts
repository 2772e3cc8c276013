/** What the page's server tells about itself. */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Effect, Schema } from "effect"

export const path = "/about.json"

export class About extends Schema.Class<About>("About")({
  /** What answers behind `/speech`: the vendor's cloud, or the emulator of it on this machine. */
  cloud: Schema.Literal("smallest", "emulator")
}) {}

export const get = Effect.flatMap(HttpClient.get(path), HttpClientResponse.schemaBodyJson(About))
