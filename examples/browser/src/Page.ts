/**
 * The page: what happens when somebody writes, clicks or presses a key, and what is seen while something is heard.
 */
import { SpeechSynthesizer } from "@effect-smallest/core"
import { BrowserAudioOutput } from "@effect-smallest/platform-browser"
import { Effect, FiberHandle, FiberSet, Option, Ref, Stream } from "effect"
import * as About from "./About.js"
import * as Dom from "./Dom.js"
import { Engines } from "./Engines.js"
import * as Narrator from "./Narrator.js"
import { samples } from "./Samples.js"
import * as Sentences from "./Sentences.js"
import * as View from "./View.js"

const loadVoices = Effect.suspend(() => {
  View.showNoVoices(true)
  return Effect.flatMap(
    SpeechSynthesizer.SpeechSynthesizer,
    ({ defaults, voices }) => Effect.map(voices, (voices) => View.showVoices(voices, defaults.voice))
  ).pipe(
    Effect.catchAll((error) =>
      Effect.sync(() => {
        View.showNoVoices(false)
        View.showNotice(Sentences.describe(error))
      })
    ),
    Effect.provide(Engines.get(View.engine()))
  )
})

/** How loud what sounds is, from 0 to 1. */
const loudness = (samples: Float32Array): number =>
  Math.min(1, 3 * Math.sqrt(samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length))

export const run = Effect.gen(function*() {
  const narrator = yield* Narrator.Narrator
  const output = yield* BrowserAudioOutput.BrowserAudioOutput
  const fork = yield* FiberSet.makeRuntime<Engines>()
  const voices = yield* FiberHandle.make()
  const server = yield* Ref.make(Option.none<About.About>())

  // Effects of a listener begin within its event: only then does a browser see that the user asked for sound, and only
  // then can the event's default be prevented.
  const on = <K extends keyof HTMLElementEventMap>(
    target: HTMLElement | Document,
    type: K,
    listener: (event: HTMLElementEventMap[K]) => Effect.Effect<unknown, never, Engines>
  ) => {
    const handle = (event: HTMLElementEventMap[K]) => void fork(listener(event))
    return Effect.acquireRelease(
      Effect.sync(() => target.addEventListener(type, handle as EventListener)),
      () => Effect.sync(() => target.removeEventListener(type, handle as EventListener))
    )
  }

  // ------------------------------------------------------------------------------------------------------------
  // what the user can do
  // ------------------------------------------------------------------------------------------------------------

  const withText = (f: (request: Narrator.Request) => Effect.Effect<unknown>) =>
    Effect.suspend(() => {
      const request = View.request()
      if (request.text.trim() !== "") return f(request)
      View.showNotice("There is nothing to say yet. Write something first.")
      View.text.focus()
      return Effect.void
    })

  const speak = withText(narrator.speak)

  const press = Effect.flatMap(narrator.state, (state) => {
    switch (state._tag) {
      case "Preparing":
        return Effect.void
      case "Speaking":
      case "Paused":
        return narrator.togglePause
      default:
        return speak
    }
  })

  const save = withText((request) =>
    Effect.suspend(() => {
      View.showSaving(true)
      return narrator.save(request)
    }).pipe(
      Effect.match({
        onFailure: (error) => View.showNotice(Sentences.describe(error)),
        onSuccess: View.showSaved
      }),
      Effect.ensuring(Effect.sync(() => View.showSaving(false)))
    )
  )

  const chooseEngine = Effect.gen(function*() {
    View.showNotice("")
    View.showEngine(View.engine(), yield* Ref.get(server))
    yield* FiberHandle.run(voices, loadVoices)
  })

  yield* on(View.form, "submit", (event) => {
    event.preventDefault()
    return press
  })
  yield* on(View.stop, "click", () => narrator.stop)
  yield* on(View.download, "click", () => save)
  yield* on(View.speed, "input", () => Effect.sync(View.showSpeed))
  yield* on(View.text, "input", () => Effect.sync(View.showText))
  yield* on(View.text, "paste", ({ clipboardData }) =>
    Effect.sync(() => {
      const pasted = clipboardData?.getData("text/plain") ?? ""
      const fitting = View.fitting()
      View.showNotice(pasted.length > fitting ? Sentences.describeCut(pasted.length, fitting) : "")
    }))
  yield* Effect.forEach(View.engines, (engine) => on(engine, "change", () => chooseEngine))
  yield* Effect.forEach(
    View.chips,
    ({ button, text }) => on(button, "click", () => Effect.sync(() => View.writeText(text)))
  )
  yield* on(document, "keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
      event.preventDefault()
      return speak
    }
    return event.key === "Escape" ? narrator.stop : Effect.void
  })

  // ------------------------------------------------------------------------------------------------------------
  // what the user sees
  // ------------------------------------------------------------------------------------------------------------

  const look = (level: number) =>
    Effect.gen(function*() {
      const state = yield* narrator.state
      const recording = yield* narrator.recording
      const position = yield* narrator.position
      View.showWaveform(state, recording, position, level)
      if (Option.isSome(recording)) {
        View.showProgress(recording.value, position)
        if (Narrator.isActive(state)) View.showSpoken(recording.value, position)
      }
    })

  const watch = (state: Narrator.State): Stream.Stream<void> =>
    state._tag === "Speaking"
      ? output.waveform({ size: 1024 }).pipe(
        Stream.map(loudness),
        // Without sound there is nothing to measure.
        Stream.catchAll(() => Stream.as(Dom.frames, 0)),
        Stream.mapEffect(look)
      )
      : Stream.mapEffect(Narrator.isActive(state) ? Dom.frames : Dom.redraws(View.waveform), () => look(0))

  View.writeText(samples[0].text)
  View.showSpeed()
  yield* chooseEngine
  yield* Effect.forkScoped(Effect.flatMap(Effect.option(About.get), (about) => {
    View.showEngine(View.engine(), about)
    return Ref.set(server, about)
  }))
  yield* narrator.state.changes.pipe(
    Stream.tap((state) => Effect.sync(() => View.showState(state))),
    Stream.flatMap(watch, { switch: true }),
    Stream.runDrain
  )
})
