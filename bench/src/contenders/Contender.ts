export interface Conditions {
  readonly url: string
  /** How many requests the account may run at once. */
  readonly permits: number
}

/** Somebody who speaks growing text: tokens in, PCM out. */
export interface Contender {
  readonly name: string
  /** Whether requests and reading end when the listener leaves. */
  readonly endsWithListener?: boolean
  readonly speak: (tokens: AsyncIterable<string>, conditions: Conditions) => AsyncIterable<Uint8Array>
}
