import type { SpeechError } from "@effect-smallest/core/SpeechError"
import * as Effect from "effect/Effect"
import { type CliError, CommandFailure } from "../CliError.js"
import * as Engine from "../Engine.js"

// The usual advice is about speech: another engine, another voice.
const advise = (error: CliError): CliError => {
  switch (error._tag) {
    case "InvalidApiKey":
      return new CommandFailure({
        description:
          `The server does not know the key (${error.description}): set SMALLEST_API_KEY to one of your account (they start with sk_)`
      })
    case "NotEntitled":
    case "QuotaExhausted":
      return new CommandFailure({ description: error.message })
    default:
      return error
  }
}

/**
 * Gives a command what belongs to the account in the cloud, which takes a key.
 *
 * @internal
 */
export const provide = <A, R>(
  effect: Effect.Effect<A, SpeechError | CliError, R>
): Effect.Effect<A, CliError, Exclude<R, Engine.Account>> =>
  Effect.mapError(Effect.provide(effect, Engine.layerAccount), advise)
