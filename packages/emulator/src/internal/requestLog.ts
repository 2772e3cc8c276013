/**
 * The log of what clients sent: the newest requests, without their keys.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { RecordedRequest } from "../RecordedRequest.js"

/** @internal */
export interface Service {
  readonly open: (
    request: Pick<RecordedRequest, "id" | "transport" | "method" | "path" | "query" | "headers">
  ) => Effect.Effect<Entry>
  readonly all: Effect.Effect<ReadonlyArray<RecordedRequest>>
  readonly clear: Effect.Effect<void>
  readonly await: (predicate: (request: RecordedRequest) => boolean) => Effect.Effect<RecordedRequest>
}

/**
 * One request, while it is being answered.
 *
 * @internal
 */
export interface Entry {
  readonly update: (change: Partial<RecordedRequest>) => Effect.Effect<void>
  readonly body: (text: string) => Effect.Effect<void>
  readonly message: (text: string) => Effect.Effect<void>
  readonly audio: (bytes: number) => Effect.Effect<void>
  readonly fault: (tags: ReadonlyArray<string>) => Effect.Effect<void>
  readonly end: (outcome: "completed" | "aborted", closeCode?: number) => Effect.Effect<void>
}

/** @internal */
export class RequestLog extends Context.Tag("@effect-smallest/emulator/internal/RequestLog")<RequestLog, Service>() {}

const capacity = 1000

const longestText = 16_384

const longestMessage = 4096

const mostMessages = 50

const parse = (text: string, longest: number): unknown => {
  if (text.length > longest) return `${text.slice(0, longest)}…`
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const secrets = new Set(["authorization", "token", "api_key"])

const redact = (values: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, secrets.has(name.toLowerCase()) ? "<redacted>" : value])
  )

const make = Effect.sync((): Service => {
  const records = new Map<number, RecordedRequest>()
  const waiting = new Set<{
    readonly predicate: (request: RecordedRequest) => boolean
    readonly found: Deferred.Deferred<RecordedRequest>
  }>()
  let next = 0

  const put = (key: number, record: RecordedRequest): void => {
    records.set(key, record)
    for (const waiter of waiting) {
      if (waiter.predicate(record)) {
        waiting.delete(waiter)
        Deferred.unsafeDone(waiter.found, Effect.succeed(record))
      }
    }
  }

  const open: Service["open"] = (request) =>
    Effect.map(Clock.currentTimeMillis, (startedAt): Entry => {
      const key = next++
      const change = (f: (record: RecordedRequest) => Partial<RecordedRequest>) =>
        Effect.sync(() => {
          const record = records.get(key)
          if (record !== undefined) put(key, { ...record, ...f(record) })
        })
      put(key, {
        ...request,
        query: redact(request.query),
        headers: redact(request.headers),
        messages: [],
        faults: [],
        audioBytes: 0,
        startedAt,
        outcome: "open"
      })
      const oldest = records.keys().next()
      if (records.size > capacity && oldest.done !== true) records.delete(oldest.value)
      return {
        update: (fields) => change(() => fields),
        body: (text) => change(() => ({ body: parse(text, longestText) })),
        message: (text) =>
          Effect.flatMap(Clock.currentTimeMillis, (at) =>
            change(({ messages }) => ({
              messages: [...messages.slice(1 - mostMessages), { at, message: parse(text, longestMessage) }]
            }))),
        audio: (bytes) => change(({ audioBytes }) => ({ audioBytes: audioBytes + bytes })),
        fault: (tags) => tags.length === 0 ? Effect.void : change(({ faults }) => ({ faults: [...faults, ...tags] })),
        end: (outcome, closeCode) =>
          Effect.flatMap(Clock.currentTimeMillis, (endedAt) =>
            change(() => ({ outcome, endedAt, ...(closeCode === undefined ? {} : { closeCode }) })))
      }
    })

  return {
    open,
    all: Effect.sync(() => [...records.values()]),
    clear: Effect.sync(() => records.clear()),
    await: (predicate) =>
      Effect.suspend(() => {
        const record = [...records.values()].find(predicate)
        if (record !== undefined) return Effect.succeed(record)
        return Effect.flatMap(Deferred.make<RecordedRequest>(), (found) => {
          const waiter = { predicate, found }
          waiting.add(waiter)
          return Effect.ensuring(Deferred.await(found), Effect.sync(() => waiting.delete(waiter)))
        })
      })
  }
})

/** @internal */
export const layer: Layer.Layer<RequestLog> = Layer.effect(RequestLog, make)
