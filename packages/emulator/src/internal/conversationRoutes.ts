/**
 * Lightning v4: one WebSocket for a whole conversation, with turns in JSON and audio in binary frames. The vendor has not
 * documented it; what its two public clients do not show is an assumption.
 */
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechEngine from "@effect-smallest/core/SpeechEngine"
import type * as SpeechError from "@effect-smallest/core/SpeechError"
import * as Wav from "@effect-smallest/core/Wav"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { Assumptions } from "../Assumptions.js"
import * as Account from "./account.js"
import * as Catalogue from "./catalogue.js"
import * as Exchange from "./exchange.js"
import * as Faults from "./faults.js"
import { hex } from "./ids.js"
import * as LiveSocket from "./liveSocket.js"
import { json, notFound, Refusal } from "./refusal.js"
import { CurrentSettings } from "./settings.js"
import * as Speech from "./speech.js"

const Output = Speech.Output

const { conversational } = Catalogue

const notEnabled = new Refusal({
  status: 403,
  body: {
    status: "error",
    error_code: "MODEL_NOT_ENTITLED",
    message: `Your plan does not include the model ${conversational.model}.`
  }
})

interface Session {
  readonly voice: Catalogue.CatalogueVoice
  readonly sampleRate: number
  readonly speed: number
  /** What is to become of a turn that the filter finds; undefined leaves every turn alone. */
  readonly filter: "reject" | "flag" | undefined
}

interface Denial {
  readonly code: "model_access_denied" | "invalid_voice" | "invalid_query"
  readonly message: string
  readonly closeCode: number
}

interface Turn {
  readonly id: string
  readonly text: string
}

const numberOf = (text: string | null, usual: number): number => text === null || text === "" ? usual : Number(text)

const readQuery = (
  query: URLSearchParams,
  options: {
    readonly models: ReadonlyArray<string>
    readonly voices: ReadonlySet<string>
    readonly assumptions: Assumptions
  }
): Either.Either<Session, Denial> => {
  const { assumptions, models, voices } = options
  const deny = (code: Denial["code"], message: string, closeCode = assumptions.v4RefusalCloseCode) =>
    Either.left({ code, message, closeCode })
  if (!models.includes(conversational.model)) {
    return deny("model_access_denied", "Lightning v4 is not enabled for this account.")
  }
  const sampleRate = numberOf(query.get("sample_rate"), 48_000)
  if (!conversational.sampleRates.some((rate) => rate === sampleRate)) {
    return deny("invalid_query", `sample_rate must be one of ${conversational.sampleRates.join(", ")}`, 1008)
  }
  const speed = numberOf(query.get("speed"), 1)
  if (!(speed >= 0.5 && speed <= 2)) return deny("invalid_query", "speed must be between 0.5 and 2.0")
  const choices: ReadonlyArray<readonly [name: string, values: ReadonlyArray<string>]> = [
    ["language", ["en", "auto"]],
    ["output_format", ["pcm"]],
    ["content_filter", ["true", "false"]],
    ["content_filter_action", ["reject", "flag"]]
  ]
  for (const [name, values] of choices) {
    const given = query.get(name)
    if (given !== null && !values.includes(given)) {
      return deny("invalid_query", `${name} must be one of ${values.join(", ")}`)
    }
  }
  const id = query.get("voice_id") || "brannock"
  const voice = conversational.voices.get(id) ??
    (voices.has(id) ? { id, gender: "male" as const, languages: ["en"] } : undefined)
  if (voice === undefined) return deny("invalid_voice", `Voice '${id}' is not available on lightning-v4.`)
  return Either.right({
    voice,
    sampleRate: assumptions.v4SampleRate === 0 ? sampleRate : assumptions.v4SampleRate,
    speed,
    filter: query.get("content_filter") !== "true"
      ? undefined
      : query.get("content_filter_action") === "flag"
      ? "flag"
      : "reject"
  })
}

// What every engine of the emulator makes; 48000 Hz is not among it.
const engineRate = (sampleRate: number): number =>
  Catalogue.sampleRates.some((rate) => rate === sampleRate) ? sampleRate : 24_000

const toRate =
  (sampleRate: number) => (outputs: Stream.Stream<Speech.Output, SpeechError.SpeechError>): typeof outputs => {
    const format = Pcm.format(engineRate(sampleRate))
    if (format.sampleRate === sampleRate) return outputs
    return outputs.pipe(
      Stream.filterMap((output) =>
        output._tag === "Audio" ? Option.some(Pcm.unsafeMake(format, output.bytes)) : Option.none()
      ),
      Pcm.resample(sampleRate),
      Stream.map(({ bytes }) => Output.Audio({ bytes })),
      Stream.catchTag(
        "PcmError",
        (error) => Stream.fail(SpeechEngine.fromPcmError({ module: "WavesEmulator", method: "converse" })(error))
      )
    )
  }

const isCallerAudio = (audio: string): boolean => {
  const bytes = Encoding.decodeBase64(audio)
  if (Either.isLeft(bytes)) return false
  const wav = Wav.decode(bytes.right)
  return Either.isRight(wav) && wav.right.format.channels === 1
}

/** Messages that wait before the session reads on. */
const mostTurns = 64

// A caller's turn is a recording: a minute at 48000 Hz, in base64.
const longestMessage = 8_000_000

/** @internal */
export const layer = HttpLayerRouter.use((router) =>
  Effect.gen(function*() {
    const { assumptions, latency, models, voices } = yield* CurrentSettings
    const account = yield* Account.Account
    const faults = yield* Faults.Faults
    const speech = yield* Speech.Speech
    const { route } = yield* Exchange.Exchanges

    const converse = Effect.fnUntraced(function*(exchange: Exchange.Exchange, socket: Socket.Socket) {
      const write = yield* socket.writer
      const turns = yield* Queue.bounded<Turn>(mostTurns)
      let closeCode: number | undefined
      let current: { readonly turn: Turn; readonly interrupt: Deferred.Deferred<void> } | undefined
      let ownFaults = exchange.faults.filter(Faults.concernsAudio)
      let deadline = (yield* Clock.currentTimeMillis) + assumptions.v4IdleTimeout * 1000

      // A socket that is gone needs neither frames nor closing.
      const send = (frame: Uint8Array | string) => Effect.ignore(write(frame))
      const sendJson = (frame: Readonly<Record<string, unknown>>) => send(JSON.stringify(frame))
      const close = (code: number, reason: string) => Effect.ignore(write(new Socket.CloseEvent(code, reason)))

      const refuse = (code: string, message: string, turnId?: string) =>
        sendJson({ event: "error", code, message, ...(turnId === undefined ? {} : { turn_id: turnId }) })

      const speak = Effect.fnUntraced(function*(turn: Turn, session: Session) {
        const interrupt = yield* Deferred.make<void>()
        current = { turn, interrupt }
        const struckBy = [...ownFaults, ...(yield* faults.take(exchange.path, "audio"))]
        ownFaults = []
        yield* exchange.entry.fault(struckBy.map((fault) => fault._tag))
        yield* sendJson({ event: "turn_start", turn_id: turn.id })
        let chunks = 0
        const word = assumptions.v4FilteredWord
        const isFound = word !== "" && turn.text.toLowerCase().includes(word.toLowerCase())
        if (session.filter === "reject" && isFound) {
          current = undefined
          if (assumptions.v4RejectedTurn === "nothing") return
          return assumptions.v4RejectedTurn === "error"
            ? yield* refuse("content_filtered", "The turn was rejected by the content filter.", turn.id)
            : yield* sendJson({ event: "turn_end", turn_id: turn.id, chunks: 0 })
        }
        const emit = (output: Speech.Output): Effect.Effect<unknown> => {
          switch (output._tag) {
            case "Audio":
              chunks += 1
              return Effect.zipRight(send(output.bytes), exchange.entry.audio(output.bytes.length))
            case "Malformed":
              return send("{\"event\":\"turn_")
            case "Failed":
              return refuse("synthesis_failed", output.message, turn.id)
            case "End":
              return Effect.suspend(() => {
                current = undefined
                return sendJson({ event: "turn_end", turn_id: turn.id, chunks })
              })
            case "BadBase64":
            case "Word":
            case "Cut":
              return Effect.void
          }
        }
        yield* Effect.sleep(latency).pipe(
          Effect.zipRight(
            speech.speak({
              text: turn.text,
              voice: session.voice,
              sampleRate: engineRate(session.sampleRate),
              speed: session.speed
            }).pipe(
              toRate(session.sampleRate),
              Stream.concat(Stream.make(Output.End())),
              Faults.strike(struckBy, { reset: exchange.reset, close }),
              Stream.catchAll((error) =>
                Stream.fromEffect(Effect.as(
                  Effect.logError("The emulator's engine failed", error),
                  Output.Failed({ message: error.message })
                ))
              ),
              // One at a time, so that an interruption is not behind audio that is made already.
              Stream.rechunk(1),
              Stream.runForEach((output) => Effect.zipRight(emit(output), Effect.yieldNow()))
            )
          ),
          Effect.raceFirst(Effect.zipRight(
            Deferred.await(interrupt),
            Effect.suspend(() => sendJson({ event: "interrupted", turn_id: turn.id, chunks }))
          ))
        )
        current = undefined
      })

      const interrupt = Effect.gen(function*() {
        yield* Queue.takeAll(turns)
        if (current !== undefined) yield* Deferred.succeed(current.interrupt, undefined)
        else if (assumptions.v4IdleInterrupt === "interrupted") yield* sendJson({ event: "interrupted", chunks: 0 })
      })

      const handle = (message: unknown): Effect.Effect<unknown> => {
        const given = Predicate.isRecord(message) ? message : {}
        const { audio, event, text, turn_id } = given
        switch (event) {
          case "speak":
            return typeof turn_id !== "string" || turn_id === ""
              ? refuse("bad_frame", "speak needs a turn_id")
              : typeof text !== "string" || text.trim() === ""
              ? refuse("bad_frame", "speak needs a text", turn_id)
              : text.length > assumptions.v4TextMax
              ? refuse("bad_frame", `The text is longer than ${assumptions.v4TextMax} characters`, turn_id)
              : Queue.offer(turns, { id: turn_id, text })
          case "interrupt":
            return interrupt
          case "user_audio":
            // Without audio the server throws the entry away and does not say so.
            return typeof text !== "string"
              ? refuse("bad_user_audio", "user_audio needs a text")
              : audio === undefined || (typeof audio === "string" && isCallerAudio(audio))
              ? Effect.void
              : refuse("bad_user_audio", "audio must be a mono WAV in base64")
          case "end":
            return close(1000, "")
          default:
            return refuse("bad_frame", `There is no event ${JSON.stringify(event)}`)
        }
      }

      const receive = Effect.fnUntraced(function*(data: string | Uint8Array) {
        deadline = (yield* Clock.currentTimeMillis) + assumptions.v4IdleTimeout * 1000
        if (typeof data !== "string") return yield* refuse("bad_frame", "Messages are JSON in text frames")
        if (data.length > longestMessage) {
          return yield* refuse("bad_frame", `The message is longer than ${longestMessage} characters`)
        }
        const message = yield* Effect.option(Effect.try((): unknown => JSON.parse(data)))
        yield* exchange.entry.message(
          // A recording would fill the log.
          data.replace(/("audio"\s*:\s*")([^"]{64})[^"]*"/, "$1$2…\"")
        )
        if (Option.isNone(message)) return yield* refuse("bad_frame", "The message is not valid JSON")
        yield* handle(message.value)
      })

      const untilIdle = Effect.gen(function*() {
        if (assumptions.v4IdleTimeout === 0) return yield* Effect.never
        let left = assumptions.v4IdleTimeout * 1000
        while (left > 0) {
          yield* Effect.sleep(left)
          left = deadline - (yield* Clock.currentTimeMillis)
        }
        yield* close(1000, "Idle")
      })

      const begin = Effect.gen(function*() {
        const session = readQuery(exchange.query, { models, voices, assumptions })
        if (Either.isLeft(session)) {
          const { closeCode, code, message } = session.left
          yield* sendJson({ status: "error", error: { code, message } })
          return yield* close(closeCode, code)
        }
        if (assumptions.v4Ready !== "none") yield* sendJson({ event: "ready", session_id: `v4_${yield* hex(12)}` })
        if (assumptions.v4Ready === "both") yield* sendJson({ event: "ready", sample_rate: session.right.sampleRate })
        return yield* Effect.forever(Effect.flatMap(Queue.take(turns), (turn) => speak(turn, session.right)))
      })

      yield* exchange.entry.update({ status: 101 })
      yield* Effect.addFinalizer((exit) =>
        exchange.entry.end(
          closeCode === 1006 || current !== undefined || Exit.isInterrupted(exit) ? "aborted" : "completed",
          closeCode
        )
      )
      // What it writes waits until the socket is open.
      yield* Effect.forkScoped(begin)
      const run = socket.runRaw(receive).pipe(
        Effect.catchAll((error) =>
          Effect.sync(() => {
            closeCode = Socket.SocketCloseError.is(error) ? error.code : 1006
          })
        )
      )
      yield* Effect.raceFirst(run, untilIdle)
    }, Effect.scoped)

    const serve: Exchange.Handler = Effect.fnUntraced(function*(exchange) {
      if (!Exchange.isUpgrade(exchange.headers)) return yield* notFound
      yield* account.authenticate(exchange, () => ({ error: "unauthorized" }))
      if (!LiveSocket.isHandshake(exchange)) return yield* LiveSocket.badHandshake
      yield* assumptions.v4Session === "socket" ? account.socket : account.permit
      const socket = yield* Effect.mapError(exchange.request.upgrade, () => LiveSocket.badHandshake)
      yield* converse(exchange, socket)
      return HttpServerResponse.empty({ status: 101 })
    })

    const listed = [...conversational.voices.values()].map(({ accent, gender, id }) => ({
      voiceId: id,
      displayName: id.charAt(0).toUpperCase() + id.slice(1),
      tags: { language: ["english"], accent, gender, emotions: [], usecases: ["conversational"] }
    }))

    yield* router.add("GET", `/waves/v1/${conversational.path}/live`, route(serve, { audio: true }))
    yield* router.add(
      "GET",
      `/waves/v1/${conversational.path}/get_voices`,
      route((exchange) =>
        account.authenticate(exchange).pipe(
          Effect.zipRight(models.includes(conversational.model) ? Effect.void : notEnabled),
          Effect.as(json({ voices: listed }))
        )
      )
    )
  })
)
