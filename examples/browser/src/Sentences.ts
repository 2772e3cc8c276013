/**
 * What went wrong, in words for whoever reads the page. The errors' own messages are for whoever wrote it.
 */
import type { AudioFile, AudioPlayer, SpeechError } from "@effect-smallest/core"
import { Duration } from "effect"

export type Failure = SpeechError.SpeechError | AudioPlayer.PlaybackError | AudioFile.AudioFileError

const seconds = (wait: Duration.Duration | undefined): string => {
  if (wait === undefined) return "a moment"
  const count = Math.max(1, Math.ceil(Duration.toSeconds(wait)))
  return count === 1 ? "a second" : `${count} seconds`
}

const invalid = (error: SpeechError.InvalidSpeechRequest): string => {
  switch (error.parameter) {
    case "text":
      return `This text cannot be spoken here: ${lowerFirst(withoutStop(error.description))}.`
    case "speed":
      return "This speed is too much for the voice. Choose one between half and double."
    default:
      return `The voice cannot do this: ${lowerFirst(withoutStop(error.description))}.`
  }
}

const lowerFirst = (text: string): string =>
  /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text

const withoutStop = (text: string): string =>
  // Offsets are for programs.
  text.replace(/ at offset \d+ of `\w+`/, "").replaceAll("`", "").replace(/[.\s]+$/, "")

const numbers = new Intl.NumberFormat("en")

/** What became of a text that was longer than the page takes. */
export const describeCut = (length: number, taken: number): string =>
  `${taken === 0 ? "None" : `Only the first ${numbers.format(taken)}`} of the ${
    numbers.format(length)
  } characters fit ` +
  "in here. Speak the rest afterwards."

/** One or two sentences: what happened, and what to do. */
export const describe = (error: Failure): string => {
  switch (error._tag) {
    case "InvalidSpeechRequest":
      return invalid(error)
    case "InvalidApiKey":
      return "The server could not sign in to the speech service. Whoever runs it has to check its key."
    case "AccessDenied":
      return "The server does not know this page any more. Reload it to sign in again."
    case "NotEntitled":
      return "This voice is not part of the service's plan. Choose another one."
    case "QuotaExhausted":
      return "The speech service has no credits left. Use the voice in your browser for now."
    case "UnknownVoice":
      return `There is no voice called “${error.voice}” here. Choose another one.`
    case "ModelRetired":
      return "The speech service no longer has this model. Choose another voice."
    case "RateLimited":
      return `Too many requests just now. Wait ${seconds(error.retryAfter)} and press Speak again.`
    case "ServerFailure":
      return error.isRetryable
        ? "The speech service failed. Press Speak to try again."
        : "The speech service refused this request. Try another voice or a shorter text."
    case "TransportFailure":
      return "The speech service cannot be reached. Check your connection and press Speak again."
    case "SpeechTimeout":
      return "The speech service did not answer in time. Press Speak to try again."
    case "TruncatedAudio":
      return "The connection broke in the middle of the speech. Press Speak to hear it from the beginning."
    case "MalformedResponse":
      return "The speech service sent something that is not speech. Press Speak to try again."
    case "EmptyAudio":
      return "No sound came back. Check that the text has words in it."
    case "EngineFailure":
      return "The voice in your browser stumbled. Press Speak to try again; if it does not start, reload the page."
    case "PlaybackError":
      return error.reason === "NotAllowed"
        ? "The browser does not allow sound yet. Press Speak once more."
        : "The browser could not play the sound. Check that it has a loudspeaker to use."
    case "AudioFileError":
      return error.reason === "NoAudio"
        ? "There is no sound to save: the text has no words."
        : "The file could not be saved. Try again, or choose another folder."
  }
}
