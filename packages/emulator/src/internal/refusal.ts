/**
 * Answers other than success, in the shapes that the vendor's services really send. They are several.
 */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Data from "effect/Data"
import type { Issue } from "./validation.js"

/** @internal */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}> {}

/** @internal */
export const json = (
  body: unknown,
  options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {}
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(body), { ...options, contentType: "application/json; charset=utf-8" })

/** @internal */
export const notFound: Refusal = new Refusal({ status: 404, body: { error: "Not Found" } })

/** @internal */
export const invalid = (status: number, issues: ReadonlyArray<Issue>): Refusal =>
  new Refusal({ status, body: { error: issues } })

/** @internal */
export const gone: Refusal = new Refusal({
  status: 410,
  body: {
    status: "error",
    error_code: "MODEL_DEPRECATED",
    message: "This model is retired. Please migrate to lightning-v3.1 via /waves/v1/lightning-v3.1/get_speech.",
    recommended_endpoint: "/waves/v1/lightning-v3.1/get_speech"
  }
})

/**
 * What a model that has retired answers: nobody has published which of these it will be.
 *
 * @internal
 */
export const retired = (
  status: 400 | 403 | 404 | 410,
  model: string,
  successors: ReadonlyArray<string>
): Refusal => {
  const successor = successors[0] ?? ""
  switch (status) {
    case 400:
      return invalid(400, [{
        received: model,
        code: "invalid_enum_value",
        options: successors,
        path: ["model"],
        message: `Invalid enum value. Expected ${
          successors.map((name) => `'${name}'`).join(" | ")
        }, received '${model}'`
      }])
    case 403:
      return new Refusal({
        status,
        body: { status: "error", error_code: "FORBIDDEN", message: `The model ${model} is not available.` }
      })
    case 404:
      return notFound
    case 410:
      return new Refusal({
        status,
        body: {
          status: "error",
          error_code: "MODEL_DEPRECATED",
          message: `This model is retired. Please migrate to ${successor} via /waves/v1/tts.`,
          recommended_endpoint: "/waves/v1/tts"
        }
      })
  }
}

/** @internal */
export const tooManyRequests: Refusal = new Refusal({
  status: 429,
  body: { error: "Rate limit exceeded. Please retry after a short backoff." },
  headers: { "retry-after": "1" }
})

/** @internal */
export const tooLarge = (limit: number): Refusal =>
  new Refusal({ status: 413, body: { error: `The body is larger than ${limit} bytes` } })

/** @internal */
export const serverFault: Refusal = new Refusal({
  status: 500,
  body: { error: "InternalServerError", message: "An unexpected error occurred." }
})

const issue = (message: string) => ({ error: [{ code: "custom", path: [], message }] })

// The shape of the generated contract: 403, 500, 502, 503.
const contract = (error_code: string, message: string) => ({ status: "error", error_code, message })

const bodies: Readonly<Record<number, unknown>> = {
  400: issue("Invalid input data"),
  401: { error: "unauthorized" },
  402: { error: "Insufficient credits" },
  403: contract("FORBIDDEN", "Your plan does not include this."),
  413: { error: "The body is too large" },
  422: issue("Invalid input data"),
  502: contract("BAD_GATEWAY", "The upstream service failed."),
  503: contract("SERVICE_UNAVAILABLE", "The service is temporarily unavailable.")
}

/**
 * What the vendor documents for a status, for faults that name no body.
 *
 * @internal
 */
export const ofStatus = (status: number): Refusal =>
  [notFound, gone, tooManyRequests, serverFault].find((refusal) => refusal.status === status) ??
    new Refusal({
      status,
      body: bodies[status] ?? (status < 400 ? {} : contract("ERROR", `The request failed with status ${status}.`))
    })
