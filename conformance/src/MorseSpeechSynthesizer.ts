import { LayerOptions, Pcm, SpeechEngine, SpeechError, SpeechSynthesizer } from "@effect-smallest/core"
import { Effect, Layer, Schema, Stream } from "effect"

/** What only this engine knows. */
export const MorseOptions = Schema.Struct({
  /** Pitch of the tone, in hertz: 200 to 2000. */
  frequency: Schema.optional(Schema.Number.pipe(Schema.between(200, 2000)))
})

declare module "@effect-smallest/core/SpeechRequest" {
  interface ProviderOptions {
    readonly morse?: typeof MorseOptions.Type | undefined
  }
}

export interface Options {
  /** @default 24000 */
  readonly sampleRate?: number | undefined
  /** @default 600 */
  readonly frequency?: number | undefined
}

const module = "MorseSpeechSynthesizer"

const check = LayerOptions.make<Options>(`${module}.layer`, {
  sampleRate: LayerOptions.speech.sampleRate,
  frequency: LayerOptions.byRequest
})

// From a to z: a dot is 1 and a dash 3 units long.
const codes =
  ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --..".split(
    " "
  )

const unitSeconds = 0.02

/** One letter and the pause after it; everything else is a pause between words. */
const letter = (format: Pcm.PcmFormat, request: SpeechEngine.ResolvedRequest, character: string): Pcm.PcmChunk => {
  const unit = Math.round((unitSeconds * format.sampleRate) / request.speed)
  const step = (2 * Math.PI * (request.provider?.morse?.frequency ?? 600)) / format.sampleRate
  const tones = Array.from(codes[character.charCodeAt(0) - 97] ?? "", (mark) => (mark === "." ? 1 : 3) * unit)
  const samples = new Int16Array(tones.reduce((sum, tone) => sum + tone + unit, 2 * unit))
  let start = 0
  for (const tone of tones) {
    for (let i = 0; i < tone; i++) samples[start + i] = Math.round(8000 * Math.sin(step * i))
    start += tone + unit
  }
  return Pcm.fromSamples(format, samples)
}

const events = (request: SpeechEngine.ResolvedRequest) => {
  if (request.voice !== "sounder") {
    return Stream.fail(
      new SpeechError.UnknownVoice({
        module,
        method: "events",
        voice: request.voice ?? "",
        available: ["sounder"],
        description: `There is no voice "${request.voice}"`
      })
    )
  }
  const format = Pcm.format(request.sampleRate)
  const pcm = Stream.fromIterable(request.text.toLowerCase()).pipe(
    Stream.map((character) => letter(format, request, character)),
    Stream.rechunk(16)
  )
  return SpeechEngine.fromPcm({ text: request.text, pcm })
}

export const make = (options: Options = {}): SpeechSynthesizer.Service => {
  const { frequency = 600, sampleRate = 24000 } = check(options)
  return SpeechEngine.make({
    module,
    defaults: { voice: "sounder", model: "morse", sampleRate, provider: { morse: { frequency } } },
    sampleRates: { minimum: 8000, maximum: 48000 },
    maxTextLength: 5000,
    provider: { name: "morse", schema: MorseOptions },
    events,
    voices: Effect.succeed([{ id: "sounder", name: "Sounder", languages: ["en"], models: ["morse"] }]),
    models: Effect.succeed(["morse"]),
    languages: Effect.succeed(["en"])
  })
}

export const layer = (options?: Options): Layer.Layer<SpeechSynthesizer.SpeechSynthesizer> =>
  Layer.sync(SpeechSynthesizer.SpeechSynthesizer, () => make(options))
