/**
 * The emulated account: who may call, and how much at once.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { Refusal, tooManyRequests } from "./refusal.js"
import { CurrentSettings } from "./settings.js"

/** The parts of a request that authentication reads. */
interface Credentials {
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly query: URLSearchParams
}

/** @internal */
export interface Service {
  /**
   * Lets a request with the account's key pass. The body of the refusal depends on whether a key came at all, and on the
   * part of the API, which the caller knows.
   */
  readonly authenticate: (
    credentials: Credentials,
    refuse?: (problem: "missing" | "unknown") => unknown
  ) => Effect.Effect<void, Refusal>
  /** Whether the request comes from the vendor's console, which signs in with a JSON Web Token and no API key. */
  readonly isConsole: (credentials: Credentials) => boolean
  /** Holds one of the account's running requests until the scope closes. No request waits: the account refuses. */
  readonly permit: Effect.Effect<void, Refusal, Scope.Scope>
  /** Holds one of the account's open sockets. */
  readonly socket: Effect.Effect<void, Refusal, Scope.Scope>
}

/** @internal */
export class Account extends Context.Tag("@effect-smallest/emulator/internal/Account")<Account, Service>() {}

const jsonWebToken = /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/

const limited = (limit: number): Service["permit"] => {
  let held = 0
  return Effect.acquireRelease(
    Effect.suspend(() => {
      if (held >= limit) return tooManyRequests
      held++
      return Effect.void
    }),
    () => Effect.sync(() => held--)
  )
}

const unauthorized = (problem: "missing" | "unknown") =>
  problem === "missing" ? { message: "Unauthorized: No tokens provided" } : { error: "unauthorized" }

const make = Effect.map(CurrentSettings, (settings): Service => {
  const tokenOf = ({ headers, query }: Credentials): string | undefined => {
    const bearer = /^Bearer\s+(\S+)\s*$/i.exec(headers["authorization"] ?? "")?.[1]
    return bearer ?? (settings.queryAuth ? query.get("token") || query.get("api_key") || undefined : undefined)
  }
  const accepts = (token: string): boolean =>
    Option.match(settings.apiKey, { onNone: () => true, onSome: (key) => Redacted.value(key) === token })
  return {
    authenticate: (credentials, refuse = unauthorized) =>
      Effect.suspend(() => {
        const token = tokenOf(credentials)
        return token !== undefined && accepts(token)
          ? Effect.void
          : new Refusal({ status: 401, body: refuse(token === undefined ? "missing" : "unknown") })
      }),
    isConsole: (credentials) => jsonWebToken.test(tokenOf(credentials) ?? ""),
    permit: limited(settings.concurrency),
    socket: limited(settings.sockets)
  }
})

/** @internal */
export const layer: Layer.Layer<Account, never, CurrentSettings> = Layer.effect(Account, make)
