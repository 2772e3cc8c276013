/**
 * Lets a speech recogniser listen: speaks three plain sentences with the command of the README and the embedded voice
 * `rms`, and compares the words that pocketsphinx hears with the words that were sent. Fails under 60 %.
 * Needs Debian's pocketsphinx, pocketsphinx-en-us and sox.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isMain, readerEnvironment, repository } from "./workspace.js"

const sentences = [
  "Please call me back tomorrow morning at nine.",
  "The weather will be warm and sunny this weekend.",
  "She opened the window and looked at the garden."
]

const threshold = 0.6

/** The words of a text, without case and punctuation. */
export const words = (text: string): Array<string> => text.toLowerCase().match(/[a-z']+/g) ?? []

/** The share of the spoken words that were heard: 1 minus the word error rate, and never less than 0. */
export const wordAccuracy = (spoken: ReadonlyArray<string>, heard: ReadonlyArray<string>): number => {
  let row = heard.map((_, index) => index + 1)
  spoken.forEach((word, index) => {
    let diagonal = index
    let left = index + 1
    row = row.map((above, at) => {
      left = Math.min(above + 1, left + 1, diagonal + (heard[at] === word ? 0 : 1))
      diagonal = above
      return left
    })
  })
  const edits = row.at(-1) ?? spoken.length
  return Math.max(0, 1 - edits / spoken.length)
}

const listen = (sentence: string, directory: string): string => {
  const wav = join(directory, "spoken.wav")
  const forRecogniser = join(directory, "16000.wav")
  const speak = [
    "-y",
    "pnpm@10.34.9",
    "--silent",
    "speak",
    sentence,
    "--voice",
    "rms",
    "--engine",
    "local",
    "--out",
    wav
  ]
  execFileSync("npx", speak, { cwd: repository, env: readerEnvironment(), stdio: ["ignore", "ignore", "inherit"] })
  execFileSync("sox", [wav, "-r", "16000", forRecogniser])
  return execFileSync("pocketsphinx_continuous", ["-infile", forRecogniser], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"]
  })
}

if (isMain(import.meta.filename)) {
  const directory = mkdtempSync(join(tmpdir(), "intelligibility-"))
  try {
    const accuracies = sentences.map((sentence) => {
      const heard = words(listen(sentence, directory))
      const accuracy = wordAccuracy(words(sentence), heard)
      console.log(`${(accuracy * 100).toFixed(0).padStart(3)} %  said:  ${sentence}\n       heard: ${heard.join(" ")}`)
      return { accuracy, count: words(sentence).length }
    })
    const total = accuracies.reduce((sum, { count }) => sum + count, 0)
    const overall = accuracies.reduce((sum, { accuracy, count }) => sum + accuracy * count, 0) / total
    console.log(`${(overall * 100).toFixed(0)} % of the words were heard; ${threshold * 100} % are asked for.`)
    process.exitCode = overall < threshold ? 1 : 0
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT"
    const advice = isMissing ? "\nInstall what is missing: apt-get install -y pocketsphinx pocketsphinx-en-us sox" : ""
    console.error(`${String(error)}${advice}`)
    process.exitCode = 1
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
