/** The little of the DOM that the page needs, in Effect. */
import { Effect, Stream } from "effect"

/** An element that the markup promises. */
export const element = <A extends Element>(id: string, type: new() => A): A => {
  const found = document.getElementById(id)
  if (found instanceof type) return found
  throw new Error(`index.html has no ${type.name} with the id "${id}"`)
}

/** Every frame that the browser draws, for as long as somebody looks. */
export const frames: Stream.Stream<number> = Stream.repeatEffect(
  Effect.async<number>((resume) => {
    const id = requestAnimationFrame((time) => resume(Effect.succeed(time)))
    return Effect.sync(() => cancelAnimationFrame(id))
  })
)

/** Tells when a canvas has to be drawn again though nothing has happened: now, and with each size, and dark or light. */
export const redraws = (canvas: HTMLCanvasElement): Stream.Stream<void> =>
  Stream.asyncPush<void>((emit) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const redraw = () => emit.single(undefined)
        const observer = new ResizeObserver(redraw)
        const dark = matchMedia("(prefers-color-scheme: dark)")
        observer.observe(canvas)
        dark.addEventListener("change", redraw)
        return () => {
          observer.disconnect()
          dark.removeEventListener("change", redraw)
        }
      }),
      (stop) => Effect.sync(stop)
    ), { bufferSize: 1, strategy: "sliding" })
