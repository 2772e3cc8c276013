/**
 * What is known of the programs that play: how to start them for raw audio, and how to read what they print.
 */
import type { PcmFormat } from "@effect-smallest/core/Pcm"

/** @internal */
export interface PlayerProgram {
  /** Whether it reads raw audio from a pipe, or needs a finished WAV file. */
  readonly input: "pipe" | "file"
  /** The arguments; `own` are the user's, `file` is what a program that needs a file is to play. */
  readonly arguments: (format: PcmFormat, own: ReadonlyArray<string>, file: string) => ReadonlyArray<string>
  /**
   * Seconds heard, if a line of its output reports them; NaN for a status line before the first sound. Absent if the program
   * never reports them.
   */
  readonly position?: (line: string) => number | undefined
  /** Silence, in milliseconds, that makes up for the last buffer that the program throws away at the end. */
  readonly tail: number
}

// ffplay prints "   0.47 M-A:  0.000 fd=   0 aq= …" every 30 ms, with what has left the device. It would analyse seconds of
// raw audio before the first sound if it were allowed to, and drops the part of its last buffer that is not full.
const ffplay: PlayerProgram = {
  input: "pipe",
  arguments: ({ channels, sampleRate }, own) => [
    ...["-nodisp", "-autoexit", "-hide_banner", "-loglevel", "error", "-stats"],
    ...["-probesize", "32", "-analyzeduration", "0", "-f", "s16le", "-sample_rate", `${sampleRate}`],
    // One channel is the default of every version; the name of this option is not the same in all of them.
    ...(channels === 1 ? [] : ["-ch_layout", `${channels}c`]),
    ...own,
    ...["-i", "pipe:0"]
  ],
  position: (line) => {
    const status = /^\s*(-?[\d.]+|nan)\s+(?:\S+)?:\s*\S+\s+fd=/.exec(line)
    return status === null ? undefined : Number(status[1])
  },
  tail: 150
}

const mpv: PlayerProgram = {
  input: "pipe",
  arguments: ({ channels, sampleRate }, own) => [
    ...["--no-config", "--video=no", "--input-terminal=no", "--cache=no", "--audio-buffer=0.1"],
    ...["--msg-level=all=error,statusline=status", "--term-status-msg=position ${=audio-pts}"],
    ...["--demuxer=rawaudio", "--demuxer-rawaudio-format=s16le"],
    ...[`--demuxer-rawaudio-rate=${sampleRate}`, `--demuxer-rawaudio-channels=${channels}`],
    ...own,
    ...["--", "-"]
  ],
  position: (line) => {
    const status = /^position (.*)$/.exec(line)
    return status === null ? undefined : Number(status[1])
  },
  tail: 0
}

// It begins to play when its buffer is full, so the buffer has to be shorter than what is fed ahead.
const aplay: PlayerProgram = {
  input: "pipe",
  arguments: ({ channels, sampleRate }, own) => [
    ...["-q", "-t", "raw", "-f", "S16_LE", "-r", `${sampleRate}`, "-c", `${channels}`, "--buffer-time=100000"],
    ...own,
    "-"
  ],
  tail: 0
}

const afplay: PlayerProgram = {
  input: "file",
  arguments: (_format, own, file) => [...own, file],
  tail: 0
}

/** @internal */
export const programs = { ffplay, mpv, aplay, afplay }

/** What the programs print when the format, and not the device, is the trouble. */
const refusals =
  /sample_rate|ch_layout|rematrix|bad speed|channels is invalid|(rate|format|channels?( count)?) (not|non) (supported|available)|unsupported|rawaudio-(rate|channels)/i

/** @internal */
export const isRefusal = (output: string): boolean => refusals.test(output)
