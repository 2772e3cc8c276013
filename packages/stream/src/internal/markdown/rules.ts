/**
 * What becomes of the parts of Markdown that are not words.
 *
 * @internal
 */
export interface Rules {
  readonly code: "omit" | "speak"
  readonly formulas: "name" | "omit" | "speak"
  readonly reasoning: "omit" | "speak"
  readonly citations: "omit" | "speak"
  readonly emojiNames: "omit" | "speak"
  readonly alerts: "omit" | "speak"
  readonly footnotes: "omit" | "speak"
  readonly addresses: "host" | "full" | "link"
  readonly images: "omit" | "speak"
}
