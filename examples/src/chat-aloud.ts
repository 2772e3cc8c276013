/**
 * A chat that speaks: one route answers a question with the model's text, as it is written, and its speech, in one response.
 *
 *     npx tsx examples/src/chat-aloud.ts "What is speech made of?"
 *
 * The model and the voice are those of the emulator, so that everything runs on this machine, without keys. With
 * `--serve 8080` the server stays; `curl -N -H 'authorization: Bearer demo' -d '{"question":"Hello?"}' localhost:8080/chat`.
 */
import { AudioFile, SpeechError, SpeechEvent } from "@effect-smallest/core"
import { WavesEmulator } from "@effect-smallest/emulator"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { SpeechProxyProtocol, SpeechReply } from "@effect-smallest/proxy"
import { type SpeechStream, SpeechText } from "@effect-smallest/stream"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Cause, Console, Context, Duration, Effect, Layer, Redacted, Runtime, Schema, Stream } from "effect"
import { Hono } from "hono"
import { createServer } from "node:http"
import OpenAI from "openai"

// ----------------------------------------------------------------------------------------------------------------
// the answer, whatever server asks for it
// ----------------------------------------------------------------------------------------------------------------

/** The application's language model, with any client that speaks OpenAI's protocol. */
export class Writer
  extends Context.Tag("examples/Writer")<Writer, { readonly client: OpenAI; readonly model: string }>()
{}

const about = { module: "chat-aloud", method: "answer" }

const writing = (question: string) =>
  Stream.unwrap(Effect.gen(function*() {
    const { client, model } = yield* Writer
    const chunks = yield* Effect.tryPromise((signal) =>
      client.chat.completions.create(
        { model, messages: [{ role: "user", content: question }], stream: true },
        { signal }
      )
    )
    return SpeechText.fromAsyncIterable(chunks)
  })).pipe(
    SpeechText.fromOpenAi,
    // The page learns that the model failed; why is a matter of the server's log.
    Stream.tapError((error) => Effect.logError("The model failed", Cause.fail(error))),
    Stream.mapError(() => new SpeechError.ServerFailure({ ...about, description: "The model failed" }))
  )

const Question = Schema.Struct({ question: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(1000)) })

/** Looks at the session, which your application has: here the only one is called "demo". */
const checkSession = (authorization: string | undefined) =>
  authorization === "Bearer demo"
    ? Effect.void
    : new SpeechError.AccessDenied({ ...about, description: "You are not signed in" })

/** What a page gets: the reply's text as it is written, its speech beside it, and errors that it can catch by their tag. */
export const answer = (request: { readonly authorization: string | undefined; readonly body: unknown }) =>
  Stream.unwrap(Effect.gen(function*() {
    yield* checkSession(request.authorization)
    const { question } = yield* Effect.mapError(
      Schema.decodeUnknown(Question)(request.body),
      () =>
        new SpeechError.InvalidSpeechRequest({
          ...about,
          parameter: "question",
          description: "A question has 1 to 1000 characters"
        })
    )
    return SpeechReply.events(writing(question), { prepare: SpeechText.stripMarkdown })
  }))

// ----------------------------------------------------------------------------------------------------------------
// mounts
// ----------------------------------------------------------------------------------------------------------------

/** In an application of Effect's own platform, here over `node:http`. */
export const router = HttpRouter.empty.pipe(
  HttpRouter.post(
    "/chat",
    Effect.gen(function*() {
      const { headers, text } = yield* HttpServerRequest.HttpServerRequest
      const body = yield* Effect.option(Effect.flatMap(text, Schema.decode(Schema.parseJson())))
      return yield* SpeechProxyProtocol.toResponse(
        answer({ authorization: headers["authorization"], body: body._tag === "Some" ? body.value : undefined })
      )
    })
  )
)

/** What the answer needs beside the model. */
export type Speech = SpeechStream.SpeechStream

/** In Hono; Next.js and every other framework of the web's `Response` look the same. */
export const hono = (runtime: Runtime.Runtime<Writer | Speech>) =>
  new Hono().post("/chat", async (context) => {
    const body: unknown = await context.req.json().catch(() => undefined)
    const response = SpeechProxyProtocol.toResponse(
      answer({ authorization: context.req.header("authorization"), body })
    )
    return HttpServerResponse.toWeb(await Runtime.runPromise(runtime)(response), { runtime })
  })

// ----------------------------------------------------------------------------------------------------------------
// the page
// ----------------------------------------------------------------------------------------------------------------

/** What the page does with a response, with a file in place of the loudspeaker. */
export const listen = (
  response: Response,
  show: (text: string) => Effect.Effect<void>
) =>
  Effect.scoped(Effect.gen(function*() {
    const { speech, text } = yield* SpeechProxyProtocol.split(SpeechProxyProtocol.fromResponse(response))
    const [, saved] = yield* Effect.all(
      [Stream.runForEach(text, show), AudioFile.save("chat-aloud.wav", SpeechEvent.pcm(speech))],
      { concurrency: "unbounded" }
    )
    return saved
  }))

// ----------------------------------------------------------------------------------------------------------------
// all of it on this machine
// ----------------------------------------------------------------------------------------------------------------

/** The emulator as model and as voice. */
export const offline = (options?: WavesEmulator.EngineOptions) =>
  Layer.unwrapEffect(
    Effect.map(WavesEmulator.WavesEmulator, ({ url }) =>
      Layer.merge(
        Layer.sync(Writer, () => ({
          client: new OpenAI({ apiKey: "sk_test", baseURL: `${url}/waves/v1`, maxRetries: 0 }),
          model: "electron"
        })),
        NodeSpeech.layerWaves({ apiKey: Redacted.make("sk_test"), baseUrl: url })
      ))
  ).pipe(Layer.provideMerge(WavesEmulator.layer(options)))

const server = (port: number) => NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" })

const askOnce = (question: string) =>
  HttpServer.addressWith((address) =>
    Effect.gen(function*() {
      const url = address._tag === "TcpAddress" ? `http://127.0.0.1:${address.port}/chat` : ""
      const response = yield* Effect.promise((signal) =>
        fetch(url, {
          signal,
          method: "POST",
          headers: { authorization: "Bearer demo", "content-type": "application/json" },
          body: JSON.stringify({ question })
        })
      )
      const saved = yield* listen(response, (text) => Effect.sync(() => process.stdout.write(text)))
      yield* Console.log(`\n${saved.name}: ${Duration.format(saved.duration)} of speech`)
    })
  )

const main = (args: ReadonlyArray<string>) =>
  args[0] === "--serve"
    ? Layer.launch(
      HttpServer.serve(router).pipe(HttpServer.withLogAddress, Layer.provide(server(Number(args[1] ?? 0))))
    )
    : askOnce(args[0] ?? "What is speech made of?").pipe(
      Effect.provide(Layer.provideMerge(HttpServer.serve(router), server(0)))
    )

if (import.meta.filename === process.argv[1]) {
  NodeRuntime.runMain(Effect.provide(main(process.argv.slice(2)), offline()))
}
