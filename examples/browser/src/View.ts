/**
 * The elements of the page, and how it shows what it is told.
 */
import type { AudioFile, AudioPlayer, Voice } from "@effect-smallest/core"
import { Array, Duration, Option, String } from "effect"
import type * as About from "./About.js"
import * as Dom from "./Dom.js"
import type { Engine } from "./Engines.js"
import * as Narrator from "./Narrator.js"
import { samples } from "./Samples.js"
import * as SpokenText from "./SpokenText.js"
import * as Waveform from "./Waveform.js"

export const form = Dom.element("form", HTMLFormElement)
const page = Dom.element("page", HTMLDivElement)
export const text = Dom.element("text", HTMLTextAreaElement)
const mirror = Dom.element("mirror", HTMLDivElement)
const count = Dom.element("count", HTMLParagraphElement)
export const voice = Dom.element("voice", HTMLSelectElement)
export const speed = Dom.element("speed", HTMLInputElement)
const speedValue = Dom.element("speed-value", HTMLSpanElement)
const about = Dom.element("about", HTMLParagraphElement)
const notice = Dom.element("notice", HTMLDivElement)
export const waveform = Dom.element("waveform", HTMLCanvasElement)
const progress = Dom.element("progress", HTMLProgressElement)
const heard = Dom.element("heard", HTMLSpanElement)
const first = Dom.element("first", HTMLSpanElement)
const made = Dom.element("made", HTMLSpanElement)
export const speak = Dom.element("speak", HTMLButtonElement)
const speakLabel = Dom.element("speak-label", HTMLSpanElement)
export const stop = Dom.element("stop", HTMLButtonElement)
export const download = Dom.element("download", HTMLButtonElement)
const downloadLabel = Dom.element("download-label", HTMLSpanElement)
const status = Dom.element("status", HTMLParagraphElement)
export const engines = [...form.querySelectorAll<HTMLInputElement>("input[name=engine]")]

/** A button for each sample. */
export const chips = samples.map(({ name, text }) => {
  const button = document.createElement("button")
  button.type = "button"
  button.className = "chip"
  button.textContent = name
  return { button, text }
})
Dom.element("samples", HTMLDivElement).append(...chips.map(({ button }) => button))

// ----------------------------------------------------------------------------------------------------------------
// the form
// ----------------------------------------------------------------------------------------------------------------

export const engine = (): Engine =>
  engines.some(({ checked, value }) => checked && value === "cloud") ? "cloud" : "local"

export const request = (): Narrator.Request =>
  new Narrator.Request({
    engine: engine(),
    text: text.value,
    voice: voice.value,
    model: voice.selectedOptions[0]?.dataset.model ?? "",
    speed: speed.valueAsNumber
  })

const numbers = new Intl.NumberFormat("en")

/** How many characters may take the place of what is selected. */
export const fitting = (): number => text.maxLength - text.value.length + text.selectionEnd - text.selectionStart

export const showText = (): void => {
  // A last line break has no height of its own in a block.
  mirror.textContent = `${text.value} `
  count.textContent = `${numbers.format(text.value.length)} of ${numbers.format(text.maxLength)}`
  count.classList.toggle("is-near", text.value.length > 0.8 * text.maxLength)
  count.classList.toggle("is-full", text.value.length >= text.maxLength)
}

export const writeText = (written: string): void => {
  text.value = written
  showText()
}

export const showSpeed = (): void => {
  speedValue.textContent = `${speed.valueAsNumber}×`
  speed.setAttribute("aria-valuetext", `${speed.valueAsNumber} times`)
}

export const showNotice = (sentence: string): void => {
  notice.textContent = sentence
}

// ----------------------------------------------------------------------------------------------------------------
// engines and voices
// ----------------------------------------------------------------------------------------------------------------

const aboutEngines = {
  local: "Spoken by a small voice inside this page, in English. Nothing you write leaves it.",
  smallest: "Spoken by Smallest AI, through this page's server. The key stays there.",
  emulator: "Takes the way to the cloud, through this page's server. What answers is an emulator on your machine.",
  cloud: "Spoken by a cloud service, through this page's server. The key stays there."
}

export const showEngine = (engine: Engine, server: Option.Option<About.About>): void => {
  about.textContent = aboutEngines[
    engine === "local"
      ? "local"
      : Option.match(server, { onNone: () => "cloud" as const, onSome: ({ cloud }) => cloud })
  ]
}

const languageNames = new Intl.DisplayNames("en", { type: "language", fallback: "code" })

const groupOf = ({ accent, languages }: Voice.VoiceInfo): string => {
  const names = languages.slice(0, 3).map((code) => languageNames.of(code) ?? code).join(", ")
  return accent === undefined ? names : `${names} (${String.capitalize(accent)})`
}

// Voices of one language first, English before all others.
const rank = (label: string): string => `${label.startsWith("English") ? 0 : 1}${label}`

const option = (label: string, value: string, model: string = ""): HTMLOptionElement => {
  const made = document.createElement("option")
  made.textContent = label
  made.value = value
  made.dataset.model = model
  return made
}

const optionOf = ({ gender, id, models, name }: Voice.VoiceInfo): HTMLOptionElement =>
  option(gender === undefined ? name : `${name}, ${gender}`, id, models[0])

/** No voices yet, or none that could be listed: the engine has one of its own. */
export const showNoVoices = (isLoading: boolean): void => {
  voice.replaceChildren(option(isLoading ? "One moment…" : "The service's own", ""))
  voice.disabled = isLoading
}

export const showVoices = (voices: ReadonlyArray<Voice.VoiceInfo>, chosen: string | undefined): void => {
  const groups = Object.entries(Array.groupBy(voices, groupOf))
    .sort(([a], [b]) => rank(a).localeCompare(rank(b)))
    .map(([label, members]) => {
      const group = document.createElement("optgroup")
      group.label = label
      group.append(...members.map(optionOf))
      return group
    })
  voice.replaceChildren(...(chosen === undefined ? [option("The service's own", "")] : []), ...groups)
  voice.value = chosen ?? ""
  voice.disabled = false
}

// ----------------------------------------------------------------------------------------------------------------
// what sounds
// ----------------------------------------------------------------------------------------------------------------

const clock = (millis: number): string => {
  const seconds = Math.floor(millis / 1000)
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toString().padStart(2, "0")}`
}

const spelled = (duration: Duration.Duration): string => {
  const seconds = Math.max(1, Math.round(Duration.toSeconds(duration)))
  return seconds === 1 ? "1 second" : `${seconds} seconds`
}

const labels: Record<Narrator.State["_tag"], string> = {
  Idle: "Speak",
  Preparing: "One moment",
  Speaking: "Pause",
  Paused: "Resume",
  Finished: "Speak again",
  Failed: "Try again"
}

const firstSound = ({ firstAudio }: AudioPlayer.PlaybackReport): string =>
  Option.match(firstAudio, {
    onNone: () => "",
    onSome: (wait) => `First sound after ${Duration.toSeconds(wait).toFixed(1)} s`
  })

const announce = Narrator.State.$match({
  Idle: () => "",
  Preparing: () => "Preparing.",
  Speaking: () => "Speaking.",
  Paused: () => "Paused.",
  Finished: ({ report }) => `Finished: ${spelled(report.heard)} of speech.`,
  // The notice is an alert of its own.
  Failed: () => ""
})

export const showState = (state: Narrator.State): void => {
  const isActive = Narrator.isActive(state)
  document.body.dataset.phase = state._tag.toLowerCase()
  speakLabel.textContent = labels[state._tag]
  if (!isActive && document.activeElement === stop) speak.focus()
  stop.disabled = !isActive
  text.readOnly = isActive
  page.classList.toggle("is-reading", isActive)
  for (const { button } of chips) button.disabled = isActive
  if (!isActive) showText()
  status.textContent = announce(state)
  first.textContent = state._tag === "Finished" ? firstSound(state.report) : ""
  showNotice(state._tag === "Failed" ? state.sentence : "")
}

const span = (name: "span" | "mark", className: string, content: string): HTMLElement => {
  const node = document.createElement(name)
  node.className = className
  node.textContent = content
  return node
}

let shown = ""

/** Lights the text up: what was spoken, what is spoken, and what is still to come. */
export const showSpoken = (recording: Narrator.Recording, position: number): void => {
  const lit = SpokenText.at(recording.marks, position)
  const from = Option.match(lit, {
    onNone: () => SpokenText.reached(recording.marks, position),
    onSome: ({ from }) => from
  })
  const to = Option.match(lit, { onNone: () => from, onSome: ({ to }) => to })
  const key = `${from} ${to}`
  if (key === shown && mirror.childElementCount > 0) return
  shown = key
  const whole = recording.request.text
  const mark = span("mark", "", whole.slice(from, to))
  mirror.replaceChildren(
    span("span", "spoken", whole.slice(0, from)),
    ...(to > from ? [mark] : []),
    `${whole.slice(to)} `
  )
  if (to > from) keepInView(mark)
}

const calm = matchMedia("(prefers-reduced-motion: reduce)")

const keepInView = (mark: HTMLElement): void => {
  const box = page.getBoundingClientRect()
  const line = mark.getBoundingClientRect()
  if (line.top >= box.top + 24 && line.bottom <= box.bottom - 40) return
  page.scrollBy({ top: line.top - box.top - box.height / 3, behavior: calm.matches ? "auto" : "smooth" })
}

export const showProgress = (recording: Narrator.Recording, position: number): void => {
  const total = recording.made
  progress.value = recording.isComplete && total > 0
    ? Math.min(1, position / total)
    : SpokenText.reached(recording.marks, position) / recording.request.text.length
  heard.textContent = clock(position)
  made.textContent = recording.isComplete || total === 0 ? clock(total) : `${clock(total)} made so far`
}

export const showSaving = (isSaving: boolean): void => {
  download.disabled = isSaving
  download.setAttribute("aria-busy", `${isSaving}`)
  downloadLabel.textContent = isSaving ? "Saving…" : "Download WAV"
}

export const showSaved = ({ duration, name }: AudioFile.AudioFileReport): void => {
  status.textContent = `Saved ${name}: ${spelled(duration)} of speech.`
}

/** Reduced motion is what some people need: then nothing moves but the playhead. */
export const showWaveform = (
  state: Narrator.State,
  recording: Option.Option<Narrator.Recording>,
  position: number,
  level: number
): void => {
  const heights = Option.match(recording, { onNone: () => [], onSome: ({ heights }) => heights })
  Waveform.draw(waveform, {
    heights,
    heard: position,
    level: calm.matches ? 0 : level,
    view: Narrator.isActive(state) && !calm.matches ? "tape" : "whole"
  })
  speak.style.setProperty("--level", level.toFixed(2))
}
