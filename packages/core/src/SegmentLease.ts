/**
 * A segment's claim on an account's permits.
 *
 * An account may run few requests at once, often one. Whoever speaks several segments (`SpeechStream.layerSegmented`,
 * `SpeechSynthesizer.layerRetry`) puts a lease around all attempts of each, so that permits go round-robin between
 * streams and in text order within one, and the segment that everybody waits for keeps its permit while it backs off.
 *
 * Most programs never need this module.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

/**
 * @since 0.1.0
 * @category models
 */
export interface SegmentLease {
  /** Identity of the stream that the segment belongs to. */
  readonly stream: object
  /** Place of the segment in its stream. */
  readonly index: number
  /** Whether the listener waits for this very segment. Only then is a permit kept after a failed attempt. */
  readonly isHead: Effect.Effect<boolean>
  /** Permits that failed attempts left for the next one, with how to give them back; by pool. */
  readonly kept: Map<object, Effect.Effect<void>>
}

/**
 * The lease of the running segment. Whoever finds one leaves retries to its owner: retries never multiply.
 *
 * @since 0.1.0
 * @category services
 */
export class CurrentSegmentLease extends Context.Reference<CurrentSegmentLease>()(
  "@effect-smallest/core/SegmentLease/CurrentSegmentLease",
  { defaultValue: (): Option.Option<SegmentLease> => Option.none() }
) {}

/**
 * A lease that lasts for a scope; permits that are still kept when the scope closes go back to their pools.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly stream: object
  readonly index: number
  readonly isHead: Effect.Effect<boolean>
}): Effect.Effect<SegmentLease, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync((): SegmentLease => ({ ...options, kept: new Map() })),
    (lease) => Effect.suspend(() => Effect.all(lease.kept.values(), { discard: true }))
  )
