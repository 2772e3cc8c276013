import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import * as SpeechTelemetry from "@effect-smallest/core/SpeechTelemetry"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

/**
 * The right to run one request. Both ways to give it up may be called more than once; closing the scope of `acquire`
 * releases it too.
 *
 * @internal
 */
export interface Permit {
  readonly release: Effect.Effect<void>
  /** After a failure: leaves the permit to the next attempt of the same segment if the listener waits for that one. */
  readonly keep: Effect.Effect<void>
}

/** @internal */
export interface PermitPool {
  readonly acquire: Effect.Effect<Permit, never, Scope.Scope>
  /** Permits that are free. */
  readonly available: Effect.Effect<number>
}

interface Waiter {
  readonly index: number
  readonly granted: Deferred.Deferred<void>
  isGranted: boolean
}

interface Lane {
  readonly stream: object
  readonly waiters: Array<Waiter>
}

/**
 * Grants permits round-robin between streams and in segment order within one stream.
 *
 * @internal
 */
export const make = (size: number): PermitPool => {
  const pool = {}
  const lanes: Array<Lane> = []
  let available = size

  const enqueue = (stream: object, waiter: Waiter) => {
    const lane = lanes.find((lane) => lane.stream === stream)
    if (lane === undefined) {
      lanes.push({ stream, waiters: [waiter] })
    } else {
      const later = lane.waiters.findIndex((other) => other.index > waiter.index)
      lane.waiters.splice(later === -1 ? lane.waiters.length : later, 0, waiter)
    }
  }

  const withdraw = (waiter: Waiter) => {
    for (const [i, lane] of lanes.entries()) {
      const at = lane.waiters.indexOf(waiter)
      if (at === -1) continue
      lane.waiters.splice(at, 1)
      if (lane.waiters.length === 0) lanes.splice(i, 1)
    }
  }

  const grant = () => {
    while (available > 0) {
      const lane = lanes.shift()
      const waiter = lane?.waiters.shift()
      if (lane === undefined || waiter === undefined) return
      if (lane.waiters.length > 0) lanes.push(lane)
      available -= 1
      SpeechTelemetry.permitsInUse.unsafeModify(1, [])
      waiter.isGranted = true
      Deferred.unsafeDone(waiter.granted, Effect.void)
    }
  }

  // The stream's turn is over: streams that came while its request ran go before its next one.
  const giveBack = (stream: object) =>
    Effect.sync(() => {
      available += 1
      SpeechTelemetry.permitsInUse.unsafeModify(-1, [])
      const i = lanes.findIndex((lane) => lane.stream === stream)
      if (i !== -1) lanes.push(...lanes.splice(i, 1))
      grant()
    })

  const wait = Effect.fnUntraced(function*(stream: object, index: number) {
    const waiter: Waiter = { index, granted: yield* Deferred.make<void>(), isGranted: false }
    enqueue(stream, waiter)
    grant()
    yield* Effect.interruptible(Deferred.await(waiter.granted)).pipe(
      // A permit that was granted in the very moment of the interruption must not be lost.
      Effect.onInterrupt(() => waiter.isGranted ? giveBack(stream) : Effect.sync(() => withdraw(waiter)))
    )
  }, Effect.uninterruptible)

  const permit = (stream: object, lease: Option.Option<SpeechEngine.SegmentLease>): Permit => {
    let isHeld = true
    const once = (effect: Effect.Effect<void>) =>
      Effect.uninterruptible(Effect.suspend(() => {
        if (!isHeld) return Effect.void
        isHeld = false
        return effect
      }))
    const release = giveBack(stream)
    return {
      release: once(release),
      keep: once(Option.match(lease, { onNone: () => release, onSome: (lease) => lease.keep(pool, release) }))
    }
  }

  const acquire = Effect.gen(function*() {
    const lease = yield* SpeechEngine.CurrentSegmentLease
    const { index, stream } = Option.getOrElse(lease, () => ({ index: 0, stream: {} }))
    const isKept = Option.isSome(lease) && (yield* lease.value.take(pool))
    if (!isKept) yield* wait(stream, index)
    const held = permit(stream, lease)
    yield* Effect.addFinalizer(() => held.release)
    return held
  }).pipe(Effect.uninterruptible)

  return { acquire, available: Effect.sync(() => available) }
}
