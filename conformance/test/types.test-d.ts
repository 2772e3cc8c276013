/** What the compiler must accept and refuse. Checked by `tsc -b`, never run. */
import type { Language, Model, Voice } from "@effect-smallest/core"
import {
  Audio,
  AudioFile,
  Pcm,
  SpeechError,
  SpeechEvent,
  SpeechRequest,
  SpeechSynthesizer,
  Wav
} from "@effect-smallest/core"
import { NodeSpeech } from "@effect-smallest/platform-node"
import { SpeechStream } from "@effect-smallest/stream"
import { LightningV1SpeechSynthesizer, WavesClient, WavesSpeechSynthesizer } from "@effect-smallest/waves"
import type { FileSystem, HttpClient, Path } from "@effect/platform"
import { Config, Context, Effect, Redacted, Schedule } from "effect"
import type { ConfigError, Layer, Option, Scope, Stream } from "effect"
import { expectTypeOf } from "vitest"

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only where both types are the same; `any` is the same as nothing else. */
declare const same: <A, B>(equal: Equals<A, B>) => void

class Clock extends Context.Tag("Clock")<Clock, number>() {}
declare const bytes: Stream.Stream<Uint8Array, "broken", Clock>
declare const pcm: Stream.Stream<Pcm.PcmChunk, "broken", Clock>
declare const text: string
declare const tokens: Stream.Stream<string, "broken", Clock>
type Growing = Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError | "broken", Clock | SpeechStream.SpeechStream>
declare const speechError: SpeechError.SpeechError

// ----------------------------------------------------------------------------------------------------------------
// open names
// ----------------------------------------------------------------------------------------------------------------

// Any string, from a form or a setting, is a name; known names are still completed by the editor.
const voices: ReadonlyArray<Voice.Voice> = ["meher", "emily", "rms", "newvoice2027", text]
const models: ReadonlyArray<Model.Model> = ["lightning_v3.1_pro", "flite", "lightning_v5", text]
const languages: ReadonlyArray<Language.Language> = ["en", "auto", "xx", text]
export const names = [voices, models, languages]
expectTypeOf<"meher" | "emily" | "sophia" | "rms">().toExtend<keyof Voice.KnownVoices>()
expectTypeOf<"lightning_v3.1_pro" | "flite">().toExtend<keyof Model.KnownModels>()

export const requests = [
  SpeechSynthesizer.synthesize({ text: "Hi.", voice: "meher", language: "hi", model: "lightning_v3.1" }),
  SpeechSynthesizer.synthesize({ text: "Hi.", voice: undefined, speed: undefined }),
  // @ts-expect-error an option that does not exist
  SpeechSynthesizer.synthesize({ text: "Hi.", pace: 2 }),
  // @ts-expect-error nothing to say
  SpeechSynthesizer.synthesize({ voice: "meher" }),
  // @ts-expect-error a format is a matter of bytes
  SpeechSynthesizer.synthesize({ text: "Hi.", outputFormat: "wav" }),
  // @ts-expect-error Vorbis is not made by anybody
  SpeechSynthesizer.bytes({ text: "Hi.", outputFormat: "ogg" }),
  // @ts-expect-error options of a layer are checked as well
  WavesSpeechSynthesizer.layer({ voice: 5 })
]

// ----------------------------------------------------------------------------------------------------------------
// accessors
// ----------------------------------------------------------------------------------------------------------------

const request = { text: "Hi." }

same<
  ReturnType<typeof SpeechSynthesizer.synthesize>,
  Effect.Effect<Audio.Audio, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer>
>(true)
same<
  ReturnType<typeof SpeechSynthesizer.bytes>,
  Effect.Effect<Uint8Array, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer>
>(true)
same<
  ReturnType<typeof SpeechSynthesizer.stream>,
  Stream.Stream<Pcm.PcmChunk, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer>
>(true)
same<
  ReturnType<typeof SpeechSynthesizer.events>,
  Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer>
>(true)
same<
  typeof SpeechSynthesizer.voices,
  Effect.Effect<ReadonlyArray<Voice.VoiceInfo>, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer>
>(true)

// Methods of the service need nothing.
declare const speech: SpeechSynthesizer.Service
expectTypeOf(speech.synthesize(request)).toEqualTypeOf<Effect.Effect<Audio.Audio, SpeechError.SpeechError>>()
expectTypeOf(speech.events(request)).toEqualTypeOf<Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError>>()

const saved = AudioFile.save("x.wav", pcm)
same<
  typeof saved,
  Effect.Effect<AudioFile.AudioFileReport, AudioFile.AudioFileError | "broken", AudioFile.AudioFile | Clock>
>(true)

expectTypeOf(pcm.pipe(AudioFile.save("x.wav"))).toEqualTypeOf<typeof saved>()
expectTypeOf(AudioFile.save(pcm, "x.wav")).toEqualTypeOf<typeof saved>()

// Growing text is called like finished text, or piped.
expectTypeOf(SpeechStream.stream({ text: tokens, speed: 1.2 })).toEqualTypeOf<Growing>()
expectTypeOf(SpeechStream.stream(tokens, { speed: 1.2 })).toEqualTypeOf<Growing>()
expectTypeOf(tokens.pipe(SpeechStream.stream({ speed: 1.2 }))).toEqualTypeOf<Growing>()
expectTypeOf(SpeechStream.fromText(tokens)).toEqualTypeOf<Growing>()

// A mode of growing text has its own options.
export const streams: ReadonlyArray<NodeSpeech.WavesOptions["stream"]> = [
  { prefetch: 2 },
  { mode: "segmented", prefetch: 2 },
  { mode: "live", prewarm: true },
  // @ts-expect-error options of segments do nothing over the WebSocket
  { mode: "live", prefetch: 2 },
  // @ts-expect-error nor do options of the WebSocket for segments
  { mode: "segmented", prewarm: true },
  // @ts-expect-error and without a mode there are segments
  { prewarm: true }
]
// @ts-expect-error one name for one thing
NodeSpeech.layerWaves({ apiKey: Redacted.make("sk_x"), speechStream: "live" })
// Every layer takes the same kinds of retries.
export const retries: ReadonlyArray<SpeechError.Retry> = [{ maxRetries: 1 }, Schedule.recurs(1), false]

// A missing layer is a requirement that is left.
const forgotten = SpeechSynthesizer.synthesize(request).pipe(Effect.provide(WavesSpeechSynthesizer.layer()))
expectTypeOf<Effect.Effect.Context<typeof forgotten>>().toEqualTypeOf<WavesClient.WavesClient>()

// ----------------------------------------------------------------------------------------------------------------
// both call forms
// ----------------------------------------------------------------------------------------------------------------

type Converted = Stream.Stream<Pcm.PcmChunk, "broken" | Pcm.PcmError, Clock>

expectTypeOf(Pcm.fromBytes(bytes, Pcm.format(8000))).toEqualTypeOf<Converted>()
expectTypeOf(bytes.pipe(Pcm.fromBytes(Pcm.format(8000)))).toEqualTypeOf<Converted>()
expectTypeOf(Pcm.resample(pcm, 8000)).toEqualTypeOf<Converted>()
expectTypeOf(pcm.pipe(Pcm.resample(8000))).toEqualTypeOf<Converted>()
expectTypeOf(Pcm.removeSilence(pcm)).toEqualTypeOf<typeof pcm>()
expectTypeOf(Pcm.removeSilence(pcm, { longest: "1 second" })).toEqualTypeOf<typeof pcm>()
expectTypeOf(pcm.pipe(Pcm.removeSilence())).toEqualTypeOf<typeof pcm>()
expectTypeOf(pcm.pipe(Pcm.removeSilence({ threshold: -40 }))).toEqualTypeOf<typeof pcm>()
expectTypeOf(Wav.encodeStream(pcm)).toEqualTypeOf<typeof bytes>()
expectTypeOf(pcm.pipe(Wav.encodeStream({ dataLength: 8 }))).toEqualTypeOf<typeof bytes>()
expectTypeOf(Audio.fromStream(pcm)).toEqualTypeOf<
  Effect.Effect<Option.Option<Audio.Audio>, "broken" | Pcm.PcmError, Clock>
>()

declare const effect: Effect.Effect<1, "broken", Clock>
expectTypeOf(SpeechRequest.withOptions(effect, { speed: 2 })).toEqualTypeOf<typeof effect>()
expectTypeOf(effect.pipe(SpeechRequest.withOptions({ speed: 2 }))).toEqualTypeOf<typeof effect>()
expectTypeOf(SpeechSynthesizer.withOptions(pcm, { speed: 2 })).toEqualTypeOf<typeof pcm>()
expectTypeOf(pcm.pipe(SpeechSynthesizer.withOptions({ speed: 2 }))).toEqualTypeOf<typeof pcm>()
export const scoped = [
  // @ts-expect-error options are checked in both forms
  effect.pipe(SpeechRequest.withOptions({ voice: 5 })),
  // @ts-expect-error also here
  SpeechRequest.withOptions(effect, { voice: 5 })
]

const position = { segment: 0, textOffset: 0, samplesEmitted: 0 }
expectTypeOf(SpeechError.withPosition(speechError, position)).toEqualTypeOf<SpeechError.SpeechError>()
expectTypeOf(SpeechError.withPosition(position)(speechError)).toEqualTypeOf<SpeechError.SpeechError>()

expectTypeOf(SpeechEvent.untilFirstAudio(SpeechSynthesizer.events(request))).toEqualTypeOf<
  Effect.Effect<
    Stream.Stream<SpeechEvent.SpeechEvent, SpeechError.SpeechError, SpeechSynthesizer.SpeechSynthesizer>,
    SpeechError.SpeechError,
    SpeechSynthesizer.SpeechSynthesizer | Scope.Scope
  >
>()

// ----------------------------------------------------------------------------------------------------------------
// layers
// ----------------------------------------------------------------------------------------------------------------

type Speech = SpeechSynthesizer.SpeechSynthesizer

expectTypeOf(WavesSpeechSynthesizer.layer()).toEqualTypeOf<Layer.Layer<Speech, never, WavesClient.WavesClient>>()
expectTypeOf(WavesSpeechSynthesizer.layerConfig()).toEqualTypeOf<
  Layer.Layer<Speech, ConfigError.ConfigError, HttpClient.HttpClient>
>()
expectTypeOf(LightningV1SpeechSynthesizer.layerConfig()).toEqualTypeOf<
  Layer.Layer<Speech, ConfigError.ConfigError, HttpClient.HttpClient>
>()
expectTypeOf(WavesClient.layer({ apiKey: Redacted.make("sk_x") })).toEqualTypeOf<
  Layer.Layer<WavesClient.WavesClient, never, HttpClient.HttpClient>
>()
// @ts-expect-error a key is redacted from the edge on
WavesClient.layer({ apiKey: "sk_x" })
WavesClient.layerConfig({ concurrency: Config.integer("CONCURRENCY") })
expectTypeOf(AudioFile.layerFileSystem).toEqualTypeOf<
  Layer.Layer<AudioFile.AudioFile, never, FileSystem.FileSystem | Path.Path>
>()

declare const local: Layer.Layer<Speech, "no worker", Clock>
expectTypeOf(SpeechSynthesizer.layerRetry(local)).toEqualTypeOf<typeof local>()
expectTypeOf(SpeechSynthesizer.layerRetry(local, { maxRetries: 1 })).toEqualTypeOf<typeof local>()
expectTypeOf(local.pipe(SpeechSynthesizer.layerRetry())).toEqualTypeOf<typeof local>()
expectTypeOf(local.pipe(SpeechSynthesizer.layerRetry({ baseDelay: "1 second" }))).toEqualTypeOf<typeof local>()

// The cloud first, the embedded voice if it fails: two engines that fail and need differently.
expectTypeOf(SpeechSynthesizer.layerFallback([WavesSpeechSynthesizer.layerConfig(), local])).toEqualTypeOf<
  Layer.Layer<Speech, ConfigError.ConfigError | "no worker", HttpClient.HttpClient | Clock>
>()
// @ts-expect-error no engine at all
SpeechSynthesizer.layerFallback([])

// ----------------------------------------------------------------------------------------------------------------
// errors
// ----------------------------------------------------------------------------------------------------------------

const handled = SpeechSynthesizer.synthesize(request).pipe(
  Effect.catchTag("RateLimited", ({ retryAfter }) => Effect.succeed(retryAfter)),
  Effect.catchTags({
    SpeechTimeout: ({ phase }) => Effect.succeed(phase),
    UnknownVoice: ({ voice }) => Effect.succeed(voice)
  })
)
expectTypeOf<Effect.Effect.Error<typeof handled>["_tag"]>().toEqualTypeOf<
  Exclude<SpeechError.SpeechError["_tag"], "RateLimited" | "SpeechTimeout" | "UnknownVoice">
>()
export const retried = Effect.retry(SpeechSynthesizer.synthesize(request), SpeechError.retrySchedule())
