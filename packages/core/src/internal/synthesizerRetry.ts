import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as LayerOptions from "../LayerOptions.js"
import * as SpeechError from "../SpeechError.js"
import * as SpeechEvent from "../SpeechEvent.js"
import type { Service } from "../SpeechSynthesizer.js"
import * as Operation from "./operation.js"
import * as SegmentLease from "./segmentLease.js"

const check = LayerOptions.make<{ readonly retry: SpeechError.Retry | undefined }>("SpeechSynthesizer.layerRetry", {
  retry: LayerOptions.retry
})

/**
 * An engine whose requests are tried again, until their first sample has left.
 *
 * @internal
 */
export const withRetry = (inner: Service, retry: SpeechError.Retry | undefined): Service => {
  check({ retry })
  const schedule = SpeechError.scheduleOf(retry)

  const attempts = <A>(
    once: Effect.Effect<A, SpeechError.SpeechError, Scope.Scope>
  ): Effect.Effect<A, SpeechError.SpeechError, Scope.Scope> =>
    Effect.flatMap(SegmentLease.CurrentSegmentLease, (outer) =>
      Option.isSome(outer)
        ? once
        : Effect.scopeWith((scope) =>
          Effect.scoped(Effect.flatMap(
            SegmentLease.make({ stream: {}, index: 0, isHead: Effect.succeed(true) }),
            (lease) =>
              // What succeeds lives on in the outer scope; the lease ends with the last attempt.
              Operation.retry(Scope.extend(once, scope), schedule).pipe(
                Effect.provideService(SegmentLease.CurrentSegmentLease, Option.some(lease))
              )
          ))
        ))

  const events: Service["events"] = (request) =>
    Stream.unwrapScoped(attempts(SpeechEvent.untilFirstAudio(inner.events(request))))

  return {
    ...inner,
    events,
    stream: (request) => SpeechEvent.pcm(events(request)),
    synthesize: (request) => Effect.scoped(attempts(inner.synthesize(request))),
    bytes: (request) => Effect.scoped(attempts(inner.bytes(request)))
  }
}
