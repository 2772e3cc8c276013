/**
 * Reads ahead of a slow listener, up to a number of bytes, so that a server or an engine is done early and memory stays bounded.
 *
 * Only authors of engines need this module.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import * as Pull from "./Pull.js"

/**
 * A queue between one producer and one listener that is bounded in bytes: `offer` waits while it is full. Pieces that
 * wait for the listener are joined into blocks, because a small array costs more than the audio in it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ByteBuffer<E> {
  readonly offer: (bytes: Uint8Array) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
  readonly failCause: (cause: Cause.Cause<E>) => Effect.Effect<void>
  /** Everything offered, then the end or the failure. */
  readonly stream: Stream.Stream<Uint8Array, E>
}

interface Block {
  bytes: Uint8Array
  length: number
}

/** A sixth of a second at 24 kHz. */
const blockLength = 8192

const append = (blocks: Array<Block>, piece: Uint8Array): void => {
  const last = blocks.at(-1)
  if (last === undefined || last.length + piece.length > blockLength) {
    // As it is: a listener who keeps up costs no copy.
    blocks.push({ bytes: piece, length: piece.length })
    return
  }
  if (last.bytes.length < blockLength) {
    const grown = new Uint8Array(blockLength)
    grown.set(last.bytes)
    last.bytes = grown
  }
  last.bytes.set(piece, last.length)
  last.length += piece.length
}

/**
 * A buffer that holds up to `capacity` bytes. A piece that is larger than that passes when the buffer is empty.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E>(capacity: number): Effect.Effect<ByteBuffer<E>> =>
  Effect.sync(() => {
    const blocks: Array<Block> = []
    const filled = Effect.unsafeMakeLatch(false)
    const roomy = Effect.unsafeMakeLatch(true)
    let waiting = 0 // bytes in all blocks
    let end: Exit.Exit<void, E> | undefined

    const offer = (bytes: Uint8Array): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (waiting > 0 && waiting + bytes.length > capacity) {
          roomy.unsafeClose()
          return Effect.zipRight(roomy.await, offer(bytes))
        }
        append(blocks, bytes)
        waiting += bytes.length
        filled.unsafeOpen()
        return Effect.void
      })

    const take: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<E>> = Effect.suspend(() => {
      const block = blocks.shift()
      if (block !== undefined) {
        waiting -= block.length
        roomy.unsafeOpen()
        return Effect.succeed(Chunk.of(block.bytes.subarray(0, block.length)))
      }
      if (end !== undefined) return Exit.mapError(end, Option.some).pipe(Exit.zipRight(Exit.fail(Option.none())))
      filled.unsafeClose()
      return Effect.zipRight(filled.await, take)
    })

    const close = (exit: Exit.Exit<void, E>): Effect.Effect<void> =>
      Effect.sync(() => {
        end ??= exit
        filled.unsafeOpen()
      })

    return {
      offer,
      end: close(Exit.void),
      failCause: (cause) => close(Exit.failCause(cause)),
      stream: Pull.toStream(take)
    }
  })
