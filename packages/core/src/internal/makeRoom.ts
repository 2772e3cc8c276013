import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

const blockLength = 4 * 1024 * 1024

/**
 * Moves what begins at `from` to `to`, further back in the file: the end first, so that nothing is overwritten before it has
 * been read.
 *
 * @internal
 */
export const makeRoom = /*#__PURE__*/ Effect.fnUntraced(function*(
  file: Pick<FileSystem.File, "seek" | "read" | "writeAll">,
  size: number,
  from: number,
  to: number
) {
  const buffer = new Uint8Array(blockLength)
  let end = size
  while (end > from) {
    const begin = Math.max(from, end - blockLength)
    const block = buffer.subarray(0, end - begin)
    yield* file.seek(begin, "start")
    let have = 0
    while (have < block.length) {
      const count = Number(yield* file.read(block.subarray(have)))
      if (count === 0) break
      have += count
    }
    yield* file.seek(begin + to - from, "start")
    yield* file.writeAll(block)
    end = begin
  }
})
