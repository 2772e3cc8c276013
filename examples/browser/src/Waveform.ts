/**
 * Draws speech: what was heard is left of the playhead, what is made already waits right of it.
 */
import * as Peaks from "./Peaks.js"

export interface Scene {
  /** One for every `Peaks.slice` of audio. */
  readonly heights: ReadonlyArray<number>
  /** How much was heard, in milliseconds. */
  readonly heard: number
  /** How loud the loudspeaker is right now, from 0 to 1. */
  readonly level: number
  /** `tape` moves under a playhead that stands still; `whole` shows everything, and only the playhead moves. */
  readonly view: "tape" | "whole"
}

/** Pixels from one bar to the next, and of a bar. */
const step = 5
const thickness = 3

/** Where the playhead of a tape stands, as a share of the width. */
const playhead = 0.38

interface Bar {
  readonly x: number
  readonly height: number
  readonly isHeard: boolean
  /** From 0 to 1: how close to the playhead. */
  readonly nearness: number
}

const shape = (peak: number): number => Math.min(1, Math.sqrt(peak) * 1.15)

/** The bars of a tape, from the left edge to the right. */
const tape = ({ heard, heights }: Scene, width: number): ReadonlyArray<Bar> => {
  const now = heard / Peaks.slice
  const first = Math.floor(now - width * playhead / step) - 1
  return Array.from({ length: Math.ceil(width / step) + 3 }, (_, i) => {
    const index = first + i
    return {
      x: width * playhead + (index - now) * step,
      height: shape(heights[index] ?? 0),
      isHeard: index < now && index >= 0,
      nearness: Math.max(0, 1 - Math.abs(index + 0.5 - now) / 4)
    }
  })
}

/** As many bars as fit, each as high as the highest slice that it stands for. */
const whole = ({ heard, heights }: Scene, width: number): ReadonlyArray<Bar> => {
  const count = Math.floor((width + step - thickness) / step)
  const now = heights.length === 0 ? 0 : heard / Peaks.slice / heights.length * count
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor(i * heights.length / count)
    const to = Math.max(from + 1, Math.floor((i + 1) * heights.length / count))
    return {
      x: i * step,
      height: shape(Math.max(0, ...heights.slice(from, to))),
      isHeard: i < now,
      nearness: 0
    }
  })
}

export const draw = (canvas: HTMLCanvasElement, scene: Scene): void => {
  const context = canvas.getContext("2d")
  if (context === null) return
  const { clientHeight: height, clientWidth: width } = canvas
  const ratio = devicePixelRatio
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
  }
  const style = getComputedStyle(canvas)
  const heardColour = style.color
  const aheadColour = style.borderColor
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  for (const bar of scene.view === "tape" ? tape(scene, width) : whole(scene, width)) {
    // Around the playhead the bars follow what really sounds.
    const swell = 1 + 0.5 * bar.nearness * scene.level
    const length = Math.max(thickness, Math.min(1, bar.height * swell) * height)
    context.fillStyle = bar.isHeard ? heardColour : aheadColour
    context.beginPath()
    context.roundRect(bar.x, (height - length) / 2, thickness, length, thickness / 2)
    context.fill()
  }
}
