/**
 * Text on its way to speech.
 *
 * @since 0.1.0
 */
export interface Flush { readonly _tag: "Flush" }
export type Input = string | Flush
export const isFlush = (u: unknown): u is Flush => typeof u === "object" && u !== null && "_tag" in u && u._tag === "Flush"
