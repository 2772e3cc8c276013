/**
 * What can go wrong on the command line, and how it is reported: one line, no stack.
 *
 * @since 0.1.0
 */
import type { AudioFileError } from "@effect-smallest/core/AudioFile"
import type { PlaybackError } from "@effect-smallest/core/AudioPlayer"
import { type InvalidSpeechRequest, isSpeechError, type SpeechError } from "@effect-smallest/core/SpeechError"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as String from "effect/String"
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

const sentence = (text: string): string => /[.!?…]\)?$/.test(text) ? text : `${text}.`

const flags: Record<string, string> = {
  language: "--language",
  speed: "--speed",
  sampleRate: "--sample-rate",
  voice: "--voice",
  model: "--model",
  "provider.waves": "--dictionary",
  "provider.waves.pronunciationDictionaries": "--dictionary",
  baseUrl: "SMALLEST_BASE_URL"
}

// The library writes its options in backticks.
const withFlags = (text: string): string =>
  text.replace(/`([\w.]+)`/g, (_, name: string) => Object.hasOwn(flags, name) ? flags[name] ?? name : name)

const installation: Record<string, string> = {
  ffplay: "Install ffmpeg, or omit --player.",
  mpv: "Install mpv, or omit --player.",
  aplay: "Install alsa-utils, or omit --player.",
  afplay: "Only macOS has it: omit --player."
}

const playbackAdvice = (error: PlaybackError): string => {
  switch (error.reason) {
    case "NoPlayer": {
      const named = error.player ?? ""
      return Object.hasOwn(installation, named)
        ? installation[named] ?? ""
        : "Install ffmpeg, mpv or alsa-utils."
    }
    case "PlayerFailed":
      return "Check that this machine has a working sound device, or choose another player with --player."
    case "UnsupportedFormat":
      return "Choose another player with --player, or another --sample-rate."
    case "NotAllowed":
      return ""
  }
}

const invalidAdvice = ({ description, parameter }: InvalidSpeechRequest): string => {
  const flag = Object.hasOwn(flags, parameter) ? flags[parameter] : undefined
  const said = String.capitalize(withFlags(description).trim())
  return flag === undefined || said.includes(flag)
    ? sentence(said)
    : parameter === "model"
    ? `${sentence(said)} Choose another --model; effect-smallest models lists them.`
    : sentence(`${said.replace(/\.$/, "")} (${flag})`)
}

// Errors of the library advise programmers; here the way out is a flag or a variable of the environment.
const speechAdvice = (error: SpeechError): string | undefined => {
  // Servers write as they like.
  const said = sentence(String.capitalize(withFlags(error.description).trim()))
  switch (error._tag) {
    case "InvalidSpeechRequest":
      return invalidAdvice(error)
    case "InvalidApiKey":
      return `${said} Set SMALLEST_API_KEY to a valid key (they start with sk_), or add --engine local.`
    case "AccessDenied":
      return `${said} Check SMALLEST_BASE_URL: the server asks for a sign-in of its own.`
    case "NotEntitled":
      return `${said} Choose another --model or --voice, upgrade the plan, or do it in the vendor's console.`
    case "QuotaExhausted":
      return `${said} Add credits to the account, or add --engine local.`
    case "UnknownVoice":
      return error.available.length > 0
        ? `${said} Name one of these: ${error.available.join(", ")}.`
        : `${
          said.includes(error.voice) ? said : sentence(`${said.replace(/\.$/, "")}: "${error.voice}"`)
        } Choose another --voice; effect-smallest voices lists them.`
    case "ModelRetired":
      return error.advice !== undefined
        ? `${said} ${sentence(error.advice)}`
        : `${said} Omit --model, or choose one that effect-smallest models lists, with --engine waves.`
    case "RateLimited": {
      const wait = error.retryAfter === undefined ? "a moment" : Duration.format(error.retryAfter)
      return `${said} Wait ${wait} and try again; the account allows only so many requests at once.`
    }
    case "ServerFailure":
      return error.isRetryable
        ? `${said} The server failed; try again shortly.`
        : `${said} The server refused the request; check SMALLEST_BASE_URL.`
    case "TransportFailure":
      return `${said} Check the network and SMALLEST_BASE_URL.`
    case "SpeechTimeout":
      return `${sentence(`${error.description} (${Duration.format(error.after)})`)} Try again.`
    case "TruncatedAudio":
      return `${said} The text was not spoken to its end; try again.`
    case "MalformedResponse":
      return `${said} Check that SMALLEST_BASE_URL is the speech API and not a page or a proxy in front of it.`
    case "EmptyAudio":
      return `${said} Check that the text has words in the chosen language.`
    case "EngineFailure":
      return `${said} Try again; if it happens with the same text each time, please report it.`
    default:
      return undefined
  }
}

// Words of a server must not steer the terminal.
const plain = (text: string): string => text.replace(/[\p{Cc}\s]+/gu, " ").trim()

/**
 * What went wrong and what to do, in the same words each time: without the id of a request.
 *
 * @since 0.1.0
 * @category error handling
 */
export const toSentence = (error: CliError): string =>
  plain(
    isSpeechError(error)
      ? speechAdvice(error) ?? error.message
      : error._tag === "PlaybackError"
      ? `${sentence(error.description)} ${playbackAdvice(error)}`
      : sentence(error.message)
  )

// In a long text, the offsets of the library's sentence count from the beginning of the part that failed.
const position = (error: CliError): string =>
  "position" in error && error.position !== undefined && error.position.textOffset > 0
    ? ` This is about the part of the text that begins after ${error.position.textOffset} characters.`
    : ""

const request = (error: CliError): string =>
  "requestId" in error && error.requestId !== undefined ? ` (Request ${plain(error.requestId)}.)` : ""

/**
 * The line for people.
 *
 * @since 0.1.0
 * @category error handling
 */
export const toLine = (error: CliError): string => `${toSentence(error)}${position(error)}${request(error)}`
