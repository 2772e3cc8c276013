/** The package ships no types; these are the parts of Emscripten's module that we use. */
declare module "@echogarden/speex-resampler-wasm" {
  export interface SpeexResamplerModule {
    readonly HEAP16: Int16Array
    readonly HEAPU32: Uint32Array
    readonly _malloc: (bytes: number) => number
    readonly _free: (pointer: number) => void
    readonly _speex_resampler_init: (
      channels: number,
      inputRate: number,
      outputRate: number,
      quality: number,
      error: number
    ) => number
    readonly _speex_resampler_destroy: (state: number) => void
    readonly _speex_resampler_get_input_latency: (state: number) => number
    readonly _speex_resampler_skip_zeros: (state: number) => number
    readonly _speex_resampler_process_interleaved_int: (
      state: number,
      input: number,
      inputFrames: number,
      output: number,
      outputFrames: number
    ) => number
  }
  const load: (options?: { readonly wasmBinary?: Uint8Array }) => Promise<SpeexResamplerModule>
  export default load
}
