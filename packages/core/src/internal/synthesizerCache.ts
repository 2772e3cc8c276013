import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Audio from "../Audio.js"
import type * as AudioStore from "../AudioStore.js"
import * as LayerOptions from "../LayerOptions.js"
import * as Pcm from "../Pcm.js"
import type { SpeechError } from "../SpeechError.js"
import * as SpeechEvent from "../SpeechEvent.js"
import * as SpeechRecording from "../SpeechRecording.js"
import type { SpeechBytesRequest, SpeechRequest } from "../SpeechRequest.js"
import type { CacheOptions, Service } from "../SpeechSynthesizer.js"
import * as SpeechTelemetry from "../SpeechTelemetry.js"
import * as Capabilities from "./capabilities.js"
import { withSpan } from "./operation.js"
import * as SharedStreams from "./sharedStreams.js"
import { Takeover } from "./takeover.js"

const check = LayerOptions.make<CacheOptions>("SpeechSynthesizer.layerCached", {
  namespace: LayerOptions.text,
  maxAge: LayerOptions.duration,
  maxSize: LayerOptions.whole(1, Infinity),
  maxEntrySize: LayerOptions.whole(1, Infinity)
})

/** Changes if the bytes of entries do: then all of them are misses. */
const version = 1

/** The version, when it was stored, a digest of the rest. */
const envelope = 1 + 8 + 32

type Kind = "events" | "audio" | "bytes"

const sha256 = (bytes: Uint8Array): Effect.Effect<Uint8Array> =>
  Effect.map(
    // A copy, because the platform's types take no memory that may be shared.
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", new Uint8Array(bytes))),
    (digest) => new Uint8Array(digest)
  )

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** A text for each value that is plain data, the same for equal ones. */
const canonical = (value: unknown): Option.Option<string> => {
  if (value === null || Predicate.isString(value) || Predicate.isBoolean(value) || Number.isFinite(value)) {
    return Option.some(JSON.stringify(value))
  }
  if (Array.isArray(value)) {
    return Option.map(Option.all(value.map(canonical)), (all) => `[${all.join(",")}]`)
  }
  if (!Predicate.isRecord(value)) return Option.none()
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return Option.none()
  return Option.map(
    Option.all(
      Object.keys(value).filter((name) => value[name] !== undefined).sort().map((name) =>
        Option.map(canonical(value[name]), (written) => `${JSON.stringify(name)}:${written}`)
      )
    ),
    (all) => `{${all.join(",")}}`
  )
}

const eventSize = (event: SpeechEvent.SpeechEvent): number =>
  event._tag === "AudioChunk" ? event.chunk.bytes.length : 64

/**
 * An engine whose finished audio is kept, and not made twice.
 *
 * @internal
 */
export const withCache = (inner: Service, store: AudioStore.Service, options: CacheOptions = {}): Service => {
  check(options)
  const { maxEntrySize = 64 * 1024 * 1024, maxSize = Infinity, namespace = "" } = options
  const maxAge = Duration.toMillis(options.maxAge ?? Duration.infinity)
  const { capabilities, defaults } = inner
  const tidying = Effect.unsafeMakeSemaphore(1)
  const flights = {
    events: SharedStreams.make<SpeechEvent.SpeechEvent, SpeechError>(eventSize, maxEntrySize),
    audio: SharedStreams.make<Audio.Audio, SpeechError>(() => 0, Infinity),
    bytes: SharedStreams.make<Uint8Array, SpeechError>(() => 0, Infinity)
  }

  const count = (result: SpeechTelemetry.CacheResult) =>
    Effect.zipRight(
      Metric.increment(Metric.tagged(SpeechTelemetry.cacheRequests, "speech.cache.result", result)),
      Effect.annotateCurrentSpan("speech.cache.result", result)
    )

  // A cache that does not work must not keep anybody from speaking.
  const warn = (what: string) => <A, R>(effect: Effect.Effect<A, AudioStore.AudioStoreError, R>) =>
    Effect.catchAll(Effect.asSome(effect), (error) =>
      Effect.as(
        Effect.logWarning(`${what} failed; speech continues without it`).pipe(
          Effect.annotateLogs({
            package: "@effect-smallest/core",
            module: "SpeechSynthesizer",
            error: error.message
          })
        ),
        Option.none()
      ))

  const keyOf = (kind: Kind, request: SpeechRequest): Effect.Effect<Option.Option<string>> =>
    Option.match(canonical({ ...request, "": [version, namespace, kind, capabilities.module] }), {
      onNone: () => Effect.succeedNone,
      onSome: (text) => Effect.map(sha256(new TextEncoder().encode(text)), (digest) => Option.some(hex(digest)))
    })

  // How much there is, as far as this process knows. Others may add to it.
  let known: number | undefined

  const tidy = Effect.gen(function*() {
    const entries = Array.from(yield* Stream.runCollect(store.list)).sort((a, b) => a.storedAt - b.storedAt)
    let total = entries.reduce((sum, { size }) => sum + size, 0)
    for (const { key, size } of entries) {
      if (total <= maxSize) break
      yield* store.remove(key)
      total -= size
    }
    known = total
  })

  const makeRoom = (added: number) =>
    maxSize === Infinity ? Effect.void : tidying.withPermits(1)(Effect.suspend(() => {
      if (known !== undefined) known += added
      return known === undefined || known > maxSize ? tidy : Effect.void
    }))

  const keep = (key: string, payload: Uint8Array): Effect.Effect<void> =>
    Effect.gen(function*() {
      if (payload.length > maxEntrySize || payload.length + envelope > maxSize) return
      const head = new Uint8Array(1 + 8)
      head[0] = version
      new DataView(head.buffer).setFloat64(1, yield* Clock.currentTimeMillis, true)
      const bytes = Pcm.concatBytes([head, yield* sha256(payload), payload])
      if (yield* store.put(key, bytes)) yield* makeRoom(bytes.length)
    }).pipe(warn("Keeping audio in the cache"), Effect.asVoid, Effect.uninterruptible)

  const read = Effect.fnUntraced(function*(key: string) {
    const found = yield* store.get(key)
    if (Option.isNone(found)) return Option.none()
    const bytes = found.value
    const age = bytes.length < envelope
      ? Infinity
      : (yield* Clock.currentTimeMillis) - new DataView(bytes.buffer, bytes.byteOffset).getFloat64(1, true)
    const payload = bytes.subarray(envelope)
    const isSound = bytes[0] === version && age <= maxAge && age === age &&
      hex(yield* sha256(payload)) === hex(bytes.subarray(9, envelope))
    if (isSound) return Option.some(payload)
    yield* store.remove(key)
    return Option.none()
  })

  /** What the cache has, or else what the engine makes; nothing is asked for before the stream is run. */
  const through = <A>(
    key: string,
    decode: (payload: Uint8Array) => Option.Option<Iterable<A>>,
    make: Stream.Stream<A, SpeechError>
  ): Stream.Stream<A, SpeechError> =>
    Stream.unwrap(
      read(key).pipe(
        warn("Reading the cache"),
        Effect.map(Option.flatten),
        Effect.map(Option.flatMap(decode)),
        Effect.tap((found) => count(Option.isSome(found) ? "hit" : "miss")),
        withSpan("SpeechSynthesizer.cache"),
        Effect.map(Option.match({ onNone: () => make, onSome: (found) => Stream.fromIterable(found) }))
      )
    )

  /** Makes it and keeps it, unless another engine took over. */
  const kept = <A, E>(
    key: string,
    stream: Stream.Stream<A, E>,
    sizeOf: (a: A) => number,
    isLast: (a: A) => boolean,
    encode: (all: ReadonlyArray<A>) => Uint8Array
  ): Stream.Stream<A, E> =>
    Stream.suspend(() => {
      let all: Array<A> | undefined = []
      let size = 0
      const drop = () => {
        all = undefined
      }
      return stream.pipe(
        Stream.mapChunksEffect((chunk) => {
          for (const a of chunk) {
            size += sizeOf(a)
            if (size > maxEntrySize) drop()
            all?.push(a)
          }
          return all !== undefined && Chunk.some(chunk, isLast)
            ? Effect.as(keep(key, encode(all)), chunk)
            : Effect.succeed(chunk)
        }),
        Stream.provideService(Takeover, Option.some(drop))
      )
    })

  const decodeEvents = (payload: Uint8Array) => Either.getRight(SpeechRecording.decode(payload))

  const checks = {
    events: Capabilities.checkRequest(capabilities, defaults, "events"),
    audio: Capabilities.checkRequest(capabilities, defaults, "synthesize"),
    bytes: Capabilities.checkBytesRequest(capabilities, defaults, "bytes")
  }

  /** The key of a request. A request that the engine refuses, or whose options are not plain data, has none: it goes to the engine. */
  const resolveKey = <A extends SpeechRequest>(
    kind: Kind,
    check: (request: A) => Effect.Effect<A, SpeechError>,
    request: A
  ): Effect.Effect<Option.Option<string>> =>
    Effect.orElseSucceed(Effect.flatMap(check(request), (resolved) => keyOf(kind, resolved)), () => Option.none())

  const events: Service["events"] = (request) =>
    Stream.unwrap(Effect.map(
      resolveKey("events", checks.events, request),
      Option.match({
        onNone: () => inner.events(request),
        onSome: (key) =>
          flights.events.share(
            key,
            through(
              key,
              decodeEvents,
              kept(key, inner.events(request), eventSize, SpeechEvent.$is("Completed"), SpeechRecording.encode)
            ),
            count("shared")
          )
      })
    ))

  const whole = <A>(
    flight: SharedStreams.SharedStreams<A, SpeechError>,
    key: Option.Option<string>,
    decode: (payload: Uint8Array) => Option.Option<A>,
    make: Effect.Effect<A, SpeechError>,
    encode: (a: A) => Uint8Array
  ): Effect.Effect<A, SpeechError> =>
    Option.match(key, {
      onNone: () => make,
      onSome: (key) =>
        flight.share(
          key,
          through(
            key,
            (payload) => Option.map(decode(payload), (a) => [a]),
            kept(key, Stream.fromEffect(make), () =>
              0, () =>
              true, ([a]) =>
              a === undefined ? new Uint8Array() : encode(a))
          ),
          count("shared")
        ).pipe(
          Stream.runHead,
          Effect.flatMap(Option.match({
            onNone: () =>
              make,
            onSome: Effect.succeed
          }))
        )
    })

  return {
    ...inner,
    events,
    stream: (request) => SpeechEvent.pcm(events(request)),
    synthesize: (request) =>
      Effect.flatMap(
        resolveKey("audio", checks.audio, request),
        (key) =>
          whole(flights.audio, key, decodeAudio, inner.synthesize(request), (audio) =>
            SpeechRecording.encode([
              SpeechEvent.AudioChunk({ chunk: audio }),
              SpeechEvent.Completed({ duration: audio.duration, requestId: audio.requestId })
            ]))
      ),
    bytes: (request: SpeechBytesRequest) =>
      Effect.flatMap(
        resolveKey("bytes", checks.bytes, request),
        (key) =>
          whole(flights.bytes, key, (payload) => Option.some(payload.slice()), inner.bytes(request), (bytes) => bytes)
      )
  }
}

const decodeAudio = (payload: Uint8Array): Option.Option<Audio.Audio> =>
  Option.flatMap(
    Either.getRight(SpeechRecording.decode(payload)),
    ([first, last]) =>
      first?._tag === "AudioChunk" && last?._tag === "Completed"
        ? Option.some({
          ...Audio.unsafeMake(first.chunk.format, first.chunk.bytes),
          ...(last.requestId === undefined ? {} : { requestId: last.requestId })
        })
        : Option.none()
  )
