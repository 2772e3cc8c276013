import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")

export const collectGarbage: () => void = runInNewContext("gc")

const megabyte = 1_000_000

export interface Memory {
  readonly heap: number
  readonly buffers: number
  readonly resident: number
}

/** Megabytes in use, after a full collection. */
export const memory = (): Memory => {
  collectGarbage()
  const { arrayBuffers, heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed / megabyte, buffers: arrayBuffers / megabyte, resident: rss / megabyte }
}
