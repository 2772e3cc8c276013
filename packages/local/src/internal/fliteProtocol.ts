/**
 * What the main thread and the worker say to each other. Both sides are checked against these types.
 */

/** One sentence, ready for the engine. */
export interface Utterance {
  /** ASCII; the engine reads it as exactly one utterance. */
  readonly text: string
  /** Its words as the engine shall read them, in order. */
  readonly words: ReadonlyArray<string>
}

/** Fetch, verify and compile the engine. Answered by `Loaded` or `Failed`. */
export interface Load {
  readonly _tag: "Load"
  readonly url: string
  /** What the file must be, in hexadecimal digits. */
  readonly sha256: string
}

/** Speak with this engine from now on. Not answered. */
export interface Use {
  readonly _tag: "Use"
  readonly module: WebAssembly.Module
}

/** Speak these sentences. Answered by one `Uttered` for each and then `Finished`, or by `Failed`. */
export interface Speak {
  readonly _tag: "Speak"
  /** The engine's name of the voice. */
  readonly voice: string
  /** Factor on every duration: 0.5 is twice as fast. */
  readonly stretch: number
  /** Factor on every sample. */
  readonly gain: number
  /** Pronunciations in the engine's own notation, one a line; may be empty. */
  readonly lexicon: string
  readonly utterances: ReadonlyArray<Utterance>
}

export interface Loaded {
  readonly _tag: "Loaded"
  readonly module: WebAssembly.Module
}

/** A sentence has been spoken. */
export interface Uttered {
  readonly _tag: "Uttered"
  readonly samples: Int16Array<ArrayBuffer>
  readonly sampleRate: number
  /** Start and end of each of its words, in seconds from its first sample: `[start, end, start, end, ...]`. */
  readonly words: Float64Array<ArrayBuffer>
}

export interface Finished {
  readonly _tag: "Finished"
}

export interface Failed {
  readonly _tag: "Failed"
  readonly description: string
}

export type ToWorker = Load | Use | Speak

export type FromWorker = Loaded | Uttered | Finished | Failed

/** The worker's side of the channel, as much of it as both runtimes have in common. */
export interface WorkerPort {
  onmessage: ((event: { readonly data: ToWorker }) => void) | null
  readonly postMessage: (message: FromWorker, transfer: Array<ArrayBuffer>) => void
}
