import { SpeechError } from "@effect-smallest/core"
import { Arbitrary, Duration, type FastCheck } from "effect"

// What a server asks to wait, and a limit that was exceeded, are milliseconds, and finite.
const inMillis = (duration: Duration.Duration) =>
  Duration.millis(Duration.isFinite(duration) ? Math.round(Duration.toMillis(duration)) : 1)

const fieldsOf = ({ description, method, module, position, requestId }: SpeechError.SpeechError) => ({
  description,
  method,
  module,
  position,
  requestId
})

/** Any error of the union, as engines make them. */
export const anyError: FastCheck.Arbitrary<SpeechError.SpeechError> = Arbitrary.make(SpeechError.schema).map(
  (error) => {
    switch (error._tag) {
      case "RateLimited":
        return new SpeechError.RateLimited({
          ...fieldsOf(error),
          retryAfter: error.retryAfter && inMillis(error.retryAfter)
        })
      case "SpeechTimeout":
        return new SpeechError.SpeechTimeout({ ...fieldsOf(error), phase: error.phase, after: inMillis(error.after) })
      default:
        return error
    }
  }
)
