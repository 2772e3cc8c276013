import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SpeechEvent from "../SpeechEvent.js"
import { CurrentSpeechOptions, mergeOptions, type SpeechRequest } from "../SpeechRequest.js"
import type { Service } from "../SpeechSynthesizer.js"
import { joinProviders, takesProvider } from "./capabilities.js"
import { Takeover } from "./takeover.js"

/**
 * One engine out of several, asked in turn.
 *
 * @internal
 */
export const withFallback = (engines: readonly [Service, ...ReadonlyArray<Service>]): Service => {
  const [first, ...others] = engines

  // What is addressed to another engine of the list is not for this one; what is addressed to none of them still fails.
  const addressed = <A extends SpeechRequest>(request: A, { capabilities }: Service): A =>
    request.provider === undefined ? request : {
      ...request,
      provider: Object.fromEntries(
        Object.entries(request.provider).filter(([name]) =>
          takesProvider(capabilities, name) || !engines.some((other) => takesProvider(other.capabilities, name))
        )
      )
    }

  const inTurn = <Request extends SpeechRequest, A, E, R>(
    request: Request,
    ask: (engine: Service, request: Request) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> =>
    Effect.flatMap(CurrentSpeechOptions, (scoped) => {
      const merged = mergeOptions(scoped, request)
      // All engines speak at the first one's rate, so that a stream which changes engines between segments stays playable.
      const pinned = { ...merged, sampleRate: merged.sampleRate ?? first.defaults.sampleRate }
      const attempt = (engine: Service) =>
        // The scope is part of the request now.
        Effect.provideService(ask(engine, addressed(pinned, engine)), CurrentSpeechOptions, {})
      return others.reduce(
        (before, engine) => Effect.catchAll(before, (error) => Effect.zipRight(noteTakeover(error), attempt(engine))),
        attempt(first)
      )
    })

  const events: Service["events"] = (request) =>
    Stream.unwrapScoped(
      inTurn(request, (engine, request) => SpeechEvent.untilFirstAudio(engine.events(request)))
    )

  return {
    capabilities: {
      ...first.capabilities,
      provider: joinProviders(engines.map(({ capabilities }) => capabilities)),
      maxTextLength: Math.min(...engines.map(({ capabilities }) => capabilities.maxTextLength ?? Infinity))
    },
    defaults: first.defaults,
    events,
    stream: (request) => SpeechEvent.pcm(events(request)),
    synthesize: (request) => inTurn(request, (engine, request) => engine.synthesize(request)),
    bytes: (request) => inTurn(request, (engine, request) => engine.bytes(request)),
    voices: first.voices,
    models: first.models,
    languages: first.languages
  }
}

const noteTakeover = (error: unknown): Effect.Effect<void> =>
  Effect.map(Takeover, Option.map((note) => note())).pipe(Effect.zipRight(logTakeover(error)))

const logTakeover = (error: unknown): Effect.Effect<void> =>
  Effect.logWarning("A speech engine failed before any sound; the next one takes over").pipe(
    Effect.annotateLogs({ package: "@effect-smallest/core", module: "SpeechSynthesizer", error: String(error) })
  )
