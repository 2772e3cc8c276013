/**
 * The command `inspect`: what is in an audio file.
 *
 * @since 0.1.0
 */
import * as Pcm from "@effect-smallest/core/Pcm"
import * as Wav from "@effect-smallest/core/Wav"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type CliError, CommandFailure } from "./CliError.js"
import * as Help from "./internal/help.js"
import * as Input from "./internal/input.js"
import * as Waveform from "./internal/waveform.js"
import * as Stdio from "./Stdio.js"

const config = {
  file: Args.text({ name: "FILE" }).pipe(
    Args.withDescription("A WAV file of any length and encoding; - is standard input")
  ),
  json: Help.json
}

type Config = Command.Command.ParseConfig<typeof config>

interface Findings {
  /** How the file holds its samples. */
  readonly encoding: string
  readonly format: Pcm.PcmFormat
  readonly frames: number
  /** Of full scale. */
  readonly peak: number
  /** The frame in which it is. */
  readonly peakAt: number
  /** Of full scale. */
  readonly rms: number
  /** In LUFS; -Infinity for silence. */
  readonly loudness: number
  /** Samples at either end of the scale, where loud audio is cut off. */
  readonly clipped: number
  readonly waveform: Waveform.Waveform
  /** What is wrong with its header, though the audio is whole. */
  readonly warning: Option.Option<string>
  /** What is wrong with the end of the file. */
  readonly damage: Option.Option<string>
}

const measure = Effect.fnUntraced(function*(file: string) {
  const { bytes } = yield* Input.open(file, "a WAV file")
  const { encoding, format, pcm, warning } = yield* Wav.open(bytes)
  const waveform = Waveform.make()
  const meter = Pcm.loudnessMeter(format)
  let samples = 0
  let peak = 0
  let peakAt = 0
  let squares = 0
  let clipped = 0
  const take = (chunk: Pcm.PcmChunk) => {
    waveform.push(chunk)
    meter.push(chunk)
    for (const sample of Pcm.samples(chunk)) {
      const level = Math.abs(sample)
      if (level > peak) {
        peak = level
        peakAt = samples
      }
      if (level >= 32767) clipped++
      squares += sample * sample
      samples++
    }
  }
  // A file that is cut off is described as far as it goes.
  const damage = yield* Stream.runForEach(pcm, (chunk) => Effect.sync(() => take(chunk))).pipe(
    Effect.as(Option.none<string>()),
    Effect.catchIf((error) => error instanceof Wav.WavError, ({ description }) => Effect.succeedSome(description))
  )
  const findings: Findings = {
    encoding,
    format,
    frames: samples / format.channels,
    peak: peak / 32768,
    peakAt: Math.floor(peakAt / format.channels),
    rms: samples === 0 ? 0 : Math.sqrt(squares / samples) / 32768,
    loudness: meter.integrated(),
    clipped,
    waveform,
    warning,
    damage
  }
  return findings
}, Effect.scoped)

const decibels = (level: number): number => 20 * Math.log10(level)

const seconds = (findings: Findings, frames: number): number => frames / findings.format.sampleRate

// ----------------------------------------------------------------------------------------------------------------
// for programs
// ----------------------------------------------------------------------------------------------------------------

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))

const toJson = (file: string, findings: Findings) => {
  // Silence has no decibels: JSON has no infinity either.
  const level = (value: number) => ({
    amplitude: rounded(value, 6),
    decibels: value === 0 ? null : rounded(decibels(value), 2)
  })
  return {
    file,
    encoding: findings.encoding,
    sampleRate: findings.format.sampleRate,
    channels: findings.format.channels,
    frames: findings.frames,
    duration: rounded(seconds(findings, findings.frames), 6),
    peak: { ...level(findings.peak), at: rounded(seconds(findings, findings.peakAt), 6) },
    rms: level(findings.rms),
    loudness: Number.isFinite(findings.loudness) ? rounded(findings.loudness, 2) : null,
    clipped: findings.clipped,
    waveform: findings.waveform.peaks(100).map((peak) => rounded(peak, 4)),
    ...Option.match(findings.warning, { onNone: () => ({}), onSome: (warning) => ({ warning }) }),
    damage: Option.getOrNull(findings.damage)
  }
}

// ----------------------------------------------------------------------------------------------------------------
// for people
// ----------------------------------------------------------------------------------------------------------------

const count = new Intl.NumberFormat("en")

const clock = (all: number): string => {
  const pad = (part: number) => String(part).padStart(2, "0")
  const minutes = Math.floor(all / 60)
  const rest = (all % 60).toFixed(2).padStart(5, "0")
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${rest}`
}

const level = (value: number): string => value === 0 ? "silence" : `${decibels(value).toFixed(1)} dBFS`

const channels = (count: number): string => count === 1 ? "mono" : count === 2 ? "stereo" : `${count} channels`

const picture = (findings: Findings, columns: number): ReadonlyArray<string> => {
  const end = clock(seconds(findings, findings.frames))
  return [
    "",
    ...Waveform.draw(findings.waveform, { columns, rows: 6 }),
    columns < end.length + 5 ? end : `0:00${end.padStart(columns - 4)}`
  ]
}

const table = (file: string, findings: Findings): ReadonlyArray<string> => {
  const { format, frames } = findings
  const rows = [
    ["Format", `WAV, ${findings.encoding}, ${count.format(format.sampleRate)} Hz, ${channels(format.channels)}`],
    [
      "Duration",
      `${Duration.format(Duration.millis(Math.round(1000 * seconds(findings, frames))))} (${
        count.format(frames)
      } frames)`
    ],
    ["Peak", `${level(findings.peak)}${findings.peak === 0 ? "" : ` at ${clock(seconds(findings, findings.peakAt))}`}`],
    ["RMS", level(findings.rms)],
    ...(Number.isFinite(findings.loudness) ? [["Loudness", `${findings.loudness.toFixed(1)} LUFS`]] : []),
    ...(findings.clipped === 0 ? [] : [["Clipped", `${count.format(findings.clipped)} samples at full scale`]]),
    ...Option.match(findings.warning, { onNone: () => [], onSome: (warning) => [["Warning", warning]] }),
    ...Option.match(findings.damage, { onNone: () => [], onSome: (damage) => [["Damaged", damage]] })
  ]
  return [file, ...rows.map(([name = "", value = ""]) => `${name.padEnd(10)}${value}`)]
}

// A pipe has no width; this is what fits into most places.
const widest = 100

const inspect = Effect.fnUntraced(function*(
  { file, json }: Config
): Effect.fn.Return<void, CliError, Stdio.Stdio | FileSystem.FileSystem> {
  const { stdout } = yield* Stdio.Stdio
  const name = Input.nameOf(file)
  const findings = yield* Effect.catchIf(
    measure(file),
    (error) => error instanceof Wav.WavError,
    (error) => new CommandFailure({ description: `${name} cannot be read: ${error.message}` })
  )
  const columns = Math.max(10, Math.min(widest, yield* stdout.columns))
  yield* Stdio.print(
    json
      ? JSON.stringify(toJson(file, findings), undefined, 2)
      : [...table(name, findings), ...(findings.frames === 0 ? [] : picture(findings, columns))].join("\n")
  )
  if (Option.isSome(findings.damage)) {
    return yield* new CommandFailure({
      description: `${name} is damaged: ${findings.damage.value}. Make or copy it again`
    })
  }
})

/**
 * `effect-smallest inspect`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("inspect", config, inspect).pipe(
  Command.withDescription("Prints what is in a WAV file: its format, duration, loudness and waveform.")
)
