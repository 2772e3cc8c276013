/** Plain `fetch` calls of the emulator: none of our own client between the test and the server. */
import { WavesEmulator } from "@effect-smallest/emulator"
import { Effect } from "effect"

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  readonly text: string
}

export interface Call {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly key?: string
}

/** Starts a request. Fails with what `fetch` rejects with. */
export const start = (path: string, call: Call = {}): Effect.Effect<Response, Error, WavesEmulator.WavesEmulator> =>
  Effect.flatMap(WavesEmulator.WavesEmulator, ({ url }) =>
    Effect.tryPromise({
      try: (signal) =>
        fetch(`${url}${path}`, {
          signal,
          method: call.method ?? (call.body === undefined ? "GET" : "POST"),
          headers: {
            ...(call.key === "" ? {} : { authorization: `Bearer ${call.key ?? "sk_test"}` }),
            ...call.headers
          },
          ...(call.body === undefined
            ? {}
            : {
              body: typeof call.body === "string" || call.body instanceof FormData
                ? call.body
                : JSON.stringify(call.body)
            })
        }),
      catch: (error) => new Error(String(error), { cause: error })
    }))

export const finish = (response: Response): Effect.Effect<Answer, Error> =>
  Effect.map(
    Effect.tryPromise({
      try: () => response.arrayBuffer(),
      catch: (error) => new Error(String(error), { cause: error })
    }),
    (body) => {
      const bytes = Buffer.from(body)
      return { status: response.status, headers: response.headers, bytes, text: bytes.toString() }
    }
  )

/** Makes a whole request. */
export const request = (path: string, call?: Call): Effect.Effect<Answer, Error, WavesEmulator.WavesEmulator> =>
  Effect.flatMap(start(path, call), finish)

/** `POST /waves/v1/tts` with 24 kHz and these fields. */
export const speak = (
  fields: Readonly<Record<string, unknown>> = {},
  call?: Call
): Effect.Effect<Answer, Error, WavesEmulator.WavesEmulator> =>
  request("/waves/v1/tts", {
    ...call,
    body: { text: "Hello there.", voice_id: "magnus", sample_rate: 24000, ...fields }
  })
