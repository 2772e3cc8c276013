/**
 * What can go wrong on the command line, and how it is told: one line, no stack.
 *
 * @since 0.1.0
 */
import type { AudioFileError } from "@effect-smallest/core/AudioFile"
import type { PlaybackError } from "@effect-smallest/core/AudioPlayer"
import type { SpeechError } from "@effect-smallest/core/SpeechError"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { StdioError } from "./Stdio.js"

/**
 * The command was called in a way that makes no sense: exit code 2.
 *
 * @since 0.1.0
 * @category errors
 */
export class UsageError
  extends Schema.TaggedError<UsageError>("@effect-smallest/cli/CliError/UsageError")("UsageError", {
    description: Schema.String
  })
{
  override get message(): string {
    return this.description
  }
}

/**
 * The command could not do what was asked: exit code 1.
 *
 * @since 0.1.0
 * @category errors
 */
export class CommandFailure
  extends Schema.TaggedError<CommandFailure>("@effect-smallest/cli/CliError/CommandFailure")("CommandFailure", {
    description: Schema.String
  })
{
  override get message(): string {
    return this.description
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type CliError =
  | UsageError
  | CommandFailure
  | SpeechError
  | AudioFileError
  | PlaybackError
  | StdioError
  | ConfigError.ConfigError

const sentence = (text: string): string => /[.!?…]$/.test(text) ? text : `${text}.`

const flags: Record<string, string> = {
  language: "--language",
  speed: "--speed",
  sampleRate: "--sample-rate",
  voice: "--voice",
  model: "--model",
  baseUrl: "SMALLEST_BASE_URL"
}

const playbackAdvice: Record<PlaybackError["reason"], string> = {
  NoPlayer: "Install ffmpeg, mpv or alsa-utils.",
  PlayerFailed: "Check that this machine has a working sound device, or choose another player with --player.",
  UnsupportedFormat: "Choose another player with --player, or another --sample-rate.",
  NotAllowed: ""
}

// Errors of the library advise programmers; what they say about options of layers is said here in terms of flags.
const explain = (error: CliError): string => {
  switch (error._tag) {
    case "InvalidSpeechRequest": {
      const flag = flags[error.parameter]
      return flag === undefined ? error.description : `${error.description} (${flag})`
    }
    case "UnknownVoice":
      return error.available.length === 0
        ? `${sentence(error.description)} Run "effect-smallest voices" with the same --engine to see which there are.`
        : error.message
    case "RateLimited": {
      const wait = error.retryAfter === undefined ? "a moment" : Duration.format(error.retryAfter)
      return `${sentence(error.description)} Wait ${wait} and try again.`
    }
    case "SpeechTimeout":
      return `${error.description} (${Duration.format(error.after)}). Try again.`
    case "TruncatedAudio":
      return `${sentence(error.description)} The text was not spoken to its end; try again.`
    case "PlaybackError":
      return `${sentence(error.description)} ${playbackAdvice[error.reason]}`
    default:
      return error.message
  }
}

// In a long text, the offsets of the library's sentence count from the beginning of the part that failed.
const position = (error: CliError): string =>
  "position" in error && error.position !== undefined && error.position.textOffset > 0
    ? ` This is about the part of the text that begins after ${error.position.textOffset} characters.`
    : ""

/**
 * The line for people.
 *
 * @since 0.1.0
 * @category error handling
 */
export const toLine = (error: CliError): string =>
  // Words of a server must not steer the terminal.
  `${sentence(explain(error).replace(/[\p{Cc}\s]+/gu, " ").trim())}${position(error)}`
