/**
 * The faults that wait for requests, and what they do to the audio of one.
 */
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Fault, Injection } from "../Fault.js"
import { Output } from "./speech.js"

/** @internal */
export interface Service {
  readonly inject: (injection: Injection) => Effect.Effect<void>
  readonly all: Effect.Effect<ReadonlyArray<Injection>>
  readonly clear: Effect.Effect<void>
  /** Takes the first injection that fits a request: one with or without faults of audio. */
  readonly take: (path: string, concern: "audio" | "request") => Effect.Effect<ReadonlyArray<Fault>>
}

/** @internal */
export class Faults extends Context.Tag("@effect-smallest/emulator/internal/Faults")<Faults, Service>() {}

/**
 * Whether a fault strikes the audio of a request. The others strike before anything is made.
 *
 * @internal
 */
export const concernsAudio = (fault: Fault): boolean => {
  switch (fault._tag) {
    case "Status":
    case "ContentType":
      return false
    case "Delay":
      return fault.before !== "headers"
    case "Reset":
    case "Stall":
      return fault.afterBytes !== undefined
    default:
      return true
  }
}

const make = Effect.sync((): Service => {
  let waiting: ReadonlyArray<Injection> = []
  return {
    inject: (injection) =>
      Effect.sync(() => {
        waiting = [...waiting, injection]
      }),
    all: Effect.sync(() => waiting),
    clear: Effect.sync(() => {
      waiting = []
    }),
    take: (path, concern) =>
      Effect.sync(() => {
        const index = waiting.findIndex((injection) =>
          injection.faults.some(concernsAudio) === (concern === "audio") && path.startsWith(injection.path ?? "")
        )
        const found = waiting[index]
        if (found === undefined) return []
        const times = (found.times ?? 1) - 1
        waiting = waiting.flatMap((injection, i) =>
          i !== index ? [injection] : times > 0 ? [{ ...injection, times }] : []
        )
        return found.faults
      })
  }
})

/** @internal */
export const layer: Layer.Layer<Faults> = Layer.effect(Faults, make)

/**
 * The header that carries faults for its own request: one fault or an array of them, as JSON.
 *
 * @internal
 */
export const header = "x-emulator-fault"

/**
 * What a transport can do besides sending.
 *
 * @internal
 */
export interface Actions {
  /** Resets the connection. */
  readonly reset: Effect.Effect<void>
  /** Closes a WebSocket. On HTTP it does nothing: the body ends. */
  readonly close: (code: number, reason: string) => Effect.Effect<void>
}

type Transform = <E>(outputs: Stream.Stream<Output, E>) => Stream.Stream<Output, E>

// Puts an output after that many bytes of audio, or before the end mark if there are fewer. Audio across it is split.
const insert = (afterBytes: number, inserted: Output): Transform => (outputs) =>
  Stream.suspend(() => {
    let left = afterBytes
    let isDone = false
    return Stream.mapConcat(outputs, (output): ReadonlyArray<Output> => {
      if (isDone) return [output]
      if (output._tag === "Audio" && left >= output.bytes.length) {
        left -= output.bytes.length
        return [output]
      }
      if (output._tag === "Audio") {
        isDone = true
        const before = left === 0 ? [] : [Output.Audio({ bytes: output.bytes.subarray(0, left) })]
        return [...before, inserted, Output.Audio({ bytes: output.bytes.subarray(left) })]
      }
      if (output._tag === "End") {
        isDone = true
        return [inserted, output]
      }
      return [output]
    })
  })

const endAt = (afterBytes: number | undefined, rest: Stream.Stream<Output>): Transform => (outputs) =>
  insert(afterBytes ?? 0, Output.Cut())(outputs).pipe(
    Stream.takeWhile((output) => output._tag !== "Cut"),
    Stream.concat(rest)
  )

// Cuts the audio anew, into pieces of that many bytes.
const pieces = (bytes: number): Transform => (outputs) =>
  Stream.suspend(() => {
    let rest: Uint8Array = new Uint8Array(0)
    return Stream.mapConcat(outputs, (output): ReadonlyArray<Output> => {
      if (output._tag === "Audio") {
        const joined = Pcm.concatBytes([rest, output.bytes])
        const whole = joined.length - joined.length % bytes
        rest = joined.slice(whole)
        return Array.from(
          { length: whole / bytes },
          (_, i) => Output.Audio({ bytes: joined.subarray(i * bytes, (i + 1) * bytes) })
        )
      }
      const last = rest
      rest = new Uint8Array(0)
      return last.length > 0 ? [Output.Audio({ bytes: last }), output] : [output]
    })
  })

const wait = (duration: Duration.DurationInput, before: (output: Output) => boolean): Transform => (outputs) =>
  // One at a time, so that what has been sent before the wait leaves before it.
  Stream.rechunk(outputs, 1).pipe(
    Stream.mapEffect((output) =>
      before(output) ? Effect.delay(Effect.succeed(output), duration) : Effect.succeed(output)
    )
  )

const isAudio = (output: Output): boolean => output._tag === "Audio"

const first = (predicate: (output: Output) => boolean) => {
  let isFirst = true
  return (output: Output): boolean => {
    const isIt = isFirst && predicate(output)
    isFirst &&= !isIt
    return isIt
  }
}

const toTransform = (fault: Fault, actions: Actions): Transform => {
  const never = Stream.never
  switch (fault._tag) {
    case "Delay":
      return fault.before === "headers"
        ? (outputs) => outputs
        : fault.before === "audio"
        ? (outputs) => Stream.suspend(() => wait(fault.duration, first(isAudio))(outputs))
        : wait(fault.duration, () => true)
    case "Status":
    case "ContentType":
      return (outputs) => outputs
    case "Reset":
      return endAt(fault.afterBytes, Stream.concat(Stream.execute(actions.reset), never))
    case "Stall":
      return endAt(fault.afterBytes, never)
    case "EndEarly":
      return endAt(fault.afterBytes, Stream.execute(actions.close(1000, "")))
    case "Close":
      return endAt(fault.afterBytes, Stream.execute(actions.close(fault.code, fault.reason ?? "")))
    case "InBandError":
      return endAt(fault.afterBytes, Stream.make(Output.Failed({ message: fault.message })))
    case "MalformedJson":
      return insert(fault.afterBytes ?? 0, Output.Malformed())
    case "BadBase64":
      return insert(fault.afterBytes ?? 0, Output.BadBase64())
    case "Split":
      return pieces(fault.bytes)
    case "SlowDrip":
      return (outputs) => wait(fault.every, isAudio)(pieces(fault.bytes)(outputs))
    case "EmptyAudio":
      return (outputs) => Stream.filter(outputs, (output) => output._tag !== "Audio" && output._tag !== "Word")
  }
}

/**
 * Lets faults strike an answer, in the order in which they are listed.
 *
 * @internal
 */
export const strike =
  (faults: ReadonlyArray<Fault>, actions: Actions) =>
  <E>(outputs: Stream.Stream<Output, E>): Stream.Stream<Output, E> =>
    faults.reduce((struck, fault) => toTransform(fault, actions)(struck), outputs)
