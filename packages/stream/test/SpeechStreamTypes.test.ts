import type { Pcm, SpeechError, SpeechEvent, SpeechSynthesizer } from "@effect-smallest/core"
import { PcmStream } from "@effect-smallest/core"
import { Captions, SpeechStream } from "@effect-smallest/stream"
import type { SpeechText } from "@effect-smallest/stream"
import { describe, expectTypeOf, it } from "@effect/vitest"
import { Effect, type Layer, Stream } from "effect"

class TextError {
  readonly _tag = "TextError"
}

class Database {
  readonly _tag = "Database"
}

declare const tokens: Stream.Stream<string, TextError, Database>
declare const inputs: Stream.Stream<SpeechText.Input>

type Audio<E = never, R = never> = Stream.Stream<
  Pcm.PcmChunk,
  SpeechError.SpeechError | E,
  R | SpeechStream.SpeechStream
>

// What the compiler infers, in both ways to call.
describe("types", () => {
  it("SpeechStream.fromText - errors and services are those of the text and of speech", () => {
    const check = () => {
      expectTypeOf(SpeechStream.fromText(tokens)).toEqualTypeOf<Audio<TextError, Database>>()
      expectTypeOf(SpeechStream.fromText(tokens, { speed: 2 })).toEqualTypeOf<Audio<TextError, Database>>()
      expectTypeOf(tokens.pipe(SpeechStream.fromText())).toEqualTypeOf<Audio<TextError, Database>>()
      expectTypeOf(tokens.pipe(SpeechStream.fromText({ speed: 2 }))).toEqualTypeOf<Audio<TextError, Database>>()
      expectTypeOf(SpeechStream.fromText("text")).toEqualTypeOf<Audio>()
      expectTypeOf(SpeechStream.fromText(inputs)).toEqualTypeOf<Audio>()
      // @ts-expect-error -- numbers are no text
      SpeechStream.fromText(Stream.make(1))
      // @ts-expect-error -- no such option
      SpeechStream.fromText("text", { speeed: 2 })
    }
    expectTypeOf(check).toBeFunction()
  })

  it("SpeechStream.events - as fromText", () => {
    const check = () => {
      type Events<E = never, R = never> = Stream.Stream<
        SpeechEvent.SpeechEvent,
        SpeechError.SpeechError | E,
        R | SpeechStream.SpeechStream
      >
      expectTypeOf(SpeechStream.events(tokens)).toEqualTypeOf<Events<TextError, Database>>()
      expectTypeOf(tokens.pipe(SpeechStream.events({ language: "en" }))).toEqualTypeOf<Events<TextError, Database>>()
      expectTypeOf(SpeechStream.events("text", {})).toEqualTypeOf<Events>()
    }
    expectTypeOf(check).toBeFunction()
  })

  it("SpeechStream.layerSegmented - needs a SpeechSynthesizer and nothing else", () => {
    expectTypeOf(SpeechStream.layerSegmented()).toEqualTypeOf<
      Layer.Layer<SpeechStream.SpeechStream, never, SpeechSynthesizer.SpeechSynthesizer>
    >()
    const check = () => {
      const program = Stream.runDrain(SpeechStream.fromText("text"))
      // @ts-expect-error -- nobody chose an engine
      void Effect.runPromise(program)
      // @ts-expect-error -- the segments have nobody to speak them
      void Effect.runPromise(Effect.provide(program, SpeechStream.layerSegmented()))
    }
    expectTypeOf(check).toBeFunction()
  })

  it("PcmStream and Captions - both ways to call", () => {
    const check = (
      audio: Stream.Stream<Pcm.PcmChunk, TextError, Database>,
      events: Stream.Stream<SpeechEvent.SpeechEvent, TextError, Database>
    ) => {
      type Same = Stream.Stream<Pcm.PcmChunk, TextError, Database>
      expectTypeOf(PcmStream.rechunk(audio, 20)).toEqualTypeOf<Same>()
      expectTypeOf(audio.pipe(PcmStream.rechunk("20 millis"))).toEqualTypeOf<Same>()
      expectTypeOf(PcmStream.pace(audio)).toEqualTypeOf<Same>()
      expectTypeOf(PcmStream.pace(audio, { lead: 20 })).toEqualTypeOf<Same>()
      expectTypeOf(audio.pipe(PcmStream.pace())).toEqualTypeOf<Same>()
      expectTypeOf(audio.pipe(PcmStream.pace({ lead: "1 second" }))).toEqualTypeOf<Same>()
      expectTypeOf(PcmStream.prebuffer(audio, 20)).toEqualTypeOf<Same>()
      expectTypeOf(audio.pipe(PcmStream.prebuffer(20))).toEqualTypeOf<Same>()
      expectTypeOf(PcmStream.gap(audio, 20)).toEqualTypeOf<Same>()
      expectTypeOf(audio.pipe(PcmStream.gap(20))).toEqualTypeOf<Same>()
      expectTypeOf(PcmStream.fade(audio, 20)).toEqualTypeOf<Same>()
      expectTypeOf(audio.pipe(PcmStream.fade(20))).toEqualTypeOf<Same>()
      const meter = (level: PcmStream.Level) => level.rms > 0 ? Effect.fail("loud" as const) : Effect.void
      type Metered = Stream.Stream<Pcm.PcmChunk, TextError | "loud", Database>
      expectTypeOf(PcmStream.meter(audio, meter)).toEqualTypeOf<Metered>()
      expectTypeOf(audio.pipe(PcmStream.meter(meter))).toEqualTypeOf<Metered>()
      type Cues = Stream.Stream<Captions.Cue, TextError, Database>
      expectTypeOf(Captions.cues(events)).toEqualTypeOf<Cues>()
      expectTypeOf(Captions.cues(events, { maxLines: 1 })).toEqualTypeOf<Cues>()
      expectTypeOf(events.pipe(Captions.cues())).toEqualTypeOf<Cues>()
      expectTypeOf(events.pipe(Captions.cues({ maxLines: 1 }), Captions.srt)).toEqualTypeOf<
        Stream.Stream<string, TextError, Database>
      >()
    }
    expectTypeOf(check).toBeFunction()
  })
})
