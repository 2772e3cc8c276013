import type { SpeexResamplerModule } from "@echogarden/speex-resampler-wasm"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type * as Scope from "effect/Scope"

/**
 * A stateful converter of interleaved 16-bit samples. The audio it gives out lies at the same time as the audio that
 * went in: the delay of its filter is cut from the start, and `end` pushes the last samples out.
 *
 * @internal
 */
export interface Resampler {
  /** At most one second at a time. */
  readonly push: (input: Int16Array) => Int16Array
  readonly end: () => Int16Array
}

// Loaded on first use, so that programs which never resample neither fetch nor compile it. All resamplers share one
// instance: its memory holds nothing but filters and one second of samples each.
let loaded: Promise<SpeexResamplerModule> | undefined

// The binary comes as a module: bundlers find those.
const load = async (): Promise<SpeexResamplerModule> => {
  const [glue, { base64 }] = await Promise.all([
    import("@echogarden/speex-resampler-wasm"),
    import("./resamplerWasm.js")
  ])
  return glue.default({ wasmBinary: Either.getOrThrow(Encoding.decodeBase64(base64)) })
}

const speex = Effect.tryPromise(() => loaded ??= load()).pipe(
  // What could not be fetched may be there next time.
  Effect.tapError(() =>
    Effect.sync(() => {
      loaded = undefined
    })
  )
)

// SpeexDSP's scale goes from 0 to 10; the best one still converts 300 times faster than real time.
const quality = 10

/** @internal */
export const make = Effect.fnUntraced(function*(options: {
  readonly channels: number
  readonly from: number
  readonly to: number
}): Effect.fn.Return<Resampler, Cause.UnknownException, Scope.Scope> {
  const { channels, from, to } = options
  const module = yield* speex
  const inputFrames = from
  const outputFrames = Math.ceil(to * inputFrames / from) + 1024
  const allocate = (bytes: number) =>
    Effect.acquireRelease(
      Effect.sync(() => module._malloc(bytes)),
      (pointer) => Effect.sync(() => module._free(pointer))
    )
  const input = yield* allocate(inputFrames * channels * 2)
  const output = yield* allocate(outputFrames * channels * 2)
  const counts = yield* allocate(8)
  const state = yield* Effect.acquireRelease(
    Effect.sync(() => module._speex_resampler_init(channels, from, to, quality, counts)),
    (state) => Effect.sync(() => module._speex_resampler_destroy(state))
  )
  const latency = module._speex_resampler_get_input_latency(state)
  module._speex_resampler_skip_zeros(state)

  let framesIn = 0
  let framesOut = 0

  const run = (frames: number): Int16Array => {
    module.HEAPU32[counts >> 2] = frames
    module.HEAPU32[(counts >> 2) + 1] = outputFrames
    module._speex_resampler_process_interleaved_int(state, input, counts, output, counts + 4)
    const produced = module.HEAPU32[(counts >> 2) + 1] ?? 0
    return module.HEAP16.slice(output >> 1, (output >> 1) + produced * channels)
  }

  return {
    push: (samples) => {
      module.HEAP16.set(samples, input >> 1)
      const result = run(samples.length / channels)
      framesIn += samples.length / channels
      framesOut += result.length / channels
      return result
    },
    end: () => {
      module.HEAP16.fill(0, input >> 1, (input >> 1) + latency * channels)
      const due = Math.round(framesIn * to / from) - framesOut
      return run(latency).subarray(0, Math.max(0, due) * channels)
    }
  }
})
