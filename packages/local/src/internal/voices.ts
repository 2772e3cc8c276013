/**
 * The voices inside the engine.
 */
import type { VoiceInfo } from "@effect-smallest/core/Voice"

/** A voice of Flite. */
export interface FliteVoice extends VoiceInfo {
  readonly id: "rms" | "slt" | "awb" | "kal16" | "kal"
  /**
   * Brings the voice to -23 LUFS (ITU-R BS.1770, the loudness of European broadcasts), which leaves every one of them
   * room for its peaks. Measured over 20 Harvard sentences; `test/loudness.test.ts` repeats it.
   */
  readonly gain: number
}

const voice = (
  id: FliteVoice["id"],
  name: string,
  gender: "female" | "male",
  accent: string,
  gain: number
): FliteVoice => ({ id, name, gender, accent, gain, languages: ["en"], models: ["flite"] })

/** All voices; the first is the default. */
export const voices: readonly [FliteVoice, ...ReadonlyArray<FliteVoice>] = [
  voice("rms", "RMS", "male", "American", 0.852),
  voice("slt", "SLT", "female", "American", 0.469),
  voice("awb", "AWB", "male", "Scottish", 0.779),
  voice("kal16", "Kal", "male", "American", 1.878),
  voice("kal", "Kal (8 kHz)", "male", "American", 0.792)
]
