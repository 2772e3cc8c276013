import { SpeechError, SpeechSynthesizer } from "@effect-smallest/core"
import {
  type Answer,
  audioEvent,
  eventStream,
  type Exchange,
  fakeHttp,
  json,
  timed
} from "@effect-smallest/test-support/fakeHttp"
import {
  LightningV1SpeechSynthesizer,
  WavesClient,
  WavesPronunciationDictionaries,
  WavesSpeechSynthesizer,
  WavesVoiceClones,
  WavesVoices
} from "@effect-smallest/waves"
import { Headers, HttpClient, HttpClientError } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Context,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  LogLevel,
  Option,
  Redacted,
  Stream,
  TestClock,
  Tracer
} from "effect"
import { inspect } from "node:util"

// Law 8: the key appears in no error, log or span. Every failure here comes from a server or a network that repeats the
// key wherever it can.
const key = "sk_canary_5f3b9c"

const encode = (text: string) => new TextEncoder().encode(text)

const transport = (reason: HttpClientError.RequestError["reason"], cause: unknown) => ({ request }: Exchange) =>
  Effect.fail(new HttpClientError.RequestError({ request, reason, cause, description: `Bearer ${key}` }))

const respond = (answer: Answer) => () => Effect.succeed(answer)

const echo = { error: [{ path: [key], code: key, message: `bad key ${key}` }], request_id: key }

const failures: Record<string, (exchange: Exchange) => Effect.Effect<Answer, HttpClientError.HttpClientError>> = {
  ...Object.fromEntries([400, 401, 402, 403, 404, 410, 413, 422, 429, 500, 503].map((status) => [
    `status ${status}`,
    respond(json(status, echo, { "x-request-id": key }))
  ])),
  "a plain refusal that is cut": respond({ status: 500, body: Stream.make(encode(`${"x".repeat(295)}${key}`)) }),
  "JSON under 200": respond(json(200, { message: `hello ${key}` }, { "x-request-id": key })),
  "an error in the stream": respond(
    eventStream(Stream.make(encode(`data: ${JSON.stringify({ status: "error", ...echo, message: key })}\n\n`)), {
      "x-request-id": key
    })
  ),
  "nonsense in the stream": respond(eventStream(Stream.make(encode(`data: ${"x".repeat(60)}${key}\n\n`)))),
  "nonsense where a message is cut": respond(eventStream(Stream.make(encode(`data: ${"x".repeat(270)}${key}\n\n`)))),
  "no end mark": respond(eventStream(timed([0, audioEvent(4)]), { "x-request-id": key })),
  "no answer": () => Effect.never,
  "no audio": respond(eventStream(Stream.never, { "x-request-id": key })),
  "no connection": transport("Transport", new TypeError(`Headers.append: "Bearer ${key}" is an invalid header value.`)),
  "a nested cause": transport("Transport", new Error("outer", { cause: new AggregateError([new Error(key)]) })),
  "a bad URL": transport("InvalidUrl", new Error(key)),
  "a bad body": transport("Encode", { message: key, request: { authorization: `Bearer ${key}` } }),
  "a break in the middle": ({ request }) =>
    Effect.succeed(eventStream(
      Stream.concat(
        timed([0, audioEvent(4)]),
        Stream.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error(key) }))
      ),
      { "x-request-id": key }
    ))
}

/** Everything that a program could print of a value. */
const told = (value: unknown): string =>
  [String(value), JSON.stringify(value), inspect(value, { depth: 20, showHidden: true, getters: true })].join("\n")

/** Records all spans and logs of an effect as text. */
const observed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    const tracer = Tracer.make({
      context: (f) => f(),
      span: (name, parent, context, links, startTime, kind, options) => {
        const attributes = new Map(Object.entries(options?.attributes ?? {}))
        const span: Tracer.Span = {
          _tag: "Span",
          spanId: name,
          traceId: "trace",
          sampled: true,
          status: { _tag: "Started", startTime },
          name,
          parent,
          context,
          links,
          kind,
          attributes,
          attribute: (name, value) => void seen.push(told([name, value])),
          addLinks: () => {},
          event: (name, _, attributes) => void seen.push(told([name, attributes])),
          end: (_, exit) => {
            seen.push(told([name, [...attributes]]))
            // What a span succeeded with is told to nobody.
            if (Exit.isFailure(exit)) seen.push(told(exit), Cause.pretty(exit.cause, { renderErrorCause: true }))
          }
        }
        seen.push(told([name, options?.attributes, Context.unsafeMake(context.unsafeMap).toJSON()]))
        return span
      }
    })
    const logger = Logger.make(({ annotations, cause, message, spans }) =>
      void seen.push(told(message) + told([...annotations]) + Cause.pretty(cause) + told([...spans]))
    )
    const exit = yield* effect.pipe(
      Effect.withTracer(tracer),
      Effect.exit,
      Effect.tap((exit) => Exit.isFailure(exit) ? Effect.logError("It failed", exit.cause) : Effect.void),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(LogLevel.All)
    )
    return { exit, seen }
  })

const ways = {
  "WavesSpeechSynthesizer.stream": WavesSpeechSynthesizer.layer(),
  "LightningV1SpeechSynthesizer.stream": LightningV1SpeechSynthesizer.layer()
}

const questions: ReadonlyArray<
  Effect.Effect<
    unknown,
    SpeechError.SpeechError,
    | WavesVoices.WavesVoices
    | WavesVoiceClones.WavesVoiceClones
    | WavesPronunciationDictionaries.WavesPronunciationDictionaries
  >
> = [
  WavesVoices.list(),
  WavesVoiceClones.get("65f1"),
  WavesVoiceClones.delete("voice_1"),
  WavesPronunciationDictionaries.create([{ word: "a", pronunciation: "b" }]),
  WavesPronunciationDictionaries.delete("0123456789abcdef01234567")
]

describe("law 8: the key stays secret", () => {
  for (const [failure, handle] of Object.entries(failures)) {
    it.effect(failure, () =>
      Effect.gen(function*() {
        for (const layer of Object.values(ways)) {
          for (
            const speak of [
              Stream.runDrain(SpeechSynthesizer.stream({ text: "Hi." })),
              Effect.asVoid(SpeechSynthesizer.synthesize({ text: "Hi." }))
            ]
          ) {
            const { exchanges, layer: http } = fakeHttp(handle)
            const engine = layer.pipe(
              Layer.provide(WavesClient.layer({ apiKey: Redacted.make(key) })),
              Layer.provide(http)
            )
            // The fallback logs the error of its first engine, the retries run everything twice.
            const speech = SpeechSynthesizer.layerFallback([
              SpeechSynthesizer.layerRetry(engine, { maxRetries: 1 }),
              engine
            ])
            const fiber = yield* Effect.fork(
              observed(Effect.provide(speak, speech)).pipe(
                // Even where a program prints all headers.
                Effect.locally(Headers.currentRedactedNames, [])
              )
            )
            yield* TestClock.adjust("1 hour")
            const { exit, seen } = yield* Fiber.join(fiber)
            assert.isAbove(exchanges.length, 0)
            assert.strictEqual(exchanges[0]?.request.headers["authorization"], `Bearer ${key}`, "the server did get it")
            // Answers that the other API would not give may even be well for this one.
            const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
            const everything = [...seen, told(exit), told(error), told(error?.message), told(error?.stack)].join("\n")
            assert.isAbove(seen.length, 0)
            for (const secret of [key, "sk_can"]) {
              const at = everything.indexOf(secret)
              assert.strictEqual(at, -1, everything.slice(Math.max(0, at - 200), at + 50))
            }
          }
        }
      }))
  }

  for (const [failure, handle] of Object.entries(failures)) {
    it.effect(`the account: ${failure}`, () =>
      Effect.gen(function*() {
        for (const ask of questions) {
          const { exchanges, layer: http } = fakeHttp(handle)
          const account = Layer.mergeAll(
            WavesVoices.layer(),
            WavesVoiceClones.layer,
            WavesPronunciationDictionaries.layer
          ).pipe(Layer.provide(WavesClient.layer({ apiKey: Redacted.make(key) })), Layer.provide(http))
          const fiber = yield* Effect.fork(
            observed(Effect.provide(ask, account)).pipe(Effect.locally(Headers.currentRedactedNames, []))
          )
          yield* TestClock.adjust("1 hour")
          const { exit, seen } = yield* Fiber.join(fiber)
          assert.strictEqual(exchanges[0]?.request.headers["authorization"], `Bearer ${key}`, "the server did get it")
          const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
          assert.strictEqual(SpeechError.isSpeechError(error), Exit.isFailure(exit), "no failure is untyped")
          const everything = [...seen, told(exit), told(error), told(error?.message), told(error?.stack)].join("\n")
          const at = everything.indexOf("sk_can")
          assert.strictEqual(at, -1, everything.slice(Math.max(0, at - 200), at + 50))
        }
      }))
  }

  it.effect("options, layers and requests print without it", () =>
    Effect.gen(function*() {
      const { exchanges, layer: http } = fakeHttp(respond(eventStream(Stream.empty)))
      const options: WavesClient.Options = { apiKey: Redacted.make(key) }
      const client = yield* WavesClient.make(options).pipe(Effect.provide(http))
      yield* Effect.ignore(client.synthesize({ text: "Hi.", voice_id: "meher" }))
      assert.notInclude(told(options), key)
      assert.notInclude(told(client), key)
      assert.notInclude(exchanges[0]?.request.url ?? key, key)
    }))

  it.effect("a client that the user changed cannot make the spans of ours tell it", () =>
    Effect.gen(function*() {
      const { layer: http } = fakeHttp(transport("Transport", new Error("refused")))
      const client = yield* WavesClient.make({
        apiKey: Redacted.make(key),
        transformClient: HttpClient.withTracerPropagation(true)
      }).pipe(Effect.provide(http))
      const { seen } = yield* observed(client.synthesize({ text: "Hi.", voice_id: "meher" }))
      assert.isAbove(seen.length, 0)
      assert.notInclude(seen.join("\n"), key)
    }))
})
