/**
 * The algorithm of the Python client's `TextToAudioStream`: sentences by its regular expression on the whole buffer, an
 * unbounded queue, one request after the other, each answer taken whole; errors are tried three times more at once, and
 * then the sentence is dropped.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Contender } from "./Contender.js"
import { speech } from "./sse.js"

// `.*[-.!?;:…\n]$`, matched by Python from the start: `$` also stands before a last newline.
const sentenceEnd = /^[^\n]*[-.!?;:…\n]\n?$/

const pollInterval = 100

const maxRetries = 3

const whole = async (url: string, text: string): Promise<Uint8Array | undefined> => {
  for (let attempt = 0; attempt <= maxRetries; attempt++) {
    try {
      const parts: Array<Uint8Array> = []
      for await (const part of speech(url, text)) parts.push(part)
      return Buffer.concat(parts)
    } catch {
      // The original prints the last error; the listener never learns of it.
    }
  }
  return undefined
}

export const textToAudioStream: Contender = {
  name: "TextToAudioStream (Python client)",
  async *speak(tokens, { url }) {
    const queue: Array<string> = []
    let isStopped = false
    const produce = async () => {
      let buffer = ""
      for await (const token of tokens) {
        buffer += token
        if (!sentenceEnd.test(buffer)) continue
        queue.push(buffer)
        buffer = ""
      }
      if (buffer !== "") queue.push(buffer)
      isStopped = true
    }
    const producing = produce()
    while (!isStopped || queue.length > 0) {
      const text = queue.shift()
      if (text === undefined) {
        await sleep(pollInterval)
        continue
      }
      const audio = await whole(url, text)
      if (audio !== undefined && audio.length > 0) yield audio
    }
    await producing
  }
}
