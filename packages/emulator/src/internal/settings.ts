import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { Assumptions } from "../Assumptions.js"

/**
 * The emulator's options with their defaults filled in.
 *
 * @internal
 */
export interface Settings {
  readonly apiKey: Option.Option<Redacted.Redacted>
  readonly concurrency: number
  readonly sockets: number
  readonly legacy: "serve" | 404 | 410
  readonly latency: Duration.Duration
  readonly cors: boolean
  readonly queryAuth: boolean
  readonly bodyLimit: number
  readonly models: ReadonlyArray<string>
  readonly voices: ReadonlySet<string>
  readonly assumptions: Assumptions
}

/** @internal */
export class CurrentSettings extends Context.Tag("@effect-smallest/emulator/internal/CurrentSettings")<
  CurrentSettings,
  Settings
>() {}
