import { Audio, Pcm, SpeechEvent, Wav } from "@effect-smallest/core"
import { Captions } from "@effect-smallest/stream"
import { assert, describe, it } from "@effect/vitest"
import { page } from "@vitest/browser/context"
import { Duration, Effect, type Scope, Stream } from "effect"

const format = Pcm.format(8000)

const word = (word: string, start: number, end: number) =>
  SpeechEvent.WordTimestamp({ segment: 0, word, start: Duration.millis(start), end: Duration.millis(end) })

const events = Stream.make<Array<SpeechEvent.SpeechEvent>>(
  SpeechEvent.SegmentStarted({
    segment: 0,
    text: "MMMM MMMM",
    textOffset: 0,
    start: Duration.zero,
    part: 0,
    speaker: "Kate"
  }),
  word("MMMM", 0, 1900),
  word("MMMM", 2000, 4000),
  SpeechEvent.AudioChunk({ chunk: Pcm.silence(format, "4 seconds") }),
  SpeechEvent.Completed({ duration: Duration.seconds(4) })
)

const url = (parts: ReadonlyArray<BlobPart>, type: string): string =>
  URL.createObjectURL(new Blob([...parts], { type }))

/** Listens from now on, not from when it is waited for. */
const once = (target: EventTarget, type: string): Effect.Effect<void> => {
  const heard = new Promise<void>((resolve) => target.addEventListener(type, () => resolve(), { once: true }))
  return Effect.promise(() => heard)
}

/** How many pixels of the element have each of the two colours. */
const colours = (element: Element) =>
  Effect.promise(async () => {
    const base64 = await page.screenshot({ element, save: false })
    const png = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
    const image = await createImageBitmap(new Blob([png], { type: "image/png" }))
    const canvas = new OffscreenCanvas(image.width, image.height)
    const context = canvas.getContext("2d")
    if (context === null) throw new Error("There is no canvas")
    context.drawImage(image, 0, 0)
    const { data } = context.getImageData(0, 0, image.width, image.height)
    let past = 0
    let future = 0
    for (let i = 0; i < data.length; i += 4) {
      const [red = 0, green = 0, blue = 0] = data.subarray(i, i + 3)
      if (red > 200 && green < 50 && blue < 50) past++
      if (red < 50 && green < 50 && blue > 200) future++
    }
    return { past, future }
  })

/** An element in the page, for as long as the scope is open. */
const added = <A extends Element>(parent: Element, element: A): Effect.Effect<A, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      parent.append(element)
      return element
    }),
    () => Effect.sync(() => element.remove())
  )

describe("captions in a browser", () => {
  it.scopedLive("of the words of webVttWords, ::cue(:past) styles those that have been spoken and no others", () =>
    Effect.gen(function*() {
      const vtt = yield* events.pipe(Captions.cues(), Captions.webVttWords, Stream.mkString)
      const style = yield* added(document.head, document.createElement("style"))
      style.textContent = "video::cue(:past) { color: red } video::cue(:future) { color: blue }"
      const video = yield* added(document.body, document.createElement("video"))
      video.width = 480
      video.height = 270
      const track = document.createElement("track")
      track.default = true
      track.src = url([vtt], "text/vtt")
      const ready = Effect.zipRight(once(video, "loadeddata"), once(track, "load"))
      video.append(track)
      const wav = Wav.encode(Audio.unsafeMake(format, Pcm.silence(format, "4 seconds").bytes))
      video.src = url([wav.slice()], "audio/wav")
      yield* ready
      // A cue is drawn some time after the video is where it shall be.
      const seen = (seconds: number, isExpected: (colours: { past: number; future: number }) => boolean) =>
        Effect.gen(function*() {
          const sought = once(video, "seeked")
          video.currentTime = seconds
          yield* sought
          return yield* Effect.repeat(colours(video), { until: isExpected })
        })
      const first = yield* seen(0.5, ({ future, past }) => past > 0 && future > 0)
      const second = yield* seen(2.5, ({ future, past }) => past > 0 && future === 0)
      assert.isAbove(second.past, first.past)
      yield* seen(0.5, ({ future, past }) => past === first.past && future === first.future)
    }))
})
